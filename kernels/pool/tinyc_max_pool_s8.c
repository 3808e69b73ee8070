#include "tinyc_pool_s8.h"

#include "tinyc_math.h"

static int32_t largest(const tinyc_pool_params *p, const int8_t *channel, tinyc_pool_window w)
{
    int32_t found = INT8_MIN;
    for (int32_t row = w.top; row < w.bottom; row++) {
        for (int32_t column = w.left; column < w.right; column++) {
            const int32_t code = channel[(row * p->input[1] + column) * p->channels];
            found = code > found ? code : found;
        }
    }
    return found;
}

void tinyc_max_pool_s8(const tinyc_pool_params *restrict p, const int8_t *input, int8_t *output)
{
    for (int32_t y = 0; y < p->output[0]; y++) {
        for (int32_t x = 0; x < p->output[1]; x++) {
            const tinyc_pool_window window = tinyc_pool_window_at(p, y, x);
            for (int32_t c = 0; c < p->channels; c++) {
                *output++ = tinyc_clamp(largest(p, input + c, window), p->clamp[0], p->clamp[1]);
            }
        }
    }
}
