// SPDX-License-Identifier: Apache-2.0
/* How routes come to a version: pinned, loaded, or later. */
#pragma once

#include "server/models/models.h"
#include "server/request.h"

/* Find the version of path parameters 0 (model) and 1 (version, when the route has it) and pin it
 * until model_release. When it is not there for certain yet, or not `ready` although it was asked
 * for that: *loaded is NULL, request->later says when to come again, and the handler returns
 * STATUS_OK. NOT_FOUND; what a failed load said. */
enum status model_access(struct request *request, bool ready, struct loaded **loaded,
                         struct error *err) must_check;
/* The same for a model and version that the path does not say in this order. */
enum status model_access_named(struct request *request, struct bytes model, struct bytes version,
                               bool ready, struct loaded **loaded, struct error *err) must_check;
void model_release(struct request *request); /* also fine when nothing is pinned */

/* Errors as Open Inference has them: {"error": "..."}. */
void oip_write_error(const struct error *err, struct text *text);
