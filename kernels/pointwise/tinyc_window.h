/* How the columns of a convolution are filled. */
#ifndef TINYC_WINDOW_H
#define TINYC_WINDOW_H

#include "tinyc_conv_columns_s8.h"
#include "tinyc_widen.h"

/* The taps along one axis that lie in the image, `first` to `end`, which is excluded; tap 0 lies at `origin`. */
typedef struct {
    int32_t origin;
    int32_t first;
    int32_t end;
} tinyc_taps_inside;

static inline tinyc_taps_inside tinyc_taps_at(const tinyc_window *w, int32_t axis, int32_t index)
{
    const int32_t dilation = w->dilation[axis];
    tinyc_taps_inside t = {index * w->stride[axis] - w->padding[axis], 0, w->kernel[axis]};
    while (t.first < t.end && t.origin + t.first * dilation < 0) {
        t.first++;
    }
    while (t.end > t.first && t.origin + (t.end - 1) * dilation >= w->input[axis]) {
        t.end--;
    }
    return t;
}

/* Taps outside of the image: the zero point, which the folded bias takes for nothing. */
static inline uint32_t *tinyc_pad_column(const tinyc_window *w, int32_t count, uint32_t *column)
{
    const uint32_t pair = tinyc_pair(w->zero_point, w->zero_point);
    for (int32_t groups = count * ((w->input[2] + 3) / 4); groups > 0; groups--, column += TINYC_COLUMN_WORDS) {
        column[0] = pair;
        column[1] = pair;
    }
    return column;
}

/* Neighbouring taps of one row. Where they are whole groups and there is no dilation they are one run. */
static inline uint32_t *tinyc_gather_row(const tinyc_window *w, const int8_t *row, int32_t count, uint32_t *column)
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

#endif
