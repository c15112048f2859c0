// SPDX-License-Identifier: Apache-2.0
/* Values of a request as one JSON object: a key a field, each a value or arrays of arrays. */
#include <stdio.h>

#include "base/text.h"
#include "contract/contract.h"
#include "formats/json/json_tensor.h"

static const struct field *field_named(const struct signature *signature, struct bytes name)
{
    for (size_t i = 0; i < signature->input_count; i++)
        if (bytes_is(name, signature->inputs[i].name))
            return &signature->inputs[i];
    return NULL;
}

static enum status unknown_field(const struct signature *signature, struct bytes name,
                                 struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE], list[300] = "";
    size_t used = 0;

    for (size_t i = 0; i < signature->input_count && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                                 signature->inputs[i].name);
    return error_set(err, STATUS_INVALID_INPUT, "signature '%s' has no input '%s'; it has %s",
                     signature->name, text_quote(name, quoted, sizeof quoted), list);
}

/* The rank of the contract: a value for [1], say, may come as a lone one. */
static enum status field_read(struct json_reader *reader, const struct field *field,
                              struct given *given, struct arena *keep, struct error *err)
{
    const struct shape any = shape_unknown();

    given->name = field->name;
    if (json_read_tensor(reader, field->dtype, &any, &given->tensor, keep, err))
        return error_within(err, "field '%.64s'", field->name);
    if (given->tensor.shape.rank == 0 && field->shape.rank > 0) {
        given->tensor.shape.rank = field->shape.rank;
        for (int d = 0; d < field->shape.rank; d++)
            given->tensor.shape.dims[d] = 1;
    }
    return STATUS_OK;
}

static enum status fields_read(struct json_reader *reader, const struct signature *signature,
                               struct given *given, size_t *count, struct arena *keep,
                               struct error *err)
{
    struct bytes key;
    bool more;

    for (;;) {
        const struct field *field;

        TRY(json_next(reader, &more, &key, err));
        if (!more)
            return json_end(reader, err);
        field = field_named(signature, key);
        if (!field)
            return unknown_field(signature, key, err);
        for (size_t i = 0; i < *count; i++)
            if (bytes_is(key, given[i].name))
                return json_repeated(reader, key, err);
        TRY(field_read(reader, field, &given[*count], keep, err));
        ++*count;
    }
}

enum status contract_given_json(const struct signature *signature, struct bytes json,
                                const struct given **given, size_t *count, struct arena *keep,
                                struct error *err)
{
    struct given *made = arena_new(keep, struct given, signature->input_count);
    struct json_reader reader;

    *count = 0;
    *given = made;
    if (!made)
        return error_no_memory(err, "a request");
    json_reader_init(&reader, json, 0);
    TRY(json_enter(&reader, JSON_OBJECT, err));
    return fields_read(&reader, signature, made, count, keep, err);
}
