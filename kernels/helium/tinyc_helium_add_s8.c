#include "tinyc_helium_add_s8.h"

#include "tinyc_helium.h"

#define HEADROOM 20 /* bits that operands are shifted up by; a's scale is one half */

void tinyc_helium_add_s8(const tinyc_helium_add *p, int32_t count, const int8_t *a, const int8_t *b, int8_t *output)
{
#if TINYC_HELIUM
    const int32x4_t from_a = vdupq_n_s32(-p->a_zero_point), from_b = vdupq_n_s32(-p->b_zero_point);
    const int32x4_t low = vdupq_n_s32(p->clamp[0]), high = vdupq_n_s32(p->clamp[1]);
    const int32x4_t zero = vdupq_n_s32(p->output_zero_point);
    int32x4_t x, y, sign;
    /* No number here comes near the ends of 32 bits: to go down by one for halves away from zero cannot wrap. */
    __asm__ volatile("wlstp.32 lr, %[count], 2f\n"
                     "ldrd %[count], %[p], [%[p], #20]\n" /* multiplier and shift, to save two registers */
                     "1:\n"
                     "vldrb.s32 %q[x], [%[a]], #4\n"
                     "vldrb.s32 %q[y], [%[b]], #4\n"
                     "vadd.i32 %q[x], %q[x], %q[from_a]\n"
                     "vadd.i32 %q[y], %q[y], %q[from_b]\n"
                     "vshl.i32 %q[x], %q[x], #19\n"
                     "vshl.i32 %q[y], %q[y], #20\n"
                     "vqrdmulh.s32 %q[y], %q[y], %[b_multiplier]\n"
                     "vshr.s32 %q[sign], %q[y], #31\n"
                     "vadd.i32 %q[y], %q[y], %q[sign]\n"
                     "vrshl.s32 %q[y], %[b_shift]\n"
                     "vadd.i32 %q[x], %q[x], %q[y]\n"
                     "vqrdmulh.s32 %q[x], %q[x], %[count]\n"
                     "vshr.s32 %q[sign], %q[x], #31\n"
                     "vadd.i32 %q[x], %q[x], %q[sign]\n"
                     "vrshl.s32 %q[x], %[p]\n"
                     "vadd.i32 %q[x], %q[x], %q[zero]\n"
                     "vmax.s32 %q[x], %q[x], %q[low]\n"
                     "vmin.s32 %q[x], %q[x], %q[high]\n"
                     "vstrb.32 %q[x], [%[output]], #4\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [a] "+l"(a), [b] "+l"(b), [output] "+l"(output), [x] "=&w"(x), [y] "=&w"(y), [sign] "=&w"(sign),
                       [count] "+r"(count), [p] "+r"(p)
                     : [from_a] "w"(from_a), [from_b] "w"(from_b), [low] "w"(low), [high] "w"(high),
                       [zero] "w"(zero), [b_multiplier] "r"(p->b_multiplier), [b_shift] "r"(p->b_shift)
                     : "lr", "cc", "memory");
#else
    for (int32_t i = 0; i < count; i++) {
        const int32_t x = (a[i] - p->a_zero_point) * (1 << (HEADROOM - 1));
        const int32_t y = (b[i] - p->b_zero_point) * (1 << HEADROOM);
        const int32_t sum = x + tinyc_multiply(y, p->b_multiplier, p->b_shift);
        output[i] = tinyc_code(tinyc_multiply(sum, p->multiplier, p->shift), p->output_zero_point, p->clamp);
    }
#endif
}
