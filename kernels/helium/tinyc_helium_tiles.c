#include "tinyc_helium_tiles.h"

#include "tinyc_helium.h"

enum { STRIP_ROWS = 4, TABLES = 3 }; /* rows in a word of a strip; words of constants after the taps */

#if TINYC_HELIUM

/* Four filters. Of up to 3x3 taps each column's, then for stride 1 those moved down, moved right, moved both ways, for
 * the same four columns; of more taps those of columns 0..3 and 4..7 in rows 0..3, then in rows 4..7.
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
    uint32x4_t large_columns; /* where the vectors of large windows begin */
} registers;

#define TILES(start, unless, sums, scale)                                                                                     \
    "ldm %[t], {r1, r3, r4, r5, r6, r8, r9, r10}\n"                                                                    \
    "1:\n" start                                                                                                       \
    "ldrd r0, r2, [%[t], #40]\n"                                                                                       \
    "vmsr p0, r0\n"                                                                                                    \
    "wls lr, r2, 3f\n"                                                                                                 \
    "2:\n" sums scale STORE_CODES                                                                                      \
    "le lr, 2b\n"                                                                                                      \
    "3:\n"                                                                                                             \
    "ldr r0, [%[t], #48]\n"                                                                                            \
    unless "vmsr p0, r0\n" sums scale STORE_CODES                                                                             \
    "4:\n"                                                                                                             \
    "ldrd r0, r2, [%[t], #52]\n"                                                                                       \
    "add r1, r1, r0\n"                                                                                                 \
    "ldr r0, [%[t], #60]\n"                                                                                            \
    "add r3, r3, r2\n"                                                                                                 \
    "subs r0, r0, #1\n"                                                                                                \
    "str r0, [%[t], #60]\n"                                                                                            \
    "bne 1b\n"
#define NO_START ""
#define UNLESS_NEAR "cbz r0, 4f\n"
#define UNLESS_FAR "cmp r0, #0\n" "beq 4f\n"
/* Two rows of two, from one vector. */
#define SUMS_2X2                                                                                                         \
    "vldrw.u32 q6, [r1, %q[columns]]\n"                                                                                \
    "add r1, r1, r8\n"                                                                                                 \
    "vmladav.s8 r0, q6, %q[here]\n"                                                                                    \
    "vmladav.s8 r2, q6, %q[down]\n"                                                                                    \
    "vmov q7[2], q7[0], r0, r2\n"                                                                                      \
    "vmladav.s8 r0, q6, %q[right]\n"                                                                                   \
    "vmladav.s8 r2, q6, %q[both]\n"                                                                                    \
    "vmov q7[3], q7[1], r0, r2\n"                                                                                      \
    "vadd.i32 q7, q7, r4\n"
/* Four outputs in a row of stride 2, each from its own vector. */
#define SUM_OF_OWN(sum)                                                                                                     \
    "vldrw.u32 q6, [r1, %q[columns]]\n"                                                                                \
    "add r1, r1, r8\n"                                                                                                 \
    "vmladav.s8 " sum ", q6, %q[here]\n"
#define SUMS_OF_STRIDE_2                                                                                                         \
    SUM_OF_OWN("r0") SUM_OF_OWN("r2") "vmov q7[2], q7[0], r0, r2\n"                                                              \
    SUM_OF_OWN("r0") SUM_OF_OWN("r2") "vmov q7[3], q7[1], r0, r2\n"                                                              \
    "vadd.i32 q7, q7, r4\n"
/* Four outputs in a row of stride 1, from two vectors. */
#define SUMS_OF_TWO(first, second)                                                                                     \
    "vldrw.u32 q6, [r1, %q[columns]]\n"                                                                                \
    "add r1, r1, r8\n"                                                                                                 \
    "vmladav.s8 r0, q6, %q[here]\n"                                                                                    \
    "vmladav.s8 r2, q6, %q[right]\n"                                                                                   \
    "vmov q7[" second "], q7[" first "], r0, r2\n"
#define SUMS_IN_A_ROW SUMS_OF_TWO("0", "2") SUMS_OF_TWO("1", "3") "vadd.i32 q7, q7, r4\n"
/* Four outputs in a row of up to 8x8 taps, each from four vectors. The addresses in q4 are those of four columns, one to
 * the right of the window's first: so all offsets fit. */
#define START_LARGE                                                                                                    \
    "vldrw.u32 q4, [%[t], #64]\n"                                                                                      \
    "vadd.i32 q4, q4, r1\n"
#define SUM_LARGE(sum)                                                                                                 \
    "vldrw.u32 q6, [q4, #-128]\n"                                                                                      \
    "vmladav.s8 " sum ", q6, %q[here]\n"                                                                               \
    "vldrw.u32 q6, [q4, #384]\n"                                                                                       \
    "vmladava.s8 " sum ", q6, %q[down]\n"                                                                              \
    "vldrw.u32 q6, [q4, #-64]\n"                                                                                       \
    "vmladava.s8 " sum ", q6, %q[right]\n"                                                                             \
    "vldrw.u32 q6, [q4, #448]\n"                                                                                       \
    "vmladava.s8 " sum ", q6, %q[both]\n"                                                                              \
    "vadd.i32 q4, q4, r8\n"
#define SUMS_LARGE                                                                                                     \
    SUM_LARGE("r0") SUM_LARGE("r2") "vmov q7[2], q7[0], r0, r2\n"                                                      \
    SUM_LARGE("r0") SUM_LARGE("r2") "vmov q7[3], q7[1], r0, r2\n"                                                      \
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

typedef enum { TWO_ROWS, IN_A_ROW, STRIDE_2, LARGE } form;

static inline void run_steps(registers *t, const vectors *v, form how, int32_t rounding)
{
    register registers *at __asm__("r12") = t;
#define RUN(start, sums, scale, ...)                                                                                   \
    __asm__ volatile(TILES(start, UNLESS_NEAR, sums, scale)::[t] "r"(at), [here] "w"(v->here), [places] "w"(v->places),              \
                     __VA_ARGS__                                                                                       \
                     : CLOBBERED)
#define RUN_2X2(scale)                                                                                                 \
    RUN(NO_START, SUMS_2X2, scale, [down] "w"(v->down), [right] "w"(v->right), [both] "w"(v->both),                     \
        [columns] "w"(v->columns))
#define RUN_IN_A_ROW(scale) RUN(NO_START, SUMS_IN_A_ROW, scale, [right] "w"(v->right), [columns] "w"(v->columns))
#define RUN_STRIDE_2(scale) RUN(NO_START, SUMS_OF_STRIDE_2, scale, [columns] "w"(v->columns))
#define RUN_LARGE(scale)                                                                                               \
    __asm__ volatile(TILES(START_LARGE, UNLESS_FAR, SUMS_LARGE, scale)::[t] "r"(at), [here] "w"(v->here), [places] "w"(v->places),  \
                     [down] "w"(v->down), [right] "w"(v->right), [both] "w"(v->both)                                   \
                     : CLOBBERED, "q4")
    if (rounding == TINYC_HALVES_UP) {
        switch (how) {
        case TWO_ROWS: RUN_2X2(SCALE_HALVES_UP); break;
        case IN_A_ROW: RUN_IN_A_ROW(SCALE_HALVES_UP); break;
        case STRIDE_2: RUN_STRIDE_2(SCALE_HALVES_UP); break;
        default: RUN_LARGE(SCALE_HALVES_UP); break;
        }
    } else {
        switch (how) {
        case TWO_ROWS: RUN_2X2(SCALE_ANY); break;
        case IN_A_ROW: RUN_IN_A_ROW(SCALE_ANY); break;
        case STRIDE_2: RUN_STRIDE_2(SCALE_ANY); break;
        default: RUN_LARGE(SCALE_ANY); break;
        }
    }
}

/* `columns` words of taps from `taps` on; zeros where there are fewer. */
static inline int8x16_t load_taps(const int32_t *taps, int32_t columns)
{
    return vreinterpretq_s8_s32(vldrwq_z_s32(taps, vctp32q(columns > 0 ? (uint32_t)columns : 0u)));
}

static inline void load_vectors(const int32_t *constants, int32_t columns, form how, vectors *v)
{
    if (how == LARGE) {
        v->here = load_taps(constants, columns);
        v->down = load_taps(constants + 4, columns - 4);
        v->right = load_taps(constants + columns, columns);
        v->both = load_taps(constants + columns + 4, columns - 4);
        return;
    }
    uint32_t nothing = 0;
    const int32x4_t here = vsetq_lane_s32(0, vldrwq_s32(constants), 3), right = vshlcq_s32(here, &nothing, 32);
    v->here = vreinterpretq_s8_s32(here);
    v->right = vreinterpretq_s8_s32(right);
    v->down = vreinterpretq_s8_s32(vshlq_n_s32(here, 8));
    v->both = vreinterpretq_s8_s32(vshlq_n_s32(right, 8));
}

static inline void load_tables(const int32_t *tables, registers *r)
{
    const int32_t shift = tables[2];
    r->bias = tables[0];
    r->multiplier = tables[1];
    r->shift = shift < 0 ? shift : 0;
    r->left = shift < 0 ? 0 : shift;
    r->sign = shift < 0 ? -31 : 32;
}

/* Where the outputs of a tile lie: row by row, or in a row with lanes 1 and 2 the other way round. */
static inline uint32x4_t places_of(const tinyc_helium_tiles *t, form how)
{
    const uint32_t right = (uint32_t)t->right, down = (uint32_t)t->down;
    const uint32x4_t row_by_row = {0, right, down, down + right}, in_a_row = {0, 2 * right, right, 3 * right};
    return how == TWO_ROWS ? row_by_row : in_a_row;
}

/* The lanes that `columns` and `rows` of outputs are left for. */
static inline uint32_t lanes_of(int32_t columns, int32_t rows, form how)
{
    if (how == TWO_ROWS) {
        const uint32_t some = columns == 1 ? 0x0Fu : 0xFFu;
        return rows == 1 ? some : some | some << 8;
    }
    return columns == 1 ? 0x000Fu : columns == 2 ? 0x0F0Fu : columns == 3 ? 0x0FFFu : 0xFFFFu;
}

/* `rows` of outputs of all channels: whole steps, or the upper row of one. */
static inline void filter(const tinyc_helium_tiles *t, int32_t rows, int32_t steps, form how, int32_t rounding)
{
    const int32_t wide = how == TWO_ROWS ? 2 : 4, high = how == TWO_ROWS ? 2 : 1, advance = t->stride * t->column;
    const int32_t rest = t->columns % wide, tiles_in_row = t->columns / wide + (rest > 0);
    const int32_t words = t->taps[0] * t->taps[1], done = t->rows - rows;
    const int32_t *constants = t->constants;
    const uint32x4_t columns = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)t->column);
    vectors v = {.columns = columns, .places = places_of(t, how)};
    registers run;
    run.large_columns = vaddq_n_u32(columns, (uint32_t)t->column);
    run.strip = t->strips + done / high * t->strip;
    run.output = t->output + done * t->down;
    run.strip_step = how == LARGE ? advance : 2 * t->column;
    run.output_step = wide * t->right;
    run.zero_point = t->zero_point;
    run.whole = t->columns / wide;
    run.whole_lanes = lanes_of(wide, rows, how);
    run.rest_lanes = rest > 0 ? lanes_of(rest, rows, how) : 0;
    run.strip_skip = t->strip - (how == LARGE ? 0 : tiles_in_row * wide * advance);
    run.output_skip = high * t->down - tiles_in_row * run.output_step;
    for (int32_t c = 0; c < t->channels; c++, constants += words + TABLES) {
        load_vectors(constants, t->taps[1], how, &v);
        load_tables(constants + words, &run);
        run.steps = steps;
        run_steps(&run, &v, how, rounding);
        run.strip += STRIP_ROWS;
        run.output++;
    }
}

static inline void filter_by_form(const tinyc_helium_tiles *t, int32_t rounding)
{
    const int32_t rows = t->rows;
    if (t->taps[0] > 1) {
        filter(t, rows, rows, LARGE, rounding);
    } else if (t->stride == 2) {
        filter(t, rows, rows, STRIDE_2, rounding);
    } else if (t->rows_of_step == 1) {
        filter(t, rows, rows, IN_A_ROW, rounding);
    } else {
        if (rows > 1) {
            filter(t, rows, rows / 2, TWO_ROWS, rounding);
        }
        if (rows % 2 != 0) {
            filter(t, 1, 1, TWO_ROWS, rounding);
        }
    }
}

void tinyc_helium_filter(const tinyc_helium_tiles *t)
{
    if (t->rounding == TINYC_HALVES_UP) {
        filter_by_form(t, TINYC_HALVES_UP);
    } else {
        filter_by_form(t, TINYC_ANY_SHIFT);
    }
}

#else

/* The sum of channel `c` for an output of the tiles. */
static int32_t sum_of(const tinyc_helium_tiles *t, const int32_t *constants, int32_t c, int32_t y, int32_t x)
{
    const int8_t *taps = (const int8_t *)constants;
    const int32_t high = t->rows_of_step, columns = t->taps[1];
    const int8_t *from = t->strips + y / high * t->strip + x * t->stride * t->column + STRIP_ROWS * c;
    int32_t sum = constants[t->taps[0] * columns];
    for (int32_t i = 0; i < t->taps[0]; i++, from += t->group) {
        for (int32_t j = 0; j < columns; j++) {
            for (int32_t k = 0; k < STRIP_ROWS - y % high; k++) {
                sum = tinyc_add_wrapping(sum, from[j * t->column + y % high + k] * *(taps + STRIP_ROWS * j + k));
            }
        }
        taps += STRIP_ROWS * columns;
    }
    return sum;
}

void tinyc_helium_filter(const tinyc_helium_tiles *t)
{
    static const int32_t all_codes[2] = {-128, 127};
    const int32_t tables = t->taps[0] * t->taps[1];
    for (int32_t c = 0; c < t->channels; c++) {
        const int32_t *constants = t->constants + c * (tables + TABLES);
        for (int32_t y = 0; y < t->rows; y++) {
            for (int32_t x = 0; x < t->columns; x++) {
                const int32_t sum = sum_of(t, constants, c, y, x);
                const int32_t scaled = tinyc_multiply(sum, constants[tables + 1], constants[tables + 2]);
                t->output[y * t->down + x * t->right + c] = tinyc_code(scaled, t->zero_point, all_codes);
            }
        }
    }
}

#endif
