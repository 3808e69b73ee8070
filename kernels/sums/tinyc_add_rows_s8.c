#include "tinyc_sums_s8.h"

#include "tinyc_dsp.h"

#include <stddef.h>

static int32_t add_channel(int32_t pixels, int32_t channels, const int8_t *input, int32_t sum)
{
    for (int32_t p = 0; p < pixels; p++) {
        sum += input[p * channels];
    }
    return sum;
}

#if TINYC_DSP

enum { MOST_PIXELS = 256 }; /* whose sums fit in a lane */

/* Four channels: a word of them adds to two pairs of sums. */
static void add_four_channels(int32_t pixels, int32_t channels, const int8_t *input, int32_t *sums)
{
    while (pixels > 0) {
        const int32_t some = pixels < MOST_PIXELS ? pixels : MOST_PIXELS;
        uint32_t even = 0, odd = 0;
        for (int32_t p = 0; p < some; p++, input += channels) {
            const uint32_t codes = tinyc_load_32(input);
            even = tinyc_add_even_bytes(even, codes);
            odd = tinyc_add_odd_bytes(odd, codes);
        }
        sums[0] += tinyc_low(even);
        sums[1] += tinyc_low(odd);
        sums[2] += tinyc_high(even);
        sums[3] += tinyc_high(odd);
        pixels -= some;
    }
}

#endif

void tinyc_add_rows_s8(int32_t pixels, int32_t channels, const int8_t *input, const int32_t *earlier, int32_t *sums)
{
    int32_t c = 0;
    if (earlier == NULL) {
        memset(sums, 0, (size_t)channels * sizeof *sums);
    } else if (earlier != sums) {
        memcpy(sums, earlier, (size_t)channels * sizeof *sums);
    }
#if TINYC_DSP
    for (; c + 4 <= channels; c += 4) {
        add_four_channels(pixels, channels, input + c, sums + c);
    }
#endif
    for (; c < channels; c++) {
        sums[c] = add_channel(pixels, channels, input + c, sums[c]);
    }
}
