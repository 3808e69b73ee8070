/* Softmax of int8 rows. */
#ifndef TINYC_SOFTMAX_S8_H
#define TINYC_SOFTMAX_S8_H

#include "tinyc_math.h"

typedef struct {
    int32_t rows;
    int32_t length;              /* of a row: 1..4095 */
    tinyc_multiplier difference; /* from a difference of codes to Q5.26; shift 0..31 */
    int32_t least_difference;    /* -255..0: codes further below the row's maximum count as nothing */
    int32_t multiplier;          /* of probabilities, times 2^-shift; 0: the output has scale 1/256, zero point -128 */
    int32_t shift;               /* 45..93 */
    int32_t zero_point;
} tinyc_softmax_params;

/* The output may lie at the input or below. */
void tinyc_softmax_s8(const tinyc_softmax_params *restrict p, const int8_t *input, int8_t *output);

#endif
