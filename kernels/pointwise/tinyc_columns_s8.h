/* Products of packed weights and columns: the inner part of 1x1 and k x k convolutions and of dense layers.
 *
 * Columns hold the codes that two output pixels read, widened to 16 bits, four words for each group of four codes:
 * of the first pixel codes (0, 2) and (1, 3) as pairs of lanes, then the same of the second pixel. Rows of codes are
 * filled up to whole groups; what fills them does not matter, since its weights are zero.
 */
#ifndef TINYC_COLUMNS_S8_H
#define TINYC_COLUMNS_S8_H

#include <stdint.h>

enum { TINYC_COLUMN_WORDS = 4 }; /* of one group */

/* One layer. Its constants are for each two channels (the last one alone is filled up with zero weights): two biases,
 * the input's zero point folded in; two words per group, the bytes of which are codes (0 of channel 0, 0 of channel 1,
 * 2 of 0, 2 of 1) and the same of codes 1 and 3; two tinyc_requantiser, both for doubled sums or both not. */
typedef struct {
    const int32_t *constants;
    int32_t depth;    /* codes that a pixel reads in one piece */
    int32_t groups;   /* of all pieces */
    int32_t channels; /* of the output */
    int32_t zero_point;
    int32_t clamp[2];
} tinyc_columns;

/* All channels of two output pixels, without the clamp; `second` is equal to `first` where there is one. */
void tinyc_columns_s8(const tinyc_columns *layer, const uint32_t *columns, int8_t *first, int8_t *second);

/* 1x1 convolution, or a dense layer with several rows: `depth` codes in, `channels` out for each of `pixels`.
 * `scratch` holds 4 * groups words. The output of two pixels is written when both were read. */
void tinyc_pointwise_s8(const tinyc_columns *layer, int32_t pixels, const int8_t *input, void *scratch,
                        int8_t *output);

/* The same without scratch, widening the codes again for every two channels; `depth` is a multiple of 4. A pixel's
 * output is complete when its codes and those of its neighbour were read. */
void tinyc_pointwise_direct_s8(const tinyc_columns *layer, int32_t pixels, const int8_t *input, int8_t *output);

#endif
