/* int8 codes to the 16-bit lanes that columns hold. */
#ifndef TINYC_WIDEN_H
#define TINYC_WIDEN_H

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

#endif
