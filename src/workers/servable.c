// SPDX-License-Identifier: Apache-2.0
/* The servable: a request goes to a process of the pool and its answer is copied out. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "workers/calls.h"
#include "workers/pool.h"

enum { GROWS_MAX = 4, TRIES_MAX = 4 };

struct worker {
    struct servable base;
    struct worker_pool *pool;
    _Atomic size_t results_bytes; /* of the answers so far, the largest */
};

struct worker_session {
    struct session base;
    struct results results;
};

struct call { /* one request with the process that works on it */
    struct worker_session *session;
    struct worker *worker;
    const struct signature *signature;
    size_t index;
    const struct tensor *inputs;
    struct tensor *outputs;
    uint64_t until_ns; /* of the request itself */
    size_t inputs_bytes, results_at;
    unsigned grows;
    struct process *process;
};

static struct worker *worker_of(const struct servable *servable)
{
    return (struct worker *)(uintptr_t)servable;
}

static const char *name_of(const struct call *call)
{
    return worker_pool_options(call->worker->pool)->name;
}

/* --- what can go wrong: each ends with the process given back --- */

static enum status process_ended(struct call *call, struct error *err)
{
    char end[400];

    worker_pool_give_ended(call->worker->pool, call->process, end, sizeof end);
    (void)!error_set(err, STATUS_UNAVAILABLE, "the worker of \"%.64s\" %s", name_of(call), end);
    error_fix(err, "try again; if it happens again, correct the model");
    return err->status;
}

/* What it sent is no answer: it cannot be trusted to go on. */
static enum status broken(struct call *call, struct error *err)
{
    char why[160];

    snprintf(why, sizeof why, "sent %.140s", err->text);
    worker_pool_give(call->worker->pool, call->process, GIVE_BROKEN, why);
    (void)!error_set(err, STATUS_INTERNAL, "the worker of \"%.64s\" %s", name_of(call), why);
    error_fix(err, "the worker was ended; correct the model's code");
    return err->status;
}

static enum status hung(struct call *call, struct error *err)
{
    unsigned allowed = worker_pool_options(call->worker->pool)->limits.request_ms;
    char why[96];

    snprintf(why, sizeof why, "did not answer within %u ms", allowed);
    worker_pool_give(call->worker->pool, call->process, GIVE_BROKEN, why);
    return error_set(err, STATUS_DEADLINE, "the worker of \"%.64s\" %s and was ended",
                     name_of(call), why);
}

/* Nobody waits for the answer any more; NULL `err` text stays as the caller set it. */
static enum status abandon(struct call *call, bool cancelled, struct error *err)
{
    worker_pool_give(call->worker->pool, call->process, GIVE_ABANDONED, NULL);
    if (cancelled)
        return error_set(err, STATUS_UNAVAILABLE, "the request was given up");
    return error_set(err, STATUS_DEADLINE, "the worker of \"%.64s\" did not answer in time",
                     name_of(call));
}

/* --- one call --- */

static enum status call_open(struct call *call, bool again, struct error *err)
{
    size_t guess = atomic_load_explicit(&call->worker->results_bytes, memory_order_relaxed);
    size_t limit = worker_pool_options(call->worker->pool)->limits.arena_bytes_max;
    size_t want = call->inputs_bytes + guess;

    want = want < limit ? want : limit;
    if (!again && want > call->process->memory.size)
        TRY(process_grow(call->process, want, limit, err));
    return call_send(call->process, call->index, call->signature, call->inputs, again,
                     call->session->base.team, &call->results_at, err);
}

/* A process, with the request sent to it. One that has died since it was last used is not to
 * blame: the next is taken. */
static enum status call_begin(struct call *call, struct error *err)
{
    const struct session *session = &call->session->base;
    struct worker_pool *pool = call->worker->pool;
    char end[400];

    for (int tries = 0; tries < TRIES_MAX; tries++) {
        TRY(worker_pool_take(pool, call->until_ns, session->cancelled, &call->process, err));
        call->process->until_ns =
            worker_now_ns() + (uint64_t)worker_pool_options(pool)->limits.request_ms * 1000000;
        if (!call_open(call, false, err))
            return STATUS_OK;
        if (err->status != STATUS_UNAVAILABLE) {
            worker_pool_give(pool, call->process, GIVE_UNUSED, NULL);
            return err->status;
        }
        worker_pool_give_ended(pool, call->process, end, sizeof end);
    }
    return error_set(err, STATUS_UNAVAILABLE, "the worker of \"%.64s\" %s", name_of(call), end);
}

/* It needs more room for its results. */
static enum status call_grow(struct call *call, const struct frame *frame, struct error *err)
{
    size_t limit = worker_pool_options(call->worker->pool)->limits.arena_bytes_max;

    if (++call->grows > GROWS_MAX) {
        (void)!error_set(err, STATUS_INVALID_INPUT, "GROW after GROW");
        return broken(call, err);
    }
    if (frame->space > limit || call->inputs_bytes > limit - frame->space) {
        worker_pool_give(call->worker->pool, call->process, GIVE_GOOD, NULL);
        return error_set(err, STATUS_TOO_LARGE,
                         "results of %" PRIu64 " bytes of \"%.64s\" and its inputs exceed %zu",
                         frame->space, name_of(call), limit);
    }
    if (process_grow(call->process, call->inputs_bytes + frame->space + FRAME_ALIGNMENT, limit,
                     err) ||
        call_open(call, true, err))
        return err->status == STATUS_UNAVAILABLE
                   ? process_ended(call, err)
                   : (worker_pool_give(call->worker->pool, call->process, GIVE_UNUSED, NULL),
                      err->status);
    return STATUS_OK;
}

static void remember_size(struct call *call)
{
    size_t before = atomic_load_explicit(&call->worker->results_bytes, memory_order_relaxed),
           now = 0;

    for (size_t i = 0; i < call->signature->output_count; i++)
        now += call->outputs[i].dtype == DTYPE_STRING ? 0 : tensor_bytes(&call->outputs[i]);
    now += call->signature->output_count * FRAME_ALIGNMENT;
    if (now > before)
        atomic_store_explicit(&call->worker->results_bytes, now, memory_order_relaxed);
}

static enum status call_result(struct call *call, const struct frame *frame, struct error *err)
{
    enum status status =
        call_receive(call->process, frame, call->signature, call->inputs, call->results_at,
                     call->session->base.team, &call->session->results, call->outputs, err);

    if (status == STATUS_INVALID_INPUT)
        return broken(call, err);
    worker_pool_give(call->worker->pool, call->process, GIVE_GOOD, NULL);
    if (status)
        return error_within(err, "model \"%.64s\"", name_of(call));
    remember_size(call);
    return STATUS_OK;
}

/* The model said no. It may say why, and which kind of no it is. */
static enum status call_error(struct call *call, const struct frame *frame, struct error *err)
{
    enum status status = frame->status > STATUS_OK && frame->status <= STATUS_FAILED
                             ? (enum status)frame->status
                             : STATUS_INTERNAL;
    char text[400];

    process_text(call->process, frame, text, sizeof text);
    worker_pool_give(call->worker->pool, call->process, GIVE_GOOD, NULL);
    (void)!error_set(err, status, "model \"%.64s\": %s", name_of(call), text);
    if (status == STATUS_INTERNAL)
        error_fix(err, "correct the model's code, or the input that it does not expect");
    return status;
}

/* Is it time to stop waiting? */
static bool call_late(struct call *call, enum status *status, struct error *err)
{
    const _Atomic bool *cancelled = call->session->base.cancelled;
    uint64_t now = worker_now_ns();

    if (now >= call->process->until_ns)
        *status = hung(call, err);
    else if (cancelled && atomic_load_explicit(cancelled, memory_order_relaxed))
        *status = abandon(call, true, err);
    else if (now >= call->until_ns)
        *status = abandon(call, false, err);
    else
        return false;
    return true;
}

static enum status call_wait(struct call *call, struct error *err)
{
    enum status status;
    struct frame frame;

    while (true) {
        enum received received = process_receive(call->process, true, &frame, err);

        if (received == RECEIVED_END)
            return process_ended(call, err);
        if (received == RECEIVED_BAD)
            return broken(call, err);
        if (received == RECEIVED_FRAME && frame.id != call->process->id) {
            (void)!error_set(err, STATUS_INVALID_INPUT, "an answer to what nobody asked");
            return broken(call, err);
        }
        if (received == RECEIVED_FRAME && frame.type == FRAME_RESULT)
            return call_result(call, &frame, err);
        if (received == RECEIVED_FRAME && frame.type == FRAME_ERROR)
            return call_error(call, &frame, err);
        if (received == RECEIVED_FRAME && frame.type != FRAME_GROW) {
            (void)!error_set(err, STATUS_INVALID_INPUT, "a frame that is no answer");
            return broken(call, err);
        }
        if (received == RECEIVED_FRAME)
            TRY(call_grow(call, &frame, err));
        if (received == RECEIVED_NOTHING && call_late(call, &status, err))
            return status;
    }
}

static enum status worker_run(struct session *base, size_t index, const struct tensor *inputs,
                              struct tensor *outputs, struct error *err)
{
    struct worker *worker = worker_of(base->servable);
    struct call call = {.session = (struct worker_session *)base,
                        .worker = worker,
                        .index = index,
                        .inputs = inputs,
                        .outputs = outputs,
                        .until_ns = base->deadline_ns ? base->deadline_ns : UINT64_MAX};

    if (index >= base->servable->contract->count)
        return error_set(err, STATUS_NOT_FOUND, "there is no signature %zu", index);
    call.signature = &base->servable->contract->signatures[index];
    TRY(call_measure(call.signature, inputs, &call.inputs_bytes, err));
    if (call.inputs_bytes > worker_pool_options(worker->pool)->limits.arena_bytes_max)
        return error_set(err, STATUS_TOO_LARGE, "inputs of %zu bytes exceed %zu", call.inputs_bytes,
                         worker_pool_options(worker->pool)->limits.arena_bytes_max);
    TRY(call_begin(&call, err));
    return call_wait(&call, err);
}

/* --- the class --- */

static void worker_free(struct servable *servable)
{
    worker_pool_free(worker_of(servable)->pool);
    free(servable);
}

static struct session *worker_session_new(struct servable *servable)
{
    struct worker_session *session = calloc(1, sizeof *session);

    if (!session)
        return NULL;
    session->base.servable = servable;
    return &session->base;
}

static void worker_session_free(struct session *base)
{
    free(((struct worker_session *)base)->results.data);
    free(base);
}

/* Not known, and it waits in any case. */
static double worker_estimate_us(struct session *session, size_t signature,
                                 const struct tensor *inputs)
{
    (void)session;
    (void)signature;
    (void)inputs;
    return -1;
}

static struct servable_account worker_account(const struct servable *servable)
{
    return (struct servable_account){.arena = worker_pool_memory(worker_of(servable)->pool)};
}

static const struct servable_class WORKER = {
    .name = "worker",
    .free = worker_free,
    .session_new = worker_session_new,
    .session_free = worker_session_free,
    .run = worker_run,
    .estimate_us = worker_estimate_us,
    .account = worker_account,
};

enum status worker_servable(const struct worker_options *options, const struct contract *contract,
                            struct servable **servable, struct error *err)
{
    struct worker *worker = calloc(1, sizeof *worker);

    if (!worker)
        return error_no_memory(err, "a worker");
    worker->base = (struct servable){&WORKER, contract, true};
    if (worker_pool_new(options, contract, &worker->pool, err)) {
        free(worker);
        return err->status;
    }
    *servable = &worker->base;
    return STATUS_OK;
}

const char *worker_ready_text(const struct servable *servable)
{
    return worker_pool_ready_text(worker_of(servable)->pool);
}

size_t worker_pids(const struct servable *servable, pid_t *pids, size_t count)
{
    return worker_pool_pids(worker_of(servable)->pool, pids, count);
}
