// SPDX-License-Identifier: Apache-2.0
/* Topics: how much of each topic is in a bag of words, by variational inference
 * (sklearn/decomposition/_lda.py, LatentDirichletAllocation.transform; Hoffman, Blei and Bach,
 * "Online learning for latent Dirichlet allocation", 2010).
 *
 * Input: x (n, w) double, counts of words, not below zero. Attributes: words tensor (k, w) double:
 * the exponential of each topic's expected log shares; prior of a topic; rounds, at most;
 * tolerance: of the mean change of a round, below which it ends. Output: (n, k) double, rows sum
 * to 1. */
#include <float.h>
#include <math.h>

#include "ops/kernels/call.h"

enum { ROUNDS_MAX = 1 << 20 };
#define SHIFT 2e-15 /* some ten times a rounding */
#define SHIFT_SEEN 1e-7

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape;
    const struct tensor *words = attribute_tensor(call->attributes, "words");
    int64_t rounds = attribute_int(call->attributes, "rounds", 100);
    struct shape out;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_F64), err));
    TRY(op_wants_rank(call, 0, 2, 2, err));
    if (!words || words->dtype != DTYPE_F64 || words->shape.rank != 2 || words->shape.dims[0] < 1 ||
        rounds < 0 || rounds > ROUNDS_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "words or rounds do not fit");
    if (x->rank == 2 && dim_is_known(x->dims[1]) && x->dims[1] != words->shape.dims[1])
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld columns, but %lld were fitted",
                        (long long)x->dims[1], (long long)words->shape.dims[1]);
    out = SHAPE(x->rank == 2 ? x->dims[0] : DIM_UNKNOWN, words->shape.dims[0]);
    op_give(call, 0, DTYPE_F64, &out);
    return STATUS_OK;
}

/* The digamma function as the framework has it (Bernardo, algorithm AS 103): good to 1e-9, and what
 * that leaves shows after many rounds. x > 0. */
static double digamma(double x)
{
    double result = 0, r;

    if (x <= 1e-6)
        return -0.5772156649015329 - 1 / x;
    for (; x < 6; x++)
        result -= 1 / x;
    r = 1 / x;
    result += log(x) - 0.5 * r;
    r *= r;
    return result - r * (1.0 / 12 - r * (1.0 / 120 - r * (1.0 / 252)));
}

struct topics {
    const double *words;
    size_t count, width;
    double prior, tolerance;
    int64_t rounds;
    double *share, *sum, *again; /* (count,): exponential of a topic's expected log share, room */
};

/* One round: topic (count,) from the words at hand; the mean change. */
static double round_of(const struct topics *t, const double *x, double *topic)
{
    double total = 0, change = 0, all;

    for (size_t k = 0; k < t->count; k++)
        t->sum[k] = 0;
    for (size_t w = 0; w < t->width; w++) {
        double norm = 0;

        if (x[w] == 0)
            continue;
        for (size_t k = 0; k < t->count; k++)
            norm += t->share[k] * t->words[k * t->width + w];
        norm = x[w] / (norm + DBL_EPSILON);
        for (size_t k = 0; k < t->count; k++)
            t->sum[k] += norm * t->words[k * t->width + w];
    }
    for (size_t k = 0; k < t->count; k++) {
        double now = t->share[k] * t->sum[k] + t->prior;

        change += fabs(now - topic[k]);
        topic[k] = now;
        total += now;
    }
    all = digamma(total);
    for (size_t k = 0; k < t->count; k++)
        t->share[k] = exp(digamma(topic[k]) - all);
    return change / (double)t->count;
}

/* Shares that sum to 1; `shift`: by how much each topic begins above the one before. */
static void solve(const struct topics *t, const double *x, double shift, double *topic)
{
    double first = exp(digamma(1) - digamma((double)t->count)), total = 0;

    for (size_t k = 0; k < t->count; k++) {
        topic[k] = 1;
        t->share[k] = first * (1 + shift * (double)(k + 1));
    }
    for (int64_t i = 0; i < t->rounds; i++)
        if (round_of(t, x, topic) < t->tolerance)
            break;
    for (size_t k = 0; k < t->count; k++)
        total += topic[k];
    for (size_t k = 0; k < t->count; k++)
        topic[k] /= total;
}

/* Topics that are alike drift apart by their roundings, which are the framework's own: it answers
 * otherwise itself when its columns stand in another order. A beginning that is off by more than
 * they are must lead to the same end. */
static bool hangs_on_roundings(const struct topics *t, const double *x, const double *topic)
{
    solve(t, x, SHIFT, t->again);
    for (size_t k = 0; k < t->count; k++)
        if (fabs(t->again[k] - topic[k]) > SHIFT_SEEN)
            return true;
    return false;
}

static size_t scratch_size(const struct op_call *call)
{
    return 3 * (size_t)attribute_tensor(call->attributes, "words")->shape.dims[0] * sizeof(double);
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *words = attribute_tensor(call->attributes, "words");
    struct topics t = {.words = words->data,
                       .count = (size_t)words->shape.dims[0],
                       .width = (size_t)words->shape.dims[1],
                       .prior = attribute_float(call->attributes, "prior", 1),
                       .tolerance = attribute_float(call->attributes, "tolerance", 1e-3),
                       .rounds = attribute_int(call->attributes, "rounds", 100),
                       .share = call->scratch};
    const double *x = call->in[0].data;
    double *topic = call->out[0].data;

    t.sum = t.share + t.count;
    t.again = t.sum + t.count;
    for (size_t r = 0; r < (size_t)call->in[0].shape.dims[0]; r++, x += t.width, topic += t.count) {
        for (size_t w = 0; w < t.width; w++)
            if (!(x[w] >= 0))
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "row %zu, column %zu: %.17g is below zero", r, w, x[w]);
        solve(&t, x, 0, topic);
        if (hangs_on_roundings(&t, x, topic))
            return op_error(call, err, STATUS_UNSUPPORTED,
                            "row %zu: which of several like topics it has depends on roundings", r);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_topics =
    OP_SET({.name = "Topics",
            .summary = "how much of each topic is in a bag of words",
            .flags = OP_ROWS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .scratch_size = scratch_size,
            .run = run});
