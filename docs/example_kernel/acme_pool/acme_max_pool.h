#ifndef ACME_MAX_POOL_H
#define ACME_MAX_POOL_H

#include <stdint.h>

/* The largest code of each of rows x columns windows of 2x2, in an image that is `width` pixels of `channels` codes
 * wide (a multiple of 4). The output may lie at the input. */
void acme_max_pool(int32_t rows, int32_t columns, int32_t channels, int32_t width, const int8_t *input, int8_t *output);

#endif
