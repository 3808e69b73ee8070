/* One input of a concatenation along z, the third innermost axis. */
#include "nn_internal.h"

void arm_concatenation_s8_z(const int8_t *input,
                            const uint16_t input_x,
                            const uint16_t input_y,
                            const uint16_t input_z,
                            const uint16_t input_w,
                            int8_t *output,
                            const uint16_t output_z,
                            const uint32_t offset_z)
{
    const size_t inner = (size_t)input_x * input_y;
    const size_t copies = input_w;
    for (size_t i = 0; i < copies; i++)
    {
        memcpy(output + (i * output_z + offset_z) * inner, input + i * input_z * inner, input_z * inner);
    }
}
