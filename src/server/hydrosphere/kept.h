// SPDX-License-Identifier: Apache-2.0
/* What clients left with the manager, in memory: metrics and deployment configurations. Feeds tell
 * of them, and an I/O thread must not read the store. */
#pragma once

#include "base/arena.h"

struct server;
struct kept;

struct kept *kept_new(struct server *server); /* NULL: no memory */
void kept_free(struct kept *kept);            /* NULL is fine */

/* Read the store, if it changed. After each change, and from whatever may wait. Without memory, or
 * a store: what was known stays. */
void kept_refresh(struct kept *kept);

enum kept_kind { KEPT_METRIC, KEPT_CONFIGURATION, KEPT_COUNT };
extern const char *const KEPT_RECORDS[KEPT_COUNT]; /* the kinds of their records */

struct kept_item {
    enum kept_kind kind;
    int64_t id;
    const char *name, *body; /* as in the record */
};
/* All of one kind, by id; copied into `keep`. NULL: no memory, or none. From any thread. */
struct kept_item *kept_list(struct kept *kept, enum kept_kind kind, size_t *count,
                            struct arena *keep);
uint64_t kept_changes(struct kept *kept); /* grows whenever they change */
