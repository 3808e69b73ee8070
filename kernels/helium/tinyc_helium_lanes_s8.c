#include "tinyc_helium_lanes_s8.h"

#include "tinyc_helium.h"

#include <stddef.h>

enum { LANES = 16, TAPS = 3, TABLES = 16, WORDS = TABLES + TAPS * TAPS * LANES / 4 + 2 * TABLES }; /* of 16 channels */

/* Row `y` of the image; NULL where there is none. */
static const int8_t *row_of(const tinyc_helium_lanes *d, const int8_t *input, int32_t y)
{
    return y < 0 || y >= d->input[0] ? NULL : input + y * d->input[1] * d->channels;
}

/* Where a channel's word lies among 16. */
static int32_t word_of(int32_t c)
{
    static const int32_t vectors[4] = {0, 2, 1, 3};
    return 4 * vectors[c % 4] + c % LANES / 4;
}

static int8_t output_of(const tinyc_helium_lanes *d, const int32_t *constants, const int8_t *input, int32_t y, int32_t x,
                        int32_t c)
{
    const int32_t *block = constants + c / LANES * WORDS, word = word_of(c);
    const int8_t *taps = (const int8_t *)(block + TABLES) + c % LANES;
    const int32_t *scales = block + TABLES + TAPS * TAPS * LANES / 4 + word / 4 * 8 + word % 4;
    int32_t sum = block[word];
    for (int32_t i = 0; i < TAPS; i++) {
        const int8_t *row = row_of(d, input, y * d->stride - d->padding[0] + i);
        for (int32_t j = 0; j < TAPS; j++, taps += LANES) {
            const int32_t column = x * d->stride - d->padding[1] + j;
            const int inside = row != NULL && column >= 0 && column < d->input[1];
            sum = tinyc_add_wrapping(sum, *taps * (inside ? row[column * d->channels + c] : d->input_zero_point));
        }
    }
    return tinyc_code(tinyc_multiply(sum, scales[0], scales[4]), d->output_zero_point, d->clamp);
}

/* Without vectors: for cores that have none, and for what the vectors do not compute. */
static void in_turn(const tinyc_helium_lanes *d, const int32_t *constants, const int8_t *input, int8_t *output)
{
    for (int32_t y = 0; y < d->output[0]; y++) {
        for (int32_t x = 0; x < d->output[1]; x++) {
            for (int32_t c = 0; c < d->channels; c++) {
                output[(y * d->output[1] + x) * d->channels + c] = output_of(d, constants, input, y, x, c);
            }
        }
    }
}

#if TINYC_HELIUM

/* A run of outputs in a row; as registers in this order. */
typedef struct {
    const int8_t *at[TAPS];    /* the first column of the window in each row */
    int32_t second[TAPS];      /* bytes from there to the second column; in the middle row, also from output to output */
    int32_t third[TAPS];       /* and on to the third; of more than one output, the same */
    const int32_t *constants;
    int8_t *output;
    int32_t zero_point;
    int32_t outputs;
} run;

/* q0 codes, q1 taps, q2 and q3 products of even and of odd channels, q4..q7 sums of four channels each. */
#define LOAD(row) "vldrb.8 q0, [" row "]\n" "vldrb.8 q1, [r10], #16\n"
#define STEP(row, step) "add " row ", " row ", " step "\n"
#define WIDEN_EVEN(products)                                                                                           \
    "vmovlb.s16 q0, " products "\n"                                                                                    \
    "vmovlt.s16 q1, " products "\n"                                                                                    \
    "vadd.i32 q4, q4, q0\n"                                                                                            \
    "vadd.i32 q5, q5, q1\n"
#define WIDEN_ODD(products)                                                                                            \
    "vmovlb.s16 q0, " products "\n"                                                                                    \
    "vmovlt.s16 q1, " products "\n"                                                                                    \
    "vadd.i32 q6, q6, q0\n"                                                                                            \
    "vadd.i32 q7, q7, q1\n"
/* Two products fit in 16 bits: those of even channels wait for the next tap in q2, then those of odd ones in q3. */
#define FIRST "vmullb.s8 q2, q0, q1\n" "vmullt.s8 q3, q0, q1\n" WIDEN_ODD("q3")
#define EVEN                                                                                                           \
    "vmullb.s8 q3, q0, q1\n"                                                                                           \
    "vadd.i16 q2, q2, q3\n"                                                                                            \
    "vmullt.s8 q3, q0, q1\n" WIDEN_EVEN("q2")
#define ODD                                                                                                            \
    "vmullt.s8 q2, q0, q1\n"                                                                                           \
    "vadd.i16 q3, q3, q2\n"                                                                                            \
    "vmullb.s8 q2, q0, q1\n" WIDEN_ODD("q3")
#define SCALE_HALVES_UP(sums)                                                                                          \
    "vldrw.u32 q0, [r10], #16\n"                                                                                       \
    "vldrw.u32 q1, [r10], #16\n"                                                                                       \
    "vqrdmulh.s32 " sums ", " sums ", q0\n"                                                                            \
    "vrshl.s32 " sums ", " sums ", q1\n"
#define SCALE_RIGHT(sums)                                                                                              \
    "vldrw.u32 q0, [r10], #16\n"                                                                                       \
    "vldrw.u32 q1, [r10], #16\n"                                                                                       \
    "vqrdmulh.s32 " sums ", " sums ", q0\n"                                                                            \
    "vshr.s32 q2, " sums ", #31\n"                                                                                     \
    "vqadd.s32 " sums ", " sums ", q2\n"                                                                               \
    "vrshl.s32 " sums ", " sums ", q1\n"
#define OUTPUTS(scale, back)                                                                                             \
    "ldr lr, [r0, #48]\n"                                                                                              \
    "ldm r0, {r0, r1, r2, r3, r4, r5, r6, r8, r9, r10, r11, r12}\n"                                                    \
    "dls lr, lr\n"                                                                                                     \
    "1:\n"                                                                                                             \
    "vldrw.u32 q4, [r10], #16\n"                                                                                       \
    "vldrw.u32 q5, [r10], #16\n"                                                                                       \
    "vldrw.u32 q6, [r10], #16\n"                                                                                       \
    "vldrw.u32 q7, [r10], #16\n"                                                                                       \
    LOAD("r0") STEP("r0", "r3") FIRST LOAD("r0") STEP("r0", "r6") EVEN LOAD("r0") ODD                                  \
    LOAD("r1") STEP("r1", "r4") EVEN LOAD("r1") STEP("r1", "r8") ODD LOAD("r1") EVEN                                   \
    LOAD("r2") STEP("r2", "r5") ODD LOAD("r2") STEP("r2", "r9") EVEN LOAD("r2") ODD                                    \
    WIDEN_EVEN("q2") scale("q4") scale("q5") scale("q6") scale("q7")                                                   \
    "vqmovnb.s32 q4, q4\n"                                                                                             \
    "vqmovnt.s32 q4, q5\n"                                                                                             \
    "vqmovnb.s32 q6, q6\n"                                                                                             \
    "vqmovnt.s32 q6, q7\n"                                                                                             \
    "vqadd.s16 q4, q4, r12\n"                                                                                          \
    "vqadd.s16 q6, q6, r12\n"                                                                                          \
    "vqmovnb.s16 q4, q4\n"                                                                                             \
    "vqmovnt.s16 q4, q6\n"                                                                                             \
    "subw r10, r10, #336\n"                                                                                            \
    "vstrb.8 q4, [r11]\n"                                                                                              \
    "add r11, r11, r4\n" back                                                                                          \
    "le lr, 1b\n"
#define BACK_TO_SECOND "sub r0, r0, r6\n" "sub r1, r1, r8\n" "sub r2, r2, r9\n"
#define BACK_TO_THIRD ""

/* 16 channels of a run. Compilers would spill here, hence assembler. */
static inline void filter(const run *r, int32_t stride, int32_t rounding)
{
    register const run *at __asm__("r0") = r;
#define FILTER(scale, back)                                                                                            \
    __asm__ volatile(OUTPUTS(scale, back)                                                                              \
                     : "+r"(at)                                                                                        \
                     :                                                                                                 \
                     : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "q0", "q1", "q2",    \
                       "q3", "q4", "q5", "q6", "q7", "cc", "memory")
    if (rounding == TINYC_HALVES_UP) {
        if (stride == 1) {
            FILTER(SCALE_HALVES_UP, BACK_TO_SECOND);
        } else {
            FILTER(SCALE_HALVES_UP, BACK_TO_THIRD);
        }
    } else if (stride == 1) {
        FILTER(SCALE_RIGHT, BACK_TO_SECOND);
    } else {
        FILTER(SCALE_RIGHT, BACK_TO_THIRD);
    }
}

/* Bytes from where a row begins; negative beside the image. */
static int32_t column_of(const tinyc_helium_lanes *d, int32_t column)
{
    return column < d->input[1] ? column * d->channels : -1;
}

static const int8_t *place_of(const int8_t *row, int32_t column, const int8_t *nothing)
{
    return row == NULL || column < 0 ? nothing : row + column;
}

/* `outputs` neighbouring outputs of a row from output `x` on, all channels. */
static void filter_run(const tinyc_helium_lanes *d, const int32_t *constants, const int8_t *const rows[TAPS], int32_t x,
                       int32_t outputs, int8_t *output, const int8_t *nothing)
{
    const int32_t column = x * d->stride - d->padding[1];
    const int32_t columns[TAPS] = {column_of(d, column), column_of(d, column + 1), column_of(d, column + 2)};
    run r = {.constants = constants, .output = output + x * d->channels, .zero_point = d->output_zero_point};
    r.outputs = outputs;
    for (int32_t i = 0; i < TAPS; i++) {
        const int8_t *first = place_of(rows[i], columns[0], nothing);
        const int8_t *second = place_of(rows[i], columns[1], nothing);
        const int8_t *third = place_of(rows[i], columns[2], nothing);
        r.at[i] = first;
        r.second[i] = (int32_t)((intptr_t)second - (intptr_t)first);
        r.third[i] = (int32_t)((intptr_t)third - (intptr_t)second);
    }
    for (int32_t c = 0; c < d->channels; c += LANES) {
        filter(&r, d->stride, d->rounding);
        r.at[0] += LANES;
        r.at[1] += LANES;
        r.at[2] += LANES;
        r.constants += WORDS;
        r.output += LANES;
    }
}

static void in_vectors(const tinyc_helium_lanes *d, const int32_t *constants, const int8_t *input, int8_t *output,
                       int8_t *scratch)
{
    const int32_t first = d->inside[0], end = d->inside[1], row_bytes = d->output[1] * d->channels;
    int8_t *row = output;
    tinyc_helium_fill(scratch, d->input_zero_point, d->channels);
    for (int32_t y = 0; y < d->output[0]; y++, row += row_bytes) {
        const int32_t top = y * d->stride - d->padding[0];
        const int8_t *const rows[TAPS] = {row_of(d, input, top), row_of(d, input, top + 1), row_of(d, input, top + 2)};
        if (first > 0) {
            filter_run(d, constants, rows, 0, 1, row, scratch);
        }
        if (end > first) {
            filter_run(d, constants, rows, first, end - first, row, scratch);
        }
        if (end < d->output[1]) {
            filter_run(d, constants, rows, end, 1, row, scratch);
        }
    }
    tinyc_helium_limit(output, d->output[0] * row_bytes, d->clamp);
}

#endif

void tinyc_helium_lanes_s8(const tinyc_helium_lanes *d, const int32_t *constants, const int8_t *input, int8_t *output,
                           int8_t *scratch)
{
#if TINYC_HELIUM
    if (d->rounding == TINYC_RIGHT_SHIFT || d->rounding == TINYC_HALVES_UP) {
        in_vectors(d, constants, input, output, scratch);
        return;
    }
#endif
    (void)scratch;
    in_turn(d, constants, input, output);
}
