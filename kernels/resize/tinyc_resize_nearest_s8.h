/* Nearest-neighbour resize of int8 images. */
#ifndef TINYC_RESIZE_NEAREST_S8_H
#define TINYC_RESIZE_NEAREST_S8_H

#include <stdint.h>

typedef struct {
    int32_t images;
    int32_t input[2];  /* rows, columns */
    int32_t output[2]; /* rows, columns */
    int32_t channels;
} tinyc_resize_params;

/* Output row y copies input row rows[y], and likewise for columns. The output may lie below the input where no output
 * byte is written on an input byte that is still to come. */
void tinyc_resize_nearest_s8(const tinyc_resize_params *restrict p, const int8_t *input, const int32_t *rows,
                             const int32_t *columns, int8_t *output);

#endif
