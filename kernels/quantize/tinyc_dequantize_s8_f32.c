#include "tinyc_quantize_f32_s8.h"

void tinyc_dequantize_s8_f32(const tinyc_quantize_params *restrict p, const int8_t *input, float *output)
{
    for (int32_t i = 0; i < p->elements; i++) {
        output[i] = p->scale * (float)(input[i] - p->zero_point);
    }
}
