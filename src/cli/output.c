// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

/* One line, whatever the text holds. */
static void say(const char *head, const char *text)
{
    char clean[2048];

    fprintf(stderr, "%s%s\n", head, text_quote(bytes_of(text), clean, sizeof clean));
}

int output_error(const struct error *err, const char *doing, ...)
{
    char what[512], line[640];
    va_list args;

    va_start(args, doing);
    vsnprintf(what, sizeof what, doing, args);
    va_end(args);
    snprintf(line, sizeof line, "cannot %s: %s", what, status_meaning(err->status));
    fflush(stdout);
    say("error: ", line);
    say("cause: ", err->text);
    say("fix:   ", err->fix[0] ? err->fix : status_fix(err->status));
    return status_exit(err->status);
}

int output_text(struct text *text)
{
    struct error err = {0};
    enum status status = text_check(text, &err);

    if (!status && text->size && !file_write_all(STDOUT_FILENO, text_bytes(text)))
        status = error_set(&err, STATUS_UNAVAILABLE, "standard output cannot be written: %m");
    text_release(text);
    return status ? output_error(&err, "write the result") : 0;
}

void output_warning(const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    say("warning: ", text);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void progress_start(struct progress *progress, const char *doing)
{
    *progress = (struct progress){doing, now(), 0};
}

void progress_show(struct progress *progress, uint64_t done, uint64_t total)
{
    char part[32], whole[32];
    double time = now();

    if (time - progress->started < 0.5 || time - progress->shown < 0.1 || !isatty(STDERR_FILENO))
        return;
    progress->shown = time;
    fprintf(stderr, "\r%s  %3d%%  %9s/%-9s", progress->doing,
            total ? (int)(100 * (double)done / (double)total) : 100,
            output_size(done, part, sizeof part), output_size(total, whole, sizeof whole));
}

void progress_end(struct progress *progress)
{
    if (progress->shown > 0)
        fprintf(stderr, "\r%*s\r", 60, "");
}

char *output_size(uint64_t bytes, char *buffer, size_t size)
{
    static const char *const UNITS[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 999.5 && unit + 1 < ARRAY_COUNT(UNITS)) {
        value /= 1000;
        unit++;
    }
    snprintf(buffer, size, unit && value < 9.95 ? "%.1f %s" : "%.0f %s", value, UNITS[unit]);
    return buffer;
}

bool output_is_terminal(void)
{
    return isatty(STDOUT_FILENO);
}
