// SPDX-License-Identifier: Apache-2.0
/* LayerNormalization and RMSNormalization: over all dimensions from `axis` on. */
#include <math.h>

#include "ops/fast/normalize.h"
#include "ops/kernels/call.h"
#include "ops/kernels/math/moments.h"
#include "ops/kernels/strided.h"

enum { X, SCALE, BIAS };

/* RMSNormalization takes a scale of another type, and gives that. */
static bool is_rms(const struct op_call *call)
{
    return call->op->in_max <= BIAS;
}

/* The scale (or bias) must broadcast to the normalised dimensions alone. */
static enum status check_scale(const struct op_call *call, size_t input, int axis,
                               struct error *err)
{
    const struct shape *in = &call->in[X].shape, *scale = &call->in[input].shape;

    TRY(op_wants(call, input, DTYPES_FLOAT, err));
    if (!is_rms(call))
        TRY(op_wants_same(call, X, input, err));
    for (int i = 1; in->rank >= 0 && i <= scale->rank; i++) {
        int64_t dim = scale->dims[scale->rank - i];
        int64_t want = i <= in->rank - axis ? in->dims[in->rank - i] : 1;

        if (dim_is_known(dim) && dim_is_known(want) && dim != 1 && dim != want)
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "dimension %d of input %zu is %lld, not %lld", scale->rank - i, input,
                            (long long)dim, (long long)want);
        if (!dim_is_known(dim) && i > in->rank - axis)
            return op_error(call, err, STATUS_UNSUPPORTED, "input %zu varies over the batch",
                            input);
    }
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[X].shape;
    int64_t stash = attribute_int(call->attributes, "stash_type", 1);
    struct shape statistics = *in;
    int axis = 0;

    TRY(op_wants(call, X, DTYPES_FLOAT, err));
    TRY(op_wants_rank(call, X, 1, RANK_MAX, err));
    if (in->rank >= 0)
        TRY(op_axis(call, attribute_int(call->attributes, "axis", -1), in->rank, &axis, err));
    TRY(check_scale(call, SCALE, axis, err));
    if (op_has(call, BIAS))
        TRY(check_scale(call, BIAS, axis, err));
    if (!(DTYPES_FLOAT & DTYPE_BIT(dtype_from_onnx(stash))))
        return op_error(call, err, STATUS_INVALID_INPUT, "stash_type is %lld", (long long)stash);
    for (int i = axis; i < in->rank; i++)
        statistics.dims[i] = 1;
    op_give(call, 0, call->in[is_rms(call) ? SCALE : X].dtype, in);
    op_give(call, 1, dtype_from_onnx(stash), &statistics);
    op_give(call, 2, dtype_from_onnx(stash), &statistics);
    return STATUS_OK;
}

/* One row, scaled by what broadcasts to it. */
static void apply_row(const struct op_call *call, const struct shape *row, size_t at, double mean,
                      double factor)
{
    size_t size = dtype_size(call->in[X].dtype);
    bool has_bias = op_has(call, BIAS);
    struct shape scalar = shape_scalar(), shapes[2] = {call->in[SCALE].shape, scalar};
    const struct shape *inputs[] = {&shapes[0], &shapes[1]};
    struct broadcast walk;

    if (has_bias)
        shapes[1] = call->in[BIAS].shape;
    for (int k = 0; k < 2; k++) /* leading dimensions beyond the row's are 1 */
        if (shapes[k].rank > row->rank)
            shapes[k] = shape_of(row->rank, shapes[k].dims + shapes[k].rank - row->rank);
    broadcast_start(&walk, row, inputs, 2);
    do {
        struct moments_scale by = {
            .scale = (const char *)call->in[SCALE].data + walk.at[0] * size,
            .bias = has_bias ? (const char *)call->in[BIAS].data + walk.at[1] * size : NULL,
            .scale_step = walk.step[0],
            .bias_step = walk.step[1],
        };
        size_t offset = (at + walk.done) * size;

        moments_scale(call->in[X].dtype, (const char *)call->in[X].data + offset,
                      (char *)call->out[0].data + offset, walk.count, mean, factor, &by);
    } while (broadcast_next(&walk));
}

/* A row and a scale of different types. */
static void apply_mixed(const struct op_call *call, const struct shape *row, size_t at,
                        double factor)
{
    struct shape scale = call->in[SCALE].shape;
    const struct shape *input = &scale;
    struct broadcast walk;

    if (scale.rank > row->rank)
        scale = shape_of(row->rank, scale.dims + scale.rank - row->rank);
    broadcast_start(&walk, row, &input, 1);
    do {
        for (size_t i = 0; i < walk.count; i++) {
            size_t place = at + walk.done + i;
            double by = tensor_f64(&call->in[SCALE], walk.at[0] + i * walk.step[0]);

            tensor_set_f64(&call->out[0], place, tensor_f64(&call->in[X], place) * factor * by);
        }
    } while (broadcast_next(&walk));
}

static enum status run_rows(const struct op_call *call, bool centred, struct error *err)
{
    double epsilon = attribute_float(call->attributes, "epsilon", 1e-5f), mean, variance;
    const struct tensor *x = &call->in[X];
    struct shape row;
    size_t rows, n;
    int axis;

    TRY(op_axis(call, attribute_int(call->attributes, "axis", -1), x->shape.rank, &axis, err));
    if (tensor_count(x) == 0)
        return STATUS_OK;
    rows = shape_span(&x->shape, 0, axis);
    row = shape_of(x->shape.rank - axis, x->shape.dims + axis);
    n = shape_count(&row);
    for (size_t i = 0; i < rows; i++) {
        const char *from = (const char *)x->data + i * n * dtype_size(x->dtype);
        double factor;

        if (centred) {
            moments_of(x->dtype, from, n, &mean, &variance);
        } else {
            mean = 0;
            variance = moments_square(x->dtype, from, n);
        }
        factor = 1 / sqrt(variance + epsilon);
        if (call->in[SCALE].dtype == x->dtype)
            apply_row(call, &row, i * n, mean, factor);
        else
            apply_mixed(call, &row, i * n, factor);
        if (call->out_count > 1)
            tensor_set_f64(&call->out[1], i, mean);
        if (call->out_count > 2)
            tensor_set_f64(&call->out[2], i, factor);
    }
    return STATUS_OK;
}

/* Is the scale (or bias) one of the row, element for element? */
static bool is_of_row(const struct op_call *call, size_t input, size_t n)
{
    return !op_has(call, input) || tensor_count(&call->in[input]) == n;
}

static bool run_fast(const struct op_call *call, bool centred)
{
    const struct tensor *x = &call->in[X];
    int axis = (int)attribute_int(call->attributes, "axis", -1);
    struct normalization norm = {.x = x->data, .y = call->out[0].data, .is_centred = centred};

    axis += axis < 0 ? x->shape.rank : 0;
    norm.rows = shape_span(&x->shape, 0, axis);
    norm.n = shape_span(&x->shape, axis, x->shape.rank);
    if (x->dtype != DTYPE_F32 || call->in[SCALE].dtype != DTYPE_F32 || op_is_reference_only() ||
        !is_of_row(call, SCALE, norm.n) || !is_of_row(call, BIAS, norm.n) ||
        (call->out_count > 1 && call->out[1].dtype != DTYPE_F32))
        return false;
    norm.scale = call->in[SCALE].data;
    norm.bias = op_has(call, BIAS) ? call->in[BIAS].data : NULL;
    norm.epsilon = (float)attribute_float(call->attributes, "epsilon", 1e-5f);
    norm.mean = call->out_count > 1 ? call->out[1].data : NULL;
    norm.inverse = call->out_count > 2 ? call->out[2].data : NULL;
    normalize_rows(&norm, call->team);
    return true;
}

static enum status run_layer(const struct op_call *call, struct error *err)
{
    if (tensor_count(&call->in[X]) && run_fast(call, true))
        return STATUS_OK;
    return run_rows(call, true, err);
}

static enum status run_rms(const struct op_call *call, struct error *err)
{
    if (tensor_count(&call->in[X]) && run_fast(call, false))
        return STATUS_OK;
    return run_rows(call, false, err);
}

const struct op_set ops_onnx_layer_normalization =
    OP_SET({.name = "LayerNormalization",
            .summary = "each row to mean 0, variance 1, then scaled",
            .flags = OP_INPLACE,
            .in_min = 2,
            .in_max = 3,
            .out_min = 1,
            .out_max = 3,
            .infer = infer,
            .run = run_layer},
           {.name = "RMSNormalization",
            .summary = "each row to a mean square of 1, then scaled",
            .flags = OP_INPLACE,
            .in_min = 2,
            .in_max = 2,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .run = run_rms});
