#include "tinyc_conv_columns_s8.h"

#include "tinyc_widen.h"

/* Taps outside of the image: the zero point, which the folded bias takes for nothing. */
static uint32_t *pad(const tinyc_conv_params *p, int32_t taps, uint32_t *column)
{
    const uint32_t pair = tinyc_pair(p->input_zero_point, p->input_zero_point);
    for (int32_t groups = taps * ((p->depth + 3) / 4); groups > 0; groups--, column += TINYC_COLUMN_WORDS) {
        column[0] = pair;
        column[1] = pair;
    }
    return column;
}

/* Neighbouring taps of one row. Where they are whole groups and there is no dilation they are one run. */
static uint32_t *gather_row(const tinyc_conv_params *p, const int8_t *row, int32_t taps, uint32_t *column)
{
    if (p->depth % 4 == 0 && p->dilation[1] == 1) {
        return tinyc_widen_run(row, taps * p->depth, column);
    }
    for (; taps > 0; taps--, row += p->dilation[1] * p->depth) {
        column = tinyc_widen_run(row, p->depth, column);
    }
    return column;
}

/* The column of the output pixel at (y, x). */
static void gather(const tinyc_conv_params *p, const int8_t *input, int32_t y, int32_t x, uint32_t *column)
{
    const tinyc_taps rows = tinyc_taps_of(p, 0, y), columns = tinyc_taps_of(p, 1, x);
    const int32_t taps = columns.end - columns.first;
    const int32_t left = columns.origin + columns.first * p->dilation[1];
    for (int32_t i = 0; i < p->kernel[0]; i++) {
        if (i < rows.first || i >= rows.end || taps <= 0) {
            column = pad(p, p->kernel[1], column);
            continue;
        }
        const int32_t row = rows.origin + i * p->dilation[0];
        column = pad(p, columns.first, column);
        column = gather_row(p, input + (row * p->input[1] + left) * p->depth, taps, column);
        column = pad(p, p->kernel[1] - columns.end, column);
    }
}

void tinyc_conv_columns_s8(const tinyc_columns *layer, const tinyc_conv_params *window, const int8_t *input,
                           void *scratch, int8_t *output)
{
    uint32_t *columns = scratch;
    int32_t second = 0; /* whether the next pixel is the second of its two */
    for (int32_t y = 0; y < window->output[0]; y++) {
        for (int32_t x = 0; x < window->output[1]; x++) {
            gather(window, input, y, x, columns + 2 * second);
            if (second) {
                tinyc_columns_s8(layer, columns, output, output + layer->channels);
                output += 2 * layer->channels;
            }
            second = !second;
        }
    }
    if (second) { /* what lies in the other column is computed, and written over */
        tinyc_columns_s8(layer, columns, output, output);
    }
}
