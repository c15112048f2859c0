// SPDX-License-Identifier: Apache-2.0
/* The manifest that a command is pointed at. */
#pragma once

#include "contract/manifest.h"

struct manifest_file {
    const char *name;   /* for messages */
    const char *folder; /* what its payload is relative to */
    struct bytes text;  /* empty: a folder without a manifest */
    struct manifests manifests;
};

/* A file, standard input ("-"), or the serving.yaml of a folder; parsed. `optional`: a folder may
 * be without one. */
enum status manifest_file_read(const char *path, bool optional, struct manifest_file *file,
                               struct arena *keep, struct error *err) must_check;

/* The remarks, a line each: "serving.yaml:3: error: ...". Notes alone when `notes`. */
struct text;
void manifest_file_print(const struct manifest_file *file, struct text *text);

/* The manifest of a model at `path`, not parsed (`manifest`: a file, or NULL for the one of the
 * folder, or for none). */
enum status manifest_text_read(const char *path, const char *manifest, struct manifest_file *file,
                               struct arena *keep, struct error *err) must_check;
/* The same with chains added, each written as one line of YAML: "FIELD: FILTERS". */
enum status manifest_with_filters(const char *path, const char *manifest,
                                  const char *const *filters, size_t count, struct bytes *text,
                                  struct arena *keep, struct error *err) must_check;
