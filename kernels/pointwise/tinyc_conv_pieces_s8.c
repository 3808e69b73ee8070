#if defined(__arm__) && !defined(__clang__)
/* The assembly takes nearly all registers: GCC finds no room for its operands unoptimised or with a frame pointer. */
#pragma GCC optimize("O3", "omit-frame-pointer")
#endif
#include "tinyc_conv_pieces_s8.h"

#include "tinyc_block.h"
#include "tinyc_groups.h"
#include "tinyc_limit_s8.h"
#include "tinyc_window.h"

enum { BIASES = 2, REQUANTISERS = 6, SUMS = 4 }; /* words of two channels */

#if TINYC_DSP

/* Adds the products of the columns from `x` to `end` and the weights from `w` on to four sums. Not inlined: elsewhere
 * there are too few registers. */
static __attribute__((noinline)) void add_products(int32_t *sums, const uint32_t *x, const uint32_t *end, const int32_t *w)
{
    int32_t a0 = sums[0], a1 = sums[1], b0 = sums[2], b1 = sums[3];
    register const uint32_t *last __asm__("r4") = end;
    __asm__ volatile(TINYC_GROUPS
                     : [a0] "+&r"(a0), [a1] "+&r"(a1), [b0] "+&r"(b0), [b1] "+&r"(b1), [x] "+&r"(x), [w] "+&r"(w),
                       "+&r"(last)
                     :
                     : "r5", "r6", "r8", "r9", "r10", "r12", "cc", "memory");
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = b0;
    sums[3] = b1;
}

#else

static inline void add_products(int32_t *sums, const uint32_t *x, const uint32_t *end, const int32_t *w)
{
    for (; x < end; x += TINYC_COLUMN_WORDS, w += 2) {
        for (int32_t odd = 0; odd < 2; odd++) {
            const uint32_t w0 = tinyc_add_even_bytes(0, (uint32_t)w[odd]);
            const uint32_t w1 = tinyc_add_odd_bytes(0, (uint32_t)w[odd]);
            sums[0] = tinyc_mac_pair(x[odd], w0, sums[0]);
            sums[1] = tinyc_mac_pair(x[odd], w1, sums[1]);
            sums[2] = tinyc_mac_pair(x[odd + 2], w0, sums[2]);
            sums[3] = tinyc_mac_pair(x[odd + 2], w1, sums[3]);
        }
    }
}

#endif

/* Where an output pixel reads. */
typedef struct {
    tinyc_taps_inside rows, columns;
} place;

static place place_of(const tinyc_window *w, int32_t pixel)
{
    const int32_t y = pixel / w->output[1];
    const place p = {tinyc_taps_at(w, 0, y), tinyc_taps_at(w, 1, pixel - y * w->output[1])};
    return p;
}

/* The column of taps `from` to `to` of row `i` of the window. */
static void gather(const tinyc_window *w, const int8_t *input, const place *p, int32_t i, int32_t from, int32_t to,
                   uint32_t *column)
{
    const int32_t first = p->columns.first > from ? p->columns.first : from;
    const int32_t end = p->columns.end < to ? p->columns.end : to;
    if (i < p->rows.first || i >= p->rows.end || first >= end) {
        tinyc_pad_column(w, to - from, column);
        return;
    }
    const int32_t row = p->rows.origin + i * w->dilation[0], left = p->columns.origin + first * w->dilation[1];
    column = tinyc_pad_column(w, first - from, column);
    column = tinyc_gather_row(w, input + (row * w->input[1] + left) * w->input[2], end - first, column);
    tinyc_pad_column(w, to - end, column);
}

/* Sums of all channels and two pixels: the biases. */
static void start(const tinyc_columns *layer, int32_t *sums)
{
    const int32_t *w = layer->constants, step = BIASES + 2 * layer->groups + REQUANTISERS;
    for (int32_t left = layer->channels; left > 0; left -= 2, w += step, sums += SUMS) {
        sums[0] = w[0];
        sums[1] = w[1];
        sums[2] = w[0];
        sums[3] = w[1];
    }
}

/* Adds one piece, the weights of which begin at group `group`. */
static void add_piece(const tinyc_columns *layer, const uint32_t *columns, const uint32_t *end, int32_t group,
                      int32_t *sums)
{
    const int32_t *w = layer->constants + BIASES + 2 * group, step = BIASES + 2 * layer->groups + REQUANTISERS;
    for (int32_t left = layer->channels; left > 0; left -= 2, w += step, sums += SUMS) {
        add_products(sums, columns, end, w);
    }
}

/* The codes; `second` is equal to `first` where there is one pixel. Inlined with a constant: the kind that is fast. */
static inline void finish_kind(const tinyc_columns *layer, const int32_t *sums, int8_t *first, int8_t *second, int once)
{
    const int32_t step = BIASES + 2 * layer->groups + REQUANTISERS;
    const int32_t *r = layer->constants + BIASES + 2 * layer->groups;
    for (int32_t left = layer->channels; left > 0; left -= 2, r += step, sums += SUMS) {
        const tinyc_block s = {sums[0], sums[1], sums[2], sums[3], {r[0], r[1], r[2]}, {r[3], r[4], r[5]}};
        tinyc_finish_block(s, r, layer->zero_point, left, first, second, once);
        first += 2;
        second += 2;
    }
}

static void finish(const tinyc_columns *layer, const int32_t *sums, int8_t *first, int8_t *second)
{
    if (tinyc_rounds_once(layer)) {
        finish_kind(layer, sums, first, second, 1);
    } else {
        finish_kind(layer, sums, first, second, 0);
    }
}

void tinyc_conv_pieces_s8(const tinyc_columns *layer, const tinyc_window *window, int32_t taps, const int8_t *input,
                          void *scratch, int8_t *output)
{
    const int32_t pixels = window->output[0] * window->output[1], groups = taps * ((window->input[2] + 3) / 4);
    uint32_t *columns = scratch, *end = columns + TINYC_COLUMN_WORDS * groups;
    int32_t *sums = (int32_t *)end;
    int8_t *at = output;
    for (int32_t pixel = 0; pixel < pixels; pixel += 2, at += 2 * layer->channels) {
        const int32_t second = pixel + 1 < pixels; /* 0: one pixel is computed twice */
        const place a = place_of(window, pixel), b = place_of(window, pixel + second);
        int32_t group = 0;
        start(layer, sums);
        for (int32_t i = 0; i < window->kernel[0]; i++) {
            for (int32_t j = 0; j < window->kernel[1]; j += taps, group += groups) {
                gather(window, input, &a, i, j, j + taps, columns);
                gather(window, input, &b, i, j, j + taps, columns + 2);
                add_piece(layer, columns, end, group, sums);
            }
        }
        finish(layer, sums, at, at + second * layer->channels);
    }
    tinyc_limit_s8(output, pixels * layer->channels, layer->clamp);
}
