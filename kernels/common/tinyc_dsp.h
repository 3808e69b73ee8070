/* The DSP extension's 16-bit pairs, behind functions that compute the same in plain C where a core lacks it.
 *
 * A pair is a word of two signed 16-bit lanes, the lower one in bits 0..15. TINYC_DSP says whether the instructions
 * are there; a build may set it to 0 to get the plain C on any core.
 */
#ifndef TINYC_DSP_H
#define TINYC_DSP_H

#include "tinyc_math.h"

#include <stdint.h>
#include <string.h>

#ifndef TINYC_DSP
#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__)
#define TINYC_DSP 1
#else
#define TINYC_DSP 0
#endif
#endif

/* Marks a function that few layers reach: compiled small, and kept out of the loop that calls it. */
#ifdef __GNUC__
#define TINYC_RARE __attribute__((noinline, cold))
#else
#define TINYC_RARE
#endif

/* Marks a function that becomes part of each of its callers, with the constants that they give, also for size. */
#ifdef __GNUC__
#define TINYC_INLINED inline __attribute__((always_inline))
#else
#define TINYC_INLINED inline
#endif

/* Loads of any alignment: one instruction on cores with the DSP extension. */
static inline uint32_t tinyc_load_16(const void *from)
{
    uint16_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline uint32_t tinyc_load_32(const void *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline int32_t tinyc_low(uint32_t pair)
{
    return (int16_t)(pair & 0xFFFFu);
}

static inline int32_t tinyc_high(uint32_t pair)
{
    return (int16_t)(pair >> 16);
}

static inline uint32_t tinyc_pair(int32_t low, int32_t high)
{
    return ((uint32_t)low & 0xFFFFu) | ((uint32_t)high << 16);
}

#if TINYC_DSP

#define TINYC_DSP_3(name, instruction)                                                         \
    static inline int32_t name(uint32_t x, uint32_t y, int32_t sum)                             \
    {                                                                                          \
        int32_t result;                                                                        \
        __asm__(instruction " %0, %1, %2, %3" : "=r"(result) : "r"(x), "r"(y), "r"(sum));      \
        return result;                                                                         \
    }

/* Bits 0..15 of a and of b, as a pair. */
static inline uint32_t tinyc_pack_low(uint32_t a, uint32_t b)
{
    uint32_t result;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(result) : "r"(a), "r"(b));
    return result;
}

/* sum + the signed bytes 0 and 2 of x, lane by lane. */
static inline uint32_t tinyc_add_even_bytes(uint32_t sum, uint32_t x)
{
    uint32_t result;
    __asm__("sxtab16 %0, %1, %2" : "=r"(result) : "r"(sum), "r"(x));
    return result;
}

/* sum + the signed bytes 1 and 3 of x, lane by lane. */
static inline uint32_t tinyc_add_odd_bytes(uint32_t sum, uint32_t x)
{
    uint32_t result;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(result) : "r"(sum), "r"(x));
    return result;
}

static inline int32_t tinyc_saturate_8(int32_t x)
{
    int32_t result;
    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(x));
    return result;
}

#else

#define TINYC_DSP_3(name, expression)                                                          \
    static inline int32_t name(uint32_t x, uint32_t y, int32_t sum)                             \
    {                                                                                          \
        return tinyc_add_wrapping(sum, expression);                                            \
    }

static inline uint32_t tinyc_pack_low(uint32_t a, uint32_t b)
{
    return (a & 0xFFFFu) | (b << 16);
}

static inline uint32_t tinyc_add_even_bytes(uint32_t sum, uint32_t x)
{
    return tinyc_pair(tinyc_low(sum) + (int8_t)(x & 0xFFu), tinyc_high(sum) + (int8_t)(x >> 16 & 0xFFu));
}

static inline uint32_t tinyc_add_odd_bytes(uint32_t sum, uint32_t x)
{
    return tinyc_add_even_bytes(sum, x >> 8);
}

static inline int32_t tinyc_saturate_8(int32_t x)
{
    return x < -128 ? -128 : x > 127 ? 127 : x;
}

#endif

#if TINYC_DSP
TINYC_DSP_3(tinyc_mac_pair, "smlad")       /* both lanes: sum + x.low * y.low + x.high * y.high */
TINYC_DSP_3(tinyc_mac_low_high, "smlabt")  /* sum + x.low * y.high */
TINYC_DSP_3(tinyc_mac_high_low, "smlatb")  /* sum + x.high * y.low */
TINYC_DSP_3(tinyc_high_multiply_add, "smmlar") /* sum + x * y / 2^32 to the nearest, halves up */
TINYC_DSP_3(tinyc_high_multiply_add_down, "smmla") /* sum + x * y / 2^32, down to the next integer */
#else
TINYC_DSP_3(tinyc_mac_pair, tinyc_low(x) * tinyc_low(y) + tinyc_high(x) * tinyc_high(y))
TINYC_DSP_3(tinyc_mac_low_high, tinyc_low(x) * tinyc_high(y))
TINYC_DSP_3(tinyc_mac_high_low, tinyc_high(x) * tinyc_low(y))
TINYC_DSP_3(tinyc_high_multiply_add, (int32_t)(((int64_t)(int32_t)x * (int32_t)y + ((int64_t)1 << 31)) >> 32))
TINYC_DSP_3(tinyc_high_multiply_add_down, (int32_t)(((int64_t)(int32_t)x * (int32_t)y) >> 32))
#endif

/* How one output channel requantises.
 *
 * Where shift is not 0 the accumulator comes doubled, so that the high half of its product with the multiplier is the
 * doubling high multiply. With s from 1 to 22, `rounding` is 2^(s - 1) + (zero_point << s). A shift of s rounds twice, in
 * four instructions; one of s - 256 once, in three, for which its lowest byte is what to shift by. Where shift is 0, the
 * accumulator comes as it is and `rounding` holds the multiplier's own shift, as in a tinyc_multiplier.
 */
typedef struct {
    int32_t multiplier;
    int32_t rounding;
    int32_t shift;
} tinyc_requantiser;

/* The code of a doubled accumulator. Halves go away from zero: a negative accumulator is taken down by one before the
 * rounding shift. (Where the product rounds to zero the reference does not, but then the shift gives zero either way.)
 */
static inline int8_t tinyc_requantise_doubled(int32_t doubled, int32_t multiplier, int32_t rounding, int32_t shift)
{
    const int32_t scaled = tinyc_high_multiply_add((uint32_t)doubled, (uint32_t)multiplier, rounding);
    return (int8_t)tinyc_saturate_8((scaled + (doubled >> 31)) >> shift);
}

/* The code of a doubled accumulator that is rounded once. */
static inline int8_t tinyc_requantise_once(int32_t doubled, int32_t multiplier, int32_t rounding, int32_t shift)
{
    const int32_t scaled = tinyc_high_multiply_add_down((uint32_t)doubled, (uint32_t)multiplier, rounding);
    return (int8_t)tinyc_saturate_8(scaled >> (shift & 0xFF));
}

/* The code of an accumulator of any kind, doubled where its kind asks for it. */
static inline int8_t tinyc_requantise(int32_t accumulator, const tinyc_requantiser *r, int32_t zero_point)
{
    static const int32_t all_codes[2] = {-128, 127};
    if (r->shift > 0) {
        return tinyc_requantise_doubled(accumulator, r->multiplier, r->rounding, r->shift);
    }
    if (r->shift < 0) {
        return tinyc_requantise_once(accumulator, r->multiplier, r->rounding, r->shift);
    }
    return tinyc_code(tinyc_multiply(accumulator, r->multiplier, r->rounding), zero_point, all_codes);
}

/* The code of a sum, which is an accumulator that is not doubled yet. */
static inline int8_t tinyc_requantise_sum(int32_t sum, const tinyc_requantiser *r, int32_t zero_point)
{
    const int32_t doubled = tinyc_shift_left(sum, 1);
    if (r->shift > 0) {
        return tinyc_requantise_doubled(doubled, r->multiplier, r->rounding, r->shift);
    }
    return tinyc_requantise(r->shift < 0 ? doubled : sum, r, zero_point);
}

/* Limit `count` codes to clamp[0]..clamp[1]. */
static inline void tinyc_clamp_all(int8_t *codes, int32_t count, const int32_t clamp[2])
{
    for (int32_t i = 0; i < count; i++) {
        codes[i] = tinyc_clamp(codes[i], clamp[0], clamp[1]);
    }
}

#endif
