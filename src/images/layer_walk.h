// SPDX-License-Identifier: Apache-2.0
/* Walk: the entries of an image's layers, from the top layer down, and what of them a container
 * would not see. An upper layer hides what lower ones have by a whiteout, an opaque folder, or what
 * it has itself at that path; nothing in a layer hides what is in the same layer (OCI image-spec
 * 1.0, layer.md, "Applying Changesets" and "Whiteouts"). */
#pragma once

#include "base/map.h"
#include "formats/archive/artifact.h"
#include "formats/archive/tar_stream.h"
#include "images/layer_path.h"

struct layer_mark;

struct layer_walk {
    const char *const *files; /* (count,) of the layers, the lowest first: tar, gzip or zstd */
    size_t count;
    struct artifact_limits limits;

    /* Each entry that is no whiteout, hidden or not; `path` is clean and valid during the call, as
     * is the stream, for its data. A visitor says with layer_walk_mark what is to hide others. */
    enum status (*visit)(struct layer_walk *walk, struct tar_stream *stream,
                         const struct tar_entry *entry, struct bytes path, struct error *err);
    /* Does this whiteout, in that folder, concern the visitor? NULL: all do. */
    bool (*concerns)(struct layer_walk *walk, struct bytes folder);
    void *context;

    struct { /* private */
        struct arena names;
        struct map settled;       /* by path: of the layers above */
        struct layer_mark *fresh; /* of this one */
        struct bytes folder;      /* of it, whose parents were marked last */
    } marks;
};

/* Errors name the layer. In constant memory but for the names that were marked. */
enum status layer_walk_run(struct layer_walk *walk, struct error *err) must_check;

/* Does a layer above hide it? */
bool layer_walk_is_hidden(const struct layer_walk *walk, struct bytes path, bool folder);

/* It is there: what layers below have at its path, and, when it is no folder, below that, is
 * hidden; so is what they have in the place of a folder that it lies in. */
enum status layer_walk_mark(struct layer_walk *walk, struct bytes path, bool folder,
                            struct error *err) must_check;
