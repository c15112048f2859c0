// SPDX-License-Identifier: Apache-2.0
/* Attention: Attention, AdditiveAttention, MultiHeadAttention. Shapes are (batch, steps, width). */
#include <math.h>

#include "importers/keras/internal.h"

static const float MASKED = -1e9f;

static bool keyword_true(const struct call *c, const char *name)
{
    bool value = false;

    json_bool(call_keyword(c, name), &value);
    return value;
}

static enum status keyword_refuse(const struct call *c, const char *name, struct error *err)
{
    if (call_tensor(c, name, 0) || keyword_true(c, name))
        return error_set(err, STATUS_UNSUPPORTED, "keyword '%s' of its call is not supported",
                         name);
    return STATUS_OK;
}

/* What is attended by what: positional, or by keyword. */
static enum status operands(const struct call *c, value_id out[3], struct error *err)
{
    static const char *const NAMES[] = {"query", "value", "key"};
    bool masked = false;

    for (size_t i = 0; i < 3; i++) {
        const struct keras_tensor *named = call_tensor(c, NAMES[i], 0);
        const struct keras_tensor *tensor = named ? named : i < c->in_count ? &c->in[i] : NULL;

        if (!tensor && i == 2)
            out[2] = out[1]; /* key: the value */
        else if (!tensor)
            return error_set(err, STATUS_INVALID_INPUT, "has no %s", NAMES[i]);
        else
            out[i] = tensor->value;
        masked = masked || (tensor && tensor->mask != VALUE_NONE);
    }
    if (masked)
        return error_set(err, STATUS_UNSUPPORTED, "attention with a mask");
    TRY(keyword_refuse(c, "attention_mask", err));
    TRY(keyword_refuse(c, "mask", err));
    TRY(keyword_refuse(c, "query_mask", err));
    TRY(keyword_refuse(c, "value_mask", err));
    TRY(keyword_refuse(c, "key_mask", err));
    return keyword_refuse(c, "return_attention_scores", err);
}

/* scores (..., queries, keys): a query sees no key behind its own place. */
static enum status causal(struct call *c, value_id *scores, struct error *err)
{
    value_id shape, ones, lower, masked, number;

    TRY(emit_1(c->e, "Shape", *scores, &shape, err));
    TRY(emit_slice(c->e, shape, 0, -2, INT64_MAX, 1, &shape, err));
    TRY(emit_number(c->e, DTYPE_F32, 1, &ones, err));
    TRY(emit_2(c->e, "Expand", ones, shape, &ones, err));
    TRY(emit_node(c->e, "", "Trilu", EMIT(ones), EMIT_ATTRIBUTES(attribute_of_int("upper", 0)),
                  &lower, err));
    TRY(emit_cast(c->e, lower, DTYPE_BOOL, &lower, err));
    TRY(emit_number(c->e, DTYPE_F32, (double)MASKED, &number, err));
    TRY(emit_node(c->e, "", "Where", EMIT(lower, *scores, number), EMIT_PLAIN, &masked, err));
    *scores = masked;
    return STATUS_OK;
}

static enum status softmax(struct call *c, value_id scores, value_id *y, struct error *err)
{
    return emit_node(c->e, "", "Softmax", EMIT(scores),
                     EMIT_ATTRIBUTES(attribute_of_int("axis", -1)), y, err);
}

/* --- MultiHeadAttention --- */

struct heads {
    struct call *c;
    int64_t count, key_dim, value_dim;
    bool biased;
};

/* x (batch, steps, width) times a kernel (width, heads, size), as (batch, heads, steps, size). */
static enum status project(const struct heads *h, value_id x, const char *part, int64_t size,
                           value_id *y, struct error *err)
{
    struct call *c = h->c;
    struct weights inner, *own = c->weights;
    struct tensor kernel, bias;
    value_id w, b;

    TRY(weights_part(c->k, own, part, &inner, err));
    c->weights = &inner;
    TRY(weight_take(c, part, 3, &kernel, err));
    if (h->biased)
        TRY(weight_take(c, part, 2, &bias, err));
    c->weights = own;
    weights_part_end(own, &inner);
    if (kernel.shape.dims[1] != h->count || kernel.shape.dims[2] != size)
        return error_set(err, STATUS_INVALID_INPUT, "its %s is for %lld heads of %lld", part,
                         (long long)kernel.shape.dims[1], (long long)kernel.shape.dims[2]);
    kernel.shape = SHAPE(kernel.shape.dims[0], h->count * size);
    TRY(emit_constant(c->e, &kernel, &w, err));
    TRY(emit_2(c->e, "MatMul", x, w, y, err));
    if (h->biased) {
        bias.shape = SHAPE(h->count * size);
        TRY(emit_constant(c->e, &bias, &b, err));
        TRY(emit_2(c->e, "Add", *y, b, y, err));
    }
    TRY(emit_reshape(c->e, *y, (const int64_t[]){0, 0, h->count, size}, 4, y, err));
    return emit_transpose(c->e, *y, (const int64_t[]){0, 2, 1, 3}, 4, y, err);
}

/* (batch, heads, steps, value_dim) times a kernel (heads, value_dim, width). */
static enum status project_back(const struct heads *h, value_id x, value_id *y, struct error *err)
{
    struct call *c = h->c;
    struct weights inner, *own = c->weights;
    struct tensor kernel;
    value_id w, b;

    TRY(weights_part(c->k, own, "output_dense", &inner, err));
    c->weights = &inner;
    TRY(weight_take(c, "output kernel", 3, &kernel, err));
    if (kernel.shape.dims[0] != h->count || kernel.shape.dims[1] != h->value_dim)
        return error_set(err, STATUS_INVALID_INPUT, "its output kernel is of another shape");
    kernel.shape = SHAPE(h->count * h->value_dim, kernel.shape.dims[2]);
    TRY(emit_transpose(c->e, x, (const int64_t[]){0, 2, 1, 3}, 4, y, err));
    TRY(emit_reshape(c->e, *y, (const int64_t[]){0, 0, h->count * h->value_dim}, 3, y, err));
    TRY(emit_constant(c->e, &kernel, &w, err));
    TRY(emit_2(c->e, "MatMul", *y, w, y, err));
    if (h->biased) {
        TRY(weight_constant(c, "output bias", 1, &b, err));
        TRY(emit_2(c->e, "Add", *y, b, y, err));
    }
    c->weights = own;
    weights_part_end(own, &inner);
    return STATUS_OK;
}

/* Steps are the second dimension of three. */
static enum status axes_check(const struct call *c, struct error *err)
{
    const struct json *axes = json_get(c->config, "attention_axes");
    int64_t axis = 1;
    int rank;

    TRY(call_rank(c, 0, &rank, err));
    if (axes && axes->kind == JSON_ARRAY && axes->count == 1)
        axes = &axes->items[0];
    if (rank != 3 || (axes && axes->kind != JSON_NULL && (!json_i64(axes, &axis) || axis != 1)))
        return error_set(err, STATUS_UNSUPPORTED, "its 'attention_axes' is not supported");
    return STATUS_OK;
}

static enum status multi_head_attention(struct call *c, struct error *err)
{
    struct heads h = {.c = c, .biased = config_bool_or(c, "use_bias", NULL, true)};
    value_id in[3], q, k, v, scale, scores, y;

    TRY(operands(c, in, err));
    TRY(axes_check(c, err));
    TRY(config_refuse(c, "output_shape", err));
    TRY(config_int(c, "num_heads", NULL, &h.count, err));
    TRY(config_int(c, "key_dim", NULL, &h.key_dim, err));
    h.value_dim = config_int_or(c, "value_dim", h.key_dim);
    if (h.count < 1 || h.key_dim < 1 || h.value_dim < 1 || h.count > 1 << 20 ||
        h.key_dim > 1 << 20 || h.value_dim > 1 << 20)
        return error_set(err, STATUS_INVALID_INPUT, "has %lld heads of %lld", (long long)h.count,
                         (long long)h.key_dim);
    TRY(project(&h, in[0], "query_dense", h.key_dim, &q, err));
    TRY(project(&h, in[2], "key_dense", h.key_dim, &k, err));
    TRY(project(&h, in[1], "value_dense", h.value_dim, &v, err));
    TRY(emit_number(c->e, DTYPE_F32, 1 / sqrt((double)h.key_dim), &scale, err));
    TRY(emit_2(c->e, "Mul", q, scale, &q, err));
    TRY(emit_transpose(c->e, k, (const int64_t[]){0, 1, 3, 2}, 4, &k, err));
    TRY(emit_2(c->e, "MatMul", q, k, &scores, err));
    if (keyword_true(c, "use_causal_mask"))
        TRY(causal(c, &scores, err));
    TRY(softmax(c, scores, &scores, err));
    TRY(emit_2(c->e, "MatMul", scores, v, &y, err));
    TRY(project_back(&h, y, &y, err));
    return call_give(c, y);
}

/* --- Attention, AdditiveAttention: scores of query and key, values mixed by them --- */

static enum status mix(struct call *c, value_id scores, value_id value, struct error *err)
{
    value_id y;

    if (keyword_true(c, "use_causal_mask") || config_bool_or(c, "causal", NULL, false))
        TRY(causal(c, &scores, err));
    TRY(softmax(c, scores, &scores, err));
    TRY(emit_2(c->e, "MatMul", scores, value, &y, err));
    return call_give(c, y);
}

static enum status attention(struct call *c, struct error *err)
{
    bool scaled = config_bool_or(c, "use_scale", NULL, false);
    value_id in[3], key, scores, scale;

    TRY(operands(c, in, err));
    if (!bytes_is(config_text_or(c, "score_mode", NULL, "dot"), "dot"))
        return error_set(err, STATUS_UNSUPPORTED, "its 'score_mode' is not dot");
    TRY(emit_transpose(c->e, in[2], (const int64_t[]){0, 2, 1}, 3, &key, err));
    TRY(emit_2(c->e, "MatMul", in[0], key, &scores, err));
    if (scaled) {
        TRY(weight_constant(c, "scale", 0, &scale, err));
        TRY(emit_2(c->e, "Mul", scores, scale, &scores, err));
    }
    return mix(c, scores, in[1], err);
}

static enum status additive_attention(struct call *c, struct error *err)
{
    bool scaled = config_bool_or(c, "use_scale", NULL, true);
    int64_t last = -1;
    value_id in[3], query, key, scores, scale;

    TRY(operands(c, in, err));
    TRY(emit_unsqueeze(c->e, in[0], 2, &query, err));
    TRY(emit_unsqueeze(c->e, in[2], 1, &key, err));
    TRY(emit_2(c->e, "Add", query, key, &scores, err));
    TRY(emit_1(c->e, "Tanh", scores, &scores, err));
    if (scaled) {
        TRY(weight_constant(c, "scale", 1, &scale, err));
        TRY(emit_2(c->e, "Mul", scores, scale, &scores, err));
    }
    TRY(emit_reduce(c->e, "ReduceSum", scores, &last, 1, false, &scores, err));
    return mix(c, scores, in[1], err);
}

const struct layer_set layers_attention =
    LAYER_SET({.name = "MultiHeadAttention", .lower = multi_head_attention, .keywords = true},
              {.name = "Attention", .lower = attention, .keywords = true},
              {.name = "AdditiveAttention", .lower = additive_attention, .keywords = true}, );
