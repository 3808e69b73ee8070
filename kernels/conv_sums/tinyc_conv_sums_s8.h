/* Convolutions in pieces: sums of products over a part of the window, and the codes of the sums. */
#ifndef TINYC_CONV_SUMS_S8_H
#define TINYC_CONV_SUMS_S8_H

#include <stdint.h>

/* The part of a window that one call adds up, in one image. Lengths and steps are in codes. */
typedef struct {
    int32_t output[3]; /* rows, columns, channels */
    int32_t first;     /* where the first part begins */
    int32_t step[2];   /* to the part below, to the one on the right */
    int32_t rows;      /* of a part */
    int32_t run;       /* codes in a row of a part, which lie side by side */
    int32_t input_row;
} tinyc_conv_sums;

/* sums[pixel][channel] = earlier[pixel][channel] + products of the pixel's part and the channel's weights; earlier may
 * be NULL (nothing yet) or equal to sums. weights [channels][rows][run], every row filled up to a multiple of 4 with
 * zeros; `scratch` holds 2 words for each 4 weights of a channel. */
void tinyc_conv_sums_s8(const tinyc_conv_sums *p, const int8_t *input, const int8_t *weights, const int32_t *earlier,
                        void *scratch, int32_t *sums);

typedef struct {
    int32_t pixels;
    int32_t channels;
    int32_t zero_point;
    int32_t clamp[2];
} tinyc_requantise_sums;

/* output = (sums + bias) * multiplier + zero_point, clamped; bias, multiplier and shift per channel. The output may
 * begin where the sums do. */
void tinyc_requantise_sums_s8(const tinyc_requantise_sums *p, const int32_t *sums, const int32_t *bias,
                              const int32_t *multiplier, const int32_t *shift, int8_t *output);

#endif
