/* Strips: rows of a block of channels, gathered so that dot products find four rows in a word. */
#ifndef TINYC_HELIUM_STRIPS_H
#define TINYC_HELIUM_STRIPS_H

#include "tinyc_helium_depthwise_s8.h"

enum { TINYC_STRIP_ROWS = 4 }; /* in a word */

/* One run over a block of channels. `saved` holds rows that were written over: the last `padding[0]` above the rows of
 * outputs that are still to come. */
typedef struct {
    const tinyc_helium_depthwise *d;
    const int8_t *input;
    int32_t block;   /* channels */
    int32_t pitch;   /* words from column to column of a strip of four rows */
    int8_t *nothing; /* 16 codes of zero */
    int8_t *saved;
    int8_t *strips;
} tinyc_helium_block;

/* The strip of the step whose outputs begin in row `y`; rows above `first_output` were written over. */
void tinyc_helium_gather_strip(const tinyc_helium_block *b, int32_t y, int32_t first_output, int8_t *strip);

/* Keep what outputs of the rows from `first_output` to `y` are about to be written over. */
void tinyc_helium_save_rows(const tinyc_helium_block *b, int32_t y, int32_t first_output);

#endif
