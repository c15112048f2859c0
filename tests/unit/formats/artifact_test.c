// SPDX-License-Identifier: Apache-2.0
#include "formats/archive/artifact.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "test.h"

/* Path of a file that tests/formats/archives/make.py made. */
static const char *archive(const char *name)
{
    static char path[4096];

    snprintf(path, sizeof path, "%s/tests/formats/archives/%s", getenv("FIRN_ROOT"), name);
    return path;
}

/* Open, and read every member. */
static enum status read_whole(const char *path, const struct artifact_limits *limits,
                              struct error *err)
{
    struct artifact *artifact;
    enum status status = artifact_open(path, limits, &artifact, err);
    struct bytes bytes;

    for (size_t i = 0; !status && i < artifact->count; i++)
        status = member_bytes(&artifact->members[i], &bytes, err);
    artifact_close(artifact);
    return status;
}

TEST(archives_with_the_same_members_read_alike)
{
    static const struct {
        const char *name;
        enum artifact_kind kind;
    } ROWS[] = {
        {"stored.zip", ARTIFACT_ZIP},     {"deflated.zip", ARTIFACT_ZIP},
        {"bzip2.zip", ARTIFACT_ZIP},      {"stream.zip", ARTIFACT_ZIP},
        {"zip64.zip", ARTIFACT_ZIP},      {"comment.zip", ARTIFACT_ZIP},
        {"ustar.tar", ARTIFACT_TAR},      {"dot.tar", ARTIFACT_TAR},
        {"packed.tar.gz", ARTIFACT_TAR},  {"packed.tar.xz", ARTIFACT_TAR},
        {"packed.tar.bz2", ARTIFACT_TAR},
    };
    struct artifact *artifact;
    struct bytes bytes;
    char hex[65];
    struct error err;

    for (size_t i = 0; i < ARRAY_COUNT(ROWS); i++) {
        CHECK_OK(artifact_open(archive(ROWS[i].name), NULL, &artifact, &err), err);
        CHECK_INT(artifact->kind, ROWS[i].kind);
        CHECK_TEXT(artifact->name, ROWS[i].name);
        CHECK_INT(artifact->count, 3);
        CHECK_TEXT(artifact->members[0].path, "a.txt");
        CHECK_TEXT(artifact->members[1].path, "dir/b.bin");
        CHECK_TEXT(artifact->members[2].path, "dir/empty");
        CHECK_OK(member_bytes(&artifact->members[0], &bytes, &err), err);
        CHECK(bytes_is(bytes, "first\n"));
        CHECK_OK(member_bytes(artifact_find(artifact, "dir/b.bin"), &bytes, &err), err);
        CHECK_INT(bytes.size, 5120);
        for (size_t j = 0; j < bytes.size; j++)
            CHECK_INT(bytes.data[j], j % 256);
        CHECK_OK(member_sha256(&artifact->members[2], hex, &err), err);
        CHECK_TEXT(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        CHECK(artifact_find(artifact, "dir") == NULL);
        CHECK(artifact_find(artifact, "zzz") == NULL);
        CHECK(artifact_container(artifact).size > 200);
        artifact_close(artifact);
    }
}

TEST(stored_members_are_slices_of_the_file)
{
    struct artifact *artifact;
    struct bytes whole, bytes;
    struct error err;

    CHECK_OK(artifact_open(archive("stored.zip"), NULL, &artifact, &err), err);
    whole = artifact_container(artifact);
    CHECK_OK(member_bytes(&artifact->members[1], &bytes, &err), err);
    CHECK(bytes.data > whole.data && bytes.data + bytes.size < whole.data + whole.size);
    artifact_close(artifact);
}

TEST(long_names_of_every_kind)
{
    static const char *const NAMES[] = {"pax.tar", "gnu.tar", "prefix.tar"};
    struct artifact *artifact;
    struct bytes bytes;
    struct error err;

    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++) {
        CHECK_OK(artifact_open(archive(NAMES[i]), NULL, &artifact, &err), err);
        CHECK_INT(artifact->count, 1);
        CHECK(strlen(artifact->members[0].path) > 200);
        CHECK_OK(member_bytes(&artifact->members[0], &bytes, &err), err);
        CHECK(bytes_is(bytes, "deep"));
        artifact_close(artifact);
    }
}

TEST(hostile_archives_are_refused)
{
    static const struct {
        const char *name;
        enum status status;
        const char *text;
    } ROWS[] = {
        {"bad_absolute.zip", STATUS_UNSUPPORTED, "refused: member \"/x\" leaves the root"},
        {"bad_dotdot.zip", STATUS_UNSUPPORTED, "\"dir/../../x\" leaves the root"},
        {"bad_drive.zip", STATUS_UNSUPPORTED, "names a drive"},
        {"bad_backslash.zip", STATUS_UNSUPPORTED, "has a backslash"},
        {"bad_dot.zip", STATUS_UNSUPPORTED, "has a \".\""},
        {"bad_double_slash.zip", STATUS_UNSUPPORTED, "empty part"},
        {"bad_latin1.zip", STATUS_UNSUPPORTED, "not UTF-8"},
        {"bad_symlink.zip", STATUS_UNSUPPORTED, "is a symbolic link"},
        {"bad_device.zip", STATUS_UNSUPPORTED, "is a device"},
        {"bad_encrypted.zip", STATUS_UNSUPPORTED, "is encrypted"},
        {"bad_method.zip", STATUS_UNSUPPORTED, "compressed by method 99"},
        {"bad_twice.zip", STATUS_INVALID_INPUT, "\"x\" is there twice"},
        {"bad_below_file.zip", STATUS_INVALID_INPUT, "below a member that is a file"},
        {"bad_truncated.zip", STATUS_INVALID_INPUT, "no end of central directory"},
        {"bad_trailing.zip", STATUS_INVALID_INPUT, "no end of central directory"},
        {"bad_crc.zip", STATUS_INVALID_INPUT, "member \"only.txt\": CRC-32 is"},
        {"bad_local_name.zip", STATUS_INVALID_INPUT, "another name"},
        {"bad_local_size.zip", STATUS_INVALID_INPUT, "differ, at byte 0"},
        {"bad_offset.zip", STATUS_INVALID_INPUT, "no local header, at byte 5"},
        {"bad_count.zip", STATUS_INVALID_INPUT, "too small for its count"},
        {"bad_overlap.zip", STATUS_INVALID_INPUT, "members overlap"},
        {"bad_lie_small.zip", STATUS_INVALID_INPUT, "more than the announced 100 bytes"},
        {"bad_bomb.zip", STATUS_TOO_LARGE, "limit \"unpacked\""},
        {"bad_absolute.tar", STATUS_UNSUPPORTED, "leaves the root"},
        {"bad_dotdot.tar", STATUS_UNSUPPORTED, "\"../x\" leaves the root"},
        {"bad_symlink.tar", STATUS_UNSUPPORTED, "is a symbolic link"},
        {"bad_hardlink.tar", STATUS_UNSUPPORTED, "is a hard link"},
        {"bad_device.tar", STATUS_UNSUPPORTED, "is a device"},
        {"bad_fifo.tar", STATUS_UNSUPPORTED, "is a device"},
        {"bad_sparse.tar", STATUS_UNSUPPORTED, "is a sparse file"},
        {"bad_twice.tar", STATUS_INVALID_INPUT, "is there twice"},
        {"bad_truncated.tar", STATUS_INVALID_INPUT, "ends outside the file"},
        {"bad_no_end.tar", STATUS_INVALID_INPUT, "no end of the archive"},
        {"bad_trailing.tar", STATUS_INVALID_INPUT, "bytes follow the end"},
        {"bad_checksum.tar", STATUS_INVALID_INPUT, "wrong checksum of a header, at byte 512"},
        {"bad_pax.tar", STATUS_INVALID_INPUT, "pax record has a wrong length"},
        {"bad_gzip.tar.gz", STATUS_INVALID_INPUT, "gzip stream ends early"},
    };
    struct error err;

    for (size_t i = 0; i < ARRAY_COUNT(ROWS); i++)
        CHECK_FAILS(read_whole(archive(ROWS[i].name), NULL, &err), err, ROWS[i].status,
                    ROWS[i].text);
}

/* An archive cut anywhere, or with a bit turned, is refused or is read; nothing else happens. */
TEST(cut_and_turned_archives)
{
    static const char *const NAMES[] = {"deflated.zip", "zip64.zip", "ustar.tar", "packed.tar.gz"};
    struct artifact *artifact;
    struct file_map map;
    struct bytes bytes;
    struct error err;

    for (size_t n = 0; n < ARRAY_COUNT(NAMES); n++) {
        uint8_t *copy;
        CHECK_OK(file_map_open(&map, -1, archive(NAMES[n]), true, &err), err);
        for (size_t size = 1; size < map.bytes.size; size += 7) {
            copy = malloc(size);
            memcpy(copy, map.bytes.data, size);
            if (artifact_open_bytes((struct bytes){copy, size}, "x", NULL, &artifact, &err) ==
                STATUS_OK) {
                /* At best a file that is no archive, or a tar that lost its last zeros. */
                if (artifact->kind != ARTIFACT_FILE)
                    CHECK_INT(artifact->count, 3);
                artifact_close(artifact);
            }
            free(copy);
        }
        copy = malloc(map.bytes.size);
        memcpy(copy, map.bytes.data, map.bytes.size);
        for (size_t i = 0; i < map.bytes.size; i += 3) {
            copy[i] ^= (uint8_t)(1 << i % 8);
            if (artifact_open_bytes((struct bytes){copy, map.bytes.size}, "x", NULL, &artifact,
                                    &err) == STATUS_OK) {
                for (size_t m = 0; m < artifact->count; m++)
                    if (member_bytes(&artifact->members[m], &bytes, &err))
                        CHECK(err.text[0]);
                artifact_close(artifact);
            }
            copy[i] ^= (uint8_t)(1 << i % 8);
        }
        free(copy);
        file_map_close(&map);
    }
}

TEST(limits_have_names)
{
    struct artifact_limits limits = artifact_limits_default();
    struct error err;

    limits.members = 2;
    CHECK_FAILS(read_whole(archive("stored.zip"), &limits, &err), err, STATUS_TOO_LARGE,
                "limit \"members\"");
    CHECK_FAILS(read_whole(archive("ustar.tar"), &limits, &err), err, STATUS_TOO_LARGE,
                "limit \"members\"");
    limits = artifact_limits_default();
    limits.depth = 0;
    CHECK_FAILS(read_whole(archive("stored.zip"), &limits, &err), err, STATUS_TOO_LARGE,
                "limit \"depth\"");
    limits = artifact_limits_default();
    limits.bytes = 5000;
    CHECK_FAILS(read_whole(archive("stored.zip"), &limits, &err), err, STATUS_TOO_LARGE,
                "limit \"bytes\"");
    limits = artifact_limits_default();
    limits.unpacked = 5000;
    CHECK_FAILS(read_whole(archive("deflated.zip"), &limits, &err), err, STATUS_TOO_LARGE,
                "limit \"unpacked\"");
    CHECK_FAILS(read_whole(archive("packed.tar.gz"), &limits, &err), err, STATUS_TOO_LARGE,
                "limit \"unpacked\"");
}

static void write_file(const char *path, const char *text)
{
    struct error err;

    CHECK_OK(file_replace(path, bytes_of(text), &err), err);
}

TEST(folder_is_walked_in_order)
{
    struct artifact *artifact;
    struct member *member;
    struct bytes bytes;
    struct error err;

    CHECK_OK(file_make_folders("model/variables/deep", &err), err);
    CHECK_OK(file_make_folders("model/nothing", &err), err);
    write_file("model/z", "zz");
    write_file("model/variables/deep/w", "weights");
    write_file("model/variables/empty", "");
    CHECK_OK(artifact_open("model/", NULL, &artifact, &err), err);
    CHECK_INT(artifact->kind, ARTIFACT_FOLDER);
    CHECK_TEXT(artifact->name, "model");
    CHECK_INT(artifact->count, 3);
    CHECK_TEXT(artifact->members[0].path, "variables/deep/w");
    CHECK_TEXT(artifact->members[1].path, "variables/empty");
    CHECK_TEXT(artifact->members[2].path, "z");
    CHECK(artifact_container(artifact).data == NULL);
    CHECK_OK(member_bytes(&artifact->members[0], &bytes, &err), err);
    CHECK(bytes_is(bytes, "weights"));
    CHECK_OK(member_bytes(&artifact->members[1], &bytes, &err), err);
    CHECK_INT(bytes.size, 0);

    CHECK_OK(artifact_resolve(artifact, &artifact->members[0], bytes_of("../../z"), &member, &err),
             err);
    CHECK_TEXT(member->path, "z");
    CHECK_OK(artifact_resolve(artifact, &artifact->members[1], bytes_of("./deep/w"), &member, &err),
             err);
    CHECK_TEXT(member->path, "variables/deep/w");
    CHECK_FAILS(
        artifact_resolve(artifact, &artifact->members[0], bytes_of("../../../z"), &member, &err),
        err, STATUS_UNSUPPORTED, "leaves the root");
    CHECK_FAILS(artifact_resolve(artifact, NULL, bytes_of("/etc/passwd"), &member, &err), err,
                STATUS_UNSUPPORTED, "leaves the root");
    CHECK_FAILS(artifact_resolve(artifact, NULL, bytes_of("gone"), &member, &err), err,
                STATUS_NOT_FOUND, "\"gone\", which is not there");
    CHECK_FAILS(artifact_resolve(artifact, NULL, bytes_of(""), &member, &err), err,
                STATUS_INVALID_INPUT, "names a file");
    artifact_close(artifact);
}

TEST(folder_members_that_change_are_noticed)
{
    struct artifact *artifact;
    struct bytes bytes;
    struct error err;

    CHECK_OK(file_make_folders("changing", &err), err);
    write_file("changing/a", "one");
    write_file("changing/b", "two");
    CHECK_OK(artifact_open("changing", NULL, &artifact, &err), err);
    write_file("changing/a", "another");
    CHECK_INT(unlink("changing/b"), 0);
    CHECK_INT(symlink("a", "changing/b"), 0);
    CHECK_FAILS(member_bytes(&artifact->members[0], &bytes, &err), err, STATUS_INVALID_INPUT,
                "changed while it was read");
    CHECK_FAILS(member_bytes(&artifact->members[1], &bytes, &err), err, STATUS_INVALID_INPUT,
                "member \"b\"");
    artifact_close(artifact);
}

TEST(folder_without_links_and_pipes)
{
    struct artifact *artifact;
    struct error err;

    CHECK_OK(file_make_folders("linked", &err), err);
    CHECK_OK(file_make_folders("empty", &err), err);
    CHECK_INT(symlink("/etc/passwd", "linked/x"), 0);
    CHECK_FAILS(artifact_open("linked", NULL, &artifact, &err), err, STATUS_UNSUPPORTED,
                "refused: member \"x\" is a symbolic link");
    CHECK_INT(unlink("linked/x"), 0);
    CHECK_INT(mkfifo("linked/x", 0600), 0);
    CHECK_FAILS(artifact_open("linked", NULL, &artifact, &err), err, STATUS_UNSUPPORTED,
                "is not a regular file");
    CHECK_OK(artifact_open("empty", NULL, &artifact, &err), err);
    CHECK_INT(artifact->count, 0);
    artifact_close(artifact);
    CHECK_FAILS(artifact_open("gone", NULL, &artifact, &err), err, STATUS_NOT_FOUND, "\"gone\"");
}

TEST(plain_and_compressed_files_are_one_member)
{
    struct artifact *artifact;
    struct member *member;
    struct bytes bytes;
    struct error err;

    write_file("plain.txt", "PK but not a zip");
    CHECK_OK(artifact_open("plain.txt", NULL, &artifact, &err), err);
    CHECK_INT(artifact->kind, ARTIFACT_FILE);
    CHECK_INT(artifact->count, 1);
    CHECK_TEXT(artifact->members[0].path, "");
    CHECK(artifact_find(artifact, "") == &artifact->members[0]);
    CHECK_OK(member_bytes(&artifact->members[0], &bytes, &err), err);
    CHECK(bytes_equal(bytes, artifact_container(artifact)));
    CHECK_FAILS(artifact_resolve(artifact, &artifact->members[0], bytes_of("w.bin"), &member, &err),
                err, STATUS_NOT_FOUND, "w.bin");
    CHECK(strstr(err.fix, "folder"));
    artifact_close(artifact);

    CHECK_OK(artifact_open(archive("words.gz"), NULL, &artifact, &err), err);
    CHECK_INT(artifact->kind, ARTIFACT_FILE);
    artifact_close(artifact);

    write_file("nothing", "");
    CHECK_OK(artifact_open("nothing", NULL, &artifact, &err), err);
    CHECK_OK(member_bytes(&artifact->members[0], &bytes, &err), err);
    CHECK_INT(bytes.size, 0);
    artifact_close(artifact);
}

TEST(no_memory_is_an_error)
{
    struct artifact *artifact;
    struct bytes bytes;
    struct error err;

    for (long n = 1; n < 40; n++) {
        arena_fail_at(n);
        if (artifact_open(archive("deflated.zip"), NULL, &artifact, &err) == STATUS_OK) {
            for (size_t i = 0; i < artifact->count; i++)
                if (member_bytes(&artifact->members[i], &bytes, &err))
                    CHECK_INT(err.status, STATUS_NO_MEMORY);
            artifact_close(artifact);
        } else {
            CHECK_INT(err.status, STATUS_NO_MEMORY);
        }
    }
    arena_fail_at(0);
}
