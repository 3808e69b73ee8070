#include "tinyc_limit_s8.h"

#include "tinyc_math.h"

void tinyc_limit_s8(int8_t *codes, int32_t count, const int32_t clamp[2])
{
    if (clamp[0] <= INT8_MIN && clamp[1] >= INT8_MAX) {
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        codes[i] = tinyc_clamp(codes[i], clamp[0], clamp[1]);
    }
}
