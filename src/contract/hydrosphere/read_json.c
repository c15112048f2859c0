// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/number.h"
#include "base/text.h"
#include "contract/hydrosphere/internal.h"

static const struct json *member(const struct json *object, const char *name)
{
    const struct json *value = json_get(object, name);

    return value && value->kind == JSON_NULL ? NULL : value;
}

static enum status json_dim(const struct place *place, struct field *field,
                            const struct json *value, struct error *err)
{
    struct bytes string;
    int64_t size;

    /* protocol buffers write 64-bit numbers as strings */
    if (!json_i64(value, &size) &&
        !(json_string(value, &string) && number_i64_from_text(string, &size)))
        return place_invalid(place, field, "has a dimension that is no whole number", err);
    return place_dim(place, field, size, err);
}

static enum status json_shape(const struct place *place, struct field *field,
                              const struct json *shape, struct error *err)
{
    const struct json *dims = member(shape, "dims"), *dim = member(shape, "dim");
    bool unknown = false;

    if (shape->kind != JSON_OBJECT || (dims && dims->kind != JSON_ARRAY) ||
        (dim && dim->kind != JSON_ARRAY))
        return place_invalid(place, field,
                             "has a shape that is neither {\"dims\": [...]} nor {\"dim\": [...]}",
                             err);
    if (member(shape, "unknownRank") && !json_bool(member(shape, "unknownRank"), &unknown))
        return place_invalid(place, field, "has an unknownRank that is not true or false", err);
    if (unknown)
        return STATUS_OK;
    field->shape = shape_scalar();
    for (size_t i = 0; dims && i < dims->count; i++)
        TRY(json_dim(place, field, &dims->items[i], err));
    for (size_t i = 0; !dims && dim && i < dim->count; i++)
        TRY(json_dim(place, field, member(&dim->items[i], "size"), err));
    return STATUS_OK;
}

static enum status json_subfields(struct place *place, const struct json *list,
                                  const struct field *field, struct error *err);

static enum status json_field(struct place *place, const struct json *value, struct error *err)
{
    const struct json *dtype = member(value, "dtype"), *profile = member(value, "profile");
    const struct json *shape = member(value, "shape"), *holds = member(value, "subfields");
    struct bytes string = value->key; /* of an object of fields */
    struct field made, *field = &made;
    char *name = NULL;

    if (value->kind == JSON_OBJECT &&
        (json_string(member(value, "name"), &string) || string.size)) {
        name = arena_text(place->keep, string);
        if (!name)
            return error_no_memory(err, "a contract");
    }
    TRY(place_field(place, name, field, err));
    if (holds && !dtype) {
        if (shape)
            TRY(json_shape(place, field, shape, err));
        return json_subfields(place, holds, field, err);
    }
    if (!json_string(dtype, &string))
        return place_invalid(place, field, "has no dtype", err);
    field->dtype = hydrosphere_dtype_from(string);
    if (field->dtype == DTYPE_NONE) {
        char what[TEXT_QUOTE_SIZE + 32], quoted[TEXT_QUOTE_SIZE];

        snprintf(what, sizeof what, "has dtype \"%s\", which is none",
                 text_quote(string, quoted, sizeof quoted));
        return place_invalid(place, field, what, err);
    }
    if (shape)
        TRY(json_shape(place, field, shape, err));
    if (profile &&
        !(json_string(profile, &string) && hydrosphere_profile_by_name(string, &field->profile)))
        return place_invalid(place, field, "has a profile that is none", err);
    return place_add(place, field, err);
}

/* The manager sent a list of fields with their names; hydrosdk reads an object of them. */
static enum status json_subfields(struct place *place, const struct json *list,
                                  const struct field *field, struct error *err)
{
    size_t before = place->count;

    if (list->kind != JSON_ARRAY && list->kind != JSON_OBJECT)
        return place_invalid(place, field, "has subfields that are no list of fields", err);
    TRY(place_map(place, field, err));
    for (size_t i = 0; i < list->count; i++)
        TRY(json_field(place, &list->items[i], err));
    return place_map_end(place, field, before, err);
}

static enum status json_fields(struct place *place, const struct json *list, struct field **fields,
                               size_t *count, struct error *err)
{
    if (!list)
        return STATUS_OK;
    if (list->kind != JSON_ARRAY || list->count > HYDROSPHERE_FIELDS_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "%s: %ss is no list of at most %d fields",
                         place->where, place->direction, HYDROSPHERE_FIELDS_MAX);
    for (size_t i = 0; i < list->count; i++)
        TRY(json_field(place, &list->items[i], err));
    return place_take(place, fields, count, err);
}

static enum status json_signature(const struct json *value, const char *where,
                                  struct signature *signature, struct arena *keep,
                                  struct error *err)
{
    struct place place = {.where = where, .direction = "input", .keep = keep};
    struct bytes name;

    if (value->kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "%s is no object", where);
    if (json_string(member(value, "signatureName"), &name)) {
        signature->name = arena_text(keep, name);
        if (!signature->name)
            return error_no_memory(err, "a contract");
    }
    TRY(json_fields(&place, member(value, "inputs"), &signature->inputs, &signature->input_count,
                    err));
    place.direction = "output";
    TRY(json_fields(&place, member(value, "outputs"), &signature->outputs, &signature->output_count,
                    err));
    return hydrosphere_signature_check(where, signature, err);
}

enum status hydrosphere_contract_json(const struct json *value, const char *where,
                                      struct contract *contract, struct arena *keep,
                                      struct error *err)
{
    const struct json *many = member(value, "signatures"), *one = member(value, "predict");

    *contract = (struct contract){NULL, 0};
    if (value->kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "%s is no object", where);
    if (many && (many->kind != JSON_ARRAY || many->count > HYDROSPHERE_SIGNATURES_MAX))
        return error_set(err, STATUS_INVALID_INPUT, "%s: signatures is no list of at most %d",
                         where, HYDROSPHERE_SIGNATURES_MAX);
    contract->signatures = arena_new(keep, struct signature, many ? many->count : 1);
    if (!contract->signatures)
        return error_no_memory(err, "a contract");
    contract->count = many ? many->count : 1;
    for (size_t i = 0; many && i < many->count; i++)
        TRY(json_signature(&many->items[i], where, &contract->signatures[i], keep, err));
    return many ? STATUS_OK
                : json_signature(one ? one : value, where, &contract->signatures[0], keep, err);
}
