// SPDX-License-Identifier: Apache-2.0
#include "registry/registry.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "registry/internal.h"
#include "test.h"

static struct registry *open_store(const char *folder)
{
    struct registry *registry;
    struct error err;

    CHECK_OK(registry_open(folder, &registry, &err), err);
    return registry;
}

static void check_whole(struct registry *registry)
{
    struct text report = {0};
    struct error err;
    size_t faults;

    CHECK_OK(registry_verify(registry, &report, &faults, &err), err);
    if (faults)
        fail_msg("%zu faults: %s", faults, report.data);
    text_release(&report);
}

/* Verify, expecting a fault with these words. */
static void check_fault(struct registry *registry, const char *words)
{
    struct text report = {0};
    struct error err;
    size_t faults;

    CHECK_OK(registry_verify(registry, &report, &faults, &err), err);
    CHECK(faults > 0);
    if (!report.data || !strstr(report.data, words))
        fail_msg("\"%s\" is not in \"%s\"", words, report.data ? report.data : "");
    text_release(&report);
}

static enum status add_artifact(struct registry *registry, const char *model,
                                struct artifact *artifact, struct version *version, bool *unchanged,
                                struct arena *keep, struct error *err)
{
    struct version_upload upload = {.model = model,
                                    .artifact = artifact,
                                    .format = "test",
                                    .framework = "none",
                                    .framework_version = "1",
                                    .contract = "{\"signatures\":[]}",
                                    .manifest = "kind: Model\n"};

    return registry_add(registry, &upload, version, unchanged, keep, err);
}

static enum status add_bytes(struct registry *registry, const char *model, const char *text,
                             const char *name, struct version *version, bool *unchanged,
                             struct arena *keep, struct error *err)
{
    struct artifact *artifact;
    enum status status;

    TRY(artifact_open_bytes(bytes_of(text), name, NULL, &artifact, err));
    status = add_artifact(registry, model, artifact, version, unchanged, keep, err);
    artifact_close(artifact);
    return status;
}

/* Add and give the number; negative when it was unchanged. */
static long long add_text(struct registry *registry, const char *model, const char *text)
{
    struct version version;
    struct arena keep;
    struct error err;
    bool unchanged;

    arena_init(&keep, 1 << 20);
    CHECK_OK(add_bytes(registry, model, text, "model.txt", &version, &unchanged, &keep, &err), err);
    CHECK(version.created[10] == 'T' && version.digest[70]);
    CHECK_INT(version.bytes, strlen(text));
    arena_release(&keep);
    return unchanged ? -version.number : version.number;
}

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

static void write_file(const char *path, const char *text)
{
    struct error err;

    CHECK_OK(file_replace(path, bytes_of(text), &err), err);
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

TEST(gc_takes_what_nobody_needs)
{
    struct registry *registry = open_store("gc");
    struct staging running;
    struct blob *blob = calloc(1, sizeof *blob);
    struct error err;
    uint64_t files, bytes;

    CHECK_INT(add_text(registry, "a", "one"), 1);
    CHECK_INT(add_text(registry, "a", "two"), 2);
    CHECK_INT(add_text(registry, "b", "one"), 1);
    CHECK_OK(staging_open(registry, &running, &err), err);
    CHECK_OK(blob_create(blob, &running, "layer", &err), err);
    CHECK_OK(blob_write(blob, bytes_of("half"), &err), err);
    CHECK_OK(file_make_folders("gc/tmp/upload-dead", &err), err);
    write_file("gc/tmp/upload-dead/layer", "12345");
    write_file("gc/index.json.77.tmp", "{}");
    CHECK_OK(registry_delete(registry, "a", 1, &err), err);
    CHECK_OK(registry_gc(registry, &files, &bytes, &err), err);
    /* The configuration and the manifest of a:1, the dead upload's layer, the half index. The
     * layer of a:1 is that of b:1. */
    CHECK_INT(files, 4);
    CHECK(bytes > 500);
    CHECK_INT(access(running.path, F_OK), 0);
    CHECK_INT(access("gc/tmp/upload-dead", F_OK), -1);
    blob_finish(blob);
    CHECK_OK(blob_publish(registry, blob, &err), err);
    blob_release(blob);
    free(blob);
    staging_close(&running);
    check_whole(registry);
    CHECK_OK(registry_gc(registry, &files, &bytes, &err), err);
    CHECK_INT(files, 1);
    check_whole(registry);
    registry_close(registry);
}

/* The path of the layer of a:1. */
static void layer_path(struct registry *registry, char path[PATH_SIZE])
{
    struct store_image image;
    struct version version;
    struct arena keep;
    struct error err;

    arena_init(&keep, 1 << 20);
    CHECK_OK(registry_resolve(registry, "a", &version, &keep, &err), err);
    CHECK_OK(store_sqlite.image(registry->store, version.digest, &image, &keep, &err), err);
    CHECK(blob_path(registry, image.layer, path));
    arena_release(&keep);
}

static void change_rows(const char *sql)
{
    sqlite3 *connection;

    CHECK_INT(sqlite3_open("damage/store.db", &connection), SQLITE_OK);
    CHECK_INT(
        sqlite3_exec(connection, "DROP TRIGGER IF EXISTS versions_never_change", NULL, NULL, NULL),
        SQLITE_OK);
    CHECK_INT(sqlite3_exec(connection, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(connection);
}

TEST(verify_finds_damage)
{
    struct registry *registry = open_store("damage");
    char path[PATH_SIZE];
    struct error err;
    int fd;

    CHECK_INT(add_text(registry, "a", "one"), 1);
    check_whole(registry);
    layer_path(registry, path);
    CHECK_INT(chmod(path, 0644), 0);
    fd = open(path, O_WRONLY);
    CHECK_INT(pwrite(fd, "X", 1, 3000), 1);
    check_fault(registry, "blob has other bytes than its digest says");
    CHECK_INT(ftruncate(fd, 1000), 0);
    close(fd);
    check_fault(registry, "blob has another size than its row");
    CHECK_INT(unlink(path), 0);
    check_fault(registry, "No such file");
    /* Uploading the same again mends it. */
    CHECK_INT(add_text(registry, "a", "one"), -1);
    check_whole(registry);

    change_rows("UPDATE versions SET format = 'other'");
    check_fault(registry, "says something else than the version's row");
    change_rows("UPDATE versions SET format = 'test', contract = '{}'");
    check_fault(registry, "holds another contract");
    change_rows("UPDATE versions SET contract = '{\"signatures\":[]}', bytes = 4");
    check_fault(registry, "payload has another size");
    change_rows("UPDATE versions SET bytes = 3, manifest = ''");
    check_fault(registry, "another serving.yaml");
    change_rows("UPDATE versions SET manifest = 'kind: Model' || char(10)");
    check_whole(registry);
    change_rows("UPDATE models SET last_number = 0");
    check_fault(registry, "above its last number");
    change_rows("UPDATE models SET last_number = 1");

    write_file("damage/oci-layout", "{}");
    check_fault(registry, "oci-layout");
    registry_close(registry);
    registry = open_store("damage");
    CHECK_OK(registry_alias(registry, "a", "x", 1, -1, &err), err);
    check_whole(registry);
    registry_close(registry);
}

TEST(index_follows_after_a_crash)
{
    struct registry *registry = open_store("index");
    struct file_map before, after;
    struct error err;

    CHECK_INT(add_text(registry, "a", "one"), 1);
    CHECK_OK(file_map_open(&before, AT_FDCWD, "index/index.json", false, &err), err);
    CHECK_INT(add_text(registry, "a", "two"), 2);
    CHECK_OK(registry_alias(registry, "a", "prod", 1, -1, &err), err);
    CHECK_OK(file_map_open(&after, AT_FDCWD, "index/index.json", false, &err), err);
    CHECK(memmem(after.bytes.data, after.bytes.size, "\"a:prod\"", 8) != NULL);
    CHECK(memmem(after.bytes.data, after.bytes.size, "\"a:2\"", 5) != NULL);
    registry_close(registry);
    /* As a crash between the rows and the file leaves it. */
    CHECK_OK(file_replace("index/index.json", before.bytes, &err), err);
    file_map_close(&before);
    registry = open_store("index");
    CHECK_OK(file_map_open(&before, AT_FDCWD, "index/index.json", false, &err), err);
    CHECK(bytes_equal(before.bytes, after.bytes));
    file_map_close(&before);
    file_map_close(&after);
    check_whole(registry);
    registry_close(registry);
}

static struct bytes index_read(const char *path, struct file_map *map)
{
    struct error err;

    CHECK_OK(file_map_open(map, AT_FDCWD, path, false, &err), err);
    return map->bytes;
}

TEST(index_of_a_large_store_follows_later)
{
    struct registry *registry = open_store("later");
    struct file_map map;
    struct bytes index;
    int64_t generation;
    struct error err;

    CHECK_INT(add_text(registry, "a", "one"), 1);
    atomic_store(&registry->index_next_ms, UINT64_MAX); /* as when writing it takes long */
    CHECK_INT(add_text(registry, "a", "two"), 2);
    CHECK_OK(registry_generation(registry, &generation, &err), err);
    index = index_read("later/index.json", &map);
    CHECK(memmem(index.data, index.size, "\"a:1\"", 5) != NULL);
    CHECK(memmem(index.data, index.size, "\"a:2\"", 5) == NULL);
    file_map_close(&map);
    atomic_store(&registry->index_next_ms, 0);
    CHECK_OK(registry_generation(registry, &generation, &err), err); /* whoever watches */
    index = index_read("later/index.json", &map);
    CHECK(memmem(index.data, index.size, "\"a:2\"", 5) != NULL);
    file_map_close(&map);
    atomic_store(&registry->index_next_ms, UINT64_MAX);
    CHECK_INT(add_text(registry, "a", "three"), 3);
    check_whole(registry); /* looks at rows and index: it is written first */
    CHECK_INT(add_text(registry, "a", "four"), 4);
    registry_close(registry);
    index = index_read("later/index.json", &map);
    CHECK(memmem(index.data, index.size, "\"a:4\"", 5) != NULL);
    file_map_close(&map);
}

struct known {
    struct version *rows;
    size_t count, asked;
};

static const struct version *find_known(void *context, int64_t id)
{
    struct known *known = context;

    known->asked++;
    for (size_t i = 0; i < known->count; i++)
        if (known->rows[i].id == id)
            return &known->rows[i];
    return NULL;
}

TEST(listing_reads_what_is_not_known)
{
    struct registry *registry = open_store("known");
    struct known known = {0};
    const struct version_known have = {find_known, &known};
    struct version *first, *second;
    struct arena keep;
    struct error err;
    size_t count;

    arena_init(&keep, 1 << 20);
    CHECK_OK(registry_list_all(registry, &have, &first, &count, &keep, &err), err);
    CHECK_INT(count, 0);
    CHECK_INT(add_text(registry, "b", "one"), 1);
    CHECK_INT(add_text(registry, "b", "two"), 2);
    CHECK_INT(add_text(registry, "a", "one"), 1);
    CHECK_INT(add_text(registry, "a-c", "one"), 1);
    CHECK_OK(registry_alias(registry, "b", "stays", 1, -1, &err), err);
    CHECK_OK(registry_alias(registry, "b", "moves", 1, -1, &err), err);
    CHECK_OK(registry_list_all(registry, &have, &first, &count, &keep, &err), err);
    CHECK_INT(count, 4);
    CHECK_TEXT(first[0].model, "a");
    CHECK_TEXT(first[1].model, "a-c");
    CHECK_TEXT(first[2].model, "b");
    CHECK_INT(first[2].number, 2);
    CHECK_INT(first[2].alias_count, 0);
    CHECK_INT(first[3].number, 1);
    CHECK_INT(first[3].alias_count, 2);
    CHECK_TEXT(first[3].aliases[0], "moves");
    CHECK_TEXT(first[3].aliases[1], "stays");

    known = (struct known){first, count, 0};
    CHECK_OK(registry_delete(registry, "a", 0, &err), err);
    CHECK_INT(add_text(registry, "b", "three"), 3);
    CHECK_OK(registry_alias(registry, "b", "moves", 3, -1, &err), err);
    CHECK_OK(registry_list_all(registry, &have, &second, &count, &keep, &err), err);
    CHECK_INT(count, 4);
    CHECK_INT(known.asked, 4);
    CHECK_TEXT(second[0].model, "a-c");
    CHECK_INT(second[1].number, 3);
    CHECK_INT(second[1].alias_count, 1);
    CHECK_TEXT(second[1].aliases[0], "moves");
    CHECK_TEXT(second[1].contract, second[2].contract);
    CHECK(second[2].digest == first[2].digest); /* the caller's */
    CHECK(strcmp(second[1].digest, first[2].digest) != 0);
    CHECK_INT(second[3].number, 1);
    CHECK_INT(second[3].alias_count, 1);
    CHECK_TEXT(second[3].aliases[0], "stays");
    arena_release(&keep);
    registry_close(registry);
}

enum { THREADS = 4, UPLOADS = 8 };

static void *upload_many(void *argument)
{
    /* Each its own registry, as processes have. */
    struct registry *registry = open_store("together");
    uint64_t files, bytes;
    struct error err;
    char text[64];

    for (int i = 0; i < UPLOADS; i++) {
        snprintf(text, sizeof text, "thread %s upload %d", (const char *)argument, i);
        CHECK(add_text(registry, "shared", text) > 0);
        if (i % 3 == 0)
            CHECK_OK(registry_gc(registry, &files, &bytes, &err), err);
    }
    registry_close(registry);
    return NULL;
}

TEST(several_upload_at_once)
{
    static char names[THREADS][2] = {"a", "b", "c", "d"};
    pthread_t threads[THREADS];
    struct registry *registry;
    struct version *versions;
    struct arena keep;
    struct error err;
    size_t count;

    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, upload_many, names[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    arena_init(&keep, 1 << 20);
    registry = open_store("together");
    CHECK_OK(registry_list(registry, "shared", &versions, &count, &keep, &err), err);
    CHECK_INT(count, THREADS * UPLOADS);
    for (size_t i = 0; i < count; i++)
        CHECK_INT(versions[i].number, count - i);
    check_whole(registry);
    registry_close(registry);
    arena_release(&keep);
}

TEST(generation_grows_with_each_change)
{
    struct registry *one = open_store("watched"), *two = open_store("watched");
    int64_t before, after;
    struct error err;

    CHECK_OK(registry_generation(one, &before, &err), err);
    CHECK_INT(add_text(two, "a", "x"), 1);
    CHECK_OK(registry_generation(one, &after, &err), err);
    CHECK(after > before);
    before = after;
    CHECK_INT(add_text(two, "a", "x"), -1);
    CHECK_OK(registry_generation(one, &after, &err), err);
    CHECK_INT(after, before);
    CHECK_OK(registry_alias(two, "a", "p", 1, -1, &err), err);
    CHECK_OK(registry_generation(one, &after, &err), err);
    CHECK(after > before);
    registry_close(one);
    registry_close(two);
}

TEST(stores_that_are_none)
{
    struct registry *registry;
    struct error err;

    write_file("a_file", "x");
    CHECK_FAILS(registry_open("a_file", &registry, &err), err, STATUS_INVALID_INPUT,
                "store \"a_file\"");
    CHECK_FAILS(registry_open("", &registry, &err), err, STATUS_INVALID_INPUT, "no name");
    CHECK_OK(file_make_folders("foreign", &err), err);
    write_file("foreign/store.db",
               "this is no database, but it is long enough to be looked at....");
    CHECK_FAILS(registry_open("foreign", &registry, &err), err, STATUS_INVALID_INPUT, "damaged");
}

/* How many records the filter finds; the first in *first. */
static size_t records_of(struct registry *registry, struct record_filter filter,
                         struct record *first, struct arena *keep)
{
    struct record *records;
    struct error err;
    size_t count;

    CHECK_OK(registry_record_list(registry, &filter, &records, &count, keep, &err), err);
    if (count)
        *first = records[0];
    return count;
}

TEST(records_stand_beside_versions)
{
    struct registry *registry = open_store("records");
    struct record record = {.kind = "depconf", .name = "big", .body = "{}"}, found;
    uint64_t files, bytes;
    struct version version;
    struct arena keep;
    struct error err;

    arena_init(&keep, 1 << 20);
    CHECK_INT(add_text(registry, "a", "x"), 1);
    CHECK_INT(add_text(registry, "a", "y"), 2);
    CHECK_OK(registry_resolve(registry, "a:1", &version, &keep, &err), err);
    CHECK_INT(version.id, 1);
    CHECK_OK(registry_resolve_id(registry, 2, &version, &keep, &err), err);
    CHECK_INT(version.number, 2);
    CHECK_INT(version.model_id, 1);
    CHECK_FAILS(registry_resolve_id(registry, 3, &version, &keep, &err), err, STATUS_NOT_FOUND,
                "id 3");
    CHECK_OK(registry_record_put(registry, &record, (struct bytes){NULL, 0}, false, &err), err);
    CHECK_FAILS(registry_record_put(registry, &record, (struct bytes){NULL, 0}, false, &err), err,
                STATUS_CONFLICT, "depconf \"big\"");
    record.body = "{\"new\":1}";
    CHECK_OK(registry_record_put(registry, &record, (struct bytes){NULL, 0}, true, &err), err);
    CHECK_INT(records_of(registry, (struct record_filter){.kind = "depconf"}, &found, &keep), 1);
    CHECK_TEXT(found.body, "{\"new\":1}");
    CHECK_INT(found.id, record.id);
    record = (struct record){.kind = "training", .name = "data", .version = 2};
    CHECK_OK(registry_record_put(registry, &record, bytes_of("a,b\n1,2\n"), false, &err), err);
    record.version = 9;
    CHECK_FAILS(registry_record_put(registry, &record, (struct bytes){NULL, 0}, false, &err), err,
                STATUS_NOT_FOUND, "id 9");
    CHECK_OK(registry_gc(registry, &files, &bytes, &err), err);
    CHECK_INT(files, 0); /* what a record has is no garbage */
    check_whole(registry);
    CHECK_INT(records_of(registry, (struct record_filter){.version = 2}, &found, &keep), 1);
    CHECK_INT(found.blob_bytes, 8);
    record = (struct record){.kind = "servable", .name = "s", .version = 2, .needs = true};
    CHECK_OK(registry_record_put(registry, &record, (struct bytes){NULL, 0}, false, &err), err);
    CHECK_FAILS(registry_delete(registry, "a", 2, &err), err, STATUS_CONFLICT,
                "servable \"s\" needs version 2");
    CHECK_OK(registry_record_remove(registry, record.id, &err), err);
    /* it goes with its version, and then its bytes do */
    CHECK_OK(registry_delete(registry, "a", 2, &err), err);
    CHECK_INT(records_of(registry, (struct record_filter){.version = 2}, &found, &keep), 0);
    CHECK_OK(registry_gc(registry, &files, &bytes, &err), err);
    CHECK(files > 0);
    CHECK_OK(registry_record_remove(registry, 1, &err), err);
    CHECK_FAILS(registry_record_remove(registry, 1, &err), err, STATUS_NOT_FOUND, "record 1");
    CHECK_INT(add_text(registry, "b", "z"), 1);
    CHECK_OK(registry_resolve(registry, "b", &version, &keep, &err), err);
    CHECK_INT(version.id, 3);
    check_whole(registry);
    registry_close(registry);
    arena_release(&keep);
}
