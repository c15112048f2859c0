// SPDX-License-Identifier: Apache-2.0
#include "server/omegaml/jobs.h"

#include "formats/json/json.h"
#include "registry/object.h"
#include "server/datasets/table.h"
#include "server/internal.h"
#include "server/omegaml/words.h"
#include "server/stored.h"

enum { ANSWER_MS = 2000 }; /* before the request's own time is over, its task is named instead */

bool omegaml_is_async(struct request *request)
{
    struct bytes value;

    if (request_header(request, "async", &value))
        return !bytes_is(value, "0") && !bytes_is(value, "false");
    return request_query_flag(request, "async");
}

bool omegaml_needs_job(struct bytes action)
{
    static const char *const ACTIONS[] = {"fit", "partial_fit", "score", "fit_transform"};

    for (size_t i = 0; i < ARRAY_COUNT(ACTIONS); i++)
        if (bytes_is(action, ACTIONS[i]))
            return true;
    return false;
}

/* --- asking --- */

/* {"dataset": "sales", "columns": ["a"]} of "sales[a]". */
static enum status write_dataset(struct request *request, const char *reference, struct text *text,
                                 struct error *err)
{
    struct arena *arena = request_arena(request);
    const char *name, *columns;
    struct registry *registry;
    struct object object;

    TRY(stored_registry(request, &registry, err));
    TRY(table_reference(reference, &name, &columns, arena, err));
    TRY(registry_object_find(registry, "dataset", name, &object, arena, err));
    text_append(text, "{\"dataset\":");
    json_write_text(text, name);
    if (columns) {
        text_append(text, ",\"columns\":");
        json_write_text(text, columns);
    }
    text_append_char(text, '}');
    return STATUS_OK;
}

/* Member `key` of the body as it is written there; none: {NULL, 0}. */
static enum status body_member(struct bytes body, const char *key, struct bytes *value,
                               struct error *err)
{
    struct json_reader reader;
    struct bytes name;
    bool more;

    *value = (struct bytes){NULL, 0};
    json_reader_init(&reader, body, 0);
    TRY(json_enter(&reader, JSON_OBJECT, err));
    for (;;) {
        bool wanted;
        size_t start;

        TRY(json_next(&reader, &more, &name, err));
        if (!more)
            return json_end(&reader, err);
        wanted = bytes_is(name, key);
        start = json_offset(&reader);
        TRY(json_skip(&reader, err));
        if (wanted)
            *value = (struct bytes){body.data + start, json_offset(&reader) - start};
    }
}

/* "x" of the body's columns, data and shape; "y" as it is. */
static enum status write_body(struct request *request, const char *key, struct text *text,
                              struct error *err)
{
    static const char *const PARTS[] = {"columns", "data", "shape"};
    struct bytes value;
    bool first = true;

    if (strcmp(key, "y") == 0) {
        TRY(body_member(request->body, "y", &value, err));
        if (!value.size)
            TRY(body_member(request->body, "Y", &value, err));
        if (value.size)
            text_append(text, "{\"json\":");
        text_append_bytes(text, value.size ? value : bytes_of("null"));
        if (value.size)
            text_append_char(text, '}');
        return STATUS_OK;
    }
    text_append(text, "{\"frame\":{");
    for (size_t i = 0; i < ARRAY_COUNT(PARTS); i++) {
        TRY(body_member(request->body, PARTS[i], &value, err));
        if (!value.size)
            continue;
        text_printf(text, "%s\"%s\":", first ? "" : ",", PARTS[i]);
        text_append_bytes(text, value);
        first = false;
    }
    text_append(text, "}}");
    return STATUS_OK;
}

static enum status write_argument(struct request *request, const char *key, const char *query,
                                  struct text *text, struct error *err)
{
    const char *dataset;

    TRY(request_query(request, query, &dataset, err));
    text_printf(text, "\"%s\":", key);
    if (dataset)
        return write_dataset(request, dataset, text, err);
    if (request->body.size)
        return write_body(request, key, text, err);
    text_append(text, "null");
    return STATUS_OK;
}

static enum status model_request(struct request *request, struct bytes model, struct bytes action,
                                 struct text *text, struct error *err)
{
    const char *dataset;

    TRY(request_query(request, "datax", &dataset, err));
    if (!dataset && !request->body.size)
        return error_set(err, STATUS_INVALID_INPUT,
                         "the request has no body {\"columns\": [...], \"data\": ...} and no "
                         "?datax=");
    text_append(text, "{\"model\":");
    json_write_string(text, model);
    text_append(text, ",\"method\":");
    json_write_string(text, action);
    text_append(text, ",\"answer\":\"json\",\"arguments\":{");
    TRY(write_argument(request, "x", "datax", text, err));
    text_append_char(text, ',');
    TRY(write_argument(request, "y", "datay", text, err));
    text_append(text, "}}");
    return text_check(text, err);
}

static enum status write_keyword(void *context, const char *key, const char *value,
                                 struct error *err)
{
    struct text *text = context;

    (void)err;
    if (strcmp(key, "async") == 0)
        return STATUS_OK;
    if (text->data[text->size - 1] != '{')
        text_append_char(text, ',');
    json_write_text(text, key);
    text_append_char(text, ':');
    json_write_text(text, value);
    return STATUS_OK;
}

static enum status script_request(struct request *request, struct bytes script, struct text *text,
                                  struct error *err)
{
    struct bytes body = request->body.size ? request->body : bytes_of("null");
    struct json_reader reader;

    json_reader_init(&reader, body, 0);
    TRY(json_skip(&reader, err));
    TRY(json_end(&reader, err));
    text_append(text, "{\"script\":");
    json_write_string(text, script);
    text_append(text, ",\"answer\":\"json\",\"arguments\":{\"args\":[");
    if (request->body.size) {
        text_append(text, "{\"json\":");
        text_append_bytes(text, body);
        text_append_char(text, '}');
    }
    text_append(text, "],\"kwargs\":{");
    TRY(omegaml_each_query(request, write_keyword, text, err));
    text_append(text, "}}}");
    return text_check(text, err);
}

/* --- answering --- */

static void write_pending(struct response *response, const struct job_row *job, const char *what,
                          struct bytes name)
{
    response->status = 202;
    text_printf(&response->headers, "Location: /api/v1/task/%lld/result\r\n", (long long)job->id);
    text_printf(&response->body, "{\"%s\":", what);
    json_write_string(&response->body, name);
    text_printf(&response->body, ",\"result\":\"pending\",\"task_id\":\"%lld\",\"resource_uri\":",
                (long long)job->id);
    json_write_string(&response->body, name);
    text_append_char(&response->body, '}');
}

static enum status job_error(const struct job_row *job, struct error *err)
{
    enum status status =
        job->status > 0 && job->status <= STATUS_FAILED ? (enum status)job->status : STATUS_FAILED;

    return error_set(err, job->state == JOB_CANCELLED ? STATUS_CONFLICT : status, "%s",
                     job->error ? job->error : "the task was cancelled");
}

static enum status submit(struct request *request, const struct text *text, struct job_row *job,
                          struct error *err)
{
    struct job_submission submission = {.request = text_bytes(text)};
    struct jobs *jobs = request->server->jobs;
    struct bytes key;
    bool known;

    if (!jobs)
        return error_set(err, STATUS_UNAVAILABLE, "this server has no jobs");
    if (request_header(request, "idempotency-key", &key))
        submission.key = arena_text(request_arena(request), key);
    return jobs_submit(jobs, &submission, job, &known, request_arena(request), err);
}

static enum status wait_for(struct request *request, struct job_row *job, struct error *err)
{
    int64_t most = request->server->settings.request_timeout_ms - ANSWER_MS;

    return jobs_wait(request->server->jobs, job->id,
                     request->received_ns + (uint64_t)(most > 0 ? most : 0) * 1000000,
                     request->cancelled, job, request_arena(request), err);
}

/* Submit what `status` says was written to `text`, which is released; then answer with its end, or
 * its Location when the client does not wait that long. */
static enum status answer_job(struct request *request, struct response *response,
                              enum status status, struct text *text, const char *what,
                              struct bytes name, omegaml_writer *write, struct error *err)
{
    bool async = omegaml_is_async(request);
    struct job_row job;

    if (!status)
        status = submit(request, text, &job, err);
    text_release(text);
    TRY(status);
    if (!async)
        TRY(wait_for(request, &job, err));
    if (async || !job_state_ended(job.state)) {
        write_pending(response, &job, what, name);
        return STATUS_OK;
    }
    if (job.state != JOB_DONE)
        return job_error(&job, err);
    return write(request, &job, &response->body, err);
}

enum status omegaml_model_job(struct request *request, struct response *response,
                              struct bytes model, struct bytes action, struct error *err)
{
    struct text text = {0};

    if (!request->executor->waits)
        return request_later(request, LATER_WAITING);
    return answer_job(request, response, model_request(request, model, action, &text, err), &text,
                      "model", model, omegaml_write_result, err);
}

enum status omegaml_script_job(struct request *request, struct response *response,
                               struct bytes script, bool bare, struct error *err)
{
    struct text text = {0};

    if (!request->executor->waits)
        return request_later(request, LATER_WAITING);
    return answer_job(request, response, script_request(request, script, &text, err), &text,
                      "script", script, bare ? omegaml_write_bare : omegaml_write_result, err);
}

enum status omegaml_keep_answer(struct request *request, struct response *response,
                                struct bytes model, struct error *err)
{
    struct arena *arena = request_arena(request);
    struct jobs *jobs = request->server->jobs;
    struct job_row job = {.kind = "model", .name = arena_text(arena, model)};
    struct text result = {0};
    enum status status;

    if (!jobs)
        return error_set(err, STATUS_UNAVAILABLE, "this server has no jobs");
    if (!job.name)
        return error_no_memory(err, "a task");
    text_append(&result, "{\"versions\":[],\"answer\":");
    text_append_bytes(&result, text_bytes(&response->body));
    text_append_char(&result, '}');
    status = text_check(&result, err);
    if (!status)
        status = jobs_keep(jobs, &job, result.data, err);
    text_release(&result);
    TRY(status);
    text_clear(&response->body);
    write_pending(response, &job, "model", model);
    return STATUS_OK;
}
