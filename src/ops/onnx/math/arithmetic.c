// SPDX-License-Identifier: Apache-2.0
/* Add, Sub, Mul, Div, Mod of two tensors; Sum, Mean, Max, Min of any number. Integers wrap. */
#include <math.h>

#include "ops/kernels/binary.h"
#include "ops/kernels/strided.h"

#define TEMPLATE "ops/onnx/math/arithmetic.inc"
#define EACH_FLOAT
#define EACH_INT
#include "ops/kernels/each.h"

static const binary_kernel KERNELS_Add[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, Add)};
static const binary_kernel KERNELS_Sub[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, Sub)};
static const binary_kernel KERNELS_Mul[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, Mul)};
static const binary_kernel KERNELS_Div[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, Div)};
static const binary_kernel KERNELS_Fmod[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, Fmod)};
static const binary_kernel KERNELS_Mod[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, Mod)};
static const binary_kernel KERNELS_Max[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, Max)};
static const binary_kernel KERNELS_Min[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, Min)};
typedef void (*share_kernel)(void *y, size_t count, size_t n);
static const share_kernel SHARE[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, Share)};

BINARY_OPERATOR(Add, DTYPE_NONE, BINARY_ADD)
BINARY_OPERATOR(Sub, DTYPE_NONE, BINARY_SUB)
BINARY_OPERATOR(Mul, DTYPE_NONE, BINARY_MUL)

static enum status check_divisor(const struct op_call *call, struct error *err)
{
    const struct tensor *divisor = &call->in[1];
    size_t count = tensor_count(divisor);

    if (!dtype_is_integer(divisor->dtype) || tensor_count(&call->out[0]) == 0)
        return STATUS_OK;
    for (size_t i = 0; i < count; i++)
        if (tensor_i64(divisor, i) == 0)
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "element %zu of the divisor is the integer 0", i);
    return STATUS_OK;
}

static enum status infer_Div(struct op_call *call, struct error *err)
{
    return binary_infer(call, KERNELS_Div, DTYPE_NONE, err);
}

static enum status run_Div(const struct op_call *call, struct error *err)
{
    TRY(check_divisor(call, err));
    binary_run(call, KERNELS_Div, BINARY_DIV);
    return STATUS_OK;
}

static enum status infer_Mod(struct op_call *call, struct error *err)
{
    return binary_infer(call, KERNELS_Mod, DTYPE_NONE, err);
}

static enum status run_Mod(const struct op_call *call, struct error *err)
{
    TRY(check_divisor(call, err));
    binary_run(call, attribute_int(call->attributes, "fmod", 0) ? KERNELS_Fmod : KERNELS_Mod,
               BINARY_NONE);
    return STATUS_OK;
}

/* --- any number of inputs --- */

static enum status infer_many(struct op_call *call, uint64_t dtypes, struct error *err)
{
    struct shape out = call->in[0].shape;

    TRY(op_wants(call, 0, dtypes, err));
    for (size_t i = 1; i < call->in_count; i++) {
        struct shape before = out;

        TRY(op_wants_same(call, 0, i, err));
        TRY(shape_broadcast(&before, &call->in[i].shape, &out, call, err));
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status infer_numbers(struct op_call *call, struct error *err)
{
    return infer_many(call, DTYPES_NUMBER, err);
}

static enum status infer_floats(struct op_call *call, struct error *err)
{
    return infer_many(call, DTYPES_FLOAT, err);
}

/* The first input, broadcast, then each further one onto the result. */
static void run_many(const struct op_call *call, const binary_kernel kernels[DTYPE_COUNT],
                     enum binary_function fast)
{
    struct tensor *y = &call->out[0];
    struct strided copy = {.rank = y->shape.rank};

    if (tensor_count(y) == 0)
        return;
    if (call->in_count > 1 && shape_equal(&call->in[0].shape, &y->shape)) {
        binary_choose(call, kernels, fast, &call->in[0], &call->in[0].shape, &call->in[1],
                      &call->in[1].shape, y);
    } else if (call->in[0].data != y->data) {
        memcpy(copy.dims, y->shape.dims, sizeof copy.dims);
        broadcast_strides(&call->in[0].shape, &y->shape, copy.from);
        shape_strides(&y->shape, copy.to);
        strided_copy(&copy, call->in[0].data, y->data, dtype_size(y->dtype));
        if (call->in_count > 1)
            binary_choose(call, kernels, fast, y, &y->shape, &call->in[1], &call->in[1].shape, y);
    }
    for (size_t i = 2; i < call->in_count; i++)
        binary_choose(call, kernels, fast, y, &y->shape, &call->in[i], &call->in[i].shape, y);
}

static enum status run_Sum(const struct op_call *call, struct error *err)
{
    (void)err;
    run_many(call, KERNELS_Add, BINARY_ADD);
    return STATUS_OK;
}

static enum status run_Max(const struct op_call *call, struct error *err)
{
    (void)err;
    run_many(call, KERNELS_Max, BINARY_MAX);
    return STATUS_OK;
}

static enum status run_Min(const struct op_call *call, struct error *err)
{
    (void)err;
    run_many(call, KERNELS_Min, BINARY_MIN);
    return STATUS_OK;
}

static enum status run_Mean(const struct op_call *call, struct error *err)
{
    (void)err;
    run_many(call, KERNELS_Add, BINARY_ADD);
    SHARE[call->out[0].dtype](call->out[0].data, tensor_count(&call->out[0]), call->in_count);
    return STATUS_OK;
}

#define BINARY_ROW(op, text)                                                                       \
    {                                                                                              \
        .name = #op, .summary = text, .flags = OP_INPLACE | OP_INPLACE_ANY | OP_ROWS, .in_min = 2, \
        .in_max = 2, .out_min = 1, .out_max = 1, .infer = infer_##op, .run = run_##op              \
    }
#define MANY_ROW(op, text, infer_it)                                                               \
    {                                                                                              \
        .name = #op, .summary = text, .flags = OP_INPLACE | OP_ROWS, .in_min = 1,                  \
        .in_max = OP_INPUTS_ANY, .out_min = 1, .out_max = 1, .infer = infer_it, .run = run_##op    \
    }

const struct op_set ops_onnx_arithmetic =
    OP_SET(BINARY_ROW(Add, "a + b"), BINARY_ROW(Sub, "a - b"), BINARY_ROW(Mul, "a * b"),
           BINARY_ROW(Div, "a / b; integers towards zero"),
           BINARY_ROW(Mod, "remainder of a / b, with the sign of b, or of a with fmod"),
           MANY_ROW(Sum, "sum of all inputs", infer_floats),
           MANY_ROW(Mean, "mean of all inputs", infer_floats),
           MANY_ROW(Max, "largest of all inputs", infer_numbers),
           MANY_ROW(Min, "smallest of all inputs", infer_numbers));
