/* int8 codes to the 16-bit lanes that columns hold. */
#ifndef TINYC_WIDEN_H
#define TINYC_WIDEN_H

#include "tinyc_columns_s8.h"
#include "tinyc_dsp.h"

/* One to three codes as the first bytes of a word, the others 0: nothing behind them is read. */
static inline uint32_t tinyc_load_few(const int8_t *from, int32_t count)
{
    uint32_t codes = (uint8_t)from[0];
    for (int32_t i = 1; i < count; i++) {
        codes |= (uint32_t)(uint8_t)from[i] << (8 * i);
    }
    return codes;
}

/* A run of codes into a column of which each group holds codes 0 and 2 in its first word, codes 1 and 3 in word `odd`,
 * and the next group begins `step` words later; returns what follows there. Inlined with constants. */
static inline uint32_t *tinyc_widen_by(const int8_t *from, int32_t count, uint32_t *column, int32_t odd, int32_t step)
{
    for (; count >= 8; count -= 8, from += 8, column += 2 * step) {
        const uint32_t codes = tinyc_load_32(from), next = tinyc_load_32(from + 4);
        column[0] = tinyc_add_even_bytes(0, codes);
        column[odd] = tinyc_add_odd_bytes(0, codes);
        column[step] = tinyc_add_even_bytes(0, next);
        column[step + odd] = tinyc_add_odd_bytes(0, next);
    }
    for (; count > 0; count -= 4, from += 4, column += step) {
        const uint32_t codes = count >= 4 ? tinyc_load_32(from) : tinyc_load_few(from, count);
        column[0] = tinyc_add_even_bytes(0, codes);
        column[odd] = tinyc_add_odd_bytes(0, codes);
    }
    return column;
}

/* The column of one of two pixels. */
static inline uint32_t *tinyc_widen_run(const int8_t *from, int32_t count, uint32_t *column)
{
    return tinyc_widen_by(from, count, column, 1, TINYC_COLUMN_WORDS);
}

/* The column of one of three pixels. */
static inline uint32_t *tinyc_widen_third(const int8_t *from, int32_t count, uint32_t *column)
{
    return tinyc_widen_by(from, count, column, 3, 6);
}

#endif
