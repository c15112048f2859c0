// SPDX-License-Identifier: Apache-2.0
/* The registry as a source of models. */
#pragma once

#include "loading/worker.h"
#include "server/models/models.h"

struct registry_source {
    struct registry *registry;
    struct native_options options;       /* of what is loaded */
    const struct worker_policy *workers; /* NULL: not allowed */
};

/* Borrowed: lives as long as the models. */
struct model_source source_of_registry(struct registry_source *source);
