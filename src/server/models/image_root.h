// SPDX-License-Identifier: Apache-2.0
/* The folder /model of an image as a source of models: the one version that is frozen in it,
 * without a store; of an application with the versions that it uses, in a frozen one (/model/store,
 * registry/frozen.h). What the image is called comes from its environment: FIRN_MODEL ("iris:3")
 * and, for what is said of it, FIRN_MODEL_FORMAT, _FRAMEWORK, _FRAMEWORK_VERSION and _DIGEST. */
#pragma once

#include "engine/native.h"
#include "loading/worker.h"
#include "server/models/models.h"

struct image_root {
    struct version version;
    struct registry *registry;           /* of a frozen store; else NULL */
    const struct worker_policy *workers; /* NULL: not allowed */
    const char *files;                   /* a path: the folder, or the one file */
    struct native_options options;
    struct arena memory;
};

/* Ends with image_root_close in any case. */
enum status image_root_open(const char *folder, const struct native_options *options,
                            struct image_root *root, struct error *err) must_check;
void image_root_close(struct image_root *root);

/* Borrowed: lives as long as the models. */
struct model_source source_of_image_root(struct image_root *root);
