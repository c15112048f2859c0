// SPDX-License-Identifier: Apache-2.0
/* What a container would see below a path: layers out of lines, the lowest first. */
#include "images/layers.h"

#include <unistd.h>

#include "base/file.h"
#include "formats/archive/tar_stream.h"
#include "test.h"
#include "unit/images/tars.h"

enum { LAYERS_MAX = 4, LINES_MAX = 6 };

struct layers_case {
    const char *what;
    const char *layers[LAYERS_MAX][LINES_MAX + 1];
    const char *want; /* "NAME=DATA ..." of the tar that is made; or of the error, see `status` */
    enum status status;
    const char *path; /* NULL: "m/f" */
};

/* Merge; "NAME=DATA " of each file in what is made. */
static enum status merged_of(const struct layers_case *one, const struct artifact_limits *limits,
                             struct image_merged *merged, struct text *told, struct error *err)
{
    char names[LAYERS_MAX][16];
    const char *files[LAYERS_MAX];
    struct image_layers layers = {.files = files,
                                  .path = one->path ? one->path : "m/f",
                                  .extra = "m/serving.yaml",
                                  .limits = *limits};
    struct file_map map = {{NULL, 0}};
    struct tar_stream *stream;
    struct tar_entry entry;
    uint8_t data[64];
    size_t size;
    bool more = true;
    enum status status;

    for (size_t i = 0; i < LAYERS_MAX && one->layers[i][0]; i++) {
        struct text tar = {0};
        tar_of(&tar, one->layers[i]);
        snprintf(names[i], sizeof names[i], "layer-%zu", i);
        put_bytes(names[i], text_bytes(&tar));
        text_release(&tar);
        files[layers.count++] = names[i];
    }
    unlink("merged");
    TRY(image_layers_merge(&layers, "merged", merged, err));
    CHECK_OK(file_map_open(&map, -100, "merged", true, err), *err);
    CHECK_OK(tar_stream_open(map.bytes, false, 1 << 20, 1100, &stream, err), *err);
    for (;;) {
        status = tar_stream_next(stream, &entry, &more, err);
        if (status || !more)
            break;
        text_printf(told, "%.*s=", (int)entry.path.size, (const char *)entry.path.data);
        CHECK_OK(tar_stream_read(stream, data, sizeof data, &size, err), *err);
        text_append_bytes(told, (struct bytes){data, size});
        text_append_char(told, ' ');
    }
    tar_stream_close(stream);
    file_map_close(&map);
    return status;
}

static void check_case(const struct layers_case *one, const struct artifact_limits *limits)
{
    struct text told = {0};
    struct image_merged merged;
    struct error err = {0};
    enum status status = merged_of(one, limits, &merged, &told, &err);
    const char *got = status ? err.text : told.data ? told.data : "";

    if (status != one->status || (status ? !strstr(got, one->want) : strcmp(got, one->want) != 0))
        fail_msg("%s: %s: \"%s\"", one->what, status_name(status), got);
    text_release(&told);
}

static const struct layers_case GOOD[] = {
    {"one file", {{"d m/", "d m/f/", "f m/f/a 1"}}, "files/a=1 "},
    {"names with ./ and /",
     {{"f ./m/f/a 1", "f /m/f/b 2", "f .//m//f/./c 3"}},
     "files/a=1 files/b=2 files/c=3 "},
    {"what is elsewhere", {{"f m/fa 1", "f x 2", "f m/f/a 3", "f mm/f/b 4"}}, "files/a=3 "},
    {"the file more", {{"f m/serving.yaml s", "f m/f/a 1"}}, "extra=s files/a=1 "},
    {"a file as the path", {{"f m/f 1"}}, "files/f=1 "},
    {"the whole image", {{"f a 1", "f b/c 2"}}, "files/a=1 files/b/c=2 ", .path = ""},
    {"upper before lower", {{"f m/f/a 1", "f m/f/b 2"}, {"f m/f/a 3"}}, "files/a=3 files/b=2 "},
    {"a whiteout", {{"f m/f/a 1", "f m/f/b 2"}, {"f m/f/.wh.a "}}, "files/b=2 "},
    {"a whiteout of a folder", {{"f m/f/a/b 1", "f m/f/ab 2"}, {"f m/f/.wh.a "}}, "files/ab=2 "},
    {"a whiteout of the path", {{"f m/f/a 1"}, {"f m/.wh.f "}}, ""},
    {"a whiteout above the path", {{"f m/f/a 1"}, {"f .wh.m "}}, ""},
    {"a whiteout of the file more",
     {{"f m/serving.yaml s", "f m/f/a 1"}, {"f m/.wh.serving.yaml "}},
     "files/a=1 "},
    {"a whiteout with a slash behind it", {{"f m/f/a 1"}, {"d m/f/.wh.a/"}}, ""},
    {"a whiteout of what is in its layer",
     {{"f m/f/.wh.a ", "f m/f/a 1", "f m/f/.wh.a "}},
     "files/a=1 "},
    {"a whiteout of the layer in between",
     {{"f m/f/a 1"}, {"f m/f/.wh.a "}, {"f m/f/a 3"}},
     "files/a=3 "},
    {"a whiteout of two layers below", {{"f m/f/a 1"}, {"f x 1"}, {"f m/f/.wh.a "}}, ""},
    {"a whiteout of nothing", {{"f m/f/a 1"}, {"f m/f/.wh.b "}}, "files/a=1 "},
    {"a whiteout through ..", {{"f m/f/a 1", "f m/f/b 2"}, {"f m/f/x/../.wh.a "}}, "files/b=2 "},
    {"a whiteout of a link", {{"l m/f/a x", "f m/f/b 2"}, {"f m/f/.wh.a "}}, "files/b=2 "},
    {"an opaque folder", {{"f m/f/a/b 1", "f m/f/c 2"}, {"f m/f/a/.wh..wh..opq "}}, "files/c=2 "},
    {"an opaque folder and its own files",
     {{"f m/f/a 1"}, {"f m/f/b 2", "f m/f/.wh..wh..opq ", "f m/f/c 3"}},
     "files/b=2 files/c=3 "},
    {"an opaque root", {{"f m/f/a 1"}, {"f .wh..wh..opq ", "f m/f/b 2"}}, "files/b=2 "},
    {"an opaque folder elsewhere", {{"f m/f/a 1"}, {"f x/.wh..wh..opq "}}, "files/a=1 "},
    {"a folder over a folder",
     {{"f m/f/a/b 1"}, {"d m/f/a/", "f m/f/a/c 2"}},
     "files/a/c=2 files/a/b=1 "},
    {"a folder over a file", {{"f m/f/a 1"}, {"d m/f/a/"}}, ""},
    {"a folder that is not listed over a file", {{"f m/f/a 1"}, {"f m/f/a/b 2"}}, "files/a/b=2 "},
    {"a file over a folder", {{"f m/f/a/b 1"}, {"f m/f/a 2"}}, "files/a=2 "},
    {"a file over the path", {{"f m/f/a 1"}, {"f m 2"}}, ""},
    {"a link over the folder above, and under it", {{"l m x"}, {"f m/f/a 1"}}, "files/a=1 "},
    {"a file over a link", {{"l m/f/a /etc/passwd"}, {"f m/f/a 2"}}, "files/a=2 "},
    {"links and devices elsewhere", {{"l x ../../..", "h y x", "b z", "f m/f/a 1"}}, "files/a=1 "},
    {"paths that go round", {{"f x/../m/f/a 1", "f m/f/y/../b 2"}}, "files/a=1 files/b=2 "},
    {"nothing", {{"d m/"}}, ""},
};

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define MUCH HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED

static const struct layers_case BAD[] = {
    {"a link", {{"l m/f/a x"}}, "\"/m/f/a\" is a symbolic link", STATUS_UNSUPPORTED},
    {"a link that leaves",
     {{"l m/f/a ../../../etc/passwd"}},
     "is a symbolic link",
     STATUS_UNSUPPORTED},
    {"a hard link",
     {{"f m/f/b 1", "h m/f/a m/f/b"}},
     "\"/m/f/a\" is a hard link",
     STATUS_UNSUPPORTED},
    {"a hard link to what is elsewhere",
     {{"h m/f/a etc/shadow"}},
     "is a hard link",
     STATUS_UNSUPPORTED},
    {"a link above",
     {{"l m x", "f x/f/a 1"}},
     "give the path that it leads to",
     STATUS_UNSUPPORTED},
    {"a link as the path", {{"l m/f x"}}, "is a symbolic link", STATUS_UNSUPPORTED},
    {"a device", {{"b m/f/a"}}, "is a device", STATUS_UNSUPPORTED},
    {"a type that nobody knows", {{"q m/f/a"}}, "of a type that is not known", STATUS_UNSUPPORTED},
    {"a path that leaves", {{"f m/f/../../../a 1"}}, "leaves the root", STATUS_UNSUPPORTED},
    {"a path that leaves elsewhere",
     {{"f ../a 1", "f m/f/a 1"}},
     "layer 1 of 1: refused",
     STATUS_UNSUPPORTED},
    {"a whiteout of no file", {{"f m/f/.wh. "}}, "is a whiteout of no file", STATUS_UNSUPPORTED},
    {"a whiteout of a folder's parent",
     {{"f m/f/.wh... "}},
     "is a whiteout of no file",
     STATUS_UNSUPPORTED},
    {"a backslash", {{"f m/f/a\\b 1"}}, "has a backslash", STATUS_UNSUPPORTED},
    {"too many",
     {{"f m/f/a 1", "f m/f/b 1", "f m/f/c 1"}, {"f m/f/d 1"}},
     "more than 3 members",
     STATUS_TOO_LARGE},
    {"too many bytes", {{"f m/f/a " MUCH MUCH MUCH}}, "more than 2000 bytes", STATUS_TOO_LARGE},
};

TEST(what_layers_hide)
{
    const struct artifact_limits limits = artifact_limits_default();

    for (size_t i = 0; i < ARRAY_COUNT(GOOD); i++)
        check_case(&GOOD[i], &limits);
}

TEST(what_layers_may_not_hold)
{
    struct artifact_limits limits = artifact_limits_default();

    limits.members = 3;
    limits.bytes = 2000;
    for (size_t i = 0; i < ARRAY_COUNT(BAD); i++)
        check_case(&BAD[i], &limits);
}

TEST(a_file_that_is_there_twice)
{
    static const struct layers_case TWICE = {
        "twice", {{"f m/f/a 1", "f m/f/a 2"}}, "files/a=1 files/a=2 "};
    const struct artifact_limits limits = artifact_limits_default();
    struct artifact *artifact;
    struct error err;

    check_case(&TWICE, &limits); /* as it is: whoever opens it refuses it */
    CHECK_FAILS(artifact_open_layer("merged", MERGED_FILES, false, NULL, &artifact, &err), err,
                STATUS_INVALID_INPUT, "twice");
}

TEST(layers_that_are_cut_off)
{
    static const struct layers_case ONE = {"cut", {{"f m/f/a 123", "f m/f/b 456"}}, ""};
    const char *files[] = {"cut"};
    const struct image_layers layers = {
        .files = files, .count = 1, .path = "m/f", .limits = artifact_limits_default()};
    struct image_merged merged;
    struct text tar = {0};
    struct error err;

    tar_of(&tar, ONE.layers[0]);
    for (size_t size = 100; size < tar.size - TAR_END_SIZE; size += 100) {
        struct bytes part = {(const uint8_t *)tar.data, size};
        put_bytes("cut", part);
        unlink("merged");
        if (size % TAR_BLOCK)
            CHECK_FAILS(image_layers_merge(&layers, "merged", &merged, &err), err,
                        STATUS_INVALID_INPUT, "layer 1 of 1: broken tar");
    }
    text_release(&tar);
}
