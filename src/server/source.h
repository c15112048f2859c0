// SPDX-License-Identifier: Apache-2.0
/* The registry as a source of models. */
#pragma once

#include "engine/native.h"
#include "server/models.h"

struct registry_source {
    struct registry *registry;
    struct native_options options; /* of what is loaded */
};

/* Borrowed: lives as long as the models. */
struct model_source source_of_registry(struct registry_source *source);
