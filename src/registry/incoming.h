// SPDX-License-Identifier: Apache-2.0
/* Incoming: an image that is received from elsewhere, blob by blob, before it becomes a version.
 * Nothing of it is in the store until then, and nothing stays of one that does not. */
#pragma once

#include "registry/registry.h"

struct incoming;

enum status incoming_open(struct registry *registry, struct incoming **incoming, struct error *err)
    must_check;
void incoming_close(struct incoming *incoming); /* NULL is fine; removes what was not frozen */

/* Is the blob here, received or in the store? Its file goes into `path` (4,096 bytes), which may
 * be NULL. */
bool incoming_has(const struct incoming *incoming, const char *digest, int64_t size, char *path);

/* One blob after the other: begin, write its bytes, end. TOO_LARGE past `size`, INVALID_INPUT when
 * the bytes do not have the digest or are fewer; then it is gone. */
enum status incoming_begin(struct incoming *incoming, const char *digest, int64_t size,
                           struct error *err) must_check;
enum status incoming_write(struct incoming *incoming, struct bytes bytes, struct error *err)
    must_check;
enum status incoming_end(struct incoming *incoming, struct error *err) must_check;
void incoming_abandon(struct incoming *incoming); /* the one that was begun */

/* What lies in a mapped file, piece by piece, whose pages `artifact` (or NULL) then gives back. */
enum status incoming_write_mapped(struct incoming *incoming, const struct artifact *artifact,
                                  struct bytes bytes, struct error *err) must_check;
/* A whole blob of it: begun, written and ended, or abandoned. */
enum status incoming_add(struct incoming *incoming, const char *digest,
                         const struct artifact *artifact, struct bytes bytes, struct error *err)
    must_check;

/* A small blob of that path, kept. */
enum status incoming_read(const char *path, size_t most, struct bytes *bytes, struct arena *keep,
                          struct error *err) must_check;

/* A blob that is made here instead of being received, of bytes that incoming_write gets: its digest
 * (72 bytes), its size and its file (4,096 bytes) are known at the end. */
enum status incoming_make(struct incoming *incoming, struct error *err) must_check;
void incoming_made(struct incoming *incoming, char *digest, int64_t *size, char *path);

/* A file of that name in the private folder, for what is made of blobs; removed at the end. */
void incoming_file(const struct incoming *incoming, const char *name, char path[4096]);

/* An image as registry_add would have made it. */
struct incoming_image {
    const char *model;
    const char *manifest_digest, *config_digest, *layer_digest;
    int64_t manifest_bytes, config_bytes, layer_bytes, payload_bytes;
    bool single; /* the payload is one file */
    const char *format, *framework, *framework_version, *contract, *manifest, *reason;
};

/* Freeze it as the next version of its model, with the digest that it has; its three blobs are
 * here. *unchanged as registry_add has it. */
enum status incoming_freeze(struct incoming *incoming, const struct incoming_image *image,
                            struct version *version, bool *unchanged, struct arena *keep,
                            struct error *err) must_check;

/* --- the image of a stored version --- */

struct stored_blob {
    const char *digest;
    int64_t size;
    const char *path; /* of its file */
};
struct stored_image {
    struct stored_blob manifest, config, layer;
    bool single;
};
enum status registry_image(struct registry *registry, const struct version *version,
                           struct stored_image *image, struct arena *keep, struct error *err)
    must_check;

/* Remember that a version was pushed to `reference` ("host/name:tag"), which no other version has
 * any more. */
enum status registry_pushed(struct registry *registry, const struct version *version,
                            const char *reference, struct error *err) must_check;

/* References that versions with this layer were pushed to. */
enum status registry_pushes(struct registry *registry, const char *layer, const char ***references,
                            size_t *count, struct arena *keep, struct error *err) must_check;

/* What lies beside the files in a layer of ours: the contract, and the manifest ("" when there is
 * none). INVALID_INPUT. */
enum status image_layer_texts(const char *layer, const char **contract, const char **manifest,
                              struct arena *keep, struct error *err) must_check;

/* Names and labels of our images. */
#define IMAGE_FILES "model/files/"
#define IMAGE_CONTRACT "model/contract.json"
#define IMAGE_MANIFEST "model/serving.yaml"
#define LABEL_CONTRACT "io.firn.contract.digest"
#define LABEL_FORMAT "io.firn.format"
#define LABEL_FRAMEWORK "io.firn.framework"
#define LABEL_FRAMEWORK_VERSION "io.firn.framework.version"
#define LABEL_TITLE "org.opencontainers.image.title"
