#include "tinyc_sums_s8.h"

void tinyc_average_sums_s8(int32_t channels, int32_t count, int32_t low, int32_t high, const int32_t *sums,
                           int8_t *output)
{
    for (int32_t c = 0; c < channels; c++) {
        const int32_t half = sums[c] > 0 ? count / 2 : -(count / 2);
        output[c] = tinyc_clamp((sums[c] + half) / count, low, high);
    }
}
