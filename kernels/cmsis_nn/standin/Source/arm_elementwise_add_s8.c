/* Addition: both inputs are brought to a common scale with left_shift spare bits, then requantised. */
#include "nn_internal.h"

static int32_t rescale(int8_t value, int32_t offset, int32_t left_shift, int32_t multiplier, int32_t shift)
{
    return nn_requantise(nn_wrapping_shl(value + offset, left_shift), multiplier, shift);
}

arm_cmsis_nn_status arm_elementwise_add_s8(const int8_t *input_1_vect,
                                           const int8_t *input_2_vect,
                                           const int32_t input_1_offset,
                                           const int32_t input_1_mult,
                                           const int32_t input_1_shift,
                                           const int32_t input_2_offset,
                                           const int32_t input_2_mult,
                                           const int32_t input_2_shift,
                                           const int32_t left_shift,
                                           int8_t *output,
                                           const int32_t out_offset,
                                           const int32_t out_mult,
                                           const int32_t out_shift,
                                           const int32_t out_activation_min,
                                           const int32_t out_activation_max,
                                           const int32_t block_size)
{
    const cmsis_nn_activation clamp = {out_activation_min, out_activation_max};
    for (int32_t i = 0; i < block_size; i++)
    {
        const int32_t a = rescale(input_1_vect[i], input_1_offset, left_shift, input_1_mult, input_1_shift);
        const int32_t b = rescale(input_2_vect[i], input_2_offset, left_shift, input_2_mult, input_2_shift);
        output[i] = nn_output(nn_wrapping_add(a, b), out_mult, out_shift, out_offset, clamp);
    }
    return ARM_CMSIS_NN_SUCCESS;
}
