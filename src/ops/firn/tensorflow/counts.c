// SPDX-License-Identifier: Apache-2.0
/* Counts of values, and where values stand in sorted ones.
 *
 * Bincount: how often each number below `size` came, or the sum of its weights.
 *   inputs   values (n) or (rows, n), int32 or int64; size, scalar; weights as values, or empty;
 *            optional: rows (n), int64, which row each value belongs to, and the number of rows
 *   attribute binary: 1 instead of the count
 *   output   (size) or (rows, size), of the dtype of the weights */
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/index.h"

enum { SIZE_MAX_BINS = 1 << 30 };

static enum status read_size(const struct op_call *call, size_t input, int64_t low, int64_t *size,
                             struct error *err)
{
    TRY(op_wants(call, input, DTYPES_INDEX, err));
    *size = DIM_UNKNOWN;
    if (!op_is_known(call, input))
        return STATUS_OK;
    TRY(op_input_i64(call, input, size, err));
    if (*size < low || *size > SIZE_MAX_BINS)
        return op_error(call, err, STATUS_INVALID_INPUT, "input %zu is %lld", input,
                        (long long)*size);
    return STATUS_OK;
}

static enum status infer_bincount(struct op_call *call, struct error *err)
{
    struct shape out = {.rank = 1};
    int64_t rows = 0;

    TRY(op_wants(call, 0, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 0, 0, 2, err));
    TRY(op_wants(call, 2, DTYPES_NUMBER, err));
    if (op_has(call, 3)) {
        TRY(op_wants(call, 3, DTYPE_BIT(DTYPE_I64), err));
        TRY(read_size(call, 4, 0, &rows, err));
        out.dims[out.rank++ - 1] = rows;
    } else if (call->in[0].shape.rank == 2) {
        out.dims[out.rank++ - 1] = call->in[0].shape.dims[0];
    } else if (call->in[0].shape.rank < 0) {
        out.rank = RANK_UNKNOWN;
    }
    if (out.rank > 0)
        TRY(read_size(call, 1, 0, &out.dims[out.rank - 1], err));
    op_give(call, 0, call->in[2].dtype, &out);
    return STATUS_OK;
}

struct bincount {
    const struct tensor *values, *weights; /* weights NULL: ones */
    const struct tensor *rows;             /* NULL: by position */
    int64_t row_count, size, per_row;
    bool binary;
};

static void count_one(const struct bincount *b, struct tensor *y, size_t at, size_t i)
{
    if (b->binary)
        tensor_set_f64(y, at, 1);
    else if (y->dtype == DTYPE_I64)
        ((uint64_t *)y->data)[at] += b->weights ? (uint64_t)tensor_i64(b->weights, i) : 1;
    else if (y->dtype == DTYPE_I32)
        ((uint32_t *)y->data)[at] += b->weights ? (uint32_t)tensor_i64(b->weights, i) : 1;
    else
        tensor_set_f64(y, at, tensor_f64(y, at) + (b->weights ? tensor_f64(b->weights, i) : 1));
}

static enum status run_bincount(const struct op_call *call, struct error *err)
{
    const struct tensor *values = &call->in[0];
    struct tensor *y = &call->out[0];
    size_t count = tensor_count(values);
    struct bincount b = {.values = values,
                         .weights = tensor_count(&call->in[2]) ? &call->in[2] : NULL,
                         .rows = op_has(call, 3) ? &call->in[3] : NULL,
                         .row_count = y->shape.rank == 2 ? y->shape.dims[0] : 1,
                         .size = y->shape.dims[y->shape.rank - 1],
                         .binary = attribute_int(call->attributes, "binary", 0)};

    if (b.weights && tensor_count(b.weights) != count)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu weights for %zu values",
                        tensor_count(b.weights), count);
    if (b.rows && tensor_count(b.rows) != count)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu rows for %zu values",
                        tensor_count(b.rows), count);
    memset(y->data, 0, tensor_bytes(y));
    b.per_row = y->shape.rank == 2 && b.row_count ? (int64_t)count / b.row_count : (int64_t)count;
    for (size_t i = 0; i < count; i++) {
        int64_t value = index_at(values, i), row = 0;

        if (value < 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "value %zu is %lld", i,
                            (long long)value);
        if (b.rows)
            row = index_at(b.rows, i);
        else if (y->shape.rank == 2)
            row = (int64_t)i / b.per_row;
        if (row < 0 || row >= b.row_count)
            return op_error(call, err, STATUS_INVALID_INPUT, "row %lld of %lld", (long long)row,
                            (long long)b.row_count);
        if (value < b.size)
            count_one(&b, y, (size_t)(row * b.size + value), i);
    }
    return STATUS_OK;
}

/* --- HistogramFixedWidth: values, range (low, high), bins -> counts (bins) --- */

static enum status infer_histogram(struct op_call *call, struct error *err)
{
    enum dtype to = attribute_int(call->attributes, "wide", 0) ? DTYPE_I64 : DTYPE_I32;
    struct shape out = {.rank = 1};

    TRY(op_wants(call, 0, DTYPES_FLOAT | DTYPE_BIT(DTYPE_I32) | DTYPE_BIT(DTYPE_I64), err));
    TRY(op_wants_same(call, 0, 1, err));
    TRY(op_wants_rank(call, 1, 1, 1, err));
    if (dim_is_known(call->in[1].shape.dims[0]) && call->in[1].shape.rank == 1 &&
        call->in[1].shape.dims[0] != 2)
        return op_error(call, err, STATUS_INVALID_INPUT, "the range has %lld numbers",
                        (long long)call->in[1].shape.dims[0]);
    TRY(read_size(call, 2, 1, &out.dims[0], err));
    op_give(call, 0, to, &out);
    return STATUS_OK;
}

/* x - low in the type of x, as TensorFlow subtracts. */
static double above(const struct tensor *x, size_t i, const struct tensor *range)
{
    double value = tensor_f64(x, i), low = tensor_f64(range, 0);

    value = value > low ? value : low;
    return x->dtype == DTYPE_F32 ? (double)((float)value - (float)low) : value - low;
}

static enum status run_histogram(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *range = &call->in[1];
    struct tensor *y = &call->out[0];
    size_t count = tensor_count(x), bins = (size_t)y->shape.dims[0];
    double low = tensor_f64(range, 0), high = tensor_f64(range, 1), step;

    if (!(low < high))
        return op_error(call, err, STATUS_INVALID_INPUT, "the range is %g to %g", low, high);
    step = (x->dtype == DTYPE_F32 ? (double)((float)high - (float)low) : high - low) / (double)bins;
    memset(y->data, 0, tensor_bytes(y));
    for (size_t i = 0; i < count; i++) {
        double at = above(x, i, range) / step;
        size_t bin;

        if (isnan(tensor_f64(x, i)))
            return op_error(call, err, STATUS_INVALID_INPUT, "value %zu is NaN", i);
        bin = at < (double)bins - 1 ? (size_t)at : bins - 1;
        if (y->dtype == DTYPE_I64)
            ((int64_t *)y->data)[bin]++;
        else
            ((int32_t *)y->data)[bin]++;
    }
    return STATUS_OK;
}

/* --- SearchSorted: the number of elements of a sorted row that come before each value.
 * inputs sorted (n) or (rows, n), values of any shape or (rows, m); attribute upper: equal ones
 * come before, wide: int64 --- */

static enum status infer_search(struct op_call *call, struct error *err)
{
    const struct shape *sorted = &call->in[0].shape, *values = &call->in[1].shape;

    TRY(op_wants(call, 0, DTYPES_NUMBER, err));
    TRY(op_wants_same(call, 0, 1, err));
    TRY(op_wants_rank(call, 0, 1, 2, err));
    if (sorted->rank == 2) {
        TRY(op_wants_rank(call, 1, 2, 2, err));
        if (values->rank == 2 && dim_is_known(values->dims[0]) && dim_is_known(sorted->dims[0]) &&
            values->dims[0] != sorted->dims[0])
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld rows and %lld rows",
                            (long long)sorted->dims[0], (long long)values->dims[0]);
    }
    op_give(call, 0, attribute_int(call->attributes, "wide", 0) ? DTYPE_I64 : DTYPE_I32, values);
    return STATUS_OK;
}

static bool is_before(const struct tensor *sorted, size_t at, const struct tensor *values, size_t i,
                      bool upper)
{
    if (dtype_is_float(sorted->dtype)) {
        double a = tensor_f64(sorted, at), b = tensor_f64(values, i);

        return upper ? !(b < a) : a < b;
    }
    if (sorted->dtype == DTYPE_U64) {
        uint64_t a = (uint64_t)tensor_i64(sorted, at), b = (uint64_t)tensor_i64(values, i);

        return upper ? !(b < a) : a < b;
    }
    return upper ? !(tensor_i64(values, i) < tensor_i64(sorted, at))
                 : tensor_i64(sorted, at) < tensor_i64(values, i);
}

static enum status run_search(const struct op_call *call, struct error *err)
{
    const struct tensor *sorted = &call->in[0], *values = &call->in[1];
    size_t n = (size_t)sorted->shape.dims[sorted->shape.rank - 1], count = tensor_count(values);
    bool upper = attribute_int(call->attributes, "upper", 0);
    struct tensor *y = &call->out[0];

    (void)err;
    for (size_t i = 0; i < count; i++) {
        size_t row = sorted->shape.rank == 2 ? i / (size_t)values->shape.dims[1] : 0;
        size_t low = 0, high = n;

        while (low < high) {
            size_t middle = low + (high - low) / 2;

            if (is_before(sorted, row * n + middle, values, i, upper))
                low = middle + 1;
            else
                high = middle;
        }
        if (y->dtype == DTYPE_I64)
            ((int64_t *)y->data)[i] = (int64_t)low;
        else
            ((int32_t *)y->data)[i] = (int32_t)low;
    }
    return STATUS_OK;
}

/* --- InTopK: predictions (rows, classes), targets (rows), k -> bool (rows): less than k classes
 * are more probable. False where that cannot be said: not finite, or no such class --- */

static enum status infer_in_top(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape;

    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(op_wants(call, 2, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 0, 2, 2, err));
    TRY(op_wants_rank(call, 1, 1, 1, err));
    if (x->rank == 2 && call->in[1].shape.rank == 1 && dim_is_known(x->dims[0]) &&
        dim_is_known(call->in[1].shape.dims[0]) && call->in[1].shape.dims[0] != x->dims[0])
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld targets for %lld rows",
                        (long long)call->in[1].shape.dims[0], (long long)x->dims[0]);
    op_give(call, 0, DTYPE_BOOL, &call->in[1].shape);
    return STATUS_OK;
}

static bool is_in_top(const struct tensor *x, size_t row, int64_t target, int64_t k)
{
    int64_t classes = x->shape.dims[1], more = 0;
    double own;

    if (target < 0 || target >= classes)
        return false;
    own = tensor_f64(x, row * (size_t)classes + (size_t)target);
    if (!isfinite(own))
        return false;
    for (int64_t i = 0; i < classes && more <= k; i++) {
        double other = tensor_f64(x, row * (size_t)classes + (size_t)i);

        if (!isfinite(other))
            return false;
        more += other > own;
    }
    return more < k;
}

static enum status run_in_top(const struct op_call *call, struct error *err)
{
    size_t rows = (size_t)call->in[0].shape.dims[0];
    uint8_t *y = call->out[0].data;
    int64_t k;

    TRY(op_input_i64(call, 2, &k, err));
    for (size_t i = 0; i < rows; i++)
        y[i] = is_in_top(&call->in[0], i, index_at(&call->in[1], i), k);
    return STATUS_OK;
}

const struct op_set ops_firn_counts =
    OP_SET({.name = "Bincount",
            .summary = "how often each small number comes",
            .flags = OP_OPTIONAL_GAPS,
            .in_min = 3,
            .in_max = 5,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_bincount,
            .run = run_bincount},
           {.name = "HistogramFixedWidth",
            .summary = "how many values fall into each of equal bins",
            .in_min = 3,
            .in_max = 3,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_histogram,
            .run = run_histogram},
           {.name = "SearchSorted",
            .summary = "where values stand among sorted ones",
            .in_min = 2,
            .in_max = 2,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_search,
            .run = run_search},
           {.name = "InTopK",
            .summary = "whether the target is among the k most probable classes",
            .in_min = 3,
            .in_max = 3,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_in_top,
            .run = run_in_top});
