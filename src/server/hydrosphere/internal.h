// SPDX-License-Identifier: Apache-2.0
/* What the files about builds share. */
#pragma once

#include <pthread.h>

#include "loading/worker.h"
#include "server/hydrosphere/builds.h"
#include "server/internal.h"

struct building {
    struct build build; /* the head: what routes see */
    struct work work;
    struct server *server;
    struct building *next; /* of the list: begun later */
    unsigned users;        /* under the lock, as are state, log and finished */
    enum build_state state;
    bool full;      /* the log takes no more */
    bool log_tells; /* its client looks at nothing else: if it fails, the log is broken off once */
    struct version_place place;
    struct version row; /* as it is shown before it is one */
    struct loading loading;
    struct worker_policy policy; /* the server's, with the log here */
    struct text view, log;       /* log: whole lines */
    char created[32], finished[32], message[sizeof((struct error *)NULL)->text];
};

struct builds {
    struct server *server;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    struct building *first; /* those that run, and those that failed */
    uint64_t changes;
};

/* Keep why an upload failed; the oldest ones go. `building` (may be NULL): it had a number. What
 * goes wrong here is not said: there is an error. */
void build_keep_failure(struct server *server, const struct hydrosphere_upload *upload,
                        const struct building *building, const struct error *err,
                        struct arena *scratch);
