// SPDX-License-Identifier: Apache-2.0
/* Results of jobs in omega|ml's shapes. */
#include <stdlib.h>

#include "base/number.h"
#include "formats/json/json.h"
#include "registry/registry.h"
#include "server/internal.h"
#include "server/omegaml/jobs.h"
#include "server/stored.h"

static enum status parse_result(struct request *request, const struct job_row *job,
                                struct json *json, struct error *err)
{
    return json_parse(bytes_of(job->result ? job->result : "{}"), 0, json, request_arena(request),
                      err);
}

/* The text of `value` inside `whole`: its own text, between its offset and its end. */
static struct bytes source(struct bytes whole, const struct json *value)
{
    struct json_reader reader;
    struct bytes rest = {whole.data + value->offset, whole.size - value->offset};
    struct error ignored;

    json_reader_init(&reader, rest, 0);
    if (json_skip(&reader, &ignored))
        return bytes_of("null");
    return (struct bytes){rest.data, json_offset(&reader)};
}

/* What the original's text of a new version says. */
static enum status write_metadata(struct request *request, const struct json *made,
                                  struct text *text, struct error *err)
{
    struct registry *registry;
    struct version version;
    struct bytes name;
    const char *reference, *said;
    int64_t number = 0;

    TRY(stored_registry(request, &registry, err));
    if (!json_string(json_get(made, "name"), &name) ||
        !json_i64(json_get(made, "version"), &number))
        return error_set(err, STATUS_INTERNAL, "a job's result names no version");
    reference = arena_printf(request_arena(request), "%.*s:%lld", (int)name.size, name.data,
                             (long long)number);
    if (!reference)
        return error_no_memory(err, "a name");
    TRY(registry_resolve(registry, reference, &version, request_arena(request), err));
    said = arena_printf(request_arena(request),
                        "<Metadata: Metadata(name=%s,bucket=default,prefix=models/,kind=%s,"
                        "created=%s)>",
                        version.model, version.format, version.created);
    if (!said)
        return error_no_memory(err, "a result");
    json_write_text(text, said);
    text_printf(text, ",\"version\":%lld", (long long)version.number);
    return STATUS_OK;
}

/* `result`, and `shape` beside it where it has one. */
static void write_value(struct bytes whole, const struct json *value, struct text *text)
{
    const struct json *plain = json_get(value, "json"), *shape = json_get(value, "shape");

    text_append_bytes(text, plain ? source(whole, plain) : source(whole, value));
    if (shape) {
        text_append(text, ",\"shape\":");
        text_append_bytes(text, source(whole, shape));
    }
}

static void write_name(const struct job_row *job, struct text *text)
{
    size_t size = strcspn(job->name, strcmp(job->kind, "model") ? "@" : ":");

    json_write_string(text, (struct bytes){(const uint8_t *)job->name, size});
}

/* Seconds between two times as they are written, milliseconds included. */
static double seconds_of(const char *time)
{
    struct tm utc = {0};
    const char *rest = time ? strptime(time, "%Y-%m-%dT%H:%M:%S", &utc) : NULL;

    return rest ? (double)timegm(&utc) + (*rest == '.' ? atof(rest) : 0) : 0;
}

static void write_times(const struct job_row *job, struct text *text)
{
    text_printf(
        text, ",\"runtimes\":%.3f,\"started\":", seconds_of(job->ended) - seconds_of(job->started));
    json_write_text(text, job->started ? job->started : "");
    text_append(text, ",\"ended\":");
    json_write_text(text, job->ended ? job->ended : "");
}

enum status omegaml_write_result(struct request *request, const struct job_row *job,
                                 struct text *text, struct error *err)
{
    struct bytes whole = bytes_of(job->result ? job->result : "{}");
    bool script = strcmp(job->kind, "model") != 0;
    const struct json *answer, *versions;
    struct json json;

    TRY(parse_result(request, job, &json, err));
    answer = json_get(&json, "answer");
    if (answer) { /* of a prediction, kept as it was */
        text_append_bytes(text, source(whole, answer));
        return STATUS_OK;
    }
    versions = json_get(&json, "versions");
    text_printf(text, "{\"%s\":", script ? "script" : "model");
    write_name(job, text);
    text_append(text, ",\"result\":");
    if (!script && versions && versions->kind == JSON_ARRAY && versions->count)
        TRY(write_metadata(request, &versions->items[0], text, err));
    else
        write_value(whole, json_get(&json, "value"), text);
    if (script)
        write_times(job, text);
    text_append(text, ",\"resource_uri\":");
    write_name(job, text);
    text_append_char(text, '}');
    return STATUS_OK;
}

enum status omegaml_write_bare(struct request *request, const struct job_row *job,
                               struct text *text, struct error *err)
{
    struct bytes whole = bytes_of(job->result ? job->result : "{}"), plain;
    const struct json *value;
    struct json json;

    TRY(parse_result(request, job, &json, err));
    value = json_get(json_get(&json, "value"), "json");
    plain = value ? source(whole, value) : bytes_of("null");
    if (value && (value->kind == JSON_OBJECT || value->kind == JSON_ARRAY)) {
        text_append_bytes(text, plain);
        return STATUS_OK;
    }
    text_append(text, "{\"data\":");
    text_append_bytes(text, plain);
    text_append_char(text, '}');
    return STATUS_OK;
}
