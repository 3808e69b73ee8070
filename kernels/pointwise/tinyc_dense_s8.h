/* Dense layer of one row. */
#ifndef TINYC_DENSE_S8_H
#define TINYC_DENSE_S8_H

#include <stdint.h>

/* `depth` codes in, `channels` out. The constants are for each four channels (the last ones filled up with zero
 * weights): four biases, the input's zero point folded in, and four words for each group of four codes (the last one
 * filled up likewise): as tinyc_columns_s8.h has them two for channels 0 and 1, then two for channels 2 and 3. */
typedef struct {
    const int32_t *constants;
    const int32_t *requantisers; /* words of a tinyc_requantiser for each channel, or for all; of one kind in a block */
    int32_t requantiser_step;    /* words from channel to channel: 3, or 0 */
    int32_t depth;
    int32_t channels;
    int32_t zero_point;
    int32_t clamp[2];
} tinyc_dense;

void tinyc_dense_s8(const tinyc_dense *layer, const int8_t *input, int8_t *output);

#endif
