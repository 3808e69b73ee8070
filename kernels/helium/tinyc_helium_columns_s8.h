/* Dense sums over columns of int8 codes, two columns times four channels at a time. */
#ifndef TINYC_HELIUM_COLUMNS_S8_H
#define TINYC_HELIUM_COLUMNS_S8_H

#include <stdint.h>

/* One layer. `constants` hold for each four channels, filled up with zeros: for channels 0 and 2, then for channels 1
 * and 3 the two biases (input zero point folded in) and the weights, 16 of the one and 16 of the other in turn; then
 * the four multipliers and the four shifts. */
typedef struct {
    const int32_t *constants;
    int32_t depth;    /* codes of a column */
    int32_t channels; /* codes of an output pixel */
    int32_t zero_point;
    int32_t clamp[2];
    int32_t rounding; /* of tinyc_helium.h */
} tinyc_helium_columns;

/* `pixels` columns that lie side by side. The output of a pair of columns may reach up to that pair, not over it. */
void tinyc_helium_columns_s8(const tinyc_helium_columns *layer, const int8_t *columns, int32_t pixels, int8_t *output);

#endif
