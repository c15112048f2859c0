// SPDX-License-Identifier: Apache-2.0
/* What is uploaded, in a file without a name: received in pieces, then mapped. Not for I/O threads.
 */
#pragma once

#include "server/request.h"

struct received {
    int fd;             /* -1: none */
    struct bytes bytes; /* mapped */
};
#define RECEIVED_NONE ((struct received){.fd = -1})

/* Like body_stream_read: *got is 0 at the end. */
typedef enum status received_source(void *context, uint8_t *data, size_t size, size_t *got,
                                    struct error *err);

/* In the server's folder for uploads. Ends with received_release in any case. */
enum status received_open(const struct server *server, struct received *received, struct error *err)
    must_check;
/* The request's body. INVALID_INPUT when it is empty, TOO_LARGE above upload_bytes_max. */
enum status received_body(struct request *request, struct received *received, struct error *err)
    must_check;
/* From a source; `unpack`: what gzip holds instead of it, as it comes. `what` names it in errors.
 */
enum status received_from(struct request *request, struct received *received,
                          received_source *source, void *context, bool unpack, const char *what,
                          struct error *err) must_check;
void received_release(struct received *received);
