// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loading/load.h"

struct load_pull;
struct image_pulled;

/* An image of ours that was received: what its layer says of itself is filled in, and that contract
 * and files fit is checked. */
enum status image_pulled_check(struct image_pulled *pulled, struct arena *keep, struct error *err)
    must_check;

/* image_store.c: an application and the versions that it uses, out of the store that was in its
 * standalone image. Everything is checked before the first version is frozen. */
enum status image_store_freeze(struct registry *registry, const struct load_pull *pull,
                               const struct image_pulled *pulled, struct version *version,
                               bool *unchanged, struct arena *keep, struct error *err) must_check;

/* A version of format APPLICATION_FORMAT. */
enum status load_application(struct registry *registry, const struct version *version,
                             const struct load_options *options, struct servable **servable,
                             struct error *err) must_check;

/* A version of a model, whether or not it is loaded already. */
enum status load_alone(struct registry *registry, const struct version *version,
                       const struct load_options *options, struct servable **servable,
                       struct error *err) must_check;

/* What load_import leaves out: put the manifest `name` over what the files say. */
enum status load_merge(struct loading *loading, const char *name, struct error *err) must_check;

/* firn's own servable of what was opened, without the filters before and after it. */
enum status load_bare(struct loading *loading, struct servable **servable, struct error *err)
    must_check;

/* Put a servable behind the filters of what was opened, where there are any; takes it over. */
enum status load_filters(struct loading *loading, const struct native_options *options,
                         struct servable **servable, struct error *err) must_check;
