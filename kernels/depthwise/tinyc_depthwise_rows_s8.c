#include "tinyc_depthwise_rows_s8.h"

#include "tinyc_dsp.h"

enum { WORDS = 9, BIAS = 0, REQUANTISER = 1, PAIRS = 4, LAST_ROW = 7 };

/* The taps of one output row that meet the image: `first` to `end`, and where the first of them reads. */
typedef struct {
    int32_t first;
    int32_t end;
    const int8_t *input;
} span;

static span span_of(const tinyc_depthwise_rows *d, const int8_t *input, int32_t y)
{
    const int32_t row = y * d->stride[0] - d->padding[0], below = d->input[0] - row;
    const int32_t first = row < 0 ? -row : 0, end = below < d->rows ? below : d->rows;
    const span s = {first, end, input + (row + first) * d->input[1] * d->channels};
    return s;
}

static int32_t tap(const int32_t *channel, int32_t i, int32_t j)
{
    const int32_t words = i < 2 ? channel[PAIRS + j] : channel[LAST_ROW + j / 2];
    return (i < 2 ? i : j % 2) ? tinyc_high((uint32_t)words) : tinyc_low((uint32_t)words);
}

/* One output row with any kind of requantisation. */
static void filter_row_in_c(const tinyc_depthwise_rows *d, const int32_t *constants, const span *s, int8_t *output)
{
    for (int32_t x = 0; x < d->output[1]; x++) {
        const int32_t left = x * d->stride[1] - d->padding[1];
        for (int32_t c = 0; c < d->channels; c++) {
            const int32_t *channel = constants + WORDS * c;
            int32_t sum = channel[BIAS];
            for (int32_t i = 0; i < 3; i++) {
                for (int32_t j = 0; j < 3; j++) {
                    const int inside = i >= s->first && i < s->end && left + j >= 0 && left + j < d->input[1];
                    const int32_t at = ((i - s->first) * d->input[1] + left + j) * d->channels + c;
                    sum = tinyc_add_wrapping(sum, tap(channel, i, j) * (inside ? s->input[at] : d->input_zero_point));
                }
            }
            tinyc_requantiser r;
            memcpy(&r, channel + REQUANTISER, sizeof r);
            *output++ = tinyc_requantise(sum, &r, d->output_zero_point);
        }
    }
}

#if TINYC_DSP

/* What the loop over channels keeps on the stack, after four words for bias and requantiser of the channel. */
typedef struct {
    const int32_t *constants;
    const int8_t *input; /* of the next channel: its first column in the first row that meets the image */
    int8_t *output;
    const int8_t *end; /* written by the loop: where `input` stands after the columns that are read */
    int32_t bytes;     /* from the first of those columns to the end */
    int32_t rounds;    /* outputs whose columns all lie in the image, or left of it */
    uint32_t zero_point; /* as a pair */
    int32_t channels;
    int32_t left;  /* whether a column left of the image is read */
    int32_t right; /* whether one right of it is */
    int32_t above; /* of two rows: whether it is the row above that is missing */
    int32_t unused;
} walk;

/* All registers hold something:
 *   r0 input    r1 output   r2 bytes of an input row
 *   r3 sum of the output before the one that the next column starts; r4 sum of the one that it starts
 *   r5 sum that is complete   r6, r8 a column: rows 0 and 1 as a pair, row 2
 *   r9..r11 taps of rows 0 and 1   r12 taps of row 2 in columns 0 and 1   lr that in column 2, and the step to the next
 *   pixel in its upper lane
 */
#define BIAS_ON_STACK "[sp]"
#define COLUMN_OF_2                   \
    "ldrsb r6, [r0]\n"                \
    "ldrsb r8, [r0, r2]\n"            \
    "pkhbt r6, r6, r8, lsl #16\n"     \
    "add r0, r0, lr, asr #16\n"
#define COLUMN_OF_3                   \
    "ldrsb r6, [r0]\n"                \
    "ldrsb r8, [r0, r2]\n"            \
    "pkhbt r6, r6, r8, lsl #16\n"     \
    "ldrsb r8, [r0, r2, lsl #1]\n"    \
    "add r0, r0, lr, asr #16\n"
#define PADDING                       \
    "ldr r6, [sp, #40]\n"             \
    "mov r8, r6\n"
/* What a column adds to the sum that it starts, goes on with or ends. */
#define START_2 "ldr r4, " BIAS_ON_STACK "\n" "smlad r4, r6, r9, r4\n"
#define START_3 START_2 "smlabb r4, r8, r12, r4\n"
#define GO_ON_2 "smlad r3, r6, r10, r4\n"
#define GO_ON_3 GO_ON_2 "smlabt r3, r8, r12, r3\n"
#define END_2 "smlad r5, r6, r11, r3\n"
#define END_3 END_2 "smlabb r5, r8, lr, r5\n"
/* tinyc_requantise_doubled */
#define DOUBLED                       \
    "ldrd r6, r8, [sp, #4]\n"         \
    "smmlar r6, r5, r6, r8\n"         \
    "ldr r8, [sp, #12]\n"             \
    "add r5, r6, r5, asr #31\n"       \
    "asr r5, r5, r8\n"                \
    "ssat r5, #8, r5\n"
/* tinyc_requantise_once */
#define ONCE                          \
    "ldrd r6, r8, [sp, #4]\n"         \
    "smmla r5, r5, r6, r8\n"          \
    "ldr r8, [sp, #12]\n"             \
    "asr r5, r5, r8\n"                \
    "ssat r5, #8, r5\n"
#define STORE                         \
    "strb r5, [r1]\n"                 \
    "add r1, r1, lr, asr #16\n"

/* Stride 1: every column after the first two ends an output. */
#define FIRST_1(rows) COLUMN_OF_##rows GO_ON_##rows START_##rows
#define OUTPUT_1(rows, code) COLUMN_OF_##rows END_##rows GO_ON_##rows START_##rows code STORE
#define LAST_1(rows, code) PADDING END_##rows code STORE
/* Stride 2: every second one does. */
#define FIRST_2(rows)
#define OUTPUT_2(rows, code) COLUMN_OF_##rows GO_ON_##rows COLUMN_OF_##rows END_##rows START_##rows code STORE
#define LAST_2(rows, code) COLUMN_OF_##rows GO_ON_##rows PADDING END_##rows code STORE

/* A row that is missing counts as zero points in the bias. Rows 1 and 2 take the place of rows 0 and 1. */
#define PREPARE_3
#define PREPARE_2                     \
    "ldr r8, [sp, #40]\n"             \
    "ldr r5, [sp, #56]\n"             \
    "cbz r5, 8f\n"                    \
    "smlabb r3, r8, r9, r3\n"         \
    "smlabb r3, r8, r10, r3\n"        \
    "smlabb r3, r8, r11, r3\n"        \
    "lsl r5, r12, #16\n"              \
    "pkhtb r9, r5, r9, asr #16\n"     \
    "pkhtb r10, r12, r10, asr #16\n"  \
    "lsl r5, lr, #16\n"               \
    "pkhtb r11, r5, r11, asr #16\n"   \
    "b 9f\n"                          \
    "8:\n"                            \
    "smlabb r3, r8, r12, r3\n"        \
    "smlabt r3, r8, r12, r3\n"        \
    "smlabb r3, r8, lr, r3\n"         \
    "9:\n"                            \
    "str r3, " BIAS_ON_STACK "\n"

#define FILTER(rows, stride, code)                                                                                     \
    "ldm r0, {r1, r3, r4, r5, r6, r8, r9, r10, r11, r12}\n"                                                            \
    "sub sp, sp, #64\n"                                                                                                \
    "add lr, sp, #16\n"                                                                                                \
    "stm lr, {r1, r3, r4, r5, r6, r8, r9, r10, r11, r12}\n"                                                            \
    "ldr r1, [r0, #40]\n"                                                                                              \
    "str r1, [sp, #56]\n"                                                                                              \
    "1:\n"                                                                                                             \
    "ldr r0, [sp, #16]\n"                                                                                              \
    "ldm r0!, {r3, r4, r5, r6}\n"                                                                                      \
    "stm sp, {r3, r4, r5, r6}\n"                                                                                       \
    "ldm r0!, {r9, r10, r11, r12, lr}\n"                                                                               \
    "str r0, [sp, #16]\n" PREPARE_##rows                                                                               \
    "ldrd r0, r1, [sp, #20]\n"                                                                                         \
    "ldr r4, [sp, #32]\n"                                                                                              \
    "add r5, r0, #1\n"                                                                                                 \
    "add r6, r1, #1\n"                                                                                                 \
    "strd r5, r6, [sp, #20]\n"                                                                                         \
    "add r4, r4, r0\n"                                                                                                 \
    "str r4, [sp, #28]\n"                                                                                              \
    "ldr r5, [sp, #48]\n"                                                                                              \
    "cbz r5, 2f\n" PADDING                                                                                             \
    "b 3f\n"                                                                                                           \
    "2:\n" COLUMN_OF_##rows                                                                                            \
    "3:\n" START_##rows FIRST_##stride(rows)                                                                           \
    "ldr r5, [sp, #36]\n"                                                                                              \
    "lsrs r5, r5, #1\n"                                                                                                \
    "bcs 5f\n"                                                                                                         \
    "beq 6f\n"                                                                                                         \
    "4:\n" OUTPUT_##stride(rows, code)                                                                                 \
    "5:\n" OUTPUT_##stride(rows, code)                                                                                 \
    "ldr r5, [sp, #28]\n"                                                                                              \
    "cmp r0, r5\n"                                                                                                     \
    "bne 4b\n"                                                                                                         \
    "6:\n"                                                                                                             \
    "ldr r5, [sp, #52]\n"                                                                                              \
    "cbz r5, 7f\n" LAST_##stride(rows, code)                                                                           \
    "7:\n"                                                                                                             \
    "ldr r5, [sp, #44]\n"                                                                                              \
    "subs r5, r5, #1\n"                                                                                                \
    "str r5, [sp, #44]\n"                                                                                              \
    "bne 1b\n"                                                                                                         \
    "add sp, sp, #64\n"

/* One output row, all channels. Compilers would spill here, hence assembler. */
#define FILTER_ROW(name, rows, stride, code)                                                                           \
    static __attribute__((noinline)) void name(const walk *w, int32_t row_bytes)                                       \
    {                                                                                                                  \
        register const walk *at __asm__("r0") = w;                                                                     \
        register int32_t bytes __asm__("r2") = row_bytes;                                                              \
        __asm__ volatile(FILTER(rows, stride, code)                                                                    \
                         : "+r"(at)                                                                                    \
                         : "r"(bytes)                                                                                  \
                         : "r1", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");       \
    }

FILTER_ROW(three_doubled_rows, 3, 1, DOUBLED)
FILTER_ROW(two_doubled_rows, 2, 1, DOUBLED)
FILTER_ROW(three_doubled_rows_of_stride_2, 3, 2, DOUBLED)
FILTER_ROW(two_doubled_rows_of_stride_2, 2, 2, DOUBLED)
FILTER_ROW(three_rows_once, 3, 1, ONCE)
FILTER_ROW(two_rows_once, 2, 1, ONCE)
FILTER_ROW(three_rows_of_stride_2_once, 3, 2, ONCE)
FILTER_ROW(two_rows_of_stride_2_once, 2, 2, ONCE)

static TINYC_INLINED void filter_row(const tinyc_depthwise_rows *d, const int32_t *constants, const span *s,
                                     int8_t *output, int once)
{
    const int32_t stride = d->stride[1], left = d->padding[1], columns = d->output[1];
    const int32_t rest = (columns - 1) * stride + 3 - left, right = rest > d->input[1];
    const int three = s->end - s->first == 3;
    walk w = {
        .constants = constants,
        .input = s->input,
        .output = output,
        .bytes = (rest - right) * d->channels,
        .rounds = columns - right,
        .zero_point = tinyc_pair(d->input_zero_point, d->input_zero_point),
        .channels = d->channels,
        .left = left,
        .right = right,
        .above = s->first > 0,
    };
    if (stride == 2 && right) {
        w.bytes -= d->channels; /* the last output reads its column of the image by itself */
    }
    const int32_t row_bytes = s->end - s->first > 1 ? d->input[1] * d->channels : 0;
    if (stride == 1 && once) {
        (three ? three_rows_once : two_rows_once)(&w, row_bytes);
    } else if (stride == 1) {
        (three ? three_doubled_rows : two_doubled_rows)(&w, row_bytes);
    } else if (once) {
        (three ? three_rows_of_stride_2_once : two_rows_of_stride_2_once)(&w, row_bytes);
    } else {
        (three ? three_doubled_rows_of_stride_2 : two_doubled_rows_of_stride_2)(&w, row_bytes);
    }
}

#endif

/* Inlined with a constant: the kind of channels that is fast. */
static TINYC_INLINED void filter_rows(const tinyc_depthwise_rows *d, const int32_t *constants, const int8_t *input,
                                      int8_t *output, int once)
{
    const int32_t row_bytes = d->output[1] * d->channels;
    (void)once;
    for (int32_t y = 0; y < d->output[0]; y++, output += row_bytes) {
        const span s = span_of(d, input, y);
#if TINYC_DSP
        if (d->alike) {
            filter_row(d, constants, &s, output, once);
        } else {
            filter_row_in_c(d, constants, &s, output);
        }
#else
        filter_row_in_c(d, constants, &s, output);
#endif
        if (d->clamp[0] > -128 || d->clamp[1] < 127) {
            tinyc_clamp_all(output, row_bytes, d->clamp);
        }
    }
}

void tinyc_depthwise_rows_s8(const tinyc_depthwise_rows *d, const int32_t *constants, const int8_t *input,
                             int8_t *output)
{
    filter_rows(d, constants, input, output, 0);
}

void tinyc_depthwise_rows_once_s8(const tinyc_depthwise_rows *d, const int32_t *constants, const int8_t *input,
                                  int8_t *output)
{
    filter_rows(d, constants, input, output, 1);
}
