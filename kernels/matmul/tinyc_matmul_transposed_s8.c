#if defined(__arm__) && !defined(__clang__)
/* The assembly takes nearly all registers: GCC finds no room for its operands unoptimised or with a frame pointer. */
#pragma GCC optimize("O3", "omit-frame-pointer")
#endif
#include "tinyc_matmul_s8.h"

enum { GROUP_WORDS = 4 }; /* of two rows of a, for four products */

/* Sums of rows a and b times columns 0 and 1. */
typedef struct {
    int32_t a0, a1, b0, b1;
} block;

/* One to three codes as the first bytes of a word, the others 0: nothing behind them is read. */
static uint32_t load_few(const int8_t *from, int32_t count)
{
    uint32_t codes = 0;
    memcpy(&codes, from, (size_t)count);
    return codes;
}

/* Codes less zero point of a row as pairs, (0, 2) and (1, 3) of each four, and their sum. */
static int32_t widen(const int8_t *row, int32_t depth, int32_t zero_point, uint32_t *columns)
{
    const uint32_t offset = tinyc_pair(-zero_point, -zero_point), ones = tinyc_pair(1, 1);
    int32_t sum = -depth * zero_point;
    for (int32_t i = 0; i < depth; i += 4, columns += GROUP_WORDS) {
        const uint32_t codes = depth - i < 4 ? load_few(row + i, depth - i) : tinyc_load_32(row + i);
        sum = tinyc_mac_pair(tinyc_add_even_bytes(0, codes), ones, sum);
        sum = tinyc_mac_pair(tinyc_add_odd_bytes(0, codes), ones, sum);
        columns[0] = tinyc_add_even_bytes(offset, codes);
        columns[1] = tinyc_add_odd_bytes(offset, codes);
    }
    return sum;
}

/* Adds the products of one group of both rows with four codes of both columns. */
static block multiply_group(block s, const uint32_t *x, uint32_t first, uint32_t second)
{
    const uint32_t w[4] = {tinyc_add_even_bytes(0, first), tinyc_add_odd_bytes(0, first),
                           tinyc_add_even_bytes(0, second), tinyc_add_odd_bytes(0, second)};
    s.a0 = tinyc_mac_pair(x[1], w[1], tinyc_mac_pair(x[0], w[0], s.a0));
    s.a1 = tinyc_mac_pair(x[1], w[3], tinyc_mac_pair(x[0], w[2], s.a1));
    s.b0 = tinyc_mac_pair(x[3], w[1], tinyc_mac_pair(x[2], w[0], s.b0));
    s.b1 = tinyc_mac_pair(x[3], w[3], tinyc_mac_pair(x[2], w[2], s.b1));
    return s;
}

#if TINYC_DSP && defined(__OPTIMIZE__) /* a frame pointer would be one register too many */

/* One group: 15 instructions for 16 products. */
#define COLUMN(w, sum_a, sum_b)               \
    "ldr r9, [%[" w "]], #4\n\t"              \
    "sxtb16 r12, r9\n\t"                      \
    "sxtb16 r9, r9, ror #8\n\t"               \
    "smlad %[" sum_a "], r4, r12, %[" sum_a "]\n\t" \
    "smlad %[" sum_b "], r6, r12, %[" sum_b "]\n\t" \
    "smlad %[" sum_a "], r5, r9, %[" sum_a "]\n\t"  \
    "smlad %[" sum_b "], r8, r9, %[" sum_b "]\n\t"
#define GROUP "ldmia %[x]!, {r4, r5, r6, r8}\n\t" COLUMN("first", "a0", "b0") COLUMN("second", "a1", "b1")

/* Adds the products of the groups from `x` to `end`, one or more. A round is four groups; the first one is entered where
 * as many are left as make the others whole. One piece of assembly for the reason that tinyc_columns_s8.c gives. */
static inline void multiply(block *s, const uint32_t *x, const uint32_t *end, const int8_t *first, const int8_t *second)
{
    int32_t a0 = s->a0, a1 = s->a1, b0 = s->b0, b1 = s->b1;
    register const uint32_t *last __asm__("r4") = end;
    __asm__ volatile("push {r4}\n\t"
                     "sub r4, r4, %[x]\n\t"
                     "lsls r4, r4, #27\n\t" /* bit 0 of the number of groups to N, bit 1 to C */
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
                     : [a0] "+r"(a0), [a1] "+r"(a1), [b0] "+r"(b0), [b1] "+r"(b1), [x] "+r"(x),
                       [first] "+r"(first), [second] "+r"(second), "+r"(last)
                     :
                     : "r5", "r6", "r8", "r9", "r12", "cc", "memory");
    *s = (block){a0, a1, b0, b1};
}

#else

static inline void multiply(block *s, const uint32_t *x, const uint32_t *end, const int8_t *first, const int8_t *second)
{
    for (; x < end; x += GROUP_WORDS, first += 4, second += 4) {
        *s = multiply_group(*s, x, tinyc_load_32(first), tinyc_load_32(second));
    }
}

#endif

/* All columns of the two rows in `x`; `second` is equal to `first` where there is one row. `start` are the sums that the
 * zero point of b makes of nothing else. */
static void two_rows(const tinyc_matmul *p, const uint32_t *x, const block *start, const int8_t *b, int8_t *first,
                     int8_t *second)
{
    const int32_t few = p->depth % 4, whole = p->depth - few;
    const uint32_t *end = x + whole;
    for (int32_t left = p->columns; left > 0; left -= 2) {
        const int8_t *other = left > 1 ? b + p->b_step[1] : b;
        block s = *start;
        if (whole > 0) {
            multiply(&s, x, end, b, other);
        }
        if (few > 0) {
            s = multiply_group(s, end, load_few(b + whole, few), load_few(other + whole, few));
        }
        b = other + p->b_step[1];
        *second++ = tinyc_matmul_code(p, s.b0); /* first the second row: where there is none, its place is the first's */
        *first++ = tinyc_matmul_code(p, s.a0);
        if (left > 1) {
            *second++ = tinyc_matmul_code(p, s.b1);
            *first++ = tinyc_matmul_code(p, s.a1);
        }
    }
}

void tinyc_matmul_transposed_s8(const tinyc_matmul *p, const int8_t *a, const int8_t *b, void *scratch, int8_t *output)
{
    uint32_t *x = scratch;
    tinyc_cursor at_a = {0}, at_b = {0};
    for (int32_t batch = 0; batch < p->batches; batch++) {
        const int8_t *row = a + at_a.offset;
        for (int32_t left = p->rows; left > 0; left -= 2) {
            const int32_t both = left > 1, offset = -p->b_zero_point; /* 0: one row is computed twice */
            const int32_t sum_a = offset * widen(row, p->depth, p->a_zero_point, x);
            const int32_t sum_b = offset * widen(row + both * p->a_step[0], p->depth, p->a_zero_point, x + 2);
            const block start = {sum_a, sum_a, sum_b, sum_b};
            two_rows(p, x, &start, b + at_b.offset, output, output + both * p->columns);
            row += 2 * p->a_step[0];
            output += (1 + both) * p->columns;
        }
        tinyc_advance(&p->a, &at_a);
        tinyc_advance(&p->b, &at_b);
    }
}
