// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/text.h"
#include "server/zeromind/pool.h"

enum { TASK_MEMORY_MAX = 256 << 20 };

/* What the configuration requires and a task that comes over HTTP does not. */
static enum status keys_check(const struct json *task, struct error *err)
{
    static const char *const KEYS[] = {"id", "model_file", "model_type", "input_filters",
                                       "output_filters"};

    for (size_t i = 0; i < ARRAY_COUNT(KEYS); i++)
        if (!json_get(task, KEYS[i]))
            return error_set(err, STATUS_INVALID_INPUT, "\"%s\" of the task is missing", KEYS[i]);
    return STATUS_OK;
}

static enum status start_one(const struct zeromind_loader *loader, const struct json *task,
                             struct arena *scratch, struct error *err)
{
    enum zeromind_code code;
    struct version version;
    bool unchanged;

    TRY(keys_check(task, err));
    TRY(zeromind_task_add(loader, task, &version, &unchanged, &code, scratch, err));
    fprintf(stderr, "task %s: version %lld%s\n", version.model, (long long)version.number,
            unchanged ? ", as before" : "");
    return STATUS_OK;
}

void zeromind_pool_start(const struct zeromind_pool *pool, struct registry *registry,
                         const struct worker_policy *workers)
{
    const struct zeromind_loader loader = {pool, registry, workers, true};
    const struct json *tasks = json_get(&pool->config, "tasks");

    for (size_t i = 0; tasks && i < tasks->count; i++) {
        struct error err = {0};
        struct arena scratch;

        arena_init(&scratch, TASK_MEMORY_MAX);
        if (start_one(&loader, &tasks->items[i], &scratch, &err))
            fprintf(stderr, "task %zu is left out: %s\n", i, err.text);
        arena_release(&scratch);
    }
}
