/* The clamp of an operator, for kernels that saturate to int8 on the way. */
#ifndef TINYC_LIMIT_S8_H
#define TINYC_LIMIT_S8_H

#include <stdint.h>

/* Limits `count` codes to clamp[0]..clamp[1], in place. Few layers have a clamp that is not all of int8. */
void tinyc_limit_s8(int8_t *codes, int32_t count, const int32_t clamp[2]);

#endif
