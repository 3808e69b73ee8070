#include "tinyc_helium_conv_s8.h"

#include "tinyc_helium.h"

static inline int32_t limit(int32_t x, int32_t most)
{
    return x < 0 ? 0 : x > most ? most : x;
}

/* The window that begins at (row, column) of the padded image, as one column. */
static int8_t *gather(const tinyc_helium_window *w, const int8_t *input, int32_t row, int32_t column, int8_t *to)
{
    const int32_t pixel = w->channels, taps = w->kernel[1], zero_point = w->zero_point;
    const int32_t before = limit(-column, taps), inside = limit(w->input[1] - column, taps) - before;
    const int32_t left = before * pixel, middle = inside * pixel, width = taps * pixel;
    const int32_t row_bytes = w->input[1] * pixel;
    const int8_t *from = input + row * row_bytes + (column + before) * pixel;
    for (int32_t i = 0; i < w->kernel[0]; i++, row++, from += row_bytes, to += width) {
        if (row < 0 || row >= w->input[0] || middle <= 0) {
            tinyc_helium_fill(to, zero_point, width);
            continue;
        }
        if (middle < width) {
            tinyc_helium_fill(to, zero_point, left);
            tinyc_helium_fill(to + left + middle, zero_point, width - left - middle);
        }
        tinyc_helium_copy(to + left, from, middle);
    }
    return to;
}

void tinyc_helium_conv_s8(const tinyc_helium_columns *layer, const tinyc_helium_window *window, const int8_t *input,
                          int8_t *scratch, int8_t *output)
{
    const int32_t rows = window->output[0], columns = window->output[1];
    int32_t held = 0; /* columns in the scratch */
    int8_t *to = scratch;
    for (int32_t y = 0; y < rows; y++) {
        for (int32_t x = 0; x < columns; x++) {
            const int32_t row = y * window->stride[0] - window->padding[0];
            to = gather(window, input, row, x * window->stride[1] - window->padding[1], to);
            if (++held == 2) {
                tinyc_helium_columns_s8(layer, scratch, 2, output);
                output += 2 * layer->channels;
                held = 0;
                to = scratch;
            }
        }
    }
    tinyc_helium_columns_s8(layer, scratch, held, output);
}
