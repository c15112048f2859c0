// SPDX-License-Identifier: Apache-2.0
/* Messages: an answer of gRPC that is a list of messages, all known when it begins. */
#pragma once

#include "base/error.h"
#include "server/feed.h"

struct messages; /* a feed */

struct messages *messages_new(void); /* NULL: no memory */
/* Where the next message is to be written, until messages_end. */
struct text *messages_begin(struct messages *messages);
enum status messages_end(struct messages *messages, struct error *err) must_check;
struct feed *messages_feed(struct messages *messages);
void messages_free(struct messages *messages); /* when it did not become an answer */
