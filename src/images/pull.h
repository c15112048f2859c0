// SPDX-License-Identifier: Apache-2.0
/* Pull: an image into an incoming one of the registry, every byte checked against its digest. One
 * that we made comes as it is; of any other, the model's files are taken out of its layers. */
#pragma once

#include "images/layers.h"
#include "images/place.h"
#include "registry/incoming.h"

struct image_pull {
    const struct image_reference *reference;
    const struct image_hosts *hosts;
    const char *path; /* of the model inside the image; NULL: ours, else /model/files */
    void (*show)(void *context, uint64_t done, uint64_t total); /* may be NULL */
    void *context;
};

struct image_pulled {
    const char *digest; /* of the image's manifest */
    const char *name;   /* title of our images; else the last part of the repository's name */
    bool ours;      /* `image` is whole but for what the layer says: contract, manifest, reason */
    bool made_here; /* one of ours, but with other layers: the name is the model's */
    bool store;     /* the standalone image of an application: `merged` is its frozen store */
    struct incoming_image image;
    const char *layer; /* the file of our layer */
    const char *contract_digest;
    const char *merged; /* else: a tar, see layers.h; in the incoming folder */
    struct image_merged facts;
};

/* What manifest and configuration of an image say; is it one of ours? */
bool image_read_ours(const struct image_manifest *manifest, const struct image_config *config,
                     const char *digest, int64_t bytes, struct image_pulled *pulled);

/* All blobs of the image, received and checked, whatever it is. */
struct image_fetched {
    const char *digest; /* of its manifest */
    struct image_manifest manifest;
    struct bytes config_bytes;
    struct image_config config;
    const char **layers; /* (manifest.layer_count,) their files */
};
enum status image_fetch(struct incoming *incoming, const struct image_pull *pull,
                        struct image_fetched *fetched, struct arena *keep, struct error *err)
    must_check;

enum status image_pull(struct incoming *incoming, const struct image_pull *pull,
                       struct image_pulled *pulled, struct arena *keep, struct error *err)
    must_check;
