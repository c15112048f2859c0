// SPDX-License-Identifier: Apache-2.0
/* Sets in the last dimension of a tensor: integers or strings, each counted once, in ascending
 * order.
 *
 * SetOperation: a, then b; each is one dense tensor, or with attributes a_sparse, b_sparse three:
 * indices, values, shape. All dimensions but the last are the same -> indices (n, rank), values
 * (n), shape (rank), whose last dimension is the size of the largest set. Attribute operation: a-b,
 * b-a, intersection, union.
 * SetSize: indices, values, shape -> how many elements each set has, int32.
 * Source: tensorflow/core/kernels/set_kernels.cc. */
#include <stdlib.h>

#include "base/checked.h"
#include "ops/kernels/call.h"
#include "ops/kernels/index.h"

enum { SCRATCH_BYTES_MAX = 1 << 30 };
static const uint64_t TAKEN =
    DTYPES_SIGNED | DTYPE_BIT(DTYPE_U8) | DTYPE_BIT(DTYPE_U16) | DTYPE_BIT(DTYPE_STRING);

/* Where the parts of a set stand among the inputs. */
struct operand {
    const struct tensor *indices, *values, *shape; /* of a dense one: values alone */
};

struct item {
    size_t group; /* which set, in row-major order */
    const struct tensor *values;
    size_t at;
};

struct items {
    struct item *items;
    size_t count;
};

static struct operand operand_at(const struct op_call *call, size_t first, bool sparse)
{
    const struct tensor *in = &call->in[first];

    return sparse ? (struct operand){in, in + 1, in + 2} : (struct operand){NULL, in, NULL};
}

static bool operand_is_known(const struct operand *o)
{
    return o->values->data && shape_is_known(&o->values->shape) &&
           (!o->indices || (o->indices->data && o->shape->data));
}

static enum status sparse_check(const struct op_call *call, size_t first, struct error *err)
{
    TRY(op_wants(call, first, DTYPE_BIT(DTYPE_I64), err));
    TRY(op_wants_rank(call, first, 2, 2, err));
    TRY(op_wants_rank(call, first + 1, 1, 1, err));
    TRY(op_wants(call, first + 2, DTYPE_BIT(DTYPE_I64), err));
    return op_wants_rank(call, first + 2, 1, 1, err);
}

/* The dimensions, of known data. */
static enum status operand_shape(const struct op_call *call, const struct operand *o,
                                 struct shape *shape, struct error *err)
{
    *shape = o->values->shape;
    if (o->indices) {
        size_t rank = tensor_count(o->shape);

        if (rank > RANK_MAX || (int64_t)rank != o->indices->shape.dims[1] ||
            o->indices->shape.dims[0] != o->values->shape.dims[0])
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "a sparse tensor that contradicts itself");
        *shape = shape_of((int)rank, o->shape->data);
    }
    if (shape->rank < 2)
        return op_error(call, err, STATUS_INVALID_INPUT, "sets of %d dimensions", shape->rank);
    return shape_check(shape, DTYPE_I8, SCRATCH_BYTES_MAX, NULL, err);
}

static int compare_values(const struct item *a, const struct item *b)
{
    if (a->values->dtype == DTYPE_STRING) {
        struct bytes x = ((const struct bytes *)a->values->data)[a->at];
        struct bytes y = ((const struct bytes *)b->values->data)[b->at];
        size_t size = x.size < y.size ? x.size : y.size;
        int order = size ? memcmp(x.data, y.data, size) : 0;

        return order ? order : x.size < y.size ? -1 : x.size > y.size;
    }
    int64_t x = tensor_i64(a->values, a->at), y = tensor_i64(b->values, b->at);

    return x < y ? -1 : x > y;
}

static int compare(const void *one, const void *two)
{
    const struct item *a = one, *b = two;

    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return compare_values(a, b);
}

static enum status group_of(const struct op_call *call, const struct operand *o,
                            const struct shape *shape, size_t i, size_t *group, struct error *err)
{
    *group = 0;
    for (int d = 0; d < shape->rank; d++) {
        int64_t at = index_at(o->indices, i * (size_t)shape->rank + (size_t)d);

        if (at < 0 || at >= shape->dims[d])
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "index %zu is %lld in dimension %d of %lld", i, (long long)at, d,
                            (long long)shape->dims[d]);
        if (d + 1 < shape->rank)
            *group = *group * (size_t)shape->dims[d] + (size_t)at;
    }
    return STATUS_OK;
}

/* Its elements, sorted by set and value, each once. */
static enum status items_of(const struct op_call *call, const struct operand *o,
                            const struct shape *shape, struct arena *arena, struct items *items,
                            struct error *err)
{
    size_t count = tensor_count(o->values), kept = 0;

    items->items = arena_new(arena, struct item, count + 1);
    if (!items->items)
        return error_no_memory(err, "sets");
    for (size_t i = 0; i < count; i++) {
        items->items[i] = (struct item){0, o->values, i};
        if (o->indices)
            TRY(group_of(call, o, shape, i, &items->items[i].group, err));
        else
            items->items[i].group = i / (size_t)shape->dims[shape->rank - 1];
    }
    if (count)
        qsort(items->items, count, sizeof *items->items, compare);
    for (size_t i = 0; i < count; i++)
        if (!kept || compare(&items->items[kept - 1], &items->items[i]))
            items->items[kept++] = items->items[i];
    items->count = kept;
    return STATUS_OK;
}

/* --- SetOperation --- */

enum operation { A_MINUS_B, B_MINUS_A, INTERSECTION, UNION };

static enum status operation_of(const struct op_call *call, enum operation *operation,
                                struct error *err)
{
    static const char *const NAMES[] = {"a-b", "b-a", "intersection", "union"};

    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++)
        if (attribute_is(call->attributes, "operation", NAMES[i])) {
            *operation = (enum operation)i;
            return STATUS_OK;
        }
    return op_error(call, err, STATUS_INVALID_INPUT, "this set_operation");
}

static void operands_of(const struct op_call *call, struct operand *a, struct operand *b)
{
    bool a_sparse = attribute_int(call->attributes, "a_sparse", 0);

    *a = operand_at(call, 0, a_sparse);
    *b = operand_at(call, a_sparse ? 3 : 1, attribute_int(call->attributes, "b_sparse", 0));
}

/* Both sets merged into `made`; *shape is that of the result. */
static enum status operate(const struct op_call *call, struct arena *arena, struct items *made,
                           struct shape *shape, struct error *err)
{
    struct operand a, b;
    struct items x, y;
    struct shape other;
    enum operation operation;
    size_t i = 0, j = 0, run = 0, largest = 0;

    operands_of(call, &a, &b);
    TRY(operation_of(call, &operation, err));
    TRY(operand_shape(call, &a, shape, err));
    TRY(operand_shape(call, &b, &other, err));
    if (shape->rank != other.rank ||
        memcmp(shape->dims, other.dims, (size_t)(shape->rank - 1) * sizeof *shape->dims) != 0)
        return op_error(call, err, STATUS_INVALID_INPUT, "sets of different shapes");
    TRY(items_of(call, &a, shape, arena, &x, err));
    TRY(items_of(call, &b, &other, arena, &y, err));
    made->items = arena_new(arena, struct item, x.count + y.count + 1);
    made->count = 0;
    if (!made->items)
        return error_no_memory(err, "sets");
    while (i < x.count || j < y.count) {
        int order = i == x.count ? 1 : j == y.count ? -1 : compare(&x.items[i], &y.items[j]);
        bool keep = operation == UNION || (operation == A_MINUS_B && order < 0) ||
                    (operation == B_MINUS_A && order > 0) ||
                    (operation == INTERSECTION && order == 0);
        const struct item *item = order <= 0 ? &x.items[i] : &y.items[j];

        if (keep) {
            run = made->count && made->items[made->count - 1].group == item->group ? run + 1 : 1;
            largest = run > largest ? run : largest;
            made->items[made->count++] = *item;
        }
        i += order <= 0;
        j += order >= 0;
    }
    shape->dims[shape->rank - 1] = (int64_t)largest;
    return STATUS_OK;
}

static int64_t rank_of(const struct operand *o)
{
    if (!o->indices)
        return o->values->shape.rank < 0 ? DIM_UNKNOWN : o->values->shape.rank;
    return o->indices->shape.rank == 2 ? o->indices->shape.dims[1] : DIM_UNKNOWN;
}

static enum status infer_operation(struct op_call *call, struct error *err)
{
    struct shape out = {.rank = 2, .dims = {DIM_UNKNOWN, DIM_UNKNOWN}}, shape;
    bool a_sparse = attribute_int(call->attributes, "a_sparse", 0);
    bool b_sparse = attribute_int(call->attributes, "b_sparse", 0);
    size_t second = a_sparse ? 3 : 1, wanted = second + (b_sparse ? 3 : 1);
    struct operand a, b;
    enum operation operation;
    struct items made;
    struct arena arena;
    enum status status;

    if (call->in_count != wanted)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu inputs, not %zu", call->in_count,
                        wanted);
    if (a_sparse)
        TRY(sparse_check(call, 0, err));
    if (b_sparse)
        TRY(sparse_check(call, second, err));
    TRY(op_wants(call, a_sparse, TAKEN, err));
    TRY(op_wants_same(call, a_sparse, second + b_sparse, err));
    TRY(operation_of(call, &operation, err));
    operands_of(call, &a, &b);
    out.dims[1] = rank_of(&a);
    if (operand_is_known(&a) && operand_is_known(&b)) {
        arena_init(&arena, SCRATCH_BYTES_MAX);
        status = operate(call, &arena, &made, &shape, err);
        arena_release(&arena);
        TRY(status);
        out = SHAPE((int64_t)made.count, shape.rank);
    }
    op_give(call, 0, DTYPE_I64, &out);
    shape = SHAPE(out.dims[0]);
    op_give(call, 1, a.values->dtype, &shape);
    shape = SHAPE(out.dims[1]);
    op_give(call, 2, DTYPE_I64, &shape);
    return STATUS_OK;
}

static enum status run_operation(const struct op_call *call, struct error *err)
{
    int64_t *indices = call->out[0].data;
    size_t run = 0, size = dtype_size(call->out[1].dtype), rank;
    struct items made;
    struct shape shape;

    TRY(operate(call, call->memory, &made, &shape, err));
    rank = (size_t)shape.rank;
    if (made.count != tensor_count(&call->out[1]))
        return op_error(call, err, STATUS_INTERNAL, "another size than inferred");
    for (size_t i = 0; i < made.count; i++) {
        const struct item *item = &made.items[i];
        size_t group = item->group;

        run = i && made.items[i - 1].group == group ? run + 1 : 0;
        indices[i * rank + rank - 1] = (int64_t)run;
        for (size_t d = rank - 1; d-- > 0; group /= (size_t)shape.dims[d])
            indices[i * rank + d] = (int64_t)(group % (size_t)shape.dims[d]);
        memcpy((char *)call->out[1].data + i * size,
               (const char *)item->values->data + item->at * size, size);
    }
    memcpy(call->out[2].data, shape.dims, rank * sizeof *shape.dims);
    return STATUS_OK;
}

/* --- SetSize --- */

static enum status infer_size(struct op_call *call, struct error *err)
{
    struct operand o = operand_at(call, 0, true);
    struct shape out = shape_unknown();

    TRY(sparse_check(call, 0, err));
    TRY(op_wants(call, 1, TAKEN, err));
    if (o.shape->data && shape_is_known(&o.shape->shape)) {
        size_t rank = tensor_count(o.shape);

        if (rank < 2 || rank > RANK_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "sets of %zu dimensions", rank);
        out = shape_of((int)rank - 1, o.shape->data);
        TRY(shape_check(&out, DTYPE_I32, SCRATCH_BYTES_MAX, NULL, err));
    }
    op_give(call, 0, DTYPE_I32, &out);
    return STATUS_OK;
}

static enum status run_size(const struct op_call *call, struct error *err)
{
    struct operand o = operand_at(call, 0, true);
    int32_t *sizes = call->out[0].data;
    struct items items;
    struct shape shape;

    TRY(operand_shape(call, &o, &shape, err));
    TRY(items_of(call, &o, &shape, call->memory, &items, err));
    memset(sizes, 0, tensor_bytes(&call->out[0]));
    for (size_t i = 0; i < items.count; i++)
        sizes[items.items[i].group]++;
    return STATUS_OK;
}

const struct op_set ops_firn_sets = OP_SET({.name = "SetOperation",
                                            .summary = "difference, intersection or union of sets",
                                            .in_min = 2,
                                            .in_max = 6,
                                            .out_min = 3,
                                            .out_max = 3,
                                            .infer = infer_operation,
                                            .run = run_operation},
                                           {.name = "SetSize",
                                            .summary = "how many elements sets have",
                                            .in_min = 3,
                                            .in_max = 3,
                                            .out_min = 1,
                                            .out_max = 1,
                                            .infer = infer_size,
                                            .run = run_size});
