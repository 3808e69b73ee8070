/* From the sums of a row to what makes a code its normalised deviation. */
#ifndef TINYC_NORMALISE_H
#define TINYC_NORMALISE_H

#include "tinyc_layer_norm_s8.h"

/* (code * step - offset) * inverse / 2^32 is a normalised deviation; products wrap, their difference does not. */
typedef struct {
    uint32_t step;
    uint32_t offset;
    int32_t inverse;
} tinyc_normalised;

/* 1 / sqrt(m / 2^32) in 31 bits, 30 of them behind the point, for m >= 2^30: four Newton steps y (3 - m y^2) / 2 from the
 * line 2.12 - 1.2 m. */
static inline int32_t tinyc_reciprocal_root(uint32_t m)
{
    uint32_t y = UINT32_C(2276332667) - (uint32_t)((uint64_t)m * UINT32_C(1288490189) >> 32);
    for (int32_t step = 0; step < 4; step++) {
        const uint32_t square = (uint32_t)((uint64_t)y * y >> 31);
        const uint32_t rest = (UINT32_C(3) << 29) - (uint32_t)((uint64_t)m * square >> 32);
        y = (uint32_t)((uint64_t)y * rest >> 30);
    }
    return y > INT32_MAX ? INT32_MAX : (int32_t)y;
}

/* V + epsilon, at least 1. */
static inline uint64_t tinyc_spread(const tinyc_layer_norm *p, int32_t sum, int32_t squares)
{
    const uint64_t v = (uint64_t)((int64_t)p->channels * squares - (int64_t)sum * sum);
    const int32_t right = p->variance_shift < -63 ? 63 : -p->variance_shift;
    const uint64_t spread = (p->variance_shift >= 0 ? v << p->variance_shift : v >> right) + p->epsilon;
    return spread > 0 ? spread : 1;
}

static inline tinyc_normalised tinyc_normalise(const tinyc_layer_norm *p, int32_t sum, int32_t squares)
{
    uint64_t spread = tinyc_spread(p, sum, squares);
    int32_t exponent = 0;
    for (int32_t shift = 32; shift > 1; shift /= 2) {
        if (spread >> (64 - shift) == 0) {
            spread <<= shift;
            exponent += shift;
        }
    }
    const int32_t shift = p->deviation_shift - 30 + (exponent + p->variance_shift) / 2;
    const int32_t up = shift > 31 ? 31 : shift; /* more only where nothing deviates */
    const tinyc_normalised found = {
        (uint32_t)p->channels << up, (uint32_t)sum << up, tinyc_reciprocal_root((uint32_t)(spread >> 32)),
    };
    return found;
}

#endif
