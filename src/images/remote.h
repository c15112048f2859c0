// SPDX-License-Identifier: Apache-2.0
/* What the files of the registry client share: one repository of one registry. */
#pragma once

#include "images/http.h"
#include "images/place.h"
#include "base/text.h"

struct remote {
    struct image_place base;
    struct image_reference reference;
    const struct image_hosts *hosts;
    const struct image_host *host; /* what the user says of it, or NULL */
    struct http *http;
    struct http_answer *answer; /* of the last request */
    struct arena memory;
    char origin[300];          /* "https://registry.example.com" */
    struct text authorization; /* header value; empty before a challenge */
    bool accepted;             /* it was good for something since it was made */
    bool write;
};

/* Send with authorization, answering challenges. Failures that may pass are tried again with
 * back-off, `attempts` times in all (0: as the user says). STATUS_OK for every other answer. */
enum status remote_call(struct remote *remote, struct http_request *request, int64_t attempts,
                        bool *again, struct error *err) must_check;

/* Wait before attempt `attempt` (from 1), or as long as the last answer asked for; false, without
 * waiting, when it asked for longer than anybody waits. */
bool remote_wait(const struct remote *remote, int64_t attempt) must_check;
/* Are `bytes` since the last failure more than a stall would bring? Then the line is bad, and the
 * transfer goes on whatever it takes; a registry that gives a byte a connection is given up. */
bool remote_advanced(const struct remote *remote, uint64_t bytes);
bool remote_passing(int status); /* an answer that another attempt may not get */

/* The last answer as an error: `doing` is "pull the manifest". */
enum status remote_refused(const struct remote *remote, const char *doing, struct error *err)
    must_check;

/* Answer the challenge of the last answer, which was 401. */
enum status remote_authorize(struct remote *remote, struct error *err) must_check;

/* remote_upload.c */
enum status remote_blob_write(struct image_place *place, const struct image_blob *blob,
                              bool *existed, struct error *err) must_check;

/* Percent-encode a value of a query. */
void remote_encode(struct text *text, const char *value);
