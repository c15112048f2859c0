// SPDX-License-Identifier: Apache-2.0
/* Team: threads that help with a long step. The owner of the work never waits for a thread that did
 * not come: chunks are claimed one by one, by the owner as by whoever is idle, and at the end the
 * owner waits for claimed chunks alone. There is no barrier.
 *
 * One team serves a process: any number of threads may own work at the same time. Running takes no
 * lock and no memory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/event.h"

struct team;

/* How many threads may work at once: lanes are numbered below this. 1 for NULL. */
size_t team_lanes(const struct team *team);

/* Call work(context, chunk, lane) once for each chunk in [0, chunks), in any order, on this thread
 * and on helpers; returns when all are done. No two calls at the same time have the same lane, so
 * per-lane scratch memory needs no lock. A chunk should take some
 * microseconds. The result may not
 * depend on the number of lanes or on which lane a chunk ran. `team` NULL, or called from within
 * one of several chunks: all here, lane 0. */
void team_run(struct team *team, size_t chunks,
              void (*work)(void *context, size_t chunk, size_t lane), void *context);

/* The same for work that is too short to wake anybody for: who waits awake may take part. */
void team_offer(struct team *team, size_t chunks,
                void (*work)(void *context, size_t chunk, size_t lane), void *context);

/* --- making one. Freed when nobody uses it any more; NULL: no memory, or no threads. --- */

/* `threads` that work at once: the owner and threads - 1 helpers, which are started here. */
struct team *team_pool_new(size_t threads);

/* A team whose helpers are threads of somebody else, which call team_help; no more than `threads`
 * work on the same thing, the owner included. */
struct team *team_new(size_t threads);
void team_free(struct team *team);

/* Take part in what there is to do, until nothing is left or `leave` (may be NULL), asked between
 * chunks, says so; false when there was nothing. */
bool team_help(struct team *team, bool (*leave)(void *context), void *context);

/* Is there a chunk that nobody has claimed? */
bool team_needs_help(struct team *team);

/* Raised when there is work to help with. A helper that also waits for other things has them raise
 * it too. */
struct event *team_event(struct team *team);

/* Before sleeping, after having helped: look for 50 us, about what waking a sleeper takes,
 * whether the event is raised, because the next step of a run often follows. True: look again. */
bool team_linger(struct team *team);
