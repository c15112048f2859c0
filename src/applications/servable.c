// SPDX-License-Identifier: Apache-2.0
/* An application as a servable: the tensors of one stage are the inputs of the next where they
 * lie. */
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "applications/shadow.h"
#include "base/map.h"
#include "base/text.h"

struct composed {
    struct servable base;
    const struct application *application;
    struct servable **parts;
    struct shadows *shadows; /* NULL: none */
    struct part_count {
        const char *name; /* "iris:3" */
        _Atomic uint64_t answered, failed;
    } * counts; /* (part_count,) */
    struct arena memory;
};

struct composed_session {
    struct session base;
    struct session **parts; /* (part_count,) */
    uint64_t random, key;   /* key: of this run; 0: none */
    struct tensor *memory;  /* of all that follows */
    struct tensor **made;   /* (stage_count,): what each stage gave, in its order */
    struct tensor *inputs;  /* of a stage, in its order, then in the variant's */
    struct tensor *outputs; /* of a variant, in its order */
};

static struct composed *composed_of(const struct servable *servable)
{
    return (struct composed *)(uintptr_t)servable;
}

static void composed_free(struct servable *servable)
{
    struct composed *composed = composed_of(servable);
    struct arena memory = composed->memory;

    shadows_free(composed->shadows);
    for (size_t i = 0; i < composed->application->part_count; i++)
        servable_free(composed->parts[i]);
    free(composed->parts);
    free(composed);
    arena_release(&memory);
}

/* --- sessions --- */

static void composed_session_free(struct session *base)
{
    struct composed_session *session = (struct composed_session *)base;
    const struct composed *composed = composed_of(base->servable);

    for (size_t i = 0; session->parts && i < composed->application->part_count; i++)
        if (session->parts[i])
            session_free(session->parts[i]);
    free(session->parts);
    free(session->made);
    free(session->memory);
    free(session);
}

void application_widths(const struct application *application, size_t *inputs, size_t *outputs)
{
    *inputs = *outputs = 0;
    for (size_t p = 0; p < application->contract.count; p++)
        for (size_t s = 0; s < application->stage_count; s++) {
            const struct application_step *step = &application->paths[p].steps[s];

            *inputs = step->input_count > *inputs ? step->input_count : *inputs;
            *outputs = step->output_count > *outputs ? step->output_count : *outputs;
        }
}

static bool session_room(struct composed_session *session, const struct application *application)
{
    size_t inputs, outputs;

    application_widths(application, &inputs, &outputs);
    session->memory = calloc(application->stage_count * outputs + 2 * inputs + outputs + 1,
                             sizeof(struct tensor));
    session->made = calloc(application->stage_count, sizeof(struct tensor *));
    session->parts = calloc(application->part_count, sizeof(struct session *));
    if (!session->memory || !session->made || !session->parts)
        return false;
    for (size_t s = 0; s < application->stage_count; s++)
        session->made[s] = session->memory + s * outputs;
    session->inputs = session->memory + application->stage_count * outputs;
    session->outputs = session->inputs + 2 * inputs;
    return true;
}

static struct session *composed_session_new(struct servable *servable)
{
    const struct composed *composed = composed_of(servable);
    struct composed_session *session = calloc(1, sizeof *session);
    bool good;

    if (!session)
        return NULL;
    session->base.servable = servable;
    good = session_room(session, composed->application);
    for (size_t i = 0; good && i < composed->application->part_count; i++) {
        session->parts[i] = servable_session(composed->parts[i]);
        good = session->parts[i] != NULL;
    }
    if (getrandom(&session->random, sizeof session->random, 0) != sizeof session->random)
        session->random = (uint64_t)(uintptr_t)session ^ (uint64_t)time(NULL);
    if (good)
        return &session->base;
    composed_session_free(&session->base);
    return NULL;
}

/* --- drawing --- */

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* A number for the value of a tensor, never 0. */
static uint64_t tensor_hash(const struct tensor *tensor)
{
    uint64_t hash = 0;

    if (tensor->dtype != DTYPE_STRING)
        return bytes_hash((struct bytes){tensor->data, tensor_bytes(tensor)}) | 1;
    for (size_t i = 0; i < tensor_count(tensor); i++)
        hash = mix(hash + bytes_hash(((const struct bytes *)tensor->data)[i]));
    return hash | 1;
}

/* The variant that answers: each in proportion to its weight; with a sticky key always the same
 * one, as long as the weights are. */
static size_t variant_draw(struct composed_session *session, const struct application_stage *stage,
                           size_t number)
{
    uint64_t random;
    int64_t place;

    if (stage->variant_count == 1)
        return 0;
    if (session->key)
        random = mix(session->key + number * UINT64_C(0x9e3779b97f4a7c15));
    else
        random = mix(session->random += UINT64_C(0x9e3779b97f4a7c15));
    place = (int64_t)(((unsigned __int128)random * APPLICATION_WEIGHTS) >> 64);
    for (size_t v = 0; v < stage->variant_count; v++) {
        place -= stage->variants[v].weight;
        if (place < 0)
            return v;
    }
    return 0; /* the weights are APPLICATION_WEIGHTS in all */
}

/* --- running --- */

static enum status step_run(struct composed_session *session, size_t path, size_t number,
                            const struct tensor *given, struct error *err)
{
    struct composed *composed = composed_of(session->base.servable);
    const struct application *application = composed->application;
    const struct application_step *step = &application->paths[path].steps[number];
    size_t v = variant_draw(session, &application->stages[number], number);
    const struct application_call *call = &step->calls[v];
    struct session *part = session->parts[application->stages[number].variants[v].part];
    struct part_count *count = &composed->counts[application->stages[number].variants[v].part];
    struct tensor *inputs = session->inputs, *ordered = inputs + step->input_count;

    for (size_t i = 0; i < step->input_count; i++)
        inputs[i] = step->wires[i].stage == WIRE_REQUEST
                        ? given[step->wires[i].field]
                        : session->made[step->wires[i].stage][step->wires[i].field];
    shadows_offer(composed->shadows, path, number, inputs);
    for (size_t i = 0; i < step->input_count; i++)
        ordered[i] = inputs[call->inputs[i]];
    part->team = session->base.team;
    part->deadline_ns = session->base.deadline_ns;
    part->cancelled = session->base.cancelled;
    if (session_run(part, call->signature, ordered, session->outputs, err)) {
        atomic_fetch_add_explicit(&count->failed, 1, memory_order_relaxed);
        return err->status;
    }
    atomic_fetch_add_explicit(&count->answered, 1, memory_order_relaxed);
    for (size_t i = 0; i < step->output_count; i++)
        session->made[number][i] = session->outputs[call->outputs[i]];
    return STATUS_OK;
}

static enum status composed_run(struct session *base, size_t signature, const struct tensor *inputs,
                                struct tensor *outputs, struct error *err)
{
    struct composed_session *session = (struct composed_session *)base;
    const struct application *application = composed_of(base->servable)->application;
    size_t last = application->stage_count - 1, sticky;

    if (signature >= application->contract.count)
        return error_set(err, STATUS_NOT_FOUND, "there is no signature %zu", signature);
    sticky = application->paths[signature].sticky;
    session->key = base->sticky;
    if (!session->key && sticky != SIZE_MAX)
        session->key = tensor_hash(&inputs[sticky]);
    for (size_t s = 0; s <= last; s++)
        if (step_run(session, signature, s, inputs, err))
            return error_within(err, "stage %zu", s + 1);
    memcpy(outputs, session->made[last],
           application->paths[signature].steps[last].output_count * sizeof *outputs);
    return STATUS_OK;
}

/* Not known: what a later stage is given is not there yet. */
static double composed_estimate_us(struct session *session, size_t signature,
                                   const struct tensor *inputs)
{
    (void)session;
    (void)signature;
    (void)inputs;
    return -1;
}

static struct servable_account composed_account(const struct servable *servable)
{
    const struct composed *composed = composed_of(servable);
    struct servable_account all = {0};

    for (size_t i = 0; i < composed->application->part_count; i++) {
        struct servable_account one = servable_account(composed->parts[i]);

        all.weights += one.weights;
        all.mapped += one.mapped;
        all.arena += one.arena;
    }
    return all;
}

static bool composed_count(const struct servable *servable, size_t index,
                           struct servable_count *count)
{
    static const char *const RESULTS[] = {"answered", "failed", "shadow", "shadow_failed",
                                          "shadow_dropped"};
    const struct composed *composed = composed_of(servable);
    size_t part = index / ARRAY_COUNT(RESULTS), which = index % ARRAY_COUNT(RESULTS);
    struct shadow_counts shadow;

    if (part >= composed->application->part_count)
        return false;
    shadow = shadows_counts(composed->shadows, part);
    *count = (struct servable_count){
        composed->counts[part].name, RESULTS[which],
        (const uint64_t[]){atomic_load(&composed->counts[part].answered),
                           atomic_load(&composed->counts[part].failed), shadow.run - shadow.failed,
                           shadow.failed, shadow.dropped}[which]};
    return true;
}

static const struct servable_class COMPOSED = {
    .name = "application",
    .free = composed_free,
    .session_new = composed_session_new,
    .session_free = composed_session_free,
    .run = composed_run,
    .estimate_us = composed_estimate_us,
    .account = composed_account,
    .count = composed_count,
};

/* NULL: no memory. */
static struct part_count *counts_new(const struct application *application, struct arena *keep)
{
    struct part_count *counts = arena_new(keep, struct part_count, application->part_count);

    for (size_t i = 0; counts && i < application->part_count; i++) {
        const struct version *version = &application->parts[i].version;

        counts[i].name = arena_printf(keep, "%s:%lld", version->model, (long long)version->number);
        if (!counts[i].name)
            return NULL;
    }
    return counts;
}

enum status application_servable(const struct application *application, struct servable **parts,
                                 struct arena *memory, struct servable **servable,
                                 struct error *err)
{
    struct composed *composed = calloc(1, sizeof *composed);
    struct servable **own = calloc(application->part_count, sizeof(struct servable *));
    struct part_count *counts = counts_new(application, memory);
    struct arena kept = *memory;
    bool waits = false;

    *memory = (struct arena){0};
    if (!composed || !own || !counts) {
        for (size_t i = 0; i < application->part_count; i++)
            servable_free(parts[i]);
        free(composed);
        free(own);
        arena_release(&kept);
        return error_no_memory(err, "an application");
    }
    memcpy(own, parts, application->part_count * sizeof(struct servable *));
    for (size_t i = 0; i < application->part_count; i++)
        waits = waits || parts[i]->waits;
    *composed = (struct composed){.base = {.class = &COMPOSED,
                                           .contract = &application->contract,
                                           .waits = waits,
                                           .sticky_header = application->sticky_header},
                                  .application = application,
                                  .parts = own,
                                  .counts = counts,
                                  .memory = kept};
    if (shadows_new(application, own, &composed->shadows, err)) {
        composed_free(&composed->base);
        return err->status;
    }
    *servable = &composed->base;
    return STATUS_OK;
}
