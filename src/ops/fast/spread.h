// SPDX-License-Identifier: Apache-2.0
/* How much of a team a step is worth, and ranges of a long loop over one. */
#pragma once

#include "base/team.h"

/* What one thread gets done, roughly, by what its time goes to: a step that says how long it will
 * take divides by these. */
#define SPREAD_FLOPS_PER_NS 120.0 /* products with packed weights */
#define SPREAD_BYTES_PER_NS 40.0  /* one pass over memory, beyond the L2 cache */

/* Into how many chunks work of about `ns` on one thread is cut: 1 where sharing it costs more than
 * it saves, or nobody would help. */
size_t spread_chunks(const struct team *team, double ns);

/* team_run for work of about `ns`, team_offer where waking a thread would take longer. */
void spread_share(struct team *team, double ns, size_t chunks,
                  void (*work)(void *context, size_t chunk, size_t lane), void *context);

/* What is shorter runs on one thread; -> what it was. For tests, which share small things too. */
double spread_alone_ns(double ns);

/* Call work(context, from, to) for ranges that make up [0, n), in any order. `ns` is about how long
 * one of the n takes; ranges begin at multiples of `grain`. */
void spread_run(struct team *team, size_t n, double ns, size_t grain,
                void (*work)(void *context, size_t from, size_t to), void *context);
