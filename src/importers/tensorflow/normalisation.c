// SPDX-License-Identifier: Apache-2.0
/* Biases, batch normalisation, local response normalisation. */
#include "importers/tensorflow/image/window.h"

/* A vector of the channels, to be broadcast to an image of `rank` dimensions. */
static enum status along_channels(struct tf_call *c, value_id *vector, int rank, bool first,
                                  struct error *err)
{
    for (int d = 2; first && d < rank; d++)
        TRY(emit_unsqueeze(c->e, *vector, -1, vector, err));
    return STATUS_OK;
}

enum status tf_bias_emit(struct tf_call *c, value_id x, value_id bias, bool first, value_id *y,
                         struct error *err)
{
    int rank = emit_shape(c->e, x)->rank;

    if (rank < 0 && first)
        return error_set(err, STATUS_UNSUPPORTED, "the rank of its input is not known");
    TRY(along_channels(c, &bias, rank, first, err));
    return emit_2(c->e, "Add", x, bias, y, err);
}

static enum status bias_add(struct tf_call *c, struct error *err)
{
    bool first;
    value_id y;

    TRY(tf_channels_first(c, &first, err));
    TRY(tf_bias_emit(c, c->in[0], c->in[1], first, &y, err));
    return tf_give(c, y);
}

/* --- batch normalisation --- */

/* As one product and one sum. */
enum status tf_batch_norm_emit(struct tf_call *c, const struct tf_batch_norm *n, value_id *y,
                               struct error *err)
{
    value_id factor, offset, number;

    TRY(emit_number(c->e, emit_dtype(c->e, n->variance), n->epsilon, &number, err));
    TRY(emit_2(c->e, "Add", n->variance, number, &factor, err));
    TRY(emit_1(c->e, "Sqrt", factor, &factor, err));
    if (n->scale == VALUE_NONE)
        TRY(emit_1(c->e, "Reciprocal", factor, &factor, err));
    else
        TRY(emit_2(c->e, "Div", n->scale, factor, &factor, err));
    TRY(emit_2(c->e, "Mul", n->mean, factor, &offset, err));
    TRY(emit_2(c->e, "Sub", n->offset, offset, &offset, err));
    TRY(along_channels(c, &factor, n->rank, n->first, err));
    TRY(along_channels(c, &offset, n->rank, n->first, err));
    TRY(emit_2(c->e, "Mul", n->x, factor, y, err));
    return emit_2(c->e, "Add", *y, offset, y, err);
}

/* Mean and variance of the batch itself, (channels,). */
static enum status norm_moments(struct tf_call *c, struct tf_batch_norm *n, struct error *err)
{
    int64_t axes[RANK_MAX];
    size_t count = 0;
    value_id mean, difference;

    for (int d = 0; d < n->rank; d++)
        if (d != (n->first ? 1 : n->rank - 1))
            axes[count++] = d;
    TRY(emit_reduce(c->e, "ReduceMean", n->x, axes, count, true, &mean, err));
    TRY(emit_reduce(c->e, "ReduceMean", n->x, axes, count, false, &n->mean, err));
    TRY(emit_2(c->e, "Sub", n->x, mean, &difference, err));
    TRY(emit_2(c->e, "Mul", difference, difference, &difference, err));
    return emit_reduce(c->e, "ReduceMean", difference, axes, count, false, &n->variance, err);
}

/* n / max(n - 1, 1), where n is how many numbers a channel has. */
static enum status bessel(struct tf_call *c, const struct tf_batch_norm *n, enum dtype dtype,
                          value_id *factor, struct error *err)
{
    value_id size, one, rest;

    TRY(emit_1(c->e, "Size", n->x, &size, err));
    TRY(emit_1(c->e, "Size", n->mean, &rest, err));
    TRY(emit_number(c->e, DTYPE_I64, 1, &one, err));
    TRY(emit_2(c->e, "Max", rest, one, &rest, err));
    TRY(emit_2(c->e, "Div", size, rest, &size, err));
    TRY(emit_2(c->e, "Sub", size, one, &rest, err));
    TRY(emit_2(c->e, "Max", rest, one, &rest, err));
    TRY(emit_cast(c->e, size, dtype, &size, err));
    TRY(emit_cast(c->e, rest, dtype, &rest, err));
    return emit_2(c->e, "Div", size, rest, factor, err);
}

/* What has been learnt, moved towards this batch: (1 - factor) old + factor new. */
static enum status moved(struct tf_call *c, value_id old, value_id new, double factor, value_id *y,
                         struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, new);
    value_id a, b;

    if (factor == 1) {
        *y = new;
        return STATUS_OK;
    }
    TRY(emit_number(c->e, dtype, 1 - factor, &a, err));
    TRY(emit_number(c->e, dtype, factor, &b, err));
    TRY(emit_2(c->e, "Mul", old, a, &a, err));
    TRY(emit_2(c->e, "Mul", new, b, &b, err));
    return emit_2(c->e, "Add", a, b, y, err);
}

/* y and the outputs behind it. Those that are reserved for the gradient are given as the moments
 * that were used. */
static enum status norm_train(struct tf_call *c, struct tf_batch_norm *n, value_id out[6],
                              struct error *err)
{
    value_id factor, unbiased;
    double average;

    TRY(tf_float(c->node, "exponential_avg_factor", 1, &average, err));
    TRY(norm_moments(c, n, err));
    TRY(bessel(c, n, emit_dtype(c->e, n->variance), &factor, err));
    TRY(emit_2(c->e, "Mul", n->variance, factor, &unbiased, err));
    TRY(moved(c, c->in[3], n->mean, average, &out[1], err));
    TRY(moved(c, c->in[4], unbiased, average, &out[2], err));
    out[3] = n->mean;
    out[4] = n->variance;
    return tf_batch_norm_emit(c, n, &out[0], err);
}

static enum status norm_of(struct tf_call *c, struct tf_batch_norm *n, value_id out[6],
                           struct error *err)
{
    bool training;

    TRY(tf_bool(c->node, "is_training", true, &training, err));
    TRY(tf_float(c->node, "epsilon", 1e-4, &n->epsilon, err));
    TRY(tf_channels_first(c, &n->first, err));
    n->rank = emit_shape(c->e, c->in[0])->rank;
    if (n->rank < 2 && (training || n->first || n->rank >= 0))
        return error_set(err, STATUS_UNSUPPORTED, "its input has %d dimensions (-1: not known)",
                         n->rank);
    n->scale = c->in[1];
    n->offset = c->in[2];
    n->mean = c->in[3];
    n->variance = c->in[4];
    TRY(emit_cast(c->e, c->in[0], emit_dtype(c->e, n->scale), &n->x, err));
    out[1] = out[3] = n->mean;
    out[2] = out[4] = n->variance;
    if (training)
        TRY(norm_train(c, n, out, err));
    else
        TRY(tf_batch_norm_emit(c, n, &out[0], err));
    return emit_cast(c->e, out[0], emit_dtype(c->e, c->in[0]), &out[0], err);
}

static enum status batch_norm_outputs(struct tf_call *c, const value_id *out, size_t count,
                                      struct error *err)
{
    for (size_t i = 0; i < count; i++)
        TRY(tf_add(c, out[i], err));
    return STATUS_OK;
}

static enum status batch_norm(struct tf_call *c, struct error *err)
{
    struct tf_batch_norm n;
    value_id out[6];

    TRY(norm_of(c, &n, out, err));
    return batch_norm_outputs(c, out, 5, err);
}

/* V3 has one more output, of which only GPUs make something. */
static enum status batch_norm_v3(struct tf_call *c, struct error *err)
{
    struct tf_batch_norm n;
    value_id out[6];

    TRY(norm_of(c, &n, out, err));
    TRY(emit_number(c->e, emit_dtype(c->e, n.scale), 0, &out[5], err));
    return batch_norm_outputs(c, out, 6, err);
}

/* With a side input that is added before the activation. */
static enum status batch_norm_ex(struct tf_call *c, struct error *err)
{
    struct bytes activation;
    struct tf_batch_norm n;
    value_id out[6];
    int64_t sides;

    if (c->in_count < 5)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    TRY(tf_int(c->node, "num_side_inputs", 0, &sides, err));
    TRY(tf_string(c->node, "activation_mode", "Identity", &activation, err));
    if (sides < 0 || sides > 1 || c->in_count != 5 + (size_t)sides)
        return error_set(err, STATUS_UNSUPPORTED, "has %lld num_side_inputs", (long long)sides);
    TRY(norm_of(c, &n, out, err));
    if (sides)
        TRY(emit_2(c->e, "Add", out[0], c->in[5], &out[0], err));
    if (bytes_is(activation, "Relu"))
        TRY(emit_1(c->e, "Relu", out[0], &out[0], err));
    else if (!bytes_is(activation, "Identity"))
        return error_set(err, STATUS_UNSUPPORTED, "its activation_mode is not known");
    TRY(emit_number(c->e, emit_dtype(c->e, n.scale), 0, &out[5], err));
    return batch_norm_outputs(c, out, 6, err);
}

/* t, mean, variance, beta, gamma */
static enum status batch_norm_global(struct tf_call *c, struct error *err)
{
    struct tf_batch_norm n = {
        .x = c->in[0], .mean = c->in[1], .variance = c->in[2], .offset = c->in[3]};
    bool scaled;
    value_id y;

    TRY(tf_bool(c->node, "scale_after_normalization", true, &scaled, err));
    TRY(tf_float(c->node, "variance_epsilon", 1e-3, &n.epsilon, err));
    n.scale = scaled ? c->in[4] : VALUE_NONE;
    TRY(tf_rank(c, 0, &n.rank, err));
    TRY(tf_batch_norm_emit(c, &n, &y, err));
    return tf_give(c, y);
}

/* Sums of squares over `depth_radius` channels on both sides. */
static enum status lrn(struct tf_call *c, struct error *err)
{
    double alpha, beta, bias;
    int64_t radius;
    value_id y;

    TRY(tf_int(c->node, "depth_radius", 5, &radius, err));
    TRY(tf_float(c->node, "bias", 1, &bias, err));
    TRY(tf_float(c->node, "alpha", 1, &alpha, err));
    TRY(tf_float(c->node, "beta", 0.5, &beta, err));
    if (radius < 0 || radius > 1 << 16)
        return error_set(err, STATUS_INVALID_INPUT, "its depth_radius is %lld", (long long)radius);
    TRY(emit_node(c->e, "firn", "LRNNhwc", EMIT(c->in[0]),
                  EMIT_ATTRIBUTES(attribute_of_int("size", 2 * radius + 1),
                                  attribute_of_float("alpha", alpha * (double)(2 * radius + 1)),
                                  attribute_of_float("beta", beta),
                                  attribute_of_float("bias", bias)),
                  &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_normalisation =
    TF_OP_SET({.name = "BiasAdd", .lower = bias_add, .inputs = 2},
              {.name = "BiasAddV1", .lower = bias_add, .inputs = 2},
              {.name = "FusedBatchNorm", .lower = batch_norm, .inputs = 5},
              {.name = "FusedBatchNormV2", .lower = batch_norm, .inputs = 5},
              {.name = "FusedBatchNormV3", .lower = batch_norm_v3, .inputs = 5},
              {.name = "_FusedBatchNormEx", .lower = batch_norm_ex},
              {.name = "BatchNormWithGlobalNormalization", .lower = batch_norm_global, .inputs = 5},
              {.name = "LRN", .lower = lrn, .inputs = 1}, );
