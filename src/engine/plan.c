// SPDX-License-Identifier: Apache-2.0
/* Making a plan: one walk over the nodes that infers with known shapes and sorts each node into
 * computed now (shape arithmetic), nothing to do (views), a step, or a dynamic step; then lifetimes
 * and places of all tensors. */
#include "base/checked.h"
#include "base/text.h"
#include "engine/planner.h"

enum { ALIGNMENT = 64, REDZONE = 64 };

bool plan_value_input(const struct tensor *input)
{
    return (input->dtype == DTYPE_I64 || input->dtype == DTYPE_I32) && input->shape.rank <= 1 &&
           tensor_count(input) <= PLAN_VALUES_MAX;
}

void plan_free(struct plan *plan)
{
    struct arena keep;

    if (!plan)
        return;
    if (plan->region && plan->region->session)
        native_session_free(&plan->region->session->base);
    keep = plan->keep; /* the plan lies in its own arena */
    arena_release(&keep);
}

/* --- slots --- */

/* The inputs of a request against what the model takes. */
static enum status input_check(const struct planner *p, size_t i, const struct tensor *input,
                               struct error *err)
{
    const struct value *value = &p->recipe->graph->values[p->recipe->values[i]];
    char given[SHAPE_PRINT_SIZE], wanted[SHAPE_PRINT_SIZE];
    bool fits = value->shape.rank < 0 || value->shape.rank == input->shape.rank;

    if (input->dtype != value->dtype)
        return error_set(err, STATUS_INVALID_INPUT, "is %s, not %s", dtype_name(input->dtype),
                         dtype_name(value->dtype));
    fits = fits || p->recipe->inner;
    for (int d = 0; fits && !p->recipe->inner && d < value->shape.rank; d++)
        fits = value->shape.dims[d] < 0 || value->shape.dims[d] == input->shape.dims[d];
    if (!fits)
        return error_set(err, STATUS_INVALID_INPUT, "has shape %s, not %s",
                         shape_print(&input->shape, given, sizeof given),
                         shape_print(&value->shape, wanted, sizeof wanted));
    return shape_check(&input->shape, input->dtype, p->memory_max, NULL, err);
}

static enum status slots_fill(struct planner *p, const struct tensor *inputs, struct error *err)
{
    const struct graph *graph = p->recipe->graph;
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t s = 0; s < p->recipe->slot_count; s++) {
        const struct value *value = &graph->values[p->recipe->values[s]];
        struct slot *slot = &p->slots[s];

        if (s < p->recipe->signature->input_count) {
            if (input_check(p, s, &inputs[s], err))
                return error_within(err, "input '%s'",
                                    text_quote(bytes_of(value->name), quoted, sizeof quoted));
            *slot = (struct slot){inputs[s], PLACE_INPUT, (int32_t)s, 0};
            slot->tensor.element = value->element; /* what is true of every run */
            if (!p->by_value || !plan_value_input(&inputs[s]))
                slot->tensor.data = NULL;
        } else if (p->recipe->known && p->recipe->known[s].dtype != DTYPE_NONE) {
            *slot = (struct slot){p->recipe->known[s], PLACE_FIXED, 0, 0};
        } else if (value->constant) {
            *slot = (struct slot){*value->constant, PLACE_FIXED, 0, 0};
        }
    }
    return STATUS_OK;
}

/* --- one node --- */

/* Operators may fill all the outputs they have, asked for or not. */
static size_t out_capacity(const struct op_call *call)
{
    size_t max = call->op->out_max < OP_OUTPUTS_MAX ? call->op->out_max : OP_OUTPUTS_MAX;

    return call->out_count > max ? call->out_count : max;
}

static void call_fill(struct planner *p, const struct recipe_node *made, struct op_call *call)
{
    const struct node *node = made->node;
    for (size_t i = 0; i < node->input_count; i++)
        if (made->in[i] == SLOT_NONE)
            p->in[i] = (struct tensor){0};
        else
            p->in[i] = p->slots[made->in[i]].tensor;
    *call = (struct op_call){
        .op = node->op,
        .opset = node->opset,
        .attributes = &node->attributes,
        .in_count = node->input_count,
        .out_count = node->output_count,
        .in = p->in,
        .out = p->out,
        .state = made->state,
        .memory = &p->plan->keep,
        .team = p->team,
    };
    memset(p->out, 0, out_capacity(call) * sizeof *p->out);
}

static bool in_known(const struct op_call *call, bool values)
{
    for (size_t i = 0; i < call->in_count; i++)
        if (call->in[i].dtype != DTYPE_NONE &&
            (!shape_is_known(&call->in[i].shape) || (values && !call->in[i].data)))
            return false;
    return true;
}

static bool out_known(const struct op_call *call)
{
    for (size_t i = 0; i < call->out_count; i++)
        if (!shape_is_known(&call->out[i].shape))
            return false;
    return true;
}

static bool is_dynamic(const struct planner *p, const struct recipe_node *made)
{
    for (size_t i = 0; i < made->node->input_count; i++)
        if (made->in[i] != SLOT_NONE && p->slots[made->in[i]].place >= PLACE_DYNAMIC)
            return true;
    return false;
}

static enum status out_check(const struct planner *p, const struct op_call *call, struct error *err)
{
    for (size_t i = 0; i < call->out_count; i++)
        if (shape_is_known(&call->out[i].shape))
            TRY(shape_check(&call->out[i].shape, call->out[i].dtype, p->memory_max, NULL, err));
    return STATUS_OK;
}

static bool is_small(const struct op_call *call)
{
    for (size_t i = 0; i < call->out_count; i++)
        if (tensor_count(&call->out[i]) > PLAN_EVALUATE_MAX)
            return false;
    return true;
}

/* Compute now: the values become known to what follows. */
static enum status evaluate(struct planner *p, const struct recipe_node *made, struct op_call *call,
                            struct error *err)
{
    struct arena *keep = &p->plan->keep;
    size_t bytes;

    for (size_t i = 0; i < call->out_count; i++) {
        call->out[i].data = arena_alloc(keep, tensor_bytes(&call->out[i]), 1);
        if (!call->out[i].data)
            return error_no_memory(err, "a plan");
    }
    if (call->op->scratch_size) {
        bytes = call->op->scratch_size(call);
        call->scratch = arena_alloc(p->scratch, bytes < 4096 ? 4096 : bytes, 1);
        if (!call->scratch)
            return error_no_memory(err, "a plan");
    }
    call->memory = keep;
    TRY(call->op->run(call, err));
    for (size_t i = 0; i < call->out_count; i++)
        p->slots[made->out[i]] = (struct slot){call->out[i], PLACE_FIXED, 0, 0};
    return STATUS_OK;
}

static enum status buffer_add(struct planner *p, size_t bytes, uint32_t step, int32_t *index,
                              struct error *err)
{
    struct plan *plan = p->plan;
    size_t size, extra = ALIGNMENT - 1 + (p->native->options.poison ? REDZONE : 0);

    if (!checked_add(bytes, extra, &size))
        return error_set(err, STATUS_TOO_LARGE, "needs %zu bytes", bytes);
    if (!ARENA_GROW(&plan->keep, plan->buffers, plan->buffer_count, p->buffer_capacity))
        return error_no_memory(err, "a plan");
    *index = (int32_t)plan->buffer_count;
    plan->buffers[plan->buffer_count] = (struct buffer){
        .size = size / ALIGNMENT * ALIGNMENT,
        .bytes = bytes,
        .first = step,
        .last = step,
        .step = step,
        .merged = (uint32_t)plan->buffer_count,
    };
    plan->buffer_count++;
    return STATUS_OK;
}

/* An output with the bytes of an input needs no step at all. */
static bool view_add(struct planner *p, const struct recipe_node *made, const struct op_call *call)
{
    const struct slot *in;

    if (!(call->op->flags & OP_VIEW) || call->out_count != 1 || made->in[0] == SLOT_NONE ||
        tensor_bytes(&call->in[0]) != tensor_bytes(&call->out[0]))
        return false;
    in = &p->slots[made->in[0]];
    call->out[0].data = in->tensor.data;
    p->slots[made->out[0]] = (struct slot){call->out[0], in->place, in->index, in->shift};
    return true;
}

/* Nor do the parts of an input that lie one after another in it. */
static bool parts_add(struct planner *p, const struct recipe_node *made, const struct op_call *call)
{
    const struct slot *in;
    size_t at = 0;

    if (!(call->op->flags & OP_SPLIT) || made->in[0] == SLOT_NONE ||
        !is_outermost(call, &call->in[0].shape))
        return false;
    in = &p->slots[made->in[0]];
    if (in->place != PLACE_BUFFER && in->place != PLACE_INPUT)
        return false;
    for (size_t i = 0; i < call->out_count; i++) {
        p->slots[made->out[i]] = (struct slot){call->out[i], in->place, in->index, in->shift + at};
        at += tensor_bytes(&call->out[i]);
    }
    return true;
}

/* Copy the call at hand to where it stays. */
static enum status step_fill(struct planner *p, const struct recipe_node *made,
                             const struct op_call *call, struct step *step, struct error *err)
{
    struct arena *keep = &p->plan->keep;

    *step = (struct step){.run = call->op->run, .call = *call, .node = made, .scratch = -1};
    step->call.in = arena_new(keep, struct tensor, call->in_count);
    step->call.out = arena_new(keep, struct tensor, out_capacity(call));
    if (!step->call.in || !step->call.out)
        return error_no_memory(err, "a plan");
    if (call->in_count)
        memcpy(step->call.in, call->in, call->in_count * sizeof *call->in);
    memcpy(step->call.out, call->out, call->out_count * sizeof *call->out);
    return call->op->flags & OP_SUBGRAPHS ? control_prepare(p->plan, made, step, err) : STATUS_OK;
}

static enum status step_add(struct planner *p, const struct recipe_node *made,
                            const struct op_call *call, struct error *err)
{
    uint32_t index = (uint32_t)p->plan->step_count;
    struct step *step = &p->plan->steps[index];
    int32_t buffer;

    TRY(step_fill(p, made, call, step, err));
    for (size_t i = 0; i < call->out_count; i++) {
        TRY(buffer_add(p, tensor_bytes(&call->out[i]), index, &buffer, err));
        p->slots[made->out[i]] = (struct slot){call->out[i], PLACE_BUFFER, buffer, 0};
    }
    if (call->op->scratch_size) {
        size_t bytes = call->op->scratch_size(call);

        if (bytes > p->memory_max)
            return error_set(err, STATUS_TOO_LARGE, "needs %zu bytes of scratch memory", bytes);
        TRY(buffer_add(p, bytes, index, &step->scratch, err));
    }
    p->plan->step_count++;
    return STATUS_OK;
}

static enum status dynamic_step_add(struct planner *p, const struct recipe_node *made,
                                    const struct op_call *call, struct error *err)
{
    struct dynamic_step *dynamic = &p->plan->dynamic_steps[p->plan->dynamic_step_count];
    int32_t *in = arena_new(&p->plan->keep, int32_t, call->in_count);

    TRY(step_fill(p, made, call, &dynamic->step, err));
    if (!in)
        return error_no_memory(err, "a plan");
    dynamic->in = in;
    if (call->op->flags & OP_SUBGRAPHS) {
        dynamic->described = arena_new(&p->plan->keep, struct tensor, call->out_count);
        if (!dynamic->described)
            return error_no_memory(err, "a plan");
        memcpy(dynamic->described, call->out, call->out_count * sizeof *call->out);
    }
    dynamic->out = (int32_t)p->dynamic_count;
    for (size_t i = 0; i < call->in_count; i++) {
        const struct slot *slot = made->in[i] == SLOT_NONE ? NULL : &p->slots[made->in[i]];
        in[i] = slot && slot->place == PLACE_DYNAMIC ? slot->index : -1;
    }
    for (size_t i = 0; i < call->out_count; i++)
        p->slots[made->out[i]] =
            (struct slot){call->out[i], PLACE_DYNAMIC, (int32_t)p->dynamic_count++, 0};
    p->plan->dynamic_step_count++;
    return STATUS_OK;
}

/* Left for the region behind. */
static void defer(struct planner *p, uint32_t index)
{
    const struct recipe_node *made = &p->recipe->nodes[index];

    for (size_t i = 0; i < made->node->output_count; i++)
        p->slots[made->out[i]] = (struct slot){.place = PLACE_REGION};
    p->deferred[p->deferred_count++] = index;
}

static enum status node_plan(struct planner *p, uint32_t index, struct error *err)
{
    const struct recipe_node *made = &p->recipe->nodes[index];
    const struct op *op = made->node->op;
    struct op_call call;
    bool dynamic = is_dynamic(p, made);

    if (dynamic && p->regions) {
        defer(p, index);
        return STATUS_OK;
    }
    call_fill(p, made, &call);
    TRY(graph_call_infer(&call, err));
    TRY(out_check(p, &call, err));
    if (out_known(&call) && in_known(&call, !(op->flags & OP_SHAPE_ONLY)) && is_small(&call) &&
        !(op->flags & OP_RANDOM))
        return evaluate(p, made, &call, err);
    if (dynamic || !out_known(&call))
        return dynamic_step_add(p, made, &call, err);
    if (view_add(p, made, &call) || parts_add(p, made, &call))
        return STATUS_OK;
    return step_add(p, made, &call, err);
}

static enum status nodes_plan(struct planner *p, struct error *err)
{
    size_t in_max = 1;

    for (size_t n = 0; n < p->recipe->node_count; n++)
        if (p->recipe->nodes[n].node->input_count > in_max)
            in_max = p->recipe->nodes[n].node->input_count;
    p->in = arena_new(p->scratch, struct tensor, in_max);
    p->out = arena_new(p->scratch, struct tensor, OP_OUTPUTS_MAX);
    p->plan->steps = arena_new(&p->plan->keep, struct step, p->recipe->node_count);
    p->plan->dynamic_steps = arena_new(&p->plan->keep, struct dynamic_step, p->recipe->node_count);
    p->deferred = arena_new(p->scratch, uint32_t, p->recipe->node_count);
    if (!p->in || !p->out || !p->plan->steps || !p->plan->dynamic_steps || !p->deferred)
        return error_no_memory(err, "a plan");
    for (size_t n = 0; n < p->recipe->node_count; n++)
        if (node_plan(p, (uint32_t)n, err))
            return graph_node_error(p->recipe->nodes[n].node, err);
    if (p->deferred_count >= REGION_NODES_MIN) {
        TRY(region_make(p->plan, p->recipe, p->slots, p->deferred, p->deferred_count, p->scratch,
                        err));
    } else { /* too little to be worth plans of its own */
        p->regions = false;
        for (size_t k = 0; k < p->deferred_count; k++)
            if (node_plan(p, p->deferred[k], err))
                return graph_node_error(p->recipe->nodes[p->deferred[k]].node, err);
    }
    p->plan->dynamic = arena_new(&p->plan->keep, struct tensor, p->dynamic_count);
    return p->plan->dynamic ? STATUS_OK : error_no_memory(err, "a plan");
}

/* --- references --- */

static void refer(struct planner *p, struct tensor *tensor, int32_t slot)
{
    const struct slot *from;
    struct reference reference;

    if (slot == SLOT_NONE)
        return;
    from = &p->slots[slot];
    reference = (struct reference){&tensor->data, (uint32_t)from->index, from->shift};
    tensor->data = NULL;
    if (from->place == PLACE_FIXED)
        tensor->data = from->tensor.data;
    else if (from->place == PLACE_INPUT)
        p->plan->input_references[p->plan->input_reference_count++] = reference;
    else if (from->place == PLACE_BUFFER)
        p->plan->buffer_references[p->plan->buffer_reference_count++] = reference;
}

static void refer_step(struct planner *p, struct step *step)
{
    for (size_t i = 0; i < step->call.in_count; i++)
        refer(p, &step->call.in[i], step->node->in[i]);
    for (size_t i = 0; i < step->call.out_count; i++)
        refer(p, &step->call.out[i], step->node->out[i]);
    if (step->scratch >= 0)
        p->plan->buffer_references[p->plan->buffer_reference_count++] =
            (struct reference){&step->call.scratch, (uint32_t)step->scratch, 0};
}

static enum status references(struct planner *p, struct error *err)
{
    struct plan *plan = p->plan;
    size_t left = plan->region ? plan->region->signature.input_count : 0, next = 0;
    size_t count = plan->output_count + left, steps = plan->step_count + plan->dynamic_step_count;

    for (size_t s = 0; s < plan->step_count; s++)
        count += plan->steps[s].call.in_count + plan->steps[s].call.out_count + 1;
    for (size_t s = 0; s < plan->dynamic_step_count; s++)
        count += plan->dynamic_steps[s].step.call.in_count +
                 plan->dynamic_steps[s].step.call.out_count + 1;
    plan->buffer_references = arena_new(&plan->keep, struct reference, count);
    plan->input_references = arena_new(&plan->keep, struct reference, count);
    plan->outputs = arena_new(&plan->keep, struct tensor, plan->output_count);
    plan->dynamic_outputs = arena_new(&plan->keep, int32_t, plan->output_count);
    plan->region_outputs = arena_new(&plan->keep, int32_t, plan->output_count);
    plan->step_ns = arena_new(&plan->keep, uint32_t, p->native->options.profile ? steps : 0);
    if (!plan->buffer_references || !plan->input_references || !plan->outputs ||
        !plan->dynamic_outputs || !plan->region_outputs || !plan->step_ns)
        return error_no_memory(err, "a plan");
    for (size_t s = 0; s < plan->step_count; s++)
        refer_step(p, &plan->steps[s]);
    for (size_t s = 0; s < plan->dynamic_step_count; s++)
        refer_step(p, &plan->dynamic_steps[s].step);
    for (size_t i = 0; i < plan->output_count; i++) {
        const struct slot *slot = &p->slots[p->recipe->outputs[i]];

        plan->outputs[i] = slot->tensor;
        plan->dynamic_outputs[i] = slot->place == PLACE_DYNAMIC ? slot->index : -1;
        plan->region_outputs[i] = slot->place == PLACE_REGION ? (int32_t)next++ : -1;
        refer(p, &plan->outputs[i], p->recipe->outputs[i]);
    }
    for (size_t i = 0; i < left; i++)
        refer(p, &plan->region->inputs[i], plan->region->slots[i]);
    return STATUS_OK;
}

static enum status plan_fill(struct planner *p, const struct tensor *inputs, struct error *err)
{
    struct plan *plan = p->plan;
    uint32_t step = 0;

    p->slots = arena_new(p->scratch, struct slot, p->recipe->slot_count);
    if (!p->slots)
        return error_no_memory(err, "a plan");
    TRY(slots_fill(p, inputs, err));
    TRY(nodes_plan(p, err));
    plan_merge(p);
    if (place_buffers(plan->buffers, plan->buffer_count, p->memory_max, &plan->memory_size, &step,
                      p->scratch, err))
        return plan->step_count ? graph_node_error(plan->steps[step].node->node, err) : err->status;
    return references(p, err);
}

enum status plan_make(const struct native *native, const struct recipe *recipe,
                      const struct tensor *inputs, bool by_value, struct team *team,
                      struct arena *scratch, struct plan **plan, struct error *err)
{
    struct planner p = {
        .native = native,
        .recipe = recipe,
        .memory_max = native->options.memory_max,
        .scratch = scratch,
        .team = team,
        .by_value = by_value,
        .regions = recipe->depth < REGION_DEPTH_MAX,
    };
    struct arena keep;

    arena_init(&keep, native->options.memory_max);
    p.plan = arena_new(&keep, struct plan, 1);
    if (!p.plan)
        return error_no_memory(err, "a plan");
    p.plan->keep = keep;
    p.plan->average_us = -1;
    p.plan->output_count = p.recipe->signature->output_count;
    if (plan_fill(&p, inputs, err)) {
        plan_free(p.plan);
        return err->status;
    }
    *plan = p.plan;
    return STATUS_OK;
}
