// SPDX-License-Identifier: Apache-2.0
#include "workers/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/cpu.h"
#include "base/file.h"
#include "formats/json/json.h"

enum { PATH_BYTES = 4096, TEMPORARY_BYTES = 256 << 20 };

uint64_t worker_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* --- starting --- */

/* `text` is what HELLO says. */
static void hello_write(const struct worker_options *options, const struct contract *contract,
                        const char *files, struct text *text)
{
    text_append(text, "{\"adapter\":");
    json_write_text(text, options->adapter);
    text_append(text, ",\"files\":");
    json_write_text(text, files);
    text_append(text, ",\"contract\":");
    contract_print_json(contract, text);
    text_append(text, ",\"options\":");
    text_append(text, options->settings ? options->settings : "{}");
    text_append_char(text, '}');
}

static enum status python_find(struct process_settings *settings, struct error *err)
{
    const char *const candidates[] = {"/usr/bin/python3", "/usr/local/bin/python3"};

    if (settings->options.environment) {
        snprintf(settings->python, sizeof settings->python, "%s/bin/python3",
                 settings->options.environment);
        if (!access(settings->python, X_OK))
            return STATUS_OK;
        return error_set(err, STATUS_UNAVAILABLE, "the environment has no \"%.400s\"",
                         settings->python);
    }
    for (size_t i = 0; i < ARRAY_COUNT(candidates); i++) {
        snprintf(settings->python, sizeof settings->python, "%s", candidates[i]);
        if (!access(settings->python, X_OK))
            return STATUS_OK;
    }
    if (error_set(err, STATUS_UNAVAILABLE,
                  "workers need python3, which this machine does not have"))
        error_fix(err, "install python3");
    return err->status;
}

enum status process_prepare(struct process_settings *settings, const struct contract *contract,
                            struct error *err)
{
    static _Atomic unsigned servables;
    const struct worker_options *options = &settings->options;
    const struct sandbox_request request = {.files = options->files, .sandbox = options->sandbox};

    settings->number = atomic_fetch_add(&servables, 1);
    TRY(python_find(settings, err));
    hello_write(options, contract, sandbox_files(&request), &settings->hello);
    return text_check(&settings->hello, err);
}

/* The far ends of what the child gets, closed once it has them. */
struct far_ends {
    int input, output, socket;
};

static enum status connect_ends(struct process *process, struct far_ends *far, struct error *err)
{
    const struct timeval wait = {.tv_usec = PROCESS_WAIT_MS * 1000};
    int pair[2], ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return error_set(err, STATUS_UNAVAILABLE, "a socket for a worker: %s", strerror(errno));
    process->socket = pair[0];
    far->socket = pair[1];
    if (pipe2(ends, O_CLOEXEC))
        return error_set(err, STATUS_UNAVAILABLE, "a pipe for a worker: %s", strerror(errno));
    process->output = ends[0];
    far->output = ends[1];
    far->input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (far->input < 0 || fcntl(process->output, F_SETFL, O_NONBLOCK) ||
        setsockopt(process->socket, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait))
        return error_set(err, STATUS_UNAVAILABLE, "descriptors for a worker: %s", strerror(errno));
    return STATUS_OK;
}

/* Where the worker has no view of its own, it gets a folder that goes with it. */
static enum status make_temporary(struct process *process, const struct process_settings *settings,
                                  struct error *err)
{
    const struct sandbox_ability *ability = sandbox_ability();
    char path[] = "/tmp/firn-worker-XXXXXX";

    if (!settings->options.sandbox || ability->has[LAYER_FILES])
        return STATUS_OK;
    if (!mkdtemp(path))
        return error_set(err, STATUS_UNAVAILABLE, "a folder for a worker: %s", strerror(errno));
    process->temporary = strdup(path);
    if (!process->temporary)
        return error_no_memory(err, "a worker");
    if (ability->uid && chmod(path, 01777))
        return error_set(err, STATUS_UNAVAILABLE, "\"%s\": %s", path, strerror(errno));
    return STATUS_OK;
}

/* Of numeric libraries: its part of the cores. */
static unsigned threads_of(const struct worker_limits *limits)
{
    unsigned threads = cpu_count() / (unsigned)limits->processes;
    unsigned bound = limits->cpu_percent ? (limits->cpu_percent + 99) / 100 : threads;

    threads = threads < bound ? threads : bound;
    return threads ? threads : 1;
}

static enum status launch_process(struct process *process, const struct process_settings *settings,
                                  const struct far_ends *far, struct error *err)
{
    static const char *const arguments[] = {"-s", "-B", "-m", "firn_worker", NULL};
    const struct worker_options *options = &settings->options;
    unsigned threads = threads_of(&options->limits);
    struct sandbox_request request = {
        .python = settings->python,
        .environment = options->environment,
        .code = options->code,
        .files = options->files,
        .temporary = process->temporary,
        .arguments = arguments,
        .input = far->input,
        .output = far->output,
        .socket = far->socket,
        .arena = process->memory.fd,
        .memory_bytes = options->limits.memory_bytes,
        .cpu_percent = options->limits.cpu_percent,
        .temporary_bytes =
            options->limits.temporary_bytes ? options->limits.temporary_bytes : TEMPORARY_BYTES,
        .threads = threads,
        .number = settings->number,
        .java = options->java,
        .sandbox = options->sandbox,
    };
    struct sandbox_child child;

    TRY(sandbox_start(&request, &child, err));
    process->pid = child.pid;
    process->pidfd = child.pidfd;
    process->group = child.group;
    process->memory_bytes = options->limits.memory_bytes;
    process->files_bytes = sandbox_files_bytes(&request);
    snprintf(process->printed.prefix, sizeof process->printed.prefix,
             "worker %.64s[%d]: ", options->name ? options->name : "", (int)child.pid);
    return STATUS_OK;
}

static enum status say_hello(struct process *process, const struct process_settings *settings,
                             struct error *err)
{
    struct bytes hello = text_bytes(&settings->hello);
    struct frame frame = {.type = FRAME_HELLO, .text = hello};

    if (hello.size > FRAME_BYTES_MAX - FRAME_HEAD_BYTES) {
        memcpy(process->memory.data, hello.data, hello.size);
        frame = (struct frame){.type = FRAME_HELLO, .space = hello.size};
    }
    return process_send(process, &frame, NULL, -1, false, err);
}

enum status process_start(struct process *process, const struct process_settings *settings,
                          struct error *err)
{
    struct far_ends far = {-1, -1, -1};
    enum status status;

    memset(process, 0, offsetof(struct process, memory_size));
    process->state = PROCESS_STARTING;
    process->pidfd = process->socket = process->output = process->passed = -1;
    process->memory.fd = -1;
    printed_init(&process->printed, settings->options.limits.log_bytes_max);
    process->printed.log = settings->options.log;
    process->printed.context = settings->options.context;
    status = shared_memory_new(settings->hello.size, settings->options.limits.arena_bytes_max,
                               &process->memory, err);
    atomic_store(&process->memory_size, process->memory.size);
    if (!status)
        status = connect_ends(process, &far, err);
    if (!status)
        status = make_temporary(process, settings, err);
    if (!status)
        status = launch_process(process, settings, &far, err);
    close_fd(&far.input);
    close_fd(&far.output);
    close_fd(&far.socket);
    process->until_ns = worker_now_ns() + (uint64_t)settings->options.limits.start_ms * 1000000;
    if (!status) { /* when it has gone already, its end says why */
        struct error ignored;

        (void)!say_hello(process, settings, &ignored);
        return STATUS_OK;
    }
    process_release(process);
    process->state = PROCESS_NONE;
    return status;
}

/* --- ending --- */

void process_kill(struct process *process, const char *why)
{
    if (process->ended)
        return;
    if (!process->killed)
        snprintf(process->why, sizeof process->why, "%s", why);
    process->killed = true;
    kill(-process->pid, SIGKILL); /* its session, where there is no PID namespace */
    syscall(SYS_pidfd_send_signal, process->pidfd, SIGKILL, NULL, 0);
}

static void say_exceeded(const struct process *process, char *why, size_t size)
{
    int used = snprintf(why, size, "was killed: out of memory, as it took more than %zu MiB",
                        process->memory_bytes >> 20);

    if (process->files_bytes)
        snprintf(why + used, size - (size_t)used, " and %zu MiB for files",
                 process->files_bytes >> 20);
}

bool process_exceeds(const struct process *process, char *why, size_t size)
{
    size_t taken = process->memory_bytes ? process_memory(process) : 0;

    if (taken > process->memory_bytes)
        snprintf(why, size, "was killed: out of memory, as it took %zu MiB, more than %zu MiB",
                 taken >> 20, process->memory_bytes >> 20);
    else if (process->memory_bytes && cgroup_look(&process->group) == CGROUP_EXCEEDED)
        say_exceeded(process, why, size); /* one of those that it started was killed */
    else
        return false;
    return true;
}

/* How it ended, into process->end. */
static void say_reason(struct process *process, const siginfo_t *info)
{
    enum cgroup_end look = cgroup_look(&process->group);
    size_t size = sizeof process->end;
    char *end = process->end;

    process->exceeded = !process->killed && look == CGROUP_EXCEEDED;
    if (process->killed)
        snprintf(end, size, "%s", process->why);
    else if (process->exceeded)
        say_exceeded(process, end, size);
    else if (look == CGROUP_OUT_OF_MEMORY)
        snprintf(end, size,
                 "was killed: firn's own control group, or the machine, is out of memory");
    else if (info->si_code == CLD_EXITED)
        snprintf(end, size, "ended with exit status %d", info->si_status);
    else
        snprintf(end, size, "was killed by signal %d (%s)", info->si_status,
                 strsignal(info->si_status));
}

static void say_end(struct process *process, const siginfo_t *info)
{
    char tail[PRINTED_TAIL_MAX];
    size_t used;

    say_reason(process, info);
    printed_tail(&process->printed, tail, sizeof tail);
    used = strlen(process->end);
    if (tail[0])
        snprintf(process->end + used, sizeof process->end - used, "; it printed last: %s", tail);
}

void process_reap(struct process *process, uint64_t now_ns)
{
    siginfo_t info = {0};

    kill(-process->pid, SIGKILL); /* what it left in its session, while the number is its own */
    while (waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED) && errno == EINTR)
        ;
    printed_read(&process->printed, process->output, now_ns);
    say_end(process, &info);
}

void process_release(struct process *process)
{
    struct error err;

    cgroup_remove(&process->group);
    close_fd(&process->pidfd);
    close_fd(&process->socket);
    close_fd(&process->output);
    close_fd(&process->passed);
    shared_memory_release(&process->memory);
    atomic_store(&process->memory_size, 0);
    printed_release(&process->printed);
    if (process->temporary)
        (void)!file_remove_tree(process->temporary, &err);
    free(process->temporary);
    process->temporary = NULL;
}

/* --- frames --- */

enum status process_send(struct process *process, struct frame *frame,
                         const struct frame_tensor *tensors, int fd, bool again, struct error *err)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr head;
    } control = {0};
    size_t size;
    struct iovec part = {.iov_base = process->packet};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    process->id += !again;
    frame->id = process->id;
    size = frame_write(frame, tensors, process->packet);
    if (!size)
        return error_set(err, STATUS_UNSUPPORTED, "a worker takes at most %d tensors",
                         FRAME_TENSORS_MAX);
    part.iov_len = size;
    if (fd >= 0) {
        struct cmsghdr *head = &control.head;

        message.msg_control = &control;
        message.msg_controllen = sizeof control.bytes;
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &fd, sizeof fd);
    }
    while (sendmsg(process->socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        if (errno != EINTR)
            return error_set(err, STATUS_UNAVAILABLE, "a worker does not listen: %s",
                             strerror(errno));
    return STATUS_OK;
}

/* A packet and, where the process may pass files, the descriptor that comes with it. */
static ssize_t packet_receive(struct process *process, int flags)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr head;
    } control;
    struct iovec part = {process->packet, sizeof process->packet};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t got;

    if (!process->passes)
        return recv(process->socket, process->packet, sizeof process->packet, flags);
    close_fd(&process->passed);
    message.msg_control = &control;
    message.msg_controllen = sizeof control.bytes;
    got = recvmsg(process->socket, &message, flags | MSG_CMSG_CLOEXEC);
    if (got > 0 && message.msg_controllen >= CMSG_LEN(sizeof(int)) &&
        control.head.cmsg_level == SOL_SOCKET && control.head.cmsg_type == SCM_RIGHTS)
        memcpy(&process->passed, CMSG_DATA(&control.head), sizeof process->passed);
    return got;
}

enum received process_receive(struct process *process, bool wait, struct frame *frame,
                              struct error *err)
{
    ssize_t got;

    do
        got = packet_receive(process, (wait ? 0 : MSG_DONTWAIT) | MSG_TRUNC);
    while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return RECEIVED_NOTHING;
    if (got <= 0)
        return RECEIVED_END;
    if ((size_t)got > sizeof process->packet) {
        (void)!error_set(err, STATUS_INVALID_INPUT, "a packet of %zd bytes", got);
        return RECEIVED_BAD;
    }
    if (frame_read((struct bytes){process->packet, (size_t)got}, frame, err))
        return RECEIVED_BAD;
    if (frame->type != FRAME_LOG)
        return RECEIVED_FRAME;
    printed_add(&process->printed, frame->text, worker_now_ns());
    return RECEIVED_NOTHING;
}

void process_text(const struct process *process, const struct frame *frame, char *buffer,
                  size_t size)
{
    struct bytes text = frame->text;
    uint8_t copy[1024];

    if (!text.size && checked_range(frame->offset, frame->space, process->memory.size)) {
        text.size = frame->space < sizeof copy ? (size_t)frame->space : sizeof copy;
        memcpy(copy, process->memory.data + frame->offset, text.size);
        text.data = copy;
    }
    text_quote(text, buffer, size);
}

enum status process_grow(struct process *process, size_t size, size_t limit, struct error *err)
{
    struct frame frame = {.type = FRAME_ARENA};
    struct shared_memory memory;
    enum status status;

    TRY(shared_memory_new(size, limit, &memory, err));
    frame.space = memory.size;
    status = process_send(process, &frame, NULL, memory.fd, true, err);
    if (status) {
        shared_memory_release(&memory);
        return status;
    }
    shared_memory_release(&process->memory);
    process->memory = memory;
    atomic_store(&process->memory_size, memory.size);
    return STATUS_OK;
}
