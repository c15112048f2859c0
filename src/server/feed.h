// SPDX-License-Identifier: Apache-2.0
/* Feed: an answer that goes on: server-sent events, a log that is followed, a stream of messages.
 * A handler gives it to its response instead of a body; the I/O thread asks it again and again
 * and sends what it has, in chunks (HTTP/1.1), DATA frames (HTTP/2) or messages (gRPC). */
#pragma once

#include "base/bytes.h"
#include "base/text.h"

struct executor;
struct feed;

enum feed_state {
    FEED_WAIT, /* nothing now: ask again in a while (feed_poll_ms), or when a model changed */
    FEED_MORE, /* a piece was written; there may be more at once */
    FEED_END,  /* the answer is over; a piece may have been written */
    FEED_CUT,  /* likewise, but broken off: its client is to notice that it did not end well */
};

struct feed_class {
    /* Append the next piece: some events, or one gRPC message (without its frame). On an I/O
     * thread: must not wait. Called from one thread at a time, not always the same. */
    enum feed_state (*next)(struct feed *feed, struct executor *executor, struct text *out);
    /* A further message of the client, of streams in both directions, on the I/O thread; with NULL
     * data: there will be no more. NULL: they are dropped. */
    void (*received)(struct feed *feed, struct bytes message);
    void (*free)(struct feed *feed); /* also when the client goes before the end */
};

struct feed { /* the head of every kind */
    const struct feed_class *class;
};
