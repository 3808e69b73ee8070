/* Pooling of any geometry. */
#ifndef TINYC_POOL_S8_H
#define TINYC_POOL_S8_H

#include <stdint.h>

/* One image, NHWC; (rows, columns) pairs. Every window has an element inside the image. */
typedef struct {
    int32_t input[2];
    int32_t output[2];
    int32_t channels;
    int32_t extent[2];
    int32_t stride[2];
    int32_t padding[2]; /* above, left; below and right follow from the output */
    int32_t clamp[2];
} tinyc_pool_params;

/* The part of a window that lies in the image, ends excluded. */
typedef struct {
    int32_t top;
    int32_t bottom;
    int32_t left;
    int32_t right;
} tinyc_pool_window;

static inline tinyc_pool_window tinyc_pool_window_at(const tinyc_pool_params *p, int32_t y, int32_t x)
{
    const int32_t top = y * p->stride[0] - p->padding[0];
    const int32_t left = x * p->stride[1] - p->padding[1];
    const int32_t bottom = top + p->extent[0];
    const int32_t right = left + p->extent[1];
    const tinyc_pool_window window = {
        top < 0 ? 0 : top, bottom > p->input[0] ? p->input[0] : bottom,
        left < 0 ? 0 : left, right > p->input[1] ? p->input[1] : right,
    };
    return window;
}

/* Mean of the elements in the image, halves away from zero. Without padding the output may lie at the input. */
void tinyc_average_pool_s8(const tinyc_pool_params *restrict p, const int8_t *input, int8_t *output);

/* How a mean becomes a code: times multiplier / 2^shift, halves to even; multiplier 0 is a ratio of 1. */
typedef struct {
    int32_t multiplier;
    int32_t shift; /* 11..41 */
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t odd;   /* 1: halves go to the odd distance from the zero point */
    int32_t count; /* elements of every window, padding included; 0: those inside the image */
} tinyc_even_pool_params;

/* Mean on the output's scale, rounded once. Without padding the output may lie at the input. */
void tinyc_average_pool_even_s8(const tinyc_pool_params *restrict p, const tinyc_even_pool_params *restrict even,
                                const int8_t *input, int8_t *output);

/* Largest of the elements in the image. Without padding the output may lie at the input. */
void tinyc_max_pool_s8(const tinyc_pool_params *restrict p, const int8_t *input, int8_t *output);

#endif
