// SPDX-License-Identifier: Apache-2.0
/* Runtimes and environments of the first generation: the container that ran a model and the host it
 * ran on. firn serves models itself, and keeps them because an application names them. */
#pragma once

#include "base/text.h"
#include "registry/registry.h"

#define HYDROSPHERE_RUNTIME                                                                        \
    "runtime" /* kinds of the records, whose bodies are as they were sent                          \
               */
#define HYDROSPHERE_ENVIRONMENT "environment"

/* {"id", "name", "version", "suitableModelType", "tags", "configParams"} */
enum status runtime_print(const struct record *record, struct text *text, struct error *err)
    must_check;
void runtime_print_own(struct text *text); /* firn, with id 0 */
/* {"id", "name", "placeholders"} */
enum status environment_print(const struct record *record, struct text *text, struct error *err)
    must_check;

/* The one of that kind and id; null when there is none. */
enum status runtimes_embed(struct registry *registry, const char *kind, int64_t id,
                           struct text *text, struct arena *scratch, struct error *err) must_check;
