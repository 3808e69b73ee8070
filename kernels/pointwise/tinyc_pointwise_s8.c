#include "tinyc_columns_s8.h"

#include "tinyc_limit_s8.h"
#include "tinyc_widen.h"

void tinyc_pointwise_s8(const tinyc_columns *layer, int32_t pixels, const int8_t *input, void *scratch, int8_t *output)
{
    const int32_t depth = layer->depth, channels = layer->channels;
    uint32_t *columns = scratch;
    int8_t *y = output;
    for (int32_t left = pixels; left > 0; left -= 2, input += 2 * depth, y += 2 * channels) {
        const int32_t second = left > 1; /* 0: one pixel is computed twice */
        tinyc_widen_run(input, depth, columns);
        tinyc_widen_run(input + second * depth, depth, columns + 2);
        tinyc_columns_s8(layer, columns, y, y + second * channels);
    }
    tinyc_limit_s8(output, pixels * channels, layer->clamp);
}
