// SPDX-License-Identifier: Apache-2.0
/* CountSparse: how often each number occurs in a row, as a sparse matrix; TensorFlow's
 * DenseCountSparseOutput, SparseCountSparseOutput and RaggedCountSparseOutput.
 *
 * Attribute of: "dense": values (n) or (rows, n), weights; "sparse": indices (n, rank), values (n),
 * shape (rank), weights; "ragged": splits (rows + 1), values (n), weights. Values are int32 or
 * int64, weights as many or none: then each counts 1. Outputs: indices (k, 2), values (k) of the
 * weights' type, shape (2) int64; of a single row (k, 1) and (1). Attributes: minlength, maxlength
 * (-1: none), binary (1 for what occurs). Source: tensorflow/core/kernels/count_ops.cc. */
#include <stdlib.h>

#include "ops/kernels/call.h"

enum { PAIRS_BYTES_MAX = 1 << 30 };

struct pair {
    int64_t row, value;
    size_t at; /* of the input */
};

struct counting {
    const struct tensor *values, *weights, *places; /* indices or splits; or NULL */
    struct pair *pairs;                             /* in order */
    size_t count;
    int64_t rows, largest;
    bool single;
};

static bool counts_of(const struct op_call *call, const char *what)
{
    return attribute_is(call->attributes, "of", what);
}

static void inputs_of(const struct op_call *call, struct counting *c)
{
    bool dense = counts_of(call, "dense");

    *c = (struct counting){.values = &call->in[dense ? 0 : 1],
                           .weights = &call->in[call->in_count - 1],
                           .places = dense ? NULL : &call->in[0]};
}

static enum status check(const struct op_call *call, struct error *err)
{
    bool dense = counts_of(call, "dense"), sparse = counts_of(call, "sparse");
    size_t values = dense ? 0 : 1, weights = sparse ? 3 : dense ? 1 : 2;

    if (call->in_count != weights + 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu inputs", call->in_count);
    if (!dense)
        TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_I64), err));
    TRY(op_wants(call, values, DTYPES_INDEX, err));
    TRY(op_wants(call, weights, DTYPES_INDEX | DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64), err));
    TRY(op_wants_rank(call, values, 1, dense ? 2 : 1, err));
    if (!dense)
        TRY(op_wants_rank(call, 0, sparse ? 2 : 1, sparse ? 2 : 1, err));
    if (!sparse)
        return STATUS_OK;
    TRY(op_wants(call, 2, DTYPE_BIT(DTYPE_I64), err));
    return op_wants_rank(call, 2, 1, 1, err);
}

static enum status rows_of(const struct op_call *call, struct counting *c, struct error *err)
{
    const int64_t *places = c->places ? c->places->data : NULL;
    size_t n = tensor_count(c->values), count = c->places ? tensor_count(c->places) : 0;

    if (!c->places) {
        c->single = c->values->shape.rank == 1;
        c->rows = c->single ? 1 : c->values->shape.dims[0];
    } else if (counts_of(call, "ragged")) {
        c->rows = (int64_t)count - 1;
        if (count < 2 || places[0] != 0 || places[count - 1] != (int64_t)n)
            return op_error(call, err, STATUS_INVALID_INPUT, "splits do not fit %zu values", n);
        for (size_t i = 1; i < count; i++)
            if (places[i] < places[i - 1])
                return op_error(call, err, STATUS_INVALID_INPUT, "split %zu goes back", i);
    } else {
        size_t rank = tensor_count(&call->in[2]);

        if (!rank || (size_t)c->places->shape.dims[1] != rank ||
            (size_t)c->places->shape.dims[0] != n)
            return op_error(call, err, STATUS_INVALID_INPUT, "indices do not fit %zu values", n);
        for (size_t i = 0; i < count; i++)
            if (places[i] < 0 || places[i] >= ((const int64_t *)call->in[2].data)[i % rank])
                return op_error(call, err, STATUS_INVALID_INPUT, "index %zu is out of the shape",
                                i / rank);
        c->single = rank == 1;
        c->rows = c->single ? 1 : *(const int64_t *)call->in[2].data;
    }
    if (c->rows < 1 || c->rows >= INT32_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld rows", (long long)c->rows);
    return STATUS_OK;
}

static int compare(const void *left, const void *right)
{
    const struct pair *a = left, *b = right;

    if (a->row != b->row)
        return a->row < b->row ? -1 : 1;
    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

/* Row of value i; `row` is that of the one before. */
static int64_t row_of(const struct op_call *call, const struct counting *c, size_t i, int64_t row)
{
    const int64_t *places = c->places ? c->places->data : NULL;

    if (c->single)
        return 0;
    if (!places)
        return (int64_t)i / c->values->shape.dims[1];
    if (!counts_of(call, "ragged"))
        return places[i * (size_t)c->places->shape.dims[1]];
    while (places[row + 1] <= (int64_t)i)
        row++;
    return row;
}

static enum status pairs_of(const struct op_call *call, struct counting *c, struct arena *arena,
                            struct error *err)
{
    int64_t most = attribute_int(call->attributes, "maxlength", -1), row = 0;
    size_t n;

    inputs_of(call, c);
    TRY(rows_of(call, c, err));
    n = tensor_count(c->values);
    if (tensor_count(c->weights) && !shape_equal(&c->weights->shape, &c->values->shape))
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu weights for %zu values",
                        tensor_count(c->weights), n);
    c->pairs = arena_new(arena, struct pair, n);
    if (!c->pairs)
        return error_no_memory(err, "pairs");
    for (size_t i = 0; i < n; i++) {
        int64_t value = tensor_i64(c->values, i);

        row = row_of(call, c, i, row);
        if (value < 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "value %zu is %lld", i,
                            (long long)value);
        if (most > 0 && value >= most)
            continue;
        if (value >= INT32_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "value %lld is too large",
                            (long long)value);
        c->largest = value > c->largest ? value : c->largest;
        c->pairs[c->count++] = (struct pair){row, value, i};
    }
    qsort(c->pairs, c->count, sizeof *c->pairs, compare);
    return STATUS_OK;
}

/* Pairs from i on that are one number of one row. */
static size_t alike(const struct counting *c, size_t i)
{
    size_t end = i;

    while (end < c->count && c->pairs[end].row == c->pairs[i].row &&
           c->pairs[end].value == c->pairs[i].value)
        end++;
    return end - i;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct shape indices = SHAPE(DIM_UNKNOWN, DIM_UNKNOWN), values = SHAPE(DIM_UNKNOWN);
    enum status status = STATUS_OK;
    struct counting c;
    struct arena arena;
    bool known = true;

    TRY(check(call, err));
    inputs_of(call, &c);
    for (size_t i = 0; i < call->in_count; i++)
        known = known && op_is_known(call, i);
    if (counts_of(call, "ragged"))
        indices.dims[1] = 2;
    else if (!c.places && c.values->shape.rank > 0)
        indices.dims[1] = c.values->shape.rank;
    if (known) {
        arena_init(&arena, PAIRS_BYTES_MAX);
        status = pairs_of(call, &c, &arena, err);
        indices.dims[0] = 0;
        indices.dims[1] = c.single ? 1 : 2;
        for (size_t i = 0; !status && i < c.count; i += alike(&c, i))
            indices.dims[0]++;
        arena_release(&arena);
    }
    values.dims[0] = indices.dims[0];
    op_give(call, 0, DTYPE_I64, &indices);
    op_give(call, 1, c.weights->dtype, &values);
    values.dims[0] = indices.dims[1];
    op_give(call, 2, DTYPE_I64, &values);
    return status;
}

/* The sum of the weights of `n` pairs, in their order. */
static void put(const struct op_call *call, const struct counting *c, size_t k, size_t from,
                size_t n)
{
    bool weighted = tensor_count(c->weights);
    struct tensor *y = &call->out[1];
    uint64_t whole = 0;
    float narrow = 0;
    double wide = 0;

    if (attribute_int(call->attributes, "binary", 0)) {
        tensor_set_f64(y, k, 1);
        return;
    }
    for (size_t i = from; i < from + n; i++) {
        size_t at = c->pairs[i].at;

        whole += weighted ? (uint64_t)tensor_i64(c->weights, at) : 1;
        narrow += weighted ? (float)tensor_f64(c->weights, at) : 1;
        wide += weighted ? tensor_f64(c->weights, at) : 1;
    }
    if (y->dtype == DTYPE_I64)
        ((uint64_t *)y->data)[k] = whole;
    else if (y->dtype == DTYPE_I32)
        ((uint32_t *)y->data)[k] = (uint32_t)whole;
    else
        tensor_set_f64(y, k, y->dtype == DTYPE_F32 ? (double)narrow : wide);
}

static enum status fill(const struct op_call *call, const struct counting *c, struct error *err)
{
    int64_t most = attribute_int(call->attributes, "maxlength", -1), *shape = call->out[2].data;
    int64_t least = attribute_int(call->attributes, "minlength", -1), *indices = call->out[0].data;
    size_t k = 0, room = (size_t)call->out[0].shape.dims[0], n;

    for (size_t i = 0; i < c->count; i += n, k++) {
        n = alike(c, i);
        if (k == room)
            return op_error(call, err, STATUS_INTERNAL, "more than inferred");
        if (!c->single)
            *indices++ = c->pairs[i].row;
        *indices++ = c->pairs[i].value;
        put(call, c, k, i, n);
    }
    if (!c->single)
        *shape++ = c->rows;
    *shape = most > 0 ? most : c->largest + 1 > least ? c->largest + 1 : least;
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    enum status status;
    struct counting c;
    struct arena arena;

    arena_init(&arena, PAIRS_BYTES_MAX);
    status = pairs_of(call, &c, &arena, err);
    if (!status)
        status = fill(call, &c, err);
    arena_release(&arena);
    return status;
}

const struct op_set ops_firn_count_sparse =
    OP_SET({.name = "CountSparse",
            .summary = "how often each number occurs in a row, as a sparse matrix",
            .in_min = 2,
            .in_max = 4,
            .out_min = 3,
            .out_max = 3,
            .infer = infer,
            .run = run});
