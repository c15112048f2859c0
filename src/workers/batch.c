// SPDX-License-Identifier: Apache-2.0
#include "workers/batch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "workers/process.h"

enum { TURN_MS = 100, END_FRAMES_MAX = 100000 };

struct running {
    const struct worker_batch *batch;
    struct process *process;
    struct text *result;
    enum batch_end end;
    bool over; /* it said how it ended, or was killed for what `err` says */
    struct error *err;
};

static void finish(struct running *running, enum batch_end end)
{
    running->over = true;
    running->end = end;
}

/* It must not go on. */
static void stop(struct running *running, enum batch_end end, enum status status, const char *why)
{
    (void)!error_set(running->err, status, "%s", why);
    process_kill(running->process, why);
    finish(running, end);
}

static void take_file(struct running *running, struct bytes what)
{
    struct process *process = running->process;
    struct error err = {0};
    struct stat about;

    if (process->passed < 0 || fstat(process->passed, &about) || !S_ISREG(about.st_mode)) {
        stop(running, BATCH_BROKEN, STATUS_FAILED, "passed something that is no regular file");
        return;
    }
    if (!running->batch->file(running->batch->context, what, process->passed, &err))
        return;
    *running->err = err;
    process_kill(process, err.text);
    finish(running, BATCH_BROKEN);
}

static void take_error(struct running *running, const struct frame *frame)
{
    char text[400];

    process_text(running->process, frame, text, sizeof text);
    (void)!error_set(running->err,
                     frame->status > STATUS_OK && frame->status <= STATUS_FAILED
                         ? (enum status)frame->status
                         : STATUS_FAILED,
                     "%s", text);
    finish(running, BATCH_RAISED);
}

static void take_frame(struct running *running, const struct frame *frame)
{
    switch (frame->type) {
    case FRAME_PROGRESS:
        running->batch->progress(running->batch->context, frame->text);
        return;
    case FRAME_FILE:
        take_file(running, frame->text);
        return;
    case FRAME_READY:
        text_append_bytes(running->result, frame->text);
        finish(running, BATCH_DONE);
        return;
    case FRAME_ERROR:
        take_error(running, frame);
        return;
    default:
        stop(running, BATCH_BROKEN, STATUS_FAILED, "sent a frame that a batch does not send");
    }
}

/* All frames that are there. */
static void take_frames(struct running *running)
{
    for (int i = 0; i < END_FRAMES_MAX && !running->over; i++) {
        struct frame frame;
        struct error err;
        enum received received = process_receive(running->process, false, &frame, &err);

        if (received == RECEIVED_END)
            return;
        if (received == RECEIVED_NOTHING && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (received == RECEIVED_BAD)
            stop(running, BATCH_BROKEN, STATUS_FAILED, "sent something that is no frame");
        else if (received == RECEIVED_FRAME)
            take_frame(running, &frame);
        errno = 0;
    }
}

static void look_after(struct running *running, uint64_t now)
{
    char why[sizeof running->process->why];

    if (atomic_load(running->batch->cancelled)) {
        stop(running, BATCH_CANCELLED, STATUS_CONFLICT, "was cancelled");
        return;
    }
    if (now > running->batch->deadline_ns) {
        stop(running, BATCH_LATE, STATUS_DEADLINE, "was not done within its time");
        return;
    }
    if (process_exceeds(running->process, why, sizeof why))
        stop(running, BATCH_BROKEN, STATUS_FAILED, why);
}

/* Until it said how it ended, was stopped, or is gone. */
static bool watch(struct running *running)
{
    struct process *process = running->process;
    struct pollfd polls[] = {
        {.fd = process->pidfd, .events = POLLIN},
        {.fd = process->socket, .events = POLLIN},
        {.fd = process->output, .events = POLLIN},
    };
    uint64_t looked = 0;

    while (!running->over) {
        uint64_t now;

        poll(polls, ARRAY_COUNT(polls), TURN_MS);
        now = worker_now_ns();
        if (polls[2].revents && !printed_read(&process->printed, process->output, now))
            polls[2].fd = -1;
        errno = 0;
        if (polls[1].revents)
            take_frames(running);
        if (polls[1].revents & (POLLHUP | POLLERR))
            polls[1].fd = -1;
        if (polls[0].revents)
            return false;
        if (!running->over && now - looked > (uint64_t)TURN_MS * 1000000) {
            look_after(running, now);
            looked = now;
        }
    }
    return true;
}

/* It is gone, or goes now; what it printed last is read. */
static enum status conclude(struct running *running, bool alive)
{
    struct process *process = running->process;

    if (alive)
        process_kill(process, "is done");
    else
        take_frames(running); /* what it said before it ended */
    process_reap(process, worker_now_ns());
    if (running->over)
        return running->end == BATCH_DONE ? STATUS_OK : running->err->status;
    /* an exit is its own doing, a signal somebody's */
    running->end = process->exceeded                    ? BATCH_BROKEN
                   : strstr(process->end, "was killed") ? BATCH_DIED
                                                        : BATCH_RAISED;
    return error_set(running->err, STATUS_FAILED, "the worker %s", process->end);
}

enum status worker_batch(const struct worker_batch *batch, struct text *result, enum batch_end *end,
                         struct error *err)
{
    static const struct contract none = {0};
    struct process_settings settings = {.options = batch->options};
    struct running running = {.batch = batch, .result = result, .end = BATCH_BROKEN, .err = err};
    enum status status;

    *end = BATCH_BROKEN;
    running.process = calloc(1, sizeof *running.process);
    if (!running.process)
        return error_no_memory(err, "a worker");
    settings.options.limits.processes = 1;
    status = process_prepare(&settings, &none, err);
    if (!status)
        status = process_start(running.process, &settings, err);
    if (!status) {
        running.process->passes = true;
        running.process->printed.prefix[0] = 0;
        status = conclude(&running, watch(&running));
        process_release(running.process);
    }
    text_release(&settings.hello);
    free(running.process);
    *end = running.end;
    return status;
}
