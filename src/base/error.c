// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int http, grpc, exit;
    const char *meaning, *fix, *name;
} STATUSES[] = {
    {200, 0, 0, "done", "", "OK"},
#define STATUS(name, http, grpc, exit, meaning, fix) {http, grpc, exit, meaning, fix, #name},
#include "base/status.def"
#undef STATUS
};

enum status error_set(struct error *err, enum status status, const char *format, ...)
{
    va_list args;

    err->status = status;
    err->offset = 0;
    err->fix[0] = 0;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return status;
}

enum status error_at(struct error *err, size_t offset, enum status status, const char *format, ...)
{
    va_list args;
    size_t used;

    err->status = status;
    err->offset = offset;
    err->fix[0] = 0;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ", at byte %zu", offset);
    return status;
}

enum status error_within(struct error *err, const char *format, ...)
{
    char inner[sizeof err->text];
    const char *shown = inner, *gap = "";
    va_list args;
    size_t used;

    memcpy(inner, err->text, sizeof inner);
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    used = strlen(err->text) + strlen(": ");
    if (used + strlen(inner) >= sizeof err->text && used + strlen("...") < sizeof err->text / 2) {
        gap = "..."; /* the cause stands at the end: it stays */
        shown += used + strlen(gap) + strlen(inner) + 1 - sizeof err->text;
        while ((*shown & 0xC0) == 0x80) /* within a character */
            shown++;
    }
    used -= strlen(": ");
    snprintf(err->text + used, sizeof err->text - used, ": %s%s", gap, shown);
    return err->status;
}

void error_fix(struct error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(err->fix, sizeof err->fix, format, args);
    va_end(args);
}

enum status error_no_memory(struct error *err, const char *what)
{
    return error_set(err, STATUS_NO_MEMORY, "no memory for %s", what);
}

int status_http(enum status status)
{
    return STATUSES[status].http;
}

int status_grpc(enum status status)
{
    return STATUSES[status].grpc;
}

int status_exit(enum status status)
{
    return STATUSES[status].exit;
}

const char *status_meaning(enum status status)
{
    return STATUSES[status].meaning;
}

const char *status_fix(enum status status)
{
    return STATUSES[status].fix;
}

const char *status_name(enum status status)
{
    return STATUSES[status].name;
}
