#include "tinyc_fully_connected_s8.h"

#include "tinyc_math.h"

/* bias + sum of products, wrapping as a 32-bit register does. */
static int32_t dot(const tinyc_fully_connected_params *p, const int8_t *input, const int8_t *weights, int32_t bias)
{
    uint32_t sum = (uint32_t)bias;
    for (int32_t i = 0; i < p->depth; i++) {
        sum += (uint32_t)((input[i] - p->input_zero_point) * (weights[i] - p->weights_zero_point));
    }
    return (int32_t)sum;
}

void tinyc_fully_connected_s8(const tinyc_fully_connected_params *restrict p, const int8_t *input, const int8_t *weights,
                              const int32_t *bias, const int32_t *multiplier, const int32_t *shift, int8_t *output)
{
    for (int32_t row = 0; row < p->rows; row++, input += p->depth) {
        for (int32_t o = 0; o < p->outputs; o++) {
            const int32_t acc = dot(p, input, weights + o * p->depth, bias[o]);
            *output++ = tinyc_code(tinyc_multiply(acc, multiplier[o], shift[o]), p->output_zero_point, p->clamp);
        }
    }
}
