// SPDX-License-Identifier: Apache-2.0
/* A servable of tests/workers/firn_worker, which does what the name of the signature says. Include
 * it last, after test.h. */
#pragma once

#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "workers/pool.h"
#include "workers/worker.h"

enum { MIB = 1 << 20 };

/* All take x and give y, float [-1], unless said otherwise. */
static const char *const NAMES[] = {"double",
                                    "echo",
                                    "socket",
                                    "unix_socket",
                                    "read_other",
                                    "read_model",
                                    "write_model",
                                    "write_temporary",
                                    "see_processes",
                                    "kill_parent",
                                    "much_memory",
                                    "run_program",
                                    "threads",
                                    "fork",
                                    "exit",
                                    "die",
                                    "close",
                                    "hang",
                                    "slow",
                                    "print",
                                    "garbage",
                                    "empty",
                                    "oversize",
                                    "stale",
                                    "unasked",
                                    "outside",
                                    "before",
                                    "overflow",
                                    "negative",
                                    "dtype",
                                    "shape",
                                    "length",
                                    "fewer",
                                    "grow_for_ever",
                                    "grow_too_much",
                                    "take_memory",
                                    "refuse",
                                    "raise",
                                    "text",
                                    "strings",
                                    "bools",
                                    "talk",
                                    "talk_outside",
                                    "datagrams",
                                    "socket_ipv6",
                                    "socket_icmp",
                                    "socket_netlink",
                                    "socket_mptcp",
                                    "run_unpacked",
                                    "page_tables",
                                    "page_tables_of_a_child",
                                    "take_memory_in_children",
                                    "burn"};
enum { NAME_COUNT = ARRAY_COUNT(NAMES) };

static struct field INPUTS[NAME_COUNT], OUTPUTS[NAME_COUNT];
static struct signature SIGNATURES[NAME_COUNT];
static const char *DIM_NAMES[] = {"n"};
static struct contract CONTRACT = {SIGNATURES, NAME_COUNT};

static inline size_t index_of(const char *name)
{
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (!strcmp(NAMES[i], name))
            return i;
    fail_msg("no signature %s", name);
    return 0;
}

static inline void contract_make(void)
{
    for (size_t i = 0; i < NAME_COUNT; i++) {
        INPUTS[i] = (struct field){.name = "x", .dtype = DTYPE_F32, .shape = SHAPE(-1)};
        OUTPUTS[i] = (struct field){.name = "y", .dtype = DTYPE_F32, .shape = SHAPE(-1)};
        SIGNATURES[i] = (struct signature){.name = NAMES[i],
                                           .inputs = &INPUTS[i],
                                           .outputs = &OUTPUTS[i],
                                           .input_count = 1,
                                           .output_count = 1};
    }
    INPUTS[index_of("text")].dtype = OUTPUTS[index_of("text")].dtype = DTYPE_STRING;
    OUTPUTS[index_of("strings")].dtype = DTYPE_STRING;
    OUTPUTS[index_of("bools")].dtype = DTYPE_BOOL;
    INPUTS[index_of("length")].dim_names = OUTPUTS[index_of("length")].dim_names = DIM_NAMES;
}

/* --- a servable --- */

static char folder[4096], code[4096];
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static struct text log_text;

static inline void take_log(void *context, const char *line)
{
    (void)context;
    pthread_mutex_lock(&log_lock);
    text_append(&log_text, line);
    text_append_char(&log_text, '\n');
    pthread_mutex_unlock(&log_lock);
}

static inline bool log_has(const char *part)
{
    bool has;

    pthread_mutex_lock(&log_lock);
    has = log_text.data && strstr(log_text.data, part);
    pthread_mutex_unlock(&log_lock);
    return has;
}

static inline struct worker_options options_make(const char *adapter)
{
    static bool made;
    struct error err;
    char path[4096];
    FILE *file;

    if (!made) {
        contract_make();
        CHECK(!mkdir("model", 0755) && realpath("model", folder));
        file = fopen("model/weights.txt", "w");
        CHECK(file && fputs("weights", file) >= 0 && !fclose(file));
        CHECK(!chmod("model", 0755) && !chmod("model/weights.txt", 0644));
        snprintf(path, sizeof path, "%s/tests/workers", getenv("FIRN_ROOT"));
        CHECK(realpath(path, code) != NULL);
        log_text.limit = 4 << 20;
        made = true;
    }
    if (sandbox_check(sandbox_ability(), &err))
        printf("SKIPPED the sandbox of workers: %s\n", err.text);
    text_clear(&log_text);
    return (struct worker_options){.adapter = adapter,
                                   .name = "test:1",
                                   .files = folder,
                                   .code = code,
                                   .limits = {.processes = 1,
                                              .memory_bytes = (size_t)512 * MIB,
                                              .start_ms = 20000,
                                              .request_ms = 20000,
                                              .arena_bytes_max = (size_t)64 * MIB,
                                              .log_bytes_max = 100000},
                                   .sandbox = !sandbox_check(sandbox_ability(), &err),
                                   .log = take_log};
}

struct fixture {
    struct servable *servable;
    struct session *session;
};

static inline struct fixture fixture_open(const struct worker_options *options)
{
    struct fixture f;
    struct error err;

    CHECK_OK(worker_servable(options, &CONTRACT, &f.servable, &err), err);
    f.session = servable_session(f.servable);
    CHECK(f.session != NULL);
    return f;
}

static inline void fixture_close(struct fixture *f)
{
    session_free(f->session);
    servable_free(f->servable);
}

static inline enum status run(struct session *session, const char *name, size_t count,
                              float *answer, struct error *err)
{
    float *x = malloc(count * sizeof *x + 1);
    struct tensor input = {.dtype = DTYPE_F32, .shape = SHAPE((int64_t)count), .data = x};
    struct tensor output = {0};
    enum status status;

    for (size_t i = 0; i < count; i++)
        x[i] = (float)i;
    status = session_run(session, index_of(name), &input, &output, err);
    if (!status && answer)
        *answer = count ? ((const float *)output.data)[output.shape.dims[0] - 1] : 0;
    free(x);
    return status;
}

/* After whatever happened: the next request is served. */
static inline void check_serves(struct session *session)
{
    struct error err;
    float y = 0;

    CHECK_OK(run(session, "double", 4, &y, &err), err);
    CHECK_NEAR(y, 6, 0);
}

/* Of this process. */
static inline unsigned groups_left(void)
{
    const struct cgroup_place *place = &sandbox_ability()->groups;
    unsigned count = 0;
    char own[32];

    snprintf(own, sizeof own, "-%d-", (int)getpid());
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        DIR *stream = place->folders[i][0] ? opendir(place->folders[i]) : NULL;
        struct dirent *entry;

        while (stream && (entry = readdir(stream)))
            count += !strncmp(entry->d_name, "firn-", 5) && strstr(entry->d_name, own);
        if (stream)
            closedir(stream);
    }
    return count;
}
