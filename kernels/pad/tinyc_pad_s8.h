/* Padding of an int8 tensor with one code. */
#ifndef TINYC_PAD_S8_H
#define TINYC_PAD_S8_H

#include "tinyc_walk.h"

typedef struct {
    int32_t elements; /* of the output */
    int32_t first;    /* where the input begins in the output */
    int32_t rows;
    int32_t length;   /* of a row: it lies together in both */
    tinyc_walk walk;  /* over the rows' places in the output, from `first` */
    int8_t value;
} tinyc_pad_params;

/* The output may lie below the input where no output byte is written on an input byte that is still to come. */
void tinyc_pad_s8(const tinyc_pad_params *restrict p, const int8_t *input, int8_t *output);

#endif
