// SPDX-License-Identifier: Apache-2.0
#include "server/grpc/map_wire.h"

enum { VALUE = 2, SUBTENSORS = 1 };

/* --- reading --- */

static enum status map_read(struct bytes bytes, const struct map_group *group,
                            enum tensor_dialect dialect, struct maps_given *given,
                            struct error *err);

static enum status child_read(const struct protobuf *value, const struct map_group *group,
                              const struct map_group *child, enum tensor_dialect dialect,
                              struct maps_given *given, struct error *err)
{
    struct tensor tensor;

    if (!map_child_is_leaf(group, child))
        return map_wire_read(value, child, dialect, given, err);
    TRY(tensor_message_read(value, dialect, &tensor, given->keep, err));
    return maps_add(given, child, &tensor, err);
}

static enum status entry_read(const struct protobuf_field *field, const struct map_group *group,
                              enum tensor_dialect dialect, uint64_t number,
                              struct maps_given *given, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    struct protobuf value;
    struct map_group child;
    const char *key;

    TRY(tensor_entry_split(field, &key, &value, given->keep, err));
    if (!map_group_find(group, bytes_of(key), &child))
        return maps_unknown(group, bytes_of(key), err);
    text_quote(bytes_of(key), quoted, sizeof quoted);
    if (!maps_see(given, group, &child, number))
        return error_set(err, STATUS_INVALID_INPUT, "'%s' is given twice", quoted);
    if (child_read(&value, group, &child, dialect, given, err))
        return error_within(err, "'%s'", quoted);
    return STATUS_OK;
}

/* MapTensorData {map<string, Tensor> subtensors 1} */
static enum status map_read(struct bytes bytes, const struct map_group *group,
                            enum tensor_dialect dialect, struct maps_given *given,
                            struct error *err)
{
    struct protobuf message = protobuf_over(bytes);
    struct protobuf_field field;
    uint64_t number;

    TRY(maps_begin(given, &number, err));
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return maps_end(given, group, number, err);
        if (field.number == SUBTENSORS)
            TRY(entry_read(&field, group, dialect, number, given, err));
    }
}

enum status map_wire_read(const struct protobuf *message, const struct map_group *group,
                          enum tensor_dialect dialect, struct maps_given *given, struct error *err)
{
    bool is_list = map_of(group)->is_list;
    struct bytes *maps;
    struct shape shape;
    size_t count;

    TRY(tensor_message_maps(message, dialect, &maps, &count, &shape, given->keep, err));
    if (is_list ? shape.rank > 1 : shape.rank > 0 || count != 1)
        return error_set(err, STATUS_INVALID_INPUT, "it has %zu maps in %d dimensions, not %s",
                         count, shape.rank, is_list ? "a list of them" : "one");
    for (size_t i = 0; i < count; i++)
        TRY(map_read(maps[i], group, dialect, given, err));
    return is_list ? maps_counted(given, group, (int64_t)count, err) : STATUS_OK;
}

/* --- writing --- */

struct writing {
    struct text *text;
    enum tensor_dialect dialect;
    const struct tensor *tensors;
    struct map_place place;
};

static enum status write_entry(struct writing *w, uint32_t number, const struct map_group *group,
                               const struct map_group *child, struct error *err);

/* One MapTensorData. */
static enum status write_map(struct writing *w, const struct map_group *group, struct error *err)
{
    size_t begin = protobuf_write_begin(w->text), at = 0;
    struct map_group child;

    while (map_group_next(group, &at, &child))
        TRY(write_entry(w, SUBTENSORS, group, &child, err));
    protobuf_write_end(w->text, TENSOR_MAP_DTYPE, begin);
    return STATUS_OK;
}

/* The fields of a Tensor of maps. */
static enum status write_maps(struct writing *w, const struct map_group *group, struct error *err)
{
    struct shape shape = {.rank = map_of(group)->is_list};
    int64_t *index = &w->place.index[group->depth - 1], size = 1;

    if (shape.rank)
        TRY(map_size(group, w->tensors, &size, err));
    shape.dims[0] = size;
    protobuf_write_i64(w->text, 1, TENSOR_MAP_DTYPE);
    tensor_shape_write(w->text, &shape, w->dialect);
    for (*index = 0; *index < size && !w->text->failed; ++*index)
        TRY(write_map(w, group, err));
    return STATUS_OK;
}

static enum status write_entry(struct writing *w, uint32_t number, const struct map_group *group,
                               const struct map_group *child, struct error *err)
{
    const char *name = map_child_name(group, child);
    size_t entry, value;

    if (map_child_is_leaf(group, child)) {
        struct tensor part = map_part(child, w->tensors, &w->place);

        if (!tensor_message_has(part.dtype))
            return error_set(err, STATUS_UNSUPPORTED,
                             "output '%.64s' is of %s, which the protocol does not have",
                             child->fields[child->begin].name, dtype_name(part.dtype));
        tensor_entry_write(w->text, number, name, w->dialect, &part);
        return STATUS_OK;
    }
    entry = protobuf_write_begin(w->text);
    protobuf_write_text(w->text, 1, name);
    value = protobuf_write_begin(w->text);
    TRY(write_maps(w, child, err));
    protobuf_write_end(w->text, VALUE, value);
    protobuf_write_end(w->text, number, entry);
    return STATUS_OK;
}

enum status map_wire_write(struct text *text, uint32_t number, const struct map_group *group,
                           enum tensor_dialect dialect, const struct tensor *tensors,
                           struct error *err)
{
    struct map_group around = *group;
    struct writing writing = {.text = text, .dialect = dialect, .tensors = tensors};

    around.depth--;
    return write_entry(&writing, number, &around, group, err);
}
