// SPDX-License-Identifier: Apache-2.0
/* HTTP of the registry client, on libcurl: one request after the other over kept connections.
 *
 * A URL may have come from the registry. So redirects are followed here, step by step: credentials
 * go to the host they are for alone, TLS is never left, and only hosts that the user named may have
 * loopback or link-local addresses. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "images/hosts.h"
#include "images/place.h"

enum {
    HTTP_URL_MAX = 8 << 10,
    HTTP_ANSWER_MAX = 1 << 20, /* bytes of an answer that nothing else bounds */
    HTTP_STALL_RATE = 1024,    /* bytes a second: what is slower for stall_seconds is a failure */
};

struct http;

/* `host`: the registry's; the user named it, as are those in `hosts`. */
enum status http_open(const char *host, const struct image_hosts *hosts, struct http **http,
                      struct error *err) must_check;
void http_close(struct http *http); /* NULL is fine */

struct http_request {
    const char *method; /* "GET" */
    const char *url;
    const char *authorization; /* the header's value, for the origin of `url` alone; or NULL */
    const char *headers[4];    /* further ones, "Name: value"; the first NULL ends them */
    struct bytes body;         /* or, with body_fd >= 0, a part of a file */
    int body_fd;
    uint64_t body_offset, body_size;
    size_t answer_max;             /* 0: HTTP_ANSWER_MAX */
    const struct image_sink *sink; /* of an answer 200 or 206; NULL: into memory */
    struct image_place *progress;  /* body_fd's bytes are reported; or NULL */
    bool secure; /* what says `url` came by TLS: it must not be left, whatever the URL says */
};

struct http_answer {
    int status;
    bool same_origin;            /* the answer came from where the request first went */
    char url[HTTP_URL_MAX];      /* where it came from */
    char location[HTTP_URL_MAX]; /* absolute; "" without one */
    char authenticate[4096];     /* WWW-Authenticate: the Bearer one, when there are several */
    char digest[128];            /* Docker-Content-Digest */
    char range[64];              /* Range, of an upload */
    uint64_t range_first;        /* of Content-Range in a 206 */
    int64_t chunk_min;           /* OCI-Chunk-Min-Length; 0 without */
    int64_t retry_after;         /* seconds; -1 without */
    struct bytes body;           /* valid until the next request */
};

/* UNAVAILABLE: no connection, a stall, an answer cut short; *again tells whether another attempt
 * makes sense. An answer of any status is STATUS_OK. */
enum status http_send(struct http *http, const struct http_request *request,
                      struct http_answer *answer, bool *again, struct error *err) must_check;

/* "https://host", lower case, of a URL; false when it is none, or no HTTP. */
bool http_origin(const char *url, char origin[300]);
