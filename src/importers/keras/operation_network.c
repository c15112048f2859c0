// SPDX-License-Identifier: Apache-2.0
/* keras.ops of networks: normalisations whose weights are operands, attention of heads. */
#include <math.h>

#include "importers/keras/internal.h"

struct scaling {
    value_id x;
    int rank;
    int64_t axes[RANK_MAX];
    size_t count;
    double epsilon;
};

static enum status scaling_read(struct call *c, struct scaling *s, struct error *err)
{
    const struct json *axis = operand_option(c, SIZE_MAX, "axis");

    TRY(operand_ranked(c, &s->x, &s->rank, err));
    if (emit_dtype(c->e, s->x) != DTYPE_F32 && emit_dtype(c->e, s->x) != DTYPE_F64)
        return error_set(err, STATUS_UNSUPPORTED, "a normalisation of %s",
                         dtype_name(emit_dtype(c->e, s->x)));
    TRY(option_ints(c, SIZE_MAX, "axis", s->axes, RANK_MAX, &s->count, err));
    if (!s->count && axis && axis->kind == JSON_NULL)
        return error_set(err, STATUS_UNSUPPORTED, "has no axis");
    if (!s->count)
        s->axes[s->count++] = -1;
    for (size_t i = 0; i < s->count; i++)
        TRY(axis_within(&s->axes[i], s->rank, err));
    s->epsilon = option_number(c, SIZE_MAX, "epsilon", 1e-7);
    return STATUS_OK;
}

/* An operand of the sizes of the axes, to stand along them; VALUE_NONE where it is not given. */
static enum status along_axes(struct call *c, const struct scaling *s, size_t place,
                              const char *name, value_id *value, struct error *err)
{
    int64_t dims[RANK_MAX];
    struct operand o;

    *value = VALUE_NONE;
    TRY(operand_read(c, place, name, &o, err));
    if (!o.given)
        return STATUS_OK;
    TRY(operand_value(c, &o, emit_dtype(c->e, s->x), value, err));
    if (emit_shape(c->e, *value)->rank != (int)s->count)
        return error_set(err, STATUS_UNSUPPORTED, "its '%s' has %d dimensions", name,
                         emit_shape(c->e, *value)->rank);
    for (int d = 0; d < s->rank; d++)
        dims[d] = 1;
    for (size_t i = 0; i < s->count; i++) {
        dims[s->axes[i]] = emit_shape(c->e, *value)->dims[i];
        if (dims[s->axes[i]] < 1 || (i && s->axes[i] < s->axes[i - 1]))
            return error_set(err, STATUS_UNSUPPORTED, "its axes are not in order");
    }
    return emit_reshape(c->e, *value, dims, (size_t)s->rank, value, err);
}

static enum status multiply(struct call *c, value_id *x, value_id factor, struct error *err)
{
    return factor == VALUE_NONE ? STATUS_OK : emit_2(c->e, "Mul", *x, factor, x, err);
}

static enum status add(struct call *c, value_id *x, value_id term, struct error *err)
{
    return term == VALUE_NONE ? STATUS_OK : emit_2(c->e, "Add", *x, term, x, err);
}

/* x / sqrt(square + epsilon) */
static enum status divide_root(struct call *c, value_id *x, value_id square, double epsilon,
                               struct error *err)
{
    value_id number;

    TRY(emit_number(c->e, emit_dtype(c->e, square), epsilon, &number, err));
    TRY(emit_2(c->e, "Add", square, number, &square, err));
    TRY(emit_1(c->e, "Sqrt", square, &square, err));
    return emit_2(c->e, "Div", *x, square, x, err);
}

static enum status rms_normalization(struct call *c, struct error *err)
{
    value_id scale, square;
    struct scaling s;

    TRY(scaling_read(c, &s, err));
    TRY(along_axes(c, &s, 1, "scale", &scale, err));
    TRY(emit_2(c->e, "Mul", s.x, s.x, &square, err));
    TRY(emit_reduce(c->e, "ReduceMean", square, s.axes, s.count, true, &square, err));
    TRY(divide_root(c, &s.x, square, s.epsilon, err));
    TRY(multiply(c, &s.x, scale, err));
    return call_give(c, s.x);
}

static enum status layer_normalization(struct call *c, struct error *err)
{
    value_id gamma, beta, mean, square;
    struct scaling s;

    TRY(scaling_read(c, &s, err));
    if (option_bool(c, SIZE_MAX, "rms_scaling", false))
        return error_set(err, STATUS_UNSUPPORTED, "its 'rms_scaling' is not supported");
    TRY(along_axes(c, &s, 1, "gamma", &gamma, err));
    TRY(along_axes(c, &s, 2, "beta", &beta, err));
    TRY(emit_reduce(c->e, "ReduceMean", s.x, s.axes, s.count, true, &mean, err));
    TRY(emit_2(c->e, "Sub", s.x, mean, &s.x, err));
    TRY(emit_2(c->e, "Mul", s.x, s.x, &square, err));
    TRY(emit_reduce(c->e, "ReduceMean", square, s.axes, s.count, true, &square, err));
    TRY(divide_root(c, &s.x, square, s.epsilon, err));
    TRY(multiply(c, &s.x, gamma, err));
    TRY(add(c, &s.x, beta, err));
    return call_give(c, s.x);
}

/* By stated means and variances along one axis. */
static enum status batch_normalization(struct call *c, struct error *err)
{
    value_id mean, variance, offset, scale;
    struct scaling s;

    TRY(scaling_read(c, &s, err));
    s.epsilon = option_number(c, SIZE_MAX, "epsilon", 1e-3);
    TRY(along_axes(c, &s, 1, "mean", &mean, err));
    TRY(along_axes(c, &s, 2, "variance", &variance, err));
    TRY(along_axes(c, &s, 3, "offset", &offset, err));
    TRY(along_axes(c, &s, 4, "scale", &scale, err));
    if (mean == VALUE_NONE || variance == VALUE_NONE || s.count != 1)
        return error_set(err, STATUS_INVALID_INPUT, "has no mean and variance along one axis");
    TRY(emit_2(c->e, "Sub", s.x, mean, &s.x, err));
    TRY(divide_root(c, &s.x, variance, s.epsilon, err));
    TRY(multiply(c, &s.x, scale, err));
    TRY(add(c, &s.x, offset, err));
    return call_give(c, s.x);
}

/* --- attention: (batch, steps, heads, size) --- */

static enum status heads_first(struct call *c, size_t place, const char *name, value_id *x,
                               struct error *err)
{
    static const int64_t PERM[] = {0, 2, 1, 3};

    TRY(operand_tensor(c, place, name, x, err));
    if (emit_shape(c->e, *x)->rank != 4 || emit_dtype(c->e, *x) != DTYPE_F32)
        return error_set(err, STATUS_UNSUPPORTED, "its %s has %d dimensions of %s", name,
                         emit_shape(c->e, *x)->rank, dtype_name(emit_dtype(c->e, *x)));
    return emit_transpose(c->e, *x, PERM, 4, x, err);
}

static enum status dot_product_attention(struct call *c, struct error *err)
{
    struct attention_masks masks = {
        .query = VALUE_NONE, .keys = {VALUE_NONE, VALUE_NONE}, .given = VALUE_NONE};
    value_id in[3], scale, scores, mask;
    struct operand bias, given, factor;
    int64_t heads[3], size;

    TRY(heads_first(c, 0, "query", &in[0], err));
    TRY(heads_first(c, 1, "key", &in[1], err));
    TRY(heads_first(c, 2, "value", &in[2], err));
    TRY(operand_read(c, 3, "bias", &bias, err));
    TRY(operand_read(c, 4, "mask", &given, err));
    TRY(operand_read(c, 5, "scale", &factor, err));
    for (int i = 0; i < 3; i++)
        heads[i] = emit_shape(c->e, in[i])->dims[1];
    size = emit_shape(c->e, in[0])->dims[3];
    if (bias.given || given.given || (factor.given && !factor.weak) || heads[0] < 1 ||
        heads[0] != heads[1] || heads[0] != heads[2] || size < 1)
        return error_set(err, STATUS_UNSUPPORTED, "a bias, a mask or groups of heads");
    masks.causal = option_bool(c, SIZE_MAX, "is_causal", false);
    TRY(emit_number(c->e, DTYPE_F32, factor.given ? factor.number : 1 / sqrt((double)size), &scale,
                    err));
    TRY(emit_2(c->e, "Mul", in[0], scale, &in[0], err));
    TRY(emit_transpose(c->e, in[1], (const int64_t[]){0, 1, 3, 2}, 4, &in[1], err));
    TRY(emit_2(c->e, "MatMul", in[0], in[1], &scores, err));
    TRY(attention_mask(c, &masks, scores, &mask, err));
    TRY(attention_softmax(c, scores, mask, MASK_REPLACES, &scores, err));
    TRY(emit_2(c->e, "MatMul", scores, in[2], &in[2], err));
    TRY(emit_transpose(c->e, in[2], (const int64_t[]){0, 2, 1, 3}, 4, &in[2], err));
    return call_give(c, in[2]);
}

const struct layer_set layers_operation_network =
    OPERATION_SET({.name = "RMSNorm", .lower = rms_normalization},
                  {.name = "LayerNorm", .lower = layer_normalization},
                  {.name = "BatchNorm", .lower = batch_normalization},
                  {.name = "DotProductAttention", .lower = dot_product_attention}, );
