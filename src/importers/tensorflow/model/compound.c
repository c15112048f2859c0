// SPDX-License-Identifier: Apache-2.0
/* Values that stand for several: matrices in rows, maps of tensors, composite tensors. They are
 * known while lowering; one that a condition or loop makes is none. */
#include "importers/tensorflow/control/control.h"

enum status tf_compound_give(struct tf_call *c, const struct tf_compound *compound,
                             struct error *err)
{
    struct tf_compound *kept = arena_new(c->l->keep, struct tf_compound, 1);
    struct tensor number = {.dtype = DTYPE_I64, .shape = shape_scalar()};
    value_id handle;

    if (!kept)
        return error_no_memory(err, "a variant");
    *kept = *compound;
    kept->parts = arena_new(c->l->keep, value_id, compound->count + 1);
    if (!kept->parts)
        return error_no_memory(err, "a variant");
    for (size_t i = 0; i < compound->count; i++)
        kept->parts[i] = compound->parts[i];
    kept->graph = c->e->graph;
    kept->key = &kept->number;
    if (!c->l->compounds.arena)
        map_init(&c->l->compounds, c->l->keep);
    if (!map_set(&c->l->compounds, (struct bytes){(const uint8_t *)&kept->key, sizeof kept->key},
                 kept))
        return error_no_memory(err, "a variant");
    number.data = &kept->number;
    TRY(emit_constant(c->e, &number, &handle, err));
    return tf_add(c, handle, err);
}

static const struct tf_compound *compound_at(const struct tf_call *c, size_t input)
{
    const struct tensor *handle =
        input < c->in_count ? c->e->graph->values[c->in[input]].constant : NULL;
    const void *key = handle ? handle->data : NULL;

    if (!handle || handle->dtype != DTYPE_I64 || handle->shape.rank != 0)
        return NULL;
    return map_find(&c->l->compounds, (struct bytes){(const uint8_t *)&key, sizeof key});
}

enum status tf_compound_of(const struct tf_call *c, size_t input, enum tf_compound_kind kind,
                           struct tf_compound *compound, struct error *err)
{
    static const char *const NAMES[] = {"sparse matrix", "map of tensors", "composite tensor"};
    const struct tf_compound *found = compound_at(c, input);
    struct tf_body *body;

    if (!found || found->kind != kind)
        return error_set(err, STATUS_UNSUPPORTED, "input %zu is no %s that is known", input,
                         NAMES[kind]);
    *compound = *found;
    if (found->graph == c->e->graph)
        return STATUS_OK;
    body = tf_body_of(c->l, c->e->graph);
    compound->parts = arena_new(c->l->keep, value_id, found->count + 1);
    if (!compound->parts)
        return error_no_memory(err, "a variant");
    if (!body)
        return error_set(err, STATUS_UNSUPPORTED, "input %zu is of another graph", input);
    for (size_t i = 0; i < found->count; i++)
        TRY(tf_body_capture(body, found->graph, found->parts[i], &compound->parts[i], err));
    return STATUS_OK;
}
