// SPDX-License-Identifier: Apache-2.0
/* Single compressed streams: zlib, gzip, bzip2, lzma-alone, xz, lz4 frame, zstd, and joblib's "ZF".
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

enum compression {
    COMPRESSION_NONE,
    COMPRESSION_ZLIB,
    COMPRESSION_GZIP,
    COMPRESSION_BZIP2,
    COMPRESSION_LZMA,
    COMPRESSION_XZ,
    COMPRESSION_LZ4,
    COMPRESSION_ZSTD,
    COMPRESSION_ZF,
    COMPRESSION_DEFLATE, /* raw, as in a zip; never recognised by its first bytes */
};
enum compression compression_of(struct bytes bytes); /* by the first bytes */
const char *compression_name(enum compression compression);

/* Unpack one whole stream into `keep`. TOO_LARGE past `limit` bytes or `ratio`; INVALID_INPUT with
 * the byte. 16 readable zero bytes follow the result. */
enum status decompress(enum compression compression, struct bytes packed, size_t limit,
                       unsigned ratio, struct bytes *unpacked, struct arena *keep,
                       struct error *err) must_check;

/* The same for a stream whose container announces its unpacked size: anything else is
 * INVALID_INPUT. A suspicious announcement is measured before memory is taken. */
enum status decompress_exactly(enum compression compression, struct bytes packed, size_t size,
                               struct bytes *unpacked, struct arena *keep, struct error *err)
    must_check;

/* The first bytes of what a stream holds, without unpacking the rest: at most `capacity` into
 * `buffer`, their number in *size (less only when the stream is shorter). */
enum status decompress_head(enum compression compression, struct bytes packed, void *buffer,
                            size_t capacity, size_t *size, struct error *err) must_check;

/* A stream that is unpacked piece by piece, for what is too large for memory. */
struct unpacking;
enum status unpacking_open(enum compression compression, struct bytes packed,
                           struct unpacking **unpacking, struct error *err) must_check;
/* Up to `capacity` bytes more; *size is 0 at the end only. */
enum status unpacking_read(struct unpacking *unpacking, uint8_t *buffer, size_t capacity,
                           size_t *size, struct error *err) must_check;
uint64_t unpacking_consumed(const struct unpacking *unpacking); /* bytes of `packed` so far */
void unpacking_close(struct unpacking *unpacking);              /* NULL is fine */
