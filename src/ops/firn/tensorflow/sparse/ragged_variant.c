// SPDX-License-Identifier: Apache-2.0
/* Ragged tensors as elements of other tensors: TensorFlow's variants, here strings of our own
 * making that never leave the model.
 *
 * RaggedPack: splits ..., values -> STRING (); with attribute batched one for each row of the
 * outermost dimension, (rows,), which has one level of splits less, or one dimension where there
 * are none.
 * RaggedUnpack: STRING (n, ...) -> splits ..., values: the ragged tensors of all elements, whose
 * own dimensions become ragged ones before theirs. Attributes: to (the values' dtype, of
 * TensorFlow), levels (of splits in each element), wide (splits are int64), dims (of the values; -1
 * unknown; absent: nothing is known of them).
 *
 * An element, all numbers 64 bits: levels, dtype, rank and dimensions of the values; of each level
 * how many splits, and they; the values: as they lie in memory, strings as size and bytes.
 * Source: tensorflow/core/kernels/ragged_tensor_{to,from}_variant_op.cc. */
#include "base/checked.h"
#include "base/cursor.h"
#include "ops/kernels/call.h"
#include "ops/kernels/index.h"

enum { LEVELS_MAX = 8, MISSING = -1 };

static enum status check_splits(const struct op_call *call, const struct tensor *splits,
                                int64_t count, struct error *err)
{
    size_t n = tensor_count(splits);

    if (n < 1 || index_at(splits, 0) != 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "splits do not begin with 0");
    for (size_t i = 1; i < n; i++)
        if (index_at(splits, i) < index_at(splits, i - 1))
            return op_error(call, err, STATUS_INVALID_INPUT, "split %zu falls", i);
    if (index_at(splits, n - 1) != count)
        return op_error(call, err, STATUS_INVALID_INPUT, "splits end at %lld, not %lld",
                        (long long)index_at(splits, n - 1), (long long)count);
    return STATUS_OK;
}

/* --- RaggedPack --- */

static enum status infer_pack(struct op_call *call, struct error *err)
{
    size_t levels = call->in_count - 1;
    const struct shape *top = &call->in[0].shape;
    bool batched = attribute_int(call->attributes, "batched", 0);
    struct shape out = shape_scalar();

    for (size_t i = 0; i < levels; i++) {
        TRY(op_wants(call, i, DTYPES_INDEX, err));
        TRY(op_wants_same(call, 0, i, err));
        TRY(op_wants_rank(call, i, 1, 1, err));
    }
    TRY(op_wants(call, levels, DTYPES_ANY, err));
    TRY(op_wants_rank(call, levels, levels || batched ? 1 : 0, RANK_MAX, err));
    if (batched) {
        out = SHAPE(DIM_UNKNOWN);
        if (top->rank > 0 && dim_is_known(top->dims[0]))
            out.dims[0] = levels ? top->dims[0] - 1 : top->dims[0];
        if (levels && out.dims[0] == -1 && dim_is_known(top->dims[0]))
            return op_error(call, err, STATUS_INVALID_INPUT, "no splits");
    }
    op_give(call, 0, DTYPE_STRING, &out);
    return STATUS_OK;
}

struct packing {
    const struct tensor *splits, *values;
    size_t levels;   /* in an element */
    int rank, first; /* dimensions of its values: from that one on */
    int64_t from[LEVELS_MAX + 1], to[LEVELS_MAX + 1]; /* of each level, and of the values */
};

static size_t values_size(const struct packing *p)
{
    const struct tensor *values = p->values;
    size_t inner = shape_span(&values->shape, 1, values->shape.rank), size = 0;
    const struct bytes *text = values->data;

    if (values->dtype != DTYPE_STRING)
        return (size_t)(p->to[p->levels] - p->from[p->levels]) * inner * dtype_size(values->dtype);
    for (size_t i = (size_t)p->from[p->levels] * inner; i < (size_t)p->to[p->levels] * inner; i++)
        size += sizeof(int64_t) + text[i].size;
    return size;
}

static uint8_t *put(uint8_t *at, int64_t number)
{
    memcpy(at, &number, sizeof number);
    return at + sizeof number;
}

static uint8_t *values_put(const struct packing *p, uint8_t *at)
{
    const struct tensor *values = p->values;
    size_t inner = shape_span(&values->shape, 1, values->shape.rank), size;
    const struct bytes *text = values->data;

    if (values->dtype != DTYPE_STRING) {
        size = values_size(p);
        if (size)
            memcpy(at,
                   (const uint8_t *)values->data +
                       (size_t)p->from[p->levels] * inner * dtype_size(values->dtype),
                   size);
        return at + size;
    }
    for (size_t i = (size_t)p->from[p->levels] * inner; i < (size_t)p->to[p->levels] * inner; i++) {
        at = put(at, text[i].data ? (int64_t)text[i].size : MISSING);
        if (text[i].size)
            memcpy(at, text[i].data, text[i].size);
        at += text[i].size;
    }
    return at;
}

static enum status element_pack(const struct op_call *call, const struct packing *p,
                                struct bytes *element, struct error *err)
{
    size_t numbers = 3 + (size_t)(p->rank - p->first) + p->levels, size;
    uint8_t *data, *at;

    for (size_t i = 0; i < p->levels; i++)
        numbers += (size_t)(p->to[i] - p->from[i]) + 1;
    size = numbers * sizeof(int64_t) + values_size(p);
    data = at = arena_new(call->memory, uint8_t, size);
    if (!data)
        return error_no_memory(err, "ragged tensors");
    at = put(at, (int64_t)p->levels);
    at = put(at, (int64_t)p->values->dtype);
    at = put(at, p->rank - p->first);
    for (int d = p->first; d < p->rank; d++)
        at = put(at, d == 0 ? p->to[p->levels] - p->from[p->levels] : p->values->shape.dims[d]);
    for (size_t i = 0; i < p->levels; i++) {
        const struct tensor *splits = &p->splits[i];
        int64_t start = index_at(splits, (size_t)p->from[i]);

        at = put(at, p->to[i] - p->from[i] + 1);
        for (int64_t k = p->from[i]; k <= p->to[i]; k++)
            at = put(at, index_at(splits, (size_t)k) - start);
    }
    at = values_put(p, at);
    *element = (struct bytes){data, (size_t)(at - data)};
    return STATUS_OK;
}

/* Row `row` of the whole, or all of it. */
static void rows_of(struct packing *p, const struct tensor *top, int64_t row)
{
    p->from[0] = top ? index_at(top, (size_t)row) : row;
    p->to[0] = top ? index_at(top, (size_t)row + 1) : row + 1;
    for (size_t i = 0; i < p->levels; i++) {
        p->from[i + 1] = index_at(&p->splits[i], (size_t)p->from[i]);
        p->to[i + 1] = index_at(&p->splits[i], (size_t)p->to[i]);
    }
}

static enum status run_pack(const struct op_call *call, struct error *err)
{
    size_t levels = call->in_count - 1;
    const struct tensor *values = &call->in[levels];
    bool batched = attribute_int(call->attributes, "batched", 0);
    struct packing p = {
        .splits = call->in, .values = values, .levels = levels, .rank = values->shape.rank};
    struct bytes *y = call->out[0].data;

    if (levels > LEVELS_MAX)
        return op_error(call, err, STATUS_UNSUPPORTED, "%zu ragged dimensions", levels);
    for (size_t i = 0; i < levels; i++)
        TRY(check_splits(call, &call->in[i],
                         i + 1 < levels ? (int64_t)tensor_count(&call->in[i + 1]) - 1
                                        : values->shape.dims[0],
                         err));
    if (!batched) { /* all rows of the first level, or all values, of which a scalar is one */
        p.to[0] =
            levels ? (int64_t)tensor_count(&call->in[0]) - 1 : (p.rank ? values->shape.dims[0] : 1);
        for (size_t i = 0; i < levels; i++)
            p.to[i + 1] = index_at(&p.splits[i], (size_t)p.to[i]);
        return element_pack(call, &p, y, err);
    }
    if (levels) {
        p.splits++;
        p.levels--;
    } else {
        p.first = 1;
    }
    for (size_t row = 0; row < tensor_count(&call->out[0]); row++) {
        rows_of(&p, levels ? call->in : NULL, (int64_t)row);
        TRY(element_pack(call, &p, &y[row], err));
    }
    return STATUS_OK;
}

/* --- RaggedUnpack --- */

struct element {
    struct shape shape; /* of the values */
    size_t counts[LEVELS_MAX];
    const uint8_t *splits[LEVELS_MAX]; /* of 64 bits, anywhere */
    struct bytes values;
};

static int64_t take(struct cursor *cursor)
{
    return (int64_t)cursor_u64le(cursor);
}

static enum status element_read(const struct op_call *call, size_t i, struct element *element,
                                struct error *err)
{
    struct cursor cursor = cursor_over(((const struct bytes *)call->in[0].data)[i]);
    int64_t levels = attribute_int(call->attributes, "levels", 0);
    enum dtype dtype = dtype_from_tf(attribute_int(call->attributes, "to", 0));
    int64_t has, of, rank;
    size_t bytes;

    has = take(&cursor);
    of = take(&cursor);
    rank = take(&cursor);
    if (cursor.failed)
        return op_error(call, err, STATUS_INVALID_INPUT, "element %zu holds no ragged tensor", i);
    if (has != levels || of != (int64_t)dtype)
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "element %zu does not hold %lld ragged dimensions of %s", i,
                        (long long)levels, dtype_name(dtype));
    if (rank < 0 || rank > RANK_MAX || levels > LEVELS_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "element %zu is broken", i);
    element->shape.rank = (int)rank;
    for (int d = 0; d < rank; d++)
        element->shape.dims[d] = take(&cursor);
    for (size_t level = 0; level < (size_t)levels; level++) {
        uint64_t count = (uint64_t)take(&cursor);

        if (count < 1 || count > cursor_left(&cursor) / sizeof(int64_t))
            return op_error(call, err, STATUS_INVALID_INPUT, "element %zu is broken", i);
        element->counts[level] = (size_t)count;
        element->splits[level] = cursor_take(&cursor, count * sizeof(int64_t)).data;
    }
    element->values = cursor_take(&cursor, cursor_left(&cursor));
    TRY(cursor_check(&cursor, err));
    /* of a string at least its size */
    if (shape_check(&element->shape, dtype, 2 * element->values.size, &bytes, err) ||
        (dtype != DTYPE_STRING && bytes != element->values.size))
        return op_error(call, err, STATUS_INVALID_INPUT, "element %zu is broken", i);
    return STATUS_OK;
}

static int64_t split_of(const struct element *element, size_t level, size_t k)
{
    int64_t value;

    memcpy(&value, element->splits[level] + k * sizeof value, sizeof value);
    return value;
}

/* The rows of an element that its own dimension is made of. */
static int64_t rows_in(const struct element *element, size_t levels)
{
    return levels ? (int64_t)element->counts[0] - 1 : element->shape.dims[0];
}

/* How many splits each level has, and the values. */
static enum status unpacked_measure(const struct op_call *call, int64_t *counts,
                                    struct shape *values, struct error *err)
{
    const struct shape *dims = &call->in[0].shape;
    size_t levels = (size_t)attribute_int(call->attributes, "levels", 0);
    size_t elements = tensor_count(&call->in[0]), outer = (size_t)dims->rank;
    struct element element;

    *values = SHAPE(0);
    for (size_t i = 0; i < outer; i++)
        counts[i] = i + 1 < outer ? dims->dims[i] : (int64_t)elements;
    for (size_t level = 0; level < levels; level++)
        counts[outer + level] = 0;
    for (size_t i = 0; i < elements; i++) {
        TRY(element_read(call, i, &element, err));
        if (outer && element.shape.rank < 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "element %zu is a scalar", i);
        for (size_t level = 0; level < levels; level++)
            counts[outer + level] += (int64_t)element.counts[level] - 1;
        if (i == 0) {
            *values = element.shape;
            continue;
        }
        if (element.shape.rank != values->rank)
            return op_error(call, err, STATUS_INVALID_INPUT, "values of %d and %d dimensions",
                            values->rank, element.shape.rank);
        for (int d = 1; d < values->rank; d++)
            if (element.shape.dims[d] != values->dims[d])
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "dimension %d of the values is %lld and %lld", d,
                                (long long)values->dims[d], (long long)element.shape.dims[d]);
        values->dims[0] += element.shape.dims[0];
    }
    return STATUS_OK;
}

/* Is what the model was built for what the elements hold? */
static enum status dims_check(const struct op_call *call, const struct shape *values,
                              struct error *err)
{
    size_t count;
    const int64_t *dims = attribute_ints(call->attributes, "dims", &count);

    if (!dims || (!tensor_count(&call->in[0]) && count == 1))
        return STATUS_OK;
    if ((int)count != values->rank)
        return op_error(call, err, STATUS_UNSUPPORTED, "values of %d dimensions, not %zu",
                        values->rank, count);
    for (size_t d = 0; d < count; d++)
        if (dims[d] >= 0 && dims[d] != values->dims[d])
            return op_error(call, err, STATUS_UNSUPPORTED,
                            "dimension %zu of the values is %lld, not %lld", d,
                            (long long)values->dims[d], (long long)dims[d]);
    return STATUS_OK;
}

static enum status infer_unpack(struct op_call *call, struct error *err)
{
    enum dtype dtype = dtype_from_tf(attribute_int(call->attributes, "to", 0));
    int64_t levels = attribute_int(call->attributes, "levels", 0);
    const struct shape *in = &call->in[0].shape;
    int64_t counts[LEVELS_MAX + RANK_MAX];
    struct shape values = shape_unknown(), list;
    size_t count;
    const int64_t *dims = attribute_ints(call->attributes, "dims", &count);

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    if (in->rank < 0 || levels < 0 || levels > LEVELS_MAX || dtype == DTYPE_NONE)
        return op_error(call, err, STATUS_UNSUPPORTED, "%lld ragged dimensions of %s",
                        (long long)levels, dtype_name(dtype));
    if (call->out_count > (size_t)in->rank + (size_t)levels + 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu outputs", call->out_count);
    for (size_t i = 0; i < (size_t)in->rank + (size_t)levels; i++)
        counts[i] = DIM_UNKNOWN;
    if (dims && count <= RANK_MAX)
        values = shape_of((int)count, dims);
    if (op_is_known(call, 0)) {
        TRY(unpacked_measure(call, counts, &values, err));
        TRY(dims_check(call, &values, err));
    } else {
        for (int i = 0; i + 1 < in->rank; i++)
            counts[i] = in->dims[i];
        if (in->rank == 1)
            counts[0] = in->dims[0];
    }
    for (size_t i = 0; i < (size_t)in->rank + (size_t)levels; i++) {
        list = SHAPE(dim_is_known(counts[i]) ? counts[i] + 1 : DIM_UNKNOWN);
        op_give(call, i, attribute_int(call->attributes, "wide", 1) ? DTYPE_I64 : DTYPE_I32, &list);
    }
    op_give(call, (size_t)in->rank + (size_t)levels, dtype, &values);
    return STATUS_OK;
}

static void put_split(const struct op_call *call, size_t output, size_t i, int64_t value)
{
    const struct tensor *y = &call->out[output];

    if (output >= call->out_count)
        return;
    if (y->dtype == DTYPE_I64)
        ((int64_t *)y->data)[i] = value;
    else
        ((int32_t *)y->data)[i] = (int32_t)value;
}

/* The values of an element, from element `at` of the output on. */
static enum status values_take(const struct element *element, struct tensor *y, size_t at,
                               struct error *err)
{
    size_t count = shape_count(&element->shape);
    struct cursor cursor = cursor_over(element->values);

    if (y->dtype != DTYPE_STRING) {
        if (count)
            memcpy((uint8_t *)y->data + at * dtype_size(y->dtype), element->values.data,
                   element->values.size);
        return STATUS_OK;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t size = take(&cursor);
        struct bytes text = {NULL, 0};

        if (size != MISSING)
            text = cursor_take(&cursor, (uint64_t)size);
        ((struct bytes *)y->data)[at + i] = text;
    }
    return cursor_check(&cursor, err);
}

/* Of the dimensions before the last one: every row has as many. */
static void outer_splits(const struct op_call *call)
{
    const struct shape *dims = &call->in[0].shape;

    for (int d = 0; d + 1 < dims->rank; d++)
        for (int64_t i = 0; i <= dims->dims[d]; i++)
            put_split(call, (size_t)d, (size_t)i, i * dims->dims[d + 1]);
}

static enum status run_unpack(const struct op_call *call, struct error *err)
{
    size_t levels = (size_t)attribute_int(call->attributes, "levels", 0);
    size_t outer = (size_t)call->in[0].shape.rank, place = 0;
    size_t at[LEVELS_MAX] = {0};
    int64_t rows = 0, ends[LEVELS_MAX] = {0};
    struct element element;

    outer_splits(call);
    if (outer)
        put_split(call, outer - 1, 0, 0);
    for (size_t level = 0; level < levels; level++)
        put_split(call, outer + level, 0, 0);
    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        TRY(element_read(call, i, &element, err));
        if (outer) {
            rows += rows_in(&element, levels);
            put_split(call, outer - 1, i + 1, rows);
        }
        for (size_t level = 0; level < levels; level++) {
            for (size_t k = 1; k < element.counts[level]; k++)
                put_split(
                    call, outer + level, ++at[level],
                    (int64_t)((uint64_t)ends[level] + (uint64_t)split_of(&element, level, k)));
            if (__builtin_add_overflow(ends[level],
                                       split_of(&element, level, element.counts[level] - 1),
                                       &ends[level]))
                return op_error(call, err, STATUS_INVALID_INPUT, "element %zu is broken", i);
        }
        if (call->out_count > outer + levels)
            TRY(values_take(&element, &call->out[outer + levels], place, err));
        place += shape_count(&element.shape);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_ragged_variant =
    OP_SET({.name = "RaggedPack",
            .summary = "a ragged tensor, or each of its rows, as one element",
            .in_min = 1,
            .in_max = 1 + LEVELS_MAX,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_pack,
            .run = run_pack},
           {.name = "RaggedUnpack",
            .summary = "elements that are ragged tensors as one",
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = LEVELS_MAX + RANK_MAX + 1,
            .infer = infer_unpack,
            .run = run_unpack});
