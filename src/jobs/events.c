// SPDX-License-Identifier: Apache-2.0
#include "jobs/events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "formats/json/json.h"

enum { PROGRESSES_MAX = 20000, PROGRESS_EVERY_MS = 200 };

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void time_write(struct text *text)
{
    struct timespec now;
    struct tm utc;
    char when[32];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
    text_printf(text, "{\"time\":\"%s.%03dZ\",", when, (int)(now.tv_nsec / 1000000));
}

enum status events_open(struct events *events, const char *path, size_t room, struct error *err)
{
    char last = '\n';
    off_t size;

    *events = (struct events){.fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    if (events->fd < 0)
        return error_set(err, STATUS_INTERNAL, "cannot open \"%.300s\": %s", path, strerror(errno));
    pthread_mutex_init(&events->lock, NULL);
    size = lseek(events->fd, 0, SEEK_END);
    events->room = (uint64_t)size < room ? room - (size_t)size : 0;
    if (size > 0 && pread(events->fd, &last, 1, size - 1) == 1 && last != '\n' &&
        !file_write_all(events->fd, bytes_of("\n")))
        errno = 0;
    return STATUS_OK;
}

/* Ends the line and writes it whole. */
static void put(struct events *events, struct text *text)
{
    text_append(text, "}\n");
    if (!text->failed && events->fd >= 0 && !file_write_all(events->fd, text_bytes(text)))
        errno = 0;
    text_release(text);
}

static void log_write(struct events *events, const char *line)
{
    struct text text = {0};

    time_write(&text);
    text_append(&text, "\"log\":");
    json_write_text(&text, line);
    put(events, &text);
}

/* What was left out, and how it ended. Under the lock. */
static void tail_write(struct events *events)
{
    size_t kept = events->left_out < EVENTS_TAIL_LINES ? events->left_out : EVENTS_TAIL_LINES;
    char line[96];

    if (events->left_out > kept) {
        snprintf(line, sizeof line, "(%zu lines are left out here)", events->left_out - kept);
        log_write(events, line);
    }
    for (size_t i = events->left_out - kept; i < events->left_out; i++)
        log_write(events, events->tail[i % EVENTS_TAIL_LINES]);
    events->left_out = 0;
}

void events_close(struct events *events)
{
    if (!events->tail && events->fd <= 0)
        return;
    if (events->fd > 0) {
        pthread_mutex_lock(&events->lock);
        tail_write(events);
        pthread_mutex_unlock(&events->lock);
        close(events->fd);
        pthread_mutex_destroy(&events->lock);
    }
    free(events->tail);
    *events = (struct events){.fd = -1};
}

void events_state(struct events *events, enum job_state state, int64_t attempt, const char *why)
{
    struct text text = {0};

    pthread_mutex_lock(&events->lock);
    tail_write(events);
    time_write(&text);
    text_printf(&text, "\"state\":\"%s\",\"attempt\":%lld", job_state_name(state),
                (long long)attempt);
    if (why) {
        text_append(&text, ",\"why\":");
        json_write_text(&text, why);
    }
    put(events, &text);
    pthread_mutex_unlock(&events->lock);
}

/* The last lines are kept in a ring until the end. */
static void leave_out(struct events *events, const char *line)
{
    if (!events->tail)
        events->tail = calloc(EVENTS_TAIL_LINES, sizeof *events->tail);
    if (!events->tail)
        return;
    snprintf(events->tail[events->left_out % EVENTS_TAIL_LINES], EVENTS_LINE_MAX, "%s", line);
    events->left_out++;
}

void events_log(struct events *events, const char *line)
{
    size_t size = strlen(line) + 48;

    pthread_mutex_lock(&events->lock);
    if (size > events->room) {
        events->room = 0;
        leave_out(events, line);
    } else {
        events->room -= size;
        log_write(events, line);
    }
    pthread_mutex_unlock(&events->lock);
}

void events_progress(struct events *events, double share, struct bytes said)
{
    struct text text = {0};
    uint64_t now = now_ns();

    pthread_mutex_lock(&events->lock);
    if (events->progresses < PROGRESSES_MAX &&
        now - events->told_ns >= (uint64_t)PROGRESS_EVERY_MS * 1000000) {
        events->told_ns = now;
        events->progresses++;
        time_write(&text);
        text_append(&text, "\"progress\":");
        if (share >= 0)
            text_printf(&text, "%.4f", share);
        else
            text_append(&text, "null");
        text_append(&text, ",\"text\":");
        json_write_string(&text, said);
        put(events, &text);
    }
    pthread_mutex_unlock(&events->lock);
}
