// SPDX-License-Identifier: Apache-2.0
/* Equal, Less, LessOrEqual, Greater, GreaterOrEqual: bool, element by element. */
#include "ops/kernels/binary.h"

#define TEMPLATE "ops/onnx/logical/compare.inc"
#define EACH_FLOAT
#define EACH_INT
#define EACH_BOOL
#include "ops/kernels/each.h"

static void Equal_STRING(const void *va, int a_step, const void *vb, int b_step, void *vy,
                         size_t count)
{
    const struct bytes *a = va, *b = vb;
    uint8_t *y = vy;

    for (size_t i = 0; i < count; i++)
        y[i] = bytes_equal(a[a_step ? i : 0], b[b_step ? i : 0]);
}

static const binary_kernel KERNELS_Equal[DTYPE_COUNT] = {
    FOR_NUMBER(KERNEL, Equal) KERNEL(BOOL, Equal) KERNEL(STRING, Equal)};
static const binary_kernel KERNELS_Less[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, Less)
                                                            KERNEL(BOOL, Less)};
static const binary_kernel KERNELS_LessOrEqual[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, LessOrEqual)
                                                                   KERNEL(BOOL, LessOrEqual)};
static const binary_kernel KERNELS_Greater[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, Greater)
                                                               KERNEL(BOOL, Greater)};
static const binary_kernel KERNELS_GreaterOrEqual[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, GreaterOrEqual)
                                                                      KERNEL(BOOL, GreaterOrEqual)};

BINARY_OPERATOR(Equal, DTYPE_BOOL, BINARY_EQUAL)
BINARY_OPERATOR(Less, DTYPE_BOOL, BINARY_LESS)
BINARY_OPERATOR(LessOrEqual, DTYPE_BOOL, BINARY_LESS_OR_EQUAL)
BINARY_OPERATOR(Greater, DTYPE_BOOL, BINARY_GREATER)
BINARY_OPERATOR(GreaterOrEqual, DTYPE_BOOL, BINARY_GREATER_OR_EQUAL)

#define ROW(op, text)                                                                              \
    {                                                                                              \
        .name = #op, .summary = text, .flags = OP_ROWS, .in_min = 2, .in_max = 2, .out_min = 1,    \
        .out_max = 1, .infer = infer_##op, .run = run_##op                                         \
    }

const struct op_set ops_onnx_compare =
    OP_SET(ROW(Equal, "a == b"), ROW(Less, "a < b"), ROW(LessOrEqual, "a <= b"),
           ROW(Greater, "a > b"), ROW(GreaterOrEqual, "a >= b"));
