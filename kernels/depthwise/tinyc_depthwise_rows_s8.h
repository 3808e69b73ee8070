/* Depthwise convolution up to 3x3, one filter per channel, straight from the input: row after row, without scratch. */
#ifndef TINYC_DEPTHWISE_ROWS_S8_H
#define TINYC_DEPTHWISE_ROWS_S8_H

#include <stdint.h>

/* Geometry and quantisation; (rows, columns) pairs. Of three rows of taps two or more meet the image everywhere, of
 * fewer rows all do. Of the columns that outputs read, one may lie left, one right of the image. */
typedef struct {
    int32_t input[2];
    int32_t output[2];
    int32_t channels; /* below 32768 */
    int32_t rows;     /* of taps: 1..3 */
    int32_t stride[2]; /* of columns: 1 or 2 */
    int32_t padding[2]; /* above, left */
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t clamp[2];
    int32_t alike; /* whether all channels are of the kind that the function takes fast */
} tinyc_depthwise_rows;

/* Nine words per channel: bias (input zero point folded in); multiplier, rounding and shift of a tinyc_requantiser; for
 * each of three columns the taps in rows 0 and 1 as a pair; the taps of row 2 in columns 0 and 1 as a pair; that in
 * column 2 with the number of channels. Bias and taps are doubled where the shift is not 0.
 *
 * A row of the output is written when rows below those of its window are all that later ones read. */
void tinyc_depthwise_rows_s8(const tinyc_depthwise_rows *d, const int32_t *constants, const int8_t *input,
                             int8_t *output);

/* The same. The former takes channels fast that all shift to the right, this one those that are all rounded once: what
 * links one of them alone has the code of one kind. */
void tinyc_depthwise_rows_once_s8(const tinyc_depthwise_rows *d, const int32_t *constants, const int8_t *input,
                                  int8_t *output);

#endif
