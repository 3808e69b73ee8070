/* Convolution of an image of few channels, every input channel to every output channel.
 *
 * For each output row the rows that it reads are gathered, widened, into *columns*: all elements of image column x, row
 * by row, channel by channel, in `words` words of two lanes. So the window of one output is one run of words.
 */
#ifndef TINYC_IMAGE_CONV_S8_H
#define TINYC_IMAGE_CONV_S8_H

#include <stdint.h>

/* Geometry and quantisation; (rows, columns) pairs. */
typedef struct {
    int32_t input[3];   /* rows, columns, channels */
    int32_t kernel[2];
    int32_t output[3];  /* rows, columns, channels */
    int32_t stride[2];
    int32_t padding[2]; /* above, left */
    int32_t words;      /* of a column: 5, or an even number; lanes beyond its elements meet taps of 0 */
    int32_t width;      /* columns that are gathered, those outside of the image included */
    int32_t alike;      /* whether all channels are of the kind that the function takes fast */
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t clamp[2];
} tinyc_image_conv;

/* Constants, for every four output channels (the last may be fewer, their constants are 0): the four biases, less
 * zero point times the sum of the taps; for each word of the window the four channels' taps; for each channel
 * multiplier, rounding and shift of tinyc_requantiser; the bytes of the window; the rounds of the next four channels,
 * of five words each where a column has five, else of two, or 0 after the last. Bias and taps are doubled where the
 * shift is not 0.
 * Scratch: width * words words. Outputs are written in ascending order, a row's after all of its inputs are read. */
void tinyc_image_conv_s8(const tinyc_image_conv *d, const int32_t *constants, const int8_t *input, int8_t *output,
                         void *scratch);

/* The same. Of kinds of tinyc_requantiser that are alike the former takes those that shift to the right fast, this one
 * those that are rounded once: what links one of them alone has the code of one kind. */
void tinyc_image_conv_once_s8(const tinyc_image_conv *d, const int32_t *constants, const int8_t *input, int8_t *output,
                              void *scratch);

#endif
