/* Integer arithmetic of the TFLite quantisation specification, double rounding. Shared by our kernels.
 *
 * Defined for all int32 operands but where a range is given: what overflows a 32-bit register wraps, as in the
 * reference. Right shifts of negative numbers are arithmetic, as on every compiler for Arm.
 */
#ifndef TINYC_MATH_H
#define TINYC_MATH_H

#include <stdint.h>

/* A real number as value * 2^(shift - 31); value 0..2^31 - 1, shift -31..30, positive is to the left. From that of a
 * product that is rounded once, -22..-1, 256 is taken off. */
typedef struct {
    int32_t value;
    int32_t shift;
} tinyc_multiplier;

/* x * y / 2^31 to the nearest, halves up. Not both may be INT32_MIN: multipliers never are. */
static inline int32_t tinyc_high_multiply(int32_t x, int32_t y)
{
    return (int32_t)(((int64_t)x * y + ((int64_t)1 << 30)) >> 31);
}

/* x / 2^exponent to the nearest, halves away from zero; exponent 0..62. */
static inline int32_t tinyc_shift_right(int32_t x, int32_t exponent)
{
    if (exponent == 0) {
        return x;
    }
    const int64_t half = (int64_t)1 << (exponent - 1);
    return (int32_t)(((int64_t)x + half - (x < 0)) >> exponent);
}

/* x * 2^exponent, wrapping as a 32-bit register does; exponent 0..31. */
static inline int32_t tinyc_shift_left(int32_t x, int32_t exponent)
{
    return (int32_t)((uint32_t)x << exponent);
}

/* x * multiplier * 2^(shift - 31) to the nearest, halves up; shift -22..-1. */
static inline int32_t tinyc_multiply_once(int32_t x, int32_t multiplier, int32_t shift)
{
    const int32_t high = (int32_t)(((int64_t)x * multiplier) >> 31);
    return ((high >> (-1 - shift)) + 1) >> 1;
}

/* x * m, rounded twice as the reference does, or once. */
static inline int32_t tinyc_multiply(int32_t x, int32_t multiplier, int32_t shift)
{
    if (shift < -31) {
        return tinyc_multiply_once(x, multiplier, shift + 256);
    }
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    return tinyc_shift_right(tinyc_high_multiply(tinyc_shift_left(x, left), multiplier), right);
}

static inline int32_t tinyc_rescale(int32_t x, tinyc_multiplier m)
{
    return tinyc_multiply(x, m.value, m.shift);
}

/* x + y in a 32-bit register. */
static inline int32_t tinyc_add_wrapping(int32_t x, int32_t y)
{
    return (int32_t)((uint32_t)x + (uint32_t)y);
}

static inline int8_t tinyc_clamp(int32_t x, int32_t low, int32_t high)
{
    return (int8_t)(x < low ? low : x > high ? high : x);
}

/* The code of any x on the output's scale: x + zero_point, limited to clamp[0]..clamp[1]; all three are int8 codes. */
static inline int8_t tinyc_code(int32_t x, int32_t zero_point, const int32_t clamp[2])
{
    const int32_t low = clamp[0] - zero_point;
    const int32_t high = clamp[1] - zero_point;
    return (int8_t)((x < low ? low : x > high ? high : x) + zero_point);
}

#endif
