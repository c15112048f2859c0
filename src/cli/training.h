// SPDX-License-Identifier: Apache-2.0
/* Training data that a manifest names: kept with the version that it made. */
#pragma once

#include "cli/store.h"

/* `path`: the model that was uploaded, a file or a folder; the file is relative to its folder. A
 * manifest without them is fine; s3:// is a warning. NOT_FOUND when the file is not there: the
 * version is. */
enum status training_keep(struct store_call *call, const struct version *version, const char *path)
    must_check;
