// SPDX-License-Identifier: Apache-2.0
/* Models: what of the registry is loaded and able to answer.
 *
 * A table of models and versions is swapped as a whole; readers pin the one they use (a hazard
 * pointer a thread), so that the hot path takes no lock and counts no references. One thread keeps
 * the table: it watches the source, swaps, and frees what nobody has pinned any more; one loads,
 * beside what runs.
 *
 * A plain name means the newest version that can serve: while a newer one is being loaded, or when
 * it cannot be, the one before it goes on. Other versions are loaded when they are asked for. */
#pragma once

#include "engine/servable.h"
#include "loading/sharing.h"
#include "monitoring/metrics.h"
#include "registry/registry.h"
#include "server/settings.h"

/* Where versions come from: the registry, or a test. */
struct model_source {
    void *context;
    enum status (*generation)(void *context, int64_t *generation, struct error *err);
    /* All versions of all models; those of one model follow each other, newest first. Rows that
     * are known may be those of the caller. */
    enum status (*list)(void *context, const struct version_known *known, struct version **versions,
                        size_t *count, struct arena *keep, struct error *err);
    /* Records of kind "servable": versions under names of their own. NULL: there are none. */
    enum status (*servables)(void *context, struct record **records, size_t *count,
                             struct arena *keep, struct error *err);
    /* `sharing`: with what else is loaded. */
    enum status (*load)(void *context, const struct version *version, struct sharing *sharing,
                        struct servable **servable, struct error *err);
    bool workers; /* `load` lets them serve what is not native, where an adapter fits */
};

struct models;

/* `threads`: how many executors there are. `changed` is called, on a thread of the models, after
 * each load that ended, well or not, and now and then. */
enum status models_new(const struct model_source *source, const struct settings *settings,
                       struct metrics *metrics, unsigned threads, void (*changed)(void *context),
                       void *context, struct models **models, struct error *err) must_check;
void models_free(struct models *models);

/* End the threads; who waits in models_refresh returns. models_free does it too. */
void models_stop(struct models *models);

/* Look at the source now; returns when the table says what the source said then. `wait_loaded`:
 * and when nothing of what should be loaded is left to load. Not on an I/O thread. */
void models_refresh(struct models *models, bool wait_loaded);
bool models_settled(struct models *models); /* looked at least once, and nothing is left to load */

/* Keep a model unloaded until models_load, which also tries again what failed. Both return when it
 * is so. Not on an I/O thread, and not while a table is pinned. */
enum status models_unload(struct models *models, const char *model, struct error *err) must_check;
enum status models_load(struct models *models, const char *model, struct error *err) must_check;

/* --- use: between models_pin and models_unpin of one executor --- */

enum model_state { MODEL_UNLOADED, MODEL_LOADING, MODEL_READY, MODEL_FAILED };
const char *model_state_name(enum model_state state); /* of the repository index */

struct model_table; /* a pinned state of everything */

const struct model_table *models_pin(struct models *models, unsigned executor);
const struct model_table *models_pinned(struct models *models, unsigned executor); /* or NULL */
void models_unpin(struct models *models, unsigned executor);

struct loaded; /* a version in a pinned table */

/* `model` is "name", "name:3" or "name@alias"; `version` "" for the default, digits, or "@alias".
 * NOT_FOUND, else a version in any state. */
enum status models_find(const struct model_table *table, struct bytes model, struct bytes version,
                        struct loaded **loaded, struct error *err) must_check;

const struct version *loaded_row(const struct loaded *loaded);
enum model_state loaded_state(const struct loaded *loaded);
const struct error *loaded_error(const struct loaded *loaded);  /* why it FAILED */
void loaded_want(struct models *models, struct loaded *loaded); /* load it, in the background */

/* READY only. */
const struct contract *loaded_contract(const struct loaded *loaded);
bool loaded_waits(const struct loaded *loaded); /* see struct servable */
const char *loaded_sticky_header(const struct loaded *loaded);
bool loaded_count(const struct loaded *loaded, size_t index, struct servable_count *count);
struct session *loaded_session(struct loaded *loaded, unsigned executor); /* NULL: no memory */

/* Expected time of a request with a body of so many bytes, in us, from those before; < 0: none. */
double loaded_cost_us(const struct loaded *loaded, size_t body_bytes);

/* Account for a request: `rows` predicted, from began_ns to ended_ns. */
void loaded_ran(struct loaded *loaded, size_t body_bytes, uint64_t rows, uint64_t began_ns,
                uint64_t ended_ns);
void loaded_failed(struct models *models, const struct loaded *loaded, enum status status);

/* Every model, in order of names, and its versions, newest first. */
struct table_model {
    const char *name;
    struct loaded **versions; /* (count,) */
    size_t count;
    struct loaded *serving; /* what the plain name means */
    bool unloaded;          /* by models_unload */
    const char **aliases;   /* (alias_count,) */
    struct loaded **aliased;
    size_t alias_count;
};
size_t model_table_count(const struct model_table *table);
uint64_t model_table_serial(const struct model_table *table); /* grows with every change */
const struct table_model *model_table_at(const struct model_table *table, size_t index);
const struct table_model *model_table_find(const struct model_table *table, struct bytes name);

/* A version under a name of its own: deployed (a record), or the name that every version has. */
struct table_servable {
    const char *name;
    struct loaded *loaded;
    const char *body; /* of the record: JSON; NULL: the version's own name */
    int64_t id;       /* of the record; 0 */
    bool unloaded;    /* its model, by models_unload */
};
size_t model_table_servables(const struct model_table *table); /* by id, the versions' own last */
const struct table_servable *model_table_servable_at(const struct model_table *table, size_t index);
const struct table_servable *model_table_servable(const struct model_table *table,
                                                  struct bytes name); /* or NULL */
/* Of this id, or NULL. */
struct loaded *model_table_version(const struct model_table *table, int64_t id);

/* "iris-1-calm-owl": for version 1 of iris; another `seed`, other words. */
enum { SERVABLE_NAME_SIZE = 192 };
char *servable_name(const char *model, int64_t number, uint64_t seed,
                    char name[SERVABLE_NAME_SIZE]);
