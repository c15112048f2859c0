// SPDX-License-Identifier: Apache-2.0
/* InstanceNormalization and GroupNormalization of (N, C, ...): mean 0 and variance 1 per item and
 * channel, or group of channels; then scaled per channel (before opset 21: per group). */
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/math/moments.h"

enum { X, SCALE, BIAS };

static enum status check(struct op_call *call, int64_t groups, int64_t scales, struct error *err)
{
    const struct shape *in = &call->in[X].shape;

    TRY(op_wants(call, X, DTYPES_FLOAT, err));
    TRY(op_wants_rank(call, X, 2, RANK_MAX, err));
    if (groups < 1 || (in->rank > 1 && dim_is_known(in->dims[1]) && in->dims[1] % groups))
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld channels in %lld groups",
                        in->rank > 1 ? (long long)in->dims[1] : -1, (long long)groups);
    for (size_t i = SCALE; i <= BIAS; i++) {
        TRY(op_wants_same(call, X, i, err));
        TRY(op_wants_rank(call, i, 1, 1, err));
        if (call->in[i].shape.rank == 1 && dim_is_known(call->in[i].shape.dims[0]) &&
            dim_is_known(scales) && call->in[i].shape.dims[0] != scales)
            return op_error(call, err, STATUS_INVALID_INPUT, "input %zu has %lld values, not %lld",
                            i, (long long)call->in[i].shape.dims[0], (long long)scales);
    }
    op_give(call, 0, call->in[X].dtype, in);
    return STATUS_OK;
}

static int64_t channels_of(const struct op_call *call)
{
    return call->in[X].shape.rank > 1 ? call->in[X].shape.dims[1] : DIM_UNKNOWN;
}

static enum status infer_instance(struct op_call *call, struct error *err)
{
    return check(call, 1, channels_of(call), err);
}

static enum status infer_group(struct op_call *call, struct error *err)
{
    int64_t groups = attribute_int(call->attributes, "num_groups", 0);

    return check(call, groups, op_before(call, 21) ? groups : channels_of(call), err);
}

/* `share` channels have one scale. */
static void run_groups(const struct op_call *call, size_t groups, size_t share)
{
    const struct tensor *x = &call->in[X];
    double epsilon = attribute_float(call->attributes, "epsilon", 1e-5f), mean, variance;
    size_t n = (size_t)x->shape.dims[0], channels = (size_t)x->shape.dims[1];
    size_t plane = shape_span(&x->shape, 2, x->shape.rank), size = dtype_size(x->dtype);
    size_t per_group = channels / groups;

    for (size_t g = 0; g < n * groups; g++) {
        size_t at = g * per_group * plane * size;

        moments_of(x->dtype, (const char *)x->data + at, per_group * plane, &mean, &variance);
        for (size_t k = 0; k < per_group; k++, at += plane * size) {
            size_t s = (g % groups * per_group + k) / share;

            moments_apply(x->dtype, (const char *)x->data + at, (char *)call->out[0].data + at,
                          plane, mean, tensor_f64(&call->in[SCALE], s) / sqrt(variance + epsilon),
                          tensor_f64(&call->in[BIAS], s));
        }
    }
}

static enum status run_instance(const struct op_call *call, struct error *err)
{
    (void)err;
    if (tensor_count(&call->in[X]))
        run_groups(call, (size_t)call->in[X].shape.dims[1], 1);
    return STATUS_OK;
}

static enum status run_group(const struct op_call *call, struct error *err)
{
    size_t groups = (size_t)attribute_int(call->attributes, "num_groups", 0);

    (void)err;
    if (tensor_count(&call->in[X]))
        run_groups(call, groups,
                   op_before(call, 21) ? (size_t)call->in[X].shape.dims[1] / groups : 1);
    return STATUS_OK;
}

#define ROW(op, text, infer_it, run_it)                                                            \
    {                                                                                              \
        .name = op, .summary = text, .flags = OP_INPLACE | OP_ROWS, .in_min = 3, .in_max = 3,      \
        .out_min = 1, .out_max = 1, .infer = infer_it, .run = run_it                               \
    }

const struct op_set ops_onnx_group_normalization =
    OP_SET(ROW("InstanceNormalization", "each channel of each item to mean 0, variance 1",
               infer_instance, run_instance),
           ROW("GroupNormalization", "each group of channels to mean 0, variance 1", infer_group,
               run_group));
