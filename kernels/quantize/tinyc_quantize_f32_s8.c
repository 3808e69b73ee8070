#include "tinyc_quantize_f32_s8.h"

/* To the nearest, halves away from zero, of a number limited to -512..512: all of it int8 clamps anyway. */
static int32_t round_limited(float x)
{
    if (x != x) {
        return 0;
    }
    const float limited = x > 512.0f ? 512.0f : x < -512.0f ? -512.0f : x;
    const int32_t whole = (int32_t)limited;
    const float fraction = limited - (float)whole; /* exact: both lie in the same binade or the next */
    return fraction >= 0.5f ? whole + 1 : fraction <= -0.5f ? whole - 1 : whole;
}

void tinyc_quantize_f32_s8(const tinyc_quantize_params *restrict p, const float *input, int8_t *output)
{
    for (int32_t i = 0; i < p->elements; i++) {
        const int32_t code = round_limited(input[i] / p->scale) + p->zero_point;
        output[i] = (int8_t)(code < INT8_MIN ? INT8_MIN : code > INT8_MAX ? INT8_MAX : code);
    }
}
