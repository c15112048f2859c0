// SPDX-License-Identifier: Apache-2.0
#include "server/source.h"

#include "loading/load.h"

static enum status generation(void *context, int64_t *number, struct error *err)
{
    const struct registry_source *source = context;

    return registry_generation(source->registry, number, err);
}

/* Newest versions first, then all of each model that has more than one. */
static enum status list(void *context, struct version **versions, size_t *count, struct arena *keep,
                        struct error *err)
{
    struct registry *registry = ((const struct registry_source *)context)->registry;
    struct version *newest, *all, *joined;
    size_t models, same, capacity = 0;

    *count = 0;
    TRY(registry_list(registry, NULL, &newest, &models, keep, err));
    joined = NULL;
    for (size_t m = 0; m < models; m++) {
        TRY(registry_list(registry, newest[m].model, &all, &same, keep, err));
        if (*count + same > capacity) {
            struct version *grown = arena_new(keep, struct version, capacity * 2 + same);

            if (!grown)
                return error_no_memory(err, "the list of models");
            if (*count)
                memcpy(grown, joined, *count * sizeof *grown);
            joined = grown;
            capacity = capacity * 2 + same;
        }
        if (same)
            memcpy(joined + *count, all, same * sizeof *joined);
        *count += same;
    }
    *versions = joined;
    return STATUS_OK;
}

static enum status servables(void *context, struct record **records, size_t *count,
                             struct arena *keep, struct error *err)
{
    struct registry *registry = ((const struct registry_source *)context)->registry;
    const struct record_filter filter = {.kind = "servable"};

    return registry_record_list(registry, &filter, records, count, keep, err);
}

static enum status load(void *context, const struct version *version, struct sharing *sharing,
                        struct servable **servable, struct error *err)
{
    const struct registry_source *source = context;
    const struct load_options options = {
        .native = &source->options, .sharing = sharing, .workers = source->workers};

    return load_version(source->registry, version, &options, servable, err);
}

struct model_source source_of_registry(struct registry_source *source)
{
    return (struct model_source){source,    generation, list,
                                 servables, load,       source->workers != NULL};
}
