// SPDX-License-Identifier: Apache-2.0
/* From a stored application to a servable: its models are loaded as any version is,
 * or shared with who has loaded them. */
#include "applications/application.h"
#include "loading/internal.h"

enum { MEMORY_SHIFT = 30 };

static enum status parts_load(struct registry *registry, const struct application *application,
                              const struct load_options *options, struct servable **parts,
                              struct error *err)
{
    for (size_t i = 0; i < application->part_count; i++) {
        const struct version *version = &application->parts[i].version;

        if (load_version(registry, version, options, &parts[i], err))
            return error_within(err, "%s:%lld", version->model, (long long)version->number);
    }
    return STATUS_OK;
}

static enum status compose(struct registry *registry, const struct version *version,
                           const struct load_options *options, struct arena *memory,
                           struct servable **servable, struct error *err)
{
    struct application *application = arena_new(memory, struct application, 1);
    struct servable **parts;

    if (!application)
        return error_no_memory(err, "an application");
    TRY(application_parse(registry, bytes_of(version->manifest), application, memory, err));
    TRY(application_link(application, memory, err));
    parts = arena_new(memory, struct servable *, application->part_count);
    if (!parts)
        return error_no_memory(err, "an application");
    if (!parts_load(registry, application, options, parts, err))
        return application_servable(application, parts, memory, servable, err);
    for (size_t i = 0; i < application->part_count; i++)
        if (parts[i])
            servable_free(parts[i]);
    return err->status;
}

enum status load_application(struct registry *registry, const struct version *version,
                             const struct load_options *options, struct servable **servable,
                             struct error *err)
{
    struct arena memory;
    enum status status;

    arena_init(&memory, (size_t)1 << MEMORY_SHIFT);
    status = compose(registry, version, options, &memory, servable, err);
    arena_release(&memory); /* empty when the servable has it */
    return status;
}
