// SPDX-License-Identifier: Apache-2.0
/* Tar archives, plain and compressed, through the artifact. */
#include "fuzz/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    archive_fuzz(data, size, ARTIFACT_TAR);
    return 0;
}
