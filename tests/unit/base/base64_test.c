// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"

#include "test.h"

TEST(base64_of_rfc_4648)
{
    static const struct {
        const char *text, *bytes;
    } CASES[] = {{"Zg==", "f"},        {"Zm8=", "fo"},        {"Zm9v", "foo"},
                 {"Zm9vYg==", "foob"}, {"Zm9vYmE=", "fooba"}, {"Zm9vYmFy", "foobar"}};
    uint8_t room[16];

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct bytes text = bytes_of(CASES[i].text);

        CHECK(base64_is(text));
        CHECK_INT(base64_decode(text, room), strlen(CASES[i].bytes));
        CHECK(!memcmp(room, CASES[i].bytes, strlen(CASES[i].bytes)));
        CHECK_INT(base64_encode(bytes_of(CASES[i].bytes), (char *)room), text.size);
        CHECK(!memcmp(room, text.data, text.size));
    }
}

TEST(base64_of_clients)
{
    static const struct {
        const char *text, *bytes; /* NULL: it is none */
    } CASES[] = {{"", ""},
                 {"Zg", "f"},
                 {"Zg==", "f"},
                 {"Zm8", "fo"},
                 {"Z m9v\nYg= =", "foob"},
                 {"Zm9vYmFy", "foobar"},
                 {"Zg=", NULL},
                 {"Z", NULL},
                 {"Zm9v=", NULL},
                 {"Zm9vYg===", NULL},
                 {"Zg==Zg==", NULL},
                 {"=", NULL},
                 {"Zm9-", NULL},
                 {"Zm9vY", NULL},
                 {"==", NULL},
                 {"====", NULL}};
    uint8_t room[16];
    size_t size;

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        bool is = base64_read(bytes_of(CASES[i].text), room, &size);

        CHECK_INT(is, CASES[i].bytes != NULL);
        CHECK(!is || (size == strlen(CASES[i].bytes) && !memcmp(room, CASES[i].bytes, size)));
    }
}

TEST(what_is_no_base64)
{
    static const char *const CASES[] = {
        "", "Zg", "Zg=", "Z===", "====", "Zm9-", "Zm9v\n", "Zm 9", "=m9v", "Zg==Zg=="};

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        CHECK(!base64_is(bytes_of(CASES[i])));
}
