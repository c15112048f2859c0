// SPDX-License-Identifier: Apache-2.0
/* Reads back what print.c wrote as JSON. */

#include "contract/maps.h"
#include "formats/json/json.h"

enum { FIELDS_MAX = 1 << 20 };

static enum status bad(struct error *err, const struct json *at, const char *what)
{
    return error_at(err, at ? at->offset : 0, STATUS_INVALID_INPUT, "contract: %s", what);
}

static enum status text_of(const struct json *value, const struct json *within, const char **text,
                           struct arena *keep, struct error *err)
{
    struct bytes bytes;

    if (!json_string(value, &bytes))
        return bad(err, within, "a text is missing");
    if (memchr(bytes.data, 0, bytes.size))
        return bad(err, value, "a text holds a zero byte");
    *text = arena_text(keep, bytes);
    return *text ? STATUS_OK : error_no_memory(err, "a contract");
}

static enum status shape_from(const struct json *value, struct shape *shape, struct error *err)
{
    *shape = shape_unknown();
    if (!value || value->kind == JSON_NULL)
        return STATUS_OK;
    if (value->kind != JSON_ARRAY || value->count > RANK_MAX)
        return bad(err, value, "a shape is no list of dimensions");
    shape->rank = (int)value->count;
    for (size_t i = 0; i < value->count; i++)
        if (!json_i64(&value->items[i], &shape->dims[i]) || shape->dims[i] < DIM_UNKNOWN)
            return bad(err, &value->items[i], "a dimension is no whole number from -1");
    return STATUS_OK;
}

/* "stored: feature_names_in_" */
static enum status evidence_from(const struct json *value, struct evidence *evidence,
                                 struct arena *keep, struct error *err)
{
    static const struct {
        const char *prefix;
        enum evidence_kind kind;
    } KINDS[] = {{"unknown", EVIDENCE_UNKNOWN},
                 {"derived", EVIDENCE_DERIVED},
                 {"stored", EVIDENCE_STORED},
                 {"declared", EVIDENCE_DECLARED}};
    struct bytes text;

    *evidence = (struct evidence){EVIDENCE_UNKNOWN, NULL};
    if (!json_string(value, &text))
        return STATUS_OK;
    for (size_t i = 0; i < ARRAY_COUNT(KINDS); i++) {
        struct bytes prefix = bytes_of(KINDS[i].prefix);
        if (!bytes_starts(text, prefix))
            continue;
        evidence->kind = KINDS[i].kind;
        if (text.size > prefix.size + 2 && text.data[prefix.size] == ':') {
            evidence->source = arena_text(
                keep, (struct bytes){text.data + prefix.size + 2, text.size - prefix.size - 2});
            if (!evidence->source)
                return error_no_memory(err, "a contract");
        }
        return STATUS_OK;
    }
    return bad(err, value, "evidence begins with none of declared, stored, derived, unknown");
}

static enum status element_from(const struct json *item, struct tensor *tensor, size_t i,
                                struct error *err)
{
    struct bytes string;
    double number;
    int64_t integer;
    bool boolean;

    if (tensor->dtype == DTYPE_STRING && json_string(item, &string)) {
        ((struct bytes *)tensor->data)[i] = string;
    } else if (tensor->dtype == DTYPE_BOOL && json_bool(item, &boolean)) {
        ((uint8_t *)tensor->data)[i] = boolean;
    } else if (tensor->dtype == DTYPE_I64 && json_i64(item, &integer)) {
        ((int64_t *)tensor->data)[i] = integer;
    } else if (dtype_is_float(tensor->dtype) && json_string(item, &string)) {
        if (!bytes_is(string, "NaN") && !bytes_is(string, "Infinity") &&
            !bytes_is(string, "-Infinity"))
            return bad(err, item, "a number is a text");
        tensor_set_f64(tensor, i,
                       bytes_is(string, "NaN")        ? __builtin_nan("")
                       : bytes_is(string, "Infinity") ? __builtin_inf()
                                                      : -__builtin_inf());
    } else if (dtype_kind(tensor->dtype) != KIND_STRING && tensor->dtype != DTYPE_BOOL &&
               json_f64(item, &number)) {
        tensor_set_f64(tensor, i, number);
    } else {
        return bad(err, item, "an element has another type than the list");
    }
    return STATUS_OK;
}

/* A flat list as a tensor. Strings are copied into keep with the list's text. */
static enum status tensor_from(const struct json *list, enum dtype dtype, const struct shape *shape,
                               const struct tensor **result, struct arena *keep, struct error *err)
{
    struct tensor *tensor = arena_new(keep, struct tensor, 1);
    struct shape flat;

    if (!tensor)
        return error_no_memory(err, "a contract");
    if (list->kind != JSON_ARRAY)
        return bad(err, list, "classes or a default are no list");
    flat = SHAPE((int64_t)list->count);
    TRY(tensor_new(tensor, dtype, shape && shape->rank >= 0 ? shape : &flat, keep, err));
    if (tensor_count(tensor) != list->count)
        return bad(err, list, "a default has another length than its shape says");
    for (size_t i = 0; i < list->count; i++)
        TRY(element_from(&list->items[i], tensor, i, err));
    *result = tensor;
    return STATUS_OK;
}

static enum dtype classes_dtype(const struct json *list)
{
    enum dtype dtype = DTYPE_I64;

    if (!list || list->kind != JSON_ARRAY || !list->count)
        return DTYPE_STRING;
    for (size_t i = 0; i < list->count; i++) {
        const struct json *item = &list->items[i];
        bool is_nan = item->kind == JSON_STRING && bytes_is(item->string, "NaN");
        if (item->kind == JSON_BOOL)
            return DTYPE_BOOL;
        if (item->kind == JSON_UINT || item->kind == JSON_FLOAT)
            dtype = DTYPE_F64;
        else if (item->kind != JSON_INT && !is_nan) /* NaN may stand among numbers */
            return DTYPE_STRING;
        else if (is_nan && i + 1 == list->count && dtype != DTYPE_F64)
            return DTYPE_STRING;
    }
    return dtype;
}

static enum status field_extras(const struct json *value, struct field *field, struct arena *keep,
                                struct error *err)
{
    const struct json *names = json_get(value, "dim_names"), *classes = json_get(value, "classes");
    const struct json *fallback = json_get(value, "default");
    struct shape shape;

    if (names && names->kind == JSON_ARRAY && field->shape.rank >= 0) {
        if (names->count != (size_t)field->shape.rank)
            return bad(err, names, "dim_names has another length than the shape");
        field->dim_names = arena_new(keep, const char *, names->count);
        if (!field->dim_names)
            return error_no_memory(err, "a contract");
        for (size_t i = 0; i < names->count; i++)
            if (names->items[i].kind != JSON_NULL)
                TRY(text_of(&names->items[i], names, &field->dim_names[i], keep, err));
    }
    if (classes)
        TRY(tensor_from(classes, classes_dtype(classes), NULL, &field->classes, keep, err));
    if (fallback) {
        TRY(shape_from(json_get(value, "default_shape"), &shape, err));
        if (field->dtype == DTYPE_NONE)
            return bad(err, fallback, "a default without a dtype");
        TRY(tensor_from(fallback, field->dtype, &shape, &field->fallback, keep, err));
    }
    return STATUS_OK;
}

enum { ELEMENT_DEPTH_MAX = 3 };

static enum status holds_from(const struct json *value, int depth, const struct tensor **element,
                              struct arena *keep, struct error *err)
{
    struct tensor *made = arena_new(keep, struct tensor, 1);
    const struct json *inner = json_get(value, "element");
    const char *word;

    if (!made)
        return error_no_memory(err, "a contract");
    if (depth >= ELEMENT_DEPTH_MAX)
        return bad(err, value, "elements of elements of elements");
    TRY(text_of(json_get(value, "dtype"), value, &word, keep, err));
    made->dtype = dtype_parse(word);
    if (made->dtype == DTYPE_NONE)
        return bad(err, value, "unknown dtype");
    TRY(shape_from(json_get(value, "shape"), &made->shape, err));
    if (inner)
        TRY(holds_from(inner, depth + 1, &made->element, keep, err));
    *element = made;
    return STATUS_OK;
}

/* Its name begins with theirs. */
static bool name_within(const struct field *field)
{
    const char *name = field->name;

    for (size_t m = 0; m < field->map_count; m++) {
        size_t size = strlen(field->maps[m].name);

        if (strncmp(name, field->maps[m].name, size) != 0 || name[size] != '.')
            return false;
        name += size + 1;
    }
    return true;
}

static enum status maps_from(const struct json *list, struct field *field, struct arena *keep,
                             struct error *err)
{
    struct field_map *maps;
    struct shape shape;
    int lists = 0;

    if (list->kind != JSON_ARRAY || list->count > FIELD_MAPS_MAX)
        return bad(err, list, "maps is no list of a few");
    maps = arena_new(keep, struct field_map, list->count);
    if (!maps)
        return error_no_memory(err, "a contract");
    for (size_t m = 0; m < list->count; m++) {
        const struct json *item = &list->items[m];

        TRY(text_of(json_get(item, "name"), item, &maps[m].name, keep, err));
        TRY(shape_from(json_get(item, "shape"), &shape, err));
        if (shape.rank != 0 && shape.rank != 1)
            return bad(err, item, "a map has another shape than [] or [size]");
        maps[m].is_list = shape.rank == 1;
        maps[m].size = shape.rank ? shape.dims[0] : 0;
        lists += shape.rank;
    }
    field->maps = maps;
    field->map_count = list->count;
    if (!name_within(field) || (field->shape.rank >= 0 && field->shape.rank < lists))
        return bad(err, list, "maps do not fit the field that lies in them");
    return STATUS_OK;
}

static enum status field_from(const struct json *value, struct field *field, struct arena *keep,
                              struct error *err)
{
    const struct json *evidence = json_get(value, "evidence"), *dtype = json_get(value, "dtype");
    const char *word;

    TRY(text_of(json_get(value, "name"), value, &field->name, keep, err));
    if (dtype && dtype->kind != JSON_NULL) {
        TRY(text_of(dtype, value, &word, keep, err));
        field->dtype = dtype_parse(word);
        if (field->dtype == DTYPE_NONE)
            return bad(err, dtype, "unknown dtype");
    }
    if (json_get(value, "fed")) {
        TRY(text_of(json_get(value, "fed"), value, &word, keep, err));
        field->fed = dtype_parse(word);
        if (field->fed == DTYPE_NONE)
            return bad(err, json_get(value, "fed"), "unknown dtype");
    }
    TRY(shape_from(json_get(value, "shape"), &field->shape, err));
    if (json_get(value, "maps"))
        TRY(maps_from(json_get(value, "maps"), field, keep, err));
    if (json_get(value, "element"))
        TRY(holds_from(json_get(value, "element"), 0, &field->element, keep, err));
    TRY(text_of(json_get(value, "profile"), value, &word, keep, err));
    if (!profile_parse(word, &field->profile))
        return bad(err, json_get(value, "profile"), "unknown profile");
    if (json_get(value, "optional") && !json_bool(json_get(value, "optional"), &field->optional))
        return bad(err, json_get(value, "optional"), "optional is not true or false");
    TRY(evidence_from(json_get(evidence, "name"), &field->evidence_name, keep, err));
    TRY(evidence_from(json_get(evidence, "dtype"), &field->evidence_dtype, keep, err));
    TRY(evidence_from(json_get(evidence, "shape"), &field->evidence_shape, keep, err));
    TRY(evidence_from(json_get(evidence, "profile"), &field->evidence_profile, keep, err));
    return field_extras(value, field, keep, err);
}

static enum status fields_from(const struct json *list, const struct json *within,
                               struct field **fields, size_t *count, struct arena *keep,
                               struct error *err)
{
    if (!list || list->kind != JSON_ARRAY || list->count > FIELDS_MAX)
        return bad(err, within, "a signature has no list of inputs or outputs");
    *fields = arena_new(keep, struct field, list->count);
    if (!*fields)
        return error_no_memory(err, "a contract");
    *count = list->count;
    for (size_t i = 0; i < list->count; i++)
        TRY(field_from(&list->items[i], &(*fields)[i], keep, err));
    return STATUS_OK;
}

static enum status signature_from(const struct json *value, struct signature *signature,
                                  struct arena *keep, struct error *err)
{
    const struct json *columns = json_get(value, "columns"), *reason = json_get(value, "reason");
    const struct json *method = json_get(value, "method");

    TRY(text_of(json_get(value, "name"), value, &signature->name, keep, err));
    TRY(fields_from(json_get(value, "inputs"), value, &signature->inputs, &signature->input_count,
                    keep, err));
    TRY(fields_from(json_get(value, "outputs"), value, &signature->outputs,
                    &signature->output_count, keep, err));
    if (columns && !json_bool(columns, &signature->columns))
        return bad(err, columns, "columns is not true or false");
    if (method)
        TRY(text_of(method, value, &signature->method, keep, err));
    if (reason && reason->kind != JSON_NULL)
        TRY(text_of(reason, value, &signature->reason, keep, err));
    return STATUS_OK;
}

enum status contract_parse_json(struct bytes json, struct contract *contract, struct arena *keep,
                                struct error *err)
{
    struct json root;
    char *copy = arena_text(keep, json); /* strings of the tree are borrowed from it */

    if (!copy)
        return error_no_memory(err, "a contract");
    TRY(json_parse((struct bytes){(const uint8_t *)copy, json.size}, 0, &root, keep, err));
    if (root.kind != JSON_ARRAY)
        return bad(err, &root, "not a list of signatures");
    contract->count = root.count;
    contract->signatures = arena_new(keep, struct signature, root.count);
    if (!contract->signatures)
        return error_no_memory(err, "a contract");
    for (size_t i = 0; i < root.count; i++)
        TRY(signature_from(&root.items[i], &contract->signatures[i], keep, err));
    return STATUS_OK;
}
