/* Quotients rounded to the nearest, halves to even: how float arithmetic rounds a mean. */
#ifndef TINYC_DIVIDE_H
#define TINYC_DIVIDE_H

#include <stdint.h>

/* sum / count to the nearest, halves to a quotient q with q + odd even; count above 0. */
static inline int32_t tinyc_divide_to_even(int32_t sum, int32_t count, int32_t odd)
{
    const int32_t magnitude = sum < 0 ? -sum : sum;
    int32_t quotient = magnitude / count;
    const int32_t twice = 2 * (magnitude - quotient * count);
    quotient += twice > count || (twice == count && ((quotient + odd) & 1) == 1);
    return sum < 0 ? -quotient : quotient;
}

/* The same for 64 bits; the quotient is limited to what any code could need. */
static inline int32_t tinyc_divide_wide_to_even(int64_t sum, int64_t count, int32_t odd)
{
    const int64_t magnitude = sum < 0 ? -sum : sum;
    int64_t quotient = magnitude / count;
    const int64_t rest = magnitude - quotient * count;
    quotient += rest > count - rest || (rest == count - rest && ((quotient + odd) & 1) == 1);
    const int32_t limited = quotient > 512 ? 512 : (int32_t)quotient;
    return sum < 0 ? -limited : limited;
}

#endif
