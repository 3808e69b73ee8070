/* The float ends of a network: float32 to int8 and back. No function of libm is needed. */
#ifndef TINYC_QUANTIZE_F32_S8_H
#define TINYC_QUANTIZE_F32_S8_H

#include <stdint.h>

typedef struct {
    int32_t elements;
    float scale;        /* more than 0 */
    int32_t zero_point; /* -128..127 */
} tinyc_quantize_params;

/* round(input / scale) + zero_point, halves away from zero, limited to int8; NaN counts as 0. The output may lie at
 * the input or below. */
void tinyc_quantize_f32_s8(const tinyc_quantize_params *restrict p, const float *input, int8_t *output);

/* (input - zero_point) * scale. The output may lie 3 * (elements - 1) bytes or more below the input. */
void tinyc_dequantize_s8_f32(const tinyc_quantize_params *restrict p, const int8_t *input, float *output);

#endif
