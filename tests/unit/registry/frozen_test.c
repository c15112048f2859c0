// SPDX-License-Identifier: Apache-2.0
#include "registry/frozen.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "registry/object.h"
#include "test.h"

#define DIGEST_A "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST_B "sha256:1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST_C "sha256:2123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct frozen row(const char *model, int64_t number)
{
    return (struct frozen){.image = {.model = model,
                                     .manifest_digest = DIGEST_A,
                                     .config_digest = DIGEST_B,
                                     .layer_digest = DIGEST_C,
                                     .manifest_bytes = 1,
                                     .config_bytes = 2,
                                     .layer_bytes = 3,
                                     .payload_bytes = 4,
                                     .single = number == 2,
                                     .format = "for\"mat",
                                     .framework = "",
                                     .framework_version = "1.0"},
                           .number = number};
}

TEST(what_is_printed_is_read_back)
{
    struct frozen rows[] = {row("iris", 1), row("a/b", 2)}, *back;
    struct text first = {0}, second = {0};
    struct arena keep;
    struct error err;
    size_t count;

    arena_init(&keep, 1 << 20);
    rows[1].image.reason = "a worker";
    frozen_print(rows, 2, &first);
    CHECK_OK(frozen_parse(text_bytes(&first), &back, &count, &keep, &err), err);
    CHECK(count == 2 && back[1].number == 2 && back[1].image.single && !back[0].image.single);
    CHECK(!back[0].image.reason && !strcmp(back[1].image.reason, "a worker"));
    CHECK(!strcmp(back[1].image.model, "a/b") && back[0].image.payload_bytes == 4);
    frozen_print(back, count, &second);
    CHECK(bytes_equal(text_bytes(&first), text_bytes(&second)));
    text_release(&first);
    text_release(&second);
    arena_release(&keep);
}

/* One row with `from` replaced by `to`. */
static void changed(const char *from, const char *to, struct text *text)
{
    struct frozen good = row("iris", 1);
    struct text json = {0};
    const char *at;

    frozen_print(&good, 1, &json);
    CHECK_OK(text_check(&json, &(struct error){0}), (struct error){0});
    at = strstr(json.data, from);
    CHECK(at != NULL);
    text_append_bytes(text, (struct bytes){(uint8_t *)json.data, (size_t)(at - json.data)});
    text_append(text, to);
    text_append(text, at + strlen(from));
    text_release(&json);
}

TEST(a_broken_index_is_refused)
{
    static const struct {
        const char *from, *to, *why;
    } CASES[] = {
        {"{\"schema", "x", "JSON"},
        {"\"manifests\":[", "\"other\":[", "lists no versions"},
        {"\"digest\":\"sha256:0", "\"digest\":\"sha512:0", "no sha256 digest"},
        {"\"digest\":\"sha256:0123456789abcdef", "\"digest\":\"sha256:../../../../etc/",
         "no sha256"},
        {"\"size\":1", "\"size\":-1", "no size"},
        {"\"size\":1", "\"size\":\"1\"", "no size"},
        {"\"io.firn.config\":\"sha256:1", "\"io.firn.config\":\"sha256:x", "no sha256 digest"},
        {"\"io.firn.layer\"", "\"io.firn.other\"", "no text \"io.firn.layer\""},
        {"\"io.firn.model\":\"iris\"", "\"io.firn.model\":\"../x\"", "no model name"},
        {"\"io.firn.model\":\"iris\"", "\"io.firn.model\":\"i\\u0000s\"", "no text"},
        {"\"io.firn.version\":\"1\"", "\"io.firn.version\":\"0\"", "no number"},
        {"\"io.firn.version\":\"1\"", "\"io.firn.version\":1", "no number"},
        {"\"io.firn.layer.bytes\":\"3\"", "\"io.firn.layer.bytes\":\"99999999999999999999\"",
         "no number"},
        {"\"annotations\":{", "\"notes\":{", "no text"},
    };
    struct frozen *rows;
    struct arena keep;
    struct error err;
    size_t count;

    arena_init(&keep, 16 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct text text = {0};
        changed(CASES[i].from, CASES[i].to, &text);
        CHECK_FAILS(frozen_parse(text_bytes(&text), &rows, &count, &keep, &err), err,
                    STATUS_INVALID_INPUT, CASES[i].why);
        text_release(&text);
    }
    arena_release(&keep);
}

TEST(too_many_or_equal_versions_are_refused)
{
    struct frozen rows[FROZEN_VERSIONS_MAX + 1], *back;
    struct text text = {0};
    struct arena keep;
    struct error err;
    size_t count;

    arena_init(&keep, 16 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        rows[i] = row("iris", (int64_t)i + 1);
    frozen_print(rows, FROZEN_VERSIONS_MAX, &text);
    CHECK_OK(frozen_parse(text_bytes(&text), &back, &count, &keep, &err), err);
    text_clear(&text);
    frozen_print(rows, FROZEN_VERSIONS_MAX + 1, &text);
    CHECK_FAILS(frozen_parse(text_bytes(&text), &back, &count, &keep, &err), err, STATUS_TOO_LARGE,
                "more than 100");
    text_clear(&text);
    rows[1] = rows[0];
    frozen_print(rows, 2, &text);
    CHECK_FAILS(frozen_parse(text_bytes(&text), &back, &count, &keep, &err), err,
                STATUS_INVALID_INPUT, "iris:1 twice");
    text_release(&text);
    arena_release(&keep);
}

/* --- a store that is frozen by hand --- */

static void freeze(const char *folder, struct registry *registry, const struct version *versions,
                   size_t count, struct arena *keep)
{
    struct frozen *rows = arena_new(keep, struct frozen, count);
    struct text text = {0};
    struct error err;
    char path[512];

    for (size_t i = 0; i < count; i++) {
        struct stored_image image;
        CHECK_OK(registry_image(registry, &versions[i], &image, keep, &err), err);
        rows[i] = (struct frozen){.image = {.model = versions[i].model,
                                            .manifest_digest = image.manifest.digest,
                                            .config_digest = image.config.digest,
                                            .layer_digest = image.layer.digest,
                                            .manifest_bytes = image.manifest.size,
                                            .config_bytes = image.config.size,
                                            .layer_bytes = image.layer.size,
                                            .payload_bytes = versions[i].bytes,
                                            .single = image.single,
                                            .format = versions[i].format,
                                            .framework = versions[i].framework,
                                            .framework_version = versions[i].framework_version},
                                  .number = versions[i].number};
    }
    frozen_print(rows, count, &text);
    snprintf(path, sizeof path, "%s/index.json", folder);
    CHECK_OK(file_replace(path, text_bytes(&text), &err), err);
    text_release(&text);
}

static struct version add(struct registry *registry, const char *model, const char *payload,
                          struct arena *keep)
{
    struct version_upload upload = {.model = model,
                                    .format = "test",
                                    .framework = "none",
                                    .framework_version = "1",
                                    .contract = "[]",
                                    .manifest = "kind: Model\n"};
    struct version version;
    struct error err;
    bool unchanged;

    CHECK_OK(artifact_open_bytes(bytes_of(payload), "m.bin", NULL, &upload.artifact, &err), err);
    CHECK_OK(registry_add(registry, &upload, &version, &unchanged, keep, &err), err);
    artifact_close(upload.artifact);
    return version;
}

/* Everything that would change the store. */
static void check_frozen(struct registry *registry, struct arena *keep)
{
    struct version_upload upload = {.model = "iris"};
    struct record record = {.kind = "k", .name = "n", .body = ""};
    struct version_place place;
    struct incoming *incoming;
    struct version version;
    struct text report = {0};
    struct error err;
    uint64_t files, bytes;
    size_t faults;
    bool unchanged;

    CHECK_OK(artifact_open_bytes(bytes_of("x"), "m.bin", NULL, &upload.artifact, &err), err);
#define FROZEN(call) CHECK_FAILS(call, err, STATUS_UNSUPPORTED, "is frozen")
    FROZEN(registry_add(registry, &upload, &version, &unchanged, keep, &err));
    FROZEN(registry_reserve(registry, "iris", &place, &err));
    FROZEN(registry_alias(registry, "iris", "best", 1, -1, &err));
    FROZEN(registry_delete(registry, "iris", 1, &err));
    FROZEN(registry_gc(registry, &files, &bytes, &err));
    FROZEN(registry_verify(registry, &report, &faults, &err));
    FROZEN(registry_record_put(registry, &record, bytes_of("x"), false, &err));
    FROZEN(registry_record_put(registry, &record, (struct bytes){NULL, 0}, false, &err));
    FROZEN(registry_record_remove(registry, 1, &err));
    FROZEN(incoming_open(registry, &incoming, &err));
#undef FROZEN
    artifact_close(upload.artifact);
    text_release(&report);
}

TEST(a_frozen_store_is_read_and_never_written)
{
    char folder[] = "/tmp/firn-frozen-XXXXXX", path[512];
    struct version versions[3], found, *list;
    struct registry *registry;
    struct artifact *artifact;
    struct arena keep;
    struct error err;
    struct stat info;
    size_t count;

    CHECK(mkdtemp(folder) != NULL);
    arena_init(&keep, 64 << 20);
    CHECK_OK(registry_open(folder, &registry, &err), err);
    versions[0] = add(registry, "iris", "one", &keep);
    versions[1] = add(registry, "iris", "two", &keep);
    versions[2] = add(registry, "apple", "three", &keep);
    freeze(folder, registry, versions, 3, &keep);
    registry_close(registry);
    freeze(folder, NULL, NULL, 0, &keep); /* an empty one can be opened */
    CHECK_OK(registry_open_frozen(folder, &registry, &err), err);
    CHECK_FAILS(registry_resolve(registry, "iris", &found, &keep, &err), err, STATUS_NOT_FOUND,
                "no model \"iris\"");
    registry_close(registry);
    CHECK_OK(registry_open(folder, &registry, &err), err);
    freeze(folder, registry, versions, 3, &keep);
    registry_close(registry);

    CHECK_OK(registry_open_frozen(folder, &registry, &err), err);
    CHECK_OK(registry_list_all(registry, NULL, &list, &count, &keep, &err), err);
    CHECK(count == 3 && !strcmp(list[0].model, "apple") && list[1].number == 2);
    CHECK(list[1].model_id == list[2].model_id && list[0].model_id != list[1].model_id);
    CHECK_OK(registry_resolve(registry, "iris", &found, &keep, &err), err);
    CHECK(found.number == 2 && !strcmp(found.digest, versions[1].digest) && found.bytes == 3);
    CHECK(!strcmp(found.contract, "[]") && !strcmp(found.manifest, "kind: Model\n"));
    CHECK_OK(registry_resolve_id(registry, found.id, &found, &keep, &err), err);
    CHECK(found.number == 2);
    CHECK_OK(registry_resolve(registry, "iris^", &found, &keep, &err), err);
    CHECK(found.number == 1);
    CHECK_FAILS(registry_resolve(registry, "iris:3", &found, &keep, &err), err, STATUS_NOT_FOUND,
                "no version 3");
    CHECK_OK(registry_artifact(registry, &found, &artifact, &err), err);
    CHECK(bytes_is(artifact_container(artifact), "one"));
    artifact_close(artifact);
    check_frozen(registry, &keep);
    registry_close(registry);

    snprintf(path, sizeof path, "%s/blobs/sha256/%s", folder, versions[2].digest + 7);
    CHECK(stat(path, &info) == 0 && unlink(path) == 0);
    CHECK_FAILS(registry_open_frozen(folder, &registry, &err), err, STATUS_INVALID_INPUT,
                "apple:1: blob sha256:");
    CHECK_OK(file_remove_tree(folder, &err), err);
    arena_release(&keep);
}
