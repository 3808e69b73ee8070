#include "tinyc_depthwise_strips.h"
#include "tinyc_dsp.h"

enum { HEADER = 4 };

/* Sums of a tile: rows from above, columns from the left. */
typedef struct {
    int32_t sum[2][2];
} tile;

/* One channel's constants. */
typedef struct {
    int32_t bias;
    tinyc_requantiser requantiser;
    uint32_t taps[];
} filter;

/* Taps as pairs of rows: for every pair and column one word for the upper row of a step, and with `two_rows` a second
 * one for the lower row, whose window begins one row later. */
static void unpack_taps(const filter *f, int32_t pairs, int32_t columns, int two_rows, uint32_t *taps)
{
    const uint32_t *packed = f->taps;
    if (!two_rows) {
        for (const uint32_t *end = packed + pairs * columns / 2; packed < end; packed++) {
            *taps++ = tinyc_add_even_bytes(0, *packed);
            *taps++ = tinyc_add_odd_bytes(0, *packed);
        }
        return;
    }
    for (int32_t j = 0; j < columns; j += 2, taps += 4) {
        uint32_t even = 0, odd = 0; /* of the pair above */
        uint32_t *to = taps;
        const uint32_t *from = packed + j / 2;
        for (int32_t i = 0; i < pairs; i++, to += 2 * columns, from += columns / 2) {
            const uint32_t e = tinyc_add_even_bytes(0, *from), o = tinyc_add_odd_bytes(0, *from);
            to[0] = e;
            to[1] = tinyc_pack_low(even >> 16, e);
            to[2] = o;
            to[3] = tinyc_pack_low(odd >> 16, o);
            even = e;
            odd = o;
        }
    }
}

/* What `columns` (an even number) taps of one pair of rows give to two neighbours in two rows. */
static inline void add_two_rows(const uint32_t *p, const uint32_t *taps, int32_t columns, tile *t)
{
    int32_t a = t->sum[0][0], b = t->sum[0][1], c = t->sum[1][0], d = t->sum[1][1];
#if TINYC_DSP
    uint32_t left, middle, right, upper, lower;
    __asm__("ldr %[left], [%[p]], #4\n"
            "1:\n"
            "ldrd %[upper], %[lower], [%[taps]], #8\n"
            "ldrd %[middle], %[right], [%[p]], #8\n"
            "subs %[n], #2\n"
            "smlad %[a], %[left], %[upper], %[a]\n"
            "smlad %[c], %[left], %[lower], %[c]\n"
            "smlad %[b], %[middle], %[upper], %[b]\n"
            "smlad %[d], %[middle], %[lower], %[d]\n"
            "ldrd %[upper], %[lower], [%[taps]], #8\n"
            "mov %[left], %[right]\n"
            "smlad %[a], %[middle], %[upper], %[a]\n"
            "smlad %[c], %[middle], %[lower], %[c]\n"
            "smlad %[b], %[right], %[upper], %[b]\n"
            "smlad %[d], %[right], %[lower], %[d]\n"
            "bne 1b\n"
            : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [p] "+r"(p), [taps] "+r"(taps), [n] "+r"(columns),
              [left] "=&r"(left), [middle] "=&r"(middle), [right] "=&r"(right), [upper] "=&r"(upper),
              [lower] "=&r"(lower)
            :
            : "cc", "memory");
#else
    for (int32_t j = 0; j < columns; j++) {
        a = tinyc_mac_pair(p[j], taps[2 * j], a);
        b = tinyc_mac_pair(p[j + 1], taps[2 * j], b);
        c = tinyc_mac_pair(p[j], taps[2 * j + 1], c);
        d = tinyc_mac_pair(p[j + 1], taps[2 * j + 1], d);
    }
#endif
    *t = (tile){{{a, b}, {c, d}}};
}

/* The same for one row. */
static inline void add_one_row(const uint32_t *p, int32_t stride, const uint32_t *taps, int32_t columns, tile *t)
{
    int32_t a = t->sum[0][0], b = t->sum[0][1];
    const uint32_t *q = p + stride;
#if TINYC_DSP
    uint32_t p0, p1, q0, q1, tap0, tap1;
    __asm__("1:\n"
            "ldrd %[p0], %[p1], [%[p]], #8\n"
            "ldrd %[tap0], %[tap1], [%[taps]], #8\n"
            "ldrd %[q0], %[q1], [%[q]], #8\n"
            "subs %[n], #2\n"
            "smlad %[a], %[p0], %[tap0], %[a]\n"
            "smlad %[b], %[q0], %[tap0], %[b]\n"
            "smlad %[a], %[p1], %[tap1], %[a]\n"
            "smlad %[b], %[q1], %[tap1], %[b]\n"
            "bne 1b\n"
            : [a] "+r"(a), [b] "+r"(b), [p] "+r"(p), [q] "+r"(q), [taps] "+r"(taps), [n] "+r"(columns),
              [p0] "=&r"(p0), [p1] "=&r"(p1), [q0] "=&r"(q0), [q1] "=&r"(q1), [tap0] "=&r"(tap0), [tap1] "=&r"(tap1)
            :
            : "cc", "memory");
#else
    for (int32_t j = 0; j < columns; j++) {
        a = tinyc_mac_pair(p[j], taps[j], a);
        b = tinyc_mac_pair(q[j], taps[j], b);
    }
#endif
    t->sum[0][0] = a;
    t->sum[0][1] = b;
}

/* Taps from `first` to `end` of one axis that meet an image of `size`, of a window that begins at `start`; where
 * neighbouring windows count as one, `reach` is what the last of them begins later. */
typedef struct {
    int32_t first, end;
} range;

static inline range taps_in_image(int32_t start, int32_t taps, int32_t reach, int32_t size)
{
    range r = {-start - reach, size - start};
    r.first = r.first < 0 ? 0 : r.first & ~1;
    r.end = r.end > taps ? taps : (r.end + 1) & ~1;
    return r;
}

static int8_t code(int32_t sum, const filter *f, int32_t zero_point)
{
    const int32_t doubled = f->requantiser.shift > 0 ? tinyc_add_wrapping(sum, sum) : sum;
    return tinyc_requantise(doubled, &f->requantiser, zero_point);
}

static void filter_rows(const tinyc_depthwise *d, const int32_t *channel, const tinyc_strip *strip, int8_t *output)
{
    const filter *f = (const filter *)(const void *)channel;
    const int32_t columns = d->window[1], stride = d->stride, zero_point = d->output_zero_point;
    const int two_rows = stride == 1 && d->output[0] > 1;
    const int32_t row_bytes = d->output[1] * d->channels, tap_row = two_rows ? 2 * columns : columns;
    const uint32_t *pairs = strip->pairs;
    unpack_taps(f, d->window[0], columns, two_rows, strip->workspace);
    for (int32_t y = 0; y < strip->rows; y += two_rows ? 2 : 1, pairs += d->width) {
        const int32_t first_row = strip->first_row + y * stride;
        const range rows = taps_in_image(first_row, 2 * d->window[0], 0, d->input[0]);
        int8_t *to = output + y * row_bytes;
        for (int32_t x = 0; x < d->output[1]; x += 2, to += 2 * d->channels) {
            const range taken = taps_in_image(x * stride - d->padding[1], columns, stride, d->input[1]);
            const int32_t count = taken.end - taken.first;
            tile t = {{{f->bias, f->bias}, {f->bias, f->bias}}};
            for (int32_t i = rows.first / 2; count > 0 && i < rows.end / 2; i++) {
                const uint32_t *p = pairs + i * d->width + x * stride + taken.first;
                const uint32_t *taps = strip->workspace + i * tap_row + (two_rows ? 2 : 1) * taken.first;
                if (two_rows) {
                    add_two_rows(p, taps, count, &t);
                } else {
                    add_one_row(p, stride, taps, count, &t);
                }
            }
            for (int32_t i = 0; i < 1 + (two_rows && y + 1 < strip->rows); i++) {
                for (int32_t j = 0; j < 1 + (x + 1 < d->output[1]); j++) {
                    to[i * row_bytes + j * d->channels] = code(t.sum[i][j], f, zero_point);
                }
            }
        }
    }
}

void tinyc_depthwise_kxk_s8(const tinyc_depthwise *d, const int32_t *constants, const int8_t *input, int8_t *output,
                            void *scratch)
{
    const int32_t words = HEADER + d->window[0] * d->window[1] / 2;
    tinyc_depthwise_strips(d, filter_rows, constants, words, input, output, scratch);
}
