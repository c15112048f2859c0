// SPDX-License-Identifier: Apache-2.0
#include "cli/client.h"

#include "test.h"

TEST(urls)
{
    static const struct {
        const char *url, *host, *port;
    } CASES[] = {
        {"http://127.0.0.1:9000", "127.0.0.1", "9000"},
        {"localhost", "localhost", "8080"},
        {"localhost:1", "localhost", "1"},
        {"http://[::1]:80/", "::1", "80"},
        {"http://[::1]", "::1", "8080"},
        {"http://host/", "host", "8080"},
    };
    static const char *const BAD[] = {
        "",      "http://",  "http://a/b",    "a:b",        "http://:80",
        "host:", "http://[", "http://a:80:x", "host:80/api"};
    struct error err = {0};
    struct client client;

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        CHECK_OK(client_init(&client, CASES[i].url, &err), err);
        CHECK_TEXT(client.host, CASES[i].host);
        CHECK_TEXT(client.port, CASES[i].port);
    }
    for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
        memset(&client, 0, sizeof client);
        if (!client_init(&client, BAD[i], &err))
            fail_msg("\"%s\" is taken as host \"%s\" port \"%s\"", BAD[i], client.host,
                     client.port);
    }
}

TEST(encoding)
{
    struct text text = {0};

    client_encode(&text, bytes_of("a b/c?d%~\xc3\xa9"));
    CHECK_TEXT(text.data, "a%20b%2Fc%3Fd%25~%C3%A9");
    text_release(&text);
}
