// SPDX-License-Identifier: Apache-2.0
/* Sparse tensors to sparse ones: indices (n, rank) int64, values (n), shape (rank) int64.
 *
 * SparseReorder: indices, values, optional shape -> both in row-major order.
 * SparseReshape: indices, shape, new shape (one may be -1) -> indices, shape.
 * SparseSlice: indices, values, shape, start, size -> indices, values, shape.
 * SparseFillEmptyRows: indices, values, shape, a value -> indices, values, which rows were empty
 * (rows), where each old value is now (n).
 * SparseMerge: two sparse tensors in order, optional threshold -> indices and values where either
 * has one. Attribute function: add, max, min; with a threshold sums of two that are smaller are
 * left out. */
#include <math.h>
#include <stdlib.h>

#include "ops/kernels/call.h"
#include "ops/kernels/index.h"
#include "ops/kernels/order.h"

static int64_t at(const struct tensor *indices, size_t row, int64_t column)
{
    return ((const int64_t *)indices->data)[row * (size_t)indices->shape.dims[1] + (size_t)column];
}

static int64_t in_list(const struct tensor *list, int64_t i)
{
    return index_at(list, (size_t)i);
}

/* Input `first` is indices, and `values` (when given) as many values. */
static enum status wants_sparse(const struct op_call *call, size_t first, int values, int shape,
                                struct error *err)
{
    const struct shape *indices = &call->in[first].shape;

    TRY(op_wants(call, first, DTYPE_BIT(DTYPE_I64), err));
    TRY(op_wants_rank(call, first, 2, 2, err));
    if (values >= 0) {
        const struct shape *v = &call->in[values].shape;

        TRY(op_wants(call, (size_t)values, DTYPES_ANY, err));
        TRY(op_wants_rank(call, (size_t)values, 1, 1, err));
        if (v->rank == 1 && indices->rank == 2 && dim_is_known(v->dims[0]) &&
            dim_is_known(indices->dims[0]) && v->dims[0] != indices->dims[0])
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld values for %lld indices",
                            (long long)v->dims[0], (long long)indices->dims[0]);
    }
    if (shape >= 0) {
        const struct shape *s = &call->in[shape].shape;

        TRY(op_wants(call, (size_t)shape, DTYPE_BIT(DTYPE_I64), err));
        TRY(op_wants_rank(call, (size_t)shape, 1, 1, err));
        if (s->rank == 1 && s->dims[0] > RANK_MAX)
            return op_error(call, err, STATUS_UNSUPPORTED, "%lld dimensions",
                            (long long)s->dims[0]);
        if (s->rank == 1 && indices->rank == 2 && dim_is_known(s->dims[0]) &&
            dim_is_known(indices->dims[1]) && s->dims[0] != indices->dims[1])
            return op_error(call, err, STATUS_INVALID_INPUT, "indices of %lld, %lld dimensions",
                            (long long)indices->dims[1], (long long)s->dims[0]);
    }
    return STATUS_OK;
}

/* Every index lies within the shape. */
static enum status check_within(const struct op_call *call, const struct tensor *indices,
                                const struct tensor *shape, struct error *err)
{
    for (size_t i = 0; i < (size_t)indices->shape.dims[0]; i++)
        for (int64_t d = 0; d < indices->shape.dims[1]; d++)
            if (at(indices, i, d) < 0 || at(indices, i, d) >= in_list(shape, d))
                return op_error(
                    call, err, STATUS_INVALID_INPUT, "index %zu is %lld in dimension %lld of %lld",
                    i, (long long)at(indices, i, d), (long long)d, (long long)in_list(shape, d));
    return STATUS_OK;
}

static struct shape rows_shape(const struct tensor *indices, int64_t rows)
{
    struct shape shape = {.rank = 2, .dims = {rows, DIM_UNKNOWN}};

    if (indices->shape.rank == 2)
        shape.dims[1] = indices->shape.dims[1];
    return shape;
}

static struct shape list_shape(int64_t count)
{
    return (struct shape){.rank = 1, .dims = {count}};
}

static void copy_value(struct tensor *y, size_t to, const struct tensor *x, size_t from)
{
    size_t size = dtype_size(y->dtype);

    memcpy((char *)y->data + to * size, (const char *)x->data + from * size, size);
}

static int compare(const struct tensor *a, size_t i, const struct tensor *b, size_t j)
{
    for (int64_t d = 0; d < a->shape.dims[1]; d++)
        if (at(a, i, d) != at(b, j, d))
            return at(a, i, d) < at(b, j, d) ? -1 : 1;
    return 0;
}

static int compare_rows(const void *indices, size_t i, size_t j)
{
    return compare(indices, i, indices, j);
}

/* --- SparseReorder --- */

static enum status infer_reorder(struct op_call *call, struct error *err)
{
    TRY(wants_sparse(call, 0, 1, op_has(call, 2) ? 2 : -1, err));
    op_give(call, 0, DTYPE_I64, &call->in[0].shape);
    op_give(call, 1, call->in[1].dtype, &call->in[1].shape);
    return STATUS_OK;
}

static size_t reorder_scratch(const struct op_call *call)
{
    return 2 * (size_t)call->in[0].shape.dims[0] * sizeof(size_t);
}

static enum status run_reorder(const struct op_call *call, struct error *err)
{
    const struct tensor *indices = &call->in[0];
    size_t n = (size_t)indices->shape.dims[0];
    size_t row = (size_t)indices->shape.dims[1] * sizeof(int64_t);
    const size_t *order;

    if (op_has(call, 2))
        TRY(check_within(call, indices, &call->in[2], err));
    order = order_places(call->scratch, n, compare_rows, indices);
    for (size_t i = 0; i < n; i++) {
        memcpy((char *)call->out[0].data + i * row, (const char *)indices->data + order[i] * row,
               row);
        if (call->out_count > 1)
            copy_value(&call->out[1], i, &call->in[1], order[i]);
    }
    return STATUS_OK;
}

/* --- SparseReshape --- */

/* The new dimensions with -1 worked out; `total` is the number of elements. */
static enum status new_dims(const struct op_call *call, int64_t dims[RANK_MAX], int64_t *total,
                            struct error *err)
{
    const struct tensor *from = &call->in[1], *to = &call->in[2];
    int64_t product = 1, open = -1;

    *total = 1;
    for (int64_t i = 0; i < from->shape.dims[0]; i++)
        if (in_list(from, i) < 0 || __builtin_mul_overflow(*total, in_list(from, i), total))
            return op_error(call, err, STATUS_INVALID_INPUT, "the shape is not valid");
    for (int64_t i = 0; i < to->shape.dims[0]; i++) {
        dims[i] = in_list(to, i);
        if (dims[i] == -1 && open < 0)
            open = i;
        else if (dims[i] < 0 || __builtin_mul_overflow(product, dims[i], &product))
            return op_error(call, err, STATUS_INVALID_INPUT, "the new shape is not valid");
    }
    if (open >= 0) {
        if (product == 0 || *total % product)
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "%lld elements do not fit the new shape", (long long)*total);
        dims[open] = *total / product;
        product = *total;
    }
    if (product != *total)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld elements, %lld in the new shape",
                        (long long)*total, (long long)product);
    return STATUS_OK;
}

static enum status infer_reshape(struct op_call *call, struct error *err)
{
    const struct shape *list = &call->in[2].shape;
    struct shape out = {.rank = 2, .dims = {DIM_UNKNOWN, DIM_UNKNOWN}};

    TRY(wants_sparse(call, 0, -1, 1, err));
    TRY(op_wants(call, 2, DTYPE_BIT(DTYPE_I64), err));
    TRY(op_wants_rank(call, 2, 1, 1, err));
    if (call->in[0].shape.rank == 2)
        out.dims[0] = call->in[0].shape.dims[0];
    if (list->rank == 1)
        out.dims[1] = list->dims[0];
    if (out.dims[1] > RANK_MAX)
        return op_error(call, err, STATUS_UNSUPPORTED, "%lld dimensions", (long long)out.dims[1]);
    op_give(call, 0, DTYPE_I64, &out);
    out = list_shape(out.dims[1]);
    op_give(call, 1, DTYPE_I64, &out);
    return STATUS_OK;
}

static enum status run_reshape(const struct op_call *call, struct error *err)
{
    const struct tensor *indices = &call->in[0], *shape = &call->in[1];
    int64_t dims[RANK_MAX], total, *y = call->out[0].data, rank = call->in[2].shape.dims[0];

    TRY(new_dims(call, dims, &total, err));
    TRY(check_within(call, indices, shape, err));
    for (size_t i = 0; i < (size_t)indices->shape.dims[0]; i++) {
        int64_t offset = 0;

        for (int64_t d = 0; d < indices->shape.dims[1]; d++)
            offset = offset * in_list(shape, d) + at(indices, i, d);
        for (int64_t d = rank; d-- > 0; offset /= dims[d])
            y[(int64_t)i * rank + d] = offset % dims[d];
    }
    if (call->out_count > 1 && rank)
        memcpy(call->out[1].data, dims, (size_t)rank * sizeof *dims);
    return STATUS_OK;
}

/* --- SparseSlice --- */

static bool is_inside(const struct op_call *call, size_t row)
{
    const struct tensor *indices = &call->in[0];

    for (int64_t d = 0; d < indices->shape.dims[1]; d++) {
        int64_t from = in_list(&call->in[3], d), size = in_list(&call->in[4], d);

        if (at(indices, row, d) < from || at(indices, row, d) - from >= size)
            return false;
    }
    return true;
}

static enum status slice_fits(const struct op_call *call, struct error *err)
{
    int64_t rank = call->in[0].shape.dims[1];

    for (size_t i = 3; i < 5; i++) {
        if (call->in[i].shape.dims[0] != rank)
            return op_error(call, err, STATUS_INVALID_INPUT, "a slice of %lld dimensions",
                            (long long)call->in[i].shape.dims[0]);
        for (int64_t d = 0; d < rank; d++)
            if (in_list(&call->in[i], d) < 0)
                return op_error(call, err, STATUS_INVALID_INPUT, "a slice from or of %lld",
                                (long long)in_list(&call->in[i], d));
    }
    return STATUS_OK;
}

static enum status infer_slice(struct op_call *call, struct error *err)
{
    int64_t count = DIM_UNKNOWN;
    struct shape out;

    TRY(wants_sparse(call, 0, 1, 2, err));
    for (size_t i = 3; i < 5; i++) {
        TRY(op_wants(call, i, DTYPE_BIT(DTYPE_I64), err));
        TRY(op_wants_rank(call, i, 1, 1, err));
    }
    if (op_is_known(call, 0) && op_is_known(call, 3) && op_is_known(call, 4)) {
        TRY(slice_fits(call, err));
        count = 0;
        for (size_t i = 0; i < (size_t)call->in[0].shape.dims[0]; i++)
            count += is_inside(call, i);
    }
    out = rows_shape(&call->in[0], count);
    op_give(call, 0, DTYPE_I64, &out);
    out = list_shape(count);
    op_give(call, 1, call->in[1].dtype, &out);
    op_give(call, 2, DTYPE_I64, &call->in[2].shape);
    return STATUS_OK;
}

static enum status run_slice(const struct op_call *call, struct error *err)
{
    const struct tensor *indices = &call->in[0];
    int64_t rank = indices->shape.dims[1], *y = call->out[0].data;
    size_t to = 0;

    TRY(slice_fits(call, err));
    for (size_t i = 0; i < (size_t)indices->shape.dims[0]; i++) {
        if (!is_inside(call, i))
            continue;
        for (int64_t d = 0; d < rank; d++)
            y[(int64_t)to * rank + d] = at(indices, i, d) - in_list(&call->in[3], d);
        if (call->out_count > 1)
            copy_value(&call->out[1], to, &call->in[1], i);
        to++;
    }
    for (int64_t d = 0; call->out_count > 2 && d < rank; d++) {
        int64_t left = in_list(&call->in[2], d) - in_list(&call->in[3], d);
        int64_t size = in_list(&call->in[4], d);

        left = left < 0 ? 0 : left;
        ((int64_t *)call->out[2].data)[d] = size < left ? size : left;
    }
    return STATUS_OK;
}

/* --- SparseFillEmptyRows: elements go by their row, those of one row as they come --- */

static enum status rows_within(const struct op_call *call, struct error *err)
{
    const struct tensor *indices = &call->in[0];
    int64_t rows = in_list(&call->in[2], 0);

    for (size_t i = 0; i < (size_t)indices->shape.dims[0]; i++)
        if (at(indices, i, 0) < 0 || at(indices, i, 0) >= rows)
            return op_error(call, err, STATUS_INVALID_INPUT, "index %zu is in row %lld of %lld", i,
                            (long long)at(indices, i, 0), (long long)rows);
    return STATUS_OK;
}

static enum status count_filled(const struct op_call *call, int64_t *count, struct error *err)
{
    const struct tensor *indices = &call->in[0];
    int64_t rows = in_list(&call->in[2], 0), filled = 0;
    char *seen;

    TRY(rows_within(call, err));
    seen = calloc((size_t)rows + 1, 1);
    if (!seen)
        return op_error(call, err, STATUS_NO_MEMORY, "%lld rows", (long long)rows);
    for (size_t i = 0; i < (size_t)indices->shape.dims[0]; i++) {
        filled += !seen[at(indices, i, 0)];
        seen[at(indices, i, 0)] = 1;
    }
    free(seen);
    *count = indices->shape.dims[0] + rows - filled;
    return STATUS_OK;
}

static enum status infer_fill(struct op_call *call, struct error *err)
{
    int64_t count = DIM_UNKNOWN, rows = DIM_UNKNOWN;
    struct shape out;

    TRY(wants_sparse(call, 0, 1, 2, err));
    TRY(op_wants_same(call, 1, 3, err));
    TRY(op_wants_rank(call, 3, 0, 0, err));
    if (op_is_known(call, 2)) {
        if (tensor_count(&call->in[2]) < 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "no dimensions");
        rows = in_list(&call->in[2], 0);
        if (rows < 0 || rows > INT32_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld rows", (long long)rows);
        if (op_is_known(call, 0))
            TRY(count_filled(call, &count, err));
    }
    out = rows_shape(&call->in[0], count);
    op_give(call, 0, DTYPE_I64, &out);
    out = list_shape(count);
    op_give(call, 1, call->in[1].dtype, &out);
    out = list_shape(rows);
    op_give(call, 2, DTYPE_BOOL, &out);
    out = list_shape(call->in[0].shape.rank == 2 ? call->in[0].shape.dims[0] : DIM_UNKNOWN);
    op_give(call, 3, DTYPE_I64, &out);
    return STATUS_OK;
}

static size_t fill_scratch(const struct op_call *call)
{
    return ((size_t)call->out[2].shape.dims[0] + 1) * sizeof(int64_t);
}

static void fill_row(const struct op_call *call, int64_t row, int64_t to)
{
    int64_t rank = call->in[0].shape.dims[1], *y = call->out[0].data;

    for (int64_t d = 0; d < rank; d++)
        y[to * rank + d] = d ? 0 : row;
    copy_value(&call->out[1], (size_t)to, &call->in[3], 0);
}

static enum status run_fill(const struct op_call *call, struct error *err)
{
    const struct tensor *indices = &call->in[0];
    int64_t rank = indices->shape.dims[1], rows = in_list(&call->in[2], 0), next = 0;
    int64_t *places = call->scratch, *y = call->out[0].data; /* where each row goes on */
    size_t n = (size_t)indices->shape.dims[0];

    TRY(rows_within(call, err));
    memset(places, 0, ((size_t)rows + 1) * sizeof *places);
    for (size_t i = 0; i < n; i++)
        places[at(indices, i, 0)]++;
    for (int64_t row = 0; row < rows; row++) {
        int64_t count = places[row];

        places[row] = next;
        ((uint8_t *)call->out[2].data)[row] = count == 0;
        if (!count)
            fill_row(call, row, next);
        next += count ? count : 1;
    }
    for (size_t i = 0; i < n; i++) {
        int64_t to = places[at(indices, i, 0)]++;

        for (int64_t d = 0; d < rank; d++)
            y[to * rank + d] = at(indices, i, d);
        copy_value(&call->out[1], (size_t)to, &call->in[1], i);
        if (call->out_count > 3)
            ((int64_t *)call->out[3].data)[i] = to;
    }
    return STATUS_OK;
}

/* --- SparseMerge: inputs indices, values of a, then of b --- */

enum merge { ADD, MAX, MIN };

static double merged(enum merge merge, const struct tensor *a, bool has_a, size_t i,
                     const struct tensor *b, bool has_b, size_t j)
{
    double x = has_a ? tensor_f64(a, i) : 0, y = has_b ? tensor_f64(b, j) : 0;

    return merge == ADD ? x + y : merge == MAX ? (x > y ? x : y) : (x < y ? x : y);
}

/* Writes the result when `write`; how many there are. */
static int64_t merge_all(const struct op_call *call, bool write)
{
    enum merge merge = attribute_is(call->attributes, "function", "max")   ? MAX
                       : attribute_is(call->attributes, "function", "min") ? MIN
                                                                           : ADD;
    const struct tensor *a = &call->in[0], *b = &call->in[2];
    size_t n = (size_t)a->shape.dims[0], m = (size_t)b->shape.dims[0], i = 0, j = 0, to = 0;
    bool limited = op_has(call, 4);
    double limit = limited ? tensor_f64(&call->in[4], 0) : 0;
    size_t row = (size_t)a->shape.dims[1] * sizeof(int64_t);

    while (i < n || j < m) {
        int order = i == n ? 1 : j == m ? -1 : compare(a, i, b, j);
        double value = merged(merge, &call->in[1], order <= 0, i, &call->in[3], order >= 0, j);

        if (!limited || order || limit <= fabs(value)) {
            if (write && row)
                memcpy((char *)call->out[0].data + to * row,
                       order <= 0 ? (const char *)a->data + i * row
                                  : (const char *)b->data + j * row,
                       row);
            if (write && call->out_count > 1)
                tensor_set_f64(&call->out[1], to, value);
            to++;
        }
        i += order <= 0;
        j += order >= 0;
    }
    return (int64_t)to;
}

static enum status infer_merge(struct op_call *call, struct error *err)
{
    /* those that a double holds exactly, and their sums */
    const uint64_t taken = DTYPES_FLOAT | DTYPE_BIT(DTYPE_I8) | DTYPE_BIT(DTYPE_I16) |
                           DTYPE_BIT(DTYPE_I32) | DTYPE_BIT(DTYPE_U8) | DTYPE_BIT(DTYPE_U16) |
                           DTYPE_BIT(DTYPE_U32) | DTYPE_BIT(DTYPE_I64);
    int64_t count = DIM_UNKNOWN;
    struct shape out;

    TRY(wants_sparse(call, 0, 1, -1, err));
    TRY(wants_sparse(call, 2, 3, -1, err));
    TRY(op_wants(call, 1, taken, err));
    TRY(op_wants_same(call, 1, 3, err));
    if (op_has(call, 4)) {
        TRY(op_wants(call, 4, DTYPES_NUMBER, err));
        TRY(op_wants_rank(call, 4, 0, 0, err));
    }
    if (call->in[0].shape.rank == 2 && call->in[2].shape.rank == 2 &&
        dim_is_known(call->in[0].shape.dims[1]) && dim_is_known(call->in[2].shape.dims[1]) &&
        call->in[0].shape.dims[1] != call->in[2].shape.dims[1])
        return op_error(call, err, STATUS_INVALID_INPUT, "tensors of different ranks");
    if (op_is_known(call, 0) && op_is_known(call, 1) && op_is_known(call, 2) &&
        op_is_known(call, 3) && (!op_has(call, 4) || op_is_known(call, 4)))
        count = merge_all(call, false);
    out = rows_shape(&call->in[0], count);
    op_give(call, 0, DTYPE_I64, &out);
    out = list_shape(count);
    op_give(call, 1, call->in[1].dtype, &out);
    return STATUS_OK;
}

static enum status run_merge(const struct op_call *call, struct error *err)
{
    for (size_t t = 0; t < 4; t += 2)
        for (size_t i = 1; i < (size_t)call->in[t].shape.dims[0]; i++)
            if (compare(&call->in[t], i - 1, &call->in[t], i) > 0)
                return op_error(call, err, STATUS_INVALID_INPUT, "index %zu is out of order", i);
    for (size_t t = 1; call->in[1].dtype == DTYPE_I64 && t < 4; t += 2)
        for (size_t i = 0; i < tensor_count(&call->in[t]); i++)
            if (tensor_i64(&call->in[t], i) > INT64_C(1) << 52 ||
                tensor_i64(&call->in[t], i) < -(INT64_C(1) << 52))
                return op_error(call, err, STATUS_UNSUPPORTED, "value %zu is too large", i);
    merge_all(call, true);
    return STATUS_OK;
}

#define ROW(title, does, low, high, outs_low, outs, rule, room)                                    \
    {                                                                                              \
        .name = title, .summary = does, .in_min = low, .in_max = high, .out_min = outs_low,        \
        .out_max = outs, .infer = infer_##rule, .scratch_size = room, .run = run_##rule            \
    }
const struct op_set ops_firn_sparse_rows =
    OP_SET(ROW("SparseReorder", "a sparse tensor in row-major order", 2, 3, 1, 2, reorder,
               reorder_scratch),
           ROW("SparseReshape", "the indices of a sparse tensor in another shape", 3, 3, 1, 2,
               reshape, NULL),
           ROW("SparseSlice", "a part of a sparse tensor", 5, 5, 1, 3, slice, NULL),
           ROW("SparseFillEmptyRows", "a value for each row that has none", 4, 4, 3, 4, fill,
               fill_scratch),
           ROW("SparseMerge", "two sparse tensors as one", 4, 5, 1, 2, merge, NULL), );
