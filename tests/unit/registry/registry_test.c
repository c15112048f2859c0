// SPDX-License-Identifier: Apache-2.0
#include "registry/registry.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/internal.h"
#include "unit/registry/store.h"

TEST(versions_are_numbered_and_never_again)
{
    struct registry *registry = open_store("numbers");
    struct version version;
    struct arena keep;
    struct error err;

    arena_init(&keep, 1 << 20);
    CHECK_INT(add_text(registry, "iris", "one"), 1);
    CHECK_INT(add_text(registry, "iris", "one"), -1);
    CHECK_INT(add_text(registry, "iris", "two"), 2);
    CHECK_INT(add_text(registry, "iris", "one"), 3);
    CHECK_INT(add_text(registry, "other", "one"), 1);
    CHECK_OK(registry_delete(registry, "iris", 3, &err), err);
    CHECK_INT(add_text(registry, "iris", "one"), 4);
    CHECK_OK(registry_delete(registry, "iris", 0, &err), err);
    CHECK_FAILS(registry_resolve(registry, "iris", &version, &keep, &err), err, STATUS_NOT_FOUND,
                "there is no model \"iris\"");
    CHECK_FAILS(registry_delete(registry, "iris", 0, &err), err, STATUS_NOT_FOUND, "\"iris\"");
    CHECK_INT(add_text(registry, "iris", "one"), 5);
    check_whole(registry);
    registry_close(registry);
    arena_release(&keep);
}

/* A place keeps its id for one version; its number goes to who comes first. */
TEST(places_of_versions)
{
    struct registry *registry = open_store("places");
    struct version_place place, other;
    struct version_upload upload = {
        .model = "iris", .format = "test", .contract = "{\"signatures\":[]}", .place = &place};
    struct version version;
    struct arena keep;
    struct error err;
    bool unchanged;

    arena_init(&keep, 1 << 20);
    CHECK_OK(registry_reserve(registry, "iris", &place, &err), err);
    CHECK_INT(place.id, 1);
    CHECK_INT(place.number, 1);
    CHECK_FAILS(registry_resolve(registry, "iris", &version, &keep, &err), err, STATUS_NOT_FOUND,
                "there is no model \"iris\"");
    CHECK_INT(add_text(registry, "other", "one"), 1); /* takes the id behind it */
    CHECK_OK(artifact_open_bytes(bytes_of("one"), "model.txt", NULL, &upload.artifact, &err), err);
    CHECK_OK(registry_add(registry, &upload, &version, &unchanged, &keep, &err), err);
    CHECK_INT(version.id, 1);
    CHECK_INT(version.model_id, place.model_id);
    CHECK_OK(registry_reserve(registry, "iris", &place, &err), err);
    CHECK_INT(place.id, 3);
    CHECK_INT(place.number, 2);
    /* the same bytes again are a version too: the place was promised */
    CHECK_OK(registry_add(registry, &upload, &version, &unchanged, &keep, &err), err);
    CHECK(!unchanged);
    CHECK_INT(version.number, 2);
    CHECK_OK(registry_reserve(registry, "iris", &place, &err), err);
    CHECK_INT(add_text(registry, "iris", "three"), 3);
    CHECK_FAILS(registry_add(registry, &upload, &version, &unchanged, &keep, &err), err,
                STATUS_CONFLICT, "another upload became version 3 of \"iris\"");
    CHECK_OK(registry_reserve(registry, "iris", &other, &err), err);
    CHECK(other.id > place.id);
    CHECK_INT(other.number, 4);
    CHECK_FAILS(registry_reserve(registry, "a b", &other, &err), err, STATUS_INVALID_INPUT, "a b");
    artifact_close(upload.artifact);
    check_whole(registry);
    registry_close(registry);
    arena_release(&keep);
}

TEST(references)
{
    struct registry *registry = open_store("references");
    struct version version, *versions;
    struct arena keep;
    struct error err;
    size_t count;

    arena_init(&keep, 1 << 20);
    CHECK_INT(add_text(registry, "iris", "one"), 1);
    CHECK_INT(add_text(registry, "iris", "two"), 2);
    CHECK_INT(add_text(registry, "a.b_c-d", "x"), 1);
    CHECK_OK(registry_alias(registry, "iris", "prod", 1, -1, &err), err);
    CHECK_OK(registry_resolve(registry, "iris", &version, &keep, &err), err);
    CHECK_INT(version.number, 2);
    CHECK_OK(registry_resolve(registry, "iris^", &version, &keep, &err), err);
    CHECK_INT(version.number, 1);
    CHECK_INT(add_text(registry, "folder/in/iris", "x"), 1);
    CHECK_OK(registry_resolve(registry, "folder/in/iris:1", &version, &keep, &err), err);
    CHECK_TEXT(version.model, "folder/in/iris");
    CHECK_OK(registry_resolve(registry, "iris:1", &version, &keep, &err), err);
    CHECK_INT(version.number, 1);
    CHECK_INT(version.alias_count, 1);
    CHECK_TEXT(version.aliases[0], "prod");
    CHECK_TEXT(version.format, "test");
    CHECK_TEXT(version.manifest, "kind: Model\n");
    CHECK(version.reason == NULL);
    CHECK_OK(registry_resolve(registry, "iris@prod", &version, &keep, &err), err);
    CHECK_INT(version.number, 1);
    CHECK_FAILS(registry_resolve(registry, "irsi", &version, &keep, &err), err, STATUS_NOT_FOUND,
                "there is no model \"irsi\"");
    CHECK(strstr(err.fix, "\"iris\""));
    CHECK_FAILS(registry_resolve(registry, "iris:9", &version, &keep, &err), err, STATUS_NOT_FOUND,
                "no version 9, the newest is 2");
    CHECK_FAILS(registry_resolve(registry, "iris@pord", &version, &keep, &err), err,
                STATUS_NOT_FOUND, "no alias \"pord\"");
    CHECK(strstr(err.fix, "\"prod\""));
    CHECK_FAILS(registry_resolve(registry, "iris:x", &version, &keep, &err), err,
                STATUS_INVALID_INPUT, "\"x\" is no version number");
    CHECK_FAILS(registry_resolve(registry, "iris:0", &version, &keep, &err), err,
                STATUS_INVALID_INPUT, "no version number");
    CHECK_FAILS(registry_resolve(registry, "iris^^^^^^^^", &version, &keep, &err), err,
                STATUS_NOT_FOUND, "none 8 before the newest");
    CHECK_FAILS(registry_resolve(registry, "iris^1", &version, &keep, &err), err,
                STATUS_INVALID_INPUT, "goes on after its ^");
    CHECK_FAILS(registry_resolve(registry, "../x", &version, &keep, &err), err,
                STATUS_INVALID_INPUT, "no model name");
    CHECK_FAILS(registry_resolve(registry, "", &version, &keep, &err), err, STATUS_INVALID_INPUT,
                "no model name");
    CHECK_FAILS(registry_resolve(registry, "iris@", &version, &keep, &err), err,
                STATUS_INVALID_INPUT, "no alias name");

    CHECK_OK(registry_list(registry, NULL, &versions, &count, &keep, &err), err);
    CHECK_INT(count, 3);
    CHECK_TEXT(versions[0].model, "a.b_c-d");
    CHECK_TEXT(versions[1].model, "folder/in/iris");
    CHECK_TEXT(versions[2].model, "iris");
    CHECK_INT(versions[2].number, 2);
    CHECK_OK(registry_list(registry, "iris", &versions, &count, &keep, &err), err);
    CHECK_INT(count, 2);
    CHECK_INT(versions[0].number, 2);
    CHECK_FAILS(registry_list(registry, "gone", &versions, &count, &keep, &err), err,
                STATUS_NOT_FOUND, "\"gone\"");
    registry_close(registry);
    arena_release(&keep);
}

TEST(aliases_move_with_compare_and_set)
{
    struct registry *registry = open_store("aliases");
    struct error err;

    CHECK_INT(add_text(registry, "iris", "one"), 1);
    CHECK_INT(add_text(registry, "iris", "two"), 2);
    CHECK_FAILS(registry_alias(registry, "iris", "prod", 1, 2, &err), err, STATUS_CONFLICT,
                "\"iris@prod\" does not exist");
    CHECK_OK(registry_alias(registry, "iris", "prod", 1, 0, &err), err);
    CHECK_FAILS(registry_alias(registry, "iris", "prod", 2, 0, &err), err, STATUS_CONFLICT,
                "stands at 1, not at 0");
    CHECK_OK(registry_alias(registry, "iris", "prod", 2, 1, &err), err);
    CHECK_FAILS(registry_alias(registry, "iris", "prod", 3, -1, &err), err, STATUS_NOT_FOUND,
                "no version 3");
    CHECK_FAILS(registry_alias(registry, "iris", "7", 1, -1, &err), err, STATUS_INVALID_INPUT,
                "looks like a version number");
    CHECK_FAILS(registry_alias(registry, "none", "prod", 1, -1, &err), err, STATUS_NOT_FOUND,
                "no model");
    CHECK_FAILS(registry_alias(registry, "iris", "gone", 0, -1, &err), err, STATUS_NOT_FOUND,
                "no alias \"gone\"");
    CHECK_FAILS(registry_delete(registry, "iris", 2, &err), err, STATUS_CONFLICT, "iris@prod -> 2");
    CHECK_FAILS(registry_delete(registry, "iris", 0, &err), err, STATUS_CONFLICT, "iris@prod");
    CHECK_FAILS(registry_delete(registry, "iris", 9, &err), err, STATUS_NOT_FOUND, "no version 9");
    CHECK_OK(registry_delete(registry, "iris", 1, &err), err);
    CHECK_OK(registry_alias(registry, "iris", "prod", 0, 2, &err), err);
    CHECK_OK(registry_delete(registry, "iris", 2, &err), err);
    check_whole(registry);
    registry_close(registry);
}

TEST(same_bytes_have_the_same_digest_everywhere)
{
    struct registry *here = open_store("digest/here"), *there = open_store("digest/there");
    struct version a, b;
    struct arena keep;
    struct error err;
    bool unchanged;

    arena_init(&keep, 1 << 20);
    CHECK_INT(add_text(here, "iris", "first of two"), 1);
    CHECK_OK(add_bytes(here, "iris", "bytes", "one.pkl", &a, &unchanged, &keep, &err), err);
    CHECK_OK(add_bytes(there, "iris", "bytes", "folder/renamed.pkl", &b, &unchanged, &keep, &err),
             err);
    CHECK_INT(a.number, 2);
    CHECK_INT(b.number, 1);
    CHECK_TEXT(a.digest, b.digest);
    CHECK_OK(add_bytes(there, "iris", "Bytes", "one.pkl", &b, &unchanged, &keep, &err), err);
    CHECK(strcmp(a.digest, b.digest) != 0);
    /* Pinned: this digest must not change with firn, or unchanged uploads would. */
    CHECK_TEXT(a.digest, "sha256:8c89383f0c835181948f02d1ea0c6b55d69ab4444ee4bb9dde605017d02cf499");
    registry_close(here);
    registry_close(there);
    arena_release(&keep);
}

TEST(folders_come_back_as_they_were)
{
    static char longest[300], path[400];
    struct registry *registry = open_store("folders");
    struct artifact *artifact, *stored;
    struct version version;
    struct arena keep;
    struct bytes bytes;
    struct error err;
    bool unchanged;
    char hex[65];

    arena_init(&keep, 1 << 20);
    memset(longest, 'n', 230);
    CHECK_OK(file_make_folders("tree/a/b/c", &err), err);
    write_file("tree/a/b/c/deep", "deep");
    write_file("tree/a-b", "minus sorts before slash");
    write_file("tree/a.b", "");
    write_file("tree/z\xC3\xA9", "not ascii");
    snprintf(path, sizeof path, "tree/%s", longest);
    write_file(path, "a name that needs an extended header");
    CHECK_OK(artifact_open("tree", NULL, &artifact, &err), err);
    CHECK_OK(add_artifact(registry, "tree", artifact, &version, &unchanged, &keep, &err), err);
    CHECK_OK(registry_artifact(registry, &version, &stored, &err), err);
    CHECK_INT(stored->kind, ARTIFACT_FOLDER);
    CHECK(artifact_container(stored).data == NULL);
    CHECK_INT(stored->count, artifact->count);
    for (size_t i = 0; i < artifact->count; i++) {
        char again[65];
        CHECK_TEXT(stored->members[i].path, artifact->members[i].path);
        CHECK_OK(member_bytes(&stored->members[i], &bytes, &err), err);
        CHECK_INT((uintptr_t)bytes.data % 64, 0);
        CHECK_OK(member_sha256(&stored->members[i], again, &err), err);
        CHECK_OK(member_sha256(&artifact->members[i], hex, &err), err);
        CHECK_TEXT(again, hex);
    }
    artifact_close(stored);
    artifact_close(artifact);
    check_whole(registry);
    registry_close(registry);
    arena_release(&keep);
}

TEST(archives_come_back)
{
    static const struct {
        const char *name;
        enum artifact_kind kind;
        size_t count;
    } ROWS[] = {
        {"deflated.zip", ARTIFACT_ZIP, 3},
        {"packed.tar.gz", ARTIFACT_FOLDER, 3},
        {"words.gz", ARTIFACT_FILE, 1},
    };
    struct registry *registry = open_store("archives");
    struct artifact *artifact, *stored;
    struct version version;
    struct arena keep;
    struct bytes bytes;
    struct error err;
    bool unchanged;
    char path[4096];

    arena_init(&keep, 1 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(ROWS); i++) {
        snprintf(path, sizeof path, "%s/tests/formats/archives/%s", getenv("FIRN_ROOT"),
                 ROWS[i].name);
        CHECK_OK(artifact_open(path, NULL, &artifact, &err), err);
        CHECK_OK(add_artifact(registry, "x", artifact, &version, &unchanged, &keep, &err), err);
        CHECK_OK(registry_artifact(registry, &version, &stored, &err), err);
        CHECK_INT(stored->kind, ROWS[i].kind);
        CHECK_INT(stored->count, ROWS[i].count);
        for (size_t m = 0; m < stored->count; m++)
            CHECK_OK(member_bytes(&stored->members[m], &bytes, &err), err);
        if (ROWS[i].kind != ARTIFACT_FOLDER)
            CHECK(bytes_equal(artifact_container(artifact), artifact_container(stored)));
        artifact_close(stored);
        artifact_close(artifact);
    }
    check_whole(registry);
    registry_close(registry);
    arena_release(&keep);
}

TEST(a_file_with_companions_comes_back_as_a_folder)
{
    struct registry *registry = open_store("companions");
    struct artifact *artifact, *stored;
    struct member *member;
    struct version version, again;
    struct arena keep;
    struct error err;
    bool unchanged;

    arena_init(&keep, 1 << 20);
    CHECK_OK(file_make_folders("beside", &err), err);
    write_file("beside/m.onnx", "model");
    write_file("beside/b.bin", "second");
    write_file("beside/a.bin", "first");
    CHECK_OK(artifact_open("beside/m.onnx", NULL, &artifact, &err), err);
    CHECK_OK(artifact_resolve(artifact, &artifact->members[0], bytes_of("b.bin"), &member, &err),
             err);
    CHECK_OK(artifact_resolve(artifact, &artifact->members[0], bytes_of("a.bin"), &member, &err),
             err);
    CHECK_OK(add_artifact(registry, "x", artifact, &version, &unchanged, &keep, &err), err);
    artifact_close(artifact);
    CHECK_OK(registry_artifact(registry, &version, &stored, &err), err);
    CHECK_INT(stored->count, 3);
    CHECK_TEXT(stored->members[2].path, "m.onnx");
    artifact_close(stored);
    /* The folder with these files is the same version. */
    CHECK_OK(artifact_open("beside", NULL, &artifact, &err), err);
    CHECK_OK(add_artifact(registry, "x", artifact, &again, &unchanged, &keep, &err), err);
    CHECK(unchanged);
    CHECK_TEXT(again.digest, version.digest);
    artifact_close(artifact);
    registry_close(registry);
    arena_release(&keep);
}

TEST(names_that_would_not_open_again_are_refused)
{
    struct registry *registry = open_store("names");
    struct artifact *artifact;
    struct member *member;
    struct version version;
    struct arena keep;
    struct error err;
    bool unchanged;

    arena_init(&keep, 1 << 20);
    CHECK_OK(file_make_folders("odd", &err), err);
    write_file("odd/back\\slash.onnx", "model");
    write_file("odd/a.bin", "first");
    CHECK_OK(artifact_open("odd/back\\slash.onnx", NULL, &artifact, &err), err);
    CHECK_OK(artifact_resolve(artifact, &artifact->members[0], bytes_of("a.bin"), &member, &err),
             err);
    CHECK_FAILS(add_artifact(registry, "x", artifact, &version, &unchanged, &keep, &err), err,
                STATUS_UNSUPPORTED, "has a backslash");
    artifact_close(artifact);
    /* Alone its name does not matter. */
    CHECK_OK(artifact_open("odd/back\\slash.onnx", NULL, &artifact, &err), err);
    CHECK_OK(add_artifact(registry, "x", artifact, &version, &unchanged, &keep, &err), err);
    CHECK_INT(version.number, 1);
    artifact_close(artifact);
    check_whole(registry);
    registry_close(registry);
    arena_release(&keep);
}

static bool is_text(const struct member *member, void *context)
{
    (void)context;
    return strcmp(member->path, "a.txt") == 0;
}

TEST(a_part_of_an_archive_is_stored_as_a_folder)
{
    struct registry *registry = open_store("part");
    struct artifact *artifact, *stored;
    struct version version;
    struct arena keep;
    struct bytes bytes;
    struct error err;
    bool unchanged;
    char path[4096];

    arena_init(&keep, 1 << 20);
    snprintf(path, sizeof path, "%s/tests/formats/archives/deflated.zip", getenv("FIRN_ROOT"));
    CHECK_OK(artifact_open(path, NULL, &artifact, &err), err);
    artifact_keep(artifact, is_text, NULL);
    CHECK_OK(add_artifact(registry, "x", artifact, &version, &unchanged, &keep, &err), err);
    CHECK_INT(version.bytes, 6);
    CHECK_OK(registry_artifact(registry, &version, &stored, &err), err);
    CHECK_INT(stored->count, 1);
    CHECK_OK(member_bytes(&stored->members[0], &bytes, &err), err);
    CHECK(bytes_is(bytes, "first\n"));
    artifact_close(stored);
    artifact_close(artifact);
    check_whole(registry);
    registry_close(registry);
    arena_release(&keep);
}

TEST(bad_uploads_store_nothing)
{
    struct registry *registry = open_store("bad");
    struct artifact *artifact;
    struct version version;
    struct arena keep;
    struct error err;
    bool unchanged;
    uint64_t files, bytes;

    arena_init(&keep, 1 << 20);
    CHECK_FAILS(add_bytes(registry, "no//name", "x", "x", &version, &unchanged, &keep, &err), err,
                STATUS_INVALID_INPUT, "\"no//name\" is no model name");
    CHECK_FAILS(add_bytes(registry, "folder/", "x", "x", &version, &unchanged, &keep, &err), err,
                STATUS_INVALID_INPUT, "no model name");
    CHECK_FAILS(add_bytes(registry, ".dot", "x", "x", &version, &unchanged, &keep, &err), err,
                STATUS_INVALID_INPUT, "no model name");
    CHECK_OK(file_make_folders("vanishing", &err), err);
    write_file("vanishing/a", "a");
    write_file("vanishing/b", "b");
    CHECK_OK(artifact_open("vanishing", NULL, &artifact, &err), err);
    CHECK_INT(unlink("vanishing/b"), 0);
    CHECK_FAILS(add_artifact(registry, "x", artifact, &version, &unchanged, &keep, &err), err,
                STATUS_NOT_FOUND, "member \"b\"");
    artifact_close(artifact);
    CHECK_OK(registry_gc(registry, &files, &bytes, &err), err);
    CHECK_INT(files, 0);
    CHECK_INT(add_text(registry, "x", "good"), 1);
    registry_close(registry);
    arena_release(&keep);
}

TEST(no_memory_stores_nothing)
{
    struct registry *registry = open_store("memory");
    struct version version;
    struct arena keep;
    struct error err;
    bool unchanged;
    int failures = 0;

    for (long n = 1; n < 60; n++) {
        char text[32];
        enum status status;
        snprintf(text, sizeof text, "bytes %ld", n);
        arena_init(&keep, 1 << 20);
        arena_fail_at(n);
        status = add_bytes(registry, "x", text, "x", &version, &unchanged, &keep, &err);
        arena_fail_at(0);
        failures += status != STATUS_OK;
        CHECK(status == STATUS_OK || status == STATUS_NO_MEMORY);
        arena_release(&keep);
    }
    CHECK(failures > 5);
    check_whole(registry);
    registry_close(registry);
}

/* A limit on the size of files stands for a full disk. */
TEST(a_full_disk_stores_nothing)
{
    static char large[300000];
    struct registry *registry = open_store("full");
    struct rlimit before, small;
    struct version version;
    struct arena keep;
    struct error err;
    bool unchanged;
    uint64_t files, bytes;

    memset(large, 'x', sizeof large - 1);
    arena_init(&keep, 1 << 20);
    signal(SIGXFSZ, SIG_IGN);
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 200000;
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &small), 0);
    CHECK_FAILS(add_bytes(registry, "x", large, "x", &version, &unchanged, &keep, &err), err,
                STATUS_UNAVAILABLE, "cannot write");
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &before), 0);
    CHECK_OK(registry_gc(registry, &files, &bytes, &err), err);
    CHECK_INT(files, 0);
    CHECK_INT(add_text(registry, "x", large), 1);
    check_whole(registry);
    registry_close(registry);
    arena_release(&keep);
}
