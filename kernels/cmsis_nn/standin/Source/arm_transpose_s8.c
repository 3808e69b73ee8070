/* Transposition of one to four axes. */
#include "nn_internal.h"

/*
 * Whether Arm's library applies the permutation. Every entry must name an axis. Two axes it always
 * exchanges; and on a core with MVE, four axes whose first two stay have the last two exchanged.
 */
static bool is_exact(const uint32_t *permutation, uint32_t axes)
{
    uint32_t seen = 0;
    bool identity = true;
    for (uint32_t i = 0; i < axes; i++)
    {
        seen |= permutation[i] < axes ? 1u << permutation[i] : 0u;
        identity = identity && permutation[i] == i;
    }
    return seen == (1u << axes) - 1u && !(identity && (axes == 2 || (axes == 4 && NN_MVE)));
}

arm_cmsis_nn_status arm_transpose_s8(const int8_t *input_data,
                                     int8_t *const output_data,
                                     const cmsis_nn_dims *const input_dims,
                                     const cmsis_nn_dims *const output_dims,
                                     const cmsis_nn_transpose_params *const transpose_params)
{
    (void)output_dims;
    const uint32_t axes = (uint32_t)transpose_params->num_dims;
    const uint32_t *permutation = transpose_params->permutations;
    if (axes == 0 || axes > 4 || !is_exact(permutation, axes))
    {
        return ARM_CMSIS_NN_ARG_ERROR;
    }
    const int32_t extents[4] = {input_dims->n, input_dims->h, input_dims->w, input_dims->c};
    int32_t strides[4] = {1, 1, 1, 1};
    int32_t size = 1;
    for (uint32_t i = axes; i-- > 0;)
    {
        strides[i] = size;
        size *= extents[i];
    }
    for (int32_t out = 0; out < size; out++)
    {
        int32_t rest = out;
        int32_t in = 0;
        for (uint32_t i = axes; i-- > 0;)
        {
            in += rest % extents[permutation[i]] * strides[permutation[i]];
            rest /= extents[permutation[i]];
        }
        output_data[out] = input_data[in];
    }
    return ARM_CMSIS_NN_SUCCESS;
}
