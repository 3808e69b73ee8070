/* Fully connected with either kind of quantisation. */
#include "nn_internal.h"

/*
 * On a core with MVE the kernel sums of ctx->buf stand for the bias and for the input offset, as in
 * Arm's library: sums that the caller forgot to prepare give a wrong answer here too.
 */
static int32_t accumulate(const int32_t *sums,
                          const cmsis_nn_fc_params *fc,
                          const int32_t *bias,
                          const int8_t *row,
                          const int8_t *weights,
                          int32_t depth,
                          int32_t channel)
{
    if (sums != NULL)
    {
        return nn_dot(sums[channel], row, 0, weights, fc->filter_offset, depth);
    }
    return nn_dot(bias != NULL ? bias[channel] : 0, row, fc->input_offset, weights, fc->filter_offset, depth);
}

arm_cmsis_nn_status arm_fully_connected_wrapper_s8(const cmsis_nn_context *ctx,
                                                   const cmsis_nn_fc_params *fc_params,
                                                   const cmsis_nn_quant_params *quant_params,
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
    /* Given a filter offset, Arm's MVE kernel applies one multiplier of four to all four channels. */
    const bool inexact = NN_MVE && quant_params->is_per_channel && fc_params->filter_offset != 0;
    if (inexact || (NN_MVE && ctx->buf == NULL))
    {
        return ARM_CMSIS_NN_ARG_ERROR;
    }
    const int32_t *sums = NN_MVE ? (const int32_t *)ctx->buf : NULL;
    const int32_t depth = filter_dims->n;
    for (int32_t n = 0; n < input_dims->n; n++)
    {
        const int8_t *row = input_data + n * depth;
        for (int32_t c = 0; c < output_dims->c; c++)
        {
            const int32_t acc = accumulate(sums, fc_params, bias_data, row, filter_data + c * depth, depth, c);
            const int32_t q = quant_params->is_per_channel ? c : 0;
            *output_data++ = nn_output(acc,
                                       quant_params->multiplier[q],
                                       quant_params->shift[q],
                                       fc_params->output_offset,
                                       fc_params->activation);
        }
    }
    return ARM_CMSIS_NN_SUCCESS;
}
