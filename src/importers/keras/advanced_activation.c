// SPDX-License-Identifier: Apache-2.0
/* Activations that are layers. */
#include <math.h>

#include "importers/keras/internal.h"

/* x above the threshold, else slope (x - threshold). */
static enum status above_threshold(struct call *c, value_id x, double slope, double threshold,
                                   value_id *y, struct error *err)
{
    double from = c->k->generation > 2 ? number_single(threshold) : threshold;
    value_id limit, factor, above, below;

    TRY(emit_number(c->e, emit_dtype(c->e, x), from, &limit, err));
    TRY(emit_2(c->e, "Greater", x, limit, &above, err));
    TRY(emit_number(c->e, emit_dtype(c->e, x), threshold, &limit, err));
    TRY(emit_number(c->e, emit_dtype(c->e, x), slope, &factor, err));
    TRY(emit_2(c->e, "Sub", x, limit, &below, err));
    TRY(emit_2(c->e, "Mul", below, factor, &below, err));
    return emit_where(c->e, above, x, below, y, err);
}

static enum status relu(struct call *c, struct error *err)
{
    double slope = config_number_or(c, "negative_slope", 0);
    double threshold = config_number_or(c, "threshold", 0);
    double max = config_number_or(c, "max_value", -1);
    value_id x = c->in[0].value, y = x;

    TRY(call_wants(c, 1, err));
    if (threshold != 0)
        TRY(above_threshold(c, x, slope, threshold, &y, err));
    else if (slope != 0)
        TRY(emit_node(
            c->e, "", "LeakyRelu", EMIT(x),
            EMIT_ATTRIBUTES(attribute_of_float("alpha", max >= 0 ? slope : number_single(slope))),
            &y, err));
    else
        TRY(emit_1(c->e, "Relu", x, &y, err));
    if (max >= 0)
        TRY(emit_clip(c->e, y, -HUGE_VAL, c->k->generation > 2 ? number_single(max) : max, &y,
                      err));
    return call_give(c, y);
}

static enum status leaky_relu(struct call *c, struct error *err)
{
    double alpha = config_number_or(c, "negative_slope", config_number_or(c, "alpha", 0.3));
    value_id y;

    TRY(call_wants(c, 1, err));
    TRY(emit_node(c->e, "", "LeakyRelu", EMIT(c->in[0].value),
                  EMIT_ATTRIBUTES(attribute_of_float("alpha", number_single(alpha))), &y, err));
    return call_give(c, y);
}

static enum status elu(struct call *c, struct error *err)
{
    value_id y;

    TRY(call_wants(c, 1, err));
    TRY(emit_node(c->e, "", "Elu", EMIT(c->in[0].value),
                  EMIT_ATTRIBUTES(attribute_of_float("alpha", config_number_or(c, "alpha", 1))), &y,
                  err));
    return call_give(c, y);
}

/* The slopes have the shape of the input without the batch, 1 along shared axes. */
static enum status prelu(struct call *c, struct error *err)
{
    value_id slope, y;

    TRY(call_wants(c, 1, err));
    TRY(weight_constant(c, "slopes", -1, &slope, err));
    TRY(emit_2(c->e, "PRelu", c->in[0].value, slope, &y, err));
    return call_give(c, y);
}

static enum status thresholded_relu(struct call *c, struct error *err)
{
    value_id y;

    TRY(call_wants(c, 1, err));
    TRY(emit_node(c->e, "", "ThresholdedRelu", EMIT(c->in[0].value),
                  EMIT_ATTRIBUTES(attribute_of_float("alpha", config_number_or(c, "theta", 1))), &y,
                  err));
    return call_give(c, y);
}

/* Over several axes together. */
static enum status softmax_over(struct call *c, const struct json *list, value_id x, value_id *y,
                                struct error *err)
{
    int64_t axes[RANK_MAX];
    value_id part;

    if (list->count < 1 || list->count > RANK_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu axes", list->count);
    for (size_t i = 0; i < list->count; i++)
        if (!json_i64(&list->items[i], &axes[i]))
            return error_set(err, STATUS_INVALID_INPUT, "its axes are no integers");
    TRY(emit_reduce(c->e, "ReduceMax", x, axes, list->count, true, &part, err));
    TRY(emit_2(c->e, "Sub", x, part, &x, err));
    TRY(emit_1(c->e, "Exp", x, &x, err));
    TRY(emit_reduce(c->e, "ReduceSum", x, axes, list->count, true, &part, err));
    return emit_2(c->e, "Div", x, part, y, err);
}

static enum status softmax(struct call *c, struct error *err)
{
    const struct json *axis = config_get(c, "axis", NULL);
    value_id x = c->in[0].value, mask = c->in[0].mask, number, y;
    int64_t value = -1;
    bool clears = mask != VALUE_NONE && c->k->generation > 2;

    TRY(call_wants(c, 1, err));
    if (mask != VALUE_NONE && emit_shape(c->e, mask)->rank != emit_shape(c->e, x)->rank)
        return error_set(err, STATUS_UNSUPPORTED, "a mask of %d dimensions",
                         emit_shape(c->e, mask)->rank);
    if (mask != VALUE_NONE) { /* what is hidden is far below all others */
        TRY(emit_cast(c->e, mask, DTYPE_BOOL, &mask, err));
        TRY(emit_number(c->e, c->dtype, -1e9, &number, err));
        if (!clears)
            TRY(emit_2(c->e, "Add", x, number, &number, err));
        TRY(emit_where(c->e, mask, x, number, &x, err));
    }
    if (axis && axis->kind == JSON_ARRAY && axis->count == 1)
        axis = &axis->items[0];
    if (axis && axis->kind == JSON_ARRAY)
        TRY(softmax_over(c, axis, x, &y, err));
    else if (axis && axis->kind != JSON_NULL && !json_i64(axis, &value))
        return error_set(err, STATUS_INVALID_INPUT, "its axis is no number");
    else
        TRY(emit_node(c->e, "", "Softmax", EMIT(x),
                      EMIT_ATTRIBUTES(attribute_of_int("axis", value)), &y, err));
    if (clears) {
        TRY(emit_number(c->e, c->dtype, 0, &number, err));
        TRY(emit_where(c->e, mask, y, number, &y, err));
    }
    return call_give(c, y);
}

const struct layer_set layers_advanced_activation = LAYER_SET(
    {.name = "ReLU", .lower = relu, .masks = true},
    {.name = "LeakyReLU", .lower = leaky_relu, .masks = true},
    {.name = "ELU", .lower = elu, .masks = true}, {.name = "PReLU", .lower = prelu, .masks = true},
    {.name = "ThresholdedReLU", .lower = thresholded_relu, .masks = true},
    {.name = "Softmax", .lower = softmax, .masks = true}, );
