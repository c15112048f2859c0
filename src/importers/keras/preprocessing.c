// SPDX-License-Identifier: Apache-2.0
/* Preprocessing of numbers: Rescaling, Normalization. */
#include <math.h>

#include "importers/keras/internal.h"

/* A number, or a list of numbers, as a constant along the last axis. */
static enum status numbers(struct call *c, const char *key, double otherwise, value_id *value,
                           struct error *err)
{
    const struct json *list = json_get(c->config, key);
    struct tensor tensor;
    struct shape shape;

    if (!list || list->kind != JSON_ARRAY)
        return emit_number(c->e, DTYPE_F32, config_number_or(c, key, otherwise), value, err);
    shape = SHAPE((int64_t)list->count);
    TRY(tensor_new(&tensor, DTYPE_F32, &shape, c->k->keep, err));
    for (size_t i = 0; i < list->count; i++) {
        double number;

        if (!json_f64(&list->items[i], &number))
            return error_set(err, STATUS_INVALID_INPUT, "its '%s' is no list of numbers", key);
        tensor_set_f64(&tensor, i, number);
    }
    return emit_constant(c->e, &tensor, value, err);
}

static enum status rescaling(struct call *c, struct error *err)
{
    value_id x, scale, offset, y;

    TRY(call_wants(c, 1, err));
    TRY(emit_cast(c->e, c->in[0].value, DTYPE_F32, &x, err));
    TRY(numbers(c, "scale", 1, &scale, err));
    TRY(numbers(c, "offset", 0, &offset, err));
    TRY(emit_2(c->e, "Mul", x, scale, &y, err));
    TRY(emit_2(c->e, "Add", y, offset, &y, err));
    return call_give(c, y);
}

/* (x - mean) / max(sqrt(variance), 1e-7); stated, or learnt as weights with a count behind them. */
static enum status normalization(struct call *c, struct error *err)
{
    const struct json *mean = json_get(c->config, "mean"), *axis = json_get(c->config, "axis");
    struct tensor means, variances, deviations;
    value_id x, m, d, y;
    int64_t at = -1;
    int rank;

    TRY(call_wants(c, 1, err));
    TRY(config_refuse(c, "invert", err));
    TRY(call_rank(c, 0, &rank, err));
    if (axis && axis->kind == JSON_ARRAY && axis->count == 1)
        axis = &axis->items[0];
    if (axis && axis->kind != JSON_NULL && (!json_i64(axis, &at) || (at != -1 && at != rank - 1)))
        return error_set(err, STATUS_UNSUPPORTED, "its axis is not the last one");
    TRY(emit_cast(c->e, c->in[0].value, DTYPE_F32, &x, err));
    if (mean && mean->kind != JSON_NULL) {
        value_id variance, floor;

        TRY(numbers(c, "mean", 0, &m, err));
        TRY(numbers(c, "variance", 1, &variance, err));
        TRY(emit_1(c->e, "Sqrt", variance, &d, err));
        TRY(emit_number(c->e, DTYPE_F32, 1e-7, &floor, err));
        TRY(emit_2(c->e, "Max", d, floor, &d, err));
    } else {
        TRY(weight_take(c, "mean", -1, &means, err));
        TRY(weight_take(c, "variance", -1, &variances, err));
        TRY(tensor_new(&deviations, DTYPE_F32, &variances.shape, c->k->keep, err));
        for (size_t i = 0; i < tensor_count(&variances); i++) {
            double root = sqrt(tensor_f64(&variances, i));

            tensor_set_f64(&deviations, i, root > 1e-7 ? root : 1e-7);
        }
        TRY(emit_constant(c->e, &means, &m, err));
        TRY(emit_constant(c->e, &deviations, &d, err));
    }
    TRY(emit_2(c->e, "Sub", x, m, &y, err));
    TRY(emit_2(c->e, "Div", y, d, &y, err));
    return call_give(c, y);
}

const struct layer_set layers_preprocessing = LAYER_SET(
    {.name = "Rescaling", .lower = rescaling}, {.name = "Normalization", .lower = normalization}, );
