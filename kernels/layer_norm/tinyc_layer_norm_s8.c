#include "tinyc_dsp.h"
#include "tinyc_normalise.h"

static tinyc_normalised normalise(const tinyc_layer_norm *p, const int8_t *row)
{
    int32_t sum = 0, squares = 0, i = 0;
#if TINYC_DSP
    const uint32_t ones = tinyc_pair(1, 1);
    for (; i < p->channels - 3; i += 4) {
        const uint32_t codes = tinyc_load_32(row + i);
        const uint32_t even = tinyc_add_even_bytes(0, codes), odd = tinyc_add_odd_bytes(0, codes);
        sum = tinyc_mac_pair(odd, ones, tinyc_mac_pair(even, ones, sum));
        squares = tinyc_mac_pair(odd, odd, tinyc_mac_pair(even, even, squares));
    }
#endif
    for (; i < p->channels; i++) {
        sum += row[i];
        squares += row[i] * row[i];
    }
    return tinyc_normalise(p, sum, squares);
}

void tinyc_layer_norm_s8(const tinyc_layer_norm *restrict p, const int8_t *input, const int32_t *factors,
                         const int32_t *bias, int8_t *output)
{
    /* Stores to the output may alias what `p` points to, as far as the compiler knows. */
    const int32_t down = p->fraction_bits;
    for (int32_t row = 0; row < p->rows; row++) {
        const tinyc_normalised n = normalise(p, input);
        const int32_t *end = factors + p->channels;
        const int32_t *b = bias;
        for (const int32_t *factor = factors; factor < end; factor++) {
            const uint32_t deviation = (uint32_t)*input++ * n.step - n.offset;
            const int32_t normal = tinyc_high_multiply_add(deviation, (uint32_t)n.inverse, 0);
            const int32_t result = tinyc_high_multiply_add_down((uint32_t)normal, (uint32_t)*factor, *b++);
            *output++ = (int8_t)tinyc_saturate_8(result >> down);
        }
    }
}
