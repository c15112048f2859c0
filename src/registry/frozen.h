// SPDX-License-Identifier: Apache-2.0
/* Frozen stores: an OCI layout that is only read, as an image of an application carries it. No rows
 * beside it: what they would say is annotations in its index.json.
 *
 *   oci-layout, index.json
 *   blobs/sha256/HEX          manifest, configuration and layer of each version, as in any store */
#pragma once

#include "base/text.h"
#include "registry/incoming.h"

enum { FROZEN_VERSIONS_MAX = 100, FROZEN_INDEX_MAX = 4 << 20 };

#define FROZEN_LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"

/* A version of it; the texts of its contract and manifest lie in its layer alone. */
struct frozen {
    struct incoming_image image;
    int64_t number;
};

/* index.json of these versions, in their order: the same bytes for the same versions. */
void frozen_print(const struct frozen *versions, size_t count, struct text *json);

/* Read it back; every name, digest and size is checked. INVALID_INPUT, TOO_LARGE. */
enum status frozen_parse(struct bytes json, struct frozen **versions, size_t *count,
                         struct arena *keep, struct error *err) must_check;

/* A registry of one: nothing is ever written, and what would change it is UNSUPPORTED. */
enum status registry_open_frozen(const char *folder, struct registry **registry, struct error *err)
    must_check;
