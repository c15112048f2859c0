// SPDX-License-Identifier: Apache-2.0
/* omega|ml's REST: scripts, and tasks, which are jobs. A task that failed says why, with the status
 * of its error. */
#include "base/number.h"
#include "formats/json/json.h"
#include "server/internal.h"
#include "server/omegaml/jobs.h"
#include "server/omegaml/words.h"
#include "server/stored.h"

static enum status script_run(struct request *request, struct response *response, struct error *err)
{
    return omegaml_script_job(request, response, request->parameters[0], false, err);
}

static const char *word_of(enum job_state state)
{
    static const char *const WORDS[] = {"PENDING", "STARTED", "SUCCESS", "FAILURE", "REVOKED"};

    return WORDS[state];
}

static enum status task_of(struct request *request, struct job_row *job, struct error *err)
{
    struct jobs *jobs = request->server->jobs;
    int64_t id;

    if (!jobs)
        return error_set(err, STATUS_UNAVAILABLE, "this server has no tasks");
    if (!number_i64_from_text(request->parameters[0], &id) || id < 1)
        return error_set(err, STATUS_NOT_FOUND, "a task has a number");
    if (jobs_find(jobs, id, job, request_arena(request), err))
        return err->status == STATUS_NOT_FOUND
                   ? error_set(err, STATUS_NOT_FOUND, "there is no task %lld", (long long)id)
                   : err->status;
    return STATUS_OK;
}

static void write_head(const struct job_row *job, struct text *text)
{
    text_printf(text, "{\"task_id\":\"%lld\",\"status\":\"%s\",\"response\":", (long long)job->id,
                word_of(job->state));
}

static enum status task_status(struct request *request, struct response *response,
                               struct error *err)
{
    struct job_row job;

    TRY(task_of(request, &job, err));
    write_head(&job, &response->body);
    text_append(&response->body, "null}");
    return STATUS_OK;
}

/* The error of a failed task keeps the members that clients look at. */
static void write_failure(const struct job_row *job, struct response *response)
{
    enum status status = job->state == JOB_CANCELLED ? STATUS_CONFLICT
                         : job->status > 0 && job->status <= STATUS_FAILED
                             ? (enum status)job->status
                             : STATUS_FAILED;

    response->status = status_http(status);
    text_append(&response->body, "null,\"message\":");
    json_write_text(&response->body, job->error ? job->error : "the task was cancelled");
    text_append_char(&response->body, '}');
}

static enum status task_result(struct request *request, struct response *response,
                               struct error *err)
{
    struct job_row job;

    TRY(task_of(request, &job, err));
    write_head(&job, &response->body);
    if (!job_state_ended(job.state)) {
        text_append(&response->body, "{\"result\":null}}");
        return STATUS_OK;
    }
    if (job.state != JOB_DONE) {
        write_failure(&job, response);
        return STATUS_OK;
    }
    TRY(omegaml_write_result(request, &job, &response->body, err));
    text_append_char(&response->body, '}');
    return STATUS_OK;
}

static enum status task_cancel(struct request *request, struct response *response,
                               struct error *err)
{
    enum job_state state;
    struct job_row job;

    TRY(task_of(request, &job, err));
    TRY(jobs_cancel(request->server->jobs, job.id, &state, err));
    job.state = state;
    write_head(&job, &response->body);
    text_append(&response->body, "null}");
    return STATUS_OK;
}

static const struct route ROWS[] = {
    {HTTP_POST, "/api/v1/script/{script...}/run", script_run,
     "run a script: the body is its argument, the query its named ones; header async",
     ROUTE_CHANGES},
    {HTTP_PUT, "/api/v1/script/{script...}/run", script_run, "the same", ROUTE_CHANGES},
    {HTTP_GET, "/api/v1/task/{id}/status", task_status, "PENDING, STARTED, SUCCESS, FAILURE",
     ROUTE_CONTROL},
    {HTTP_GET, "/api/v1/task/{id}/result", task_result, "what a task answered", ROUTE_CONTROL},
    {HTTP_DELETE, "/api/v1/task/{id}", task_cancel, "cancel it", ROUTE_CONTROL},
};

const struct route_set routes_omegaml_tasks = {
    .name = "omegaml_tasks",
    .summary = "omega|ml: scripts and tasks",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
    .write_error = omegaml_write_error,
    .below = {"/api/v1/script", "/api/v1/task"},
};
