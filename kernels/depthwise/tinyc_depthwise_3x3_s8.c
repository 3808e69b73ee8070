#include "tinyc_depthwise_strips.h"
#include "tinyc_dsp.h"

enum { WORDS = 10 };

/* One channel's constants, and what else the loops need, in the order in which they load it. */
typedef struct {
    int32_t bias;
    uint32_t rows_0_1[3]; /* taps: low lane row 0, high lane row 1 */
    uint32_t rows_1_2[3];
    tinyc_requantiser requantiser;
    int32_t row;         /* bytes from output row to row */
    int32_t step;        /* and from pixel to pixel */
    const uint32_t *end; /* where p stands after the last two columns */
} filter;

/* One column of any kind of channel: `rows` outputs. A pair of rows gives two outputs for stride 1, else one. */
static TINYC_INLINED void filter_column(const filter *f, const uint32_t *p, int32_t width, int32_t stride, int32_t rows,
                                        int32_t zero_point, int8_t *output)
{
    while (rows > 0) {
        const uint32_t *q = p + width;
        int32_t upper = f->bias, lower = f->bias;
        for (int32_t j = 0; j < 3; j++) {
            upper = tinyc_mac_pair(p[j], f->rows_0_1[j], upper);
            upper = tinyc_mac_low_high(q[j], f->rows_1_2[j], upper);
            lower = tinyc_mac_high_low(p[j], f->rows_0_1[j], lower);
            lower = tinyc_mac_pair(q[j], f->rows_1_2[j], lower);
        }
        *output = tinyc_requantise(upper, &f->requantiser, zero_point);
        output += f->row;
        rows--;
        if (stride == 1 && rows > 0) {
            *output = tinyc_requantise(lower, &f->requantiser, zero_point);
            output += f->row;
            rows--;
        }
        p = q;
    }
}

/* Without optimisation a compiler keeps registers for itself that the assembler needs. */
#if TINYC_DSP && defined(__OPTIMIZE__)
#define IN_ASSEMBLER 1
#else
#define IN_ASSEMBLER 0
#endif

#if IN_ASSEMBLER

/* The loops below compute two columns a round until p meets f->end. They fill the registers, so that a compiler would
 * spill: hence assembler. In all of them
 *   r2, r3     are two words of the strip, later multiplier and rounding;
 *   r4..r6     are three taps, later r4 is the shift;
 *   r8..r10, r1 are sums: r1 takes the bias, and is the last sum to start from it.
 */
#define LOAD_COLUMNS(pairs) "ldrd r2, r3, [%[" pairs "]]\n"
#define LOAD_COLUMNS_AND_GO_ON(pairs) "ldrd r2, r3, [%[" pairs "]], #8\n"
#define LOAD_BIAS_AND_TAPS "ldm %[f]!, {r1, r4, r5, r6}\n"
#define LOAD_TAPS "ldm %[f]!, {r4, r5, r6}\n"
#define MAC(mac, sum, column, tap) mac " " sum ", " column ", " tap ", " sum "\n"
#define MAC_FROM_BIAS(mac, sum, column, tap) mac " " sum ", " column ", " tap ", r1\n"

/* Stride 1: what columns 0 and 1, then 2 and 3, give to the left and right output. */
#define START_COLUMNS_0_1(mac, left, right)                                                                            \
    MAC_FROM_BIAS(mac, left, "r2", "r4") MAC_FROM_BIAS(mac, right, "r3", "r4") MAC(mac, left, "r3", "r5")
#define COLUMNS_0_1(mac, left, right) MAC(mac, left, "r2", "r4") MAC(mac, right, "r3", "r4") MAC(mac, left, "r3", "r5")
#define COLUMNS_2_3(mac, left, right) MAC(mac, left, "r2", "r6") MAC(mac, right, "r2", "r5") MAC(mac, right, "r3", "r6")

#define LOAD_REQUANTISER "ldm %[f]!, {r2, r3, r4}\n"
/* tinyc_requantise_doubled */
#define DOUBLED(sum)                                                                                                   \
    "smmlar r5, " sum ", r2, r3\n"                                                                                     \
    "add " sum ", r5, " sum ", asr #31\n"                                                                              \
    "asr " sum ", " sum ", r4\n"                                                                                       \
    "ssat " sum ", #8, " sum "\n"
/* tinyc_requantise_once */
#define ONCE(sum)                                                                                                      \
    "smmla " sum ", " sum ", r2, r3\n"                                                                                 \
    "asr " sum ", " sum ", r4\n"                                                                                       \
    "ssat " sum ", #8, " sum "\n"

/* Row and step come into r5 and r6; f goes back to its start. */
#define LOAD_STEPS_AND_END "ldrd r5, r6, [%[f]], #8\n" "ldr r2, [%[f]], #-48\n"
#define STORE(sum) "strb " sum ", [%[output]]\n" "add %[output], r6\n"
#define STORE_BELOW(sum) "strb " sum ", [%[output], r5]\n"
#define LOOP(body) __asm__ volatile( \
    "1:\n" body "cmp %[p], r2\n" "bne 1b\n" \
    : [f] "+r"(f), [p] "+r"(p), [q] "+r"(q), [output] "+r"(output) \
    : : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "cc", "memory")

/* The third row of the upper outputs is the lower lane of q, under the upper lane of its taps. */
#define TWO_ROWS(requantise)                                                                                           \
    LOAD_COLUMNS_AND_GO_ON("p") LOAD_BIAS_AND_TAPS                                                                     \
    START_COLUMNS_0_1("smlad", "r8", "r10") START_COLUMNS_0_1("smlatb", "r9", "r1")                                    \
    LOAD_COLUMNS("p")                                                                                                  \
    COLUMNS_2_3("smlad", "r8", "r10") COLUMNS_2_3("smlatb", "r9", "r1")                                                \
    LOAD_COLUMNS_AND_GO_ON("q") LOAD_TAPS                                                                              \
    COLUMNS_0_1("smlabt", "r8", "r10") COLUMNS_0_1("smlad", "r9", "r1")                                                \
    LOAD_COLUMNS("q")                                                                                                  \
    COLUMNS_2_3("smlabt", "r8", "r10") COLUMNS_2_3("smlad", "r9", "r1")                                                \
    LOAD_REQUANTISER                                                                                                   \
    requantise("r8") requantise("r9") requantise("r10") requantise("r1")                                               \
    LOAD_STEPS_AND_END                                                                                                 \
    STORE_BELOW("r9") STORE("r8") STORE_BELOW("r1") STORE("r10")

#define ONE_ROW(requantise)                                                                                            \
    LOAD_COLUMNS_AND_GO_ON("p") LOAD_BIAS_AND_TAPS                                                                     \
    START_COLUMNS_0_1("smlad", "r8", "r1")                                                                             \
    LOAD_COLUMNS("p")                                                                                                  \
    COLUMNS_2_3("smlad", "r8", "r1")                                                                                   \
    LOAD_COLUMNS_AND_GO_ON("q") LOAD_TAPS                                                                              \
    COLUMNS_0_1("smlabt", "r8", "r1")                                                                                  \
    LOAD_COLUMNS("q")                                                                                                  \
    COLUMNS_2_3("smlabt", "r8", "r1")                                                                                  \
    LOAD_REQUANTISER                                                                                                   \
    requantise("r8") requantise("r1")                                                                                  \
    LOAD_STEPS_AND_END                                                                                                 \
    STORE("r8") STORE("r1")

/* The left output reads columns 0..2, the right one 2..4. */
#define ONE_ROW_OF_STRIDE_2(requantise)                                                                                \
    LOAD_COLUMNS_AND_GO_ON("p") LOAD_BIAS_AND_TAPS                                                                     \
    MAC_FROM_BIAS("smlad", "r8", "r2", "r4") MAC("smlad", "r8", "r3", "r5")                                            \
    LOAD_COLUMNS_AND_GO_ON("p")                                                                                        \
    MAC("smlad", "r8", "r2", "r6") MAC("smlad", "r1", "r2", "r4") MAC("smlad", "r1", "r3", "r5")                       \
    "ldr r2, [%[p]]\n"                                                                                                 \
    MAC("smlad", "r1", "r2", "r6")                                                                                     \
    LOAD_COLUMNS_AND_GO_ON("q") LOAD_TAPS                                                                              \
    MAC("smlabt", "r8", "r2", "r4") MAC("smlabt", "r8", "r3", "r5")                                                    \
    LOAD_COLUMNS_AND_GO_ON("q")                                                                                        \
    MAC("smlabt", "r8", "r2", "r6") MAC("smlabt", "r1", "r2", "r4") MAC("smlabt", "r1", "r3", "r5")                    \
    "ldr r2, [%[q]]\n"                                                                                                 \
    MAC("smlabt", "r1", "r2", "r6")                                                                                    \
    LOAD_REQUANTISER                                                                                                   \
    requantise("r8") requantise("r1")                                                                                  \
    LOAD_STEPS_AND_END                                                                                                 \
    STORE("r8") STORE("r1")

#define FUNCTION(name, body)                                                                                           \
    static __attribute__((noinline)) void name(const filter *f, const uint32_t *p, const uint32_t *q, int8_t *output)  \
    {                                                                                                                  \
        LOOP(body);                                                                                                    \
    }
FUNCTION(two_doubled_rows, TWO_ROWS(DOUBLED))
FUNCTION(one_doubled_row, ONE_ROW(DOUBLED))
FUNCTION(one_doubled_row_of_stride_2, ONE_ROW_OF_STRIDE_2(DOUBLED))
FUNCTION(two_rows_once, TWO_ROWS(ONCE))
FUNCTION(one_row_once, ONE_ROW(ONCE))
FUNCTION(one_row_of_stride_2_once, ONE_ROW_OF_STRIDE_2(ONCE))

/* All columns but the last of an odd number. */
static TINYC_INLINED void filter_even_columns(filter *f, const uint32_t *p, int32_t width, int32_t stride, int32_t rows,
                                              int32_t columns, int8_t *output, int once)
{
    f->end = p + columns * stride;
    if (stride == 1) {
        for (; rows > 1; rows -= 2) {
            (once ? two_rows_once : two_doubled_rows)(f, p, p + width, output);
            f->end += width;
            p += width;
            output += 2 * f->row;
        }
    }
    for (; rows > 0; rows--) {
        if (once) {
            (stride == 1 ? one_row_once : one_row_of_stride_2_once)(f, p, p + width, output);
        } else {
            (stride == 1 ? one_doubled_row : one_doubled_row_of_stride_2)(f, p, p + width, output);
        }
        f->end += width;
        p += width;
        output += f->row;
    }
}

#endif

/* Inlined with a constant: the kind of channels that is fast. */
static TINYC_INLINED void filter_rows(const tinyc_depthwise *d, const int32_t *channel, const tinyc_strip *strip,
                                      int8_t *output, int once)
{
    const int32_t columns = d->output[1], stride = d->stride;
    int32_t done = 0;
    filter f;
    memcpy(&f, channel, WORDS * sizeof *channel);
    f.step = d->channels;
    f.row = d->channels * columns;
    (void)once;
#if IN_ASSEMBLER
    if (columns > 1 && (once ? f.requantiser.shift < 0 : f.requantiser.shift > 0)) {
        done = columns & ~1;
        filter_even_columns(&f, strip->pairs, d->width, stride, strip->rows, done, output, once);
    }
#endif
    for (; done < columns; done++) {
        filter_column(&f, strip->pairs + done * stride, d->width, stride, strip->rows, d->output_zero_point,
                      output + done * f.step);
    }
}

static void filter_doubled(const tinyc_depthwise *d, const int32_t *channel, const tinyc_strip *strip, int8_t *output)
{
    filter_rows(d, channel, strip, output, 0);
}

static void filter_once(const tinyc_depthwise *d, const int32_t *channel, const tinyc_strip *strip, int8_t *output)
{
    filter_rows(d, channel, strip, output, 1);
}

void tinyc_depthwise_3x3_s8(const tinyc_depthwise *d, const int32_t *constants, const int8_t *input, int8_t *output,
                            void *scratch)
{
    tinyc_depthwise_strips(d, filter_doubled, constants, WORDS, input, output, scratch);
}

void tinyc_depthwise_3x3_once_s8(const tinyc_depthwise *d, const int32_t *constants, const int8_t *input,
                                 int8_t *output, void *scratch)
{
    tinyc_depthwise_strips(d, filter_once, constants, WORDS, input, output, scratch);
}
