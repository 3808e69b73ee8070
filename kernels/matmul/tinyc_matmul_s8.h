/* Products of two int8 matrices that were both computed, with zero points on both. */
#ifndef TINYC_MATMUL_S8_H
#define TINYC_MATMUL_S8_H

#include "tinyc_dsp.h"
#include "tinyc_walk.h"

/* For each of `batches` places of a and b: `rows` times `columns` sums of `depth` products. Steps are in elements. */
typedef struct {
    int32_t batches;
    tinyc_walk a;
    tinyc_walk b;
    int32_t rows;
    int32_t depth;
    int32_t columns;
    int32_t a_step[2]; /* from row to row, from product to product */
    int32_t b_step[2]; /* from product to product, from column to column */
    int32_t a_zero_point;
    int32_t b_zero_point;
    int32_t output_zero_point;
    tinyc_multiplier scale; /* from a sum to the output's scale */
    tinyc_requantiser requantiser; /* the same, in other words */
} tinyc_matmul;

/* Any steps. An element of the output is written when all that it needs was read. */
void tinyc_matmul_s8(const tinyc_matmul *p, const int8_t *a, const int8_t *b, int8_t *output);

/* Steps of 1 from product to product in both. `scratch` holds 4 words for each four products, those of the end among
 * them: two rows of a, of which the output is written when both were read. */
void tinyc_matmul_transposed_s8(const tinyc_matmul *p, const int8_t *a, const int8_t *b, void *scratch, int8_t *output);

/* Steps of 1 from product to product in a, from column to column in b. `scratch` holds a word for each two products: a
 * row of a, of which the output is written when it was read. */
void tinyc_matmul_rows_s8(const tinyc_matmul *p, const int8_t *a, const int8_t *b, void *scratch, int8_t *output);

/* The same for Helium. Output of the first follows two rows of a as above; of the second it must lie apart. */
void tinyc_helium_matmul_transposed_s8(const tinyc_matmul *p, const int8_t *a, const int8_t *b, int8_t *output);
void tinyc_helium_matmul_rows_s8(const tinyc_matmul *p, const int8_t *a, const int8_t *b, int8_t *output);

static inline int8_t tinyc_matmul_code(const tinyc_matmul *p, int32_t sum)
{
    return tinyc_requantise_sum(sum, &p->requantiser, p->output_zero_point);
}

#endif
