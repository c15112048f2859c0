// SPDX-License-Identifier: Apache-2.0
/* Management of the registry, for the program and the page: the same JSON as --json.
 *
 * A version in a path is a number, "@alias" or "newest". Changes are in the table of served models
 * when the answer comes. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "applications/application.h"
#include "base/number.h"
#include "contract/contract.h"
#include "formats/json/json.h"
#include "loading/worker.h"
#include "registry/version_json.h"
#include "server/access.h"
#include "server/internal.h"
#include "server/received.h"
#include "server/stored.h"

/* A whole number of the query; `missing` when it is not there. */
static enum status query_number(struct request *request, const char *name, int64_t missing,
                                int64_t *number, struct error *err)
{
    const char *text;
    char quoted[TEXT_QUOTE_SIZE];

    TRY(request_query(request, name, &text, err));
    *number = missing;
    if (!text || (number_i64_from_text(bytes_of(text), number) && *number >= 0))
        return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "query parameter %s is '%s', not a number", name,
                     text_quote(bytes_of(text), quoted, sizeof quoted));
}

static enum status list(struct request *request, struct response *response, const char *model,
                        struct error *err)
{
    struct registry *registry;
    struct version *versions;
    size_t count;

    TRY(stored_registry(request, &registry, err));
    TRY(registry_list(registry, model, &versions, &count, request_arena(request), err));
    text_append_char(&response->body, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            text_append_char(&response->body, ',');
        version_print_json(&versions[i], true, &response->body);
    }
    text_append_char(&response->body, ']');
    return STATUS_OK;
}

static enum status models_list(struct request *request, struct response *response,
                               struct error *err)
{
    return list(request, response, NULL, err);
}

static enum status versions_list(struct request *request, struct response *response,
                                 struct error *err)
{
    const char *model;

    TRY(stored_parameter(request, 0, &model, err));
    return list(request, response, model, err);
}

static enum status version_show(struct request *request, struct response *response,
                                struct error *err)
{
    struct registry *registry;
    struct version version;

    TRY(stored_version(request, &registry, &version, err));
    version_print_json(&version, false, &response->body);
    return STATUS_OK;
}

/* What happened when the version was made, as text. */
static enum status version_log(struct request *request, struct response *response,
                               struct error *err)
{
    struct registry *registry;
    struct version version;

    TRY(stored_version(request, &registry, &version, err));
    response->content_type = "text/plain; charset=utf-8";
    return load_log_read(registry, &version, request->server->workers, &response->body,
                         request_arena(request), err);
}

/* --- upload --- */

/* What goes with the bytes: ?file=, ?name= or the path, the header Firn-Manifest. */
struct upload_facts {
    const char *file, *name, *alias;
    struct bytes manifest, facts;
    enum parity_wish verify;
};

static enum status read_facts(struct request *request, struct upload_facts *facts,
                              struct error *err)
{
    const char *slash, *verify = NULL;

    *facts = (struct upload_facts){.manifest = {NULL, 0}};
    TRY(request_query(request, "file", &facts->file, err));
    TRY(request_query(request, "name", &facts->name, err));
    TRY(request_query(request, "alias", &facts->alias, err));
    TRY(request_query(request, "verify", &verify, err));
    facts->verify = !verify                                 ? PARITY_WHERE_POSSIBLE
                    : request_query_flag(request, "verify") ? PARITY_REQUIRED
                                                            : PARITY_NOT_WANTED;
    if (request->match.parameter_count)
        TRY(stored_parameter(request, 0, &facts->name, err));
    if (request_header(request, "firn-manifest", &facts->manifest))
        TRY(percent_decode(facts->manifest, &facts->manifest, request_arena(request), err));
    if (request_header(request, "firn-facts", &facts->facts))
        TRY(percent_decode(facts->facts, &facts->facts, request_arena(request), err));
    slash = facts->file ? strrchr(facts->file, '/') : NULL;
    if (slash)
        facts->file = slash + 1;
    if (!facts->file || !*facts->file)
        facts->file = "model";
    return STATUS_OK;
}

/* The manifest: the header's, or the one among the files. */
static enum status find_manifest(struct artifact *artifact, struct bytes *manifest,
                                 struct error *err)
{
    struct member *member = artifact_find(artifact, MANIFEST_NAME);

    if (manifest->size || artifact->kind == ARTIFACT_FILE || !member)
        return STATUS_OK;
    return member_bytes(member, manifest, err);
}

static void encode(struct text *text, const char *line)
{
    for (; *line; line++)
        if ((unsigned char)*line >= 0x80 || *line < ' ' || *line == '%' || *line == 0x7f)
            text_printf(text, "%%%02X", (unsigned char)*line);
        else
            text_append_char(text, *line);
}

/* Lines about installing go to a client that wants them as they come: interim answers with the
 * header Firn-Log. They go where the operator's lines go, too. */
static void tell_line(void *context, const char *line)
{
    const struct request *request = context;
    const struct worker_policy *policy = request->server->workers;
    struct text text = {0};

    if (policy->log)
        policy->log(policy->context, line);
    text_append(&text, "HTTP/1.1 102 Processing\r\nFirn-Log: ");
    encode(&text, line);
    text_append(&text, "\r\n\r\n");
    if (!text.failed)
        body_stream_tell(request->stream, text_bytes(&text));
    text_release(&text);
}

static bool wants_lines(const struct request *request)
{
    struct bytes value;

    return request->server->workers && request_header(request, "firn-log", &value) &&
           bytes_is(value, "stream");
}

static enum status store(struct request *request, const struct received *received,
                         const struct upload_facts *facts, struct response *response,
                         struct error *err)
{
    struct registry *registry = request->server->registry;
    struct worker_policy telling;
    struct loading_add add = {.name = facts->name,
                              .workers = request->server->workers,
                              .facts = facts->facts,
                              .verify = facts->verify};
    struct loading loading = {0};
    struct bytes manifest = facts->manifest;
    struct artifact *artifact;
    struct version version;
    bool unchanged = false;
    enum status status;

    if (wants_lines(request)) {
        telling = *request->server->workers;
        telling.log = tell_line;
        telling.context = request;
        add.workers = &telling;
    }
    TRY(artifact_open_bytes(received->bytes, facts->file, NULL, &artifact, err));
    status = find_manifest(artifact, &manifest, err);
    if (status == STATUS_OK)
        status = load_artifact(artifact, manifest, MANIFEST_NAME, &loading, err);
    else
        artifact_close(artifact);
    if (status == STATUS_OK)
        status =
            load_add(&loading, registry, &add, &version, &unchanged, request_arena(request), err);
    load_close(&loading);
    if (status == STATUS_OK && facts->alias)
        status = registry_alias(registry, version.model, facts->alias, version.number, -1, err);
    if (status != STATUS_OK)
        return status;
    response->status = unchanged ? 200 : 201;
    text_append_char(&response->body, '{');
    version_print_members(&version, false, &response->body);
    text_printf(&response->body, ",\"unchanged\":%s}", unchanged ? "true" : "false");
    models_refresh(request->server->models, request_query_flag(request, "wait"));
    return STATUS_OK;
}

static enum status upload(struct request *request, struct response *response, struct error *err)
{
    struct received received = RECEIVED_NONE;
    struct registry *registry;
    struct upload_facts facts;
    enum status status;

    TRY(stored_registry(request, &registry, err));
    TRY(read_facts(request, &facts, err));
    status = received_open(request->server, &received, err);
    if (status == STATUS_OK)
        status = received_body(request, &received, err);
    if (status == STATUS_OK)
        status = store(request, &received, &facts, response, err);
    received_release(&received);
    return status;
}

/* --- applications --- */

static enum status compose(struct request *request, struct response *response, struct error *err)
{
    const struct manifest_application *application;
    struct registry *registry;
    struct version version;
    const char *file;
    bool unchanged = false;

    TRY(stored_registry(request, &registry, err));
    TRY(request_query(request, "file", &file, err));
    TRY(application_manifest(request->body, file ? file : "manifest", &application,
                             request_arena(request), err));
    TRY(application_add(registry, application, &version, &unchanged, request_arena(request), err));
    response->status = unchanged ? 200 : 201;
    text_append_char(&response->body, '{');
    version_print_members(&version, false, &response->body);
    text_printf(&response->body, ",\"unchanged\":%s}", unchanged ? "true" : "false");
    models_refresh(request->server->models, false);
    return STATUS_OK;
}

/* --- aliases, deleting --- */

static enum status move_alias(struct request *request, struct response *response, bool remove,
                              struct error *err)
{
    struct registry *registry;
    const char *model, *alias;
    int64_t number = 0, expected;

    TRY(stored_registry(request, &registry, err));
    TRY(stored_parameter(request, 0, &model, err));
    TRY(stored_parameter(request, 1, &alias, err));
    TRY(query_number(request, "expect", -1, &expected, err));
    if (!remove) {
        TRY(query_number(request, "version", 0, &number, err));
        if (number == 0)
            return error_set(err, STATUS_INVALID_INPUT,
                             "query parameter version says on which version the alias stands");
    }
    TRY(registry_alias(registry, model, alias, number, expected, err));
    models_refresh(request->server->models, false);
    text_append(&response->body, "{\"name\":");
    json_write_string(&response->body, bytes_of(model));
    text_append(&response->body, ",\"alias\":");
    json_write_string(&response->body, bytes_of(alias));
    text_printf(&response->body, ",\"version\":%lld}", (long long)number);
    return STATUS_OK;
}

static enum status alias_set(struct request *request, struct response *response, struct error *err)
{
    return move_alias(request, response, false, err);
}

static enum status alias_remove(struct request *request, struct response *response,
                                struct error *err)
{
    return move_alias(request, response, true, err);
}

static enum status delete (struct request *request, struct response *response, int64_t number,
                           struct error *err) {
    struct registry *registry; const char * model;

    TRY(stored_registry(request, &registry, err));
    TRY(stored_parameter(request, 0, &model, err));
    TRY(registry_delete(registry, model, number, err));
    models_refresh(request->server->models, false);
    text_append(&response->body, "{\"deleted\":true}");
    return STATUS_OK;
}

static enum status model_delete(struct request *request, struct response *response,
                                struct error *err)
{
    return delete (request, response, 0, err);
}

static enum status version_delete(struct request *request, struct response *response,
                                  struct error *err)
{
    int64_t number;

    if (!number_i64_from_text(request->parameters[1], &number) || number < 1)
        return error_set(err, STATUS_INVALID_INPUT, "only a version by its number is deleted");
    return delete (request, response, number, err);
}

/* --- the store --- */

static enum status gc(struct request *request, struct response *response, struct error *err)
{
    struct registry *registry;
    uint64_t files, bytes;

    TRY(stored_registry(request, &registry, err));
    TRY(registry_gc(registry, &files, &bytes, err));
    if (request->server->workers)
        TRY(worker_collect(registry, request->server->workers->folder, &files, &bytes, err));
    text_printf(&response->body, "{\"files\":%llu,\"bytes\":%llu}", (unsigned long long)files,
                (unsigned long long)bytes);
    return STATUS_OK;
}

static enum status verify(struct request *request, struct response *response, struct error *err)
{
    struct registry *registry;
    struct text report = {0};
    size_t faults;
    enum status status;

    TRY(stored_registry(request, &registry, err));
    status = registry_verify(registry, &report, &faults, err);
    if (status == STATUS_OK) {
        text_printf(&response->body, "{\"faults\":%zu,\"report\":", faults);
        json_write_string(&response->body, text_bytes(&report));
        text_append_char(&response->body, '}');
    }
    text_release(&report);
    return status;
}

static enum status version_wanted(struct request *request, const char *name, const char **reference,
                                  struct error *err)
{
    TRY(request_query(request, name, reference, err));
    if (!*reference)
        return error_set(err, STATUS_INVALID_INPUT, "query parameter %s names a version", name);
    return STATUS_OK;
}

static enum status contract_of(struct request *request, struct registry *registry,
                               const char *reference, struct contract *contract, struct error *err)
{
    struct version version;

    TRY(registry_resolve(registry, reference, &version, request_arena(request), err));
    return contract_parse_json(bytes_of(version.contract), contract, request_arena(request), err);
}

static enum status diff(struct request *request, struct response *response, struct error *err)
{
    static const char *const grades[] = {"same", "compatible", "breaking"};
    struct registry *registry;
    const char *old, *new;
    struct contract contracts[2];
    struct text lines = {0};
    int grade;

    TRY(stored_registry(request, &registry, err));
    TRY(version_wanted(request, "old", &old, err));
    TRY(version_wanted(request, "new", &new, err));
    TRY(contract_of(request, registry, old, &contracts[0], err));
    TRY(contract_of(request, registry, new, &contracts[1], err));
    grade = contract_diff(&contracts[0], &contracts[1], &lines);
    text_printf(&response->body, "{\"verdict\":\"%s\",\"text\":", grades[grade]);
    json_write_string(&response->body, text_bytes(&lines));
    text_append_char(&response->body, '}');
    text_release(&lines);
    return STATUS_OK;
}

static const struct route ROWS[] = {
    {HTTP_GET, "/api/models", models_list, "the newest version of every model", ROUTE_CONTROL},
    {HTTP_POST, "/api/models", upload,
     "upload: the body is a file, tar or zip; ?file=, ?name=, ?alias=, ?wait (until it serves), "
     "header Firn-Manifest "
     "(percent-encoded)",
     ROUTE_STREAM},
    {HTTP_GET, "/api/models/{model}", versions_list, "its versions, newest first", ROUTE_CONTROL},
    {HTTP_PUT, "/api/models/{model}", upload, "upload the next version", ROUTE_STREAM},
    {HTTP_DELETE, "/api/models/{model}", model_delete, "delete it with all versions",
     ROUTE_CONTROL},
    {HTTP_GET, "/api/models/{model}/versions/{version}", version_show, "a version", ROUTE_CONTROL},
    {HTTP_GET, "/api/models/{model}/versions/{version}/log", version_log,
     "what happened when it was made: lines of text", ROUTE_CONTROL},
    {HTTP_DELETE, "/api/models/{model}/versions/{version}", version_delete, "delete a version",
     ROUTE_CONTROL},
    {HTTP_PUT, "/api/models/{model}/aliases/{alias}", alias_set,
     "let the alias stand on ?version=; ?expect=: only if it stands there now (0: nowhere)",
     ROUTE_CONTROL},
    {HTTP_DELETE, "/api/models/{model}/aliases/{alias}", alias_remove, "remove the alias",
     ROUTE_CONTROL},
    {HTTP_POST, "/api/applications", compose,
     "make or change an application: the body is a manifest, kind Application", ROUTE_CONTROL},
    {HTTP_GET, "/api/diff", diff, "what clients of ?old= notice with ?new=", ROUTE_CONTROL},
    {HTTP_POST, "/api/gc", gc, "remove bytes that nothing refers to", ROUTE_CONTROL},
    {HTTP_POST, "/api/verify", verify, "read the store back", ROUTE_CONTROL},
};

const struct route_set routes_management = {
    .name = "management",
    .summary = "models, versions, aliases, the store",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
};
