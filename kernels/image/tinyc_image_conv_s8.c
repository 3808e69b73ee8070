#include "tinyc_image_conv_s8.h"

#include "tinyc_dsp.h"

/* Words of constants before and after the taps of four channels. */
enum { BIASES = 4, REQUANTISERS = 12, TRAILER = 2 };

/* One image row into lane `lane` on of every column. Inlined with a constant number of channels. */
static inline void gather_row(const tinyc_image_conv *d, const int8_t *row, int32_t channels, int16_t *lane)
{
    const int32_t step = 2 * d->words;
    for (int32_t x = 0; x < d->input[1]; x++) {
        for (int32_t c = 0; c < channels; c++) {
            lane[c] = row[c];
        }
        row += channels;
        lane += step;
    }
}

/* Three rows of three channels, by far the most frequent: whole columns at a time. */
static void gather_3x3(const tinyc_image_conv *d, const int8_t *row, uint32_t *to)
{
    const int32_t row_bytes = 3 * d->input[1];
    const int8_t *upper = row, *middle = row + row_bytes, *lower = row + 2 * row_bytes;
    for (const int8_t *end = middle; upper < end; upper += 3, middle += 3, lower += 3, to += 5) {
        to[0] = tinyc_pack_low((uint32_t)upper[0], (uint32_t)upper[1]);
        to[1] = tinyc_pack_low((uint32_t)upper[2], (uint32_t)middle[0]);
        to[2] = tinyc_pack_low((uint32_t)middle[1], (uint32_t)middle[2]);
        to[3] = tinyc_pack_low((uint32_t)lower[0], (uint32_t)lower[1]);
        to[4] = (uint32_t)lower[2];
    }
}

static void fill(int16_t *lanes, int32_t count, int32_t value)
{
    for (int32_t i = 0; i < count; i++) {
        lanes[i] = (int16_t)value;
    }
}

/* The columns of image rows from `first` on, without those left and right of the image. */
static void gather(const tinyc_image_conv *d, const int8_t *input, int32_t first, uint32_t *columns)
{
    const int32_t channels = d->input[2], row_bytes = d->input[1] * channels;
    uint32_t *inside = columns + d->padding[1] * d->words;
    if (channels == 3 && d->kernel[0] == 3 && first >= 0 && first + 3 <= d->input[0]) {
        gather_3x3(d, input + first * row_bytes, inside);
        return;
    }
    for (int32_t i = 0; i < d->kernel[0]; i++) {
        int16_t *lane = (int16_t *)(void *)inside + i * channels;
        const int32_t y = first + i;
        if (y < 0 || y >= d->input[0]) {
            for (int32_t x = 0; x < d->input[1]; x++) {
                fill(lane + 2 * x * d->words, channels, d->input_zero_point);
            }
        } else if (channels == 1) {
            gather_row(d, input + y * row_bytes, 1, lane);
        } else if (channels == 3) {
            gather_row(d, input + y * row_bytes, 3, lane);
        } else {
            gather_row(d, input + y * row_bytes, channels, lane);
        }
    }
}

/* Four channels of one output, any kind of requantisation: the codes, the first in the lowest byte. */
static uint32_t filter_in_c(const uint32_t *window, int32_t words, const int32_t *constants, int32_t zero_point)
{
    const int32_t *taps = constants + BIASES;
    uint32_t codes = 0;
    for (int32_t c = 0; c < 4; c++) {
        int32_t sum = constants[c];
        for (int32_t k = 0; k < words; k++) {
            sum = tinyc_mac_pair(window[k], (uint32_t)taps[4 * k + c], sum);
        }
        tinyc_requantiser r;
        memcpy(&r, taps + 4 * words + 3 * c, sizeof r);
        codes |= ((uint32_t)tinyc_requantise(sum, &r, zero_point) & 0xFFu) << (8 * c);
    }
    return codes;
}

/* Without optimisation a compiler keeps registers for itself that the assembler needs. */
#if TINYC_DSP && defined(__OPTIMIZE__)

/* In both loops r2..r5 are the taps of four channels, r6 and r8..r10 their sums, r0 and r1 words of the window: r1, the
 * output, waits on the stack, since with a frame pointer no other register is left. */
#define WORD(word)                                                                                                     \
    "ldm %[constants]!, {r2, r3, r4, r5}\n"                                                                            \
    "smlad r6, " word ", r2, r6\n"                                                                                     \
    "smlad r8, " word ", r3, r8\n"                                                                                     \
    "smlad r9, " word ", r4, r9\n"                                                                                     \
    "smlad r10, " word ", r5, r10\n"
#define TWO_WORDS "ldrd r0, r1, [%[window]], #8\n" WORD("r0") WORD("r1")
#define FIVE_WORDS TWO_WORDS TWO_WORDS "ldr r0, [%[window]], #4\n" WORD("r0")

/* tinyc_requantise_doubled */
#define DOUBLED(sum)                                                                                                   \
    "ldm %[constants]!, {r2, r3, r4}\n"                                                                                \
    "smmlar r5, " sum ", r2, r3\n"                                                                                     \
    "add " sum ", r5, " sum ", asr #31\n"                                                                              \
    "asr " sum ", " sum ", r4\n"                                                                                       \
    "ssat " sum ", #8, " sum "\n"
/* tinyc_requantise_once */
#define ONCE(sum)                                                                                                      \
    "ldm %[constants]!, {r2, r3, r4}\n"                                                                                \
    "smmla " sum ", " sum ", r2, r3\n"                                                                                 \
    "asr " sum ", " sum ", r4\n"                                                                                       \
    "ssat " sum ", #8, " sum "\n"

/* The trailer of a group of channels holds the bytes of the window and the rounds of the next group; 0 ends them. */
#define FILTER(words, requantise)                                                                                      \
    __asm__ volatile("1:\n"                                                                                            \
                     "push {r1}\n"                                                                                     \
                     "ldm %[constants]!, {r6, r8, r9, r10}\n"                                                          \
                     "2:\n" words "subs %[rounds], #1\n"                                                               \
                     "bne 2b\n" requantise("r6") requantise("r8") requantise("r9") requantise("r10")                   \
                     "bfi r6, r8, #8, #8\n"                                                                            \
                     "bfi r6, r9, #16, #8\n"                                                                           \
                     "bfi r6, r10, #24, #8\n"                                                                          \
                     "pop {r1}\n"                                                                                      \
                     "str r6, [r1], #4\n"                                                                              \
                     "ldrd r0, %[rounds], [%[constants]], #8\n"                                                        \
                     "sub %[window], r0\n"                                                                             \
                     "cmp %[rounds], #0\n"                                                                             \
                     "bne 1b\n"                                                                                        \
                     : [constants] "+r"(constants), [window] "+r"(window), [rounds] "+r"(rounds), "+r"(to)              \
                     :                                                                                                 \
                     : "r0", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "cc", "memory")

/* All channels of one output, of one kind and a multiple of four; a round is five words of the window, or two. Not
 * inlined: elsewhere there are too few registers. */
#define FILTER_OUTPUT(name, words, requantise)                                                                         \
    static __attribute__((noinline)) void name(const uint32_t *window, int32_t rounds, const int32_t *constants,       \
                                               int8_t *output)                                                         \
    {                                                                                                                  \
        register int8_t *to __asm__("r1") = output;                                                                    \
        FILTER(words, requantise);                                                                                     \
    }

FILTER_OUTPUT(doubled_by_five, FIVE_WORDS, DOUBLED)
FILTER_OUTPUT(doubled_by_two, TWO_WORDS, DOUBLED)
FILTER_OUTPUT(once_by_five, FIVE_WORDS, ONCE)
FILTER_OUTPUT(once_by_two, TWO_WORDS, ONCE)

#define HAS_ASSEMBLER 1
#else
#define HAS_ASSEMBLER 0
#endif

/* All channels of one output. */
static void filter_channels(const tinyc_image_conv *d, const uint32_t *window, const int32_t *constants, int8_t *output)
{
    const int32_t words = d->kernel[1] * d->words;
    for (int32_t left = d->output[2]; left > 0; left -= 4) {
        uint32_t codes = filter_in_c(window, words, constants, d->output_zero_point);
        for (int32_t c = 0; c < (left < 4 ? left : 4); c++, codes >>= 8) {
            *output++ = (int8_t)(codes & 0xFFu);
        }
        constants += BIASES + 4 * words + REQUANTISERS + TRAILER;
    }
}

static TINYC_INLINED void filter_row(const tinyc_image_conv *d, const uint32_t *columns, const int32_t *constants,
                                     int8_t *output, int once)
{
    const int32_t channels = d->output[2], step = d->stride[1] * d->words;
    (void)once;
#if HAS_ASSEMBLER
    if (d->alike && channels % 4 == 0) {
        const int by_five = d->words == 5;
        const int32_t rounds = by_five ? d->kernel[1] : d->kernel[1] * d->words / 2;
        for (const int8_t *end = output + d->output[1] * channels; output < end; output += channels, columns += step) {
            if (once) {
                (by_five ? once_by_five : once_by_two)(columns, rounds, constants, output);
            } else {
                (by_five ? doubled_by_five : doubled_by_two)(columns, rounds, constants, output);
            }
        }
        return;
    }
#endif
    for (int32_t x = 0; x < d->output[1]; x++, output += channels, columns += step) {
        filter_channels(d, columns, constants, output);
    }
}

/* Inlined with a constant: the kind of sums that is fast. */
static TINYC_INLINED void convolve(const tinyc_image_conv *d, const int32_t *constants, const int8_t *input,
                                   int8_t *output, void *scratch, int once)
{
    uint32_t *columns = scratch;
    const int32_t right = d->padding[1] + d->input[1], row_bytes = d->output[1] * d->output[2];
    fill(scratch, 2 * d->padding[1] * d->words, d->input_zero_point);
    fill((int16_t *)scratch + 2 * right * d->words, 2 * (d->width - right) * d->words, d->input_zero_point);
    for (int32_t y = 0; y < d->output[0]; y++, output += row_bytes) {
        gather(d, input, y * d->stride[0] - d->padding[0], columns);
        filter_row(d, columns, constants, output, once);
        if (d->clamp[0] > -128 || d->clamp[1] < 127) {
            tinyc_clamp_all(output, row_bytes, d->clamp);
        }
    }
}

void tinyc_image_conv_s8(const tinyc_image_conv *d, const int32_t *constants, const int8_t *input, int8_t *output,
                         void *scratch)
{
    convolve(d, constants, input, output, scratch, 0);
}

void tinyc_image_conv_once_s8(const tinyc_image_conv *d, const int32_t *constants, const int8_t *input, int8_t *output,
                              void *scratch)
{
    convolve(d, constants, input, output, scratch, 1);
}
