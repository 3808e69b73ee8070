#include "tinyc_conv_sums_s8.h"

#include <stddef.h>

#include "tinyc_widen.h"

enum { WORDS = 2 }; /* of a group of four codes: codes 0 and 2, then codes 1 and 3 */

/* Adds the products of a column and one or two channels' weights. */
static inline void add_products(const uint32_t *x, const uint32_t *end, const int8_t *w0, const int8_t *w1, int32_t *s0,
                                int32_t *s1)
{
    int32_t a = *s0, b = *s1;
    for (; x < end; x += WORDS, w0 += 4, w1 += 4) {
        const uint32_t c = tinyc_load_32(w0), d = tinyc_load_32(w1);
        a = tinyc_mac_pair(x[0], tinyc_add_even_bytes(0, c), a);
        b = tinyc_mac_pair(x[0], tinyc_add_even_bytes(0, d), b);
        a = tinyc_mac_pair(x[1], tinyc_add_odd_bytes(0, c), a);
        b = tinyc_mac_pair(x[1], tinyc_add_odd_bytes(0, d), b);
    }
    *s0 = a;
    *s1 = b;
}

/* All channels of one pixel, from its column. */
static void add_channels(const uint32_t *column, const uint32_t *end, int32_t channels, const int8_t *weights,
                         const int32_t *earlier, int32_t *sums)
{
    const int32_t filter = 4 / WORDS * (int32_t)(end - column);
    for (int32_t c = 0; c < channels; c += 2, weights += 2 * filter) {
        const int32_t two = c + 1 < channels;
        int32_t a = earlier == NULL ? 0 : earlier[c];
        int32_t b = earlier == NULL || !two ? 0 : earlier[c + 1];
        add_products(column, end, weights, weights + two * filter, &a, &b);
        sums[c] = a;
        if (two) {
            sums[c + 1] = b;
        }
    }
}

void tinyc_conv_sums_s8(const tinyc_conv_sums *p, const int8_t *input, const int8_t *weights, const int32_t *earlier,
                        void *scratch, int32_t *sums)
{
    const int32_t channels = p->output[2];
    uint32_t *const column = scratch;
    for (int32_t y = 0; y < p->output[0]; y++) {
        const int8_t *part = input + p->first + y * p->step[0];
        for (int32_t x = 0; x < p->output[1]; x++, part += p->step[1], sums += channels) {
            uint32_t *end = column;
            for (int32_t i = 0; i < p->rows; i++) {
                end = tinyc_widen_by(part + i * p->input_row, p->run, end, 1, WORDS);
            }
            add_channels(column, end, channels, weights, earlier, sums);
            earlier = earlier == NULL ? NULL : earlier + channels;
        }
    }
}
