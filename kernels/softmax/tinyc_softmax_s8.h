/* Softmax of int8 rows. */
#ifndef TINYC_SOFTMAX_S8_H
#define TINYC_SOFTMAX_S8_H

#include "tinyc_math.h"

#include <stddef.h>

typedef struct {
    int32_t rows;
    int32_t length;              /* of a row: 1..4095 */
    tinyc_multiplier difference; /* from a difference of codes to Q5.26; shift 0..31 */
    int32_t least_difference;    /* -255..0: codes further below the row's maximum count as nothing */
    const int32_t *exponentials; /* of differences 0, -1, ... -255 in Q0.31; NULL: to be computed */
} tinyc_softmax_params;

/* Output scale and zero point: probabilities in Q0.31 are multiplied by `multiplier`, then by 2^(32 - shift). */
typedef struct {
    int32_t multiplier; /* 0..2^31 - 1 */
    int32_t shift;      /* 13..61 */
    int32_t zero_point;
} tinyc_softmax_output;

/* The output may lie at the input or below. The first one has scale 1/256 and zero point -128. */
void tinyc_softmax_s8(const tinyc_softmax_params *p, const int8_t *input, int8_t *output);
void tinyc_softmax_scaled_s8(const tinyc_softmax_params *p, const tinyc_softmax_output *to, const int8_t *input,
                             int8_t *output);

#endif
