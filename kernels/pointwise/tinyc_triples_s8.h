/* 1x1 convolutions and dense layers three pixels at a time: six products for each two words of weights. */
#ifndef TINYC_TRIPLES_S8_H
#define TINYC_TRIPLES_S8_H

#include "tinyc_columns_s8.h"

/* As tinyc_pointwise_s8. Two or four pixels that are left over count as pairs. `scratch` holds 6 words for each group,
 * 4 where there are fewer than three pixels. The output of three pixels is written when all of them were read. */
void tinyc_pointwise_triples_s8(const tinyc_columns *layer, int32_t pixels, const int8_t *input, void *scratch,
                                int8_t *output);

#endif
