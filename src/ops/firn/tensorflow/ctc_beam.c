// SPDX-License-Identifier: Apache-2.0
/* CtcBeam: the best sequences of classes by a search of beams, as TensorFlow's
 * CTCBeamSearchDecoder; the last class is the blank.
 *
 * x (time, batch, classes) float or double, lengths (batch,) int32 -> for each of `paths` a sparse
 * matrix: all indices (n, 2), then all values (n,), then all shapes (2,) int64; and the logarithms
 * of the probabilities (batch, paths). Attributes: width, paths, merge. Of prefixes that are
 * equally probable the one that was found first is kept.
 * Source: tensorflow/core/util/ctc/{ctc_beam_search,ctc_beam_entry}.h. */
#include <math.h>

#include "ops/kernels/call.h"

enum { X, LENGTHS, PATHS_MAX = 20, WIDTH_MAX = 1 << 20, SEARCH_BYTES_MAX = 1 << 30 };

struct chance { /* logarithms: ends with a blank, with its label, either */
    double blank, label, total;
};

struct prefix {
    struct prefix *parent, *child, *next; /* child: the newest; next: of the same parent */
    struct chance now, before;
    int64_t label;
    uint64_t rank; /* by when it was pushed */
    uint64_t lost; /* the step in which a child of it was last dropped, from 1 on */
};

struct search {
    const struct op_call *call;
    struct arena arena;
    struct prefix **beam, **old; /* (width,); the beam is a heap, the worst first */
    size_t count, old_count, width, paths, time, batch, classes;
    uint64_t pushes, step;
    bool narrow; /* floats: each step is rounded as there */
};

static const struct chance NEVER = {-INFINITY, -INFINITY, -INFINITY};

static double rounded(const struct search *s, double value)
{
    return s->narrow ? (double)(float)value : value;
}

/* The exponential is a float's there, whatever the type. */
static double sum_of_logs(const struct search *s, double a, double b)
{
    double larger = a > b ? a : b, smaller = a > b ? b : a;

    if (smaller == -INFINITY)
        return larger;
    return rounded(s, larger + (double)log1pf(expf((float)(smaller - larger))));
}

/* --- the beam --- */

static bool is_worse(const struct prefix *a, const struct prefix *b)
{
    if (a->now.total != b->now.total)
        return a->now.total < b->now.total;
    return a->rank > b->rank;
}

static void swap(struct prefix **a, struct prefix **b)
{
    struct prefix *was = *a;

    *a = *b;
    *b = was;
}

static void sift_down(struct prefix **heap, size_t count, size_t i)
{
    for (;;) {
        size_t worst = i;

        for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < count; k++)
            if (is_worse(heap[k], heap[worst]))
                worst = k;
        if (worst == i)
            return;
        swap(&heap[i], &heap[worst]);
        i = worst;
    }
}

/* In the place of the worst when the beam is full. */
static void push(struct search *s, struct prefix *prefix)
{
    prefix->rank = s->pushes++;
    if (s->count == s->width) {
        if (is_worse(prefix, s->beam[0]))
            return;
        s->beam[0] = prefix;
        sift_down(s->beam, s->count, 0);
        return;
    }
    s->beam[s->count] = prefix;
    for (size_t i = s->count++; i && is_worse(s->beam[i], s->beam[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&s->beam[i], &s->beam[(i - 1) / 2]);
}

/* What is in the beam to `old`, the best first; the beam is empty then. */
static void empty(struct search *s)
{
    s->old_count = s->count;
    while (s->count) {
        s->old[s->count - 1] = s->beam[0];
        s->beam[0] = s->beam[--s->count];
        sift_down(s->beam, s->count, 0);
    }
}

static bool is_candidate(const struct search *s, double total)
{
    return total > -INFINITY && (s->count < s->width || total > s->beam[0]->now.total);
}

/* --- a step --- */

static double logit(const struct search *s, size_t t, size_t b, size_t class)
{
    return tensor_f64(&s->call->in[X], (t * s->batch + b) * s->classes + class);
}

/* What is subtracted from every logit. */
static double norm(const struct search *s, size_t t, size_t b)
{
    double most = -INFINITY, sum = 0;

    for (size_t c = 0; c < s->classes; c++) {
        double value = logit(s, t, b, c);

        most = value > most ? value : most;
    }
    for (size_t c = 0; c < s->classes; c++) {
        double off = rounded(s, logit(s, t, b, c) - most);

        sum = rounded(s, sum + (s->narrow ? (double)expf((float)off) : exp(off)));
    }
    return rounded(s, most + (s->narrow ? (double)logf((float)sum) : log(sum)));
}

/* Prefixes that stay as they are: by a blank, or their last label once more. */
static void keep(struct search *s, struct prefix *p, size_t t, size_t b, double offset)
{
    struct prefix *parent = p->parent;

    if (parent) {
        if (parent->now.total != -INFINITY)
            p->now.label = sum_of_logs(s, p->now.label,
                                       p->label == parent->label ? parent->before.blank
                                                                 : parent->before.total);
        p->now.label =
            rounded(s, p->now.label + rounded(s, logit(s, t, b, (size_t)p->label) - offset));
    }
    p->now.blank =
        rounded(s, p->before.total + rounded(s, logit(s, t, b, s->classes - 1) - offset));
    p->now.total = sum_of_logs(s, p->now.blank, p->now.label);
    push(s, p);
}

static struct prefix *child_of(const struct prefix *parent, int64_t label)
{
    struct prefix *child = parent->child;

    while (child && child->label != label)
        child = child->next;
    return child;
}

/* A child that was in the beam before this step, and was dropped in it, does not grow when its
 * parent would not have it back. */
static void forget(struct search *s, struct prefix *p, int64_t label)
{
    struct prefix *child = p->lost == s->step ? child_of(p, label) : NULL;

    if (child && child->now.total == -INFINITY)
        child->before = NEVER;
}

static enum status add(struct search *s, struct prefix *p, int64_t label, double total,
                       struct error *err)
{
    struct prefix *child = child_of(p, label);

    if (child && child->now.total != -INFINITY)
        return STATUS_OK;
    if (!child) {
        child = arena_new(&s->arena, struct prefix, 1);
        if (!child)
            return op_error(s->call, err, STATUS_TOO_LARGE, "the search takes too much memory");
        *child = (struct prefix){.parent = p, .next = p->child, .label = label, .before = NEVER};
        p->child = child;
    }
    child->now = (struct chance){-INFINITY, total, total};
    if (s->count == s->width) {
        s->beam[0]->now = NEVER;
        if (s->beam[0]->parent)
            s->beam[0]->parent->lost = s->step;
    }
    push(s, child);
    return STATUS_OK;
}

static enum status grow(struct search *s, struct prefix *p, size_t t, size_t b, double offset,
                        struct error *err)
{
    for (int64_t label = 0; label < (int64_t)s->classes - 1; label++) {
        double previous = label == p->label ? p->before.blank : p->before.total;
        double total = rounded(s, rounded(s, logit(s, t, b, (size_t)label) - offset) + previous);

        if (is_candidate(s, total))
            TRY(add(s, p, label, total, err));
        else
            forget(s, p, label);
    }
    return STATUS_OK;
}

static enum status step(struct search *s, size_t t, size_t b, struct error *err)
{
    double offset = norm(s, t, b);

    s->step++;
    empty(s);
    for (size_t i = 0; i < s->old_count; i++)
        s->old[i]->before = s->old[i]->now;
    for (size_t i = 0; i < s->old_count; i++)
        keep(s, s->old[i], t, b, offset);
    for (size_t i = 0; i < s->old_count; i++)
        if (is_candidate(s, s->old[i]->before.total))
            TRY(grow(s, s->old[i], t, b, offset, err));
    return STATUS_OK;
}

/* All steps of an item; `old` is its prefixes then, the best first. */
static enum status search_item(struct search *s, size_t b, struct error *err)
{
    size_t steps = (size_t)((const int32_t *)s->call->in[LENGTHS].data)[b];
    struct prefix *root;

    arena_release(&s->arena);
    arena_init(&s->arena, SEARCH_BYTES_MAX);
    s->beam = arena_new(&s->arena, struct prefix *, s->width);
    s->old = arena_new(&s->arena, struct prefix *, s->width);
    root = arena_new(&s->arena, struct prefix, 1);
    if (!s->beam || !s->old || !root)
        return op_error(s->call, err, STATUS_TOO_LARGE, "the search takes too much memory");
    *root = (struct prefix){.label = -1, .now = {0, -INFINITY, 0}, .before = NEVER};
    s->count = 0;
    push(s, root);
    for (size_t t = 0; t < steps; t++)
        TRY(step(s, t, b, err));
    empty(s);
    if (s->old_count < s->paths)
        return op_error(s->call, err, STATUS_INVALID_INPUT, "item %zu has %zu paths, not %zu", b,
                        s->old_count, s->paths);
    return STATUS_OK;
}

/* The labels of a prefix from its last one on; `labels` may be NULL. Their number. */
static size_t labels_of(const struct search *s, const struct prefix *p, int64_t *labels)
{
    bool merge = attribute_int(s->call->attributes, "merge", 1);
    int64_t before = -1;
    size_t count = 0;

    for (; p->parent; p = p->parent) {
        if (!merge || p->label != before) {
            if (labels)
                labels[count] = p->label;
            count++;
        }
        before = p->label;
    }
    return count;
}

/* --- the operator --- */

static enum status check(const struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[X].shape, *lengths = &call->in[LENGTHS].shape;
    int64_t width = attribute_int(call->attributes, "width", 1);
    int64_t paths = attribute_int(call->attributes, "paths", 1);

    TRY(op_wants(call, X, DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64), err));
    TRY(op_wants(call, LENGTHS, DTYPE_BIT(DTYPE_I32), err));
    TRY(op_wants_rank(call, X, 3, 3, err));
    TRY(op_wants_rank(call, LENGTHS, 1, 1, err));
    if (paths < 1 || width < paths)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld paths of a beam of %lld",
                        (long long)paths, (long long)width);
    if (paths > PATHS_MAX || width > WIDTH_MAX)
        return op_error(call, err, STATUS_UNSUPPORTED, "%lld paths of a beam of %lld",
                        (long long)paths, (long long)width);
    if (call->out_count != 3 * (size_t)paths + 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu outputs for %lld paths",
                        call->out_count, (long long)paths);
    if (x->rank == 3 && lengths->rank == 1 && dim_is_known(x->dims[1]) &&
        dim_is_known(lengths->dims[0]) && x->dims[1] != lengths->dims[0])
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld lengths for a batch of %lld",
                        (long long)lengths->dims[0], (long long)x->dims[1]);
    return STATUS_OK;
}

static enum status search_open(const struct op_call *call, struct search *s, struct error *err)
{
    const struct shape *x = &call->in[X].shape;

    *s = (struct search){.call = call,
                         .width = (size_t)attribute_int(call->attributes, "width", 1),
                         .paths = (size_t)attribute_int(call->attributes, "paths", 1),
                         .time = (size_t)x->dims[0],
                         .batch = (size_t)x->dims[1],
                         .classes = (size_t)x->dims[2],
                         .narrow = call->in[X].dtype == DTYPE_F32};
    if (!s->classes)
        return op_error(call, err, STATUS_INVALID_INPUT, "no classes");
    for (size_t b = 0; b < s->batch; b++) {
        int32_t length = ((const int32_t *)call->in[LENGTHS].data)[b];

        if (length < 0 || (size_t)length > s->time)
            return op_error(call, err, STATUS_INVALID_INPUT, "length %d of %zu steps", (int)length,
                            s->time);
        for (size_t i = 0; i < (size_t)length * s->classes; i++)
            if (isnan(logit(s, i / s->classes, b, i % s->classes)))
                return op_error(call, err, STATUS_INVALID_INPUT, "item %zu is not a number", b);
    }
    return STATUS_OK;
}

static enum status counts_of(const struct op_call *call, int64_t counts[PATHS_MAX],
                             struct error *err)
{
    enum status status = STATUS_OK;
    struct search s;

    TRY(search_open(call, &s, err));
    for (size_t b = 0; !status && b < s.batch; b++) {
        status = search_item(&s, b, err);
        for (size_t k = 0; !status && k < s.paths; k++)
            counts[k] += (int64_t)labels_of(&s, s.old[k], NULL);
    }
    arena_release(&s.arena);
    return status;
}

static enum status infer(struct op_call *call, struct error *err)
{
    int64_t batch = call->in[X].shape.rank == 3 ? call->in[X].shape.dims[1] : DIM_UNKNOWN;
    bool known = op_is_known(call, X) && op_is_known(call, LENGTHS);
    int64_t counts[PATHS_MAX] = {0};
    struct shape out;
    size_t paths;

    TRY(check(call, err));
    paths = (call->out_count - 1) / 3;
    if (known)
        TRY(counts_of(call, counts, err));
    for (size_t k = 0; k < paths; k++) {
        out = SHAPE(known ? counts[k] : DIM_UNKNOWN, 2);
        op_give(call, k, DTYPE_I64, &out);
        out.rank = 1;
        op_give(call, paths + k, DTYPE_I64, &out);
        out = SHAPE(2);
        op_give(call, 2 * paths + k, DTYPE_I64, &out);
    }
    out = SHAPE(batch, (int64_t)paths);
    op_give(call, 3 * paths, call->in[X].dtype, &out);
    return STATUS_OK;
}

/* What was found for an item behind what is there. */
static enum status item_put(const struct search *s, size_t b, size_t used[PATHS_MAX],
                            int64_t longest[PATHS_MAX], struct error *err)
{
    for (size_t k = 0; k < s->paths; k++) {
        struct tensor *indices = &s->call->out[k], *values = &s->call->out[s->paths + k];
        size_t count = labels_of(s, s->old[k], NULL);
        int64_t *labels = (int64_t *)values->data + used[k];
        int64_t *places = (int64_t *)indices->data + 2 * used[k];

        if (count > tensor_count(values) - used[k])
            return op_error(s->call, err, STATUS_INTERNAL, "more than inferred");
        labels_of(s, s->old[k], labels);
        for (size_t i = 0; i < count / 2; i++) {
            int64_t label = labels[i];

            labels[i] = labels[count - 1 - i];
            labels[count - 1 - i] = label;
        }
        for (size_t i = 0; i < count; i++) {
            places[2 * i] = (int64_t)b;
            places[2 * i + 1] = (int64_t)i;
        }
        used[k] += count;
        longest[k] = (int64_t)count > longest[k] ? (int64_t)count : longest[k];
        tensor_set_f64(&s->call->out[3 * s->paths], b * s->paths + k, s->old[k]->now.total);
    }
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    enum status status = STATUS_OK;
    int64_t longest[PATHS_MAX] = {0};
    size_t used[PATHS_MAX] = {0};
    struct search s;

    TRY(search_open(call, &s, err));
    for (size_t b = 0; !status && b < s.batch; b++) {
        status = search_item(&s, b, err);
        if (!status)
            status = item_put(&s, b, used, longest, err);
    }
    arena_release(&s.arena);
    for (size_t k = 0; k < s.paths; k++) {
        int64_t *shape = call->out[2 * s.paths + k].data;

        shape[0] = (int64_t)s.batch;
        shape[1] = longest[k];
    }
    return status;
}

const struct op_set ops_firn_ctc_beam =
    OP_SET({.name = "CtcBeam",
            .summary = "the best sequences of classes by a search of beams",
            .in_min = 2,
            .in_max = 2,
            .out_min = 4,
            .out_max = OP_OUTPUTS_MAX,
            .infer = infer,
            .run = run});
