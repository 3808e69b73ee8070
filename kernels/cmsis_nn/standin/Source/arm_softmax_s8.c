/*
 * Softmax of rows in fixed point, after gemmlowp's fixed-point exponential and reciprocal, which
 * TFLite's int8 softmax specifies: logits in Q5.26, the sum in Q12.19, the result times 256 minus 128.
 * Rows of up to 511 values are well defined. From a sum of 512 on, the last shift exceeds 31, which C
 * leaves undefined in Arm's library and in TFLite's own kernel: here it gives what Cortex-M cores do.
 */
#include "nn_internal.h"

#define SUM_INTEGER_BITS 12
#define LOGIT_FRACTION_BITS 26

/* exp(x - 1/8) for x in [-1/8, 1/8) in Q0.31: a Taylor polynomial of degree 4, times exp(-1/8). */
static int32_t exp_near_minus_eighth(int32_t x)
{
    const int32_t exp_minus_eighth = 1895147668;
    const int32_t third = 715827883;
    const int32_t x2 = nn_doubling_high_mul(x, x);
    const int32_t x3 = nn_doubling_high_mul(x2, x);
    const int32_t x4 = nn_doubling_high_mul(x2, x2);
    const int32_t quarter_x4 = nn_rounding_shr(x4, 2);
    const int32_t tail = nn_rounding_shr(nn_doubling_high_mul(quarter_x4 + x3, third) + x2, 1);
    return exp_minus_eighth + nn_doubling_high_mul(exp_minus_eighth, x + tail);
}

/* exp of a Q5.26 value that is 0 or less, in Q0.31: exp of the last quarter, times exp(-2^i) for
 * every bit of the quarters that are left. */
static int32_t exp_of_negative(int32_t value)
{
    static const int32_t exp_minus_power[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    const int32_t quarter = 1 << (LOGIT_FRACTION_BITS - 2);
    const int32_t last_quarter = (value & (quarter - 1)) - quarter;
    const uint32_t quarters_left = (uint32_t)last_quarter - (uint32_t)value;
    if (value == 0)
    {
        return INT32_MAX;
    }
    int32_t result = exp_near_minus_eighth(last_quarter * 32 + (1 << 28));
    for (int32_t i = 0; i < 7; i++)
    {
        if ((quarters_left >> (LOGIT_FRACTION_BITS - 2 + i)) & 1u)
        {
            result = nn_doubling_high_mul(result, exp_minus_power[i]);
        }
    }
    return result;
}

static int32_t saturating_shl(int32_t value, int32_t bits)
{
    const int64_t shifted = (int64_t)value * (INT64_C(1) << bits);
    return shifted > INT32_MAX ? INT32_MAX : shifted < INT32_MIN ? INT32_MIN : (int32_t)shifted;
}

/* 1 / (1 + x) for x in [0, 1) in Q0.31: three Newton steps from 48/17 - 32/17 d, in Q2.29. */
static int32_t reciprocal_of_one_plus(int32_t x)
{
    const int32_t half_denominator = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2);
    const int32_t one = 1 << 29;
    int32_t estimate = 1515870810 + nn_doubling_high_mul(half_denominator, -1010580540);
    for (int32_t step = 0; step < 3; step++)
    {
        const int32_t residual = one - nn_doubling_high_mul(half_denominator, estimate);
        estimate += saturating_shl(nn_doubling_high_mul(estimate, residual), 2);
    }
    return saturating_shl(estimate, 1);
}

static int32_t leading_zeros(uint32_t value)
{
    int32_t zeros = 0;
    for (uint32_t bit = UINT32_C(1) << 31; bit != 0 && (value & bit) == 0; bit >>= 1)
    {
        zeros++;
    }
    return zeros;
}

static int32_t row_maximum(const int8_t *row, int32_t size)
{
    int32_t highest = INT8_MIN;
    for (int32_t i = 0; i < size; i++)
    {
        highest = nn_max(highest, row[i]);
    }
    return highest;
}

/* A probability of scale 1/256. Past 31 the shift instruction leaves nothing but the rounding. */
static int32_t scaled_probability(int32_t value, int32_t shift)
{
    return shift > 31 ? 1 : nn_rounding_shr(value, shift);
}

static int32_t exp_of_difference(int32_t difference, int32_t mult, int32_t shift)
{
    return exp_of_negative(nn_doubling_high_mul(nn_wrapping_shl(difference, shift), mult));
}

void arm_softmax_s8(const int8_t *input,
                    const int32_t num_rows,
                    const int32_t row_size,
                    const int32_t mult,
                    const int32_t shift,
                    const int32_t diff_min,
                    int8_t *output)
{
    for (int32_t row = 0; row < num_rows; row++, input += row_size, output += row_size)
    {
        const int32_t highest = row_maximum(input, row_size);
        uint32_t sum = 0;
        for (int32_t i = 0; i < row_size; i++)
        {
            if (input[i] - highest >= diff_min)
            {
                sum += (uint32_t)nn_rounding_shr(exp_of_difference(input[i] - highest, mult, shift), SUM_INTEGER_BITS);
            }
        }
        const int32_t headroom = leading_zeros(sum);
        const uint32_t fraction = headroom < 32 ? (sum << headroom) - (UINT32_C(1) << 31) : 0;
        const int32_t scale = reciprocal_of_one_plus((int32_t)fraction);
        for (int32_t i = 0; i < row_size; i++)
        {
            const int32_t difference = input[i] - highest;
            int32_t value = 0;
            if (difference >= diff_min)
            {
                value = nn_doubling_high_mul(scale, exp_of_difference(difference, mult, shift));
                value = scaled_probability(value, SUM_INTEGER_BITS - headroom + 31 - 8);
            }
            output[i] = nn_clamp(value + INT8_MIN, INT8_MIN, INT8_MAX);
        }
    }
}
