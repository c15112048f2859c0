// SPDX-License-Identifier: Apache-2.0
/* Conv and ConvTranspose of floats, ConvInteger of 8-bit integers. */
#include "ops/kernels/spatial/convolution.h"

enum { X, W, BIAS };

static enum status infer_float(struct op_call *call, bool transposed, struct error *err)
{
    struct convolution convolution;
    struct shape out;

    TRY(op_wants(call, X, DTYPES_FLOAT, err));
    TRY(op_wants_same(call, X, W, err));
    TRY(convolution_of(call, X, W, transposed, &convolution, &out, err));
    if (op_has(call, BIAS)) {
        TRY(op_wants_same(call, X, BIAS, err));
        TRY(op_wants_rank(call, BIAS, 1, 1, err));
        if (shape_is_known(&call->in[BIAS].shape) && out.rank > 1 && dim_is_known(out.dims[1]) &&
            call->in[BIAS].shape.dims[0] != out.dims[1])
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld biases for %lld maps",
                            (long long)call->in[BIAS].shape.dims[0], (long long)out.dims[1]);
    }
    op_give(call, 0, call->in[X].dtype, &out);
    return STATUS_OK;
}

static enum status infer_conv(struct op_call *call, struct error *err)
{
    return infer_float(call, false, err);
}

static enum status infer_transpose(struct op_call *call, struct error *err)
{
    return infer_float(call, true, err);
}

static void put_float(void *context, size_t map, size_t at, size_t count,
                      const union convolution_sums *sums)
{
    const struct op_call *call = context;
    double bias = op_has(call, BIAS) ? tensor_f64(&call->in[BIAS], map) : 0;
    struct tensor *y = &call->out[0];

    if (y->dtype == DTYPE_F32)
        for (size_t i = 0; i < count; i++)
            ((float *)y->data)[at + i] = (float)(sums->f[i] + bias);
    else
        for (size_t i = 0; i < count; i++)
            tensor_set_f64(y, at + i, sums->f[i] + bias);
}

static enum status run_float(const struct op_call *call, bool transposed, struct error *err)
{
    struct convolution convolution;
    struct shape out;

    TRY(convolution_of(call, X, W, transposed, &convolution, &out, err));
    convolution.x = call->in[X].data;
    convolution.w = call->in[W].data;
    convolution_each(&convolution, put_float, (void *)call);
    return STATUS_OK;
}

static enum status run_conv(const struct op_call *call, struct error *err)
{
    return run_float(call, false, err);
}

static enum status run_transpose(const struct op_call *call, struct error *err)
{
    return run_float(call, true, err);
}

/* --- ConvInteger: int32 sums of (x - x_zero) (w - w_zero) --- */

#define DTYPES_BYTE (DTYPE_BIT(DTYPE_U8) | DTYPE_BIT(DTYPE_I8))

static enum status infer_integer(struct op_call *call, struct error *err)
{
    struct convolution convolution;
    struct shape out;

    TRY(op_wants(call, X, DTYPES_BYTE, err));
    TRY(op_wants(call, W, DTYPES_BYTE, err));
    TRY(convolution_of(call, X, W, false, &convolution, &out, err));
    for (size_t i = 2; i < 4; i++) {
        int64_t many = i == 3 && out.rank > 1 ? out.dims[1] : 1;

        if (!op_has(call, i))
            continue;
        TRY(op_wants_same(call, i - 2, i, err));
        if (shape_is_known(&call->in[i].shape) && tensor_count(&call->in[i]) != 1 &&
            dim_is_known(many) && tensor_count(&call->in[i]) != (size_t)many)
            return op_error(call, err, STATUS_INVALID_INPUT, "input %zu has %zu zero points", i,
                            tensor_count(&call->in[i]));
    }
    op_give(call, 0, DTYPE_I32, &out);
    return STATUS_OK;
}

static void put_integer(void *context, size_t map, size_t at, size_t count,
                        const union convolution_sums *sums)
{
    const struct op_call *call = context;

    (void)map;
    memcpy((int32_t *)call->out[0].data + at, sums->i, count * sizeof(int32_t));
}

static enum status run_integer(const struct op_call *call, struct error *err)
{
    struct convolution convolution;
    struct shape out;

    TRY(convolution_of(call, X, W, false, &convolution, &out, err));
    convolution.x = call->in[X].data;
    convolution.w = call->in[W].data;
    convolution.x_zero = op_has(call, 2) ? (int32_t)tensor_i64(&call->in[2], 0) : 0;
    convolution.w_zero = op_has(call, 3) ? &call->in[3] : NULL;
    convolution.w_zero_step = op_has(call, 3) && tensor_count(&call->in[3]) > 1;
    convolution_each(&convolution, put_integer, (void *)call);
    return STATUS_OK;
}

#define ROW(op, inputs, text, infer_it, run_it)                                                    \
    {                                                                                              \
        .name = op, .summary = text, .flags = OP_ROWS | OP_OPTIONAL_GAPS, .in_min = 2,             \
        .in_max = inputs, .out_min = 1, .out_max = 1, .unaligned = 1 << W, .stored = 1 << W,       \
        .infer = infer_it, .run = run_it                                                           \
    }

const struct op_set ops_onnx_conv =
    OP_SET(ROW("Conv", 3, "convolution", infer_conv, run_conv),
           ROW("ConvTranspose", 3, "transposed convolution", infer_transpose, run_transpose),
           ROW("ConvInteger", 4, "convolution of 8-bit integers", infer_integer, run_integer));
