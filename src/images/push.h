// SPDX-License-Identifier: Apache-2.0
/* Push: the image of a stored version to a registry or a folder: blobs that are not there yet, then
 * the manifest. `server`: with that program, linked statically, as a layer below the model, so that
 * the image serves the version by itself (standalone.h). */
#pragma once

#include "images/place.h"
#include "registry/registry.h"

struct image_push {
    const struct image_reference *reference; /* without a tag: the version's number is it */
    const struct image_hosts *hosts;
    const char *server;         /* path of the program; NULL: the model alone */
    const struct version *uses; /* (use_count,) with a server: the versions of an application */
    size_t use_count;
    const struct image_reference *base; /* with a server: an image with Python below; or NULL */
    const char *code;                   /* with a base: the folder that holds firn_worker */
    struct bytes requirements;          /* with a base: what its Python must have */
    void (*show)(void *context, uint64_t done, uint64_t total); /* may be NULL */
    void *context;
};

struct image_pushed {
    const char *reference; /* "host/name:tag" */
    const char *digest;    /* of the manifest */
    int64_t bytes;         /* of the image */
    size_t blobs, existed; /* how many it has, how many were there */
};

/* The version remembers in which registries it is (registry_pushed). */
enum status image_push(struct registry *registry, const struct version *version,
                       const struct image_push *push, struct image_pushed *pushed,
                       struct arena *keep, struct error *err) must_check;

/* "registry.example.com/models" and version 3 of "iris": ".../models/iris:3". */
enum status image_push_reference(const char *prefix, const struct version *version,
                                 struct image_reference *reference, struct arena *keep,
                                 struct error *err) must_check;
