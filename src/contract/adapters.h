// SPDX-License-Identifier: Apache-2.0
/* Adapters: what of the formats that firn does not run itself a worker can serve. adapters.def has
 * a row for each; whether workers are allowed is the operator's to say. */
#pragma once

#include <stdbool.h>

struct adapter {
    const char *format;
    const char *name;         /* a file of python/firn_worker/adapters */
    const char *requirements; /* or NULL; see adapters.def */
};

const struct adapter *adapter_find(const char *format); /* or NULL; `format` may be NULL */

/* Can a worker serve what firn itself cannot, for that `reason`? Not without a reason: then firn
 * does. */
bool adapter_serves(const char *format, const char *reason);
