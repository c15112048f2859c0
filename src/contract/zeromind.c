// SPDX-License-Identifier: Apache-2.0
#include "contract/zeromind.h"

#include "base/text.h"

/* The first row of a type is how it is written. */
static const struct {
    const char *name;
    enum dtype dtype;
} TYPES[] = {
    {"float32", DTYPE_F32},  {"float64", DTYPE_F64},   {"float16", DTYPE_F16},
    {"int8", DTYPE_I8},      {"int16", DTYPE_I16},     {"int32", DTYPE_I32},
    {"int64", DTYPE_I64},    {"uint8", DTYPE_U8},      {"uint16", DTYPE_U16},
    {"uint32", DTYPE_U32},   {"uint64", DTYPE_U64},    {"bool", DTYPE_BOOL},
    {"str", DTYPE_STRING},   {"string", DTYPE_STRING}, {"unicode", DTYPE_STRING},
    {"bytes", DTYPE_STRING}, {"float", DTYPE_F64},     {"double", DTYPE_F64},
    {"single", DTYPE_F32},   {"half", DTYPE_F16},      {"int", DTYPE_I64},
    {"byte", DTYPE_U8},
};

const char *zeromind_type_name(enum dtype dtype)
{
    for (size_t i = 0; i < ARRAY_COUNT(TYPES); i++)
        if (TYPES[i].dtype == dtype)
            return TYPES[i].name;
    return "object";
}

void zeromind_print_field(const struct field *field, struct text *text)
{
    text_append(text, "{\"name\":");
    json_write_text(text, field->name);
    text_append(text, ",\"type\":");
    json_write_text(text, zeromind_type_name(field->dtype));
    text_append(text, ",\"shape\":");
    text_append(text, field->shape.rank < 0 ? "null" : "[");
    for (int d = 0; d < field->shape.rank; d++) {
        text_append(text, d ? "," : "");
        if (field->shape.dims[d] < 0)
            text_append(text, "null");
        else
            text_printf(text, "%lld", (long long)field->shape.dims[d]);
    }
    text_append(text, field->shape.rank < 0 ? "}" : "]}");
}

/* --- reading --- */

enum status zeromind_json(struct bytes text, struct json *value, struct arena *keep,
                          struct error *err)
{
    char *copy = arena_text(keep, text);
    bool quoted = false;

    if (!copy)
        return error_no_memory(err, "a specification");
    for (size_t i = 0; i < text.size; i++) {
        if (quoted && copy[i] == '\\')
            i++;
        else if (copy[i] == '"')
            quoted = !quoted;
        else if (!quoted && text.size - i >= 4 && !memcmp(copy + i, "None", 4))
            memcpy(copy + i, "null", 4);
    }
    return json_parse((struct bytes){(const uint8_t *)copy, text.size}, 0, value, keep, err);
}

static enum status type_read(const struct json *value, struct field *field, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    struct bytes name;
    enum status status;

    if (!json_string(value, &name))
        return error_set(err, STATUS_INVALID_INPUT, "has no \"type\"");
    for (size_t i = 0; i < ARRAY_COUNT(TYPES); i++)
        if (bytes_is(name, TYPES[i].name)) {
            field->dtype = TYPES[i].dtype;
            return STATUS_OK;
        }
    status = error_set(err, STATUS_INVALID_INPUT, "has the unknown type \"%s\"",
                       text_quote(name, quoted, sizeof quoted));
    error_fix(err, "types are called as numpy calls them: float32, float64, uint8, int64, str ...");
    return status;
}

static enum status shape_read(const struct json *value, struct field *field, struct error *err)
{
    int64_t size;
    struct bytes word;

    if (!value || value->kind != JSON_ARRAY)
        return error_set(err, STATUS_INVALID_INPUT, "has no \"shape\"");
    if (value->count > RANK_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "has more than %d dimensions", RANK_MAX);
    field->shape.rank = (int)value->count;
    for (size_t d = 0; d < value->count; d++) {
        const struct json *item = &value->items[d];
        bool any = item->kind == JSON_NULL || (json_string(item, &word) && bytes_is(word, "None"));

        size = DIM_UNKNOWN;
        if (!any && (!json_i64(item, &size) || size == 0 || size < -1))
            return error_set(err, STATUS_INVALID_INPUT,
                             "has dimension %zu that is neither a size nor null (any)", d);
        field->shape.dims[d] = size;
    }
    return STATUS_OK;
}

static enum status field_read(const struct json *value, const char *where, struct field *field,
                              struct arena *keep, struct error *err)
{
    const struct evidence declared = {EVIDENCE_DECLARED, where};
    struct bytes name;

    *field = (struct field){.shape = shape_unknown(),
                            .evidence_name = declared,
                            .evidence_dtype = declared,
                            .evidence_shape = declared};
    if (value->kind != JSON_OBJECT || !json_string(json_get(value, "name"), &name) || !name.size ||
        memchr(name.data, 0, name.size))
        return error_set(err, STATUS_INVALID_INPUT, "has no \"name\"");
    field->name = arena_text(keep, name);
    if (!field->name)
        return error_no_memory(err, "a specification");
    TRY(type_read(json_get(value, "type"), field, err));
    return shape_read(json_get(value, "shape"), field, err);
}

enum status zeromind_fields(const struct json *list, const char *where,
                            struct zeromind_fields *fields, struct arena *keep, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    if (!list || list->kind != JSON_ARRAY || !list->count)
        return error_set(err, STATUS_INVALID_INPUT,
                         "%s is no list of {\"name\", \"type\", "
                         "\"shape\"}",
                         where);
    if (list->count > ZEROMIND_FIELDS_MAX)
        return error_set(err, STATUS_TOO_LARGE, "%s has more than %d fields", where,
                         ZEROMIND_FIELDS_MAX);
    *fields = (struct zeromind_fields){arena_new(keep, struct field, list->count), 0, where};
    if (!fields->fields)
        return error_no_memory(err, "a specification");
    for (; fields->count < list->count; fields->count++) {
        struct field *field = &fields->fields[fields->count];

        if (field_read(&list->items[fields->count], where, field, keep, err))
            return error_within(err, "%s: field %zu", where, fields->count);
        for (size_t i = 0; i < fields->count; i++)
            if (!strcmp(fields->fields[i].name, field->name))
                return error_set(err, STATUS_INVALID_INPUT, "%s: field \"%s\" is there twice",
                                 where, text_quote(bytes_of(field->name), quoted, sizeof quoted));
    }
    return STATUS_OK;
}

static enum status member_read(struct artifact *artifact, const char *path, const char *key,
                               struct zeromind_fields *fields, struct arena *keep,
                               struct error *err)
{
    struct member *member = artifact->kind == ARTIFACT_FILE ? NULL : artifact_find(artifact, path);
    struct bytes text;
    struct json value;

    *fields = (struct zeromind_fields){0};
    if (!member)
        return STATUS_OK;
    if (member->size > ZEROMIND_BYTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "%s has more than %d bytes", path,
                         ZEROMIND_BYTES_MAX);
    TRY(member_bytes(member, &text, err));
    if (zeromind_json(text, &value, keep, err))
        return error_within(err, "%s", path);
    if (value.kind != JSON_OBJECT || !json_get(&value, key))
        return error_set(err, STATUS_INVALID_INPUT, "%s is no {\"%s\": [...]}", path, key);
    return zeromind_fields(json_get(&value, key), path, fields, keep, err);
}

enum status zeromind_inputs(struct artifact *artifact, struct zeromind_fields *fields,
                            struct arena *keep, struct error *err)
{
    return member_read(artifact, ZEROMIND_INPUTS, "inputs", fields, keep, err);
}

enum status zeromind_outputs(struct artifact *artifact, struct zeromind_fields *fields,
                             struct arena *keep, struct error *err)
{
    return member_read(artifact, ZEROMIND_OUTPUTS, "outputs", fields, keep, err);
}

/* --- over a contract --- */

struct applying {
    const char *direction;
    struct text *notes;
    struct arena *keep;
    struct error *err;
};

static bool is_number(enum dtype dtype)
{
    return dtype_is_float(dtype) || dtype_is_integer(dtype) || dtype == DTYPE_BOOL;
}

static enum status contradicts(const struct applying *a, const char *what, const struct field *said,
                               const char *as, const char *is, const struct evidence *from)
{
    char name[TEXT_QUOTE_SIZE], evidence[2 * TEXT_QUOTE_SIZE];
    enum status status;

    status = error_set(a->err, STATUS_CONFLICT,
                       "%s gives %s \"%s\" the %s %s, but the model has "
                       "%s (%s)",
                       said->evidence_name.source, a->direction,
                       text_quote(bytes_of(said->name), name, sizeof name), what, as, is,
                       evidence_print(from, evidence, sizeof evidence));
    error_fix(a->err, "say what the model says: `firn inspect` shows it");
    return status;
}

static enum status type_apply(const struct applying *a, struct field *to, const struct field *said)
{
    char name[TEXT_QUOTE_SIZE];

    if (to->dtype == DTYPE_NONE) {
        to->dtype = said->dtype;
        to->evidence_dtype = said->evidence_dtype;
        return STATUS_OK;
    }
    if (to->dtype == said->dtype)
        return STATUS_OK;
    if (!is_number(to->dtype) || !is_number(said->dtype))
        return contradicts(a, "type", said, zeromind_type_name(said->dtype),
                           zeromind_type_name(to->dtype), &to->evidence_dtype);
    text_printf(a->notes, "%s says %s for %s \"%s\"; the model has %s, which stays\n",
                said->evidence_name.source, zeromind_type_name(said->dtype), a->direction,
                text_quote(bytes_of(said->name), name, sizeof name), zeromind_type_name(to->dtype));
    return STATUS_OK;
}

/* Apart from the batch, and from dimensions of 1, which people leave out: [n,1000] is said of what
 * a net gives as [n,1000,1,1], and [n,1] of what an estimator gives as [n]. */
static bool same_elements(const struct shape *a, const struct shape *b)
{
    int i = 1, j = 1;

    if (!a->rank || !b->rank)
        return false;
    for (;;) {
        while (i < a->rank && a->dims[i] == 1)
            i++;
        while (j < b->rank && b->dims[j] == 1)
            j++;
        if (i >= a->rank || j >= b->rank)
            return i >= a->rank && j >= b->rank;
        if (a->dims[i] != b->dims[j])
            return false;
        i++;
        j++;
    }
}

static enum status shape_apply(const struct applying *a, struct field *to, const struct field *said)
{
    char want[SHAPE_PRINT_SIZE], have[SHAPE_PRINT_SIZE];
    bool fits = to->shape.rank == said->shape.rank;

    if (to->shape.rank < 0) {
        to->shape = said->shape;
        to->evidence_shape = said->evidence_shape;
        return STATUS_OK;
    }
    if (!fits && (a->direction[0] == 'o' || to->shape.rank + said->shape.rank == 3) &&
        same_elements(&to->shape, &said->shape))
        return STATUS_OK;
    /* the batch that the model leaves open stays open */
    for (int d = 1; fits && d < to->shape.rank; d++)
        fits = to->shape.dims[d] < 0 || said->shape.dims[d] < 0 ||
               to->shape.dims[d] == said->shape.dims[d];
    if (!fits)
        return contradicts(a, "shape", said, shape_print(&said->shape, want, sizeof want),
                           shape_print(&to->shape, have, sizeof have), &to->evidence_shape);
    for (int d = 1; d < to->shape.rank; d++)
        if (to->shape.dims[d] < 0 && said->shape.dims[d] >= 0) {
            to->shape.dims[d] = said->shape.dims[d];
            to->evidence_shape = said->evidence_shape;
        }
    return STATUS_OK;
}

/* "x:0" is what TensorFlow calls the first tensor of x. */
static bool same_name(const char *said, const char *name)
{
    size_t size = strlen(name);

    return !strncmp(said, name, size) && (!said[size] || !strcmp(said + size, ":0"));
}

static struct field *field_named(struct field *fields, size_t count, const char *said)
{
    for (size_t i = 0; i < count; i++)
        if (same_name(said, fields[i].name))
            return &fields[i];
    return NULL;
}

static enum status no_field(const struct applying *a, const struct field *said, size_t count,
                            const struct field *fields)
{
    char name[TEXT_QUOTE_SIZE], other[TEXT_QUOTE_SIZE];
    enum status status =
        error_set(a->err, STATUS_CONFLICT,
                  "%s has the %s \"%s\", which the model has not: it has %zu, the first is \"%s\"",
                  said->evidence_name.source, a->direction,
                  text_quote(bytes_of(said->name), name, sizeof name), count,
                  text_quote(bytes_of(fields[0].name), other, sizeof other));

    error_fix(a->err, "use the names of the model: `firn inspect` shows them");
    return status;
}

static enum status fields_apply(const struct applying *a, struct field *to, size_t to_count,
                                const struct zeromind_fields *said)
{
    for (size_t i = 0; i < said->count; i++) {
        const struct field *from = &said->fields[i];
        struct field *field = field_named(to, to_count, from->name);

        /* a name that nobody stored may be another: its place says which it is. Outputs were
         * counted in 0Mind, and their names free */
        if (!field && said->count == to_count &&
            (to[i].evidence_name.kind != EVIDENCE_STORED || a->direction[0] == 'o')) {
            field = &to[i];
            field->name = from->name;
            field->evidence_name = from->evidence_name;
        }
        if (!field)
            return no_field(a, from, to_count, to);
        TRY(type_apply(a, field, from));
        TRY(shape_apply(a, field, from));
    }
    return STATUS_OK;
}

/* A table of named columns, of which 0Mind knew only the matrix. */
static enum status table_check(const struct applying *a, const struct signature *signature,
                               const struct field *said)
{
    char have[SHAPE_PRINT_SIZE], want[SHAPE_PRINT_SIZE], name[TEXT_QUOTE_SIZE];
    int64_t columns = (int64_t)signature->input_count;
    const struct shape table = SHAPE(DIM_UNKNOWN, columns);

    if (said->shape.rank != 2 || (said->shape.dims[1] >= 0 && said->shape.dims[1] != columns))
        return contradicts(a, "shape", said, shape_print(&said->shape, want, sizeof want),
                           shape_print(&table, have, sizeof have),
                           &signature->inputs[0].evidence_name);
    text_printf(a->notes, "input \"%s\" of %s is the table of %lld columns that the model names\n",
                text_quote(bytes_of(said->name), name, sizeof name), said->evidence_name.source,
                (long long)columns);
    return STATUS_OK;
}

/* Of a model that says nothing itself. */
static enum status fields_take(const struct zeromind_fields *said, struct field **fields,
                               size_t *count, struct arena *keep, struct error *err)
{
    *fields = arena_new(keep, struct field, said->count);
    if (!*fields)
        return error_no_memory(err, "a contract");
    for (*count = 0; *count < said->count; ++*count) {
        struct field *field = &(*fields)[*count];
        *field = said->fields[*count];
        field->profile = profile_default(field->dtype);
    }
    return STATUS_OK;
}

static bool same_inputs(const struct signature *a, const struct signature *b)
{
    if (a->input_count != b->input_count)
        return false;
    for (size_t i = 0; i < a->input_count; i++)
        if (strcmp(a->inputs[i].name, b->inputs[i].name) != 0)
            return false;
    return true;
}

static enum status inputs_apply(const struct applying *a, struct contract *contract,
                                const struct zeromind_fields *said)
{
    const struct signature first = contract->signatures[0];
    const struct signature *s = &contract->signatures[0];
    struct text unsaid = {.limit = 1 << 16};
    struct applying quiet = *a;
    struct signature before = first;
    enum status status = STATUS_OK;

    if (first.columns && said->count == 1 && first.input_count &&
        !field_named(first.inputs, first.input_count, said->fields[0].name))
        return table_check(a, s, &said->fields[0]);
    if (!first.input_count)
        return fields_take(said, &contract->signatures[0].inputs,
                           &contract->signatures[0].input_count, a->keep, a->err);
    before.inputs = arena_new(a->keep, struct field, first.input_count);
    if (!before.inputs)
        return error_no_memory(a->err, "a contract");
    memcpy(before.inputs, first.inputs, first.input_count * sizeof *before.inputs);
    quiet.notes = &unsaid;
    for (size_t i = 0; i < contract->count && !status; i++)
        if (i == 0 || same_inputs(&contract->signatures[i], &before))
            status = fields_apply(i ? &quiet : a, contract->signatures[i].inputs,
                                  contract->signatures[i].input_count, said);
    text_release(&unsaid);
    return status;
}

enum status zeromind_apply(struct contract *contract,
                           const struct zeromind_specification *specification, struct text *notes,
                           struct arena *keep, struct error *err)
{
    struct applying a = {"input", notes, keep, err};
    struct signature *first;

    if (!contract->count) {
        contract->signatures = arena_new(keep, struct signature, 1);
        if (!contract->signatures)
            return error_no_memory(err, "a contract");
        contract->signatures[0].name = "predict";
        contract->count = 1;
    }
    if (specification->inputs.where)
        TRY(inputs_apply(&a, contract, &specification->inputs));
    first = &contract->signatures[0];
    a.direction = "output";
    if (!specification->outputs.where)
        return STATUS_OK;
    if (!first->output_count)
        return fields_take(&specification->outputs, &first->outputs, &first->output_count, keep,
                           err);
    return fields_apply(&a, first->outputs, first->output_count, &specification->outputs);
}
