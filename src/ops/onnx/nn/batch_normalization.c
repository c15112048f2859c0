// SPDX-License-Identifier: Apache-2.0
/* BatchNormalization of (N, C, ...): per channel (x - mean) / sqrt(var + epsilon) * scale + bias.
 * In training mode the statistics are the batch's, and the running ones are put out. */
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/math/moments.h"

enum { X, SCALE, BIAS, MEAN, VARIANCE };

static bool is_training(const struct op_call *call)
{
    return attribute_int(call->attributes, "training_mode", 0) && !op_before(call, 14);
}

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *in = &call->in[X].shape;
    int64_t channels = in->rank > 1 ? in->dims[1] : in->rank == 1 ? 1 : DIM_UNKNOWN;

    TRY(op_wants(call, X, DTYPES_FLOAT, err));
    TRY(op_wants_rank(call, X, 1, RANK_MAX, err));
    if (attribute_int(call->attributes, "spatial", 1) == 0 && op_before(call, 9))
        return op_error(call, err, STATUS_UNSUPPORTED, "spatial is 0");
    if (op_before(call, 14) && call->out_count > 1)
        return op_error(call, err, STATUS_UNSUPPORTED, "outputs of training");
    if (call->out_count > 3)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu outputs, at most 3", call->out_count);
    for (size_t i = SCALE; i <= VARIANCE; i++) {
        TRY(op_wants(call, i, DTYPES_FLOAT, err));
        TRY(op_wants_rank(call, i, 1, 1, err));
        if (call->in[i].shape.rank == 1 && dim_is_known(call->in[i].shape.dims[0]) &&
            dim_is_known(channels) && call->in[i].shape.dims[0] != channels)
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "input %zu has %lld values for %lld channels", i,
                            (long long)call->in[i].shape.dims[0], (long long)channels);
    }
    op_give(call, 0, call->in[X].dtype, in);
    op_give(call, 1, call->in[MEAN].dtype, &call->in[MEAN].shape);
    op_give(call, 2, call->in[VARIANCE].dtype, &call->in[VARIANCE].shape);
    return STATUS_OK;
}

/* Mean and variance over all planes of a channel. */
static void batch_moments(const struct tensor *x, size_t n, size_t channels, size_t plane, size_t c,
                          double *mean, double *variance)
{
    size_t size = dtype_size(x->dtype);
    double sum = 0, squares = 0, part_mean, part_variance;

    for (size_t i = 0; i < n; i++) {
        moments_of(x->dtype, (const char *)x->data + (i * channels + c) * plane * size, plane,
                   &part_mean, &part_variance);
        sum += part_mean;
    }
    *mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        moments_of(x->dtype, (const char *)x->data + (i * channels + c) * plane * size, plane,
                   &part_mean, &part_variance);
        squares += part_variance + (part_mean - *mean) * (part_mean - *mean);
    }
    *variance = squares / (double)n;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[X];
    double epsilon = attribute_float(call->attributes, "epsilon", 1e-5f);
    double momentum = attribute_float(call->attributes, "momentum", 0.9f);
    size_t n = (size_t)x->shape.dims[0], size = dtype_size(x->dtype);
    size_t channels = x->shape.rank > 1 ? (size_t)x->shape.dims[1] : 1;
    size_t plane = shape_span(&x->shape, 2, x->shape.rank);

    (void)err;
    if (tensor_count(x) == 0)
        return STATUS_OK;
    for (size_t c = 0; c < channels; c++) {
        double mean = tensor_f64(&call->in[MEAN], c), variance = tensor_f64(&call->in[VARIANCE], c);
        double scale = tensor_f64(&call->in[SCALE], c), bias = tensor_f64(&call->in[BIAS], c);

        if (is_training(call)) {
            double old_mean = mean, old_variance = variance;

            batch_moments(x, n, channels, plane, c, &mean, &variance);
            if (call->out_count > 1)
                tensor_set_f64(&call->out[1], c, old_mean * momentum + mean * (1 - momentum));
            if (call->out_count > 2)
                tensor_set_f64(&call->out[2], c,
                               old_variance * momentum + variance * (1 - momentum));
        }
        for (size_t i = 0; i < n; i++) {
            size_t at = (i * channels + c) * plane * size;
            moments_apply(x->dtype, (const char *)x->data + at, (char *)call->out[0].data + at,
                          plane, mean, scale / sqrt(variance + epsilon), bias);
        }
    }
    if (!is_training(call))
        for (size_t k = 1; k < call->out_count && k < 3; k++)
            memcpy(call->out[k].data, call->in[MEAN + k - 1].data, tensor_bytes(&call->out[k]));
    return STATUS_OK;
}

const struct op_set ops_onnx_batch_normalization =
    OP_SET({.name = "BatchNormalization",
            .summary = "per channel, with stored statistics",
            .flags = OP_INPLACE,
            .in_min = 5,
            .in_max = 5,
            .out_min = 1,
            .out_max = 5,
            .infer = infer,
            .run = run});
