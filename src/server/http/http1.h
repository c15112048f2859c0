// SPDX-License-Identifier: Apache-2.0
/* HTTP/1.1 requests (RFC 9110, 9112), strictly: whatever two implementations could understand
 * differently is refused. Pure: bytes in, a description out; no sockets, no memory of its own.
 *
 * Refused with the status: bare LF, bare CR, NUL and other control characters, folded lines, a
 * blank before the colon, a missing or doubled Host, a doubled Content-Length or anything but
 * digits in it, Content-Length beside Transfer-Encoding, any coding but "chunked". */
#pragma once

#include "base/bytes.h"

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_PATCH,
    HTTP_METHOD_COUNT,
    HTTP_OTHER = HTTP_METHOD_COUNT /* a valid token that we do not know: 501 */
};
const char *http_method_name(enum http_method method);

enum { HTTP1_HEADERS_MAX = 64 };

struct http1_span { /* bytes of the head, as offset from its start: the buffer may move */
    uint32_t at, size;
};

struct http1_header {
    struct http1_span name, value; /* value without blanks around */
};

enum http1_encoding { HTTP1_IDENTITY, HTTP1_GZIP, HTTP1_ENCODING_OTHER };

struct http1_head {
    enum http_method method;
    int minor;              /* HTTP/1.minor */
    uint32_t size;          /* bytes of the head, its empty line included */
    struct http1_span path; /* as sent, percent-encoded; "*" for OPTIONS * */
    struct http1_span query;
    struct http1_span host;
    int64_t content_length; /* -1: not given */
    bool chunked;
    bool keep_alive;
    bool expect_continue;
    bool accept_gzip;
    enum http1_encoding encoding; /* of the body */
    size_t header_count;
    struct http1_header headers[HTTP1_HEADERS_MAX];
};

struct http1_limits {
    size_t head_bytes;   /* request line and headers: 431 */
    size_t target_bytes; /* 414 */
};

/* Result of the parsers: one of these, or the HTTP status (>= 400) of the refusal. */
enum { HTTP1_MORE = 0, HTTP1_DONE = 1 };

/* Parse the head at the start of `data`. `scanned` begins as 0 and is kept between calls with more
 * of the same bytes, so that bytes which trickle in are looked at once. `why` says what was wrong.
 */
int http1_parse_head(struct bytes data, size_t *scanned, const struct http1_limits *limits,
                     struct http1_head *head, const char **why);

static inline struct bytes http1_bytes(const void *data, struct http1_span span)
{
    return (struct bytes){(const uint8_t *)data + span.at, span.size};
}

/* The value of the first header of that name (lower case); false when there is none. */
bool http1_find(const struct http1_head *head, const void *data, const char *name,
                struct bytes *value);

/* --- chunked bodies --- */

struct http1_chunks {
    int state;
    uint64_t left;     /* bytes of this chunk that did not come yet */
    uint32_t digits;   /* of its size */
    uint32_t trailers; /* bytes of extensions (since the last data) or of the trailer section */
};

/* Decode what is there of `in` to `out`, which may be `in` itself or lie before it. Adds to *used
 * (bytes of `in`) and *made (bytes of `out`). Start from a zeroed state. Trailers are checked and
 * dropped. */
int http1_decode_chunks(struct http1_chunks *chunks, struct bytes in, size_t *used, uint8_t *out,
                        size_t *made, const char **why);
