// SPDX-License-Identifier: Apache-2.0
/* Layers of several inputs. Shapes of other ranks broadcast as Keras has it: those of lower rank
 * get ones behind the batch. */
#include <math.h>
#include <stdio.h>

#include "importers/keras/internal.h"

/* Keras 3: all have a mask, and a step counts that counts in one of them. Before: it counts where
 * it does in all that have a mask. */
static enum status masks_join(struct call *c, value_id *mask, struct error *err)
{
    bool any = c->k->generation > 2;

    *mask = VALUE_NONE;
    for (size_t i = 0; i < c->in_count; i++) {
        if (c->in[i].mask == VALUE_NONE && any) {
            *mask = VALUE_NONE;
            return STATUS_OK;
        }
        if (c->in[i].mask == VALUE_NONE)
            continue;
        if (*mask == VALUE_NONE)
            *mask = c->in[i].mask;
        else
            TRY(emit_2(c->e, any ? "Or" : "And", *mask, c->in[i].mask, mask, err));
    }
    return STATUS_OK;
}

/* A mask of ones, (batch, steps). */
static enum status mask_of_all(struct call *c, value_id x, value_id *mask, struct error *err)
{
    value_id shape;

    TRY(emit_1(c->e, "Shape", x, &shape, err));
    TRY(emit_slice(c->e, shape, 0, 0, 2, 1, &shape, err));
    TRY(emit_number(c->e, DTYPE_BOOL, 1, mask, err));
    return emit_2(c->e, "Expand", *mask, shape, mask, err);
}

/* Along the last axis: as of sums, where inputs without a mask count in every step. Along the
 * steps: one behind another. */
static enum status masks_concatenate(struct call *c, int64_t axis, value_id *mask,
                                     struct error *err)
{
    value_id masks[LAYER_INPUTS_MAX];
    bool masked = false;
    int rank;

    *mask = VALUE_NONE;
    for (size_t i = 0; i < c->in_count; i++)
        masked = masked || c->in[i].mask != VALUE_NONE;
    if (!masked)
        return STATUS_OK;
    TRY(call_rank(c, 0, &rank, err));
    axis += axis < 0 ? rank : 0;
    if (axis == rank - 1 && rank > 2)
        return masks_join(c, mask, err);
    if (axis != 1)
        return error_set(err, STATUS_UNSUPPORTED, "masks along axis %lld", (long long)axis);
    for (size_t i = 0; i < c->in_count; i++) {
        masks[i] = c->in[i].mask;
        if (masks[i] == VALUE_NONE)
            TRY(mask_of_all(c, c->in[i].value, &masks[i], err));
    }
    return emit_concat(c->e, (struct emit_inputs){masks, c->in_count}, 1, mask, err);
}

/* The dtype that all inputs become. */
static enum dtype common_dtype(const struct call *c)
{
    enum dtype dtype = emit_dtype(c->e, c->in[0].value);

    for (size_t i = 1; i < c->in_count; i++)
        dtype = dtype_promote(dtype, emit_dtype(c->e, c->in[i].value));
    return dtype;
}

/* Ones behind the batch until the ranks are equal. */
static enum status widen(struct call *c, value_id *x, int rank, struct error *err)
{
    int own = emit_shape(c->e, *x)->rank;

    if (own < 0)
        return error_set(err, STATUS_UNSUPPORTED, "the rank of an input is not known");
    for (; own < rank; own++)
        TRY(emit_unsqueeze(c->e, *x, 1, x, err));
    return STATUS_OK;
}

static enum status fold(struct call *c, const char *op, value_id *y, struct error *err)
{
    int rank = 0;

    for (size_t i = 0; i < c->in_count; i++) {
        int own = emit_shape(c->e, c->in[i].value)->rank;

        rank = own > rank ? own : rank;
    }
    for (size_t i = 0; i < c->in_count; i++) {
        value_id x;

        TRY(emit_cast(c->e, c->in[i].value, common_dtype(c), &x, err));
        TRY(widen(c, &x, rank, err));
        if (i)
            TRY(emit_2(c->e, op, *y, x, y, err));
        else
            *y = x;
    }
    return STATUS_OK;
}

static enum status merge(struct call *c, const char *op, struct error *err)
{
    value_id y, mask;

    TRY(fold(c, op, &y, err));
    TRY(masks_join(c, &mask, err));
    return call_add(c, y, mask, err);
}

static enum status add(struct call *c, struct error *err)
{
    return merge(c, "Add", err);
}

static enum status subtract(struct call *c, struct error *err)
{
    TRY(call_wants(c, 2, err));
    return merge(c, "Sub", err);
}

/* Keras 3 looks at the masks of what it multiplies or compares: a step that does not count there
 * leaves what the other inputs have (keras/src/layers/merging/{multiply,base_merge}.py). */
static bool looks_at_masks(const struct call *c)
{
    for (size_t i = 0; i < c->in_count && c->k->generation > 2; i++)
        if (c->in[i].mask != VALUE_NONE)
            return true;
    return false;
}

/* (batch, steps) as (batch, steps, 1): for inputs of one shape alone. */
static enum status mask_widen(struct call *c, size_t i, value_id *wide, struct error *err)
{
    const struct shape *x = emit_shape(c->e, c->in[i].value);

    *wide = c->in[i].mask;
    if (*wide == VALUE_NONE)
        return STATUS_OK;
    if (x->rank < 1 || x->rank != emit_shape(c->e, c->in[0].value)->rank ||
        emit_shape(c->e, *wide)->rank != x->rank - 1)
        return error_set(err, STATUS_UNSUPPORTED, "masked inputs of different ranks");
    TRY(emit_cast(c->e, *wide, DTYPE_BOOL, wide, err));
    return emit_unsqueeze(c->e, *wide, x->rank - 1, wide, err);
}

/* The first inputs stand in where a step does not count; nothing is added where none counts. */
static enum status extreme(struct call *c, const char *op, struct error *err)
{
    value_id y = VALUE_NONE, all = VALUE_NONE, mask, x;

    if (!looks_at_masks(c))
        return merge(c, op, err);
    for (size_t i = 0; i < c->in_count; i++) {
        TRY(emit_cast(c->e, c->in[i].value, common_dtype(c), &x, err));
        TRY(mask_widen(c, i, &mask, err));
        if (!i) {
            y = x;
            all = mask;
            continue;
        }
        if (mask != VALUE_NONE)
            TRY(emit_where(c->e, mask, x, y, &x, err));
        if (all != VALUE_NONE)
            TRY(emit_where(c->e, all, y, x, &y, err));
        if (mask != VALUE_NONE && all != VALUE_NONE)
            TRY(emit_2(c->e, "Or", all, mask, &all, err));
        else
            all = VALUE_NONE;
        TRY(emit_2(c->e, op, y, x, &y, err));
    }
    TRY(masks_join(c, &mask, err));
    return call_add(c, y, mask, err);
}

/* Ones stand in where a step does not count; zeros where none does. */
static enum status multiply(struct call *c, struct error *err)
{
    value_id y = VALUE_NONE, mask, x, one, zero;

    if (!looks_at_masks(c))
        return merge(c, "Mul", err);
    TRY(emit_number(c->e, common_dtype(c), 1, &one, err));
    TRY(emit_number(c->e, common_dtype(c), 0, &zero, err));
    for (size_t i = 0; i < c->in_count; i++) {
        TRY(emit_cast(c->e, c->in[i].value, common_dtype(c), &x, err));
        TRY(mask_widen(c, i, &mask, err));
        if (mask != VALUE_NONE)
            TRY(emit_where(c->e, mask, x, one, &x, err));
        if (i)
            TRY(emit_2(c->e, "Mul", y, x, &y, err));
        else
            y = x;
    }
    TRY(masks_join(c, &mask, err));
    if (mask != VALUE_NONE) {
        TRY(emit_unsqueeze(c->e, mask, emit_shape(c->e, mask)->rank, &x, err));
        TRY(emit_where(c->e, x, y, zero, &y, err));
    }
    return call_add(c, y, mask, err);
}

static enum status maximum(struct call *c, struct error *err)
{
    return extreme(c, "Max", err);
}

static enum status minimum(struct call *c, struct error *err)
{
    return extreme(c, "Min", err);
}

static enum status average(struct call *c, struct error *err)
{
    value_id y, count, mask;

    TRY(fold(c, "Add", &y, err));
    TRY(emit_number(c->e, emit_dtype(c->e, y), (double)c->in_count, &count, err));
    TRY(emit_2(c->e, "Div", y, count, &y, err));
    TRY(masks_join(c, &mask, err));
    return call_add(c, y, mask, err);
}

static enum status concatenate(struct call *c, struct error *err)
{
    int64_t axis = config_int_or(c, "axis", config_int_or(c, "concat_axis", -1));
    value_id inputs[LAYER_INPUTS_MAX], mask, y;

    for (size_t i = 0; i < c->in_count; i++)
        TRY(emit_cast(c->e, c->in[i].value, common_dtype(c), &inputs[i], err));
    TRY(emit_concat(c->e, (struct emit_inputs){inputs, c->in_count}, axis, &y, err));
    TRY(masks_concatenate(c, axis, &mask, err));
    return call_add(c, y, mask, err);
}

/* Of up to 8 dimensions: "nabk,nkc->nabc". */
static enum status dot_of_many(struct call *c, value_id a, value_id b, const int ranks[2],
                               const int64_t axes[2], value_id *y, struct error *err)
{
    char *equation = arena_new(c->k->keep, char, 64), kept[16], letter = 'a';
    size_t size = 0, rest = 0;

    if (!equation)
        return error_no_memory(err, "an equation");
    for (int i = 0; i < 2; i++) {
        equation[size++] = i ? ',' : 'n';
        if (i)
            equation[size++] = 'n';
        for (int d = 1; d < ranks[i]; d++) {
            equation[size++] = d == axes[i] ? 'k' : letter;
            if (d != axes[i])
                kept[rest++] = letter;
            letter = (char)(letter + (d == axes[i] ? 0 : letter == 'j' || letter == 'm' ? 2 : 1));
        }
    }
    snprintf(equation + size, 64 - size, "->n%.*s", (int)rest, kept);
    return emit_node(c->e, "", "Einsum", EMIT(a, b),
                     EMIT_ATTRIBUTES(attribute_of_text("equation", equation)), y, err);
}

/* Batched products along one axis each. */
static enum status dot(struct call *c, struct error *err)
{
    value_id a = c->in[0].value, b, y;
    int ranks[2];
    int64_t axes[2];

    TRY(call_wants(c, 2, err));
    b = c->in[1].value;
    TRY(call_rank(c, 0, &ranks[0], err));
    TRY(call_rank(c, 1, &ranks[1], err));
    TRY(config_ints(c, config_get(c, "axes", NULL) ? "axes" : "dot_axes", 2, -1, axes, err));
    for (int i = 0; i < 2; i++) {
        axes[i] += axes[i] < 0 ? ranks[i] : 0;
        if (ranks[i] < 2 || ranks[i] > 8 || axes[i] < 1 || axes[i] >= ranks[i])
            return error_set(err, STATUS_UNSUPPORTED, "a Dot of ranks %d and %d", ranks[0],
                             ranks[1]);
    }
    if (config_bool_or(c, "normalize", NULL, false)) {
        double epsilon = c->k->generation >= 3 ? 1e-7 : 1e-12;

        TRY(unit_emit(c, a, &axes[0], 1, epsilon, &a, err));
        TRY(unit_emit(c, b, &axes[1], 1, epsilon, &b, err));
    }
    if (ranks[0] > 3 || ranks[1] > 3) {
        TRY(dot_of_many(c, a, b, ranks, axes, &y, err));
        return call_give(c, y);
    }
    /* a as (n, i, k), b as (n, k, j) */
    if (ranks[0] == 2)
        TRY(emit_unsqueeze(c->e, a, 1, &a, err));
    else if (axes[0] == 1)
        TRY(emit_transpose(c->e, a, (const int64_t[]){0, 2, 1}, 3, &a, err));
    if (ranks[1] == 2)
        TRY(emit_unsqueeze(c->e, b, 2, &b, err));
    else if (axes[1] == 2)
        TRY(emit_transpose(c->e, b, (const int64_t[]){0, 2, 1}, 3, &b, err));
    TRY(emit_2(c->e, "MatMul", a, b, &y, err));
    if (ranks[0] == 2 && ranks[1] == 2)
        TRY(emit_squeeze(c->e, y, 2, &y, err));
    else if (ranks[0] == 2)
        TRY(emit_squeeze(c->e, y, 1, &y, err));
    else if (ranks[1] == 2)
        TRY(emit_squeeze(c->e, y, 2, &y, err));
    return call_give(c, y);
}

/* Of vectors: a b / max(sqrt(a a b b), 1e-7), as (batch, 1, 1). */
static enum status cosine(struct call *c, struct error *err)
{
    value_id a = c->in[0].value, b, y, aa, bb;
    int64_t axis = 1;
    int ranks[2];

    TRY(call_wants(c, 2, err));
    b = c->in[1].value;
    TRY(call_rank(c, 0, &ranks[0], err));
    TRY(call_rank(c, 1, &ranks[1], err));
    if (ranks[0] != 2 || ranks[1] != 2)
        return error_set(err, STATUS_UNSUPPORTED, "mode 'cos' of %d and %d dimensions", ranks[0],
                         ranks[1]);
    TRY(emit_reduce(c->e, "ReduceSumSquare", a, &axis, 1, true, &aa, err));
    TRY(emit_reduce(c->e, "ReduceSumSquare", b, &axis, 1, true, &bb, err));
    TRY(emit_2(c->e, "Mul", aa, bb, &aa, err));
    TRY(emit_1(c->e, "Sqrt", aa, &aa, err));
    TRY(emit_clip(c->e, aa, 1e-7, HUGE_VAL, &aa, err));
    TRY(emit_2(c->e, "Mul", a, b, &y, err));
    TRY(emit_reduce(c->e, "ReduceSum", y, &axis, 1, true, &y, err));
    TRY(emit_2(c->e, "Div", y, aa, &y, err));
    TRY(emit_unsqueeze(c->e, y, 1, &y, err));
    return call_give(c, y);
}

/* Of keras.applications' InceptionResNetV2: a + b * scale. */
static enum status scaled_sum(struct call *c, struct error *err)
{
    double scale;
    value_id factor, y;

    TRY(call_wants(c, 2, err));
    if (!json_f64(config_get(c, "scale", NULL), &scale))
        return error_set(err, STATUS_INVALID_INPUT, "has no 'scale'");
    TRY(emit_number(c->e, c->dtype, scale, &factor, err));
    TRY(emit_2(c->e, "Mul", c->in[1].value, factor, &y, err));
    TRY(emit_2(c->e, "Add", c->in[0].value, y, &y, err));
    return call_give(c, y);
}

/* Keras 1: one layer with a mode. */
static enum status merge_of_keras_1(struct call *c, struct error *err)
{
    static const struct {
        const char *mode;
        enum status (*lower)(struct call *c, struct error *err);
    } MODES[] = {{"sum", add},     {"mul", multiply},       {"ave", average},
                 {"max", maximum}, {"concat", concatenate}, {"dot", dot},
                 {"cos", cosine}};
    struct bytes mode = config_text_or(c, "mode", NULL, "sum");

    if (!bytes_is(config_text_or(c, "mode_type", NULL, "raw"), "raw"))
        return error_set(err, STATUS_UNSUPPORTED, "its 'mode' is Python code");
    seen_keys(c, "concat_axis dot_axes node_indices tensor_indices output_shape_type "
                 "output_mask_type"); /* of other modes, of code */
    for (size_t i = 0; i < ARRAY_COUNT(MODES); i++)
        if (bytes_is(mode, MODES[i].mode))
            return MODES[i].lower(c, err);
    return error_set(err, STATUS_UNSUPPORTED, "its 'mode' is not supported");
}

const struct layer_set layers_merge =
    LAYER_SET({.name = "Add", .lower = add}, {.name = "Subtract", .lower = subtract},
              {.name = "Multiply", .lower = multiply}, {.name = "Maximum", .lower = maximum},
              {.name = "Minimum", .lower = minimum}, {.name = "Average", .lower = average},
              {.name = "Concatenate", .lower = concatenate, .alias = "TFDConcat"},
              {.name = "Dot", .lower = dot}, {.name = "CustomScaleLayer", .lower = scaled_sum},
              {.name = "Merge", .lower = merge_of_keras_1}, );
