#include "tinyc_gather.h"

#include "tinyc_move.h"

void tinyc_gather(const tinyc_gather_params *restrict p, const void *input, void *output)
{
    const int8_t *first = (const int8_t *)input + p->first;
    int8_t *out = output;
    tinyc_cursor at = {0};
    for (int32_t row = 0; row < p->rows; row++, out += p->length) {
        const int8_t *in = first + at.offset;
        if (p->step == 1) {
            tinyc_move(out, in, p->length);
        } else {
            for (int32_t i = 0; i < p->length; i++) {
                out[i] = in[i * p->step];
            }
        }
        tinyc_advance(&p->walk, &at);
    }
}
