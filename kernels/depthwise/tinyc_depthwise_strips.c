#include "tinyc_depthwise_s8.h"

#include "tinyc_dsp.h"

#include <stddef.h>
#include <string.h>

/* Where the gather of a pair of rows reads and writes. */
typedef struct {
    const int8_t *upper; /* first pixel of the two rows, at the first of two channels */
    const int8_t *lower;
    uint32_t *even; /* the strips of the two channels */
    uint32_t *odd;
    int32_t columns;
    int32_t step;       /* bytes from pixel to pixel */
    uint32_t zero_point; /* byte by byte */
    uint32_t centre;    /* minus the zero point, as a pair */
} gather;

/* A row outside of the image reads as the zero point. Inlined with constant flags, so that each loop has no branch. */
static inline void gather_rows(const gather *g, int has_upper, int has_lower)
{
    const int8_t *upper = g->upper, *lower = g->lower;
    uint32_t *even = g->even, *odd = g->odd;
    const uint32_t centre = g->centre;
    const int32_t step = g->step;
    for (const uint32_t *end = even + g->columns; even < end;) {
        const uint32_t above = has_upper ? tinyc_load_16(upper) : g->zero_point;
        const uint32_t below = has_lower ? tinyc_load_16(lower) : g->zero_point;
        const uint32_t codes = tinyc_pack_low(above, below);
        *even++ = tinyc_add_even_bytes(centre, codes);
        *odd++ = tinyc_add_odd_bytes(centre, codes);
        upper += step;
        lower += step;
    }
}

/* Pair `pair` of the padded image into place `place` of the strips. */
static void gather_pair(const tinyc_depthwise *d, const int8_t *input, int32_t pair, uint32_t *strip, int32_t place)
{
    const int32_t row = 2 * pair - d->padding[0];
    const int has_upper = row >= 0 && row < d->input[0];
    const int has_lower = row + 1 >= 0 && row + 1 < d->input[0];
    const int32_t row_bytes = d->input[1] * d->channels;
    uint32_t *even = strip + place * d->width + d->padding[1];
    const gather g = {
        .upper = has_upper ? input + row * row_bytes : NULL,
        .lower = has_lower ? input + (row + 1) * row_bytes : NULL,
        .even = even,
        .odd = even + d->pairs * d->width,
        .columns = d->input[1],
        .step = d->channels,
        .zero_point = ((uint32_t)d->input_zero_point & 0xFFu) * 0x01010101u,
        .centre = tinyc_pair(-d->input_zero_point, -d->input_zero_point),
    };
    if (has_upper && has_lower) {
        gather_rows(&g, 1, 1);
    } else if (has_upper) {
        gather_rows(&g, 1, 0);
    } else if (has_lower) {
        gather_rows(&g, 0, 1);
    } else {
        gather_rows(&g, 0, 0);
    }
}

/* Two neighbouring channels, of which the first `skip` (0 or 1) are gathered but not computed. */
static void filter_channels(const tinyc_depthwise *d, const tinyc_depthwise_method *method, const int32_t *constants,
                            const int8_t *input, int8_t *output, uint32_t *strip, int32_t skip)
{
    const int32_t rows_per_step = 3 - d->stride;
    const int32_t kept = method->window - 1; /* pairs that the next step reads again */
    const int32_t row_bytes = d->output[1] * d->channels;
    const int32_t plane = d->pairs * d->width;
    int32_t gathered = 0, held = 0;
    for (int32_t row = 0; row < d->output[0];) {
        const int32_t left = (d->output[0] - row + rows_per_step - 1) / rows_per_step;
        const int32_t wanted = left + kept < d->pairs ? left + kept : d->pairs;
        while (held < wanted) {
            gather_pair(d, input, gathered++, strip, held++);
        }
        const int32_t steps = (held - kept) * rows_per_step;
        const int32_t rows = d->output[0] - row < steps ? d->output[0] - row : steps;
        for (int32_t c = skip; c < 2; c++) {
            method->rows(d, constants + c * method->words, strip + c * plane, rows, output + row * row_bytes + c);
        }
        row += rows;
        if (row < d->output[0]) {
            const size_t bytes = (size_t)(kept * d->width) * sizeof *strip;
            memmove(strip, strip + (held - kept) * d->width, bytes);
            memmove(strip + plane, strip + plane + (held - kept) * d->width, bytes);
            held = kept;
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
    memset(scratch, 0, (size_t)(2 * d->pairs * d->width) * sizeof(uint32_t)); /* columns outside of the image */
    for (int32_t c = 0; c < d->channels; c += 2) {
        const int32_t skip = c == d->channels - 1; /* an odd one is gathered with its neighbour */
        const int32_t first = c - skip;
        filter_channels(d, method, constants + first * method->words, input + first, written + first, scratch, skip);
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
