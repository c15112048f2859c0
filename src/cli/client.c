// SPDX-License-Identifier: Apache-2.0
#include "cli/client.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/number.h"
#include "cli/secure.h"
#include "formats/json/json.h"

enum {
    ANSWER_BYTES_MAX = 256 << 20,
    HEAD_BYTES_MAX = 64 << 10,
    SEND_PIECE = 1 << 20,
    TIMEOUT_S = 600, /* verifying or importing what is large takes its time */
};

/* HOST, HOST:PORT, [V6] or [V6]:PORT into its parts. */
static bool split_authority(struct client *client, const char *text, size_t size)
{
    bool bracketed = size && *text == '[';
    const char *end = text + size, *stop = memchr(text, bracketed ? ']' : ':', size);
    const char *host = text + bracketed, *after = stop ? stop + bracketed : end;
    size_t host_size = (size_t)((stop ? stop : end) - host), port_size;

    if ((bracketed && !stop) || !host_size || host_size >= sizeof client->host)
        return false;
    memcpy(client->host, host, host_size);
    client->host[host_size] = 0;
    if (after == end) {
        snprintf(client->port, sizeof client->port, "%s", client->secure ? "443" : "8080");
        return true;
    }
    port_size = (size_t)(end - after) - 1;
    if (*after != ':' || !port_size || port_size >= sizeof client->port)
        return false;
    memcpy(client->port, after + 1, port_size);
    client->port[port_size] = 0;
    return strspn(client->port, "0123456789") == port_size;
}

enum status client_init(struct client *client, const char *url, struct error *err)
{
    const char *authority = url;
    char quoted[TEXT_QUOTE_SIZE];
    size_t size;

    client->secure = !strncmp(url, "https://", 8);
    if (client->secure || !strncmp(url, "http://", 7))
        authority += client->secure ? 8 : 7;
    size = strcspn(authority, "/");
    if (!split_authority(client, authority, size) || (authority[size] && authority[size + 1]))
        return error_set(err, STATUS_INVALID_INPUT, "\"%s\" is not http://HOST:PORT",
                         text_quote(bytes_of(url), quoted, sizeof quoted));
    snprintf(client->url, sizeof client->url, "http%s://%.*s", client->secure ? "s" : "", (int)size,
             authority);
    return STATUS_OK;
}

/* --- one connection --- */

struct connection {
    const struct client *client;
    int fd;
    struct secure *secure; /* NULL: plain */
    struct text answer;    /* all of it */
    struct error *err;
};

static enum status broken(const struct connection *c, const char *what)
{
    enum status status =
        error_set(c->err, STATUS_UNAVAILABLE, "server %s: %s", c->client->url, what);

    error_fix(c->err,
              "start one with `firn serve --store DIR`, or work on the store with --store DIR");
    return status;
}

static enum status connect_to(struct connection *c)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list, *at;
    struct timeval timeout = {.tv_sec = TIMEOUT_S};
    int failed;

#ifdef FIRN_STANDALONE /* names are looked up by libraries of the host */
    hints.ai_flags = AI_NUMERICHOST;
#endif
    failed = getaddrinfo(c->client->host, c->client->port, &hints, &list);

    if (failed)
        return broken(c, gai_strerror(failed));
    for (at = list; at && c->fd < 0; at = at->ai_next) {
        c->fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (c->fd >= 0 && connect(c->fd, at->ai_addr, at->ai_addrlen)) {
            failed = errno;
            close(c->fd);
            c->fd = -1;
            errno = failed;
        }
    }
    freeaddrinfo(list);
    if (c->fd < 0)
        return broken(c, strerror(errno));
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    return c->client->secure ? secure_open(c->fd, c->client->host, &c->secure, c->err) : STATUS_OK;
}

/* False when the server has closed: it may have answered already. */
static bool send_bytes(const struct connection *c, struct bytes bytes)
{
    while (bytes.size) {
        size_t size = bytes.size < SEND_PIECE ? bytes.size : SEND_PIECE;
        ssize_t sent = c->secure ? secure_send(c->secure, bytes.data, size)
                                 : send(c->fd, bytes.data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes = (struct bytes){bytes.data + sent, bytes.size - (size_t)sent};
    }
    return true;
}

static uint64_t body_size(const struct client_request *request)
{
    uint64_t total = 0;

    for (size_t i = 0; i < request->piece_count; i++)
        total += request->pieces[i].size;
    return total;
}

static enum status send_request(const struct connection *c, const struct client_request *request)
{
    uint64_t total = body_size(request), done = 0;
    struct text head = {0};
    bool open;

    text_printf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", request->method,
                request->path, strstr(c->client->url, "//") + 2);
    if (request->piece_count || strcmp(request->method, "GET") != 0)
        text_printf(&head, "Content-Length: %llu\r\n", (unsigned long long)total);
    text_append(&head, request->headers ? request->headers : "");
    text_append(&head, "\r\n");
    if (text_check(&head, c->err)) {
        text_release(&head);
        return c->err->status;
    }
    open = send_bytes(c, text_bytes(&head));
    text_release(&head);
    for (size_t i = 0; open && i < request->piece_count; i++) {
        struct bytes left = request->pieces[i];
        while (open && left.size) {
            size_t size = left.size < SEND_PIECE ? left.size : SEND_PIECE;
            open = send_bytes(c, (struct bytes){left.data, size});
            left = (struct bytes){left.data + size, left.size - size};
            done += size;
            if (request->progress)
                request->progress(request->context, done, total);
        }
    }
    return STATUS_OK; /* what went wrong shows in the answer, or in its absence */
}

/* The value of a header in the head of an answer, or NULL. */
static const char *header(const char *head, size_t size, const char *name)
{
    const char *end = head + size, *line = head;
    size_t length = strlen(name);

    while ((line = memmem(line, (size_t)(end - line), "\r\n", 2))) {
        line += 2;
        if ((size_t)(end - line) > length && !strncasecmp(line, name, length) &&
            line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " \t");
    }
    return NULL;
}

/* Percent-encoded up to the end of its line; "" without memory. */
static const char *client_decode(const char *text, struct arena *keep)
{
    size_t size = strcspn(text, "\r\n"), at = 0;
    char *plain = arena_alloc(keep, size + 1, 1);

    for (size_t i = 0; plain && i < size; i++) {
        unsigned byte = 0;
        char digits[3] = {i + 1 < size ? text[i + 1] : 0, i + 2 < size ? text[i + 2] : 0, 0};

        if (text[i] == '%' && sscanf(digits, "%2x", &byte) == 1) {
            plain[at++] = (char)byte;
            i += 2;
        } else {
            plain[at++] = text[i];
        }
    }
    return plain ? plain : "";
}

/* Interim answers at the front: lines of a log, for who asked. They are taken out. */
static void take_interim(struct connection *c, const struct client_request *request,
                         struct arena *keep)
{
    char *end;

    while (c->answer.size > 12 && !memcmp(c->answer.data, "HTTP/1.1 1", 10) &&
           (end = memmem(c->answer.data, c->answer.size, "\r\n\r\n", 4))) {
        size_t size = (size_t)(end - c->answer.data) + 4;
        const char *line = header(c->answer.data, size - 2, "firn-log");

        if (line && request->line)
            request->line(request->context, client_decode(line, keep));
        memmove(c->answer.data, end + 4, c->answer.size - size);
        c->answer.size -= size;
    }
}

static enum status receive(struct connection *c, const struct client_request *request,
                           struct arena *keep)
{
    c->answer.limit = ANSWER_BYTES_MAX;
    for (;;) {
        char *room = text_reserve(&c->answer, HEAD_BYTES_MAX);
        ssize_t got;
        if (!room)
            return error_set(c->err, STATUS_TOO_LARGE,
                             "the server's answer is larger than %d bytes", ANSWER_BYTES_MAX);
        got = c->secure ? secure_receive(c->secure, room, HEAD_BYTES_MAX)
                        : recv(c->fd, room, HEAD_BYTES_MAX, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return broken(c, strerror(errno));
        if (got == 0)
            return c->answer.size ? STATUS_OK : broken(c, "closed without an answer");
        c->answer.size += (size_t)got;
        take_interim(c, request, keep);
    }
}

/* --- the answer --- */

/* Take the chunks together, in place. */
static bool join_chunks(char *body, size_t *size)
{
    size_t from = 0, to = 0;

    for (;;) {
        char *end = memmem(body + from, *size - from, "\r\n", 2);
        size_t chunk = 0, digits = 0;
        if (!end)
            return false;
        for (; isxdigit((unsigned char)body[from + digits]) && digits < 8; digits++)
            chunk = chunk * 16 + (size_t)(isdigit((unsigned char)body[from + digits])
                                              ? body[from + digits] - '0'
                                              : (body[from + digits] | 32) - 'a' + 10);
        from = (size_t)(end - body) + 2;
        if (!digits || chunk > *size - from)
            return false;
        if (!chunk)
            break;
        memmove(body + to, body + from, chunk);
        to += chunk;
        from += chunk;
        if (*size - from < 2)
            return false;
        from += 2;
    }
    *size = to;
    return true;
}

static enum status split_answer(const struct connection *c, int *code, struct bytes *body)
{
    char *text = c->answer.data, *end = memmem(text, c->answer.size, "\r\n\r\n", 4);
    size_t head = end ? (size_t)(end - text) + 2 : 0, size = end ? c->answer.size - head - 2 : 0;
    const char *length, *coding;
    int64_t wanted;

    if (!end || c->answer.size < 12 || memcmp(text, "HTTP/1.", 7) != 0)
        return broken(c, "the answer is no HTTP");
    *code = (text[9] - '0') * 100 + (text[10] - '0') * 10 + text[11] - '0';
    length = header(text, head, "content-length");
    coding = header(text, head, "transfer-encoding");
    if (coding && !strncasecmp(coding, "chunked", 7)) {
        if (!join_chunks(end + 4, &size))
            return broken(c, "the answer ends early");
    } else if (length) {
        if (!number_parse_i64(length, text + head, &wanted) || wanted < 0 ||
            (uint64_t)wanted > size)
            return broken(c, "the answer ends early");
        size = (size_t)wanted;
    }
    *body = (struct bytes){(const uint8_t *)end + 4, size};
    return STATUS_OK;
}

/* The server's error as our own: {"error", "status", "fix"}. */
static enum status server_error(const struct connection *c, int code, const struct json *answer)
{
    static const struct {
        const char *name;
        enum status status;
    } NAMES[] = {
#define STATUS(name, http, grpc, exit, meaning, fix) {#name, STATUS_##name},
#include "base/status.def"
#undef STATUS
    };
    struct bytes text, name, fix;
    enum status status = code == 404                  ? STATUS_NOT_FOUND
                         : code == 413                ? STATUS_TOO_LARGE
                         : code >= 500                ? STATUS_UNAVAILABLE
                         : code == 401 || code == 403 ? STATUS_CONFLICT
                                                      : STATUS_INVALID_INPUT;

    if (!json_string(json_get(answer, "error"), &text)) {
        char what[64];
        snprintf(what, sizeof what, "answers with status %d", code);
        return broken(c, what);
    }
    if (json_string(json_get(answer, "status"), &name))
        for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++)
            status = bytes_is(name, NAMES[i].name) ? NAMES[i].status : status;
    status = error_set(c->err, status, "%.*s", (int)(text.size < 500 ? text.size : 500),
                       (const char *)text.data);
    if (json_string(json_get(answer, "fix"), &fix))
        error_fix(c->err, "%.*s", (int)(fix.size < 250 ? fix.size : 250), (const char *)fix.data);
    return status;
}

static enum status exchange(struct connection *c, const struct client_request *request,
                            struct bytes *body, struct arena *keep)
{
    struct json answer = {.kind = JSON_NULL};
    struct error ignored;
    char *kept;
    int code = 0;

    TRY(connect_to(c));
    TRY(send_request(c, request));
    TRY(receive(c, request, keep));
    TRY(split_answer(c, &code, body));
    kept = arena_text(keep, *body);
    if (!kept)
        return error_no_memory(c->err, "an answer");
    body->data = (const uint8_t *)kept;
    if (code < 400)
        return STATUS_OK;
    if (json_parse(*body, 0, &answer, keep, &ignored))
        answer.kind = JSON_NULL;
    return server_error(c, code, &answer);
}

enum status client_call(const struct client *client, const struct client_request *request,
                        struct bytes *body, struct arena *keep, struct error *err)
{
    struct connection c = {.client = client, .fd = -1, .err = err};
    enum status status = exchange(&c, request, body, keep);

    secure_close(c.secure);
    if (c.fd >= 0)
        close(c.fd);
    text_release(&c.answer);
    return status;
}

void client_encode(struct text *text, struct bytes part)
{
    for (size_t i = 0; i < part.size; i++)
        if (isalnum(part.data[i]) || (part.data[i] && strchr("-._~", part.data[i])))
            text_append_char(text, (char)part.data[i]);
        else
            text_printf(text, "%%%02X", part.data[i]);
}
