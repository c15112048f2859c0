// SPDX-License-Identifier: Apache-2.0
/* Control flow of TensorFlow 2: branches and loops whose bodies are functions. */
#include "importers/tensorflow/control/control.h"

/* The arguments of a function in the graph that its body becomes part of. */
static enum status arguments_bring(const struct tf_call *c, struct tf_body *body,
                                   const value_id *outside, size_t count, value_id *inside,
                                   struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        inside[i] = outside[i];
        if (body)
            TRY(tf_body_capture(body, c->e->graph, outside[i], &inside[i], err));
    }
    return STATUS_OK;
}

/* --- If and Case --- */

struct choosing {
    struct tf_call *call;
    const struct tf_function *functions[TF_SIDES_MAX];
    value_id *arguments; /* (call->in_count,) */
};

static enum status branch_lower(void *context, size_t branch, struct emitter *e,
                                struct tf_body *body, value_id *outputs, struct error *err)
{
    struct choosing *choosing = context;
    const struct tf_call *c = choosing->call;
    size_t count = c->in_count - 1;

    TRY(arguments_bring(c, body, c->in + 1, count, choosing->arguments, err));
    return tf_function_lower(c->scope, choosing->functions[branch], e, choosing->arguments, count,
                             outputs, err);
}

static enum status choose(struct choosing *choosing, size_t count, value_id which,
                          struct error *err)
{
    struct tf_call *c = choosing->call;
    struct tf_branches branches = {.count = count,
                                   .output_count = choosing->functions[0]->result_count,
                                   .lower = branch_lower,
                                   .context = choosing};

    if (branches.output_count > TF_OUTPUTS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "has more than %d outputs", TF_OUTPUTS_MAX);
    for (size_t i = 0; i < count; i++)
        if (choosing->functions[i]->result_count != branches.output_count)
            return error_set(err, STATUS_INVALID_INPUT, "branches of %zu and %zu results",
                             branches.output_count, choosing->functions[i]->result_count);
    choosing->arguments = arena_new(c->l->keep, value_id, c->in_count);
    if (!choosing->arguments)
        return error_no_memory(err, "a branch");
    TRY(tf_branches_emit(c->l, c->e, &branches, which, c->out, err));
    c->out_count = branches.output_count;
    return STATUS_OK;
}

static enum status function_of(const struct tf_call *c, const char *attribute,
                               const struct tf_function **function, struct error *err)
{
    struct bytes name;

    TRY(tf_function_name(c->node, attribute, &name, err));
    return tf_function_get(c->l, name, function, err);
}

static enum status lower_if(struct tf_call *c, struct error *err)
{
    struct choosing choosing = {.call = c};
    value_id which;

    if (c->in_count < 1)
        return error_set(err, STATUS_INVALID_INPUT, "has no condition");
    TRY(function_of(c, "then_branch", &choosing.functions[0], err));
    TRY(function_of(c, "else_branch", &choosing.functions[1], err));
    TRY(tf_condition(c->e, c->in[0], &which, err));
    return choose(&choosing, 2, which, err);
}

struct listing {
    struct choosing *choosing;
    size_t count;
};

static enum status branch_add(struct bytes name, void *context, struct error *err)
{
    struct listing *listing = context;

    if (listing->count == TF_SIDES_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "has more than %d branches", TF_SIDES_MAX);
    return tf_function_get(listing->choosing->call->l, name,
                           &listing->choosing->functions[listing->count++], err);
}

static enum status lower_case(struct tf_call *c, struct error *err)
{
    struct choosing choosing = {.call = c};
    struct listing listing = {&choosing, 0};

    if (c->in_count < 1)
        return error_set(err, STATUS_INVALID_INPUT, "has no branch index");
    TRY(tf_functions_visit(c->node, branch_add, &listing, err));
    if (!listing.count || !dtype_is_integer(emit_dtype(c->e, c->in[0])))
        return error_set(err, STATUS_INVALID_INPUT, "has no branches or no index of them");
    return choose(&choosing, listing.count, c->in[0], err);
}

/* --- While --- */

struct looping {
    struct tf_call *call;
    const struct tf_function *condition, *body;
};

static enum status condition_lower(void *context, struct emitter *e, struct tf_body *body,
                                   const value_id *states, value_id *condition, struct error *err)
{
    const struct looping *l = context;

    (void)body; /* nothing but the states */
    return tf_function_lower(l->call->scope, l->condition, e, states, l->call->in_count, condition,
                             err);
}

static enum status body_lower(void *context, struct emitter *e, struct tf_body *body,
                              const value_id *states, value_id *next, struct error *err)
{
    const struct looping *l = context;

    (void)body;
    return tf_function_lower(l->call->scope, l->body, e, states, l->call->in_count, next, err);
}

static enum status lower_while(struct tf_call *c, struct error *err)
{
    struct looping l = {.call = c};
    struct tf_loop loop = {.count = c->in_count,
                           .entry = c->in,
                           .condition = condition_lower,
                           .next = body_lower,
                           .context = &l};
    value_id *results = arena_new(c->l->keep, value_id, c->in_count);

    if (!results)
        return error_no_memory(err, "a loop");
    TRY(function_of(c, "cond", &l.condition, err));
    TRY(function_of(c, "body", &l.body, err));
    if (l.condition->result_count != 1 || l.body->result_count != c->in_count)
        return error_set(err, STATUS_INVALID_INPUT, "a loop over %zu values whose body gives %zu",
                         c->in_count, l.body->result_count);
    TRY(tf_loop_emit(c->l, c->e, &loop, results, err));
    for (size_t i = 0; i < c->in_count; i++)
        TRY(tf_add(c, results[i], err));
    return STATUS_OK;
}

/* --- For: start, limit, delta, values; the body takes the counter and the values --- */

enum { COUNTER, LIMIT, DELTA, VALUES }; /* states of the loop */

/* One sign of delta, and the counter on that side of the limit. */
static enum status side_emit(struct emitter *e, const char *compare, const value_id *states,
                             value_id *y, struct error *err)
{
    value_id zero, sign;

    TRY(emit_number(e, DTYPE_I32, 0, &zero, err));
    TRY(emit_2(e, compare, zero, states[DELTA], &sign, err));
    TRY(emit_2(e, compare, states[COUNTER], states[LIMIT], y, err));
    return emit_2(e, "And", sign, *y, y, err);
}

static enum status counter_inside(void *context, struct emitter *e, struct tf_body *body,
                                  const value_id *states, value_id *condition, struct error *err)
{
    value_id up, down;

    (void)context;
    (void)body;
    TRY(side_emit(e, "Less", states, &up, err));
    TRY(side_emit(e, "Greater", states, &down, err));
    return emit_2(e, "Or", up, down, condition, err);
}

static enum status counted_lower(void *context, struct emitter *e, struct tf_body *body,
                                 const value_id *states, value_id *next, struct error *err)
{
    const struct looping *l = context;
    size_t count = l->call->in_count - VALUES;
    value_id *arguments = arena_new(l->call->l->keep, value_id, count + 1);

    (void)body;
    if (!arguments)
        return error_no_memory(err, "a loop");
    arguments[0] = states[COUNTER];
    for (size_t i = 0; i < count; i++)
        arguments[1 + i] = states[VALUES + i];
    next[LIMIT] = states[LIMIT];
    next[DELTA] = states[DELTA];
    TRY(emit_2(e, "Add", states[COUNTER], states[DELTA], &next[COUNTER], err));
    return tf_function_lower(l->call->scope, l->body, e, arguments, count + 1, next + VALUES, err);
}

/* The limit lies where delta leads, or the loop is an error. */
static enum status direction_check(struct tf_call *c, struct error *err)
{
    value_id distance, way, right;

    TRY(emit_2(c->e, "Sub", c->in[LIMIT], c->in[COUNTER], &distance, err));
    TRY(emit_1(c->e, "Sign", distance, &distance, err));
    TRY(emit_1(c->e, "Sign", c->in[DELTA], &way, err));
    TRY(emit_2(c->e, "Mul", distance, distance, &right, err));
    TRY(emit_2(c->e, "Mul", right, way, &right, err)); /* 0 where there is no distance */
    TRY(emit_2(c->e, "Equal", distance, right, &right, err));
    TRY(emit_node(c->e, "firn", "Assert", EMIT(right),
                  EMIT_ATTRIBUTES(attribute_of_text("message", "a loop whose delta does not lead "
                                                               "from its start to its limit")),
                  &right, err));
    return tf_guard_add(c->l, c->e->graph, right, err);
}

static enum status lower_for(struct tf_call *c, struct error *err)
{
    struct looping l = {.call = c};
    struct tf_loop loop = {.count = c->in_count,
                           .entry = c->in,
                           .condition = counter_inside,
                           .next = counted_lower,
                           .context = &l};
    value_id *results = arena_new(c->l->keep, value_id, c->in_count);

    if (!results)
        return error_no_memory(err, "a loop");
    if (c->in_count < VALUES)
        return error_set(err, STATUS_INVALID_INPUT, "has %zu inputs", c->in_count);
    for (size_t i = 0; i < VALUES; i++)
        if (emit_dtype(c->e, c->in[i]) != DTYPE_I32)
            return error_set(err, STATUS_INVALID_INPUT, "input %zu is %s", i,
                             dtype_name(emit_dtype(c->e, c->in[i])));
    TRY(function_of(c, "body", &l.body, err));
    if (l.body->result_count != c->in_count - VALUES)
        return error_set(err, STATUS_INVALID_INPUT, "a loop over %zu values whose body gives %zu",
                         c->in_count - VALUES, l.body->result_count);
    TRY(direction_check(c, err));
    TRY(tf_loop_emit(c->l, c->e, &loop, results, err));
    for (size_t i = VALUES; i < c->in_count; i++)
        TRY(tf_add(c, results[i], err));
    return STATUS_OK;
}

const struct tf_op_set tf_ops_control_v2 = TF_OP_SET(
    {.name = "If", .lower = lower_if}, {.name = "StatelessIf", .lower = lower_if},
    {.name = "Case", .lower = lower_case}, {.name = "StatelessCase", .lower = lower_case},
    {.name = "While", .lower = lower_while}, {.name = "StatelessWhile", .lower = lower_while},
    {.name = "For", .lower = lower_for}, );
