/* One input of a concatenation along x, the innermost axis. */
#include "nn_internal.h"

void arm_concatenation_s8_x(const int8_t *input,
                            const uint16_t input_x,
                            const uint16_t input_y,
                            const uint16_t input_z,
                            const uint16_t input_w,
                            int8_t *output,
                            const uint16_t output_x,
                            const uint32_t offset_x)
{
    const size_t inner = 1;
    const size_t copies = (size_t)input_y * input_z * input_w;
    for (size_t i = 0; i < copies; i++)
    {
        memcpy(output + (i * output_x + offset_x) * inner, input + i * input_x * inner, input_x * inner);
    }
}
