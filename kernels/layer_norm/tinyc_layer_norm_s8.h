/* Layer normalisation of int8 rows, in integers.
 *
 * With n codes x in a row, S their sum, d = n x - S and V = n sum(x^2) - S^2, a result is
 * gamma d / sqrt(V + epsilon) + beta.
 */
#ifndef TINYC_LAYER_NORM_S8_H
#define TINYC_LAYER_NORM_S8_H

#include <stdint.h>

typedef struct {
    int32_t rows;
    int32_t channels;           /* of a row: 1..16384 */
    uint64_t epsilon;           /* times 2^variance_shift; the sum with any V stays below 2^62 */
    int32_t variance_shift;     /* of V, even; negative is to the right */
    int32_t deviation_shift;    /* d / sqrt(...) times 2^deviation_shift stays below 2^29 */
    int32_t fraction_bits;      /* 8..20 */
} tinyc_layer_norm;

/* For each channel `factors` holds gamma, as what takes such a number, over 2^32, to output codes times 2^fraction_bits;
 * `bias` holds beta, the output's zero point and 1/2, times 2^fraction_bits. The output may lie at the input or below. */
void tinyc_layer_norm_s8(const tinyc_layer_norm *restrict p, const int8_t *input, const int32_t *factors,
                         const int32_t *bias, int8_t *output);
void tinyc_helium_layer_norm_s8(const tinyc_layer_norm *restrict p, const int8_t *input, const int32_t *factors,
                                const int32_t *bias, int8_t *output);

#endif
