#if defined(__arm__) && !defined(__clang__)
/* The assembly takes nearly all registers: GCC finds no room for its operands unoptimised or with a frame pointer. */
#pragma GCC optimize("O3", "omit-frame-pointer")
#endif
#include "tinyc_helium.h"
#include "tinyc_normalise.h"

static tinyc_normalised normalise(const tinyc_layer_norm *p, const int8_t *row)
{
    int32_t sum = 0, squares = 0;
#if TINYC_HELIUM
    __asm__ volatile("wlstp.8 lr, %[n], 2f\n"
                     "1:\n"
                     "vldrb.8 q0, [%[row]], #16\n"
                     "vaddva.s8 %[sum], q0\n"
                     "vmladava.s8 %[squares], q0, q0\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [row] "+r"(row), [sum] "+Te"(sum), [squares] "+Te"(squares)
                     : [n] "r"(p->channels)
                     : "q0", "lr", "cc", "memory");
#else
    for (int32_t i = 0; i < p->channels; i++) {
        sum += row[i];
        squares += row[i] * row[i];
    }
#endif
    return tinyc_normalise(p, sum, squares);
}

/* One row: four elements a round. */
static void scale(const tinyc_layer_norm *p, tinyc_normalised n, const int8_t *input, const int32_t *factors,
                  const int32_t *bias, int8_t *output)
{
#if TINYC_HELIUM
    const int32x4_t inverse = vdupq_n_s32(n.inverse), low = vdupq_n_s32(-128), high = vdupq_n_s32(127);
    const int32x4_t offset = vdupq_n_s32((int32_t)(0 - n.offset));
    int32x4_t x, f, b;
    __asm__ volatile("wlstp.32 lr, %[channels], 2f\n"
                     "1:\n"
                     "vldrb.s32 %q[x], [%[input]], #4\n"
                     "vmul.i32 %q[x], %q[x], %[step]\n"
                     "vadd.i32 %q[x], %q[x], %q[offset]\n"
                     "vldrw.32 %q[f], [%[factors]], #16\n"
                     "vrmulh.s32 %q[x], %q[x], %q[inverse]\n"
                     "vldrw.32 %q[b], [%[bias]], #16\n"
                     "vmulh.s32 %q[x], %q[x], %q[f]\n"
                     "vadd.i32 %q[x], %q[x], %q[b]\n"
                     "vshl.s32 %q[x], %[down]\n"
                     "vmax.s32 %q[x], %q[x], %q[low]\n"
                     "vmin.s32 %q[x], %q[x], %q[high]\n"
                     "vstrb.32 %q[x], [%[output]], #4\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [input] "+l"(input), [factors] "+r"(factors), [bias] "+r"(bias), [output] "+l"(output),
                       [x] "=&w"(x), [f] "=&w"(f), [b] "=&w"(b)
                     : [channels] "r"(p->channels), [step] "r"(n.step), [down] "r"(-p->fraction_bits),
                       [inverse] "w"(inverse), [offset] "w"(offset), [low] "w"(low), [high] "w"(high)
                     : "lr", "cc", "memory");
#else
    for (int32_t i = 0; i < p->channels; i++) {
        const int64_t deviation = (int32_t)((uint32_t)input[i] * n.step - n.offset);
        const int64_t normal = (deviation * n.inverse + (INT64_C(1) << 31)) >> 32;
        const int64_t scaled = normal * factors[i] >> 32;
        output[i] = tinyc_clamp((int32_t)(scaled + bias[i]) >> p->fraction_bits, -128, 127);
    }
#endif
}

void tinyc_helium_layer_norm_s8(const tinyc_layer_norm *restrict p, const int8_t *input, const int32_t *factors,
                                const int32_t *bias, int8_t *output)
{
    for (int32_t row = 0; row < p->rows; row++, input += p->channels, output += p->channels) {
        scale(p, normalise(p, input), input, factors, bias, output);
    }
}
