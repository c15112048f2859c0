// SPDX-License-Identifier: Apache-2.0
/* And, Or, Xor, Not of bool; the bitwise ones of integers. */
#include "ops/kernels/binary.h"

#define TEMPLATE "ops/onnx/logical/logic.inc"
#define EACH_INT
#include "ops/kernels/each.h"

#define D BOOL
#define T uint8_t
#define C bool
#define LOAD(x) ((x) != 0)
BINARY_KERNEL(And, uint8_t, , x &&z)
BINARY_KERNEL(Or, uint8_t, , x || z)
BINARY_KERNEL(Xor, uint8_t, , x != z)
#undef D
#undef T
#undef C
#undef LOAD

static const binary_kernel KERNELS_And[DTYPE_COUNT] = {KERNEL(BOOL, And)};
static const binary_kernel KERNELS_Or[DTYPE_COUNT] = {KERNEL(BOOL, Or)};
static const binary_kernel KERNELS_Xor[DTYPE_COUNT] = {KERNEL(BOOL, Xor)};
static const binary_kernel KERNELS_BitwiseAnd[DTYPE_COUNT] = {FOR_INT(KERNEL, BitwiseAnd)};
static const binary_kernel KERNELS_BitwiseOr[DTYPE_COUNT] = {FOR_INT(KERNEL, BitwiseOr)};
static const binary_kernel KERNELS_BitwiseXor[DTYPE_COUNT] = {FOR_INT(KERNEL, BitwiseXor)};
static const binary_kernel KERNELS_ShiftLeft[DTYPE_COUNT] = {FOR_INT(KERNEL, ShiftLeft)};
static const binary_kernel KERNELS_ShiftRight[DTYPE_COUNT] = {FOR_INT(KERNEL, ShiftRight)};

BINARY_OPERATOR(And, DTYPE_BOOL, BINARY_NONE)
BINARY_OPERATOR(Or, DTYPE_BOOL, BINARY_NONE)
BINARY_OPERATOR(Xor, DTYPE_BOOL, BINARY_NONE)
BINARY_OPERATOR(BitwiseAnd, DTYPE_NONE, BINARY_NONE)
BINARY_OPERATOR(BitwiseOr, DTYPE_NONE, BINARY_NONE)
BINARY_OPERATOR(BitwiseXor, DTYPE_NONE, BINARY_NONE)

static enum status infer_BitShift(struct op_call *call, struct error *err)
{
    if (!attribute_is(call->attributes, "direction", "LEFT") &&
        !attribute_is(call->attributes, "direction", "RIGHT"))
        return op_error(call, err, STATUS_INVALID_INPUT, "direction is neither LEFT nor RIGHT");
    return binary_infer(call, KERNELS_ShiftLeft, DTYPE_NONE, err);
}

static enum status run_BitShift(const struct op_call *call, struct error *err)
{
    bool left = attribute_is(call->attributes, "direction", "LEFT");

    (void)err;
    binary_run(call, left ? KERNELS_ShiftLeft : KERNELS_ShiftRight, BINARY_NONE);
    return STATUS_OK;
}

/* --- one operand --- */

typedef void (*not_kernel)(const void *x, void *y, size_t count);
static const not_kernel BITWISE_NOT[DTYPE_COUNT] = {FOR_INT(KERNEL, BitwiseNot)};

static enum status infer_Not(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_BOOL), err));
    return op_infer_same(call, err);
}

static enum status run_Not(const struct op_call *call, struct error *err)
{
    const uint8_t *x = call->in[0].data;
    uint8_t *y = call->out[0].data;
    size_t count = tensor_count(&call->out[0]);

    (void)err;
    for (size_t i = 0; i < count; i++)
        y[i] = !x[i];
    return STATUS_OK;
}

static enum status infer_BitwiseNot(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPES_INT, err));
    return op_infer_same(call, err);
}

static enum status run_BitwiseNot(const struct op_call *call, struct error *err)
{
    (void)err;
    BITWISE_NOT[call->in[0].dtype](call->in[0].data, call->out[0].data,
                                   tensor_count(&call->out[0]));
    return STATUS_OK;
}

#define ROW(op, inputs, text)                                                                      \
    {                                                                                              \
        .name = #op, .summary = text, .flags = OP_INPLACE | OP_ROWS, .in_min = inputs,             \
        .in_max = inputs, .out_min = 1, .out_max = 1, .infer = infer_##op, .run = run_##op         \
    }

const struct op_set ops_onnx_logic = OP_SET(
    ROW(And, 2, "a and b"), ROW(Or, 2, "a or b"), ROW(Xor, 2, "a or b, not both"),
    ROW(Not, 1, "not x"), ROW(BitwiseAnd, 2, "a & b"), ROW(BitwiseOr, 2, "a | b"),
    ROW(BitwiseXor, 2, "a ^ b"), ROW(BitwiseNot, 1, "~x"), ROW(BitShift, 2, "a << b or a >> b"));
