// SPDX-License-Identifier: Apache-2.0
/* Python sequences, numpy arrays and what behaves like them as tensors. */
#include "base/checked.h"
#include "formats/numpy/npy.h"
#include "formats/pickle/machine.h"
#include "tensor/block.h"
#include "tensor/convert.h"

/* --- what the elements are --- */

enum leaf {
    LEAF_NONE = 1,
    LEAF_BOOL = 2,
    LEAF_INT = 4,
    LEAF_FLOAT = 8,
    LEAF_TEXT = 16,
    LEAF_OTHER = 32,
};

static enum leaf leaf_of(const struct pickle_object *object)
{
    switch (object->kind) {
    case PICKLE_NONE:
        return LEAF_NONE;
    case PICKLE_BOOL:
        return LEAF_BOOL;
    case PICKLE_INT:
        return LEAF_INT;
    case PICKLE_FLOAT:
        return LEAF_FLOAT;
    case PICKLE_TEXT:
    case PICKLE_BYTES:
        return LEAF_TEXT;
    case PICKLE_ARRAY:
        if (object->array->shape.rank != 0)
            return LEAF_OTHER;
        switch (object->array->dtype.kind) {
        case 'b':
            return LEAF_BOOL;
        case 'i':
        case 'u':
            return LEAF_INT;
        case 'f':
            return object->array->dtype.itemsize <= 8 ? LEAF_FLOAT : LEAF_OTHER;
        case 'S':
        case 'U':
            return LEAF_TEXT;
        default:
            return LEAF_OTHER;
        }
    case PICKLE_GLOBAL: /* pandas.NA */
        return strcmp(object->name, "NA") == 0 && pickle_is(object, "pandas", "NA") ? LEAF_NONE
                                                                                    : LEAF_OTHER;
    default:
        return LEAF_OTHER;
    }
}

static enum dtype dtype_of_leaves(unsigned leaves)
{
    if (leaves == LEAF_BOOL)
        return DTYPE_BOOL;
    if (leaves == LEAF_INT)
        return DTYPE_I64;
    if (leaves == LEAF_TEXT)
        return DTYPE_STRING;
    return (leaves & ~(unsigned)(LEAF_NONE | LEAF_INT | LEAF_FLOAT)) ? DTYPE_NONE : DTYPE_F64;
}

static enum status store_leaf(const struct pickle_object *object, struct tensor *tensor,
                              size_t index, struct arena *keep, struct error *err)
{
    static const int64_t EXACT = (int64_t)1 << 53;
    int64_t integer;

    switch (tensor->dtype) {
    case DTYPE_STRING:
        if (!pickle_to_text(object, (struct bytes *)tensor->data + index, keep))
            return error_no_memory(err, "strings of an array");
        return STATUS_OK;
    case DTYPE_BOOL:
        if (pickle_to_bool(object, (bool *)tensor->data + index))
            return STATUS_OK;
        break;
    case DTYPE_I64:
        if (pickle_to_i64(object, (int64_t *)tensor->data + index))
            return STATUS_OK;
        break;
    default:
        if (leaf_of(object) == LEAF_NONE) {
            ((double *)tensor->data)[index] = __builtin_nan("");
            return STATUS_OK;
        }
        if (leaf_of(object) == LEAF_INT &&
            (!pickle_to_i64(object, &integer) || integer > EXACT || integer < -EXACT))
            break;
        if (pickle_to_f64(object, (double *)tensor->data + index))
            return STATUS_OK;
    }
    return error_set(err, STATUS_UNSUPPORTED, "element %zu of a sequence does not fit %s", index,
                     dtype_name(tensor->dtype));
}

static enum status store_leaves(struct pickle_object *const *leaves, size_t count,
                                const struct shape *shape, struct tensor *tensor,
                                struct arena *keep, struct error *err)
{
    unsigned kinds = 0;
    enum dtype dtype;

    for (size_t i = 0; i < count; i++) {
        enum leaf leaf = leaf_of(leaves[i]);
        kinds |= leaf;
        if (leaf == LEAF_OTHER)
            return error_set(err, STATUS_UNSUPPORTED,
                             "element %zu of a sequence is no number or text", i);
    }
    dtype = dtype_of_leaves(kinds);
    if (dtype == DTYPE_NONE)
        return error_set(err, STATUS_UNSUPPORTED, "a sequence mixes text, numbers and bools");
    TRY(shape_check(shape, dtype, PICKLE_TENSOR_BYTES_MAX, NULL, err));
    TRY(tensor_new(tensor, dtype, shape, keep, err));
    for (size_t i = 0; i < count; i++)
        TRY(store_leaf(leaves[i], tensor, i, keep, err));
    return STATUS_OK;
}

/* --- nested lists --- */

static bool is_list(const struct pickle_object *object)
{
    return object->kind == PICKLE_LIST || object->kind == PICKLE_TUPLE;
}

/* The lengths along the first elements; the rest is checked against them. */
static enum status list_shape(const struct pickle_object *object, struct shape *shape,
                              struct error *err)
{
    *shape = (struct shape){0};
    for (; is_list(object); object = object->items[0]) {
        if (shape->rank == RANK_MAX)
            return error_set(err, STATUS_UNSUPPORTED, "lists are nested deeper than %d", RANK_MAX);
        shape->dims[shape->rank++] = (int64_t)object->count;
        if (object->count == 0)
            return STATUS_OK;
    }
    return STATUS_OK;
}

struct gathering {
    const struct shape *shape;
    struct pickle_object **leaves;
    size_t count;
};

/* The depth is bounded by the rank, the number of leaves by the shape, which was checked. */
static enum status gather(struct gathering *g, struct pickle_object *object, int depth,
                          struct error *err)
{
    if (depth == g->shape->rank) {
        g->leaves[g->count++] = object;
        return STATUS_OK;
    }
    if (!is_list(object) || (int64_t)object->count != g->shape->dims[depth])
        return error_set(err, STATUS_UNSUPPORTED, "nested lists are of different lengths");
    for (size_t i = 0; i < object->count; i++)
        TRY(gather(g, object->items[i], depth + 1, err));
    return STATUS_OK;
}

static enum status list_to_tensor(struct pickle_object *object, struct tensor *tensor,
                                  struct arena *keep, struct error *err)
{
    struct shape shape;
    struct gathering g = {.shape = &shape};
    struct arena scratch;
    enum status status;

    TRY(list_shape(object, &shape, err));
    TRY(shape_check(&shape, DTYPE_F64, PICKLE_TENSOR_BYTES_MAX, NULL, err));
    arena_init(&scratch, (size_t)PICKLE_TENSOR_BYTES_MAX + 4096);
    g.leaves = arena_new(&scratch, struct pickle_object *, shape_count(&shape));
    status = g.leaves ? gather(&g, object, 0, err) : error_no_memory(err, "a nested list");
    if (status == STATUS_OK)
        status = store_leaves(g.leaves, g.count, &shape, tensor, keep, err);
    arena_release(&scratch);
    return status;
}

/* --- arrays --- */

static size_t array_elements(const struct numpy_array *array)
{
    size_t count = 1;

    for (int i = 0; i < array->shape.rank; i++)
        count *= (size_t)array->shape.dims[i];
    return count;
}

/* Memory order to row-major order; the same array when it is that already. */
static struct pickle_object **row_major(const struct numpy_array *array, size_t count,
                                        struct arena *keep)
{
    struct block block = {.rank = array->shape.rank};
    struct pickle_object **ordered;
    size_t step = sizeof *ordered;

    if (!array->fortran || array->shape.rank < 2)
        return array->objects;
    ordered = arena_new(keep, struct pickle_object *, count);
    if (!ordered)
        return NULL;
    for (int d = 0; d < block.rank; d++) {
        block.dims[d] = (size_t)array->shape.dims[d];
        block.from[d] = step;
        step *= block.dims[d];
    }
    block_steps(block.rank, block.dims, sizeof *ordered, block.to);
    block_copy(&block, array->objects, ordered, sizeof *ordered);
    return ordered;
}

/* Copied, so that it lives as long as `keep` and may be written. */
static enum status array_to_tensor(const struct numpy_array *array, struct tensor *tensor,
                                   struct arena *keep, struct error *err)
{
    struct pickle_object **objects;
    struct tensor borrowed;
    size_t count;

    if (array->dtype.kind == 'O') {
        count = array_elements(array);
        objects = row_major(array, count, keep);
        if (count && !objects)
            return error_no_memory(err, "objects of an array");
        return store_leaves(objects, count, &array->shape, tensor, keep, err);
    }
    TRY(numpy_to_tensor(array, &borrowed, keep, err));
    *tensor = borrowed;
    if (borrowed.data != (const void *)array->data.data)
        return STATUS_OK;
    TRY(tensor_new(tensor, borrowed.dtype, &borrowed.shape, keep, err));
    memcpy(tensor->data, borrowed.data, tensor_bytes(tensor));
    return STATUS_OK;
}

/* --- anything --- */

static enum status pandas_to_tensor(const struct pickle_object *object, struct tensor *tensor,
                                    struct arena *keep, struct error *err)
{
    const struct pickle_object *values = pickle_pandas_values(object);
    struct pickle_object **elements;
    struct shape shape;
    size_t count;

    if (values && values->kind == PICKLE_ARRAY)
        return array_to_tensor(values->array, tensor, keep, err);
    elements = pickle_pandas_elements(values, &count, keep);
    if (!elements)
        return error_set(err, STATUS_UNSUPPORTED, "values of class %s.%s are no array",
                         pickle_module(object), pickle_name(object));
    shape = SHAPE((int64_t)count);
    return store_leaves(elements, count, &shape, tensor, keep, err);
}

static enum status leaf_to_tensor(struct pickle_object *object, struct tensor *tensor,
                                  struct arena *keep, struct error *err)
{
    struct shape scalar = shape_scalar();

    if (object->kind == PICKLE_OBJECT)
        return error_set(err, STATUS_UNSUPPORTED, "an object of class %s.%s is no array",
                         pickle_module(object), pickle_name(object));
    if (object->kind == PICKLE_NONE)
        return error_set(err, STATUS_UNSUPPORTED, "None is no array");
    if (leaf_of(object) == LEAF_OTHER)
        return error_set(err, STATUS_UNSUPPORTED, "this is no array, list, number or text");
    return store_leaves(&object, 1, &scalar, tensor, keep, err);
}

enum status pickle_to_tensor(const struct pickle_object *object, struct tensor *tensor,
                             struct arena *keep, struct error *err)
{
    union {
        const struct pickle_object *from;
        struct pickle_object *to;
    } unconst = {object};

    if (!object)
        return error_set(err, STATUS_INVALID_INPUT, "an array is missing");
    if (pickle_scipy_is(object))
        return pickle_scipy_to_tensor(object, tensor, keep, err);
    if (pickle_pandas_is(object))
        return pandas_to_tensor(object, tensor, keep, err);
    if (object->kind == PICKLE_ARRAY)
        return array_to_tensor(object->array, tensor, keep, err);
    if (is_list(object))
        return list_to_tensor(unconst.to, tensor, keep, err);
    return leaf_to_tensor(unconst.to, tensor, keep, err);
}

enum status pickle_to_tensor_f64(const struct pickle_object *object, struct tensor *tensor,
                                 struct arena *keep, struct error *err)
{
    struct tensor any;

    TRY(pickle_to_tensor(object, &any, keep, err));
    if (any.dtype == DTYPE_F64) {
        *tensor = any;
        return STATUS_OK;
    }
    if (any.dtype == DTYPE_STRING)
        return error_set(err, STATUS_UNSUPPORTED, "an array holds text, not numbers");
    TRY(tensor_new(tensor, DTYPE_F64, &any.shape, keep, err));
    return tensor_cast(&any, tensor, err);
}

/* --- elements as objects --- */

static bool number_object(const struct tensor *tensor, size_t index, struct pickle_object *object)
{
    switch (dtype_kind(tensor->dtype)) {
    case KIND_BOOL:
        object->kind = PICKLE_BOOL;
        object->boolean = tensor_i64(tensor, index) != 0;
        return true;
    case KIND_INT:
    case KIND_UINT:
        object->kind = PICKLE_INT;
        object->integer = tensor_i64(tensor, index);
        return tensor->dtype != DTYPE_U64 || object->integer >= 0;
    case KIND_FLOAT:
        object->kind = PICKLE_FLOAT;
        object->number = tensor_f64(tensor, index);
        return true;
    case KIND_STRING:
        object->kind = PICKLE_TEXT;
        object->bytes = ((const struct bytes *)tensor->data)[index];
        if (!literal_is_wtf8(object->bytes))
            object->kind = PICKLE_BYTES;
        return true;
    default:
        return false;
    }
}

static struct pickle_object **tensor_elements(const struct tensor *tensor, size_t offset,
                                              size_t *count, struct arena *keep)
{
    size_t wanted = tensor_count(tensor);
    struct pickle_object **elements = arena_new(keep, struct pickle_object *, wanted);
    struct pickle_object *objects = arena_new(keep, struct pickle_object, wanted);

    if (!elements || !objects)
        return NULL;
    for (size_t i = 0; i < wanted; i++) {
        elements[i] = &objects[i];
        objects[i].offset = offset;
        if (!number_object(tensor, i, &objects[i]))
            return NULL;
    }
    *count = wanted;
    return elements;
}

struct pickle_object **pickle_elements(const struct pickle_object *object, size_t *count,
                                       struct arena *keep)
{
    struct tensor tensor;
    struct error err;

    *count = 0;
    if (!object)
        return NULL;
    if (pickle_pandas_is(object)) {
        object = pickle_pandas_values(object);
        if (!object || (object->kind != PICKLE_ARRAY && object->kind != PICKLE_LIST))
            return pickle_pandas_elements(object, count, keep);
    }
    switch (object->kind) {
    case PICKLE_LIST:
    case PICKLE_TUPLE:
    case PICKLE_SET:
    case PICKLE_FROZENSET:
        *count = object->count;
        return object->count ? object->items : arena_new(keep, struct pickle_object *, 1);
    case PICKLE_OBJECT:
        *count = object->list_count;
        return object->list_items;
    case PICKLE_ARRAY:
        if (object->array->dtype.kind == 'O') {
            *count = array_elements(object->array);
            return *count ? row_major(object->array, *count, keep)
                          : arena_new(keep, struct pickle_object *, 1);
        }
        if (numpy_to_tensor(object->array, &tensor, keep, &err))
            return NULL;
        return tensor_elements(&tensor, object->offset, count, keep);
    default:
        return NULL;
    }
}
