/* Sums along one axis of int8 tensors, four neighbours at a time. */
#ifndef TINYC_AXIS_SUMS_H
#define TINYC_AXIS_SUMS_H

#include "tinyc_dsp.h"

/* A dense tensor [outer][reduced][inner], of which each mean is over `reduced` elements. */
typedef struct {
    int32_t outer;
    int32_t reduced;
    int32_t inner;
} tinyc_axis;

enum { TINYC_AXIS_LANES = 4, TINYC_AXIS_RUN = 256 }; /* as many int8 codes add up in 16 bits */

/* sums[0..3] = those of four neighbouring columns of `count` codes, `step` apart. */
static inline void tinyc_sum_four(const int8_t *from, int32_t count, int32_t step, int32_t *sums)
{
    sums[0] = sums[1] = sums[2] = sums[3] = 0;
    while (count > 0) {
        const int32_t run = count < TINYC_AXIS_RUN ? count : TINYC_AXIS_RUN;
        uint32_t even = 0, odd = 0;
        for (int32_t i = 0; i < run; i++, from += step) {
            const uint32_t codes = tinyc_load_32(from);
            even = tinyc_add_even_bytes(even, codes);
            odd = tinyc_add_odd_bytes(odd, codes);
        }
        sums[0] += tinyc_low(even);
        sums[1] += tinyc_low(odd);
        sums[2] += tinyc_high(even);
        sums[3] += tinyc_high(odd);
        count -= run;
    }
}

/* The sum of one column. */
static inline int32_t tinyc_sum_one(const int8_t *from, int32_t count, int32_t step)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < count; i++) {
        sum += from[i * step];
    }
    return sum;
}

/* The sums of columns `inner` and the next ones of a block; how many there are (four, or one at its end). */
static inline int32_t tinyc_axis_sums(const tinyc_axis *axis, const int8_t *block, int32_t inner, int32_t *sums)
{
    if (inner + TINYC_AXIS_LANES <= axis->inner) {
        tinyc_sum_four(block + inner, axis->reduced, axis->inner, sums);
        return TINYC_AXIS_LANES;
    }
    sums[0] = tinyc_sum_one(block + inner, axis->reduced, axis->inner);
    return 1;
}

#endif
