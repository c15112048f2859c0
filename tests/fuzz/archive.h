// SPDX-License-Identifier: Apache-2.0
/* What the archive targets share: open the bytes, read every member, resolve a name. */
#include "formats/archive/artifact.h"

static void archive_fuzz(const uint8_t *data, size_t size, enum artifact_kind kind)
{
    struct artifact_limits limits = {
        .members = 1000, .depth = 8, .bytes = 64 << 20, .unpacked = 16 << 20, .ratio = 1100};
    struct artifact *artifact;
    struct member *member;
    struct bytes bytes;
    struct error err;

    if (artifact_open_bytes((struct bytes){data, size}, "fuzz", &limits, &artifact, &err))
        return;
    for (size_t i = 0; artifact->kind == kind && i < artifact->count; i++) {
        if (artifact_find(artifact, artifact->members[i].path) != &artifact->members[i])
            __builtin_trap();
        if (member_bytes(&artifact->members[i], &bytes, &err) == STATUS_OK &&
            bytes.size != artifact->members[i].size)
            __builtin_trap();
        if (artifact_resolve(artifact, &artifact->members[i], (struct bytes){data, size % 32},
                             &member, &err) == STATUS_OK &&
            member->artifact != artifact)
            __builtin_trap();
    }
    artifact_close(artifact);
}
