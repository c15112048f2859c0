// SPDX-License-Identifier: Apache-2.0
/* Which commit a file or folder was uploaded from: read from the .git around it, of which nothing
 * is run. */
#pragma once

#include "base/arena.h"

/* A JSON object of strings: git.branch (unless the head is detached), git.branch.head.sha and, of a
 * commit that is not packed, git.branch.head.author.name, .author.email and .date; git.is-dirty
 * ("true", "false") where that can be told without running git. Empty when the path is NULL or in
 * no checkout, or its .git cannot be read. */
struct bytes git_facts(const char *path, struct arena *keep);
