/*
 * Types of the CMSIS-NN v7.0.0 API that tinyc's generated code uses.
 *
 * Names, fields and their order are Arm's public API, so that this header and Arm's own are
 * interchangeable; only the part that the s8 operators of arm_nnfunctions.h need is declared.
 */
#ifndef ARM_NN_TYPES_H
#define ARM_NN_TYPES_H

#include <stdbool.h>
#include <stdint.h>

typedef enum
{
    ARM_CMSIS_NN_SUCCESS = 0,
    ARM_CMSIS_NN_ARG_ERROR = -1,     /* an argument lies outside what the function accepts */
    ARM_CMSIS_NN_NO_IMPL_ERROR = -2, /* never returned by the stand-in */
    ARM_CMSIS_NN_FAILURE = -3,
} arm_cmsis_nn_status;

/* Scratch memory lent for one call. `size` is informative: no function checks it. */
typedef struct
{
    void *buf;
    int32_t size;
} cmsis_nn_context;

typedef struct
{
    int32_t w;
    int32_t h;
} cmsis_nn_tile;

/* Tensor extents. What n and c mean for a filter differs by operator: see each prototype. */
typedef struct
{
    int32_t n;
    int32_t h;
    int32_t w;
    int32_t c;
} cmsis_nn_dims;

typedef struct
{
    int32_t *multiplier; /* one per output channel, Q31 */
    int32_t *shift;      /* one per output channel, positive is left */
} cmsis_nn_per_channel_quant_params;

typedef struct
{
    int32_t multiplier;
    int32_t shift;
} cmsis_nn_per_tensor_quant_params;

/* Either kind; a per-tensor pair is read through element 0. */
typedef struct
{
    int32_t *multiplier;
    int32_t *shift;
    int32_t is_per_channel;
} cmsis_nn_quant_params;

/* Inclusive clamp of the quantised output, within [-128, 127]. */
typedef struct
{
    int32_t min;
    int32_t max;
} cmsis_nn_activation;

/* input_offset is minus the zero point of the input; output_offset is the zero point of the output. */
typedef struct
{
    int32_t input_offset;
    int32_t output_offset;
    cmsis_nn_tile stride;
    cmsis_nn_tile padding; /* left and top; right and bottom follow from the output extents */
    cmsis_nn_tile dilation;
    cmsis_nn_activation activation;
} cmsis_nn_conv_params;

typedef struct
{
    int32_t input_offset;
    int32_t output_offset;
    int32_t ch_mult; /* output channels per input channel */
    cmsis_nn_tile stride;
    cmsis_nn_tile padding;
    cmsis_nn_tile dilation;
    cmsis_nn_activation activation;
} cmsis_nn_dw_conv_params;

typedef struct
{
    cmsis_nn_tile stride;
    cmsis_nn_tile padding;
    cmsis_nn_activation activation;
} cmsis_nn_pool_params;

typedef struct
{
    int32_t input_offset;
    int32_t filter_offset; /* minus the zero point of the weights */
    int32_t output_offset;
    cmsis_nn_activation activation;
} cmsis_nn_fc_params;

typedef struct
{
    const bool adj_x; /* unused */
    const bool adj_y; /* unused */
    cmsis_nn_fc_params fc_params;
} cmsis_nn_bmm_params;

typedef struct
{
    const int32_t num_dims;
    const uint32_t *permutations; /* output axis i is input axis permutations[i] */
} cmsis_nn_transpose_params;

#endif /* ARM_NN_TYPES_H */
