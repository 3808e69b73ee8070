#include "tinyc_exponential.h"

#define SUM_INTEGER_BITS 12

static inline void softmax_row(const tinyc_softmax_params *p, const int32_t *table, const int8_t *input, int8_t *output)
{
    const int32_t length = p->length, highest = tinyc_maximum_code(input, length);
    int32_t sum = 0; /* Q12.19, from 1 to 4095 */
    for (int32_t i = 0; i < length; i++) {
        sum += tinyc_shift_right(tinyc_exponential(p, table, highest - input[i]), SUM_INTEGER_BITS);
    }
    uint32_t normalised = (uint32_t)sum; /* 1 + x, x in Q0.31 */
    int32_t exponent = SUM_INTEGER_BITS;
    while (normalised < UINT32_C(0x80000000)) {
        normalised <<= 1;
        exponent--;
    }
    const int32_t inverse = tinyc_one_over_one_plus((int32_t)(normalised - UINT32_C(0x80000000)));
    for (int32_t i = 0; i < length; i++) {
        const int32_t probability = tinyc_high_multiply(tinyc_exponential(p, table, highest - input[i]), inverse);
        output[i] = tinyc_clamp(tinyc_shift_right(probability, exponent + 31 - 8) - 128, -128, 127);
    }
}

void tinyc_softmax_s8(const tinyc_softmax_params *p, const int8_t *input, int8_t *output)
{
    for (int32_t row = 0; row < p->rows; row++, input += p->length, output += p->length) {
        if (p->exponentials != NULL) {
            softmax_row(p, p->exponentials, input, output);
        } else {
            softmax_row(p, NULL, input, output);
        }
    }
}
