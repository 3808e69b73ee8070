/* Average pooling over the values of each window that lie inside the map. */
#include "nn_internal.h"

static int32_t window_sum(const int8_t *channel, const cmsis_nn_dims *input, nn_window window)
{
    int32_t sum = 0;
    for (int32_t y = window.top; y < window.bottom; y++)
    {
        for (int32_t x = window.left; x < window.right; x++)
        {
            sum += channel[(y * input->w + x) * input->c];
        }
    }
    return sum;
}

/* sum / count, ties away from zero. */
static int32_t rounded_mean(int32_t sum, int32_t count)
{
    return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

arm_cmsis_nn_status arm_avgpool_s8(const cmsis_nn_context *ctx,
                                   const cmsis_nn_pool_params *pool_params,
                                   const cmsis_nn_dims *input_dims,
                                   const int8_t *input_data,
                                   const cmsis_nn_dims *filter_dims,
                                   const cmsis_nn_dims *output_dims,
                                   int8_t *output_data)
{
    const int32_t scratch = arm_avgpool_s8_get_buffer_size(output_dims->w, input_dims->c);
    const cmsis_nn_activation clamp = pool_params->activation;
    if (input_dims->n < 1 || (scratch > 0 && ctx->buf == NULL))
    {
        return ARM_CMSIS_NN_ARG_ERROR;
    }
    nn_scribble(ctx, scratch);
    for (int32_t n = 0; n < input_dims->n; n++)
    {
        for (int32_t pixel = 0; pixel < output_dims->h * output_dims->w; pixel++)
        {
            const nn_window window = nn_pool_window(pool_params, input_dims, filter_dims, output_dims, pixel);
            if (window.count == 0)
            {
                return ARM_CMSIS_NN_ARG_ERROR; /* a window of padding alone has no mean */
            }
            for (int32_t c = 0; c < input_dims->c; c++)
            {
                const int32_t sum = window_sum(input_data + c, input_dims, window);
                *output_data++ = nn_clamp(rounded_mean(sum, window.count), clamp.min, clamp.max);
            }
        }
        input_data += input_dims->h * input_dims->w * input_dims->c;
    }
    nn_scribble(ctx, scratch);
    return ARM_CMSIS_NN_SUCCESS;
}
