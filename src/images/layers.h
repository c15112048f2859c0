// SPDX-License-Identifier: Apache-2.0
/* Layers of an image, one over the other: the files below a path as they would lie in a container,
 * whiteouts respected, without unpacking the rest anywhere. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "formats/archive/artifact.h"

struct image_layers {
    const char *const *files; /* (count,) of the layers, the lowest first: tar, gzip or zstd */
    size_t count;
    const char *path;  /* inside the image, without slashes around it: "model/files" */
    const char *extra; /* one file more, or NULL: "model/serving.yaml" */
    struct artifact_limits limits;
};

struct image_merged {
    size_t files; /* below `path`, or 1 when it is a file itself */
    bool single;  /* `path` is a file */
    bool has_extra;
    bool named_model; /* there is one, called "model" with or without a suffix: as we freeze them */
};

/* Names in the tar that is made. */
#define MERGED_FILES "files/"
#define MERGED_EXTRA "extra"

/* Write them as an uncompressed tar to `to`: MERGED_FILES and what follows `path`, MERGED_EXTRA.
 * Links and devices among them, and paths that leave the image, are refused. In constant memory but
 * for the names. */
enum status image_layers_merge(const struct image_layers *layers, const char *to,
                               struct image_merged *merged, struct error *err) must_check;
