// SPDX-License-Identifier: Apache-2.0
/* A version that is or may be loaded. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "contract/adapters.h"
#include "server/models/internal.h"

uint64_t models_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

const char *model_state_name(enum model_state state)
{
    static const char *const names[] = {"UNAVAILABLE", "LOADING", "READY", "UNAVAILABLE"};

    return names[state];
}

/* The texts of a row and the version's own name, copied into one allocation as large as they are:
 * there is one a version, loaded or not. NULL: no memory. */
static char *keep_row(struct version *row, char **own_name)
{
    char name[SERVABLE_NAME_SIZE];
    const char **const texts[] = {
        &row->model,    &row->digest,   &row->format, &row->framework, &row->framework_version,
        &row->contract, &row->manifest, &row->reason, &row->created};
    size_t size = strlen(servable_name(row->model, row->number, 0, name)) + 1;
    char *kept, *at;

    row->aliases = row->pushed = NULL; /* these change; the table has the aliases */
    row->alias_count = row->pushed_count = 0;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        size += *texts[i] ? strlen(*texts[i]) + 1 : 0;
    kept = at = malloc(size);
    for (size_t i = 0; kept && i < ARRAY_COUNT(texts); i++) {
        size_t length = *texts[i] ? strlen(*texts[i]) + 1 : 0;

        if (!length)
            continue;
        memcpy(at, *texts[i], length);
        *texts[i] = at;
        at += length;
    }
    *own_name = at;
    if (kept)
        strcpy(at, name);
    return kept;
}

struct loaded *loaded_new(const struct models *models, const struct version *row)
{
    struct loaded *loaded = calloc(1, sizeof *loaded);

    if (!loaded)
        return NULL;
    loaded->row = *row;
    loaded->threads = models->threads;
    atomic_init(&loaded->used_ns, models_now_ns());
    loaded->sessions = calloc(models->threads, sizeof(struct session *));
    loaded->texts = keep_row(&loaded->row, &loaded->own_name);
    if (!loaded->sessions || !loaded->texts) {
        free(loaded->sessions);
        free(loaded->texts);
        free(loaded);
        return NULL;
    }
    if (loaded->row.reason &&
        !(models->source.workers && adapter_serves(row->format, row->reason))) {
        (void)!error_set(&loaded->why, STATUS_UNSUPPORTED, "%s", loaded->row.reason);
        atomic_init(&loaded->state, MODEL_FAILED);
    }
    return loaded;
}

static void version_text(const struct loaded *loaded, char *buffer, size_t size)
{
    snprintf(buffer, size, "%lld", (long long)loaded->row.number);
}

bool loaded_is(const struct loaded *loaded, const struct version *row)
{
    return loaded->row.number == row->number && strcmp(loaded->row.model, row->model) == 0 &&
           strcmp(loaded->row.digest, row->digest) == 0;
}

/* Does the current table still hold this version, in whatever instance? */
static bool is_held(struct models *models, const struct loaded *loaded)
{
    const struct loaded *now = model_table_version(atomic_load(&models->current), loaded->row.id);

    return now && loaded_is(now, &loaded->row);
}

void models_account(void *context, const struct version *version,
                    const struct servable_account *account)
{
    struct metrics *metrics = context;
    char number[24];
    const char *labels[] = {version->model, number, NULL};
    const struct {
        const char *kind;
        size_t bytes;
    } kinds[] = {
        {"weights", account->weights}, {"mapped", account->mapped}, {"arena", account->arena}};

    snprintf(number, sizeof number, "%lld", (long long)version->number);
    if (!account->weights && !account->mapped && !account->arena)
        metrics_drop(metrics, METRIC_model_memory_bytes, labels, 2);
    else
        for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
            labels[2] = kinds[i].kind;
            series_set(metrics_series(metrics, METRIC_model_memory_bytes, labels),
                       (int64_t)kinds[i].bytes);
        }
}

static void drop_metrics(struct models *models, const struct loaded *loaded)
{
    static const enum metric_id ids[] = {METRIC_predictions_total, METRIC_predict_seconds,
                                         METRIC_inference_rows_total};
    char number[24];
    const char *labels[] = {loaded->row.model, number};

    version_text(loaded, number, sizeof number);
    for (size_t i = 0; i < ARRAY_COUNT(ids); i++)
        metrics_drop(models->metrics, ids[i], labels, 2);
}

void loaded_unref(struct models *models, struct loaded *loaded)
{
    if (--loaded->references)
        return;
    if (loaded->servable) {
        for (unsigned i = 0; i < loaded->threads; i++)
            session_free(loaded->sessions[i]);
        servable_free(loaded->servable);
        series_change(metrics_series(models->metrics, METRIC_models_loaded, NULL), -1);
        if (!is_held(models, loaded))
            drop_metrics(models, loaded);
    }
    free(loaded->sessions);
    free(loaded->texts);
    free(loaded);
}

void loaded_set_ready(struct models *models, struct loaded *loaded)
{
    char number[24];
    const char *labels[] = {loaded->row.model, number, "ok"};

    version_text(loaded, number, sizeof number);
    loaded->ok = metrics_series(models->metrics, METRIC_predictions_total, labels);
    loaded->rows = metrics_series(models->metrics, METRIC_inference_rows_total, labels);
    loaded->seconds = metrics_series(models->metrics, METRIC_predict_seconds, labels);
    series_change(metrics_series(models->metrics, METRIC_models_loaded, NULL), 1);
    series_observe(metrics_series(models->metrics, METRIC_model_load_seconds, NULL),
                   models->load_ns);
    atomic_store(&loaded->used_ns, models_now_ns());
    atomic_store(&loaded->state, MODEL_READY);
}

const struct version *loaded_row(const struct loaded *loaded)
{
    return &loaded->row;
}

enum model_state loaded_state(const struct loaded *loaded)
{
    return (enum model_state)atomic_load_explicit(&loaded->state, memory_order_acquire);
}

const struct error *loaded_error(const struct loaded *loaded)
{
    return &loaded->why;
}

void loaded_want(struct models *models, struct loaded *loaded)
{
    if (atomic_exchange(&loaded->wanted, true))
        return;
    pthread_mutex_lock(&models->lock);
    models->kicked = true;
    pthread_cond_signal(&models->wake);
    pthread_mutex_unlock(&models->lock);
}

const struct contract *loaded_contract(const struct loaded *loaded)
{
    return loaded->servable->contract;
}

bool loaded_waits(const struct loaded *loaded)
{
    return loaded->servable->waits;
}

const char *loaded_sticky_header(const struct loaded *loaded)
{
    const char *header = loaded->servable->sticky_header;

    return header ? header : "firn-sticky";
}

bool loaded_count(const struct loaded *loaded, size_t index, struct servable_count *count)
{
    return servable_count(loaded->servable, index, count);
}

struct session *loaded_session(struct loaded *loaded, unsigned executor)
{
    if (!loaded->sessions[executor])
        loaded->sessions[executor] = servable_session(loaded->servable);
    return loaded->sessions[executor];
}

/* --- accounts of a version --- */

static size_t cost_class(size_t body_bytes)
{
    size_t bits = (size_t)(64 - __builtin_clzll((unsigned long long)body_bytes | 1));

    return bits < MODEL_COSTS ? bits : MODEL_COSTS - 1;
}

double loaded_cost_us(const struct loaded *loaded, size_t body_bytes)
{
    uint32_t cost =
        atomic_load_explicit(&loaded->costs[cost_class(body_bytes)], memory_order_relaxed);

    return cost ? cost / 1000.0 : -1;
}

void loaded_ran(struct loaded *loaded, size_t body_bytes, uint64_t rows, uint64_t began_ns,
                uint64_t ended_ns)
{
    _Atomic uint32_t *cost = &loaded->costs[cost_class(body_bytes)];
    uint32_t before = atomic_load_explicit(cost, memory_order_relaxed);
    uint64_t took = ended_ns - began_ns + 1, mean;

    /* A thread that was put off the CPU makes one run look long: it may move the mean to at most
     * 1.4 times. */
    mean = before ? (before * 7ull + (took < 4ull * before ? took : 4ull * before)) / 8 : took;
    atomic_store_explicit(cost, mean < UINT32_MAX ? (uint32_t)mean + 1 : UINT32_MAX,
                          memory_order_relaxed);
    atomic_store_explicit(&loaded->used_ns, ended_ns, memory_order_relaxed);
    series_add(loaded->ok, 1);
    series_add(loaded->rows, rows);
    series_observe(loaded->seconds, took);
}

void loaded_failed(struct models *models, const struct loaded *loaded, enum status status)
{
    char number[24];
    const char *labels[] = {loaded->row.model, number, status_name(status)};

    version_text(loaded, number, sizeof number);
    series_add(metrics_series(models->metrics, METRIC_predictions_total, labels), 1);
}
