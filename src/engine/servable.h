// SPDX-License-Identifier: Apache-2.0
/* Servable: one loaded version, able to answer. Native plans and framework workers are the same
 * to everything above. */
#pragma once

#include <stdatomic.h>

#include "contract/contract.h"
#include "tensor/tensor.h"

struct servable;
struct session;

struct servable_account { /* bytes */
    size_t weights;       /* packed or copied; mapped weights used in place are not counted */
    size_t mapped;        /* constants used in place from the artifact */
    size_t arena;         /* largest plan memory so far, per session */
};

/* Of a servable that has parts: how many requests had which result with one of them. */
struct servable_count {
    const char *part;   /* "iris:3" */
    const char *result; /* "answered", "failed", "shadow", "shadow_failed", "shadow_dropped" */
    uint64_t count;
};

struct servable_class {
    const char *name; /* "native" */
    void (*free)(struct servable *servable);
    struct session *(*session_new)(struct servable *servable);
    void (*session_free)(struct session *session);
    enum status (*run)(struct session *session, size_t signature, const struct tensor *inputs,
                       struct tensor *outputs, struct error *err);
    double (*estimate_us)(struct session *session, size_t signature, const struct tensor *inputs);
    struct servable_account (*account)(const struct servable *servable);
    /* Number `index`; false behind the last one. NULL: it has no parts. */
    bool (*count)(const struct servable *servable, size_t index, struct servable_count *count);
};

/* The head of every kind of servable. */
struct servable {
    const struct servable_class *class;
    const struct contract *contract; /* borrowed: lives as long as the servable */
    bool waits; /* its runs wait for another process: never on a thread that others need */
    const char *sticky_header; /* of an application, in small letters; NULL: firn-sticky */
};

struct session { /* the head of every kind of session */
    struct servable *servable;
    struct team *team; /* set by the owner before the first run: threads that may help; or NULL */
    /* Set by the owner before any run: when a run is to be given up, between two of its steps. */
    uint64_t deadline_ns;          /* of CLOCK_MONOTONIC; 0: none. DEADLINE */
    const _Atomic bool *cancelled; /* by another thread; NULL: nobody can. UNAVAILABLE */
    uint64_t
        sticky; /* of an application: requests of one key are answered by one variant; 0: none */
};

/* The memory of one thread's runs. One session, one thread at a time; many sessions per servable.
 */
struct session *servable_session(struct servable *servable); /* NULL: no memory */
void session_free(struct session *session);

/* Compute signature `signature` (an index into the contract). `inputs`: one for each field of the
 * signature, in its order, with the field's dtype and a known shape. `outputs` receives one for
 * each output field: data belongs to the session until its next run. In steady state (a shape that
 * was seen before) allocates nothing and takes no lock. */
enum status session_run(struct session *session, size_t signature, const struct tensor *inputs,
                        struct tensor *outputs, struct error *err) must_check;

/* Expected duration of such a run in us, from the runs so far; < 0 when never run. */
double session_estimate_us(struct session *session, size_t signature, const struct tensor *inputs);

void servable_free(struct servable *servable); /* after all its sessions */
struct servable_account servable_account(const struct servable *servable);
bool servable_count(const struct servable *servable, size_t index, struct servable_count *count);
