// SPDX-License-Identifier: Apache-2.0
/* serving.yaml as the model page of its first generation writes it: `float` is 32 bits. */
#include "contract/manifest.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "formats/yaml.h"

enum { SIGNATURES_MAX = 1000, FIELDS_MAX = 100000, PAYLOAD_MAX = 10000 };

struct reading {
    const char *file;
    struct manifest *manifest;
    struct arena *keep;
    struct error *err;
};

/* Of later generations of the file and what became of them. */
static const struct {
    const char *key, *advice;
} LATER[] = {
    {"runtime", "firn needs no runtime; say `model-type: <framework>:<version>`"},
    {"install-command", "firn runs no commands on upload; leave it out"},
    {"monitoring", "monitoring is set up on the server; leave it out"},
    {"training-data", "training data is given to `firn upload`, not here; leave it out"},
    {"metadata", "leave it out"},
};

static enum status problem(const struct reading *r, size_t line, const char *format, ...)
    printf_like(3, 4) must_check;
static enum status problem(const struct reading *r, size_t line, const char *format, ...)
{
    char text[400];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(r->err, STATUS_INVALID_INPUT, "%s:%zu: %s", r->file, line, text);
}

static enum status no_memory(const struct reading *r)
{
    return error_no_memory(r->err, "a manifest");
}

/* Every key of `map` must be one of `known`. */
static enum status check_keys(const struct reading *r, const struct yaml *map, const char *where,
                              const char *const *known, size_t count)
{
    char name[TEXT_QUOTE_SIZE], list[200] = "";

    for (size_t i = 0; i < map->count; i++) {
        const char *key = map->items[i].key, *near;
        size_t k = 0, used = 0;
        while (k < count && strcmp(known[k], key) != 0)
            k++;
        if (k < count)
            continue;
        for (k = 0; k < count && used < sizeof list; k++)
            used +=
                (size_t)snprintf(list + used, sizeof list - used, "%s%s", k ? ", " : "", known[k]);
        near = text_suggest(key, known, count);
        if (problem(r, map->items[i].key_line, "unknown key \"%s\" in %s; known are %s",
                    text_quote(bytes_of(key), name, sizeof name), where, list) &&
            near)
            error_fix(r->err, "did you mean \"%s\"?", near);
        for (k = 0; k < ARRAY_COUNT(LATER); k++)
            if (!strcmp(LATER[k].key, key))
                error_fix(r->err, "%s", LATER[k].advice);
        return r->err->status;
    }
    return STATUS_OK;
}

static bool is_scalar(const struct yaml *value)
{
    return value->kind != YAML_NULL && value->kind != YAML_LIST && value->kind != YAML_MAP;
}

static enum status wants_text(const struct reading *r, const struct yaml *value, const char **text)
{
    if (!is_scalar(value))
        return problem(r, value->line, "\"%s\" must be a text, not %s", value->key,
                       yaml_kind_name(value->kind));
    *text = value->text;
    return STATUS_OK;
}

static enum status declared_at(const struct reading *r, size_t line, struct evidence *evidence)
{
    evidence->kind = EVIDENCE_DECLARED;
    evidence->source = arena_printf(r->keep, "%.128s:%zu", r->file, line);
    return evidence->source ? STATUS_OK : no_memory(r);
}

/* --- a field --- */

static enum status read_shape(const struct reading *r, const struct yaml *value,
                              struct field *field)
{
    if (value->kind == YAML_TEXT && !strcmp(value->text, "scalar")) {
        field->shape = shape_scalar();
        return declared_at(r, value->line, &field->evidence_shape);
    }
    if (value->kind != YAML_LIST)
        return problem(r, value->line, "\"shape\" must be a list like [-1, 3], or scalar, not %s",
                       yaml_kind_name(value->kind));
    if (value->count > RANK_MAX)
        return problem(r, value->line, "a shape has at most %d dimensions, not %zu", RANK_MAX,
                       value->count);
    field->shape.rank = (int)value->count;
    for (size_t i = 0; i < value->count; i++) {
        const struct yaml *dim = &value->items[i];
        char text[TEXT_QUOTE_SIZE];
        if (dim->kind != YAML_INT || (dim->integer != DIM_UNKNOWN && dim->integer < 1))
            return problem(r, dim->line, "a dimension is -1 (free) or a positive number, not %s",
                           is_scalar(dim) ? text_quote(bytes_of(dim->text), text, sizeof text)
                                          : yaml_kind_name(dim->kind));
        field->shape.dims[i] = dim->integer;
    }
    return declared_at(r, value->line, &field->evidence_shape);
}

static enum status read_type(const struct reading *r, const struct yaml *value, struct field *field)
{
    const char *names[DTYPE_COUNT], *name, *near;
    char text[TEXT_QUOTE_SIZE];

    TRY(wants_text(r, value, &name));
    field->dtype = dtype_parse(name);
    if (field->dtype != DTYPE_NONE)
        return declared_at(r, value->line, &field->evidence_dtype);
    for (int i = 1; i < DTYPE_COUNT; i++)
        names[i - 1] = dtype_name((enum dtype)i);
    near = text_suggest(name, names, DTYPE_COUNT - 1);
    if (problem(r, value->line, "unknown type \"%s\"",
                text_quote(bytes_of(name), text, sizeof text)) &&
        near)
        error_fix(r->err, "did you mean \"%s\"?", near);
    else
        error_fix(r->err, "types are half float double bfloat16 complex64 complex128 uint8 uint16 "
                          "uint32 uint64 int8 int16 int32 int64 bool string qint8 quint8 qint16 "
                          "quint16 resource variant");
    return r->err->status;
}

static enum status read_profile(const struct reading *r, const struct yaml *value,
                                struct field *field)
{
    static const char *const NAMES[] = {"numerical", "categorical", "text",
                                        "image",     "audio",       "none"};
    const char *name, *near;
    char text[TEXT_QUOTE_SIZE];

    TRY(wants_text(r, value, &name));
    if (profile_parse(name, &field->profile))
        return declared_at(r, value->line, &field->evidence_profile);
    near = text_suggest(name, NAMES, ARRAY_COUNT(NAMES));
    if (problem(
            r, value->line,
            "unknown profile \"%s\"; known are numerical, categorical, text, image, audio, none",
            text_quote(bytes_of(name), text, sizeof text)) &&
        near)
        error_fix(r->err, "did you mean \"%s\"?", near);
    return r->err->status;
}

static enum status read_field(const struct reading *r, const struct yaml *value,
                              struct field *field)
{
    static const char *const KEYS[] = {"shape", "type", "profile"};
    const struct yaml *shape, *type, *profile;

    field->name = value->key;
    field->shape = shape_unknown();
    TRY(declared_at(r, value->key_line, &field->evidence_name));
    if (!value->key[0])
        return problem(r, value->key_line, "a field needs a name");
    if (value->kind == YAML_NULL)
        return STATUS_OK;
    if (value->kind != YAML_MAP)
        return problem(r, value->line, "field \"%s\" must hold shape, type and profile, not %s",
                       value->key, yaml_kind_name(value->kind));
    TRY(check_keys(r, value, "a field", KEYS, ARRAY_COUNT(KEYS)));
    shape = yaml_get(value, "shape");
    type = yaml_get(value, "type");
    profile = yaml_get(value, "profile");
    if (shape)
        TRY(read_shape(r, shape, field));
    if (type)
        TRY(read_type(r, type, field));
    return profile ? read_profile(r, profile, field) : STATUS_OK;
}

static enum status read_fields(const struct reading *r, const struct yaml *value,
                               struct field **fields, size_t *count)
{
    if (!value || value->kind == YAML_NULL)
        return STATUS_OK;
    if (value->kind != YAML_MAP)
        return problem(r, value->line, "\"%s\" must map names of fields to their types, not %s",
                       value->key, yaml_kind_name(value->kind));
    if (value->count > FIELDS_MAX)
        return problem(r, value->line, "more than %d fields", FIELDS_MAX);
    *fields = arena_new(r->keep, struct field, value->count);
    if (!*fields)
        return no_memory(r);
    *count = value->count;
    for (size_t i = 0; i < value->count; i++)
        TRY(read_field(r, &value->items[i], &(*fields)[i]));
    return STATUS_OK;
}

/* --- the rest --- */

static enum status read_contract(const struct reading *r, const struct yaml *value)
{
    static const char *const KEYS[] = {"inputs", "outputs"};
    struct contract *contract = &r->manifest->contract;

    if (value->kind == YAML_NULL)
        return STATUS_OK;
    if (value->kind != YAML_MAP)
        return problem(r, value->line, "\"contract\" must map names of signatures, not %s",
                       yaml_kind_name(value->kind));
    if (value->count > SIGNATURES_MAX)
        return problem(r, value->line, "more than %d signatures", SIGNATURES_MAX);
    contract->signatures = arena_new(r->keep, struct signature, value->count);
    if (!contract->signatures)
        return no_memory(r);
    contract->count = value->count;
    for (size_t i = 0; i < value->count; i++) {
        const struct yaml *item = &value->items[i];
        struct signature *signature = &contract->signatures[i];
        signature->name = item->key;
        if (!item->key[0])
            return problem(r, item->key_line, "a signature needs a name");
        if (item->kind != YAML_MAP)
            return problem(r, item->line, "signature \"%s\" must hold inputs and outputs, not %s",
                           item->key, yaml_kind_name(item->kind));
        TRY(check_keys(r, item, "a signature", KEYS, ARRAY_COUNT(KEYS)));
        TRY(read_fields(r, yaml_get(item, "inputs"), &signature->inputs, &signature->input_count));
        TRY(read_fields(r, yaml_get(item, "outputs"), &signature->outputs,
                        &signature->output_count));
    }
    return STATUS_OK;
}

static enum status read_payload(const struct reading *r, const struct yaml *value)
{
    if (value->kind == YAML_NULL)
        return STATUS_OK;
    if (value->kind != YAML_LIST)
        return problem(r, value->line, "\"payload\" must be a list of paths, not %s",
                       yaml_kind_name(value->kind));
    if (value->count > PAYLOAD_MAX)
        return problem(r, value->line, "more than %d paths", PAYLOAD_MAX);
    r->manifest->payload = arena_new(r->keep, const char *, value->count);
    if (!r->manifest->payload)
        return no_memory(r);
    for (size_t i = 0; i < value->count; i++) {
        const struct yaml *item = &value->items[i];
        const char *part = item->text;
        char quoted[TEXT_QUOTE_SIZE];
        if (!is_scalar(item) || !item->text[0])
            return problem(r, item->line, "a path of \"payload\" is %s",
                           is_scalar(item) ? "empty" : yaml_kind_name(item->kind));
        for (; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
            if (item->text[0] == '/' ||
                (part[0] == '.' && part[1] == '.' && (!part[2] || part[2] == '/')))
                return problem(r, item->line, "path \"%s\" of \"payload\" leaves the folder",
                               text_quote(bytes_of(item->text), quoted, sizeof quoted));
        r->manifest->payload[r->manifest->payload_count++] = item->text;
    }
    return STATUS_OK;
}

/* "<framework>:<version>" */
static enum status read_model_type(const struct reading *r, const struct yaml *value)
{
    const char *text, *colon;
    char quoted[TEXT_QUOTE_SIZE];

    TRY(wants_text(r, value, &text));
    colon = strchr(text, ':');
    if (!colon || colon == text || !colon[1] || strchr(colon + 1, ':')) {
        if (problem(r, value->line, "model-type \"%s\" is not <framework>:<version>",
                    text_quote(bytes_of(text), quoted, sizeof quoted)))
            error_fix(r->err, "write it like scikit-learn:1.5.2 or python:3.6");
        return r->err->status;
    }
    r->manifest->model_type = text;
    return STATUS_OK;
}

static enum status read_kind(const struct reading *r, const struct yaml *root)
{
    const struct yaml *kind = yaml_get(root, "kind");
    char quoted[TEXT_QUOTE_SIZE];

    if (!kind) {
        if (problem(r, root->line, "no key \"kind\""))
            error_fix(r->err, "add the line `kind: Model`");
        return r->err->status;
    }
    if (is_scalar(kind) && !strcmp(kind->text, "Model"))
        return STATUS_OK;
    return problem(r, kind->line, "kind is %s, not Model",
                   is_scalar(kind) ? text_quote(bytes_of(kind->text), quoted, sizeof quoted)
                                   : yaml_kind_name(kind->kind));
}

enum status manifest_parse(struct bytes yaml, const char *file_name, struct manifest *manifest,
                           struct arena *keep, struct error *err)
{
    static const char *const KEYS[] = {"kind",    "name",     "model-type",
                                       "payload", "contract", "description"};
    struct reading r = {file_name, manifest, keep, err};
    const struct yaml *item;
    const char *ignored;
    struct yaml *root = arena_new(keep, struct yaml, 1);

    *manifest = (struct manifest){0};
    if (!root)
        return no_memory(&r);
    TRY(yaml_parse(yaml, file_name, root, keep, err));
    if (root->kind != YAML_MAP)
        return problem(&r, root->line, "a manifest begins with `kind: Model`; this is %s",
                       yaml_kind_name(root->kind));
    TRY(read_kind(&r, root));
    TRY(check_keys(&r, root, "a manifest", KEYS, ARRAY_COUNT(KEYS)));
    if ((item = yaml_get(root, "name")))
        TRY(wants_text(&r, item, &manifest->name));
    if ((item = yaml_get(root, "description")) && item->kind != YAML_NULL)
        TRY(wants_text(&r, item, &ignored));
    if ((item = yaml_get(root, "model-type")))
        TRY(read_model_type(&r, item));
    if ((item = yaml_get(root, "payload")))
        TRY(read_payload(&r, item));
    if ((item = yaml_get(root, "contract")))
        TRY(read_contract(&r, item));
    return STATUS_OK;
}
