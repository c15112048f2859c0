// SPDX-License-Identifier: Apache-2.0
/* numpy objects as pickles state them: dtype, ndarray, masked array, scalar.
 *
 * dtype    numpy.dtype("f8", align, copy) + BUILD (version, byteorder, subdtype, names, fields,
 *          itemsize, alignment, flags[, metadata])
 * ndarray  _reconstruct(class, (0,), b"b") + BUILD (version, shape, dtype, fortran, data)
 * masked   _mareconstruct(class, ndarray, shape, typecode) + BUILD (version, shape, dtype, fortran,
 *          data, mask, fill)
 * scalar   scalar(dtype, data)
 * array    _frombuffer(data, dtype, shape, order), protocol 5 */
#include <stdlib.h>

#include "base/checked.h"
#include "formats/numpy/npy.h"
#include "formats/pickle/machine.h"

enum {
    FIELDS_MAX = 256, /* of a dtype, nested ones included */
    DTYPE_DEPTH_MAX = 8,
};

/* --- dtypes --- */

static const struct pickle_object *item(const struct pickle_object *tuple, size_t index)
{
    return tuple && (tuple->kind == PICKLE_TUPLE || tuple->kind == PICKLE_LIST) &&
                   index < tuple->count
               ? tuple->items[index]
               : NULL;
}

static bool text_of(const struct pickle_object *object, struct bytes *text)
{
    if (!object || (object->kind != PICKLE_TEXT && object->kind != PICKLE_BYTES))
        return false;
    *text = object->bytes;
    return true;
}

static const struct pickle_object *value_of(const struct pickle_object *dict,
                                            const struct pickle_object *key, size_t hint)
{
    struct bytes wanted, got;

    if (!text_of(key, &wanted))
        return NULL;
    if (hint < dict->count && text_of(dict->items[2 * hint], &got) && bytes_equal(got, wanted))
        return dict->items[2 * hint + 1];
    for (size_t i = 0; i < dict->count; i++)
        if (text_of(dict->items[2 * i], &got) && bytes_equal(got, wanted))
            return dict->items[2 * i + 1];
    return NULL;
}

struct dtype_reader {
    struct arena *keep;
    size_t fields_left;
    int depth;
};

static enum status dtype_at(const struct pickle_object *object, struct numpy_dtype *dtype,
                            struct dtype_reader *reader, struct error *err);

static int order_of_fields(const void *a, const void *b)
{
    const struct numpy_field *left = a, *right = b;

    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

static enum status broken_dtype(struct error *err)
{
    return error_set(err, STATUS_INVALID_INPUT, "a structured numpy dtype contradicts itself");
}

/* names: (count,) texts; fields: name -> (dtype, offset[, title]) */
static enum status dtype_fields(const struct pickle_object *names,
                                const struct pickle_object *fields, struct numpy_dtype *dtype,
                                struct dtype_reader *reader, struct error *err)
{
    struct numpy_field *list;

    if (fields->count > 2 * FIELDS_MAX || names->count > reader->fields_left)
        return error_set(err, STATUS_TOO_LARGE, "a numpy dtype of more than %d fields", FIELDS_MAX);
    reader->fields_left -= names->count;
    list = arena_new(reader->keep, struct numpy_field, names->count);
    if (!list)
        return error_no_memory(err, "fields of a numpy dtype");
    for (size_t i = 0; i < names->count; i++) {
        const struct pickle_object *value = value_of(fields, names->items[i], i);
        int64_t offset;
        struct bytes name;

        if (!text_of(names->items[i], &name) || !item(value, 0) ||
            !pickle_to_i64(item(value, 1), &offset))
            return broken_dtype(err);
        TRY(dtype_at(item(value, 0), &list[i].dtype, reader, err));
        if (offset < 0 || !checked_range((uint64_t)offset, list[i].dtype.itemsize, dtype->itemsize))
            return broken_dtype(err);
        list[i].offset = (size_t)offset;
        list[i].name = arena_text(reader->keep, name);
        if (!list[i].name)
            return error_no_memory(err, "fields of a numpy dtype");
    }
    qsort(list, names->count, sizeof *list, order_of_fields);
    dtype->fields = list;
    dtype->field_count = names->count;
    return STATUS_OK;
}

static enum status dtype_state(const struct pickle_object *state, struct numpy_dtype *dtype,
                               struct dtype_reader *reader, struct error *err)
{
    const struct pickle_object *names = item(state, 3), *fields = item(state, 4);
    int64_t itemsize;
    struct bytes order;

    if (text_of(item(state, 1), &order) && order.size == 1 && dtype->order != '|')
        dtype->order = order.data[0] == '>' ? '>' : '<';
    if (strchr("SUV", dtype->kind) && pickle_to_i64(item(state, 5), &itemsize) && itemsize >= 0)
        dtype->itemsize = (size_t)itemsize;
    if (dtype->kind == 'U' && dtype->itemsize % 4)
        return error_set(err, STATUS_INVALID_INPUT, "a numpy string of %zu bytes is not UTF-32",
                         dtype->itemsize);
    if (dtype->kind == 'V' && names && fields && fields->kind == PICKLE_DICT &&
        (names->kind == PICKLE_TUPLE || names->kind == PICKLE_LIST))
        return dtype_fields(names, fields, dtype, reader, err);
    return STATUS_OK;
}

static enum status dtype_at(const struct pickle_object *object, struct numpy_dtype *dtype,
                            struct dtype_reader *reader, struct error *err)
{
    struct bytes name;
    enum status status;

    if (reader->depth > DTYPE_DEPTH_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "a numpy dtype is nested deeper than %d",
                         DTYPE_DEPTH_MAX);
    if (text_of(object, &name))
        return numpy_dtype_parse(name, dtype, err);
    if (object && object->kind == PICKLE_GLOBAL &&
        (strcmp(object->module, "numpy") == 0 || strcmp(object->module, "builtins") == 0))
        return numpy_dtype_parse(bytes_of(object->name), dtype, err);
    if (!object || object->kind != PICKLE_OBJECT ||
        !pickle_global_is(object->callable, "numpy", "dtype") || !item(object->args, 0))
        return error_set(err, STATUS_UNSUPPORTED, "a numpy dtype of an unknown form");
    reader->depth++;
    status = dtype_at(item(object->args, 0), dtype, reader, err);
    if (status == STATUS_OK)
        status = dtype_state(object->state, dtype, reader, err);
    reader->depth--;
    return status;
}

enum status pickle_numpy_dtype(const struct pickle_object *object, struct numpy_dtype *dtype,
                               struct arena *keep, struct error *err)
{
    struct dtype_reader reader = {.keep = keep, .fields_left = FIELDS_MAX};

    return dtype_at(object, dtype, &reader, err);
}

/* --- arrays --- */

enum status pickle_numpy_shape(const struct pickle_object *object, struct shape *shape,
                               struct error *err)
{
    int64_t dim;

    if (object && object->kind == PICKLE_INT) { /* a plain length */
        *shape = (struct shape){.rank = 1, .dims = {object->integer}};
        return object->integer < 0
                   ? error_set(err, STATUS_INVALID_INPUT, "an array of negative length")
                   : STATUS_OK;
    }
    if (!object || (object->kind != PICKLE_TUPLE && object->kind != PICKLE_LIST))
        return error_set(err, STATUS_INVALID_INPUT, "an array's shape is no tuple");
    if (object->count > RANK_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "an array of %zu dimensions", object->count);
    *shape = (struct shape){.rank = (int)object->count};
    for (size_t i = 0; i < object->count; i++) {
        if (!pickle_to_i64(object->items[i], &dim) || dim < 0)
            return error_set(err, STATUS_INVALID_INPUT, "dimension %zu of an array is no size", i);
        shape->dims[i] = dim;
    }
    return STATUS_OK;
}

bool pickle_numpy_bytes(const struct pickle_object *object, struct bytes *bytes, struct arena *keep)
{
    uint8_t *latin1;

    if (!object || (object->kind != PICKLE_TEXT && object->kind != PICKLE_BYTES &&
                    object->kind != PICKLE_BYTEARRAY))
        return false;
    *bytes = object->bytes;
    if (object->kind != PICKLE_TEXT || literal_is_ascii(*bytes))
        return true;
    latin1 = arena_new(keep, uint8_t, bytes->size);
    if (!latin1 || !literal_latin1(*bytes, latin1, &bytes->size))
        return false;
    bytes->data = latin1;
    return true;
}

static void become_array(struct pickle_object *object, struct numpy_array *array)
{
    *object =
        (struct pickle_object){.kind = PICKLE_ARRAY, .offset = object->offset, .array = array};
}

static enum status array_of_objects(struct pickle_machine *m, struct pickle_object *object,
                                    struct numpy_array *array, size_t count,
                                    const struct pickle_object *data, struct error *err)
{
    if (data->kind != PICKLE_LIST || data->count != count)
        return error_at(err, m->at, STATUS_INVALID_INPUT,
                        "an array of %zu objects comes with %zu of them", count,
                        data->kind == PICKLE_LIST ? data->count : 0);
    TRY(machine_items(m, data->items, count, &array->objects, err));
    become_array(object, array);
    return STATUS_OK;
}

static enum status make_array(struct pickle_machine *m, struct pickle_object *object,
                              const struct pickle_object *shape, const struct pickle_object *dtype,
                              bool fortran, const struct pickle_object *data, struct error *err)
{
    struct numpy_array *array;
    struct error reason;
    size_t count, bytes;
    void *memory;

    TRY(machine_alloc(m, 1, sizeof *array, &memory, err));
    array = memory;
    array->fortran = fortran;
    switch (pickle_numpy_dtype(dtype, &array->dtype, m->keep, &reason)) {
    case STATUS_OK:
        break;
    case STATUS_UNSUPPORTED:
        return STATUS_OK; /* stays opaque: perhaps nobody asks for it */
    default:
        *err = reason;
        return err->status;
    }
    /* names are looked up in the dict of fields */
    TRY(machine_charge(m, array->dtype.field_count * array->dtype.field_count, err));
    TRY(pickle_numpy_shape(shape, &array->shape, err));
    TRY(numpy_array_size(array, &count, &bytes, err));
    if (array->dtype.kind == 'O')
        return array_of_objects(m, object, array, count, data, err);
    if (numpy_dtype_has_objects(&array->dtype))
        return STATUS_OK; /* a list of tuples; stays opaque */
    if (!pickle_numpy_bytes(data, &array->data, m->keep))
        return error_at(err, m->at, STATUS_INVALID_INPUT, "an array's data is no bytes");
    if (array->data.size != bytes)
        return error_at(err, m->at, STATUS_INVALID_INPUT,
                        "an array of %zu bytes comes with %zu bytes", count * array->dtype.itemsize,
                        array->data.size);
    become_array(object, array);
    return STATUS_OK;
}

bool pickle_numpy_is_reconstruct(const struct pickle_object *object)
{
    const struct pickle_object *callable = object->callable;

    return pickle_global_is(callable, "numpy._core.multiarray", "_reconstruct") ||
           pickle_global_is(callable, "numpy.ma.core", "_mareconstruct") ||
           pickle_global_is(callable, "numpy.ma", "_mareconstruct");
}

enum status pickle_numpy_build(struct pickle_machine *m, struct pickle_object *object,
                               struct pickle_object *state, struct error *err)
{
    size_t first;
    bool fortran = false;

    /* Subclasses of old (pandas < 0.15) put their own state behind the array's. */
    if (state->kind == PICKLE_TUPLE && state->count >= 1 && state->count <= 3 &&
        state->items[0]->kind == PICKLE_TUPLE)
        state = state->items[0];
    if (state->kind != PICKLE_TUPLE || state->count < 4) {
        object->state = state;
        return STATUS_OK;
    }
    first = state->items[0]->kind == PICKLE_INT ? 1 : 0; /* numpy 1.0 wrote no version */
    if (state->count < first + 4 || !pickle_to_bool(item(state, first + 2), &fortran))
        return error_at(err, m->at, STATUS_INVALID_INPUT, "the state of a numpy array is broken");
    return make_array(m, object, item(state, first), item(state, first + 1), fortran,
                      item(state, first + 3), err);
}

enum status pickle_numpy_frombuffer(struct pickle_machine *m, struct pickle_object *object,
                                    struct error *err)
{
    const struct pickle_object *args = object->args;
    bool fortran = pickle_text_is(item(args, 3), "F");

    if (args->count != 4)
        return STATUS_OK;
    return make_array(m, object, item(args, 2), item(args, 1), fortran, item(args, 0), err);
}

static struct pickle_object EMPTY_TUPLE = {.kind = PICKLE_TUPLE};

enum status pickle_numpy_scalar(struct pickle_machine *m, struct pickle_object *object,
                                struct error *err)
{
    const struct pickle_object *args = object->args;
    struct pickle_object *data = args->count == 2 ? args->items[1] : NULL;
    struct numpy_dtype dtype;
    struct error reason;
    struct pickle_object list = {.kind = PICKLE_LIST, .items = &data, .count = 1};

    if (!data)
        return STATUS_OK;
    if (pickle_numpy_dtype(item(args, 0), &dtype, m->keep, &reason))
        return STATUS_OK;
    return make_array(m, object, &EMPTY_TUPLE, item(args, 0), false,
                      dtype.kind == 'O' ? &list : data, err);
}
