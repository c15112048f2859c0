// SPDX-License-Identifier: Apache-2.0
/* Standalone images: the static server below what it serves, and an entrypoint that serves it.
 *
 *   a model          /firn, the version's own layer over it: /model/files, /model/contract.json
 *   an application   /firn, /model/store: a frozen store (registry/frozen.h) with the application
 *                    and every version that it uses. Layers of versions all hold /model/files, so
 *                    that one would hide the other: here each version has a layer with its three
 *                    blobs as files, the same in every application that uses it.
 *
 *   with a base      its layers below all of that, /share/firn/python beside the server; a model
 * has a store, too, which is what workers are started from
 *
 * The same server, versions and base give the same bytes. */
#pragma once

#include "base/text.h"
#include "images/manifest.h"
#include "registry/frozen.h"

/* Where the server listens, and which version it is, in the image's environment. */
#define STANDALONE_PORT "8080"
#define STANDALONE_ROOT "/model"
#define STANDALONE_STORE "model/store"   /* from the root, without its slash */
#define STANDALONE_VARIABLE "FIRN_MODEL" /* "iris:3" */
#define LABEL_STORE "io.firn.store"      /* where the store of an application's image lies */

struct standalone_part { /* a version of an application's image */
    struct frozen row;
    struct stored_image image;
};

#if defined(__aarch64__)
#define STANDALONE_ARCHITECTURE "arm64"
#else
#define STANDALONE_ARCHITECTURE "amd64"
#endif

struct image_base;

struct standalone_wish {
    const char *server; /* path of the static program */
    const struct version *version;
    const struct stored_image *image;    /* of the version */
    const struct standalone_part *parts; /* (part_count,) of an application: what it uses, and it */
    size_t part_count;                   /* 0: a model */
    struct incoming *incoming;           /* what is large is made in its folder */
    const struct image_base *base;       /* below all, with Python; NULL: nothing */
    const char *code;                    /* with a base: folder that holds firn_worker */
};

struct standalone_layer {
    char digest[72];
    const char *type;     /* of a base image; NULL: IMAGE_TYPE_LAYER */
    const char *unpacked; /* digest of what is packed in it; NULL: it is not packed */
    int64_t size;
    const char *path; /* of its file; NULL: `bytes` */
    struct bytes bytes;
};

struct standalone {
    struct text server, index, config, manifest; /* bytes of blobs that are made in memory */
    struct standalone_layer *layers;             /* (layer_count,), the lowest first */
    size_t layer_count;
    size_t base_count; /* the first of them, of the base image */
    char config_digest[72], manifest_digest[72];
};

/* Ends with standalone_release in any case. UNSUPPORTED names the version that needs a worker. */
enum status standalone_make(const struct standalone_wish *wish, struct standalone *standalone,
                            struct arena *keep, struct error *err) must_check;
void standalone_release(struct standalone *standalone);

/* standalone_layers.c */
enum status standalone_layers(const struct standalone_wish *wish, struct standalone *standalone,
                              struct arena *keep, struct error *err) must_check;
enum status standalone_digest(const struct text *text, char digest[72], struct error *err)
    must_check;

/* The server beside this program, kept; NOT_FOUND says how to get it. */
enum status standalone_find(const char **server, struct arena *keep, struct error *err) must_check;
