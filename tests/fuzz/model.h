// SPDX-License-Identifier: Apache-2.0
/* What the fuzz targets of importers do with an upload: import it, load it, run each signature once
 * on inputs made from its contract. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "engine/native.h"
#include "loading/load.h"

enum { FUZZ_MEMORY = 64 << 20 };

static inline uint64_t fuzz_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void fuzz_run(struct servable *servable, size_t index)
{
    const struct signature *signature = &servable->contract->signatures[index];
    struct session *session = servable_session(servable);
    struct tensor *inputs = calloc(signature->input_count + 1, sizeof *inputs);
    struct tensor *outputs = calloc(signature->output_count + 1, sizeof *outputs);
    struct arena arena;
    struct error err;
    bool made = session && inputs && outputs;

    arena_init(&arena, FUZZ_MEMORY);
    if (session) /* a loop may be without end */
        session->deadline_ns = fuzz_now_ns() + 1000000000u;
    for (size_t i = 0; made && i < signature->input_count; i++) {
        struct shape shape = signature->inputs[i].shape;
        if (shape.rank == RANK_UNKNOWN)
            shape = SHAPE(2, 3);
        for (int d = 0; d < shape.rank; d++)
            if (shape.dims[d] < 0)
                shape.dims[d] = 2;
        made =
            shape_check(&shape, signature->inputs[i].dtype, 1 << 20, NULL, &err) == STATUS_OK &&
            tensor_new(&inputs[i], signature->inputs[i].dtype, &shape, &arena, &err) == STATUS_OK;
    }
    if (made && session_run(session, index, inputs, outputs, &err)) {
    }
    session_free(session);
    arena_release(&arena);
    free(inputs);
    free(outputs);
}

static inline void fuzz_model(const uint8_t *data, size_t size, const char *name)
{
    struct native_options options = {.memory_max = FUZZ_MEMORY};
    struct load_options load = {.native = &options};
    struct artifact_limits limits = artifact_limits_default();
    struct loading loading = {0};
    struct artifact *artifact;
    struct servable *servable;
    struct error err;

    limits.bytes = limits.unpacked = FUZZ_MEMORY;
    if (artifact_open_bytes((struct bytes){data, size}, name, &limits, &artifact, &err))
        return;
    if (!load_artifact(artifact, (struct bytes){NULL, 0}, NULL, &loading, &err) &&
        !load_servable(&loading, &load, &servable, &err)) {
        for (size_t i = 0; i < servable->contract->count; i++)
            fuzz_run(servable, i);
        servable_free(servable);
    }
    load_close(&loading);
}
