// SPDX-License-Identifier: Apache-2.0
#include "server/grpc/messages.h"

#include <stdlib.h>

struct messages {
    struct feed feed; /* first */
    struct text bytes;
    size_t *ends; /* (count,) of the messages in `bytes` */
    size_t count, capacity, sent;
};

static enum feed_state next(struct feed *feed, struct executor *executor, struct text *out)
{
    struct messages *messages = (struct messages *)feed;
    size_t begin;

    (void)executor;
    if (messages->sent == messages->count)
        return FEED_END;
    begin = messages->sent ? messages->ends[messages->sent - 1] : 0;
    text_append_bytes(out, (struct bytes){(const uint8_t *)messages->bytes.data + begin,
                                          messages->ends[messages->sent] - begin});
    messages->sent++;
    return FEED_MORE;
}

static void free_feed(struct feed *feed)
{
    messages_free((struct messages *)feed);
}

static const struct feed_class CLASS = {.next = next, .free = free_feed};

struct messages *messages_new(void)
{
    struct messages *messages = calloc(1, sizeof *messages);

    if (messages)
        messages->feed.class = &CLASS;
    return messages;
}

struct text *messages_begin(struct messages *messages)
{
    return &messages->bytes;
}

enum status messages_end(struct messages *messages, struct error *err)
{
    TRY(text_check(&messages->bytes, err));
    if (messages->count == messages->capacity) {
        size_t capacity = messages->capacity ? 2 * messages->capacity : 16;
        size_t *ends = realloc(messages->ends, capacity * sizeof *ends);

        if (!ends)
            return error_no_memory(err, "an answer");
        messages->ends = ends;
        messages->capacity = capacity;
    }
    messages->ends[messages->count++] = messages->bytes.size;
    return STATUS_OK;
}

struct feed *messages_feed(struct messages *messages)
{
    return &messages->feed;
}

void messages_free(struct messages *messages)
{
    if (!messages)
        return;
    text_release(&messages->bytes);
    free(messages->ends);
    free(messages);
}
