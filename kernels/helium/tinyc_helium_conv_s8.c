#include "tinyc_helium_conv_s8.h"

#include "tinyc_helium.h"

static inline int32_t limit(int32_t x, int32_t most)
{
    return x < 0 ? 0 : x > most ? most : x;
}

/* A window that begins at (row, column) of the padded image and reaches beyond the image, as one column of codes. */
static void gather_border(const tinyc_helium_window *w, const int8_t *input, int32_t row, int32_t column, int8_t *to)
{
    const int32_t pixel = w->channels, taps = w->kernel[1], zero_point = w->zero_point;
    const int32_t before = limit(-column, taps), inside = limit(w->input[1] - column, taps) - before;
    const int32_t left = before * pixel, middle = inside * pixel, width = taps * pixel;
    const int32_t row_bytes = w->input[1] * pixel;
    const int8_t *from = input + row * row_bytes + (column + before) * pixel;
    for (int32_t i = 0; i < w->kernel[0]; i++, row++, from += row_bytes, to += width) {
        if (row < 0 || row >= w->input[0] || middle <= 0) {
            tinyc_helium_fill(to, zero_point, width);
        } else {
            tinyc_helium_fill(to, zero_point, left);
            tinyc_helium_copy(to + left, from, middle);
            tinyc_helium_fill(to + left + middle, zero_point, width - left - middle);
        }
    }
}

/* Any window. */
static void gather(const tinyc_helium_window *w, const int8_t *input, int32_t row, int32_t column, int8_t *to)
{
    const int32_t width = w->kernel[1] * w->channels, row_bytes = w->input[1] * w->channels;
    if (row < 0 || column < 0 || row + w->kernel[0] > w->input[0] || column + w->kernel[1] > w->input[1]) {
        gather_border(w, input, row, column, to);
        return;
    }
    const int8_t *from = input + row * row_bytes + column * w->channels;
    for (int32_t i = w->kernel[0]; i > 0; i--, from += row_bytes, to += width) {
        tinyc_helium_copy(to, from, width);
    }
}

void tinyc_helium_conv_s8(const tinyc_helium_columns *layer, const tinyc_helium_window *window, const int8_t *input,
                          int8_t *scratch, int8_t *output)
{
    const int32_t rows = window->output[0], columns = window->output[1];
    int32_t held = 0; /* columns in the scratch */
    for (int32_t y = 0; y < rows; y++) {
        for (int32_t x = 0; x < columns; x++) {
            const int32_t row = y * window->stride[0] - window->padding[0];
            gather(window, input, row, x * window->stride[1] - window->padding[1], scratch + held * layer->depth);
            if (++held == window->group) {
                tinyc_helium_columns_s8(layer, scratch, held, output);
                output += held * layer->channels;
                held = 0;
            }
        }
    }
    tinyc_helium_columns_s8(layer, scratch, held, output);
}
