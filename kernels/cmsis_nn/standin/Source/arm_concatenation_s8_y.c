/* One input of a concatenation along y, the second innermost axis. */
#include "nn_internal.h"

void arm_concatenation_s8_y(const int8_t *input,
                            const uint16_t input_x,
                            const uint16_t input_y,
                            const uint16_t input_z,
                            const uint16_t input_w,
                            int8_t *output,
                            const uint16_t output_y,
                            const uint32_t offset_y)
{
    const size_t inner = input_x;
    const size_t copies = (size_t)input_z * input_w;
    for (size_t i = 0; i < copies; i++)
    {
        memcpy(output + (i * output_y + offset_y) * inner, input + i * input_y * inner, input_y * inner);
    }
}
