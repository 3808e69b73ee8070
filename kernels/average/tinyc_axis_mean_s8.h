/* Means along one axis. */
#ifndef TINYC_AXIS_MEAN_S8_H
#define TINYC_AXIS_MEAN_S8_H

#include "tinyc_axis_sums.h"

typedef struct {
    tinyc_axis axis;
    int32_t offset; /* reduced * the input's zero point */
    tinyc_requantiser scale;
    int32_t zero_point; /* of the output */
} tinyc_axis_mean;

/* What MEAN computes: (sum - offset) * scale + zero_point. The output may lie at the input or below. */
void tinyc_axis_mean_s8(const tinyc_axis_mean *p, const int8_t *input, int8_t *output);

/* What AVERAGE_POOL_2D computes: sum / reduced, halves away from zero, clamped. The output may lie likewise. */
void tinyc_axis_average_s8(const tinyc_axis *axis, int32_t low, int32_t high, const int8_t *input, int8_t *output);

#endif
