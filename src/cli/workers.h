// SPDX-License-Identifier: Apache-2.0
/* Workers of the program itself, as `firn predict --workers` has them. */
#pragma once

#include "loading/worker.h"

/* `store`: a store's folder; NULL: environments are kept in the user's cache (XDG_CACHE_HOME). The
 * settings are those of the environment (FIRN_WORKER_MEMORY_MAX ...). */
enum status workers_here(const char *store, struct worker_policy *policy, struct arena *keep,
                         struct error *err) must_check;
