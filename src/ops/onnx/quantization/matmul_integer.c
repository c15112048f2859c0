// SPDX-License-Identifier: Apache-2.0
/* MatMulInteger, QLinearMatMul and QLinearConv: products of 8-bit integers in int32. */
#include "ops/kernels/math/quantum.h"
#include "ops/kernels/matrix/matmul_shape.h"
#include "ops/kernels/spatial/convolution.h"

#define DTYPES_BYTE (DTYPE_BIT(DTYPE_U8) | DTYPE_BIT(DTYPE_I8))

static inline int32_t byte_at(const struct tensor *tensor, size_t i)
{
    return tensor->dtype == DTYPE_I8 ? ((const int8_t *)tensor->data)[i]
                                     : ((const uint8_t *)tensor->data)[i];
}

/* A zero point or scale: one, one per row (of a) or one per column (of b). */
static enum status check_points(const struct op_call *call, size_t input, int64_t many,
                                struct error *err)
{
    const struct shape *shape = &call->in[input].shape;

    if (shape_is_known(shape) && shape_count(shape) != 1 && dim_is_known(many) &&
        (shape->rank != 1 || shape->dims[0] != many))
        return op_error(call, err, STATUS_UNSUPPORTED, "%zu values in input %zu, not 1 or %lld",
                        shape_count(shape), input, (long long)many);
    return STATUS_OK;
}

static int64_t rows_of(const struct shape *a)
{
    return a->rank > 1 ? a->dims[a->rank - 2] : a->rank == 1 ? 1 : DIM_UNKNOWN;
}

static int64_t columns_of(const struct shape *b)
{
    return b->rank > 1 ? b->dims[b->rank - 1] : b->rank == 1 ? 1 : DIM_UNKNOWN;
}

/* A value of an input that has one, one per index, or is not there. */
static int32_t zero_at(const struct op_call *call, size_t input, size_t i)
{
    if (!op_has(call, input))
        return 0;
    return byte_at(&call->in[input], tensor_count(&call->in[input]) > 1 ? i : 0);
}

static double scale_at(const struct op_call *call, size_t input, size_t i)
{
    return tensor_f64(&call->in[input], tensor_count(&call->in[input]) > 1 ? i : 0);
}

static int32_t dot(const struct op_call *call, const struct matmul_part *p, size_t a, size_t b,
                   int32_t a_zero, int32_t b_zero)
{
    uint32_t sum = 0; /* wraps */

    for (size_t q = 0; q < p->k; q++)
        sum += (uint32_t)((byte_at(&call->in[a], p->a_at + q) - a_zero) *
                          (byte_at(&call->in[b], p->b_at + q * p->n) - b_zero));
    return (int32_t)sum;
}

/* --- MatMulInteger: a, b, a_zero, b_zero --- */

static enum status infer_integer(struct op_call *call, struct error *err)
{
    struct shape out;

    TRY(op_wants(call, 0, DTYPES_BYTE, err));
    TRY(op_wants(call, 1, DTYPES_BYTE, err));
    for (size_t i = 2; i < 4; i++)
        if (op_has(call, i)) {
            TRY(op_wants_same(call, i - 2, i, err));
            TRY(check_points(call, i,
                             i == 2 ? rows_of(&call->in[0].shape) : columns_of(&call->in[1].shape),
                             err));
        }
    TRY(matmul_shape(call, 0, 1, &out, err));
    op_give(call, 0, DTYPE_I32, &out);
    return STATUS_OK;
}

static void multiply_integer(const struct matmul_part *part, void *context)
{
    const struct op_call *call = context;
    int32_t *y = (int32_t *)call->out[0].data + part->y_at;

    for (size_t i = 0; i < part->m; i++)
        for (size_t j = 0; j < part->n; j++) {
            struct matmul_part at = *part;

            at.a_at += i * part->k;
            at.b_at += j;
            *y++ = dot(call, &at, 0, 1, zero_at(call, 2, i), zero_at(call, 3, j));
        }
}

static enum status run_integer(const struct op_call *call, struct error *err)
{
    (void)err;
    matmul_each(&call->in[0].shape, &call->in[1].shape, &call->out[0].shape, multiply_integer,
                (void *)call);
    return STATUS_OK;
}

/* --- QLinearMatMul: a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero --- */

static enum status infer_linear(struct op_call *call, struct error *err)
{
    struct shape out;

    TRY(op_wants(call, 0, DTYPES_BYTE, err));
    TRY(op_wants(call, 3, DTYPES_BYTE, err));
    TRY(op_wants(call, 7, DTYPES_BYTE, err));
    TRY(op_wants_same(call, 0, 2, err));
    TRY(op_wants_same(call, 3, 5, err));
    for (size_t i = 1; i < 8; i++) {
        if (i == 3)
            continue;
        if (i == 1 || i == 4 || i == 6)
            TRY(op_wants(call, i, DTYPES_FLOAT, err));
        TRY(check_points(call, i,
                         i < 3   ? rows_of(&call->in[0].shape)
                         : i < 6 ? columns_of(&call->in[3].shape)
                                 : 1,
                         err));
    }
    TRY(matmul_shape(call, 0, 3, &out, err));
    op_give(call, 0, call->in[7].dtype, &out);
    return STATUS_OK;
}

static void multiply_linear(const struct matmul_part *part, void *context)
{
    const struct op_call *call = context;
    size_t y = part->y_at;

    for (size_t i = 0; i < part->m; i++)
        for (size_t j = 0; j < part->n; j++) {
            struct matmul_part at = *part;
            double factor = scale_at(call, 1, i) * scale_at(call, 4, j) / scale_at(call, 6, 0);
            int32_t sum;

            at.a_at += i * part->k;
            at.b_at += j;
            sum = dot(call, &at, 0, 3, zero_at(call, 2, i), zero_at(call, 5, j));
            quantum_put(&call->out[0], y++, sum * factor, zero_at(call, 7, 0));
        }
}

static enum status run_linear(const struct op_call *call, struct error *err)
{
    (void)err;
    matmul_each(&call->in[0].shape, &call->in[3].shape, &call->out[0].shape, multiply_linear,
                (void *)call);
    return STATUS_OK;
}

/* --- QLinearConv: x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias (int32) --- */

static enum status infer_conv(struct op_call *call, struct error *err)
{
    struct convolution convolution;
    struct shape out;
    int64_t maps;

    TRY(op_wants(call, 0, DTYPES_BYTE, err));
    TRY(op_wants(call, 3, DTYPES_BYTE, err));
    TRY(op_wants(call, 7, DTYPES_BYTE, err));
    TRY(op_wants_same(call, 0, 2, err));
    TRY(op_wants_same(call, 3, 5, err));
    TRY(convolution_of(call, 0, 3, false, &convolution, &out, err));
    maps = out.rank > 1 ? out.dims[1] : DIM_UNKNOWN;
    for (size_t i = 1; i < 8; i++) {
        if (i == 3)
            continue;
        if (i == 1 || i == 4 || i == 6)
            TRY(op_wants(call, i, DTYPE_BIT(DTYPE_F32), err));
        TRY(check_points(call, i, i == 4 || i == 5 ? maps : 1, err));
    }
    if (op_has(call, 8)) {
        TRY(op_wants(call, 8, DTYPE_BIT(DTYPE_I32), err));
        TRY(op_wants_rank(call, 8, 1, 1, err));
        if (shape_is_known(&call->in[8].shape) && dim_is_known(maps) &&
            call->in[8].shape.dims[0] != maps)
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld biases for %lld maps",
                            (long long)call->in[8].shape.dims[0], (long long)maps);
    }
    op_give(call, 0, call->in[7].dtype, &out);
    return STATUS_OK;
}

static void put_linear(void *context, size_t map, size_t at, size_t count,
                       const union convolution_sums *sums)
{
    const struct op_call *call = context;
    double factor = scale_at(call, 1, 0) * scale_at(call, 4, map) / scale_at(call, 6, 0);
    int64_t bias = op_has(call, 8) ? tensor_i64(&call->in[8], map) : 0;

    for (size_t i = 0; i < count; i++)
        quantum_put(&call->out[0], at + i, (double)(sums->i[i] + bias) * factor,
                    zero_at(call, 7, 0));
}

static enum status run_conv(const struct op_call *call, struct error *err)
{
    struct convolution convolution;
    struct shape out;

    TRY(convolution_of(call, 0, 3, false, &convolution, &out, err));
    convolution.x = call->in[0].data;
    convolution.w = call->in[3].data;
    convolution.x_zero = zero_at(call, 2, 0);
    convolution.w_zero = &call->in[5];
    convolution.w_zero_step = tensor_count(&call->in[5]) > 1;
    convolution_each(&convolution, put_linear, (void *)call);
    return STATUS_OK;
}

#define ROW(op, low, high, text, infer_it, run_it)                                                 \
    {                                                                                              \
        .name = op, .summary = text, .flags = OP_ROWS | OP_OPTIONAL_GAPS, .in_min = low,           \
        .in_max = high, .out_min = 1, .out_max = 1, .infer = infer_it, .run = run_it               \
    }

const struct op_set ops_onnx_matmul_integer = OP_SET(
    ROW("MatMulInteger", 2, 4, "matrix product of 8-bit integers", infer_integer, run_integer),
    ROW("QLinearMatMul", 8, 8, "matrix product of quantised tensors", infer_linear, run_linear),
    ROW("QLinearConv", 8, 9, "convolution of quantised tensors", infer_conv, run_conv));
