// SPDX-License-Identifier: Apache-2.0
/* Fields of serialized messages into tensors and back, as TensorFlow's DecodeProtoV2 and
 * EncodeProto. Attributes of both: numbers, kinds (formats/protobuf_kind.h) of the n fields.
 *
 * ProtoFields: STRING (shape) -> how many values each field has, I32 (shape, n), and the values of
 *   each field, (shape, the most that a message has, at least 1). Attributes repeated (0 or 1),
 *   types (ONNX numbers), defaults (a number's eight bytes, or the string) for what is not there.
 * FieldsProto: how many values of each field, I32 (shape, n), the values (shape, any) of each ->
 *   STRING (shape), fields in the order of their numbers. Attribute packed (0 or 1). */
#include "formats/protobuf_kind.h"
#include "ops/kernels/call.h"

enum { FIELDS_MAX = OP_OUTPUTS_MAX - 1 };

struct fields {
    size_t count;
    const int64_t *numbers, *kinds, *repeated, *types, *packed;
    const struct bytes *defaults;
};

static enum status fields_of(const struct op_call *call, struct fields *fields, struct error *err)
{
    const struct attributes *a = call->attributes;
    bool decode = !strcmp(call->op->name, "ProtoFields");
    size_t n[6];

    fields->numbers = attribute_ints(a, "numbers", &n[0]);
    fields->kinds = attribute_ints(a, "kinds", &n[1]);
    fields->repeated = attribute_ints(a, "repeated", &n[2]);
    fields->types = attribute_ints(a, "types", &n[3]);
    fields->packed = attribute_ints(a, "packed", &n[4]);
    fields->defaults = attribute_strings(a, "defaults", &n[5]);
    fields->count = n[0];
    if (n[0] > FIELDS_MAX || n[1] != n[0] ||
        (decode ? n[2] != n[0] || n[3] != n[0] || n[5] != n[0] : n[4] != n[0]))
        return op_error(call, err, STATUS_INVALID_INPUT, "lists of fields that do not fit");
    for (size_t k = 0; k < n[0]; k++)
        if (!proto_kind_is_known(fields->kinds[k]) || fields->numbers[k] < 1 ||
            fields->numbers[k] >= 1 << 29)
            return op_error(call, err, STATUS_INVALID_INPUT, "field %zu is none", k);
    return STATUS_OK;
}

/* --- reading --- */

struct slot {    /* of a field in a message */
    uint8_t *to; /* or NULL: count */
    enum dtype dtype;
    int64_t kind;
    bool repeated;
    size_t room, filled, counted;
};

static uint64_t value_bits(int64_t kind, uint64_t bits)
{
    if (kind == PROTO_BOOL)
        return bits != 0;
    if (proto_kind_is_narrow(kind))
        bits = (uint32_t)bits;
    if (proto_kind_is_zigzag(kind))
        return (bits >> 1) ^ (0 - (bits & 1));
    if (proto_kind_is_narrow(kind) && !proto_kind_is_unsigned(kind))
        return (uint64_t)(int64_t)(int32_t)(uint32_t)bits;
    return bits;
}

static void number_put(const struct slot *slot, int64_t kind, size_t at, uint64_t bits)
{
    size_t size = dtype_size(slot->dtype);
    uint8_t *to = slot->to + at * size;
    uint64_t value = value_bits(kind, bits);
    double wide;
    float real;

    if (slot->kind == PROTO_FLOAT && slot->dtype == DTYPE_F64) {
        uint32_t word = (uint32_t)bits;

        memcpy(&real, &word, sizeof real);
        wide = real;
        memcpy(to, &wide, sizeof wide);
        return;
    }
    memcpy(to, &value, size); /* little-endian: the low bytes */
}

static void value_put(const struct slot *slot, size_t at, const struct protobuf_field *field)
{
    if (!slot->to)
        return;
    if (proto_kind_is_text(slot->kind))
        ((struct bytes *)(void *)slot->to)[at] = field->bytes;
    else
        number_put(slot, slot->kind, at, field->value);
}

static void single_take(struct slot *slot, const struct protobuf_field *field)
{
    size_t at = slot->repeated ? slot->filled : 0;

    if (slot->repeated || !slot->counted)
        slot->counted++;
    slot->filled = at + 1;
    value_put(slot, at, field);
}

/* The next of a packed run, of which `left` is what is left. */
static enum status packed_next(const struct op_call *call, int64_t kind, struct bytes *left,
                               uint64_t *bits, struct error *err)
{
    enum protobuf_wire wire = proto_kind_wire(kind);
    size_t size = wire == PROTOBUF_FIXED64 ? 8 : wire == PROTOBUF_FIXED32 ? 4 : 0, used = 0;

    *bits = 0;
    if (size) {
        if (left->size < size)
            return op_error(call, err, STATUS_INVALID_INPUT, "a packed field is cut short");
        memcpy(bits, left->data, size);
    } else {
        for (bool more = true; more; used++) {
            if (used == 10 || used == left->size)
                return op_error(call, err, STATUS_INVALID_INPUT, "a packed field is cut short");
            *bits |= (uint64_t)(left->data[used] & 0x7F) << (7 * used);
            more = left->data[used] & 0x80;
        }
        size = used;
    }
    left->data += size;
    left->size -= size;
    return STATUS_OK;
}

/* As TensorFlow has it: int32 in a packed run becomes int64 without its sign, and what is packed of
 * a field that is not repeated counts, but its default stays. */
static enum status packed_take(const struct op_call *call, struct slot *slot, struct bytes left,
                               struct error *err)
{
    if (slot->to && slot->filled >= slot->room)
        return op_error(call, err, STATUS_INVALID_INPUT, "a packed field behind all its values");
    while (left.size) {
        int64_t kind = slot->kind;
        uint64_t bits;

        TRY(packed_next(call, slot->kind, &left, &bits, err));
        if (slot->repeated || !slot->counted)
            slot->counted++;
        if (slot->kind == PROTO_INT32 && slot->dtype == DTYPE_I64)
            kind = PROTO_UINT32;
        if (slot->to && slot->repeated)
            number_put(slot, kind, slot->filled, bits);
        slot->filled += slot->repeated;
    }
    return STATUS_OK;
}

/* All fields of a message into their slots. */
static enum status message_take(const struct op_call *call, const struct fields *fields,
                                size_t element, struct slot *slots, struct error *err)
{
    struct protobuf reader = protobuf_over(((const struct bytes *)call->in[0].data)[element]);
    struct protobuf_field field;

    for (;;) {
        size_t k = 0;

        if (protobuf_next(&reader, &field, err))
            return error_within(err, "ProtoFields: element %zu", element);
        if (!field.number)
            return STATUS_OK;
        while (k < fields->count && fields->numbers[k] != (int64_t)field.number)
            k++;
        if (k == fields->count)
            continue;
        if (field.wire == PROTOBUF_BYTES && !proto_kind_is_text(slots[k].kind))
            TRY(packed_take(call, &slots[k], field.bytes, err));
        else if (field.wire == proto_kind_wire(slots[k].kind))
            single_take(&slots[k], &field);
    }
}

static void slots_clear(const struct fields *fields, struct slot *slots)
{
    for (size_t k = 0; k < fields->count; k++)
        slots[k] = (struct slot){.dtype = dtype_from_onnx((int32_t)fields->types[k]),
                                 .kind = fields->kinds[k],
                                 .repeated = fields->repeated[k]};
}

/* The most values that a message has of each field. */
static enum status most_read(const struct op_call *call, const struct fields *fields, int64_t *most,
                             struct error *err)
{
    struct slot slots[FIELDS_MAX];

    for (size_t k = 0; k < fields->count; k++)
        most[k] = 1;
    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        slots_clear(fields, slots);
        TRY(message_take(call, fields, i, slots, err));
        for (size_t k = 0; k < fields->count; k++)
            if (most[k] < (int64_t)slots[k].counted)
                most[k] = (int64_t)slots[k].counted;
    }
    return STATUS_OK;
}

static enum status infer_decode(struct op_call *call, struct error *err)
{
    const struct shape *messages = &call->in[0].shape;
    struct fields fields;
    int64_t most[FIELDS_MAX];
    bool known = op_is_known(call, 0);

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    TRY(op_wants_rank(call, 0, 0, RANK_MAX - 1, err));
    TRY(fields_of(call, &fields, err));
    if (shape_is_known(messages) && !shape_count(messages))
        return op_error(call, err, STATUS_INVALID_INPUT, "no message is given");
    if (known)
        TRY(most_read(call, &fields, most, err));
    for (size_t k = 0; k <= fields.count; k++) {
        struct shape shape = *messages;

        if (shape.rank >= 0)
            shape.dims[shape.rank++] = !k      ? (int64_t)fields.count
                                       : known ? most[k - 1]
                                               : DIM_UNKNOWN;
        if (k &&
            !proto_kind_takes(fields.kinds[k - 1], dtype_from_onnx((int32_t)fields.types[k - 1])))
            return op_error(call, err, STATUS_INVALID_INPUT, "field %zu of another type", k - 1);
        op_give(call, k, k ? dtype_from_onnx((int32_t)fields.types[k - 1]) : DTYPE_I32, &shape);
    }
    return STATUS_OK;
}

static void default_put(const struct slot *slot, struct bytes value)
{
    double wide = 0;
    float real;

    for (size_t at = slot->filled; at < slot->room; at++) {
        size_t size = dtype_size(slot->dtype);

        if (proto_kind_is_text(slot->kind)) {
            ((struct bytes *)(void *)slot->to)[at] = value;
        } else if (slot->dtype == DTYPE_F32) { /* as double */
            memcpy(&wide, value.data, sizeof wide);
            real = (float)wide;
            memcpy(slot->to + at * size, &real, sizeof real);
        } else {
            memcpy(slot->to + at * size, value.data, size);
        }
    }
}

static enum status run_decode(const struct op_call *call, struct error *err)
{
    struct slot slots[FIELDS_MAX];
    struct fields fields;
    int32_t *sizes = call->out[0].data;

    TRY(fields_of(call, &fields, err));
    for (size_t k = 0; k < fields.count; k++)
        if (fields.defaults[k].size != sizeof(double) && !proto_kind_is_text(fields.kinds[k]))
            return op_error(call, err, STATUS_INVALID_INPUT, "field %zu has no default", k);
    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        slots_clear(&fields, slots);
        for (size_t k = 0; k < fields.count; k++) {
            const struct tensor *out = &call->out[k + 1];

            slots[k].room = (size_t)out->shape.dims[out->shape.rank - 1];
            slots[k].to = (uint8_t *)out->data + i * slots[k].room * dtype_size(out->dtype);
        }
        TRY(message_take(call, &fields, i, slots, err));
        for (size_t k = 0; k < fields.count; k++) {
            sizes[i * fields.count + k] = (int32_t)slots[k].counted;
            default_put(&slots[k], fields.defaults[k]);
        }
    }
    return STATUS_OK;
}

/* --- writing --- */

static uint64_t number_bits(const struct tensor *values, int64_t kind, size_t at)
{
    const uint8_t *from = (const uint8_t *)values->data + at * dtype_size(values->dtype);
    uint64_t bits = 0;

    memcpy(&bits, from, dtype_size(values->dtype));
    if (values->dtype == DTYPE_F64 && kind == PROTO_FLOAT) {
        double wide;
        float real;
        uint32_t word;

        memcpy(&wide, from, sizeof wide);
        real = (float)wide;
        memcpy(&word, &real, sizeof word);
        return word;
    }
    if (values->dtype == DTYPE_I32)
        bits = (uint64_t)(int64_t)(int32_t)(uint32_t)bits;
    if (kind == PROTO_FLOAT || kind == PROTO_DOUBLE || kind == PROTO_BOOL)
        return bits;
    if (proto_kind_is_narrow(kind) && proto_kind_is_unsigned(kind))
        return (uint32_t)bits;
    if (proto_kind_is_narrow(kind))
        bits = (uint64_t)(int64_t)(int32_t)(uint32_t)bits;
    if (!proto_kind_is_zigzag(kind))
        return bits;
    bits = (bits << 1) ^ (uint64_t)((int64_t)bits >> 63);
    return proto_kind_is_narrow(kind) ? (uint32_t)bits : bits;
}

static void bits_write(struct text *text, int64_t kind, uint64_t bits)
{
    enum protobuf_wire wire = proto_kind_wire(kind);

    if (wire == PROTOBUF_VARINT)
        protobuf_write_varint(text, bits);
    else
        text_append_bytes(text,
                          (struct bytes){(const uint8_t *)&bits, wire == PROTOBUF_FIXED64 ? 8 : 4});
}

static void field_write(struct text *text, const struct fields *fields, size_t k,
                        const struct tensor *values, size_t first, size_t count)
{
    uint32_t number = (uint32_t)fields->numbers[k];
    int64_t kind = fields->kinds[k];
    size_t begin = fields->packed[k] ? protobuf_write_begin(text) : 0;

    for (size_t i = first; i < first + count; i++) {
        if (proto_kind_is_text(kind)) {
            protobuf_write_bytes(text, number, ((const struct bytes *)values->data)[i]);
            continue;
        }
        if (!fields->packed[k])
            protobuf_write_varint(text, (uint64_t)number << 3 | proto_kind_wire(kind));
        bits_write(text, kind, number_bits(values, kind, i));
    }
    if (fields->packed[k])
        protobuf_write_end(text, number, begin);
}

static enum status infer_encode(struct op_call *call, struct error *err)
{
    struct fields fields;
    struct shape out = call->in[0].shape;

    TRY(fields_of(call, &fields, err));
    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_I32), err));
    TRY(op_wants_rank(call, 0, 2, RANK_MAX, err));
    if (call->in_count != fields.count + 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu inputs for %zu fields",
                        call->in_count, fields.count);
    for (size_t k = 0; k < fields.count; k++) {
        const struct shape *values = &call->in[k + 1].shape;

        if (!proto_kind_takes(fields.kinds[k], call->in[k + 1].dtype))
            return op_error(call, err, STATUS_INVALID_INPUT, "field %zu of another type", k);
        if (values->rank < 0 || out.rank < 0)
            continue;
        for (int d = 0; d < out.rank - 1; d++)
            if (values->rank != out.rank ||
                (dim_is_known(values->dims[d]) && dim_is_known(out.dims[d]) &&
                 values->dims[d] != out.dims[d]))
                return op_error(call, err, STATUS_INVALID_INPUT,
                                "the sizes and field %zu are of different shapes", k);
    }
    if (out.rank >= 0) {
        if (dim_is_known(out.dims[out.rank - 1]) && out.dims[out.rank - 1] != (int64_t)fields.count)
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld sizes for %zu fields",
                            (long long)out.dims[out.rank - 1], fields.count);
        out.rank--;
    }
    op_give(call, 0, DTYPE_STRING, &out);
    return STATUS_OK;
}

/* By number. */
static void order_of(const struct fields *fields, size_t order[FIELDS_MAX])
{
    for (size_t k = 0; k < fields->count; k++) {
        size_t at = k;

        for (; at && fields->numbers[order[at - 1]] > fields->numbers[k]; at--)
            order[at] = order[at - 1];
        order[at] = k;
    }
}

static enum status run_encode(const struct op_call *call, struct error *err)
{
    const int32_t *sizes = call->in[0].data;
    struct bytes *messages = call->out[0].data;
    size_t order[FIELDS_MAX];
    struct fields fields;

    TRY(fields_of(call, &fields, err));
    order_of(&fields, order);
    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        const struct shape *values = &call->in[i % fields.count + 1].shape;

        if (sizes[i] < 0 || sizes[i] > values->dims[values->rank - 1])
            return op_error(call, err, STATUS_INVALID_INPUT, "%d values of field %zu, of %lld",
                            (int)sizes[i], i % fields.count,
                            (long long)values->dims[values->rank - 1]);
    }
    for (size_t i = 0; i < tensor_count(&call->out[0]); i++) {
        struct text text = {0};

        for (size_t o = 0; o < fields.count; o++) {
            size_t k = order[o], count = (size_t)sizes[i * fields.count + k];
            const struct tensor *values = &call->in[k + 1];

            if (count)
                field_write(&text, &fields, k, values,
                            i * (size_t)values->shape.dims[values->shape.rank - 1], count);
        }
        TRY(op_text_take(call, &text, &messages[i], err));
    }
    return STATUS_OK;
}

const struct op_set ops_firn_proto_fields = OP_SET({.name = "ProtoFields",
                                                    .summary = "fields of serialized messages",
                                                    .in_min = 1,
                                                    .in_max = 1,
                                                    .out_min = 1,
                                                    .out_max = OP_OUTPUTS_MAX,
                                                    .infer = infer_decode,
                                                    .run = run_decode},
                                                   {.name = "FieldsProto",
                                                    .summary = "serialized messages of fields",
                                                    .in_min = 2,
                                                    .in_max = FIELDS_MAX + 1,
                                                    .out_min = 1,
                                                    .out_max = 1,
                                                    .infer = infer_encode,
                                                    .run = run_encode}, );
