#include "tinyc_columns_s8.h"

#include "tinyc_block.h"
#include "tinyc_groups.h"

#if TINYC_DSP

/* Takes the constants of two channels and multiplies them with the columns. */
static inline tinyc_block multiply(const uint32_t *x, const uint32_t *end, const int32_t **constants)
{
    const int32_t *w = *constants;
    int32_t a0, a1, b0, b1;
    register int32_t m0 __asm__("r4") = (int32_t)(uintptr_t)end;
    register int32_t h0 __asm__("r5"), s0 __asm__("r6"), m1 __asm__("r8"), h1 __asm__("r9"), s1 __asm__("r10");
    __asm__ volatile("ldrd %[a0], %[a1], [%[w]], #8\n\t"
                     "mov %[b0], %[a0]\n\t"
                     "mov %[b1], %[a1]\n\t" TINYC_GROUPS
                     "ldmia %[w]!, {r4, r5, r6, r8, r9, r10}"
                     : [a0] "=&r"(a0), [a1] "=&r"(a1), [b0] "=&r"(b0), [b1] "=&r"(b1), [x] "+&r"(x), [w] "+&r"(w),
                       "+&r"(m0), "=&r"(h0), "=&r"(s0), "=&r"(m1), "=&r"(h1), "=&r"(s1)
                     :
                     : "r12", "cc", "memory");
    *constants = w;
    const tinyc_block result = {a0, a1, b0, b1, {m0, h0, s0}, {m1, h1, s1}};
    return result;
}

#else

/* Takes the constants of two channels and multiplies them with the columns. */
static inline tinyc_block multiply(const uint32_t *x, const uint32_t *end, const int32_t **constants)
{
    const int32_t *w = *constants;
    tinyc_block s = {w[0], w[1], w[0], w[1], {0, 0, 0}, {0, 0, 0}};
    w += 2;
    for (; x < end; x += TINYC_COLUMN_WORDS, w += 2) {
        for (int32_t odd = 0; odd < 2; odd++) {
            const uint32_t w0 = tinyc_add_even_bytes(0, (uint32_t)w[odd]);
            const uint32_t w1 = tinyc_add_odd_bytes(0, (uint32_t)w[odd]);
            s.a0 = tinyc_mac_pair(x[odd], w0, s.a0);
            s.a1 = tinyc_mac_pair(x[odd], w1, s.a1);
            s.b0 = tinyc_mac_pair(x[odd + 2], w0, s.b0);
            s.b1 = tinyc_mac_pair(x[odd + 2], w1, s.b1);
        }
    }
    memcpy(&s.r0, w, sizeof s.r0);
    memcpy(&s.r1, w + 3, sizeof s.r1);
    *constants = w + 6;
    return s;
}

#endif

/* All channels of two pixels. Inlined with a constant: the kind of sums that is fast. */
static inline void all_channels(const tinyc_columns *layer, const uint32_t *columns, int8_t *first, int8_t *second,
                                int once)
{
    const uint32_t *end = columns + TINYC_COLUMN_WORDS * layer->groups;
    const int32_t *constants = layer->constants;
    for (int32_t left = layer->channels; left > 0; left -= 2) {
        const tinyc_block s = multiply(columns, end, &constants);
        tinyc_finish_block(s, constants - 6, layer->zero_point, left, first, second, once);
        first += 2;
        second += 2;
    }
}

void tinyc_columns_s8(const tinyc_columns *layer, const uint32_t *columns, int8_t *first, int8_t *second)
{
    if (tinyc_rounds_once(layer)) {
        all_channels(layer, columns, first, second, 1);
    } else {
        all_channels(layer, columns, first, second, 0);
    }
}
