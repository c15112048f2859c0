// SPDX-License-Identifier: Apache-2.0
/* LpNormalization along an axis, MeanVarianceNormalization over axes, LRN over neighbouring
 * channels. */
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/reduction.h"

/* --- LpNormalization: x / norm --- */

static enum status infer_lp(struct op_call *call, struct error *err)
{
    int64_t p = attribute_int(call->attributes, "p", 2);
    int rank = call->in[0].shape.rank, axis;

    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    if (p != 1 && p != 2)
        return op_error(call, err, STATUS_INVALID_INPUT, "p is %lld", (long long)p);
    if (rank >= 0)
        TRY(op_axis(call, attribute_int(call->attributes, "axis", -1), rank, &axis, err));
    return op_infer_same(call, err);
}

static enum status run_lp(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    struct tensor *y = &call->out[0];
    int64_t p = attribute_int(call->attributes, "p", 2);
    size_t outer, inner, n;
    int axis;

    TRY(op_axis(call, attribute_int(call->attributes, "axis", -1), x->shape.rank, &axis, err));
    outer = shape_span(&x->shape, 0, axis);
    inner = shape_span(&x->shape, axis + 1, x->shape.rank);
    n = (size_t)x->shape.dims[axis];
    for (size_t i = 0; i < outer; i++)
        for (size_t j = 0; j < inner; j++) {
            double norm = 0;

            for (size_t k = 0; k < n; k++) {
                double value = tensor_f64(x, (i * n + k) * inner + j);
                norm += p == 1 ? fabs(value) : value * value;
            }
            norm = p == 1 ? norm : sqrt(norm);
            for (size_t k = 0; k < n; k++) {
                size_t at = (i * n + k) * inner + j;
                /* a line of zeros stays zero, as the standard asks from version 22 on */
                tensor_set_f64(y, at, norm == 0 ? 0 : tensor_f64(x, at) / norm);
            }
        }
    return STATUS_OK;
}

/* --- MeanVarianceNormalization: (x - mean) / (deviation + 1e-9) --- */

static enum status variance_axes(const struct op_call *call, int rank, bool mask[RANK_MAX],
                                 struct error *err)
{
    struct axes axes = {.count = 3, .values = {0, 2, 3}};
    size_t count;
    const int64_t *ints = attribute_ints(call->attributes, "axes", &count);

    if (op_before(call, 9)) { /* (N, C, H, W), across channels or not */
        axes.count = attribute_int(call->attributes, "across_channels", 0) ? 4 : 3;
        axes.values[3] = 1;
        if (attribute_int(call->attributes, "normalize_variance", 1) == 0)
            return op_error(call, err, STATUS_UNSUPPORTED, "normalize_variance is 0");
    } else if (ints) {
        if (count > RANK_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "%zu axes", count);
        axes.count = count;
        for (size_t i = 0; i < count; i++)
            axes.values[i] = ints[i];
    }
    return op_axes_mask(call, &axes, rank, mask, err);
}

static enum status infer_variance(struct op_call *call, struct error *err)
{
    int rank = call->in[0].shape.rank;
    bool mask[RANK_MAX];

    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    if (rank >= 0)
        TRY(variance_axes(call, rank, mask, err));
    return op_infer_same(call, err);
}

static enum status run_variance(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    struct reduction r;
    struct reduction_walk walk;
    bool mask[RANK_MAX];

    TRY(variance_axes(call, x->shape.rank, mask, err));
    reduction_of(&r, &x->shape, mask);
    for (size_t o = reduction_start(&r, &walk); o--; reduction_next(&r, &walk)) {
        double sum = 0, squares = 0, mean, factor;

        for (size_t k = reduction_runs(&r, &walk); k--; reduction_next_run(&r, &walk))
            for (size_t i = 0; i < r.run_count; i++)
                sum += tensor_f64(x, walk.at + i * r.run_step);
        mean = sum / (double)r.reduced;
        for (size_t k = reduction_runs(&r, &walk); k--; reduction_next_run(&r, &walk))
            for (size_t i = 0; i < r.run_count; i++) {
                double d = tensor_f64(x, walk.at + i * r.run_step) - mean;
                squares += d * d;
            }
        factor = 1 / (sqrt(squares / (double)r.reduced) + 1e-9);
        for (size_t k = reduction_runs(&r, &walk); k--; reduction_next_run(&r, &walk))
            for (size_t i = 0; i < r.run_count; i++) {
                size_t at = walk.at + i * r.run_step;
                tensor_set_f64(&call->out[0], at, (tensor_f64(x, at) - mean) * factor);
            }
    }
    return STATUS_OK;
}

/* --- LRN: x / (bias + alpha / size * sum of squares of neighbouring channels)^beta --- */

static enum status infer_lrn(struct op_call *call, struct error *err)
{
    int64_t size = attribute_int(call->attributes, "size", 0);

    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    TRY(op_wants_rank(call, 0, 3, RANK_MAX, err));
    if (size < 1 || size > INT32_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "size is %lld", (long long)size);
    return op_infer_same(call, err);
}

static enum status run_lrn(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    int64_t size = attribute_int(call->attributes, "size", 1), channels = x->shape.dims[1];
    double alpha = attribute_float(call->attributes, "alpha", 0.0001f);
    double beta = attribute_float(call->attributes, "beta", 0.75);
    double bias = attribute_float(call->attributes, "bias", 1);
    size_t plane = shape_span(&x->shape, 2, x->shape.rank), count = tensor_count(x);

    (void)err;
    for (size_t i = 0; i < count; i++) {
        int64_t c = (int64_t)(i / plane) % channels;
        int64_t low = c - (size - 1) / 2, high = c + size / 2;
        double squares = 0;

        low = low < 0 ? 0 : low;
        high = high >= channels ? channels - 1 : high;
        for (int64_t k = low; k <= high; k++) {
            double value = tensor_f64(x, i + (size_t)(k - c) * plane);
            squares += value * value;
        }
        tensor_set_f64(&call->out[0], i,
                       tensor_f64(x, i) / pow(bias + alpha / (double)size * squares, beta));
    }
    return STATUS_OK;
}

#define ROW(op, row_flags, text, infer_it, run_it)                                                 \
    {                                                                                              \
        .name = op, .summary = text, .flags = row_flags, .in_min = 1, .in_max = 1, .out_min = 1,   \
        .out_max = 1, .infer = infer_it, .run = run_it                                             \
    }

const struct op_set ops_onnx_lp_normalization = OP_SET(
    ROW("LpNormalization", OP_INPLACE, "x divided by the norm of its line", infer_lp, run_lp),
    ROW("MeanVarianceNormalization", OP_INPLACE, "to mean 0, variance 1", infer_variance,
        run_variance),
    ROW("LRN", OP_ROWS, "divided by the energy of neighbouring channels", infer_lrn, run_lrn));
