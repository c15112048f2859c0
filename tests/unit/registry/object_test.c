// SPDX-License-Identifier: Apache-2.0
#include "registry/object.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "registry/internal.h"
#include "unit/registry/store.h"

static void close_whole(struct registry *registry)
{
    check_whole(registry);
    registry_close(registry);
}

static enum status object_put(struct registry *registry, const struct object_put *put,
                              const char *bytes, struct object *object, struct arena *keep,
                              bool *unchanged, struct error *err)
{
    struct object_writer *writer;
    enum status status;

    CHECK_OK(object_writer_open(registry, &writer, err), *err);
    CHECK_OK(object_writer_write(writer, bytes_of(bytes), err), *err);
    status = object_writer_put(writer, put, object, unchanged, keep, err);
    object_writer_close(writer);
    return status;
}

static long long put_as(struct registry *registry, const char *name, const char *text, bool append,
                        int64_t expected, enum status want)
{
    const struct object_put put = {
        .kind = "dataset", .name = name, .format = "text", .append = append, .expected = expected};
    struct object object = {0};
    struct arena keep;
    struct error err;
    bool unchanged;

    arena_init(&keep, 1 << 20);
    CHECK_INT(object_put(registry, &put, text, &object, &keep, &unchanged, &err), want);
    arena_release(&keep);
    return want != STATUS_OK ? 0 : unchanged ? -object.number : object.number;
}

static long long put_text(struct registry *registry, const char *name, const char *text)
{
    return put_as(registry, name, text, false, OBJECT_EXPECT_ANY, STATUS_OK);
}

/* The bytes of a reference are these. */
static void check_bytes(struct registry *registry, const char *reference, const char *want)
{
    struct object_part *parts;
    struct object object;
    struct text text = {0};
    struct arena keep;
    struct error err;
    size_t count;

    arena_init(&keep, 1 << 20);
    CHECK_OK(registry_object_find(registry, "dataset", reference, &object, &keep, &err), err);
    CHECK_OK(registry_object_parts(registry, &object, &parts, &count, &keep, &err), err);
    for (size_t i = 0; i < count; i++) {
        struct file_map map = {{NULL, 0}};
        CHECK_OK(file_map_open(&map, AT_FDCWD, parts[i].path, false, &err), err);
        text_append_bytes(&text, map.bytes);
        file_map_close(&map);
    }
    CHECK_INT(object.bytes, strlen(want));
    CHECK_TEXT(text.data ? text.data : "", want);
    text_release(&text);
    arena_release(&keep);
}

static void check_missing(struct registry *registry, const char *reference, enum status status,
                          const char *words)
{
    struct object object;
    struct arena keep;
    struct error err;

    arena_init(&keep, 1 << 20);
    CHECK_FAILS(registry_object_find(registry, "dataset", reference, &object, &keep, &err), err,
                status, words);
    arena_release(&keep);
}

static void drop(struct registry *registry, const char *reference)
{
    struct error err;

    CHECK_OK(registry_object_drop(registry, "dataset", reference, &err), err);
}

TEST(revisions_are_numbered_and_never_again)
{
    struct registry *registry = open_store("numbers");

    CHECK_INT(put_text(registry, "a/b", "one"), 1);
    CHECK_INT(put_text(registry, "a/b", "one"), -1);
    CHECK_INT(put_text(registry, "a/b", "two"), 2);
    CHECK_INT(put_text(registry, "a/b", "one"), 3);
    check_bytes(registry, "a/b", "one");
    check_bytes(registry, "a/b@2", "two");
    check_bytes(registry, "a/b:2", "two");
    check_bytes(registry, "a/b^^", "one");
    check_missing(registry, "a/b^^^", STATUS_NOT_FOUND, "no revision 3 before the newest");
    check_missing(registry, "a/b@7", STATUS_NOT_FOUND, "has no revision 7, the newest is 3");
    check_missing(registry, "a/c", STATUS_NOT_FOUND, "there is no dataset \"a/c\"");
    check_missing(registry, "a/b@prod", STATUS_INVALID_INPUT, "no revision");
    check_missing(registry, "a/b@", STATUS_INVALID_INPUT, "");
    check_missing(registry, "a/b:x", STATUS_INVALID_INPUT, "no version number");
    check_missing(registry, "../b", STATUS_INVALID_INPUT, "no dataset name");
    drop(registry, "a/b@3");
    CHECK_INT(put_text(registry, "a/b", "three"), 4);
    drop(registry, "a/b");
    check_missing(registry, "a/b", STATUS_NOT_FOUND, "there is no");
    CHECK_INT(put_text(registry, "a/b", "three"), 5);
    close_whole(registry);
}

TEST(appending_shares_parts)
{
    struct registry *registry = open_store("append");
    uint64_t files, bytes;
    struct error err;

    CHECK_INT(put_as(registry, "log", "a", true, OBJECT_EXPECT_ANY, STATUS_OK), 1);
    CHECK_INT(put_as(registry, "log", "b", true, OBJECT_EXPECT_ANY, STATUS_OK), 2);
    CHECK_INT(put_as(registry, "log", "b", true, OBJECT_EXPECT_ANY, STATUS_OK), 3);
    check_bytes(registry, "log", "abb");
    check_bytes(registry, "log@2", "ab");
    CHECK_INT(put_text(registry, "log", "new"), 4);
    CHECK_INT(put_as(registry, "log", "er", true, OBJECT_EXPECT_ANY, STATUS_OK), 5);
    check_bytes(registry, "log", "newer");
    drop(registry, "log@5");
    drop(registry, "log@4");
    drop(registry, "log@1");
    CHECK_INT(put_as(registry, "log", "c", true, OBJECT_EXPECT_ANY, STATUS_OK), 6);
    check_bytes(registry, "log", "abbc");
    CHECK_OK(registry_gc(registry, &files, &bytes, &err), err);
    CHECK_INT(files, 2); /* "new", "er" */
    check_bytes(registry, "log^", "abb");
    drop(registry, "log");
    CHECK_OK(registry_gc(registry, &files, &bytes, &err), err);
    CHECK_INT(files, 3); /* "a", "b", "c" */
    close_whole(registry);
}

TEST(what_is_expected_is_there_or_nothing_happens)
{
    struct registry *registry = open_store("expect");

    put_as(registry, "x", "1", false, 3, STATUS_CONFLICT);
    CHECK_INT(put_as(registry, "x", "1", false, 0, STATUS_OK), 1);
    put_as(registry, "x", "2", false, 0, STATUS_CONFLICT);
    CHECK_INT(put_as(registry, "x", "2", false, 1, STATUS_OK), 2);
    check_bytes(registry, "x", "2");
    close_whole(registry);
}

TEST(bad_puts_store_nothing)
{
    static const struct {
        const char *name, *metadata, *words;
        enum status status;
    } ROWS[] = {
        {"", "{}", "no dataset name", STATUS_INVALID_INPUT},
        {"a[b]", "{}", "no dataset name", STATUS_INVALID_INPUT},
        {"a@3", "{}", "no dataset name", STATUS_INVALID_INPUT},
        {"/a", "{}", "no dataset name", STATUS_INVALID_INPUT},
        {"a", "[]", "not an object", STATUS_INVALID_INPUT},
        {"a", "{", "metadata", STATUS_INVALID_INPUT},
        {"a", "{\"a\":1,\"a\":2}", "metadata", STATUS_INVALID_INPUT},
    };
    struct registry *registry = open_store("bad");
    struct object object, *objects;
    struct arena keep;
    struct error err;
    bool unchanged;
    size_t count;

    arena_init(&keep, 1 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(ROWS); i++) {
        const struct object_put put = {.kind = "dataset",
                                       .name = ROWS[i].name,
                                       .format = "text",
                                       .metadata = ROWS[i].metadata,
                                       .expected = OBJECT_EXPECT_ANY};
        CHECK_FAILS(object_put(registry, &put, "x", &object, &keep, &unchanged, &err), err,
                    ROWS[i].status, ROWS[i].words);
    }
    CHECK_OK(registry_object_list(registry, "dataset", NULL, &objects, &count, &keep, &err), err);
    CHECK_INT(count, 0);
    arena_release(&keep);
    close_whole(registry);
}

TEST(lists_match_globs_and_kinds_are_apart)
{
    struct registry *registry = open_store("list");
    const struct object_put script = {
        .kind = "script", .name = "a", .format = "python", .expected = OBJECT_EXPECT_ANY};
    struct object object, *objects;
    struct arena keep;
    struct error err;
    bool unchanged;
    size_t count;

    arena_init(&keep, 1 << 20);
    put_text(registry, "shop/a", "1");
    put_text(registry, "shop/a", "2");
    put_text(registry, "shop/deep/b", "1");
    put_text(registry, "c", "1");
    CHECK_OK(object_put(registry, &script, "1", &object, &keep, &unchanged, &err), err);
    CHECK_OK(registry_object_list(registry, "dataset", "shop/*", &objects, &count, &keep, &err),
             err);
    CHECK_INT(count, 2);
    CHECK_TEXT(objects[0].name, "shop/a");
    CHECK_INT(objects[0].number, 2);
    CHECK_TEXT(objects[1].name, "shop/deep/b");
    CHECK_OK(registry_object_list(registry, "script", NULL, &objects, &count, &keep, &err), err);
    CHECK_INT(count, 1);
    CHECK_OK(
        registry_object_revisions(registry, "dataset", "shop/a", &objects, &count, &keep, &err),
        err);
    CHECK_INT(count, 2);
    CHECK_INT(objects[0].number, 2);
    arena_release(&keep);
    close_whole(registry);
}

enum { THREADS = 4, PUTS = 25 };

static void *put_many(void *context)
{
    const char *folder = context;
    struct registry *registry = open_store(folder);

    for (int i = 0; i < PUTS; i++) {
        char text[64];
        snprintf(text, sizeof text, "%lx %d\n", (unsigned long)pthread_self(), i);
        put_as(registry, "same", text, i % 2, OBJECT_EXPECT_ANY, STATUS_OK);
    }
    registry_close(registry);
    return NULL;
}

TEST(many_put_one_name_at_once)
{
    struct registry *registry = open_store("many");
    pthread_t threads[THREADS];
    struct object *objects;
    struct arena keep;
    struct error err;
    size_t count;

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, (void *)"many"), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    arena_init(&keep, 1 << 20);
    CHECK_OK(registry_object_revisions(registry, "dataset", "same", &objects, &count, &keep, &err),
             err);
    CHECK_INT(count, THREADS * PUTS);
    for (size_t i = 0; i < count; i++)
        CHECK_INT(objects[i].number, (int64_t)(count - i));
    arena_release(&keep);
    close_whole(registry);
}
