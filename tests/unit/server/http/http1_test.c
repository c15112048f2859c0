// SPDX-License-Identifier: Apache-2.0
#include "server/http/http1.h"

#include "test.h"

static const struct http1_limits LIMITS = {.head_bytes = 4096, .target_bytes = 256};

#define H "Host: a\r\n"

static const struct {
    const char *why;
    const char *head;
    size_t size; /* 0: strlen */
    int want;    /* HTTP1_DONE, HTTP1_MORE or the status */
} CASES[] = {
    {"the least", "GET / HTTP/1.1\r\n" H "\r\n", 0, HTTP1_DONE},
    {"no byte", "", 0, HTTP1_MORE},
    {"no end yet", "GET / HTTP/1.1\r\nHost: a\r\n", 0, HTTP1_MORE},
    {"half a line feed", "GET / HTTP/1.1\r\n" H "\r", 0, HTTP1_MORE},
    {"an empty line before", "\r\nGET / HTTP/1.1\r\n" H "\r\n", 0, HTTP1_DONE},
    {"two empty lines before", "\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 0, HTTP1_DONE},
    {"absolute target", "GET http://b:80/x?y HTTP/1.1\r\n" H "\r\n", 0, HTTP1_DONE},
    {"OPTIONS *", "OPTIONS * HTTP/1.1\r\n" H "\r\n", 0, HTTP1_DONE},
    {"body", "POST / HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}", 0, HTTP1_DONE},
    {"chunked", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n", 0, HTTP1_DONE},
    {"blanks around a value", "GET / HTTP/1.1\r\nHost:\t a \t\r\n\r\n", 0, HTTP1_DONE},
    {"a tab in a value", "GET / HTTP/1.1\r\n" H "X: a\tb\r\n\r\n", 0, HTTP1_DONE},
    {"bytes above 127 in a value", "GET / HTTP/1.1\r\n" H "X: \xC3\xA4\r\n\r\n", 0, HTTP1_DONE},

    {"length and coding",
     "POST / HTTP/1.1\r\n" H "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 400},
    {"coding and length",
     "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n", 0, 400},
    {"two lengths", "POST / HTTP/1.1\r\n" H "Content-Length: 2\r\nContent-Length: 3\r\n\r\n", 0,
     400},
    {"the same length twice",
     "POST / HTTP/1.1\r\n" H "Content-Length: 2\r\nContent-Length: 2\r\n\r\n", 0, 400},
    {"lengths in a list", "POST / HTTP/1.1\r\n" H "Content-Length: 2, 2\r\n\r\n", 0, 400},
    {"blank before the colon", "POST / HTTP/1.1\r\n" H "Content-Length : 2\r\n\r\n", 0, 400},
    {"bare line feeds", "POST / HTTP/1.1\nHost: x\nContent-Length: 2\n\n{}", 0, 400},
    {"one bare line feed", "GET / HTTP/1.1\r\n" H "X: a\nY: b\r\n\r\n", 0, 400},
    {"bare line feed at the end", "GET / HTTP/1.1\r\n" H "\n", 0, 400},
    {"bare carriage return", "GET / HTTP/1.1\r\n" H "X: a\rY: b\r\n\r\n", 0, 400},
    {"folded", "GET / HTTP/1.1\r\n" H "X: b\r\n c\r\n\r\n", 0, 400},
    {"folded by a tab", "GET / HTTP/1.1\r\n" H "X: b\r\n\tc\r\n\r\n", 0, 400},
    {"signed length", "POST / HTTP/1.1\r\n" H "Content-Length: +2\r\n\r\n", 0, 400},
    {"negative length", "POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", 0, 400},
    {"hexadecimal length", "POST / HTTP/1.1\r\n" H "Content-Length: 0x2\r\n\r\n", 0, 400},
    {"empty length", "POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", 0, 400},
    {"length beyond 64 bits",
     "POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551618\r\n\r\n", 0, 413},
    {"NUL in a value", "GET / HTTP/1.1\r\n" H "X: a\0b\r\n\r\n", 35, 400},
    {"NUL in a long value", "GET / HTTP/1.1\r\n" H "X: abcdefghijkl\0b\r\n\r\n", 46, 400},
    {"DEL in a value", "GET / HTTP/1.1\r\n" H "X: abcdefghijkl\177\r\n\r\n", 0, 400},
    {"xchunked", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n", 0, 501},
    {"gzip, chunked", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", 0, 501},
    {"chunked twice",
     "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 0,
     400},
    {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n", 0, 400},
    {"no Host", "GET / HTTP/1.1\r\n\r\n", 0, 400},
    {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 0, 400},
    {"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 0, 400},
    {"empty Host", "GET / HTTP/1.1\r\nHost: \r\n\r\n", 0, 400},
    {"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 0, 400},
    {"Host with a blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 0, 400},
    {"Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 0, 400},
    {"no name", "GET / HTTP/1.1\r\n" H ": b\r\n\r\n", 0, 400},
    {"no colon", "GET / HTTP/1.1\r\n" H "X\r\n\r\n", 0, 400},
    {"a name that is no token", "GET / HTTP/1.1\r\n" H "X(y): b\r\n\r\n", 0, 400},
    {"Expect something else", "POST / HTTP/1.1\r\n" H "Expect: 200-ok\r\n\r\n", 0, 417},

    {"unknown method", "BREW / HTTP/1.1\r\n" H "\r\n", 0, 501},
    {"lower-case method", "get / HTTP/1.1\r\n" H "\r\n", 0, 501},
    {"CONNECT", "CONNECT a:80 HTTP/1.1\r\n" H "\r\n", 0, 501},
    {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, 505},
    {"HTTP/1.2", "GET / HTTP/1.2\r\n" H "\r\n", 0, 505},
    {"HTTP/0.9", "GET /\r\n\r\n", 0, 400},
    {"http/1.1", "GET / http/1.1\r\n" H "\r\n", 0, 400},
    {"HTTP/1.10", "GET / HTTP/1.10\r\n" H "\r\n", 0, 400},
    {"two blanks", "GET  / HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"two blanks after", "GET /  HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"tab as blank", "GET\t/ HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"blank at the end", "GET / HTTP/1.1 \r\n" H "\r\n", 0, 400},
    {"blank at the start", " GET / HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"TLS", "\x16\x03\x01\x02", 0, 400},
    {"relative target", "GET x HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"fragment", "GET /x#y HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"raw bytes in the target", "GET /\xC3\xA4 HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"NUL in the target", "GET /\0 HTTP/1.1\r\n" H "\r\n", 28, 400},
    {"GET *", "GET * HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"ftp target", "GET ftp://a/ HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"target without host", "GET http:///x HTTP/1.1\r\n" H "\r\n", 0, 400},
    {"target with a user", "GET http://u@a/x HTTP/1.1\r\n" H "\r\n", 0, 400},
};

static struct bytes case_bytes(size_t i)
{
    return (struct bytes){(const uint8_t *)CASES[i].head,
                          CASES[i].size ? CASES[i].size : strlen(CASES[i].head)};
}

TEST(http1_heads)
{
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct http1_head head;
        const char *why = "";
        size_t scanned = 0;
        int got = http1_parse_head(case_bytes(i), &scanned, &LIMITS, &head, &why);

        if (got != CASES[i].want)
            fail_msg("%s: %d (%s), not %d", CASES[i].why, got, why, CASES[i].want);
        CHECK(got < 400 || *why);
    }
}

/* However the bytes trickle in, the result is the same. */
TEST(http1_heads_byte_by_byte)
{
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct bytes all = case_bytes(i);
        struct http1_head head;
        const char *why = "";
        size_t scanned = 0;
        int got = HTTP1_MORE;

        for (size_t n = 1; n <= all.size && got == HTTP1_MORE; n++) {
            /* a copy, so that the sanitizer sees a read past the end */
            uint8_t *copy = malloc(n);

            memcpy(copy, all.data, n);
            got = http1_parse_head((struct bytes){copy, n}, &scanned, &LIMITS, &head, &why);
            free(copy);
        }
        if (got != CASES[i].want)
            fail_msg("%s: %d (%s), not %d", CASES[i].why, got, why, CASES[i].want);
    }
}

static int parse(const char *text, struct http1_head *head)
{
    const char *why;
    size_t scanned = 0;

    return http1_parse_head(bytes_of(text), &scanned, &LIMITS, head, &why);
}

TEST(http1_what_a_head_says)
{
    const char *text = "POST http://b/v2/x?a=1&b HTTP/1.1\r\nhOST: a:80\r\nContent-Length: 12\r\n"
                       "Accept-Encoding: br, GZIP;q=0.5\r\nContent-Encoding: gzip\r\n"
                       "Expect: 100-Continue\r\nX-Y:  z \r\n\r\nrest";
    struct http1_head head;
    struct bytes value;

    CHECK_INT(parse(text, &head), HTTP1_DONE);
    CHECK_INT(head.method, HTTP_POST);
    CHECK_INT(head.size, strlen(text) - 4);
    CHECK(bytes_is(http1_bytes(text, head.path), "/v2/x"));
    CHECK(bytes_is(http1_bytes(text, head.query), "a=1&b"));
    CHECK(bytes_is(http1_bytes(text, head.host), "a:80"));
    CHECK_INT(head.content_length, 12);
    CHECK(head.accept_gzip && head.expect_continue && head.keep_alive && !head.chunked);
    CHECK_INT(head.encoding, HTTP1_GZIP);
    CHECK(http1_find(&head, text, "x-y", &value) && bytes_is(value, "z"));
    CHECK(!http1_find(&head, text, "x", &value));
}

TEST(http1_connection)
{
    static const struct {
        const char *text;
        bool keep_alive;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n", true},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
    };
    static const struct {
        const char *list;
        bool gzip;
    } encodings[] = {{"gzip", true},      {"deflate, gzip;q=1.0", true},
                     {"gzip;q=0", false}, {"gzip;q=0.000", false},
                     {"*", true},         {"*;q=0", false},
                     {"br", false},       {"", false},
                     {",,gzip", true},    {"*;q=1, gzip;q=0", false}};
    struct http1_head head;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        CHECK_INT(parse(cases[i].text, &head), HTTP1_DONE);
        CHECK_INT(head.keep_alive, cases[i].keep_alive);
    }
    for (size_t i = 0; i < ARRAY_COUNT(encodings); i++) {
        char text[128];

        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: %s\r\n\r\n",
                 encodings[i].list);
        CHECK_INT(parse(text, &head), HTTP1_DONE);
        if (head.accept_gzip != encodings[i].gzip)
            fail_msg("Accept-Encoding: %s", encodings[i].list);
    }
}

TEST(http1_limits)
{
    char text[16384];
    struct http1_head head;
    int size;

    size = snprintf(text, sizeof text, "GET /%0255d HTTP/1.1\r\n" H "\r\n", 0);
    CHECK_INT(parse(text, &head), HTTP1_DONE);
    snprintf(text, sizeof text, "GET /%0256d HTTP/1.1\r\n" H "\r\n", 0);
    CHECK_INT(parse(text, &head), 414);
    snprintf(text, sizeof text, "GET /%0300d", 0);
    CHECK_INT(parse(text, &head), 414);
    size = snprintf(text, sizeof text, "GET / HTTP/1.1\r\n" H "X: %04000d\r\n\r\n", 0);
    CHECK(size < 4096);
    CHECK_INT(parse(text, &head), HTTP1_DONE);
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\n" H "X: %04096d\r\n\r\n", 0);
    CHECK_INT(parse(text, &head), 431);
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\n" H "X: %04096d", 0);
    CHECK_INT(parse(text, &head), 431);
    size = snprintf(text, sizeof text, "GET / HTTP/1.1\r\n" H);
    for (int i = 0; i < HTTP1_HEADERS_MAX; i++)
        size += snprintf(text + size, sizeof text - (size_t)size, "a:b\r\n");
    snprintf(text + size, sizeof text - (size_t)size, "\r\n");
    CHECK_INT(parse(text, &head), 431);
}

static const struct {
    const char *why, *in, *out;
    int want;
    size_t left; /* bytes behind the body */
} CHUNKED[] = {
    {"empty", "0\r\n\r\n", "", HTTP1_DONE, 0},
    {"one chunk", "3\r\nabc\r\n0\r\n\r\n", "abc", HTTP1_DONE, 0},
    {"two chunks and a rest", "3\r\nabc\r\nA\r\n0123456789\r\n00\r\n\r\nGET", "abc0123456789",
     HTTP1_DONE, 3},
    {"line ends in the data", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", HTTP1_DONE, 0},
    {"extension", "3;a=\"b\"\r\nabc\r\n0;x\r\n\r\n", "abc", HTTP1_DONE, 0},
    {"trailers", "1\r\na\r\n0\r\nX: y\r\nZ:\r\n\r\n", "a", HTTP1_DONE, 0},
    {"not all there", "3\r\nab", "ab", HTTP1_MORE, 0},
    {"no size", "\r\n", "", 400, 0},
    {"signed", "+3\r\nabc\r\n", "", 400, 0},
    {"0x", "0x3\r\nabc\r\n", "", 400, 0},
    {"blank", "3 \r\nabc\r\n", "", 400, 0},
    {"bare line feed after the size", "3\nabc\r\n0\r\n\r\n", "", 400, 0},
    {"bare line feed after the data", "3\r\nabc\n0\r\n\r\n", "", 400, 0},
    {"bare line feed in an extension", "3;a\nabc\r\n0\r\n\r\n", "", 400, 0},
    {"bare line feed at the end", "0\r\n\n", "", 400, 0},
    {"longer than its size", "3\r\nabcd\r\n0\r\n\r\n", "", 400, 0},
    {"beyond 64 bits", "10000000000000000\r\n", "", 400, 0},
    {"2^63", "8000000000000000\r\n", "", 400, 0},
    {"folded trailer", "0\r\nX: y\r\n z\r\n\r\n", "", 400, 0},
    {"trailer without colon", "0\r\nX\r\n\r\n", "", 400, 0},
    {"trailer without name", "0\r\n: y\r\n\r\n", "", 400, 0},
};

TEST(http1_chunks)
{
    for (size_t i = 0; i < ARRAY_COUNT(CHUNKED); i++) {
        /* step 0: all at once; else pieces of `step` bytes; always in place */
        for (size_t step = 0; step < 4; step++) {
            struct http1_chunks chunks = {0};
            size_t size = strlen(CHUNKED[i].in), used = 0, made = 0;
            const char *why = "";
            int got = HTTP1_MORE;
            uint8_t data[256];

            memcpy(data, CHUNKED[i].in, size);
            while (used < size && got == HTTP1_MORE) {
                size_t piece = step && step < size - used ? step : size - used;

                got = http1_decode_chunks(&chunks, (struct bytes){data + used, piece}, &used, data,
                                          &made, &why);
            }
            if (got != CHUNKED[i].want)
                fail_msg("%s: %d (%s), not %d", CHUNKED[i].why, got, why, CHUNKED[i].want);
            if (got >= 400)
                continue;
            CHECK(bytes_is((struct bytes){data, made}, CHUNKED[i].out));
            CHECK_INT(size - used, CHUNKED[i].left);
        }
    }
}

TEST(http1_chunk_floods)
{
    static char text[8192];
    struct http1_chunks chunks = {0};
    uint8_t out[16];
    size_t used = 0, made = 0;
    const char *why;

    snprintf(text, sizeof text, "1;%05000d\r\na\r\n", 0);
    CHECK_INT(http1_decode_chunks(&chunks, bytes_of(text), &used, out, &made, &why), 431);
    chunks = (struct http1_chunks){0};
    snprintf(text, sizeof text, "0\r\nX: %05000d\r\n\r\n", 0);
    CHECK_INT(http1_decode_chunks(&chunks, bytes_of(text), &used, out, &made, &why), 431);
}
