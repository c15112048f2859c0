// SPDX-License-Identifier: Apache-2.0
/* Jobs: submitted, looked at, followed, cancelled. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "jobs/jobs.h"
#include "server/internal.h"
#include "server/received.h"
#include "server/sse.h"
#include "server/stored.h"

enum { LIST_MAX = 1000, LOG_BYTES_MAX = 1 << 30, PIECE_BYTES = 64 << 10, OUTPUT_PIECE = 256 << 10 };

static enum status jobs_of(struct request *request, struct jobs **jobs, struct error *err)
{
    *jobs = request->server->jobs;
    return *jobs ? STATUS_OK : error_set(err, STATUS_UNAVAILABLE, "this server has no jobs");
}

static enum status job_of(struct request *request, struct jobs **jobs, struct job_row *job,
                          struct error *err)
{
    int64_t id;

    TRY(jobs_of(request, jobs, err));
    if (!number_i64_from_text(request->parameters[0], &id) || id < 1)
        return error_set(err, STATUS_NOT_FOUND, "a job has a number");
    return jobs_find(*jobs, id, job, request_arena(request), err);
}

/* --- submitting --- */

/* A tar with job.json and what it names below input/, or the request alone. */
static enum status submission_read(struct request *request, struct bytes body,
                                   struct job_submission *submission, struct error *err)
{
    struct member *member;
    struct bytes type;

    *submission = (struct job_submission){.request = body};
    if (!request_header(request, "content-type", &type) || !bytes_is(type, "application/x-tar"))
        return STATUS_OK;
    TRY(artifact_open_bytes(body, "job.tar", NULL, &submission->files, err));
    member = artifact_find(submission->files, "job.json");
    if (!member)
        return error_set(err, STATUS_INVALID_INPUT, "the tar has no job.json");
    return member_bytes(member, &submission->request, err);
}

static enum status submit_received(struct request *request, struct bytes body, struct jobs *jobs,
                                   struct response *response, struct error *err)
{
    struct job_submission submission;
    struct bytes key;
    struct job_row job;
    bool known = false;
    enum status status = submission_read(request, body, &submission, err);

    if (request_header(request, "idempotency-key", &key))
        submission.key = arena_text(request_arena(request), key);
    if (!status)
        status = jobs_submit(jobs, &submission, &job, &known, request_arena(request), err);
    artifact_close(submission.files);
    TRY(status);
    response->status = known ? 200 : 202;
    text_printf(&response->headers, "Location: /api/jobs/%lld\r\n", (long long)job.id);
    job_print_json(&job, false, &response->body);
    return STATUS_OK;
}

static enum status submit(struct request *request, struct response *response, struct error *err)
{
    struct received received = RECEIVED_NONE;
    struct jobs *jobs;
    enum status status;

    TRY(jobs_of(request, &jobs, err));
    status = received_open(request->server, &received, err);
    if (status == STATUS_OK)
        status = received_body(request, &received, err);
    if (status == STATUS_OK)
        status = submit_received(request, received.bytes, jobs, response, err);
    received_release(&received);
    return status;
}

/* --- looking --- */

static enum status number_query(struct request *request, const char *name, int64_t otherwise,
                                int64_t *number, struct error *err)
{
    const char *text;

    *number = otherwise;
    TRY(request_query(request, name, &text, err));
    if (!text || (number_i64_from_text(bytes_of(text), number) && *number >= 0))
        return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "query parameter %s is no number", name);
}

static enum status state_query(struct request *request, unsigned *states, struct error *err)
{
    const char *text;

    TRY(request_query(request, "state", &text, err));
    for (int state = 0; text && state < JOB_STATES; state++)
        if (!strcmp(text, job_state_name((enum job_state)state)))
            *states = 1u << state;
    if (text && !*states)
        return error_set(err, STATUS_INVALID_INPUT,
                         "query parameter state is queued, running, done, failed or cancelled");
    return STATUS_OK;
}

static enum status list(struct request *request, struct response *response, struct error *err)
{
    struct job_filter filter = {0};
    struct job_row *rows;
    struct jobs *jobs;
    int64_t most;
    size_t count;

    TRY(jobs_of(request, &jobs, err));
    TRY(state_query(request, &filter.states, err));
    TRY(request_query(request, "name", &filter.name, err));
    TRY(number_query(request, "before", 0, &filter.before, err));
    TRY(number_query(request, "limit", 100, &most, err));
    filter.most = most < 1 ? 1 : most > LIST_MAX ? LIST_MAX : (size_t)most;
    TRY(jobs_list(jobs, &filter, &rows, &count, request_arena(request), err));
    text_append_char(&response->body, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            text_append_char(&response->body, ',');
        job_print_json(&rows[i], true, &response->body);
    }
    text_append_char(&response->body, ']');
    return STATUS_OK;
}

/* ?wait: until it has ended, or so many milliseconds, on a thread that may. */
static enum status show(struct request *request, struct response *response, struct error *err)
{
    int64_t wait, most = request->server->settings.request_timeout_ms;
    struct job_row job;
    struct jobs *jobs;

    TRY(job_of(request, &jobs, &job, err));
    TRY(number_query(request, "wait", 0, &wait, err));
    if (wait && !job_state_ended(job.state)) {
        if (!request->executor->waits)
            return request_later(request, LATER_WAITING);
        wait = wait < most ? wait : most;
        TRY(jobs_wait(jobs, job.id, request->received_ns + (uint64_t)wait * 1000000,
                      request->cancelled, &job, request_arena(request), err));
    }
    job_print_json(&job, false, &response->body);
    return STATUS_OK;
}

/* --- following --- */

struct follow {
    struct feed feed;
    int fd;
    off_t at;
    int64_t id;
    bool over;
    uint64_t spoke_ns;
};

/* Each line becomes an event: what it begins with after the time tells which. */
static void line_tell(struct follow *follow, struct bytes line, struct text *out)
{
    static const struct {
        const char *mark, *event;
    } EVENTS[] = {{"\",\"log\":", "log"}, {"\",\"progress\":", "progress"}};
    static const char *const ENDS[] = {"\"state\":\"done\"", "\"state\":\"failed\"",
                                       "\"state\":\"cancelled\""};
    const char *event = "state";
    struct bytes head = {line.data, line.size < 80 ? line.size : 80};

    for (size_t i = 0; i < ARRAY_COUNT(EVENTS); i++)
        if (memmem(head.data, head.size, EVENTS[i].mark, strlen(EVENTS[i].mark)))
            event = EVENTS[i].event;
    for (size_t i = 0; i < ARRAY_COUNT(ENDS) && !strcmp(event, "state"); i++)
        follow->over |= memmem(head.data, head.size, ENDS[i], strlen(ENDS[i])) != NULL;
    sse_write(out, ++follow->id, event, line);
}

/* The lines that are whole; how many bytes they are. */
static size_t lines_tell(struct follow *follow, struct bytes piece, struct text *out)
{
    const uint8_t *at = piece.data, *end = piece.data + piece.size;

    for (const uint8_t *stop; at < end && (stop = memchr(at, '\n', (size_t)(end - at)));
         at = stop + 1)
        if (stop > at)
            line_tell(follow, (struct bytes){at, (size_t)(stop - at)}, out);
    return (size_t)(at - piece.data);
}

/* The file lies in the page cache: its writer is this machine. */
static enum feed_state follow_next(struct feed *feed, struct executor *executor, struct text *out)
{
    struct follow *follow = (struct follow *)feed;
    uint8_t *piece = arena_new(&executor->arena, uint8_t, PIECE_BYTES);
    ssize_t got = piece ? pread(follow->fd, piece, PIECE_BYTES, follow->at) : 0;
    size_t done = got > 0 ? lines_tell(follow, (struct bytes){piece, (size_t)got}, out) : 0;

    follow->at += (off_t)done;
    executor_reset(executor);
    if (follow->over)
        return FEED_END;
    if (done) {
        follow->spoke_ns = clock_ns();
        return FEED_MORE;
    }
    if (clock_ns() - follow->spoke_ns > 5000000000u) {
        follow->spoke_ns = clock_ns();
        sse_heartbeat(out);
    }
    return FEED_WAIT;
}

static void follow_free(struct feed *feed)
{
    close(((struct follow *)feed)->fd);
    free(feed);
}

static const struct feed_class FOLLOW = {.next = follow_next, .free = follow_free};

static enum status follow(struct response *response, int fd, bool ended, struct error *err)
{
    struct follow *feed = calloc(1, sizeof *feed);
    uint8_t piece[4096];

    if (!feed) {
        close(fd);
        return error_no_memory(err, "a log");
    }
    *feed = (struct follow){.feed.class = &FOLLOW, .fd = fd, .spoke_ns = clock_ns()};
    response->content_type = SSE_TYPE;
    if (!ended) {
        response->feed = &feed->feed;
        return STATUS_OK;
    }
    /* all that there will be: a kill between the row and its last event must not leave us waiting
     */
    for (ssize_t got; (got = pread(fd, piece, sizeof piece, feed->at)) > 0;) {
        size_t done = lines_tell(feed, (struct bytes){piece, (size_t)got}, &response->body);

        if (!done)
            break;
        feed->at += (off_t)done;
    }
    follow_free(&feed->feed);
    return STATUS_OK;
}

/* What was printed, as text. */
static enum status log_text(int fd, struct text *out, struct arena *arena, struct error *err)
{
    struct bytes all;
    const uint8_t *at;

    TRY(file_read_all(fd, LOG_BYTES_MAX, &all, arena, err));
    at = all.data;
    for (const uint8_t *stop; (stop = memchr(at, '\n', (size_t)(all.data + all.size - at)));
         at = stop + 1) {
        struct json json;
        struct bytes line;
        struct error ignored;

        if (!json_parse((struct bytes){at, (size_t)(stop - at)}, 0, &json, arena, &ignored) &&
            json_string(json_get(&json, "log"), &line)) {
            text_append_bytes(out, line);
            text_append_char(out, '\n');
        }
    }
    return STATUS_OK;
}

static enum status log_show(struct request *request, struct response *response, struct error *err)
{
    const char *path;
    struct job_row job;
    struct jobs *jobs;
    enum status status;
    int fd;

    TRY(job_of(request, &jobs, &job, err));
    path = jobs_path(jobs, &job, "events", request_arena(request));
    if (!path)
        return error_no_memory(err, "a path");
    /* a queued job has none yet; whoever follows it waits for it */
    fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, STATUS_INTERNAL, "the log of job %lld: %s", (long long)job.id,
                         strerror(errno));
    if (request_query_flag(request, "follow"))
        return follow(response, fd, job_state_ended(job.state), err);
    response->content_type = "text/plain; charset=utf-8";
    status = log_text(fd, &response->body, request_arena(request), err);
    close(fd);
    return status;
}

/* --- what it made --- */

struct output {
    struct feed feed;
    int fd;
    off_t at;
};

static enum feed_state output_next(struct feed *feed, struct executor *executor, struct text *out)
{
    struct output *output = (struct output *)feed;
    char *room = text_reserve(out, OUTPUT_PIECE);
    ssize_t got = room ? pread(output->fd, room, OUTPUT_PIECE, output->at) : -1;

    (void)executor;
    if (got <= 0)
        return FEED_END;
    out->size += (size_t)got;
    output->at += got;
    return FEED_MORE;
}

static void output_free(struct feed *feed)
{
    close(((struct output *)feed)->fd);
    free(feed);
}

static const struct feed_class OUTPUT = {.next = output_next, .free = output_free};

static enum status output_show(struct request *request, struct response *response,
                               struct error *err)
{
    struct output *output;
    const char *name, *path;
    struct job_row job;
    struct jobs *jobs;
    struct stat about;
    int fd;

    TRY(job_of(request, &jobs, &job, err));
    TRY(stored_parameter(request, 1, &name, err));
    path = *name == '.' || strchr(name, '/')
               ? NULL
               : arena_printf(request_arena(request), "output/%s", name);
    path = path ? jobs_path(jobs, &job, path, request_arena(request)) : NULL;
    fd = path && job.state == JOB_DONE ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (fd < 0 || fstat(fd, &about) || !S_ISREG(about.st_mode)) {
        if (fd >= 0)
            close(fd);
        return error_set(err, STATUS_NOT_FOUND, "job %lld made no file \"%.100s\"",
                         (long long)job.id, name);
    }
    output = calloc(1, sizeof *output);
    if (!output) {
        close(fd);
        return error_no_memory(err, "a download");
    }
    *output = (struct output){.feed.class = &OUTPUT, .fd = fd};
    response->content_type = "application/octet-stream";
    response->feed = &output->feed;
    return STATUS_OK;
}

/* --- ending --- */

static enum status cancel(struct request *request, struct response *response, struct error *err)
{
    enum job_state state;
    struct job_row job;
    struct jobs *jobs;

    TRY(job_of(request, &jobs, &job, err));
    if (request_query_flag(request, "remove")) {
        TRY(jobs_remove(jobs, job.id, err));
        text_append(&response->body, "{\"deleted\":true}");
        return STATUS_OK;
    }
    TRY(jobs_cancel(jobs, job.id, &state, err));
    response->status = state == JOB_CANCELLED ? 200 : 202;
    TRY(jobs_find(jobs, job.id, &job, request_arena(request), err));
    job_print_json(&job, false, &response->body);
    return STATUS_OK;
}

static const struct route ROWS[] = {
    {HTTP_POST, "/api/jobs", submit,
     "submit: JSON {\"model\", \"method\", \"arguments\"} or {\"script\", \"arguments\"}, or a tar "
     "with it as job.json and files beside; header Idempotency-Key",
     ROUTE_STREAM},
    {HTTP_GET, "/api/jobs", list,
     "newest first; ?state=, ?name=, ?before=ID, ?limit=", ROUTE_CONTROL},
    {HTTP_GET, "/api/jobs/{id}", show, "a job; ?wait=MILLISECONDS until it has ended",
     ROUTE_CONTROL},
    {HTTP_GET, "/api/jobs/{id}/log", log_show,
     "what it printed; ?follow: everything that happens, as server-sent events", ROUTE_CONTROL},
    {HTTP_GET, "/api/jobs/{id}/output/{file}", output_show, "a file that its result names",
     ROUTE_CONTROL},
    {HTTP_DELETE, "/api/jobs/{id}", cancel, "cancel; ?remove: forget one that has ended",
     ROUTE_CONTROL},
};

const struct route_set routes_jobs = {
    .name = "jobs",
    .summary = "training and scripts, by workers",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
};
