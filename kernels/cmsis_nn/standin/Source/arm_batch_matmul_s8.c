/* Batched matrix product with a transposed right side. */
#include "nn_internal.h"

/* The matrix of batch (n, h); an axis of extent 1 broadcasts. */
static const int8_t *matrix(const cmsis_nn_dims *dims, const int8_t *data, int32_t n, int32_t h)
{
    const int32_t batch = (dims->n == 1 ? 0 : n) * dims->h + (dims->h == 1 ? 0 : h);
    return data + batch * dims->w * dims->c;
}

static int8_t *multiply(const cmsis_nn_fc_params *fc,
                        const cmsis_nn_per_tensor_quant_params *quant,
                        const cmsis_nn_dims *lhs_dims,
                        const int8_t *lhs,
                        const cmsis_nn_dims *rhs_dims,
                        const int8_t *rhs,
                        int8_t *output)
{
    const int32_t depth = rhs_dims->c;
    for (int32_t row = 0; row < lhs_dims->w; row++)
    {
        for (int32_t col = 0; col < rhs_dims->w; col++)
        {
            const int32_t acc =
                nn_dot(0, lhs + row * depth, fc->input_offset, rhs + col * depth, fc->filter_offset, depth);
            *output++ = nn_output(acc, quant->multiplier, quant->shift, fc->output_offset, fc->activation);
        }
    }
    return output;
}

arm_cmsis_nn_status arm_batch_matmul_s8(const cmsis_nn_context *ctx,
                                        const cmsis_nn_bmm_params *bmm_params,
                                        const cmsis_nn_per_tensor_quant_params *quant_params,
                                        const cmsis_nn_dims *input_lhs_dims,
                                        const int8_t *input_lhs,
                                        const cmsis_nn_dims *input_rhs_dims,
                                        const int8_t *input_rhs,
                                        const cmsis_nn_dims *output_dims,
                                        int8_t *output)
{
    const int32_t scratch = NN_MVE ? input_rhs_dims->w * (int32_t)sizeof(int32_t) : 0;
    if (NN_MVE && ctx->buf == NULL)
    {
        return ARM_CMSIS_NN_ARG_ERROR;
    }
    nn_scribble(ctx, scratch);
    for (int32_t n = 0; n < output_dims->n; n++)
    {
        for (int32_t h = 0; h < output_dims->h; h++)
        {
            output = multiply(&bmm_params->fc_params,
                              quant_params,
                              input_lhs_dims,
                              matrix(input_lhs_dims, input_lhs, n, h),
                              input_rhs_dims,
                              matrix(input_rhs_dims, input_rhs, n, h),
                              output);
        }
    }
    nn_scribble(ctx, scratch);
    return ARM_CMSIS_NN_SUCCESS;
}
