/*
 * Runs calls of the CMSIS-NN API that a test wrote to a file: against the stand-in or Arm's library,
 * on the host or on an emulated core with semihosting.
 *
 *   driver CALLS RESULTS
 *
 * A call is: operation, 32 parameters, then for each of 5 blobs its size in bytes and its bytes; all
 * numbers int32, native order. A result is: status, size in bytes, bytes. Every blob and every output
 * is its own allocation, ends at the allocation's end and, if int8, is not aligned.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arm_nnfunctions.h"

enum
{
    OP_CONVOLVE,
    OP_DEPTHWISE,
    OP_FULLY_CONNECTED,
    OP_AVGPOOL,
    OP_MAXPOOL,
    OP_ADD,
    OP_MUL,
    OP_SOFTMAX,
    OP_PAD,
    OP_TRANSPOSE,
    OP_CONCATENATE,
    OP_MINIMUM,
    OP_MAXIMUM,
    OP_MATMUL,
    OP_SIZES
};

enum
{
    PARAMETERS = 32,
    BLOBS = 5
};

typedef struct
{
    int32_t op;
    int32_t p[PARAMETERS];
    int32_t bytes[BLOBS];
    void *blob[BLOBS]; /* NULL when empty */
} call;

/* Blobs 0 and 1 are int8 tensors, the others int32 vectors. */
static int8_t *allocate(int32_t bytes, int unaligned)
{
    char *start = malloc((size_t)bytes + (size_t)unaligned);
    if (start == NULL)
    {
        exit(3);
    }
    return (int8_t *)start + unaligned;
}

static int read_call(FILE *file, call *c)
{
    if (fread(&c->op, sizeof(c->op), 1, file) != 1)
    {
        return 0;
    }
    if (fread(c->p, sizeof(c->p), 1, file) != 1)
    {
        exit(4);
    }
    for (int i = 0; i < BLOBS; i++)
    {
        c->blob[i] = NULL;
        if (fread(&c->bytes[i], sizeof(c->bytes[i]), 1, file) != 1)
        {
            exit(4);
        }
        if (c->bytes[i] > 0)
        {
            c->blob[i] = allocate(c->bytes[i], i < 2);
            if (fread(c->blob[i], (size_t)c->bytes[i], 1, file) != 1)
            {
                exit(4);
            }
        }
    }
    return 1;
}

static void free_call(call *c)
{
    for (int i = 0; i < BLOBS; i++)
    {
        if (c->blob[i] != NULL)
        {
            free((char *)c->blob[i] - (i < 2));
        }
    }
}

static cmsis_nn_dims dims(const int32_t *p)
{
    const cmsis_nn_dims d = {p[0], p[1], p[2], p[3]};
    return d;
}

/* Parameters 0-11: input, filter, output dims. 12-13: offsets. 14-19: stride, padding, dilation, each
 * (h, w). 20-21: activation. 22: ch_mult or filter offset. 23: per channel. 24: withhold scratch. */
static cmsis_nn_conv_params conv_params(const int32_t *p)
{
    const cmsis_nn_conv_params c = {p[12], p[13], {p[15], p[14]}, {p[17], p[16]}, {p[19], p[18]}, {p[20], p[21]}};
    return c;
}

static cmsis_nn_dw_conv_params depthwise_params(const int32_t *p)
{
    const cmsis_nn_dw_conv_params c = {
        p[12], p[13], p[22], {p[15], p[14]}, {p[17], p[16]}, {p[19], p[18]}, {p[20], p[21]}};
    return c;
}

static cmsis_nn_context context(const int32_t *p, int32_t bytes)
{
    const cmsis_nn_context ctx = {bytes > 0 && !p[24] ? allocate(bytes, 0) : NULL, bytes};
    return ctx;
}

static int32_t run_convolution(call *c, int8_t *out)
{
    const int32_t *p = c->p;
    const cmsis_nn_dims in = dims(p), filter = dims(p + 4), output = dims(p + 8);
    const cmsis_nn_per_channel_quant_params quant = {c->blob[3], c->blob[4]};
    const cmsis_nn_conv_params conv = conv_params(p);
    const cmsis_nn_dw_conv_params depthwise = depthwise_params(p);
    const int is_depthwise = c->op == OP_DEPTHWISE;
    cmsis_nn_context ctx =
        context(p,
                is_depthwise ? arm_depthwise_conv_wrapper_s8_get_buffer_size(&depthwise, &in, &filter, &output)
                             : arm_convolve_wrapper_s8_get_buffer_size(&conv, &in, &filter, &output));
    const int32_t status =
        is_depthwise
            ? arm_depthwise_conv_wrapper_s8(
                  &ctx, &depthwise, &quant, &in, c->blob[0], &filter, c->blob[1], NULL, c->blob[2], &output, out)
            : arm_convolve_wrapper_s8(
                  &ctx, &conv, &quant, &in, c->blob[0], &filter, c->blob[1], NULL, c->blob[2], &output, out);
    free(ctx.buf);
    return status;
}

static int32_t run_fully_connected(call *c, int8_t *out)
{
    const int32_t *p = c->p;
    const cmsis_nn_dims in = dims(p), filter = dims(p + 4), output = dims(p + 8);
    const cmsis_nn_fc_params fc = {p[12], p[22], p[13], {p[20], p[21]}};
    const cmsis_nn_quant_params quant = {c->blob[3], c->blob[4], p[23]};
    cmsis_nn_context ctx = context(p, arm_fully_connected_s8_get_buffer_size(&filter));
    if (ctx.buf != NULL)
    {
        arm_vector_sum_s8(ctx.buf, filter.n, filter.c, c->blob[1], p[12], p[22], c->blob[2]);
    }
    const int32_t status = arm_fully_connected_wrapper_s8(
        &ctx, &fc, &quant, &in, c->blob[0], &filter, c->blob[1], NULL, c->blob[2], &output, out);
    free(ctx.buf);
    return status;
}

static int32_t run_pooling(call *c, int8_t *out)
{
    const int32_t *p = c->p;
    const cmsis_nn_dims in = dims(p), filter = dims(p + 4), output = dims(p + 8);
    const cmsis_nn_pool_params pool = {{p[15], p[14]}, {p[17], p[16]}, {p[20], p[21]}};
    cmsis_nn_context ctx = context(p, arm_avgpool_s8_get_buffer_size(output.w, in.c));
    const int32_t status = c->op == OP_AVGPOOL
        ? arm_avgpool_s8(&ctx, &pool, &in, c->blob[0], &filter, &output, out)
        : arm_max_pool_s8(&ctx, &pool, &in, c->blob[0], &filter, &output, out);
    free(ctx.buf);
    return status;
}

static int32_t run_elementwise(call *c, int8_t *out)
{
    const int32_t *p = c->p;
    if (c->op == OP_MUL)
    {
        return arm_elementwise_mul_s8(
            c->blob[0], c->blob[1], p[4], p[5], out, p[6], p[7], p[8], p[9], p[10], c->bytes[0]);
    }
    return arm_elementwise_add_s8(c->blob[0], c->blob[1], p[4], p[11], p[12], p[5], p[13], p[14], p[15], out,
                                  p[6], p[7], p[8], p[9], p[10], c->bytes[0]);
}

static int32_t run_extreme(call *c, int8_t *out)
{
    const cmsis_nn_context ctx = {NULL, 0};
    const cmsis_nn_dims a = dims(c->p), b = dims(c->p + 4), output = dims(c->p + 8);
    return c->op == OP_MINIMUM ? arm_minimum_s8(&ctx, c->blob[0], &a, c->blob[1], &b, out, &output)
                               : arm_maximum_s8(&ctx, c->blob[0], &a, c->blob[1], &b, out, &output);
}

static int32_t run_matmul(call *c, int8_t *out)
{
    const int32_t *p = c->p;
    const cmsis_nn_dims lhs = dims(p), rhs = dims(p + 4), output = dims(p + 8);
    const cmsis_nn_bmm_params bmm = {false, false, {p[12], p[22], p[13], {p[20], p[21]}}};
    const cmsis_nn_per_tensor_quant_params quant = {p[14], p[15]};
    const cmsis_nn_dims sums = {1, 1, 1, rhs.w};
    cmsis_nn_context ctx = context(p, arm_fully_connected_s8_get_buffer_size(&sums));
    const int32_t status = arm_batch_matmul_s8(&ctx, &bmm, &quant, &lhs, c->blob[0], &rhs, c->blob[1], &output, out);
    free(ctx.buf);
    return status;
}

/* Parameters 4-7: the input's x, y, z, w. 8: axis. 9: extent of the output on it. 10: offset. */
static int32_t run_concatenation(call *c, int8_t *out)
{
    const int32_t *p = c->p;
    const uint16_t x = (uint16_t)p[4], y = (uint16_t)p[5], z = (uint16_t)p[6], w = (uint16_t)p[7];
    const uint16_t extent = (uint16_t)p[9];
    memset(out, 0x55, (size_t)p[0]);
    switch (p[8])
    {
    case 0:
        arm_concatenation_s8_x(c->blob[0], x, y, z, w, out, extent, (uint32_t)p[10]);
        break;
    case 1:
        arm_concatenation_s8_y(c->blob[0], x, y, z, w, out, extent, (uint32_t)p[10]);
        break;
    case 2:
        arm_concatenation_s8_z(c->blob[0], x, y, z, w, out, extent, (uint32_t)p[10]);
        break;
    default:
        arm_concatenation_s8_w(c->blob[0], x, y, z, w, out, (uint32_t)p[10]);
    }
    return 0;
}

static int32_t run_transpose(call *c, int8_t *out)
{
    const int32_t *p = c->p;
    const cmsis_nn_dims in = dims(p), output = dims(p + 8);
    const uint32_t permutation[4] = {(uint32_t)p[4], (uint32_t)p[5], (uint32_t)p[6], (uint32_t)p[7]};
    const cmsis_nn_transpose_params transpose = {p[12], permutation};
    return arm_transpose_s8(c->blob[0], out, &in, &output, &transpose);
}

/* Scratch of every operator for one geometry, for this core, DSP and MVE. */
static int32_t run_sizes(call *c, int8_t *out)
{
    const int32_t *p = c->p;
    const cmsis_nn_dims in = dims(p), filter = dims(p + 4), output = dims(p + 8);
    const cmsis_nn_dims dw_filter = {1, filter.h, filter.w, output.c};
    const cmsis_nn_conv_params conv = conv_params(p);
    const cmsis_nn_dw_conv_params depthwise = depthwise_params(p);
    const int32_t sizes[12] = {
        arm_convolve_wrapper_s8_get_buffer_size(&conv, &in, &filter, &output),
        arm_convolve_wrapper_s8_get_buffer_size_dsp(&conv, &in, &filter, &output),
        arm_convolve_wrapper_s8_get_buffer_size_mve(&conv, &in, &filter, &output),
        arm_depthwise_conv_wrapper_s8_get_buffer_size(&depthwise, &in, &dw_filter, &output),
        arm_depthwise_conv_wrapper_s8_get_buffer_size_dsp(&depthwise, &in, &dw_filter, &output),
        arm_depthwise_conv_wrapper_s8_get_buffer_size_mve(&depthwise, &in, &dw_filter, &output),
        arm_fully_connected_s8_get_buffer_size(&output),
        arm_fully_connected_s8_get_buffer_size_dsp(&output),
        arm_fully_connected_s8_get_buffer_size_mve(&output),
        arm_avgpool_s8_get_buffer_size(output.w, in.c),
        arm_avgpool_s8_get_buffer_size_dsp(output.w, in.c),
        arm_avgpool_s8_get_buffer_size_mve(output.w, in.c),
    };
    memcpy(out, sizes, sizeof(sizes));
    return 0;
}

static int32_t run(call *c, int8_t *out)
{
    const int32_t *p = c->p;
    const cmsis_nn_dims first = dims(p), second = dims(p + 4), third = dims(p + 8);
    switch (c->op)
    {
    case OP_CONVOLVE:
    case OP_DEPTHWISE:
        return run_convolution(c, out);
    case OP_FULLY_CONNECTED:
        return run_fully_connected(c, out);
    case OP_AVGPOOL:
    case OP_MAXPOOL:
        return run_pooling(c, out);
    case OP_ADD:
    case OP_MUL:
        return run_elementwise(c, out);
    case OP_SOFTMAX:
        arm_softmax_s8(c->blob[0], p[4], p[5], p[6], p[7], p[8], out);
        return 0;
    case OP_PAD:
        return arm_pad_s8(c->blob[0], out, (int8_t)p[12], &first, &second, &third);
    case OP_TRANSPOSE:
        return run_transpose(c, out);
    case OP_CONCATENATE:
        return run_concatenation(c, out);
    case OP_MINIMUM:
    case OP_MAXIMUM:
        return run_extreme(c, out);
    case OP_MATMUL:
        return run_matmul(c, out);
    case OP_SIZES:
        return run_sizes(c, out);
    default:
        exit(5);
    }
}

/* Parameter 31 is the size of the output in bytes. */
int main(int argc, char **argv)
{
    FILE *calls = fopen(argc > 2 ? argv[1] : "calls.bin", "rb");
    FILE *results = fopen(argc > 2 ? argv[2] : "results.bin", "wb");
    if (calls == NULL || results == NULL)
    {
        return 2;
    }
    call c;
    while (read_call(calls, &c))
    {
        const int32_t bytes = c.p[PARAMETERS - 1];
        int8_t *out = allocate(bytes, 1);
        memset(out, 0, (size_t)bytes);
        const int32_t head[2] = {run(&c, out), bytes};
        fwrite(head, sizeof(head), 1, results);
        fwrite(out, 1, (size_t)bytes, results);
        free(out - 1);
        free_call(&c);
    }
    fclose(calls);
    return fclose(results);
}
