#include "tinyc_matmul_s8.h"

enum { BLOCK = 4 }; /* columns at a time */

typedef struct {
    int32_t of[BLOCK];
} sums;

/* Codes less zero point of a row as pairs of neighbours, the last one alone with 0; and their sum. */
static int32_t widen(const int8_t *row, int32_t depth, int32_t zero_point, uint32_t *pairs)
{
    int32_t sum = 0, i = 0;
    for (; i < depth - 1; i += 2) {
        const int32_t low = row[i] - zero_point, high = row[i + 1] - zero_point;
        sum += low + high;
        *pairs++ = tinyc_pair(low, high);
    }
    if (i < depth) {
        sum += row[i] - zero_point;
        *pairs = tinyc_pair(row[i] - zero_point, 0);
    }
    return sum;
}

/* Bits 16..31 of a and of b, as a pair. */
static inline uint32_t pack_high(uint32_t a, uint32_t b)
{
#if TINYC_DSP
    uint32_t result;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(result) : "r"(b), "r"(a));
    return result;
#else
    return a >> 16 | (b & 0xFFFF0000u);
#endif
}

/* Adds the products of a pair of neighbours with four columns of the two rows of b. */
static inline sums multiply_pair(sums s, uint32_t x, uint32_t above, uint32_t below)
{
    const uint32_t low = tinyc_pack_low(above, below), high = pack_high(above, below);
    s.of[0] = tinyc_mac_pair(x, tinyc_add_even_bytes(0, low), s.of[0]);
    s.of[1] = tinyc_mac_pair(x, tinyc_add_odd_bytes(0, low), s.of[1]);
    s.of[2] = tinyc_mac_pair(x, tinyc_add_even_bytes(0, high), s.of[2]);
    s.of[3] = tinyc_mac_pair(x, tinyc_add_odd_bytes(0, high), s.of[3]);
    return s;
}

static inline sums four_columns(const tinyc_matmul *p, const uint32_t *x, const int8_t *b, sums s)
{
    const int32_t step = p->b_step[0];
    const uint32_t *end = x + p->depth / 2;
    for (; x < end; x++, b += 2 * step) {
        s = multiply_pair(s, *x, tinyc_load_32(b), tinyc_load_32(b + step));
    }
    return p->depth % 2 > 0 ? multiply_pair(s, *x, tinyc_load_32(b), 0) : s;
}

static int32_t one_column(const tinyc_matmul *p, const uint32_t *x, const int8_t *b, int32_t sum)
{
    for (int32_t i = 0; i < p->depth; i++, b += p->b_step[0]) {
        sum += (i % 2 > 0 ? tinyc_high(x[i / 2]) : tinyc_low(x[i / 2])) * *b;
    }
    return sum;
}

static void one_row(const tinyc_matmul *p, const uint32_t *x, int32_t start, const int8_t *b, int8_t *output)
{
    int32_t c = 0;
    for (; c < p->columns - 3; c += BLOCK) {
        const sums from = {{start, start, start, start}}, s = four_columns(p, x, b + c, from);
        for (int32_t i = 0; i < BLOCK; i++) {
            *output++ = tinyc_matmul_code(p, s.of[i]);
        }
    }
    for (; c < p->columns; c++) {
        *output++ = tinyc_matmul_code(p, one_column(p, x, b + c, start));
    }
}

void tinyc_matmul_rows_s8(const tinyc_matmul *p, const int8_t *a, const int8_t *b, void *scratch, int8_t *output)
{
    uint32_t *x = scratch;
    tinyc_cursor at_a = {0}, at_b = {0};
    for (int32_t batch = 0; batch < p->batches; batch++) {
        const int8_t *row = a + at_a.offset;
        for (int32_t i = 0; i < p->rows; i++, row += p->a_step[0], output += p->columns) {
            const int32_t start = -p->b_zero_point * widen(row, p->depth, p->a_zero_point, x);
            one_row(p, x, start, b + at_b.offset, output);
        }
        tinyc_advance(&p->a, &at_a);
        tinyc_advance(&p->b, &at_b);
    }
}
