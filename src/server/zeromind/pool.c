// SPDX-License-Identifier: Apache-2.0
#include "server/zeromind/pool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

enum { CONFIG_BYTES_MAX = 16 << 20, POOL_MEMORY_MAX = 128 << 20, PORT_DEFAULT = 5885 };

static const struct {
    int number, http;
} CODES[] = {
#define CODE(name, code, http) {code, http},
#include "server/zeromind/codes.def"
#undef CODE
};

int zeromind_code_number(enum zeromind_code code)
{
    return CODES[code].number;
}

int zeromind_code_http(enum zeromind_code code, enum status status)
{
    int http = CODES[code].http, ours = status_http(status);

    return http != 500 || ours >= 500 || status == STATUS_OK ? http : 400;
}

const char *zeromind_id(const struct json *value, struct arena *keep, struct error *err)
{
    struct bytes string;
    int64_t number;
    const char *id = NULL;

    if (json_string(value, &string) && string.size && !memchr(string.data, 0, string.size))
        id = arena_text(keep, string);
    else if (json_i64(value, &number))
        id = arena_printf(keep, "%lld", (long long)number);
    if (!id)
        (void)!error_set(err, STATUS_INVALID_INPUT, "\"id\" is no string and no whole number");
    return id;
}

/* --- the configuration --- */

static enum status address_read(struct zeromind_pool *pool, struct error *err)
{
    const struct json *host = json_get(&pool->config, "host");
    const struct json *port = json_get(&pool->config, "port");
    struct bytes name;
    int64_t number = PORT_DEFAULT;
    const char *text;

    if (!json_string(host, &name) || !name.size)
        return error_set(err, STATUS_INVALID_INPUT, "\"host\" is not there, or no string");
    if (port && (!json_i64(port, &number) || number < 0 || number > 65535))
        return error_set(err, STATUS_INVALID_INPUT, "\"port\" is no number up to 65535");
    text = arena_text(&pool->arena, name);
    pool->address = text ? arena_printf(&pool->arena, "%s:%lld", text, (long long)number) : NULL;
    return pool->address ? STATUS_OK : error_no_memory(err, "a configuration");
}

static enum status lists_check(const struct zeromind_pool *pool, struct error *err)
{
    const struct json *tasks = json_get(&pool->config, "tasks");
    const struct json *types = json_get(&pool->config, "model_types");
    struct bytes name;

    if (tasks && tasks->kind != JSON_ARRAY)
        return error_set(err, STATUS_INVALID_INPUT, "\"tasks\" is no list");
    if (types && types->kind != JSON_ARRAY)
        return error_set(err, STATUS_INVALID_INPUT, "\"model_types\" is no list");
    for (size_t i = 0; types && i < types->count; i++)
        if (!json_string(&types->items[i], &name))
            return error_set(err, STATUS_INVALID_INPUT, "\"model_types\" is no list of strings");
    return STATUS_OK;
}

static enum status config_read(struct zeromind_pool *pool, struct bytes text, struct error *err)
{
    const struct json *folder;
    struct bytes path;
    char here[4096];

    TRY(zeromind_json(text, &pool->config, &pool->arena, err));
    if (pool->config.kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "it is no JSON object");
    pool->id = zeromind_id(json_get(&pool->config, "id"), &pool->arena, err);
    if (!pool->id)
        return err->status;
    TRY(address_read(pool, err));
    TRY(lists_check(pool, err));
    folder = json_get(&pool->config, "model_folder");
    if (json_string(folder, &path))
        pool->folder = arena_text(&pool->arena, path);
    else if (getcwd(here, sizeof here) && here[1]) /* not the root of everything */
        pool->folder = arena_text(&pool->arena, bytes_of(here));
    return STATUS_OK;
}

enum status zeromind_pool_read(const char *path, struct zeromind_pool *pool, struct error *err)
{
    struct file_map map = {0};
    enum status status;

    *pool = (struct zeromind_pool){.id = "0"};
    arena_init(&pool->arena, POOL_MEMORY_MAX);
    TRY(file_map_open(&map, AT_FDCWD, path, true, err));
    if (map.bytes.size > CONFIG_BYTES_MAX)
        status = error_set(err, STATUS_TOO_LARGE, "it has more than %d bytes", CONFIG_BYTES_MAX);
    else
        status = config_read(pool, map.bytes, err);
    file_map_close(&map);
    return status ? error_within(err, "%s", path) : STATUS_OK;
}

void zeromind_pool_release(struct zeromind_pool *pool)
{
    arena_release(&pool->arena);
}

/* --- records of tasks --- */

enum status zeromind_task_find(struct registry *registry, const char *id, bool *found,
                               struct record *record, struct arena *keep, struct error *err)
{
    const struct record_filter filter = {.kind = ZEROMIND_TASK, .name = id};
    struct record *records;
    size_t count;

    TRY(registry_record_list(registry, &filter, &records, &count, keep, err));
    *found = count > 0;
    if (count)
        *record = records[count - 1];
    return STATUS_OK;
}

enum status zeromind_task_remove(struct registry *registry, const char *id, struct arena *scratch,
                                 struct error *err)
{
    const struct record_filter filter = {.kind = ZEROMIND_TASK, .name = id};
    struct record *records;
    size_t count;

    TRY(registry_record_list(registry, &filter, &records, &count, scratch, err));
    for (size_t i = 0; i < count; i++)
        TRY(registry_record_remove(registry, records[i].id, err));
    return STATUS_OK;
}
