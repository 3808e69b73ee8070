/* Sum of two tensors of one shape. */
#ifndef TINYC_ADD_EQUAL_S8_H
#define TINYC_ADD_EQUAL_S8_H

#include "tinyc_dsp.h"

/* a has the larger scale: on the common scale, half of that with 20 bits of headroom, it is (a - zero point) << 19, which
 * no rounding touches. Sums come doubled to the output's requantiser: a << 20. */
typedef struct {
    int32_t a_offset; /* minus a's zero point << 20 */
    int32_t b_offset; /* minus b's zero point << 21 */
    tinyc_requantiser b;      /* from b << 21 to the common scale, without zero point; shift 1..31 */
    tinyc_requantiser output; /* shift 1..22 */
    int32_t clamp[2];
} tinyc_add_equal;

/* The output may lie at an operand or below. */
void tinyc_add_equal_s8(const tinyc_add_equal *p, int32_t count, const int8_t *a, const int8_t *b, int8_t *output);

#endif
