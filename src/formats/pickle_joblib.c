// SPDX-License-Identifier: Apache-2.0
/* joblib's arrays.
 *
 * >= 0.10   NumpyArrayWrapper: the bytes follow its BUILD in the stream. With
 *           numpy_array_alignment_bytes (>= 1.2): u8 n, then n bytes of padding. Types that hold
 *           objects: a whole pickle follows instead.
 * 0.8, 0.9  NDArrayWrapper: an .npy file beside the pickle. ZNDArrayWrapper: the raw data in a
 *           "ZF" file beside it, shape and dtype in the wrapper.
 * See joblib/numpy_pickle.py and joblib/numpy_pickle_compat.py. */
#include "base/checked.h"
#include "base/text.h"
#include "formats/npy.h"
#include "formats/pickle_machine.h"

static bool class_is(const struct pickle_object *object, const char *name)
{
    return object->kind == PICKLE_OBJECT && pickle_is(object, "joblib", name);
}

bool pickle_joblib_is(const struct pickle_object *object)
{
    return class_is(object, "NumpyArrayWrapper") || class_is(object, "NDArrayWrapper") ||
           class_is(object, "ZNDArrayWrapper");
}

static void become_array(struct pickle_object *object, struct numpy_array *array)
{
    *object =
        (struct pickle_object){.kind = PICKLE_ARRAY, .offset = object->offset, .array = array};
}

static bool dtype_has_objects(const struct numpy_dtype *dtype)
{
    if (dtype->kind == 'O')
        return true;
    for (size_t i = 0; i < dtype->field_count; i++)
        if (dtype->fields[i].dtype.kind == 'O')
            return true;
    return false;
}

static enum status inline_objects(struct pickle_machine *m, struct pickle_object *object,
                                  struct error *err)
{
    struct pickle_object *array;
    size_t offset = object->offset;

    if (machine_nested(m, &array, err))
        return error_within(err, "array of objects");
    *object = *array;
    object->offset = offset;
    return STATUS_OK;
}

static enum status inline_data(struct pickle_machine *m, const struct pickle_object *wrapper,
                               struct numpy_array *array, struct error *err)
{
    size_t size = array->dtype.itemsize;

    if (!pickle_is_none(pickle_get(wrapper, "numpy_array_alignment_bytes")))
        cursor_skip(&m->cursor, cursor_u8(&m->cursor));
    for (int i = 0; i < array->shape.rank; i++)
        if (!checked_multiply(size, (size_t)array->shape.dims[i], &size))
            return error_at(err, m->at, STATUS_TOO_LARGE, "an array's shape overflows");
    array->data = cursor_take(&m->cursor, size);
    return cursor_check(&m->cursor, err);
}

static enum status inline_build(struct pickle_machine *m, struct pickle_object *object,
                                struct error *err)
{
    struct numpy_array *array;
    void *memory;

    TRY(machine_alloc(m, 1, sizeof *array, &memory, err));
    array = memory;
    TRY(pickle_numpy_dtype(pickle_get(object, "dtype"), &array->dtype, m->keep, err));
    if (dtype_has_objects(&array->dtype))
        return inline_objects(m, object, err);
    TRY(pickle_numpy_shape(pickle_get(object, "shape"), &array->shape, err));
    array->fortran = pickle_text_is(pickle_get(object, "order"), "F");
    if (array->dtype.itemsize == 0)
        return error_at(err, m->at, STATUS_UNSUPPORTED, "an array with elements of no bytes");
    TRY(inline_data(m, object, array, err));
    become_array(object, array);
    return STATUS_OK;
}

enum status pickle_joblib_build(struct pickle_machine *m, struct pickle_object *object,
                                struct error *err)
{
    enum status status;

    m->pickle->joblib = true;
    if (class_is(object, "NumpyArrayWrapper"))
        status = inline_build(m, object, err);
    else
        status = error_set(err, STATUS_UNSUPPORTED, "side files of joblib < 0.10");
    return status ? error_within(err, "joblib array") : STATUS_OK;
}
