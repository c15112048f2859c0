// SPDX-License-Identifier: Apache-2.0
/* Tar archives, plain and compressed, through the artifact. */
#include "fuzz/archive.h"

#include <stdio.h>
#include <stdlib.h>

#include "formats/archive/tar.h"

/* Right checksums where a header seems to be, which a mutation alone would hardly hit. */
static void mend_checksums(uint8_t *tar, size_t size)
{
    for (size_t at = 0; at + TAR_BLOCK <= size; at += TAR_BLOCK) {
        uint8_t *header = tar + at;
        unsigned sum = 0;
        if (memcmp(header + 257, "ustar", 5) != 0)
            continue;
        memset(header + 148, ' ', 8);
        for (size_t i = 0; i < TAR_BLOCK; i++)
            sum += header[i];
        snprintf((char *)header + 148, 8, "%06o", sum);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    if (size)
        memcpy(copy, data, size);
    mend_checksums(copy, size);
    archive_fuzz(copy, size, ARTIFACT_TAR);
    free(copy);
    return 0;
}
