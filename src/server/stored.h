// SPDX-License-Identifier: Apache-2.0
/* How routes come to what is stored, loaded or not. */
#pragma once

#include "registry/registry.h"
#include "server/request.h"

/* UNAVAILABLE when the server has none. */
enum status stored_registry(const struct request *request, struct registry **registry,
                            struct error *err) must_check;

/* Path parameter `index` as text. */
enum status stored_parameter(struct request *request, size_t index, const char **text,
                             struct error *err) must_check;

/* The version that path parameters 0 (model) and 1 (a number, "@alias" or "newest") name. */
enum status stored_version(struct request *request, struct registry **registry,
                           struct version *version, struct error *err) must_check;
