// SPDX-License-Identifier: Apache-2.0
/* Ragged tensors (ragged.h) as dense and sparse ones.
 *
 * RaggedToDense: shape, values, default, partitions of the dimensions from the outermost: attribute
 * kinds, one letter each: F the number of rows (only first), S splits, I the row of each value.
 * RaggedToSparse: splits ..., values -> indices, values, shape. */
#include "ops/firn/tensorflow/sparse/ragged.h"

/* --- RaggedToDense --- */

struct levels {
    size_t count;                      /* ragged dimensions */
    const char *kinds;                 /* of them: S or I */
    size_t first;                      /* the input that holds the first of them */
    int64_t rows;                      /* of the outermost dimension; DIM_UNKNOWN */
    int64_t widths[RAGGED_LEVELS_MAX]; /* the longest row of each; DIM_UNKNOWN */
};

static enum status levels_of(const struct op_call *call, struct levels *l, struct error *err)
{
    struct bytes kinds = attribute_string(call->attributes, "kinds", "");
    bool counted = kinds.size && kinds.data[0] == 'F';

    *l = (struct levels){.count = kinds.size - counted,
                         .kinds = (const char *)kinds.data + counted,
                         .first = 3 + counted,
                         .rows = DIM_UNKNOWN};
    if (l->count < 1 || l->count > RAGGED_LEVELS_MAX || call->in_count != 3 + kinds.size)
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
            TRY(ragged_check(call, l->first + i, -1, err));
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
    out = ragged_list(out.dims[0]);
    op_give(call, 1, call->in[levels].dtype, &out);
    out = ragged_list(count);
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
        TRY(ragged_check(call, i,
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

const struct op_set ops_firn_ragged_dense = OP_SET({.name = "RaggedToDense",
                                                    .summary = "a ragged tensor as a dense one",
                                                    .in_min = 4,
                                                    .in_max = 4 + RAGGED_LEVELS_MAX,
                                                    .out_min = 1,
                                                    .out_max = 1,
                                                    .infer = infer_dense,
                                                    .scratch_size = dense_scratch,
                                                    .run = run_dense},
                                                   {.name = "RaggedToSparse",
                                                    .summary = "a ragged tensor as a sparse one",
                                                    .in_min = 2,
                                                    .in_max = 1 + RAGGED_LEVELS_MAX,
                                                    .out_min = 1,
                                                    .out_max = 3,
                                                    .infer = infer_sparse,
                                                    .run = run_sparse});
