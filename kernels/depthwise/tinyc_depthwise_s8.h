/* Depthwise convolution, one filter per channel, through a strip of gathered rows.
 *
 * The strip holds two channels, one after the other: for each a run of pairs, `width` words long. Word x of pair i is
 * column x of the padded image, its row 2i in the lower and row 2i + 1 in the upper lane, less the input's zero point.
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
    int32_t width;      /* columns of the strip: even, covers the padded image and an even number of outputs */
    int32_t pairs;      /* pairs of rows that the strip holds */
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t clamp[2];
} tinyc_depthwise;

/* Computes `rows` rows of one channel from its strip. `channel` are the words of its constants. */
typedef void tinyc_depthwise_rows(const tinyc_depthwise *d, const int32_t *channel, const uint32_t *strip,
                                  int32_t rows, int8_t *output);

/* What a size of kernel brings: its function, the words of a channel's constants, and the pairs of rows that the
 * outputs of one step read (a step is two rows for stride 1, one for stride 2). */
typedef struct {
    tinyc_depthwise_rows *rows;
    int32_t words;
    int32_t window;
} tinyc_depthwise_method;

/* Runs a method over all channels. The output may lie apart from the input, or start at or below it if it has no more
 * rows and no more columns. `scratch` holds 2 * pairs * width words. */
void tinyc_depthwise_strips(const tinyc_depthwise *d, const tinyc_depthwise_method *method, const int32_t *constants,
                            const int8_t *input, int8_t *output, void *scratch);

/* Kernels of up to 3x3. Ten words per channel: bias; for each column its taps in rows 0 and 1 as a pair; in rows 1
 * and 2; multiplier, rounding and shift of tinyc_requantiser. Bias and taps are doubled where the shift is not 0. */
void tinyc_depthwise_3x3_s8(const tinyc_depthwise *d, const int32_t *constants, const int8_t *input, int8_t *output,
                            void *scratch);

#endif
