// SPDX-License-Identifier: Apache-2.0
#include "contract/hydrosphere.h"

#include <ctype.h>
#include <stdio.h>

#include "base/map.h"
#include "base/number.h"
#include "base/text.h"
#include "contract/maps.h"
#include "formats/protobuf.h"

enum { TF_CODE_MAX = 23 }; /* what Hydrosphere took from TensorFlow */

/* What is being read, for errors, and where its fields go: those of maps too. */
struct place {
    const char *where, *direction;
    struct arena *keep;
    struct field *fields;
    size_t count, capacity;
    struct field_map maps[FIELD_MAPS_MAX]; /* around what is read now */
    size_t depth;
};

/* --- types and profiles --- */

char *hydrosphere_dtype_name(enum dtype dtype, char name[HYDROSPHERE_DTYPE_SIZE])
{
    bool known = false;

    for (int code = 1; code <= TF_CODE_MAX; code++)
        known = known || (dtype != DTYPE_NONE && dtype_from_tf(code) == dtype);
    snprintf(name, HYDROSPHERE_DTYPE_SIZE, "DT_%s", known ? dtype_name(dtype) : "INVALID");
    for (char *c = name; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return name;
}

enum dtype hydrosphere_dtype_from(struct bytes name)
{
    char known[HYDROSPHERE_DTYPE_SIZE];

    for (int code = 1; code <= TF_CODE_MAX; code++) {
        enum dtype dtype = dtype_from_tf(code);

        if (dtype != DTYPE_NONE && bytes_is(name, hydrosphere_dtype_name(dtype, known)))
            return dtype;
    }
    return DTYPE_NONE;
}

/* As in the enumeration DataProfileType; of what we do not tell apart, the first is written. */
static const struct {
    const char *name;
    int number;
    enum profile profile;
} PROFILES[] = {
    {"NONE", 0, PROFILE_NONE},
    {"CATEGORICAL", 1, PROFILE_CATEGORICAL},
    {"NUMERICAL", 2, PROFILE_NUMERICAL},
    {"IMAGE", 3, PROFILE_IMAGE},
    {"AUDIO", 5, PROFILE_AUDIO},
    {"TEXT", 6, PROFILE_TEXT},
    {"NOMINAL", 11, PROFILE_CATEGORICAL},
    {"ORDINAL", 12, PROFILE_CATEGORICAL},
    {"CONTINUOUS", 21, PROFILE_NUMERICAL},
    {"INTERVAL", 22, PROFILE_NUMERICAL},
    {"RATIO", 23, PROFILE_NUMERICAL},
    {"VIDEO", 4, PROFILE_NONE},
};

const char *hydrosphere_profile_name(enum profile profile)
{
    for (size_t i = 0; i < ARRAY_COUNT(PROFILES); i++)
        if (PROFILES[i].profile == profile)
            return PROFILES[i].name;
    return "NONE";
}

int hydrosphere_profile_number(enum profile profile)
{
    for (size_t i = 0; i < ARRAY_COUNT(PROFILES); i++)
        if (PROFILES[i].profile == profile)
            return PROFILES[i].number;
    return 0;
}

static bool profile_by_name(struct bytes name, enum profile *profile)
{
    for (size_t i = 0; i < ARRAY_COUNT(PROFILES); i++)
        if (bytes_is(name, PROFILES[i].name)) {
            *profile = PROFILES[i].profile;
            return true;
        }
    return false;
}

static bool profile_by_number(int64_t number, enum profile *profile)
{
    for (size_t i = 0; i < ARRAY_COUNT(PROFILES); i++)
        if (PROFILES[i].number == number) {
            *profile = PROFILES[i].profile;
            return true;
        }
    return false;
}

/* --- fields, whatever they came in --- */

static enum status invalid(const struct place *place, const struct field *field, const char *what,
                           struct error *err)
{
    char name[TEXT_QUOTE_SIZE];

    return error_set(err, STATUS_INVALID_INPUT, "%s: %s \"%s\" %s", place->where, place->direction,
                     text_quote(bytes_of(field->name), name, sizeof name), what);
}

static enum status dim_add(const struct place *place, struct field *field, int64_t size,
                           struct error *err)
{
    char what[96];

    if (field->shape.rank == RANK_MAX)
        return invalid(place, field, "has more dimensions than a tensor can have", err);
    if (size != DIM_UNKNOWN && size < 1) {
        snprintf(what, sizeof what, "has a dimension of %lld: it is -1 (free) or positive",
                 (long long)size);
        return invalid(place, field, what, err);
    }
    field->shape.dims[field->shape.rank++] = size;
    return STATUS_OK;
}

static enum status field_begin(const struct place *place, const char *name, struct field *field,
                               struct error *err)
{
    const struct evidence declared = {EVIDENCE_DECLARED, place->where};

    *field = (struct field){.name = name, .shape = shape_unknown(), .evidence_name = declared};
    if (!name || !*name)
        return error_set(err, STATUS_INVALID_INPUT, "%s: an %s has no name", place->where,
                         place->direction);
    return STATUS_OK;
}

static void field_declared(const struct place *place, struct field *field)
{
    const struct evidence declared = {EVIDENCE_DECLARED, place->where};

    if (field->dtype != DTYPE_NONE)
        field->evidence_dtype = declared;
    if (field->shape.rank != RANK_UNKNOWN)
        field->evidence_shape = declared;
    if (field->profile != PROFILE_NONE) /* which clients say when nobody said anything */
        field->evidence_profile = declared;
}

/* A leaf, or a field outside of maps, is one of the signature's. */
static enum status field_end(struct place *place, struct field *field, struct error *err)
{
    struct field_map *maps = NULL;

    field_declared(place, field);
    if (place->depth) {
        maps = arena_new(place->keep, struct field_map, place->depth);
        if (!maps)
            return error_no_memory(err, "a contract");
        memcpy(maps, place->maps, place->depth * sizeof *maps);
    }
    if (field_put_within(field, maps, place->depth, place->keep, err))
        return error_within(err, "%s", place->where);
    if (place->count >= HYDROSPHERE_FIELDS_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "%s has more than %d %ss", place->where,
                         HYDROSPHERE_FIELDS_MAX, place->direction);
    if (!ARENA_GROW(place->keep, place->fields, place->count, place->capacity))
        return error_no_memory(err, "a contract");
    place->fields[place->count++] = *field;
    return STATUS_OK;
}

/* `field` holds others, which are read next: until map_end. No shape is one map. */
static enum status map_begin(struct place *place, const struct field *field, struct error *err)
{
    if (field->shape.rank > 1)
        return invalid(place, field, "holds other fields: it is one map, or a list of them", err);
    if (place->depth == FIELD_MAPS_MAX)
        return invalid(place, field, "lies in too many other fields", err);
    place->maps[place->depth++] =
        (struct field_map){.name = field->name,
                           .is_list = field->shape.rank == 1,
                           .size = field->shape.rank == 1 ? field->shape.dims[0] : 0};
    return STATUS_OK;
}

static enum status map_end(struct place *place, const struct field *field, size_t before,
                           struct error *err)
{
    place->depth--;
    return place->count > before ? STATUS_OK : invalid(place, field, "holds no fields", err);
}

static enum status names_check(const struct place *place, const struct field *fields, size_t count,
                               struct error *err)
{
    struct map names;

    map_init(&names, place->keep);
    for (size_t i = 0; i < count; i++) {
        if (map_find(&names, bytes_of(fields[i].name)))
            return invalid(place, &fields[i], "occurs twice", err);
        if (!map_set(&names, bytes_of(fields[i].name), (void *)&fields[i]))
            return error_no_memory(err, "a contract");
    }
    return STATUS_OK;
}

/* Hydrosphere asked for both since there is one signature. */
static enum status signature_check(const char *where, const struct signature *signature,
                                   struct error *err)
{
    if (!signature->name || !*signature->name)
        return error_set(err, STATUS_INVALID_INPUT, "%s: a signature has no name", where);
    if (!signature->input_count || !signature->output_count)
        return error_set(err, STATUS_INVALID_INPUT, "%s: signature \"%.64s\" has no %s", where,
                         signature->name, signature->input_count ? "outputs" : "inputs");
    return STATUS_OK;
}

/* --- JSON --- */

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
        return invalid(place, field, "has a dimension that is no whole number", err);
    return dim_add(place, field, size, err);
}

static enum status json_shape(const struct place *place, struct field *field,
                              const struct json *shape, struct error *err)
{
    const struct json *dims = member(shape, "dims"), *dim = member(shape, "dim");
    bool unknown = false;

    if (shape->kind != JSON_OBJECT || (dims && dims->kind != JSON_ARRAY) ||
        (dim && dim->kind != JSON_ARRAY))
        return invalid(place, field,
                       "has a shape that is neither {\"dims\": [...]} nor {\"dim\": [...]}", err);
    if (member(shape, "unknownRank") && !json_bool(member(shape, "unknownRank"), &unknown))
        return invalid(place, field, "has an unknownRank that is not true or false", err);
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
    TRY(field_begin(place, name, field, err));
    if (holds && !dtype) {
        if (shape)
            TRY(json_shape(place, field, shape, err));
        return json_subfields(place, holds, field, err);
    }
    if (!json_string(dtype, &string))
        return invalid(place, field, "has no dtype", err);
    field->dtype = hydrosphere_dtype_from(string);
    if (field->dtype == DTYPE_NONE) {
        char what[TEXT_QUOTE_SIZE + 32], quoted[TEXT_QUOTE_SIZE];

        snprintf(what, sizeof what, "has dtype \"%s\", which is none",
                 text_quote(string, quoted, sizeof quoted));
        return invalid(place, field, what, err);
    }
    if (shape)
        TRY(json_shape(place, field, shape, err));
    if (profile && !(json_string(profile, &string) && profile_by_name(string, &field->profile)))
        return invalid(place, field, "has a profile that is none", err);
    return field_end(place, field, err);
}

/* The manager sent a list of fields with their names; hydrosdk reads an object of them. */
static enum status json_subfields(struct place *place, const struct json *list,
                                  const struct field *field, struct error *err)
{
    size_t before = place->count;

    if (list->kind != JSON_ARRAY && list->kind != JSON_OBJECT)
        return invalid(place, field, "has subfields that are no list of fields", err);
    TRY(map_begin(place, field, err));
    for (size_t i = 0; i < list->count; i++)
        TRY(json_field(place, &list->items[i], err));
    return map_end(place, field, before, err);
}

/* What was read into `place`: unique names. */
static enum status fields_take(struct place *place, struct field **fields, size_t *count,
                               struct error *err)
{
    *fields = place->fields;
    *count = place->count;
    place->fields = NULL;
    place->count = place->capacity = 0;
    return names_check(place, *fields, *count, err);
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
    return fields_take(place, fields, count, err);
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
    return signature_check(where, signature, err);
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

/* --- protocol buffers --- */

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
        TRY(dim_add(place, field, dims[i], err));
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
        TRY(dim_add(place, field, size, err));
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
    TRY(map_begin(place, field, err));
    for (size_t i = 0; i < count; i++)
        TRY(protobuf_field_read(place, protobuf_over(items[i]), err));
    return map_end(place, field, before, err);
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
        return profile_by_number(number, &field->profile)
                   ? STATUS_OK
                   : invalid(place, field, "has a profile that is none", err);
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
    TRY(field_begin(place, name, &parts.field, err));
    for (;;) {
        TRY(protobuf_next(&message, &item, err));
        if (item.number == 0)
            break;
        TRY(protobuf_part(place, &item, &parts, err));
    }
    if (parts.field.dtype == DTYPE_NONE && !parts.is_map) {
        if (!parts.has_second)
            return invalid(place, &parts.field, "has no dtype", err);
        return protobuf_subfields(place, parts.second, &parts.field, err);
    }
    if (parts.has_second)
        TRY(protobuf_shape(place, &parts.field, parts.second, err));
    return parts.is_map ? protobuf_subfields(place, parts.holds, &parts.field, err)
                        : field_end(place, &parts.field, err);
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
    return fields_take(place, fields, count, err);
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
    return signature_check(where, signature, err);
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

/* --- writing --- */

static void print_shape(const struct shape *shape, unsigned shapes, struct text *text)
{
    if (shape->rank < 0 && !(shapes & HYDROSPHERE_DIM)) {
        text_append(text, "null");
        return;
    }
    text_append_char(text, '{');
    if (shapes & HYDROSPHERE_DIMS && shape->rank >= 0) {
        text_append(text, "\"dims\":[");
        for (int d = 0; d < shape->rank; d++)
            text_printf(text, "%s%lld", d ? "," : "",
                        (long long)(shape->dims[d] < 0 ? -1 : shape->dims[d]));
        text_append(text, shapes & HYDROSPHERE_DIM ? "]," : "]");
    }
    if (shapes & HYDROSPHERE_DIM) {
        text_append(text, "\"dim\":[");
        for (int d = 0; d < shape->rank; d++)
            text_printf(text, "%s{\"size\":%lld,\"name\":\"\"}", d ? "," : "",
                        (long long)(shape->dims[d] < 0 ? -1 : shape->dims[d]));
        text_printf(text, "],\"unknownRank\":%s", shape->rank < 0 ? "true" : "false");
    }
    text_append_char(text, '}');
}

static void print_group(const struct map_group *group, bool named, unsigned shapes,
                        struct text *text);

static void print_map(const struct map_group *map, unsigned shapes, struct text *text)
{
    const struct shape shape = {.rank = map_of(map)->is_list, .dims = {map_of(map)->size}};

    text_append(text, ",\"shape\":");
    print_shape(&shape, shapes, text);
    text_append(text, ",\"profile\":\"NONE\",\"subfields\":{");
    print_group(map, true, shapes, text);
    text_append_char(text, '}');
}

/* `named`: as members of an object, which is how hydrosdk reads what a map holds. */
static void print_group(const struct map_group *group, bool named, unsigned shapes,
                        struct text *text)
{
    char dtype[HYDROSPHERE_DTYPE_SIZE];
    struct map_group child;
    size_t at = 0;
    bool any = false;

    while (map_group_next(group, &at, &child)) {
        const struct field *field = &group->fields[child.begin];
        const struct shape shape = field_own_shape(field);

        text_append(text, any ? "," : "");
        any = true;
        if (named)
            json_write_key(text, map_child_name(group, &child));
        text_append(text, "{\"name\":");
        json_write_text(text, map_child_name(group, &child));
        if (!map_child_is_leaf(group, &child)) {
            print_map(&child, shapes, text);
        } else {
            text_printf(
                text, ",\"dtype\":\"%s\",\"shape\":", hydrosphere_dtype_name(field->dtype, dtype));
            print_shape(&shape, shapes, text);
            text_printf(text, ",\"profile\":\"%s\"", hydrosphere_profile_name(field->profile));
        }
        text_append_char(text, '}');
    }
}

static void print_fields(const char *key, const struct field *fields, size_t count, unsigned shapes,
                         struct text *text)
{
    const struct map_group all = map_group_of(fields, count);

    text_append_char(text, ',');
    json_write_key(text, key);
    text_append_char(text, '[');
    print_group(&all, false, shapes, text);
    text_append_char(text, ']');
}

void hydrosphere_print_signature(const struct signature *signature, unsigned shapes,
                                 struct text *text)
{
    text_append(text, "{\"signatureName\":");
    json_write_text(text, signature->name);
    print_fields("inputs", signature->inputs, signature->input_count, shapes, text);
    print_fields("outputs", signature->outputs, signature->output_count, shapes, text);
    text_append_char(text, '}');
}
