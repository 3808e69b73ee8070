/* Convolutions of any geometry: small and exact. They serve what the fast kernels refuse. */
#ifndef TINYC_CONV_S8_H
#define TINYC_CONV_S8_H

#include <stdint.h>

/* Geometry and quantisation of a convolution of one image, NHWC; (rows, columns) pairs. */
typedef struct {
    int32_t input[3]; /* rows, columns, channels */
    int32_t kernel[2];
    int32_t output[3]; /* rows, columns, channels */
    int32_t stride[2];
    int32_t dilation[2];
    int32_t padding[2]; /* above, left; below and right follow from the output */
    int32_t depth;      /* input channels that one output channel reads */
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t clamp[2];
} tinyc_conv_params;

/* The taps of a window along one axis that fall inside the image: `first` to `end`, which is excluded. */
typedef struct {
    int32_t origin; /* input index of tap 0, which may lie outside */
    int32_t first;
    int32_t end;
} tinyc_taps;

static inline tinyc_taps tinyc_taps_of(const tinyc_conv_params *p, int32_t axis, int32_t output_index)
{
    const int32_t dilation = p->dilation[axis];
    const int32_t origin = output_index * p->stride[axis] - p->padding[axis];
    const int32_t inside = p->input[axis] - origin;
    const int32_t end = inside > 0 ? (inside + dilation - 1) / dilation : 0;
    const tinyc_taps taps = {
        origin,
        origin < 0 ? (dilation - 1 - origin) / dilation : 0,
        end < p->kernel[axis] ? end : p->kernel[axis],
    };
    return taps;
}

/* weights [outputs][rows][columns][depth]; groups are contiguous runs of `depth` input channels. */
void tinyc_conv_s8(const tinyc_conv_params *restrict p, const int8_t *input, const int8_t *weights,
                   const int32_t *bias, const int32_t *multiplier, const int32_t *shift, int8_t *output);

/* weights [rows][columns][outputs]; outputs are a multiple of the input channels. */
void tinyc_depthwise_conv_s8(const tinyc_conv_params *restrict p, const int8_t *input, const int8_t *weights,
                             const int32_t *bias, const int32_t *multiplier, const int32_t *shift, int8_t *output);

#endif
