/* int8 codes to the 16-bit lanes that columns hold. */
#ifndef TINYC_WIDEN_H
#define TINYC_WIDEN_H

#include "tinyc_columns_s8.h"
#include "tinyc_dsp.h"

/* Codes 0 and 2 of a word into the first, codes 1 and 3 into the second word of a column. */
static inline void tinyc_widen(uint32_t codes, uint32_t *column)
{
    column[0] = tinyc_add_even_bytes(0, codes);
    column[1] = tinyc_add_odd_bytes(0, codes);
}

/* One to three codes as the first bytes of a word, the others 0: nothing behind them is read. */
static inline uint32_t tinyc_load_few(const int8_t *from, int32_t count)
{
    uint32_t codes = (uint8_t)from[0];
    for (int32_t i = 1; i < count; i++) {
        codes |= (uint32_t)(uint8_t)from[i] << (8 * i);
    }
    return codes;
}

/* A run of codes into the column of one of two pixels; returns what follows there. */
static inline uint32_t *tinyc_widen_run(const int8_t *from, int32_t count, uint32_t *column)
{
    for (; count >= 8; count -= 8, from += 8, column += 2 * TINYC_COLUMN_WORDS) {
        const uint32_t codes = tinyc_load_32(from), next = tinyc_load_32(from + 4);
        tinyc_widen(codes, column);
        tinyc_widen(next, column + TINYC_COLUMN_WORDS);
    }
    if (count >= 4) {
        tinyc_widen(tinyc_load_32(from), column);
        column += TINYC_COLUMN_WORDS;
        from += 4;
        count -= 4;
    }
    if (count > 0) {
        tinyc_widen(tinyc_load_few(from, count), column);
        column += TINYC_COLUMN_WORDS;
    }
    return column;
}

#endif
