/* Scratch sizes of arm_avgpool_s8, equal to Arm's v7.0.0: one int32 sum per channel, DSP only. */
#include "nn_internal.h"

int32_t arm_avgpool_s8_get_buffer_size_dsp(const int dim_dst_width, const int ch_src)
{
    (void)dim_dst_width;
    return ch_src * (int32_t)sizeof(int32_t);
}

int32_t arm_avgpool_s8_get_buffer_size_mve(const int dim_dst_width, const int ch_src)
{
    (void)dim_dst_width;
    (void)ch_src;
    return 0;
}

int32_t arm_avgpool_s8_get_buffer_size(const int dim_dst_width, const int ch_src)
{
    return NN_DSP ? arm_avgpool_s8_get_buffer_size_dsp(dim_dst_width, ch_src)
                  : arm_avgpool_s8_get_buffer_size_mve(dim_dst_width, ch_src);
}
