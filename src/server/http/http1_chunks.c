// SPDX-License-Identifier: Apache-2.0
/* Chunked bodies (RFC 9112 7.1), byte by byte but for the data. */
#include "server/http/http1.h"

/* Class of each byte: may it stand in a token (RFC 9110 5.6.2)? */
static const bool TOKEN[256] = {
    ['!'] = true,         ['#'] = true,         ['$'] = true,         ['%'] = true, ['&'] = true,
    ['\''] = true,        ['*'] = true,         ['+'] = true,         ['-'] = true, ['.'] = true,
    ['^'] = true,         ['_'] = true,         ['`'] = true,         ['|'] = true, ['~'] = true,
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

static int refuse(int status, const char **why, const char *text)
{
    *why = text;
    return status;
}

enum chunk_state {
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_LINE, /* start of a trailer line, or of the last empty one */
    CHUNK_NAME,
    CHUNK_VALUE,
    CHUNK_LINE_LF,
    CHUNK_END_LF,
    CHUNK_DONE,
};

enum {
    CHUNK_DIGITS_MAX = 15,
    CHUNK_EXTRAS_MAX = 4096, /* bytes of extensions of one chunk, or of all trailers */
};

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int chunk_size_byte(struct http1_chunks *chunks, uint8_t c, const char **why)
{
    int digit = hex_digit(c);

    if (digit >= 0) {
        if (++chunks->digits > CHUNK_DIGITS_MAX)
            return refuse(400, why, "a chunk size has too many digits");
        chunks->left = chunks->left * 16 + (uint64_t)digit;
        return HTTP1_MORE;
    }
    if (chunks->digits == 0)
        return refuse(400, why, "a chunk has no size");
    if (c == '\r')
        chunks->state = CHUNK_SIZE_LF;
    else if (c == ';')
        chunks->state = CHUNK_EXTENSION;
    else
        return refuse(400, why, "a chunk size is malformed");
    return HTTP1_MORE;
}

/* Bytes of extensions and trailers: printable, bounded. `state` follows a CR. */
static int chunk_text_byte(struct http1_chunks *chunks, uint8_t c, int state, const char **why)
{
    if (c == '\r')
        chunks->state = state;
    else if ((c < 0x20 && c != '\t') || c == 0x7F)
        return refuse(400, why, "a chunk extension or trailer has a control character");
    else if (++chunks->trailers > CHUNK_EXTRAS_MAX)
        return refuse(431, why, "chunk extensions or trailers are too large");
    return HTTP1_MORE;
}

static int chunk_name_byte(struct http1_chunks *chunks, uint8_t c, const char **why)
{
    if (c == ':' && chunks->state == CHUNK_NAME)
        chunks->state = CHUNK_VALUE;
    else if (TOKEN[c])
        chunks->state = CHUNK_NAME;
    else
        return refuse(400, why, "a trailer is malformed");
    if (++chunks->trailers > CHUNK_EXTRAS_MAX)
        return refuse(431, why, "chunk extensions or trailers are too large");
    return HTTP1_MORE;
}

/* Line feeds: in these states nothing else may come. */
static int chunk_line_feed(struct http1_chunks *chunks, uint8_t c, const char **why)
{
    if (c != '\n')
        return refuse(400, why, "a line of a chunked body ends without a line feed");
    switch (chunks->state) {
    case CHUNK_SIZE_LF:
        chunks->trailers = 0;
        chunks->state = chunks->left ? CHUNK_DATA : CHUNK_LINE;
        return HTTP1_MORE;
    case CHUNK_DATA_LF:
        chunks->digits = 0;
        chunks->state = CHUNK_SIZE;
        return HTTP1_MORE;
    case CHUNK_LINE_LF:
        chunks->state = CHUNK_LINE;
        return HTTP1_MORE;
    default:
        chunks->state = CHUNK_DONE;
        return HTTP1_DONE;
    }
}

static int chunk_byte(struct http1_chunks *chunks, uint8_t c, const char **why)
{
    switch (chunks->state) {
    case CHUNK_SIZE:
        return chunk_size_byte(chunks, c, why);
    case CHUNK_EXTENSION:
        return chunk_text_byte(chunks, c, CHUNK_SIZE_LF, why);
    case CHUNK_DATA_CR:
        if (c != '\r')
            return refuse(400, why, "a chunk is longer than its size");
        chunks->state = CHUNK_DATA_LF;
        return HTTP1_MORE;
    case CHUNK_LINE:
        if (c == '\r') {
            chunks->state = CHUNK_END_LF;
            return HTTP1_MORE;
        }
        return chunk_name_byte(chunks, c, why);
    case CHUNK_NAME:
        return chunk_name_byte(chunks, c, why);
    case CHUNK_VALUE:
        return chunk_text_byte(chunks, c, CHUNK_LINE_LF, why);
    default:
        return chunk_line_feed(chunks, c, why);
    }
}

int http1_decode_chunks(struct http1_chunks *chunks, struct bytes in, size_t *used, uint8_t *out,
                        size_t *made, const char **why)
{
    size_t at = 0;
    int result = chunks->state == CHUNK_DONE ? HTTP1_DONE : HTTP1_MORE;

    while (at < in.size && result == HTTP1_MORE) {
        size_t size;

        if (chunks->state != CHUNK_DATA) {
            result = chunk_byte(chunks, in.data[at++], why);
            continue;
        }
        size = in.size - at < chunks->left ? in.size - at : (size_t)chunks->left;
        memmove(out + *made, in.data + at, size);
        *made += size;
        at += size;
        chunks->left -= size;
        if (chunks->left == 0)
            chunks->state = CHUNK_DATA_CR;
    }
    *used += at;
    return result;
}
