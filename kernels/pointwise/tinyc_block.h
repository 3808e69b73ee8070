/* Sums of two output pixels times two channels, and how they become codes. */
#ifndef TINYC_BLOCK_H
#define TINYC_BLOCK_H

#include "tinyc_dsp.h"

/* Pixels a and b, channels 0 and 1, and how the channels requantise. */
typedef struct {
    int32_t a0;
    int32_t a1;
    int32_t b0;
    int32_t b1;
    tinyc_requantiser r0;
    tinyc_requantiser r1;
} tinyc_block;

static inline int32_t tinyc_rescale_doubled(int32_t sum, const tinyc_requantiser *r)
{
    const int32_t doubled = tinyc_shift_left(sum, 1);
    const int32_t scaled = tinyc_high_multiply_add((uint32_t)doubled, (uint32_t)r->multiplier, r->rounding);
    return tinyc_saturate_8((scaled + (doubled >> 31)) >> r->shift);
}

/* The codes of sums of the kind that few layers have. */
static TINYC_RARE tinyc_block tinyc_rescale_plain(tinyc_block s, int32_t zero_point)
{
    s.a0 = tinyc_requantise(s.a0, &s.r0, zero_point);
    s.b0 = tinyc_requantise(s.b0, &s.r0, zero_point);
    s.a1 = tinyc_requantise(s.a1, &s.r1, zero_point);
    s.b1 = tinyc_requantise(s.b1, &s.r1, zero_point);
    return s;
}

/* The codes of sums. */
static inline tinyc_block tinyc_rescale_block(tinyc_block s, int32_t zero_point)
{
    if (s.r0.shift > 0) {
        s.a0 = tinyc_rescale_doubled(s.a0, &s.r0);
        s.b0 = tinyc_rescale_doubled(s.b0, &s.r0);
        s.a1 = tinyc_rescale_doubled(s.a1, &s.r1);
        s.b1 = tinyc_rescale_doubled(s.b1, &s.r1);
        return s;
    }
    if (s.r0.shift == 0) {
        return tinyc_rescale_plain(s, zero_point);
    }
    s.a0 = tinyc_requantise_once(s.a0, s.r0.multiplier, s.r0.rounding);
    s.b0 = tinyc_requantise_once(s.b0, s.r0.multiplier, s.r0.rounding);
    s.a1 = tinyc_requantise_once(s.a1, s.r1.multiplier, s.r1.rounding);
    s.b1 = tinyc_requantise_once(s.b1, s.r1.multiplier, s.r1.rounding);
    return s;
}

#endif
