#include "tinyc_elementwise_s8.h"

static int8_t minimum(const tinyc_extremum_params *p, int32_t a, int32_t b)
{
    return tinyc_clamp(a < b ? a : b, p->clamp[0], p->clamp[1]);
}

void tinyc_minimum_s8(const tinyc_extremum_params *restrict p, const int8_t *a, const int8_t *b, int8_t *output)
{
    const tinyc_broadcast *shape = &p->shape;
    tinyc_cursor at_a = {0};
    tinyc_cursor at_b = {0};
    for (int32_t row = 0; row < shape->rows; row++) {
        const int8_t *row_a = a + at_a.offset;
        const int8_t *row_b = b + at_b.offset;
        for (int32_t i = 0; i < shape->length; i++) {
            *output++ = minimum(p, row_a[i * shape->a_step], row_b[i * shape->b_step]);
        }
        tinyc_advance(&shape->a, &at_a);
        tinyc_advance(&shape->b, &at_b);
    }
}
