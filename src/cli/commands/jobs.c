// SPDX-License-Identifier: Apache-2.0
/* Jobs of a server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/store.h"
#include "formats/json/json.h"

enum { MEMORY_MAX = 1 << 30, FOLLOW_MS = 500 };

struct jobs {
    const char *server, *state;
    bool json, follow;
};

static const struct option OPTIONS[] = {
    {"server", OPTION_TEXT, offsetof(struct jobs, server), "URL",
     "the server (FIRN_SERVER, or http://127.0.0.1:8080)"},
    {"state", OPTION_TEXT, offsetof(struct jobs, state), "STATE",
     "list only those that are queued, running, done, failed or cancelled"},
    {"follow", OPTION_FLAG, offsetof(struct jobs, follow), NULL,
     "log: go on until the job has ended", 'f'},
    {"json", OPTION_FLAG, offsetof(struct jobs, json), NULL, "print JSON"},
    {0},
};

struct call {
    const struct jobs *options;
    struct client client;
    const char *id; /* of the job, as it was given */
    struct text *text;
    struct arena *keep;
    struct error *err;
};

static enum status ask(struct call *call, const char *method, const char *path, struct bytes *body)
{
    const struct client_request request = {.method = method, .path = path};

    if (!path)
        return error_no_memory(call->err, "a request");
    return client_call(&call->client, &request, body, call->keep, call->err);
}

static const char *text_of(const struct json *job, const char *key, struct arena *keep)
{
    struct bytes bytes;
    const char *text = json_string(json_get(job, key), &bytes) ? arena_text(keep, bytes) : NULL;

    return text ? text : "";
}

/* "fit", "running 40 %" */
static void row_print(struct call *call, const struct json *job)
{
    const char *method = text_of(job, "method", call->keep);
    int64_t id = 0;
    double share;

    json_i64(json_get(job, "id"), &id);
    text_printf(call->text, "%lld\t%s\t%s\t%s", (long long)id,
                *method ? method : text_of(job, "kind", call->keep),
                text_of(job, "name", call->keep), text_of(job, "state", call->keep));
    if (json_f64(json_get(job, "progress"), &share) && share < 1)
        text_printf(call->text, " %d %%", (int)(share * 100));
    text_printf(call->text, "\t%.19s\t%s\n", text_of(job, "created", call->keep),
                text_of(job, "error", call->keep));
}

static enum status list(struct call *call)
{
    struct text state = {0};
    struct bytes body;
    struct json json;
    enum status status;

    text_append(&state, "/api/jobs");
    if (call->options->state) {
        text_append(&state, "?state=");
        client_encode(&state, bytes_of(call->options->state));
    }
    status = ask(call, "GET", state.data, &body);
    text_release(&state);
    TRY(status);
    if (call->options->json) {
        text_append_bytes(call->text, body);
        text_append_char(call->text, '\n');
        return STATUS_OK;
    }
    TRY(json_parse(body, 0, &json, call->keep, call->err));
    for (size_t i = 0; json.kind == JSON_ARRAY && i < json.count; i++)
        row_print(call, &json.items[i]);
    return STATUS_OK;
}

/* A member a line; results as they are. */
static enum status job_print(struct call *call, struct bytes body)
{
    static const char *const LINES[] = {"name",  "method",  "state",   "text",
                                        "error", "created", "started", "ended"};
    const struct json *versions;
    struct json json;

    if (call->options->json) {
        text_append_bytes(call->text, body);
        text_append_char(call->text, '\n');
        return STATUS_OK;
    }
    TRY(json_parse(body, 0, &json, call->keep, call->err));
    for (size_t i = 0; i < ARRAY_COUNT(LINES); i++) {
        const char *value = text_of(&json, LINES[i], call->keep);

        if (*value)
            text_printf(call->text, "%-9s %s\n", LINES[i], value);
    }
    versions = json_get(json_get(&json, "result"), "versions");
    for (size_t i = 0; versions && versions->kind == JSON_ARRAY && i < versions->count; i++) {
        int64_t number = 0;

        json_i64(json_get(&versions->items[i], "version"), &number);
        text_printf(call->text, "%-9s %s:%lld\n", "version",
                    text_of(&versions->items[i], "name", call->keep), (long long)number);
    }
    return STATUS_OK;
}

static enum status show(struct call *call)
{
    struct bytes body;

    TRY(ask(call, "GET", arena_printf(call->keep, "/api/jobs/%s", call->id), &body));
    return job_print(call, body);
}

static enum status cancel(struct call *call)
{
    struct bytes body;

    TRY(ask(call, "DELETE", arena_printf(call->keep, "/api/jobs/%s", call->id), &body));
    return job_print(call, body);
}

/* All that is new since `shown` bytes. */
static enum status log_print(struct call *call, size_t *shown)
{
    struct bytes body;

    TRY(ask(call, "GET", arena_printf(call->keep, "/api/jobs/%s/log", call->id), &body));
    if (body.size > *shown) {
        fwrite(body.data + *shown, 1, body.size - *shown, stdout);
        fflush(stdout);
    }
    *shown = body.size;
    return STATUS_OK;
}

static bool has_ended(const char *state)
{
    return strcmp(state, "queued") && strcmp(state, "running");
}

static enum status show_log(struct call *call)
{
    size_t shown = 0;

    for (bool over = !call->options->follow;; usleep(FOLLOW_MS * 1000)) {
        struct bytes body;
        struct json json;

        arena_reset(call->keep);
        if (!over) { /* the state first: what is printed before the end is read after it */
            TRY(ask(call, "GET", arena_printf(call->keep, "/api/jobs/%s", call->id), &body));
            TRY(json_parse(body, 0, &json, call->keep, call->err));
            over = has_ended(text_of(&json, "state", call->keep));
        }
        TRY(log_print(call, &shown));
        if (over)
            return STATUS_OK;
    }
}

static enum status check_id(const char *id, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    if (*id && strlen(id) < 20 && strspn(id, "0123456789") == strlen(id))
        return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "\"%s\" is no number of a job",
                     text_quote(bytes_of(id), quoted, sizeof quoted));
}

static enum status act(struct call *call, const struct arguments *arguments)
{
    static const struct {
        const char *name;
        size_t arguments;
        enum status (*act)(struct call *call);
    } ACTIONS[] = {
        {"list", 1, list}, {"show", 2, show}, {"log", 2, show_log}, {"cancel", 2, cancel}};
    const char *name = arguments->count ? arguments->items[0] : "list";

    for (size_t i = 0; i < ARRAY_COUNT(ACTIONS); i++) {
        if (strcmp(name, ACTIONS[i].name))
            continue;
        if (arguments->count && arguments->count != ACTIONS[i].arguments)
            return error_set(call->err, STATUS_INVALID_INPUT, "\"jobs %s\" wants %s", name,
                             ACTIONS[i].arguments > 1 ? "the number of a job" : "nothing more");
        call->id = ACTIONS[i].arguments > 1 ? arguments->items[1] : NULL;
        if (call->id)
            TRY(check_id(call->id, call->err));
        return ACTIONS[i].act(call);
    }
    if (error_set(call->err, STATUS_INVALID_INPUT, "there is no \"jobs %.40s\"", name))
        error_fix(call->err, "list, show, log or cancel");
    return call->err->status;
}

static int run(int argc, char **argv)
{
    struct jobs options = {0};
    struct arguments arguments = {0};
    struct text text = {0};
    struct error err = {0};
    struct arena keep;
    struct call call = {.options = &options, .text = &text, .keep = &keep, .err = &err};
    enum status status = options_parse(OPTIONS, argc, argv, 0, 2, &options, &arguments, &err);

    arena_init(&keep, MEMORY_MAX);
    if (!status)
        status = client_init(&call.client, store_server(options.server), &err);
    if (!status)
        status = act(&call, &arguments);
    arguments_release(&arguments);
    arena_release(&keep);
    if (!status)
        return output_text(&text);
    text_release(&text);
    return output_error(&err, "ask for jobs");
}

const struct command command_jobs = {
    .name = "jobs",
    .usage = "jobs [list | show ID | log ID | cancel ID] [--server URL] [--json]",
    .summary = "jobs of a server: training and scripts, queued, running and ended",
    .help = "A line each: number, what it does, of what, state, when it was submitted, error.\n"
            "\n"
            "  firn jobs\n"
            "  firn jobs --state failed\n"
            "  firn jobs log 3 --follow\n"
            "  firn jobs cancel 3\n",
    .group = "server",
    .options = OPTIONS,
    .run = run,
};
