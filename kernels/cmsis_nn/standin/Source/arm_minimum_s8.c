/* Elementwise minimum with broadcasting. */
#include "nn_internal.h"

arm_cmsis_nn_status arm_minimum_s8(const cmsis_nn_context *ctx,
                                   const int8_t *input_1_data,
                                   const cmsis_nn_dims *input_1_dims,
                                   const int8_t *input_2_data,
                                   const cmsis_nn_dims *input_2_dims,
                                   int8_t *output_data,
                                   const cmsis_nn_dims *output_dims)
{
    (void)ctx;
    if (!nn_broadcast_is_exact(input_1_dims, output_dims) || !nn_broadcast_is_exact(input_2_dims, output_dims))
    {
        return ARM_CMSIS_NN_ARG_ERROR;
    }
    const int32_t size = output_dims->n * output_dims->h * output_dims->w * output_dims->c;
    for (int32_t i = 0; i < size; i++)
    {
        const int8_t a = input_1_data[nn_broadcast_index(input_1_dims, output_dims, i)];
        const int8_t b = input_2_data[nn_broadcast_index(input_2_dims, output_dims, i)];
        output_data[i] = (int8_t)nn_min(a, b);
    }
    return ARM_CMSIS_NN_SUCCESS;
}
