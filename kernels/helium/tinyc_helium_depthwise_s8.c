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
static void interleave(const row *rows, int32_t count, int32_t lanes, int8_t *to)
{
#if TINYC_HELIUM
    const int8_t *a = rows[0].codes, *b = rows[1].codes, *c = rows[2].codes, *d = rows[3].codes;
    __asm__ volatile("vctp.8 %[lanes]\n"
                     "wls lr, %[count], 2f\n"
                     "1:\n"
                     "vpstttt\n"
                     "vldrbt.8 q0, [%[a]]\n"
                     "vldrbt.8 q1, [%[b]]\n"
                     "vldrbt.8 q2, [%[c]]\n"
                     "vldrbt.8 q3, [%[d]]\n"
                     "add %[a], %[a], %[a_step]\n"
                     "add %[b], %[b], %[b_step]\n"
                     "add %[c], %[c], %[c_step]\n"
                     "add %[d], %[d], %[d_step]\n"
                     "vst40.8 {q0, q1, q2, q3}, [%[to]]\n"
                     "vst41.8 {q0, q1, q2, q3}, [%[to]]\n"
                     "vst42.8 {q0, q1, q2, q3}, [%[to]]\n"
                     "vst43.8 {q0, q1, q2, q3}, [%[to]]!\n"
                     "le lr, 1b\n"
                     "2:\n"
                     : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [to] "+r"(to)
                     : [lanes] "r"(lanes), [count] "r"(count), [a_step] "r"(rows[0].step), [b_step] "r"(rows[1].step),
                       [c_step] "r"(rows[2].step), [d_step] "r"(rows[3].step)
                     : "q0", "q1", "q2", "q3", "p0", "lr", "cc", "memory");
#else
    for (int32_t i = 0; i < count; i++, to += 64) {
        for (int32_t lane = 0; lane < lanes; lane++) {
            for (int32_t k = 0; k < ROWS; k++) {
                to[ROWS * lane + k] = rows[k].codes[i * rows[k].step + lane];
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
    row rows[ROWS];
    for (int32_t k = 0; k < ROWS; k++) {
        rows[k] = find_row(r, y * d->stride - d->padding[0] + k, first_output);
    }
    tinyc_helium_fill(strip, d->input_zero_point, left * column);
    if (r->pitch == 8) { /* two columns are one vector */
        interleave(rows, width / 2, 16, strip + left * column);
        for (int32_t k = 0; k < ROWS; k++) {
            rows[k].codes += width / 2 * rows[k].step;
        }
        interleave(rows, width % 2, 8, strip + (left + width - 1) * column);
    } else {
        interleave(rows, width, r->block, strip + left * column);
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

/* Four filters over the same four columns for stride 1: each column's taps moved down, and right. */
typedef struct {
    int8x16_t here, down, right, both;
    int32_t bias, multiplier, shift;
} filter;

static inline filter load_filter(const int32_t *constants)
{
    uint32_t nothing = 0;
    const int32x4_t here = vsetq_lane_s32(0, vldrwq_s32(constants), 3);
    const int32x4_t right = vshlcq_s32(here, &nothing, 32);
    return (filter){
        vreinterpretq_s8_s32(here),
        vreinterpretq_s8_s32(vshlq_n_s32(here, 8)),
        vreinterpretq_s8_s32(right),
        vreinterpretq_s8_s32(vshlq_n_s32(right, 8)),
        constants[3],
        constants[4],
        constants[5],
    };
}

static inline int32x4_t vector_of(int32_t a, int32_t b, int32_t c, int32_t d)
{
    int32x4_t v;
    __asm__("vmov %q[v][2], %q[v][0], %[a], %[c]\n"
            "vmov %q[v][3], %q[v][1], %[b], %[d]\n"
            : [v] "=&w"(v)
            : [a] "r"(a), [b] "r"(b), [c] "r"(c), [d] "r"(d));
    return v;
}

/* The codes of four sums, in the low bytes. */
static inline int32x4_t codes_of(int32x4_t sums, const filter *f, int16_t zero_point, int32_t rounding)
{
    sums = vaddq_n_s32(sums, f->bias);
    if (rounding == TINYC_HALVES_UP) {
        sums = vrshlq_n_s32(vqrdmulhq_n_s32(sums, f->multiplier), f->shift);
    } else {
        const int32_t left = f->shift > 0 ? f->shift : 0, right = f->shift > 0 ? 0 : f->shift;
        sums = vqrdmulhq_n_s32(vshlq_r_s32(sums, left), f->multiplier);
        const int32x4_t away = vmulq_n_s32(vshrq_n_s32(sums, 31), right < 0);
        sums = vrshlq_n_s32(vqaddq_s32(sums, away), right);
    }
    const int16x8_t codes = vqaddq_n_s16(vqmovnbq_s32(vreinterpretq_s16_s32(sums), sums), zero_point);
    return vreinterpretq_s32_s8(vqmovnbq_s16(vreinterpretq_s8_s16(codes), codes));
}

static inline int32x4_t sums_of(const int8_t *strip, int32_t column, uint32x4_t four, const filter *f, int32_t stride)
{
#define FOUR_COLUMNS(at) vreinterpretq_s8_s32(vldrwq_gather_offset_s32((const int32_t *)(const void *)(at), four))
    const int8x16_t x = FOUR_COLUMNS(strip);
    if (stride == 1) {
        return vector_of(vmladavq_s8(x, f->here), vmladavq_s8(x, f->right), vmladavq_s8(x, f->down),
                         vmladavq_s8(x, f->both));
    }
    return vector_of(vmladavq_s8(x, f->here), vmladavq_s8(FOUR_COLUMNS(strip + 2 * column), f->here),
                     vmladavq_s8(FOUR_COLUMNS(strip + 4 * column), f->here),
                     vmladavq_s8(FOUR_COLUMNS(strip + 6 * column), f->here));
#undef FOUR_COLUMNS
}

/* Where the outputs of a tile lie. */
static inline uint32x4_t places_of(const tiles *t, int32_t stride)
{
    const uint32x4_t lane = vidupq_n_u32(0, 1);
    if (stride == 2) {
        return vmulq_n_u32(lane, (uint32_t)t->right);
    }
    const uint32x4_t across = vmulq_n_u32(vandq_u32(lane, vdupq_n_u32(1)), (uint32_t)t->right);
    return vaddq_u32(across, vmulq_n_u32(vshrq_n_u32(lane, 1), (uint32_t)t->down));
}

/* The lanes of a tile that `columns` and `rows` of outputs are left for. */
static inline mve_pred16_t lanes_of(int32_t columns, int32_t rows, int32_t stride)
{
    const uint32_t wide = stride == 1 ? 0xFFu : 0xFFFFu, some = ((1u << 4 * columns) - 1) & wide;
    return (mve_pred16_t)(stride == 1 && rows > 1 ? some | some << 8 : some);
}

static inline void filter_tiles(const tiles *t, int32_t stride, int32_t rounding)
{
    const int32_t right = t->right, column = t->column, wide = stride == 1 ? 2 : 4, high = 3 - stride;
    const int16_t zero_point = (int16_t)t->zero_point;
    const uint32x4_t four = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)column), places = places_of(t, stride);
    for (int32_t c = 0; c < t->channels; c++) {
        const filter f = load_filter(t->constants + c * WORDS);
        const int8_t *strips = t->strips + ROWS * c;
        int8_t *rows = t->output + c;
        for (int32_t down = t->rows; down > 0; down -= high, strips += t->strip, rows += high * t->down) {
            const int8_t *strip = strips;
            int8_t *output = rows;
            int32_t across = t->columns;
            for (; down >= high && across >= wide; across -= wide) {
                const int32x4_t sums = sums_of(strip, column, four, &f, stride);
                vstrbq_scatter_offset_s32(output, places, codes_of(sums, &f, zero_point, rounding));
                strip += wide * stride * column;
                output += wide * right;
            }
            for (; across > 0; across -= wide) {
                const int32x4_t sums = sums_of(strip, column, four, &f, stride);
                const mve_pred16_t some = lanes_of(across < wide ? across : wide, down, stride);
                vstrbq_scatter_offset_p_s32(output, places, codes_of(sums, &f, zero_point, rounding), some);
                strip += wide * stride * column;
                output += wide * right;
            }
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

static void limit(int8_t *codes, int32_t bytes, const int32_t clamp[2])
{
    for (int32_t i = 0; i < bytes; i++) {
        codes[i] = tinyc_clamp(codes[i], clamp[0], clamp[1]);
    }
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
