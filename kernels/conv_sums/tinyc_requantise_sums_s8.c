#include "tinyc_conv_sums_s8.h"

#include "tinyc_math.h"

void tinyc_requantise_sums_s8(const tinyc_requantise_sums *p, const int32_t *sums, const int32_t *bias,
                              const int32_t *multiplier, const int32_t *shift, int8_t *output)
{
    for (int32_t pixel = 0; pixel < p->pixels; pixel++) {
        for (int32_t c = 0; c < p->channels; c++) {
            const int32_t scaled = tinyc_multiply(tinyc_add_wrapping(*sums++, bias[c]), multiplier[c], shift[c]);
            *output++ = tinyc_code(scaled, p->zero_point, p->clamp);
        }
    }
}
