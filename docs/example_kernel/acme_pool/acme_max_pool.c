#include "acme_max_pool.h"

#include <string.h>

static uint32_t load(const int8_t *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* The larger of each of the four codes in two words. */
static uint32_t larger(uint32_t a, uint32_t b)
{
    uint32_t found = 0u;
#ifdef __ARM_FEATURE_SIMD32
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(found) : "r"(a), "r"(b) : "cc");
#else
    for (uint32_t i = 0u; i < 32u; i += 8u) {
        const uint32_t x = a >> i & 0xFFu, y = b >> i & 0xFFu;
        found |= ((x ^ 0x80u) > (y ^ 0x80u) ? x : y) << i;
    }
#endif
    return found;
}

void acme_max_pool(int32_t rows, int32_t columns, int32_t channels, int32_t width, const int8_t *input, int8_t *output)
{
    const int32_t below = width * channels;
    for (int32_t y = 0; y < rows; y++) {
        const int8_t *p = input + 2 * y * below;
        for (int32_t x = 0; x < columns; x++, p += channels) {
            for (int32_t c = 0; c < channels; c += 4, p += 4, output += 4) {
                const uint32_t above = larger(load(p), load(p + channels));
                const uint32_t under = larger(load(p + below), load(p + below + channels));
                const uint32_t found = larger(above, under);
                memcpy(output, &found, sizeof found);
            }
        }
    }
}
