/* Convolution of any window, stride, dilation and padding through columns of two output pixels. */
#ifndef TINYC_CONV_COLUMNS_S8_H
#define TINYC_CONV_COLUMNS_S8_H

#include "tinyc_columns_s8.h"
#include "tinyc_conv_s8.h"

/* One image. The pieces of the columns are the taps, `depth` codes each. `scratch` holds 4 * groups words. The output
 * of two pixels is written when all that both read was read. */
void tinyc_conv_columns_s8(const tinyc_columns *layer, const tinyc_conv_params *window, const int8_t *input,
                           void *scratch, int8_t *output);

#endif
