#include "tinyc_helium_strips.h"

#include "tinyc_helium.h"

/* Where a row's codes lie, and how far from one vector of them to the next. */
typedef struct {
    const int8_t *codes;
    int32_t step;
} row;

static row find_row(const tinyc_helium_block *b, int32_t y, int32_t first_output)
{
    const tinyc_helium_depthwise *d = b->d;
    if (y < 0 || y >= d->input[0]) {
        return (row){b->nothing, 0};
    }
    if (y < first_output) {
        return (row){b->saved + (y - first_output + d->padding[0]) * d->input[1] * b->pitch, 16};
    }
    return (row){b->input + y * d->input[1] * d->channels, b->pitch == 8 ? 16 : d->channels};
}

/* Four rows from row `y` on. */
static void find_rows(const tinyc_helium_block *b, int32_t y, int32_t first_output, row *rows)
{
    const tinyc_helium_depthwise *d = b->d;
    const int32_t bytes = d->input[1] * d->channels, step = b->pitch == 8 ? 16 : d->channels, end = d->input[0];
    const int32_t first = first_output > 0 ? first_output : 0;
    int32_t at = y * bytes;
    for (int32_t k = 0; k < TINYC_STRIP_ROWS; k++, y++, at += bytes) {
        rows[k] = y >= first && y < end ? (row){b->input + at, step} : find_row(b, y, first_output);
    }
}

/* `count` vectors of `lanes` codes of four rows, lane by lane, `skip` bytes between what they make. */
typedef struct {
    row rows[TINYC_STRIP_ROWS];
    int8_t *to;
    int32_t count, lanes, skip;
} interleaving;

static void interleave(const interleaving *i)
{
#if TINYC_HELIUM
    register const interleaving *at __asm__("r0") = i;
    __asm__ volatile("ldrd r1, r12, [r0, #40]\n"
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
                     "add r9, r9, r12\n"
                     "le lr, 1b\n"
                     "2:\n"
                     : "+r"(at)
                     :
                     : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r12", "lr", "q0", "q1", "q2", "q3", "p0",
                       "cc", "memory");
#else
    for (int32_t v = 0; v < i->count; v++) {
        for (int32_t lane = 0; lane < i->lanes; lane++) {
            for (int32_t k = 0; k < TINYC_STRIP_ROWS; k++) {
                int8_t *to = i->to + (TINYC_STRIP_ROWS * 16 + i->skip) * v;
                to[TINYC_STRIP_ROWS * lane + k] = i->rows[k].codes[v * i->rows[k].step + lane];
            }
        }
    }
#endif
}

/* Four rows from row `y` on, one word of each column from `to` on. */
static void gather_word(const tinyc_helium_block *b, int32_t y, int32_t first_output, int8_t *to)
{
    const tinyc_helium_depthwise *d = b->d;
    const int32_t width = d->input[1], word = TINYC_STRIP_ROWS * b->pitch;
    const int32_t count = b->pitch == 8 ? width / 2 : width; /* of eight channels two columns are one vector */
    interleaving i;
    find_rows(b, y, first_output, i.rows);
    i.to = to;
    i.count = count;
    i.lanes = b->pitch == 8 ? 16 : b->block;
    i.skip = (d->taps[0] - 1) * word;
    interleave(&i);
    if (b->pitch == 8 && width % 2 != 0) {
        for (int32_t k = 0; k < TINYC_STRIP_ROWS; k++) {
            i.rows[k].codes += count * i.rows[k].step;
        }
        i.to += count * 2 * word;
        i.count = 1;
        i.lanes = 8;
        interleave(&i);
    }
}

void tinyc_helium_gather_strip(const tinyc_helium_block *b, int32_t y, int32_t first_output, int8_t *strip)
{
    const tinyc_helium_depthwise *d = b->d;
    const int32_t word = TINYC_STRIP_ROWS * b->pitch, column = d->taps[0] * word;
    const int32_t left = d->padding[1], right = left + d->input[1];
    tinyc_helium_fill(strip, d->input_zero_point, left * column);
    for (int32_t i = 0; i < d->taps[0]; i++) {
        const int32_t row = y * d->stride - d->padding[0] + TINYC_STRIP_ROWS * i;
        gather_word(b, row, first_output, strip + left * column + i * word);
    }
    tinyc_helium_fill(strip + right * column, d->input_zero_point, (d->columns - right) * column);
}

void tinyc_helium_save_rows(const tinyc_helium_block *b, int32_t y, int32_t first_output)
{
    const tinyc_helium_depthwise *d = b->d;
    for (int32_t k = 0; k < d->padding[0]; k++) {
        row from = find_row(b, y - d->padding[0] + k, first_output);
        int8_t *to = b->saved + k * d->input[1] * b->pitch;
        const int32_t bytes = d->input[1] * b->pitch, lanes = b->pitch == 8 ? 16 : b->block;
        for (int32_t x = 0; x < bytes; x += 16, from.codes += from.step) {
            tinyc_helium_copy(to + x, from.codes, bytes - x < lanes ? bytes - x : lanes);
        }
    }
}
