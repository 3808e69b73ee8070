#include "tinyc_conv_columns_s8.h"

#include "tinyc_limit_s8.h"
#include "tinyc_window.h"

/* The column of the output pixel at (y, x). */
static void gather(const tinyc_window *w, const int8_t *input, int32_t y, int32_t x, uint32_t *column)
{
    const tinyc_taps_inside rows = tinyc_taps_at(w, 0, y), columns = tinyc_taps_at(w, 1, x);
    const int32_t left = columns.origin + columns.first * w->dilation[1];
    for (int32_t i = 0; i < w->kernel[0]; i++) {
        if (i < rows.first || i >= rows.end || columns.first == columns.end) {
            column = tinyc_pad_column(w, w->kernel[1], column);
            continue;
        }
        const int32_t row = rows.origin + i * w->dilation[0];
        column = tinyc_pad_column(w, columns.first, column);
        column = tinyc_gather_row(w, input + (row * w->input[1] + left) * w->input[2], columns.end - columns.first, column);
        column = tinyc_pad_column(w, w->kernel[1] - columns.end, column);
    }
}

void tinyc_conv_columns_s8(const tinyc_columns *layer, const tinyc_window *window, const int8_t *input, void *scratch,
                           int8_t *output)
{
    uint32_t *columns = scratch;
    int8_t *at = output;
    int32_t second = 0; /* whether the next pixel is the second of its two */
    for (int32_t y = 0; y < window->output[0]; y++) {
        for (int32_t x = 0; x < window->output[1]; x++) {
            gather(window, input, y, x, columns + 2 * second);
            if (second) {
                tinyc_columns_s8(layer, columns, at, at + layer->channels);
                at += 2 * layer->channels;
            }
            second = !second;
        }
    }
    if (second) { /* what lies in the other column is computed, and written over */
        tinyc_columns_s8(layer, columns, at, at);
    }
    tinyc_limit_s8(output, window->output[0] * window->output[1] * layer->channels, layer->clamp);
}
