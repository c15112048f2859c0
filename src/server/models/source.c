// SPDX-License-Identifier: Apache-2.0
#include "server/models/source.h"

#include "loading/load.h"

static enum status generation(void *context, int64_t *number, struct error *err)
{
    const struct registry_source *source = context;

    return registry_generation(source->registry, number, err);
}

static enum status list(void *context, const struct version_known *known, struct version **versions,
                        size_t *count, struct arena *keep, struct error *err)
{
    struct registry *registry = ((const struct registry_source *)context)->registry;

    return registry_list_all(registry, known, versions, count, keep, err);
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
