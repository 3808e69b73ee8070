/* Functions of two int8 operands that broadcast. The output is dense and written in row-major order. */
#ifndef TINYC_ELEMENTWISE_S8_H
#define TINYC_ELEMENTWISE_S8_H

#include "tinyc_math.h"
#include "tinyc_walk.h"

/* Which elements meet: for each of `rows` rows of the output a place of both operands, there `length` elements that
 * are a_step and b_step apart (0 or 1). Operands of one shape are a single row. */
typedef struct {
    int32_t rows;
    int32_t length;
    int32_t a_step;
    int32_t b_step;
    tinyc_walk a;
    tinyc_walk b;
} tinyc_broadcast;

typedef struct {
    tinyc_broadcast shape;
    int32_t left_shift; /* headroom of both operands: 0..22 */
    int32_t a_zero_point;
    int32_t b_zero_point;
    tinyc_multiplier a_scale; /* from an operand with its headroom to the common scale */
    tinyc_multiplier b_scale;
    tinyc_multiplier scale; /* from the common scale to the output's */
    int32_t output_zero_point;
    int32_t clamp[2];
} tinyc_sum_params;

typedef struct {
    tinyc_broadcast shape;
    int32_t a_zero_point;
    int32_t b_zero_point;
    tinyc_multiplier scale; /* from a product of codes to the output's scale */
    int32_t output_zero_point;
    int32_t clamp[2];
} tinyc_mul_params;

typedef struct {
    tinyc_broadcast shape;
    int32_t clamp[2];
} tinyc_extremum_params;

/* In all of them the output may lie at an operand of its own shape, or below. */
void tinyc_add_s8(const tinyc_sum_params *restrict p, const int8_t *a, const int8_t *b, int8_t *output);
void tinyc_sub_s8(const tinyc_sum_params *restrict p, const int8_t *a, const int8_t *b, int8_t *output); /* a - b */
void tinyc_squared_difference_s8(const tinyc_sum_params *restrict p, const int8_t *a, const int8_t *b, int8_t *output);
void tinyc_mul_s8(const tinyc_mul_params *restrict p, const int8_t *a, const int8_t *b, int8_t *output);
void tinyc_minimum_s8(const tinyc_extremum_params *restrict p, const int8_t *a, const int8_t *b, int8_t *output);
void tinyc_maximum_s8(const tinyc_extremum_params *restrict p, const int8_t *a, const int8_t *b, int8_t *output);

/* The common scale of sums. */
static inline int32_t tinyc_operand(int32_t code, int32_t zero_point, int32_t left_shift, tinyc_multiplier scale)
{
    return tinyc_rescale((code - zero_point) * (1 << left_shift), scale);
}

#endif
