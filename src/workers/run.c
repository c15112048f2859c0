// SPDX-License-Identifier: Apache-2.0
#include "workers/run.h"

#include <errno.h>
#include <stdatomic.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE = 8192, VARIABLES_MAX = 4096, WAIT_MS = 200 };

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Our environment with PATH and VIRTUAL_ENV of the child. */
static char **variables(const struct run *run, struct arena *scratch)
{
    char **list = arena_new(scratch, char *, VARIABLES_MAX + 8);
    const char *path = getenv("PATH");
    size_t count = 0;

    if (!list)
        return NULL;
    for (char **at = environ; *at && count < VARIABLES_MAX; at++)
        if (strncmp(*at, "PATH=", 5) && strncmp(*at, "VIRTUAL_ENV=", 12) &&
            strncmp(*at, "PYTHON", 6))
            list[count++] = *at;
    list[count] = arena_printf(scratch, "PATH=%s%s%s", run->path ? run->path : "",
                               run->path ? ":" : "", path ? path : "/usr/bin:/bin");
    if (!list[count++])
        return NULL;
    list[count++] = (char *)"PYTHONUNBUFFERED=1";
    if (run->environment) {
        list[count] = arena_printf(scratch, "VIRTUAL_ENV=%s", run->environment);
        if (!list[count])
            return NULL;
    }
    return list;
}

/* Where all that it started dies with it, nobody needs to wait for what it left behind. */
static enum status spawn_inside(const struct run *run, int output, struct sandbox_child *child,
                                struct error *err)
{
    struct sandbox_request request = *run->sandbox;
    enum status status;

    request.arguments = run->arguments;
    request.input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    request.output = output;
    request.socket = sandbox_ability()->has[LAYER_PROCESSES] ? -1 : run->hold;
    request.arena = -1;
    if (request.input < 0)
        return error_set(err, STATUS_UNAVAILABLE, "/dev/null: %s", strerror(errno));
    status = sandbox_start(&request, child, err);
    close(request.input);
    if (!status)
        close(child->pidfd);
    return status;
}

static enum status spawn(const struct run *run, int output, pid_t *pid, struct error *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    struct arena scratch;
    sigset_t none, all;
    char **list;
    int failed = ENOMEM;

    arena_init(&scratch, 4 << 20);
    sigemptyset(&none);
    sigfillset(&all);
    list = variables(run, &scratch);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                  POSIX_SPAWN_SETPGROUP));
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    if (list && !posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) &&
        !posix_spawn_file_actions_adddup2(&actions, output, 1) &&
        !posix_spawn_file_actions_adddup2(&actions, output, 2) &&
        (run->hold < 0 || !posix_spawn_file_actions_adddup2(&actions, run->hold, run->hold)) &&
        (!run->folder || !posix_spawn_file_actions_addchdir_np(&actions, run->folder)))
        failed = posix_spawnp(pid, run->arguments[0], &actions, &attributes,
                              (char *const *)run->arguments, list);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    arena_release(&scratch);
    if (failed)
        return error_set(err, failed == ENOENT ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE,
                         "cannot run %s: %s", run->arguments[0], strerror(failed));
    return STATUS_OK;
}

struct lines {
    char line[LINE_SIZE];
    size_t size;
    const struct run *run;
};

static void line_end(struct lines *lines)
{
    lines->line[lines->size] = 0;
    if (lines->run->log && lines->size)
        lines->run->log(lines->run->context, lines->line);
    if (lines->run->output->size + lines->size + 1 < lines->run->output->limit) {
        text_append_bytes(lines->run->output,
                          (struct bytes){(const uint8_t *)lines->line, lines->size});
        text_append_char(lines->run->output, '\n');
    }
    lines->size = 0;
}

/* A progress bar's carriage return begins its line anew. */
static void lines_take(struct lines *lines, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n' || lines->size + 1 == sizeof lines->line)
            line_end(lines);
        if (bytes[i] == '\r' && !(i + 1 < size && bytes[i + 1] == '\n'))
            lines->size = 0;
        else if (bytes[i] != '\n' && bytes[i])
            lines->line[lines->size++] = bytes[i];
    }
}

static bool was_cancelled(const struct run *run)
{
    return run->cancelled && atomic_load(run->cancelled);
}

/* What it must not go on after. */
static enum status check(const struct run *run, pid_t pid, struct error *err)
{
    if (was_cancelled(run))
        return error_set(err, STATUS_CONFLICT, "%s was cancelled", run->arguments[0]);
    if (now_ns() > run->deadline_ns)
        return error_set(err, STATUS_DEADLINE, "%s did not end in time", run->arguments[0]);
    return run->watch ? run->watch(run->watch_context, pid, err) : STATUS_OK;
}

/* Until the end of its output, or what ends it before. A child that it left in the background
 * may hold the pipe: the end of the program itself is the end. */
static enum status follow(const struct run *run, pid_t pid, int output, struct error *err)
{
    struct lines lines = {.run = run};
    char buffer[4096];
    enum status status = STATUS_OK;
    siginfo_t ended;

    while (!status) {
        struct pollfd wait = {.fd = output, .events = POLLIN};
        int ready = poll(&wait, 1, WAIT_MS);
        ssize_t got = ready > 0 ? read(output, buffer, sizeof buffer) : -1;

        if (got > 0) {
            lines_take(&lines, buffer, (size_t)got);
        } else {
            ended.si_pid = 0;
            if (got == 0 || (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                             ended.si_pid == pid))
                break;
        }
        status = check(run, pid, err);
    }
    if (lines.size)
        line_end(&lines);
    return status;
}

/* The kernel kills one of its processes, which need not be the first. */
static enum status check_memory(const struct run *run, const struct cgroup *group, int code,
                                struct error *err)
{
    if (!code || cgroup_look(group) != CGROUP_EXCEEDED)
        return STATUS_OK;
    return error_set(err, STATUS_TOO_LARGE,
                     "was ended: out of memory, as it took more than %zu MiB (worker_memory_max)",
                     run->sandbox->memory_bytes >> 20);
}

enum status run_program(const struct run *run, int *code, struct error *err)
{
    struct sandbox_child child = {0};
    int ends[2], state = 0;
    pid_t pid;
    enum status status;

    if (pipe2(ends, O_CLOEXEC))
        return error_set(err, STATUS_UNAVAILABLE, "a pipe: %s", strerror(errno));
    status = run->sandbox ? spawn_inside(run, ends[1], &child, err)
                          : spawn(run, ends[1], &child.pid, err);
    pid = child.pid;
    close(ends[1]);
    if (status) {
        close(ends[0]);
        return status;
    }
    status = follow(run, pid, ends[0], err);
    close(ends[0]);
    if (status) {
        kill(-pid, SIGKILL);
        kill(pid, SIGKILL);
    }
    while (waitpid(pid, &state, 0) < 0 && errno == EINTR)
        continue;
    kill(-pid, SIGKILL); /* what it left behind */
    *code = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
    if (!status)
        status = check_memory(run, &child.group, *code, err);
    cgroup_remove(&child.group);
    return status;
}
