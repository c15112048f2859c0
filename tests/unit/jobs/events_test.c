// SPDX-License-Identifier: Apache-2.0
/* Events: lines that are whole, a log that is bounded, its end kept. */
#include "jobs/events.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "formats/json/json.h"
#include "test.h"

enum { ROOM = 4000 };

static char path[64];

static void path_new(void)
{
    static int number;

    snprintf(path, sizeof path, "events-%d", number++);
}

static void open_events(struct events *events)
{
    struct error err;

    CHECK_OK(events_open(events, path, ROOM, &err), err);
}

/* All lines, each a JSON object; how many have `key`; the last `text` of it. */
static size_t count_lines(const char *key, char *last, size_t size)
{
    struct arena arena;
    struct bytes all;
    struct error err;
    size_t count = 0;
    int fd = open(path, O_RDONLY);

    arena_init(&arena, 64 << 20);
    CHECK_OK(file_read_all(fd, 16 << 20, &all, &arena, &err), err);
    close(fd);
    CHECK(all.size && all.data[all.size - 1] == '\n');
    for (const uint8_t *at = all.data, *stop;
         (stop = memchr(at, '\n', (size_t)(all.data + all.size - at))); at = stop + 1) {
        struct bytes text;
        struct json json;

        CHECK_OK(json_parse((struct bytes){at, (size_t)(stop - at)}, 0, &json, &arena, &err), err);
        if (!json_get(&json, key))
            continue;
        count++;
        if (last && json_string(json_get(&json, key), &text))
            snprintf(last, size, "%.*s", (int)text.size, text.data);
    }
    arena_release(&arena);
    return count;
}

TEST(events_are_lines_of_json)
{
    struct events events;
    char last[200];

    path_new();
    open_events(&events);
    events_state(&events, JOB_RUNNING, 1, NULL);
    events_log(&events, "a \"quoted\" line \xff");
    events_progress(&events, 0.25, bytes_of("a quarter"));
    events_progress(&events, 0.26, bytes_of("at once")); /* too soon */
    events_state(&events, JOB_FAILED, 1, "it raised");
    events_close(&events);
    CHECK_INT(count_lines("state", last, sizeof last), 2);
    CHECK_TEXT(last, "failed");
    CHECK_INT(count_lines("progress", NULL, 0), 1);
    CHECK_INT(count_lines("log", last, sizeof last), 1);
    CHECK(strncmp(last, "a \"quoted\" line ", 16) == 0);
}

TEST(events_keep_the_first_and_the_last_lines)
{
    struct events events;
    char line[64], last[200];
    size_t lines;

    path_new();
    open_events(&events);
    for (int i = 0; i < 10000; i++) {
        snprintf(line, sizeof line, "line %d", i);
        events_log(&events, line);
    }
    events_state(&events, JOB_DONE, 1, NULL);
    events_close(&events);
    lines = count_lines("log", last, sizeof last);
    CHECK(lines > EVENTS_TAIL_LINES && lines < 200);
    CHECK_TEXT(last, "line 9999");
    open_events(&events); /* another attempt has no more room, but its end is told */
    events_log(&events, "the second attempt");
    events_close(&events);
    CHECK_INT(count_lines("log", last, sizeof last), lines + 1);
    CHECK_TEXT(last, "the second attempt");
}

/* A kill cut the last line short: what follows begins a line of its own. */
TEST(events_go_on_behind_a_torn_line)
{
    static const char TORN[] = "{\"time\":\"x\",\"log\":\"to";
    struct events events;
    FILE *file;
    char text[512] = "";
    size_t size;

    path_new();
    file = fopen(path, "w");
    CHECK(file && fwrite(TORN, 1, sizeof TORN - 1, file) == sizeof TORN - 1 && !fclose(file));
    open_events(&events);
    events_log(&events, "whole");
    events_close(&events);
    file = fopen(path, "r");
    CHECK(file != NULL);
    size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    CHECK(size > sizeof TORN);
    CHECK(strncmp(text, "{\"time\":\"x\",\"log\":\"to\n{\"time\":", 30) == 0);
}
