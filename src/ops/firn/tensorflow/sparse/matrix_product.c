// SPDX-License-Identifier: Apache-2.0
/* Sparse matrices in rows: indices (n, 2) int64 in the order of the rows, values (n), shape (2).
 *
 * SparseMatrixIndices: indices (n, 2 or 3), values, shape of a sparse tensor -> indices in the
 * order of their rows; as TensorFlow does it, the columns stay where they are. SparseMatrixProduct:
 * two matrices -> indices, values of their product, in row-major order, with what comes to 0. */
#include <complex.h>
#include <stdlib.h>

#include "ops/kernels/call.h"
#include "ops/kernels/order.h"

#define DTYPES_TAKEN                                                                               \
    (DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64) | DTYPE_BIT(DTYPE_C64) | DTYPE_BIT(DTYPE_C128))

enum { COLUMNS_MAX = 1 << 24 };

static enum status wants_matrix(const struct op_call *call, size_t first, struct error *err)
{
    TRY(op_wants(call, first, DTYPE_BIT(DTYPE_I64), err));
    TRY(op_wants_rank(call, first, 2, 2, err));
    TRY(op_wants(call, first + 1, DTYPES_TAKEN, err));
    TRY(op_wants_rank(call, first + 1, 1, 1, err));
    TRY(op_wants(call, first + 2, DTYPE_BIT(DTYPE_I64), err));
    return op_wants_rank(call, first + 2, 1, 1, err);
}

/* A whole sparse tensor whose indices lie within its shape. */
static enum status check_matrix(const struct op_call *call, size_t first, int64_t low, int64_t high,
                                struct error *err)
{
    const struct tensor *indices = &call->in[first], *shape = &call->in[first + 2];
    const int64_t *at = indices->data, *dims = shape->data;
    int64_t n = indices->shape.dims[0], rank = indices->shape.dims[1];

    if (rank < low || rank > high || shape->shape.dims[0] != rank)
        return op_error(call, err, STATUS_INVALID_INPUT, "indices of %lld, %lld dimensions",
                        (long long)rank, (long long)shape->shape.dims[0]);
    if (call->in[first + 1].shape.dims[0] != n)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld values for %lld indices",
                        (long long)call->in[first + 1].shape.dims[0], (long long)n);
    for (int64_t i = 0; i < n * rank; i++)
        if (at[i] < 0 || at[i] >= dims[i % rank])
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "index %lld is %lld in dimension %lld of %lld", (long long)(i / rank),
                            (long long)at[i], (long long)(i % rank), (long long)dims[i % rank]);
    for (int64_t d = 0; d < rank; d++)
        if (dims[d] < 0 || dims[d] > INT32_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "dimension %lld is %lld", (long long)d,
                            (long long)dims[d]);
    return STATUS_OK;
}

/* --- SparseMatrixIndices --- */

static enum status infer_indices(struct op_call *call, struct error *err)
{
    struct shape out = call->in[0].shape;

    TRY(wants_matrix(call, 0, err));
    if (out.rank == 2 && call->in[2].shape.rank == 1 && !dim_is_known(out.dims[1]))
        out.dims[1] = call->in[2].shape.dims[0];
    op_give(call, 0, DTYPE_I64, &out);
    return STATUS_OK;
}

static size_t indices_scratch(const struct op_call *call)
{
    return 2 * (size_t)call->in[0].shape.dims[0] * sizeof(size_t);
}

/* By all but the last index. */
static int compare_rows(const void *elements, size_t a, size_t b)
{
    const struct tensor *indices = elements;
    size_t rank = (size_t)indices->shape.dims[1];
    const int64_t *x = (const int64_t *)indices->data + a * rank;
    const int64_t *y = (const int64_t *)indices->data + b * rank;

    for (size_t d = 0; d + 1 < rank; d++)
        if (x[d] != y[d])
            return x[d] < y[d] ? -1 : 1;
    return 0;
}

static enum status run_indices(const struct op_call *call, struct error *err)
{
    const int64_t *x = call->in[0].data;
    size_t n = (size_t)call->in[0].shape.dims[0], rank = (size_t)call->in[0].shape.dims[1];
    int64_t *y = call->out[0].data;
    const size_t *order;

    TRY(check_matrix(call, 0, 2, 3, err));
    for (size_t i = 1; rank == 3 && i < n; i++)
        if (x[(i - 1) * rank] > x[i * rank])
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "index %zu is of a matrix before that of the index before", i);
    order = order_places(call->scratch, n, compare_rows, &call->in[0]);
    for (size_t i = 0; i < n; i++) {
        for (size_t d = 0; d + 1 < rank; d++)
            y[i * rank + d] = x[order[i] * rank + d];
        y[i * rank + rank - 1] = x[i * rank + rank - 1];
    }
    return STATUS_OK;
}

/* --- SparseMatrixProduct: indices, values, shape of a, then of b --- */

struct product {
    const struct op_call *call;
    double complex *sums; /* (columns): of one row */
    int64_t *rows;        /* (columns): 1 + the row that a sum is of */
    int64_t *touched;     /* (columns): which sums there are in this row */
};

static double complex number_at(const struct tensor *x, size_t i)
{
    return x->dtype == DTYPE_C64    ? ((const float complex *)x->data)[i]
           : x->dtype == DTYPE_C128 ? ((const double complex *)x->data)[i]
                                    : tensor_f64(x, i);
}

static void put_number(struct tensor *y, size_t i, double complex sum)
{
    if (y->dtype == DTYPE_C64)
        ((float complex *)y->data)[i] = (float complex)sum;
    else if (y->dtype == DTYPE_C128)
        ((double complex *)y->data)[i] = sum;
    else
        tensor_set_f64(y, i, creal(sum));
}

static int compare_numbers(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* The first index of b whose row is not before `row`. */
static size_t row_begin(const struct tensor *b, int64_t row)
{
    const int64_t *at = b->data;
    size_t low = 0, high = (size_t)b->shape.dims[0];

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (at[2 * middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Add value i of a times its row of b; how many sums are touched then. */
static size_t add_row(struct product *p, size_t i, size_t touched)
{
    const int64_t *a = p->call->in[0].data, *b = p->call->in[3].data;
    size_t m = (size_t)p->call->in[3].shape.dims[0];
    double complex by = number_at(&p->call->in[1], i);
    bool real = dtype_is_float(p->call->in[1].dtype);

    for (size_t j = row_begin(&p->call->in[3], a[2 * i + 1]); j < m && b[2 * j] == a[2 * i + 1];
         j++) {
        int64_t column = b[2 * j + 1];
        double complex x = number_at(&p->call->in[4], j);

        if (p->rows[column] != a[2 * i] + 1) {
            p->rows[column] = a[2 * i] + 1;
            p->touched[touched++] = column;
            p->sums[column] = 0;
        }
        p->sums[column] += real ? creal(by) * creal(x) : by * x;
    }
    return touched;
}

/* Writes the result when `write`; how many there are. */
static size_t multiply(struct product *p, bool write)
{
    const int64_t *a = p->call->in[0].data;
    size_t n = (size_t)p->call->in[0].shape.dims[0], to = 0;

    for (size_t i = 0; i < n;) {
        int64_t row = a[2 * i];
        size_t touched = 0;

        for (; i < n && a[2 * i] == row; i++)
            touched = add_row(p, i, touched);
        qsort(p->touched, touched, sizeof *p->touched, compare_numbers);
        for (size_t j = 0; j < touched; j++, to++) {
            if (!write)
                continue;
            ((int64_t *)p->call->out[0].data)[2 * to] = row;
            ((int64_t *)p->call->out[0].data)[2 * to + 1] = p->touched[j];
            put_number(&p->call->out[1], to, p->sums[p->touched[j]]);
        }
    }
    return to;
}

static enum status check_product(const struct op_call *call, struct error *err)
{
    const int64_t *a, *b;

    TRY(check_matrix(call, 0, 2, 2, err));
    TRY(check_matrix(call, 3, 2, 2, err));
    a = call->in[2].data;
    b = call->in[5].data;
    if (a[1] != b[0])
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld columns and %lld rows",
                        (long long)a[1], (long long)b[0]);
    if (b[1] > COLUMNS_MAX)
        return op_error(call, err, STATUS_TOO_LARGE, "%lld columns", (long long)b[1]);
    for (size_t t = 0; t < 6; t += 3)
        for (int64_t i = 1; i < call->in[t].shape.dims[0]; i++)
            if (((const int64_t *)call->in[t].data)[2 * i - 2] >
                ((const int64_t *)call->in[t].data)[2 * i])
                return op_error(call, err, STATUS_INVALID_INPUT, "index %lld is out of order",
                                (long long)i);
    return STATUS_OK;
}

static enum status product(const struct op_call *call, bool write, size_t *count, struct error *err)
{
    struct product p = {.call = call};
    size_t columns;
    bool made;

    TRY(check_product(call, err));
    columns = (size_t)((const int64_t *)call->in[5].data)[1] + 1;
    p.sums = calloc(columns, sizeof *p.sums);
    p.rows = calloc(columns, sizeof *p.rows);
    p.touched = calloc(columns, sizeof *p.touched);
    made = p.sums && p.rows && p.touched;
    if (made)
        *count = multiply(&p, write);
    free(p.sums);
    free(p.rows);
    free(p.touched);
    return made ? STATUS_OK : op_error(call, err, STATUS_NO_MEMORY, "%zu columns", columns);
}

static enum status infer_product(struct op_call *call, struct error *err)
{
    struct shape out = {.rank = 2, .dims = {DIM_UNKNOWN, 2}};
    bool known = true;
    size_t count;

    TRY(wants_matrix(call, 0, err));
    TRY(wants_matrix(call, 3, err));
    TRY(op_wants_same(call, 1, 4, err));
    for (size_t i = 0; i < 6; i++)
        known = known && op_is_known(call, i);
    if (known) {
        TRY(product(call, false, &count, err));
        out.dims[0] = (int64_t)count;
    }
    op_give(call, 0, DTYPE_I64, &out);
    out.rank = 1;
    op_give(call, 1, call->in[1].dtype, &out);
    return STATUS_OK;
}

static enum status run_product(const struct op_call *call, struct error *err)
{
    size_t count;

    return product(call, true, &count, err);
}

const struct op_set ops_firn_matrix_product =
    OP_SET({.name = "SparseMatrixIndices",
            .summary = "the indices of a sparse matrix in the order of its rows",
            .in_min = 3,
            .in_max = 3,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_indices,
            .scratch_size = indices_scratch,
            .run = run_indices},
           {.name = "SparseMatrixProduct",
            .summary = "a sparse matrix times a sparse one",
            .in_min = 6,
            .in_max = 6,
            .out_min = 2,
            .out_max = 2,
            .infer = infer_product,
            .run = run_product});
