// SPDX-License-Identifier: Apache-2.0
/* Files that clients may have read: those below the folders, and nothing that leads out. */
#include "base/readable.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "test.h"

enum { LIMIT = 100 };

static enum status ask(const char *path, struct bytes *content, struct arena *arena,
                       struct error *err)
{
    return readable_file(bytes_of(path), LIMIT, content, arena, err);
}

TEST(nothing_is_read_unless_a_folder_is_named)
{
    struct arena arena;
    struct bytes content;
    struct error err = {0};

    arena_init(&arena, 1 << 20);
    CHECK_FAILS(ask("x", &content, &arena, &err), err, STATUS_UNSUPPORTED, "reads no files");
    CHECK_FAILS(readable_allow("nowhere", &err), err, STATUS_NOT_FOUND, "nowhere");
    CHECK_FAILS(readable_allow("/etc/passwd", &err), err, STATUS_NOT_FOUND, "no folder");
    arena_release(&arena);
}

TEST(what_leads_out_of_the_folders_is_not_there)
{
    static const char *const BAD[] = {
        "missing",           "../outside",  "link", "out/outside", "sub",
        "sub/../../outside", "/etc/passwd", "",     "pipe",        "/proc/self/environ",
        "sub//../../outside"};
    struct arena arena;
    struct bytes content;
    struct error err = {0};
    char whole[4096], long_path[5000];

    arena_init(&arena, 1 << 20);
    CHECK(!mkdir("open", 0755) && !mkdir("open/sub", 0755));
    CHECK_OK(file_replace("outside", bytes_of("secret"), &err), err);
    CHECK_OK(file_replace("open/sub/file", bytes_of("hello"), &err), err);
    CHECK_OK(file_replace("open/large",
                          bytes_of("0123456789012345678901234567890123456789"
                                   "0123456789012345678901234567890123456789"
                                   "0123456789012345678901234567890123456789"),
                          &err),
             err);
    CHECK(!symlink("../outside", "open/link") && !symlink("..", "open/out"));
    CHECK(!mkfifo("open/pipe", 0644));
    CHECK_OK(readable_allow("open", &err), err);
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        CHECK_FAILS(ask(BAD[i], &content, &arena, &err), err, STATUS_INVALID_INPUT,
                    "below the folders that this server reads");
    memset(long_path, 'a', sizeof long_path);
    CHECK_FAILS(readable_file((struct bytes){(uint8_t *)long_path, sizeof long_path}, LIMIT,
                              &content, &arena, &err),
                err, STATUS_INVALID_INPUT, "below the folders");
    CHECK_FAILS(readable_file((struct bytes){(const uint8_t *)"sub/file\0x", 10}, LIMIT, &content,
                              &arena, &err),
                err, STATUS_INVALID_INPUT, "below the folders");
    CHECK_FAILS(ask("large", &content, &arena, &err), err, STATUS_TOO_LARGE, "");
    CHECK_OK(ask("sub/file", &content, &arena, &err), err);
    CHECK(bytes_is(content, "hello"));
    CHECK_OK(ask("sub/../sub/./file", &content, &arena, &err), err);
    CHECK(realpath("open/sub/file", whole));
    CHECK_OK(ask(whole, &content, &arena, &err), err);
    CHECK(bytes_is(content, "hello"));
    readable_forget();
    CHECK_FAILS(ask("sub/file", &content, &arena, &err), err, STATUS_UNSUPPORTED, "");
    arena_release(&arena);
}
