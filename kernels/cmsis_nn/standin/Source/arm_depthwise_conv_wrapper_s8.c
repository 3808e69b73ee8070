/* Depthwise convolution with per-channel requantisation, any multiplier, stride, dilation, padding. */
#include "nn_internal.h"

#if NN_MVE
/* Arm reads bias[124] and on for the second block of channels, NULL or not; one input channel runs as
 * a convolution, whose conditions apply: asked here through its status on an empty batch. */
static bool is_exact(const cmsis_nn_context *ctx,
                     const cmsis_nn_dw_conv_params *conv,
                     const cmsis_nn_dims *input,
                     const cmsis_nn_dims *filter,
                     const int32_t *bias,
                     const cmsis_nn_dims *output)
{
    if (input->c > 1 || output->c == 1)
    {
        return bias != NULL || conv->ch_mult > 1 || input->c <= NN_MVE_DEPTHWISE_BLOCK;
    }
    const cmsis_nn_conv_params as_conv = {
        .stride = conv->stride, .padding = conv->padding, .dilation = conv->dilation, .activation = conv->activation};
    const cmsis_nn_dims empty = {0, input->h, input->w, input->c};
    const cmsis_nn_dims as_filter = {filter->c, filter->h, filter->w, filter->n};
    return arm_convolve_wrapper_s8(
               ctx, &as_conv, NULL, &empty, NULL, &as_filter, NULL, NULL, NULL, output, NULL) == ARM_CMSIS_NN_SUCCESS;
}
#else
/* Arm's 3x3 kernel takes the middle column of every window for granted; its larger kernel for DSP
 * clears as many rows as lie outside the map, which must not be more than the window has. */
static bool is_exact(const cmsis_nn_context *ctx,
                     const cmsis_nn_dw_conv_params *conv,
                     const cmsis_nn_dims *input,
                     const cmsis_nn_dims *filter,
                     const int32_t *bias,
                     const cmsis_nn_dims *output)
{
    (void)ctx;
    (void)bias;
    if (conv->ch_mult != 1 || input->n != 1 || conv->dilation.w != 1 || conv->dilation.h != 1)
    {
        return true;
    }
    const int32_t last_x = (output->w - 1) * conv->stride.w - conv->padding.w;
    const int32_t last_y = (output->h - 1) * conv->stride.h - conv->padding.h;
    if (nn_is_3x3_depthwise(conv, filter))
    {
        return last_x + 1 < input->w;
    }
    return !NN_DSP || (conv->padding.h <= filter->h && last_y <= input->h);
}
#endif

/* Sum over the part of the window at (y, x) that lies inside the map, for one channel. */
static int32_t accumulate(const cmsis_nn_dw_conv_params *conv,
                          const cmsis_nn_dims *input,
                          const int8_t *input_channel,
                          const cmsis_nn_dims *filter,
                          const int8_t *filter_channel,
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
                const int8_t *value = input_channel + (in_y * input->w + in_x) * input->c;
                const int8_t *weight = filter_channel + (ky * filter->w + kx) * filter->c;
                acc = nn_dot(acc, value, conv->input_offset, weight, 0, 1);
            }
        }
    }
    return acc;
}

arm_cmsis_nn_status arm_depthwise_conv_wrapper_s8(const cmsis_nn_context *ctx,
                                                  const cmsis_nn_dw_conv_params *dw_conv_params,
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
    const int32_t scratch =
        arm_depthwise_conv_wrapper_s8_get_buffer_size(dw_conv_params, input_dims, filter_dims, output_dims);
    if (input_dims->c * dw_conv_params->ch_mult != output_dims->c || (scratch > 0 && ctx->buf == NULL) ||
        !is_exact(ctx, dw_conv_params, input_dims, filter_dims, bias_data, output_dims))
    {
        return ARM_CMSIS_NN_ARG_ERROR;
    }
    nn_scribble(ctx, scratch);
    for (int32_t n = 0; n < input_dims->n; n++)
    {
        for (int32_t pixel = 0; pixel < output_dims->h * output_dims->w; pixel++)
        {
            const int32_t y = pixel / output_dims->w * dw_conv_params->stride.h - dw_conv_params->padding.h;
            const int32_t x = pixel % output_dims->w * dw_conv_params->stride.w - dw_conv_params->padding.w;
            for (int32_t c = 0; c < output_dims->c; c++)
            {
                const int32_t acc = accumulate(dw_conv_params,
                                               input_dims,
                                               input_data + c / dw_conv_params->ch_mult,
                                               filter_dims,
                                               filter_data + c,
                                               y,
                                               x,
                                               bias_data != NULL ? bias_data[c] : 0);
                *output_data++ = nn_output(acc,
                                           quant_params->multiplier[c],
                                           quant_params->shift[c],
                                           dw_conv_params->output_offset,
                                           dw_conv_params->activation);
            }
        }
        input_data += input_dims->h * input_dims->w * input_dims->c;
    }
    nn_scribble(ctx, scratch);
    return ARM_CMSIS_NN_SUCCESS;
}
