#include "tinyc_depthwise_s8.h"

#include "tinyc_dsp.h"

enum { WORDS = 10, WINDOW = 2 };

/* One channel's constants, and what else the loops need, in the order in which they load it. */
typedef struct {
    int32_t bias;
    uint32_t rows_0_1[3]; /* taps: low lane row 0, high lane row 1 */
    uint32_t rows_1_2[3];
    tinyc_requantiser requantiser;
    int32_t step; /* bytes from output pixel to pixel */
    int32_t row;  /* and from row to row */
} filter;

/* Outputs in the first (`second` 0) or second row above pairs p and q, `columns` of them, any kind of channel. */
static inline void filter_columns(const filter *f, const uint32_t *p, const uint32_t *q, int second, int32_t columns,
                                  int32_t stride, int32_t zero_point, int8_t *output)
{
    for (int32_t x = 0; x < columns; x++) {
        int32_t sum = f->bias;
        for (int32_t j = 0; j < 3; j++) {
            if (second) {
                sum = tinyc_mac_high_low(p[j], f->rows_0_1[j], sum);
                sum = tinyc_mac_pair(q[j], f->rows_1_2[j], sum);
            } else {
                sum = tinyc_mac_pair(p[j], f->rows_0_1[j], sum);
                sum = tinyc_mac_low_high(q[j], f->rows_1_2[j], sum);
            }
        }
        *output = tinyc_requantise(sum, &f->requantiser, zero_point);
        output += f->step;
        p += stride;
        q += stride;
    }
}

static void filter_rows(const tinyc_depthwise *d, const int32_t *channel, const uint32_t *strip, int32_t rows,
                        int8_t *output)
{
    filter f;
    memcpy(&f, channel, WORDS * sizeof *channel);
    f.step = d->channels;
    f.row = d->channels * d->output[1];
    for (int32_t y = 0; y < rows; y++) {
        const int second = d->stride == 1 && (y & 1);
        filter_columns(&f, strip, strip + d->width, second, d->output[1], d->stride, d->output_zero_point, output);
        output += f.row;
        strip += d->stride == 2 || second ? d->width : 0;
    }
}

void tinyc_depthwise_3x3_s8(const tinyc_depthwise *d, const int32_t *constants, const int8_t *input, int8_t *output,
                            void *scratch)
{
    static const tinyc_depthwise_method method = {filter_rows, WORDS, WINDOW};
    tinyc_depthwise_strips(d, &method, constants, input, output, scratch);
}
