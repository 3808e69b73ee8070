#include "tinyc_resize_nearest_s8.h"

#include "tinyc_move.h"

void tinyc_resize_nearest_s8(const tinyc_resize_params *restrict p, const int8_t *input, const int32_t *rows,
                             const int32_t *columns, int8_t *output)
{
    for (int32_t image = 0; image < p->images; image++) {
        for (int32_t y = 0; y < p->output[0]; y++) {
            const int8_t *row = input + (image * p->input[0] + rows[y]) * p->input[1] * p->channels;
            for (int32_t x = 0; x < p->output[1]; x++, output += p->channels) {
                tinyc_move(output, row + columns[x] * p->channels, p->channels);
            }
        }
    }
}
