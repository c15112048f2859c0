// SPDX-License-Identifier: Apache-2.0
/* What a route gets and gives. Handlers know neither sockets nor threads: they read the request,
 * write the response, or ask to be called again where waiting is allowed. */
#pragma once

#include <stdatomic.h>

#include "base/text.h"
#include "server/http/http1.h"
#include "server/loop/executor.h"
#include "server/route.h"

struct server;
struct body_stream;
struct feed;

enum later {
    LATER_NO,
    LATER_COMPUTE, /* again on a compute thread: this takes long */
    LATER_CONTROL, /* again on a control thread: this waits for the disk */
    LATER_WAITING, /* again on a waiting thread: this waits for a worker */
    LATER_LOADED,  /* again, on a compute thread, when a model was loaded or gave up */
};

struct request {
    struct server *server;
    struct executor *executor;
    const struct http1_head *head;
    const void *data; /* the bytes of the head */
    struct route_match match;
    struct bytes parameters[ROUTE_PARAMETERS_MAX]; /* of the path, decoded */
    struct bytes body;                             /* without transfer and content encoding */
    struct body_stream *stream;    /* routes with ROUTE_STREAM read the body from here */
    uint64_t received_ns;          /* monotonic clock, when its last byte came */
    uint64_t deadline_ns;          /* the client's, of the same clock; 0: none */
    const _Atomic bool *cancelled; /* the client has gone; NULL: nobody could tell */
    enum later later;              /* set by request_later */
};

/* Memory until the response was written. */
static inline struct arena *request_arena(struct request *request)
{
    return &request->executor->arena;
}

bool request_header(const struct request *request, const char *name, struct bytes *value);

/* A parameter of the query, decoded ("+" stays a plus); NULL value when it is not there. */
enum status request_query(struct request *request, const char *name, const char **value,
                          struct error *err) must_check;
bool request_query_flag(struct request *request, const char *name); /* there, and not 0 or false */

/* Undo percent-encoding into `arena`; the bytes themselves when there is nothing to undo.
 * INVALID_INPUT for a broken escape or a NUL. */
enum status percent_decode(struct bytes text, struct bytes *plain, struct arena *arena,
                           struct error *err) must_check;

/* Leave the work to another thread: the handler will be called again from the start. */
static inline enum status request_later(struct request *request, enum later later)
{
    request->later = later;
    return STATUS_OK;
}

struct response {
    int status;               /* 200 unless said otherwise */
    const char *content_type; /* static; "application/json" unless said otherwise */
    struct text body;
    struct text headers; /* further header lines, each with CR LF */
    bool compressed;     /* body holds gzip already */
    enum status error;   /* of the error that this says; STATUS_OK: none */
    struct feed *feed;   /* owned; what the answer goes on with after `body`; NULL: it is whole */
};

void response_release(struct response *response);
void response_clear(struct response *response); /* keeps memory that is not excessive */
void response_header(struct response *response, const char *name, const char *value);
void response_header_number(struct response *response, const char *name, uint64_t value);

/* The error as the response, in the words of the route set (NULL: the default). */
void response_error(struct response *response, const struct route_set *set,
                    const struct error *err);
