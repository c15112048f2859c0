// SPDX-License-Identifier: Apache-2.0
/* Pow: x to the power z; z may be of another type, the result has x's. */
#include <math.h>

#include "ops/fast/elementwise/unary.h"
#include "ops/kernels/binary.h"
#include "ops/kernels/strided.h"

/* a double as int64, out of range: the limit */
static int64_t saturated(double value)
{
    if (!(value > -0x1p63))
        return isnan(value) ? 0 : INT64_MIN;
    return value >= 0x1p63 ? INT64_MAX : (int64_t)value;
}

#define TEMPLATE "ops/onnx/math/pow.inc"
#define EACH_FLOAT
#define EACH_INT
#include "ops/kernels/each.h"

typedef void (*mixed_kernel)(const void *x, int x_step, const double *z, void *y, size_t count);
static const binary_kernel SAME[DTYPE_COUNT] = {FOR_FLOAT(KERNEL, Pow)};
static const mixed_kernel MIXED[DTYPE_COUNT] = {FOR_NUMBER(KERNEL, PowMixed)};

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape second, out;

    TRY(op_wants(call, 0, DTYPES_NUMBER, err));
    TRY(op_wants(call, 1, DTYPES_NUMBER, err));
    TRY(binary_second_shape(call, &second, err));
    TRY(shape_broadcast(&call->in[0].shape, &second, &out, call, err));
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

enum { CHUNK = 256 };

static void run_mixed(const struct op_call *call, const struct shape *second)
{
    const struct tensor *x = &call->in[0], *z = &call->in[1];
    const struct shape *shapes[] = {&x->shape, second};
    size_t size = dtype_size(x->dtype);
    double exponents[CHUNK];
    struct broadcast walk;

    broadcast_start(&walk, &call->out[0].shape, shapes, 2);
    if (walk.count == 0)
        return;
    do {
        for (size_t i = 0; i < walk.count; i += CHUNK) {
            size_t n = walk.count - i < CHUNK ? walk.count - i : CHUNK;

            for (size_t k = 0; k < n; k++)
                exponents[k] = tensor_f64(z, walk.at[1] + (walk.step[1] ? i + k : 0));
            MIXED[x->dtype]((const char *)x->data + (walk.at[0] + (walk.step[0] ? i : 0)) * size,
                            walk.step[0], exponents,
                            (char *)call->out[0].data + (walk.done + i) * size, n);
        }
    } while (broadcast_next(&walk));
}

/* One exponent for all that is no true power. */
static bool run_fast(const struct op_call *call)
{
    static const struct {
        double exponent;
        enum unary_function function;
    } EXPONENTS[] = {{2, UNARY_SQUARE}, {3, UNARY_CUBE}, {0.5, UNARY_ROOT}, {-1, UNARY_RECIPROCAL}};
    const struct tensor *x = &call->in[0], *z = &call->in[1];

    if (op_is_reference_only() || !unary_takes(UNARY_SQUARE, x->dtype) || tensor_count(z) != 1 ||
        !shape_equal(&x->shape, &call->out[0].shape))
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(EXPONENTS); i++)
        if (tensor_f64(z, 0) == EXPONENTS[i].exponent) {
            struct unary unary = {EXPONENTS[i].function, 0, 0};
            unary_tensor(&unary, x, &call->out[0], call->team);
            return true;
        }
    return false;
}

static enum status run(const struct op_call *call, struct error *err)
{
    struct shape second;

    if (run_fast(call))
        return STATUS_OK;
    TRY(binary_second_shape(call, &second, err));
    if (call->in[0].dtype == call->in[1].dtype && dtype_is_float(call->in[0].dtype))
        binary_run(call, SAME, BINARY_NONE);
    else
        run_mixed(call, &second);
    return STATUS_OK;
}

const struct op_set ops_onnx_pow = OP_SET({.name = "Pow",
                                           .summary = "x to the power z",
                                           .flags = OP_INPLACE | OP_ROWS,
                                           .in_min = 2,
                                           .in_max = 2,
                                           .out_min = 1,
                                           .out_max = 1,
                                           .infer = infer,
                                           .run = run});
