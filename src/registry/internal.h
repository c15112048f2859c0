// SPDX-License-Identifier: Apache-2.0
/* What the files of the registry share.
 *
 * Locks, always taken in this order; all are flock(2), so they go with a process that dies:
 *   lock        shared while blobs become referenced (or are read back), exclusive for gc
 *   index.lock  exclusive while index.json is written
 *   tmp/X/      exclusive as long as the upload that owns the folder runs */
#pragma once

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/hash/sha256.h"
#include "base/text.h"
#include "registry/incoming.h"
#include "registry/registry.h"
#include "registry/store/store.h"

enum {
    DIGEST_SIZE = 7 + SHA256_HEX_SIZE, /* "sha256:HEX" and NUL */
    PATH_SIZE = PATH_MAX,
};

struct registry {
    char folder[PATH_SIZE - 256]; /* leaves room for every path below it */
    const struct store_backend *backend;
    struct store *store;
    _Atomic uint64_t index_next_ms; /* index.json is not written again before */
    _Atomic bool index_behind;      /* it has to be, then */
};

/* --- registry.c --- */
enum status registry_model_check(const char *name, struct error *err) must_check;
enum status registry_object_check(const char *noun, const char *name, struct error *err) must_check;

/* "name", "name:3", "name@3", "name@alias", "name^". `noun` says in errors what is named. */
struct reference {
    const char *name, *alias; /* alias may be NULL */
    int64_t number;           /* 0: the newest */
    size_t back;              /* so many before the newest */
};
enum status registry_reference(const char *text, const char *noun, struct reference *reference,
                               struct arena *keep, struct error *err) must_check;

/* --- blob.c --- */

enum lock_kind { LOCK_SHARED, LOCK_EXCLUSIVE };
/* -1 with *err set; release with close(). */
int registry_lock(const struct registry *registry, const char *name, enum lock_kind kind,
                  struct error *err) must_check;

/* The private folder of one upload. */
struct staging {
    char path[PATH_SIZE - 64];
    int fd; /* holds the lock */
};
enum status staging_open(const struct registry *registry, struct staging *staging,
                         struct error *err) must_check;
void staging_close(struct staging *staging); /* removes what is left in it */

/* A blob that is being written; its digest is known at the end. */
struct blob {
    int fd;
    char path[PATH_SIZE];
    struct sha256 *hash;
    int64_t size;
    char digest[DIGEST_SIZE];
};
/* Without a staging folder nothing is written, but size and digest are those it would have. */
enum status blob_create(struct blob *blob, const struct staging *staging, const char *name,
                        struct error *err) must_check;
enum status blob_write(struct blob *blob, struct bytes bytes, struct error *err) must_check;
void blob_finish(struct blob *blob);  /* sets the digest */
void blob_release(struct blob *blob); /* safe at any time */

/* Make it durable under its digest, unless it is there already. `lock` is held shared. */
enum status blob_publish(const struct registry *registry, struct blob *blob, struct error *err)
    must_check;

/* Is it in the store, with this size? */
bool blob_exists(const struct registry *registry, const char *digest, int64_t size);

bool blob_digest_is(const char *digest); /* "sha256:HEX" */

/* "FOLDER/blobs/sha256/HEX" into `path`; false when it is no digest. */
bool blob_path(const struct registry *registry, const char *digest, char path[PATH_SIZE])
    must_check;

/* --- image.c --- */

/* The image of an upload as three blobs. The same members, contract, manifest and names give the
 * same bytes on every machine: no time, no user, no machine is in them. A staging folder of NULL
 * only finds the digests. */
struct image {
    struct blob layer, config, manifest;
    bool single;
    int64_t bytes; /* of the payload */
};
enum status image_write(struct image *image, const struct staging *staging,
                        const struct version_upload *upload, struct error *err) must_check;
void image_release(struct image *image);
uint64_t image_payload(const struct artifact *artifact); /* bytes */

/* --- index.c --- */

/* Write index.json from the rows when it is not of the present generation. */
enum status index_update(const struct registry *registry, struct error *err) must_check;

/* After a change: at once as long as that is cheap, else so that it takes a small part of the time.
 * The rows are what counts; an index that could not follow them is mended at the next opening. */
void registry_index_follow(struct registry *registry);
/* Write what was put off, when its time has come or `now`. */
void registry_index_settle(struct registry *registry, bool now);

/* One line in `report` when index.json does not say what the rows say. */
enum status index_verify(const struct registry *registry, struct text *report, size_t *faults,
                         struct error *err) must_check;
