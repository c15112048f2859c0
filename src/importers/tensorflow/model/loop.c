// SPDX-License-Identifier: Apache-2.0
/* Loop: what it carries, of which types, and what its rounds leave behind. */
#include "importers/tensorflow/control/body.h"

enum { ROUNDS_MAX = 6 }; /* until the types of what a loop carries stay */

struct carrying {
    struct tf_lowering *l;
    struct emitter *e;
    const struct tf_loop *loop;
    struct tensor *types;        /* (count,): of the states */
    bool *kept;                  /* (count,): every round leaves it as it is */
    value_id *entry;             /* (count,) */
    value_id *states, *next;     /* (count,): in the body */
    value_id *formals, *outputs; /* (count + 2,): of the body */
    size_t formal_count, output_count;
    struct tf_body *body;
    /* Variables that a round writes are states behind those of the loop. */
    struct tf_resource **variables;
    size_t variable_count, count; /* count: of all states */
};

static enum status carrying_new(struct carrying *k, struct tf_lowering *l, struct emitter *e,
                                const struct tf_loop *loop, struct tf_resource **variables,
                                size_t variable_count, struct error *err)
{
    size_t count = loop->count + variable_count;

    *k = (struct carrying){
        .l = l,
        .e = e,
        .loop = loop,
        .types = arena_new(l->keep, struct tensor, count),
        .kept = arena_new(l->keep, bool, count),
        .entry = arena_new(l->keep, value_id, count),
        .states = arena_new(l->keep, value_id, count),
        .next = arena_new(l->keep, value_id, count),
        .formals = arena_new(l->keep, value_id, count + 2),
        .outputs = arena_new(l->keep, value_id, count + 2),
        .variables = variables,
        .variable_count = variable_count,
        .count = count,
    };
    if (!k->types || !k->kept || !k->entry || !k->states || !k->next || !k->formals || !k->outputs)
        return error_no_memory(err, "a loop");
    for (size_t i = 0; i < count; i++) {
        const struct tf_list *list;

        if (i < loop->count)
            k->entry[i] = loop->entry[i];
        else
            TRY(tf_variable_now(l, e->graph, variables[i - loop->count], &k->entry[i], err));
        list = tf_list_of(l, e->graph, k->entry[i]);
        k->types[i] = tf_body_type(e->graph, k->entry[i]);
        if (list && list->element.rank >= 0 && list->element.rank < RANK_MAX) {
            int64_t length = k->types[i].shape.rank > 0 ? k->types[i].shape.dims[0] : DIM_UNKNOWN;

            k->types[i].shape = list->element;
            k->types[i].shape.rank++;
            memmove(&k->types[i].shape.dims[1], list->element.dims,
                    (size_t)list->element.rank * sizeof *list->element.dims);
            k->types[i].shape.dims[0] = length;
        } else if (list) {
            k->types[i].shape = shape_unknown();
        }
        k->kept[i] = tf_resource_at(l, e->graph, k->entry[i]) != NULL;
    }
    return STATUS_OK;
}

static enum status formal_add(struct carrying *k, const struct tensor *type, bool declared,
                              value_id *value, struct error *err)
{
    TRY(graph_input_typed(k->body->e.graph, "", type, value, err));
    k->body->e.graph->values[*value].declared = declared;
    k->formals[k->formal_count++] = *value;
    return STATUS_OK;
}

static enum status body_make(struct carrying *k, struct error *err)
{
    struct tensor round = {DTYPE_I64, shape_scalar(), NULL, NULL};
    struct tensor go_on = {DTYPE_BOOL, shape_scalar(), NULL, NULL};
    value_id ignored;

    TRY(tf_body_open(&k->body, k->l, k->e, err));
    k->formal_count = 0;
    TRY(formal_add(k, &round, false, &ignored, err));
    TRY(formal_add(k, &go_on, false, &ignored, err));
    for (size_t i = 0; i < k->count; i++) {
        const struct value *entry = &k->e->graph->values[k->entry[i]];

        if (k->kept[i]) {
            TRY(tf_body_capture(k->body, k->e->graph, k->entry[i], &k->states[i], err));
            continue;
        }
        TRY(formal_add(k, &k->types[i], entry->declared, &k->states[i], err));
        TRY(tf_list_keep(k->l, k->e->graph, k->entry[i], k->body->e.graph, k->states[i], err));
        if (i >= k->loop->count)
            TRY(tf_variable_set(k->l, k->body->e.graph, k->variables[i - k->loop->count],
                                k->states[i], err));
    }
    TRY(k->loop->next(k->loop->context, &k->body->e, k->body, k->states, k->next, err));
    TRY(k->loop->condition(k->loop->context, &k->body->e, k->body, k->next, &k->outputs[0], err));
    for (size_t i = k->loop->count; i < k->count; i++)
        TRY(tf_variable_now(k->l, k->body->e.graph, k->variables[i - k->loop->count], &k->next[i],
                            err));
    return tf_condition(&k->body->e, k->outputs[0], &k->outputs[0], err);
}

/* The value that others are copies of. */
static value_id origin_of(const struct graph *graph, value_id value)
{
    while (graph->values[value].producer >= 0 &&
           !strcmp(graph->nodes[graph->values[value].producer].op->name, "Identity"))
        value = graph->nodes[graph->values[value].producer].inputs[0];
    return value;
}

static bool is_same(const struct graph *graph, value_id a, value_id b)
{
    const struct tensor *x = graph->values[a].constant, *y = graph->values[b].constant;

    return origin_of(graph, a) == origin_of(graph, b) ||
           (x && y && x->data == y->data && x->dtype == y->dtype &&
            shape_equal(&x->shape, &y->shape));
}

/* What two shapes have in common. Of an array, what the round makes of it counts where it tells
 * more: it is given that shape before. */
static struct shape generalised(const struct shape *state, const struct shape *next, bool list,
                                bool last)
{
    struct shape made = *state;

    if (list && state->rank < 0)
        return *next;
    if (last || state->rank != next->rank || state->rank < 0)
        return shape_unknown();
    for (int i = 0; i < made.rank; i++)
        if (made.dims[i] != next->dims[i])
            made.dims[i] = list && i && made.dims[i] < 0 ? next->dims[i] : DIM_UNKNOWN;
    return made;
}

/* Does a round leave the state as general as it came? */
static bool covers(const struct shape *state, const struct shape *next)
{
    if (state->rank < 0)
        return true;
    if (next->rank != state->rank)
        return false;
    for (int i = 0; i < state->rank; i++)
        if (state->dims[i] >= 0 && state->dims[i] != next->dims[i])
            return false;
    return true;
}

static enum status state_check(struct carrying *k, size_t i, int round, bool *stable,
                               struct error *err)
{
    const struct graph *graph = k->body->e.graph;
    struct tensor next = tf_body_type(graph, k->next[i]);
    bool list = tf_list_of(k->l, graph, k->states[i]) != NULL, covered;

    if (k->kept[i])
        return is_same(graph, k->next[i], k->states[i])
                   ? STATUS_OK
                   : error_set(err, STATUS_UNSUPPORTED, "a loop changes which resource it uses");
    if (next.dtype != k->types[i].dtype)
        return error_set(err, STATUS_INVALID_INPUT, "state %zu of a loop is %s, after a round %s",
                         i, dtype_name(k->types[i].dtype), dtype_name(next.dtype));
    if (is_same(graph, k->next[i], k->states[i])) {
        k->kept[i] = true;
        *stable = false;
        return STATUS_OK;
    }
    covered = covers(&k->types[i].shape, &next.shape);
    if (covered && !(list && round < 2 && !covers(&next.shape, &k->types[i].shape)))
        return STATUS_OK;
    k->types[i].shape = generalised(&k->types[i].shape, &next.shape, list, round >= ROUNDS_MAX - 2);
    *stable = false;
    return STATUS_OK;
}

/* Does a round write variables that the loop does not carry? Those that it does stand in `writes`
 * from the start. */
static bool writes_more(const struct carrying *k)
{
    size_t count = 0;

    for (const struct tf_write *w = k->body->writes; w; w = w->next)
        count++;
    return count > k->variable_count;
}

static enum status rounds(struct carrying *k, struct error *err)
{
    bool stable = false;

    for (int round = 0; !stable; round++) {
        if (round == ROUNDS_MAX)
            return error_set(err, STATUS_UNSUPPORTED, "the shapes that a loop carries find no end");
        TRY(body_make(k, err));
        if (writes_more(k))
            return STATUS_OK;
        stable = true;
        for (size_t i = 0; i < k->count; i++)
            TRY(state_check(k, i, round, &stable, err));
    }
    return STATUS_OK;
}

/* All that a round writes is carried: so often again. */
static enum status variables_carry(struct carrying *k, struct error *err)
{
    TRY(rounds(k, err));
    while (writes_more(k)) {
        struct tf_resource **variables;
        size_t count = 0;

        for (const struct tf_write *w = k->body->writes; w; w = w->next)
            count++;
        variables = arena_new(k->l->keep, struct tf_resource *, count);
        if (!variables)
            return error_no_memory(err, "the variables");
        count = 0;
        for (const struct tf_write *w = k->body->writes; w; w = w->next)
            variables[count++] = w->variable;
        TRY(carrying_new(k, k->l, k->e, k->loop, variables, count, err));
        TRY(rounds(k, err));
    }
    return STATUS_OK;
}

/* Arrays begin with the shape that the rounds give them. */
static enum status entries_fit(struct carrying *k, struct error *err)
{
    for (size_t i = 0; i < k->count; i++) {
        struct shape element = k->types[i].shape;

        if (k->kept[i] || !tf_list_of(k->l, k->e->graph, k->entry[i]) || element.rank < 1)
            continue;
        element.rank--;
        memmove(element.dims, element.dims + 1, (size_t)element.rank * sizeof *element.dims);
        TRY(tf_list_fit(k->l, k->e, k->entry[i], &element, &k->entry[i], err));
    }
    return STATUS_OK;
}

/* --- arrays that only grow: what the rounds append is stacked by the loop --- */

static size_t readers(const struct carrying *k, value_id value)
{
    const struct graph *graph = k->body->e.graph;
    size_t count = k->outputs[0] == value;

    for (size_t n = 0; n < graph->node_count; n++)
        for (size_t i = 0; i < graph->nodes[n].input_count; i++)
            count += graph->nodes[n].inputs[i] == value;
    for (size_t i = 0; i < k->count; i++)
        count += k->next[i] == value;
    return count;
}

static const struct node *producer_of(const struct graph *graph, value_id value, const char *op)
{
    const struct node *node =
        graph->values[value].producer < 0 ? NULL : &graph->nodes[graph->values[value].producer];

    return node && !strcmp(node->op->name, op) ? node : NULL;
}

static bool is_number(const struct graph *graph, value_id value, int64_t number)
{
    const struct tensor *known = graph->values[value].constant;

    return known && known->data && dtype_is_integer(known->dtype) && tensor_count(known) == 1 &&
           tensor_i64(known, 0) == number;
}

/* Is a value the number of the round, as a state of the loop counts it? */
static bool is_counter(const struct carrying *k, value_id value)
{
    const struct graph *graph = k->body->e.graph;
    const struct node *cast, *add;

    value = origin_of(graph, value);
    while ((cast = producer_of(graph, value, "Cast")))
        value = origin_of(graph, cast->inputs[0]);
    for (size_t i = 0; i < k->count; i++) {
        if (k->kept[i] || k->states[i] != value || !is_number(k->e->graph, k->entry[i], 0))
            continue;
        add = producer_of(graph, origin_of(graph, k->next[i]), "Add");
        return add &&
               ((origin_of(graph, add->inputs[0]) == value &&
                 is_number(graph, add->inputs[1], 1)) ||
                (origin_of(graph, add->inputs[1]) == value && is_number(graph, add->inputs[0], 1)));
    }
    return false;
}

/* Does each round append one element to the array that state `i` is, which begins empty and is
 * asked for nothing else? Then that element in *item. */
static bool is_appended(const struct carrying *k, size_t i, value_id *item)
{
    const struct graph *graph = k->body->e.graph;
    const struct shape *entry =
        emit_shape(k->e, i < k->loop->count ? k->loop->entry[i] : k->entry[i]);
    const struct node *node = producer_of(graph, k->next[i], "ListPush");

    if (k->kept[i] || !tf_list_of(k->l, graph, k->states[i]) || entry->rank < 1 ||
        entry->dims[0] != 0)
        return false;
    if (!node) {
        node = producer_of(graph, k->next[i], "ListSet");
        if (!node || !attribute_int(&node->attributes, "grow", 0) ||
            !is_counter(k, node->inputs[1]))
            return false;
    }
    *item = node->inputs[node->input_count - 1];
    return node->inputs[0] == k->states[i] && readers(k, k->states[i]) == 1 &&
           readers(k, k->next[i]) == 1;
}

/* --- the node --- */

struct closing {
    value_id *own, *made, *formals; /* of the node, of the body */
    value_id *items;                /* (count,): of arrays that grow; else VALUE_NONE */
    size_t state_count, item_count;
};

/* States first, then what is stacked. */
static enum status loop_order(struct carrying *k, struct closing *c, value_id condition,
                              struct error *err)
{
    size_t count = k->count, formal = 2;

    *c = (struct closing){.own = arena_new(k->l->keep, value_id, count + 2),
                          .made = arena_new(k->l->keep, value_id, count),
                          .formals = arena_new(k->l->keep, value_id, count + 2),
                          .items = arena_new(k->l->keep, value_id, count)};
    if (!c->own || !c->made || !c->formals || !c->items)
        return error_no_memory(err, "a loop");
    c->own[0] = VALUE_NONE;
    c->own[1] = condition;
    memcpy(c->formals, k->formals, 2 * sizeof *c->formals);
    for (size_t i = 0; i < count; i++) {
        c->items[i] = VALUE_NONE;
        if (k->kept[i])
            continue;
        formal++;
        if (is_appended(k, i, &c->items[i])) {
            c->item_count++;
            continue;
        }
        c->items[i] = VALUE_NONE;
        c->own[2 + c->state_count] = k->entry[i];
        c->formals[2 + c->state_count] = k->formals[formal - 1];
        k->outputs[1 + c->state_count++] = k->next[i];
    }
    for (size_t i = 0, at = c->state_count; i < count; i++)
        if (c->items[i] != VALUE_NONE)
            k->outputs[1 + at++] = c->items[i];
    return STATUS_OK;
}

static enum status loop_close(struct carrying *k, value_id condition, value_id *results,
                              struct error *err)
{
    struct closing c;
    size_t outputs, state = 0, item;

    TRY(loop_order(k, &c, condition, err));
    outputs = c.state_count + c.item_count;
    if (!outputs) { /* it changes nothing */
        memcpy(results, k->entry, k->count * sizeof *results);
        return STATUS_OK;
    }
    TRY(tf_body_close(k->body, c.formals, c.state_count + 2, k->outputs, outputs + 1, err));
    TRY(tf_body_emit(k->l, k->e, "Loop", (struct emit_inputs){c.own, c.state_count + 2}, &k->body,
                     1, c.made, outputs, err));
    item = c.state_count;
    for (size_t i = 0; i < k->count; i++) {
        results[i] = k->kept[i]                 ? k->entry[i]
                     : c.items[i] != VALUE_NONE ? c.made[item++]
                                                : c.made[state++];
        if (!k->kept[i])
            TRY(tf_list_keep(k->l, k->body->e.graph, k->next[i], k->e->graph, results[i], err));
    }
    return STATUS_OK;
}

enum status tf_loop_emit(struct tf_lowering *l, struct emitter *e, const struct tf_loop *loop,
                         value_id *results, struct error *err)
{
    struct carrying k;
    value_id condition, *all;
    size_t branch;

    TRY(loop->condition(loop->context, e, NULL, loop->entry, &condition, err));
    TRY(tf_condition(e, condition, &condition, err));
    if (tf_branch_known(e, condition, 2, &branch) && branch) { /* no round at all */
        memcpy(results, loop->entry, loop->count * sizeof *results);
        return STATUS_OK;
    }
    TRY(carrying_new(&k, l, e, loop, NULL, 0, err));
    TRY(variables_carry(&k, err));
    TRY(entries_fit(&k, err));
    all = arena_new(l->keep, value_id, k.count);
    if (!all)
        return error_no_memory(err, "a loop");
    TRY(loop_close(&k, condition, all, err));
    memcpy(results, all, loop->count * sizeof *results);
    for (size_t i = 0; i < k.variable_count; i++)
        TRY(tf_variable_set(l, e->graph, k.variables[i], all[loop->count + i], err));
    return STATUS_OK;
}
