// SPDX-License-Identifier: Apache-2.0
/* What the program says: results on standard output, everything else on standard error. */
#pragma once

#include "base/error.h"
#include "base/text.h"

/* "error: cannot DOING" / "cause: ..." / "fix: ..." on standard error; returns the exit code. */
int output_error(const struct error *err, const char *doing, ...) printf_like(2, 3);

/* Write the text to standard output and release it; 0, or the exit code of what failed. */
int output_text(struct text *text);

/* "warning: ..." on standard error. */
void output_warning(const char *format, ...) printf_like(1, 2);

/* Progress of long work, one line on standard error: only on a terminal, and only after half a
 * second. */
struct progress {
    const char *doing;
    double started, shown; /* seconds */
};
void progress_start(struct progress *progress, const char *doing);
void progress_show(struct progress *progress, uint64_t done, uint64_t total);
void progress_end(struct progress *progress);

/* "4.9 MB" into `buffer`. */
char *output_size(uint64_t bytes, char *buffer, size_t size);
bool output_is_terminal(void); /* standard output */
