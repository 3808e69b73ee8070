/* Mean over any axes of an int8 tensor. */
#ifndef TINYC_MEAN_S8_H
#define TINYC_MEAN_S8_H

#include "tinyc_math.h"
#include "tinyc_walk.h"

typedef struct {
    int32_t outputs;
    tinyc_walk kept; /* over the input's axes that stay, one place per output */
    int32_t rows;
    int32_t length;     /* each mean is over rows * length elements */
    int32_t step;       /* between the elements of a row */
    tinyc_walk reduced; /* over the rows, from an output's place */
    tinyc_multiplier scale; /* from the sum to the output */
    int32_t input_zero_point;
    int32_t output_zero_point;
} tinyc_mean_params;

/* The output may lie at the input or below. */
void tinyc_mean_s8(const tinyc_mean_params *restrict p, const int8_t *input, int8_t *output);

#endif
