// SPDX-License-Identifier: Apache-2.0
/* The client's side of TLS, over a blocking socket with timeouts. */
#pragma once

#include <sys/types.h>

#include "base/error.h"

struct secure;

/* The server at `fd` must have a certificate for `host` from an authority of the system, or of the
 * file that FIRN_CA names. */
enum status secure_open(int fd, const char *host, struct secure **secure, struct error *err)
    must_check;
void secure_close(struct secure *secure); /* not the socket */

/* As recv() and send(). */
ssize_t secure_receive(struct secure *secure, void *data, size_t size);
ssize_t secure_send(struct secure *secure, const void *data, size_t size);
