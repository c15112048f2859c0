// SPDX-License-Identifier: Apache-2.0
/* Standalone images: the static server below the model's own layer, an entrypoint that serves this
 * version. The same server and version give the same bytes. */
#pragma once

#include "base/text.h"
#include "registry/incoming.h"

/* Where the server listens, and which version it is, in the image's environment. */
#define STANDALONE_PORT "8080"
#define STANDALONE_ROOT "/model"
#define STANDALONE_VARIABLE "FIRN_MODEL" /* "iris:3" */

struct standalone {
    struct text layer, config,
        manifest; /* bytes of the blobs that it has beside the model's layer */
    char layer_digest[72], config_digest[72], manifest_digest[72];
};

/* Ends with standalone_release in any case. */
enum status standalone_make(const char *server, const struct version *version,
                            const struct stored_image *image, struct standalone *standalone,
                            struct error *err) must_check;
void standalone_release(struct standalone *standalone);

/* The server beside this program, kept; NOT_FOUND says how to get it. */
enum status standalone_find(const char **server, struct arena *keep, struct error *err) must_check;
