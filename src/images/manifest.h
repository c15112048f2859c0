// SPDX-License-Identifier: Apache-2.0
/* Manifests and configurations of images (OCI image-spec 1.0, Docker's schema 2), read from
 * anywhere: every size, digest and type is checked. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

enum {
    IMAGE_MANIFEST_MAX = 4 << 20, /* bytes, as registries allow */
    IMAGE_CONFIG_MAX = 4 << 20,
    IMAGE_LAYERS_MAX = 128,
    IMAGE_PLATFORMS_MAX = 256,
};
#define IMAGE_LAYER_BYTES_MAX ((int64_t)1 << 40) /* of one layer */

#define IMAGE_TYPE_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define IMAGE_TYPE_INDEX "application/vnd.oci.image.index.v1+json"
#define IMAGE_TYPE_CONFIG "application/vnd.oci.image.config.v1+json"
#define IMAGE_TYPE_LAYER "application/vnd.oci.image.layer.v1.tar"
#define IMAGE_TYPE_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define IMAGE_TYPE_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"

struct image_descriptor {
    const char *type, *digest; /* kept */
    int64_t size;
};

struct image_manifest {
    struct image_descriptor config;
    struct image_descriptor *layers; /* (layer_count,), the lowest first */
    size_t layer_count;
    struct image_descriptor *platforms; /* of an index: (platform_count,), best first */
    size_t platform_count;              /* 0: it is one image */
};

/* INVALID_INPUT, TOO_LARGE, UNSUPPORTED (a kind that is none of those). */
enum status image_manifest_parse(struct bytes bytes, struct image_manifest *manifest,
                                 struct arena *keep, struct error *err) must_check;

struct image_label {
    const char *name, *value;
};
struct image_config {
    struct image_label *labels; /* (label_count,) */
    size_t label_count;
    const char **diff_ids; /* (diff_id_count,): digests of the unpacked layers */
    size_t diff_id_count;
};
enum status image_config_parse(struct bytes bytes, struct image_config *config, struct arena *keep,
                               struct error *err) must_check;
const char *image_config_label(const struct image_config *config, const char *name); /* or NULL */
