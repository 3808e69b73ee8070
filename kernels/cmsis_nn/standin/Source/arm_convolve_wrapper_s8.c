/* Convolution with per-channel requantisation, any stride, dilation, padding and number of groups. */
#include "nn_internal.h"

/* Arm's pointwise kernels take the extents of one side on trust: stride 1 writes an output pixel for
 * every input pixel, a larger stride reads an input pixel for every output pixel. */
static bool
pointwise_is_exact(const cmsis_nn_conv_params *conv, const cmsis_nn_dims *input, const cmsis_nn_dims *output)
{
    if (conv->stride.w == 1 && conv->stride.h == 1)
    {
        return input->w == output->w && input->h == output->h;
    }
    return (output->w - 1) * conv->stride.w < input->w && (output->h - 1) * conv->stride.h < input->h;
}

/* Arm's 1xN kernel for MVE assumes that the right padding is the left one or one more, that the first
 * right column misses exactly one value, and that the map is as wide as what the left columns read. */
static bool row_is_exact_mve(const cmsis_nn_conv_params *conv,
                             const cmsis_nn_dims *input,
                             const cmsis_nn_dims *filter,
                             const cmsis_nn_dims *output)
{
    const int32_t stride = conv->stride.w;
    const int32_t pad = conv->padding.w;
    const nn_row_split row = nn_split_row(input->w, filter->w, output->w, stride, pad);
    const int32_t right_pad = row.total_pad - pad;
    if (output->h != 1 || right_pad < pad || right_pad > pad + 1)
    {
        return false;
    }
    if (!nn_row_is_split(row, output->w))
    {
        return true;
    }
    const bool left_exact = (row.left - 1) * stride + filter->w - pad <= input->w;
    const bool right_exact = right_pad == 0 || (right_pad - 1) % stride == 0;
    const bool filled = right_pad == pad || right_pad == 1 || stride == 1;
    return left_exact && right_exact && filled;
}

static bool is_exact(const cmsis_nn_conv_params *conv,
                     const cmsis_nn_dims *input,
                     const cmsis_nn_dims *filter,
                     const int32_t *bias,
                     const cmsis_nn_dims *output)
{
    const nn_conv_kernel kernel = nn_conv_sized_as(conv, input, filter);
    const bool pointwise = kernel == NN_CONV_POINTWISE || kernel == NN_CONV_POINTWISE_STRIDED;
    if (filter->c != input->c)
    {
        /* The general kernel with scratch sized for another one; and it offsets a NULL bias per group. */
        return bias != NULL && !pointwise && !(NN_MVE && kernel == NN_CONV_ROW);
    }
    if (pointwise)
    {
        return pointwise_is_exact(conv, input, output);
    }
    return !(NN_MVE && kernel == NN_CONV_ROW) || row_is_exact_mve(conv, input, filter, output);
}

/* Sum over the part of the window at (y, x) that lies inside the map. */
static int32_t accumulate(const cmsis_nn_conv_params *conv,
                          const cmsis_nn_dims *input,
                          const int8_t *input_data,
                          const cmsis_nn_dims *filter,
                          const int8_t *weights,
                          int32_t y,
                          int32_t x,
                          int32_t acc)
{
    for (int32_t ky = 0; ky < filter->h; ky++)
    {
        const int32_t in_y = y + ky * conv->dilation.h;
        for (int32_t kx = 0; kx < filter->w; kx++)
        {
            const int32_t in_x = x + kx * conv->dilation.w;
            if (nn_inside(in_y, input->h) && nn_inside(in_x, input->w))
            {
                const int8_t *pixel = input_data + (in_y * input->w + in_x) * input->c;
                const int8_t *tap = weights + (ky * filter->w + kx) * filter->c;
                acc = nn_dot(acc, pixel, conv->input_offset, tap, 0, filter->c);
            }
        }
    }
    return acc;
}

arm_cmsis_nn_status arm_convolve_wrapper_s8(const cmsis_nn_context *ctx,
                                            const cmsis_nn_conv_params *conv_params,
                                            const cmsis_nn_per_channel_quant_params *quant_params,
                                            const cmsis_nn_dims *input_dims,
                                            const int8_t *input_data,
                                            const cmsis_nn_dims *filter_dims,
                                            const int8_t *filter_data,
                                            const cmsis_nn_dims *bias_dims,
                                            const int32_t *bias_data,
                                            const cmsis_nn_dims *output_dims,
                                            int8_t *output_data)
{
    (void)bias_dims;
    const int32_t groups = input_dims->c / filter_dims->c;
    const int32_t scratch = arm_convolve_wrapper_s8_get_buffer_size(conv_params, input_dims, filter_dims, output_dims);
    if (groups * filter_dims->c != input_dims->c || output_dims->c % groups != 0 || (scratch > 0 && ctx->buf == NULL) ||
        !is_exact(conv_params, input_dims, filter_dims, bias_data, output_dims))
    {
        return ARM_CMSIS_NN_ARG_ERROR;
    }
    nn_scribble(ctx, scratch);
    const int32_t filter_size = filter_dims->h * filter_dims->w * filter_dims->c;
    const int32_t outputs_per_group = output_dims->c / groups;
    for (int32_t n = 0; n < input_dims->n; n++)
    {
        for (int32_t pixel = 0; pixel < output_dims->h * output_dims->w; pixel++)
        {
            const int32_t y = pixel / output_dims->w * conv_params->stride.h - conv_params->padding.h;
            const int32_t x = pixel % output_dims->w * conv_params->stride.w - conv_params->padding.w;
            for (int32_t c = 0; c < output_dims->c; c++)
            {
                const int32_t acc = accumulate(conv_params,
                                               input_dims,
                                               input_data + c / outputs_per_group * filter_dims->c,
                                               filter_dims,
                                               filter_data + c * filter_size,
                                               y,
                                               x,
                                               bias_data != NULL ? bias_data[c] : 0);
                *output_data++ = nn_output(acc,
                                           quant_params->multiplier[c],
                                           quant_params->shift[c],
                                           conv_params->output_offset,
                                           conv_params->activation);
            }
        }
        input_data += input_dims->h * input_dims->w * input_dims->c;
    }
    nn_scribble(ctx, scratch);
    return ARM_CMSIS_NN_SUCCESS;
}
