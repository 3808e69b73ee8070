/* Kernel sums: what a fully connected result would be for an input of zeros, before requantisation. */
#include "nn_internal.h"

arm_cmsis_nn_status arm_vector_sum_s8(int32_t *vector_sum_buf,
                                      const int32_t vector_cols,
                                      const int32_t vector_rows,
                                      const int8_t *vector_data,
                                      const int32_t lhs_offset,
                                      const int32_t rhs_offset,
                                      const int32_t *bias_data)
{
    for (int32_t row = 0; row < vector_rows; row++)
    {
        int32_t sum = 0;
        for (int32_t col = 0; col < vector_cols; col++)
        {
            sum += vector_data[row * vector_cols + col] + rhs_offset;
        }
        const int32_t bias = bias_data != NULL ? bias_data[row] : 0;
        vector_sum_buf[row] = nn_wrapping_add(bias, nn_wrapping_mul(sum, lhs_offset));
    }
    return ARM_CMSIS_NN_SUCCESS;
}
