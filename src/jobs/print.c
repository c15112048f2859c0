// SPDX-License-Identifier: Apache-2.0
/* A job as JSON. */
#include "jobs/jobs.h"

static void member(struct text *text, const char *key, const char *value)
{
    text_printf(text, ",\"%s\":", key);
    if (value)
        json_write_text(text, value);
    else
        text_append(text, "null");
}

static void request_members(const struct job_row *job, struct text *text)
{
    struct arena scratch;
    struct json request;
    struct bytes method;
    struct error ignored;

    arena_init(&scratch, 256 << 20);
    if (!json_parse(bytes_of(job->request), 0, &request, &scratch, &ignored) &&
        json_string(json_get(&request, "method"), &method)) {
        text_append(text, ",\"method\":");
        json_write_string(text, method);
    }
    arena_release(&scratch);
}

static void error_member(const struct job_row *job, struct text *text)
{
    enum status status = job->status > 0 && job->status <= STATUS_FAILED ? (enum status)job->status
                                                                         : STATUS_INTERNAL;

    if (!job->error)
        return;
    member(text, "error", job->error);
    text_printf(text, ",\"status\":\"%s\"", status_meaning(status));
}

void job_print_json(const struct job_row *job, bool brief, struct text *text)
{
    text_printf(text, "{\"id\":%lld,\"kind\":\"%s\",\"name\":", (long long)job->id, job->kind);
    json_write_text(text, job->name);
    request_members(job, text);
    text_printf(text, ",\"state\":\"%s\",\"attempt\":%lld,\"attempts\":%lld,\"timeout_ms\":%lld",
                job_state_name(job->state), (long long)job->attempt, (long long)job->attempts_max,
                (long long)job->timeout_ms);
    if (job->progress >= 0)
        text_printf(text, ",\"progress\":%.4f", job->progress);
    if (job->said && *job->said)
        member(text, "text", job->said);
    if (job->cancel && job->state == JOB_RUNNING)
        text_append(text, ",\"cancelling\":true");
    error_member(job, text);
    member(text, "created", job->created);
    member(text, "started", job->started);
    member(text, "ended", job->ended);
    if (job->result && !brief)
        text_printf(text, ",\"result\":%s", job->result);
    text_append_char(text, '}');
}
