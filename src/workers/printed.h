// SPDX-License-Identifier: Apache-2.0
/* Printed: what a worker prints, taken line by line, quoted, bounded, and its end kept for
 * messages. From any thread. */
#pragma once

#include <pthread.h>

#include "base/bytes.h"
#include "base/error.h"

enum { PRINTED_LINE_MAX = 1000, PRINTED_TAIL_MAX = 300 };

struct printed {
    pthread_mutex_t lock;
    void (*log)(void *context, const char *line); /* may be NULL */
    void *context;
    char prefix[96]; /* of each line: "worker iris:3[812]: " */
    char line[PRINTED_LINE_MAX];
    size_t size;
    char tail[PRINTED_TAIL_MAX]; /* the last line that was not empty */
    size_t bytes_max;            /* a minute */
    size_t bytes, dropped;       /* since `minute_ns` */
    uint64_t minute_ns;
};

void printed_init(struct printed *printed, size_t bytes_max);
void printed_release(struct printed *printed);
void printed_add(struct printed *printed, struct bytes bytes, uint64_t now_ns);
/* Read what there is in a pipe that does not block; false at its end. */
bool printed_read(struct printed *printed, int fd, uint64_t now_ns);
/* The last line into `buffer`, "" when there was none. */
void printed_tail(struct printed *printed, char *buffer, size_t size);
