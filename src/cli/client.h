// SPDX-License-Identifier: Apache-2.0
/* A small HTTP/1.1 client for the management API: one request a connection, with or without TLS. */
#pragma once

#include "base/arena.h"
#include "base/text.h"

struct client {
    char host[256], port[8];
    char url[300]; /* "http://host:port", for messages */
    bool secure;
};

/* "http://host:port", "https://host:port", "host:port" or "host". INVALID_INPUT for anything else.
 */
enum status client_init(struct client *client, const char *url, struct error *err) must_check;

struct client_request {
    const char *method;         /* "GET" */
    const char *path;           /* with its query, already encoded */
    const char *headers;        /* "Name: value\r\n" ...; or NULL */
    const struct bytes *pieces; /* of the body, one after the other; borrowed */
    size_t piece_count;
    void (*progress)(void *context, uint64_t done, uint64_t total); /* of the body; may be NULL */
    void (*line)(void *context,
                 const char *line); /* what the server says while it works; or NULL */
    void *context;
};

/* Send it; `body` is the answer's, kept. UNAVAILABLE when there is no server; an error of the
 * server comes back as it was there. */
enum status client_call(const struct client *client, const struct client_request *request,
                        struct bytes *body, struct arena *keep, struct error *err) must_check;

/* Percent-encode one part of a path, or a value of a query. */
void client_encode(struct text *text, struct bytes part);
