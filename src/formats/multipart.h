// SPDX-License-Identifier: Apache-2.0
/* multipart/form-data (RFC 7578), read in pieces: constant memory, whatever the size of a part.
 *
 *     TRY(multipart_open(&reader, content_type, read, context, err));
 *     for (;;) {
 *         TRY(multipart_next(&reader, &part, &more, err));
 *         if (!more)
 *             break;
 *         ... multipart_read(&reader, data, size, &got, err) until got is 0; what is not read of a
 *             part is passed over
 *     } */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

enum {
    MULTIPART_BOUNDARY_MAX = 70, /* RFC 2046 */
    MULTIPART_NAME_MAX = 255,    /* bytes of a name, a file name or a type */
    MULTIPART_HEAD_MAX = 8192,   /* of the headers of a part */
    MULTIPART_PARTS_MAX = 64,
    MULTIPART_PREAMBLE_MAX = 4096,
    MULTIPART_BUFFER = 64 << 10,
};

struct multipart_part {
    char name[MULTIPART_NAME_MAX + 1];
    char file_name[MULTIPART_NAME_MAX + 1]; /* "" when there is none */
    char type[MULTIPART_NAME_MAX + 1];      /* "" when there is none */
};

/* As body_stream_read: *got is 0 at the end. */
typedef enum status multipart_source(void *context, uint8_t *data, size_t size, size_t *got,
                                     struct error *err);

struct multipart {
    multipart_source *source;
    void *context;
    char delimiter[4 + MULTIPART_BOUNDARY_MAX + 1]; /* CR LF "--" boundary */
    size_t delimiter_size;
    uint8_t buffer[MULTIPART_BUFFER];
    size_t at, size; /* [at, size) is not taken yet */
    size_t parts;
    bool source_ended, in_part, ended;
};

/* INVALID_INPUT when the type is not multipart/form-data with a boundary. */
enum status multipart_open(struct multipart *reader, struct bytes content_type,
                           multipart_source *source, void *context, struct error *err) must_check;
/* The next part; *more is false behind the last one. INVALID_INPUT for what is broken or cut off,
 * TOO_LARGE above a limit. */
enum status multipart_next(struct multipart *reader, struct multipart_part *part, bool *more,
                           struct error *err) must_check;
/* Up to `size` bytes of the part at hand; *got is 0 at its end. */
enum status multipart_read(struct multipart *reader, uint8_t *data, size_t size, size_t *got,
                           struct error *err) must_check;
