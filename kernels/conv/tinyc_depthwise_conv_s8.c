#include "tinyc_conv_s8.h"

#include "tinyc_math.h"

/* Sum of products of one output element: `input` begins at its channel, `weights` at its filter. */
static uint32_t window_sum(const tinyc_conv_params *p, const int8_t *input, const int8_t *weights, tinyc_taps rows,
                           tinyc_taps columns)
{
    uint32_t sum = 0; /* wraps, as the reference's register does */
    for (int32_t i = rows.first; i < rows.end; i++) {
        const int32_t row = rows.origin + i * p->dilation[0];
        for (int32_t j = columns.first; j < columns.end; j++) {
            const int32_t column = columns.origin + j * p->dilation[1];
            const int32_t value = input[(row * p->input[1] + column) * p->input[2]] - p->input_zero_point;
            sum += (uint32_t)(value * weights[(i * p->kernel[1] + j) * p->output[2]]);
        }
    }
    return sum;
}

void tinyc_depthwise_conv_s8(const tinyc_conv_params *restrict p, const int8_t *input, const int8_t *weights,
                             const int32_t *bias, const int32_t *multiplier, const int32_t *shift, int8_t *output)
{
    const int32_t filters = p->output[2] / p->input[2]; /* of each input channel */
    for (int32_t y = 0; y < p->output[0]; y++) {
        const tinyc_taps rows = tinyc_taps_of(p, 0, y);
        for (int32_t x = 0; x < p->output[1]; x++) {
            const tinyc_taps columns = tinyc_taps_of(p, 1, x);
            for (int32_t o = 0; o < p->output[2]; o++) {
                const uint32_t sum = window_sum(p, input + o / filters, weights + o, rows, columns);
                const int32_t scaled = tinyc_multiply((int32_t)(sum + (uint32_t)bias[o]), multiplier[o], shift[o]);
                *output++ = tinyc_code(scaled, p->output_zero_point, p->clamp);
            }
        }
    }
}
