/* Helium (MVE) vectors, for kernels that compute the same in plain C where a core lacks them.
 *
 * TINYC_HELIUM says whether the instructions are there; a build may set it to 0 to get the plain C on any core.
 */
#ifndef TINYC_HELIUM_H
#define TINYC_HELIUM_H

#include "tinyc_math.h"

#include <stdint.h>
#include <string.h>

#ifndef TINYC_HELIUM
#if defined(__ARM_FEATURE_MVE) && defined(__GNUC__)
#define TINYC_HELIUM 1
#else
#define TINYC_HELIUM 0
#endif
#endif

/* How a layer requantises; the cheaper two give the same codes as the first where they apply. Its multipliers are those of
 * tinyc_multiply. */
enum {
    TINYC_ANY_SHIFT = 0,   /* multipliers shift to the left, to the right or not at all */
    TINYC_RIGHT_SHIFT = 1, /* all shift to the right, by one or more */
    TINYC_HALVES_UP = 2,   /* none shifts at all, or none to the left and the clamp hides how negative numbers round */
    TINYC_ONCE = 3         /* all are rounded once, marked so */
};

#if TINYC_HELIUM

#include <arm_mve.h>

/* acc * multiplier * 2^(shift - 31); `rounding` is a constant wherever this is inlined. */
static inline int32x4_t tinyc_helium_scale(int32x4_t acc, int32x4_t multiplier, int32x4_t shift, int32_t rounding)
{
    if (rounding == TINYC_ONCE) { /* shifts go by the lowest byte */
        return vrshlq_s32(vqdmulhq_s32(acc, multiplier), shift);
    }
    if (rounding == TINYC_ANY_SHIFT) {
        const int32x4_t zero = vdupq_n_s32(0);
        acc = vshlq_s32(acc, vmaxq_s32(shift, zero));
        shift = vminq_s32(shift, zero);
    }
    acc = vqrdmulhq_s32(acc, multiplier);
    if (rounding != TINYC_HALVES_UP) { /* away from zero: a negative number goes down by one before halves go up */
        const int32x4_t shifted = rounding == TINYC_ANY_SHIFT ? vandq_s32(acc, shift) : acc;
        acc = vqaddq_s32(acc, vshrq_n_s32(shifted, 31));
    }
    return vrshlq_s32(acc, shift);
}

#endif

/* memcpy of ranges that do not overlap, without a call. */
static inline void tinyc_helium_copy(int8_t *to, const int8_t *from, int32_t bytes)
{
#if TINYC_HELIUM
    __asm__ volatile("wlstp.8 lr, %[n], 2f\n"
                     "1:\n"
                     "vldrb.8 q0, [%[from]], #16\n"
                     "vstrb.8 q0, [%[to]], #16\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [to] "+r"(to), [from] "+r"(from)
                     : [n] "r"(bytes)
                     : "q0", "lr", "cc", "memory");
#else
    memcpy(to, from, (size_t)bytes);
#endif
}

/* memset without a call. */
static inline void tinyc_helium_fill(int8_t *to, int32_t code, int32_t bytes)
{
#if TINYC_HELIUM
    __asm__ volatile("vdup.8 q0, %[code]\n"
                     "wlstp.8 lr, %[n], 2f\n"
                     "1:\n"
                     "vstrb.8 q0, [%[to]], #16\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [to] "+r"(to)
                     : [n] "r"(bytes), [code] "r"(code)
                     : "q0", "lr", "cc", "memory");
#else
    memset(to, (int)code, (size_t)bytes);
#endif
}

/* Bring codes into the range of a clamp. */
static inline void tinyc_helium_limit(int8_t *codes, int32_t bytes, const int32_t clamp[2])
{
    if (clamp[0] <= -128 && clamp[1] >= 127) {
        return;
    }
#if TINYC_HELIUM
    __asm__ volatile("vdup.8 q1, %[low]\n"
                     "vdup.8 q2, %[high]\n"
                     "wlstp.8 lr, %[bytes], 2f\n"
                     "1:\n"
                     "vldrb.8 q0, [%[codes]]\n"
                     "vmax.s8 q0, q0, q1\n"
                     "vmin.s8 q0, q0, q2\n"
                     "vstrb.8 q0, [%[codes]], #16\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [codes] "+r"(codes)
                     : [bytes] "r"(bytes), [low] "r"(clamp[0]), [high] "r"(clamp[1])
                     : "q0", "q1", "q2", "lr", "cc", "memory");
#else
    for (int32_t i = 0; i < bytes; i++) {
        codes[i] = tinyc_clamp(codes[i], clamp[0], clamp[1]);
    }
#endif
}

#endif
