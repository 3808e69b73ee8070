/* Sums of two tensors of one size. */
#ifndef TINYC_HELIUM_ADD_S8_H
#define TINYC_HELIUM_ADD_S8_H

#include <stdint.h>

/* Operand a has the larger scale, or the same one. The scales of b and of the sums are multipliers as in tinyc_math.h
 * that shift to the right, by one or more, on operands shifted up by 20 bits. */
typedef struct {
    int32_t a_zero_point, b_zero_point, output_zero_point;
    int32_t b_multiplier, b_shift;
    int32_t multiplier, shift;
    int32_t clamp[2];
} tinyc_helium_add;

/* The output may start at or below either operand. */
void tinyc_helium_add_s8(const tinyc_helium_add *p, int32_t count, const int8_t *a, const int8_t *b, int8_t *output);

#endif
