// SPDX-License-Identifier: Apache-2.0
/* One call of an operator, with its reference kernel or the fast one, for tests that compare. */
#pragma once

#include <math.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "base/team.h"
#include "ops/fast/spread.h"
#include "ops/op.h"
#include "test.h"

enum { CALL_TENSORS_MAX = 8 };

struct operator_call {
    const char *domain, *name;
    int opset;
    const struct attribute *attributes;
    size_t attribute_count;
    struct team *team; /* NULL: none */
    size_t in_count, out_count;
    struct tensor in[CALL_TENSORS_MAX];
    struct tensor out[CALL_TENSORS_MAX]; /* dtype and shape inferred, data malloc'ed: exact sizes,
                                          * so that the sanitizer sees a step too far */
};

static inline void operator_call_free(struct operator_call *c)
{
    for (size_t i = 0; i < c->out_count; i++)
        free(c->out[i].data);
}

static inline enum status operator_call_run(struct operator_call *c, bool reference,
                                            struct error *err)
{
    bool before = op_reference_only(reference);
    struct attributes attributes = {c->attributes, c->attribute_count};
    struct op_call call = {.op = op_find(bytes_of(c->domain), bytes_of(c->name)),
                           .opset = c->opset ? c->opset : OPSET_NEWEST,
                           .attributes = &attributes,
                           .in_count = c->in_count,
                           .out_count = c->out_count,
                           .in = c->in,
                           .out = c->out,
                           .team = c->team};
    struct arena keep;
    enum status status;
    size_t scratch = 0;

    arena_init(&keep, 256 << 20);
    call.memory = &keep;
    status = call.op->infer(&call, err);
    for (size_t i = 0; i < c->out_count && !status; i++)
        c->out[i].data = malloc(tensor_bytes(&c->out[i]) + !tensor_bytes(&c->out[i]));
    if (!status && call.op->prepare)
        status = call.op->prepare(&call, &keep, err);
    if (!status && call.op->scratch_size)
        scratch = call.op->scratch_size(&call);
    call.scratch = aligned_alloc(64, (scratch + 64) / 64 * 64);
    if (!status)
        status = call.op->run(&call, err);
    free(call.scratch);
    arena_release(&keep);
    op_reference_only(before);
    return status;
}

/* The fast kernel once more, shared by three threads however short it is: the same to the bit. */
static inline void operator_call_check_team(const struct operator_call *alone)
{
    struct operator_call shared = *alone;
    double before = spread_alone_ns(0);
    struct error err;

    shared.team = team_pool_new(3);
    CHECK_OK(operator_call_run(&shared, false, &err), err);
    spread_alone_ns(before);
    for (size_t i = 0; i < alone->out_count; i++)
        CHECK(!memcmp(shared.out[i].data, alone->out[i].data, tensor_bytes(&alone->out[i])));
    team_free(shared.team);
    operator_call_free(&shared);
}

/* A tensor of malloc'ed values, the same for the same seed. */
static inline struct tensor tensor_made(enum dtype dtype, int rank, const int64_t *dims,
                                        unsigned seed, double low, double high)
{
    struct tensor t = {.dtype = dtype, .shape = {.rank = rank}};

    memcpy(t.shape.dims, dims, (size_t)rank * sizeof *dims);
    t.data = malloc(tensor_bytes(&t) + !tensor_bytes(&t));
    for (size_t i = 0; i < tensor_count(&t); i++) {
        seed = seed * 1664525u + 1013904223u;
        tensor_set_f64(&t, i, low + (high - low) * (double)(seed >> 8) / (1 << 24));
    }
    return t;
}

/* The first element that is not near, or SIZE_MAX. */
static inline size_t tensor_differs(const struct tensor *a, const struct tensor *b, double relative,
                                    double absolute)
{
    for (size_t i = 0; i < tensor_count(a); i++) {
        double x = tensor_f64(a, i), y = tensor_f64(b, i);

        if (isnan(x) != isnan(y) ||
            (!isnan(x) && x != y && !(fabs(x - y) <= absolute + relative * fabs(y))))
            return i;
    }
    return SIZE_MAX;
}
