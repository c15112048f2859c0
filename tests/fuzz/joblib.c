// SPDX-License-Identifier: Apache-2.0
/* joblib dumps: one file, or a tar of one with its side files. */
#include "fuzz/pickle_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct artifact_limits limits = {
        .members = 100, .depth = 4, .bytes = 16 << 20, .unpacked = 16 << 20, .ratio = 1100};
    struct artifact *artifact;
    struct bytes bytes;
    struct error err;

    if (artifact_open_bytes((struct bytes){data, size}, "fuzz", &limits, &artifact, &err))
        return 0;
    for (size_t i = 0; i < artifact->count && i < 4; i++)
        if (member_bytes(&artifact->members[i], &bytes, &err) == STATUS_OK)
            pickle_fuzz(bytes, artifact);
    artifact_close(artifact);
    return 0;
}
