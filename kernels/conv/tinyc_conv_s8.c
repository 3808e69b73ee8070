#include "tinyc_conv_s8.h"

#include "tinyc_math.h"

/* Sum of products of one output element: `weights` steps by one per channel. */
static int32_t window_sum(const tinyc_conv_params *p, const int8_t *input, const int8_t *weights, int32_t y, int32_t x,
                          int32_t channel)
{
    uint32_t sum = 0; /* wraps, as the reference's register does */
    for (int32_t i = 0; i < p->kernel[0]; i++) {
        const int32_t row = y * p->stride[0] - p->padding[0] + i * p->dilation[0];
        if (row < 0 || row >= p->input[0]) {
            continue;
        }
        for (int32_t j = 0; j < p->kernel[1]; j++) {
            const int32_t column = x * p->stride[1] - p->padding[1] + j * p->dilation[1];
            if (column < 0 || column >= p->input[1]) {
                continue;
            }
            const int8_t *pixel = input + (row * p->input[1] + column) * p->input[2] + channel;
            const int8_t *w = weights + (i * p->kernel[1] + j) * p->depth;
            for (int32_t c = 0; c < p->depth; c++) {
                sum += (uint32_t)((pixel[c] - p->input_zero_point) * w[c]);
            }
        }
    }
    return (int32_t)sum;
}

void tinyc_conv_s8(const tinyc_conv_params *p, const int8_t *input, const int8_t *weights, const int32_t *bias,
                   const int32_t *multiplier, const int32_t *shift, int8_t *output)
{
    const int32_t filter = p->kernel[0] * p->kernel[1] * p->depth;
    const int32_t groups = p->input[2] / p->depth;
    const int32_t per_group = p->output[2] / groups;
    for (int32_t y = 0; y < p->output[0]; y++) {
        for (int32_t x = 0; x < p->output[1]; x++) {
            for (int32_t o = 0; o < p->output[2]; o++) {
                const int32_t first = o / per_group * p->depth;
                const int32_t sum = window_sum(p, input, weights + o * filter, y, x, first);
                const int32_t acc = tinyc_add_wrapping(sum, bias[o]);
                const int32_t scaled = tinyc_multiply(acc, multiplier[o], shift[o]);
                *output++ = tinyc_code(scaled, p->output_zero_point, p->clamp);
            }
        }
    }
}
