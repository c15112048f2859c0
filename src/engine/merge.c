// SPDX-License-Identifier: Apache-2.0
/* Lifetimes of a plan's buffers, and buffers that share memory. A buffer that was merged lies in
 * another one, `shift` bytes behind its beginning. */
#include "engine/planner.h"

static const uint32_t AT_END = UINT32_MAX; /* in use until the outputs were read */

/* --- lifetimes --- */

static void use_slot(struct planner *p, int32_t slot, uint32_t step)
{
    struct buffer *buffer;

    if (slot == SLOT_NONE || p->slots[slot].place != PLACE_BUFFER)
        return;
    buffer = &p->plan->buffers[p->slots[slot].index];
    buffer->last = step > buffer->last ? step : buffer->last;
}

static void lifetimes(struct planner *p)
{
    const struct plan *plan = p->plan;

    for (size_t s = 0; s < plan->step_count; s++)
        for (size_t i = 0; i < plan->steps[s].call.in_count; i++)
            use_slot(p, plan->steps[s].node->in[i], (uint32_t)s);
    for (size_t s = 0; s < plan->dynamic_step_count; s++)
        for (size_t i = 0; i < plan->dynamic_steps[s].step.call.in_count; i++)
            use_slot(p, plan->dynamic_steps[s].step.node->in[i], AT_END);
    for (size_t i = 0; plan->region && i < plan->region->signature.input_count; i++)
        use_slot(p, plan->region->slots[i], AT_END);
    for (size_t i = 0; i < plan->output_count; i++)
        use_slot(p, p->recipe->outputs[i], AT_END);
}

static uint32_t root_of(const struct plan *plan, int32_t buffer)
{
    uint32_t root = (uint32_t)buffer;

    while (plan->buffers[root].merged != root)
        root = plan->buffers[root].merged;
    return root;
}

/* --- inputs of a Concat --- */

bool is_outermost(const struct op_call *call, const struct shape *shape)
{
    int64_t axis = attribute_int(call->attributes, "axis", 0);

    axis += axis < 0 ? shape->rank : 0;
    if (axis < 0 || axis >= shape->rank)
        return false;
    for (int d = 0; d < axis; d++)
        if (shape->dims[d] != 1)
            return false;
    return true;
}

/* May input `i` be written where it is joined? When it is all of a buffer that has no other place
 * yet. */
static struct buffer *joinable(const struct planner *p, const struct step *step, size_t i)
{
    const struct slot *slot = step->node->in[i] == SLOT_NONE ? NULL : &p->slots[step->node->in[i]];
    struct buffer *buffer;

    if (!slot || slot->place != PLACE_BUFFER || slot->shift)
        return NULL;
    buffer = &p->plan->buffers[slot->index];
    return buffer->merged == (uint32_t)slot->index && buffer->bytes == tensor_bytes(&slot->tensor)
               ? buffer
               : NULL;
}

static bool is_joined(const struct planner *p, const struct step *step)
{
    const struct op_call *call = &step->call;

    if (!(call->op->flags & OP_CONCAT) || !attribute_find(call->attributes, "axis") ||
        call->in_count < 2 || call->out[0].dtype == DTYPE_STRING ||
        !is_outermost(call, &call->out[0].shape))
        return false;
    for (size_t i = 0; i < call->in_count; i++) {
        if (!joinable(p, step, i))
            return false;
        for (size_t k = 0; k < i; k++) /* the same one twice has two places */
            if (p->slots[step->node->in[i]].index == p->slots[step->node->in[k]].index)
                return false;
    }
    return true;
}

static enum status run_nothing(const struct op_call *call, struct error *err)
{
    (void)call;
    (void)err;
    return STATUS_OK;
}

static void join(struct planner *p, struct step *step)
{
    uint32_t whole = (uint32_t)p->slots[step->node->out[0]].index;
    struct buffer *buffer = &p->plan->buffers[whole];
    size_t at = 0;

    for (size_t i = 0; i < step->call.in_count; i++) {
        struct buffer *part = joinable(p, step, i);

        part->merged = whole;
        p->plan->steps[part->step].inside = true;
        part->shift = at;
        at += part->bytes;
        buffer->first = part->first < buffer->first ? part->first : buffer->first;
        buffer->last = part->last > buffer->last ? part->last : buffer->last;
    }
    step->run = run_nothing;
}

/* --- outputs over inputs --- */

/* May output 0 of this step be written over input `i`? When nobody reads the input any more. */
static bool is_in_place(const struct planner *p, const struct step *step, uint32_t index, size_t i)
{
    const struct tensor *in = &step->call.in[i], *out = step->call.out;
    const int32_t *slots = step->node->in;
    const struct slot *slot = slots[i] == SLOT_NONE ? NULL : &p->slots[slots[i]];
    uint32_t root;

    if (!slot || slot->place != PLACE_BUFFER || slot->shift || in->dtype != out->dtype ||
        !shape_equal(&in->shape, &out->shape))
        return false;
    root = root_of(p->plan, slot->index);
    if (p->plan->buffers[root].last != index || p->plan->buffers[slot->index].shift)
        return false;
    for (size_t k = 0; k < step->call.in_count; k++)
        if (k != i && slots[k] != SLOT_NONE && p->slots[slots[k]].place == PLACE_BUFFER &&
            root_of(p->plan, p->slots[slots[k]].index) == root)
            return false;
    return true;
}

/* --- outputs over inputs of the plan: states of a loop --- */

static bool is_input(const struct planner *p, int32_t slot, int32_t input)
{
    return slot != SLOT_NONE && p->slots[slot].place == PLACE_INPUT &&
           p->slots[slot].index == input;
}

/* Is an input of the plan asked for by the step elsewhere than in `i`, by a later one, or behind
 * the steps? */
static bool is_read_after(const struct planner *p, const struct step *step, uint32_t index,
                          size_t i, int32_t input)
{
    const struct plan *plan = p->plan;

    for (size_t k = 0; k < step->call.in_count; k++)
        if (k != i && is_input(p, step->node->in[k], input))
            return true;
    for (size_t s = index + 1; s < plan->step_count; s++)
        for (size_t k = 0; k < plan->steps[s].call.in_count; k++)
            if (is_input(p, plan->steps[s].node->in[k], input))
                return true;
    for (size_t s = 0; s < plan->dynamic_step_count; s++)
        for (size_t k = 0; k < plan->dynamic_steps[s].step.call.in_count; k++)
            if (is_input(p, plan->dynamic_steps[s].step.node->in[k], input))
                return true;
    for (size_t k = 0; plan->region && k < plan->region->signature.input_count; k++)
        if (is_input(p, plan->region->slots[k], input))
            return true;
    for (size_t k = 0; k < plan->output_count; k++)
        if (is_input(p, p->recipe->outputs[k], input))
            return true;
    return false;
}

static bool is_alone(const struct plan *plan, uint32_t buffer)
{
    for (uint32_t b = 0; b < plan->buffer_count; b++)
        if ((plan->buffers[b].merged == buffer) != (b == buffer))
            return false;
    return true;
}

/* Write output 0 over input `i` of the step, which is a state of the loop: it is carried to the
 * next round without a copy. */
static bool overwrite_state(struct planner *p, struct step *step, uint32_t index, size_t i)
{
    const struct recipe *recipe = p->recipe;
    const struct tensor *in = &step->call.in[i], *out = step->call.out;
    const struct slot *slot = step->node->in[i] == SLOT_NONE ? NULL : &p->slots[step->node->in[i]];
    int32_t input, buffer = p->slots[step->node->out[0]].index;
    struct plan *plan = p->plan;

    if (!slot || slot->place != PLACE_INPUT || slot->shift || slot->tensor.data ||
        (size_t)slot->index < recipe->state_first ||
        (size_t)slot->index >= recipe->state_first + recipe->state_count ||
        in->dtype != out->dtype || !shape_equal(&in->shape, &out->shape) ||
        tensor_bytes(in) != tensor_bytes(&p->slots[slot->index].tensor))
        return false;
    input = slot->index;
    if (is_read_after(p, step, index, i, input) || !is_alone(plan, (uint32_t)buffer))
        return false;
    if (!plan->overwritten)
        plan->overwritten = arena_new(&plan->keep, bool, recipe->signature->input_count);
    if (!plan->overwritten)
        return false;
    plan->overwritten[input] = true;
    for (size_t s = 0; s < recipe->slot_count; s++)
        if (p->slots[s].place == PLACE_BUFFER && p->slots[s].index == buffer) {
            p->slots[s].place = PLACE_INPUT;
            p->slots[s].index = input;
        }
    plan->buffers[buffer].size = plan->buffers[buffer].bytes = 0;
    step->inside = true;
    return true;
}

static void merge_output(struct planner *p, struct step *step, uint32_t index)
{
    struct plan *plan = p->plan;
    unsigned flags = step->call.op->flags;
    size_t tries = flags & OP_INPLACE_ANY ? step->call.in_count : flags & OP_INPLACE ? 1 : 0;
    struct buffer *over, *root;

    for (size_t i = 0; i < tries && i < step->call.in_count; i++) {
        if (p->recipe->state_count && overwrite_state(p, step, index, i))
            return;
        if (!is_in_place(p, step, index, i))
            continue;
        over = &plan->buffers[p->slots[step->node->out[0]].index];
        root = &plan->buffers[root_of(plan, p->slots[step->node->in[i]].index)];
        if (over->size > root->size || &plan->buffers[over->merged] != over)
            continue;
        over->merged = root->merged;
        root->last = over->last;
        return;
    }
}

void plan_merge(struct planner *p)
{
    struct plan *plan = p->plan;

    lifetimes(p);
    for (size_t s = 0; s < plan->step_count; s++)
        if (is_joined(p, &plan->steps[s]))
            join(p, &plan->steps[s]);
    for (uint32_t s = 0; s < plan->step_count; s++)
        merge_output(p, &plan->steps[s], s);
    for (size_t b = 0; b < plan->buffer_count; b++) {
        uint32_t at = (uint32_t)b;
        size_t shift = 0;

        for (; plan->buffers[at].merged != at; at = plan->buffers[at].merged)
            shift += plan->buffers[at].shift;
        plan->buffers[b].merged = at;
        plan->buffers[b].shift = shift;
    }
}
