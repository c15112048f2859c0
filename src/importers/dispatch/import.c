// SPDX-License-Identifier: Apache-2.0
/* Which importer gets an artifact, and what holds for every description. */
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "formats/json/json.h"
#include "gen/importers.h"
#include "importers/importer.h"

enum { LINES_MAX = 1000, LINE_SIZE = 400 };

/* The best bid; upload->main is what that importer chose. */
static const struct importer *best_importer(struct artifact *artifact, struct upload *upload)
{
    const struct importer *best = NULL;
    int highest = 0;

    for (size_t i = 0; IMPORTERS[i]; i++) {
        struct upload tried = {artifact, artifact->count == 1 ? &artifact->members[0] : NULL};
        int bid = IMPORTERS[i]->bid(&tried);
        if (bid > highest) {
            highest = bid;
            best = IMPORTERS[i];
            *upload = tried;
        }
    }
    return best;
}

/* "begins with 7f 45 4c 46 ..." of what nobody knows. */
static enum status unknown_format(struct artifact *artifact, struct error *err)
{
    char name[TEXT_QUOTE_SIZE], bytes[64] = "no bytes";
    struct bytes content = artifact_container(artifact);
    enum status status;

    text_quote(bytes_of(artifact->name), name, sizeof name);
    if (artifact->kind == ARTIFACT_FOLDER) {
        status = error_set(err, STATUS_UNSUPPORTED,
                           "folder \"%s\" with %zu files holds no model of a known format", name,
                           artifact->count);
    } else {
        for (size_t i = 0; i < content.size && i < 8; i++)
            snprintf(bytes + 3 * i, sizeof bytes - 3 * i, "%02x ", content.data[i]);
        status =
            error_set(err, STATUS_UNSUPPORTED, "\"%s\" is of no known format; it begins with %s%s",
                      name, bytes, content.size > 8 ? "..." : "");
    }
    error_fix(err, "`firn help formats` lists what is known");
    return status;
}

/* What an importer left open follows from the type and the classes. */
static void complete_fields(struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].profile != PROFILE_NONE ||
            fields[i].evidence_profile.kind != EVIDENCE_UNKNOWN)
            continue;
        fields[i].profile =
            fields[i].classes ? PROFILE_CATEGORICAL : profile_default(fields[i].dtype);
        if (fields[i].profile != PROFILE_NONE)
            fields[i].evidence_profile =
                (struct evidence){EVIDENCE_DERIVED, fields[i].classes ? "its classes" : "its type"};
    }
}

enum status import_artifact(struct artifact *artifact, struct description *description,
                            struct graph **graph, struct arena *keep, struct error *err)
{
    struct upload upload = {artifact, NULL};
    const struct importer *importer = best_importer(artifact, &upload);

    *description = (struct description){0};
    *graph = NULL;
    if (!importer)
        return unknown_format(artifact, err);
    if (importer->import(&upload, description, graph, keep, err))
        return error_within(err, "read as %s", importer->name);
    if (description->reason)
        *graph = NULL;
    if (!description->format)
        description->format = importer->name;
    for (size_t i = 0; i < description->contract.count; i++) {
        struct signature *signature = &description->contract.signatures[i];
        complete_fields(signature->inputs, signature->input_count);
        complete_fields(signature->outputs, signature->output_count);
    }
    return STATUS_OK;
}

/* The list doubles at 1, 2, 4, 8 ... */
static enum status line_add(const char ***lines, size_t *count, const char *text,
                            struct arena *keep, struct error *err)
{
    const char **grown;

    if (*count == LINES_MAX)
        return STATUS_OK;
    if ((*count & (*count - 1)) == 0) {
        grown = arena_new(keep, const char *, *count ? 2 * *count : 1);
        if (!grown)
            return error_no_memory(err, "a description");
        if (*count)
            memcpy(grown, *lines, *count * sizeof *grown);
        *lines = grown;
    }
    (*lines)[*count] = arena_text(keep, bytes_of(text));
    if (!(*lines)[*count])
        return error_no_memory(err, "a description");
    ++*count;
    return STATUS_OK;
}

enum status description_warn(struct description *description, struct arena *keep, struct error *err,
                             const char *format, ...)
{
    char text[LINE_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return line_add(&description->warnings, &description->warning_count, text, keep, err);
}

enum status description_tell(struct description *description, struct arena *keep, struct error *err,
                             const char *format, ...)
{
    char text[LINE_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return line_add(&description->details, &description->detail_count, text, keep, err);
}

enum status description_executes(struct description *description, const char *what,
                                 struct arena *keep, struct error *err)
{
    return line_add(&description->executes, &description->executes_count, what, keep, err);
}

static void json_text_or_null(struct text *text, const char *key, const char *value)
{
    json_write_key(text, key);
    if (value)
        json_write_string(text, bytes_of(value));
    else
        text_append(text, "null");
}

static void json_list(struct text *text, const char *key, const char *const *values, size_t count)
{
    json_write_key(text, key);
    text_append_char(text, '[');
    for (size_t i = 0; i < count; i++) {
        text_append(text, i ? "," : "");
        json_write_string(text, bytes_of(values[i]));
    }
    text_append_char(text, ']');
}

void description_print_json(const struct description *description, struct text *text)
{
    text_append_char(text, '{');
    json_text_or_null(text, "format", description->format);
    text_append_char(text, ',');
    json_write_key(text, "framework");
    text_append_char(text, '{');
    json_text_or_null(text, "name", description->framework);
    text_append_char(text, ',');
    json_text_or_null(text, "version", description->framework_version);
    text_append(text, "},");
    json_write_key(text, "signatures");
    contract_print_json(&description->contract, text);
    text_append_char(text, ',');
    json_write_key(text, "native");
    text_append(text, description->reason ? "false," : "true,");
    json_text_or_null(text, "reason", description->reason);
    text_append_char(text, ',');
    json_list(text, "executes", description->executes, description->executes_count);
    text_append_char(text, ',');
    json_list(text, "warnings", description->warnings, description->warning_count);
    if (description->filter_count) {
        text_append_char(text, ',');
        json_list(text, "filters", description->filters, description->filter_count);
    }
    if (description->detail_count) {
        text_append_char(text, ',');
        json_list(text, "details", description->details, description->detail_count);
    }
    text_append_char(text, '}');
}

enum status description_refuse(struct description *description, struct graph **graph,
                               struct arena *keep, struct error *err)
{
    description->reason = arena_printf(keep, "%s", err->text);
    if (!description->reason)
        return error_no_memory(err, "the description");
    for (size_t i = 0; i < description->contract.count; i++)
        description->contract.signatures[i].reason = description->reason;
    *graph = NULL;
    return STATUS_OK;
}
