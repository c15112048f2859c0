// SPDX-License-Identifier: Apache-2.0
/* Ragged tensors: values, and for each ragged dimension splits: row i of it is what lies from
 * splits[i] to splits[i + 1].
 *
 * RaggedRange: starts, limits, deltas (each a list or one number) -> splits, values.
 * RaggedToDense: shape, values, default, partitions of the dimensions from the outermost: attribute
 * kinds, one letter each: F the number of rows (only first), S splits, I the row of each value.
 * RaggedToSparse: splits ..., values -> indices, values, shape.
 * RaggedGather: splits ..., values, the rows to take -> splits ..., values.
 * Attribute wide: splits that are made are int64. */
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/index.h"

enum { LEVELS_MAX = 8 };

static struct shape list_of(int64_t count)
{
    return (struct shape){.rank = 1, .dims = {count}};
}

static void put_split(struct tensor *y, int64_t i, int64_t value)
{
    if (y->dtype == DTYPE_I64)
        ((int64_t *)y->data)[i] = value;
    else
        ((int32_t *)y->data)[i] = (int32_t)value;
}

/* Splits begin at 0, never fall, and end at `count` (-1: anywhere). */
static enum status check_splits(const struct op_call *call, size_t input, int64_t count,
                                struct error *err)
{
    const struct tensor *splits = &call->in[input];
    size_t n = tensor_count(splits);

    if (n < 1 || index_at(splits, 0) != 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "splits do not begin with 0");
    for (size_t i = 1; i < n; i++)
        if (index_at(splits, i) < index_at(splits, i - 1))
            return op_error(call, err, STATUS_INVALID_INPUT, "split %zu falls", i);
    if (count >= 0 && index_at(splits, n - 1) != count)
        return op_error(call, err, STATUS_INVALID_INPUT, "splits end at %lld, not %lld",
                        (long long)index_at(splits, n - 1), (long long)count);
    return STATUS_OK;
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
    out = list_of(dim_is_known(rows) ? rows + 1 : DIM_UNKNOWN);
    op_give(call, 0, attribute_int(call->attributes, "wide", 1) ? DTYPE_I64 : DTYPE_I32, &out);
    out = list_of(total);
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

/* --- RaggedToDense --- */

struct levels {
    size_t count;               /* ragged dimensions */
    const char *kinds;          /* of them: S or I */
    size_t first;               /* the input that holds the first of them */
    int64_t rows;               /* of the outermost dimension; DIM_UNKNOWN */
    int64_t widths[LEVELS_MAX]; /* the longest row of each; DIM_UNKNOWN */
};

static enum status levels_of(const struct op_call *call, struct levels *l, struct error *err)
{
    struct bytes kinds = attribute_string(call->attributes, "kinds", "");
    bool counted = kinds.size && kinds.data[0] == 'F';

    *l = (struct levels){.count = kinds.size - counted,
                         .kinds = (const char *)kinds.data + counted,
                         .first = 3 + counted,
                         .rows = DIM_UNKNOWN};
    if (l->count < 1 || l->count > LEVELS_MAX || call->in_count != 3 + kinds.size)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu partitions of %zu", kinds.size,
                        call->in_count);
    for (size_t i = 0; i < l->count; i++) {
        TRY(op_wants(call, l->first + i, DTYPES_INDEX, err));
        TRY(op_wants_rank(call, l->first + i, 1, 1, err));
        if (l->kinds[i] != 'S' && l->kinds[i] != 'I')
            return op_error(call, err, STATUS_UNSUPPORTED, "a partition of kind %c", l->kinds[i]);
        if (l->kinds[i] == 'I' && i == 0 && !counted)
            return op_error(call, err, STATUS_UNSUPPORTED, "row numbers without their count");
    }
    if (counted)
        TRY(op_wants(call, 3, DTYPES_INDEX, err));
    return STATUS_OK;
}

/* How long rows are, where the partitions are known. `count` numbers the rows of each level. */
static enum status levels_measure(const struct op_call *call, struct levels *l, struct error *err)
{
    int64_t count = DIM_UNKNOWN;

    if (l->first == 4 && op_is_known(call, 3))
        TRY(op_input_i64(call, 3, &count, err));
    for (size_t i = 0; i < l->count; i++) {
        const struct tensor *part = &call->in[l->first + i];
        size_t n;
        int64_t width = 0, run = 0;

        l->widths[i] = DIM_UNKNOWN;
        if (!op_is_known(call, l->first + i)) {
            if (i == 0 && l->kinds[0] == 'S' && part->shape.rank == 1 &&
                dim_is_known(part->shape.dims[0]))
                l->rows = part->shape.dims[0] - 1;
            count = DIM_UNKNOWN;
            continue;
        }
        n = tensor_count(part);
        if (l->kinds[i] == 'S') {
            TRY(check_splits(call, l->first + i, -1, err));
            if (count >= 0 && (int64_t)n - 1 != count)
                return op_error(call, err, STATUS_INVALID_INPUT, "%zu splits for %lld rows", n,
                                (long long)count);
            for (size_t k = 1; k < n; k++) {
                int64_t size = index_at(part, k) - index_at(part, k - 1);

                width = size > width ? size : width;
            }
            if (i == 0)
                count = (int64_t)n - 1;
        }
        for (size_t k = 0; l->kinds[i] == 'I' && k < n; k++) {
            if (index_at(part, k) < (k ? index_at(part, k - 1) : 0) ||
                (count >= 0 && index_at(part, k) >= count))
                return op_error(call, err, STATUS_INVALID_INPUT, "row number %zu is %lld", k,
                                (long long)index_at(part, k));
            run = k && index_at(part, k) == index_at(part, k - 1) ? run + 1 : 1;
            width = run > width ? run : width;
        }
        l->widths[i] = width;
        if (i == 0)
            l->rows = count;
        count = l->kinds[i] == 'S' ? index_at(part, n - 1) : (int64_t)n;
    }
    return STATUS_OK;
}

static enum status infer_dense(struct op_call *call, struct error *err)
{
    const struct tensor *asked = &call->in[0], *values = &call->in[1];
    struct shape out = {.rank = RANK_UNKNOWN};
    bool open;
    struct levels l;

    TRY(op_wants(call, 0, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 0, 0, 1, err));
    TRY(op_wants(call, 1, DTYPES_ANY, err));
    TRY(op_wants_rank(call, 1, 1, RANK_MAX, err));
    TRY(op_wants_same(call, 1, 2, err));
    TRY(levels_of(call, &l, err));
    TRY(levels_measure(call, &l, err));
    if (values->shape.rank >= 0) {
        out.rank = (int)l.count + values->shape.rank;
        if (out.rank > RANK_MAX)
            return op_error(call, err, STATUS_UNSUPPORTED, "%d dimensions", out.rank);
        out.dims[0] = l.rows;
        for (size_t i = 0; i < l.count; i++)
            out.dims[1 + i] = l.widths[i];
        for (int i = 1; i < values->shape.rank; i++)
            out.dims[(int)l.count + i] = values->shape.dims[i];
        open = asked->shape.rank == 0; /* -1 alone: nothing is asked */
        for (int i = 0; !open && i < out.rank; i++) {
            int64_t dim;

            if (!op_is_known(call, 0)) {
                out.dims[i] = i > (int)l.count ? out.dims[i] : DIM_UNKNOWN;
                continue;
            }
            if (tensor_count(asked) != (size_t)out.rank)
                return op_error(call, err, STATUS_INVALID_INPUT, "a shape of %zu, %d dimensions",
                                tensor_count(asked), out.rank);
            dim = index_at(asked, (size_t)i);
            if (dim < 0)
                continue;
            if (i > (int)l.count && dim_is_known(out.dims[i]) && out.dims[i] != dim)
                return op_error(call, err, STATUS_INVALID_INPUT, "dimension %d is %lld, not %lld",
                                i, (long long)out.dims[i], (long long)dim);
            out.dims[i] = dim;
        }
    }
    op_give(call, 0, values->dtype, &out);
    return STATUS_OK;
}

static size_t dense_scratch(const struct op_call *call)
{
    const struct shape *values = &call->in[1].shape;
    size_t longest = (size_t)values->dims[0];
    struct levels l;
    struct error ignored;

    if (levels_of(call, &l, &ignored))
        return 0;
    for (size_t i = 0; i < l.count; i++)
        if (tensor_count(&call->in[l.first + i]) > longest)
            longest = tensor_count(&call->in[l.first + i]);
    return 2 * (longest + 1) * sizeof(int64_t);
}

/* Where the rows of the next level go: to[k] of those of this one, -1: cut off. */
static int64_t spread(const struct op_call *call, const struct levels *l, size_t level,
                      const int64_t *from, int64_t *to)
{
    const struct tensor *part = &call->in[l->first + level];
    int64_t width = call->out[0].shape.dims[1 + level], n = (int64_t)tensor_count(part), run = 0;

    if (l->kinds[level] == 'S') {
        for (int64_t row = 0; row + 1 < n; row++) {
            int64_t start = index_at(part, (size_t)row), end = index_at(part, (size_t)row + 1);

            for (int64_t k = start; k < end; k++)
                to[k] = from[row] >= 0 && k - start < width ? from[row] * width + k - start : -1;
        }
        return n ? index_at(part, (size_t)n - 1) : 0;
    }
    for (int64_t k = 0; k < n; k++) {
        int64_t row = index_at(part, (size_t)k);

        run = k && row == index_at(part, (size_t)k - 1) ? run + 1 : 0;
        to[k] = from[row] >= 0 && run < width ? from[row] * width + run : -1;
    }
    return n;
}

static enum status run_dense(const struct op_call *call, struct error *err)
{
    const struct tensor *values = &call->in[1], *filler = &call->in[2];
    struct tensor *y = &call->out[0];
    size_t size = dtype_size(y->dtype), count = tensor_count(y);
    size_t inner = shape_span(&values->shape, 1, values->shape.rank);
    size_t repeat = tensor_count(filler);
    int64_t *from = call->scratch, *to, rows, longest;
    struct levels l;

    TRY(levels_of(call, &l, err));
    TRY(levels_measure(call, &l, err));
    if (repeat == 0 || inner % repeat)
        return count ? op_error(call, err, STATUS_INVALID_INPUT, "the default does not fit")
                     : STATUS_OK;
    if (filler->shape.rank > 0 && repeat != inner && repeat != 1)
        return op_error(call, err, STATUS_UNSUPPORTED, "a default that is broadcast");
    for (size_t i = 0; i < count; i++)
        memcpy((char *)y->data + i * size, (const char *)filler->data + i % repeat * size, size);
    rows = l.rows;
    longest = (int64_t)(dense_scratch(call) / (2 * sizeof(int64_t)));
    if (rows > longest)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld rows", (long long)rows);
    to = from + longest;
    for (int64_t i = 0; i < rows; i++)
        from[i] = i < y->shape.dims[0] ? i : -1;
    for (size_t level = 0; level < l.count; level++) {
        int64_t *swap = from;

        if (l.kinds[level] == 'S' &&
            index_at(&call->in[l.first + level], tensor_count(&call->in[l.first + level]) - 1) >
                longest)
            return op_error(call, err, STATUS_INVALID_INPUT, "splits beyond the values");
        rows = spread(call, &l, level, from, to);
        from = to;
        to = swap;
    }
    if (rows != values->shape.dims[0])
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld values, of %lld in the partitions",
                        (long long)values->shape.dims[0], (long long)rows);
    for (int64_t k = 0; k < rows && inner; k++)
        if (from[k] >= 0)
            memcpy((char *)y->data + (size_t)from[k] * inner * size,
                   (const char *)values->data + (size_t)k * inner * size, inner * size);
    return STATUS_OK;
}

/* --- RaggedToSparse: one element of values is one of the sparse tensor --- */

static enum status infer_sparse(struct op_call *call, struct error *err)
{
    size_t levels = call->in_count - 1;
    const struct shape *values = &call->in[levels].shape;
    struct shape out = {.rank = 2, .dims = {DIM_UNKNOWN, DIM_UNKNOWN}};
    int64_t count = DIM_UNKNOWN;

    for (size_t i = 0; i < levels; i++) {
        TRY(op_wants(call, i, DTYPES_INDEX, err));
        TRY(op_wants_rank(call, i, 1, 1, err));
    }
    TRY(op_wants(call, levels, DTYPES_ANY, err));
    TRY(op_wants_rank(call, levels, 1, RANK_MAX, err));
    if (values->rank >= 0)
        out.dims[1] = (int64_t)levels + values->rank;
    if (out.dims[1] > RANK_MAX)
        return op_error(call, err, STATUS_UNSUPPORTED, "%lld dimensions", (long long)out.dims[1]);
    if (shape_is_known(values))
        count = (int64_t)shape_count(values);
    out.dims[0] = count;
    op_give(call, 0, DTYPE_I64, &out);
    count = out.dims[1];
    out = list_of(out.dims[0]);
    op_give(call, 1, call->in[levels].dtype, &out);
    out = list_of(count);
    op_give(call, 2, DTYPE_I64, &out);
    return STATUS_OK;
}

/* The row of `level` that number `k` of the next one is in: the last whose split is <= k. */
static int64_t row_of(const struct tensor *splits, int64_t k)
{
    int64_t low = 0, high = (int64_t)tensor_count(splits) - 1;

    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;

        if (index_at(splits, (size_t)middle) <= k)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static enum status run_sparse(const struct op_call *call, struct error *err)
{
    size_t levels = call->in_count - 1;
    const struct tensor *values = &call->in[levels];
    int64_t rank = call->out[0].shape.dims[1], *y = call->out[0].data, *shape;
    size_t count = tensor_count(values), inner = shape_span(&values->shape, 1, values->shape.rank);

    for (size_t i = 0; i < levels; i++)
        TRY(check_splits(call, i,
                         i + 1 < levels ? (int64_t)tensor_count(&call->in[i + 1]) - 1
                                        : values->shape.dims[0],
                         err));
    for (size_t e = 0; e < count; e++) {
        int64_t row = (int64_t)(e / inner), rest = (int64_t)(e % inner);
        int64_t *index = y + (int64_t)e * rank;

        for (int d = values->shape.rank - 1; d > 0; d--, rest /= values->shape.dims[d + 1])
            index[levels + (size_t)d] = rest % values->shape.dims[d];
        for (size_t i = levels; i-- > 0;) {
            int64_t up = row_of(&call->in[i], row);

            index[i + 1] = row - index_at(&call->in[i], (size_t)up);
            row = up;
        }
        index[0] = row;
    }
    if (call->out_count > 1 && count)
        memcpy(call->out[1].data, values->data, tensor_bytes(values));
    if (call->out_count < 3)
        return STATUS_OK;
    shape = call->out[2].data;
    shape[0] = (int64_t)tensor_count(&call->in[0]) - 1;
    for (size_t i = 0; i < levels; i++) {
        shape[i + 1] = 0;
        for (size_t k = 1; k < tensor_count(&call->in[i]); k++) {
            int64_t size = index_at(&call->in[i], k) - index_at(&call->in[i], k - 1);

            shape[i + 1] = size > shape[i + 1] ? size : shape[i + 1];
        }
    }
    for (int d = 1; d < values->shape.rank; d++)
        shape[levels + (size_t)d] = values->shape.dims[d];
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
        TRY(check_splits(call, i,
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
    int64_t counts[LEVELS_MAX + 1];
    bool known = true;
    struct shape out;

    if (levels > LEVELS_MAX)
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
        out = list_of(dim_is_known(counts[i]) ? counts[i] + 1 : DIM_UNKNOWN);
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
    int64_t at[LEVELS_MAX + 1] = {0};

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
                                             {.name = "RaggedToDense",
                                              .summary = "a ragged tensor as a dense one",
                                              .in_min = 4,
                                              .in_max = 4 + LEVELS_MAX,
                                              .out_min = 1,
                                              .out_max = 1,
                                              .infer = infer_dense,
                                              .scratch_size = dense_scratch,
                                              .run = run_dense},
                                             {.name = "RaggedToSparse",
                                              .summary = "a ragged tensor as a sparse one",
                                              .in_min = 2,
                                              .in_max = 1 + LEVELS_MAX,
                                              .out_min = 1,
                                              .out_max = 3,
                                              .infer = infer_sparse,
                                              .run = run_sparse},
                                             {.name = "RaggedGather",
                                              .summary = "rows of a ragged tensor",
                                              .in_min = 3,
                                              .in_max = 2 + LEVELS_MAX,
                                              .out_min = 1,
                                              .out_max = 1 + LEVELS_MAX,
                                              .infer = infer_gather,
                                              .run = run_gather});
