/* Depthwise convolution up to 8x8, one filter per channel: one dot product for each output, four beyond 3x3.
 *
 * Up to 16 channels at a time are gathered into strips: for every column of the padded image, channel by channel, one
 * word whose bytes are the codes of four rows; beyond 3x3 two words, one after the channels of the other. So four columns
 * of a channel are one vector. A *step* is what a strip yields: one row of outputs, or two.
 */
#ifndef TINYC_HELIUM_DEPTHWISE_S8_H
#define TINYC_HELIUM_DEPTHWISE_S8_H

#include <stdint.h>

/* Geometry and quantisation; (rows, columns) pairs. */
typedef struct {
    int32_t input[2];
    int32_t output[2];
    int32_t channels;
    int32_t stride;     /* 1 or 2 */
    int32_t padding[2]; /* above, left: 0..2, beyond 3x3 up to 3 */
    int32_t taps[2];    /* words: 1 and 3 up to 3x3, else 2 and the columns of the window, up to 8 */
    int32_t rows_of_step; /* 1; 2 for up to 3x3, stride 1 and more than one row of outputs */
    int32_t columns;    /* of a strip: covers the padded image and all that is read for a whole tile of outputs */
    int32_t steps;      /* that the scratch holds strips for */
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t clamp[2];
    int32_t rounding; /* of tinyc_helium.h */
} tinyc_helium_depthwise;

/* Words per channel: for each column its taps in rows 0..3 in bytes, beyond 3x3 then those in rows 4..7; bias (input zero
 * point folded in), multiplier, shift. Scratch: 16 bytes, padding[0] rows of input[1] * pitch bytes, steps * columns *
 * taps[0] * pitch words, where pitch is 8 for eight channels and up to 3x3, else 16; and 64 bytes.
 *
 * The output may lie apart from the input, or start at or below it if it has no more rows and no more columns. */
void tinyc_helium_depthwise_s8(const tinyc_helium_depthwise *d, const int32_t *constants, const int8_t *input,
                               int8_t *output, int8_t *scratch);

#endif
