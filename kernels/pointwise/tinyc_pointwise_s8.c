#include "tinyc_columns_s8.h"

#include "tinyc_widen.h"

/* The columns of two pixels of `depth` codes. */
static void widen_two(const int8_t *first, const int8_t *second, int32_t depth, uint32_t *columns)
{
    for (; depth >= 4; depth -= 4, first += 4, second += 4, columns += TINYC_COLUMN_WORDS) {
        tinyc_widen(tinyc_load_32(first), columns);
        tinyc_widen(tinyc_load_32(second), columns + 2);
    }
    if (depth > 0) {
        tinyc_widen(tinyc_load_few(first, depth), columns);
        tinyc_widen(tinyc_load_few(second, depth), columns + 2);
    }
}

void tinyc_pointwise_s8(const tinyc_columns *layer, int32_t pixels, const int8_t *input, void *scratch, int8_t *output)
{
    uint32_t *columns = scratch;
    for (; pixels > 0; pixels -= 2) {
        const int32_t second = pixels > 1; /* 0: the pixel is computed twice */
        widen_two(input, input + second * layer->depth, layer->depth, columns);
        tinyc_columns_s8(layer, columns, output, output + second * layer->channels);
        input += 2 * layer->depth;
        output += 2 * layer->channels;
    }
}
