// SPDX-License-Identifier: Apache-2.0
#include "server/source.h"

#include "loading/load.h"

static enum status generation(void *context, int64_t *number, struct error *err)
{
    return registry_generation(context, number, err);
}

/* Newest versions first, then all of each model that has more than one. */
static enum status list(void *context, struct version **versions, size_t *count, struct arena *keep,
                        struct error *err)
{
    struct version *newest, *all, *joined;
    size_t models, same, capacity = 0;

    *count = 0;
    TRY(registry_list(context, NULL, &newest, &models, keep, err));
    joined = NULL;
    for (size_t m = 0; m < models; m++) {
        TRY(registry_list(context, newest[m].model, &all, &same, keep, err));
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

static enum status load(void *context, const struct version *version, struct servable **servable,
                        struct error *err)
{
    return load_version(context, version, NULL, servable, err);
}

struct model_source source_of_registry(struct registry *registry)
{
    return (struct model_source){registry, generation, list, load};
}
