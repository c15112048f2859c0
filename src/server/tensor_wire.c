// SPDX-License-Identifier: Apache-2.0
#include "server/tensor_wire.h"

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

        if (field && field->dtype != DTYPE_NONE && field->dtype != given->tensor.dtype)
            return error_set(err, STATUS_INVALID_INPUT, "input '%s' is of %s, not %s",
                             text_quote(bytes_of(field->name), quoted, sizeof quoted),
                             dtype_name(field->dtype), dtype_name(given->tensor.dtype));
    }
    return STATUS_OK;
}

enum status tensor_wire_give(struct prediction *p, uint32_t number, enum tensor_dialect dialect,
                             struct error *err)
{
    struct arena *arena = request_arena(p->request);
    struct protobuf message = protobuf_over(p->request->body);
    struct protobuf_field field;
    struct given *given;
    size_t count;

    TRY(protobuf_count(&message, number, &count, err));
    given = arena_new(arena, struct given, count);
    if (!given)
        return error_no_memory(err, "a request");
    p->given = given;
    p->given_count = 0;
    while (p->given_count < count) {
        struct tensor_entry entry;

        TRY(protobuf_next(&message, &field, err));
        if (field.number != number)
            continue;
        if (tensor_entry_read(&field, dialect, &entry, arena, err))
            return error_within(err, "input");
        given[p->given_count++] = (struct given){entry.key, entry.tensor};
    }
    return tensor_wire_check(p, err);
}

static enum status output_index(const struct prediction *p, struct bytes name, size_t *index,
                                struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    for (*index = 0; *index < p->signature->output_count; ++*index)
        if (bytes_is(name, p->signature->outputs[*index].name))
            return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "signature '%s' has no output '%s'",
                     p->signature->name, text_quote(name, quoted, sizeof quoted));
}

enum status tensor_wire_answer(struct prediction *p, enum tensor_dialect dialect,
                               const struct bytes *names, size_t count, struct error *err)
{
    size_t outputs = count ? count : p->signature->output_count;

    for (size_t i = 0; i < outputs; i++) {
        size_t index = i;

        if (count)
            TRY(output_index(p, names[i], &index, err));
        if (!tensor_message_has(p->outputs[index].dtype))
            return error_set(err, STATUS_UNSUPPORTED,
                             "output '%.64s' is of %s, which the protocol does not have",
                             p->signature->outputs[index].name,
                             dtype_name(p->outputs[index].dtype));
        tensor_entry_write(&p->response->body, 1, p->signature->outputs[index].name, dialect,
                           &p->outputs[index]);
    }
    return STATUS_OK;
}
