// SPDX-License-Identifier: Apache-2.0
/* Control files. */
#pragma once

#include "workers/cgroup.h"

/* What a file of a folder says, with a NUL behind it; "" and false, with errno, when it cannot be
 * read. */
bool cgroup_read(const char *folder, const char *name, char *text, size_t size);
bool cgroup_write(const char *folder, const char *name, const char *text); /* false: errno */
