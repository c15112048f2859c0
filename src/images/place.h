// SPDX-License-Identifier: Apache-2.0
/* Place: where images are pushed to and pulled from, a repository of a registry or a folder with an
 * OCI layout. Whoever reads from one trusts nothing: digests are checked by the reader. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "images/hosts.h"
#include "images/manifest.h"
#include "images/reference.h"

/* A blob to be written: a file, or bytes in memory. */
struct image_blob {
    const char *digest;
    int64_t size;
    const char *path; /* NULL: `bytes` */
    struct bytes bytes;
    const char *const *from; /* (from_count,) other repositories of the host that may have it */
    size_t from_count;
};

/* Where a blob that is read goes. What is written is the next part of the blob. */
struct image_sink {
    enum status (*write)(void *context, struct bytes bytes, struct error *err);
    void *context;
};

struct image_progress {
    void (*show)(void *context, uint64_t done, uint64_t total); /* may be NULL */
    void *context;
    uint64_t done, total; /* bytes of the whole image */
};

struct image_place;
struct image_place_class {
    /* `which`: a tag or a digest. The bytes are kept; at most IMAGE_MANIFEST_MAX of them. */
    enum status (*manifest_read)(struct image_place *place, const char *which, struct bytes *bytes,
                                 struct arena *keep, struct error *err);
    enum status (*manifest_write)(struct image_place *place, const char *which, const char *digest,
                                  struct bytes bytes, struct error *err);
    enum status (*blob_read)(struct image_place *place, const struct image_descriptor *descriptor,
                             const struct image_sink *sink, struct error *err);
    enum status (*blob_write)(struct image_place *place, const struct image_blob *blob,
                              bool *existed, struct error *err);
    void (*close)(struct image_place *place);
};
struct image_place {
    const struct image_place_class *class;
    struct image_progress *progress; /* borrowed; may be NULL */
};

struct image_access {
    const struct image_hosts *hosts; /* what the user says of registries */
    bool write;                      /* it will be pushed to */
};

/* images/remote.c or, without the registry client, remote_none.c; layout.c; archive.c */
enum status image_place_open(const struct image_reference *reference,
                             const struct image_access *access, struct image_place **place,
                             struct error *err) must_check;
enum status image_remote_open(const struct image_reference *reference,
                              const struct image_access *access, struct image_place **place,
                              struct error *err) must_check;
enum status image_layout_open(const struct image_reference *reference,
                              const struct image_access *access, struct image_place **place,
                              struct error *err) must_check;
enum status image_archive_open(const struct image_reference *reference,
                               const struct image_access *access, struct image_place **place,
                               struct error *err) must_check;

/* The digest that an index.json has for a tag; for NULL that of its only manifest. */
struct json;
enum status image_index_find(const struct json *index, const char *tag, struct bytes *digest,
                             struct error *err) must_check;
void image_place_close(struct image_place *place); /* NULL is fine */

void image_progress_add(struct image_place *place, uint64_t bytes);
