#include "tinyc_elementwise_s8.h"

static int8_t squared_difference(const tinyc_sum_params *p, int32_t a, int32_t b)
{
    const int32_t x = tinyc_operand(a, p->a_zero_point, p->left_shift, p->a_scale);
    const int32_t y = tinyc_operand(b, p->b_zero_point, p->left_shift, p->b_scale);
    return tinyc_code(tinyc_rescale((x - y) * (x - y), p->scale), p->output_zero_point, p->clamp);
}

void tinyc_squared_difference_s8(const tinyc_sum_params *restrict p, const int8_t *a, const int8_t *b, int8_t *output)
{
    const tinyc_broadcast *shape = &p->shape;
    tinyc_cursor at_a = {0};
    tinyc_cursor at_b = {0};
    for (int32_t row = 0; row < shape->rows; row++) {
        const int8_t *row_a = a + at_a.offset;
        const int8_t *row_b = b + at_b.offset;
        for (int32_t i = 0; i < shape->length; i++) {
            *output++ = squared_difference(p, row_a[i * shape->a_step], row_b[i * shape->b_step]);
        }
        tinyc_advance(&shape->a, &at_a);
        tinyc_advance(&shape->b, &at_b);
    }
}
