// SPDX-License-Identifier: Apache-2.0
/* Preprocessing of numbers: Rescaling, Normalization, Discretization, CategoryEncoding. */
#include <math.h>

#include "importers/keras/internal.h"

/* A number, or a list of numbers, as a constant along the last axis. */
static enum status numbers(struct call *c, const char *key, double otherwise, value_id *value,
                           struct error *err)
{
    const struct json *list = config_get(c, key, NULL);
    const struct json *inner = json_get(json_get(list, "config"), "value"); /* of an array */
    struct tensor tensor;
    struct shape shape;

    list = inner && inner->kind == JSON_ARRAY ? inner : list;
    if (!list || list->kind != JSON_ARRAY)
        return emit_number(c->e, c->dtype, number_single(config_number_or(c, key, otherwise)),
                           value, err);
    shape = SHAPE((int64_t)list->count);
    TRY(tensor_new(&tensor, c->dtype, &shape, c->k->keep, err));
    for (size_t i = 0; i < list->count; i++) {
        double number;

        if (!json_f64(&list->items[i], &number))
            return error_set(err, STATUS_INVALID_INPUT, "its '%s' is no list of numbers", key);
        tensor_set_f64(&tensor, i, number_single(number));
    }
    return emit_constant(c->e, &tensor, value, err);
}

static enum status rescaling(struct call *c, struct error *err)
{
    value_id x, scale, offset, y;

    TRY(call_wants(c, 1, err));
    TRY(emit_cast(c->e, c->in[0].value, c->dtype, &x, err));
    TRY(numbers(c, "scale", 1, &scale, err));
    TRY(numbers(c, "offset", 0, &offset, err));
    TRY(emit_2(c->e, "Mul", x, scale, &y, err));
    TRY(emit_2(c->e, "Add", y, offset, &y, err));
    return call_give(c, y);
}

/* A tensor whose last dimensions stand along the kept axes, in order; ones elsewhere. */
static enum status along_axes(struct tensor *tensor, const int64_t *axes, size_t count, int rank,
                              struct error *err)
{
    struct shape shape = {.rank = rank}, own = tensor->shape;

    if (own.rank > (int)count)
        return error_set(err, STATUS_INVALID_INPUT, "its mean has %d dimensions for %zu axes",
                         own.rank, count);
    for (int d = 0; d < rank; d++)
        shape.dims[d] = 1;
    for (int d = 0; d < own.rank; d++)
        shape.dims[axes[count - (size_t)(own.rank - d)]] = own.dims[d];
    if (own.rank)
        tensor->shape = shape;
    return STATUS_OK;
}

/* Kept axes, from small to large. */
static enum status axes_of(struct call *c, int rank, int64_t *axes, size_t *count,
                           struct error *err)
{
    const struct json *given = config_get(c, "axis", NULL);

    TRY(option_ints(c, SIZE_MAX, "axis", axes, RANK_MAX, count, err));
    if (!given) {
        axes[0] = -1;
        *count = 1;
    }
    for (size_t i = 0; i < *count; i++) {
        axes[i] += axes[i] < 0 ? rank : 0;
        if (axes[i] < 0 || axes[i] >= rank)
            return error_set(err, STATUS_INVALID_INPUT, "its axis is %lld", (long long)axes[i]);
        for (size_t k = i; k && axes[k] < axes[k - 1]; k--) {
            int64_t other = axes[k];

            axes[k] = axes[k - 1];
            axes[k - 1] = other;
        }
    }
    return STATUS_OK;
}

/* (x - mean) / max(sqrt(variance), 1e-7); stated, or learnt as weights with a count behind them. */
static enum status normalization(struct call *c, struct error *err)
{
    const struct json *mean = config_get(c, "mean", NULL);
    bool invert = config_bool_or(c, "invert", NULL, false);
    struct tensor means, variances, deviations;
    int64_t axes[RANK_MAX];
    value_id x, m, d, y;
    size_t count;
    int rank;

    TRY(call_wants(c, 1, err));
    TRY(call_rank(c, 0, &rank, err));
    TRY(axes_of(c, rank, axes, &count, err));
    TRY(emit_cast(c->e, c->in[0].value, c->dtype, &x, err));
    if (mean && mean->kind != JSON_NULL) {
        const struct json *variance = config_get(c, "variance", NULL);

        if (!variance)
            return error_set(err, STATUS_INVALID_INPUT, "has a mean without variance");
        TRY(constant_read(c, mean, DTYPE_F32, &means, err));
        TRY(constant_read(c, variance, DTYPE_F32, &variances, err));
    } else {
        TRY(weight_take(c, "mean", -1, &means, err));
        TRY(weight_take(c, "variance", -1, &variances, err));
    }
    TRY(tensor_new(&deviations, c->dtype, &variances.shape, c->k->keep, err));
    for (size_t i = 0; i < tensor_count(&variances); i++) {
        double root = sqrt(tensor_f64(&variances, i));

        tensor_set_f64(&deviations, i, root > 1e-7 ? root : 1e-7);
    }
    TRY(along_axes(&means, axes, count, rank, err));
    TRY(along_axes(&deviations, axes, count, rank, err));
    TRY(emit_constant(c->e, &means, &m, err));
    TRY(emit_cast(c->e, m, c->dtype, &m, err));
    TRY(emit_constant(c->e, &deviations, &d, err));
    if (invert) {
        TRY(emit_2(c->e, "Mul", x, d, &y, err));
        TRY(emit_2(c->e, "Add", y, m, &y, err));
    } else {
        TRY(emit_2(c->e, "Sub", x, m, &y, err));
        TRY(emit_2(c->e, "Div", y, d, &y, err));
    }
    return call_give(c, y);
}

/* How many boundaries a value has reached. */
static enum status discretization(struct call *c, struct error *err)
{
    const struct json *given = config_get(c, "bin_boundaries", NULL);
    const struct json *inner = json_get(json_get(given, "config"), "value");
    struct bytes mode = config_text_or(c, "output_mode", NULL, "int");
    value_id x = c->in[0].value, edges, reached, y;
    enum dtype own = c->k->generation > 2 ? DTYPE_I32 : DTYPE_I64;
    struct tensor boundaries;
    int64_t last = -1;

    TRY(call_wants(c, 1, err));
    seen_keys(c, "epsilon num_bins"); /* of adapt() */
    given = inner ? inner : given;
    if (!given || given->kind == JSON_NULL)
        return error_set(err, STATUS_UNSUPPORTED, "its bin_boundaries are not in the file");
    TRY(constant_read(c, given, DTYPE_F32, &boundaries, err));
    if (boundaries.shape.rank != 1)
        return error_set(err, STATUS_INVALID_INPUT, "its bin_boundaries are no list");
    TRY(emit_cast(c->e, x, DTYPE_F32, &x, err));
    TRY(emit_unsqueeze(c->e, x, -1, &x, err));
    TRY(emit_constant(c->e, &boundaries, &edges, err));
    TRY(emit_2(c->e, "GreaterOrEqual", x, edges, &reached, err));
    TRY(emit_cast(c->e, reached, DTYPE_I64, &reached, err));
    TRY(emit_reduce(c->e, "ReduceSum", reached, &last, 1, false, &y, err));
    TRY(categories_encode(c, y, mode, boundaries.shape.dims[0] + 1, VALUE_NONE,
                          bytes_is(mode, "int") ? own : DTYPE_F32, &y, err));
    return call_give(c, y);
}

static enum status category_encoding(struct call *c, struct error *err)
{
    struct bytes mode = config_text_or(c, "output_mode", NULL, "multi_hot");
    const struct keras_tensor *weights = call_tensor(c, 1, "count_weights", 0);
    int64_t depth;
    value_id y;

    TRY(call_wants(c, 1, err));
    TRY(config_int(c, "num_tokens", "max_tokens", &depth, err));
    TRY(categories_encode(c, c->in[0].value, mode, depth, weights ? weights->value : VALUE_NONE,
                          c->dtype, &y, err));
    return call_give(c, y);
}

const struct layer_set layers_preprocessing =
    LAYER_SET({.name = "Rescaling", .lower = rescaling, .masks = true},
              {.name = "Normalization", .lower = normalization, .masks = true},
              {.name = "Discretization", .lower = discretization, .any_dtype = true},
              {.name = "CategoryEncoding", .lower = category_encoding, .keywords = true}, );
