// SPDX-License-Identifier: Apache-2.0
/* index.json of the OCI layout: every version as "NAME:NUMBER", every alias as "NAME:ALIAS". It
 * follows the rows: when a crash left it behind, the next opening or change writes it anew. */
#include "registry/internal.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "formats/json/json.h"

enum {
    ROWS_BYTES_MAX = 1 << 30,
    CHEAP_MS = 5,       /* of the CPU: for about 1,000 versions */
    REST_PER_WORK = 20, /* a dearer index is written for 1/20 of the time at most */
};

static void descriptor(struct text *text, const struct store_tag *tag)
{
    char number[24];

    snprintf(number, sizeof number, "%lld", (long long)tag->number);
    text_append(text, text->data[text->size - 1] == '[' ? "" : ",");
    text_printf(text,
                "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"%s\","
                "\"size\":%lld,\"annotations\":{\"org.opencontainers.image.ref.name\":\"%s:%s\"}}",
                tag->digest, (long long)tag->manifest_bytes, tag->model,
                tag->tag ? tag->tag : number);
}

/* What index.json has to say. */
static enum status index_print(const struct registry *registry, struct text *text,
                               struct arena *scratch, struct error *err)
{
    struct store_tag *tags;
    int64_t generation;
    size_t count;

    TRY(registry->backend->tags(registry->store, &tags, &count, &generation, scratch, err));
    text_printf(text,
                "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\","
                "\"annotations\":{\"io.firn.generation\":\"%lld\"},\"manifests\":[",
                (long long)generation);
    for (size_t i = 0; i < count && !text->failed; i++)
        descriptor(text, &tags[i]);
    text_append(text, "]}");
    return text_check(text, err);
}

static void index_path(const struct registry *registry, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/index.json", registry->folder);
}

/* The file, mapped; false when it is not there or unreadable. */
static bool index_map(const struct registry *registry, struct file_map *map)
{
    char path[PATH_SIZE];
    struct error ignored;

    index_path(registry, path);
    return file_map_open(map, AT_FDCWD, path, false, &ignored) == STATUS_OK;
}

static bool is_of_generation(struct bytes index, int64_t generation)
{
    char mark[64];

    snprintf(mark, sizeof mark, "\"io.firn.generation\":\"%lld\"}", (long long)generation);
    return memmem(index.data, index.size < 512 ? index.size : 512, mark, strlen(mark)) != NULL;
}

static enum status update_locked(const struct registry *registry, struct error *err)
{
    struct file_map map = {{NULL, 0}};
    struct text text = {0};
    struct arena scratch;
    char path[PATH_SIZE];
    int64_t generation;
    enum status status;
    bool current;

    TRY(registry->backend->generation(registry->store, &generation, err));
    current = index_map(registry, &map) && is_of_generation(map.bytes, generation);
    file_map_close(&map);
    if (current)
        return STATUS_OK;
    arena_init(&scratch, ROWS_BYTES_MAX);
    index_path(registry, path);
    status = index_print(registry, &text, &scratch, err);
    if (!status)
        status = file_replace(path, text_bytes(&text), err);
    text_release(&text);
    arena_release(&scratch);
    return status;
}

enum status index_update(const struct registry *registry, struct error *err)
{
    int lock = registry_lock(registry, "index.lock", LOCK_EXCLUSIVE, err);
    enum status status;

    if (lock < 0)
        return err->status;
    status = update_locked(registry, err);
    close(lock);
    return status;
}

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void registry_index_settle(struct registry *registry, bool now)
{
    struct error ignored;
    uint64_t began, took;

    if (!atomic_load(&registry->index_behind) ||
        (!now && clock_ms(CLOCK_MONOTONIC) < atomic_load(&registry->index_next_ms)))
        return;
    atomic_store(&registry->index_behind, false); /* before the rows are read */
    began = clock_ms(CLOCK_THREAD_CPUTIME_ID);
    if (index_update(registry, &ignored))
        return;
    took = clock_ms(CLOCK_THREAD_CPUTIME_ID) - began;
    atomic_store(&registry->index_next_ms,
                 took <= CHEAP_MS ? 0 : clock_ms(CLOCK_MONOTONIC) + took * REST_PER_WORK);
}

void registry_index_follow(struct registry *registry)
{
    atomic_store(&registry->index_behind, true);
    registry_index_settle(registry, false);
}

static enum status verify_locked(const struct registry *registry, struct text *report,
                                 size_t *faults, struct error *err)
{
    struct file_map map = {{NULL, 0}};
    struct text text = {0};
    struct arena scratch;
    enum status status;

    TRY(update_locked(registry, err));
    arena_init(&scratch, ROWS_BYTES_MAX);
    status = index_print(registry, &text, &scratch, err);
    if (!status && !(index_map(registry, &map) && bytes_equal(map.bytes, text_bytes(&text)))) {
        int64_t generation;
        /* A change since then is no fault: whoever made it writes the file next. */
        status = registry->backend->generation(registry->store, &generation, err);
        if (!status && (!map.bytes.size || is_of_generation(map.bytes, generation))) {
            text_append(report, "index.json: is not what the rows say\n");
            ++*faults;
        }
    }
    file_map_close(&map);
    text_release(&text);
    arena_release(&scratch);
    return status;
}

enum status index_verify(const struct registry *registry, struct text *report, size_t *faults,
                         struct error *err)
{
    int lock = registry_lock(registry, "index.lock", LOCK_EXCLUSIVE, err);
    enum status status;

    if (lock < 0)
        return err->status;
    status = verify_locked(registry, report, faults, err);
    close(lock);
    return status;
}
