// SPDX-License-Identifier: Apache-2.0
/* Unit tests: cmocka, with the list of TEST(name)s made by the build. Include this last. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

#define TEST(name)                                                                                 \
    void test_##name(void **state);                                                                \
    void test_##name(void **state __attribute__((unused)))

#define CHECK(condition) assert_true(condition)
#define CHECK_INT(got, want) assert_int_equal((long long)(got), (long long)(want))
#define CHECK_TEXT(got, want) assert_string_equal((got), (want))
#define CHECK_NEAR(got, want, tolerance)                                                           \
    do {                                                                                           \
        double got_ = (got), want_ = (want);                                                       \
        if (!(got_ - want_ <= (tolerance) && want_ - got_ <= (tolerance)))                         \
            fail_msg("%.17g is not near %.17g", got_, want_);                                      \
    } while (0)

/* `call` must succeed; the error's text is shown when it does not. */
#define CHECK_OK(call, err)                                                                        \
    do {                                                                                           \
        if ((call) != STATUS_OK)                                                                   \
            fail_msg("%s: %s", status_name((err).status), (err).text);                             \
    } while (0)

/* `call` must fail with this status and a text that contains `part`. */
#define CHECK_FAILS(call, err, want, part)                                                         \
    do {                                                                                           \
        enum status got_ = (call);                                                                 \
        if (got_ != (want))                                                                        \
            fail_msg("status %s, not %s: %s", status_name(got_), status_name(want),                \
                     got_ ? (err).text : "");                                                      \
        if (!strstr((err).text, (part)))                                                           \
            fail_msg("\"%s\" is not in \"%s\"", (part), (err).text);                               \
    } while (0)

/* Folder of the optional extra test data, or NULL after saying SKIPPED. */
static inline const char *shared_folder(const char *what)
{
    const char *folder = getenv("FIRN_SHARED");
    char probe[4096];
    FILE *file;

    if (folder) {
        snprintf(probe, sizeof probe, "%s/fixtures/README.md", folder);
        file = fopen(probe, "r");
        if (file) {
            fclose(file);
            return folder;
        }
    }
    printf("SKIPPED %s: no shared test data\n", what);
    return NULL;
}

#ifdef TEST_LIST
#include TEST_LIST
int main(void)
{
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
#endif
