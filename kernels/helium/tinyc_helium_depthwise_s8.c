#include "tinyc_helium_depthwise_s8.h"

#include "tinyc_helium.h"
#include "tinyc_helium_strips.h"
#include "tinyc_helium_tiles.h"

#include <stddef.h>

static void filter_block(const tinyc_helium_block *b, const int32_t *constants, int8_t *output)
{
    const tinyc_helium_depthwise *d = b->d;
    const int32_t word = TINYC_STRIP_ROWS * b->pitch, strip_bytes = d->columns * d->taps[0] * word;
    const int32_t most = d->steps * d->rows_of_step, rows = d->output[0];
    tinyc_helium_tiles t = {
        .constants = constants,
        .strips = b->strips,
        .channels = b->block,
        .columns = d->output[1],
        .right = d->channels,
        .down = d->output[1] * d->channels,
        .column = d->taps[0] * word,
        .strip = strip_bytes,
        .stride = d->stride,
        .rows_of_step = d->rows_of_step,
        .taps = {d->taps[0], d->taps[1]},
        .group = word,
        .zero_point = d->output_zero_point,
        .rounding = d->rounding,
    };
    for (int32_t first = 0; first < rows; first += most) {
        const int32_t end = first + most < rows ? first + most : rows;
        const int32_t written = d->stride == 1 ? first : 0; /* fewer rows of the input are written over than read */
        for (int32_t y = first, i = 0; y < end; y += d->rows_of_step, i++) {
            tinyc_helium_gather_strip(b, y, written, b->strips + i * strip_bytes);
        }
        if (d->stride == 1 && end < rows) {
            tinyc_helium_save_rows(b, end, first);
        }
        t.output = output + first * t.down;
        t.rows = end - first;
        tinyc_helium_filter(&t);
    }
}

void tinyc_helium_depthwise_s8(const tinyc_helium_depthwise *d, const int32_t *constants, const int8_t *input,
                               int8_t *output, int8_t *scratch)
{
    const int32_t bytes = d->output[0] * d->output[1] * d->channels, words = d->taps[0] * d->taps[1] + 3;
    const int32_t pitch = d->channels == 8 && d->taps[0] == 1 ? 8 : 16;
    /* Over its input the output is written where channels meet their own, and moved to its place at the end. */
    const intptr_t below = (intptr_t)input - (intptr_t)output;
    int8_t *written = output + (below > 0 && below < bytes ? below % d->channels : 0);
    int8_t *saved = scratch + 16;
    tinyc_helium_block b = {d, input, 0, pitch, scratch, saved, saved + d->padding[0] * d->input[1] * pitch};
    tinyc_helium_fill(scratch, d->input_zero_point, 16);
    for (int32_t c = 0; c < d->channels; c += 16) {
        b.input = input + c;
        b.block = d->channels - c < 16 ? d->channels - c : 16;
        filter_block(&b, constants + c * words, written + c);
    }
    tinyc_helium_limit(written, bytes, d->clamp);
    if (written != output) {
        memmove(output, written, (size_t)bytes);
    }
}
