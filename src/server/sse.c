// SPDX-License-Identifier: Apache-2.0
#include "server/sse.h"

void sse_write(struct text *text, int64_t id, const char *event, struct bytes data)
{
    if (id)
        text_printf(text, "id: %lld\n", (long long)id);
    if (event)
        text_printf(text, "event: %s\n", event);
    do {
        const uint8_t *end = data.size ? memchr(data.data, '\n', data.size) : NULL;
        size_t size = end ? (size_t)(end - data.data) : data.size;

        text_append(text, size ? "data: " : "data:");
        for (size_t i = 0; i < size; i++) /* a carriage return would end the line */
            text_append_char(text, data.data[i] == '\r' ? ' ' : (char)data.data[i]);
        text_append_char(text, '\n');
        size += end != NULL;
        data = (struct bytes){data.data + size, data.size - size};
    } while (data.size);
    text_append_char(text, '\n');
}

void sse_heartbeat(struct text *text)
{
    text_append(text, ": heartbeat\n\n");
}
