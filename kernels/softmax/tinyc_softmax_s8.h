/* Softmax of int8 rows. */
#ifndef TINYC_SOFTMAX_S8_H
#define TINYC_SOFTMAX_S8_H

#include "tinyc_math.h"

typedef struct {
    int32_t rows;
    int32_t length;              /* of a row: 1..4095 */
    tinyc_multiplier difference; /* from a difference of codes to Q5.26; shift 0..31 */
    int32_t least_difference;    /* -255..0: codes further below the row's maximum count as nothing */
} tinyc_softmax_params;

/* The output has scale 1/256 and zero point -128; it may lie at the input or below. */
void tinyc_softmax_s8(const tinyc_softmax_params *restrict p, const int8_t *input, int8_t *output);

#endif
