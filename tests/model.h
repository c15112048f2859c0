// SPDX-License-Identifier: Apache-2.0
/* A model made by hand, for tests and benchmarks of the engine. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "engine/native.h"

struct model {
    struct arena keep;
    struct graph *graph;
    struct contract contract;
    struct servable *servable;
    struct session *session;
    struct error err;
};

#define MODEL_OK(model, call)                                                                      \
    do {                                                                                           \
        if ((call) != STATUS_OK) {                                                                 \
            fprintf(stderr, "%s: %s\n", status_name((model)->err.status), (model)->err.text);      \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static inline void model_init(struct model *m)
{
    *m = (struct model){0};
    arena_init(&m->keep, (size_t)1 << 34);
    MODEL_OK(m, graph_new(&m->graph, &m->keep, &m->err));
}

static inline value_id model_input(struct model *m, const char *name, enum dtype dtype,
                                   struct shape shape)
{
    value_id value;

    MODEL_OK(m, graph_input(m->graph, name, dtype, &shape, &value, &m->err));
    return value;
}

/* Data is borrowed. */
static inline value_id model_constant(struct model *m, enum dtype dtype, struct shape shape,
                                      const void *data)
{
    struct tensor tensor = {dtype, shape, (void *)data};
    value_id value;

    MODEL_OK(m, graph_constant(m->graph, NULL, &tensor, &value, &m->err));
    return value;
}

#define MODEL_I64(m, ...)                                                                          \
    model_constant_i64((m), (int64_t[]){__VA_ARGS__}, sizeof((int64_t[]){__VA_ARGS__}) / 8)
static inline value_id model_constant_i64(struct model *m, const int64_t *data, size_t count)
{
    struct shape shape = SHAPE((int64_t)count);
    value_id value;

    MODEL_OK(m, graph_constant_i64(m->graph, data, &shape, &value, &m->err));
    return value;
}

static inline value_id model_op(struct model *m, const char *op, value_id a, value_id b, value_id c)
{
    value_id value;

    MODEL_OK(m, graph_op(m->graph, "", op, a, b, c, NULL, 0, &value, &m->err));
    return value;
}

static inline value_id model_op_int(struct model *m, const char *op, value_id a, value_id b,
                                    value_id c, const char *name, int64_t i)
{
    struct attribute attribute = {.name = name, .kind = ATTRIBUTE_INT, .i = i};
    value_id value;

    MODEL_OK(m, graph_op(m->graph, "", op, a, b, c, &attribute, 1, &value, &m->err));
    return value;
}

static inline value_id model_op_ints(struct model *m, const char *op, value_id a, const char *name,
                                     const int64_t *ints, size_t count)
{
    struct attribute attribute = {
        .name = name, .kind = ATTRIBUTE_INTS, .count = count, .ints = ints};
    value_id value;

    MODEL_OK(m,
             graph_op(m->graph, "", op, a, VALUE_NONE, VALUE_NONE, &attribute, 1, &value, &m->err));
    return value;
}

static inline void model_signature(struct model *m, const char *name, const value_id *inputs,
                                   size_t input_count, const value_id *outputs, size_t output_count)
{
    MODEL_OK(m, graph_signature_add(m->graph, name, inputs, input_count, outputs, output_count,
                                    &m->err));
}

static inline struct field *model_fields(struct model *m, const value_id *values, size_t count)
{
    struct field *fields = arena_new(&m->keep, struct field, count);

    for (size_t i = 0; i < count; i++) {
        const struct value *value = &m->graph->values[values[i]];
        fields[i].name = *value->name ? value->name : arena_printf(&m->keep, "output_%zu", i);
        fields[i].dtype = value->dtype;
        fields[i].shape = value->shape;
    }
    return fields;
}

/* The contract of the graph's signatures. */
static inline void model_contract(struct model *m)
{
    struct graph *graph = m->graph;

    MODEL_OK(m, graph_finish(graph, &m->err));
    m->contract.count = graph->signature_count;
    m->contract.signatures = arena_new(&m->keep, struct signature, graph->signature_count);
    for (size_t s = 0; s < graph->signature_count; s++) {
        const struct graph_signature *signature = &graph->signatures[s];
        m->contract.signatures[s] = (struct signature){
            .name = signature->name,
            .inputs = model_fields(m, signature->inputs, signature->input_count),
            .outputs = model_fields(m, signature->outputs, signature->output_count),
            .input_count = signature->input_count - signature->state_in_count,
            .output_count = signature->output_count - signature->state_out_count,
        };
    }
}

static inline void model_load(struct model *m, const struct native_options *options)
{
    model_contract(m);
    MODEL_OK(
        m, native_servable(m->graph, &m->contract, options, &m->keep, NULL, &m->servable, &m->err));
    m->session = servable_session(m->servable);
}

static inline void model_release(struct model *m)
{
    session_free(m->session);
    servable_free(m->servable);
    arena_release(&m->keep);
}
