// SPDX-License-Identifier: Apache-2.0
/* References: where an image is.
 *
 *   registry.example.com[:PORT]/models/iris[:TAG | @sha256:HEX]    in a registry
 *   https://... or http://...                                      the same, the scheme said
 *   oci:FOLDER[:TAG]                                               in a folder, an OCI layout
 *   oci-archive:FILE[:TAG], docker-archive:FILE[:TAG]              in a tar file of either kind */
#pragma once

#include "base/arena.h"
#include "base/error.h"

struct image_reference {
    const char *folder;       /* of a layout, or the archive; NULL: in a registry */
    bool archive;             /* a tar file */
    const char *scheme;       /* "http" or "https" when it was said; else NULL */
    const char *host;         /* "registry.example.com:5000", lower case */
    const char *name;         /* "models/iris"; "" in a layout */
    const char *tag, *digest; /* at most one of them; NULL when not given */
};

/* INVALID_INPUT says what is wrong with it. */
enum status image_reference_parse(const char *text, struct image_reference *reference,
                                  struct arena *keep, struct error *err) must_check;

/* "host/name:tag", without the scheme; kept, or NULL without memory. */
const char *image_reference_text(const struct image_reference *reference, struct arena *keep);

bool image_name_is(const char *name); /* of a repository */
bool image_tag_is(const char *tag);
bool image_digest_is(struct bytes digest); /* "sha256:" and 64 lower-case digits */
