#if defined(__arm__) && !defined(__clang__)
/* The assembly takes nearly all registers: GCC finds no room for its operands unoptimised or with a frame pointer. */
#pragma GCC optimize("O3", "omit-frame-pointer")
#endif
#include "tinyc_helium.h"
#include "tinyc_matmul_s8.h"

/* Sums of rows a and b times columns 0 and 1, and of the codes of the columns. */
typedef struct {
    int32_t a0, a1, b0, b1, column0, column1;
} block;

static int32_t sum_of(const int8_t *row, int32_t depth)
{
    int32_t sum = 0;
#if TINYC_HELIUM
    __asm__ volatile("wlstp.8 lr, %[n], 2f\n"
                     "1:\n"
                     "vldrb.8 q0, [%[row]], #16\n"
                     "vaddva.s8 %[sum], q0\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [row] "+r"(row), [sum] "+Te"(sum)
                     : [n] "r"(depth)
                     : "q0", "lr", "cc", "memory");
#else
    for (int32_t i = 0; i < depth; i++) {
        sum += row[i];
    }
#endif
    return sum;
}

/* Sums stand in even registers, which vmladava and vaddva ask for. */
static inline block multiply(const int8_t *a, const int8_t *b, const int8_t *first, const int8_t *second, int32_t depth)
{
    block s = {0, 0, 0, 0, 0, 0};
#if TINYC_HELIUM
    __asm__ volatile("wlstp.8 lr, %[depth], 2f\n"
                     "1:\n"
                     "vldrb.8 q0, [%[first]], #16\n"
                     "vldrb.8 q2, [%[a]], #16\n"
                     "vaddva.s8 %[column0], q0\n"
                     "vmladava.s8 %[a0], q2, q0\n"
                     "vldrb.8 q1, [%[second]], #16\n"
                     "vldrb.8 q3, [%[b]], #16\n"
                     "vmladava.s8 %[a1], q2, q1\n"
                     "vmladava.s8 %[b0], q3, q0\n"
                     "vaddva.s8 %[column1], q1\n"
                     "vmladava.s8 %[b1], q3, q1\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [a0] "+Te"(s.a0), [a1] "+Te"(s.a1), [b0] "+Te"(s.b0), [b1] "+Te"(s.b1),
                       [column0] "+Te"(s.column0), [column1] "+Te"(s.column1), [a] "+r"(a), [b] "+r"(b),
                       [first] "+r"(first), [second] "+r"(second)
                     : [depth] "r"(depth)
                     : "q0", "q1", "q2", "q3", "lr", "cc", "memory");
#else
    for (int32_t i = 0; i < depth; i++) {
        s.a0 += a[i] * first[i];
        s.a1 += a[i] * second[i];
        s.b0 += b[i] * first[i];
        s.b1 += b[i] * second[i];
        s.column0 += first[i];
        s.column1 += second[i];
    }
#endif
    return s;
}

typedef struct {
    int8_t a0, a1, b0, b1;
} codes;

/* (x - za) (w - zb) = x w - zb x - za w + za zb: `of_a` and `of_b` are what does not depend on the column. */
static inline codes codes_of(const tinyc_matmul *p, block s, int32_t of_a, int32_t of_b)
{
#if TINYC_HELIUM
    const int32x4_t rows = {of_a, of_a, of_b, of_b}, columns = {s.column0, s.column1, s.column0, s.column1};
    int32x4_t v = {s.a0, s.a1, s.b0, s.b1};
    v = vmlaq_n_s32(vaddq_s32(v, rows), columns, -p->a_zero_point);
    v = tinyc_helium_scale(v, vdupq_n_s32(p->scale.value), vdupq_n_s32(p->scale.shift), TINYC_ANY_SHIFT);
    v = vminq_s32(vmaxq_s32(vqaddq_n_s32(v, p->output_zero_point), vdupq_n_s32(-128)), vdupq_n_s32(127));
    return (codes){(int8_t)v[0], (int8_t)v[1], (int8_t)v[2], (int8_t)v[3]};
#else
    const int32_t column0 = p->a_zero_point * s.column0, column1 = p->a_zero_point * s.column1;
    return (codes){
        tinyc_matmul_code(p, s.a0 + of_a - column0), tinyc_matmul_code(p, s.a1 + of_a - column1),
        tinyc_matmul_code(p, s.b0 + of_b - column0), tinyc_matmul_code(p, s.b1 + of_b - column1),
    };
#endif
}

/* All columns of two rows; `second` is equal to `first` where there is one row. */
static void two_rows(const tinyc_matmul *p, const int8_t *a, const int8_t *next, const int8_t *b, int8_t *first,
                     int8_t *second)
{
    const int32_t depth = p->depth, step = p->b_step[1], constant = depth * p->a_zero_point * p->b_zero_point;
    const int32_t of_a = constant - p->b_zero_point * sum_of(a, depth);
    const int32_t of_b = constant - p->b_zero_point * sum_of(next, depth);
    for (int32_t left = p->columns; left > 0; left -= 2) {
        const int8_t *other = left > 1 ? b + step : b;
        const codes c = codes_of(p, multiply(a, next, b, other, depth), of_a, of_b);
        b = other + step;
        *second++ = c.b0; /* first the second row: where there is none, its place is the first's */
        *first++ = c.a0;
        if (left > 1) {
            *second++ = c.b1;
            *first++ = c.a1;
        }
    }
}

void tinyc_helium_matmul_transposed_s8(const tinyc_matmul *p, const int8_t *a, const int8_t *b, int8_t *output)
{
    tinyc_cursor at_a = {0}, at_b = {0};
    for (int32_t batch = 0; batch < p->batches; batch++) {
        const int8_t *row = a + at_a.offset;
        for (int32_t left = p->rows; left > 0; left -= 2) {
            const int32_t both = left > 1; /* 0: one row is computed twice */
            two_rows(p, row, row + both * p->a_step[0], b + at_b.offset, output, output + both * p->columns);
            row += 2 * p->a_step[0];
            output += (1 + both) * p->columns;
        }
        tinyc_advance(&p->a, &at_a);
        tinyc_advance(&p->b, &at_b);
    }
}
