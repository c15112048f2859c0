// SPDX-License-Identifier: Apache-2.0
/* EditDistance: how many insertions, deletions and substitutions make one sequence of another, as
 * TensorFlow's operator of that name.
 *
 * indices (n, rank) int64 in order, values (n,), shape (rank,) int64 of what was found, and the
 * same three of what is true -> float of all dimensions but the last, along which the sequences
 * lie; the larger of both shapes. Attribute normalize: in parts of the length of what is true.
 * Source: tensorflow/core/kernels/edit_distance_op.cc. */
#include <math.h>

#include "ops/kernels/call.h"

enum { FOUND = 0, TRUTH = 3, INDICES = 0, VALUES, SHAPE };

#define DTYPES_COMPARED (DTYPES_NUMBER | DTYPE_BIT(DTYPE_BOOL) | DTYPE_BIT(DTYPE_STRING))

static int64_t number(const struct tensor *list, size_t i)
{
    return ((const int64_t *)list->data)[i];
}

static enum status check_side(const struct op_call *call, size_t first, struct error *err)
{
    TRY(op_wants(call, first + INDICES, DTYPE_BIT(DTYPE_I64), err));
    TRY(op_wants_rank(call, first + INDICES, 2, 2, err));
    TRY(op_wants(call, first + VALUES, DTYPES_COMPARED, err));
    TRY(op_wants_rank(call, first + VALUES, 1, 1, err));
    TRY(op_wants(call, first + SHAPE, DTYPE_BIT(DTYPE_I64), err));
    return op_wants_rank(call, first + SHAPE, 1, 1, err);
}

/* The output's dimensions, as far as both shapes are known. */
static enum status shape_of_output(const struct op_call *call, struct shape *out, struct error *err)
{
    const struct tensor *found = &call->in[FOUND + SHAPE], *truth = &call->in[TRUTH + SHAPE];
    bool known = op_is_known(call, FOUND + SHAPE) && op_is_known(call, TRUTH + SHAPE);
    int64_t rank = truth->shape.rank == 1 ? truth->shape.dims[0] : DIM_UNKNOWN;

    *out = shape_unknown();
    if (!dim_is_known(rank))
        return STATUS_OK;
    if (rank < 2 || rank > RANK_MAX)
        return op_error(call, err, rank < 2 ? STATUS_INVALID_INPUT : STATUS_UNSUPPORTED,
                        "%lld dimensions", (long long)rank);
    out->rank = (int)rank - 1;
    for (int d = 0; d < out->rank; d++)
        out->dims[d] = DIM_UNKNOWN;
    if (!known)
        return STATUS_OK;
    if (found->shape.dims[0] != rank)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld and %lld dimensions",
                        (long long)found->shape.dims[0], (long long)rank);
    for (int d = 0; d < out->rank; d++) {
        int64_t a = number(found, (size_t)d), b = number(truth, (size_t)d);

        if (a < 0 || b < 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "dimension %d is negative", d);
        out->dims[d] = a > b ? a : b;
    }
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape out;

    TRY(check_side(call, FOUND, err));
    TRY(check_side(call, TRUTH, err));
    TRY(op_wants_same(call, FOUND + VALUES, TRUTH + VALUES, err));
    TRY(shape_of_output(call, &out, err));
    op_give(call, 0, DTYPE_F32, &out);
    return STATUS_OK;
}

/* As many indices as values, each in its shape and behind the one before. */
static enum status side_check(const struct op_call *call, size_t first, struct error *err)
{
    const struct tensor *indices = &call->in[first + INDICES], *shape = &call->in[first + SHAPE];
    size_t rank = (size_t)indices->shape.dims[1], n = (size_t)indices->shape.dims[0];

    if (rank != tensor_count(shape) || n != tensor_count(&call->in[first + VALUES]))
        return op_error(call, err, STATUS_INVALID_INPUT, "indices of %zu by %zu, %zu values", n,
                        rank, tensor_count(&call->in[first + VALUES]));
    for (size_t i = 0; i < n; i++) {
        bool behind = i == 0;

        for (size_t d = 0; d < rank; d++) {
            int64_t at = number(indices, i * rank + d);

            if (at < 0 || at >= number(shape, d))
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "index %zu is %lld in dimension %zu of %lld", i, (long long)at, d,
                                (long long)number(shape, d));
            if (behind)
                continue;
            behind = at > number(indices, (i - 1) * rank + d);
            if (at < number(indices, (i - 1) * rank + d))
                break;
        }
        if (!behind)
            return op_error(call, err, STATUS_INVALID_INPUT, "index %zu is out of order", i);
    }
    return STATUS_OK;
}

/* --- one sequence of each --- */

struct part { /* values [from, to) of a side */
    size_t from, to;
};

/* The sequence that begins at value `from`. */
static struct part part_at(const struct tensor *indices, size_t from)
{
    size_t rank = (size_t)indices->shape.dims[1], n = (size_t)indices->shape.dims[0];
    const int64_t *data = indices->data;
    struct part part = {from, from};

    while (part.to < n &&
           !memcmp(data + part.to * rank, data + from * rank, (rank - 1) * sizeof *data))
        part.to++;
    return part;
}

static bool is_equal(const struct tensor *a, size_t i, const struct tensor *b, size_t j)
{
    if (a->dtype == DTYPE_STRING)
        return bytes_equal(((const struct bytes *)a->data)[i], ((const struct bytes *)b->data)[j]);
    if (dtype_is_float(a->dtype))
        return tensor_f64(a, i) == tensor_f64(b, j);
    return !memcmp((const char *)a->data + i * dtype_size(a->dtype),
                   (const char *)b->data + j * dtype_size(b->dtype), dtype_size(a->dtype));
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's; `costs` has room for one more than the truth is long. */
static size_t distance(const struct op_call *call, struct part found, struct part truth,
                       size_t *costs)
{
    const struct tensor *f = &call->in[FOUND + VALUES], *t = &call->in[TRUTH + VALUES];
    size_t length = truth.to - truth.from;

    for (size_t j = 0; j <= length; j++)
        costs[j] = j;
    for (size_t i = found.from; i < found.to; i++) {
        size_t corner = costs[0]++;

        for (size_t j = 1; j <= length; j++) {
            size_t above = costs[j];
            size_t changed = corner + !is_equal(f, i, t, truth.from + j - 1);

            costs[j] = smaller(changed, smaller(above, costs[j - 1]) + 1);
            corner = above;
        }
    }
    return costs[length];
}

static size_t scratch_size(const struct op_call *call)
{
    return ((size_t)call->in[TRUTH + INDICES].shape.dims[0] + 1) * sizeof(size_t);
}

/* < 0: the sequence of `found` comes first. */
static int order(const struct op_call *call, size_t found, size_t truth)
{
    const struct tensor *f = &call->in[FOUND + INDICES], *t = &call->in[TRUTH + INDICES];
    size_t rank = (size_t)f->shape.dims[1];

    if (found == (size_t)f->shape.dims[0] || truth == (size_t)t->shape.dims[0])
        return found == (size_t)f->shape.dims[0] ? 1 : -1;
    for (size_t d = 0; d + 1 < rank; d++) {
        int64_t a = number(f, found * rank + d), b = number(t, truth * rank + d);

        if (a != b)
            return a < b ? -1 : 1;
    }
    return 0;
}

static size_t place(const struct op_call *call, size_t first, size_t i)
{
    const struct tensor *indices = &call->in[first + INDICES];
    size_t rank = (size_t)indices->shape.dims[1], at = 0;

    for (size_t d = 0; d + 1 < rank; d++)
        at = at * (size_t)call->out[0].shape.dims[d] + (size_t)number(indices, i * rank + d);
    return at;
}

static enum status run(const struct op_call *call, struct error *err)
{
    bool normalize = attribute_int(call->attributes, "normalize", 1);
    const struct tensor *found = &call->in[FOUND + INDICES], *truth = &call->in[TRUTH + INDICES];
    size_t f = 0, t = 0, founds, truths;
    float *y = call->out[0].data;

    TRY(side_check(call, FOUND, err));
    TRY(side_check(call, TRUTH, err));
    founds = (size_t)found->shape.dims[0];
    truths = (size_t)truth->shape.dims[0];
    memset(y, 0, tensor_bytes(&call->out[0]));
    while (f < founds || t < truths) {
        int way = order(call, f, t);
        struct part a = {f, f}, b = {t, t};

        if (way <= 0)
            a = part_at(found, f);
        if (way >= 0)
            b = part_at(truth, t);
        if (way < 0)
            y[place(call, FOUND, f)] = normalize ? INFINITY : (float)(a.to - a.from);
        else if (way > 0)
            y[place(call, TRUTH, t)] = normalize ? 1 : (float)(b.to - b.from);
        else
            y[place(call, TRUTH, t)] = (float)distance(call, a, b, call->scratch) /
                                       (normalize ? (float)(b.to - b.from) : 1);
        f = a.to;
        t = b.to;
    }
    return STATUS_OK;
}

const struct op_set ops_firn_edit_distance =
    OP_SET({.name = "EditDistance",
            .summary = "changes that make one sequence of another",
            .in_min = 6,
            .in_max = 6,
            .out_min = 1,
            .out_max = 1,
            .infer = infer,
            .scratch_size = scratch_size,
            .run = run});
