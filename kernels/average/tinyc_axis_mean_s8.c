#include "tinyc_axis_mean_s8.h"

/* The code of a sum that does not shift to the right. */
static TINYC_RARE int8_t code_of_any(const tinyc_axis_mean *p, int32_t sum)
{
    return tinyc_requantise_sum(sum, &p->scale, p->zero_point);
}

static inline int8_t code(const tinyc_axis_mean *p, int32_t sum)
{
    const tinyc_requantiser *r = &p->scale;
    return r->shift > 0 ? tinyc_requantise_doubled(sum * 2, r->multiplier, r->rounding, r->shift) : code_of_any(p, sum);
}

void tinyc_axis_mean_s8(const tinyc_axis_mean *p, const int8_t *input, int8_t *output)
{
    for (int32_t block = 0; block < p->axis.outer; block++, input += p->axis.reduced * p->axis.inner) {
        for (int32_t inner = 0; inner < p->axis.inner;) {
            int32_t sums[TINYC_AXIS_LANES];
            const int32_t count = tinyc_axis_sums(&p->axis, input, inner, sums);
            for (int32_t i = 0; i < count; i++) {
                *output++ = code(p, sums[i] - p->offset);
            }
            inner += count;
        }
    }
}
