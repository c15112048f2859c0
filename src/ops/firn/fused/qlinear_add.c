// SPDX-License-Identifier: Apache-2.0
/* QLinearAdd: the sum of two quantised tensors of one shape and type, quantised.
 *
 *     q = clamp(round(((a - a_zero) a_scale + (b - b_zero) b_scale) / y_scale) + y_zero)
 *
 * Inputs: a, b, a_scale, a_zero, b_scale, b_zero, y_scale, y_zero; scales and zero points are
 * single numbers. Attributes: low, high (absent: the range of the type). */
#include <math.h>

#include "ops/fast/int8/int8.h"
#include "ops/fast/spread.h"
#include "ops/kernels/call.h"
#include "ops/kernels/math/quantum.h"

enum { A, B, A_SCALE, A_ZERO, B_SCALE, B_ZERO, Y_SCALE, Y_ZERO, INPUTS };

enum { GRAIN = 1024 }; /* elements */
static const double NS = 0.1;

static enum status range_of(const struct op_call *call, int64_t *low, int64_t *high,
                            struct error *err)
{
    bool is_signed = call->in[Y_ZERO].dtype == DTYPE_I8;
    int64_t least = is_signed ? INT8_MIN : 0, most = is_signed ? INT8_MAX : UINT8_MAX;

    *low = attribute_int(call->attributes, "low", least);
    *high = attribute_int(call->attributes, "high", most);
    if (*low < least || *high > most || *low > *high)
        return op_error(call, err, STATUS_INVALID_INPUT, "low and high are %lld and %lld",
                        (long long)*low, (long long)*high);
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    char a[SHAPE_PRINT_SIZE], b[SHAPE_PRINT_SIZE];
    const struct shape *one = &call->in[A].shape, *other = &call->in[B].shape;
    int64_t low, high;

    TRY(op_wants(call, A, DTYPE_BIT(DTYPE_U8) | DTYPE_BIT(DTYPE_I8), err));
    for (size_t i = 0; i < INPUTS; i++) {
        bool is_scale = i == A_SCALE || i == B_SCALE || i == Y_SCALE;

        TRY(is_scale ? op_wants(call, i, DTYPE_BIT(DTYPE_F32), err)
                     : op_wants_same(call, A, i, err));
        if (i != A && i != B && shape_is_known(&call->in[i].shape) &&
            shape_count(&call->in[i].shape) != 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "%zu values in input %zu, not 1",
                            shape_count(&call->in[i].shape), i);
    }
    if (shape_is_known(one) && shape_is_known(other) && !shape_equal(one, other))
        return op_error(call, err, STATUS_INVALID_INPUT, "shapes %s and %s",
                        shape_print(one, a, sizeof a), shape_print(other, b, sizeof b));
    TRY(range_of(call, &low, &high, err));
    op_give(call, 0, call->in[A].dtype, shape_is_known(one) ? one : other);
    return STATUS_OK;
}

static float scale_of(const struct op_call *call, size_t input)
{
    return *(const float *)call->in[input].data;
}

static int32_t zero_of(const struct op_call *call, size_t input)
{
    return (int32_t)tensor_i64(&call->in[input], 0);
}

static void run_reference(const struct op_call *call, int64_t low, int64_t high)
{
    double a_scale = (double)scale_of(call, A_SCALE), b_scale = (double)scale_of(call, B_SCALE);
    size_t count = tensor_count(&call->in[A]);

    for (size_t i = 0; i < count; i++) {
        double a = (double)(tensor_i64(&call->in[A], i) - zero_of(call, A_ZERO)) * a_scale;
        double b = (double)(tensor_i64(&call->in[B], i) - zero_of(call, B_ZERO)) * b_scale;
        int64_t q;

        quantum_put(&call->out[0], i, (a + b) / (double)scale_of(call, Y_SCALE),
                    zero_of(call, Y_ZERO));
        q = tensor_i64(&call->out[0], i);
        tensor_set_f64(&call->out[0], i, (double)(q < low ? low : q > high ? high : q));
    }
}

struct job {
    const struct int8_kernels *kernels;
    struct int8_add add; /* of all elements */
};

static void work(void *context, size_t first, size_t end)
{
    const struct job *job = context;
    struct int8_add add = job->add;

    add.a = (const char *)add.a + first;
    add.b = (const char *)add.b + first;
    add.y = (char *)add.y + first;
    add.count = end - first;
    job->kernels->add(&add);
}

static enum status run(const struct op_call *call, struct error *err)
{
    double y_scale = (double)scale_of(call, Y_SCALE);
    int64_t low, high;
    struct job job = {
        int8_kernels_of_machine(),
        {
            .a = call->in[A].data,
            .b = call->in[B].data,
            .y = call->out[0].data,
            .count = tensor_count(&call->in[A]),
            .is_signed = call->in[A].dtype == DTYPE_I8,
            .a_zero = zero_of(call, A_ZERO),
            .b_zero = zero_of(call, B_ZERO),
            .zero = zero_of(call, Y_ZERO),
            .a_scale = (float)((double)scale_of(call, A_SCALE) / y_scale),
            .b_scale = (float)((double)scale_of(call, B_SCALE) / y_scale),
        },
    };

    TRY(range_of(call, &low, &high, err));
    job.add.low = (float)(low - job.add.zero);
    job.add.high = (float)(high - job.add.zero);
    if (op_is_reference_only() || !isfinite(job.add.a_scale) || !isfinite(job.add.b_scale))
        run_reference(call, low, high);
    else
        spread_run(call->team, job.add.count, NS, GRAIN, work, &job);
    return STATUS_OK;
}

const struct op_set ops_firn_qlinear_add =
    OP_SET({.name = "QLinearAdd",
            .summary = "sum of quantised tensors, with a clamp",
            .flags = OP_ROWS,
            .in_min = INPUTS,
            .in_max = INPUTS,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .run = run});
