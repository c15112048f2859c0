// SPDX-License-Identifier: Apache-2.0
/* Ranges of a long loop over a team: what is short runs here. */
#pragma once

#include "base/team.h"

/* Call work(context, from, to) for ranges that make up [0, n), in any order. `ns` is about how long
 * one of the n takes; ranges begin at multiples of `grain`. */
void spread_run(struct team *team, size_t n, double ns, size_t grain,
                void (*work)(void *context, size_t from, size_t to), void *context);
