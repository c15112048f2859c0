// SPDX-License-Identifier: Apache-2.0
/* Messages of protocol buffers whose description is in the attribute: fields into tensors and back.
 * A description that the program has linked, or a file has, is not there to be read.
 * Sources: tensorflow/core/ops/{decode,encode}_proto_ops.cc, protobuf's descriptor.proto. */
#include "base/number.h"
#include "importers/tensorflow/text/parsing.h"
#include "formats/protobuf_kind.h"

enum { FIELDS_MAX = OP_OUTPUTS_MAX - 1, NESTING_MAX = 32, REPEATED = 3 };

struct proto_field {
    struct bytes name, fallback, type_name;
    int64_t number, label, kind;
    int packed;        /* -1: not stated */
    bool has_fallback; /* `fallback`: as text */
    struct bytes value;
};

struct described {
    struct protobuf set; /* FileDescriptorSet */
    struct bytes syntax; /* of the file with the message */
    struct protobuf message;
    bool found;
};

/* --- finding what has a name --- */

/* Does "a.b.C" begin with this part, followed by a dot or nothing? Then it is taken off. */
static bool part_take(struct bytes *name, struct bytes part)
{
    if (part.size > name->size || memcmp(name->data, part.data, part.size) != 0)
        return false;
    if (part.size < name->size && name->data[part.size] != '.')
        return false;
    name->data += part.size + (part.size < name->size);
    name->size -= part.size + (part.size < name->size);
    return true;
}

static enum status name_of(struct protobuf message, struct bytes *name, struct error *err)
{
    struct protobuf_field field;

    *name = (struct bytes){0};
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number == 1)
            TRY(protobuf_bytes(&field, name, err));
    }
}

/* Below a file (messages 4, enums 5) or a message (3, 4): of what is called `name` the message. */
static enum status find_below(struct protobuf around, struct bytes name, bool is_file, bool enums,
                              int depth, struct protobuf *found, bool *is_found, struct error *err)
{
    uint32_t messages = is_file ? 4 : 3, enumerations = is_file ? 5 : 4;
    struct protobuf_field field;

    if (depth > NESTING_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "messages lie too deep in messages");
    while (!*is_found) {
        struct bytes rest = name, part;
        struct protobuf inner;

        TRY(protobuf_next(&around, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != messages && (!enums || field.number != enumerations))
            continue;
        TRY(protobuf_message(&field, &inner, err));
        TRY(name_of(inner, &part, err));
        if (!part.size || !part_take(&rest, part))
            continue;
        if (!rest.size && enums == (field.number == enumerations)) {
            *found = inner;
            *is_found = true;
        } else if (rest.size && field.number == messages) {
            TRY(find_below(inner, rest, false, enums, depth + 1, found, is_found, err));
        }
    }
    return STATUS_OK;
}

struct file {
    struct bytes package, syntax;
};

static enum status file_read(struct protobuf message, struct file *file, struct error *err)
{
    struct protobuf_field field;

    *file = (struct file){.syntax = bytes_of("proto2")};
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number == 2)
            TRY(protobuf_bytes(&field, &file->package, err));
        else if (field.number == 12)
            TRY(protobuf_bytes(&field, &file->syntax, err));
    }
}

/* In all files of the set; `syntax` may be NULL. */
static enum status find(struct protobuf set, struct bytes name, bool enums, struct protobuf *found,
                        struct bytes *syntax, bool *is_found, struct error *err)
{
    struct protobuf_field field;

    *is_found = false;
    while (!*is_found) {
        struct protobuf message;
        struct bytes rest = name;
        struct file file;

        TRY(protobuf_next(&set, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != 1)
            continue;
        TRY(protobuf_message(&field, &message, err));
        TRY(file_read(message, &file, err));
        if (file.package.size && !part_take(&rest, file.package))
            continue;
        TRY(find_below(message, rest, true, enums, 0, found, is_found, err));
        if (syntax)
            *syntax = file.syntax;
    }
    return STATUS_OK;
}

/* --- fields --- */

static enum status packed_read(const struct protobuf_field *options, int *packed, struct error *err)
{
    struct protobuf message;
    struct protobuf_field field;
    bool value;

    TRY(protobuf_message(options, &message, err));
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return STATUS_OK;
        if (field.number != 2)
            continue;
        TRY(protobuf_bool(&field, &value, err));
        *packed = value;
    }
}

static enum status field_read(struct protobuf message, struct proto_field *to, struct error *err)
{
    struct protobuf_field field;

    *to = (struct proto_field){.packed = -1};
    for (;;) {
        TRY(protobuf_next(&message, &field, err));
        switch (field.number) {
        case 0:
            return STATUS_OK;
        case 1:
            TRY(protobuf_bytes(&field, &to->name, err));
            break;
        case 3:
            TRY(protobuf_i64(&field, &to->number, err));
            break;
        case 4:
            TRY(protobuf_i64(&field, &to->label, err));
            break;
        case 5:
            TRY(protobuf_i64(&field, &to->kind, err));
            break;
        case 6:
            TRY(protobuf_bytes(&field, &to->type_name, err));
            break;
        case 7:
            TRY(protobuf_bytes(&field, &to->fallback, err));
            to->has_fallback = true;
            break;
        case 8:
            TRY(packed_read(&field, &to->packed, err));
            break;
        }
    }
}

static enum status field_find(const struct described *d, struct bytes name, struct proto_field *to,
                              struct error *err)
{
    struct protobuf message = d->message;
    struct protobuf_field field;
    char quoted[TEXT_QUOTE_SIZE];

    for (;;) {
        struct protobuf inner;

        TRY(protobuf_next(&message, &field, err));
        if (!field.number)
            return error_set(err, STATUS_UNSUPPORTED, "its message has no field \"%s\" of its own",
                             text_quote(name, quoted, sizeof quoted));
        if (field.number != 2)
            continue;
        TRY(protobuf_message(&field, &inner, err));
        TRY(field_read(inner, to, err));
        if (bytes_equal(to->name, name))
            break;
    }
    if (!proto_kind_is_known(to->kind) || to->number < 1 || to->number >= 1 << 29)
        return error_set(err, STATUS_UNSUPPORTED, "field \"%s\" is of kind %lld",
                         text_quote(name, quoted, sizeof quoted), (long long)to->kind);
    return STATUS_OK;
}

/* --- values of fields that are not there --- */

static int octal_digit(struct bytes text, size_t at)
{
    return at < text.size && text.data[at] >= '0' && text.data[at] < '8' ? text.data[at] - '0' : -1;
}

/* Bytes as descriptors write them: C's escapes. */
static enum status unescape(struct tf_call *c, struct bytes text, struct bytes *value,
                            struct error *err)
{
    static const char FROM[] = "nrt\"'\\", TO[] = "\n\r\t\"'\\";
    uint8_t *to = arena_new(c->l->keep, uint8_t, text.size + 1);
    size_t used = 0;

    if (!to)
        return error_no_memory(err, "a field");
    for (size_t i = 0; i < text.size; i++) {
        const char *plain;

        if (text.data[i] != '\\') {
            to[used++] = text.data[i];
            continue;
        }
        i++;
        plain = i < text.size && text.data[i] ? strchr(FROM, text.data[i]) : NULL;
        if (plain) {
            to[used++] = (uint8_t)TO[plain - FROM];
        } else if (octal_digit(text, i) >= 0 && octal_digit(text, i + 1) >= 0 &&
                   octal_digit(text, i + 2) >= 0) {
            to[used++] = (uint8_t)(octal_digit(text, i) * 64 + octal_digit(text, i + 1) * 8 +
                                   octal_digit(text, i + 2));
            i += 2;
        } else {
            return error_set(err, STATUS_UNSUPPORTED, "the default of a field has an escape");
        }
    }
    *value = (struct bytes){to, used};
    return STATUS_OK;
}

/* The number of a name of the enumeration; of its first one where none is given. */
static enum status enum_number(const struct described *d, const struct proto_field *f,
                               int64_t *number, struct error *err)
{
    struct bytes full = f->type_name, name;
    struct protobuf all, one;
    struct protobuf_field field;
    bool found;

    if (!full.size || full.data[0] != '.')
        return error_set(err, STATUS_UNSUPPORTED, "an enumeration without its full name");
    full.data++;
    full.size--;
    TRY(find(d->set, full, true, &all, NULL, &found, err));
    if (!found)
        return error_set(err, STATUS_INVALID_INPUT, "an enumeration that is not described");
    for (;;) {
        struct protobuf value;

        TRY(protobuf_next(&all, &field, err));
        if (!field.number)
            return error_set(err, STATUS_INVALID_INPUT, "an enumeration has not its default");
        if (field.number != 2)
            continue;
        TRY(protobuf_message(&field, &one, err));
        TRY(name_of(one, &name, err));
        if (f->has_fallback && !bytes_equal(name, f->fallback))
            continue;
        *number = 0;
        for (value = one;;) {
            TRY(protobuf_next(&value, &field, err));
            if (!field.number)
                return STATUS_OK;
            if (field.number == 2)
                TRY(protobuf_i64(&field, number, err));
        }
    }
}

/* Its eight bytes, or those of the string. */
static enum status fallback_of(struct tf_call *c, const struct described *d, struct proto_field *f,
                               struct error *err)
{
    const char *text = (const char *)f->fallback.data, *end = text + f->fallback.size;
    union {
        int64_t i;
        uint64_t u;
        double f;
    } *value = arena_alloc(c->l->keep, 1, sizeof *value);
    bool right = true;

    if (!value)
        return error_no_memory(err, "a field");
    f->value = (struct bytes){(const uint8_t *)value, sizeof *value};
    if (proto_kind_is_text(f->kind)) {
        f->value = f->fallback;
        return f->kind == PROTO_BYTES ? unescape(c, f->fallback, &f->value, err) : STATUS_OK;
    }
    if (f->kind == PROTO_ENUM)
        return enum_number(d, f, &value->i, err);
    if (!f->has_fallback)
        return STATUS_OK;
    if (f->kind == PROTO_BOOL)
        value->i = bytes_is(f->fallback, "true");
    else if (f->kind == PROTO_FLOAT || f->kind == PROTO_DOUBLE)
        right = number_from_text(f->fallback, &value->f);
    else if (proto_kind_is_unsigned(f->kind))
        right = number_parse_u64(text, end, &value->u) == end;
    else
        right = number_parse_i64(text, end, &value->i) == end;
    return right ? STATUS_OK
                 : error_set(err, STATUS_INVALID_INPUT, "the default of a field is no number");
}

/* --- the operators --- */

static enum status description_read(struct tf_call *c, struct described *d, struct error *err)
{
    static const char INLINE[] = "bytes://";
    struct bytes source, name;
    char quoted[TEXT_QUOTE_SIZE];

    TRY(tf_string(c->node, "descriptor_source", "local://", &source, err));
    TRY(tf_string(c->node, "message_type", "", &name, err));
    if (source.size < sizeof INLINE - 1 || memcmp(source.data, INLINE, sizeof INLINE - 1) != 0)
        return error_set(err, STATUS_UNSUPPORTED,
                         "message \"%s\" is described outside of the model (its "
                         "descriptor_source is not \"bytes://\")",
                         text_quote(name, quoted, sizeof quoted));
    source.data += sizeof INLINE - 1;
    source.size -= sizeof INLINE - 1;
    d->set = protobuf_over(source);
    TRY(find(d->set, name, false, &d->message, &d->syntax, &d->found, err));
    if (!d->found)
        return error_set(err, STATUS_INVALID_INPUT, "message \"%s\" is not described",
                         text_quote(name, quoted, sizeof quoted));
    if (bytes_is(d->syntax, "proto2") || bytes_is(d->syntax, "proto3"))
        return STATUS_OK;
    return error_set(err, STATUS_UNSUPPORTED, "its messages are of syntax \"%s\"",
                     text_quote(d->syntax, quoted, sizeof quoted));
}

static enum status fields_read(struct tf_call *c, const struct described *d,
                               struct proto_field **fields, size_t *count, struct error *err)
{
    struct bytes *names;

    TRY(tf_strings(c->node, "field_names", &names, count, c->l->keep, err));
    if (*count > FIELDS_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "%zu fields, more than %d", *count, FIELDS_MAX);
    *fields = arena_new(c->l->keep, struct proto_field, *count + 1);
    if (!*fields)
        return error_no_memory(err, "fields");
    for (size_t k = 0; k < *count; k++) {
        for (size_t i = 0; i < k; i++)
            if (bytes_equal(names[i], names[k]))
                return error_set(err, STATUS_UNSUPPORTED, "a field is asked for twice");
        TRY(field_find(d, names[k], &(*fields)[k], err));
    }
    return STATUS_OK;
}

static enum status list_attribute(struct tf_call *c, const char *name,
                                  const struct proto_field *fields, size_t count,
                                  int64_t (*of)(const struct proto_field *),
                                  struct attribute *attribute, struct error *err)
{
    int64_t *values = arena_new(c->l->keep, int64_t, count + 1);

    if (!values)
        return error_no_memory(err, "fields");
    for (size_t k = 0; k < count; k++)
        values[k] = of(&fields[k]);
    *attribute = attribute_of_ints(name, values, count);
    return STATUS_OK;
}

static int64_t number_of(const struct proto_field *f)
{
    return f->number;
}

static int64_t kind_of(const struct proto_field *f)
{
    return f->kind;
}

static int64_t repeated_of(const struct proto_field *f)
{
    return f->label == REPEATED;
}

static int64_t packed_of(const struct proto_field *f)
{
    return f->packed == 1;
}

static enum status check_format(struct tf_call *c, struct error *err)
{
    struct bytes format;
    bool sanitize;

    TRY(tf_string(c->node, "message_format", "binary", &format, err));
    TRY(tf_bool(c->node, "sanitize", false, &sanitize, err));
    if (!bytes_is(format, "binary") || sanitize)
        return error_set(err, STATUS_UNSUPPORTED, "of messages as text, or sanitised ones");
    return STATUS_OK;
}

static enum status decode(struct tf_call *c, struct error *err)
{
    struct described d = {0};
    struct attribute attributes[5];
    struct proto_field *fields;
    enum dtype *types;
    struct bytes *values;
    size_t count, typed;

    TRY(check_format(c, err));
    TRY(description_read(c, &d, err));
    TRY(fields_read(c, &d, &fields, &count, err));
    TRY(tf_types(c->node, "output_types", &types, &typed, c->l->keep, err));
    values = arena_new(c->l->keep, struct bytes, count + 1);
    if (!values)
        return error_no_memory(err, "fields");
    if (typed != count)
        return error_set(err, STATUS_INVALID_INPUT, "%zu fields of %zu types", count, typed);
    for (size_t k = 0; k < count; k++) {
        if (!proto_kind_takes(fields[k].kind, types[k]))
            return error_set(err, STATUS_INVALID_INPUT, "field %zu as %s", k, dtype_name(types[k]));
        TRY(fallback_of(c, &d, &fields[k], err));
        values[k] = fields[k].value;
    }
    TRY(list_attribute(c, "numbers", fields, count, number_of, &attributes[0], err));
    TRY(list_attribute(c, "kinds", fields, count, kind_of, &attributes[1], err));
    TRY(list_attribute(c, "repeated", fields, count, repeated_of, &attributes[2], err));
    TRY(tf_attribute_of_types(c, "types", types, count, &attributes[3], err));
    attributes[4] = tf_attribute_of_strings("defaults", values, count);
    c->out_count = count + 1;
    return emit(c->e, "firn", "ProtoFields", c->in, 1, attributes, 5, c->out, count + 1, err);
}

/* proto3 packs what it can. */
static void packing_settle(const struct described *d, struct proto_field *fields, size_t count)
{
    for (size_t k = 0; k < count; k++)
        if (proto_kind_is_text(fields[k].kind) || fields[k].label != REPEATED)
            fields[k].packed = 0;
        else if (fields[k].packed < 0)
            fields[k].packed = bytes_is(d->syntax, "proto3");
}

/* sizes, values of each field */
static enum status encode(struct tf_call *c, struct error *err)
{
    struct described d = {0};
    struct attribute attributes[3];
    struct proto_field *fields;
    size_t count;

    TRY(description_read(c, &d, err));
    TRY(fields_read(c, &d, &fields, &count, err));
    if (c->in_count != count + 1 || !count)
        return error_set(err, STATUS_INVALID_INPUT, "%zu inputs for %zu fields", c->in_count,
                         count);
    for (size_t k = 0; k < count; k++)
        if (!proto_kind_takes(fields[k].kind, emit_dtype(c->e, c->in[k + 1])))
            return error_set(err, STATUS_INVALID_INPUT, "field %zu of %s", k,
                             dtype_name(emit_dtype(c->e, c->in[k + 1])));
    packing_settle(&d, fields, count);
    TRY(list_attribute(c, "numbers", fields, count, number_of, &attributes[0], err));
    TRY(list_attribute(c, "kinds", fields, count, kind_of, &attributes[1], err));
    TRY(list_attribute(c, "packed", fields, count, packed_of, &attributes[2], err));
    c->out_count = 1;
    return emit(c->e, "firn", "FieldsProto", c->in, c->in_count, attributes, 3, c->out, 1, err);
}

const struct tf_op_set tf_ops_proto =
    TF_OP_SET({.name = "DecodeProtoV2", .lower = decode, .inputs = 1},
              {.name = "EncodeProto", .lower = encode}, );
