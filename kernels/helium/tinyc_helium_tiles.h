/* Dot products over strips: tiles of four outputs. */
#ifndef TINYC_HELIUM_TILES_H
#define TINYC_HELIUM_TILES_H

#include <stdint.h>

/* Where strips and outputs of a block of channels lie. A tile is four outputs of one row or, where a step is two rows of
 * outputs, two by two. */
typedef struct {
    const int32_t *constants;
    const int8_t *strips;
    int8_t *output;
    int32_t channels;
    int32_t columns, rows;  /* of outputs */
    int32_t right, down;    /* bytes to neighbouring outputs */
    int32_t column;         /* bytes from column to column of a strip */
    int32_t strip;          /* bytes from strip to strip */
    int32_t stride;         /* 1 or 2 */
    int32_t rows_of_step;   /* of outputs: 2 only for stride 1 */
    int32_t taps[2];        /* words of rows and columns, as in the constants: 1 and 3, or 2 and up to 8 */
    int32_t group;          /* bytes from the first to the second word of rows */
    int32_t zero_point;
    int32_t rounding;
} tinyc_helium_tiles;

/* All channels, without the clamp. */
void tinyc_helium_filter(const tinyc_helium_tiles *t);

#endif
