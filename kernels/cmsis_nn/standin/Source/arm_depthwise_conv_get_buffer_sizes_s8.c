/* Scratch sizes of arm_depthwise_conv_wrapper_s8, equal to Arm's v7.0.0. */
#include "nn_internal.h"

/* Multiplier 1, one image, no dilation: the case that Arm's optimised kernels serve. */
static bool is_optimised(const cmsis_nn_dw_conv_params *conv, const cmsis_nn_dims *input, const cmsis_nn_dims *output)
{
    return input->c == output->c && input->n == 1 && conv->dilation.w == 1 && conv->dilation.h == 1;
}

int32_t arm_depthwise_conv_wrapper_s8_get_buffer_size_dsp(const cmsis_nn_dw_conv_params *dw_conv_params,
                                                          const cmsis_nn_dims *input_dims,
                                                          const cmsis_nn_dims *filter_dims,
                                                          const cmsis_nn_dims *output_dims)
{
    if (!is_optimised(dw_conv_params, input_dims, output_dims) || nn_is_3x3_depthwise(dw_conv_params, filter_dims))
    {
        return 0;
    }
    return input_dims->c * filter_dims->w * filter_dims->h * (int32_t)sizeof(int16_t);
}

/* One input channel and several outputs run as a convolution with rearranged weights in scratch.
 * Arm's threshold depends on the compiler; this is that of GCC and LLVM, the larger scratch. */
int32_t arm_depthwise_conv_wrapper_s8_get_buffer_size_mve(const cmsis_nn_dw_conv_params *dw_conv_params,
                                                          const cmsis_nn_dims *input_dims,
                                                          const cmsis_nn_dims *filter_dims,
                                                          const cmsis_nn_dims *output_dims)
{
    if (input_dims->c == 1 && output_dims->c > 1)
    {
        const cmsis_nn_conv_params conv = {.stride = dw_conv_params->stride,
                                           .padding = dw_conv_params->padding,
                                           .dilation = dw_conv_params->dilation};
        const cmsis_nn_dims filter = {filter_dims->c, filter_dims->h, filter_dims->w, filter_dims->n};
        return arm_convolve_wrapper_s8_get_buffer_size_mve(&conv, input_dims, &filter, output_dims) +
            filter.n * filter.h * filter.w * filter.c;
    }
    if (!is_optimised(dw_conv_params, input_dims, output_dims))
    {
        return 0;
    }
    return 4 * NN_MVE_DEPTHWISE_BLOCK * filter_dims->w * filter_dims->h;
}

int32_t arm_depthwise_conv_wrapper_s8_get_buffer_size(const cmsis_nn_dw_conv_params *dw_conv_params,
                                                      const cmsis_nn_dims *input_dims,
                                                      const cmsis_nn_dims *filter_dims,
                                                      const cmsis_nn_dims *output_dims)
{
#if NN_MVE
    return arm_depthwise_conv_wrapper_s8_get_buffer_size_mve(dw_conv_params, input_dims, filter_dims, output_dims);
#elif NN_DSP
    return arm_depthwise_conv_wrapper_s8_get_buffer_size_dsp(dw_conv_params, input_dims, filter_dims, output_dims);
#else
    (void)dw_conv_params;
    (void)input_dims;
    (void)filter_dims;
    (void)output_dims;
    return 0;
#endif
}
