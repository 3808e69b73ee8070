#include "tinyc_depthwise_strips.h"
#include "tinyc_dsp.h"

enum { HEADER = 4 };

/* One channel's constants. */
typedef struct {
    int32_t bias;
    tinyc_requantiser requantiser;
    uint32_t taps[];
} filter;

/* Columns of taps in the constants, and as pairs. */
static int32_t even_columns(const tinyc_depthwise *d)
{
    return d->window[1] + 1;
}

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

/* Sums of two neighbours in two rows. */
typedef struct {
    int32_t left, right, left_below, right_below;
} sums;

/* Adds to them what 2 * n + 1 columns of one pair of rows give; `taps` are two words for each column. */
static inline void add_two_rows(const uint32_t *p, const uint32_t *taps, int32_t n, sums *s)
{
#if TINYC_DSP
    uint32_t left, middle, right, upper, lower;
    __asm__("ldr %[left], [%[p]], #4\n"
            "cbz %[n], 2f\n"
            "1:\n"
            "ldrd %[upper], %[lower], [%[taps]], #8\n"
            "ldrd %[middle], %[right], [%[p]], #8\n"
            "subs %[n], #1\n"
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
            "2:\n"
            "ldrd %[upper], %[lower], [%[taps]]\n"
            "ldr %[middle], [%[p]]\n"
            "smlad %[a], %[left], %[upper], %[a]\n"
            "smlad %[c], %[left], %[lower], %[c]\n"
            "smlad %[b], %[middle], %[upper], %[b]\n"
            "smlad %[d], %[middle], %[lower], %[d]\n"
            : [a] "+r"(s->left), [b] "+r"(s->right), [c] "+r"(s->left_below), [d] "+r"(s->right_below), [p] "+r"(p),
              [taps] "+r"(taps), [n] "+l"(n), [left] "=&r"(left), [middle] "=&r"(middle), [right] "=&r"(right),
              [upper] "=&r"(upper), [lower] "=&r"(lower)
            :
            : "cc", "memory");
#else
    for (int32_t j = 0; j < 2 * n + 1; j++) {
        s->left = tinyc_mac_pair(p[j], taps[2 * j], s->left);
        s->right = tinyc_mac_pair(p[j + 1], taps[2 * j], s->right);
        s->left_below = tinyc_mac_pair(p[j], taps[2 * j + 1], s->left_below);
        s->right_below = tinyc_mac_pair(p[j + 1], taps[2 * j + 1], s->right_below);
    }
#endif
}

/* The same for two neighbours of one row; `taps` are one word for each column. */
static inline void add_one_row(const uint32_t *p, const uint32_t *q, const uint32_t *taps, int32_t n, sums *s)
{
#if TINYC_DSP
    uint32_t p0, p1, q0, q1, tap0, tap1;
    __asm__("cbz %[n], 2f\n"
            "1:\n"
            "ldrd %[p0], %[p1], [%[p]], #8\n"
            "ldrd %[tap0], %[tap1], [%[taps]], #8\n"
            "ldrd %[q0], %[q1], [%[q]], #8\n"
            "subs %[n], #1\n"
            "smlad %[a], %[p0], %[tap0], %[a]\n"
            "smlad %[b], %[q0], %[tap0], %[b]\n"
            "smlad %[a], %[p1], %[tap1], %[a]\n"
            "smlad %[b], %[q1], %[tap1], %[b]\n"
            "bne 1b\n"
            "2:\n"
            "ldr %[p0], [%[p]]\n"
            "ldr %[tap0], [%[taps]]\n"
            "ldr %[q0], [%[q]]\n"
            "smlad %[a], %[p0], %[tap0], %[a]\n"
            "smlad %[b], %[q0], %[tap0], %[b]\n"
            : [a] "+r"(s->left), [b] "+r"(s->right), [p] "+r"(p), [q] "+r"(q), [taps] "+r"(taps), [n] "+l"(n),
              [p0] "=&r"(p0), [p1] "=&r"(p1), [q0] "=&r"(q0), [q1] "=&r"(q1), [tap0] "=&r"(tap0), [tap1] "=&r"(tap1)
            :
            : "cc", "memory");
#else
    for (int32_t j = 0; j < 2 * n + 1; j++) {
        s->left = tinyc_mac_pair(p[j], taps[j], s->left);
        s->right = tinyc_mac_pair(q[j], taps[j], s->right);
    }
#endif
}

/* One step's rows: where its pairs, taps and outputs lie, and how far from one to the next. */
typedef struct {
    const uint32_t *pairs, *taps;
    int32_t count; /* pairs of rows that meet the image */
    int32_t width, tap_row;
    int8_t *output;
    int32_t row_bytes;
    int has_second; /* whether the row below is wanted too */
} step;

/* Two columns of outputs at a time. Inlined with a constant flag, so that the loops have no branch. */
static inline void filter_step(const tinyc_depthwise *d, const filter *f, const step *here, int two_rows)
{
    const int32_t columns = d->window[1], stride = d->stride, channels = d->channels, width = here->width;
    const int32_t zero_point = d->output_zero_point;
    int8_t *to = here->output;
    int32_t start = -d->padding[1]; /* column of the image where the left window begins */
    for (int32_t left = d->output[1]; left > 0; left -= 2, to += 2 * channels, start += 2 * stride) {
        /* An odd number of columns of the window, among them all that meet the image. */
        int32_t first = -start - stride, end = d->input[1] - start;
        first = first < 0 ? 0 : first < columns ? first : columns - 1;
        end = end > columns ? columns : end > first ? end : first + 1;
        const int32_t n = (end - first) / 2;
        first -= first > 0 && first + 2 * n + 1 > columns;
        const uint32_t *p = here->pairs + start + d->padding[1] + first;
        const uint32_t *taps = here->taps + (two_rows ? 2 : 1) * first;
        sums s = {f->bias, f->bias, f->bias, f->bias};
        for (int32_t i = here->count; i > 0; i--, p += width, taps += here->tap_row) {
            if (two_rows) {
                add_two_rows(p, taps, n, &s);
            } else {
                add_one_row(p, p + stride, taps, n, &s);
            }
        }
        to[0] = tinyc_requantise_sum(s.left, &f->requantiser, zero_point);
        if (left > 1) {
            to[channels] = tinyc_requantise_sum(s.right, &f->requantiser, zero_point);
        }
        if (two_rows && here->has_second) {
            to[here->row_bytes] = tinyc_requantise_sum(s.left_below, &f->requantiser, zero_point);
            if (left > 1) {
                to[here->row_bytes + channels] = tinyc_requantise_sum(s.right_below, &f->requantiser, zero_point);
            }
        }
    }
}

static void filter_rows(const tinyc_depthwise *d, const int32_t *channel, const tinyc_strip *strip, int8_t *output)
{
    const filter *f = (const filter *)(const void *)channel;
    const int two_rows = d->stride == 1 && d->output[0] > 1;
    const int32_t columns = even_columns(d), tap_row = two_rows ? 2 * columns : columns;
    const int32_t row_bytes = d->output[1] * d->channels;
    unpack_taps(f, d->window[0], columns, two_rows, strip->workspace);
    for (int32_t y = 0, pair = 0; y < strip->rows; y += two_rows ? 2 : 1, pair++) {
        const int32_t above = -(strip->first_row + 2 * pair), below = d->input[0] + above; /* rows from the window's */
        const int32_t first = above > 0 ? above / 2 : 0;
        const int32_t end = (below + 1) / 2 < d->window[0] ? (below + 1) / 2 : d->window[0];
        const step here = {
            strip->pairs + (pair + first) * d->width, strip->workspace + first * tap_row, end - first, d->width,
            tap_row, output + y * row_bytes, row_bytes, y + 1 < strip->rows,
        };
        if (two_rows) {
            filter_step(d, f, &here, 1);
        } else {
            filter_step(d, f, &here, 0);
        }
    }
}

void tinyc_depthwise_kxk_s8(const tinyc_depthwise *d, const int32_t *constants, const int8_t *input, int8_t *output,
                            void *scratch)
{
    const int32_t words = HEADER + d->window[0] * even_columns(d) / 2;
    tinyc_depthwise_strips(d, filter_rows, constants, words, input, output, scratch);
}
