// SPDX-License-Identifier: Apache-2.0
/* Every compressed stream, recognised by its first bytes; also as raw deflate. */
#include "formats/compression/compression.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes packed = {data, size}, unpacked;
    enum compression compression = compression_of(packed);
    struct arena keep;
    struct error err;

    if (compression == COMPRESSION_NONE)
        compression = COMPRESSION_DEFLATE;
    arena_init(&keep, 64 << 20);
    if (decompress(compression, packed, 4 << 20, 1100, &unpacked, &keep, &err) == STATUS_OK &&
        decompress_exactly(compression, packed, unpacked.size, &unpacked, &keep, &err))
        __builtin_trap(); /* the size that was produced is the size that is produced */
    arena_release(&keep);
    return 0;
}
