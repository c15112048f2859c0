// SPDX-License-Identifier: Apache-2.0
/* Why another user than root gets no user namespace here, as far as it can be read off the machine:
 * clone says EPERM for all of it (user_namespaces(7)). */
#pragma once

#include <stddef.h>

/* "user.max_user_namespaces is 0", or the likely reasons. `root` is put in front of /proc ("" but
 * in tests). */
void user_namespace_why(const char *root, char *text, size_t size);
