#include "tinyc_average_pool_line_s8.h"

#include "tinyc_dsp.h"
#include "tinyc_helium.h"

enum { LANES = 4 }; /* channels at a time */

/* What lies in the image of one window, from its first channel on, and the sum of what does not. */
typedef struct {
    const int8_t *from;
    int32_t rows, columns;
    int32_t row, pixel; /* bytes from row to row, from pixel to pixel */
    int32_t outside;
} place;

static place place_of(const tinyc_pool_params *p, const tinyc_pool_line *line, const int8_t *input, int32_t y, int32_t x)
{
    const tinyc_pool_window w = tinyc_pool_window_at(p, y, x);
    const int32_t rows = w.bottom - w.top, columns = w.right - w.left, row = p->input[1] * p->channels;
    const int32_t outside = (p->extent[0] * p->extent[1] - rows * columns) * line->padding;
    const place found = {input + w.top * row + w.left * p->channels, rows, columns, row, p->channels, outside};
    return found;
}

#if TINYC_HELIUM

static void all_channels(const tinyc_pool_line *line, const place *w, int32_t channels, int8_t *output)
{
    const int32x4_t multiplier = vdupq_n_s32(line->multiplier);
    for (int32_t c = 0; c < channels; c += LANES) {
        const mve_pred16_t lanes = vctp32q((uint32_t)(channels - c));
        int32x4_t sum = vdupq_n_s32(w->outside);
        const int8_t *row = w->from + c;
        for (int32_t i = w->rows; i > 0; i--, row += w->row) {
            const int8_t *at = row;
            for (int32_t j = w->columns; j > 0; j--, at += w->pixel) {
                sum = vaddq_s32(sum, vldrbq_z_s32(at, lanes));
            }
        }
        const int32x4_t x = vaddq_n_s32(vrmulhq_s32(vshlq_r_s32(sum, line->left), multiplier), line->start);
        const int32x4_t whole = vshlq_r_s32(x, -line->fraction);
        const int32x4_t rest = vsubq_s32(x, vshlq_r_s32(whole, line->fraction));
        const int32x4_t even = vandq_s32(whole, vdupq_n_s32(-2));
        const int32x4_t mean = vpselq_s32(even, whole, vcmpleq_n_s32(rest, line->ties));
        const int32x4_t code = vaddq_n_s32(mean, line->offset);
        const int32x4_t limited = vminq_s32(vmaxq_s32(code, vdupq_n_s32(-128)), vdupq_n_s32(127));
        vstrbq_p_s32(output + c, limited, lanes);
    }
}

#else

static inline int8_t code_of(const tinyc_pool_line *line, int32_t sum)
{
    const uint32_t scaled = (uint32_t)tinyc_shift_left(sum, line->left);
    const int32_t x = tinyc_high_multiply_add(scaled, (uint32_t)line->multiplier, line->start);
    int32_t mean = x >> line->fraction;
    if (x - tinyc_shift_left(mean, line->fraction) <= line->ties) {
        mean &= ~1;
    }
    return (int8_t)tinyc_saturate_8(mean + line->offset);
}

/* Four neighbouring channels: sums of up to 256 codes fit in the lanes of two pairs. */
static inline void four_channels(const tinyc_pool_line *line, const place *w, const int8_t *row, int8_t *output)
{
    uint32_t even = tinyc_pair(w->outside, w->outside), odd = even;
    for (int32_t i = w->rows; i > 0; i--, row += w->row) {
        const int8_t *at = row;
        for (int32_t j = w->columns; j > 0; j--, at += w->pixel) {
            const uint32_t codes = tinyc_load_32(at);
            even = tinyc_add_even_bytes(even, codes);
            odd = tinyc_add_odd_bytes(odd, codes);
        }
    }
    output[0] = code_of(line, tinyc_low(even));
    output[1] = code_of(line, tinyc_low(odd));
    output[2] = code_of(line, tinyc_high(even));
    output[3] = code_of(line, tinyc_high(odd));
}

static inline int8_t one_channel(const tinyc_pool_line *line, const place *w, const int8_t *row)
{
    int32_t sum = w->outside;
    for (int32_t i = w->rows; i > 0; i--, row += w->row) {
        for (int32_t j = 0; j < w->columns; j++) {
            sum += row[j * w->pixel];
        }
    }
    return code_of(line, sum);
}

static void all_channels(const tinyc_pool_line *line, const place *w, int32_t channels, int8_t *output)
{
    int32_t c = 0;
    for (; c + LANES <= channels; c += LANES) {
        four_channels(line, w, w->from + c, output + c);
    }
    for (; c < channels; c++) {
        output[c] = one_channel(line, w, w->from + c);
    }
}

#endif

void tinyc_average_pool_line_s8(const tinyc_pool_params *p, const tinyc_pool_line *line, const int8_t *input,
                                int8_t *output)
{
    int8_t *at = output;
    for (int32_t y = 0; y < p->output[0]; y++) {
        for (int32_t x = 0; x < p->output[1]; x++, at += p->channels) {
            const place w = place_of(p, line, input, y, x);
            all_channels(line, &w, p->channels, at);
        }
    }
    if (p->clamp[0] > -128 || p->clamp[1] < 127) {
        tinyc_clamp_all(output, (int32_t)(at - output), p->clamp);
    }
}
