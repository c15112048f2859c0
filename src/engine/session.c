// SPDX-License-Identifier: Apache-2.0
/* The plans and the memory of one thread. */
#include <stdlib.h>

#include "base/text.h"
#include "engine/internal.h"
#include "tensor/sequence.h"

enum {
    STRING_BYTES_MAX = 1 << 30,
    INNER_PLANS_MAX = 8, /* of a subgraph or region */
};

/* What decides which plan serves: shapes, at first; with the values of small integer inputs, when
 * those were seen to decide shapes. */
enum { BY_SHAPE, BY_VALUE, BY_SHAPE_ALONE };
enum { MADE_MAX = 64 };

/* Numbers that the longest key of these recipes has. */
static size_t key_size(const struct recipe *recipes, size_t count)
{
    size_t longest = 1;

    for (size_t r = 0; r < count; r++) {
        const struct graph_signature *signature = recipes[r].signature;
        size_t size = 1;

        for (size_t i = 0; signature && i < signature->input_count; i++)
            size += dtype_is_integer(recipes[r].graph->values[signature->inputs[i]].dtype)
                        ? (size_t)(2 + RANK_MAX + PLAN_VALUES_MAX)
                        : (size_t)(2 + RANK_MAX);
        longest = size > longest ? size : longest;
    }
    return longest;
}

static struct native_session *session_new(struct servable *servable, struct native_session *root,
                                          const struct recipe *recipes, size_t count)
{
    const struct native *native = (const struct native *)servable;
    struct native_session *session;
    struct arena keep;

    arena_init(&keep, SIZE_MAX);
    session = arena_new(&keep, struct native_session, 1);
    if (!session) {
        arena_release(&keep);
        return NULL;
    }
    session->base.servable = servable;
    session->root = root ? root : session;
    session->recipes = recipes;
    session->recipe_count = count;
    session->plans_max = root && native->options.plans_max > INNER_PLANS_MAX
                             ? INNER_PLANS_MAX
                             : native->options.plans_max;
    session->plans = arena_new(&keep, struct plan *, session->plans_max);
    session->key = arena_new(&keep, int64_t, key_size(recipes, count));
    session->by_value = arena_new(&keep, uint8_t, count);
    session->children = arena_new(&keep, struct native_session *, root ? 0 : count);
    session->keep = keep;
    if (!session->plans || !session->key || !session->by_value || !session->children) {
        arena_release(&keep);
        return NULL;
    }
    arena_init_mapped(&session->memory, SIZE_MAX);
    arena_init(&session->strings.arena, STRING_BYTES_MAX);
    arena_init(&session->dynamic.arena, native->options.memory_max);
    arena_init(&session->scratch, SIZE_MAX);
    return session;
}

struct session *native_session_new(struct servable *servable)
{
    const struct native *native = (const struct native *)servable;
    struct native_session *session =
        session_new(servable, NULL, native->recipes, native->recipe_count);

    return session ? &session->base : NULL;
}

struct native_session *session_inner(struct native_session *root, const struct recipe *recipes,
                                     size_t count)
{
    return session_new(root->base.servable, root, recipes, count);
}

enum status session_child(struct native_session *session, uint32_t recipe,
                          struct native_session **child, struct error *err)
{
    struct native_session *root = session->root;

    if (!root->children[recipe])
        root->children[recipe] = session_inner(root, &root->recipes[recipe], 1);
    *child = root->children[recipe];
    if (!*child)
        return error_no_memory(err, "a subgraph");
    (*child)->base.team = session->base.team;
    return STATUS_OK;
}

void native_session_free(struct session *base)
{
    struct native_session *session = (struct native_session *)base;
    struct arena keep = session->keep;

    free(session->sliced);
    for (size_t i = 0; i < session->plan_count; i++)
        plan_free(session->plans[i]);
    for (size_t i = 0; session->root == session && i < session->recipe_count; i++)
        if (session->children[i])
            native_session_free(&session->children[i]->base);
    session_states_free(session);
    arena_release(&session->memory);
    arena_release(&session->strings.arena);
    arena_release(&session->dynamic.arena);
    arena_release(&session->scratch);
    arena_release(&keep); /* with the session */
}

/* --- keys: all that a plan depends on, as integers --- */

static size_t key_values(const struct tensor *input, int64_t *key)
{
    size_t count = tensor_count(input);

    for (size_t i = 0; i < count; i++)
        key[i] = tensor_i64(input, i);
    return count;
}

/* [signature, (rank and dtype and whether values follow, dimensions, values) of each input] */
static size_t key_make(struct native_session *session, size_t signature,
                       const struct tensor *inputs)
{
    const struct recipe *recipe = &session->recipes[signature];
    int64_t *key = session->key;
    size_t size = 1;

    key[0] = (int64_t)signature;
    for (size_t i = 0; i < recipe->signature->input_count; i++) {
        const struct tensor *input = &inputs[i];
        bool values =
            session->by_value[signature] == BY_VALUE && plan_value_input(input) && input->data;

        key[size++] = input->shape.rank | (int64_t)input->dtype << 8 | (int64_t)values << 16;
        for (int d = 0; d < input->shape.rank; d++)
            key[size++] = input->shape.dims[d];
        if (values)
            size += key_values(input, &key[size]);
    }
    return size;
}

static uint64_t key_hash(const int64_t *key, size_t size)
{
    uint64_t hash = size;

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (uint64_t)key[i]) * 0xD6E8FEB86659FD93u;
        hash ^= hash >> 32;
    }
    return hash;
}

static struct plan *find(const struct native_session *session, uint64_t hash, size_t key_size)
{
    for (size_t i = 0; i < session->plan_count; i++) {
        struct plan *plan = session->plans[i];

        if (plan->hash == hash && plan->key_size == key_size &&
            !memcmp(plan->key, session->key, key_size * sizeof *plan->key))
            return plan;
    }
    return NULL;
}

/* Does a value that came from outside hold what the model says of it? Plans rely on that. */
static bool holds(const struct tensor *container, const struct tensor *element)
{
    const struct sequence *sequence = tensor_sequence(container);

    for (size_t i = 0; sequence && element && i < sequence->count; i++) {
        const struct tensor *item = &sequence->items[i];

        if (item->dtype != element->dtype ||
            (element->shape.rank >= 0 && item->shape.rank != element->shape.rank))
            return false;
        for (int d = 0; d < element->shape.rank; d++)
            if (element->shape.dims[d] >= 0 && element->shape.dims[d] != item->shape.dims[d])
                return false;
        if (dtype_is_container(item->dtype) && !holds(item, element->element))
            return false;
    }
    return sequence && element;
}

static enum status container_check(const struct value *value, const struct tensor *input,
                                   struct error *err)
{
    char name[TEXT_QUOTE_SIZE], wanted[SHAPE_PRINT_SIZE];

    if (holds(input, value->element))
        return STATUS_OK;
    return error_set(
        err, STATUS_INVALID_INPUT, "input '%s' does not hold what the model takes: %s",
        text_quote(bytes_of(value->name), name, sizeof name),
        element_print(&(struct tensor){.dtype = value->dtype, .element = value->element}, wanted,
                      sizeof wanted));
}

static enum status inputs_check(const struct native_session *session, size_t signature,
                                const struct tensor *inputs, struct error *err)
{
    const struct recipe *recipe = &session->recipes[signature];
    char name[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < recipe->signature->input_count; i++) {
        const struct value *value = &recipe->graph->values[recipe->signature->inputs[i]];

        if (dtype_is_container(inputs[i].dtype) && inputs[i].dtype == value->dtype &&
            !recipe->inner)
            TRY(container_check(value, &inputs[i], err));
        if (inputs[i].shape.rank < 0 || inputs[i].shape.rank > RANK_MAX ||
            inputs[i].dtype <= DTYPE_NONE || inputs[i].dtype >= DTYPE_COUNT)
            return error_set(
                err, STATUS_INVALID_INPUT, "input '%s' is not a tensor",
                text_quote(bytes_of(recipe->graph->values[recipe->signature->inputs[i]].name), name,
                           sizeof name));
    }
    return STATUS_OK;
}

struct plan *session_plan_find(struct native_session *session, size_t signature,
                               const struct tensor *inputs)
{
    struct error ignored;
    size_t size;

    if (inputs_check(session, signature, inputs, &ignored))
        return NULL;
    size = key_make(session, signature, inputs);
    return find(session, key_hash(session->key, size), size);
}

/* --- making and keeping --- */

static bool has_value_input(const struct native_session *session, size_t signature,
                            const struct tensor *inputs)
{
    const struct recipe *recipe = &session->recipes[signature];

    for (size_t i = 0; i < recipe->signature->input_count; i++)
        if (plan_value_input(&inputs[i]) && inputs[i].data)
            return true;
    return false;
}

/* Steps that could not be planned yet. */
static size_t open_steps(const struct plan *plan)
{
    return plan->dynamic_step_count + (plan->region ? plan->region->recipe.node_count : 0);
}

/* A plan with dynamic steps is tried again with the values of small integer inputs: when they
 * decide shapes, all plans of this signature are made by value from now on. */
static enum status make_for(struct native_session *session, size_t signature,
                            const struct tensor *inputs, struct plan **plan, struct error *err)
{
    const struct native *native = session_native(session);
    const struct recipe *recipe = &session->recipes[signature];
    struct plan *by_value;
    struct error failed;

    arena_reset(&session->scratch);
    TRY(plan_make(native, recipe, inputs, session->by_value[signature] == BY_VALUE,
                  session->base.team, &session->scratch, plan, err));
    if (!open_steps(*plan) || session->by_value[signature] ||
        !has_value_input(session, signature, inputs))
        return STATUS_OK;
    if (plan_make(native, recipe, inputs, true, session->base.team, &session->scratch, &by_value,
                  &failed))
        return STATUS_OK;
    if (open_steps(by_value) >= open_steps(*plan)) {
        plan_free(by_value);
        return STATUS_OK;
    }
    plan_free(*plan);
    *plan = by_value;
    session->by_value[signature] = BY_VALUE;
    return STATUS_OK;
}

/* When the values are other ones nearly every time (a loop's counter), plans by value are made in
 * vain: then shapes alone decide, for good. */
static enum status make(struct native_session *session, size_t signature,
                        const struct tensor *inputs, struct plan **plan, struct error *err)
{
    if (session->by_value[signature] == BY_VALUE && ++session->made > MADE_MAX &&
        session->made > (session->clock - session->by_value_since) / 2)
        session->by_value[signature] = BY_SHAPE_ALONE;
    if (session->by_value[signature] != BY_VALUE) {
        session->made = 0;
        session->by_value_since = session->clock;
    }
    return make_for(session, signature, inputs, plan, err);
}

/* A place in the table; the plan that was used longest ago leaves when it is full. */
static void insert(struct native_session *session, struct plan *plan)
{
    size_t at = 0;

    if (session->plan_count < session->plans_max) {
        session->plans[session->plan_count++] = plan;
        return;
    }
    for (size_t i = 1; i < session->plan_count; i++)
        if (session->plans[i]->used < session->plans[at]->used)
            at = i;
    if (session->last == session->plans[at])
        session->last = NULL;
    plan_free(session->plans[at]);
    session->plans[at] = plan;
}

enum status session_plan(struct native_session *session, size_t signature,
                         const struct tensor *inputs, struct plan **plan, struct error *err)
{
    bool reference;
    enum status status;
    int64_t *key;

    TRY(inputs_check(session, signature, inputs, err));
    *plan = session_plan_find(session, signature, inputs);
    if (!*plan) {
        reference = op_reference_only(session_native(session)->options.reference);
        status = make(session, signature, inputs, plan, err);
        op_reference_only(reference);
        if (status)
            return status;
        (*plan)->key_size = key_make(session, signature, inputs);
        (*plan)->hash = key_hash(session->key, (*plan)->key_size);
        (*plan)->key = key = arena_new(&(*plan)->keep, int64_t, (*plan)->key_size);
        if (!key) {
            plan_free(*plan);
            return error_no_memory(err, "a plan");
        }
        memcpy(key, session->key, (*plan)->key_size * sizeof *key);
        insert(session, *plan);
    }
    (*plan)->used = ++session->clock;
    return STATUS_OK;
}
