#include "tinyc_depthwise_s8.h"

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

/* Two neighbouring channels, of which the first `skip` (0 or 1) are gathered but not computed. */
static void filter_channels(const tinyc_depthwise *d, const tinyc_depthwise_method *method, const gather *g,
                            const int32_t *constants, const int8_t *input, int8_t *output, uint32_t *strip,
                            int32_t skip)
{
    const int32_t rows_per_step = 3 - d->stride;
    const int32_t kept = method->window - 1; /* pairs that the next step reads again */
    const int32_t most = (d->pairs - kept) * rows_per_step;
    int32_t held = 0, next = -d->padding[0]; /* pairs in the strip; the image row to gather next */
    for (int32_t left = d->output[0]; left > 0; left -= most) {
        const int32_t rows = left < most ? left : most;
        const int32_t pairs = (rows + rows_per_step - 1) / rows_per_step + kept;
        gather_pairs(d, g, input, next, pairs - held, strip + held * d->width + d->padding[1]);
        next += 2 * (pairs - held);
        for (int32_t c = skip; c < 2; c++) {
            method->rows(d, constants + c * method->words, strip + c * g->plane, rows, output + c);
        }
        output += rows * d->output[1] * g->step;
        held = kept;
        if (left > most) {
            const size_t bytes = (size_t)(kept * d->width) * sizeof *strip;
            memmove(strip, strip + (pairs - kept) * d->width, bytes);
            memmove(strip + g->plane, strip + g->plane + (pairs - kept) * d->width, bytes);
        }
    }
}

void tinyc_depthwise_strips(const tinyc_depthwise *d, const tinyc_depthwise_method *method, const int32_t *constants,
                            const int8_t *input, int8_t *output, void *scratch)
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
    memset(scratch, 0, (size_t)(2 * g.plane) * sizeof(uint32_t)); /* columns outside of the image */
    for (int32_t c = 0; c < d->channels; c += 2) {
        const int32_t skip = c == d->channels - 1; /* an odd one is gathered with its neighbour */
        const int32_t first = c - skip;
        filter_channels(d, method, &g, constants + first * method->words, input + first, written + first, scratch, skip);
    }
    if (d->clamp[0] > -128 || d->clamp[1] < 127) {
        for (int32_t i = 0; i < bytes; i++) {
            written[i] = tinyc_clamp(written[i], d->clamp[0], d->clamp[1]);
        }
    }
    if (written != output) {
        memmove(output, written, (size_t)bytes);
    }
}
