// SPDX-License-Identifier: Apache-2.0
/* Sparse tensors as their parts: indices (n, r) and shape (r,), both I64, values (n,) of any dtype.
 *
 * SparseDense: indices (also a list or one number, also I32), shape, values (also one for all),
 *   default -> dense. Attribute validate: 1: indices must be in order, each once.
 * SparseReorder: indices, values -> the same in row-major order.
 * SparseReshape: indices, shape, new shape (-1: what is left) -> indices, shape.
 * SparseFillRows: indices, values, shape, default -> indices, values, which rows were empty (rows,)
 *   BOOL, where each element went (n,) I64. */
#include "ops/kernels/call.h"

/* --- what they share --- */

static const int64_t *row_of(const struct tensor *indices, size_t i)
{
    return (const int64_t *)indices->data + i * (size_t)indices->shape.dims[1];
}

static size_t rows_of(const struct tensor *indices)
{
    return (size_t)indices->shape.dims[0];
}

/* Input `at` is I64 and (n, r). */
static enum status wants_indices(const struct op_call *call, size_t at, struct error *err)
{
    TRY(op_wants(call, at, DTYPE_BIT(DTYPE_I64), err));
    return op_wants_rank(call, at, 2, 2, err);
}

static enum status wants_list(const struct op_call *call, size_t at, uint64_t dtypes,
                              struct error *err)
{
    TRY(op_wants(call, at, dtypes, err));
    return op_wants_rank(call, at, 1, 1, err);
}

/* Both lengths, when both are known, are one. */
static enum status agree(const struct op_call *call, int64_t a, int64_t b, const char *what,
                         struct error *err)
{
    if (!dim_is_known(a) || !dim_is_known(b) || a == b)
        return STATUS_OK;
    return op_error(call, err, STATUS_INVALID_INPUT, "%lld and %lld %s", (long long)a, (long long)b,
                    what);
}

static int64_t dim_of(const struct tensor *tensor, int d)
{
    return tensor->shape.rank > d ? tensor->shape.dims[d] : DIM_UNKNOWN;
}

/* indices, values, shape at these inputs fit each other. */
static enum status wants_sparse(const struct op_call *call, size_t indices, size_t values,
                                size_t shape, struct error *err)
{
    TRY(wants_indices(call, indices, err));
    TRY(wants_list(call, values, DTYPES_ANY, err));
    TRY(agree(call, dim_of(&call->in[indices], 0), dim_of(&call->in[values], 0),
              "indices and values", err));
    if (shape == SIZE_MAX)
        return STATUS_OK;
    TRY(wants_list(call, shape, DTYPE_BIT(DTYPE_I64), err));
    return agree(call, dim_of(&call->in[indices], 1), dim_of(&call->in[shape], 0),
                 "dimensions of indices and shape", err);
}

static void give(const struct op_call *call, size_t output, enum dtype dtype, int64_t a, int64_t b)
{
    struct shape shape = b == INT64_MIN ? SHAPE(a) : SHAPE(a, b);

    op_give(call, output, dtype, &shape);
}

static void give_list(const struct op_call *call, size_t output, enum dtype dtype, int64_t count)
{
    give(call, output, dtype, count, INT64_MIN);
}

static void copy_element(const struct tensor *from, size_t i, const struct tensor *to, size_t k)
{
    size_t size = dtype_size(from->dtype);

    memcpy((uint8_t *)to->data + k * size, (const uint8_t *)from->data + i * size, size);
}

/* Every index lies inside the shape. */
static enum status inside_check(const struct op_call *call, const struct tensor *indices,
                                const int64_t *shape, struct error *err)
{
    size_t rank = (size_t)indices->shape.dims[1];

    for (size_t i = 0; i < rows_of(indices); i++)
        for (size_t d = 0; d < rank; d++)
            if (row_of(indices, i)[d] < 0 || row_of(indices, i)[d] >= shape[d])
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "index %zu is %lld in dimension %zu of %lld", i,
                                (long long)row_of(indices, i)[d], d, (long long)shape[d]);
    return STATUS_OK;
}

static int rows_compare(const int64_t *a, const int64_t *b, size_t rank)
{
    for (size_t d = 0; d < rank; d++)
        if (a[d] != b[d])
            return a[d] < b[d] ? -1 : 1;
    return 0;
}

/* Where the rows stand in row-major order, by merging: `order` and `room` (n,) each. */
static void rows_sort(const int64_t *rows, size_t count, size_t rank, size_t *order, size_t *room)
{
    size_t *from = order, *to = room, *swap;

    for (size_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t low = 0; low < count; low += 2 * width) {
            size_t middle = low + width < count ? low + width : count;
            size_t high = low + 2 * width < count ? low + 2 * width : count;
            size_t a = low, b = middle;

            for (size_t k = low; k < high; k++)
                to[k] = a < middle && (b >= high || rows_compare(rows + from[a] * rank,
                                                                 rows + from[b] * rank, rank) <= 0)
                            ? from[a++]
                            : from[b++];
        }
        swap = from;
        from = to;
        to = swap;
    }
    if (from != order)
        memcpy(order, from, count * sizeof *order);
}

/* --- SparseDense --- */

static enum status infer_dense(struct op_call *call, struct error *err)
{
    struct shape out = shape_unknown();
    int64_t rank;

    TRY(op_wants(call, 0, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 0, 0, 2, err));
    TRY(wants_list(call, 1, DTYPES_INDEX, err));
    TRY(op_wants(call, 2, DTYPES_ANY, err));
    TRY(op_wants_rank(call, 2, 0, 1, err));
    TRY(op_wants_same(call, 2, 3, err));
    rank = dim_of(&call->in[1], 0);
    if (rank > RANK_MAX)
        return op_error(call, err, STATUS_UNSUPPORTED, "%lld dimensions", (long long)rank);
    if (dim_is_known(rank) && call->in[1].shape.rank == 1) {
        out.rank = (int)rank;
        for (int d = 0; d < out.rank; d++) {
            out.dims[d] = op_is_known(call, 1) ? tensor_i64(&call->in[1], (size_t)d) : DIM_UNKNOWN;
            if (op_is_known(call, 1) && out.dims[d] < 0)
                return op_error(call, err, STATUS_INVALID_INPUT, "a dimension of %lld",
                                (long long)out.dims[d]);
        }
    }
    op_give(call, 0, call->in[2].dtype, &out);
    return STATUS_OK;
}

/* The place of index i in the dense tensor. */
static enum status place_of(const struct op_call *call, size_t i, size_t rank, size_t *place,
                            struct error *err)
{
    const struct shape *shape = &call->out[0].shape;

    *place = 0;
    for (size_t d = 0; d < rank; d++) {
        int64_t index = tensor_i64(&call->in[0], i * rank + d);

        if (index < 0 || index >= shape->dims[d])
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "index %zu is %lld in dimension %zu of %lld", i, (long long)index, d,
                            (long long)shape->dims[d]);
        *place = *place * (size_t)shape->dims[d] + (size_t)index;
    }
    return STATUS_OK;
}

static enum status run_dense(const struct op_call *call, struct error *err)
{
    const struct shape *indices = &call->in[0].shape;
    size_t count = indices->rank ? (size_t)indices->dims[0] : 1;
    size_t rank = indices->rank == 2 ? (size_t)indices->dims[1] : 1, place, last = 0;
    bool validate = attribute_int(call->attributes, "validate", 1);
    const struct tensor *values = &call->in[2], *out = &call->out[0];

    if ((int)rank != out->shape.rank)
        return op_error(call, err, STATUS_INVALID_INPUT, "indices of %zu dimensions for %d", rank,
                        out->shape.rank);
    if (values->shape.rank == 1 && tensor_count(values) != count)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu values for %zu indices",
                        tensor_count(values), count);
    if (tensor_count(&call->in[3]) != 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "the default is no scalar");
    for (size_t i = 0; i < tensor_count(out); i++)
        copy_element(&call->in[3], 0, out, i);
    for (size_t i = 0; i < count; i++) {
        TRY(place_of(call, i, rank, &place, err));
        if (validate && i && place <= last)
            return op_error(call, err, STATUS_INVALID_INPUT, "index %zu is %s", i,
                            place == last ? "repeated" : "out of order");
        copy_element(values, values->shape.rank ? i : 0, out, place);
        last = place;
    }
    return STATUS_OK;
}

/* --- SparseReorder --- */

static enum status infer_reorder(struct op_call *call, struct error *err)
{
    TRY(wants_sparse(call, 0, 1, SIZE_MAX, err));
    op_give(call, 0, DTYPE_I64, &call->in[0].shape);
    op_give(call, 1, call->in[1].dtype, &call->in[1].shape);
    return STATUS_OK;
}

static size_t scratch_reorder(const struct op_call *call)
{
    return 2 * (size_t)call->in[0].shape.dims[0] * sizeof(size_t);
}

static enum status run_reorder(const struct op_call *call, struct error *err)
{
    size_t count = rows_of(&call->in[0]), rank = (size_t)call->in[0].shape.dims[1];
    size_t *order = call->scratch;

    (void)err;
    rows_sort(call->in[0].data, count, rank, order, order + count);
    for (size_t i = 0; i < count; i++) {
        memcpy((int64_t *)call->out[0].data + i * rank, row_of(&call->in[0], order[i]),
               rank * sizeof(int64_t));
        copy_element(&call->in[1], order[i], &call->out[1], i);
    }
    return STATUS_OK;
}

/* --- SparseReshape --- */

static enum status infer_reshape(struct op_call *call, struct error *err)
{
    int64_t rank;

    TRY(wants_indices(call, 0, err));
    TRY(wants_list(call, 1, DTYPE_BIT(DTYPE_I64), err));
    TRY(wants_list(call, 2, DTYPE_BIT(DTYPE_I64), err));
    rank = dim_of(&call->in[2], 0);
    give(call, 0, DTYPE_I64, dim_of(&call->in[0], 0), rank);
    give_list(call, 1, DTYPE_I64, rank);
    return STATUS_OK;
}

static enum status product_of(const struct op_call *call, const int64_t *dims, size_t rank,
                              int64_t *product, struct error *err)
{
    *product = 1;
    for (size_t d = 0; d < rank; d++)
        if (dims[d] < 0 || __builtin_mul_overflow(*product, dims[d], product))
            return op_error(call, err, STATUS_INVALID_INPUT, "a shape that cannot be");
    return STATUS_OK;
}

/* The new shape, its -1 resolved, into out[1]. */
static enum status shape_resolve(const struct op_call *call, int64_t total, struct error *err)
{
    size_t rank = tensor_count(&call->in[2]), free = SIZE_MAX;
    int64_t *to = call->out[1].data, known;

    for (size_t d = 0; d < rank; d++) {
        to[d] = ((const int64_t *)call->in[2].data)[d];
        if (to[d] != -1)
            continue;
        if (free != SIZE_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "two dimensions are free");
        free = d;
        to[d] = 1;
    }
    TRY(product_of(call, to, rank, &known, err));
    if (free != SIZE_MAX) {
        if (known == 0)
            return op_error(call, err, STATUS_INVALID_INPUT, "a free dimension beside one of 0");
        to[free] = total / known;
        known *= to[free];
    }
    return known == total ? STATUS_OK
                          : op_error(call, err, STATUS_INVALID_INPUT, "%lld elements become %lld",
                                     (long long)total, (long long)known);
}

static enum status run_reshape(const struct op_call *call, struct error *err)
{
    size_t rank = (size_t)call->in[0].shape.dims[1], to_rank = tensor_count(&call->in[2]);
    const int64_t *shape = call->in[1].data, *to = call->out[1].data;
    int64_t total;

    if (tensor_count(&call->in[1]) != rank)
        return op_error(call, err, STATUS_INVALID_INPUT, "a shape of %zu dimensions, not %zu",
                        tensor_count(&call->in[1]), rank);
    TRY(product_of(call, shape, rank, &total, err));
    TRY(shape_resolve(call, total, err));
    TRY(inside_check(call, &call->in[0], shape, err));
    for (size_t i = 0; i < rows_of(&call->in[0]); i++) {
        int64_t *index = (int64_t *)call->out[0].data + i * to_rank, place = 0;

        for (size_t d = 0; d < rank; d++)
            place = place * shape[d] + row_of(&call->in[0], i)[d];
        for (size_t d = to_rank; d-- > 0;) {
            index[d] = place % to[d];
            place /= to[d];
        }
    }
    return STATUS_OK;
}

/* --- SparseFillRows --- */

enum { ROWS_BYTES_MAX = 1 << 30 };

/* The rows of the indices lie inside the shape; *ordered: none stands before one of a lower row. */
static enum status rows_check(const struct op_call *call, bool *ordered, struct error *err)
{
    int64_t rows = tensor_count(&call->in[2]) ? *(const int64_t *)call->in[2].data : 0, last = 0;

    *ordered = true;
    if (rows < 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld rows", (long long)rows);
    for (size_t i = 0; i < rows_of(&call->in[0]); i++) {
        int64_t row = row_of(&call->in[0], i)[0];

        if (row < 0 || row >= rows)
            return op_error(call, err, STATUS_INVALID_INPUT, "index %zu is row %lld of %lld", i,
                            (long long)row, (long long)rows);
        *ordered = *ordered && row >= last;
        last = row;
    }
    return STATUS_OK;
}

static enum status empty_count(const struct op_call *call, int64_t *empty, struct error *err)
{
    int64_t rows = *(const int64_t *)call->in[2].data;
    size_t count = rows_of(&call->in[0]);
    struct arena scratch;
    bool ordered;
    uint8_t *seen;

    TRY(rows_check(call, &ordered, err));
    *empty = rows;
    if (ordered) {
        for (size_t i = 0; i < count; i++)
            *empty -= !i || row_of(&call->in[0], i)[0] != row_of(&call->in[0], i - 1)[0];
        return STATUS_OK;
    }
    arena_init(&scratch, ROWS_BYTES_MAX);
    seen = arena_new(&scratch, uint8_t, (size_t)rows);
    for (size_t i = 0; seen && i < count; i++) {
        int64_t row = row_of(&call->in[0], i)[0];

        *empty -= !seen[row];
        seen[row] = 1;
    }
    arena_release(&scratch);
    return seen ? STATUS_OK : error_no_memory(err, "rows");
}

static enum status infer_fill(struct op_call *call, struct error *err)
{
    int64_t count = dim_of(&call->in[0], 0), filled = DIM_UNKNOWN, rows = DIM_UNKNOWN, empty;

    TRY(wants_sparse(call, 0, 1, 2, err));
    TRY(op_wants_same(call, 1, 3, err));
    if (call->in[0].shape.rank == 2 && call->in[0].shape.dims[1] == 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "indices without dimensions");
    if (op_is_known(call, 2) && tensor_count(&call->in[2]))
        rows = *(const int64_t *)call->in[2].data;
    if (op_is_known(call, 0) && rows != DIM_UNKNOWN) {
        TRY(empty_count(call, &empty, err));
        filled = count + empty;
    }
    give(call, 0, DTYPE_I64, filled, dim_of(&call->in[0], 1));
    give_list(call, 1, call->in[1].dtype, filled);
    give_list(call, 2, DTYPE_BOOL, rows < 0 ? DIM_UNKNOWN : rows);
    give_list(call, 3, DTYPE_I64, count);
    return STATUS_OK;
}

static size_t scratch_fill(const struct op_call *call)
{
    return ((size_t)call->out[2].shape.dims[0] + 1) * sizeof(size_t);
}

static void fill_rows(const struct op_call *call, size_t *place, size_t rows)
{
    size_t rank = (size_t)call->in[0].shape.dims[1], next = 0;
    int64_t *indices = call->out[0].data;
    uint8_t *empty = call->out[2].data;

    memset(place, 0, (rows + 1) * sizeof *place);
    for (size_t i = 0; i < rows_of(&call->in[0]); i++)
        place[row_of(&call->in[0], i)[0]]++;
    for (size_t r = 0; r < rows; r++) { /* counts become where rows begin */
        size_t count = place[r];

        place[r] = next;
        empty[r] = count == 0;
        if (empty[r]) {
            memset(indices + next * rank, 0, rank * sizeof *indices);
            indices[next * rank] = (int64_t)r;
            copy_element(&call->in[3], 0, &call->out[1], next);
        }
        next += count ? count : 1;
    }
}

static enum status run_fill(const struct op_call *call, struct error *err)
{
    size_t rows = tensor_count(&call->out[2]), rank = (size_t)call->in[0].shape.dims[1];
    size_t *place = call->scratch;
    bool ordered;

    TRY(rows_check(call, &ordered, err));
    if (tensor_count(&call->in[3]) != 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "the default is no scalar");
    fill_rows(call, place, rows);
    for (size_t i = 0; i < rows_of(&call->in[0]); i++) {
        size_t to = place[row_of(&call->in[0], i)[0]]++;

        memcpy((int64_t *)call->out[0].data + to * rank, row_of(&call->in[0], i),
               rank * sizeof(int64_t));
        copy_element(&call->in[1], i, &call->out[1], to);
        ((int64_t *)call->out[3].data)[i] = (int64_t)to;
    }
    return STATUS_OK;
}

const struct op_set ops_firn_sparse =
    OP_SET({.name = "SparseDense",
            .summary = "a sparse tensor as a dense one",
            .in_min = 4,
            .in_max = 4,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_dense,
            .run = run_dense},
           {.name = "SparseReorder",
            .summary = "a sparse tensor in row-major order",
            .in_min = 2,
            .in_max = 2,
            .out_min = 2,
            .out_max = 2,
            .infer = infer_reorder,
            .scratch_size = scratch_reorder,
            .run = run_reorder},
           {.name = "SparseReshape",
            .summary = "a sparse tensor in another shape",
            .in_min = 3,
            .in_max = 3,
            .out_min = 2,
            .out_max = 2,
            .infer = infer_reshape,
            .run = run_reshape},
           {.name = "SparseFillRows",
            .summary = "a sparse tensor with an element in each row",
            .in_min = 4,
            .in_max = 4,
            .out_min = 4,
            .out_max = 4,
            .infer = infer_fill,
            .scratch_size = scratch_fill,
            .run = run_fill});
