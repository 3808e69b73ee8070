/* One input of a concatenation: runs of bytes that come to lie at regular distances. */
#ifndef TINYC_CONCATENATION_H
#define TINYC_CONCATENATION_H

#include <stdint.h>

typedef struct {
    int32_t runs;
    int32_t bytes;    /* of a run in the input, where one follows the other */
    int32_t distance; /* from run to run in the output, in bytes */
} tinyc_concatenation_params;

/* `output` is where the first run goes; it must not overlap the input. */
void tinyc_concatenation(const tinyc_concatenation_params *restrict p, const void *input, void *output);

#endif
