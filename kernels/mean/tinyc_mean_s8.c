#include "tinyc_mean_s8.h"

static int32_t sum_of(const tinyc_mean_params *p, const int8_t *input)
{
    int32_t sum = 0;
    tinyc_cursor at = {0};
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *element = input + at.offset;
        for (int32_t i = 0; i < p->length; i++) {
            sum += element[i * p->step];
        }
        tinyc_advance(&p->reduced, &at);
    }
    return sum - p->rows * p->length * p->input_zero_point;
}

void tinyc_mean_s8(const tinyc_mean_params *restrict p, const int8_t *input, int8_t *output)
{
    static const int32_t all_codes[2] = {INT8_MIN, INT8_MAX};
    tinyc_cursor at = {0};
    for (int32_t i = 0; i < p->outputs; i++) {
        const int32_t mean = tinyc_rescale(sum_of(p, input + at.offset), p->scale);
        output[i] = tinyc_code(mean, p->output_zero_point, all_codes);
        tinyc_advance(&p->kept, &at);
    }
}
