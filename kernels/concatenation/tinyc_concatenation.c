#include "tinyc_concatenation.h"

#include <string.h>

void tinyc_concatenation(const tinyc_concatenation_params *restrict p, const void *input, void *output)
{
    const int8_t *in = input;
    int8_t *out = output;
    for (int32_t run = 0; run < p->runs; run++, in += p->bytes, out += p->distance) {
        memcpy(out, in, (size_t)p->bytes);
    }
}
