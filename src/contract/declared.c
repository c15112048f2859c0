// SPDX-License-Identifier: Apache-2.0
/* The contract of a manifest. The first generation maps names of signatures; later ones write one
 * signature with its name beside inputs and outputs. */
#include "base/map.h"
#include "contract/kinds/internal.h"
#include "contract/maps.h"

enum { SIGNATURES_MAX = 1000, FIELDS_MAX = 100000 };

static void declared_at(struct reading *r, size_t line, struct evidence *evidence)
{
    evidence->kind = EVIDENCE_DECLARED;
    evidence->source = arena_printf(r->keep, "%.128s:%zu", r->file, line);
    r->no_memory = r->no_memory || !evidence->source;
}

/* --- a field --- */

static void dim_read(struct reading *r, const struct yaml *dim, int64_t *into)
{
    char text[TEXT_QUOTE_SIZE];

    if (dim->kind == YAML_INT && (dim->integer == DIM_UNKNOWN || dim->integer >= 1))
        *into = dim->integer;
    else
        fault(r, dim->line, NULL, "a dimension is -1 (free) or a positive number, not %s",
              is_scalar(dim) ? text_quote(bytes_of(dim->text), text, sizeof text)
                             : yaml_kind_name(dim->kind));
}

static void shape_read(struct reading *r, const struct yaml *value, void *into)
{
    struct field *field = into;

    if (value->kind == YAML_TEXT && !strcmp(value->text, "scalar")) {
        field->shape = shape_scalar();
    } else if (value->kind != YAML_LIST) {
        fault(r, value->line, NULL, "\"shape\" must be a list like [-1, 3], or scalar, not %s",
              yaml_kind_name(value->kind));
        return;
    } else if (value->count > RANK_MAX) {
        fault(r, value->line, NULL, "a shape has at most %d dimensions, not %zu", RANK_MAX,
              value->count);
        return;
    } else {
        field->shape.rank = (int)value->count;
        for (size_t i = 0; i < value->count; i++)
            dim_read(r, &value->items[i], &field->shape.dims[i]);
    }
    declared_at(r, value->line, &field->evidence_shape);
}

/* Spellings of the wire ("DT_FLOAT") and of NumPy's scalars that the old tools took. */
static enum dtype old_type(const char *name)
{
    static const struct {
        const char *name;
        enum dtype dtype;
    } OLD[] = {
        {"DT_FLOAT", DTYPE_F32},       {"DT_DOUBLE", DTYPE_F64},    {"DT_INT8", DTYPE_I8},
        {"DT_INT16", DTYPE_I16},       {"DT_INT32", DTYPE_I32},     {"DT_INT64", DTYPE_I64},
        {"DT_UINT8", DTYPE_U8},        {"DT_UINT16", DTYPE_U16},    {"DT_UINT32", DTYPE_U32},
        {"DT_UINT64", DTYPE_U64},      {"DT_STRING", DTYPE_STRING}, {"DT_BOOL", DTYPE_BOOL},
        {"DT_HALF", DTYPE_F16},        {"DT_BFLOAT16", DTYPE_BF16}, {"DT_COMPLEX64", DTYPE_C64},
        {"DT_COMPLEX128", DTYPE_C128}, {"DT_QINT8", DTYPE_QI8},     {"DT_QUINT8", DTYPE_QU8},
        {"DT_QINT16", DTYPE_QI16},     {"DT_QUINT16", DTYPE_QU16},  {"DT_RESOURCE", DTYPE_RESOURCE},
        {"DT_VARIANT", DTYPE_VARIANT}, {"byte", DTYPE_I8},          {"ubyte", DTYPE_U8},
        {"short", DTYPE_I16},          {"ushort", DTYPE_U16},       {"complex", DTYPE_C128},
    };

    for (size_t i = 0; i < ARRAY_COUNT(OLD); i++)
        if (!strcmp(OLD[i].name, name))
            return OLD[i].dtype;
    return DTYPE_NONE;
}

static void unknown_type(struct reading *r, size_t line, const char *name)
{
    const char *names[DTYPE_COUNT], *fix;
    char text[TEXT_QUOTE_SIZE];

    for (int i = 1; i < DTYPE_COUNT; i++)
        names[i - 1] = dtype_name((enum dtype)i);
    fix = did_you_mean(r, name, names, DTYPE_COUNT - 1);
    fault(r, line,
          fix ? fix
              : "types are half float double bfloat16 complex64 complex128 uint8 uint16 uint32 "
                "uint64 int8 int16 int32 int64 bool string qint8 quint8 qint16 quint16 resource "
                "variant",
          "unknown type \"%s\"", text_quote(bytes_of(name), text, sizeof text));
}

/* In manifests of the second and third generation `float` was Python's: 64 bits. */
static void type_read(struct reading *r, const struct yaml *value, void *into)
{
    struct field *field = into;
    const char *name = NULL;
    enum dtype dtype;

    text_read(r, value, &name);
    if (!name)
        return;
    dtype = dtype_parse(name);
    if (dtype == DTYPE_NONE) {
        dtype = old_type(name);
        if (dtype != DTYPE_NONE)
            note(r, value->line, "type %s is read as %s", name, dtype_name(dtype));
    } else if (!strcmp(name, "float") && r->generation == GENERATION_2) {
        dtype = DTYPE_F64;
        note(r, value->line,
             "type float is read as double (64 bits), as tools of this generation of the file did; "
             "write float32 or double");
    }
    if (dtype == DTYPE_NONE) {
        unknown_type(r, value->line, name);
        return;
    }
    field->dtype = dtype;
    declared_at(r, value->line, &field->evidence_dtype);
}

static void profile_read(struct reading *r, const struct yaml *value, void *into)
{
    static const char *const NAMES[] = {"numerical", "categorical", "text",
                                        "image",     "audio",       "none"};
    static const struct {
        const char *name;
        enum profile profile;
    } OLD[] = {
        {"continuous", PROFILE_NUMERICAL},
        {"interval", PROFILE_NUMERICAL},
        {"ratio", PROFILE_NUMERICAL},
        {"nominal", PROFILE_CATEGORICAL},
        {"ordinal", PROFILE_CATEGORICAL},
        {"video", PROFILE_NONE},
        {"numerical", PROFILE_NUMERICAL},
        {"categorical", PROFILE_CATEGORICAL},
        {"text", PROFILE_TEXT},
        {"image", PROFILE_IMAGE},
        {"audio", PROFILE_AUDIO},
        {"none", PROFILE_NONE},
    };
    struct field *field = into;
    const char *name = NULL;
    char text[TEXT_QUOTE_SIZE];
    bool known;

    text_read(r, value, &name);
    if (!name)
        return;
    known = profile_parse(name, &field->profile);
    for (size_t i = 0; !known && i < ARRAY_COUNT(OLD); i++) {
        if (strcasecmp(OLD[i].name, name)) /* as the old tools: "NUMERICAL" too */
            continue;
        field->profile = OLD[i].profile;
        note(r, value->line, "profile %s is read as %s", name, profile_name(field->profile));
        known = true;
    }
    if (known)
        declared_at(r, value->line, &field->evidence_profile);
    else
        fault(r, value->line, did_you_mean(r, name, NAMES, ARRAY_COUNT(NAMES)),
              "unknown profile \"%s\"; known are numerical, categorical, text, image, audio, none",
              text_quote(bytes_of(name), text, sizeof text));
}

/* What a map is read into: its leaves go to the signature's list. */
struct declaring {
    struct field *fields;
    size_t count, capacity;
    struct field_map maps[FIELD_MAPS_MAX]; /* around what is read now */
    size_t depth;
};

struct field_reading {
    struct declaring *declaring;
    struct field field;
    const struct yaml *fields; /* what it holds; NULL: it is no map */
};

static void holds_read(struct reading *r, const struct yaml *value, void *into)
{
    struct field_reading *reading = into;

    if (value->kind != YAML_MAP || !value->count || value->count > FIELDS_MAX)
        fault(r, value->line, NULL,
              "\"fields\" of \"%s\" must map names of fields to their types, not %s",
              reading->field.name, yaml_kind_name(value->kind));
    else
        reading->fields = value;
}

#define READS(what)                                                                                \
    static void field_##what(struct reading *r, const struct yaml *value, void *into)              \
    {                                                                                              \
        what(r, value, &((struct field_reading *)into)->field);                                    \
    }
READS(shape_read)
READS(type_read)
READS(profile_read)

static void declare(struct reading *r, struct declaring *declaring, struct field *field,
                    size_t line)
{
    struct field_map *maps = NULL;
    struct error err;

    if (declaring->depth) {
        maps = ROOM(r, struct field_map, declaring->depth);
        if (!maps)
            return;
        memcpy(maps, declaring->maps, declaring->depth * sizeof *maps);
    }
    if (field_put_within(field, maps, declaring->depth, r->keep, &err)) {
        fault(r, line, NULL, "%s", err.text);
        return;
    }
    if (declaring->count >= FIELDS_MAX ||
        !ARENA_GROW(r->keep, declaring->fields, declaring->count, declaring->capacity)) {
        r->no_memory = true;
        return;
    }
    declaring->fields[declaring->count++] = *field;
}

static void field_read(struct reading *r, const struct yaml *value, struct declaring *declaring);

/* A field that holds others: they are the signature's. */
static void map_read(struct reading *r, const struct yaml *value,
                     const struct field_reading *reading)
{
    struct declaring *declaring = reading->declaring;
    const struct field *field = &reading->field;

    if (field->dtype != DTYPE_NONE) {
        fault(r, value->key_line, NULL, "field \"%s\" has a type and holds fields", field->name);
        return;
    }
    if (field->shape.rank > 1 || declaring->depth == FIELD_MAPS_MAX) {
        fault(r, value->key_line, NULL,
              "field \"%s\" holds others: its shape is scalar (one map) or [n] (a list of them), "
              "and at most %d lie in each other",
              field->name, FIELD_MAPS_MAX);
        return;
    }
    if (field->evidence_profile.kind == EVIDENCE_DECLARED)
        note(r, value->key_line, "the profile of \"%s\" is not used: its fields have their own",
             field->name);
    declaring->maps[declaring->depth++] =
        (struct field_map){.name = field->name,
                           .is_list = field->shape.rank == 1,
                           .size = field->shape.rank == 1 ? field->shape.dims[0] : 0};
    for (size_t i = 0; i < reading->fields->count; i++)
        field_read(r, &reading->fields->items[i], declaring);
    declaring->depth--;
}

static void field_read(struct reading *r, const struct yaml *value, struct declaring *declaring)
{
    static const struct key KEYS[] = {{"shape", field_shape_read},
                                      {"type", field_type_read},
                                      {"profile", field_profile_read},
                                      {"fields", holds_read}};
    struct field_reading reading = {.declaring = declaring,
                                    .field = {.name = value->key, .shape = shape_unknown()}};

    declared_at(r, value->key_line, &reading.field.evidence_name);
    if (!value->key[0])
        fault(r, value->key_line, NULL, "a field needs a name");
    if (value->kind == YAML_MAP)
        keys_read(r, value, "a field", KEYS, ARRAY_COUNT(KEYS), &reading);
    else if (value->kind != YAML_NULL)
        fault(r, value->line, NULL, "field \"%s\" must hold shape, type and profile, not %s",
              value->key, yaml_kind_name(value->kind));
    if (reading.fields)
        map_read(r, value, &reading);
    else
        declare(r, declaring, &reading.field, value->key_line);
}

/* "a.b" of map "a" and a field "a.b" are one name. */
static void names_check(struct reading *r, const struct yaml *value,
                        const struct declaring *declaring)
{
    char name[TEXT_QUOTE_SIZE];
    struct map names;

    map_init(&names, r->keep);
    for (size_t i = 0; i < declaring->count; i++) {
        const char *field = declaring->fields[i].name;

        if (map_find(&names, bytes_of(field)))
            fault(r, value->key_line, NULL, "field \"%s\" is declared twice",
                  text_quote(bytes_of(field), name, sizeof name));
        else if (!map_set(&names, bytes_of(field), &declaring->fields[i]))
            r->no_memory = true;
    }
}

static void fields_read(struct reading *r, const struct yaml *value, struct field **fields,
                        size_t *count)
{
    struct declaring declaring = {.fields = NULL};

    if (value->kind != YAML_MAP || value->count > FIELDS_MAX) {
        fault(r, value->line, NULL, "\"%s\" must map names of fields to their types, not %s",
              value->key, yaml_kind_name(value->kind));
        return;
    }
    for (size_t i = 0; i < value->count; i++)
        field_read(r, &value->items[i], &declaring);
    names_check(r, value, &declaring);
    *fields = declaring.count ? declaring.fields : ROOM(r, struct field, 1);
    *count = declaring.count;
}

/* --- signatures --- */

static void inputs_read(struct reading *r, const struct yaml *value, void *into)
{
    struct signature *signature = into;

    fields_read(r, value, &signature->inputs, &signature->input_count);
}

static void outputs_read(struct reading *r, const struct yaml *value, void *into)
{
    struct signature *signature = into;

    fields_read(r, value, &signature->outputs, &signature->output_count);
}

static void name_read(struct reading *r, const struct yaml *value, void *into)
{
    text_read(r, value, &((struct signature *)into)->name);
}

static bool is_signature(const struct yaml *value)
{
    for (size_t i = 0; value->kind == YAML_MAP && i < value->count; i++)
        if (strcmp(value->items[i].key, "inputs") && strcmp(value->items[i].key, "outputs"))
            return false;
    return value->kind == YAML_MAP && value->count;
}

/* One signature without a map around it? */
static bool is_single(const struct yaml *value)
{
    const struct yaml *inputs = yaml_get(value, "inputs"), *outputs = yaml_get(value, "outputs");

    return (inputs && !is_signature(inputs)) || (outputs && !is_signature(outputs));
}

static void single_read(struct reading *r, const struct yaml *value, struct contract *contract)
{
    static const struct key KEYS[] = {
        {"name", name_read}, {"inputs", inputs_read}, {"outputs", outputs_read}};
    struct signature *signature = ROOM(r, struct signature, 1);

    if (!signature)
        return;
    signature->name = "predict";
    keys_read(r, value, "a contract", KEYS, ARRAY_COUNT(KEYS), signature);
    *contract = (struct contract){signature, 1};
}

void contract_read(struct reading *r, const struct yaml *value, struct contract *contract)
{
    static const struct key KEYS[] = {{"inputs", inputs_read}, {"outputs", outputs_read}};

    if (value->kind != YAML_MAP || value->count > SIGNATURES_MAX) {
        fault(r, value->line, NULL, "\"contract\" must map names of signatures, not %s",
              yaml_kind_name(value->kind));
        return;
    }
    if (is_single(value)) {
        single_read(r, value, contract);
        return;
    }
    contract->signatures = ROOM(r, struct signature, value->count);
    if (!contract->signatures)
        return;
    contract->count = value->count;
    for (size_t i = 0; i < value->count; i++) {
        const struct yaml *item = &value->items[i];

        contract->signatures[i].name = item->key;
        if (!item->key[0])
            fault(r, item->key_line, NULL, "a signature needs a name");
        if (item->kind != YAML_MAP)
            fault(r, item->line, NULL, "signature \"%s\" must hold inputs and outputs, not %s",
                  item->key, yaml_kind_name(item->kind));
        else
            keys_read(r, item, "a signature", KEYS, ARRAY_COUNT(KEYS), &contract->signatures[i]);
    }
}
