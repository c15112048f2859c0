// SPDX-License-Identifier: Apache-2.0
/* Team: threads that help with a long step. The owner of the work never waits for a thread that did
 * not come: chunks are claimed one by one, by the owner as by whoever is idle, and at the end the
 * owner waits for claimed chunks alone. There is no barrier. */
#pragma once

#include <stddef.h>

struct team;

/* How many threads may work at once: lanes are numbered below this. 1 for NULL. */
size_t team_lanes(const struct team *team);

/* Call work(context, chunk, lane) once for each chunk in [0, chunks), in any order, on this thread
 * and on helpers; returns when all are done. No two calls at the same time have the same lane, so
 * per-lane scratch memory needs no lock. A chunk should take 25 us or more. The result may not
 * depend on the number of lanes or on which lane a chunk ran. `team` NULL: all here, lane 0. */
void team_run(struct team *team, size_t chunks,
              void (*work)(void *context, size_t chunk, size_t lane), void *context);
