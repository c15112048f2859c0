// SPDX-License-Identifier: Apache-2.0
#include "images/layer_path.h"

#include "test.h"

TEST(paths_are_as_a_container_sees_them)
{
    static const char *const CASES[][2] = {
        {"a/b", "a/b"},     {"./a/b", "a/b"},    {"/a/b", "a/b"},
        {"././/./a", "a"},  {"a/b/", "a/b"},     {"a//b", "a/b"},
        {"a/./b", "a/b"},   {"a/../b", "b"},     {"a/b/..", "a"},
        {"a/b/../", "a"},   {"a/b/../..", ""},   {"a/.", "a"},
        {"", ""},           {".", ""},           {"./", ""},
        {"/", ""},          {"///", ""},         {".a/..b", ".a/..b"},
        {"a/...", "a/..."}, {".wh.a/", ".wh.a"}, {"aa/bb/../cc/./dd//ee/", "aa/cc/dd/ee"},
    };
    struct error err;

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        char buffer[LAYER_PATH_MAX];
        struct bytes clean;
        CHECK_OK(layer_path_clean(bytes_of(CASES[i][0]), buffer, &clean, &err), err);
        if (!bytes_is(clean, CASES[i][1]))
            fail_msg("\"%s\" is \"%.*s\"", CASES[i][0], (int)clean.size, (const char *)clean.data);
    }
}

TEST(paths_that_leave_the_root_are_refused)
{
    static const char *const CASES[] = {"..", "../a", "a/../..", "a/../../a", "/..", "./../a/b"};
    char buffer[LAYER_PATH_MAX], lengthy[LAYER_PATH_MAX + 8];
    struct bytes clean;
    struct error err;

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++)
        CHECK_FAILS(layer_path_clean(bytes_of(CASES[i]), buffer, &clean, &err), err,
                    STATUS_UNSUPPORTED, "leaves the root");
    memset(lengthy, 'x', sizeof lengthy);
    lengthy[sizeof lengthy - 1] = 0;
    CHECK_OK(layer_path_clean(bytes_of(lengthy), buffer, &clean, &err), err); /* as it is */
    CHECK_INT(clean.size, sizeof lengthy - 1);
    memcpy(lengthy + 3, "/./", 3);
    CHECK_FAILS(layer_path_clean(bytes_of(lengthy), buffer, &clean, &err), err, STATUS_TOO_LARGE,
                "longer than 4096 bytes");
}

TEST(whiteouts_hide_what_they_name)
{
    static const struct {
        const char *path, *hidden; /* NULL: refused */
        bool opaque;
    } CASES[] = {
        {".wh.a", "a", false},
        {"a/b/.wh.c", "a/b/c", false},
        {"a/.wh..wh..opq", "a", true},
        {".wh..wh..opq", "", true},
        {"a/.wh..wh.plnk", "a/.wh.plnk", false}, /* of aufs: hides what cannot be there */
        {"a/.wh..a", "a/.a", false},
        {"a/.wh.", NULL, false},
        {"a/.wh..", NULL, false},
        {".wh...", NULL, false},
    };
    struct error err;

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct bytes path = bytes_of(CASES[i].path), hidden;
        char buffer[LAYER_PATH_MAX];
        bool opaque;

        CHECK(layer_path_is_whiteout(path));
        if (!CASES[i].hidden) {
            CHECK_FAILS(layer_path_hides(path, buffer, &hidden, &opaque, &err), err,
                        STATUS_UNSUPPORTED, "is a whiteout of no file");
            continue;
        }
        CHECK_OK(layer_path_hides(path, buffer, &hidden, &opaque, &err), err);
        CHECK(bytes_is(hidden, CASES[i].hidden) && opaque == CASES[i].opaque);
    }
    CHECK(!layer_path_is_whiteout(bytes_of("a")));
    CHECK(!layer_path_is_whiteout(bytes_of("")));
    CHECK(!layer_path_is_whiteout(bytes_of(".wh")));
    CHECK(!layer_path_is_whiteout(bytes_of(".wh.a/b"))); /* a file in a folder of that name */
}

TEST(parts_of_paths)
{
    CHECK(bytes_is(layer_path_name(bytes_of("a/b/c")), "c"));
    CHECK(bytes_is(layer_path_folder(bytes_of("a/b/c")), "a/b"));
    CHECK(bytes_is(layer_path_name(bytes_of("a")), "a"));
    CHECK(bytes_is(layer_path_folder(bytes_of("a")), ""));
    CHECK(layer_path_is_within(bytes_of("a/b"), bytes_of("a/b")));
    CHECK(layer_path_is_within(bytes_of("a/b/c"), bytes_of("a/b")));
    CHECK(layer_path_is_within(bytes_of("a"), bytes_of("")));
    CHECK(!layer_path_is_within(bytes_of("a/bc"), bytes_of("a/b")));
    CHECK(!layer_path_is_within(bytes_of("a"), bytes_of("a/b")));
}
