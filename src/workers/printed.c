// SPDX-License-Identifier: Apache-2.0
#include "workers/printed.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"

static const uint64_t MINUTE_NS = UINT64_C(60000000000);
enum { READ_BYTES = 16 << 10, READS_MAX = 64 };

void printed_init(struct printed *printed, size_t bytes_max)
{
    *printed = (struct printed){.bytes_max = bytes_max};
    pthread_mutex_init(&printed->lock, NULL);
}

void printed_release(struct printed *printed)
{
    pthread_mutex_destroy(&printed->lock);
}

static void say(const struct printed *printed, const char *line)
{
    char whole[sizeof printed->prefix + PRINTED_LINE_MAX + 32];

    if (!printed->log)
        return;
    snprintf(whole, sizeof whole, "%s%s", printed->prefix, line);
    printed->log(printed->context, whole);
}

/* A new minute: say what was dropped in the last. */
static void minute_begin(struct printed *printed, uint64_t now_ns)
{
    char text[96];

    if (printed->minute_ns && now_ns - printed->minute_ns < MINUTE_NS)
        return;
    if (printed->dropped) {
        snprintf(text, sizeof text, "(%zu bytes more in a minute were dropped)", printed->dropped);
        say(printed, text);
    }
    printed->minute_ns = now_ns;
    printed->bytes = printed->dropped = 0;
}

static void line_end(struct printed *printed, uint64_t now_ns)
{
    char quoted[PRINTED_LINE_MAX];

    if (!printed->size)
        return;
    text_quote((struct bytes){(const uint8_t *)printed->line, printed->size}, quoted,
               sizeof quoted);
    snprintf(printed->tail, sizeof printed->tail, "%.*s", PRINTED_TAIL_MAX - 1, quoted);
    minute_begin(printed, now_ns);
    if (printed->bytes + printed->size > printed->bytes_max) {
        printed->dropped += printed->size;
    } else {
        printed->bytes += printed->size;
        say(printed, quoted);
    }
    printed->size = 0;
}

void printed_add(struct printed *printed, struct bytes bytes, uint64_t now_ns)
{
    pthread_mutex_lock(&printed->lock);
    for (size_t i = 0; i < bytes.size; i++) {
        if (bytes.data[i] == '\n' || printed->size == sizeof printed->line)
            line_end(printed, now_ns);
        if (bytes.data[i] != '\n' && bytes.data[i] != '\r')
            printed->line[printed->size++] = (char)bytes.data[i];
    }
    pthread_mutex_unlock(&printed->lock);
}

bool printed_read(struct printed *printed, int fd, uint64_t now_ns)
{
    uint8_t buffer[READ_BYTES];

    for (int i = 0; i < READS_MAX; i++) { /* who prints without end may not hold us */
        ssize_t got = read(fd, buffer, sizeof buffer);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 && errno == EAGAIN;
        printed_add(printed, (struct bytes){buffer, (size_t)got}, now_ns);
    }
    return true;
}

void printed_tail(struct printed *printed, char *buffer, size_t size)
{
    pthread_mutex_lock(&printed->lock);
    line_end(printed, printed->minute_ns + 1);
    snprintf(buffer, size, "%s", printed->tail);
    pthread_mutex_unlock(&printed->lock);
}
