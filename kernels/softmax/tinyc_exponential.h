/* What both roundings of softmax share: exponentials of differences of codes, and the reciprocal of their sum.
 *
 * In Q notation, Qm.n has m integer and n fractional bits; all numbers are int32 and products are high multiplies, so
 * Qa times Qb is Q(a + b). Constants are the nearest raw numbers to the reals beside them. */
#ifndef TINYC_EXPONENTIAL_H
#define TINYC_EXPONENTIAL_H

#include "tinyc_softmax_s8.h"

static inline int32_t tinyc_shift_left_saturating(int32_t x, int32_t exponent)
{
    const int32_t limit = INT32_MAX >> exponent;
    return x > limit ? INT32_MAX : x < -limit - 1 ? INT32_MIN : x * (1 << exponent);
}

/* e^x in Q0.31 for x in [-1/4, 0) in Q0.31: Taylor polynomial of degree 4 around -1/8. */
static inline int32_t tinyc_exp_near_zero(int32_t x)
{
    const int32_t exp_minus_eighth = 1895147668;
    const int32_t third = 715827883;
    const int32_t d = x + (1 << 28);
    const int32_t d2 = tinyc_high_multiply(d, d);
    const int32_t d3 = tinyc_high_multiply(d2, d);
    const int32_t d4 = tinyc_high_multiply(d2, d2);
    const int32_t cubic = tinyc_high_multiply(tinyc_shift_right(d4, 2) + d3, third);
    const int32_t higher = tinyc_shift_right(cubic + d2, 1);
    return exp_minus_eighth + tinyc_high_multiply(d + higher, exp_minus_eighth);
}

/* e^x in Q0.31 for x in [-31, 0] in Q5.26: e^(x mod 1/4), times e^-2^k for each bit 2^k of the rest. */
static inline int32_t tinyc_exp_of_negative(int32_t x)
{
    static const int32_t power[7] = {
        1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242, /* e^-1/4, e^-1/2, ... e^-16 */
    };
    const int32_t quarter = 1 << 24;
    const int32_t near = (int32_t)((uint32_t)x & (uint32_t)(quarter - 1)) - quarter;
    if (x == 0) {
        return INT32_MAX;
    }
    int32_t result = tinyc_exp_near_zero(near * 32);
    uint32_t quarters = (uint32_t)(near - x) >> 24;
    for (int32_t k = 0; k < 7; k++, quarters >>= 1) {
        if (quarters & 1u) {
            result = tinyc_high_multiply(result, power[k]);
        }
    }
    return result;
}

/* 1 / (1 + x) in Q0.31 for x in [0, 1] in Q0.31: three Newton steps on the reciprocal of (1 + x) / 2, in Q2.29. */
static inline int32_t tinyc_one_over_one_plus(int32_t x)
{
    const int32_t start = 1515870810;  /* 48/17 */
    const int32_t slope = -1010580540; /* -32/17 */
    const int32_t half = (int32_t)(((int64_t)x + INT32_MAX + 1) >> 1);
    int32_t y = start + tinyc_high_multiply(half, slope);
    for (int32_t step = 0; step < 3; step++) {
        const int32_t error = (1 << 29) - tinyc_high_multiply(half, y);
        y = tinyc_add_wrapping(y, tinyc_shift_left_saturating(tinyc_high_multiply(y, error), 2));
    }
    return tinyc_shift_left_saturating(y, 1);
}

/* e^(-beta * below) in Q0.31, from the table if there is one; 0 where it is too far below the maximum to count. */
static inline int32_t tinyc_exponential(const tinyc_softmax_params *p, const int32_t *table, int32_t below)
{
    if (table != NULL) {
        return table[below];
    }
    if (-below < p->least_difference) {
        return 0;
    }
    const int32_t scaled = tinyc_shift_left(-below, p->difference.shift);
    return tinyc_exp_of_negative(tinyc_high_multiply(scaled, p->difference.value));
}

static inline int32_t tinyc_maximum_code(const int8_t *row, int32_t length)
{
    int32_t highest = row[0];
    for (int32_t i = 1; i < length; i++) {
        highest = row[i] > highest ? row[i] : highest;
    }
    return highest;
}

#endif
