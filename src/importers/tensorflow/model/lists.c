// SPDX-License-Identifier: Apache-2.0
/* Attributes that are lists: of strings, types, shapes (AttrValue.ListValue). */
#include "formats/tensorflow/tensor_proto.h"
#include "importers/tensorflow/internal.h"

enum { LIST = 1 };                           /* of AttrValue */
enum { STRINGS = 2, TYPES = 6, SHAPES = 7 }; /* of ListValue */

/* The list; *found is false when there is no such attribute. */
static enum status list_find(const struct tf_node *node, const char *name, struct protobuf *list,
                             bool *found, struct error *err)
{
    struct protobuf_field field;

    *found = false;
    for (size_t i = 0; i < node->attribute_count && !*found; i++) {
        struct protobuf reader = node->attributes[i].value;

        if (!bytes_is(node->attributes[i].name, name))
            continue;
        TRY(protobuf_next(&reader, &field, err));
        if (field.number == 0)
            return STATUS_OK;
        if (field.number != LIST)
            return error_set(err, STATUS_INVALID_INPUT, "attribute '%.64s' is no list", name);
        *found = true;
        TRY(protobuf_message(&field, list, err));
    }
    return STATUS_OK;
}

enum status tf_strings(const struct tf_node *node, const char *name, struct bytes **values,
                       size_t *count, struct arena *keep, struct error *err)
{
    struct protobuf list;
    bool found;

    *count = 0;
    TRY(list_find(node, name, &list, &found, err));
    return found ? protobuf_all_bytes(&list, STRINGS, values, count, keep, err) : STATUS_OK;
}

enum status tf_types(const struct tf_node *node, const char *name, enum dtype **values,
                     size_t *count, struct arena *keep, struct error *err)
{
    struct protobuf list;
    int64_t *codes;
    bool found;

    *count = 0;
    TRY(list_find(node, name, &list, &found, err));
    if (!found)
        return STATUS_OK;
    TRY(protobuf_all_i64(&list, TYPES, &codes, count, keep, err));
    *values = arena_new(keep, enum dtype, *count);
    if (!*values)
        return error_no_memory(err, "a list of types");
    for (size_t i = 0; i < *count; i++) {
        (*values)[i] = dtype_from_tf(codes[i] > 100 ? codes[i] - 100 : codes[i]);
        if ((*values)[i] == DTYPE_NONE)
            return error_set(err, STATUS_UNSUPPORTED, "attribute '%.64s' has TensorFlow dtype %lld",
                             name, (long long)codes[i]);
    }
    return STATUS_OK;
}

enum status tf_shapes(const struct tf_node *node, const char *name, struct shape **values,
                      size_t *count, struct arena *keep, struct error *err)
{
    struct protobuf list, reader, message;
    struct protobuf_field field;
    size_t capacity;
    bool found;

    *count = 0;
    TRY(list_find(node, name, &list, &found, err));
    if (!found)
        return STATUS_OK;
    TRY(protobuf_count(&list, SHAPES, &capacity, err));
    *values = arena_new(keep, struct shape, capacity);
    if (!*values)
        return error_no_memory(err, "a list of shapes");
    reader = list;
    for (;;) {
        TRY(protobuf_next(&reader, &field, err));
        if (!field.number || *count == capacity)
            return STATUS_OK;
        if (field.number != SHAPES)
            continue;
        TRY(protobuf_message(&field, &message, err));
        TRY(tf_shape_read(&message, &(*values)[(*count)++], NULL, keep, err));
    }
}
