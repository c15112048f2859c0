// SPDX-License-Identifier: Apache-2.0
/* Objects: what has a name and revisions beside models: data sets, scripts. The registry knows
 * nothing of their bytes. Names are those of models, one set for each kind; every put is the next
 * revision, and appending makes one that shares all earlier parts. Thread-safe, and safe among
 * processes. */
#pragma once

#include "registry/registry.h"

enum {
    OBJECT_METADATA_MAX = 1 << 20, /* bytes */
    OBJECT_PARTS_MAX = 10000,      /* of a revision: so often can be appended */
};

struct object { /* one revision */
    const char *kind, *name;
    int64_t number;       /* previous + 1; never given again */
    const char *format;   /* of the bytes: "npy", "frame"; whoever writes chooses */
    const char *metadata; /* a JSON object; "{}" when nothing was said */
    const char *digest;   /* "sha256:HEX" of the bytes; with several parts of their digests */
    int64_t bytes;        /* of all parts */
    int64_t parts;        /* their number */
    const char *created;  /* RFC 3339, UTC */
    int64_t id, first;    /* the registry's own */
};

struct object_part {
    const char *digest;
    int64_t bytes;
    const char *path; /* of its file, which stays until gc */
};

struct object_put {
    const char *kind, *name, *format;
    const char *metadata; /* a JSON object; NULL: "{}", or what the revision appended to has */
    bool append;          /* to the newest revision, which must have the same format, if any */
    int64_t expected; /* >= 0: only if that is the newest revision now (0: none), else CONFLICT */
};
#define OBJECT_EXPECT_ANY (-1)

/* Bytes in pieces: open, write, then put; close in any case. */
struct object_writer;
enum status object_writer_open(struct registry *registry, struct object_writer **writer,
                               struct error *err) must_check;
enum status object_writer_write(struct object_writer *writer, struct bytes bytes, struct error *err)
    must_check;
/* What was written, mapped; close it with file_map_close. */
struct file_map;
enum status object_writer_map(struct object_writer *writer, struct file_map *map, struct error *err)
    must_check;
/* May be called again when it says CONFLICT. *unchanged: the newest revision has the same bytes,
 * format and metadata, and is `object`. */
enum status object_writer_put(struct object_writer *writer, const struct object_put *put,
                              struct object *object, bool *unchanged, struct arena *keep,
                              struct error *err) must_check;
void object_writer_close(struct object_writer *writer); /* NULL is fine */

/* "name", "name:3" or "name@3", "name^" (one before the newest). NOT_FOUND with a suggestion. */
enum status registry_object_find(struct registry *registry, const char *kind, const char *reference,
                                 struct object *object, struct arena *keep, struct error *err)
    must_check;

/* The newest revisions, by name, of all whose name matches `pattern` (* ? [abc]; NULL: all). */
enum status registry_object_list(struct registry *registry, const char *kind, const char *pattern,
                                 struct object **objects, size_t *count, struct arena *keep,
                                 struct error *err) must_check;

/* All of one, newest first. NOT_FOUND. */
enum status registry_object_revisions(struct registry *registry, const char *kind, const char *name,
                                      struct object **objects, size_t *count, struct arena *keep,
                                      struct error *err) must_check;

/* "[120,80]": the bytes of each. */
struct text;
void object_parts_print(const struct object_part *parts, size_t count, struct text *text);

/* The files whose bytes, in this order, are the object's. */
enum status registry_object_parts(struct registry *registry, const struct object *object,
                                  struct object_part **parts, size_t *count, struct arena *keep,
                                  struct error *err) must_check;

/* One revision ("name:3", "name^") or all ("name"). Blobs go with registry_gc. NOT_FOUND. */
enum status registry_object_drop(struct registry *registry, const char *kind, const char *reference,
                                 struct error *err) must_check;
