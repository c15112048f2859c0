// SPDX-License-Identifier: Apache-2.0
/* Pool: what 0Mind calls the server's models, and its configuration file:
 *
 *   {"id": 1, "host": "0.0.0.0", "port": 5885, "model_types": ["keras"], "tasks": [TASK ...]}
 *   TASK {"id", "model_file", "model_type", "input_filters", "output_filters", "inputs", "outputs"}
 *
 * Its models are those of the registry: the id of a task is the model's name, what it loads the
 * next version. So 0Mind's clients reach every model, and all wires reach those of a task. The task
 * itself is kept as a record. */
#pragma once

#include "contract/zeromind.h"
#include "loading/worker.h"
#include "registry/registry.h"

enum zeromind_code {
#define CODE(name, code, http) ZEROMIND_##name,
#include "server/zeromind/codes.def"
#undef CODE
};
int zeromind_code_number(enum zeromind_code code);
int zeromind_code_http(enum zeromind_code code, enum status status);

struct zeromind_pool {
    struct arena arena;
    struct json config;          /* the file */
    const char *id;              /* as text; "0" without a file */
    const char *address;         /* "HOST:PORT" */
    const char *folder;          /* tasks that come over HTTP name files below it; NULL: none */
    void (*stop)(void *context); /* by /command/stop; NULL: it may not */
    void *context;
};

/* Read a configuration file. INVALID_INPUT with the key at fault. */
enum status zeromind_pool_read(const char *path, struct zeromind_pool *pool, struct error *err)
    must_check;
void zeromind_pool_release(struct zeromind_pool *pool); /* safe on a zeroed one */

/* "1" of 1 and of "1", as text; NULL for what is neither. */
const char *zeromind_id(const struct json *value, struct arena *keep, struct error *err);

/* The value of "model_type" for a framework: "sklearn" of "scikit-learn"; NULL when there is none.
 */
const char *zeromind_type_of(const char *framework);

#define ZEROMIND_TASK                                                                              \
    "0mind-task" /* kind of the records; the name is the id, the body the task                     \
                  */

struct zeromind_loader {
    const struct zeromind_pool *pool;
    struct registry *registry;
    const struct worker_policy *workers; /* NULL: none are allowed */
    bool anywhere;                       /* files outside of the pool's folder too */
};

/* Freeze the model of a task as the next version of its name, or the same version when nothing
 * changed, and keep the task with it. When it fails nothing is stored; *code says how. */
enum status zeromind_task_add(const struct zeromind_loader *loader, const struct json *task,
                              struct version *version, bool *unchanged, enum zeromind_code *code,
                              struct arena *keep, struct error *err) must_check;

/* The record of an id, the newest one; *found false: it came another way. */
enum status zeromind_task_find(struct registry *registry, const char *id, bool *found,
                               struct record *record, struct arena *keep, struct error *err)
    must_check;
enum status zeromind_task_remove(struct registry *registry, const char *id, struct arena *scratch,
                                 struct error *err) must_check;

/* The tasks of the configuration, before the server starts: one that fails is said and left out. */
void zeromind_pool_start(const struct zeromind_pool *pool, struct registry *registry,
                         const struct worker_policy *workers);
