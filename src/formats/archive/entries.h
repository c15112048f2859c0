// SPDX-License-Identifier: Apache-2.0
/* Entries: what a reader of folders or archives found, before it becomes the members of an
 * artifact. The one place that decides which member paths are safe and which limits hold. */
#pragma once

#include "formats/archive/artifact.h"
#include "formats/compression/compression.h"

struct entry {
    const char *path;             /* kept; clean, relative */
    uint64_t size;                /* unpacked */
    struct bytes packed;          /* where it lies in the archive; {NULL, 0} in a folder */
    enum compression compression; /* of `packed` */
    bool has_crc;                 /* CRC-32 of the unpacked bytes is known */
    uint32_t crc;
    uint64_t device, inode; /* in a folder: to notice a file that was replaced meanwhile */
};

struct entries {
    struct entry *items; /* (capacity,) */
    size_t count, capacity;
    size_t seen;              /* folders included */
    uint64_t bytes, unpacked; /* sums over the items */
    const struct artifact_limits *limits;
    struct arena *arena;
};

/* UNSUPPORTED "refused: member ... leaves the root" and the like. A leading "./" and a trailing '/'
 * are taken off `path`; what is left may be empty (the root itself). */
enum status entry_path_check(struct bytes *path, const struct artifact_limits *limits,
                             struct error *err) must_check;

/* Add a regular file; `entry->path` is ignored, `path` is checked and kept. TOO_LARGE past a limit.
 */
enum status entries_add(struct entries *entries, struct bytes path, const struct entry *entry,
                        struct error *err) must_check;

/* A folder: its path is checked, nothing is added. */
enum status entries_add_folder(struct entries *entries, struct bytes path, struct error *err)
    must_check;

/* Sort by path. INVALID_INPUT when a path is there twice, or is a file and a folder. */
enum status entries_finish(struct entries *entries, struct error *err) must_check;
