// SPDX-License-Identifier: Apache-2.0
/* What TensorFlow Serving says of models: states of versions, and signatures as SignatureDefs. */
#pragma once

#include "server/access.h"
#include "base/text.h"

enum version_state { /* ModelVersionStatus.State */
                     VERSION_START = 10,
                     VERSION_LOADING = 20,
                     VERSION_AVAILABLE = 30,
                     VERSION_END = 50
};

/* A version that is loaded when somebody asks for it is at START. */
enum version_state version_state(const struct loaded *loaded);

/* The versions that a client is told of when it asks for `loaded`, which is pinned: that one, which
 * will then be loaded (`alone`), or those that are there and the one that serves. Newest first. */
enum status versions_told(struct request *request, struct loaded *loaded, bool alone,
                          struct loaded ***versions, size_t *count, struct error *err) must_check;

/* {"model_version_status": [{"version", "state", "status": {"error_code", "error_message"}}]} */
enum status versions_write_json(struct request *request, struct loaded *loaded, bool alone,
                                struct text *text, struct error *err) must_check;

/* {"model_spec", "metadata": {"signature_def": {"signature_def": {...}}}} */
enum status metadata_write_json(const struct loaded *loaded, struct text *text, struct arena *arena,
                                struct error *err) must_check;

const char *signature_method(const struct signature *signature); /* method_name of SignatureDef */
