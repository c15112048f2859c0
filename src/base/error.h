// SPDX-License-Identifier: Apache-2.0
/* Errors: a small closed set of kinds plus one human sentence.
 *
 * A function that can fail returns `enum status` and takes `struct error *err`
 * last. When it fails it has filled *err; when it succeeds it has not touched
 * it. Errors never allocate. */
#pragma once

#include <stddef.h>

#include "base/compiler.h"

enum status {
    STATUS_OK,
#define STATUS(name, http, grpc, exit, meaning, fix) STATUS_##name,
#include "base/status.def"
#undef STATUS
};

struct error {
    enum status status;
    size_t offset; /* byte of the input where it happened; 0 when it has none */
    char text[512];
    char fix[256]; /* what would help; empty: the usual advice for this status */
};

/* Fill *err and return `status`, so that failing is one statement. The text is lower case,
 * without a full stop, and names the object and the value found. */
enum status error_set(struct error *err, enum status status, const char *format, ...)
    must_check printf_like(3, 4);

/* As error_set, for a failure at byte `offset` of the input: ", at byte N" is appended. */
enum status error_at(struct error *err, size_t offset, enum status status, const char *format, ...)
    must_check printf_like(4, 5);

/* Put where we were in front of what went wrong: "layer 'fc1': ...". Returns err->status. */
enum status error_within(struct error *err, const char *format, ...) must_check printf_like(2, 3);

/* Say what would help, after error_set. */
void error_fix(struct error *err, const char *format, ...) printf_like(2, 3);

/* "no memory for NAME", the one message of a failed allocation. */
enum status error_no_memory(struct error *err, const char *what) must_check;

/* Columns of status.def. */
int status_http(enum status status);
int status_grpc(enum status status);
int status_exit(enum status status);
const char *status_meaning(enum status status);
const char *status_fix(enum status status);
const char *status_name(enum status status); /* "INVALID_INPUT" */

/* Return early when `call` fails. Nothing to clean up: what was allocated lives in an arena
 * that the caller's caller releases. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum status try_status = (call);                                                           \
        if (try_status != STATUS_OK)                                                               \
            return try_status;                                                                     \
    } while (0)
