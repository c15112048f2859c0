// SPDX-License-Identifier: Apache-2.0
/* Zip archives, through the artifact. */
#include "fuzz/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    archive_fuzz(data, size, ARTIFACT_ZIP);
    return 0;
}
