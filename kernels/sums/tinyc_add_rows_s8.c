#include "tinyc_sums_s8.h"

#include <stddef.h>

void tinyc_add_rows_s8(int32_t pixels, int32_t channels, const int8_t *input, const int32_t *earlier, int32_t *sums)
{
    for (int32_t c = 0; c < channels; c++) {
        int32_t sum = earlier == NULL ? 0 : earlier[c];
        for (int32_t p = 0; p < pixels; p++) {
            sum += input[p * channels + c];
        }
        sums[c] = sum;
    }
}
