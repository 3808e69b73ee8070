#include "tinyc_sums_s8.h"

#include "tinyc_axis_sums.h"
#include "tinyc_helium.h"

#include <stddef.h>

/* Adds whole fours of channels; returns how many channels that are. */
static int32_t add_fours(int32_t pixels, int32_t channels, const int8_t *input, int32_t *sums)
{
    int32_t c = 0;
#if TINYC_HELIUM
    for (; c + 4 <= channels; c += 4, input += 4) {
        int32x4_t sum = vldrwq_s32(sums + c);
        const int8_t *from = input;
        for (int32_t p = 0; p < pixels; p++, from += channels) {
            sum = vaddq_s32(sum, vldrbq_s32(from));
        }
        vstrwq_s32(sums + c, sum);
    }
#elif TINYC_DSP
    for (; c + 4 <= channels; c += 4) {
        int32_t found[4];
        tinyc_sum_four(input + c, pixels, channels, found);
        for (int32_t i = 0; i < 4; i++) {
            sums[c + i] += found[i];
        }
    }
#else
    (void)pixels, (void)channels, (void)input, (void)sums;
#endif
    return c;
}

void tinyc_add_rows_s8(int32_t pixels, int32_t channels, const int8_t *input, const int32_t *earlier, int32_t *sums)
{
    if (earlier == NULL) {
        memset(sums, 0, (size_t)channels * sizeof *sums);
    } else if (earlier != sums) {
        memmove(sums, earlier, (size_t)channels * sizeof *sums);
    }
    for (int32_t c = add_fours(pixels, channels, input, sums); c < channels; c++) {
        sums[c] += tinyc_sum_one(input + c, pixels, channels);
    }
}
