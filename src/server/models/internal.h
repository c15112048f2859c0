// SPDX-License-Identifier: Apache-2.0
/* What the files about models share. Everything but the pins, the states and the counts of a
 * version belongs to the keeper's thread. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "server/models/models.h"

enum { MODEL_COSTS = 40, MODEL_TABLE_BYTES_MAX = 256 << 20 };

/* One version. Made and freed by the keeper's thread; others read it through a pinned table.
 * Its state only moves forward: to unload it, a table with a fresh one in its place is swapped in.
 */
struct loaded {
    unsigned references; /* tables that hold it, and the loader; keeper only */
    struct version row;
    char *texts;       /* of the row, and */
    char *own_name;    /* that every version has: see servable_name */
    _Atomic int state; /* enum model_state; what READY and FAILED promise is written before */
    _Atomic bool wanted;
    struct error why;
    struct servable *servable;
    struct session **sessions; /* (threads,): each made and used by its executor alone */
    unsigned threads;
    _Atomic uint64_t used_ns;
    _Atomic uint32_t costs[MODEL_COSTS]; /* ns, by the bits of the body's size; means; 0: none */
    struct series *ok, *rows, *seconds;
};

struct model_table {
    struct arena arena;
    struct map by_name;
    struct table_model *models; /* in order of names */
    size_t count;
    uint64_t serial;
    struct map servables_by_name, versions_by_id;
    struct table_servable *servables;
    size_t servable_count, deployed; /* those of records come first */
    struct model_table *retired;     /* the next one that waits to be freed */
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
    struct sharing *sharing;
    struct pin *pins; /* (threads,) */
    _Atomic(struct model_table *) current;
    struct model_table *retired;
    uint64_t serial; /* of the current table */
    int64_t generation;
    bool listed;        /* `generation` is of the current table */
    bool source_failed; /* said once */

    pthread_t keeper, loader; /* one looks and swaps tables, one loads */
    bool keeping, loading_runs;
    pthread_mutex_t lock;
    pthread_cond_t wake, done, more;
    uint64_t asked, looked, settled; /* tickets of models_refresh */
    bool stopping, kicked;
    struct loaded *loading; /* with the loader; NULL: it is idle */
    bool load_ended;        /* and the keeper has not seen it yet */
    enum status load_status;
    uint64_t load_ns;
    pthread_mutex_t names_lock; /* of the sets; held while the source is listed */
    struct name_set unloaded;   /* by models_unload */
    struct name_set retry;      /* by models_load */
    bool sets_changed;
    _Atomic bool is_settled;
};

uint64_t models_now_ns(void);

/* loaded.c */
struct loaded *loaded_new(const struct models *models, const struct version *row); /* or NULL */
bool loaded_is(const struct loaded *loaded, const struct version *row);
void loaded_unref(struct models *models, struct loaded *loaded);
void loaded_set_ready(struct models *models, struct loaded *loaded);
sharing_changed models_account; /* keeps the metrics of memory; context: the metrics */

/* table.c */
struct model_table *table_new(void); /* or NULL */
void table_free(struct models *models, struct model_table *table);
void table_publish(struct models *models, struct model_table *table);
void table_reclaim(struct models *models); /* free tables that nobody has pinned */
/* From rows of the source; false: no memory. */
bool table_fill(struct models *models, struct model_table *table, const struct version *rows,
                size_t count);
/* Publish the same versions anew, for a new choice of what serves; `replaced` (may be NULL) is made
 * anew. */
void table_republish(struct models *models, const struct loaded *replaced);

/* servables.c: once a table has its versions. False: no memory. */
bool table_add_servables(struct model_table *table, const struct record *records, size_t count);
/* Those of an older table; versions that are not there any more take theirs along. */
bool table_copy_servables(struct model_table *table, const struct model_table *from);

bool name_set_has(const struct name_set *set, const char *name);
