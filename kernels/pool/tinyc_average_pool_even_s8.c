#include "tinyc_pool_s8.h"

#include "tinyc_math.h"

/* sum / count to the nearest, halves to even; count above 0. */
static int32_t to_even(int32_t sum, int32_t count)
{
    const int32_t magnitude = sum < 0 ? -sum : sum;
    int32_t quotient = magnitude / count;
    const int32_t twice = 2 * (magnitude - quotient * count);
    quotient += twice > count || (twice == count && quotient % 2 == 1);
    return sum < 0 ? -quotient : quotient;
}

static int32_t mean(const tinyc_pool_params *p, const int8_t *channel, tinyc_pool_window w)
{
    int32_t sum = 0;
    for (int32_t row = w.top; row < w.bottom; row++) {
        for (int32_t column = w.left; column < w.right; column++) {
            sum += channel[(row * p->input[1] + column) * p->channels] - p->even;
        }
    }
    return to_even(sum, (w.bottom - w.top) * (w.right - w.left)) + p->even;
}

void tinyc_average_pool_even_s8(const tinyc_pool_params *restrict p, const int8_t *input, int8_t *output)
{
    for (int32_t y = 0; y < p->output[0]; y++) {
        for (int32_t x = 0; x < p->output[1]; x++) {
            const tinyc_pool_window window = tinyc_pool_window_at(p, y, x);
            for (int32_t c = 0; c < p->channels; c++) {
                *output++ = tinyc_clamp(mean(p, input + c, window), p->clamp[0], p->clamp[1]);
            }
        }
    }
}
