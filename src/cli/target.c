// SPDX-License-Identifier: Apache-2.0
#include "cli/target.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"
#include "cli/workers.h"

enum { THREADS_MAX = 1024 };

static enum status open_path(const char *path, const struct target_options *options,
                             const struct load_options *load, struct target *target,
                             struct error *err)
{
    TRY(load_open(path, options->manifest, &target->loading, err));
    target->name = arena_printf(&target->memory, "%s", target->loading.artifact->name);
    target->version = "";
    return load_servable(&target->loading, load, &target->servable, err);
}

static enum status open_version(const char *reference, const struct target_options *options,
                                const struct load_options *load, struct target *target,
                                struct error *err)
{
    struct version version;

    TRY(registry_open(options->store, &target->registry, err));
    TRY(registry_resolve(target->registry, reference, &version, &target->memory, err));
    target->name = version.model;
    target->version = arena_printf(&target->memory, "%" PRId64, version.number);
    return load_version(target->registry, &version, load, &target->servable, err);
}

static enum status team_open(int64_t threads, struct team **team, struct error *err)
{
    if (threads < 0 || threads > THREADS_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "--threads wants 0 to %d", THREADS_MAX);
    threads = threads ? threads : cpu_count();
    if (threads == 1)
        return STATUS_OK;
    *team = team_pool_new((size_t)threads);
    return *team ? STATUS_OK
                 : error_set(err, STATUS_UNAVAILABLE, "%d threads do not start", (int)threads);
}

static enum status weights_read(const char *text, enum dtype *weights, struct error *err)
{
    *weights = !text                   ? DTYPE_NONE
               : !strcmp(text, "bf16") ? DTYPE_BF16
               : !strcmp(text, "f16")  ? DTYPE_F16
                                       : DTYPE_COUNT;
    return *weights != DTYPE_COUNT
               ? STATUS_OK
               : error_set(err, STATUS_INVALID_INPUT, "--weights wants bf16 or f16");
}

enum status target_open(const char *name, const struct target_options *options,
                        struct target *target, struct error *err)
{
    struct native_options native = {.reference = options->reference,
                                    .passes_off = options->passes_off,
                                    .profile = options->profile};

    struct load_options load = {.native = &native};

    arena_init(&target->memory, 1 << 24);
    TRY(weights_read(options->weights, &native.weights, err));
    if (options->isa)
        TRY(cpu_isa_force(options->isa, err));
    TRY(team_open(options->threads, &target->team, err));
    native.team = target->team;
    if (options->workers) {
        TRY(workers_here(options->store, &target->workers, &target->memory, err));
        load.workers = &target->workers;
    }
    if (options->store)
        TRY(open_version(name, options, &load, target, err));
    else
        TRY(open_path(name, options, &load, target, err));
    return target->name && target->version ? STATUS_OK : error_no_memory(err, "a name");
}

void target_close(struct target *target)
{
    servable_free(target->servable);
    load_close(&target->loading);
    if (target->registry)
        registry_close(target->registry);
    team_free(target->team);
    arena_release(&target->memory);
}
