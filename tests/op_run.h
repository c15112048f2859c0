// SPDX-License-Identifier: Apache-2.0
/* The life of one operator's call, for tests: inferred, prepared, run; fast or by the reference, in
 * buffers that are exactly as large as they must be, so that the sanitizer sees a write too far. */
#pragma once

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "ops/op.h"

enum { OP_RUN_TENSORS = 8 };

struct op_run {
    const char *domain, *name;
    struct attribute attributes[16];
    size_t attribute_count;
    struct tensor in[OP_RUN_TENSORS], out[OP_RUN_TENSORS];
    size_t in_count, out_count; /* out_count 0: one */
    unsigned variable;          /* bit i: input i is no constant when the call is prepared */
    int opset;                  /* 0: the newest */
    bool reference;
    struct team *team;
};

static uint64_t op_run_seed = 1;

static inline int64_t random_from(int64_t low, int64_t high)
{
    op_run_seed = op_run_seed * 6364136223846793005u + 1442695040888963407u;
    return low + (int64_t)((op_run_seed >> 33) % (uint64_t)(high - low + 1));
}

/* Between -2 and 2. */
static inline struct tensor tensor_random(enum dtype dtype, struct shape shape)
{
    struct tensor t = {dtype, shape, NULL};
    size_t count = tensor_count(&t);

    t.data = malloc(count * dtype_size(dtype) + !count);
    for (size_t i = 0; i < count; i++)
        tensor_set_f64(&t, i, (double)random_from(-1000, 1000) / 500);
    return t;
}

static inline void op_run_int(struct op_run *run, const char *name, int64_t i)
{
    run->attributes[run->attribute_count++] =
        (struct attribute){.name = name, .kind = ATTRIBUTE_INT, .i = i};
}

static inline void op_run_float(struct op_run *run, const char *name, double f)
{
    run->attributes[run->attribute_count++] =
        (struct attribute){.name = name, .kind = ATTRIBUTE_FLOAT, .f = f};
}

static inline void op_run_string(struct op_run *run, const char *name, const char *s)
{
    run->attributes[run->attribute_count++] =
        (struct attribute){.name = name, .kind = ATTRIBUTE_STRING, .s = bytes_of(s)};
}

/* The outputs' data is the caller's to free (op_run_free). */
static inline enum status op_run_call(struct op_run *run, struct error *err)
{
    struct attributes attributes = {run->attributes, run->attribute_count};
    struct tensor in[OP_RUN_TENSORS];
    struct op_call call = {
        .op = op_find(bytes_of(run->domain), bytes_of(run->name)),
        .opset = run->opset ? run->opset : OPSET_NEWEST,
        .attributes = &attributes,
        .in_count = run->in_count,
        .out_count = run->out_count ? run->out_count : 1,
        .in = in,
        .out = run->out,
        .team = run->team,
    };
    bool before = op_reference_only(run->reference);
    struct arena keep;
    enum status status;
    size_t size;

    arena_init(&keep, (size_t)1 << 32);
    memset(run->out, 0, sizeof run->out);
    for (size_t i = 0; i < run->in_count; i++) {
        in[i] = run->in[i];
        in[i].data = run->variable >> i & 1 ? NULL : in[i].data;
    }
    status = call.op->infer(&call, err);
    if (!status && call.op->prepare)
        status = call.op->prepare(&call, &keep, err);
    if (!status) {
        memcpy(in, run->in, sizeof in);
        for (size_t i = 0; i < call.out_count; i++) {
            size = tensor_bytes(&run->out[i]);
            run->out[i].data = malloc(size + !size);
            memset(run->out[i].data, 0xff, size);
        }
        size = call.op->scratch_size ? call.op->scratch_size(&call) : 0;
        call.scratch = aligned_alloc(64, (size + 127) / 64 * 64);
        memset(call.scratch, 0xff, size);
        status = call.op->run(&call, err);
        free(call.scratch);
    }
    arena_release(&keep);
    op_reference_only(before);
    return status;
}

static inline void op_run_free(struct op_run *run)
{
    for (size_t i = 0; i < OP_RUN_TENSORS; i++) {
        free(run->in[i].data);
        free(run->out[i].data);
        run->in[i].data = run->out[i].data = NULL;
    }
}

/* The largest difference of two tensors of numbers, of what is larger: 1 or the element. */
static inline double tensor_distance(const struct tensor *a, const struct tensor *b)
{
    double most = 0;

    for (size_t i = 0; i < tensor_count(a); i++) {
        double x = tensor_f64(a, i), y = tensor_f64(b, i), size = fmax(1, fabs(y));

        if (isnan(x) != isnan(y))
            return INFINITY;
        if (x != y && !isnan(x))
            most = fmax(most, fabs(x - y) / size);
    }
    return most;
}

/* Fast and by the reference, in every instruction set of this machine: no further apart than
 * `tolerance`. Fails the test that calls it. */
#define CHECK_FAST(run, tolerance)                                                                 \
    do {                                                                                           \
        static const char *const ISAS[] = {"portable", "avx2", "avx512"};                          \
        struct op_run want_ = *(run);                                                              \
        struct error err_;                                                                         \
        want_.reference = true;                                                                    \
        CHECK_OK(op_run_call(&want_, &err_), err_);                                                \
        for (size_t isa_ = 0; isa_ < ARRAY_COUNT(ISAS); isa_++) {                                  \
            if (cpu_isa_force(ISAS[isa_], &err_))                                                  \
                continue;                                                                          \
            CHECK_OK(op_run_call((run), &err_), err_);                                             \
            for (size_t o_ = 0; o_ < OP_RUN_TENSORS; o_++) {                                       \
                double far_ =                                                                      \
                    (run)->out[o_].data ? tensor_distance(&(run)->out[o_], &want_.out[o_]) : 0;    \
                if (!(far_ <= (tolerance)))                                                        \
                    fail_msg("%s %s: output %zu differs by %g", (run)->name, ISAS[isa_], o_,       \
                             far_);                                                                \
                free((run)->out[o_].data);                                                         \
                (run)->out[o_].data = NULL;                                                        \
            }                                                                                      \
        }                                                                                          \
        for (size_t o_ = 0; o_ < OP_RUN_TENSORS; o_++)                                             \
            free(want_.out[o_].data);                                                              \
    } while (0)
