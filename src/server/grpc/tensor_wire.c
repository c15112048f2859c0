// SPDX-License-Identifier: Apache-2.0
#include "server/grpc/tensor_wire.h"

#include "server/grpc/map_wire.h"
#include "server/internal.h"

/* `x:0` of TensorFlow is `x`. */
static size_t bare_size(const char *name)
{
    size_t size = strlen(name);

    return size > 2 && !strcmp(name + size - 2, ":0") ? size - 2 : size;
}

static const struct field *field_of(const struct signature *signature, const char *name)
{
    size_t size = bare_size(name);

    for (size_t i = 0; i < signature->input_count; i++) {
        const char *field = signature->inputs[i].name;

        if (bare_size(field) == size && !memcmp(field, name, size))
            return &signature->inputs[i];
    }
    return NULL;
}

enum status tensor_wire_check(const struct prediction *p, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < p->given_count; i++) {
        const struct given *given = &p->given[i];
        const struct field *field =
            given->name && *given->name ? field_of(p->signature, given->name) : NULL;

        if (field && field->dtype != DTYPE_NONE && field_feed(field) != given->tensor.dtype)
            return error_set(err, STATUS_INVALID_INPUT, "input '%s' is of %s, not %s",
                             text_quote(bytes_of(field->name), quoted, sizeof quoted),
                             dtype_name(field_feed(field)), dtype_name(given->tensor.dtype));
    }
    return STATUS_OK;
}

/* An entry of the request: a tensor, or a map among the fields. */
static enum status entry_give(const struct protobuf_field *field, enum tensor_dialect dialect,
                              struct maps_given *maps, struct given *given, size_t *count,
                              struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    struct protobuf value;
    struct map_group child;
    uint64_t number;
    const char *key;

    TRY(tensor_entry_split(field, &key, &value, maps->keep, err));
    text_quote(bytes_of(key), quoted, sizeof quoted);
    if (!map_group_find(&maps->all, bytes_of(key), &child) ||
        map_child_is_leaf(&maps->all, &child)) {
        given[*count].name = key;
        if (tensor_message_read(&value, dialect, &given[*count].tensor, maps->keep, err))
            return error_within(err, "'%s'", quoted);
        ++*count;
        return STATUS_OK;
    }
    if (!maps->leaves)
        TRY(maps_begin(maps, &number, err)); /* 1: the request itself */
    if (!maps_see(maps, &maps->all, &child, 1))
        return error_set(err, STATUS_INVALID_INPUT, "'%s' is given twice", quoted);
    if (map_wire_read(&value, &child, dialect, maps, err))
        return error_within(err, "'%s'", quoted);
    return STATUS_OK;
}

enum status tensor_wire_give(struct prediction *p, uint32_t number, enum tensor_dialect dialect,
                             struct error *err)
{
    struct arena *arena = request_arena(p->request);
    struct maps_given maps = maps_given_of(p->signature->inputs, p->signature->input_count, arena);
    struct protobuf message = protobuf_over(p->request->body);
    struct protobuf_field field;
    struct given *given;
    size_t count;

    TRY(protobuf_count(&message, number, &count, err));
    given = arena_new(arena, struct given, count + p->signature->input_count);
    if (!given)
        return error_no_memory(err, "a request");
    p->given = given;
    p->given_count = 0;
    for (size_t seen = 0; seen < count;) {
        TRY(protobuf_next(&message, &field, err));
        if (field.number != number)
            continue;
        seen++;
        if (entry_give(&field, dialect, &maps, given, &p->given_count, err))
            return error_within(err, "input");
    }
    TRY(maps_join(&maps, given, &p->given_count, err));
    return tensor_wire_check(p, err);
}

static enum status output_write(struct prediction *p, enum tensor_dialect dialect,
                                const struct map_group *all, const struct map_group *output,
                                struct error *err)
{
    const struct tensor *tensor = &p->outputs[output->begin];
    const char *name = map_child_name(all, output);

    if (!map_child_is_leaf(all, output))
        return map_wire_write(&p->response->body, 1, output, dialect, p->outputs, err);
    if (!tensor_message_has(tensor->dtype))
        return error_set(err, STATUS_UNSUPPORTED,
                         "output '%.64s' is of %s, which the protocol does not have", name,
                         dtype_name(tensor->dtype));
    tensor_entry_write(&p->response->body, 1, name, dialect, tensor);
    return STATUS_OK;
}

enum status tensor_wire_answer(struct prediction *p, enum tensor_dialect dialect,
                               const struct bytes *names, size_t count, struct error *err)
{
    const struct map_group all = map_group_of(p->signature->outputs, p->signature->output_count);
    char quoted[TEXT_QUOTE_SIZE];
    struct map_group output;
    size_t at = 0;

    while (!count && map_group_next(&all, &at, &output))
        TRY(output_write(p, dialect, &all, &output, err));
    for (size_t i = 0; i < count; i++) {
        if (!map_group_find(&all, names[i], &output))
            return error_set(err, STATUS_INVALID_INPUT, "signature '%s' has no output '%s'",
                             p->signature->name, text_quote(names[i], quoted, sizeof quoted));
        TRY(output_write(p, dialect, &all, &output, err));
    }
    return STATUS_OK;
}
