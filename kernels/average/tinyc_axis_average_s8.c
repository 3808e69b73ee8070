#include "tinyc_axis_mean_s8.h"

void tinyc_axis_average_s8(const tinyc_axis *axis, int32_t low, int32_t high, const int8_t *input, int8_t *output)
{
    const int32_t half = axis->reduced / 2;
    for (int32_t block = 0; block < axis->outer; block++, input += axis->reduced * axis->inner) {
        for (int32_t inner = 0; inner < axis->inner;) {
            int32_t sums[TINYC_AXIS_LANES];
            const int32_t count = tinyc_axis_sums(axis, input, inner, sums);
            for (int32_t i = 0; i < count; i++) {
                const int32_t mean = (sums[i] > 0 ? sums[i] + half : sums[i] - half) / axis->reduced;
                *output++ = tinyc_clamp(mean, low, high);
            }
            inner += count;
        }
    }
}
