// SPDX-License-Identifier: Apache-2.0
#include "cli/target.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"

static enum status open_path(const char *path, const struct target_options *options,
                             const struct native_options *native, struct target *target,
                             struct error *err)
{
    TRY(load_open(path, options->manifest, &target->loading, err));
    target->name = arena_printf(&target->memory, "%s", target->loading.artifact->name);
    target->version = "";
    return load_servable(&target->loading, native, &target->servable, err);
}

static enum status open_version(const char *reference, const struct target_options *options,
                                const struct native_options *native, struct target *target,
                                struct error *err)
{
    struct version version;

    TRY(registry_open(options->store, &target->registry, err));
    TRY(registry_resolve(target->registry, reference, &version, &target->memory, err));
    target->name = version.model;
    target->version = arena_printf(&target->memory, "%" PRId64, version.number);
    return load_version(target->registry, &version, native, &target->servable, err);
}

enum status target_open(const char *name, const struct target_options *options,
                        struct target *target, struct error *err)
{
    struct native_options native = {.reference = options->reference,
                                    .passes_off = options->passes_off,
                                    .profile = options->profile};

    arena_init(&target->memory, 1 << 24);
    if (options->isa)
        TRY(cpu_isa_force(options->isa, err));
    if (options->store)
        TRY(open_version(name, options, &native, target, err));
    else
        TRY(open_path(name, options, &native, target, err));
    return target->name && target->version ? STATUS_OK : error_no_memory(err, "a name");
}

void target_close(struct target *target)
{
    servable_free(target->servable);
    load_close(&target->loading);
    if (target->registry)
        registry_close(target->registry);
    arena_release(&target->memory);
}
