// SPDX-License-Identifier: Apache-2.0
/* Builds: uploads on their way to a version. What needs nothing to be installed becomes one before
 * its request is answered. Else the answer says "Assembling" with the id and number that the
 * version will have, an upload thread goes on, and the log is there to be followed; a build that
 * fails is kept with its log as the record HYDROSPHERE_FAILED, and its number goes to the next
 * upload. */
#pragma once

#include "server/hydrosphere/upload.h"
#include "server/hydrosphere/view.h"

struct server;
struct builds;

/* Kind of the records of uploads that failed; body {"name", "message"} and, of one that had a
 * number, {"id", "number", "created", "view"}: its name is its id, and that of the record of its
 * log. The last HYDROSPHERE_FAILED_MAX are kept. */
#define HYDROSPHERE_FAILED "failed-build"
#define HYDROSPHERE_FAILED_LOG "failed-build-log"
enum { HYDROSPHERE_FAILED_MAX = 100 };

struct builds *builds_new(struct server *server); /* NULL: no memory */
void builds_free(struct builds *builds);          /* after the pools stopped; NULL is fine */

enum build_state { BUILD_RUNNING, BUILD_RELEASED, BUILD_FAILED };

struct build { /* filled by the route that receives it, then left to build_start */
    struct hydrosphere_upload upload;
    struct received payload;
    struct arena memory; /* what `upload` refers to */
};
enum status build_new(struct request *request, struct build **build, struct error *err) must_check;
void build_unref(struct build *build); /* NULL is fine */

/* Freeze it as the next version, or begin to; *id is the version's. `file_name`: of the archive. A
 * contract that is not given is that of contract.protobin or serving.yaml among the files, and else
 * that of the model. Nothing pinned. CONFLICT while the model has another build. */
enum status build_start(struct build *build, struct request *request, const char *file_name,
                        int64_t *id, struct error *err) must_check;

/* --- what is being built, or failed: as versions --- */

struct build_entry {
    int64_t id;
    enum build_state state; /* BUILD_RUNNING or BUILD_FAILED */
    struct bytes name;      /* of the model */
    int64_t number;
    const char *created, *finished; /* finished: NULL while it runs */
    struct bytes message;           /* why it failed */
    struct bytes view;              /* JSON, as view_version */
};
/* All there are, those that run and those that failed, by id; copied into `keep`. On a control
 * thread. */
enum status builds_list(struct server *server, struct build_entry **entries, size_t *count,
                        struct arena *keep, struct error *err) must_check;
/* By id, or (id 0) by name and number. *found is false when there is none. */
enum status builds_find(struct server *server, int64_t id, struct bytes name, int64_t number,
                        bool *found, struct build_entry *entry, struct arena *keep,
                        struct error *err) must_check;

/* The log of one that failed. */
enum status builds_failed_log(struct server *server, int64_t id, bool *found, const char **log,
                              struct arena *keep, struct error *err) must_check;

/* Those that run, and those that failed a while ago: for feeds, from any thread. `each` must not
 * wait; the entry is borrowed for the call. */
void builds_each(struct builds *builds,
                 bool (*each)(void *context, const struct build_entry *entry), void *context);
uint64_t builds_changes(struct builds *builds); /* grows whenever one begins or ends */

/* The log of a build that runs, as it grows; *feed is NULL when there is none with that id. Lines
 * up to number `seen` are left out. */
enum status builds_follow(struct builds *builds, int64_t id, int64_t seen, struct feed **feed,
                          struct error *err) must_check;

/* A request that needs the version of that id: waits for its build, if there is one. When this
 * thread must not wait, request->later is set. CONFLICT when the build failed. */
enum status builds_await(struct request *request, int64_t id, struct error *err) must_check;
/* Likewise by the model's name and number. */
enum status builds_await_named(struct request *request, struct bytes name, int64_t number,
                               struct error *err) must_check;
