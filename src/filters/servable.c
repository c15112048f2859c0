// SPDX-License-Identifier: Apache-2.0
/* A model behind its filters: their graph before it, it, their graph after it, each with the
 * memory of its own session; tensors are passed where they lie. */
#include <stdlib.h>

#include "engine/native.h"
#include "engine/servable.h"
#include "filters/filter.h"

struct filtered {
    struct servable base;
    struct servable *model, *filters;
    struct filter_chains chains; /* its memory belongs to `filters` */
};

struct filtered_session {
    struct session base;
    struct session *model, *filters;
    /* (most,) each: of the graph of filters, and of the model */
    struct tensor *given, *made, *model_in, *model_out;
};

static struct filtered *filtered_of(const struct servable *servable)
{
    return (struct filtered *)(uintptr_t)servable;
}

static void filtered_free(struct servable *servable)
{
    struct filtered *filtered = filtered_of(servable);

    if (filtered->filters)
        servable_free(filtered->filters);
    else
        filter_chains_release(&filtered->chains);
    servable_free(filtered->model);
    free(filtered);
}

/* --- sessions --- */

static void filtered_session_free(struct session *base)
{
    struct filtered_session *session = (struct filtered_session *)base;

    if (session->model)
        session_free(session->model);
    if (session->filters)
        session_free(session->filters);
    free(session->given);
    free(session);
}

static size_t most_fields(const struct contract *contract, size_t most)
{
    for (size_t i = 0; i < contract->count; i++) {
        const struct signature *s = &contract->signatures[i];

        most = s->input_count > most ? s->input_count : most;
        most = s->output_count > most ? s->output_count : most;
    }
    return most;
}

static struct session *filtered_session_new(struct servable *servable)
{
    struct filtered *filtered = filtered_of(servable);
    struct filtered_session *session = calloc(1, sizeof *session);
    size_t most = most_fields(filtered->model->contract, 1);

    if (!session)
        return NULL;
    most = most_fields(&filtered->chains.inner, most);
    session->base.servable = servable;
    session->model = servable_session(filtered->model);
    session->filters = servable_session(filtered->filters);
    session->given = calloc(4 * most, sizeof *session->given);
    if (!session->model || !session->filters || !session->given) {
        filtered_session_free(&session->base);
        return NULL;
    }
    session->made = session->given + most;
    session->model_in = session->made + most;
    session->model_out = session->model_in + most;
    return &session->base;
}

/* --- running --- */

static void lend(const struct session *base, struct session *part)
{
    part->team = base->team;
    part->deadline_ns = base->deadline_ns;
    part->cancelled = base->cancelled;
    part->sticky = base->sticky;
}

static enum status run_before(struct filtered_session *session,
                              const struct filter_signature *wiring, const struct signature *model,
                              const struct tensor *inputs, struct error *err)
{
    const struct filtered *filtered = filtered_of(session->base.servable);

    if (wiring->before != SIZE_MAX) {
        const struct signature *before = &filtered->chains.inner.signatures[wiring->before];

        for (size_t i = 0; i < before->input_count; i++)
            session->given[i] = inputs[wiring->before_from[i]];
        if (session_run(session->filters, wiring->before, session->given, session->made, err))
            return error_within(err, "filters of the inputs");
    }
    for (size_t i = 0; i < model->input_count; i++)
        session->model_in[i] = wiring->model_inputs[i].filtered
                                   ? session->made[wiring->model_inputs[i].index]
                                   : inputs[wiring->model_inputs[i].index];
    return STATUS_OK;
}

static enum status filtered_run(struct session *base, size_t index, const struct tensor *inputs,
                                struct tensor *outputs, struct error *err)
{
    struct filtered_session *session = (struct filtered_session *)base;
    const struct filtered *filtered = filtered_of(base->servable);
    const struct filter_signature *wiring;
    size_t count;

    if (index >= base->servable->contract->count)
        return error_set(err, STATUS_NOT_FOUND, "there is no signature %zu", index);
    wiring = &filtered->chains.signatures[index];
    lend(base, session->model);
    lend(base, session->filters);
    TRY(run_before(session, wiring, &filtered->model->contract->signatures[index], inputs, err));
    TRY(session_run(session->model, index, session->model_in, session->model_out, err));
    if (wiring->after != SIZE_MAX) {
        count = filtered->chains.inner.signatures[wiring->after].input_count;
        for (size_t i = 0; i < count; i++)
            session->given[i] = session->model_out[wiring->after_from[i]];
        if (session_run(session->filters, wiring->after, session->given, session->made, err))
            return error_within(err, "filters of the outputs");
    }
    count = base->servable->contract->signatures[index].output_count;
    for (size_t i = 0; i < count; i++)
        outputs[i] = wiring->outer_outputs[i].filtered
                         ? session->made[wiring->outer_outputs[i].index]
                         : session->model_out[wiring->outer_outputs[i].index];
    return STATUS_OK;
}

/* With filters before the model its inputs are not known yet: not known. */
static double filtered_estimate_us(struct session *base, size_t index, const struct tensor *inputs)
{
    struct filtered_session *session = (struct filtered_session *)base;
    const struct filtered *filtered = filtered_of(base->servable);
    const struct filter_signature *wiring;
    const struct signature *model;

    if (index >= base->servable->contract->count)
        return -1;
    wiring = &filtered->chains.signatures[index];
    model = &filtered->model->contract->signatures[index];
    if (wiring->before != SIZE_MAX)
        return -1;
    for (size_t i = 0; i < model->input_count; i++)
        session->model_in[i] = inputs[wiring->model_inputs[i].index];
    return session_estimate_us(session->model, index, session->model_in);
}

static struct servable_account filtered_account(const struct servable *servable)
{
    const struct filtered *filtered = filtered_of(servable);
    struct servable_account all = servable_account(filtered->model);
    struct servable_account own = servable_account(filtered->filters);

    all.weights += own.weights;
    all.mapped += own.mapped;
    all.arena += own.arena;
    return all;
}

static bool filtered_count(const struct servable *servable, size_t index,
                           struct servable_count *count)
{
    return servable_count(filtered_of(servable)->model, index, count);
}

static const struct servable_class FILTERED = {
    .name = "filtered",
    .free = filtered_free,
    .session_new = filtered_session_new,
    .session_free = filtered_session_free,
    .run = filtered_run,
    .estimate_us = filtered_estimate_us,
    .account = filtered_account,
    .count = filtered_count,
};

enum status filtered_servable(struct servable *model, struct filter_chains *chains,
                              const struct native_options *options, struct servable **servable,
                              struct error *err)
{
    struct filtered *filtered = calloc(1, sizeof *filtered);

    if (!filtered) {
        servable_free(model);
        filter_chains_release(chains);
        return error_no_memory(err, "a model");
    }
    *filtered = (struct filtered){.base = {.class = &FILTERED,
                                           .waits = model->waits || chains->waits,
                                           .sticky_header = model->sticky_header},
                                  .model = model,
                                  .chains = *chains};
    filtered->base.contract = &filtered->chains.face;
    for (size_t i = 0; i < filtered->chains.face.count; i++) /* a worker runs what firn does not */
        filtered->chains.face.signatures[i].reason = model->contract->signatures[i].reason;
    *chains = (struct filter_chains){0};
    if (native_servable(filtered->chains.graph, &filtered->chains.inner, options,
                        &filtered->chains.memory, NULL, &filtered->filters, err)) {
        filtered->filters = NULL;
        filtered_free(&filtered->base);
        return err->status;
    }
    *servable = &filtered->base;
    return STATUS_OK;
}

struct session *filtered_inner(struct session *session)
{
    return session->servable->class == &FILTERED ? ((struct filtered_session *)session)->model
                                                 : session;
}
