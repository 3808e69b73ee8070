#if defined(__arm__) && !defined(__clang__)
/* The assembly takes nearly all registers: GCC finds no room for its operands unoptimised or with a frame pointer. */
#pragma GCC optimize("O3", "omit-frame-pointer")
#endif
#include "tinyc_dense_s8.h"

#include "tinyc_limit_s8.h"
#include "tinyc_widen.h"

enum { BLOCK = 4 }; /* channels at a time */

typedef struct {
    int32_t of[BLOCK];
} sums;

/* Adds the products of one group: codes 0 and 2, 1 and 3 of the input, and the four words of its weights. */
static inline sums multiply_group(sums s, uint32_t even, uint32_t odd, const int32_t *w)
{
    for (int32_t pair = 0; pair < BLOCK; pair += 2) {
        s.of[pair] = tinyc_mac_pair(even, tinyc_add_even_bytes(0, (uint32_t)w[pair]), s.of[pair]);
        s.of[pair + 1] = tinyc_mac_pair(even, tinyc_add_odd_bytes(0, (uint32_t)w[pair]), s.of[pair + 1]);
        s.of[pair] = tinyc_mac_pair(odd, tinyc_add_even_bytes(0, (uint32_t)w[pair + 1]), s.of[pair]);
        s.of[pair + 1] = tinyc_mac_pair(odd, tinyc_add_odd_bytes(0, (uint32_t)w[pair + 1]), s.of[pair + 1]);
    }
    return s;
}

#if TINYC_DSP

/* One group: 20 instructions for 16 products. */
#define HALF(even_word, odd_word, sum0, sum1)           \
    "sxtb16 r12, " even_word "\n\t"                     \
    "sxtb16 " even_word ", " even_word ", ror #8\n\t"   \
    "smlad %[" sum0 "], r10, r12, %[" sum0 "]\n\t"      \
    "smlad %[" sum1 "], r10, " even_word ", %[" sum1 "]\n\t" \
    "sxtb16 r12, " odd_word "\n\t"                      \
    "sxtb16 " odd_word ", " odd_word ", ror #8\n\t"     \
    "smlad %[" sum0 "], r4, r12, %[" sum0 "]\n\t"       \
    "smlad %[" sum1 "], r4, " odd_word ", %[" sum1 "]\n\t"
#define GROUP                           \
    "ldr r4, [%[x]], #4\n\t"            \
    "ldmia %[w]!, {r5, r6, r8, r9}\n\t" \
    "sxtb16 r10, r4\n\t"                \
    "sxtb16 r4, r4, ror #8\n\t"         \
    HALF("r5", "r6", "s0", "s1") HALF("r8", "r9", "s2", "s3")

/* Adds the products of the codes from `x` to `end`, one group or more. A round is four groups; the first one is entered
 * where as many are left as make the others whole. One piece of assembly for the reason that tinyc_columns_s8.c gives. */
static inline sums multiply(sums s, const int8_t *x, const int8_t *end, const int32_t **weights)
{
    const int32_t *w = *weights;
    int32_t s0 = s.of[0], s1 = s.of[1], s2 = s.of[2], s3 = s.of[3];
    register const int8_t *last __asm__("r4") = end;
    __asm__ volatile("push {r4}\n\t"
                     "sub r4, r4, %[x]\n\t"
                     "lsls r4, r4, #29\n\t" /* bit 0 of the number of groups to N, bit 1 to C */
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
                     "cmp %[x], r4\n\t"
                     "bne 1b\n\t"
                     "add sp, sp, #4"
                     : [s0] "+&r"(s0), [s1] "+&r"(s1), [s2] "+&r"(s2), [s3] "+&r"(s3), [x] "+&r"(x), [w] "+&r"(w),
                       "+&r"(last)
                     :
                     : "r5", "r6", "r8", "r9", "r10", "r12", "cc", "memory");
    *weights = w;
    const sums result = {{s0, s1, s2, s3}};
    return result;
}

#else

static inline sums multiply(sums s, const int8_t *x, const int8_t *end, const int32_t **weights)
{
    for (; x < end; x += 4, *weights += BLOCK) {
        const uint32_t codes = tinyc_load_32(x);
        s = multiply_group(s, tinyc_add_even_bytes(0, codes), tinyc_add_odd_bytes(0, codes), *weights);
    }
    return s;
}

#endif

/* Codes of one to four channels of any kind. */
static TINYC_RARE void store_any(const tinyc_dense *layer, const sums *s, const int32_t *r, int32_t channels,
                                 int8_t *output)
{
    for (int32_t i = 0; i < channels && i < BLOCK; i++, r += layer->requantiser_step) {
        const tinyc_requantiser q = {r[0], r[1], r[2]};
        output[i] = tinyc_requantise_sum(s->of[i], &q, layer->zero_point);
    }
}

void tinyc_dense_s8(const tinyc_dense *layer, const int8_t *input, int8_t *output)
{
    const int32_t few = layer->depth % 4, step = layer->requantiser_step;
    const int8_t *end = input + (layer->depth - few);
    const uint32_t last = few > 0 ? tinyc_load_few(end, few) : 0;
    const int32_t *w = layer->constants, *r = layer->requantisers;
    for (int32_t c = 0; c < layer->channels; c += BLOCK, r += BLOCK * step) {
        sums s = {{w[0], w[1], w[2], w[3]}};
        w += BLOCK;
        if (end > input) {
            s = multiply(s, input, end, &w);
        }
        if (few > 0) {
            s = multiply_group(s, tinyc_add_even_bytes(0, last), tinyc_add_odd_bytes(0, last), w);
            w += BLOCK;
        }
        if (c + BLOCK > layer->channels || r[2] == 0) {
            store_any(layer, &s, r, layer->channels - c, output + c);
        } else if (r[2] > 0) {
            for (int32_t i = 0; i < BLOCK; i++) {
                const int32_t *q = r + i * step;
                output[c + i] = tinyc_requantise_doubled(tinyc_shift_left(s.of[i], 1), q[0], q[1], q[2]);
            }
        } else {
            for (int32_t i = 0; i < BLOCK; i++) {
                const int32_t *q = r + i * step;
                output[c + i] = tinyc_requantise_once(tinyc_shift_left(s.of[i], 1), q[0], q[1], q[2]);
            }
        }
    }
    tinyc_limit_s8(output, layer->channels, layer->clamp);
}
