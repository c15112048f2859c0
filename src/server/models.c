// SPDX-License-Identifier: Apache-2.0
#include "server/models.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/map.h"
#include "base/number.h"
#include "base/text.h"

enum {
    TABLE_BYTES_MAX = 256 << 20,
    ROW_BYTES_MAX = 64 << 20,
    COST_CLASSES = 40, /* by the bits of the body's size */
};

/* One version. Made, loaded and freed by the loading thread; others read it through a pinned table.
 * Its state only moves forward: to unload it, a table with a fresh one in its place is swapped in.
 */
struct loaded {
    unsigned references; /* tables that hold it; loading thread only */
    struct arena arena;
    struct version row;
    _Atomic int state; /* enum model_state; what READY and FAILED promise is written before */
    _Atomic bool wanted;
    struct error why;
    struct servable *servable;
    struct session **sessions; /* (threads,): each made and used by its executor alone */
    unsigned threads;
    _Atomic uint64_t used_ns;
    _Atomic uint32_t costs[COST_CLASSES]; /* ns, running means; 0: none yet */
    struct series *ok, *rows, *seconds;
};

struct model_table {
    struct arena arena;
    struct map by_name;
    struct table_model *models; /* in order of names */
    size_t count;
    struct model_table *retired; /* the next one that waits to be freed */
};

struct pin {
    _Alignas(64) _Atomic(struct model_table *) table;
};

struct name_set { /* of a few names */
    char **names;
    size_t count;
};

struct models {
    struct model_source source;
    const struct settings *settings;
    struct metrics *metrics;
    void (*changed)(void *context);
    void *context;
    unsigned threads;
    struct pin *pins; /* (threads,) */
    _Atomic(struct model_table *) current;
    struct model_table *retired;
    int64_t generation;
    bool listed;        /* `generation` is of the current table */
    bool source_failed; /* said once */
    struct error load_error;

    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    uint64_t asked, looked, settled; /* tickets of models_refresh */
    bool stopping, kicked;
    pthread_mutex_t names_lock; /* of the sets; held while the source is listed */
    struct name_set unloaded;   /* by models_unload */
    struct name_set retry;      /* by models_load */
    bool sets_changed;
    _Atomic bool is_settled;
};

static uint64_t now_ns(void)
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

/* --- versions --- */

static bool keep_text(const char **text, struct arena *keep)
{
    if (!*text)
        return true;
    *text = arena_text(keep, bytes_of(*text));
    return *text != NULL;
}

static bool keep_row(struct version *row, struct arena *keep)
{
    row->aliases = NULL; /* these change; the table has them */
    row->alias_count = 0;
    return keep_text(&row->model, keep) && keep_text(&row->digest, keep) &&
           keep_text(&row->format, keep) && keep_text(&row->framework, keep) &&
           keep_text(&row->framework_version, keep) && keep_text(&row->contract, keep) &&
           keep_text(&row->manifest, keep) && keep_text(&row->reason, keep) &&
           keep_text(&row->created, keep);
}

static struct loaded *loaded_new(const struct models *models, const struct version *row)
{
    struct loaded *loaded = calloc(1, sizeof *loaded);

    if (!loaded)
        return NULL;
    arena_init(&loaded->arena, ROW_BYTES_MAX);
    loaded->row = *row;
    loaded->threads = models->threads;
    atomic_init(&loaded->used_ns, now_ns());
    loaded->sessions = calloc(models->threads, sizeof(struct session *));
    if (!loaded->sessions || !keep_row(&loaded->row, &loaded->arena)) {
        free(loaded->sessions);
        arena_release(&loaded->arena);
        free(loaded);
        return NULL;
    }
    if (loaded->row.reason) {
        (void)!error_set(&loaded->why, STATUS_UNSUPPORTED, "%s", loaded->row.reason);
        atomic_init(&loaded->state, MODEL_FAILED);
    }
    return loaded;
}

static void version_text(const struct loaded *loaded, char *buffer, size_t size)
{
    snprintf(buffer, size, "%lld", (long long)loaded->row.number);
}

static bool same_version(const struct loaded *loaded, const struct version *row)
{
    return loaded->row.number == row->number && strcmp(loaded->row.model, row->model) == 0 &&
           strcmp(loaded->row.digest, row->digest) == 0;
}

/* Does the current table still hold this version, in whatever instance? */
static bool is_held(struct models *models, const struct loaded *loaded)
{
    struct model_table *table = atomic_load(&models->current);
    const struct table_model *model = model_table_find(table, bytes_of(loaded->row.model));

    for (size_t i = 0; model && i < model->count; i++)
        if (same_version(model->versions[i], &loaded->row))
            return true;
    return false;
}

static void set_memory_metrics(struct models *models, const struct loaded *loaded,
                               const struct servable_account *account)
{
    char number[24];
    const char *labels[] = {loaded->row.model, number, NULL};
    const struct {
        const char *kind;
        size_t bytes;
    } kinds[] = {
        {"weights", account->weights}, {"mapped", account->mapped}, {"arena", account->arena}};

    version_text(loaded, number, sizeof number);
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        labels[2] = kinds[i].kind;
        series_set(metrics_series(models->metrics, METRIC_model_memory_bytes, labels),
                   (int64_t)kinds[i].bytes);
    }
}

static void drop_metrics(struct models *models, const struct loaded *loaded)
{
    static const enum metric_id ids[] = {METRIC_predictions_total, METRIC_predict_seconds,
                                         METRIC_inference_rows_total, METRIC_model_memory_bytes};
    char number[24];
    const char *labels[] = {loaded->row.model, number};

    version_text(loaded, number, sizeof number);
    for (size_t i = 0; i < ARRAY_COUNT(ids); i++)
        metrics_drop(models->metrics, ids[i], labels, 2);
}

static void loaded_unref(struct models *models, struct loaded *loaded)
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
        else
            set_memory_metrics(models, loaded, &(struct servable_account){0});
    }
    free(loaded->sessions);
    arena_release(&loaded->arena);
    free(loaded);
}

/* --- tables --- */

static struct model_table *table_new(void)
{
    struct model_table *table = calloc(1, sizeof *table);

    if (!table)
        return NULL;
    arena_init(&table->arena, TABLE_BYTES_MAX);
    map_init(&table->by_name, &table->arena);
    return table;
}

static void table_free(struct models *models, struct model_table *table)
{
    for (size_t m = 0; m < table->count; m++)
        for (size_t i = 0; i < table->models[m].count; i++)
            if (table->models[m].versions[i])
                loaded_unref(models, table->models[m].versions[i]);
    arena_release(&table->arena);
    free(table);
}

static bool is_pinned(const struct models *models, const struct model_table *table)
{
    for (unsigned i = 0; i < models->threads; i++)
        if (atomic_load(&models->pins[i].table) == table)
            return true;
    return false;
}

static void reclaim(struct models *models)
{
    struct model_table **link = &models->retired;

    while (*link) {
        struct model_table *table = *link;

        if (is_pinned(models, table)) {
            link = &table->retired;
            continue;
        }
        *link = table->retired;
        table_free(models, table);
    }
}

/* What the plain name means: the newest that is ready, unless a newer one still may be; a table
 * without a ready one points at the newest that may become it, else at the newest. */
static struct loaded *choose_serving(const struct table_model *model)
{
    struct loaded *hope = NULL;

    for (size_t i = 0; i < model->count; i++) {
        enum model_state state = loaded_state(model->versions[i]);

        if (state == MODEL_READY)
            return model->versions[i];
        if (state != MODEL_FAILED && !hope)
            hope = model->versions[i];
    }
    return hope ? hope : model->count ? model->versions[0] : NULL;
}

static void publish(struct models *models, struct model_table *table)
{
    struct model_table *old;

    for (size_t m = 0; m < table->count; m++)
        table->models[m].serving = choose_serving(&table->models[m]);
    old = atomic_exchange(&models->current, table);
    if (old) {
        old->retired = models->retired;
        models->retired = old;
    }
    reclaim(models);
}

static int compare_models(const void *a, const void *b)
{
    return strcmp(((const struct table_model *)a)->name, ((const struct table_model *)b)->name);
}

static bool has_name(const struct name_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->names[i], name) == 0)
            return true;
    return false;
}

/* Should this version be made anew instead of being taken over? */
static bool starts_anew(struct models *models, const struct loaded *loaded)
{
    enum model_state state = loaded_state(loaded);

    if (has_name(&models->unloaded, loaded->row.model))
        return state == MODEL_READY;
    return state == MODEL_FAILED && !loaded->row.reason &&
           has_name(&models->retry, loaded->row.model);
}

/* The instance for this row: the one of the old table, or a fresh one. */
static struct loaded *take_over(struct models *models, const struct model_table *old,
                                const struct version *row)
{
    const struct table_model *model = model_table_find(old, bytes_of(row->model));

    for (size_t i = 0; model && i < model->count; i++)
        if (same_version(model->versions[i], row) && !starts_anew(models, model->versions[i]))
            return model->versions[i];
    return loaded_new(models, row);
}

static size_t count_aliases(const struct version *rows, size_t count)
{
    size_t aliases = 0;

    for (size_t i = 0; i < count; i++)
        aliases += rows[i].alias_count;
    return aliases;
}

/* `rows`: the versions of one model. */
static bool table_model_init(struct models *models, struct model_table *table,
                             struct table_model *model, const struct version *rows, size_t count)
{
    struct model_table *old = atomic_load(&models->current);
    struct arena *keep = &table->arena;
    size_t aliases = count_aliases(rows, count);

    model->name = arena_text(keep, bytes_of(rows[0].model));
    model->versions = arena_new(keep, struct loaded *, count);
    model->aliases = arena_new(keep, const char *, aliases);
    model->aliased = arena_new(keep, struct loaded *, aliases);
    if (!model->name || !model->versions || !model->aliases || !model->aliased)
        return false;
    model->unloaded = has_name(&models->unloaded, model->name);
    for (size_t i = 0; i < count; i++) {
        struct loaded *loaded = take_over(models, old, &rows[i]);

        if (!loaded)
            return false;
        loaded->references++;
        model->versions[model->count++] = loaded;
        for (size_t a = 0; a < rows[i].alias_count; a++) {
            model->aliases[model->alias_count] = arena_text(keep, bytes_of(rows[i].aliases[a]));
            model->aliased[model->alias_count] = loaded;
            if (!model->aliases[model->alias_count++])
                return false;
        }
    }
    return true;
}

static size_t rows_of_model(const struct version *rows, size_t count)
{
    size_t same = 1;

    while (same < count && strcmp(rows[same].model, rows[0].model) == 0)
        same++;
    return same;
}

static bool table_fill(struct models *models, struct model_table *table, const struct version *rows,
                       size_t count)
{
    size_t models_count = 0;

    for (size_t i = 0; i < count; i += rows_of_model(rows + i, count - i))
        models_count++;
    table->models = arena_new(&table->arena, struct table_model, models_count);
    if (!table->models)
        return false;
    for (size_t i = 0; i < count;) {
        size_t same = rows_of_model(rows + i, count - i);

        if (!table_model_init(models, table, &table->models[table->count++], rows + i, same))
            return false;
        i += same;
    }
    qsort(table->models, table->count, sizeof table->models[0], compare_models);
    for (size_t m = 0; m < table->count; m++)
        if (!map_set(&table->by_name, bytes_of(table->models[m].name), &table->models[m]))
            return false;
    return true;
}

/* --- the loading thread --- */

static void say_source_error(struct models *models, const struct error *err)
{
    if (!models->source_failed)
        fprintf(stderr, "error: cannot read the registry: %s\n", err->text);
    models->source_failed = true;
}

/* List all rows and swap in a table of them. */
static bool relist(struct models *models, struct error *err)
{
    struct model_table *table = table_new();
    struct arena scratch;
    struct version *rows;
    size_t count;
    bool done = false;

    arena_init(&scratch, TABLE_BYTES_MAX);
    if (!table) {
        (void)!error_no_memory(err, "the table of models");
    } else if (models->source.list(models->source.context, &rows, &count, &scratch, err) ==
               STATUS_OK) {
        done = table_fill(models, table, rows, count);
        if (!done)
            (void)!error_no_memory(err, "the table of models");
    }
    if (done)
        publish(models, table);
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
 * those that were asked for. NULL: none. */
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
    return NULL;
}

/* A table with the same versions, for a new choice of what serves; `replaced` (may be NULL) is
 * made anew. */
static void republish(struct models *models, const struct loaded *replaced)
{
    struct model_table *old = atomic_load(&models->current), *table = table_new();
    bool done = table != NULL;

    if (done)
        table->models = arena_new(&table->arena, struct table_model, old->count);
    done = done && table->models;
    for (size_t m = 0; done && m < old->count; m++) {
        struct table_model *model = &table->models[table->count++];
        const struct table_model *from = &old->models[m];

        *model = *from; /* names and aliases are copied below: the old table will go */
        model->count = 0;
        model->name = arena_text(&table->arena, bytes_of(from->name));
        model->versions = arena_new(&table->arena, struct loaded *, from->count);
        model->aliases = arena_new(&table->arena, const char *, from->alias_count);
        model->aliased = arena_new(&table->arena, struct loaded *, from->alias_count);
        done = model->name && model->versions && model->aliases && model->aliased;
        for (size_t i = 0; done && i < from->count; i++) {
            struct loaded *loaded = from->versions[i];

            if (loaded == replaced)
                loaded = loaded_new(models, &loaded->row);
            done = loaded != NULL;
            if (done) {
                loaded->references++;
                model->versions[model->count++] = loaded;
            }
        }
        for (size_t i = 0; done && i < from->alias_count; i++) {
            model->aliased[i] = from->aliased[i];
            model->aliases[i] = arena_text(&table->arena, bytes_of(from->aliases[i]));
            done = model->aliases[i] != NULL;
        }
        done = done && map_set(&table->by_name, bytes_of(model->name), model);
    }
    if (done) {
        publish(models, table);
        return;
    }
    models->listed = false; /* no memory: the next look makes a table */
    if (table)
        table_free(models, table);
}

static void load(struct models *models, struct loaded *loaded)
{
    uint64_t began = now_ns();
    struct servable_account account;
    char number[24];
    const char *labels[] = {loaded->row.model, number, "ok"};
    const char *result = "ok";
    enum status status;

    version_text(loaded, number, sizeof number);
    atomic_store(&loaded->state, MODEL_LOADING);
    status =
        models->source.load(models->source.context, &loaded->row, &loaded->servable, &loaded->why);
    if (status == STATUS_OK) {
        loaded->ok = metrics_series(models->metrics, METRIC_predictions_total, labels);
        loaded->rows = metrics_series(models->metrics, METRIC_inference_rows_total, labels);
        loaded->seconds = metrics_series(models->metrics, METRIC_predict_seconds, labels);
        account = servable_account(loaded->servable);
        set_memory_metrics(models, loaded, &account);
        series_change(metrics_series(models->metrics, METRIC_models_loaded, NULL), 1);
        series_observe(metrics_series(models->metrics, METRIC_model_load_seconds, NULL),
                       now_ns() - began);
        atomic_store(&loaded->used_ns, now_ns());
        atomic_store(&loaded->state, MODEL_READY);
    } else {
        result = "failed";
        loaded->servable = NULL;
        fprintf(stderr, "error: cannot load %s:%s: %s\n", loaded->row.model, number,
                loaded->why.text);
        atomic_store(&loaded->state, MODEL_FAILED);
    }
    series_add(metrics_series(models->metrics, METRIC_model_loads_total, &result), 1);
    republish(models, NULL);
    models->changed(models->context);
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
    uint64_t now = now_ns();

    for (size_t m = 0; m < table->count; m++)
        for (size_t i = 0; i < table->models[m].count; i++) {
            const struct table_model *model = &table->models[m];
            struct loaded *loaded = model->versions[i];

            if (loaded_state(loaded) == MODEL_READY && loaded != model->serving &&
                !is_aliased(model, loaded) && atomic_load(&loaded->used_ns) + idle_ns <= now)
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
            republish(models, idle);
    } while (idle && atomic_load(&models->current) != table); /* else memory was short */
}

static void wait_for_work(struct models *models, uint64_t ticket)
{
    struct timespec until;

    pthread_mutex_lock(&models->lock);
    models->settled = ticket;
    atomic_store(&models->is_settled, models->listed);
    pthread_cond_broadcast(&models->done);
    if (models->asked == ticket && !models->stopping && !models->kicked) {
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

static void *models_main(void *argument)
{
    struct models *models = argument;

    for (;;) {
        struct loaded *loaded;
        uint64_t ticket;
        bool stopping;

        pthread_mutex_lock(&models->lock);
        ticket = models->asked;
        stopping = models->stopping;
        pthread_mutex_unlock(&models->lock);
        if (stopping)
            return NULL;
        look(models);
        pthread_mutex_lock(&models->lock);
        models->looked = ticket;
        pthread_cond_broadcast(&models->done);
        pthread_mutex_unlock(&models->lock);
        loaded = next_to_load(atomic_load(&models->current));
        if (loaded) {
            load(models, loaded);
            continue;
        }
        sweep(models);
        reclaim(models);
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
    models->pins = aligned_alloc(64, threads * sizeof(struct pin));
    atomic_init(&models->current, table_new());
    if (!models->pins || !atomic_load(&models->current)) {
        models_free(models);
        return error_no_memory(err, "models");
    }
    for (unsigned i = 0; i < threads; i++)
        atomic_init(&models->pins[i].table, NULL);
    failure = pthread_create(&models->thread, NULL, models_main, models);
    if (failure) {
        models_free(models);
        return error_set(err, STATUS_UNAVAILABLE, "cannot start a thread: %s", strerror(failure));
    }
    models->running = true;
    pthread_setname_np(models->thread, "firn-models");
    *result = models;
    return STATUS_OK;
}

void models_stop(struct models *models)
{
    if (!models || !models->running)
        return;
    pthread_mutex_lock(&models->lock);
    models->stopping = true;
    pthread_cond_broadcast(&models->wake);
    pthread_cond_broadcast(&models->done);
    pthread_mutex_unlock(&models->lock);
    pthread_join(models->thread, NULL);
    models->running = false;
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
        reclaim(models);
    }
    if (empty)
        table_free(models, empty);
    name_set_release(&models->unloaded);
    name_set_release(&models->retry);
    pthread_cond_destroy(&models->wake);
    pthread_cond_destroy(&models->done);
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

    if (has_name(set, name))
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

/* --- reading --- */

const struct model_table *models_pin(struct models *models, unsigned executor)
{
    struct model_table *table = atomic_load_explicit(&models->current, memory_order_acquire);

    for (;;) {
        struct model_table *again;

        atomic_store(&models->pins[executor].table, table);
        again = atomic_load(&models->current);
        if (again == table)
            return table;
        table = again;
    }
}

const struct model_table *models_pinned(struct models *models, unsigned executor)
{
    return atomic_load_explicit(&models->pins[executor].table, memory_order_relaxed);
}

void models_unpin(struct models *models, unsigned executor)
{
    atomic_store_explicit(&models->pins[executor].table, NULL, memory_order_release);
}

size_t model_table_count(const struct model_table *table)
{
    return table->count;
}

const struct table_model *model_table_at(const struct model_table *table, size_t index)
{
    return &table->models[index];
}

const struct table_model *model_table_find(const struct model_table *table, struct bytes name)
{
    return map_find(&table->by_name, name);
}

static enum status unknown_model(const struct model_table *table, struct bytes name,
                                 struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE], wanted[TEXT_QUOTE_SIZE];
    const char *best = NULL;

    text_quote(name, quoted, sizeof quoted);
    snprintf(wanted, sizeof wanted, "%s", quoted);
    for (size_t i = 0; i < table->count && !best; i++)
        best = text_suggest(wanted, &table->models[i].name, 1);
    (void)!error_set(err, STATUS_NOT_FOUND, "Request for unknown model: '%s' is not found", quoted);
    if (best)
        error_fix(err, "did you mean '%s'?", best);
    return STATUS_NOT_FOUND;
}

static enum status unknown_version(struct bytes name, struct bytes version, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE], number[TEXT_QUOTE_SIZE];

    return error_set(err, STATUS_NOT_FOUND, "Request for unknown model: '%s' has no version '%s'",
                     text_quote(name, quoted, sizeof quoted),
                     text_quote(version, number, sizeof number));
}

static struct loaded *find_alias(const struct table_model *model, struct bytes alias)
{
    for (size_t i = 0; i < model->alias_count; i++)
        if (bytes_is(alias, model->aliases[i]))
            return model->aliased[i];
    return NULL;
}

static struct loaded *find_version(const struct table_model *model, struct bytes version)
{
    int64_t number;

    if (version.size == 0)
        return model->serving;
    if (version.data[0] == '@')
        return find_alias(model, (struct bytes){version.data + 1, version.size - 1});
    if (version.data[0] < '0' || version.data[0] > '9' || version.size > 18 ||
        !number_i64_from_text(version, &number))
        return NULL;
    for (size_t i = 0; i < model->count; i++)
        if (model->versions[i]->row.number == number)
            return model->versions[i];
    return NULL;
}

enum status models_find(const struct model_table *table, struct bytes name, struct bytes version,
                        struct loaded **loaded, struct error *err)
{
    const uint8_t *at = name.size ? memchr(name.data, '@', name.size) : NULL;
    struct bytes plain = {name.data, at ? (size_t)(at - name.data) : name.size};
    const struct table_model *model = model_table_find(table, plain);

    if (!model)
        return unknown_model(table, plain, err);
    if (model->unloaded)
        return error_set(err, STATUS_NOT_FOUND, "Request for unknown model: '%s' is unloaded",
                         model->name);
    if (at && version.size)
        return error_set(err, STATUS_INVALID_INPUT, "both an alias and a version are given");
    if (at)
        version = (struct bytes){at, (size_t)(name.data + name.size - at)};
    *loaded = find_version(model, version);
    return *loaded ? STATUS_OK : unknown_version(plain, version, err);
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

struct servable_account loaded_account(const struct loaded *loaded)
{
    return servable_account(loaded->servable);
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

    return bits < COST_CLASSES ? bits : COST_CLASSES - 1;
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
