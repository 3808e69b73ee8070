/* Dense layers with any zero points. */
#ifndef TINYC_FULLY_CONNECTED_S8_H
#define TINYC_FULLY_CONNECTED_S8_H

#include <stdint.h>

typedef struct {
    int32_t rows;
    int32_t depth;   /* elements of an input row */
    int32_t outputs; /* elements of an output row */
    int32_t input_zero_point;
    int32_t weights_zero_point;
    int32_t output_zero_point;
    int32_t clamp[2];
} tinyc_fully_connected_params;

/* weights [outputs][depth]; bias, multiplier and shift one per output. */
void tinyc_fully_connected_s8(const tinyc_fully_connected_params *restrict p, const int8_t *input, const int8_t *weights,
                              const int32_t *bias, const int32_t *multiplier, const int32_t *shift, int8_t *output);

#endif
