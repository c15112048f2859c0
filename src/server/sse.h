// SPDX-License-Identifier: Apache-2.0
/* Server-sent events, as the HTML standard has them. */
#pragma once

#include "base/text.h"

#define SSE_TYPE "text/event-stream"
#define SSE_END "EndOfStream" /* the last event of a log of Hydrosphere */

/* One event; `id` 0 and `event` NULL are left out. Data of several lines stay that. */
void sse_write(struct text *text, int64_t id, const char *event, struct bytes data);
/* A comment, so that proxies see that the connection lives. */
void sse_heartbeat(struct text *text);
