// SPDX-License-Identifier: Apache-2.0
/* Importers: one per framework. Each recognises its artifact, describes it (contract with evidence)
 * and rebuilds the model as a graph. Nothing in a model is ever run.
 *
 * src/importers/onnx.c defines `const struct importer importer_onnx`: the file name is the
 * registration. Importers know no other importer; containers and encodings come from formats/. */
#pragma once

#include "contract/contract.h"
#include "formats/archive/artifact.h"
#include "graph/graph.h"

struct manifest;
struct description {
    const char *format;            /* "sklearn-pickle", "onnx" ... */
    const char *framework;         /* "scikit-learn"; NULL when unknown */
    const char *framework_version; /* NULL when not stored */
    struct contract contract;
    const char *reason;    /* why firn itself cannot run it; NULL: it can */
    const char **executes; /* what opening it the framework's way would run beyond plain data */
    size_t executes_count;
    const char **warnings;
    size_t warning_count;
    const char **filters; /* of the manifest, a line for each chain */
    size_t filter_count;
    const char **details; /* what else the file says: "producer 1286" */
    size_t detail_count;
    /* When what the manifest declares has been merged: does it fit the artifact? NULL: it does. */
    enum status (*declared)(struct description *description, struct artifact *artifact,
                            const struct manifest *manifest, struct arena *keep, struct error *err);
};

struct upload {
    struct artifact *artifact;
    struct member
        *main; /* the member that the bid was for; set by bid when it is not the only one */
};

struct importer {
    const char *name; /* "onnx": used in the CLI, the API and the docs */
    const char *summary;
    const char *const *suffixes; /* NULL-terminated; a hint for people, never proof */

    /* How sure are we, 0 (not ours) to 100 (magic number and structure seen)? Cheap, never fails.
     * The highest bid gets the upload. May set upload->main. */
    int (*bid)(struct upload *upload);

    /* Fill the description and build the graph; everything lives in `keep`. What is not understood:
     * the description as far as it goes, description->reason, and STATUS_OK with *graph NULL.
     * INVALID_INPUT when the file is broken. */
    enum status (*import)(const struct upload *upload, struct description *description,
                          struct graph **graph, struct arena *keep, struct error *err);
};

/* All importers bid; the best one imports. UNSUPPORTED when nobody knows the format (a broken file
 * of a known format is INVALID_INPUT). On success *graph is NULL when description->reason is set.
 */
enum status import_artifact(struct artifact *artifact, struct description *description,
                            struct graph **graph, struct arena *keep, struct error *err) must_check;

/* For importers. */
enum status description_warn(struct description *description, struct arena *keep, struct error *err,
                             const char *format, ...) must_check printf_like(4, 5);

enum status description_tell(struct description *description, struct arena *keep, struct error *err,
                             const char *format, ...) must_check printf_like(4, 5); /* a detail */
enum status description_executes(struct description *description, const char *what,
                                 struct arena *keep, struct error *err) must_check;

/* What is not understood, in *err, becomes the reason; no graph. Fails only without memory. */
enum status description_refuse(struct description *description, struct graph **graph,
                               struct arena *keep, struct error *err) must_check;

/* The object "format", "framework", "signatures", "native", "reason", "executes", "warnings" of
 * `firn inspect --json`. */
struct text;
void description_print_json(const struct description *description, struct text *text);
