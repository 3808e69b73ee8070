/* What the sizes of kernel share: the walk over channels and strips. */
#ifndef TINYC_DEPTHWISE_STRIPS_H
#define TINYC_DEPTHWISE_STRIPS_H

#include "tinyc_depthwise_s8.h"

/* One channel's part of a strip. */
typedef struct {
    const uint32_t *pairs;
    int32_t first_row;   /* of the image, in the first pair's lower lane; it may lie outside */
    int32_t rows;        /* of the output to compute */
    uint32_t *workspace; /* the scratch that follows the strip */
} tinyc_strip;

/* Computes the rows of one channel; `channel` are the words of its constants. */
typedef void tinyc_depthwise_rows(const tinyc_depthwise *d, const int32_t *channel, const tinyc_strip *strip,
                                  int8_t *output);

/* Runs `compute` over all channels, each with `words` words of constants. */
void tinyc_depthwise_strips(const tinyc_depthwise *d, tinyc_depthwise_rows *compute, const int32_t *constants,
                            int32_t words, const int8_t *input, int8_t *output, void *scratch);

#endif
