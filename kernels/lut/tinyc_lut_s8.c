#include "tinyc_lut_s8.h"

void tinyc_lut_s8(int32_t elements, const int8_t *input, const int8_t table[256], int8_t *output)
{
    for (int32_t i = 0; i < elements; i++) {
        output[i] = table[input[i] + 128];
    }
}
