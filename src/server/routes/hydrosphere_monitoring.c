// SPDX-License-Identifier: Apache-2.0
/* Hydrosphere's monitoring (Sonar): training data, which are kept with a version, and what can be
 * said of them. Requests are not kept, so whatever was said of those is refused with 501. */
#include <strings.h>

#include "base/number.h"
#include "formats/json/json.h"
#include "loading/load.h"
#include "server/download.h"
#include "server/hydrosphere/builds.h"
#include "server/hydrosphere/training.h"
#include "server/hydrosphere/view.h"
#include "server/internal.h"
#include "server/received.h"
#include "server/stored.h"

/* --- leaving them --- */

static enum status no_bucket(struct request *request, struct response *response, struct error *err)
{
    (void)request, (void)response;
    if (error_set(err, STATUS_UNSUPPORTED, "training data are not fetched from S3"))
        error_fix(err, "push the file itself: hs profile push --filename");
    return err->status;
}

/* The version of path parameter 0, an id. */
static enum status version_of(struct request *request, struct registry **registry,
                              struct version *version, struct error *err)
{
    int64_t id;

    TRY(stored_registry(request, registry, err));
    TRY(view_id(request, 0, &id, err));
    return registry_resolve_id(*registry, id, version, request_arena(request), err);
}

/* The body, beside the version of this id, which may still be on its way. */
static enum status training_keep(struct request *request, int64_t id, struct received *received,
                                 struct error *err)
{
    struct record record = {.kind = LOAD_TRAINING, .name = LOAD_TRAINING};
    struct registry *registry;
    struct version version;

    TRY(received_open(request->server, received, err));
    TRY(received_body(request, received, err));
    TRY(builds_await(request, id, err));
    TRY(version_of(request, &registry, &version, err));
    record.version = version.id;
    return registry_record_put(registry, &record, received->bytes, true, err);
}

static enum status training_put(struct request *request, struct response *response,
                                struct error *err)
{
    struct received received = RECEIVED_NONE;
    struct bytes type;
    enum status status;
    int64_t id;

    /* hs 2.x says its path of S3 here */
    if (request_header(request, "content-type", &type) &&
        bytes_starts(type, bytes_of("application/json")))
        return no_bucket(request, response, err);
    TRY(view_id(request, 0, &id, err));
    status = training_keep(request, id, &received, err);
    received_release(&received);
    response->content_type = "text/plain; charset=utf-8";
    if (!status)
        text_append(&response->body, "ok");
    return status;
}

/* --- what was left --- */

/* Of path parameter 0: *found is false when there are none. Close in any case. */
static enum status training_read(struct request *request, struct version *version,
                                 struct record *record, bool *found, struct training *training,
                                 struct error *err)
{
    struct registry *registry;

    *training = (struct training){.count = 0};
    TRY(version_of(request, &registry, version, err));
    TRY(training_find(registry, version, found, record, request_arena(request), err));
    if (!*found)
        return STATUS_OK;
    return training_open(registry, version, record,
                         (size_t)request->server->settings.request_memory_max, training, err);
}

/* Success, or Failure when they cannot be read. */
static enum status training_status(struct request *request, struct response *response,
                                   struct error *err)
{
    struct text *text = &response->body;
    struct training training;
    struct version version;
    struct record record;
    bool found = false;
    enum status status = training_read(request, &version, &record, &found, &training, err);

    training_close(&training);
    if (status && !found)
        return status;
    text_printf(text, "{\"kind\":\"%s\"", status ? "Failure" : found ? "Success" : "NotRegistered");
    if (found)
        text_printf(text, ",\"bytes\":%lld,\"digest\":\"%s\",\"created\":\"%s\"",
                    (long long)record.blob_bytes, record.blob, record.created);
    if (status) {
        text_append(text, ",\"message\":");
        view_write_reason(err, text);
    }
    text_append(text, "}");
    return STATUS_OK;
}

static enum status fields_list(struct request *request, struct response *response,
                               struct error *err)
{
    struct training training;
    struct version version;
    struct record record;
    bool found;
    enum status status = training_read(request, &version, &record, &found, &training, err);

    text_append(&response->body, "[");
    for (size_t i = 0; !status && i < training.count; i++) {
        text_append(&response->body, i ? "," : "");
        json_write_text(&response->body, training.columns[i].name);
    }
    text_append(&response->body, "]");
    training_close(&training);
    return status;
}

/* By Sonar's name, or the field's, when that is one column. */
static const struct training_column *column_named(const struct training *training,
                                                  struct bytes name)
{
    const struct training_column *of_field = NULL;
    size_t count = 0;

    for (size_t i = 0; i < training->count; i++) {
        const struct training_column *column = &training->columns[i];

        if (bytes_is(name, column->name))
            return column;
        if (bytes_equal(name, column->field)) {
            of_field = column;
            count++;
        }
    }
    return count == 1 ? of_field : NULL;
}

static enum status training_print(struct training *training, const struct version *version,
                                  struct bytes name, struct text *text, struct error *err)
{
    const struct training_column *column = column_named(training, name);
    struct profile_numbers profile;

    if (!column) {
        text_append(text, "null");
        return STATUS_OK;
    }
    TRY(training_profile(training, column, &profile, err));
    profile_print(&profile, column->name, (long long)version->id, text);
    return STATUS_OK;
}

/* {"training", "production"}, each null when there is none. */
static enum status profile_show(struct request *request, struct response *response,
                                struct error *err)
{
    struct text *text = &response->body;
    struct training training;
    struct version version;
    struct record record;
    bool found;
    enum status status = training_read(request, &version, &record, &found, &training, err);

    text_append(text, "{\"training\":");
    if (!status)
        status = training_print(&training, &version, request->parameters[1], text, err);
    text_append(text, ",\"production\":null}");
    training_close(&training);
    return status;
}

/* --- the data themselves --- */

/* Where they are: [] or one path of this server. */
static enum status training_paths(struct request *request, struct response *response,
                                  struct error *err)
{
    struct registry *registry;
    struct version version;
    struct record record;
    const char *text;
    int64_t id = 0;
    bool found;

    TRY(request_query(request, "modelVersionId", &text, err));
    if (!text || !number_i64_from_text(bytes_of(text), &id))
        return error_set(err, STATUS_INVALID_INPUT, "modelVersionId is no id of a version");
    TRY(stored_registry(request, &registry, err));
    TRY(registry_resolve_id(registry, id, &version, request_arena(request), err));
    TRY(training_find(registry, &version, &found, &record, request_arena(request), err));
    if (found)
        text_printf(&response->body, "[\"/monitoring/training_data/%lld\"]", (long long)id);
    else
        text_append(&response->body, "[]");
    return STATUS_OK;
}

static enum status training_get(struct request *request, struct response *response,
                                struct error *err)
{
    struct download_file file;
    struct registry *registry;
    struct version version;
    struct record record;
    bool found;

    TRY(version_of(request, &registry, &version, err));
    TRY(training_find(registry, &version, &found, &record, request_arena(request), err));
    if (!found)
        return error_set(err, STATUS_NOT_FOUND, "%.64s:%lld has no training data", version.model,
                         (long long)version.number);
    TRY(registry_record_path(registry, &record, &file.path, request_arena(request), err));
    file.digest = record.blob;
    file.bytes = record.blob_bytes;
    response->content_type = "text/csv";
    return download_answer(response, &file, 1, err);
}

/* --- what is not kept --- */

#define CHECKS                                                                                     \
    "requests are not kept, so there are no checks of them: check them where they are made"

static const struct route ROWS[] = {
    {HTTP_POST, "/monitoring/profiles/batch/{id}", training_put,
     "keep training data (CSV) with a version", ROUTE_STREAM},
    {HTTP_POST, "/api/v1/profiler/batch/{id}/csv", training_put, "the same (first generation)",
     ROUTE_STREAM},
    {HTTP_POST, "/monitoring/profiles/batch/{id}/s3", no_bucket, "refused: nothing is fetched", 0},
    {HTTP_GET, "/monitoring/profiles/batch/{id}/status", training_status,
     "are there training data? {kind: Success, Failure or NotRegistered}", ROUTE_CONTROL},
    {HTTP_GET, "/monitoring/fields/{id}", fields_list,
     "columns of a version's training data that have a profile: [\"x_0\"]", ROUTE_CONTROL},
    {HTTP_GET, "/monitoring/profiles/{id}/{field}", profile_show,
     "the profile of one: {training, production}; production is null", ROUTE_CONTROL},
    {HTTP_GET, "/monitoring/training_data", training_paths,
     "where training data are: [] or a path; ?modelVersionId=", ROUTE_CONTROL},
    {HTTP_GET, "/monitoring/training_data/{id}", training_get, "the training data of a version",
     ROUTE_CONTROL},
    {HTTP_GET, "/monitoring/checks/{id}", view_refuse, CHECKS, 0},
    {HTTP_GET, "/monitoring/checks/all/{id}", view_refuse, CHECKS, 0},
    {HTTP_GET, "/monitoring/checks/aggregates/{id}", view_refuse, CHECKS, 0},
    {HTTP_GET, "/monitoring/checks/subsample/{id}", view_refuse, CHECKS, 0},
    {HTTP_GET, "/monitoring/checks/comparision/{id}/{aggregation}/{other}", view_refuse, CHECKS, 0},
    {HTTP_GET, "/monitoring/slow/checks/{id}/{aggregation}", view_refuse, CHECKS, 0},
};

const struct route_set routes_hydrosphere_monitoring = {
    .name = "hydrosphere_monitoring",
    .summary = "Hydrosphere's monitoring: training data and their profiles",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = view_write_error_monitoring,
    .below = {"/monitoring"},
};
