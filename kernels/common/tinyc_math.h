/* Integer arithmetic of the TFLite quantisation specification, double rounding. Shared by our kernels. */
#ifndef TINYC_MATH_H
#define TINYC_MATH_H

#include <stdint.h>

/* (2 * a * b + 2^31) / 2^32, saturated: the rounding doubling high multiply. */
static inline int32_t tinyc_high_multiply(int32_t a, int32_t b)
{
    const int64_t product = (int64_t)a * b;
    if (a == INT32_MIN && b == INT32_MIN) {
        return INT32_MAX;
    }
    return (int32_t)((product + ((int64_t)1 << 30)) >> 31);
}

/* x / 2^exponent to the nearest, halves away from zero; exponent in 0..31. */
static inline int32_t tinyc_shift_right(int32_t x, int32_t exponent)
{
    if (exponent == 0) {
        return x;
    }
    const int64_t half = (int64_t)1 << (exponent - 1);
    return (int32_t)(((int64_t)x + half - (x < 0)) >> exponent);
}

/* x * 2^exponent, wrapping as a 32-bit register does. */
static inline int32_t tinyc_shift_left(int32_t x, int32_t exponent)
{
    return (int32_t)((uint32_t)x << exponent);
}

/* x * multiplier * 2^(shift - 31), rounded twice as the reference does. */
static inline int32_t tinyc_multiply(int32_t x, int32_t multiplier, int32_t shift)
{
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    return tinyc_shift_right(tinyc_high_multiply(tinyc_shift_left(x, left), multiplier), right);
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

#endif
