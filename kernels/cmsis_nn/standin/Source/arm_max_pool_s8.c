/* Maximum pooling over the values of each window that lie inside the map. */
#include "nn_internal.h"

static int32_t window_maximum(const int8_t *channel, const cmsis_nn_dims *input, nn_window window)
{
    int32_t highest = INT8_MIN;
    for (int32_t y = window.top; y < window.bottom; y++)
    {
        for (int32_t x = window.left; x < window.right; x++)
        {
            highest = nn_max(highest, channel[(y * input->w + x) * input->c]);
        }
    }
    return highest;
}

arm_cmsis_nn_status arm_max_pool_s8(const cmsis_nn_context *ctx,
                                    const cmsis_nn_pool_params *pool_params,
                                    const cmsis_nn_dims *input_dims,
                                    const int8_t *input_data,
                                    const cmsis_nn_dims *filter_dims,
                                    const cmsis_nn_dims *output_dims,
                                    int8_t *output_data)
{
    (void)ctx;
    const cmsis_nn_activation clamp = pool_params->activation;
    if (input_dims->n < 1)
    {
        return ARM_CMSIS_NN_ARG_ERROR;
    }
    for (int32_t n = 0; n < input_dims->n; n++)
    {
        for (int32_t pixel = 0; pixel < output_dims->h * output_dims->w; pixel++)
        {
            const nn_window window = nn_pool_window(pool_params, input_dims, filter_dims, output_dims, pixel);
            if (window.count == 0)
            {
                return ARM_CMSIS_NN_ARG_ERROR; /* Arm's library leaves such an output unwritten */
            }
            for (int32_t c = 0; c < input_dims->c; c++)
            {
                *output_data++ = nn_clamp(window_maximum(input_data + c, input_dims, window), clamp.min, clamp.max);
            }
        }
        input_data += input_dims->h * input_dims->w * input_dims->c;
    }
    return ARM_CMSIS_NN_SUCCESS;
}
