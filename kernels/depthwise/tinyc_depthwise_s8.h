/* Depthwise convolution, one filter per channel, through a strip of gathered rows.
 *
 * The strip holds two channels, one after the other: for each a run of pairs, `width` words long. Word x of a pair is
 * column x of two rows of the padded image, the upper one in the lower lane, less the input's zero point. A *step*
 * makes the outputs whose window begins in a pair: two rows for stride 1, one for stride 2.
 */
#ifndef TINYC_DEPTHWISE_S8_H
#define TINYC_DEPTHWISE_S8_H

#include <stdint.h>

/* Geometry and quantisation; (rows, columns) pairs. */
typedef struct {
    int32_t input[2];
    int32_t output[2];
    int32_t channels;   /* 2 or more */
    int32_t stride;     /* 1 or 2 */
    int32_t padding[2]; /* above, left */
    int32_t window[2];  /* what a step reads: pairs of rows; columns of one output, an odd number */
    int32_t width;      /* columns of the strip: even, covers the padded image and an even number of outputs */
    int32_t pairs;      /* pairs of rows that the strip holds */
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t clamp[2];
} tinyc_depthwise;

/* Kernels of up to 3x3. Scratch: 2 * pairs * width words. Ten words per channel: bias; for each column its taps in
 * rows 0 and 1 as a pair; in rows 1 and 2; multiplier, rounding and shift of tinyc_requantiser. Bias and taps are
 * doubled where the shift is not 0.
 *
 * The output may lie apart from the input, or start at or below it if it has no more rows and no more columns.
 */
void tinyc_depthwise_3x3_s8(const tinyc_depthwise *d, const int32_t *constants, const int8_t *input, int8_t *output,
                            void *scratch);

/* The same. The former takes channels fast that shift to the right, this one those that are rounded once: what links one
 * of them alone has the code of one kind. */
void tinyc_depthwise_3x3_once_s8(const tinyc_depthwise *d, const int32_t *constants, const int8_t *input,
                                 int8_t *output, void *scratch);

/* Kernels of any size, likewise. Scratch: 2 * window[0] * (window[1] + 1) words more. Words per channel: bias; multiplier,
 * rounding and shift; then, four to a word, the taps of rows 2i and 2i + 1 in columns 2j and 2j + 1 for all i and j. */
void tinyc_depthwise_kxk_s8(const tinyc_depthwise *d, const int32_t *constants, const int8_t *input, int8_t *output,
                            void *scratch);

#endif
