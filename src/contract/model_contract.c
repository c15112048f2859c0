// SPDX-License-Identifier: Apache-2.0
#include "contract/model_contract.h"

#include "base/text.h"
#include "formats/protobuf_text.h"
#include "formats/tensorflow/tensor_proto.h"

enum { SIGNATURES_MAX = 1000, FIELDS_MAX = 100000 };

/* Where the rows of each type begin. */
enum {
    CONTRACT = 0,
    SIGNATURE = CONTRACT + 4,
    FIELD = SIGNATURE + 4,
    NESTED = FIELD + 8,
    INFO = NESTED + 2,
    SHAPE_PROTO = INFO + 3,
    DIM = SHAPE_PROTO + 3,
    TYPE = DIM + 3
};

#define MESSAGE_OF(name, number, of)                                                               \
    {                                                                                              \
        name, number, PROTOBUF_KIND_MESSAGE, of                                                    \
    }
#define TYPE_IS(name, number)                                                                      \
    {                                                                                              \
        "DT_" name, number, PROTOBUF_KIND_INT, 0                                                   \
    }

static const struct protobuf_row ROWS[] = {
    [CONTRACT] = {"ModelContract", 0, PROTOBUF_KIND_NONE, 0},
    {"model_name", 1, PROTOBUF_KIND_BYTES, 0},
    MESSAGE_OF("signatures", 2, SIGNATURE),
    MESSAGE_OF("predict", 2, SIGNATURE),
    [SIGNATURE] = {"ModelSignature", 0, PROTOBUF_KIND_NONE, 0},
    {"signature_name", 1, PROTOBUF_KIND_BYTES, 0},
    MESSAGE_OF("inputs", 2, FIELD),
    MESSAGE_OF("outputs", 3, FIELD),
    [FIELD] = {"ModelField", 0, PROTOBUF_KIND_NONE, 0},
    {"field_name", 1, PROTOBUF_KIND_BYTES, 0},
    {"name", 1, PROTOBUF_KIND_BYTES, 0},
    MESSAGE_OF("dict", 2, NESTED),
    MESSAGE_OF("shape", 2, SHAPE_PROTO),
    MESSAGE_OF("info", 3, INFO),
    MESSAGE_OF("subfields", 3, NESTED),
    {"dtype", 4, PROTOBUF_KIND_ENUM, TYPE},
    [NESTED] = {"Nested", 0, PROTOBUF_KIND_NONE, 0},
    MESSAGE_OF("data", 1, FIELD),
    [INFO] = {"TensorInfo", 0, PROTOBUF_KIND_NONE, 0},
    {"dtype", 2, PROTOBUF_KIND_ENUM, TYPE},
    MESSAGE_OF("tensor_shape", 3, SHAPE_PROTO),
    [SHAPE_PROTO] = {"TensorShapeProto", 0, PROTOBUF_KIND_NONE, 0},
    MESSAGE_OF("dim", 2, DIM),
    {"unknown_rank", 3, PROTOBUF_KIND_BOOL, 0},
    [DIM] = {"Dim", 0, PROTOBUF_KIND_NONE, 0},
    {"size", 1, PROTOBUF_KIND_INT, 0},
    {"name", 2, PROTOBUF_KIND_BYTES, 0},
    [TYPE] = {"DataType", 0, PROTOBUF_KIND_NONE, 0},
    TYPE_IS("FLOAT", 1),
    TYPE_IS("DOUBLE", 2),
    TYPE_IS("INT32", 3),
    TYPE_IS("UINT8", 4),
    TYPE_IS("INT16", 5),
    TYPE_IS("INT8", 6),
    TYPE_IS("STRING", 7),
    TYPE_IS("COMPLEX64", 8),
    TYPE_IS("INT64", 9),
    TYPE_IS("BOOL", 10),
    TYPE_IS("QINT8", 11),
    TYPE_IS("QUINT8", 12),
    TYPE_IS("QINT32", 13),
    TYPE_IS("BFLOAT16", 14),
    TYPE_IS("QINT16", 15),
    TYPE_IS("QUINT16", 16),
    TYPE_IS("UINT16", 17),
    TYPE_IS("COMPLEX128", 18),
    TYPE_IS("HALF", 19),
    TYPE_IS("RESOURCE", 20),
    TYPE_IS("VARIANT", 21),
    TYPE_IS("UINT32", 22),
    TYPE_IS("UINT64", 23),
    {NULL, 0, PROTOBUF_KIND_NONE, 0},
};

struct contract_reader {
    const struct evidence *evidence;
    struct arena *keep;
};

/* --- a field --- */

/* What the message of a field holds; which schema it is shows in its numbers. */
struct parts {
    const char *name;
    struct protobuf second, third; /* dict or shape; info or subfields */
    bool has_second, has_third, has_dtype;
    int64_t dtype;
};

static enum status parts_read(struct protobuf message, struct parts *parts, struct arena *keep,
                              struct error *err)
{
    struct protobuf_field at;

    *parts = (struct parts){.name = ""};
    for (;;) {
        TRY(protobuf_next(&message, &at, err));
        switch (at.number) {
        case 0:
            return STATUS_OK;
        case 1:
            TRY(protobuf_text(&at, &parts->name, keep, err));
            break;
        case 2:
            parts->has_second = true;
            TRY(protobuf_message(&at, &parts->second, err));
            break;
        case 3:
            parts->has_third = true;
            TRY(protobuf_message(&at, &parts->third, err));
            break;
        case 4:
            parts->has_dtype = true;
            TRY(protobuf_i64(&at, &parts->dtype, err));
            break;
        default:
            break;
        }
    }
}

static enum status type_set(struct contract_reader *r, int64_t code, struct field *field,
                            struct error *err)
{
    field->dtype = dtype_from_tf(code);
    if (code && field->dtype == DTYPE_NONE)
        return error_set(err, STATUS_INVALID_INPUT, "type %lld is not known", (long long)code);
    if (code)
        field->evidence_dtype = *r->evidence;
    return STATUS_OK;
}

static enum status shape_set(struct contract_reader *r, const struct protobuf *message,
                             struct field *field, struct error *err)
{
    TRY(tf_shape_read(message, &field->shape, NULL, r->keep, err));
    if (field->shape.rank >= 0)
        field->evidence_shape = *r->evidence;
    return STATUS_OK;
}

/* TensorInfo has a type at 2 or a shape at 3; a list of fields has a message at 1. */
static enum status info_read(struct contract_reader *r, struct protobuf info, struct field *field,
                             bool *nested, struct error *err)
{
    struct protobuf_field at;
    struct protobuf shape;
    int64_t code;

    for (;;) {
        TRY(protobuf_next(&info, &at, err));
        if (!at.number)
            return STATUS_OK;
        if (at.number == 1)
            *nested = true;
        if (at.number == 2) {
            *nested = false;
            TRY(protobuf_i64(&at, &code, err));
            TRY(type_set(r, code, field, err));
        } else if (at.number == 3) {
            *nested = false;
            TRY(protobuf_message(&at, &shape, err));
            TRY(shape_set(r, &shape, field, err));
        }
    }
}

static enum status field_facts(struct contract_reader *r, const struct parts *parts,
                               struct field *field, struct error *err)
{
    bool nested = parts->has_second && !parts->has_third && !parts->has_dtype;

    if (parts->has_third)
        TRY(info_read(r, parts->third, field, &nested, err));
    if (parts->has_dtype) {
        TRY(type_set(r, parts->dtype, field, err));
        if (parts->has_second)
            TRY(shape_set(r, &parts->second, field, err));
    }
    if (!nested)
        return STATUS_OK;
    if (error_set(err, STATUS_UNSUPPORTED, "it holds other fields: maps are not supported"))
        error_fix(err, "give each of them as a field of its own");
    return err->status;
}

static enum status field_read(struct contract_reader *r, struct protobuf message,
                              struct field *field, struct error *err)
{
    struct parts parts;
    char quoted[TEXT_QUOTE_SIZE];

    TRY(parts_read(message, &parts, r->keep, err));
    if (!parts.name[0])
        return error_set(err, STATUS_INVALID_INPUT, "a field has no name");
    *field =
        (struct field){.name = parts.name, .shape = shape_unknown(), .evidence_name = *r->evidence};
    if (field_facts(r, &parts, field, err))
        return error_within(err, "field \"%s\"",
                            text_quote(bytes_of(parts.name), quoted, sizeof quoted));
    return STATUS_OK;
}

/* --- signatures --- */

static enum status fields_room(const struct protobuf *message, uint32_t number,
                               struct field **fields, struct arena *keep, struct error *err)
{
    size_t count;

    TRY(protobuf_count(message, number, &count, err));
    if (count > FIELDS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "a signature of more than %d fields", FIELDS_MAX);
    *fields = arena_new(keep, struct field, count);
    return *fields ? STATUS_OK : error_no_memory(err, "a contract");
}

static enum status signature_read(struct contract_reader *r, struct protobuf message,
                                  struct signature *signature, struct error *err)
{
    struct protobuf_field at;
    struct protobuf inner;
    char quoted[TEXT_QUOTE_SIZE];

    *signature = (struct signature){.name = "predict"};
    TRY(fields_room(&message, 2, &signature->inputs, r->keep, err));
    TRY(fields_room(&message, 3, &signature->outputs, r->keep, err));
    for (;;) {
        enum status status;

        TRY(protobuf_next(&message, &at, err));
        if (!at.number)
            return STATUS_OK;
        if (at.number == 1)
            TRY(protobuf_text(&at, &signature->name, r->keep, err));
        if (at.number != 2 && at.number != 3)
            continue;
        TRY(protobuf_message(&at, &inner, err));
        status = at.number == 2
                     ? field_read(r, inner, &signature->inputs[signature->input_count++], err)
                     : field_read(r, inner, &signature->outputs[signature->output_count++], err);
        if (status)
            return error_within(err, "signature \"%s\"",
                                text_quote(bytes_of(signature->name), quoted, sizeof quoted));
    }
}

static enum status signatures_read(struct contract_reader *r, struct protobuf message,
                                   struct contract *contract, struct error *err)
{
    struct protobuf_field at;
    struct protobuf inner;
    size_t count;

    TRY(protobuf_count(&message, 2, &count, err));
    if (!count || count > SIGNATURES_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "a contract of %zu signatures", count);
    *contract = (struct contract){arena_new(r->keep, struct signature, count), 0};
    if (!contract->signatures)
        return error_no_memory(err, "a contract");
    for (;;) {
        TRY(protobuf_next(&message, &at, err));
        if (!at.number)
            return STATUS_OK;
        if (at.number != 2)
            continue;
        TRY(protobuf_message(&at, &inner, err));
        TRY(signature_read(r, inner, &contract->signatures[contract->count++], err));
    }
}

enum status model_contract_parse(struct bytes content, const char *file, struct contract *contract,
                                 struct arena *keep, struct error *err)
{
    const struct evidence evidence = {EVIDENCE_DECLARED, arena_text(keep, bytes_of(file))};
    struct contract_reader r = {&evidence, keep};
    struct bytes wire = content;
    char quoted[TEXT_QUOTE_SIZE];
    enum status status = STATUS_OK;

    if (!evidence.source)
        return error_no_memory(err, "a contract");
    if (protobuf_text_is(content, ROWS, CONTRACT))
        status = protobuf_from_text(content, ROWS, CONTRACT, &wire, keep, err);
    if (!status)
        status = signatures_read(&r, protobuf_over(wire), contract, err);
    return status ? error_within(err, "%s", text_quote(bytes_of(file), quoted, sizeof quoted))
                  : STATUS_OK;
}
