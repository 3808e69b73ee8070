/* Global pooling in pieces: sums per channel that accumulate while rows pass, and the result from the sums. */
#ifndef TINYC_SUMS_S8_H
#define TINYC_SUMS_S8_H

#include <stdint.h>

#include "tinyc_math.h"

/* sums[c] = earlier[c] + sum of input[p][c] over all pixels; earlier may be NULL (nothing yet) or equal to sums. */
void tinyc_add_rows_s8(int32_t pixels, int32_t channels, const int8_t *input, const int32_t *earlier, int32_t *sums);

/* output[c] = sums[c] / count, halves away from zero, clamped: what AVERAGE_POOL_2D computes. */
void tinyc_average_sums_s8(int32_t channels, int32_t count, int32_t low, int32_t high, const int32_t *sums,
                           int8_t *output);

/* output[c] = (sums[c] - offset) * scale + zero_point, clamped to int8: what MEAN computes. */
void tinyc_mean_sums_s8(int32_t channels, int32_t offset, const tinyc_multiplier *scale, int32_t zero_point,
                        const int32_t *sums, int8_t *output);

#endif
