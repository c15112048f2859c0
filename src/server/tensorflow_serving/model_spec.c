// SPDX-License-Identifier: Apache-2.0
#include "server/tensorflow_serving/model_spec.h"

#include <stdio.h>

#include "server/internal.h"

/* Int64Value. */
static enum status number_read(const struct protobuf_field *field, const char **version,
                               struct arena *arena, struct error *err)
{
    struct protobuf message;
    struct protobuf_field part;
    int64_t number = 0;

    TRY(protobuf_message(field, &message, err));
    for (;;) {
        TRY(protobuf_next(&message, &part, err));
        if (!part.number)
            break;
        if (part.number == 1)
            TRY(protobuf_i64(&part, &number, err));
    }
    if (number < 0)
        return error_set(err, STATUS_INVALID_INPUT, "%lld is no version", (long long)number);
    *version = arena_printf(arena, "%lld", (long long)number);
    return *version ? STATUS_OK : error_no_memory(err, "a version");
}

static enum status label_read(const struct protobuf_field *field, const char **version,
                              struct arena *arena, struct error *err)
{
    const char *label;

    TRY(protobuf_text(field, &label, arena, err));
    *version = arena_printf(arena, "@%s", label);
    return *version ? STATUS_OK : error_no_memory(err, "a label");
}

static enum status spec_parts(struct protobuf message, struct model_spec *spec, struct arena *arena,
                              struct error *err)
{
    struct protobuf_field field;

    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        switch (field.number) {
        case 0:
            return STATUS_OK;
        case 1:
            TRY(protobuf_text(&field, &spec->name, arena, err));
            break;
        case 2:
            TRY(number_read(&field, &spec->version, arena, err));
            break;
        case 3:
            TRY(protobuf_text(&field, &spec->signature, arena, err));
            break;
        case 4:
            TRY(label_read(&field, &spec->version, arena, err));
            break;
        default:
            break;
        }
    }
}

enum status model_spec_read(struct request *request, struct bytes bytes, uint32_t number,
                            struct model_spec *spec, struct error *err)
{
    struct protobuf message = protobuf_over(bytes), inner;
    struct protobuf_field field;

    *spec = (struct model_spec){"", "", ""};
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            break;
        if (field.number != number)
            continue;
        TRY(protobuf_message(&field, &inner, err));
        if (spec_parts(inner, spec, request_arena(request), err))
            return error_within(err, "model_spec");
    }
    if (!*spec->name)
        return error_set(err, STATUS_INVALID_INPUT, "model_spec has no name");
    return STATUS_OK;
}

enum status model_spec_signature(struct prediction *p, const struct model_spec *spec,
                                 struct error *err)
{
    const struct contract *contract = loaded_contract(p->loaded);
    struct error ignored;
    size_t index;

    if (!*spec->signature ||
        (strcmp(spec->signature, "serving_default") == 0 &&
         contract_signature(contract, spec->signature, &index, &ignored) == STATUS_NOT_FOUND))
        return prediction_signature(p, NULL, err);
    return prediction_signature(p, spec->signature, err);
}

void model_spec_write(struct text *text, uint32_t number, const struct prediction *p)
{
    const struct version *row = loaded_row(p->loaded);
    size_t begin = protobuf_write_begin(text), version;

    protobuf_write_text(text, 1, row->model);
    version = protobuf_write_begin(text);
    protobuf_write_i64(text, 1, row->number);
    protobuf_write_end(text, 2, version);
    protobuf_write_text(text, 3, p->signature->name);
    protobuf_write_end(text, number, begin);
}
