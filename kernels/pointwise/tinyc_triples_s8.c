#if defined(__arm__) && !defined(__clang__)
/* The assembly takes nearly all registers: GCC finds no room for its operands unoptimised or with a frame pointer. */
#pragma GCC optimize("O3", "omit-frame-pointer")
#endif
#include "tinyc_triples_s8.h"

#include "tinyc_block.h"
#include "tinyc_limit_s8.h"
#include "tinyc_widen.h"

/* Sums of pixels a, b and c times channels 0 and 1. */
typedef struct {
    int32_t a0, a1, b0, b1, c0, c1;
} triple;

#if TINYC_DSP

/* Codes 0 and 2, or 1 and 3, of three pixels and two channels: 10 instructions for 12 products. */
#define HALF                             \
    "ldmia %[x]!, {r4, r5, r6}\n\t"      \
    "ldr r8, [%[w]], #4\n\t"             \
    "sxtb16 r12, r8\n\t"                 \
    "sxtb16 r8, r8, ror #8\n\t"          \
    "smlad %[a0], r4, r12, %[a0]\n\t"    \
    "smlad %[b0], r5, r12, %[b0]\n\t"    \
    "smlad %[c0], r6, r12, %[c0]\n\t"    \
    "smlad %[a1], r4, r8, %[a1]\n\t"     \
    "smlad %[b1], r5, r8, %[b1]\n\t"     \
    "smlad %[c1], r6, r8, %[c1]\n\t"
#define GROUP HALF HALF

/* Takes the biases of two channels and adds the products of `groups` groups, one or more; returns what follows the
 * weights. As in tinyc_groups.h, a round is four groups, and the rounds left wait on the stack. */
static inline const int32_t *multiply(triple *s, const uint32_t *x, int32_t groups, const int32_t *w)
{
    int32_t a0 = w[0], a1 = w[1], b0 = a0, b1 = a1, c0 = a0, c1 = a1;
    register int32_t count __asm__("r4") = groups;
    w += 2;
    __asm__ volatile("lsls r5, r4, #31\n\t" /* bit 0 of the number of groups to N, bit 1 to C */
                     "add r4, r4, #3\n\t"
                     "lsr r4, r4, #2\n\t"
                     "push {r4}\n\t"
                     "bcc 5f\n\t"
                     "bmi 2f\n\t"
                     "b 3f\n"
                     "5:\n\t"
                     "bmi 4f\n"
                     "1:\n\t" GROUP
                     "2:\n\t" GROUP
                     "3:\n\t" GROUP
                     "4:\n\t" GROUP
                     "ldr r4, [sp]\n\t"
                     "subs r4, r4, #1\n\t"
                     "str r4, [sp]\n\t"
                     "bne 1b\n\t"
                     "add sp, sp, #4"
                     : [a0] "+r"(a0), [a1] "+r"(a1), [b0] "+r"(b0), [b1] "+r"(b1), [c0] "+r"(c0), [c1] "+r"(c1),
                       [x] "+r"(x), [w] "+r"(w), "+r"(count)
                     :
                     : "r5", "r6", "r8", "r12", "cc", "memory");
    const triple found = {a0, a1, b0, b1, c0, c1};
    *s = found;
    return w;
}

#else

static inline const int32_t *multiply(triple *s, const uint32_t *x, int32_t groups, const int32_t *w)
{
    triple t = {w[0], w[1], w[0], w[1], w[0], w[1]};
    w += 2;
    for (int32_t half = 0; half < 2 * groups; half++, x += 3, w++) {
        const uint32_t w0 = tinyc_add_even_bytes(0, (uint32_t)*w), w1 = tinyc_add_odd_bytes(0, (uint32_t)*w);
        t.a0 = tinyc_mac_pair(x[0], w0, t.a0);
        t.a1 = tinyc_mac_pair(x[0], w1, t.a1);
        t.b0 = tinyc_mac_pair(x[1], w0, t.b0);
        t.b1 = tinyc_mac_pair(x[1], w1, t.b1);
        t.c0 = tinyc_mac_pair(x[2], w0, t.c0);
        t.c1 = tinyc_mac_pair(x[2], w1, t.c1);
    }
    *s = t;
    return w;
}

#endif

/* The codes of sums of the kind that few layers have. */
static TINYC_RARE triple rescale_plain(triple s, const int32_t *r, int32_t zero_point)
{
    const tinyc_requantiser r0 = {r[0], r[1], r[2]}, r1 = {r[3], r[4], r[5]};
    const triple codes = {
        tinyc_requantise(s.a0, &r0, zero_point), tinyc_requantise(s.a1, &r1, zero_point),
        tinyc_requantise(s.b0, &r0, zero_point), tinyc_requantise(s.b1, &r1, zero_point),
        tinyc_requantise(s.c0, &r0, zero_point), tinyc_requantise(s.c1, &r1, zero_point),
    };
    return codes;
}

static inline triple rescale(triple s, const int32_t *r, int32_t zero_point)
{
    if (r[2] == 0) {
        return rescale_plain(s, r, zero_point);
    }
    const tinyc_requantiser r0 = {r[0], r[1], r[2]}, r1 = {r[3], r[4], r[5]};
    if (r[2] < 0) {
        const triple once = {
            tinyc_rescale_once(s.a0, &r0), tinyc_rescale_once(s.a1, &r1), tinyc_rescale_once(s.b0, &r0),
            tinyc_rescale_once(s.b1, &r1), tinyc_rescale_once(s.c0, &r0), tinyc_rescale_once(s.c1, &r1),
        };
        return once;
    }
    const triple codes = {
        tinyc_rescale_doubled(s.a0, &r0), tinyc_rescale_doubled(s.a1, &r1), tinyc_rescale_doubled(s.b0, &r0),
        tinyc_rescale_doubled(s.b1, &r1), tinyc_rescale_doubled(s.c0, &r0), tinyc_rescale_doubled(s.c1, &r1),
    };
    return codes;
}

/* All channels of three pixels. */
static void three_pixels(const tinyc_columns *layer, const uint32_t *columns, int8_t *output)
{
    const int32_t channels = layer->channels;
    const int32_t *w = layer->constants;
    for (int32_t left = channels; left > 0; left -= 2, output += 2) {
        triple s;
        w = multiply(&s, columns, layer->groups, w);
        s = rescale(s, w, layer->zero_point);
        w += 6;
        output[0] = (int8_t)s.a0;
        output[channels] = (int8_t)s.b0;
        output[2 * channels] = (int8_t)s.c0;
        if (left > 1) {
            output[1] = (int8_t)s.a1;
            output[channels + 1] = (int8_t)s.b1;
            output[2 * channels + 1] = (int8_t)s.c1;
        }
    }
}

void tinyc_pointwise_triples_s8(const tinyc_columns *layer, int32_t pixels, const int8_t *input, void *scratch,
                                int8_t *output)
{
    const int32_t depth = layer->depth, channels = layer->channels;
    uint32_t *columns = scratch;
    int32_t left = pixels;
    int8_t *y = output;
    for (; left == 3 || left > 4; left -= 3, input += 3 * depth, y += 3 * channels) {
        tinyc_widen_third(input, depth, columns);
        tinyc_widen_third(input + depth, depth, columns + 1);
        tinyc_widen_third(input + 2 * depth, depth, columns + 2);
        three_pixels(layer, columns, y);
    }
    for (; left > 0; left -= 2, input += 2 * depth, y += 2 * channels) {
        const int32_t second = left > 1; /* 0: one pixel is computed twice */
        tinyc_widen_run(input, depth, columns);
        tinyc_widen_run(input + second * depth, depth, columns + 2);
        tinyc_columns_s8(layer, columns, y, y + second * channels);
    }
    tinyc_limit_s8(output, pixels * channels, layer->clamp);
}
