#include "tinyc_divide.h"
#include "tinyc_sums_s8.h"

void tinyc_average_even_sums_s8(int32_t channels, const tinyc_even_sums_params *p, const int32_t *sums,
                                int8_t *output)
{
    const int64_t whole = (int64_t)p->count << p->shift;
    for (int32_t c = 0; c < channels; c++) {
        const int64_t total = (int64_t)(sums[c] - p->offset) * p->multiplier;
        const int32_t mean = tinyc_divide_wide_to_even(total, whole, p->odd);
        output[c] = tinyc_clamp(mean + p->zero_point, p->clamp[0], p->clamp[1]);
    }
}
