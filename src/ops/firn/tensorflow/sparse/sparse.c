// SPDX-License-Identifier: Apache-2.0
/* Sparse tensors to dense ones. A sparse tensor is three: indices (n, rank) int64, values (n), and
 * its shape (rank) int64.
 *
 * SparseToDense: indices (n, rank), (n) or one; shape; values (n) or one; the default. Attribute
 * validate: indices must be in order, none twice.
 * SparseMatMul: indices, values, shape, dense (k, n). Attributes adjoint_a, adjoint_b.
 * SparseReduce: indices, values, shape, axes. Attributes reduction: sum or max, keep_dims; where
 * there are no values it is 0. */
#include <complex.h>
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/index.h"

#define DTYPES_COMPLEX (DTYPE_BIT(DTYPE_C64) | DTYPE_BIT(DTYPE_C128))

/* Index `i` of a list as an offset into the shape; INVALID_INPUT when it is out of it. */
static enum status offset_of(const struct op_call *call, const struct tensor *indices, size_t i,
                             const struct shape *shape, size_t *offset, struct error *err)
{
    *offset = 0;
    for (int d = 0; d < shape->rank; d++) {
        int64_t at = index_at(indices, i * (size_t)shape->rank + (size_t)d);

        if (at < 0 || at >= shape->dims[d])
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "index %zu is %lld in dimension %d of %lld", i, (long long)at, d,
                            (long long)shape->dims[d]);
        *offset = *offset * (size_t)shape->dims[d] + (size_t)at;
    }
    return STATUS_OK;
}

/* --- SparseToDense --- */

static enum status infer_dense(struct op_call *call, struct error *err)
{
    struct shape out;

    TRY(op_wants(call, 0, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 0, 0, 2, err));
    TRY(op_wants(call, 2, DTYPES_ANY, err));
    TRY(op_wants_same(call, 2, 3, err));
    TRY(op_wants_rank(call, 2, 0, 1, err));
    TRY(op_wants_rank(call, 3, 0, 0, err));
    TRY(op_input_shape(call, 1, 0, &out, err));
    op_give(call, 0, call->in[2].dtype, &out);
    return STATUS_OK;
}

static enum status run_dense(const struct op_call *call, struct error *err)
{
    const struct tensor *indices = &call->in[0], *values = &call->in[2];
    struct tensor *y = &call->out[0];
    bool validate = attribute_int(call->attributes, "validate", 1);
    size_t size = dtype_size(y->dtype), count = tensor_count(y), n = 1, offset, before = 0;
    int64_t rank = 1;

    if (indices->shape.rank > 0)
        n = (size_t)indices->shape.dims[0];
    if (indices->shape.rank == 2)
        rank = indices->shape.dims[1];
    if (rank != y->shape.rank)
        return op_error(call, err, STATUS_INVALID_INPUT, "indices of %lld, %d dimensions",
                        (long long)rank, y->shape.rank);
    if (values->shape.rank == 1 && tensor_count(values) != n)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu values for %zu indices",
                        tensor_count(values), n);
    for (size_t i = 0; i < count; i++)
        memcpy((char *)y->data + i * size, call->in[3].data, size);
    for (size_t i = 0; i < n; i++) {
        TRY(offset_of(call, indices, i, &y->shape, &offset, err));
        if (validate && i && offset <= before)
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "index %zu is out of order or repeated", i);
        before = offset;
        memcpy((char *)y->data + offset * size,
               (const char *)values->data + (values->shape.rank ? i : 0) * size, size);
    }
    return STATUS_OK;
}

/* --- SparseMatMul --- */

static enum status infer_product(struct op_call *call, struct error *err)
{
    bool turn_a = attribute_int(call->attributes, "adjoint_a", 0);
    bool turn_b = attribute_int(call->attributes, "adjoint_b", 0);
    const struct shape *b = &call->in[3].shape;
    struct shape a, out = {.rank = 2, .dims = {DIM_UNKNOWN, DIM_UNKNOWN}};

    TRY(op_wants(call, 0, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 0, 2, 2, err));
    TRY(op_wants(call, 1, DTYPES_NUMBER | DTYPES_COMPLEX, err));
    TRY(op_wants_same(call, 1, 3, err));
    TRY(op_wants_rank(call, 1, 1, 1, err));
    TRY(op_wants_rank(call, 3, 2, 2, err));
    TRY(op_input_shape(call, 2, 0, &a, err));
    if (a.rank >= 0 && a.rank != 2)
        return op_error(call, err, STATUS_INVALID_INPUT, "a of %d dimensions", a.rank);
    if (a.rank == 2)
        out.dims[0] = a.dims[turn_a];
    if (b->rank == 2) {
        out.dims[1] = b->dims[!turn_b];
        if (a.rank == 2 && dim_is_known(a.dims[!turn_a]) && dim_is_known(b->dims[turn_b]) &&
            a.dims[!turn_a] != b->dims[turn_b])
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld columns and %lld rows",
                            (long long)a.dims[!turn_a], (long long)b->dims[turn_b]);
    }
    op_give(call, 0, call->in[1].dtype, &out);
    return STATUS_OK;
}

static size_t product_scratch(const struct op_call *call)
{
    return tensor_count(&call->out[0]) * sizeof(double complex);
}

static double complex number_at(const struct tensor *x, size_t i, bool conjugated)
{
    double complex v = x->dtype == DTYPE_C64    ? ((const float complex *)x->data)[i]
                       : x->dtype == DTYPE_C128 ? ((const double complex *)x->data)[i]
                                                : tensor_f64(x, i);

    return conjugated ? conj(v) : v;
}

/* sum[row] += value * the row of b: in double, or wrapping of integers */
static void add_row(const struct op_call *call, void *sums, size_t row, size_t value, size_t inner)
{
    bool turn_a = attribute_int(call->attributes, "adjoint_a", 0);
    bool turn_b = attribute_int(call->attributes, "adjoint_b", 0);
    const struct tensor *a = &call->in[1], *b = &call->in[3];
    size_t width = (size_t)call->out[0].shape.dims[1], step = (size_t)b->shape.dims[1];

    for (size_t j = 0; j < width; j++) {
        size_t at = turn_b ? j * step + inner : inner * step + j;

        if (dtype_is_integer(a->dtype))
            ((uint64_t *)sums)[row * width + j] +=
                (uint64_t)tensor_i64(a, value) * (uint64_t)tensor_i64(b, at);
        else if (dtype_is_float(a->dtype))
            ((double *)sums)[row * width + j] += tensor_f64(a, value) * tensor_f64(b, at);
        else
            ((double complex *)sums)[row * width + j] +=
                number_at(a, value, turn_a) * number_at(b, at, turn_b);
    }
}

static void put_sum(struct tensor *y, size_t i, const void *sums)
{
    if (dtype_is_integer(y->dtype)) /* little endian: the low bytes come first */
        memcpy((char *)y->data + i * dtype_size(y->dtype), (const uint64_t *)sums + i,
               dtype_size(y->dtype));
    else if (dtype_is_float(y->dtype))
        tensor_set_f64(y, i, ((const double *)sums)[i]);
    else if (y->dtype == DTYPE_C64)
        ((float complex *)y->data)[i] = (float complex)((const double complex *)sums)[i];
    else
        ((double complex *)y->data)[i] = ((const double complex *)sums)[i];
}

static enum status run_product(const struct op_call *call, struct error *err)
{
    bool turn_a = attribute_int(call->attributes, "adjoint_a", 0);
    const struct tensor *indices = &call->in[0];
    size_t n = (size_t)indices->shape.dims[0], offset;
    struct shape a;

    TRY(op_input_shape(call, 2, 0, &a, err));
    if (indices->shape.dims[1] != 2 || tensor_count(&call->in[1]) != n)
        return op_error(call, err, STATUS_INVALID_INPUT, "indices do not fit the values");
    memset(call->scratch, 0, product_scratch(call));
    for (size_t i = 0; i < n; i++) {
        size_t at[2];

        TRY(offset_of(call, indices, i, &a, &offset, err));
        at[0] = (size_t)index_at(indices, 2 * i);
        at[1] = (size_t)index_at(indices, 2 * i + 1);
        add_row(call, call->scratch, at[turn_a], i, at[!turn_a]);
    }
    for (size_t i = 0; i < tensor_count(&call->out[0]); i++)
        put_sum(&call->out[0], i, call->scratch);
    return STATUS_OK;
}

/* --- SparseReduce --- */

/* Which dimensions go; *known is false when the axes or the rank are not known. */
static enum status reduced(const struct op_call *call, const struct shape *shape,
                           bool gone[RANK_MAX], bool *known, struct error *err)
{
    const struct tensor *axes = &call->in[3];
    int axis;

    TRY(op_wants(call, 3, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 3, 0, 1, err));
    memset(gone, 0, RANK_MAX * sizeof *gone);
    *known = op_is_known(call, 3) && shape->rank >= 0;
    if (*known && !tensor_count(axes))
        return op_error(call, err, STATUS_UNSUPPORTED, "no axes");
    for (size_t i = 0; *known && i < tensor_count(axes); i++) {
        TRY(op_axis(call, index_at(axes, i), shape->rank, &axis, err));
        gone[axis] = true;
    }
    return STATUS_OK;
}

static enum status infer_reduce(struct op_call *call, struct error *err)
{
    bool keep = attribute_int(call->attributes, "keep_dims", 0), gone[RANK_MAX], known;
    struct shape shape, out = {.rank = 0};

    TRY(op_wants(call, 0, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 0, 2, 2, err));
    TRY(op_wants(call, 1, DTYPES_NUMBER, err));
    TRY(op_wants_rank(call, 1, 1, 1, err));
    TRY(op_input_shape(call, 2, 0, &shape, err));
    TRY(reduced(call, &shape, gone, &known, err));
    if (!known)
        out.rank = RANK_UNKNOWN;
    for (int i = 0; known && i < shape.rank; i++)
        if (keep || !gone[i])
            out.dims[out.rank++] = gone[i] ? 1 : shape.dims[i];
    op_give(call, 0, call->in[1].dtype, &out);
    return STATUS_OK;
}

static size_t reduce_scratch(const struct op_call *call)
{
    return tensor_count(&call->out[0]) * (sizeof(double) + 1);
}

static void reduce_one(const struct tensor *x, size_t i, void *sums, size_t at, bool first,
                       bool largest)
{
    if (dtype_is_float(x->dtype)) {
        double *sum = (double *)sums + at, v = tensor_f64(x, i);

        *sum = first ? v : !largest ? *sum + v : v > *sum ? v : *sum;
    } else {
        int64_t *sum = (int64_t *)sums + at, v = tensor_i64(x, i);
        bool above = x->dtype == DTYPE_U64 ? (uint64_t)v > (uint64_t)*sum : v > *sum;

        *sum = first ? v : !largest ? (int64_t)((uint64_t)*sum + (uint64_t)v) : above ? v : *sum;
    }
}

static enum status run_reduce(const struct op_call *call, struct error *err)
{
    bool largest = attribute_is(call->attributes, "reduction", "max"), gone[RANK_MAX], known;
    size_t cells = tensor_count(&call->out[0]), n = (size_t)call->in[0].shape.dims[0], offset;
    char *seen = (char *)call->scratch + cells * sizeof(double);
    struct shape shape;

    TRY(op_input_shape(call, 2, 0, &shape, err));
    TRY(reduced(call, &shape, gone, &known, err));
    if (call->in[0].shape.dims[1] != shape.rank || tensor_count(&call->in[1]) != n)
        return op_error(call, err, STATUS_INVALID_INPUT, "indices do not fit the values");
    memset(call->scratch, 0, cells * (sizeof(double) + 1));
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;

        TRY(offset_of(call, &call->in[0], i, &shape, &offset, err));
        for (int d = 0; d < shape.rank; d++)
            if (!gone[d])
                at = at * (size_t)shape.dims[d] +
                     (size_t)index_at(&call->in[0], i * (size_t)shape.rank + (size_t)d);
        reduce_one(&call->in[1], i, call->scratch, at, !seen[at], largest);
        seen[at] = 1;
    }
    for (size_t i = 0; i < cells; i++)
        put_sum(&call->out[0], i, call->scratch);
    return STATUS_OK;
}

const struct op_set ops_firn_sparse =
    OP_SET({.name = "SparseToDense",
            .summary = "a sparse tensor as a dense one",
            .in_min = 4,
            .in_max = 4,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_dense,
            .run = run_dense},
           {.name = "SparseMatMul",
            .summary = "a sparse matrix times a dense one",
            .in_min = 4,
            .in_max = 4,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_product,
            .scratch_size = product_scratch,
            .run = run_product},
           {.name = "SparseReduce",
            .summary = "sum or maximum of the values of a sparse tensor along axes",
            .in_min = 4,
            .in_max = 4,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_reduce,
            .scratch_size = reduce_scratch,
            .run = run_reduce});
