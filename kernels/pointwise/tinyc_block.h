/* Sums of two output pixels times two channels, and how they become codes. */
#ifndef TINYC_BLOCK_H
#define TINYC_BLOCK_H

#include "tinyc_columns_s8.h"
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

static inline int32_t tinyc_rescale_once(int32_t sum, const tinyc_requantiser *r)
{
    return tinyc_requantise_once(tinyc_shift_left(sum, 1), r->multiplier, r->rounding, r->shift);
}

/* The codes of the two channels, or of the first alone, to each pixel; first to the second one: where there is none, its
 * place is the first's. */
static inline void tinyc_store_block(const tinyc_block *codes, int32_t channels, int8_t *first, int8_t *second)
{
    second[0] = (int8_t)codes->b0;
    first[0] = (int8_t)codes->a0;
    if (channels > 1) {
        second[1] = (int8_t)codes->b1;
        first[1] = (int8_t)codes->a1;
    }
}

/* The codes of one channel whose sums are of another kind than those around it. */
static TINYC_RARE void tinyc_finish_other(int32_t a, int32_t b, const int32_t *r, int32_t zero_point, int8_t *first,
                                          int8_t *second)
{
    const tinyc_requantiser q = {r[0], r[1], r[2]};
    *second = tinyc_requantise_sum(b, &q, zero_point);
    *first = tinyc_requantise_sum(a, &q, zero_point);
}

/* Whether the first channel is rounded once, as all others then usually are. */
static inline int tinyc_rounds_once(const tinyc_columns *layer)
{
    return layer->constants[2 + 2 * layer->groups + 2] < 0; /* its shift */
}

/* The sums of a block to the codes of two pixels. The words of both requantisers lie at `r`. Inlined with a constant: which
 * kind, rounded `once` or doubled, is the fast one. To have both fast here costs compilers registers. */
static inline void tinyc_finish_block(tinyc_block s, const int32_t *r, int32_t zero_point, int32_t channels,
                                      int8_t *first, int8_t *second, int once)
{
    if (once ? s.r0.shift >= 0 : s.r0.shift <= 0) {
        tinyc_finish_other(s.a0, s.b0, r, zero_point, first, second);
        if (channels > 1) {
            tinyc_finish_other(s.a1, s.b1, r + 3, zero_point, first + 1, second + 1);
        }
        return;
    }
    if (once) {
        s.a0 = tinyc_rescale_once(s.a0, &s.r0);
        s.b0 = tinyc_rescale_once(s.b0, &s.r0);
        s.a1 = tinyc_rescale_once(s.a1, &s.r1);
        s.b1 = tinyc_rescale_once(s.b1, &s.r1);
    } else {
        s.a0 = tinyc_rescale_doubled(s.a0, &s.r0);
        s.b0 = tinyc_rescale_doubled(s.b0, &s.r0);
        s.a1 = tinyc_rescale_doubled(s.a1, &s.r1);
        s.b1 = tinyc_rescale_doubled(s.b1, &s.r1);
    }
    tinyc_store_block(&s, channels, first, second);
}

#endif
