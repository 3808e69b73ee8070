#include "tinyc_matmul_s8.h"

enum { BLOCK = 4 }; /* columns at a time */

/* One row times one to four columns. */
static void multiply(const tinyc_matmul *p, const int8_t *a, const int8_t *b, int32_t columns, int8_t *output)
{
    const int8_t *of[BLOCK];
    int32_t sums[BLOCK] = {0, 0, 0, 0}, total = 0;
    for (int32_t c = 0; c < BLOCK; c++) {
        of[c] = b + (c < columns ? c : 0) * p->b_step[1];
    }
    for (int32_t i = 0, at = 0; i < p->depth; i++, at += p->b_step[0]) {
        const int32_t x = a[i * p->a_step[1]] - p->a_zero_point;
        total += x;
        for (int32_t c = 0; c < BLOCK; c++) {
            sums[c] += x * of[c][at];
        }
    }
    for (int32_t c = 0; c < columns; c++) {
        output[c] = tinyc_matmul_code(p, sums[c] - p->b_zero_point * total);
    }
}

void tinyc_matmul_s8(const tinyc_matmul *p, const int8_t *a, const int8_t *b, int8_t *output)
{
    tinyc_cursor at_a = {0}, at_b = {0};
    for (int32_t batch = 0; batch < p->batches; batch++) {
        for (int32_t row = 0; row < p->rows; row++) {
            for (int32_t c = 0; c < p->columns; c += BLOCK) {
                const int32_t count = p->columns - c < BLOCK ? p->columns - c : BLOCK;
                multiply(p, a + at_a.offset + row * p->a_step[0], b + at_b.offset + c * p->b_step[1], count, output);
                output += count;
            }
        }
        tinyc_advance(&p->a, &at_a);
        tinyc_advance(&p->b, &at_b);
    }
}
