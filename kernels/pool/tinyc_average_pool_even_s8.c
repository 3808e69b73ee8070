#include "tinyc_pool_s8.h"

#include "tinyc_divide.h"
#include "tinyc_math.h"

static int32_t sum_of(const tinyc_pool_params *p, const int8_t *channel, tinyc_pool_window w, int32_t zero_point)
{
    int32_t sum = 0;
    for (int32_t row = w.top; row < w.bottom; row++) {
        for (int32_t column = w.left; column < w.right; column++) {
            sum += channel[(row * p->input[1] + column) * p->channels] - zero_point;
        }
    }
    return sum;
}

void tinyc_average_pool_even_s8(const tinyc_pool_params *restrict p, const tinyc_even_pool_params *restrict even,
                                const int8_t *input, int8_t *output)
{
    for (int32_t y = 0; y < p->output[0]; y++) {
        for (int32_t x = 0; x < p->output[1]; x++) {
            const tinyc_pool_window window = tinyc_pool_window_at(p, y, x);
            const int32_t inside = (window.bottom - window.top) * (window.right - window.left);
            const int32_t count = even->count > 0 ? even->count : inside;
            for (int32_t c = 0; c < p->channels; c++) {
                const int32_t sum = sum_of(p, input + c, window, even->input_zero_point);
                const int32_t mean = even->multiplier == 0
                    ? tinyc_divide_to_even(sum, count, even->odd)
                    : tinyc_divide_wide_to_even((int64_t)sum * even->multiplier, (int64_t)count << even->shift, even->odd);
                *output++ = tinyc_clamp(mean + even->output_zero_point, p->clamp[0], p->clamp[1]);
            }
        }
    }
}
