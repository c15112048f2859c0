// SPDX-License-Identifier: Apache-2.0
/* The two threads behind the models: one keeps the table, one loads. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/models/internal.h"

static void say_source_error(struct models *models, const struct error *err)
{
    if (!models->source_failed)
        fprintf(stderr, "error: cannot read the registry: %s\n", err->text);
    models->source_failed = true;
}

static const struct version *known_row(void *context, int64_t id)
{
    const struct loaded *loaded = model_table_version(context, id);

    return loaded ? &loaded->row : NULL;
}

static enum status list_source(struct models *models, struct model_table *table,
                               struct arena *scratch, struct error *err)
{
    const struct model_source *source = &models->source;
    const struct version_known known = {known_row, atomic_load(&models->current)};
    struct record *records = NULL;
    struct version *rows;
    size_t count, record_count = 0;

    TRY(source->list(source->context, &known, &rows, &count, scratch, err));
    if (source->servables)
        TRY(source->servables(source->context, &records, &record_count, scratch, err));
    if (!table_fill(models, table, rows, count) ||
        !table_add_servables(table, records, record_count))
        return error_no_memory(err, "the table of models");
    return STATUS_OK;
}

/* List all rows and swap in a table of them. */
static bool relist(struct models *models, struct error *err)
{
    struct model_table *table = table_new();
    struct arena scratch;
    bool done = false;

    arena_init(&scratch, MODEL_TABLE_BYTES_MAX);
    if (!table)
        (void)!error_no_memory(err, "the table of models");
    else
        done = list_source(models, table, &scratch, err) == STATUS_OK;
    if (done)
        table_publish(models, table);
    else if (table)
        table_free(models, table);
    arena_release(&scratch);
    return done;
}

/* Bring the table up to date with the source. */
static void look(struct models *models)
{
    int64_t generation;
    struct error err = {0};
    bool done = true;

    if (models->source.generation(models->source.context, &generation, &err)) {
        say_source_error(models, &err);
        return;
    }
    pthread_mutex_lock(&models->names_lock);
    if (!models->listed || generation != models->generation || models->sets_changed) {
        done = relist(models, &err);
        if (done) {
            models->listed = true;
            models->generation = generation;
            models->sets_changed = false;
            while (models->retry.count)
                free(models->retry.names[--models->retry.count]);
        }
    }
    pthread_mutex_unlock(&models->names_lock);
    if (!done)
        say_source_error(models, &err);
    else
        models->source_failed = false;
}

/* The next version to load: of each model the newest that may serve, those under an alias, and
 * those that were asked for or deployed. NULL: none. */
static struct loaded *next_to_load(const struct model_table *table)
{
    for (size_t m = 0; m < table->count; m++) {
        const struct table_model *model = &table->models[m];
        bool newest = true;

        for (size_t i = 0; i < model->count && !model->unloaded; i++) {
            struct loaded *loaded = model->versions[i];
            enum model_state state = loaded_state(loaded);

            if (state == MODEL_UNLOADED && (newest || atomic_load(&loaded->wanted)))
                return loaded;
            newest &= state == MODEL_FAILED;
        }
        for (size_t i = 0; i < model->alias_count && !model->unloaded; i++)
            if (loaded_state(model->aliased[i]) == MODEL_UNLOADED)
                return model->aliased[i];
    }
    for (size_t i = 0; i < table->deployed; i++)
        if (loaded_state(table->servables[i].loaded) == MODEL_UNLOADED &&
            !table->servables[i].unloaded)
            return table->servables[i].loaded;
    return NULL;
}

static void start_load(struct models *models, struct loaded *loaded)
{
    loaded->references++;
    atomic_store(&loaded->state, MODEL_LOADING);
    pthread_mutex_lock(&models->lock);
    models->loading = loaded;
    pthread_cond_signal(&models->more);
    pthread_mutex_unlock(&models->lock);
}

/* The loader has come back: say so, and let the version serve. */
static void finish_load(struct models *models)
{
    struct loaded *loaded = models->loading;
    bool ok = models->load_status == STATUS_OK;
    const char *result = ok ? "ok" : "failed";

    if (ok) {
        loaded_set_ready(models, loaded);
    } else {
        loaded->servable = NULL;
        fprintf(stderr, "error: cannot load %s:%lld: %s\n", loaded->row.model,
                (long long)loaded->row.number, loaded->why.text);
        atomic_store(&loaded->state, MODEL_FAILED);
    }
    series_add(metrics_series(models->metrics, METRIC_model_loads_total, &result), 1);
    pthread_mutex_lock(&models->lock);
    models->loading = NULL;
    models->load_ended = false;
    pthread_mutex_unlock(&models->lock);
    table_republish(models, NULL);
    loaded_unref(models, loaded);
    models->changed(models->context);
}

static void *loader_main(void *argument)
{
    struct models *models = argument;

    pthread_mutex_lock(&models->lock);
    for (;;) {
        struct loaded *loaded;
        uint64_t began;

        while (!models->stopping && (!models->loading || models->load_ended))
            pthread_cond_wait(&models->more, &models->lock);
        if (models->stopping)
            break;
        loaded = models->loading;
        pthread_mutex_unlock(&models->lock);
        began = models_now_ns();
        models->load_status = models->source.load(models->source.context, &loaded->row,
                                                  models->sharing, &loaded->servable, &loaded->why);
        models->load_ns = models_now_ns() - began;
        pthread_mutex_lock(&models->lock);
        models->load_ended = true;
        pthread_cond_signal(&models->wake);
    }
    pthread_mutex_unlock(&models->lock);
    return NULL;
}

static bool is_deployed(const struct model_table *table, const struct loaded *loaded)
{
    for (size_t i = 0; i < table->deployed; i++)
        if (table->servables[i].loaded == loaded)
            return true;
    return false;
}

static bool is_aliased(const struct table_model *model, const struct loaded *loaded)
{
    for (size_t i = 0; i < model->alias_count; i++)
        if (model->aliased[i] == loaded)
            return true;
    return false;
}

/* A loaded version that nobody needs: not what serves, under no alias, not used for long. */
static struct loaded *find_idle(const struct model_table *table, uint64_t idle_ns)
{
    uint64_t now = models_now_ns();

    for (size_t m = 0; m < table->count; m++)
        for (size_t i = 0; i < table->models[m].count; i++) {
            const struct table_model *model = &table->models[m];
            struct loaded *loaded = model->versions[i];

            if (loaded_state(loaded) == MODEL_READY && loaded != model->serving &&
                !is_aliased(model, loaded) && !is_deployed(table, loaded) &&
                atomic_load(&loaded->used_ns) + idle_ns <= now)
                return loaded;
        }
    return NULL;
}

static void sweep(struct models *models)
{
    uint64_t idle_ns = (uint64_t)models->settings->unload_idle_ms * 1000000;
    struct model_table *table;
    struct loaded *idle;

    do {
        table = atomic_load(&models->current);
        idle = find_idle(table, idle_ns);
        if (idle)
            table_republish(models, idle);
    } while (idle && atomic_load(&models->current) != table); /* else memory was short */
}

static void wait_for_work(struct models *models, uint64_t ticket)
{
    struct timespec until;

    pthread_mutex_lock(&models->lock);
    if (!models->loading) {
        models->settled = ticket;
        atomic_store(&models->is_settled, models->listed);
        pthread_cond_broadcast(&models->done);
    }
    if (models->asked == ticket && !models->stopping && !models->kicked && !models->load_ended) {
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += models->settings->poll_ms % 1000 * 1000000;
        until.tv_sec += models->settings->poll_ms / 1000 + until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&models->wake, &models->lock, &until);
    }
    models->kicked = false;
    pthread_mutex_unlock(&models->lock);
    models->changed(models->context); /* who waits looks at the time */
}

static void *keeper_main(void *argument)
{
    struct models *models = argument;

    for (;;) {
        struct loaded *next;
        uint64_t ticket;
        bool stopping, ended;

        pthread_mutex_lock(&models->lock);
        ticket = models->asked;
        stopping = models->stopping;
        ended = models->load_ended;
        pthread_mutex_unlock(&models->lock);
        if (stopping)
            return NULL;
        if (ended)
            finish_load(models);
        look(models);
        pthread_mutex_lock(&models->lock);
        models->looked = ticket;
        pthread_cond_broadcast(&models->done);
        pthread_mutex_unlock(&models->lock);
        next = models->loading ? NULL : next_to_load(atomic_load(&models->current));
        if (next)
            start_load(models, next);
        sweep(models);
        table_reclaim(models);
        wait_for_work(models, ticket);
    }
}

/* --- life --- */

enum status models_new(const struct model_source *source, const struct settings *settings,
                       struct metrics *metrics, unsigned threads, void (*changed)(void *context),
                       void *context, struct models **result, struct error *err)
{
    struct models *models = calloc(1, sizeof *models);
    pthread_condattr_t attributes;
    int failure;

    if (!models)
        return error_no_memory(err, "models");
    models->source = *source;
    models->settings = settings;
    models->metrics = metrics;
    models->changed = changed;
    models->context = context;
    models->threads = threads;
    pthread_mutex_init(&models->lock, NULL);
    pthread_mutex_init(&models->names_lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&models->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_cond_init(&models->done, NULL);
    pthread_cond_init(&models->more, NULL);
    models->sharing = sharing_new(models_account, metrics);
    models->pins = aligned_alloc(64, threads * sizeof(struct pin));
    atomic_init(&models->current, table_new());
    if (!models->sharing || !models->pins || !atomic_load(&models->current)) {
        models_free(models);
        return error_no_memory(err, "models");
    }
    for (unsigned i = 0; i < threads; i++)
        atomic_init(&models->pins[i].table, NULL);
    failure = pthread_create(&models->loader, NULL, loader_main, models);
    models->loading_runs = failure == 0;
    if (!failure) {
        failure = pthread_create(&models->keeper, NULL, keeper_main, models);
        models->keeping = failure == 0;
    }
    if (failure) {
        models_free(models);
        return error_set(err, STATUS_UNAVAILABLE, "cannot start a thread: %s", strerror(failure));
    }
    pthread_setname_np(models->loader, "firn-load");
    pthread_setname_np(models->keeper, "firn-models");
    *result = models;
    return STATUS_OK;
}

void models_stop(struct models *models)
{
    if (!models)
        return;
    pthread_mutex_lock(&models->lock);
    models->stopping = true;
    pthread_cond_broadcast(&models->wake);
    pthread_cond_broadcast(&models->done);
    pthread_cond_broadcast(&models->more);
    pthread_mutex_unlock(&models->lock);
    if (models->keeping)
        pthread_join(models->keeper, NULL);
    if (models->loading_runs)
        pthread_join(models->loader, NULL);
    models->keeping = models->loading_runs = false;
    if (models->load_ended)
        finish_load(models);
    else if (models->loading) /* not begun */
        loaded_unref(models, models->loading);
    models->loading = NULL;
}

static void name_set_release(struct name_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        free(set->names[i]);
    free(set->names);
}

void models_free(struct models *models)
{
    struct model_table *table, *empty;

    if (!models)
        return;
    models_stop(models);
    table = atomic_load(&models->current);
    empty = table_new();
    if (table && empty) {
        atomic_store(&models->current, empty);
        table_free(models, table);
        table_reclaim(models);
    }
    if (empty)
        table_free(models, empty);
    sharing_free(models->sharing);
    name_set_release(&models->unloaded);
    name_set_release(&models->retry);
    pthread_cond_destroy(&models->wake);
    pthread_cond_destroy(&models->done);
    pthread_cond_destroy(&models->more);
    pthread_mutex_destroy(&models->lock);
    pthread_mutex_destroy(&models->names_lock);
    free(models->pins);
    free(models);
}

void models_refresh(struct models *models, bool wait_loaded)
{
    uint64_t ticket;

    pthread_mutex_lock(&models->lock);
    ticket = ++models->asked;
    pthread_cond_signal(&models->wake);
    while (!models->stopping &&
           (models->looked < ticket || (wait_loaded && models->settled < ticket)))
        pthread_cond_wait(&models->done, &models->lock);
    pthread_mutex_unlock(&models->lock);
}

bool models_settled(struct models *models)
{
    return atomic_load(&models->is_settled);
}

static bool name_set_add(struct name_set *set, const char *name)
{
    char **names;

    if (name_set_has(set, name))
        return true;
    names = realloc(set->names, (set->count + 1) * sizeof *names);
    if (!names)
        return false;
    set->names = names;
    names[set->count] = strdup(name);
    return names[set->count] && ++set->count;
}

static void name_set_remove(struct name_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->names[i], name) == 0) {
            free(set->names[i]);
            set->names[i] = set->names[--set->count];
            return;
        }
}

enum status models_unload(struct models *models, const char *model, struct error *err)
{
    bool done;

    pthread_mutex_lock(&models->names_lock);
    done = name_set_add(&models->unloaded, model);
    models->sets_changed = true;
    pthread_mutex_unlock(&models->names_lock);
    if (!done)
        return error_no_memory(err, "the table of models");
    models_refresh(models, false);
    return STATUS_OK;
}

enum status models_load(struct models *models, const char *model, struct error *err)
{
    bool done;

    pthread_mutex_lock(&models->names_lock);
    name_set_remove(&models->unloaded, model);
    done = name_set_add(&models->retry, model);
    models->sets_changed = true;
    pthread_mutex_unlock(&models->names_lock);
    if (!done)
        return error_no_memory(err, "the table of models");
    models_refresh(models, true);
    return STATUS_OK;
}
