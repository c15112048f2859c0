// SPDX-License-Identifier: Apache-2.0
/* Adapters: what of the formats that firn does not run itself a worker can serve. adapters.def has
 * a row for each; whether workers are allowed is the operator's to say. */
#pragma once

#include <stdbool.h>

struct manifest;

struct adapter {
    const char *format;
    const char *name;         /* a file of python/firn_worker/adapters, or what the manifest says */
    const char *requirements; /* or NULL; see adapters.def */
    bool whole;               /* an archive is given to it as it is, not its members */
    bool java;                /* it runs on a Java machine, see workers/worker.h */
};

/* The format of models that only their manifest, or a file of their own, says how to open. */
#define ADAPTER_FORMAT "adapter"
/* Such a file, at the top of the model's folder. */
#define ADAPTER_FILE "adapter.py"

const struct adapter *adapter_find(const char *format); /* or NULL; `format` may be NULL */

/* What the manifest says under `metadata`, `adapter`; or NULL. */
const char *adapter_declared(const struct manifest *manifest);

/* How to serve a model of that format: the format's row, with the adapter `declared` in it when
 * that is not NULL; false: not at all. */
bool adapter_choose(const char *format, const char *declared, struct adapter *adapter);

/* Can a worker serve what firn itself cannot, for that `reason`? Not without a reason: then firn
 * does. */
bool adapter_serves(const char *format, const char *reason);

/* Is firn compared with the model's framework when a version is made? See loading/parity.h. */
enum parity_wish {
    PARITY_WHERE_POSSIBLE, /* where the framework is installed already */
    PARITY_REQUIRED,       /* it is installed; what cannot be compared is an error */
    PARITY_NOT_WANTED
};
