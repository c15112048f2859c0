// SPDX-License-Identifier: Apache-2.0
#include "base/checked.h"
#include "engine/control/internal.h"
#include "tensor/sequence.h"

/* Rounds of all loops in one run: a loop that does not end is refused, not waited for. */
enum { ITERATIONS_MAX = 1 << 26, STOP_ROUNDS = 256 };

enum status running_no_room(const struct running *r, struct error *err)
{
    return op_error(r->call, err, STATUS_TOO_LARGE,
                    "the tensors of one run need more than the limit of %zu bytes",
                    r->memory->limit);
}

enum status body_plan(struct running *r, size_t body, const struct tensor *inputs,
                      struct native_session **child, struct plan **plan, struct error *err)
{
    if (++r->session->root->iterations > ITERATIONS_MAX)
        return op_error(r->call, err, STATUS_TOO_LARGE, "loops of more than %d rounds in one run",
                        ITERATIONS_MAX);
    if (r->session->root->iterations % STOP_ROUNDS == 0) /* of rounds without any step, too */
        TRY(session_stopped(&r->session->root->base, err));
    TRY(session_child(r->session, r->step->bodies[body], child, err));
    return session_plan(*child, 0, inputs, plan, err);
}

enum status body_run(struct running *r, size_t body, const struct tensor *inputs,
                     struct tensor *outputs, struct error *err)
{
    struct native_session *child;
    struct plan *plan;

    TRY(body_plan(r, body, inputs, &child, &plan, err));
    return plan_execute(child, plan, inputs, outputs, err);
}

/* --- memory --- */

enum status block_reserve(struct running *r, struct block *block, size_t used, size_t size,
                          struct error *err)
{
    size_t wanted;
    char *data;

    if (block->data && size <= block->size)
        return STATUS_OK;
    if (!checked_add(size, block->data ? size / 2 : 0, &wanted))
        return running_no_room(r, err);
    data = arena_alloc(r->memory, wanted, 1);
    if (!data)
        return running_no_room(r, err);
    if (used)
        memcpy(data, block->data, used);
    *block = (struct block){data, wanted};
    return STATUS_OK;
}

static enum status carry(struct running *r, struct carried *carried, const struct tensor *next,
                         struct error *err)
{
    struct block *block = &carried->blocks[!carried->at];
    size_t bytes = tensor_bytes(next);

    if (next->data == carried->value.data) { /* left alone, or a view of it */
        carried->value = *next;
        return STATUS_OK;
    }
    TRY(block_reserve(r, block, 0, bytes, err));
    if (bytes)
        memcpy(block->data, next->data, bytes);
    carried->value = *next;
    carried->value.data = block->data;
    carried->at = !carried->at;
    carried->owned = true;
    return STATUS_OK;
}

enum status carried_own(struct running *r, struct carried *carried, struct error *err)
{
    struct tensor value = carried->value;

    if (carried->owned)
        return STATUS_OK;
    carried->value.data = NULL;
    if (!value.data) /* of no elements */
        value.data = carried->blocks;
    return carry(r, carried, &value, err);
}

/* A state that was an optional is followed by what it holds: make that one. */
static enum status carry_held(struct running *r, struct carried *carried, const struct tensor *next,
                              struct error *err)
{
    struct tensor wrapped = carried->value;
    struct sequence held = {0};

    TRY(sequence_insert(&held, 0, next, false, &held, r->call->memory, err));
    wrapped.data = &held;
    return carry(r, carried, &wrapped, err);
}

enum status carry_all(struct running *r, struct carried *states, const struct tensor *next,
                      size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (states[i].value.dtype == DTYPE_OPTIONAL && next[i].dtype != DTYPE_OPTIONAL) {
            TRY(carry_held(r, &states[i], &next[i], err));
            continue;
        }
        if (next[i].dtype != states[i].value.dtype)
            return op_error(r->call, err, STATUS_INVALID_INPUT,
                            "carried value %zu is %s, after the body %s", i,
                            dtype_name(states[i].value.dtype), dtype_name(next[i].dtype));
        TRY(carry(r, &states[i], &next[i], err));
    }
    return STATUS_OK;
}

enum status running_same_step(const struct running *r, size_t output, const struct tensor *first,
                              const struct tensor *next, int64_t round, struct error *err)
{
    char was[SHAPE_PRINT_SIZE], is[SHAPE_PRINT_SIZE];

    if (first->dtype == next->dtype && shape_equal(&first->shape, &next->shape))
        return STATUS_OK;
    return op_error(r->call, err, STATUS_INVALID_INPUT,
                    "output %zu has shape %s in the first round, %s in round %lld", output,
                    shape_print(&first->shape, was, sizeof was),
                    shape_print(&next->shape, is, sizeof is), (long long)round);
}

struct tensor output_of_no_round(const struct tensor *described)
{
    static _Alignas(64) char nothing[64];
    struct tensor made = *described;
    bool empty = false;

    if (made.shape.rank < 0)
        made.shape = SHAPE(0);
    for (int i = 0; i < made.shape.rank; i++) {
        made.shape.dims[i] = made.shape.dims[i] < 0 ? 0 : made.shape.dims[i];
        empty = empty || !made.shape.dims[i];
    }
    if (!empty && made.shape.rank)
        made.shape.dims[0] = 0;
    made.data = nothing;
    return made;
}

enum status running_wants_one(const struct running *r, const struct tensor *tensor,
                              const char *what, struct error *err)
{
    if (tensor_count(tensor) != 1)
        return op_error(r->call, err, STATUS_INVALID_INPUT, "%s has %zu elements, not 1", what,
                        tensor_count(tensor));
    return STATUS_OK;
}
