// SPDX-License-Identifier: Apache-2.0
/* Integers that stand for floats by a scale and a zero point, as TensorFlow's Uniform operators
 * compute with them.
 *
 * UniformRequantise: x int32, multiplier double, zero point of x, new zero point, both int32, each
 * a scalar or one for each index of the dimension `axis` -> (x - zero) * multiplier + new zero,
 * int32, in the attributes low to high. The multiplier has 31 bits and a shift, products are
 * rounded half up.
 * UniformQuantiseRows: x float (n, ...) -> int8 in the range of each of the n, float scales and
 * int32 zero points (n).
 * Source: tensorflow/core/kernels/uniform_quant_ops/math_utils. */
#include <math.h>

#include "ops/kernels/call.h"

/* --- UniformRequantise --- */

static enum status infer_requantise(struct op_call *call, struct error *err)
{
    int64_t axis = attribute_int(call->attributes, "axis", 0);
    const struct shape *x = &call->in[0].shape;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_I32), err));
    TRY(op_wants(call, 1, DTYPE_BIT(DTYPE_F64), err));
    for (size_t i = 1; i < 4; i++) {
        const struct shape *shape = &call->in[i].shape;

        if (i > 1)
            TRY(op_wants(call, i, DTYPE_BIT(DTYPE_I32), err));
        TRY(op_wants_rank(call, i, 0, 1, err));
        if (shape->rank != 1 || x->rank < 0)
            continue;
        if (axis < 0 || axis >= x->rank)
            return op_error(call, err, STATUS_INVALID_INPUT, "dimension %lld of %d",
                            (long long)axis, x->rank);
        if (dim_is_known(shape->dims[0]) && dim_is_known(x->dims[axis]) &&
            shape->dims[0] != x->dims[axis])
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "input %zu has %lld elements, not %lld", i, (long long)shape->dims[0],
                            (long long)x->dims[axis]);
    }
    op_give(call, 0, DTYPE_I32, x);
    return STATUS_OK;
}

struct fixed { /* multiplier * 2^-shift */
    int64_t multiplier;
    int shift; /* 1 to 62 */
};

static enum status fixed_of(const struct op_call *call, double value, struct fixed *fixed,
                            struct error *err)
{
    int exponent;

    if (!(value > 0) || !isfinite(value))
        return op_error(call, err, STATUS_INVALID_INPUT, "a scale of %g times the new one", value);
    fixed->multiplier = (int64_t)round(frexp(value, &exponent) * 0x1p31);
    if (fixed->multiplier == INT64_C(1) << 31) {
        fixed->multiplier /= 2;
        exponent++;
    }
    if (exponent < -31) {
        exponent = 0;
        fixed->multiplier = 0;
    }
    if (exponent > 30) {
        exponent = 30;
        fixed->multiplier = INT32_MAX;
    }
    fixed->shift = 31 - exponent;
    return STATUS_OK;
}

static int32_t wrap(uint32_t x)
{
    return (int32_t)x;
}

static int32_t multiply(int32_t x, const struct fixed *by)
{
    int64_t y = (x * by->multiplier + (INT64_C(1) << (by->shift - 1))) >> by->shift;

    return (int32_t)(y < INT32_MIN ? INT32_MIN : y > INT32_MAX ? INT32_MAX : y);
}

struct channels {
    size_t count, inner; /* of how many elements in a row */
};

static enum status run_requantise(const struct op_call *call, struct error *err)
{
    const struct shape *shape = &call->in[0].shape;
    int axis = (int)attribute_int(call->attributes, "axis", 0);
    int64_t low = attribute_int(call->attributes, "low", INT32_MIN);
    int64_t high = attribute_int(call->attributes, "high", INT32_MAX);
    struct channels c = {1, tensor_count(&call->in[0])};
    const int32_t *x = call->in[0].data;
    int32_t *y = call->out[0].data;
    bool each[4] = {false};

    for (size_t i = 1; i < 4; i++) {
        each[i] = call->in[i].shape.rank == 1;
        if (!each[i])
            continue;
        c = (struct channels){(size_t)shape->dims[axis], shape_span(shape, axis + 1, shape->rank)};
    }
    for (size_t k = 0; k < c.count; k++) {
        int32_t zero = ((const int32_t *)call->in[2].data)[each[2] ? k : 0];
        int32_t new_zero = ((const int32_t *)call->in[3].data)[each[3] ? k : 0];
        struct fixed by;

        TRY(fixed_of(call, ((const double *)call->in[1].data)[each[1] ? k : 0], &by, err));
        for (size_t from = k * c.inner; from < tensor_count(&call->in[0]);
             from += c.count * c.inner)
            for (size_t i = from; i < from + c.inner; i++) {
                int32_t value = multiply(wrap((uint32_t)x[i] - (uint32_t)zero), &by);

                value = wrap((uint32_t)value + (uint32_t)new_zero);
                y[i] = (int32_t)(value > high ? high : value);
                y[i] = (int32_t)(y[i] < low ? low : y[i]);
            }
    }
    return STATUS_OK;
}

/* --- UniformQuantiseRows --- */

static enum status infer_rows(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape;
    struct shape rows = shape_scalar();

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F32), err));
    TRY(op_wants_rank(call, 0, 1, RANK_MAX, err));
    rows.rank = 1;
    rows.dims[0] = x->rank > 0 ? x->dims[0] : DIM_UNKNOWN;
    op_give(call, 0, DTYPE_I8, x);
    op_give(call, 1, DTYPE_F32, &rows);
    op_give(call, 2, DTYPE_I32, &rows);
    return STATUS_OK;
}

static int32_t zero_of(double low, double high, double scale)
{
    double from_low = -128 - low / scale, from_high = 127 - high / scale;
    double zero = 128 + fabs(low / scale) < 127 + fabs(high / scale) ? from_low : from_high;

    return zero <= -128 ? -128 : zero >= 127 ? 127 : (int32_t)round(zero);
}

static void row(const float *x, size_t count, int8_t *y, float *scale, int32_t *zero)
{
    double low = 0, high = 0;
    float inverse;

    for (size_t i = 0; i < count; i++) {
        low = (double)x[i] < low ? (double)x[i] : low;
        high = (double)x[i] > high ? (double)x[i] : high;
    }
    *scale = (float)((high - low) / 255);
    inverse = high - low != 0 ? (float)(255 / (high - low)) : 0;
    if (*scale == 0 || !isfinite(inverse)) {
        memset(y, 0, count);
        *scale = 1;
        *zero = 0;
        return;
    }
    *zero = zero_of(low, high, (double)*scale);
    for (size_t i = 0; i < count; i++) {
        float whole = floorf(x[i] * inverse + 0.5F) + (float)*zero;

        y[i] = (int8_t)(whole > 127 ? 127 : whole > -128 ? whole : -128);
    }
}

static enum status run_rows(const struct op_call *call, struct error *err)
{
    size_t rows = (size_t)call->in[0].shape.dims[0];
    size_t count = shape_span(&call->in[0].shape, 1, call->in[0].shape.rank);
    const float *x = call->in[0].data;

    for (size_t i = 0; i < rows * count; i++)
        if (!isfinite(x[i]))
            return op_error(call, err, STATUS_INVALID_INPUT, "element %zu is %g: it has no range",
                            i, (double)x[i]);
    for (size_t i = 0; i < rows; i++)
        row(x + i * count, count, (int8_t *)call->out[0].data + i * count,
            (float *)call->out[1].data + i, (int32_t *)call->out[2].data + i);
    return STATUS_OK;
}

const struct op_set ops_firn_requantise_uniform =
    OP_SET({.name = "UniformRequantise",
            .summary = "integers of a scale and a zero point to those of others",
            .in_min = 4,
            .in_max = 4,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_requantise,
            .run = run_requantise},
           {.name = "UniformQuantiseRows",
            .summary = "floats as int8, in the range of each row",
            .in_min = 1,
            .in_max = 1,
            .out_min = 3,
            .out_max = 3,
            .infer = infer_rows,
            .run = run_rows}, );
