// SPDX-License-Identifier: Apache-2.0
/* Sharing: versions that several names need (their own, and the applications that use them) are
 * loaded once. What a user of one gets is a servable whose sessions are those of the one that is
 * loaded; it is unloaded when the last user frees his. Thread-safe. */
#pragma once

#include "loading/load.h"

struct sharing;

/* A version was loaded, or (`account` all 0) unloaded. Called by one thread at a time. */
typedef void sharing_changed(void *context, const struct version *version,
                             const struct servable_account *account);

/* `changed` may be NULL. */
struct sharing *sharing_new(sharing_changed *changed, void *context); /* NULL: no memory */
void sharing_free(struct sharing *sharing); /* after all servables; NULL is fine */

size_t sharing_count(struct sharing *sharing); /* versions that are loaded */

/* The version of a model, not of an application: the one that is loaded, or loaded now. */
enum status sharing_load(struct sharing *sharing, struct registry *registry,
                         const struct version *version, const struct load_options *options,
                         struct servable **servable, struct error *err) must_check;
