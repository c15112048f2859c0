// SPDX-License-Identifier: Apache-2.0
/* Attention, AdditiveAttention: scores of queries and keys, values mixed by them. Shapes are
 * (batch, steps, width). Inputs are query, value and, where it is not the value, key. */
#include "importers/keras/internal.h"

struct mixing {
    value_id query, value, key;
    value_id query_mask;
    struct attention_masks masks;
    bool scores; /* are a second output */
};

static enum status operands(struct call *c, struct mixing *m, struct error *err)
{
    bool causal = config_bool_or(c, "causal", NULL, false);
    int rank;

    if (c->in_count != 2 && c->in_count != 3)
        return error_set(err, STATUS_UNSUPPORTED, "has %zu inputs", c->in_count);
    for (size_t i = 0; i < c->in_count; i++) {
        TRY(call_rank(c, i, &rank, err));
        if (rank != 3)
            return error_set(err, STATUS_UNSUPPORTED, "input %zu has %d dimensions", i, rank);
    }
    *m = (struct mixing){
        .query = c->in[0].value,
        .value = c->in[1].value,
        .key = c->in[c->in_count - 1].value,
        .query_mask = c->in[0].mask,
        .masks = {.query = VALUE_NONE, .keys = {c->in[1].mask, VALUE_NONE}, .given = VALUE_NONE},
    };
    m->scores = call_flag(c, 3, "return_attention_scores", false);
    m->masks.causal = call_flag(c, 4, "use_causal_mask", causal);
    return STATUS_OK;
}

/* Steps of the query that do not count are zero. */
static enum status mix(struct call *c, const struct mixing *m, value_id scores, struct error *err)
{
    value_id mask, weights, y, wide;

    TRY(attention_mask(c, &m->masks, scores, &mask, err));
    TRY(attention_softmax(c, scores, mask, MASK_SUBTRACTS, &weights, err));
    TRY(emit_2(c->e, "MatMul", weights, m->value, &y, err));
    if (m->query_mask != VALUE_NONE) {
        TRY(emit_cast(c->e, m->query_mask, emit_dtype(c->e, y), &wide, err));
        TRY(emit_unsqueeze(c->e, wide, 2, &wide, err));
        TRY(emit_2(c->e, "Mul", y, wide, &y, err));
    }
    TRY(call_add(c, y, m->query_mask, err));
    return m->scores ? call_add(c, weights, VALUE_NONE, err) : STATUS_OK;
}

/* sum over the width of tanh(scale (query + key)); (batch, queries, keys, width) without the sum.
 */
static enum status sums(struct call *c, const struct mixing *m, value_id *y, struct error *err)
{
    value_id query, key;

    TRY(emit_unsqueeze(c->e, m->query, 2, &query, err));
    TRY(emit_unsqueeze(c->e, m->key, 1, &key, err));
    return emit_2(c->e, "Add", query, key, y, err);
}

static enum status attention(struct call *c, struct error *err)
{
    bool scaled = config_bool_or(c, "use_scale", NULL, false);
    bool concat = bytes_is(config_text_or(c, "score_mode", NULL, "dot"), "concat");
    value_id key, scores, scale = VALUE_NONE, weight;
    int64_t last = -1;
    struct mixing m;

    TRY(operands(c, &m, err));
    if (!concat && !bytes_is(config_text_or(c, "score_mode", NULL, "dot"), "dot"))
        return error_set(err, STATUS_UNSUPPORTED, "its 'score_mode' is not supported");
    if (scaled)
        TRY(weight_constant(c, "scale", 0, &scale, err));
    if (concat) {
        TRY(weight_constant(c, "score weight", 0, &weight, err));
        TRY(sums(c, &m, &scores, err));
        if (scaled)
            TRY(emit_2(c->e, "Mul", scores, scale, &scores, err));
        TRY(emit_1(c->e, "Tanh", scores, &scores, err));
        TRY(emit_reduce(c->e, "ReduceSum", scores, &last, 1, false, &scores, err));
        TRY(emit_2(c->e, "Mul", scores, weight, &scores, err));
        return mix(c, &m, scores, err);
    }
    TRY(emit_transpose(c->e, m.key, (const int64_t[]){0, 2, 1}, 3, &key, err));
    TRY(emit_2(c->e, "MatMul", m.query, key, &scores, err));
    if (scaled)
        TRY(emit_2(c->e, "Mul", scores, scale, &scores, err));
    return mix(c, &m, scores, err);
}

static enum status additive_attention(struct call *c, struct error *err)
{
    bool scaled = config_bool_or(c, "use_scale", NULL, true);
    int64_t last = -1;
    value_id scores, scale;
    struct mixing m;

    TRY(operands(c, &m, err));
    TRY(sums(c, &m, &scores, err));
    TRY(emit_1(c->e, "Tanh", scores, &scores, err));
    if (scaled) {
        TRY(weight_constant(c, "scale", 1, &scale, err));
        TRY(emit_2(c->e, "Mul", scores, scale, &scores, err));
    }
    TRY(emit_reduce(c->e, "ReduceSum", scores, &last, 1, false, &scores, err));
    return mix(c, &m, scores, err);
}

const struct layer_set layers_attention =
    LAYER_SET({.name = "Attention", .lower = attention, .keywords = true, .mask_place = 1},
              {.name = "AdditiveAttention",
               .lower = additive_attention,
               .keywords = true,
               .mask_place = 1}, );
