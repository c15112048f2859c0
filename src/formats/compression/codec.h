// SPDX-License-Identifier: Apache-2.0
/* Codec: one compression behind one streaming interface. Private to formats/; callers use
 * formats/compression/compression.h. A new compression is one more struct here and its row in
 * codecs.c. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

struct codec_state {
    struct bytes packed; /* all of it */
    size_t consumed;     /* of `packed` */
    bool done;
    void *library; /* the library's stream */
    int window;    /* zlib's window bits */
};

struct codec {
    const char *name;
    bool (*is)(struct bytes bytes); /* by the first bytes; NULL: never */
    enum status (*open)(struct codec_state *state, struct error *err);
    /* Up to `capacity` more bytes; *size is 0 at the end only. */
    enum status (*read)(struct codec_state *state, uint8_t *buffer, size_t capacity, size_t *size,
                        struct error *err);
    void (*close)(struct codec_state *state); /* safe after a failed open */
};

extern const struct codec codec_zlib, codec_gzip, codec_deflate, codec_zf, codec_bzip2, codec_lzma,
    codec_xz, codec_lz4, codec_zstd;

/* Errors that every codec has. */
enum status codec_broken(const struct codec_state *state, const char *name, const char *why,
                         struct error *err) must_check;
enum status codec_ends_early(const struct codec_state *state, const char *name, struct error *err)
    must_check;

/* After one stream's end: only zero padding may follow. Consumes it and sets done. */
enum status codec_finish(struct codec_state *state, const char *name, struct error *err) must_check;
