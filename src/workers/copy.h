// SPDX-License-Identifier: Apache-2.0
/* Copying tensors to and from an arena. */
#pragma once

#include <stddef.h>

struct team;

/* memcpy; large ones past the caches, which they would only sweep (a third less time for 20 MB),
 * and with the threads of `team` (or NULL) that have nothing to do. */
void copy_large(struct team *team, void *to, const void *from, size_t size);
