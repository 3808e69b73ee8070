/* Average pooling whose means are points of a line, rounded: all windows have equally many elements. */
#ifndef TINYC_AVERAGE_POOL_LINE_S8_H
#define TINYC_AVERAGE_POOL_LINE_S8_H

#include "tinyc_pool_s8.h"

/* Of a sum s, x = start + s * 2^left * multiplier / 2^32 to the nearest is the mean on the output's scale and a half, with
 * `fraction` bits behind the point, in 32 bits. Its whole part is the mean; where no more than `ties` is behind the
 * point, the mean lies half way, and the whole part is made even. `offset` leads from there to the code. */
typedef struct {
    int32_t left;
    int32_t multiplier;
    int32_t start;
    int32_t fraction;
    int32_t ties; /* -1: none */
    int32_t offset;
    int32_t padding; /* the code that elements outside of the image count as */
} tinyc_pool_line;

/* Windows of up to 256 elements, those in the padding included. Without padding the output may lie at the input. */
void tinyc_average_pool_line_s8(const tinyc_pool_params *p, const tinyc_pool_line *line, const int8_t *input,
                                int8_t *output);

#endif
