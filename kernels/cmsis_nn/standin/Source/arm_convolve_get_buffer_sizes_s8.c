/* Scratch sizes of arm_convolve_wrapper_s8, equal to Arm's v7.0.0. */
#include "nn_internal.h"

/* Two columns of the map as int16, each rounded up to 4 values. */
static int32_t general_size(const cmsis_nn_dims *input, const cmsis_nn_dims *filter)
{
    const int32_t column = filter->w * filter->h * input->c;
    return 2 * 4 * nn_ceil_div(column, 4) * (int32_t)sizeof(int16_t);
}

/* Four columns as int8, each rounded up to a vector of 16. */
static int32_t general_size_mve(const cmsis_nn_dims *input, const cmsis_nn_dims *filter)
{
    const int32_t column = filter->w * filter->h * input->c;
    return 4 * 16 * nn_ceil_div(column, 16);
}

/* The padded left end or the padded right end of the row, whichever is longer. */
static int32_t row_size_mve(const cmsis_nn_conv_params *conv,
                            const cmsis_nn_dims *input,
                            const cmsis_nn_dims *filter,
                            const cmsis_nn_dims *output)
{
    const nn_row_split row = nn_split_row(input->w, filter->w, output->w, conv->stride.w, conv->padding.w);
    if (!nn_row_is_split(row, output->w))
    {
        return general_size_mve(input, filter);
    }
    const int32_t left = filter->w + conv->padding.w;
    const int32_t right = filter->w - 1 + (row.total_pad % 2 != 0 ? row.right : conv->padding.w);
    return nn_max(left, right) * input->c;
}

int32_t arm_convolve_wrapper_s8_get_buffer_size_mve(const cmsis_nn_conv_params *conv_params,
                                                    const cmsis_nn_dims *input_dims,
                                                    const cmsis_nn_dims *filter_dims,
                                                    const cmsis_nn_dims *output_dims)
{
    switch (nn_conv_sized_as(conv_params, input_dims, filter_dims))
    {
    case NN_CONV_POINTWISE:
    case NN_CONV_POINTWISE_STRIDED:
        return 0;
    case NN_CONV_ROW:
        return row_size_mve(conv_params, input_dims, filter_dims, output_dims);
    case NN_CONV_GENERAL:
        break;
    }
    return general_size_mve(input_dims, filter_dims);
}

int32_t arm_convolve_wrapper_s8_get_buffer_size_dsp(const cmsis_nn_conv_params *conv_params,
                                                    const cmsis_nn_dims *input_dims,
                                                    const cmsis_nn_dims *filter_dims,
                                                    const cmsis_nn_dims *output_dims)
{
    (void)output_dims;
    const nn_conv_kernel kernel = nn_conv_sized_as(conv_params, input_dims, filter_dims);
    const bool pointwise = kernel == NN_CONV_POINTWISE || kernel == NN_CONV_POINTWISE_STRIDED;
    return pointwise ? 0 : general_size(input_dims, filter_dims);
}

/* A core without either extension needs what a DSP core needs. */
int32_t arm_convolve_wrapper_s8_get_buffer_size(const cmsis_nn_conv_params *conv_params,
                                                const cmsis_nn_dims *input_dims,
                                                const cmsis_nn_dims *filter_dims,
                                                const cmsis_nn_dims *output_dims)
{
#if NN_MVE
    return arm_convolve_wrapper_s8_get_buffer_size_mve(conv_params, input_dims, filter_dims, output_dims);
#else
    return arm_convolve_wrapper_s8_get_buffer_size_dsp(conv_params, input_dims, filter_dims, output_dims);
#endif
}
