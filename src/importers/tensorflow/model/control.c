// SPDX-License-Identifier: Apache-2.0
/* Subgraphs of If and Loop, whatever of the model describes them. */
#include "importers/tensorflow/control.h"

enum { ROUNDS_MAX = 6 }; /* until the types of what a loop carries stay */

/* --- subgraphs --- */

struct tf_capture {
    struct tf_capture *next;
    value_id outside, inside;
};

struct tf_body *tf_body_of(const struct tf_lowering *l, const struct graph *graph)
{
    struct tf_body *body = l->bodies;

    while (body && body->e.graph != graph)
        body = body->older;
    return body;
}

enum status tf_body_open(struct tf_body **body, struct tf_lowering *l, const struct emitter *e,
                         struct error *err)
{
    struct tf_body *made = arena_new(l->keep, struct tf_body, 1);

    if (!made)
        return error_no_memory(err, "a subgraph");
    made->l = l;
    made->outer = e->graph;
    made->parent = tf_body_of(l, e->graph);
    made->depth = made->parent ? made->parent->depth + 1 : 1;
    if (made->depth > SUBGRAPH_DEPTH_MAX)
        return error_set(err, STATUS_TOO_LARGE, "loops and branches, more than %d deep",
                         SUBGRAPH_DEPTH_MAX);
    made->last = &made->first;
    made->e.where = e->where;
    made->older = l->bodies;
    l->bodies = made;
    map_init(&made->captures, l->keep);
    *body = made;
    return graph_new(&made->e.graph, l->keep, err);
}

/* What is certain of a value for another graph. */
static struct tensor type_of(const struct graph *graph, value_id value)
{
    const struct value *from = &graph->values[value];
    struct tensor type = {from->dtype, from->shape, NULL, from->element};

    for (int i = 0; i < type.shape.rank; i++) /* symbols belong to one graph */
        if (type.shape.dims[i] < 0)
            type.shape.dims[i] = DIM_UNKNOWN;
    return type;
}

static enum status capture_add(struct tf_body *body, value_id outside, value_id inside,
                               struct error *err)
{
    struct tf_capture *capture = arena_new(body->l->keep, struct tf_capture, 1);

    if (!capture)
        return error_no_memory(err, "a subgraph");
    *capture = (struct tf_capture){NULL, outside, inside};
    if (!map_set(&body->captures,
                 (struct bytes){(const uint8_t *)&capture->outside, sizeof outside}, capture))
        return error_no_memory(err, "a subgraph");
    if (body->outer->values[outside].constant)
        return STATUS_OK;
    *body->last = capture;
    body->last = &capture->next;
    body->capture_count++;
    return STATUS_OK;
}

enum status tf_body_capture(struct tf_body *body, const struct graph *from, value_id outside,
                            value_id *inside, struct error *err)
{
    const struct tf_capture *known;
    const struct value *outer;
    struct tensor type;

    if (from != body->outer) {
        if (!body->parent)
            return error_set(err, STATUS_INTERNAL, "a value of no graph around it");
        TRY(tf_body_capture(body->parent, from, outside, &outside, err));
    }
    known = map_find(&body->captures, (struct bytes){(const uint8_t *)&outside, sizeof outside});
    if (known) {
        *inside = known->inside;
        return STATUS_OK;
    }
    outer = &body->outer->values[outside];
    if (outer->constant) {
        TRY(graph_constant(body->e.graph, "", outer->constant, inside, err));
    } else {
        type = type_of(body->outer, outside);
        TRY(graph_input_typed(body->e.graph, outer->name, &type, inside, err));
        body->e.graph->values[*inside].declared = outer->declared;
    }
    TRY(tf_list_keep(body->l, body->outer, outside, body->e.graph, *inside, err));
    return capture_add(body, outside, *inside, err);
}

/* The signature: formal inputs, what was captured, outputs. */
static enum status body_close(struct tf_body *body, const value_id *formals, size_t formal_count,
                              value_id *outputs, size_t output_count, struct error *err)
{
    size_t count = formal_count + body->capture_count, at = 0;
    value_id *inputs = arena_new(body->l->keep, value_id, count);

    if (!inputs)
        return error_no_memory(err, "a subgraph");
    body->l->settled = false;
    TRY(tf_guards_settle(body->l, &body->e, outputs, output_count, err));
    body->settled = body->l->settled;
    for (size_t i = 0; i < formal_count; i++)
        inputs[at++] = formals[i];
    for (const struct tf_capture *c = body->first; c; c = c->next)
        inputs[at++] = c->inside;
    TRY(graph_signature_add(body->e.graph, "body", inputs, count, outputs, output_count, err));
    TRY(graph_captures(body->e.graph, body->capture_count, err));
    return graph_finish(body->e.graph, err);
}

/* The node: its own inputs, then what its bodies captured. */
static enum status control_emit(struct tf_lowering *l, struct emitter *e, const char *op,
                                struct emit_inputs own, struct tf_body *const *bodies,
                                size_t body_count, value_id *outputs, size_t output_count,
                                struct error *err)
{
    static const char *const BRANCHES[] = {"then_branch", "else_branch"};
    struct attribute attributes[2];
    size_t count = own.count, at = 0;
    value_id *inputs;

    for (size_t b = 0; b < body_count; b++) {
        attributes[b] = (struct attribute){.name = body_count == 1 ? "body" : BRANCHES[b],
                                           .kind = ATTRIBUTE_GRAPH};
        attributes[b].g = bodies[b]->e.graph;
        count += bodies[b]->capture_count;
    }
    inputs = arena_new(l->keep, value_id, count);
    if (!inputs)
        return error_no_memory(err, "a subgraph");
    for (size_t i = 0; i < own.count; i++)
        inputs[at++] = own.values[i];
    for (size_t b = 0; b < body_count; b++)
        for (const struct tf_capture *c = bodies[b]->first; c; c = c->next)
            inputs[at++] = c->outside;
    for (size_t b = 0; b < body_count; b++)
        l->settled = l->settled || bodies[b]->settled;
    return emit(e, "", op, inputs, count, attributes, body_count, outputs, output_count, err);
}

/* --- branches --- */

enum status tf_condition(struct emitter *e, value_id x, value_id *condition, struct error *err)
{
    const struct shape *shape = emit_shape(e, x);
    enum dtype dtype = emit_dtype(e, x);
    value_id size, zero;

    *condition = x;
    if (shape->rank > 0) {
        TRY(emit_1(e, "Size", x, &size, err));
        TRY(emit_number(e, DTYPE_I64, 0, &zero, err));
        return emit_2(e, "Greater", size, zero, condition, err);
    }
    if (dtype == DTYPE_BOOL)
        return STATUS_OK;
    if (!dtype_is_float(dtype) && !dtype_is_integer(dtype))
        return error_set(err, STATUS_UNSUPPORTED, "a condition of %s", dtype_name(dtype));
    return emit_cast(e, x, DTYPE_BOOL, condition, err);
}

bool tf_branch_known(const struct emitter *e, value_id which, size_t count, size_t *branch)
{
    const struct tensor *known = e->graph->values[which].constant;
    int64_t number;

    if (!known || !known->data || tensor_count(known) != 1 ||
        (known->dtype != DTYPE_BOOL && !dtype_is_integer(known->dtype)))
        return false;
    number = tensor_i64(known, 0);
    if (known->dtype == DTYPE_BOOL)
        number = !number;
    *branch = number < 0 || (uint64_t)number >= count ? count - 1 : (size_t)number;
    return true;
}

struct choice {
    struct tf_lowering *l;
    const struct tf_branches *branches;
    size_t low, high; /* of these */
};

static enum status choose(const struct choice *choice, struct emitter *e, struct tf_body *body,
                          value_id which, value_id *outputs, struct error *err);

/* One side of a choice, in a graph of its own. */
static enum status side_make(const struct choice *choice, struct emitter *e, value_id which,
                             struct tf_body **body, struct error *err)
{
    value_id *outputs = arena_new(choice->l->keep, value_id, choice->branches->output_count);
    bool last = choice->high - choice->low == 1;

    if (!outputs)
        return error_no_memory(err, "a subgraph");
    TRY(tf_body_open(body, choice->l, e, err));
    if (!last)
        TRY(tf_body_capture(*body, e->graph, which, &which, err));
    TRY(choose(choice, &(*body)->e, *body, which, outputs, err));
    return body_close(*body, NULL, 0, outputs, choice->branches->output_count, err);
}

static enum status lists_join(const struct choice *choice, const struct emitter *e,
                              struct tf_body *const *sides, const value_id *outputs,
                              struct error *err)
{
    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < choice->branches->output_count; i++)
            TRY(tf_list_keep(choice->l, sides[s]->e.graph,
                             sides[s]->e.graph->signatures[0].outputs[i], e->graph, outputs[i],
                             err));
    return STATUS_OK;
}

static enum status choose(const struct choice *choice, struct emitter *e, struct tf_body *body,
                          value_id which, value_id *outputs, struct error *err)
{
    size_t low = choice->low, high = choice->high, middle = (low + high) / 2;
    struct choice lower = {choice->l, choice->branches, low, middle};
    struct choice upper = {choice->l, choice->branches, middle, high};
    struct tf_body *sides[2];
    value_id condition = which, bound;

    if (high - low == 1)
        return choice->branches->lower(choice->branches->context, low, e, body, outputs, err);
    if (emit_dtype(e, which) != DTYPE_BOOL) {
        TRY(emit_number(e, DTYPE_I64, (double)middle, &bound, err));
        TRY(emit_2(e, "Less", which, bound, &condition, err));
    }
    TRY(side_make(&lower, e, which, &sides[0], err));
    TRY(side_make(&upper, e, which, &sides[1], err));
    TRY(control_emit(choice->l, e, "If", EMIT(condition), sides, 2, outputs,
                     choice->branches->output_count, err));
    return lists_join(choice, e, sides, outputs, err);
}

/* What is not a branch is the last one. */
static enum status clamp(struct emitter *e, size_t count, value_id *which, struct error *err)
{
    value_id zero, last, negative;

    TRY(emit_cast(e, *which, DTYPE_I64, which, err));
    TRY(emit_number(e, DTYPE_I64, 0, &zero, err));
    TRY(emit_number(e, DTYPE_I64, (double)(count - 1), &last, err));
    TRY(emit_2(e, "Less", *which, zero, &negative, err));
    return emit_node(e, "", "Where", EMIT(negative, last, *which), EMIT_PLAIN, which, err);
}

enum status tf_branches_emit(struct tf_lowering *l, struct emitter *e,
                             const struct tf_branches *branches, value_id which, value_id *outputs,
                             struct error *err)
{
    struct choice choice = {l, branches, 0, branches->count};
    size_t known;

    if (tf_branch_known(e, which, branches->count, &known))
        return branches->lower(branches->context, known, e, NULL, outputs, err);
    if (emit_dtype(e, which) != DTYPE_BOOL)
        TRY(clamp(e, branches->count, &which, err));
    else if (branches->count != 2)
        return error_set(err, STATUS_INVALID_INPUT, "a bool chooses of %zu branches",
                         branches->count);
    return choose(&choice, e, NULL, which, outputs, err);
}

/* --- loops --- */

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
};

static enum status carrying_new(struct carrying *k, struct tf_lowering *l, struct emitter *e,
                                const struct tf_loop *loop, struct error *err)
{
    size_t count = loop->count;

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
    };
    if (!k->types || !k->kept || !k->entry || !k->states || !k->next || !k->formals || !k->outputs)
        return error_no_memory(err, "a loop");
    for (size_t i = 0; i < count; i++) {
        const struct tf_list *list = tf_list_of(l, e->graph, loop->entry[i]);

        k->entry[i] = loop->entry[i];
        k->types[i] = type_of(e->graph, loop->entry[i]);
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
        k->kept[i] = tf_resource_at(l, e->graph, loop->entry[i]) != NULL;
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
    for (size_t i = 0; i < k->loop->count; i++) {
        const struct value *entry = &k->e->graph->values[k->entry[i]];

        if (k->kept[i]) {
            TRY(tf_body_capture(k->body, k->e->graph, k->entry[i], &k->states[i], err));
            continue;
        }
        TRY(formal_add(k, &k->types[i], entry->declared, &k->states[i], err));
        TRY(tf_list_keep(k->l, k->e->graph, k->loop->entry[i], k->body->e.graph, k->states[i],
                         err));
    }
    TRY(k->loop->next(k->loop->context, &k->body->e, k->body, k->states, k->next, err));
    TRY(k->loop->condition(k->loop->context, &k->body->e, k->body, k->next, &k->outputs[0], err));
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
    struct tensor next = type_of(graph, k->next[i]);
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

static enum status rounds(struct carrying *k, struct error *err)
{
    bool stable = false;

    for (int round = 0; !stable; round++) {
        if (round == ROUNDS_MAX)
            return error_set(err, STATUS_UNSUPPORTED, "the shapes that a loop carries find no end");
        TRY(body_make(k, err));
        stable = true;
        for (size_t i = 0; i < k->loop->count; i++)
            TRY(state_check(k, i, round, &stable, err));
    }
    return STATUS_OK;
}

/* Arrays begin with the shape that the rounds give them. */
static enum status entries_fit(struct carrying *k, struct error *err)
{
    for (size_t i = 0; i < k->loop->count; i++) {
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
    for (size_t i = 0; i < k->loop->count; i++)
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
    for (size_t i = 0; i < k->loop->count; i++) {
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
    const struct shape *entry = emit_shape(k->e, k->loop->entry[i]);
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
    size_t count = k->loop->count, formal = 2;

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
        memcpy(results, k->entry, k->loop->count * sizeof *results);
        return STATUS_OK;
    }
    TRY(body_close(k->body, c.formals, c.state_count + 2, k->outputs, outputs + 1, err));
    TRY(control_emit(k->l, k->e, "Loop", (struct emit_inputs){c.own, c.state_count + 2}, &k->body,
                     1, c.made, outputs, err));
    item = c.state_count;
    for (size_t i = 0; i < k->loop->count; i++) {
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
    value_id condition;
    size_t branch;

    TRY(loop->condition(loop->context, e, NULL, loop->entry, &condition, err));
    TRY(tf_condition(e, condition, &condition, err));
    if (tf_branch_known(e, condition, 2, &branch) && branch) { /* no round at all */
        memcpy(results, loop->entry, loop->count * sizeof *results);
        return STATUS_OK;
    }
    TRY(carrying_new(&k, l, e, loop, err));
    TRY(rounds(&k, err));
    TRY(entries_fit(&k, err));
    return loop_close(&k, condition, results, err);
}
