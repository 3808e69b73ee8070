#include "tinyc_helium.h"
#include "tinyc_matmul_s8.h"

enum { BLOCK = 16 }; /* columns at a time */

#if TINYC_HELIUM

/* Sums of four vectors of four columns. */
typedef struct {
    int32x4_t of[4];
} sums;

static inline sums sixteen_columns(const tinyc_matmul *p, const int8_t *a, const int8_t *b)
{
    int32x4_t s0 = vdupq_n_s32(0), s1 = s0, s2 = s0, s3 = s0;
    int32_t total = 0, x;
    __asm__ volatile("dls lr, %[depth]\n"
                     "1:\n"
                     "ldrsb %[x], [%[a]], #1\n"
                     "vldrb.s32 q4, [%[b]]\n"
                     "sub %[x], %[x], %[zero]\n"
                     "vldrb.s32 q5, [%[b], #4]\n"
                     "vmla.s32 %q[s0], q4, %[x]\n"
                     "vldrb.s32 q4, [%[b], #8]\n"
                     "vmla.s32 %q[s1], q5, %[x]\n"
                     "vldrb.s32 q5, [%[b], #12]\n"
                     "vmla.s32 %q[s2], q4, %[x]\n"
                     "add %[b], %[b], %[step]\n"
                     "vmla.s32 %q[s3], q5, %[x]\n"
                     "add %[total], %[total], %[x]\n"
                     "le lr, 1b\n"
                     : [s0] "+w"(s0), [s1] "+w"(s1), [s2] "+w"(s2), [s3] "+w"(s3), [a] "+r"(a), [b] "+l"(b),
                       [total] "+r"(total), [x] "=&r"(x)
                     : [depth] "r"(p->depth), [zero] "r"(p->a_zero_point), [step] "r"(p->b_step[0])
                     : "q4", "q5", "lr", "cc", "memory");
    total *= -p->b_zero_point;
    return (sums){{vaddq_n_s32(s0, total), vaddq_n_s32(s1, total), vaddq_n_s32(s2, total), vaddq_n_s32(s3, total)}};
}

/* At most four columns. */
static inline int32x4_t few_columns(const tinyc_matmul *p, const int8_t *a, const int8_t *b, mve_pred16_t there)
{
    int32x4_t s = vdupq_n_s32(0);
    int32_t total = 0;
    for (int32_t i = 0; i < p->depth; i++, b += p->b_step[0]) {
        const int32_t x = a[i] - p->a_zero_point;
        total += x;
        s = vmlaq_n_s32(s, vldrbq_z_s32(b, there), x);
    }
    return vaddq_n_s32(s, -p->b_zero_point * total);
}

static inline int32x4_t codes_of(const tinyc_matmul *p, int32x4_t s)
{
    s = tinyc_helium_scale(s, vdupq_n_s32(p->scale.value), vdupq_n_s32(p->scale.shift), TINYC_ANY_SHIFT);
    const int32x4_t zero = vdupq_n_s32(p->output_zero_point);
    return vminq_s32(vmaxq_s32(vqaddq_s32(s, zero), vdupq_n_s32(-128)), vdupq_n_s32(127));
}

static void one_row(const tinyc_matmul *p, const int8_t *a, const int8_t *b, int8_t *output)
{
    int32_t c = 0;
    for (; c < p->columns - (BLOCK - 1); c += BLOCK) {
        const sums s = sixteen_columns(p, a, b + c);
        for (int32_t i = 0; i < 4; i++) {
            vstrbq_s32(output + c + 4 * i, codes_of(p, s.of[i]));
        }
    }
    for (; c < p->columns; c += 4) {
        const mve_pred16_t there = vctp32q((uint32_t)(p->columns - c));
        vstrbq_p_s32(output + c, codes_of(p, few_columns(p, a, b + c, there)), there);
    }
}

#else

static void one_row(const tinyc_matmul *p, const int8_t *a, const int8_t *b, int8_t *output)
{
    for (int32_t c = 0; c < p->columns; c++) {
        int32_t sum = 0;
        for (int32_t i = 0; i < p->depth; i++) {
            sum += (a[i] - p->a_zero_point) * (b[i * p->b_step[0] + c] - p->b_zero_point);
        }
        output[c] = tinyc_matmul_code(p, sum);
    }
}

#endif

void tinyc_helium_matmul_rows_s8(const tinyc_matmul *p, const int8_t *a, const int8_t *b, int8_t *output)
{
    tinyc_cursor at_a = {0}, at_b = {0};
    for (int32_t batch = 0; batch < p->batches; batch++) {
        for (int32_t row = 0; row < p->rows; row++, output += p->columns) {
            one_row(p, a + at_a.offset + row * p->a_step[0], b + at_b.offset, output);
        }
        tinyc_advance(&p->a, &at_a);
        tinyc_advance(&p->b, &at_b);
    }
}
