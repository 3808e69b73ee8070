#include "tinyc_dsp.h"
#include "tinyc_exponential.h"

static inline void softmax_row(const tinyc_softmax_params *p, const tinyc_softmax_output *to, const int32_t *table,
                               const int8_t *input, int8_t *output)
{
    const int32_t length = p->length, highest = tinyc_maximum_code(input, length);
    uint64_t sum = 0; /* in Q0.31, from 1 to 4095 */
    for (int32_t i = 0; i < length; i++) {
        sum += (uint32_t)tinyc_exponential(p, table, highest - input[i]);
    }
    int32_t exponent = 12; /* the sum is (1 + x) * 2^exponent, x in Q0.31 */
    for (sum <<= 20; sum < UINT64_C(1) << 63; sum <<= 1) {
        exponent--;
    }
    const int32_t inverse = tinyc_one_over_one_plus((int32_t)((uint32_t)(sum >> 32) - UINT32_C(0x80000000)));
    const int32_t down = to->shift + exponent, shift = down > 31 ? 31 : down;
    const int32_t factor = down > 31 ? 0 : tinyc_high_multiply(inverse, to->multiplier); /* below half a code: 0 */
    const int32_t half = 1 << (shift - 1), zero_point = to->zero_point;
    for (int32_t i = 0; i < length; i++) {
        const uint32_t exponential = (uint32_t)tinyc_exponential(p, table, highest - input[i]);
        const int32_t code = tinyc_high_multiply_add(exponential, (uint32_t)factor, half) >> shift;
        output[i] = (int8_t)tinyc_saturate_8(code + zero_point);
    }
}

void tinyc_softmax_scaled_s8(const tinyc_softmax_params *p, const tinyc_softmax_output *to, const int8_t *input,
                             int8_t *output)
{
    for (int32_t row = 0; row < p->rows; row++, input += p->length, output += p->length) {
        if (p->exponentials != NULL) {
            softmax_row(p, to, p->exponentials, input, output);
        } else {
            softmax_row(p, to, NULL, input, output);
        }
    }
}
