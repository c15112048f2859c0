// SPDX-License-Identifier: Apache-2.0
/* Running a plan: nothing here allocates or locks but the dynamic steps, which allocate from an
 * arena of the session. */
#include <time.h>

#include "base/checked.h"
#include "engine/internal.h"

enum { POISON = 0xFB, REDZONE = 64 }; /* floats of 0xFBFBFBFB are huge, integers negative */
enum { TIMED_US = 20, UNTIMED_RUNS = 32 };

uint64_t time_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The coarse clock costs a few ns and is late by a few ms at most. */
enum status session_stopped(const struct session *session, struct error *err)
{
    struct timespec now;

    if (session->cancelled && atomic_load_explicit(session->cancelled, memory_order_relaxed))
        return error_set(err, STATUS_UNAVAILABLE, "cancelled: nobody waits for the answer");
    if (!session->deadline_ns)
        return STATUS_OK;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if ((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec < session->deadline_ns)
        return STATUS_OK;
    return error_set(err, STATUS_DEADLINE, "the run takes longer than its time");
}

static void run_arena_empty(struct run_arena *run)
{
    size_t used = run->arena.used, wanted = used + used / 4;

    if (!used)
        return;
    arena_reset(&run->arena);
    if (used <= run->settled)
        return;
    arena_release(&run->arena);
    run->settled = wanted <= run->arena.limit && arena_alloc(&run->arena, wanted, 1) ? wanted : 0;
    arena_reset(&run->arena);
}

static enum status memory_reserve(struct native_session *session, const struct plan *plan,
                                  struct error *err)
{
    size_t *max = (size_t *)&session_native(session)->arena_max;
    /* From 4 KiB on the arena aligns to 64. */
    size_t size = plan->memory_size < 4096 ? 4096 : plan->memory_size;
    size_t seen;

    if (session->memory_data && size <= session->memory_size)
        return STATUS_OK;
    arena_release(&session->memory);
    session->memory_data = NULL;
    session->memory_data = arena_alloc(&session->memory, size, 1);
    if (!session->memory_data)
        return error_no_memory(err, "the tensors of a run");
    session->memory_size = size;
    seen = __atomic_load_n(max, __ATOMIC_RELAXED);
    while (seen < size &&
           !__atomic_compare_exchange_n(max, &seen, size, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
    return STATUS_OK;
}

static void step_bind(struct native_session *session, struct step *step)
{
    if (step->call.op->flags & OP_SUBGRAPHS)
        ((struct control_step *)step->call.state)->session = session;
    step->call.memory = &session->root->strings.arena;
    step->call.team = session->base.team;
}

static void plan_bind(struct native_session *session, struct plan *plan)
{
    for (size_t i = 0; i < plan->buffer_reference_count; i++) {
        const struct reference *reference = &plan->buffer_references[i];
        *reference->data =
            session->memory_data + plan->buffers[reference->index].offset + reference->shift;
    }
    for (size_t s = 0; s < plan->step_count; s++)
        step_bind(session, &plan->steps[s]);
    for (size_t s = 0; s < plan->dynamic_step_count; s++)
        step_bind(session, &plan->dynamic_steps[s].step);
    plan->bound = session->memory_data;
}

static void inputs_bind(const struct plan *plan, const struct tensor *inputs)
{
    static _Alignas(64) char nothing[64]; /* the data of a tensor without elements */

    for (size_t i = 0; i < plan->input_reference_count; i++) {
        const struct reference *reference = &plan->input_references[i];
        char *data = inputs[reference->index].data;
        *reference->data = data ? data + reference->shift : nothing;
    }
}

/* --- poison: in tests every step sees garbage where it may not look --- */

static void poison_outputs(struct native_session *session, const struct plan *plan, size_t step)
{
    for (size_t b = 0; b < plan->buffer_count; b++) {
        const struct buffer *buffer = &plan->buffers[b];
        if (buffer->merged == b && buffer->first == step)
            memset(session->memory_data + buffer->offset, POISON, buffer->size);
    }
}

static bool is_poisoned(const void *data, size_t offset)
{
    const unsigned char *redzone = (const unsigned char *)data + offset;

    for (size_t k = 0; k < REDZONE; k++)
        if (redzone[k] != POISON)
            return false;
    return true;
}

static enum status poison_check(struct native_session *session, const struct plan *plan,
                                size_t step, struct error *err)
{
    const struct op_call *call = &plan->steps[step].call;

    for (size_t i = 0; i < call->out_count && !plan->steps[step].inside; i++)
        if (!is_poisoned(call->out[i].data, tensor_bytes(&call->out[i])))
            return error_set(err, STATUS_INTERNAL, "wrote past the end of output %zu", i);
    if (plan->steps[step].scratch >= 0 && !is_poisoned(call->scratch, call->op->scratch_size(call)))
        return error_set(err, STATUS_INTERNAL, "wrote past the end of its scratch memory");
    for (size_t b = 0; b < plan->buffer_count; b++) {
        const struct buffer *buffer = &plan->buffers[b];
        if (buffer->merged == b && buffer->last == step)
            memset(session->memory_data + buffer->offset, POISON, buffer->size);
    }
    return STATUS_OK;
}

/* The shortest of all runs: in the longer ones others had the processor. */
static void note_time(uint32_t *shortest, uint64_t start)
{
    uint64_t took = time_ns() - start;

    took = took < UINT32_MAX ? took : UINT32_MAX;
    if (*shortest == 0 || took < *shortest)
        *shortest = (uint32_t)took;
}

static enum status run_carefully(struct native_session *session, struct plan *plan,
                                 struct error *err)
{
    bool poison = session_native(session)->options.poison;
    bool profile = session_native(session)->options.profile;

    if (poison)
        memset(session->memory_data, POISON, session->memory_size);
    for (size_t s = 0; s < plan->step_count; s++) {
        const struct step *step = &plan->steps[s];
        uint64_t start = time_ns();
        enum status status;

        TRY(session_stopped(&session->root->base, err));
        if (poison)
            poison_outputs(session, plan, s);
        status = step->run(&step->call, err);
        if (profile)
            note_time(&plan->step_ns[s], start);
        if (!status && poison)
            status = poison_check(session, plan, s, err);
        if (status)
            return graph_node_error(step->node->node, err);
    }
    return STATUS_OK;
}

static enum status run_steps(const struct native_session *session, struct plan *plan,
                             struct error *err)
{
    const struct step *step = plan->steps, *end = step + plan->step_count;

    if (session_may_stop(&session->root->base))
        for (; step < end; step++) {
            TRY(session_stopped(&session->root->base, err));
            if (step->run(&step->call, err))
                return graph_node_error(step->node->node, err);
        }
    for (; step < end; step++)
        if (step->run(&step->call, err))
            return graph_node_error(step->node->node, err);
    return STATUS_OK;
}

/* --- dynamic steps --- */

static enum status dynamic_allocate(struct native_session *session, struct dynamic_step *dynamic,
                                    struct error *err)
{
    struct op_call *call = &dynamic->step.call;
    size_t limit = session_native(session)->options.memory_max, bytes;

    for (size_t i = 0; i < call->out_count; i++) {
        struct tensor *out = &call->out[i];

        if (!shape_is_known(&out->shape))
            return error_set(err, STATUS_INTERNAL, "output %zu has no known shape", i);
        TRY(shape_check(&out->shape, out->dtype, limit, &bytes, err));
        out->data = arena_alloc(&session->dynamic.arena, bytes, 1);
        if (!out->data)
            return error_set(err, STATUS_TOO_LARGE,
                             "the tensors of one run need more than the limit of %zu bytes", limit);
    }
    if (!call->op->scratch_size)
        return STATUS_OK;
    bytes = call->op->scratch_size(call);
    call->scratch = arena_alloc(&session->dynamic.arena, bytes < 4096 ? 4096 : bytes, 1);
    return call->scratch ? STATUS_OK : error_no_memory(err, "scratch memory");
}

static enum status run_dynamic_step(struct native_session *session, struct plan *plan,
                                    struct dynamic_step *dynamic, struct error *err)
{
    struct op_call *call = &dynamic->step.call;
    struct tensor *made = &plan->dynamic[dynamic->out];

    for (size_t i = 0; i < call->in_count; i++)
        if (dynamic->in[i] >= 0)
            call->in[i] = plan->dynamic[dynamic->in[i]];
    if (call->op->flags & OP_SUBGRAPHS) { /* call->out is as the plan described it */
        memcpy(call->out, dynamic->described, call->out_count * sizeof *call->out);
        TRY(control_run_dynamic(call, err));
        memcpy(made, call->out, call->out_count * sizeof *made);
        return STATUS_OK;
    }
    memset(call->out, 0, call->out_count * sizeof *call->out);
    TRY(graph_call_infer(call, err));
    if (call->op->flags & OP_VIEW && call->out_count == 1 && shape_is_known(&call->out[0].shape) &&
        tensor_bytes(&call->in[0]) == tensor_bytes(&call->out[0])) {
        call->out[0].data = call->in[0].data;
    } else {
        TRY(dynamic_allocate(session, dynamic, err));
        TRY(call->op->run(call, err));
    }
    memcpy(made, call->out, call->out_count * sizeof *made);
    return STATUS_OK;
}

static enum status run_dynamic_steps(struct native_session *session, struct plan *plan,
                                     struct error *err)
{
    bool profile = session_native(session)->options.profile;

    for (size_t s = 0; s < plan->dynamic_step_count; s++) {
        struct dynamic_step *dynamic = &plan->dynamic_steps[s];
        uint64_t start = profile ? time_ns() : 0;

        TRY(session_stopped(&session->root->base, err));
        if (run_dynamic_step(session, plan, dynamic, err))
            return graph_node_error(dynamic->step.node->node, err);
        if (profile)
            note_time(&plan->step_ns[plan->step_count + s], start);
    }
    return STATUS_OK;
}

static enum status run_all(struct native_session *session, struct plan *plan, struct error *err)
{
    const struct native_options *options = &session_native(session)->options;

    TRY(options->poison || options->profile ? run_carefully(session, plan, err)
                                            : run_steps(session, plan, err));
    TRY(run_dynamic_steps(session, plan, err));
    return plan->region ? region_run(session, plan, err) : STATUS_OK;
}

/* Reading the clock costs more than a small plan: of those, most runs are not timed. */
static bool is_timed(struct plan *plan)
{
    return plan->average_us < 0 || plan->average_us > TIMED_US || plan->runs++ % UNTIMED_RUNS == 0;
}

static void time_add(struct plan *plan, uint64_t start)
{
    double us = (double)(time_ns() - start) / 1000;

    plan->average_us = plan->average_us < 0 ? us : plan->average_us + (us - plan->average_us) / 8;
}

enum status plan_execute(struct native_session *session, struct plan *plan,
                         const struct tensor *inputs, struct tensor *outputs, struct error *err)
{
    bool timed = is_timed(plan), reference;
    uint64_t start = timed ? time_ns() : 0;
    enum status status;

    if (session->root == session) {
        run_arena_empty(&session->strings);
        session->iterations = 0;
        regions_bound(session);
    }
    run_arena_empty(&session->dynamic);
    TRY(memory_reserve(session, plan, err));
    if (plan->bound != session->memory_data)
        plan_bind(session, plan);
    inputs_bind(plan, inputs);
    reference = op_reference_only(session_native(session)->options.reference);
    status = run_all(session, plan, err);
    op_reference_only(reference);
    if (status)
        return status;
    for (size_t i = 0; i < plan->output_count; i++)
        outputs[i] = plan->region_outputs[i] >= 0   ? plan->region->outputs[plan->region_outputs[i]]
                     : plan->dynamic_outputs[i] < 0 ? plan->outputs[i]
                                                    : plan->dynamic[plan->dynamic_outputs[i]];
    if (timed)
        time_add(plan, start);
    return STATUS_OK;
}
