// SPDX-License-Identifier: Apache-2.0
/* Ragged tensors (ragged.h): ranges, and rows that are picked.
 *
 * RaggedRange: starts, limits, deltas (each a list or one number) -> splits, values.
 * RaggedGather: splits ..., values, the rows to take -> splits ..., values.
 * Attribute wide: splits that are made are int64. */
#include <math.h>

#include "ops/firn/tensorflow/sparse/ragged.h"

static void put_split(struct tensor *y, int64_t i, int64_t value)
{
    if (y->dtype == DTYPE_I64)
        ((int64_t *)y->data)[i] = value;
    else
        ((int32_t *)y->data)[i] = (int32_t)value;
}

/* --- RaggedRange --- */

static enum status range_rows(const struct op_call *call, int64_t *rows, struct error *err)
{
    *rows = -1;
    for (size_t i = 0; i < 3; i++) {
        const struct shape *shape = &call->in[i].shape;

        if (shape->rank < 0 || (shape->rank == 1 && !dim_is_known(shape->dims[0]))) {
            *rows = DIM_UNKNOWN;
            return STATUS_OK;
        }
        if (shape->rank == 0)
            continue;
        if (*rows >= 0 && *rows != shape->dims[0])
            return op_error(call, err, STATUS_INVALID_INPUT, "lists of %lld and %lld",
                            (long long)*rows, (long long)shape->dims[0]);
        *rows = shape->dims[0];
    }
    if (*rows < 0)
        *rows = 1;
    return STATUS_OK;
}

static size_t item(const struct op_call *call, size_t input, int64_t row)
{
    return call->in[input].shape.rank ? (size_t)row : 0;
}

static enum status range_size(const struct op_call *call, int64_t row, int64_t *size,
                              struct error *err)
{
    size_t a = item(call, 0, row), b = item(call, 1, row), d = item(call, 2, row);
    double count;

    if (dtype_is_integer(call->in[0].dtype)) {
        int64_t start = tensor_i64(&call->in[0], a), limit = tensor_i64(&call->in[1], b);
        int64_t delta = tensor_i64(&call->in[2], d);
        __int128 span = (__int128)limit - start, step = delta;

        if (!delta)
            return op_error(call, err, STATUS_INVALID_INPUT, "delta %zu is 0", d);
        span = (step > 0) == (span > 0) && span ? span : 0;
        count = (double)((span < 0 ? -span : span) + (step < 0 ? -step : step) - 1) /
                (double)(step < 0 ? -step : step);
        count = floor(count);
    } else {
        double delta = tensor_f64(&call->in[2], d);

        if (delta == 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "delta %zu is 0", d);
        count = ceil((tensor_f64(&call->in[1], b) - tensor_f64(&call->in[0], a)) / delta);
    }
    if (!(count < INT32_MAX))
        return op_error(call, err, STATUS_INVALID_INPUT, "range %lld is too long", (long long)row);
    *size = count > 0 ? (int64_t)count : 0;
    return STATUS_OK;
}

static enum status range_total(const struct op_call *call, int64_t rows, int64_t *total,
                               struct error *err)
{
    *total = 0;
    for (int64_t i = 0; i < rows; i++) {
        int64_t size;

        TRY(range_size(call, i, &size, err));
        *total += size;
        if (*total > INT32_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "the ranges are too long");
    }
    return STATUS_OK;
}

static enum status infer_range(struct op_call *call, struct error *err)
{
    const uint64_t taken = DTYPES_FLOAT | DTYPES_INDEX;
    int64_t rows, total = DIM_UNKNOWN;
    struct shape out;

    TRY(op_wants(call, 0, taken, err));
    for (size_t i = 0; i < 3; i++) {
        TRY(op_wants_same(call, 0, i, err));
        TRY(op_wants_rank(call, i, 0, 1, err));
    }
    TRY(range_rows(call, &rows, err));
    if (op_is_known(call, 0) && op_is_known(call, 1) && op_is_known(call, 2))
        TRY(range_total(call, rows, &total, err));
    out = ragged_list(dim_is_known(rows) ? rows + 1 : DIM_UNKNOWN);
    op_give(call, 0, attribute_int(call->attributes, "wide", 1) ? DTYPE_I64 : DTYPE_I32, &out);
    out = ragged_list(total);
    op_give(call, 1, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run_range(const struct op_call *call, struct error *err)
{
    int64_t rows, at = 0, size;

    TRY(range_rows(call, &rows, err));
    put_split(&call->out[0], 0, 0);
    for (int64_t i = 0; i < rows; i++) {
        size_t a = item(call, 0, i), d = item(call, 2, i);

        TRY(range_size(call, i, &size, err));
        for (int64_t k = 0; call->out_count > 1 && k < size; k++) {
            if (dtype_is_integer(call->in[0].dtype))
                put_split(&call->out[1], at + k,
                          (int64_t)((uint64_t)tensor_i64(&call->in[0], a) +
                                    (uint64_t)k * (uint64_t)tensor_i64(&call->in[2], d)));
            else
                tensor_set_f64(&call->out[1], (size_t)(at + k),
                               tensor_f64(&call->in[0], a) +
                                   (double)k * tensor_f64(&call->in[2], d));
        }
        at += size;
        put_split(&call->out[0], i + 1, at);
    }
    return STATUS_OK;
}

/* --- RaggedGather --- */

static int64_t split_at(const struct op_call *call, size_t level, int64_t i)
{
    return index_at(&call->in[level], (size_t)i);
}

/* Rows [from, to) of level `level` are rows [from, to) of the next. */
static void descend(const struct op_call *call, size_t level, int64_t *from, int64_t *to)
{
    *from = split_at(call, level, *from);
    *to = split_at(call, level, *to);
}

static enum status gather_check(const struct op_call *call, size_t levels, struct error *err)
{
    const struct tensor *rows = &call->in[levels + 1];

    for (size_t i = 0; i < levels; i++)
        TRY(ragged_check(call, i,
                         i + 1 < levels ? (int64_t)tensor_count(&call->in[i + 1]) - 1
                                        : call->in[levels].shape.dims[0],
                         err));
    for (size_t i = 0; i < tensor_count(rows); i++)
        if (index_at(rows, i) < 0 || index_at(rows, i) >= (int64_t)tensor_count(&call->in[0]) - 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "index %zu is %lld", i,
                            (long long)index_at(rows, i));
    return STATUS_OK;
}

static enum status infer_gather(struct op_call *call, struct error *err)
{
    size_t levels = call->in_count - 2;
    const struct tensor *rows = &call->in[levels + 1];
    int64_t counts[RAGGED_LEVELS_MAX + 1];
    bool known = true;
    struct shape out;

    if (levels > RAGGED_LEVELS_MAX)
        return op_error(call, err, STATUS_UNSUPPORTED, "%zu ragged dimensions", levels);
    for (size_t i = 0; i < levels; i++) {
        TRY(op_wants(call, i, DTYPES_INDEX, err));
        TRY(op_wants_rank(call, i, 1, 1, err));
        TRY(op_wants_same(call, 0, i, err));
        known = known && op_is_known(call, i);
    }
    TRY(op_wants(call, levels, DTYPES_ANY, err));
    TRY(op_wants_rank(call, levels, 1, RANK_MAX, err));
    TRY(op_wants(call, levels + 1, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, levels + 1, 1, 1, err));
    known = known && op_is_known(call, levels + 1) && call->in[levels].shape.rank > 0 &&
            dim_is_known(call->in[levels].shape.dims[0]);
    for (size_t i = 0; i <= levels; i++)
        counts[i] = known ? 0 : DIM_UNKNOWN;
    if (known) {
        TRY(gather_check(call, levels, err));
        counts[0] = (int64_t)tensor_count(rows);
        for (int64_t k = 0; k < counts[0]; k++) {
            int64_t from = index_at(rows, (size_t)k), to = from + 1;

            for (size_t i = 0; i < levels; i++) {
                descend(call, i, &from, &to);
                if (__builtin_add_overflow(counts[i + 1], to - from, &counts[i + 1]))
                    return op_error(call, err, STATUS_TOO_LARGE, "too many rows");
            }
        }
    } else if (rows->shape.rank == 1) {
        counts[0] = rows->shape.dims[0];
    }
    for (size_t i = 0; i < levels; i++) {
        out = ragged_list(dim_is_known(counts[i]) ? counts[i] + 1 : DIM_UNKNOWN);
        op_give(call, i, call->in[0].dtype, &out);
    }
    out = call->in[levels].shape;
    if (out.rank > 0)
        out.dims[0] = counts[levels];
    op_give(call, levels, call->in[levels].dtype, &out);
    return STATUS_OK;
}

static enum status run_gather(const struct op_call *call, struct error *err)
{
    size_t levels = call->in_count - 2;
    const struct tensor *values = &call->in[levels], *rows = &call->in[levels + 1];
    size_t row = shape_span(&values->shape, 1, values->shape.rank) * dtype_size(values->dtype);
    int64_t at[RAGGED_LEVELS_MAX + 1] = {0};

    TRY(gather_check(call, levels, err));
    for (size_t i = 0; i < levels && i < call->out_count; i++)
        put_split(&call->out[i], 0, 0);
    for (size_t k = 0; k < tensor_count(rows); k++) {
        int64_t from = index_at(rows, k), to = from + 1;

        for (size_t i = 0; i < levels; i++) {
            int64_t base = at[i + 1], start = split_at(call, i, from);

            for (int64_t r = from; i < call->out_count && r < to; r++)
                put_split(&call->out[i], ++at[i], base + split_at(call, i, r + 1) - start);
            at[i + 1] = base;
            descend(call, i, &from, &to);
        }
        if (row && to > from && call->out_count > levels)
            memcpy((char *)call->out[levels].data + (size_t)at[levels] * row,
                   (const char *)values->data + (size_t)from * row, (size_t)(to - from) * row);
        at[levels] += to - from;
    }
    return STATUS_OK;
}

const struct op_set ops_firn_ragged = OP_SET({.name = "RaggedRange",
                                              .summary = "ranges of numbers one after another",
                                              .in_min = 3,
                                              .in_max = 3,
                                              .out_min = 1,
                                              .out_max = 2,
                                              .infer = infer_range,
                                              .run = run_range},
                                             {.name = "RaggedGather",
                                              .summary = "rows of a ragged tensor",
                                              .in_min = 3,
                                              .in_max = 2 + RAGGED_LEVELS_MAX,
                                              .out_min = 1,
                                              .out_max = 1 + RAGGED_LEVELS_MAX,
                                              .infer = infer_gather,
                                              .run = run_gather});
