// SPDX-License-Identifier: Apache-2.0
/* Recipes, and what operators prepare: of the signatures of a model and of the graphs inside of its
 * nodes. */
#include "engine/internal.h"

/* A graph whose recipes are to be made, and what prepare made of its nodes. */
struct source {
    const struct graph *graph;
    void **states;       /* (node_count,) */
    uint32_t **bodies;   /* (node_count,): recipes of the graphs of node n; NULL */
    size_t state_count;  /* of a loop's body */
    struct source *next; /* those of subgraphs come behind those around them */
};

struct making {
    const struct source *source;
    struct recipe *recipe;
    struct arena *keep;
    bool *needed;   /* (value_count,): by the outputs */
    bool *nodes;    /* (node_count,): needed */
    int32_t *slots; /* (value_count,) */
};

static void mark_needed(struct making *making, const struct graph_signature *signature)
{
    const struct graph *graph = making->source->graph;

    for (size_t i = 0; i < signature->output_count; i++)
        making->needed[signature->outputs[i]] = true;
    for (size_t n = graph->node_count; n-- > 0;) {
        const struct node *node = &graph->nodes[n];
        bool needed = false;

        for (size_t i = 0; i < node->output_count; i++)
            needed = needed || making->needed[node->outputs[i]];
        making->nodes[n] = needed;
        making->recipe->node_count += needed;
        for (size_t i = 0; needed && i < node->input_count; i++)
            if (node->inputs[i] != VALUE_NONE)
                making->needed[node->inputs[i]] = true;
    }
}

static int32_t slot_of(struct making *making, value_id value)
{
    struct recipe *recipe = making->recipe;

    if (value == VALUE_NONE)
        return SLOT_NONE;
    if (making->slots[value] == SLOT_NONE) {
        recipe->values[recipe->slot_count] = value;
        making->slots[value] = (int32_t)recipe->slot_count++;
    }
    return making->slots[value];
}

static int32_t *slots_of(struct making *making, const value_id *values, size_t count)
{
    int32_t *slots = arena_new(making->keep, int32_t, count);

    for (size_t i = 0; slots && i < count; i++)
        slots[i] = slot_of(making, values[i]);
    return slots;
}

static enum status nodes_fill(struct making *making, struct error *err)
{
    const struct graph *graph = making->source->graph;
    struct recipe_node *made = making->recipe->nodes;

    for (size_t n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->nodes[n];

        if (!making->nodes[n])
            continue;
        *made = (struct recipe_node){
            .node = node,
            .state = making->source->states[n],
            .bodies = making->source->bodies[n],
            .in = slots_of(making, node->inputs, node->input_count),
            .out = slots_of(making, node->outputs, node->output_count),
        };
        if (!made->in || !made->out)
            return error_no_memory(err, "a signature");
        made++;
    }
    return STATUS_OK;
}

static enum status recipe_fill(struct making *making, const struct graph_signature *signature,
                               struct error *err)
{
    const struct graph *graph = making->source->graph;
    struct recipe *recipe = making->recipe;
    size_t slots_max = signature->input_count;

    mark_needed(making, signature);
    for (size_t v = 0; v < graph->value_count; v++) {
        making->slots[v] = SLOT_NONE;
        slots_max += making->needed[v];
    }
    for (size_t n = 0; n < graph->node_count; n++)
        slots_max += making->nodes[n] ? graph->nodes[n].output_count : 0;
    recipe->signature = signature;
    recipe->graph = graph;
    recipe->nodes = arena_new(making->keep, struct recipe_node, recipe->node_count);
    recipe->values = arena_new(making->keep, value_id, slots_max);
    if (!recipe->nodes || !recipe->values)
        return error_no_memory(err, "a signature");
    for (size_t i = 0; i < signature->input_count; i++) {
        /* An input named twice has two slots; the last one is used. */
        making->slots[signature->inputs[i]] = (int32_t)recipe->slot_count;
        recipe->values[recipe->slot_count++] = signature->inputs[i];
    }
    TRY(nodes_fill(making, err));
    recipe->outputs = slots_of(making, signature->outputs, signature->output_count);
    return recipe->outputs ? STATUS_OK : error_no_memory(err, "a signature");
}

static enum status recipe_make(struct native *native, const struct source *source,
                               const struct graph_signature *signature, struct recipe *recipe,
                               struct arena *scratch, struct error *err)
{
    struct making making = {
        .source = source,
        .recipe = recipe,
        .keep = &native->prepared,
        .needed = arena_new(scratch, bool, source->graph->value_count),
        .nodes = arena_new(scratch, bool, source->graph->node_count),
        .slots = arena_new(scratch, int32_t, source->graph->value_count),
    };

    if (!making.needed || !making.nodes || !making.slots)
        return error_no_memory(err, "a signature");
    return recipe_fill(&making, signature, err);
}

static const struct graph_signature *signature_named(const struct graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->signature_count; i++)
        if (!strcmp(graph->signatures[i].name, name))
            return &graph->signatures[i];
    return NULL;
}

static enum status signature_match(const struct graph *graph, const struct signature *promised,
                                   const struct graph_signature *found, struct error *err)
{
    size_t inputs, outputs;

    if (!found)
        return error_set(err, STATUS_INTERNAL, "the graph has no such signature");
    inputs = found->input_count - found->state_in_count;
    outputs = found->output_count - found->state_out_count;
    if (promised->input_count != inputs || promised->output_count != outputs)
        return error_set(err, STATUS_INTERNAL,
                         "the contract has %zu inputs and %zu outputs, the graph %zu and %zu",
                         promised->input_count, promised->output_count, inputs, outputs);
    for (size_t i = 0; i < inputs; i++)
        if (field_feed(&promised->inputs[i]) != graph->values[found->inputs[i]].dtype)
            return error_set(err, STATUS_CONFLICT,
                             "input '%.64s' is %s in the contract, but %s in "
                             "the model",
                             promised->inputs[i].name, dtype_name(field_feed(&promised->inputs[i])),
                             dtype_name(graph->values[found->inputs[i]].dtype));
    for (size_t i = 0; i < outputs; i++)
        if (promised->outputs[i].dtype != graph->values[found->outputs[i]].dtype)
            return error_set(err, STATUS_CONFLICT,
                             "output '%.64s' is %s in the contract, but %s in "
                             "the model",
                             promised->outputs[i].name, dtype_name(promised->outputs[i].dtype),
                             dtype_name(graph->values[found->outputs[i]].dtype));
    return STATUS_OK;
}

/* --- graphs and those inside of them --- */

/* Number the recipes of the graphs of control nodes, from *next on, and queue the graphs. */
static enum status bodies_fill(struct native *native, struct source *source, struct source ***end,
                               uint32_t *next, struct arena *scratch, struct error *err)
{
    const struct graph *graph = source->graph;

    source->bodies = arena_new(scratch, uint32_t *, graph->node_count);
    if (!source->bodies)
        return error_no_memory(err, "the model");
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->nodes[n];
        struct op_call call = {.op = node->op,
                               .opset = node->opset,
                               .attributes = &node->attributes,
                               .in_count = node->input_count,
                               .out_count = node->output_count};
        struct control control;

        if (!(node->op->flags & OP_SUBGRAPHS))
            continue;
        if (control_read(&call, &control, err))
            return graph_node_error(node, err);
        source->bodies[n] = arena_new(&native->prepared, uint32_t, control.graph_count);
        for (size_t k = 0; source->bodies[n] && k < control.graph_count; k++) {
            struct source *inner = arena_new(scratch, struct source, 1);

            if (!inner)
                return error_no_memory(err, "the model");
            inner->graph = control.graphs[k];
            if (control.kind == CONTROL_LOOP && control.explicit_count > 2)
                inner->state_count = control.explicit_count - 2;
            source->bodies[n][k] = (*next)++;
            **end = inner;
            *end = &inner->next;
        }
        if (!source->bodies[n])
            return error_no_memory(err, "the model");
    }
    return STATUS_OK;
}

static enum status signatures_make(struct native *native, const struct source *source,
                                   struct arena *scratch, struct error *err)
{
    const struct contract *contract = native->base.contract;

    for (size_t i = 0; i < contract->count; i++) {
        const struct signature *promised = &contract->signatures[i];
        const struct graph_signature *found = signature_named(native->graph, promised->name);

        if (promised->reason)
            continue;
        if (signature_match(native->graph, promised, found, err) ||
            recipe_make(native, source, found, &native->recipes[i], scratch, err))
            return error_within(err, "signature '%.64s'", promised->name);
    }
    return STATUS_OK;
}

enum status recipes_make(struct native *native, struct arena *scratch, struct error *err)
{
    struct source first = {.graph = native->graph}, *source, **end = &first.next;
    uint32_t count = (uint32_t)native->base.contract->count, at = count;

    for (source = &first; source; source = source->next) {
        TRY(native_prepare(native, source->graph, &source->states, scratch, err));
        TRY(bodies_fill(native, source, &end, &count, scratch, err));
    }
    native->recipe_count = count;
    native->recipes = arena_new(&native->prepared, struct recipe, count);
    if (!native->recipes)
        return error_no_memory(err, "the signatures");
    TRY(signatures_make(native, &first, scratch, err));
    for (source = first.next; source; source = source->next, at++) {
        TRY(recipe_make(native, source, &source->graph->signatures[0], &native->recipes[at],
                        scratch, err));
        native->recipes[at].inner = true;
        native->recipes[at].state_first = 2; /* behind the round and the condition */
        native->recipes[at].state_count = source->state_count;
    }
    return STATUS_OK;
}
