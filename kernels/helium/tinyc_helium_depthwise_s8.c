#include "tinyc_helium_depthwise_s8.h"

#include "tinyc_helium.h"

#include <stddef.h>

#define WORDS 6 /* of constants per channel */
#define ROWS 4  /* of a strip */

/* One run over a block of channels. `saved` holds rows that were written over: the last `padding[0]` above the rows of
 * outputs that are still to come. */
typedef struct {
    const tinyc_helium_depthwise *d;
    const int8_t *input;
    int32_t block;   /* channels */
    int32_t pitch;   /* words from column to column of a strip */
    int8_t *nothing; /* 16 codes of zero */
    int8_t *saved;
    int8_t *strips;
} run;

/* Where a row's codes lie, and how far from one vector of them to the next. */
typedef struct {
    const int8_t *codes;
    int32_t step;
} row;

static row find_row(const run *r, int32_t y, int32_t first_output)
{
    const tinyc_helium_depthwise *d = r->d;
    if (y < 0 || y >= d->input[0]) {
        return (row){r->nothing, 0};
    }
    if (y < first_output) {
        return (row){r->saved + (y - first_output + d->padding[0]) * d->input[1] * r->pitch, 16};
    }
    return (row){r->input + y * d->input[1] * d->channels, r->pitch == 8 ? 16 : d->channels};
}

/* `count` vectors of `lanes` codes of four rows, lane by lane. */
typedef struct {
    row rows[ROWS];
    int8_t *to;
    int32_t count, lanes;
} interleaving;

static void interleave(const interleaving *i)
{
#if TINYC_HELIUM
    register const interleaving *at __asm__("r0") = i;
    __asm__ volatile("ldr r1, [r0, #40]\n"
                     "vctp.8 r1\n"
                     "ldm r0, {r0, r1, r2, r3, r4, r5, r6, r8, r9, r10}\n"
                     "wls lr, r10, 2f\n"
                     "1:\n"
                     "vpstttt\n"
                     "vldrbt.8 q0, [r0]\n"
                     "vldrbt.8 q1, [r2]\n"
                     "vldrbt.8 q2, [r4]\n"
                     "vldrbt.8 q3, [r6]\n"
                     "add r0, r0, r1\n"
                     "add r2, r2, r3\n"
                     "add r4, r4, r5\n"
                     "add r6, r6, r8\n"
                     "vst40.8 {q0, q1, q2, q3}, [r9]\n"
                     "vst41.8 {q0, q1, q2, q3}, [r9]\n"
                     "vst42.8 {q0, q1, q2, q3}, [r9]\n"
                     "vst43.8 {q0, q1, q2, q3}, [r9]!\n"
                     "le lr, 1b\n"
                     "2:\n"
                     : "+r"(at)
                     :
                     : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "lr", "q0", "q1", "q2", "q3", "p0",
                       "cc", "memory");
#else
    for (int32_t v = 0; v < i->count; v++) {
        for (int32_t lane = 0; lane < i->lanes; lane++) {
            for (int32_t k = 0; k < ROWS; k++) {
                i->to[ROWS * (16 * v + lane) + k] = i->rows[k].codes[v * i->rows[k].step + lane];
            }
        }
    }
#endif
}

/* The strip of the step whose outputs begin in row `y`. */
static void gather_strip(const run *r, int32_t y, int32_t first_output, int8_t *strip)
{
    const tinyc_helium_depthwise *d = r->d;
    const int32_t width = d->input[1], left = d->padding[1], column = ROWS * r->pitch;
    const int32_t count = r->pitch == 8 ? width / 2 : width; /* of eight channels two columns are one vector */
    interleaving i = {.to = strip + left * column, .count = count, .lanes = r->pitch == 8 ? 16 : r->block};
    for (int32_t k = 0; k < ROWS; k++) {
        i.rows[k] = find_row(r, y * d->stride - d->padding[0] + k, first_output);
    }
    tinyc_helium_fill(strip, d->input_zero_point, left * column);
    interleave(&i);
    if (r->pitch == 8 && width % 2 != 0) {
        for (int32_t k = 0; k < ROWS; k++) {
            i.rows[k].codes += count * i.rows[k].step;
        }
        i.to += count * 2 * column;
        i.count = 1;
        i.lanes = 8;
        interleave(&i);
    }
    tinyc_helium_fill(strip + (left + width) * column, d->input_zero_point, (d->columns - left - width) * column);
}

/* Keep what outputs of the rows before `y` are about to be written over. */
static void save_rows(const run *r, int32_t y, int32_t first_output)
{
    const tinyc_helium_depthwise *d = r->d;
    for (int32_t k = 0; k < d->padding[0]; k++) {
        row from = find_row(r, y - d->padding[0] + k, first_output);
        int8_t *to = r->saved + k * d->input[1] * r->pitch;
        const int32_t bytes = d->input[1] * r->pitch, lanes = r->pitch == 8 ? 16 : r->block;
        for (int32_t x = 0; x < bytes; x += 16, from.codes += from.step) {
            tinyc_helium_copy(to + x, from.codes, bytes - x < lanes ? bytes - x : lanes);
        }
    }
}

/* Tiles of outputs: for stride 1 two rows of two, for stride 2 one row of four. */
typedef struct {
    const int32_t *constants;
    const int8_t *strips;
    int8_t *output;
    int32_t channels;
    int32_t columns, rows;
    int32_t right, down; /* bytes to neighbouring outputs */
    int32_t column;      /* bytes from column to column of a strip */
    int32_t strip;       /* bytes from strip to strip */
    int32_t zero_point;
} tiles;

#if TINYC_HELIUM

/* Four filters over the same four columns for stride 1: each column's taps, moved down, moved right, moved both ways.
 * And the offsets of four columns, and of the outputs of a tile. */
typedef struct {
    int8x16_t here, down, right, both;
    uint32x4_t columns, places;
} vectors;

/* What the loops in assembly load, the first eight in this order into r1, r3..r6 and r8..r10: with what the compiler leaves over
 * there are no registers to spare. Lanes have four bits each. */
typedef struct {
    const int8_t *strip;
    int8_t *output;
    int32_t bias, multiplier, shift;
    int32_t strip_step, output_step; /* from tile to tile */
    int32_t zero_point;
    int32_t left, sign; /* for any shift: to the left; to the sign of a number that is to be shifted to the right, or 0 */
    uint32_t whole_lanes;
    int32_t whole;         /* tiles of a step of which these lanes are stored */
    uint32_t rest_lanes;   /* of one more tile; 0 where there is none */
    int32_t strip_skip, output_skip; /* from the end of a step to the next one */
    int32_t steps;         /* 1 or more */
} registers;

#define TILES(sums, scale)                                                                                             \
    "ldm %[t], {r1, r3, r4, r5, r6, r8, r9, r10}\n"                                                                    \
    "1:\n"                                                                                                             \
    "ldrd r0, r2, [%[t], #40]\n"                                                                                       \
    "vmsr p0, r0\n"                                                                                                    \
    "wls lr, r2, 3f\n"                                                                                                 \
    "2:\n" sums scale STORE_CODES                                                                                      \
    "le lr, 2b\n"                                                                                                      \
    "3:\n"                                                                                                             \
    "ldr r0, [%[t], #48]\n"                                                                                            \
    "cbz r0, 4f\n"                                                                                                     \
    "vmsr p0, r0\n" sums scale STORE_CODES                                                                             \
    "4:\n"                                                                                                             \
    "ldrd r0, r2, [%[t], #52]\n"                                                                                       \
    "add r1, r1, r0\n"                                                                                                 \
    "ldr r0, [%[t], #60]\n"                                                                                            \
    "add r3, r3, r2\n"                                                                                                 \
    "subs r0, r0, #1\n"                                                                                                \
    "str r0, [%[t], #60]\n"                                                                                            \
    "bne 1b\n"
#define SUMS_1                                                                                                         \
    "vldrw.u32 q6, [r1, %q[columns]]\n"                                                                                \
    "add r1, r1, r8\n"                                                                                                 \
    "vmladav.s8 r0, q6, %q[here]\n"                                                                                    \
    "vmladav.s8 r2, q6, %q[down]\n"                                                                                    \
    "vmov q7[2], q7[0], r0, r2\n"                                                                                      \
    "vmladav.s8 r0, q6, %q[right]\n"                                                                                   \
    "vmladav.s8 r2, q6, %q[both]\n"                                                                                    \
    "vmov q7[3], q7[1], r0, r2\n"                                                                                      \
    "vadd.i32 q7, q7, r4\n"
#define SUM_2(sum)                                                                                                     \
    "vldrw.u32 q6, [r1, %q[columns]]\n"                                                                                \
    "add r1, r1, r8\n"                                                                                                 \
    "vmladav.s8 " sum ", q6, %q[here]\n"
#define SUMS_2                                                                                                         \
    SUM_2("r0") SUM_2("r2") "vmov q7[2], q7[0], r0, r2\n"                                                              \
    SUM_2("r0") SUM_2("r2") "vmov q7[3], q7[1], r0, r2\n"                                                              \
    "vadd.i32 q7, q7, r4\n"
#define SCALE_HALVES_UP                                                                                                \
    "vqrdmulh.s32 q7, q7, r5\n"                                                                                        \
    "vrshl.s32 q7, r6\n"
#define SCALE_ANY                                                                                                      \
    "ldrd r0, r2, [%[t], #32]\n"                                                                                       \
    "vshl.s32 q7, r0\n"                                                                                                \
    "vqrdmulh.s32 q7, q7, r5\n"                                                                                        \
    "vmov q6, q7\n"                                                                                                    \
    "vshl.s32 q6, r2\n"                                                                                                \
    "vqadd.s32 q7, q7, q6\n"                                                                                           \
    "vrshl.s32 q7, r6\n"
#define STORE_CODES                                                                                                    \
    "vqmovnb.s32 q7, q7\n"                                                                                             \
    "vqadd.s16 q7, q7, r10\n"                                                                                          \
    "vqmovnb.s16 q7, q7\n"                                                                                             \
    "vpst\n"                                                                                                           \
    "vstrbt.32 q7, [r3, %q[places]]\n"                                                                                 \
    "add r3, r3, r9\n"
#define CLOBBERED                                                                                                      \
    "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "lr", "q6", "q7", "p0", "cc", "memory"

static inline void run_steps(registers *t, const vectors *v, int32_t stride, int32_t rounding)
{
    register registers *at __asm__("r12") = t;
#define RUN_1(scale)                                                                                                   \
    __asm__ volatile(TILES(SUMS_1, scale)::[t] "r"(at), [here] "w"(v->here), [down] "w"(v->down),                       \
                     [right] "w"(v->right), [both] "w"(v->both), [columns] "w"(v->columns), [places] "w"(v->places)    \
                     : CLOBBERED)
#define RUN_2(scale)                                                                                                   \
    __asm__ volatile(TILES(SUMS_2, scale)::[t] "r"(at), [here] "w"(v->here), [columns] "w"(v->columns),                 \
                     [places] "w"(v->places)                                                                           \
                     : CLOBBERED)
    if (stride == 1 && rounding == TINYC_HALVES_UP) {
        RUN_1(SCALE_HALVES_UP);
    } else if (stride == 1) {
        RUN_1(SCALE_ANY);
    } else if (rounding == TINYC_HALVES_UP) {
        RUN_2(SCALE_HALVES_UP);
    } else {
        RUN_2(SCALE_ANY);
    }
}

static inline void load_channel(const int32_t *constants, vectors *v, registers *t)
{
    uint32_t nothing = 0;
    const int32x4_t here = vsetq_lane_s32(0, vldrwq_s32(constants), 3);
    const int32x4_t right = vshlcq_s32(here, &nothing, 32);
    v->here = vreinterpretq_s8_s32(here);
    v->right = vreinterpretq_s8_s32(right);
    v->down = vreinterpretq_s8_s32(vshlq_n_s32(here, 8));
    v->both = vreinterpretq_s8_s32(vshlq_n_s32(right, 8));
    t->bias = constants[3];
    t->multiplier = constants[4];
    t->shift = constants[5] < 0 ? constants[5] : 0;
    t->left = constants[5] < 0 ? 0 : constants[5];
    t->sign = constants[5] < 0 ? -31 : 32;
}

/* Where the outputs of a tile lie, for stride 1 row by row; for stride 2 lanes 1 and 2 are the other way round. */
static inline uint32x4_t places_of(const tiles *t, int32_t stride)
{
    const uint32_t right = (uint32_t)t->right, down = (uint32_t)t->down;
    const uint32x4_t row_by_row = {0, right, down, down + right}, in_a_row = {0, 2 * right, right, 3 * right};
    return stride == 1 ? row_by_row : in_a_row;
}

/* The lanes that `columns` and `rows` of outputs are left for. */
static inline uint32_t lanes_of(int32_t columns, int32_t rows, int32_t stride)
{
    if (stride == 1) {
        const uint32_t some = columns == 1 ? 0x0Fu : 0xFFu;
        return rows == 1 ? some : some | some << 8;
    }
    return columns == 1 ? 0x000Fu : columns == 2 ? 0x0F0Fu : columns == 3 ? 0x0FFFu : 0xFFFFu;
}

static inline void filter_tiles(const tiles *t, int32_t stride, int32_t rounding)
{
    const int32_t wide = stride == 1 ? 2 : 4, high = 3 - stride;
    const int32_t rest = t->columns % wide, whole_steps = t->rows / high, row_rest = t->rows % high;
    const int32_t tiles_in_row = t->columns / wide + (rest > 0);
    vectors v = {.columns = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)t->column), .places = places_of(t, stride)};
    registers run;
    run.strip_step = 2 * t->column;
    run.output_step = wide * t->right;
    run.zero_point = t->zero_point;
    run.whole = t->columns / wide;
    run.strip_skip = t->strip - tiles_in_row * wide * stride * t->column;
    run.output_skip = high * t->down - tiles_in_row * run.output_step;
    for (int32_t c = 0; c < t->channels; c++) {
        load_channel(t->constants + c * WORDS, &v, &run);
        run.strip = t->strips + ROWS * c;
        run.output = t->output + c;
        if (whole_steps > 0) {
            run.whole_lanes = lanes_of(wide, high, stride);
            run.rest_lanes = rest > 0 ? lanes_of(rest, high, stride) : 0;
            run.steps = whole_steps;
            run_steps(&run, &v, stride, rounding);
        }
        if (row_rest > 0) {
            run.strip += whole_steps * t->strip;
            run.output += whole_steps * high * t->down;
            run.whole_lanes = lanes_of(wide, 1, stride);
            run.rest_lanes = rest > 0 ? lanes_of(rest, 1, stride) : 0;
            run.steps = 1;
            run_steps(&run, &v, stride, rounding);
        }
    }
}

static void filter_channels(const tiles *t, int32_t stride, int32_t rounding)
{
    if (stride == 1) {
        if (rounding == TINYC_HALVES_UP) {
            filter_tiles(t, 1, TINYC_HALVES_UP);
        } else {
            filter_tiles(t, 1, TINYC_ANY_SHIFT);
        }
    } else if (rounding == TINYC_HALVES_UP) {
        filter_tiles(t, 2, TINYC_HALVES_UP);
    } else {
        filter_tiles(t, 2, TINYC_ANY_SHIFT);
    }
}

#else

/* The sum of channel `c` for an output of the tiles. */
static int32_t sum_of(const tiles *t, int32_t stride, int32_t c, int32_t y, int32_t x)
{
    const int32_t *constants = t->constants + c * WORDS;
    const int8_t *taps = (const int8_t *)constants;
    const int32_t high = 3 - stride;
    const int8_t *from = t->strips + y / high * t->strip + x * stride * t->column + ROWS * c + y % high;
    int32_t sum = constants[3];
    for (int32_t i = 0; i < 9; i++) {
        sum = tinyc_add_wrapping(sum, from[i / 3 * t->column + i % 3] * taps[i / 3 * ROWS + i % 3]);
    }
    return sum;
}

static void filter_channels(const tiles *t, int32_t stride, int32_t rounding)
{
    static const int32_t all_codes[2] = {-128, 127};
    (void)rounding;
    for (int32_t c = 0; c < t->channels; c++) {
        const int32_t *constants = t->constants + c * WORDS;
        for (int32_t y = 0; y < t->rows; y++) {
            for (int32_t x = 0; x < t->columns; x++) {
                const int32_t scaled = tinyc_multiply(sum_of(t, stride, c, y, x), constants[4], constants[5]);
                t->output[y * t->down + x * t->right + c] = tinyc_code(scaled, t->zero_point, all_codes);
            }
        }
    }
}

#endif

static void filter_block(const run *r, const int32_t *constants, int8_t *output)
{
    const tinyc_helium_depthwise *d = r->d;
    const int32_t per_step = 3 - d->stride, strip_bytes = d->columns * ROWS * r->pitch;
    const int32_t most = d->steps * per_step, rows = d->output[0];
    tiles t = {
        .constants = constants,
        .strips = r->strips,
        .channels = r->block,
        .columns = d->output[1],
        .right = d->channels,
        .down = d->output[1] * d->channels,
        .column = ROWS * r->pitch,
        .strip = strip_bytes,
        .zero_point = d->output_zero_point,
    };
    for (int32_t first = 0; first < rows; first += most) {
        const int32_t end = first + most < rows ? first + most : rows;
        const int32_t written = d->stride == 1 ? first : 0; /* fewer rows of the input are written over than read */
        for (int32_t y = first, i = 0; y < end; y += per_step, i++) {
            gather_strip(r, y, written, r->strips + i * strip_bytes);
        }
        if (d->stride == 1 && end < rows) {
            save_rows(r, end, first);
        }
        t.output = output + first * t.down;
        t.rows = end - first;
        filter_channels(&t, d->stride, d->rounding);
    }
}

/* Bring codes into the range of the clamp. */
static void limit(int8_t *codes, int32_t bytes, const int32_t clamp[2])
{
#if TINYC_HELIUM
    __asm__ volatile("vdup.8 q1, %[low]\n"
                     "vdup.8 q2, %[high]\n"
                     "wlstp.8 lr, %[bytes], 2f\n"
                     "1:\n"
                     "vldrb.8 q0, [%[codes]]\n"
                     "vmax.s8 q0, q0, q1\n"
                     "vmin.s8 q0, q0, q2\n"
                     "vstrb.8 q0, [%[codes]], #16\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [codes] "+r"(codes)
                     : [bytes] "r"(bytes), [low] "r"(clamp[0]), [high] "r"(clamp[1])
                     : "q0", "q1", "q2", "lr", "cc", "memory");
#else
    for (int32_t i = 0; i < bytes; i++) {
        codes[i] = tinyc_clamp(codes[i], clamp[0], clamp[1]);
    }
#endif
}

void tinyc_helium_depthwise_s8(const tinyc_helium_depthwise *d, const int32_t *constants, const int8_t *input,
                               int8_t *output, int8_t *scratch)
{
    const int32_t bytes = d->output[0] * d->output[1] * d->channels, pitch = d->channels == 8 ? 8 : 16;
    /* Over its input the output is written where channels meet their own, and moved to its place at the end. */
    const intptr_t below = (intptr_t)input - (intptr_t)output;
    int8_t *written = output + (below > 0 && below < bytes ? below % d->channels : 0);
    int8_t *saved = scratch + 16;
    run r = {d, input, 0, pitch, scratch, saved, saved + d->padding[0] * d->input[1] * pitch};
    tinyc_helium_fill(scratch, d->input_zero_point, 16);
    for (int32_t c = 0; c < d->channels; c += 16) {
        r.input = input + c;
        r.block = d->channels - c < 16 ? d->channels - c : 16;
        filter_block(&r, constants + c * WORDS, written + c);
    }
    if (d->clamp[0] > -128 || d->clamp[1] < 127) {
        limit(written, bytes, d->clamp);
    }
    if (written != output) {
        memmove(output, written, (size_t)bytes);
    }
}
