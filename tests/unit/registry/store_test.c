// SPDX-License-Identifier: Apache-2.0
/* What the store keeps beside versions and through damage: gc, verify, index, listing, records. */
#include "registry/registry.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/internal.h"
#include "unit/registry/store.h"

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
