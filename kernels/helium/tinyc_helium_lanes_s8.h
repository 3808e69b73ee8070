/* Depthwise convolution of 3x3, one filter per channel: 16 channels are the lanes of a vector. */
#ifndef TINYC_HELIUM_LANES_S8_H
#define TINYC_HELIUM_LANES_S8_H

#include <stdint.h>

/* Geometry and quantisation; (rows, columns) pairs. */
typedef struct {
    int32_t input[2];
    int32_t output[2];
    int32_t channels;   /* a multiple of 16 */
    int32_t stride;     /* 1 or 2 */
    int32_t padding[2]; /* above, left */
    int32_t inside[2];  /* outputs of a row from the first to the end whose windows lie within the columns: all but one
                           at each side, or all */
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t clamp[2];
    int32_t rounding; /* of tinyc_helium.h; all but TINYC_RIGHT_SHIFT and TINYC_HALVES_UP runs without vectors */
} tinyc_helium_lanes;

/* Words for each 16 channels: biases, the input zero point folded in; nine taps in bytes, row after row; for each vector
 * of sums its multipliers, then its shifts. Vectors of sums are channels 0, 4, 8, 12, then 2, 6, ..,
 * then 1, 5, .. and 3, 7, ..; so are the biases. Where two taps of a
 * channel that follow each other are -128, their products do not fit in 16 bits: no vectors then.
 *
 * Scratch: a byte per channel. The output may lie apart from the input, or so far below it that a row of it ends before
 * the first row that it reads. Middle rows of windows lie within the image. */
void tinyc_helium_lanes_s8(const tinyc_helium_lanes *d, const int32_t *constants, const int8_t *input, int8_t *output,
                           int8_t *scratch);

#endif
