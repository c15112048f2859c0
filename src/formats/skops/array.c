// SPDX-License-Identifier: Apache-2.0
/* skops nodes of numpy and scipy. */
#include "base/text.h"
#include "formats/numpy/npy.h"
#include "formats/skops/skops_internal.h"

#define LOADER(name)                                                                               \
    enum status name(struct skops *s, const struct json *node, struct pickle_object *object,       \
                     struct error *err)

static enum status broken(const struct json *node, struct error *err)
{
    return error_at(err, node->offset, STATUS_INVALID_INPUT,
                    "an array of schema.json has the wrong content");
}

static void become_array(struct pickle_object *object, struct numpy_array *array)
{
    *object =
        (struct pickle_object){.kind = PICKLE_ARRAY, .offset = object->offset, .array = array};
}

enum status skops_npy(struct skops *s, struct bytes npy, struct pickle_object *object,
                      struct error *err)
{
    void *memory;

    TRY(machine_alloc(&s->m, 1, sizeof *object->array, &memory, err));
    TRY(npy_read_raw(npy, memory, NULL, s->m.keep, err));
    if (numpy_dtype_has_objects(&((struct numpy_array *)memory)->dtype))
        return error_set(err, STATUS_UNSUPPORTED, "Python objects in an npy file of skops");
    become_array(object, memory);
    return STATUS_OK;
}

/* --- arrays of objects: nested lists of nodes --- */

struct gathering {
    struct skops *s;
    const struct shape *shape;
    struct pickle_object **objects;
    size_t count;
};

/* `content`: the JSON array at this depth. The depth is bounded by the rank. */
static enum status gather(struct gathering *g, const struct json *content, int depth,
                          struct error *err)
{
    if (!content || content->kind != JSON_ARRAY || (int64_t)content->count != g->shape->dims[depth])
        return error_set(err, STATUS_INVALID_INPUT, "an array of schema.json is ragged");
    for (size_t i = 0; i < content->count; i++) {
        if (depth + 1 < g->shape->rank)
            TRY(gather(g, json_get(&content->items[i], "content"), depth + 1, err));
        else
            TRY(skops_node(g->s, &content->items[i], &g->objects[g->count++], err));
    }
    return STATUS_OK;
}

static enum status read_objects(struct skops *s, const struct json *node,
                                struct pickle_object *object, struct error *err)
{
    struct gathering g = {.s = s};
    struct numpy_array *array;
    struct pickle_object *shape;
    size_t count, bytes;
    void *memory;

    TRY(machine_alloc(&s->m, 1, sizeof *array, &memory, err));
    array = memory;
    array->dtype = (struct numpy_dtype){.kind = 'O', .order = '|', .itemsize = 8};
    TRY(skops_node(s, json_get(node, "shape"), &shape, err));
    TRY(pickle_numpy_shape(shape, &array->shape, err));
    if (array->shape.rank == 0)
        return error_at(err, node->offset, STATUS_UNSUPPORTED, "an object in an array of rank 0");
    TRY(numpy_array_size(array, &count, &bytes, err));
    TRY(machine_charge(&s->m, count, err));
    TRY(machine_alloc(&s->m, count, sizeof *array->objects, &memory, err));
    g.shape = &array->shape;
    g.objects = array->objects = memory;
    TRY(gather(&g, json_get(node, "content"), 0, err));
    if (g.count != count)
        return broken(node, err);
    become_array(object, array);
    return STATUS_OK;
}

/* numpy scalars are arrays of rank 0, as in a pickle. */
LOADER(skops_array)
{
    struct pickle_object file = {0};
    struct bytes type;

    TRY(skops_text(node, "type", &type, err));
    if (bytes_is(type, "json"))
        return read_objects(s, node, object, err);
    if (!bytes_is(type, "numpy"))
        return broken(node, err);
    TRY(skops_bytes(s, node, &file, err));
    return skops_npy(s, file.bytes, object, err);
}

LOADER(skops_masked)
{
    struct pickle_object *data;
    size_t offset = object->offset;

    TRY(skops_node(s, json_get(json_get(node, "content"), "data"), &data, err));
    if (data->kind != PICKLE_ARRAY)
        return broken(node, err);
    *object = *data;
    object->offset = offset;
    return STATUS_OK;
}

/* numpy.dtype("<f8"), of the empty array that carries it. */
LOADER(skops_dtype)
{
    struct pickle_object *array, *text;
    const struct numpy_dtype *dtype;
    char *name;

    TRY(skops_node(s, json_get(node, "content"), &array, err));
    if (array->kind != PICKLE_ARRAY)
        return broken(node, err);
    dtype = &array->array->dtype;
    name = dtype->kind == 'O'
               ? arena_printf(s->m.keep, "O")
               : arena_printf(s->m.keep, "%c%c%zu", dtype->order, dtype->kind,
                              dtype->kind == 'U' ? dtype->itemsize / 4 : dtype->itemsize);
    if (!name)
        return error_no_memory(err, "a numpy dtype");
    TRY(machine_new(&s->m, PICKLE_TEXT, &text, err));
    text->bytes = bytes_of(name);
    TRY(skops_opaque(s, node, object, err));
    return machine_append(&s->m, &object->args->items, &object->args->count, text, err);
}

/* --- sparse matrices: a file of scipy.sparse.save_npz --- */

static enum status set_attribute(struct skops *s, struct pickle_object *state, const char *name,
                                 struct pickle_object *value, struct error *err)
{
    struct pickle_object *key;
    size_t used = 2 * state->count;

    TRY(machine_new(&s->m, PICKLE_TEXT, &key, err));
    key->bytes = bytes_of(name);
    TRY(machine_append(&s->m, &state->items, &used, key, err));
    TRY(machine_append(&s->m, &state->items, &used, value, err));
    state->count++;
    return STATUS_OK;
}

/* The shape as the tuple that pickled matrices have. */
static enum status shape_tuple(struct skops *s, const struct pickle_object *array,
                               struct pickle_object **tuple, struct error *err)
{
    struct pickle_object *dim;
    struct tensor dims;

    TRY(numpy_to_tensor(array->array, &dims, s->m.keep, err));
    if (!dtype_is_integer(dims.dtype) || dims.shape.rank != 1 || tensor_count(&dims) > RANK_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "the shape of a sparse matrix is broken");
    TRY(machine_new(&s->m, PICKLE_TUPLE, tuple, err));
    for (size_t i = 0; i < tensor_count(&dims); i++) {
        TRY(machine_new(&s->m, PICKLE_INT, &dim, err));
        dim->integer = tensor_i64(&dims, i);
        TRY(machine_append(&s->m, &(*tuple)->items, &(*tuple)->count, dim, err));
    }
    return STATUS_OK;
}

/* The npz is closed after this: its bytes are copied. */
static enum status npz_attribute(struct skops *s, struct member *member,
                                 struct pickle_object *state, struct error *err)
{
    size_t size = strlen(member->path);
    struct pickle_object *array, *value;
    struct bytes bytes;
    void *copy;
    char *name;

    if (size < 5 || strcmp(member->path + size - 4, ".npy") != 0)
        return error_set(err, STATUS_INVALID_INPUT, "an npz file with other files in it");
    name = arena_text(s->m.keep, (struct bytes){(const uint8_t *)member->path, size - 4});
    if (!name)
        return error_no_memory(err, "a sparse matrix");
    TRY(member_bytes(member, &bytes, err));
    TRY(machine_alloc(&s->m, bytes.size, 1, &copy, err));
    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    TRY(machine_new(&s->m, PICKLE_NONE, &array, err));
    TRY(skops_npy(s, (struct bytes){copy, bytes.size}, array, err));
    value = array;
    if (strcmp(name, "shape") == 0)
        TRY(shape_tuple(s, array, &value, err));
    return set_attribute(s, state, strcmp(name, "shape") == 0 ? "_shape" : name, value, err);
}

enum { NPZ_MEMBERS_MAX = 16 };

LOADER(skops_sparse)
{
    struct pickle_object file = {0}, *state;
    struct artifact_limits limits = artifact_limits_default();
    struct artifact *npz;
    enum status status = STATUS_OK;

    TRY(skops_bytes(s, node, &file, err));
    limits.members = NPZ_MEMBERS_MAX;
    limits.unpacked = s->m.limits.bytes;
    TRY(machine_new(&s->m, PICKLE_DICT, &state, err));
    TRY(artifact_open_bytes(file.bytes, "matrix.npz", &limits, &npz, err));
    for (size_t i = 0; i < npz->count && status == STATUS_OK; i++)
        status = npz_attribute(s, &npz->members[i], state, err);
    artifact_close(npz);
    if (status)
        return error_within(err, "a sparse matrix of skops");
    TRY(skops_opaque(s, node, object, err));
    object->state = state;
    return STATUS_OK;
}
