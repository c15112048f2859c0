// SPDX-License-Identifier: Apache-2.0
/* Normalisation: of batches (inference), layers, groups; and by stated means. */
#include <math.h>

#include "importers/keras/internal.h"

/* One axis: an integer, or a list of one. */
static enum status axis_of(const struct call *c, int64_t otherwise, int rank, int64_t *axis,
                           struct error *err)
{
    const struct json *value = config_get(c, "axis", NULL);

    *axis = otherwise;
    if (value && value->kind == JSON_ARRAY && value->count == 1)
        value = &value->items[0];
    if (value && value->kind != JSON_NULL && !json_i64(value, axis))
        return error_set(err, STATUS_UNSUPPORTED, "has several axes");
    *axis += *axis < 0 ? rank : 0;
    if (*axis < 0 || *axis >= rank)
        return error_set(err, STATUS_INVALID_INPUT, "its axis is %lld", (long long)*axis);
    return STATUS_OK;
}

/* (n,) as a constant that stands along `axis` of a tensor of this rank. */
static enum status along_axis(struct call *c, struct tensor vector, int64_t axis, int rank,
                              value_id *value, struct error *err)
{
    struct shape shape = {.rank = rank - (int)axis};

    for (int d = 1; d < shape.rank; d++)
        shape.dims[d] = 1;
    shape.dims[0] = (int64_t)tensor_count(&vector);
    vector.shape = shape;
    return emit_constant(c->e, &vector, value, err);
}

/* gamma / sqrt(variance + epsilon) and beta - mean * that, in double. */
static enum status batch_normalization(struct call *c, struct error *err)
{
    double epsilon = config_number_or(c, "epsilon", 1e-3);
    bool scaled = config_bool_or(c, "scale", NULL, true),
         centred = config_bool_or(c, "center", NULL, true);
    struct tensor gamma, beta, mean, variance, factor, offset;
    value_id y, f, o;
    int64_t axis;
    int rank;

    TRY(call_wants(c, 1, err));
    TRY(call_rank(c, 0, &rank, err));
    TRY(axis_of(c, -1, rank, &axis, err));
    if (config_int_or(c, "mode", 0))
        return error_set(err, STATUS_UNSUPPORTED, "its 'mode' is not 0");
    if (scaled)
        TRY(weight_take(c, "gamma", 1, &gamma, err));
    if (centred)
        TRY(weight_take(c, "beta", 1, &beta, err));
    TRY(weight_take(c, "moving mean", 1, &mean, err));
    TRY(weight_take(c, "moving variance", 1, &variance, err));
    TRY(tensor_new(&factor, c->dtype, &mean.shape, c->k->keep, err));
    TRY(tensor_new(&offset, c->dtype, &mean.shape, c->k->keep, err));
    if (!shape_equal(&mean.shape, &variance.shape) ||
        (scaled && !shape_equal(&mean.shape, &gamma.shape)) ||
        (centred && !shape_equal(&mean.shape, &beta.shape)))
        return error_set(err, STATUS_INVALID_INPUT, "its weights have different sizes");
    for (size_t i = 0; i < tensor_count(&mean); i++) {
        double f1 = (scaled ? tensor_f64(&gamma, i) : 1) / sqrt(tensor_f64(&variance, i) + epsilon);

        tensor_set_f64(&factor, i, f1);
        tensor_set_f64(&offset, i,
                       (centred ? tensor_f64(&beta, i) : 0) - tensor_f64(&mean, i) * f1);
    }
    TRY(along_axis(c, factor, axis, rank, &f, err));
    TRY(along_axis(c, offset, axis, rank, &o, err));
    TRY(emit_2(c->e, "Mul", c->in[0].value, f, &y, err));
    TRY(emit_2(c->e, "Add", y, o, &y, err));
    return call_give(c, y);
}

/* The axes, from the first on; the last where none is stated. */
static enum status axes_of(const struct call *c, int rank, int64_t axes[RANK_MAX], size_t *count,
                           struct error *err)
{
    const struct json *list = config_get(c, "axis", NULL);
    bool many = list && list->kind == JSON_ARRAY;

    *count = many ? list->count : 1;
    if (*count < 1 || *count > (size_t)rank)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu axes", *count);
    for (size_t i = 0; i < *count; i++) {
        axes[i] = -1;
        if ((many || (list && list->kind != JSON_NULL)) &&
            !json_i64(many ? &list->items[i] : list, &axes[i]))
            return error_set(err, STATUS_INVALID_INPUT, "its axes are no integers");
        axes[i] += axes[i] < 0 ? rank : 0;
        if (axes[i] < 0 || axes[i] >= rank)
            return error_set(err, STATUS_INVALID_INPUT, "its axis is %lld", (long long)axes[i]);
        if (i && axes[i] <= axes[i - 1])
            return error_set(err, STATUS_UNSUPPORTED, "its axes are not in order");
    }
    return STATUS_OK;
}

/* gamma or beta, of the sizes of the axes, to stand along them. */
static enum status weight_along(struct call *c, const char *what, int rank, const int64_t *axes,
                                size_t count, value_id *value, struct error *err)
{
    struct shape shape = {.rank = rank};
    struct tensor stored;

    TRY(weight_take(c, what, (int)count, &stored, err));
    for (int d = 0; d < rank; d++)
        shape.dims[d] = 1;
    for (size_t i = 0; i < count; i++)
        shape.dims[axes[i]] = stored.shape.dims[i];
    stored.shape = shape;
    return emit_constant(c->e, &stored, value, err);
}

/* Over axes that are not the last. */
static enum status layer_normalization_over(struct call *c, int rank, const int64_t *axes,
                                            size_t count, struct error *err)
{
    value_id x = c->in[0].value, mean, square, number, factor;

    TRY(emit_reduce(c->e, "ReduceMean", x, axes, count, true, &mean, err));
    TRY(emit_2(c->e, "Sub", x, mean, &x, err));
    TRY(emit_2(c->e, "Mul", x, x, &square, err));
    TRY(emit_reduce(c->e, "ReduceMean", square, axes, count, true, &square, err));
    TRY(emit_number(c->e, c->dtype, config_number_or(c, "epsilon", 1e-3), &number, err));
    TRY(emit_2(c->e, "Add", square, number, &square, err));
    TRY(emit_1(c->e, "Sqrt", square, &square, err));
    TRY(emit_2(c->e, "Div", x, square, &x, err));
    if (config_bool_or(c, "scale", NULL, true)) {
        TRY(weight_along(c, "gamma", rank, axes, count, &factor, err));
        TRY(emit_2(c->e, "Mul", x, factor, &x, err));
    }
    if (config_bool_or(c, "center", NULL, true)) {
        TRY(weight_along(c, "beta", rank, axes, count, &factor, err));
        TRY(emit_2(c->e, "Add", x, factor, &x, err));
    }
    return call_give(c, x);
}

/* Over the last axes; gamma and beta have their shape. */
static enum status layer_normalization(struct call *c, struct error *err)
{
    double epsilon = config_number_or(c, "epsilon", 1e-3);
    bool scaled = config_bool_or(c, "scale", NULL, true);
    bool centred = config_bool_or(c, "center", NULL, true);
    int64_t axis = -1, axes[RANK_MAX];
    size_t count;
    struct tensor ones;
    value_id gamma, beta, y;
    int rank;

    TRY(call_wants(c, 1, err));
    TRY(config_refuse(c, "rms_scaling", err));
    TRY(call_rank(c, 0, &rank, err));
    TRY(axes_of(c, rank, axes, &count, err));
    axis = rank - (int64_t)count;
    if (axes[0] != axis)
        return layer_normalization_over(c, rank, axes, count, err);
    if (scaled) {
        TRY(weight_constant(c, "gamma", -1, &gamma, err));
    } else {
        int64_t width;
        struct shape shape;

        TRY(call_dim(c, 0, -1, &width, err));
        shape = SHAPE(width);
        TRY(tensor_new(&ones, c->dtype, &shape, c->k->keep, err));
        for (size_t i = 0; i < (size_t)width; i++)
            tensor_set_f64(&ones, i, 1);
        TRY(emit_constant(c->e, &ones, &gamma, err));
    }
    if (centred)
        TRY(weight_constant(c, "beta", -1, &beta, err));
    TRY(emit_node(
        c->e, "", "LayerNormalization", EMIT(c->in[0].value, gamma, centred ? beta : VALUE_NONE),
        EMIT_ATTRIBUTES(attribute_of_int("axis", axis), attribute_of_float("epsilon", epsilon),
                        attribute_of_int("stash_type", dtype_to_onnx(c->dtype))),
        &y, err));
    return call_give(c, y);
}

/* ConvNeXt: x times a factor for each channel. */
static enum status layer_scale(struct call *c, struct error *err)
{
    value_id gamma, y;

    TRY(call_wants(c, 1, err));
    TRY(weight_constant(c, "gamma", 1, &gamma, err));
    TRY(emit_2(c->e, "Mul", c->in[0].value, gamma, &y, err));
    return call_give(c, y);
}

static enum status rms_normalization(struct call *c, struct error *err)
{
    value_id x = c->in[0].value, scale, square, mean, epsilon, root, y;
    int64_t axis = -1;
    int rank;

    TRY(call_wants(c, 1, err));
    TRY(call_rank(c, 0, &rank, err));
    TRY(axis_of(c, -1, rank, &axis, err));
    if (axis != rank - 1)
        return error_set(err, STATUS_UNSUPPORTED, "its axis is not the last one");
    TRY(weight_constant(c, "scale", 1, &scale, err));
    TRY(emit_2(c->e, "Mul", x, x, &square, err));
    TRY(emit_reduce(c->e, "ReduceMean", square, &axis, 1, true, &mean, err));
    TRY(emit_number(c->e, emit_dtype(c->e, x), config_number_or(c, "epsilon", 1e-6), &epsilon,
                    err));
    TRY(emit_2(c->e, "Add", mean, epsilon, &mean, err));
    TRY(emit_1(c->e, "Sqrt", mean, &root, err));
    TRY(emit_2(c->e, "Div", x, root, &y, err));
    TRY(emit_2(c->e, "Mul", y, scale, &y, err));
    return call_give(c, y);
}

static enum status unit_normalization(struct call *c, struct error *err)
{
    int64_t axes[RANK_MAX];
    value_id y;
    size_t count;
    int rank;

    TRY(call_wants(c, 1, err));
    TRY(call_rank(c, 0, &rank, err));
    TRY(axes_of(c, rank, axes, &count, err));
    TRY(unit_emit(c, c->in[0].value, axes, count, 1e-12, &y, err));
    return call_give(c, y);
}

/* Channels in `groups`: (n, ..., c) -> (n, ..., g, c / g), normalised over all but n and g. */
static enum status group_normalization(struct call *c, struct error *err)
{
    int64_t groups = config_int_or(c, "groups", 32), axis, channels, dims[RANK_MAX], axes[RANK_MAX];
    bool scaled = config_bool_or(c, "scale", NULL, true);
    bool centred = config_bool_or(c, "center", NULL, true);
    value_id x = c->in[0].value, y, mean, square, epsilon, weight;
    size_t count = 0;
    int rank;

    TRY(call_wants(c, 1, err));
    TRY(call_rank(c, 0, &rank, err));
    TRY(axis_of(c, -1, rank, &axis, err));
    TRY(call_dim(c, 0, (int)axis, &channels, err));
    groups = groups == -1 ? channels : groups;
    if (axis != rank - 1 || groups < 1 || channels % groups || rank + 1 > RANK_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "%lld groups of %lld channels along axis %lld",
                         (long long)groups, (long long)channels, (long long)axis);
    memset(dims, 0, sizeof dims);
    dims[rank - 1] = groups;
    dims[rank] = channels / groups;
    for (int d = 1; d <= rank; d++)
        if (d != rank - 1)
            axes[count++] = d;
    TRY(emit_reshape(c->e, x, dims, (size_t)rank + 1, &x, err));
    TRY(emit_reduce(c->e, "ReduceMean", x, axes, count, true, &mean, err));
    TRY(emit_2(c->e, "Sub", x, mean, &x, err));
    TRY(emit_2(c->e, "Mul", x, x, &square, err));
    TRY(emit_reduce(c->e, "ReduceMean", square, axes, count, true, &square, err));
    TRY(emit_number(c->e, emit_dtype(c->e, x), config_number_or(c, "epsilon", 1e-3), &epsilon,
                    err));
    TRY(emit_2(c->e, "Add", square, epsilon, &square, err));
    TRY(emit_1(c->e, "Sqrt", square, &square, err));
    TRY(emit_2(c->e, "Div", x, square, &y, err));
    dims[rank - 1] = channels;
    TRY(emit_reshape(c->e, y, dims, (size_t)rank, &y, err));
    if (scaled) {
        TRY(weight_constant(c, "gamma", 1, &weight, err));
        TRY(emit_2(c->e, "Mul", y, weight, &y, err));
    }
    if (centred) {
        TRY(weight_constant(c, "beta", 1, &weight, err));
        TRY(emit_2(c->e, "Add", y, weight, &y, err));
    }
    return call_give(c, y);
}

const struct layer_set layers_normalization =
    LAYER_SET({.name = "BatchNormalization",
               .lower = batch_normalization,
               .masks = true,
               .full_weights = true},
              {.name = "BatchNormalizationV1",
               .lower = batch_normalization,
               .masks = true,
               .full_weights = true},
              {.name = "SyncBatchNormalization",
               .lower = batch_normalization,
               .masks = true,
               .full_weights = true},
              {.name = "LayerNormalization",
               .lower = layer_normalization,
               .masks = true,
               .full_weights = true,
               .full_inputs = true},
              {.name = "LayerScale", .lower = layer_scale},
              {.name = "RMSNormalization", .lower = rms_normalization},
              {.name = "UnitNormalization", .lower = unit_normalization, .masks = true},
              {.name = "GroupNormalization",
               .lower = group_normalization,
               .masks = true,
               .full_weights = true,
               .full_inputs = true}, );
