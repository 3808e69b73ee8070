/* Convolution of any window, stride, dilation and padding through columns of two output pixels. */
#ifndef TINYC_CONV_COLUMNS_S8_H
#define TINYC_CONV_COLUMNS_S8_H

#include "tinyc_columns_s8.h"

/* What the window reads of one image, NHWC; (rows, columns) pairs. */
typedef struct {
    int32_t input[3]; /* rows, columns, channels */
    int32_t kernel[2];
    int32_t output[2];
    int32_t stride[2];
    int32_t dilation[2];
    int32_t padding[2]; /* above, left; below and right follow from the output */
    int32_t zero_point; /* of the input */
} tinyc_window;

/* The pieces of the columns are the taps. `scratch` holds 4 * groups words. The output of two pixels is written when all
 * that both read was read. */
void tinyc_conv_columns_s8(const tinyc_columns *layer, const tinyc_window *window, const int8_t *input, void *scratch,
                           int8_t *output);

#endif
