/* Scratch sizes of the fully connected functions, equal to Arm's v7.0.0: kernel sums, MVE only. */
#include "nn_internal.h"

int32_t arm_fully_connected_s8_get_buffer_size_dsp(const cmsis_nn_dims *filter_dims)
{
    (void)filter_dims;
    return 0;
}

int32_t arm_fully_connected_s8_get_buffer_size_mve(const cmsis_nn_dims *filter_dims)
{
    return filter_dims->c * (int32_t)sizeof(int32_t);
}

int32_t arm_fully_connected_s8_get_buffer_size(const cmsis_nn_dims *filter_dims)
{
    return NN_MVE ? arm_fully_connected_s8_get_buffer_size_mve(filter_dims)
                  : arm_fully_connected_s8_get_buffer_size_dsp(filter_dims);
}
