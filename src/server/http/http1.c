// SPDX-License-Identifier: Apache-2.0
#include "server/http/http1.h"

#include <strings.h>

/* Class of each byte: may it stand in a token (RFC 9110 5.6.2)? */
static const bool TOKEN[256] = {
    ['!'] = true,         ['#'] = true,         ['$'] = true,         ['%'] = true, ['&'] = true,
    ['\''] = true,        ['*'] = true,         ['+'] = true,         ['-'] = true, ['.'] = true,
    ['^'] = true,         ['_'] = true,         ['`'] = true,         ['|'] = true, ['~'] = true,
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

static const bool HOST[256] = {
    ['-'] = true,         ['.'] = true,         ['_'] = true,         ['~'] = true,
    ['%'] = true,         [':'] = true,         ['['] = true,         [']'] = true,
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

static const char *const METHODS[] = {
    [HTTP_GET] = "GET",     [HTTP_HEAD] = "HEAD",     [HTTP_POST] = "POST",
    [HTTP_PUT] = "PUT",     [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS",
    [HTTP_PATCH] = "PATCH",
};

const char *http_method_name(enum http_method method)
{
    return method < HTTP_METHOD_COUNT ? METHODS[method] : "";
}

static int refuse(int status, const char **why, const char *text)
{
    *why = text;
    return status;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* Is there a byte below 0x20 or a DEL? (Tabs count too: the caller looks closer.) */
static bool has_control(const uint8_t *p, size_t size)
{
    const uint64_t ones = 0x0101010101010101u, high = ones * 0x80;

    for (; size >= 8; p += 8, size -= 8) {
        uint64_t word, low, del;

        memcpy(&word, p, 8);
        low = (word - ones * 0x20) & ~word & high;
        del = ((word ^ ones * 0x7F) - ones) & ~(word ^ ones * 0x7F) & high;
        if (low | del)
            return true;
    }
    for (; size; p++, size--)
        if (*p < 0x20 || *p == 0x7F)
            return true;
    return false;
}

static bool is_value(const uint8_t *p, size_t size)
{
    if (!has_control(p, size))
        return true;
    for (size_t i = 0; i < size; i++)
        if ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7F)
            return false;
    return true;
}

static bool same_word(struct bytes word, const char *lower)
{
    return word.size == strlen(lower) && !strncasecmp((const char *)word.data, lower, word.size);
}

/* --- lists: `a, b;q=0.5` --- */

/* The next element of a comma-separated list, without blanks, and its weight (0 for q=0). */
static bool list_next(struct bytes *list, struct bytes *element, bool *wanted)
{
    const uint8_t *p = list->data, *end = p + list->size, *stop, *semicolon;

    while (p < end && (*p == ',' || is_blank(*p)))
        p++;
    if (p == end)
        return false;
    stop = memchr(p, ',', (size_t)(end - p));
    stop = stop ? stop : end;
    *list = (struct bytes){stop, (size_t)(end - stop)};
    semicolon = memchr(p, ';', (size_t)(stop - p));
    *wanted = true;
    if (semicolon) {
        const uint8_t *q = semicolon + 1;

        while (q < stop && is_blank(*q))
            q++;
        if (stop - q >= 3 && (*q == 'q' || *q == 'Q') && q[1] == '=') {
            *wanted = false;
            for (q += 2; q < stop; q++)
                *wanted |= *q >= '1' && *q <= '9';
        }
        stop = semicolon;
    }
    while (stop > p && is_blank(stop[-1]))
        stop--;
    *element = (struct bytes){p, (size_t)(stop - p)};
    return true;
}

static bool accepts_gzip(struct bytes list)
{
    struct bytes element;
    bool wanted, any = false;

    while (list_next(&list, &element, &wanted)) {
        if (same_word(element, "gzip") || same_word(element, "x-gzip"))
            return wanted;
        any |= wanted && same_word(element, "*");
    }
    return any;
}

/* --- the headers that matter here --- */

struct seen { /* which single headers were there */
    bool host, content_length, transfer_encoding, close, keep_alive;
};

static int parse_content_length(struct bytes value, struct http1_head *head, const char **why)
{
    int64_t length = 0;

    if (value.size == 0)
        return refuse(400, why, "empty Content-Length");
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return refuse(400, why, "Content-Length is not a number");
        if (i >= 18)
            return refuse(413, why, "Content-Length is beyond every limit");
        length = length * 10 + (value.data[i] - '0');
    }
    head->content_length = length;
    return HTTP1_DONE;
}

static int check_host(struct bytes value, const char **why)
{
    if (value.size == 0)
        return refuse(400, why, "empty Host");
    for (size_t i = 0; i < value.size; i++)
        if (!HOST[value.data[i]])
            return refuse(400, why, "Host has a character that no host name has");
    return HTTP1_DONE;
}

static int note_header(struct bytes name, struct bytes value, struct http1_span span,
                       struct http1_head *head, struct seen *seen, const char **why)
{
    struct bytes list = value, element;
    bool wanted;

    switch (name.size) {
    case 4:
        if (!same_word(name, "host"))
            break;
        if (seen->host)
            return refuse(400, why, "two Host headers");
        seen->host = true;
        head->host = span;
        return check_host(value, why);
    case 6:
        if (!same_word(name, "expect"))
            break;
        if (!same_word(value, "100-continue"))
            return refuse(417, why, "Expect is known with 100-continue only");
        head->expect_continue = true;
        break;
    case 10:
        if (!same_word(name, "connection"))
            break;
        while (list_next(&list, &element, &wanted)) {
            seen->close |= same_word(element, "close");
            seen->keep_alive |= same_word(element, "keep-alive");
        }
        break;
    case 14:
        if (!same_word(name, "content-length"))
            break;
        if (seen->content_length)
            return refuse(400, why, "two Content-Length headers");
        seen->content_length = true;
        return parse_content_length(value, head, why);
    case 15:
        if (same_word(name, "accept-encoding"))
            head->accept_gzip = accepts_gzip(value);
        break;
    case 16:
        if (!same_word(name, "content-encoding") || same_word(value, "identity"))
            break;
        if (head->encoding == HTTP1_IDENTITY &&
            (same_word(value, "gzip") || same_word(value, "x-gzip")))
            head->encoding = HTTP1_GZIP;
        else
            head->encoding = HTTP1_ENCODING_OTHER;
        break;
    case 17:
        if (!same_word(name, "transfer-encoding"))
            break;
        if (seen->transfer_encoding)
            return refuse(400, why, "two Transfer-Encoding headers");
        seen->transfer_encoding = true;
        if (!same_word(value, "chunked"))
            return refuse(501, why, "Transfer-Encoding is known with chunked only");
        head->chunked = true;
        break;
    default:
        break;
    }
    return HTTP1_DONE;
}

/* --- request line --- */

static enum http_method method_of(struct bytes word)
{
    for (int m = 0; m < HTTP_METHOD_COUNT; m++)
        if (bytes_is(word, METHODS[m]))
            return (enum http_method)m;
    return HTTP_OTHER;
}

/* "/path?query", "http://host/path?query" (as a proxy would get it) or "*" for OPTIONS. */
static int parse_target(const uint8_t *base, const uint8_t *p, const uint8_t *end,
                        struct http1_head *head, const char **why)
{
    const uint8_t *question;

    if (end - p == 1 && *p == '*') {
        if (head->method != HTTP_OPTIONS)
            return refuse(400, why, "target * is for OPTIONS only");
    } else if (*p != '/') {
        size_t scheme;

        if (end - p > 7 && !strncasecmp((const char *)p, "http://", 7))
            scheme = 7;
        else if (end - p > 8 && !strncasecmp((const char *)p, "https://", 8))
            scheme = 8;
        else
            return refuse(400, why, "target does not begin with /");
        p += scheme;
        if (*p == '/' || *p == '?')
            return refuse(400, why, "target names no host");
        while (p < end && *p != '/' && *p != '?')
            if (!HOST[*p++])
                return refuse(400, why, "target has a character that no host name has");
    }
    question = memchr(p, '?', (size_t)(end - p));
    head->path =
        (struct http1_span){(uint32_t)(p - base), (uint32_t)((question ? question : end) - p)};
    if (question)
        head->query =
            (struct http1_span){(uint32_t)(question + 1 - base), (uint32_t)(end - question - 1)};
    return HTTP1_DONE;
}

static int parse_version(const uint8_t *p, const uint8_t *end, struct http1_head *head,
                         const char **why)
{
    if (end - p != 8 || memcmp(p, "HTTP/", 5) || p[6] != '.' || p[5] < '0' || p[5] > '9' ||
        p[7] < '0' || p[7] > '9')
        return refuse(400, why, "request line does not end in HTTP/1.1");
    if (p[5] != '1' || p[7] > '1')
        return refuse(505, why, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    head->minor = p[7] - '0';
    return HTTP1_DONE;
}

/* [line, end): the request line without CR LF. */
static int parse_request_line(const uint8_t *base, const uint8_t *line, const uint8_t *end,
                              const struct http1_limits *limits, struct http1_head *head,
                              const char **why)
{
    const uint8_t *p = line, *target;
    int result;

    while (p < end && TOKEN[*p])
        p++;
    if (p == line || p == end || *p != ' ')
        return refuse(400, why, "request line does not begin with a method and one blank");
    head->method = method_of((struct bytes){line, (size_t)(p - line)});
    target = ++p;
    while (p<end && * p> 0x20 && *p < 0x7F && *p != '#')
        p++;
    if (p == target || p == end || *p != ' ')
        return refuse(400, why, "request target is malformed");
    if ((size_t)(p - target) > limits->target_bytes)
        return refuse(414, why, "request target is too long");
    result = parse_version(p + 1, end, head, why);
    if (result != HTTP1_DONE)
        return result;
    if (head->method == HTTP_OTHER)
        return refuse(501, why, "unknown method");
    return parse_target(base, target, p, head, why);
}

/* --- the head --- */

/* Find the end of the head; everything before it ends in CR LF. */
static int find_end(struct bytes data, size_t start, size_t *scanned,
                    const struct http1_limits *limits, uint32_t *size, const char **why)
{
    const uint8_t *base = data.data;
    size_t at = *scanned > start ? *scanned : start, seen;

    for (;;) {
        const uint8_t *line = at < data.size ? memchr(base + at, '\n', data.size - at) : NULL;

        if (!line)
            break;
        at = (size_t)(line - base) + 1;
        if (at < start + 2 || line[-1] != '\r')
            return refuse(400, why, "a line ends without a carriage return");
        if (at - start >= 4 && line[-2] == '\n') {
            if (at > limits->head_bytes)
                return refuse(431, why, "request head is too large");
            *size = (uint32_t)at;
            return HTTP1_DONE;
        }
    }
    seen = data.size;
    *scanned = seen;
    if (seen - start > limits->target_bytes + 32 &&
        !memchr(base + start, '\n', limits->target_bytes + 32))
        return refuse(414, why, "request line is too long");
    if (seen > limits->head_bytes)
        return refuse(431, why, "request head is too large");
    return HTTP1_MORE;
}

/* One header line at `p`; *next is behind its CR LF. */
static int parse_header(const uint8_t *base, const uint8_t *p, const uint8_t *end,
                        const uint8_t **next, struct http1_head *head, struct seen *seen,
                        const char **why)
{
    const uint8_t *name = p, *colon, *stop;
    struct http1_header *header;

    if (head->header_count == HTTP1_HEADERS_MAX)
        return refuse(431, why, "too many headers");
    if (is_blank(*p))
        return refuse(400, why, "a header line is folded");
    while (TOKEN[*p])
        p++;
    if (p == name || *p != ':')
        return refuse(400, why, "a header name is malformed");
    colon = p++;
    stop = memchr(p, '\n', (size_t)(end - p));
    *next = stop + 1;
    stop--; /* the CR, which find_end saw */
    while (p < stop && is_blank(*p))
        p++;
    while (stop > p && is_blank(stop[-1]))
        stop--;
    if (!is_value(p, (size_t)(stop - p)))
        return refuse(400, why, "a header value has a control character");
    header = &head->headers[head->header_count++];
    header->name = (struct http1_span){(uint32_t)(name - base), (uint32_t)(colon - name)};
    header->value = (struct http1_span){(uint32_t)(p - base), (uint32_t)(stop - p)};
    return note_header(http1_bytes(base, header->name), http1_bytes(base, header->value),
                       header->value, head, seen, why);
}

/* What the headers mean together. */
static int check_head(struct http1_head *head, const struct seen *seen, const char **why)
{
    if (!seen->host && head->minor == 1)
        return refuse(400, why, "no Host header");
    if (seen->content_length && seen->transfer_encoding)
        return refuse(400, why, "both Content-Length and Transfer-Encoding");
    if (seen->transfer_encoding && head->minor == 0)
        return refuse(400, why, "Transfer-Encoding in HTTP/1.0");
    head->keep_alive = !seen->close && (head->minor == 1 || seen->keep_alive);
    head->expect_continue &= head->minor == 1;
    return HTTP1_DONE;
}

int http1_parse_head(struct bytes data, size_t *scanned, const struct http1_limits *limits,
                     struct http1_head *head, const char **why)
{
    const uint8_t *base = data.data, *p, *end, *line;
    struct seen seen = {0};
    size_t start = 0;
    int result;

    if (data.size == 0)
        return HTTP1_MORE;
    if (base[0] == '\r') { /* one empty line before a request is let pass (RFC 9112 2.2) */
        if (data.size < 2)
            return HTTP1_MORE;
        if (base[1] != '\n')
            return refuse(400, why, "request line does not begin with a method");
        start = 2;
    }
    if (data.size > start && !TOKEN[base[start]])
        return refuse(400, why, "request line does not begin with a method");
    head->size = 0;
    result = find_end(data, start, scanned, limits, &head->size, why);
    if (result != HTTP1_DONE)
        return result;
    end = base + head->size - 2; /* the empty line */
    line = memchr(base + start, '\n', data.size - start);
    memset(head, 0, offsetof(struct http1_head, headers));
    head->size = (uint32_t)(end + 2 - base);
    head->content_length = -1;
    result = parse_request_line(base, base + start, line - 1, limits, head, why);
    for (p = line + 1; result == HTTP1_DONE && p < end;)
        result = parse_header(base, p, end, &p, head, &seen, why);
    return result == HTTP1_DONE ? check_head(head, &seen, why) : result;
}

bool http1_find(const struct http1_head *head, const void *data, const char *name,
                struct bytes *value)
{
    for (size_t i = 0; i < head->header_count; i++) {
        if (!same_word(http1_bytes(data, head->headers[i].name), name))
            continue;
        *value = http1_bytes(data, head->headers[i].value);
        return true;
    }
    return false;
}
