// SPDX-License-Identifier: Apache-2.0
/* Folders of this machine whose files clients may have read, by name: none, unless the operator
 * names some before anything is served. Below them nothing leads out: links, `..` and mounts of
 * /proc are refused by the kernel (openat2). */
#pragma once

#include "base/arena.h"
#include "base/error.h"

enum { READABLE_FOLDERS_MAX = 16 };

/* Before threads are started. NOT_FOUND when it is no folder. */
enum status readable_allow(const char *folder, struct error *err) must_check;
void readable_forget(void); /* all of them; for tests */

/* A file by its path in one of the folders, or its whole path. What is not there, not below a
 * folder or behind a link is INVALID_INPUT, without telling which; past `limit` TOO_LARGE. */
enum status readable_file(struct bytes path, size_t limit, struct bytes *content,
                          struct arena *keep, struct error *err) must_check;
