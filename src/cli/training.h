// SPDX-License-Identifier: Apache-2.0
/* Training data that a manifest names: kept with the version that it made. */
#pragma once

#include "cli/store.h"

/* The file that a manifest (`text`) of `model`, a file or a folder, names, relative to its folder:
 * *path, or NULL when it names none; s3:// is a warning. Asked before anything is uploaded:
 * NOT_FOUND when it is not there, INVALID_INPUT when it is empty. What is wrong with the manifest
 * itself, the upload says. */
enum status training_named(struct store_call *call, struct bytes text, const char *model,
                           const char **path) must_check;
/* Kept with the version; `path` may be NULL. */
enum status training_keep(struct store_call *call, const struct version *version, const char *path)
    must_check;
