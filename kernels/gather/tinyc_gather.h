/* Elements of a strided array, brought together: transposes and slices. */
#ifndef TINYC_GATHER_H
#define TINYC_GATHER_H

#include "tinyc_walk.h"

/* All numbers in bytes. */
typedef struct {
    int32_t first;   /* of the input */
    int32_t rows;
    tinyc_walk walk; /* over the rows, from `first` */
    int32_t length;  /* of a row in the output */
    int32_t step;    /* between a row's bytes in the input: 1 moves it as a whole */
} tinyc_gather_params;

/* The output may lie at the input or below where no output byte is written on an input byte that is still to come. */
void tinyc_gather(const tinyc_gather_params *restrict p, const void *input, void *output);

#endif
