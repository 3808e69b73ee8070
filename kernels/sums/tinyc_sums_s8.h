/* Global pooling in pieces: sums per channel that accumulate while rows pass, and the result from the sums. */
#ifndef TINYC_SUMS_S8_H
#define TINYC_SUMS_S8_H

#include <stdint.h>

#include "tinyc_math.h"

/* sums[c] = earlier[c] + sum of input[p][c] over all pixels; earlier may be NULL (nothing yet), and may lie
 * at sums or above. */
void tinyc_add_rows_s8(int32_t pixels, int32_t channels, const int8_t *input, const int32_t *earlier, int32_t *sums);

/* output[c] = sums[c] / count, halves away from zero, clamped: what AVERAGE_POOL_2D computes. */
void tinyc_average_sums_s8(int32_t channels, int32_t count, int32_t low, int32_t high, const int32_t *sums,
                           int8_t *output);

/* A mean as a code: (sum - offset) / count * multiplier / 2^shift + zero_point, clamped. */
typedef struct {
    int32_t count;
    int32_t offset; /* count times the input's zero point */
    int32_t multiplier;
    int32_t shift; /* 11..41 */
    int32_t zero_point;
    int32_t odd; /* 1: halves go to the odd distance from the zero point, else to the even one */
    int32_t clamp[2];
} tinyc_even_sums_params;

/* One code per channel, rounded once. */
void tinyc_average_even_sums_s8(int32_t channels, const tinyc_even_sums_params *p, const int32_t *sums,
                                int8_t *output);

/* output[c] = (sums[c] - offset) * scale + zero_point, clamped to int8: what MEAN computes. */
void tinyc_mean_sums_s8(int32_t channels, int32_t offset, const tinyc_multiplier *scale, int32_t zero_point,
                        const int32_t *sums, int8_t *output);

#endif
