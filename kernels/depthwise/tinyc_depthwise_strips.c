#include "tinyc_depthwise_strips.h"

#include "tinyc_dsp.h"

#include <stddef.h>
#include <string.h>

/* What a gather needs to know of the two channels. */
typedef struct {
    int32_t columns;
    int32_t step;        /* bytes from pixel to pixel */
    int32_t plane;       /* words from the strip of the first channel to that of the second */
    uint32_t zero_point; /* byte by byte */
    uint32_t centre;     /* minus the zero point, as a pair */
} gather;

/* Two image rows, from pixel `upper` and `lower` on. A row outside of the image reads as the zero point. Inlined with
 * constant flags, so that the loops have no branch. */
static inline void gather_rows(const gather *g, const int8_t *upper, const int8_t *lower, int has_upper, int has_lower,
                               uint32_t *strip)
{
    const uint32_t centre = g->centre, *end = strip + g->columns;
    const int32_t step = g->step, plane = g->plane;
    while (strip < end) {
        const uint32_t above = has_upper ? tinyc_load_16(upper) : g->zero_point;
        const uint32_t below = has_lower ? tinyc_load_16(lower) : g->zero_point;
        const uint32_t codes = tinyc_pack_low(above, below);
        strip[plane] = tinyc_add_odd_bytes(centre, codes);
        *strip++ = tinyc_add_even_bytes(centre, codes);
        upper += step;
        lower += step;
    }
}

/* `count` pairs of rows from image row `row` on, which may lie outside. */
static void gather_pairs(const tinyc_depthwise *d, const gather *g, const int8_t *input, int32_t row, int32_t count,
                         uint32_t *strip)
{
    const int32_t row_bytes = g->step * g->columns, rows = d->input[0];
    for (; count > 0; count--, row += 2, strip += d->width) {
        const int8_t *upper = input + row * row_bytes, *lower = upper + row_bytes;
        const int has_upper = row >= 0 && row < rows, has_lower = row >= -1 && row < rows - 1;
        if (has_upper && has_lower) {
            gather_rows(g, upper, lower, 1, 1, strip);
        } else if (has_upper) {
            gather_rows(g, upper, upper, 1, 0, strip);
        } else if (has_lower) {
            gather_rows(g, lower, lower, 0, 1, strip);
        } else {
            gather_rows(g, input, input, 0, 0, strip);
        }
    }
}

/* One run over two neighbouring channels, of which the first `skip` (0 or 1) are gathered but not computed. */
typedef struct {
    const tinyc_depthwise *d;
    tinyc_depthwise_rows *compute;
    int32_t words;
    gather gather;
    uint32_t *strip;
} channels;

static void filter_channels(const channels *run, const int32_t *constants, const int8_t *input, int8_t *output,
                            int32_t skip)
{
    const tinyc_depthwise *d = run->d;
    const int32_t plane = run->gather.plane;
    const int32_t rows_per_step = 3 - d->stride;
    const int32_t kept = d->window[0] - 1; /* pairs that the next step reads again */
    const int32_t most = (d->pairs - kept) * rows_per_step;
    tinyc_strip strip = {NULL, -d->padding[0], 0, run->strip + 2 * plane};
    int32_t held = 0; /* pairs in the strip */
    for (int32_t left = d->output[0]; left > 0; left -= most) {
        strip.rows = left < most ? left : most;
        const int32_t pairs = (strip.rows + rows_per_step - 1) / rows_per_step + kept;
        gather_pairs(d, &run->gather, input, strip.first_row + 2 * held, pairs - held,
                     run->strip + held * d->width + d->padding[1]);
        for (int32_t c = skip; c < 2; c++) {
            strip.pairs = run->strip + c * plane;
            run->compute(d, constants + c * run->words, &strip, output + c);
        }
        output += strip.rows * d->output[1] * d->channels;
        strip.first_row += 2 * (pairs - kept);
        held = kept;
        if (left > most) {
            const size_t bytes = (size_t)(kept * d->width) * sizeof(uint32_t);
            const int32_t again = (pairs - kept) * d->width;
            memmove(run->strip, run->strip + again, bytes);
            memmove(run->strip + plane, run->strip + plane + again, bytes);
        }
    }
}

void tinyc_depthwise_strips(const tinyc_depthwise *d, tinyc_depthwise_rows *compute, const int32_t *constants,
                            int32_t words, const int8_t *input, int8_t *output, void *scratch)
{
    const int32_t bytes = d->output[0] * d->output[1] * d->channels;
    /* Over its input the output is written where channels meet their own, and moved to its place at the end. */
    const intptr_t below = (intptr_t)input - (intptr_t)output;
    int8_t *written = output + (below > 0 && below < bytes ? below % d->channels : 0);
    const gather g = {
        .columns = d->input[1],
        .step = d->channels,
        .plane = d->pairs * d->width,
        .zero_point = ((uint32_t)d->input_zero_point & 0xFFu) * 0x01010101u,
        .centre = tinyc_pair(-d->input_zero_point, -d->input_zero_point),
    };
    const channels run = {d, compute, words, g, scratch};
    memset(scratch, 0, (size_t)(2 * g.plane) * sizeof(uint32_t)); /* columns outside of the image */
    for (int32_t c = 0; c < d->channels; c += 2) {
        const int32_t skip = c == d->channels - 1; /* an odd one is gathered with its neighbour */
        const int32_t first = c - skip;
        filter_channels(&run, constants + first * words, input + first, written + first, skip);
    }
    if (d->clamp[0] > -128 || d->clamp[1] < 127) {
        tinyc_clamp_all(written, bytes, d->clamp);
    }
    if (written != output) {
        memmove(output, written, (size_t)bytes);
    }
}
