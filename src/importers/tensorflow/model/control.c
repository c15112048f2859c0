// SPDX-License-Identifier: Apache-2.0
/* Subgraphs of If and Loop, whatever of the model describes them; If itself. */
#include "importers/tensorflow/control/body.h"

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

struct tensor tf_body_type(const struct graph *graph, value_id value)
{
    const struct value *from = &graph->values[value];
    struct tensor type = {from->dtype, from->shape, NULL, from->element};

    shape_forget_symbols(&type.shape);
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
        type = tf_body_type(body->outer, outside);
        TRY(graph_input_typed(body->e.graph, outer->name, &type, inside, err));
        body->e.graph->values[*inside].declared = outer->declared;
    }
    TRY(tf_list_keep(body->l, body->outer, outside, body->e.graph, *inside, err));
    return capture_add(body, outside, *inside, err);
}

enum status tf_body_close(struct tf_body *body, const value_id *formals, size_t formal_count,
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

enum status tf_body_emit(struct tf_lowering *l, struct emitter *e, const char *op,
                         struct emit_inputs own, struct tf_body *const *bodies, size_t body_count,
                         value_id *outputs, size_t output_count, struct error *err)
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
struct side {
    struct tf_body *body;
    value_id *outputs; /* the branch's own */
};

static enum status side_make(const struct choice *choice, struct emitter *e, value_id which,
                             struct side *side, struct error *err)
{
    bool last = choice->high - choice->low == 1;

    side->outputs = arena_new(choice->l->keep, value_id, choice->branches->output_count);
    if (!side->outputs)
        return error_no_memory(err, "a subgraph");
    TRY(tf_body_open(&side->body, choice->l, e, err));
    if (!last)
        TRY(tf_body_capture(side->body, e->graph, which, &which, err));
    return choose(choice, &side->body->e, side->body, which, side->outputs, err);
}

/* The variables that one of them writes, each once. */
struct written {
    struct tf_resource **variables;
    size_t count;
};

static enum status written_find(const struct side sides[2], struct written *written,
                                struct arena *keep, struct error *err)
{
    size_t room = 0;

    for (size_t s = 0; s < 2; s++)
        for (const struct tf_write *w = sides[s].body->writes; w; w = w->next)
            room++;
    written->count = 0;
    written->variables = arena_new(keep, struct tf_resource *, room);
    if (!written->variables)
        return error_no_memory(err, "the variables");
    for (size_t s = 0; s < 2; s++)
        for (const struct tf_write *w = sides[s].body->writes; w; w = w->next) {
            bool known = false;

            for (size_t i = 0; i < written->count; i++)
                known = known || written->variables[i] == w->variable;
            if (!known)
                written->variables[written->count++] = w->variable;
        }
    return STATUS_OK;
}

/* Both sides give what the variables hold behind them. */
static enum status side_close(const struct choice *choice, struct side *side,
                              const struct written *written, struct error *err)
{
    size_t count = choice->branches->output_count;
    value_id *outputs = arena_new(choice->l->keep, value_id, count + written->count);

    if (!outputs)
        return error_no_memory(err, "a subgraph");
    for (size_t i = 0; i < count; i++)
        outputs[i] = side->outputs[i];
    for (size_t i = 0; i < written->count; i++)
        TRY(tf_variable_now(choice->l, side->body->e.graph, written->variables[i],
                            &outputs[count + i], err));
    return tf_body_close(side->body, NULL, 0, outputs, count + written->count, err);
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

/* The If, and what the variables hold from here on. */
static enum status sides_join(const struct choice *choice, struct emitter *e, value_id condition,
                              struct side sides[2], value_id *outputs, struct error *err)
{
    struct tf_body *bodies[2] = {sides[0].body, sides[1].body};
    size_t count = choice->branches->output_count;
    struct written written;
    value_id *made;

    TRY(written_find(sides, &written, choice->l->keep, err));
    made = arena_new(choice->l->keep, value_id, count + written.count);
    if (!made)
        return error_no_memory(err, "a subgraph");
    for (size_t s = 0; s < 2; s++)
        TRY(side_close(choice, &sides[s], &written, err));
    TRY(tf_body_emit(choice->l, e, "If", EMIT(condition), bodies, 2, made, count + written.count,
                     err));
    for (size_t i = 0; i < count; i++)
        outputs[i] = made[i];
    for (size_t i = 0; i < written.count; i++)
        TRY(tf_variable_set(choice->l, e->graph, written.variables[i], made[count + i], err));
    return lists_join(choice, e, bodies, outputs, err);
}

static enum status choose(const struct choice *choice, struct emitter *e, struct tf_body *body,
                          value_id which, value_id *outputs, struct error *err)
{
    size_t low = choice->low, high = choice->high, middle = (low + high) / 2;
    struct choice lower = {choice->l, choice->branches, low, middle};
    struct choice upper = {choice->l, choice->branches, middle, high};
    struct side sides[2];
    value_id condition = which, bound;

    if (high - low == 1)
        return choice->branches->lower(choice->branches->context, low, e, body, outputs, err);
    if (emit_dtype(e, which) != DTYPE_BOOL) {
        TRY(emit_number(e, DTYPE_I64, (double)middle, &bound, err));
        TRY(emit_2(e, "Less", which, bound, &condition, err));
    }
    TRY(side_make(&lower, e, which, &sides[0], err));
    TRY(side_make(&upper, e, which, &sides[1], err));
    return sides_join(choice, e, condition, sides, outputs, err);
}

/* What is not a branch is the last one. */
static enum status clamp(struct emitter *e, size_t count, value_id *which, struct error *err)
{
    value_id zero, last, negative;

    TRY(emit_cast(e, *which, DTYPE_I64, which, err));
    TRY(emit_number(e, DTYPE_I64, 0, &zero, err));
    TRY(emit_number(e, DTYPE_I64, (double)(count - 1), &last, err));
    TRY(emit_2(e, "Less", *which, zero, &negative, err));
    return emit_where(e, negative, last, *which, which, err);
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
