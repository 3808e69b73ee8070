#include "tinyc_pad_s8.h"

#include "tinyc_move.h"

void tinyc_pad_s8(const tinyc_pad_params *restrict p, const int8_t *input, int8_t *output)
{
    int32_t done = 0;
    tinyc_cursor at = {0};
    for (int32_t row = 0; row < p->rows; row++, input += p->length) {
        const int32_t place = p->first + at.offset;
        memset(output + done, p->value, (size_t)(place - done));
        tinyc_move(output + place, input, p->length);
        done = place + p->length;
        tinyc_advance(&p->walk, &at);
    }
    memset(output + done, p->value, (size_t)(p->elements - done));
}
