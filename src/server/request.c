// SPDX-License-Identifier: Apache-2.0
#include "server/request.h"

#include "formats/json/json.h"
#include "server/feed.h"

enum { BODY_BYTES_KEPT = 64 << 10 }; /* larger buffers are given back */

bool request_header(const struct request *request, const char *name, struct bytes *value)
{
    return http1_find(request->head, request->data, name, value);
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum status percent_decode(struct bytes text, struct bytes *plain, struct arena *arena,
                           struct error *err)
{
    uint8_t *out;
    size_t size = 0;

    *plain = text;
    if (!memchr(text.data, '%', text.size))
        return STATUS_OK;
    out = arena_new(arena, uint8_t, text.size);
    if (!out)
        return error_no_memory(err, "a request target");
    for (size_t i = 0; i < text.size; i++) {
        int high, low;

        if (text.data[i] != '%') {
            out[size++] = text.data[i];
            continue;
        }
        high = text.size - i > 2 ? hex_digit(text.data[i + 1]) : -1;
        low = high >= 0 ? hex_digit(text.data[i + 2]) : -1;
        if (low < 0 || high * 16 + low == 0)
            return error_set(err, STATUS_INVALID_INPUT,
                             "request target has a broken percent escape");
        out[size++] = (uint8_t)(high * 16 + low);
        i += 2;
    }
    *plain = (struct bytes){out, size};
    return STATUS_OK;
}

enum status request_query(struct request *request, const char *name, const char **value,
                          struct error *err)
{
    struct bytes query = http1_bytes(request->data, request->head->query);

    *value = NULL;
    while (query.size) {
        const uint8_t *stop = memchr(query.data, '&', query.size), *equal;
        struct bytes part = {query.data, stop ? (size_t)(stop - query.data) : query.size};
        struct bytes key = part, plain = {part.data + part.size, 0};

        query.data += part.size + (stop != NULL);
        query.size -= part.size + (stop != NULL);
        equal = part.size ? memchr(part.data, '=', part.size) : NULL;
        if (equal) {
            key.size = (size_t)(equal - part.data);
            plain = (struct bytes){equal + 1, part.size - key.size - 1};
        }
        TRY(percent_decode(key, &key, request_arena(request), err));
        if (!bytes_is(key, name))
            continue;
        if (*value)
            return error_set(err, STATUS_INVALID_INPUT, "query parameter '%s' is there twice",
                             name);
        TRY(percent_decode(plain, &plain, request_arena(request), err));
        *value = arena_text(request_arena(request), plain);
        if (!*value)
            return error_no_memory(err, "a request target");
    }
    return STATUS_OK;
}

bool request_query_flag(struct request *request, const char *name)
{
    const char *value;
    struct error err;

    return request_query(request, name, &value, &err) == STATUS_OK && value &&
           strcmp(value, "0") != 0 && strcmp(value, "false") != 0;
}

static void drop_feed(struct response *response)
{
    if (response->feed)
        response->feed->class->free(response->feed);
    response->feed = NULL;
}

void response_release(struct response *response)
{
    drop_feed(response);
    text_release(&response->body);
    text_release(&response->headers);
}

void response_clear(struct response *response)
{
    if (response->body.capacity > BODY_BYTES_KEPT)
        text_release(&response->body);
    drop_feed(response);
    response->status = 200;
    response->content_type = "application/json";
    response->compressed = false;
    response->error = STATUS_OK;
    text_clear(&response->body);
    text_clear(&response->headers);
}

void response_header(struct response *response, const char *name, const char *value)
{
    text_printf(&response->headers, "%s: %s\r\n", name, value);
}

void response_header_number(struct response *response, const char *name, uint64_t value)
{
    text_printf(&response->headers, "%s: %llu\r\n", name, (unsigned long long)value);
}

static void write_error(const struct error *err, struct text *text)
{
    text_append(text, "{\"error\":");
    json_write_string(text, bytes_of(err->text));
    text_append(text, ",\"status\":");
    json_write_string(text, bytes_of(status_name(err->status)));
    text_append(text, ",\"cause\":");
    json_write_string(text, bytes_of(status_meaning(err->status)));
    text_append(text, ",\"fix\":");
    json_write_string(text, bytes_of(err->fix[0] ? err->fix : status_fix(err->status)));
    text_append_char(text, '}');
}

void response_error(struct response *response, const struct route_set *set, const struct error *err)
{
    int status = response->status >= 400 ? response->status : status_http(err->status);

    drop_feed(response);
    text_clear(&response->body);
    text_clear(&response->headers);
    response->status = status;
    response->error = err->status;
    response->content_type = "application/json";
    response->compressed = false;
    if (status == 503)
        response_header_number(response, "Retry-After", 1);
    if (set && set->write_error)
        set->write_error(err, &response->body);
    else
        write_error(err, &response->body);
}
