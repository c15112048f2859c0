// SPDX-License-Identifier: Apache-2.0
/* 0Mind: the pool, its tasks, loading and dropping. Predictions are in zeromind_predict.c. */
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "server/access.h"
#include "server/internal.h"
#include "server/zeromind/wire.h"

enum { STATE_BYTES_MAX = 64 << 10, SAMPLE_US = 100000, BUSY_MAX = 64 };

static void write_id(struct text *text, const struct request *request)
{
    const struct zeromind_pool *pool = zeromind_pool_of(request);
    const struct json *id = json_get(&pool->config, "id");

    text_append(text, "\"id\":");
    if (id)
        json_write_value(text, id);
    else
        text_append(text, "0");
}

/* --- /info --- */

/* What the file says and firn does not use is kept and shown, as the rest is. */
static enum status info(struct request *request, struct response *response,
                        enum zeromind_code *code, struct error *err)
{
    const struct json *config = &zeromind_pool_of(request)->config;
    struct text *text = &response->body;
    bool any = false;

    (void)code;
    (void)err;
    text_append(text, "{\"service\":\"ModelPool\",");
    write_id(text, request);
    text_append(text, ",\"options\":{");
    for (size_t i = 0; i < config->count; i++) {
        if (bytes_is(config->items[i].key, "tasks") || bytes_is(config->items[i].key, "id"))
            continue;
        text_append(text, any ? "," : "");
        json_write_string(text, config->items[i].key);
        text_append_char(text, ':');
        json_write_value(text, &config->items[i]);
        any = true;
    }
    text_append(text, "},\"version\":[1,1,4]}");
    return STATUS_OK;
}

static enum status pool_info(struct request *request, struct response *response, struct error *err)
{
    return zeromind_handle(request, response, info, err);
}

/* /proc/PATH as text; "" when it cannot be read. */
static void state_read(const char *path, char *text)
{
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(text, 1, STATE_BYTES_MAX - 1, file) : 0;

    if (file)
        fclose(file);
    text[size] = 0;
}

static uint64_t memory_line(const char *text, const char *name)
{
    const char *line = strstr(text, name);

    return line ? strtoull(line + strlen(name), NULL, 10) * 1024 : 0;
}

/* The fields of psutil's virtual_memory. */
static void write_memory(struct text *text, char *state)
{
    static const struct {
        const char *name, *line;
    } FIELDS[] = {
        {"active", "\nActive:"}, {"inactive", "\nInactive:"}, {"buffers", "\nBuffers:"},
        {"cached", "\nCached:"}, {"shared", "\nShmem:"},      {"slab", "\nSlab:"},
    };
    uint64_t total, available, free_bytes;

    state_read("/proc/meminfo", state);
    total = memory_line(state, "MemTotal:");
    available = memory_line(state, "MemAvailable:");
    free_bytes = memory_line(state, "MemFree:");
    text_printf(text,
                "{\"total\":%llu,\"available\":%llu,\"percent\":%.1f,\"used\":%llu,\"free\":%llu",
                (unsigned long long)total, (unsigned long long)available,
                total ? 100.0 * (double)(total - available) / (double)total : 0,
                (unsigned long long)(total - available), (unsigned long long)free_bytes);
    for (size_t i = 0; i < ARRAY_COUNT(FIELDS); i++)
        text_printf(text, ",\"%s\":%llu", FIELDS[i].name,
                    (unsigned long long)memory_line(state, FIELDS[i].line));
    text_append_char(text, '}');
}

static double cpu_seconds(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static enum status system_info(struct request *request, struct response *response,
                               enum zeromind_code *code, struct error *err)
{
    char *state = arena_new(request_arena(request), char, STATE_BYTES_MAX);
    struct text *text = &response->body;
    double used = cpu_seconds();
    uint64_t began = clock_ns();

    (void)code;
    if (!state)
        return error_no_memory(err, "a request");
    usleep(SAMPLE_US);
    used = 100 * (cpu_seconds() - used) / ((double)(clock_ns() - began) / 1e9);
    text_append_char(text, '{');
    write_id(text, request);
    text_printf(text, ",\"cpu_usage\":%.1f,\"memory\":", used);
    write_memory(text, state);
    text_append(text, ",\"python\":null}"); /* there is none in this process */
    return STATUS_OK;
}

static enum status pool_system(struct request *request, struct response *response,
                               struct error *err)
{
    return zeromind_handle(request, response, system_info, err);
}

/* --- tasks --- */

/* A model that came another way than by a task. */
static void write_own_task(struct text *text, const struct version *row)
{
    const char *type = zeromind_type_of(row->framework);

    text_append(text, "{\"id\":");
    json_write_text(text, row->model);
    text_append(text, ",\"model_file\":null,\"model_type\":");
    if (type)
        json_write_text(text, type);
    else
        text_append(text, "null");
    text_append(text, ",\"input_filters\":{},\"output_filters\":{}}");
}

static enum status write_task(struct request *request, const struct version *row, struct text *text,
                              struct error *err)
{
    struct record record;
    bool found = false;

    if (request->server->registry)
        TRY(zeromind_task_find(request->server->registry, row->model, &found, &record,
                               request_arena(request), err));
    if (found)
        text_append(text, record.body);
    else
        write_own_task(text, row);
    return STATUS_OK;
}

/* The model of an id, pinned, when it is in the pool; else MODEL_NOT_FOUND. */
static enum status model_of(struct request *request, const char *id,
                            const struct table_model **model, enum zeromind_code *code,
                            struct error *err)
{
    const struct model_table *table = models_pin(request->server->models, request->executor->index);
    char quoted[TEXT_QUOTE_SIZE];

    *model = model_table_find(table, bytes_of(id));
    if (*model && !(*model)->unloaded && (*model)->serving)
        return STATUS_OK;
    model_release(request);
    *code = ZEROMIND_MODEL_NOT_FOUND;
    return error_set(err, STATUS_NOT_FOUND, "there is no model \"%s\" in the pool",
                     text_quote(bytes_of(id), quoted, sizeof quoted));
}

static enum status task_info(struct request *request, struct response *response,
                             enum zeromind_code *code, struct error *err)
{
    const struct table_model *model;
    const char *id;
    enum status status;

    TRY(zeromind_query_id(request, &id, code, err));
    TRY(model_of(request, id, &model, code, err));
    status = write_task(request, loaded_row(model->serving), &response->body, err);
    model_release(request);
    return status;
}

static enum status pool_task(struct request *request, struct response *response, struct error *err)
{
    return zeromind_handle(request, response, task_info, err);
}

static enum status tasks_info(struct request *request, struct response *response,
                              enum zeromind_code *code, struct error *err)
{
    const struct model_table *table = models_pin(request->server->models, request->executor->index);
    struct text *text = &response->body;
    enum status status = STATUS_OK;
    bool any = false;

    (void)code;
    text_append_char(text, '{');
    write_id(text, request);
    text_append(text, ",\"tasks\":[");
    for (size_t i = 0; i < model_table_count(table) && !status; i++) {
        const struct table_model *model = model_table_at(table, i);

        if (model->unloaded || !model->serving)
            continue;
        text_append(text, any ? "," : "");
        status = write_task(request, loaded_row(model->serving), text, err);
        any = true;
    }
    text_append(text, "]}");
    model_release(request);
    return status;
}

static enum status pool_tasks(struct request *request, struct response *response, struct error *err)
{
    return zeromind_handle(request, response, tasks_info, err);
}

/* --- /model/list --- */

/* As Python writes a list: with blanks, so that clients get the sum that they compute. The table is
 * in order of names. */
static enum status ids_write(const struct model_table *table, struct text *ids, struct error *err)
{
    text_append_char(ids, '[');
    for (size_t i = 0; i < model_table_count(table); i++) {
        const struct table_model *model = model_table_at(table, i);

        if (model->unloaded || !model->serving)
            continue;
        text_append(ids, ids->size > 1 ? ", " : "");
        json_write_text(ids, model->name);
    }
    text_append_char(ids, ']');
    return text_check(ids, err);
}

static enum status sum_write(struct bytes bytes, char hex[33], struct error *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    if (EVP_Digest(bytes.data, bytes.size, digest, &size, EVP_md5(), NULL) != 1 || size != 16)
        return error_set(err, STATUS_UNSUPPORTED, "this build of OpenSSL has no MD5");
    for (unsigned i = 0; i < size; i++)
        snprintf(hex + (size_t)2 * i, 3, "%02x", digest[i]);
    return STATUS_OK;
}

static enum status list(struct request *request, struct response *response,
                        enum zeromind_code *code, struct error *err)
{
    struct text ids = {0}, *text = &response->body;
    const struct model_table *table;
    struct json body;
    struct bytes sent;
    char sum[33] = "";
    enum status status;

    TRY(zeromind_body(request, false, &body, code, err));
    table = models_pin(request->server->models, request->executor->index);
    status = ids_write(table, &ids, err);
    model_release(request);
    if (!status)
        status = sum_write(text_bytes(&ids), sum, err);
    text_append_char(text, '{');
    write_id(text, request);
    text_printf(text, ",\"check_sum\":\"%s\",\"models\":", sum);
    if (json_string(json_get(&body, "check_sum"), &sent) && bytes_is(sent, sum))
        text_append(text, "[]");
    else
        text_append_bytes(text, text_bytes(&ids));
    text_append_char(text, '}');
    text_release(&ids);
    return status;
}

static enum status model_list(struct request *request, struct response *response, struct error *err)
{
    return zeromind_handle(request, response, list, err);
}

/* --- loading and dropping --- */

static int64_t resident_bytes(void)
{
    char text[128];
    FILE *file = fopen("/proc/self/statm", "re");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    const char *blank;

    if (file)
        fclose(file);
    text[size] = 0;
    blank = strchr(text, ' ');
    return blank ? strtoll(blank, NULL, 10) * sysconf(_SC_PAGESIZE) : 0;
}

static void write_measured(struct text *text, const char *result, const char *time,
                           uint64_t began_ns, const char *memory, int64_t bytes, const char *id)
{
    text_printf(text, "{\"result\":\"%s\",\"%s\":%.6f,\"%s\":%lld,\"model_id\":", result, time,
                (double)(clock_ns() - began_ns) / 1e9, memory, (long long)bytes);
    json_write_text(text, id);
    text_append_char(text, '}');
}

static bool in_pool(struct request *request, const char *id)
{
    enum zeromind_code ignored_code;
    struct error ignored;
    const struct table_model *model;

    if (model_of(request, id, &model, &ignored_code, &ignored))
        return false;
    model_release(request);
    return true;
}

/* Load what was frozen now, and say why when it cannot be. */
static enum status load_now(struct request *request, const struct version *version,
                            struct error *err)
{
    struct models *models = request->server->models;
    const struct model_table *table;
    char number[24];
    struct loaded *loaded;
    enum status status;

    models_refresh(models, true);
    TRY(models_load(models, version->model, err));
    table = models_pin(models, request->executor->index);
    snprintf(number, sizeof number, "%lld", (long long)version->number);
    status = models_find(table, bytes_of(version->model), bytes_of(number), &loaded, err);
    if (!status && loaded_state(loaded) == MODEL_FAILED) {
        *err = *loaded_error(loaded);
        status = err->status;
    }
    model_release(request);
    return status;
}

/* Nothing half there: a version that does not load goes again. */
static void take_back(struct request *request, const char *id, const struct version *version,
                      bool unchanged)
{
    struct registry *registry = request->server->registry;
    struct error ignored;

    (void)!zeromind_task_remove(registry, id, request_arena(request), &ignored);
    if (!unchanged)
        (void)!registry_delete(registry, version->model, version->number, &ignored);
    models_refresh(request->server->models, false);
}

/* Ids that are being loaded or dropped: one request at a time may do that to an id. */
static struct {
    pthread_mutex_t lock;
    const char *ids[BUSY_MAX]; /* borrowed from the requests */
} busy = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool busy_begin(const char *id)
{
    size_t free_slot = BUSY_MAX;
    bool found = false;

    pthread_mutex_lock(&busy.lock);
    for (size_t i = 0; i < BUSY_MAX; i++)
        if (!busy.ids[i])
            free_slot = i;
        else
            found = found || !strcmp(busy.ids[i], id);
    if (!found && free_slot < BUSY_MAX)
        busy.ids[free_slot] = id;
    pthread_mutex_unlock(&busy.lock);
    return !found && free_slot < BUSY_MAX;
}

static void busy_end(const char *id)
{
    pthread_mutex_lock(&busy.lock);
    for (size_t i = 0; i < BUSY_MAX; i++)
        if (busy.ids[i] == id)
            busy.ids[i] = NULL;
    pthread_mutex_unlock(&busy.lock);
}

static enum status busy_error(const char *id, enum zeromind_code *code, struct error *err)
{
    *code = ZEROMIND_ALREADY_LOADED;
    return error_set(err, STATUS_CONFLICT, "model \"%.64s\" is being loaded or dropped", id);
}

/* `id` is not in the pool and nobody else's to load. */
static enum status load_task(struct request *request, struct response *response,
                             const struct json *task, const char *id, enum zeromind_code *code,
                             struct error *err)
{
    const struct zeromind_loader loader = {.pool = zeromind_pool_of(request),
                                           .registry = request->server->registry,
                                           .workers = request->server->workers};
    int64_t memory = resident_bytes();
    uint64_t began = clock_ns();
    struct version version;
    bool unchanged;

    *code = ZEROMIND_ALREADY_LOADED;
    if (*id && in_pool(request, id))
        return error_set(err, STATUS_CONFLICT, "model \"%.64s\" is loaded already", id);
    TRY(zeromind_task_add(&loader, task, &version, &unchanged, code, request_arena(request), err));
    if (load_now(request, &version, err)) {
        *code = ZEROMIND_LOAD_FAILED;
        take_back(request, id, &version, unchanged);
        return err->status;
    }
    write_measured(&response->body, "loaded", "load_time", began, "memory_consumed",
                   resident_bytes() - memory, id);
    return STATUS_OK;
}

static enum status load(struct request *request, struct response *response,
                        enum zeromind_code *code, struct error *err)
{
    struct json task;
    const char *id;
    enum status status;

    TRY(zeromind_body(request, true, &task, code, err));
    *code = ZEROMIND_LOAD_UNKNOWN;
    if (!request->server->zeromind || !request->server->registry)
        return error_set(err, STATUS_UNSUPPORTED,
                         "this server has no pool: it was started without --zeromind-config");
    id = json_get(&task, "id") ? zeromind_id(json_get(&task, "id"), request_arena(request), err)
                               : "";
    *code = ZEROMIND_TASK_ATTRIBUTE;
    if (!id)
        return err->status;
    if (!busy_begin(id))
        return busy_error(id, code, err);
    status = load_task(request, response, &task, id, code, err);
    busy_end(id);
    return status;
}

static enum status model_load(struct request *request, struct response *response, struct error *err)
{
    return zeromind_handle(request, response, load, err);
}

/* The versions stay; loading the same file again finds them. */
static enum status drop_task(struct request *request, struct response *response, const char *id,
                             enum zeromind_code *code, struct error *err)
{
    int64_t memory = resident_bytes();
    uint64_t began = clock_ns();
    const struct table_model *model;

    TRY(model_of(request, id, &model, code, err));
    model_release(request);
    *code = ZEROMIND_UNKNOWN;
    TRY(models_unload(request->server->models, id, err));
    if (request->server->registry)
        TRY(zeromind_task_remove(request->server->registry, id, request_arena(request), err));
    write_measured(&response->body, "dropped", "unload_time", began, "memory_released",
                   memory - resident_bytes(), id);
    return STATUS_OK;
}

static enum status drop(struct request *request, struct response *response,
                        enum zeromind_code *code, struct error *err)
{
    const char *id;
    enum status status;

    TRY(zeromind_query_id(request, &id, code, err));
    if (!busy_begin(id))
        return busy_error(id, code, err);
    status = drop_task(request, response, id, code, err);
    busy_end(id);
    return status;
}

static enum status model_drop(struct request *request, struct response *response, struct error *err)
{
    return zeromind_handle(request, response, drop, err);
}

static enum status stop(struct request *request, struct response *response,
                        enum zeromind_code *code, struct error *err)
{
    const struct zeromind_pool *pool = zeromind_pool_of(request);
    struct json body;
    const char *id = NULL;

    TRY(zeromind_body(request, true, &body, code, err));
    *code = ZEROMIND_ATTRIBUTE;
    if (!json_get(&body, "pool_id"))
        return error_set(err, STATUS_INVALID_INPUT, "\"pool_id\" is missing");
    *code = ZEROMIND_POOL_ID;
    id = zeromind_id(json_get(&body, "pool_id"), request_arena(request), err);
    if (!id || !pool->stop || strcmp(id, pool->id) != 0)
        return error_set(err, STATUS_INVALID_INPUT, "this is not the pool of that id");
    text_append(&response->body, "{\"result\":\"accepted\",");
    write_id(&response->body, request);
    text_append_char(&response->body, '}');
    pool->stop(pool->context);
    return STATUS_OK;
}

static enum status command_stop(struct request *request, struct response *response,
                                struct error *err)
{
    return zeromind_handle(request, response, stop, err);
}

#define BOTH(path, handler, summary, flags)                                                        \
    {HTTP_GET, path, handler, summary, flags},                                                     \
    {                                                                                              \
        HTTP_POST, path, handler, summary, flags                                                   \
    }

static const struct route ROWS[] = {
    BOTH("/info", pool_info, "what the pool is", 0),
    BOTH("/info/system", pool_system, "processor and memory", ROUTE_CONTROL),
    BOTH("/info/task", pool_task, "one task: ?id=", ROUTE_CONTROL),
    BOTH("/info/tasks", pool_tasks, "every task", ROUTE_CONTROL),
    BOTH("/model/list", model_list, "the ids of what is loaded, and their sum", 0),
    {HTTP_POST, "/model/load", model_load, "load the file of a task", ROUTE_CONTROL},
    BOTH("/model/drop", model_drop, "unload: ?id=", ROUTE_CONTROL),
    BOTH("/command/stop", command_stop, "end the server: {\"pool_id\"}", ROUTE_CONTROL),
};

const struct route_set routes_zeromind = {
    .name = "zeromind",
    .summary = "0Mind: the pool of models",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = zeromind_write_error,
};
