// SPDX-License-Identifier: Apache-2.0
#include "contract/hydrosphere/internal.h"
#include "formats/protobuf.h"

/* TensorShapeProto {dim 2 {size 1}, unknown_rank 3} or TensorShape {dims 1} */
static enum status protobuf_shape(const struct place *place, struct field *field,
                                  struct protobuf message, struct error *err)
{
    struct protobuf_field item;
    struct protobuf dim;
    int64_t *dims, size;
    bool unknown = false;
    size_t count;

    field->shape = shape_scalar();
    TRY(protobuf_all_i64(&message, 1, &dims, &count, place->keep, err));
    for (size_t i = 0; i < count; i++)
        TRY(place_dim(place, field, dims[i], err));
    for (;;) {
        TRY(protobuf_next(&message, &item, err));
        if (item.number == 0)
            break;
        if (item.number == 3)
            TRY(protobuf_bool(&item, &unknown, err));
        if (item.number != 2)
            continue;
        TRY(protobuf_message(&item, &dim, err));
        size = 0;
        for (;;) {
            TRY(protobuf_next(&dim, &item, err));
            if (item.number == 0)
                break;
            if (item.number == 1)
                TRY(protobuf_i64(&item, &size, err));
        }
        TRY(place_dim(place, field, size, err));
    }
    if (unknown)
        field->shape = shape_unknown();
    return STATUS_OK;
}

/* Of the oldest contracts: TensorInfo {dtype 2, tensor_shape 3}; *is_info says whether it is one.
 */
static enum status protobuf_info(const struct place *place, struct protobuf message,
                                 struct field *field, bool *is_info, struct error *err)
{
    struct protobuf_field item;
    struct protobuf shape;
    int64_t number;

    *is_info = false;
    for (;;) {
        TRY(protobuf_next(&message, &item, err));
        if (item.number == 0)
            return STATUS_OK;
        if (item.number == 2) {
            *is_info = true;
            TRY(protobuf_i64(&item, &number, err));
            field->dtype = number > TF_CODE_MAX ? DTYPE_NONE : dtype_from_tf(number);
        } else if (item.number == 3) {
            TRY(protobuf_message(&item, &shape, err));
            TRY(protobuf_shape(place, field, shape, err));
        }
    }
}

static enum status protobuf_field_read(struct place *place, struct protobuf message,
                                       struct error *err);

/* Subfield {data 1} */
static enum status protobuf_subfields(struct place *place, struct protobuf message,
                                      const struct field *field, struct error *err)
{
    size_t before = place->count, count;
    struct bytes *items;

    TRY(protobuf_all_bytes(&message, 1, &items, &count, place->keep, err));
    TRY(place_map(place, field, err));
    for (size_t i = 0; i < count; i++)
        TRY(protobuf_field_read(place, protobuf_over(items[i]), err));
    return place_map_end(place, field, before, err);
}

struct field_parts { /* of a ModelField, until all are there */
    struct field field;
    struct protobuf second, holds; /* field 2: a shape, or what the oldest maps hold; field 3 */
    bool has_second, is_map;
};

static enum status protobuf_part(struct place *place, const struct protobuf_field *item,
                                 struct field_parts *parts, struct error *err)
{
    struct field *field = &parts->field;
    int64_t number;
    bool is_info;

    switch (item->number) {
    case 2:
        parts->has_second = true;
        return protobuf_message(item, &parts->second, err);
    case 3:
        TRY(protobuf_message(item, &parts->holds, err));
        TRY(protobuf_info(place, parts->holds, field, &is_info, err));
        parts->is_map = !is_info;
        return STATUS_OK;
    case 4:
        TRY(protobuf_i64(item, &number, err));
        field->dtype = number > TF_CODE_MAX ? DTYPE_NONE : dtype_from_tf(number);
        parts->is_map = false; /* one of both: the last */
        return STATUS_OK;
    case 5:
    case 10:
        TRY(protobuf_i64(item, &number, err));
        return hydrosphere_profile_by_number(number, &field->profile)
                   ? STATUS_OK
                   : place_invalid(place, field, "has a profile that is none", err);
    default:
        return STATUS_OK;
    }
}

/* ModelField {name 1, shape 2, subfields 3, dtype 4, profile 5 or, in generation 2, 10}; before
 * generation 1 {field_name 1, dict 2, info 3} */
static enum status protobuf_field_read(struct place *place, struct protobuf message,
                                       struct error *err)
{
    struct field_parts parts = {.is_map = false};
    struct protobuf again = message;
    struct protobuf_field item;
    const char *name = NULL;

    do {
        TRY(protobuf_next(&again, &item, err));
        if (item.number == 1)
            TRY(protobuf_text(&item, &name, place->keep, err));
    } while (item.number != 0);
    TRY(place_field(place, name, &parts.field, err));
    for (;;) {
        TRY(protobuf_next(&message, &item, err));
        if (item.number == 0)
            break;
        TRY(protobuf_part(place, &item, &parts, err));
    }
    if (parts.field.dtype == DTYPE_NONE && !parts.is_map) {
        if (!parts.has_second)
            return place_invalid(place, &parts.field, "has no dtype", err);
        return protobuf_subfields(place, parts.second, &parts.field, err);
    }
    if (parts.has_second)
        TRY(protobuf_shape(place, &parts.field, parts.second, err));
    return parts.is_map ? protobuf_subfields(place, parts.holds, &parts.field, err)
                        : place_add(place, &parts.field, err);
}

static enum status protobuf_fields(struct place *place, const struct protobuf *message,
                                   uint32_t number, struct field **fields, size_t *count,
                                   struct error *err)
{
    struct bytes *items;

    TRY(protobuf_all_bytes(message, number, &items, count, place->keep, err));
    if (*count > HYDROSPHERE_FIELDS_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "%s has more than %d %ss", place->where,
                         HYDROSPHERE_FIELDS_MAX, place->direction);
    for (size_t i = 0, all = *count; i < all; i++)
        TRY(protobuf_field_read(place, protobuf_over(items[i]), err));
    return place_take(place, fields, count, err);
}

/* ModelSignature {signature_name 1, inputs 2, outputs 3} */
static enum status protobuf_signature(struct bytes bytes, const char *where,
                                      struct signature *signature, struct arena *keep,
                                      struct error *err)
{
    struct place place = {.where = where, .direction = "input", .keep = keep};
    struct protobuf message = protobuf_over(bytes), again = message;
    struct protobuf_field item;

    do {
        TRY(protobuf_next(&again, &item, err));
        if (item.number == 1)
            TRY(protobuf_text(&item, &signature->name, keep, err));
    } while (item.number != 0);
    TRY(protobuf_fields(&place, &message, 2, &signature->inputs, &signature->input_count, err));
    place.direction = "output";
    TRY(protobuf_fields(&place, &message, 3, &signature->outputs, &signature->output_count, err));
    return hydrosphere_signature_check(where, signature, err);
}

enum status hydrosphere_contract_protobuf(struct bytes bytes, bool signature, const char *where,
                                          struct contract *contract, struct arena *keep,
                                          struct error *err)
{
    struct protobuf message = protobuf_over(bytes);
    struct bytes *items = &bytes;
    size_t count = 1;

    *contract = (struct contract){NULL, 0};
    if (!signature)
        TRY(protobuf_all_bytes(&message, 2, &items, &count, keep, err));
    if (count > HYDROSPHERE_SIGNATURES_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "%s has more than %d signatures", where,
                         HYDROSPHERE_SIGNATURES_MAX);
    contract->signatures = arena_new(keep, struct signature, count);
    if (!contract->signatures)
        return error_no_memory(err, "a contract");
    for (size_t i = 0; i < count; i++)
        if (protobuf_signature(items[i], where, &contract->signatures[i], keep, err))
            return err->status;
    contract->count = count;
    return STATUS_OK;
}
