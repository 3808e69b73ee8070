/* Any function of one int8 code, as a table. */
#ifndef TINYC_LUT_S8_H
#define TINYC_LUT_S8_H

#include <stdint.h>

/* output[i] = table[input[i] + 128] for `elements` codes; the output may lie at the input or below. */
void tinyc_lut_s8(int32_t elements, const int8_t *input, const int8_t table[256], int8_t *output);

#endif
