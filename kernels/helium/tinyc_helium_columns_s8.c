#include "tinyc_helium_columns_s8.h"

#include "tinyc_helium.h"

#define STEP 16 /* codes that one instruction multiplies */

#if TINYC_HELIUM

typedef struct {
    int32x4_t first, second; /* sums of four channels in two columns */
} tile;

/* The last step of a column is shorter: the loops end with the predicate that `letp` makes, and read no code too many.
 * Sums stand in even registers, which vmladava asks for. Returns where the tables of the block begin. */
static inline const int8_t *add_products(const int8_t *x0, const int8_t *x1, const int8_t *w, int32_t depth, tile *t)
{
    const int32_t rounded = (depth + STEP - 1) & -STEP;
    int32x4_t first, second;
    int32_t a, b, c, d;
#define TWO_CHANNELS                                                                                                   \
    "ldrd %[a], %[c], [%[w]], #8\n"                                                                                    \
    "mov %[b], %[a]\n"                                                                                                 \
    "mov %[d], %[c]\n"                                                                                                 \
    "dlstp.8 lr, %[depth]\n"                                                                                           \
    "1:\n"                                                                                                             \
    "vldrb.8 q0, [%[x0]], #16\n"                                                                                       \
    "vldrb.8 q2, [%[w]], #16\n"                                                                                        \
    "vmladava.s8 %[a], q0, q2\n"                                                                                       \
    "vldrb.8 q1, [%[x1]], #16\n"                                                                                       \
    "vmladava.s8 %[b], q1, q2\n"                                                                                       \
    "vldrb.8 q3, [%[w]], #16\n"                                                                                        \
    "vmladava.s8 %[c], q0, q3\n"                                                                                       \
    "vmladava.s8 %[d], q1, q3\n"                                                                                       \
    "letp lr, 1b\n"
    __asm__(TWO_CHANNELS
            "vmov %q[first][2], %q[first][0], %[a], %[c]\n"
            "vmov %q[second][2], %q[second][0], %[b], %[d]\n"
            "sub %[x0], %[x0], %[rounded]\n"
            "sub %[x1], %[x1], %[rounded]\n" TWO_CHANNELS
            "vmov %q[first][3], %q[first][1], %[a], %[c]\n"
            "vmov %q[second][3], %q[second][1], %[b], %[d]\n"
            : [first] "=&w"(first), [second] "=&w"(second), [x0] "+r"(x0), [x1] "+r"(x1), [w] "+r"(w), [a] "=&Te"(a),
              [b] "=&Te"(b), [c] "=&Te"(c), [d] "=&Te"(d)
            : [depth] "r"(depth), [rounded] "r"(rounded)
            : "q0", "q1", "q2", "q3", "lr", "cc", "memory");
#undef TWO_CHANNELS
    *t = (tile){first, second};
    return w;
}

/* The same for a single column, four channels in one loop: two pairs of them, half a block apart. */
static inline const int8_t *add_products_of_one(const int8_t *x, const int8_t *w, int32_t depth, int32x4_t *sums)
{
    const int8_t *second = w + 8 + ((depth + STEP - 1) & -STEP) * 2;
    int32_t a, b, c, d;
    __asm__("ldrd %[a], %[b], [%[w]], #8\n"
            "ldrd %[c], %[d], [%[second]], #8\n"
            "dlstp.8 lr, %[depth]\n"
            "1:\n"
            "vldrb.8 q0, [%[x]], #16\n"
            "vldrb.8 q1, [%[w]], #16\n"
            "vmladava.s8 %[a], q0, q1\n"
            "vldrb.8 q2, [%[w]], #16\n"
            "vmladava.s8 %[b], q0, q2\n"
            "vldrb.8 q1, [%[second]], #16\n"
            "vmladava.s8 %[c], q0, q1\n"
            "vldrb.8 q2, [%[second]], #16\n"
            "vmladava.s8 %[d], q0, q2\n"
            "letp lr, 1b\n"
            "vmov %q[sums][2], %q[sums][0], %[a], %[b]\n"
            "vmov %q[sums][3], %q[sums][1], %[c], %[d]\n"
            : [sums] "=&w"(*sums), [x] "+r"(x), [w] "+r"(w), [second] "+r"(second), [a] "=&Te"(a), [b] "=&Te"(b),
              [c] "=&Te"(c), [d] "=&Te"(d)
            : [depth] "r"(depth)
            : "q0", "q1", "q2", "lr", "cc", "memory");
    return second;
}

/* The low bytes of at most `left` lanes to each of two outputs. */
static inline void store(int32x4_t first, int32x4_t second, int32_t left, int8_t **y0, int8_t **y1)
{
    __asm__ volatile("vctp.32 %[left]\n"
                     "vpstt\n"
                     "vstrbt.32 %q[second], [%[y1]], #4\n"
                     "vstrbt.32 %q[first], [%[y0]], #4\n"
                     : [y0] "+l"(*y0), [y1] "+l"(*y1)
                     : [first] "w"(first), [second] "w"(second), [left] "r"(left)
                     : "p0", "memory");
}

static inline void multiply_single(const tinyc_helium_columns *layer, const int8_t *x, int8_t *output, int32_t rounding)
{
    const int16x8_t low = vdupq_n_s16((int16_t)layer->clamp[0]), high = vdupq_n_s16((int16_t)layer->clamp[1]);
    const int8_t *w = (const int8_t *)layer->constants;
    for (int32_t left = layer->channels; left > 0; left -= 4, output += 4) {
        int32x4_t sums;
        w = add_products_of_one(x, w, layer->depth, &sums);
        const int32x4_t multiplier = vldrwq_s32((const int32_t *)(const void *)w);
        const int32x4_t shift = vldrwq_s32((const int32_t *)(const void *)(w + 16));
        w += 32;
        sums = tinyc_helium_scale(sums, multiplier, shift, rounding);
        int16x8_t codes = vqmovnbq_s32(vreinterpretq_s16_s32(sums), sums);
        codes = vminq_s16(vmaxq_s16(vqaddq_n_s16(codes, (int16_t)layer->zero_point), low), high);
        vstrbq_p_s32(output, vreinterpretq_s32_s16(codes), vctp32q((uint32_t)left));
    }
}

/* A last column without a partner; kept out of the loops over pairs, which need all registers. */
static __attribute__((noinline)) void multiply_last(const tinyc_helium_columns *layer, const int8_t *x, int8_t *output)
{
    switch (layer->rounding) {
    case TINYC_HALVES_UP:
        multiply_single(layer, x, output, TINYC_HALVES_UP);
        break;
    case TINYC_ONCE:
        multiply_single(layer, x, output, TINYC_ONCE);
        break;
    case TINYC_RIGHT_SHIFT:
        multiply_single(layer, x, output, TINYC_RIGHT_SHIFT);
        break;
    default:
        multiply_single(layer, x, output, TINYC_ANY_SHIFT);
    }
}

static inline void multiply(const tinyc_helium_columns *layer, const int8_t *x, int32_t pixels, int8_t *output,
                            int32_t rounding)
{
    const int32_t depth = layer->depth, channels = layer->channels;
    const int16_t zero_point = (int16_t)layer->zero_point;
    const int16x8_t low = vdupq_n_s16((int16_t)layer->clamp[0]), high = vdupq_n_s16((int16_t)layer->clamp[1]);
    for (; pixels > 1; pixels -= 2, x += 2 * depth, output += 2 * channels) {
        const int8_t *w = (const int8_t *)layer->constants;
        int8_t *y0 = output, *y1 = output + channels;
        for (int32_t left = channels; left > 0; left -= 4) {
            tile t;
            w = add_products(x, x + depth, w, depth, &t);
            const int32x4_t multiplier = vldrwq_s32((const int32_t *)(const void *)w);
            const int32x4_t shift = vldrwq_s32((const int32_t *)(const void *)(w + 16));
            w += 32;
            const int32x4_t a = tinyc_helium_scale(t.first, multiplier, shift, rounding);
            const int32x4_t b = tinyc_helium_scale(t.second, multiplier, shift, rounding);
            int16x8_t codes = vqmovntq_s32(vqmovnbq_s32(vreinterpretq_s16_s32(a), a), b);
            codes = vminq_s16(vmaxq_s16(vqaddq_n_s16(codes, zero_point), low), high);
            const int32x4_t in_turn = vreinterpretq_s32_s16(codes), of_second = vshrq_n_s32(in_turn, 16);
            store(in_turn, of_second, left, &y0, &y1);
        }
    }
}

void tinyc_helium_columns_s8(const tinyc_helium_columns *layer, const int8_t *columns, int32_t pixels, int8_t *output)
{
    switch (layer->rounding) {
    case TINYC_HALVES_UP:
        multiply(layer, columns, pixels, output, TINYC_HALVES_UP);
        break;
    case TINYC_ONCE:
        multiply(layer, columns, pixels, output, TINYC_ONCE);
        break;
    case TINYC_RIGHT_SHIFT:
        multiply(layer, columns, pixels, output, TINYC_RIGHT_SHIFT);
        break;
    default:
        multiply(layer, columns, pixels, output, TINYC_ANY_SHIFT);
    }
    if (pixels % 2 != 0) {
        multiply_last(layer, columns + (pixels - 1) * layer->depth, output + (pixels - 1) * layer->channels);
    }
}

#else

/* The sum of channel `c` of a block. */
static int32_t sum_of(const int32_t *block, int32_t steps, const int8_t *x, int32_t depth, int32_t c)
{
    const int32_t *half = block + (c & 1) * (2 + steps * STEP / 2);
    const int8_t *w = (const int8_t *)(half + 2) + c / 2 * STEP;
    int32_t sum = half[c / 2];
    for (int32_t i = 0; i < depth; i++) {
        sum = tinyc_add_wrapping(sum, x[i] * w[i / STEP * 2 * STEP + i % STEP]);
    }
    return sum;
}

void tinyc_helium_columns_s8(const tinyc_helium_columns *layer, const int8_t *columns, int32_t pixels, int8_t *output)
{
    const int32_t steps = (layer->depth + STEP - 1) / STEP, tables = 4 + steps * STEP;
    for (; pixels > 0; pixels--, columns += layer->depth) {
        const int32_t *block = layer->constants;
        for (int32_t c = 0; c < layer->channels; c++) {
            const int32_t at = c % 4, sum = sum_of(block, steps, columns, layer->depth, at);
            const int32_t scaled = tinyc_multiply(sum, block[tables + at], block[tables + 4 + at]);
            *output++ = tinyc_code(scaled, layer->zero_point, layer->clamp);
            block += at == 3 ? tables + 8 : 0;
        }
    }
}

#endif
