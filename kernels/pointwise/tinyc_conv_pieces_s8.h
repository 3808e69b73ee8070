/* Convolution through columns of a few taps at a time, for windows whose whole columns would need much scratch. */
#ifndef TINYC_CONV_PIECES_S8_H
#define TINYC_CONV_PIECES_S8_H

#include "tinyc_conv_columns_s8.h"

/* A piece are `taps` neighbouring taps of one row of the window, and `taps` divides its columns. `scratch` holds the
 * columns of a piece, 4 words per group, then 2 words per channel (of an even number of them): the sums of two pixels
 * so far. The output of two pixels is written when all that both read was read. */
void tinyc_conv_pieces_s8(const tinyc_columns *layer, const tinyc_window *window, int32_t taps, const int8_t *input,
                          void *scratch, int8_t *output);

#endif
