/* Convolution of one image, without dilation: windows gathered into columns. */
#ifndef TINYC_HELIUM_CONV_S8_H
#define TINYC_HELIUM_CONV_S8_H

#include "tinyc_helium_columns_s8.h"

/* (rows, columns) pairs. */
typedef struct {
    int32_t input[2];
    int32_t kernel[2];
    int32_t output[2];
    int32_t stride[2];
    int32_t padding[2]; /* above, left */
    int32_t channels;   /* of the input */
    int32_t zero_point; /* of the input */
    int32_t group;      /* windows that are gathered at a time */
} tinyc_helium_window;

/* Scratch: a group of columns. The output may overlap what no later group of windows reads. */
void tinyc_helium_conv_s8(const tinyc_helium_columns *layer, const tinyc_helium_window *window, const int8_t *input,
                          int8_t *scratch, int8_t *output);

#endif
