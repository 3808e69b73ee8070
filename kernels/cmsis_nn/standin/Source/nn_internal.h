/*
 * What the functions of the stand-in share: the target, the fixed-point arithmetic, scratch, dispatch.
 *
 * Arithmetic: TFLite's int8 quantisation specification with double rounding. Every int32 operation
 * that could overflow for extreme multipliers wraps modulo 2^32, as the cores do: computed unsigned.
 */
#ifndef NN_INTERNAL_H
#define NN_INTERNAL_H

#include <stddef.h>
#include <string.h>

#include "arm_nnfunctions.h"

/* ACLE feature macros decide, as in Arm's library, which core's scratch and conditions apply. */
#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
#define NN_MVE 1
#else
#define NN_MVE 0
#endif
#if defined(__ARM_FEATURE_DSP) && (__ARM_FEATURE_DSP == 1) && !NN_MVE
#define NN_DSP 1
#else
#define NN_DSP 0
#endif

/* Channels that Arm's MVE depthwise kernel handles at once: part of its scratch size. */
#define NN_MVE_DEPTHWISE_BLOCK 124

static inline int32_t nn_min(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static inline int32_t nn_max(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static inline int32_t nn_ceil_div(int32_t a, int32_t b)
{
    return (a + b - 1) / b;
}

static inline int32_t nn_wrapping_add(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static inline int32_t nn_wrapping_mul(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a * (uint32_t)b);
}

static inline int32_t nn_wrapping_shl(int32_t value, int32_t bits)
{
    return bits > 31 ? 0 : (int32_t)((uint32_t)value << bits);
}

/* round(a * b / 2^31), ties towards plus infinity; the one overflow, INT32_MIN squared, saturates. */
static inline int32_t nn_doubling_high_mul(int32_t a, int32_t b)
{
    const int64_t high = ((int64_t)a * b + (INT64_C(1) << 30)) >> 31;
    return high > INT32_MAX ? INT32_MAX : (int32_t)high;
}

/* round(value / 2^exponent), ties away from zero; exponent 0..62. */
static inline int32_t nn_rounding_shr(int32_t value, int32_t exponent)
{
    const int64_t magnitude = value < 0 ? -(int64_t)value : value;
    const int64_t rounded = (magnitude + ((INT64_C(1) << exponent) >> 1)) >> exponent;
    return (int32_t)(value < 0 ? -rounded : rounded);
}

/* value * multiplier * 2^(shift - 31), rounded twice; shift -31..30, positive is left. */
static inline int32_t nn_requantise(int32_t value, int32_t multiplier, int32_t shift)
{
    const int32_t scaled = nn_wrapping_shl(value, nn_max(shift, 0));
    return nn_rounding_shr(nn_doubling_high_mul(scaled, multiplier), nn_max(-shift, 0));
}

static inline int8_t nn_clamp(int32_t value, int32_t lowest, int32_t highest)
{
    return (int8_t)nn_min(nn_max(value, lowest), highest);
}

/* The end of every accumulating operator: accumulator -> int8. */
static inline int8_t
nn_output(int32_t acc, int32_t multiplier, int32_t shift, int32_t offset, cmsis_nn_activation clamp)
{
    return nn_clamp(nn_wrapping_add(nn_requantise(acc, multiplier, shift), offset), clamp.min, clamp.max);
}

/* acc + sum of (a[i] + a_offset) * (b[i] + b_offset). */
static inline int32_t
nn_dot(int32_t acc, const int8_t *a, int32_t a_offset, const int8_t *b, int32_t b_offset, int32_t count)
{
    uint32_t sum = (uint32_t)acc;
    for (int32_t i = 0; i < count; i++)
    {
        sum += (uint32_t)((a[i] + a_offset) * (b[i] + b_offset));
    }
    return (int32_t)sum;
}

static inline bool nn_inside(int32_t index, int32_t extent)
{
    return index >= 0 && index < extent;
}

/* Scratch is scribbled over before and after use: a memory plan that lets it overlap a live tensor
 * gives wrong results with the stand-in too, although the stand-in itself needs no scratch. */
static inline void nn_scribble(const cmsis_nn_context *ctx, int32_t bytes)
{
    if (bytes > 0)
    {
        memset(ctx->buf, 0xA5, (size_t)bytes);
    }
}

/* How Arm's 1xN kernel for MVE splits an output row: left columns that see padding, inner, right. */
typedef struct
{
    int32_t left;
    int32_t inner;
    int32_t right;
    int32_t total_pad; /* left and right padding that the extents imply; negative when columns are left over */
} nn_row_split;

static inline nn_row_split
nn_split_row(int32_t input_w, int32_t kernel_w, int32_t output_w, int32_t stride, int32_t pad)
{
    nn_row_split row;
    row.total_pad = (output_w - 1) * stride + kernel_w - input_w;
    const int32_t right_pad = pad + row.total_pad % 2;
    row.left = nn_ceil_div(pad, stride);
    row.right = right_pad == 0 ? 0 : nn_max(1, nn_ceil_div(right_pad, stride));
    row.inner = nn_max(output_w - row.left - row.right, 0);
    return row;
}

/* A row too short for the split goes through the general kernel. */
static inline bool nn_row_is_split(nn_row_split row, int32_t output_w)
{
    return row.left + row.inner + row.right == output_w;
}

/* The kernels behind arm_convolve_wrapper_s8; they differ in scratch and in what they accept. */
typedef enum
{
    NN_CONV_POINTWISE,         /* 1x1, stride 1 */
    NN_CONV_POINTWISE_STRIDED, /* 1x1 */
    NN_CONV_ROW,               /* 1xN on a map of height 1 */
    NN_CONV_GENERAL
} nn_conv_kernel;

/* The kernel that the scratch size is computed for. v7.0.0 overlooks groups here: with more than one
 * group it runs the general kernel whatever this says. */
static inline nn_conv_kernel nn_conv_sized_as(const cmsis_nn_conv_params *conv,
                                              const cmsis_nn_dims *input,
                                              const cmsis_nn_dims *filter)
{
    const bool undilated_w = conv->dilation.w == 1;
    if (conv->padding.w == 0 && conv->padding.h == 0 && filter->w == 1 && filter->h == 1 && undilated_w &&
        conv->dilation.h == 1)
    {
        return conv->stride.w == 1 && conv->stride.h == 1 ? NN_CONV_POINTWISE : NN_CONV_POINTWISE_STRIDED;
    }
    if (input->h == 1 && filter->h == 1 && undilated_w && conv->stride.w * input->c % 4 == 0)
    {
        return NN_CONV_ROW;
    }
    return NN_CONV_GENERAL;
}

static inline bool nn_is_3x3_depthwise(const cmsis_nn_dw_conv_params *conv, const cmsis_nn_dims *filter)
{
    return filter->w == 3 && filter->h == 3 && conv->padding.w <= 1 && conv->padding.h <= 1;
}

/* The part of a pooling window inside the map. */
typedef struct
{
    int32_t top;
    int32_t bottom;
    int32_t left;
    int32_t right;
    int32_t count; /* values of one channel; 0 when the window sees padding alone */
} nn_window;

static inline nn_window nn_pool_window(const cmsis_nn_pool_params *pool,
                                       const cmsis_nn_dims *input,
                                       const cmsis_nn_dims *filter,
                                       const cmsis_nn_dims *output,
                                       int32_t pixel)
{
    const int32_t y = pixel / output->w * pool->stride.h - pool->padding.h;
    const int32_t x = pixel % output->w * pool->stride.w - pool->padding.w;
    nn_window window = {.top = nn_max(y, 0),
                        .bottom = nn_min(y + filter->h, input->h),
                        .left = nn_max(x, 0),
                        .right = nn_min(x + filter->w, input->w)};
    window.count = nn_max(window.bottom - window.top, 0) * nn_max(window.right - window.left, 0);
    return window;
}

/* Where the output's element i comes from in an input that is 1 on every axis it does not share. */
static inline int32_t nn_broadcast_index(const cmsis_nn_dims *input, const cmsis_nn_dims *output, int32_t i)
{
    const int32_t c = input->c == 1 ? 0 : i % output->c;
    const int32_t w = input->w == 1 ? 0 : i / output->c % output->w;
    const int32_t h = input->h == 1 ? 0 : i / output->c / output->w % output->h;
    const int32_t n = input->n == 1 ? 0 : i / output->c / output->w / output->h;
    return ((n * input->h + h) * input->w + w) * input->c + c;
}

/* Arm's library loses its place in an input of several rows of one value each when the other input's
 * rows are wider. */
static inline bool nn_broadcast_is_exact(const cmsis_nn_dims *input, const cmsis_nn_dims *output)
{
    return input->h == 1 || input->w * input->c > 1 || output->w == 1;
}

#endif /* NN_INTERNAL_H */
