#include "tinyc_add_equal_s8.h"

#include "tinyc_limit_s8.h"

static inline int8_t add(const tinyc_add_equal *p, int32_t a, int32_t b)
{
    const int32_t wide = p->b_offset + b * (1 << 21);
    const int32_t scaled = tinyc_high_multiply_add((uint32_t)wide, (uint32_t)p->b.multiplier, p->b.rounding);
    const int32_t on_common_scale = (scaled + (wide >> 31)) >> p->b.shift;
    const int32_t doubled = p->a_offset + on_common_scale * 2 + a * (1 << 20);
    return tinyc_requantise_doubled(doubled, p->output.multiplier, p->output.rounding, p->output.shift);
}

void tinyc_add_equal_s8(const tinyc_add_equal *p, int32_t count, const int8_t *a, const int8_t *b, int8_t *output)
{
    const tinyc_add_equal local = *p; /* which no store to the output can change: kept in registers */
    int8_t *y = output;
    int32_t left = count;
    for (; left >= 4; left -= 4) { /* unrolled: the loop's own registers are reloaded once in four */
        for (int32_t i = 0; i < 4; i++) {
            *y++ = add(&local, *a++, *b++);
        }
    }
    for (; left > 0; left--) {
        *y++ = add(&local, *a++, *b++);
    }
    tinyc_limit_s8(output, count, local.clamp);
}
