// SPDX-License-Identifier: Apache-2.0
/* joblib's arrays.
 *
 * >= 0.10   NumpyArrayWrapper: the bytes follow its BUILD in the stream. With
 *           numpy_array_alignment_bytes (>= 1.2): u8 n, then n bytes of padding. Types that hold
 *           objects: a whole pickle follows instead.
 * 0.8, 0.9  NDArrayWrapper: an .npy file beside the pickle. ZNDArrayWrapper: the raw data in a
 *           "ZF" file beside it, shape and dtype in the wrapper.
 * See joblib/numpy_pickle.py and joblib/numpy_pickle_compat.py. */
#include "base/text.h"
#include "formats/archive/artifact.h"
#include "formats/compression/compression.h"
#include "formats/numpy/npy.h"
#include "formats/pickle/machine.h"

enum { RATIO_MAX = 1100 }; /* deflate's own limit is 1,032 */

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

static void become_copy(struct pickle_object *object, const struct pickle_object *array)
{
    size_t offset = object->offset;

    *object = *array;
    object->offset = offset;
}

static enum status inline_objects(struct pickle_machine *m, struct pickle_object *object,
                                  struct error *err)
{
    struct pickle_object *array;

    if (machine_nested(m, &array, err))
        return error_within(err, "array of objects");
    become_copy(object, array);
    return STATUS_OK;
}

static enum status inline_data(struct pickle_machine *m, const struct pickle_object *wrapper,
                               struct numpy_array *array, struct error *err)
{
    size_t count, size;

    TRY(numpy_array_size(array, &count, &size, err));
    if (!pickle_is_none(pickle_get(wrapper, "numpy_array_alignment_bytes")))
        cursor_skip(&m->cursor, cursor_u8(&m->cursor));
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
    if (numpy_dtype_has_objects(&array->dtype))
        return inline_objects(m, object, err);
    TRY(pickle_numpy_shape(pickle_get(object, "shape"), &array->shape, err));
    array->fortran = pickle_text_is(pickle_get(object, "order"), "F");
    if (array->dtype.itemsize == 0)
        return error_at(err, m->at, STATUS_UNSUPPORTED, "an array with elements of no bytes");
    TRY(inline_data(m, object, array, err));
    become_array(object, array);
    return STATUS_OK;
}

/* --- side files --- */

static enum status side_bytes(struct pickle_machine *m, const struct pickle_object *wrapper,
                              struct bytes *bytes, struct error *err)
{
    const struct pickle_object *filename = pickle_get(wrapper, "filename");
    char quoted[TEXT_QUOTE_SIZE];
    struct member *member;
    struct bytes name;
    char *path;

    if (!pickle_to_text(filename, &name, m->keep) || name.size == 0 || name.size > 255 ||
        memchr(name.data, '/', name.size) || memchr(name.data, 0, name.size))
        return error_at(err, m->at, STATUS_INVALID_INPUT, "a side file without a plain name");
    text_quote(name, quoted, sizeof quoted);
    path = arena_printf(m->keep, "%s%s%.*s", m->folder, m->folder[0] ? "/" : "", (int)name.size,
                        (const char *)name.data);
    if (!path)
        return error_no_memory(err, "the name of a side file");
    if (!m->artifact || artifact_resolve(m->artifact, NULL, bytes_of(path), &member, err)) {
        enum status status =
            error_set(err, STATUS_INVALID_INPUT,
                      "its data is in a file of its own, \"%s\", which is missing", quoted);
        error_fix(err, "give the folder that holds the pickle and its side files");
        return status;
    }
    return member_bytes(member, bytes, err) ? error_within(err, "\"%s\"", quoted) : STATUS_OK;
}

static enum status npy_build(struct pickle_machine *m, struct pickle_object *object,
                             struct error *err)
{
    struct numpy_array *array;
    struct bytes bytes;
    void *memory;

    TRY(side_bytes(m, object, &bytes, err));
    TRY(machine_alloc(m, 1, sizeof *array, &memory, err));
    array = memory;
    TRY(npy_read_raw(bytes, array, NULL, m->keep, err));
    if (numpy_dtype_has_objects(&array->dtype)) {
        struct pickle_object *objects;
        if (machine_nested_in(m, array->data, &objects, err))
            return error_within(err, "array of objects in a file of its own");
        become_copy(object, objects);
        return STATUS_OK;
    }
    become_array(object, array);
    return STATUS_OK;
}

/* state: the array's own, (version, shape, dtype, fortran), without its data. */
static enum status zipped_build(struct pickle_machine *m, struct pickle_object *object,
                                struct error *err)
{
    const struct pickle_object *state = pickle_get(object, "state");
    size_t count, size, room = m->limits.bytes - (m->keep->used - m->keep_before);
    struct numpy_array *array;
    struct bytes packed;
    void *memory;

    TRY(side_bytes(m, object, &packed, err));
    TRY(machine_alloc(m, 1, sizeof *array, &memory, err));
    array = memory;
    TRY(pickle_numpy_shape(pickle_item(state, 1), &array->shape, err));
    TRY(pickle_numpy_dtype(pickle_item(state, 2), &array->dtype, m->keep, err));
    if (!pickle_to_bool(pickle_item(state, 3), &array->fortran) || array->dtype.itemsize == 0 ||
        numpy_dtype_has_objects(&array->dtype))
        return error_at(err, m->at, STATUS_UNSUPPORTED, "a side file of an unknown form");
    TRY(numpy_array_size(array, &count, &size, err));
    TRY(decompress(COMPRESSION_ZF, packed, room, RATIO_MAX, &array->data, m->keep, err));
    if (array->data.size != size)
        return error_at(err, m->at, STATUS_INVALID_INPUT,
                        "an array of %zu bytes comes with %zu bytes", size, array->data.size);
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
        status = class_is(object, "NDArrayWrapper") ? npy_build(m, object, err)
                                                    : zipped_build(m, object, err);
    return status ? error_within(err, "joblib array") : STATUS_OK;
}
