// SPDX-License-Identifier: Apache-2.0
/* Elements put elsewhere, as TensorFlow puts them.
 *
 * Roll: x, shifts and axes (scalars or lists): elements that leave at one end come back at the
 * other; the shifts of an axis that is named twice add up.
 * Stitch: n lists of indices, then n tensors of rows: row indices[k][i] of the output is
 * data[k][i], the last one where several say so, and zero where none does.
 * ListDiff: the elements of x that are not in y, and their indices (attribute wide: int64).
 * ReversePart: x and lengths (batch): the first elements of axis `time_axis`, in reverse. */
#include <math.h>
#include <stdlib.h>

#include "ops/kernels/call.h"
#include "ops/kernels/index.h"
#include "ops/kernels/order.h"
#include "ops/kernels/strided.h"

/* --- Roll --- */

static enum status infer_roll(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_wants_rank(call, 0, 1, RANK_MAX, err));
    for (size_t i = 1; i < 3; i++) {
        TRY(op_wants(call, i, DTYPES_INDEX, err));
        TRY(op_wants_rank(call, i, 0, 1, err));
    }
    op_give(call, 0, call->in[0].dtype, &call->in[0].shape);
    return STATUS_OK;
}

static enum status shifts_read(const struct op_call *call, int64_t shifts[RANK_MAX],
                               struct error *err)
{
    const struct shape *shape = &call->in[0].shape;
    size_t count = tensor_count(&call->in[1]);
    int axis;

    if (tensor_count(&call->in[2]) != count)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu shifts for %zu axes", count,
                        tensor_count(&call->in[2]));
    for (int i = 0; i < shape->rank; i++)
        shifts[i] = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t dim;

        TRY(op_axis(call, index_at(&call->in[2], i), shape->rank, &axis, err));
        dim = shape->dims[axis] > 0 ? shape->dims[axis] : 1;
        shifts[axis] = ((shifts[axis] + index_at(&call->in[1], i) % dim) % dim + dim) % dim;
    }
    return STATUS_OK;
}

static enum status run_roll(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    size_t count = tensor_count(x), size = dtype_size(x->dtype);
    int64_t shifts[RANK_MAX], at[RANK_MAX] = {0};
    int rank = x->shape.rank;

    TRY(shifts_read(call, shifts, err));
    for (size_t i = 0; i < count; i++) {
        size_t to = 0;

        for (int d = 0; d < rank; d++) {
            int64_t place = at[d] + shifts[d];

            to = to * (size_t)x->shape.dims[d] +
                 (size_t)(place >= x->shape.dims[d] ? place - x->shape.dims[d] : place);
        }
        memcpy((char *)call->out[0].data + to * size, (const char *)x->data + i * size, size);
        (void)index_next(at, x->shape.dims, rank);
    }
    return STATUS_OK;
}

/* --- Stitch --- */

static enum status stitch_rows(const struct op_call *call, int64_t *rows, struct error *err)
{
    size_t n = call->in_count / 2;
    int64_t last = -1;

    *rows = DIM_UNKNOWN;
    for (size_t k = 0; k < n; k++) {
        if (!op_is_known(call, k))
            return STATUS_OK;
        for (size_t i = 0; i < tensor_count(&call->in[k]); i++) {
            int64_t index = index_at(&call->in[k], i);

            if (index < 0 || index >= INT32_MAX)
                return op_error(call, err, STATUS_INVALID_INPUT, "index %zu of list %zu is %lld", i,
                                k, (long long)index);
            last = index > last ? index : last;
        }
    }
    *rows = last + 1;
    return STATUS_OK;
}

static enum status infer_stitch(struct op_call *call, struct error *err)
{
    size_t n = call->in_count / 2;
    struct shape out = {.rank = RANK_UNKNOWN};
    int64_t rows;

    if (call->in_count % 2)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu inputs", call->in_count);
    TRY(op_wants(call, n, DTYPES_ANY, err));
    for (size_t k = 0; k < n; k++) {
        const struct shape *index = &call->in[k].shape, *data = &call->in[n + k].shape;

        TRY(op_wants(call, k, DTYPES_INDEX, err));
        TRY(op_wants_same(call, n, n + k, err));
        if (index->rank < 0 || data->rank < 0)
            continue;
        if (index->rank > data->rank || data->rank - index->rank + 1 > RANK_MAX ||
            (out.rank >= 0 && out.rank != data->rank - index->rank + 1))
            return op_error(call, err, STATUS_INVALID_INPUT, "indices %zu do not fit their data",
                            k);
        for (int i = 0; i < index->rank; i++)
            if (dim_is_known(index->dims[i]) && dim_is_known(data->dims[i]) &&
                index->dims[i] != data->dims[i])
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "indices %zu do not fit their data", k);
        if (out.rank < 0) {
            out.rank = data->rank - index->rank + 1;
            for (int i = 1; i < out.rank; i++)
                out.dims[i] = DIM_UNKNOWN;
        }
        for (int i = 1; i < out.rank; i++) {
            int64_t dim = data->dims[index->rank + i - 1];

            if (dim_is_known(out.dims[i]) && dim_is_known(dim) && out.dims[i] != dim)
                return op_error(call, err, STATUS_INVALID_INPUT, "rows of different shapes");
            if (!dim_is_known(out.dims[i]))
                out.dims[i] = dim;
        }
    }
    TRY(stitch_rows(call, &rows, err));
    if (out.rank >= 0)
        out.dims[0] = rows;
    op_give(call, 0, call->in[n].dtype, &out);
    return STATUS_OK;
}

static enum status run_stitch(const struct op_call *call, struct error *err)
{
    struct tensor *y = &call->out[0];
    size_t n = call->in_count / 2;
    size_t row = shape_span(&y->shape, 1, y->shape.rank) * dtype_size(y->dtype);

    (void)err;
    if (y->dtype == DTYPE_STRING) /* empty, not missing */
        for (size_t i = 0; i < tensor_count(y); i++)
            ((struct bytes *)y->data)[i] = (struct bytes){(const uint8_t *)"", 0};
    else if (tensor_count(y))
        memset(y->data, 0, tensor_bytes(y));
    for (size_t k = 0; k < n && row; k++)
        for (size_t i = 0; i < tensor_count(&call->in[k]); i++)
            memcpy((char *)y->data + (size_t)index_at(&call->in[k], i) * row,
                   (const char *)call->in[n + k].data + i * row, row);
    return STATUS_OK;
}

/* --- ListDiff: y's places are sorted by value, x is looked up --- */

static int compare_text(struct bytes a, struct bytes b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;

    return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* Any order that puts equal ones together. NaNs are last, and like nothing. */
static int compare(const struct tensor *x, size_t i, const struct tensor *y, size_t j)
{
    if (x->dtype == DTYPE_STRING)
        return compare_text(((const struct bytes *)x->data)[i], ((const struct bytes *)y->data)[j]);
    if (dtype_is_float(x->dtype)) {
        double a = tensor_f64(x, i), b = tensor_f64(y, j);

        if (isnan(a) || isnan(b))
            return isnan(b) && !isnan(a) ? -1 : 1;
        return (a > b) - (a < b);
    }
    return (tensor_i64(x, i) > tensor_i64(y, j)) - (tensor_i64(x, i) < tensor_i64(y, j));
}

static int compare_places(const void *y, size_t i, size_t j)
{
    return compare(y, i, y, j);
}

static const size_t *sorted_places(const struct tensor *y, size_t *room)
{
    return order_places(room, tensor_count(y), compare_places, y);
}

static bool is_among(const struct tensor *x, size_t i, const struct tensor *y, const size_t *order)
{
    size_t low = 0, high = tensor_count(y);

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order_of = compare(x, i, y, order[middle]);

        if (order_of == 0)
            return true;
        if (order_of < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

static enum status count_difference(const struct op_call *call, int64_t *count, struct error *err)
{
    const struct tensor *x = &call->in[0], *y = &call->in[1];
    size_t *room = malloc((2 * tensor_count(y) + 1) * sizeof *room);
    const size_t *order;

    if (!room)
        return op_error(call, err, STATUS_NO_MEMORY, "to sort %zu elements", tensor_count(y));
    order = sorted_places(y, room);
    *count = 0;
    for (size_t i = 0; i < tensor_count(x); i++)
        *count += !is_among(x, i, y, order);
    free(room);
    return STATUS_OK;
}

static enum status infer_difference(struct op_call *call, struct error *err)
{
    struct shape out = {.rank = 1, .dims = {DIM_UNKNOWN}};

    TRY(op_wants(call, 0, DTYPES_NUMBER | DTYPE_BIT(DTYPE_STRING) | DTYPE_BIT(DTYPE_BOOL), err));
    TRY(op_wants_same(call, 0, 1, err));
    TRY(op_wants_rank(call, 0, 1, 1, err));
    TRY(op_wants_rank(call, 1, 1, 1, err));
    if (op_is_known(call, 0) && op_is_known(call, 1))
        TRY(count_difference(call, &out.dims[0], err));
    op_give(call, 0, call->in[0].dtype, &out);
    op_give(call, 1, attribute_int(call->attributes, "wide", 0) ? DTYPE_I64 : DTYPE_I32, &out);
    return STATUS_OK;
}

static size_t difference_scratch(const struct op_call *call)
{
    return 2 * tensor_count(&call->in[1]) * sizeof(size_t);
}

static enum status run_difference(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *y = &call->in[1];
    const size_t *order = sorted_places(y, call->scratch);
    size_t size = dtype_size(x->dtype), to = 0;

    (void)err;
    for (size_t i = 0; i < tensor_count(x); i++) {
        if (is_among(x, i, y, order))
            continue;
        memcpy((char *)call->out[0].data + to * size, (const char *)x->data + i * size, size);
        if (call->out_count > 1)
            tensor_set_f64(&call->out[1], to, (double)i);
        to++;
    }
    return STATUS_OK;
}

/* --- ReversePart --- */

static enum status infer_reverse(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape, *lengths = &call->in[1].shape;
    int batch, time;

    TRY(op_wants(call, 0, DTYPES_ANY, err));
    TRY(op_wants(call, 1, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 1, 1, 1, err));
    if (x->rank >= 0) {
        TRY(op_axis(call, attribute_int(call->attributes, "batch_axis", 0), x->rank, &batch, err));
        TRY(op_axis(call, attribute_int(call->attributes, "time_axis", 0), x->rank, &time, err));
        if (batch == time)
            return op_error(call, err, STATUS_INVALID_INPUT, "both axes are %d", time);
        if (lengths->rank == 1 && dim_is_known(lengths->dims[0]) && dim_is_known(x->dims[batch]) &&
            lengths->dims[0] != x->dims[batch])
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld lengths for %lld items",
                            (long long)lengths->dims[0], (long long)x->dims[batch]);
    }
    op_give(call, 0, call->in[0].dtype, x);
    return STATUS_OK;
}

static enum status run_reverse(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    size_t count = tensor_count(x), size = dtype_size(x->dtype), step;
    int64_t at[RANK_MAX] = {0};
    int batch, time, rank = x->shape.rank;

    TRY(op_axis(call, attribute_int(call->attributes, "batch_axis", 0), rank, &batch, err));
    TRY(op_axis(call, attribute_int(call->attributes, "time_axis", 0), rank, &time, err));
    step = shape_span(&x->shape, time + 1, rank);
    for (size_t b = 0; b < tensor_count(&call->in[1]); b++) {
        int64_t length = index_at(&call->in[1], b);

        if (length < 0 || length > x->shape.dims[time])
            return op_error(call, err, STATUS_INVALID_INPUT, "length %zu is %lld, of %lld", b,
                            (long long)length, (long long)x->shape.dims[time]);
    }
    for (size_t i = 0; i < count; i++) {
        int64_t length = index_at(&call->in[1], (size_t)at[batch]), t = at[time];
        size_t from = i;

        if (t < length)
            from = i - (size_t)t * step + (size_t)(length - 1 - t) * step;
        memcpy((char *)call->out[0].data + i * size, (const char *)x->data + from * size, size);
        (void)index_next(at, x->shape.dims, rank);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_arrange =
    OP_SET({.name = "Roll",
            .summary = "elements shifted round along axes",
            .in_min = 3,
            .in_max = 3,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_roll,
            .run = run_roll},
           {.name = "Stitch",
            .summary = "rows of several tensors, where indices say",
            .in_min = 2,
            .in_max = OP_INPUTS_ANY,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_stitch,
            .run = run_stitch},
           {.name = "ListDiff",
            .summary = "the elements of one list that another does not have",
            .in_min = 2,
            .in_max = 2,
            .out_min = 1,
            .out_max = 2,
            .infer = infer_difference,
            .scratch_size = difference_scratch,
            .run = run_difference},
           {.name = "ReversePart",
            .summary = "the first elements of an axis in reverse, as many as lengths say",
            .in_min = 2,
            .in_max = 2,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_reverse,
            .run = run_reverse});
