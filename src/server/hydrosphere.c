// SPDX-License-Identifier: Apache-2.0
#include "server/hydrosphere.h"

#include <ctype.h>
#include <stdio.h>

#include "base/number.h"
#include "base/version.h"
#include "formats/json/json.h"
#include "server/internal.h"

/* --- words --- */

char *hydrosphere_dtype(enum dtype dtype, char name[32])
{
    snprintf(name, 32, "DT_%.28s", dtype == DTYPE_NONE ? "invalid" : dtype_name(dtype));
    for (char *c = name; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return name;
}

enum dtype hydrosphere_dtype_parse(struct bytes name)
{
    char plain[32];

    if (bytes_starts(name, bytes_of("DT_")))
        name = (struct bytes){name.data + 3, name.size - 3};
    if (name.size >= sizeof plain)
        return DTYPE_NONE;
    for (size_t i = 0; i < name.size; i++)
        plain[i] = (char)tolower(name.data[i]);
    plain[name.size] = 0;
    return dtype_parse(plain);
}

static const struct {
    const char *name;
    int number;
} PROFILES[] = {
    [PROFILE_NONE] = {"NONE", 0},
    [PROFILE_NUMERICAL] = {"NUMERICAL", 2},
    [PROFILE_CATEGORICAL] = {"CATEGORICAL", 1},
    [PROFILE_TEXT] = {"TEXT", 6},
    [PROFILE_IMAGE] = {"IMAGE", 3},
    [PROFILE_AUDIO] = {"AUDIO", 5},
};

const char *hydrosphere_profile(enum profile profile)
{
    return PROFILES[profile].name;
}

int hydrosphere_profile_number(enum profile profile)
{
    return PROFILES[profile].number;
}

enum profile hydrosphere_profile_from(int64_t number)
{
    if (number > 10)
        number /= 10; /* CONTINUOUS 21 is a kind of NUMERICAL 2 */
    for (size_t i = 0; i < ARRAY_COUNT(PROFILES); i++)
        if (PROFILES[i].number == number)
            return (enum profile)i;
    return PROFILE_NONE;
}

/* --- signatures as JSON --- */

static void write_shape(struct text *text, const struct field *field, int generation)
{
    const struct shape *shape = &field->shape;

    if (shape->rank < 0) {
        text_append(text, generation < 3 ? "{\"dim\":[],\"unknownRank\":true}" : "null");
        return;
    }
    text_append(text, generation < 3 ? "{\"dim\":[" : "{\"dims\":[");
    for (int d = 0; d < shape->rank; d++)
        text_printf(text, generation < 3 ? "%s{\"size\":%lld,\"name\":\"\"}" : "%s%lld",
                    d ? "," : "", (long long)(shape->dims[d] < 0 ? -1 : shape->dims[d]));
    text_append(text, generation < 3 ? "],\"unknownRank\":false}" : "]}");
}

static void write_fields(struct text *text, const char *key, const struct field *fields,
                         size_t count, int generation)
{
    char dtype[32];

    text_append_char(text, ',');
    json_write_key(text, key);
    text_append_char(text, '[');
    for (size_t i = 0; i < count; i++) {
        text_append(text, i ? ",{\"name\":" : "{\"name\":");
        json_write_text(text, fields[i].name);
        text_printf(text,
                    ",\"dtype\":\"%s\",\"shape\":", hydrosphere_dtype(fields[i].dtype, dtype));
        write_shape(text, &fields[i], generation);
        text_printf(text, ",\"profile\":\"%s\"}", hydrosphere_profile(fields[i].profile));
    }
    text_append_char(text, ']');
}

void hydrosphere_write_signature(struct text *text, const struct signature *signature,
                                 int generation)
{
    text_append(text, "{\"signatureName\":");
    json_write_text(text, signature->name);
    write_fields(text, "inputs", signature->inputs, signature->input_count, generation);
    write_fields(text, "outputs", signature->outputs, signature->output_count, generation);
    text_append_char(text, '}');
}

/* {"dims":[1]}, {"dim":[{"size":"1"}],"unknownRank":b}, or null. */
static enum status read_shape(const struct json *from, struct shape *shape, struct error *err)
{
    const struct json *dims = json_get(from, "dims"), *size;
    bool unknown = false;
    struct bytes text;

    *shape = shape_unknown();
    if (!from || from->kind == JSON_NULL)
        return STATUS_OK;
    if (!dims)
        dims = json_get(from, "dim");
    if (json_bool(json_get(from, "unknownRank"), &unknown) && unknown)
        return STATUS_OK;
    if (from->kind != JSON_OBJECT || (dims && dims->kind != JSON_ARRAY))
        return error_set(err, STATUS_INVALID_INPUT, "its shape is no {\"dims\": [...]}");
    if (dims && dims->count > RANK_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "a shape of more than %d dimensions", RANK_MAX);
    shape->rank = 0;
    for (size_t d = 0; dims && d < dims->count; d++) {
        size = dims->items[d].kind == JSON_OBJECT ? json_get(&dims->items[d], "size")
                                                  : &dims->items[d];
        if (json_string(size, &text) ? !number_i64_from_text(text, &shape->dims[d])
                                     : !json_i64(size, &shape->dims[d]))
            return error_set(err, STATUS_INVALID_INPUT, "a dimension is no number");
        if (shape->dims[d] < -1)
            return error_set(err, STATUS_INVALID_INPUT, "a dimension is %lld",
                             (long long)shape->dims[d]);
        shape->rank++;
    }
    return STATUS_OK;
}

/* A name or a number. */
static enum status read_dtype(const struct json *from, enum dtype *dtype, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];
    struct bytes name;
    int64_t number;

    *dtype = json_i64(from, &number)    ? dtype_from_tf(number)
             : json_string(from, &name) ? hydrosphere_dtype_parse(name)
                                        : DTYPE_NONE;
    if (*dtype != DTYPE_NONE)
        return STATUS_OK;
    if (!json_string(from, &name))
        return error_set(err, STATUS_INVALID_INPUT, "it has no dtype");
    return error_set(err, STATUS_INVALID_INPUT, "\"%s\" is no dtype",
                     text_quote(name, quoted, sizeof quoted));
}

static enum profile read_profile(const struct json *from)
{
    struct bytes name;
    int64_t number;

    if (json_i64(from, &number))
        return hydrosphere_profile_from(number);
    if (!json_string(from, &name))
        return PROFILE_NONE;
    for (size_t i = 0; i < ARRAY_COUNT(PROFILES); i++)
        if (bytes_is(name, PROFILES[i].name))
            return (enum profile)i;
    return PROFILE_NONE;
}

static enum status read_field(const struct json *from, struct field *field, struct arena *keep,
                              struct error *err)
{
    struct bytes name;

    if (!json_string(json_get(from, "name"), &name) || !name.size)
        return error_set(err, STATUS_INVALID_INPUT, "a field without a name");
    field->name = arena_text(keep, name);
    if (!field->name)
        return error_no_memory(err, "a field");
    if (json_get(from, "subfields"))
        return error_set(err, STATUS_UNSUPPORTED, "field '%.64s' has subfields", field->name);
    field->profile = read_profile(json_get(from, "profile"));
    if (read_dtype(json_get(from, "dtype"), &field->dtype, err) ||
        read_shape(json_get(from, "shape"), &field->shape, err))
        return error_within(err, "field '%.64s'", field->name);
    return STATUS_OK;
}

static enum status read_fields(const struct json *from, struct field **fields, size_t *count,
                               struct arena *keep, struct error *err)
{
    *count = from && from->kind == JSON_ARRAY ? from->count : 0;
    *fields = arena_new(keep, struct field, *count);
    if (!*fields)
        return error_no_memory(err, "a signature");
    for (size_t i = 0; i < *count; i++)
        TRY(read_field(&from->items[i], &(*fields)[i], keep, err));
    return STATUS_OK;
}

enum status hydrosphere_read_signature(const struct json *from, struct signature *signature,
                                       struct arena *keep, struct error *err)
{
    struct bytes name;

    *signature = (struct signature){0};
    if (!from || from->kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "a signature is no object");
    if (!json_string(json_get(from, "signatureName"), &name) || !name.size)
        return error_set(err, STATUS_INVALID_INPUT, "a signature without a name");
    signature->name = arena_text(keep, name);
    if (!signature->name)
        return error_no_memory(err, "a signature");
    if (read_fields(json_get(from, "inputs"), &signature->inputs, &signature->input_count, keep,
                    err) ||
        read_fields(json_get(from, "outputs"), &signature->outputs, &signature->output_count, keep,
                    err))
        return error_within(err, "signature '%.64s'", signature->name);
    return STATUS_OK;
}

/* --- versions --- */

bool hydrosphere_is_application(const struct version *row)
{
    return strcmp(row->format, APPLICATION_FORMAT) == 0;
}

/* "image:tag"; the port of a registry is no tag. */
static enum status image_split(const char *text, struct hydrosphere_image *image,
                               struct arena *arena, struct error *err)
{
    const char *slash = strrchr(text, '/'), *colon = strrchr(text, ':');

    if (colon && slash && colon < slash)
        colon = NULL;
    image->tag = colon ? colon + 1 : "latest";
    image->name =
        colon ? arena_text(arena, (struct bytes){(const uint8_t *)text, (size_t)(colon - text)})
              : text;
    return image->name ? STATUS_OK : error_no_memory(err, "an image");
}

/* What the manifest declares; one that does not read any more says nothing. */
static enum status manifest_read(struct hydrosphere_version *version, struct arena *arena,
                                 struct error *err)
{
    struct manifest *manifest = arena_new(arena, struct manifest, 1);
    struct error ignored;

    if (!manifest)
        return error_no_memory(err, "a manifest");
    if (!version->row->manifest || !*version->row->manifest ||
        manifest_parse(bytes_of(version->row->manifest), "serving.yaml", manifest, arena, &ignored))
        return STATUS_OK;
    version->manifest = manifest;
    version->install_command = manifest->install_command;
    version->metadata = manifest->metadata;
    version->metadata_count = manifest->metadata_count;
    version->monitoring_batch = manifest->monitoring_batch;
    if (manifest->runtime)
        return image_split(manifest->runtime, &version->runtime, arena, err);
    if (manifest->model_type)
        return image_split(manifest->model_type, &version->runtime, arena, err);
    return STATUS_OK;
}

enum status hydrosphere_version(const struct version *row, struct hydrosphere_version *version,
                                struct arena *arena, struct error *err)
{
    *version = (struct hydrosphere_version){
        .row = row, .sha = row->digest, .runtime = {"firn", FIRN_VERSION}};
    version->image.name = row->model;
    version->image.tag = arena_printf(arena, "%lld", (long long)row->number);
    if (!version->image.tag)
        return error_no_memory(err, "a version");
    if (row->contract && *row->contract)
        TRY(contract_parse_json(bytes_of(row->contract), &version->contract, arena, err));
    if (version->contract.count)
        version->predict = &version->contract.signatures[0];
    return manifest_read(version, arena, err);
}
