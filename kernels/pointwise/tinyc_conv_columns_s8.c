#include "tinyc_conv_columns_s8.h"

#include "tinyc_limit_s8.h"
#include "tinyc_widen.h"

/* The taps along one axis that lie in the image, `first` to `end`, which is excluded; tap 0 lies at `origin`. */
typedef struct {
    int32_t origin;
    int32_t first;
    int32_t end;
} taps;

static taps taps_inside(const tinyc_window *w, int32_t axis, int32_t index)
{
    const int32_t dilation = w->dilation[axis];
    taps t = {index * w->stride[axis] - w->padding[axis], 0, w->kernel[axis]};
    while (t.first < t.end && t.origin + t.first * dilation < 0) {
        t.first++;
    }
    while (t.end > t.first && t.origin + (t.end - 1) * dilation >= w->input[axis]) {
        t.end--;
    }
    return t;
}

/* Taps outside of the image: the zero point, which the folded bias takes for nothing. */
static uint32_t *pad(const tinyc_window *w, int32_t count, uint32_t *column)
{
    const uint32_t pair = tinyc_pair(w->zero_point, w->zero_point);
    for (int32_t groups = count * ((w->input[2] + 3) / 4); groups > 0; groups--, column += TINYC_COLUMN_WORDS) {
        column[0] = pair;
        column[1] = pair;
    }
    return column;
}

/* Neighbouring taps of one row. Where they are whole groups and there is no dilation they are one run. */
static uint32_t *gather_row(const tinyc_window *w, const int8_t *row, int32_t count, uint32_t *column)
{
    const int32_t depth = w->input[2];
    if (depth % 4 == 0 && w->dilation[1] == 1) {
        return tinyc_widen_run(row, count * depth, column);
    }
    for (; count > 0; count--, row += w->dilation[1] * depth) {
        column = tinyc_widen_run(row, depth, column);
    }
    return column;
}

/* The column of the output pixel at (y, x). */
static void gather(const tinyc_window *w, const int8_t *input, int32_t y, int32_t x, uint32_t *column)
{
    const taps rows = taps_inside(w, 0, y), columns = taps_inside(w, 1, x);
    const int32_t left = columns.origin + columns.first * w->dilation[1];
    for (int32_t i = 0; i < w->kernel[0]; i++) {
        if (i < rows.first || i >= rows.end || columns.first == columns.end) {
            column = pad(w, w->kernel[1], column);
            continue;
        }
        const int32_t row = rows.origin + i * w->dilation[0];
        column = pad(w, columns.first, column);
        column = gather_row(w, input + (row * w->input[1] + left) * w->input[2], columns.end - columns.first, column);
        column = pad(w, w->kernel[1] - columns.end, column);
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
