// SPDX-License-Identifier: Apache-2.0
/* Models from images: pulled, checked as an upload is, frozen as the next version. One of our
 * images keeps its digest. */
#pragma once

#include "images/hosts.h"
#include "images/pull.h"
#include "registry/registry.h"

/* Push; with a server, an application takes the versions that it uses along. */
struct image_push;
struct image_pushed;
enum status load_push(struct registry *registry, const struct version *version,
                      const struct image_push *push, struct image_pushed *pushed,
                      struct arena *keep, struct error *err) must_check;

struct load_pull {
    const char *reference; /* see images/reference.h */
    const struct image_hosts *hosts;
    const char *path;      /* of the model inside the image; NULL: /model/files */
    const char *name;      /* of the model; NULL: the image's or manifest's */
    struct bytes manifest; /* a serving.yaml instead of the image's; empty: none */
    void (*progress)(void *context, uint64_t done, uint64_t total); /* may be NULL */
    void *context;
};

enum status load_pull(struct registry *registry, const struct load_pull *pull,
                      struct version *version, bool *unchanged, struct arena *keep,
                      struct error *err) must_check;
