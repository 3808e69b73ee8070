#if defined(__arm__) && !defined(__clang__)
/* The assembly takes nearly all registers: GCC finds no room for its operands unoptimised or with a frame pointer. */
#pragma GCC optimize("O3", "omit-frame-pointer")
#endif
#include "tinyc_columns_s8.h"

#include "tinyc_block.h"
#include "tinyc_limit_s8.h"

#if TINYC_DSP

/* One group: 20 instructions for 16 products. Codes 0 and 2 of both pixels, then 1 and 3. */
#define HALF(a, b)                    \
    "ldr r9, [%[w]], #4\n\t"          \
    "sxtb16 r12, r9\n\t"              \
    "sxtb16 r9, r9, ror #8\n\t"       \
    "smlad %[a0], " a ", r12, %[a0]\n\t" \
    "smlad %[b0], " b ", r12, %[b0]\n\t" \
    "smlad %[a1], " a ", r9, %[a1]\n\t"  \
    "smlad %[b1], " b ", r9, %[b1]\n\t"
#define GROUP                   \
    "ldr r4, [%[a]], #4\n\t"    \
    "ldr r5, [%[b]], #4\n\t"    \
    "sxtb16 r6, r4\n\t"         \
    "sxtb16 r8, r5\n\t"         \
    HALF("r6", "r8")            \
    "sxtb16 r4, r4, ror #8\n\t" \
    "sxtb16 r5, r5, ror #8\n\t" \
    HALF("r4", "r5")

/* Adds the products of the codes from `a` to `end`, and as many from `b`, to the sums: two groups per round, an odd one
 * enters in the middle. Returns what follows the weights. One piece of assembly for the reason that tinyc_columns_s8.c
 * gives. */
static inline const int32_t *multiply(tinyc_block *s, const int8_t *a, const int8_t *b, const int8_t *end,
                                      const int32_t *w)
{
    int32_t a0 = s->a0, a1 = s->a1, b0 = s->b0, b1 = s->b1;
    register const int8_t *last __asm__("r4") = end;
    __asm__ volatile("push {r4}\n\t"
                     "sub r4, r4, %[a]\n\t"
                     "tst r4, #4\n\t"
                     "bne 2f\n"
                     "1:\n\t" GROUP
                     "2:\n\t" GROUP
                     "ldr r4, [sp]\n\t"
                     "cmp %[a], r4\n\t"
                     "bne 1b\n\t"
                     "add sp, sp, #4"
                     : [a0] "+&r"(a0), [a1] "+&r"(a1), [b0] "+&r"(b0), [b1] "+&r"(b1), [a] "+&r"(a), [b] "+&r"(b),
                       [w] "+&r"(w), "+&r"(last)
                     :
                     : "r5", "r6", "r8", "r9", "r12", "cc", "memory");
    s->a0 = a0;
    s->a1 = a1;
    s->b0 = b0;
    s->b1 = b1;
    return w;
}

#else

static inline const int32_t *multiply(tinyc_block *s, const int8_t *a, const int8_t *b, const int8_t *end,
                                      const int32_t *w)
{
    for (; a < end; a += 4, b += 4, w += 2) {
        const uint32_t x = tinyc_load_32(a), y = tinyc_load_32(b);
        const uint32_t of_a[2] = {tinyc_add_even_bytes(0, x), tinyc_add_odd_bytes(0, x)};
        const uint32_t of_b[2] = {tinyc_add_even_bytes(0, y), tinyc_add_odd_bytes(0, y)};
        for (int32_t odd = 0; odd < 2; odd++) {
            const uint32_t w0 = tinyc_add_even_bytes(0, (uint32_t)w[odd]);
            const uint32_t w1 = tinyc_add_odd_bytes(0, (uint32_t)w[odd]);
            s->a0 = tinyc_mac_pair(of_a[odd], w0, s->a0);
            s->b0 = tinyc_mac_pair(of_b[odd], w0, s->b0);
            s->a1 = tinyc_mac_pair(of_a[odd], w1, s->a1);
            s->b1 = tinyc_mac_pair(of_b[odd], w1, s->b1);
        }
    }
    return w;
}

#endif

/* All channels of the pixels that read from `a` and `b`. Inlined with a constant: the kind of sums that is fast. */
static inline void two_pixels(const tinyc_columns *layer, const int8_t *a, const int8_t *b, int8_t *first,
                              int8_t *second, int once)
{
    const int32_t *w = layer->constants;
    for (int32_t left = layer->channels; left > 0; left -= 2) {
        tinyc_block s = {w[0], w[1], w[0], w[1], {0, 0, 0}, {0, 0, 0}};
        w = multiply(&s, a, b, a + layer->depth, w + 2);
        memcpy(&s.r0, w, sizeof s.r0);
        memcpy(&s.r1, w + 3, sizeof s.r1);
        w += 6;
        tinyc_finish_block(s, w - 6, layer->zero_point, left, first, second, once);
        first += 2;
        second += 2;
    }
}

void tinyc_pointwise_direct_s8(const tinyc_columns *layer, int32_t pixels, const int8_t *input, int8_t *output)
{
    const int32_t depth = layer->depth, channels = layer->channels;
    const int once = tinyc_rounds_once(layer);
    int8_t *y = output;
    for (int32_t left = pixels; left > 0; left -= 2, input += 2 * depth, y += 2 * channels) {
        const int32_t second = left > 1; /* 0: one pixel is computed twice */
        if (once) {
            two_pixels(layer, input, input + second * depth, y, y + second * channels, 1);
        } else {
            two_pixels(layer, input, input + second * depth, y, y + second * channels, 0);
        }
    }
    tinyc_limit_s8(output, pixels * channels, layer->clamp);
}
