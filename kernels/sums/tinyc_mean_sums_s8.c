#include "tinyc_sums_s8.h"

void tinyc_mean_sums_s8(int32_t channels, int32_t offset, const tinyc_multiplier *scale, int32_t zero_point,
                        const int32_t *sums, int8_t *output)
{
    static const int32_t all_codes[2] = {INT8_MIN, INT8_MAX};
    for (int32_t c = 0; c < channels; c++) {
        output[c] = tinyc_code(tinyc_rescale(sums[c] - offset, *scale), zero_point, all_codes);
    }
}
