#include "tinyc_sums_s8.h"

#include "tinyc_dsp.h"
#include "tinyc_helium.h"

#include <stddef.h>

static int32_t add_channel(int32_t pixels, int32_t channels, const int8_t *input, int32_t sum)
{
    for (int32_t p = 0; p < pixels; p++) {
        sum += input[p * channels];
    }
    return sum;
}

#if TINYC_HELIUM

/* Whole fours of channels; returns how many channels that are. */
static int32_t add_fours(int32_t pixels, int32_t channels, const int8_t *input, int32_t *sums)
{
    int32_t c = 0;
    for (; c + 4 <= channels; c += 4, input += 4) {
        int32x4_t sum = vldrwq_s32(sums + c);
        const int8_t *from = input;
        for (int32_t p = 0; p < pixels; p++, from += channels) {
            sum = vaddq_s32(sum, vldrbq_s32(from));
        }
        vstrwq_s32(sums + c, sum);
    }
    return c;
}

#elif TINYC_DSP

enum { MOST_PIXELS = 256 }; /* whose sums fit in a lane */

/* Four channels of up to MOST_PIXELS: a word of codes adds to two pairs of sums. */
static inline void add_four_channels(int32_t pixels, int32_t channels, const int8_t *input, int32_t *sums)
{
    uint32_t even = 0, odd = 0;
    for (int32_t p = 0; p < pixels; p++, input += channels) {
        const uint32_t codes = tinyc_load_32(input);
        even = tinyc_add_even_bytes(even, codes);
        odd = tinyc_add_odd_bytes(odd, codes);
    }
    sums[0] += tinyc_low(even);
    sums[1] += tinyc_low(odd);
    sums[2] += tinyc_high(even);
    sums[3] += tinyc_high(odd);
}

static int32_t add_fours(int32_t pixels, int32_t channels, const int8_t *input, int32_t *sums)
{
    const int32_t end = channels / 4 * 4;
    for (; pixels > 0; pixels -= MOST_PIXELS, input += MOST_PIXELS * channels) {
        const int32_t some = pixels < MOST_PIXELS ? pixels : MOST_PIXELS;
        for (int32_t c = 0; c < end; c += 4) {
            add_four_channels(some, channels, input + c, sums + c);
        }
    }
    return end;
}

#else

static int32_t add_fours(int32_t pixels, int32_t channels, const int8_t *input, int32_t *sums)
{
    (void)pixels, (void)channels, (void)input, (void)sums;
    return 0;
}

#endif

void tinyc_add_rows_s8(int32_t pixels, int32_t channels, const int8_t *input, const int32_t *earlier, int32_t *sums)
{
    if (earlier == NULL) {
        memset(sums, 0, (size_t)channels * sizeof *sums);
    } else if (earlier != sums) {
        memcpy(sums, earlier, (size_t)channels * sizeof *sums);
    }
    for (int32_t c = add_fours(pixels, channels, input, sums); c < channels; c++) {
        sums[c] = add_channel(pixels, channels, input + c, sums[c]);
    }
}
