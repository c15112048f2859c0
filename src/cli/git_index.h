// SPDX-License-Identifier: Apache-2.0
/* Whether a checkout differs from its commit, by the index; untracked files do not count. */
#pragma once

#include <time.h>

#include "base/arena.h"

enum git_state { GIT_UNKNOWN, GIT_CLEAN, GIT_DIRTY };

/* `top`: folder of the work tree. `index`: the bytes of the file of that name, of SHA-1 and version
 * 2 or 3, and when it was written. `tree`: of the commit, in hexadecimal, or NULL when it is not
 * known. Nothing is run: where a filter, a submodule or a sparse checkout would decide, the answer
 * is GIT_UNKNOWN. */
enum git_state git_state(const char *top, struct bytes index, const struct timespec *written,
                         const char *tree, struct arena *keep);
