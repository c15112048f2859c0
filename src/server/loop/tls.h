// SPDX-License-Identifier: Apache-2.0
/* TLS on a connection: OpenSSL straight over the non-blocking socket, nothing waits.
 *
 * A record is read whole (it never lies decrypted where epoll does not see it), so callers may rely
 * on the socket's readiness as with a plain one, as long as they offer TLS_RECORD_BYTES of room.
 * One thread at a time uses a `struct tls`: it goes with the socket. */
#pragma once

#include <sys/types.h>

#include "base/bytes.h"
#include "base/error.h"

enum { TLS_RECORD_BYTES = 16384 };

struct tls_server; /* a certificate and its key */
struct tls;        /* one connection's */

/* PEM files: the certificate with its chain, the key (NULL: in the same file). Borrowed paths. */
enum status tls_server_new(const char *certificate, const char *key, struct tls_server **server,
                           struct error *err) must_check;
/* Read the files again, for connections to come. From any thread. */
enum status tls_server_reload(struct tls_server *server, struct error *err) must_check;
void tls_server_free(struct tls_server *server);

struct tls *tls_new(struct tls_server *server, int fd); /* NULL: no memory */
void tls_free(struct tls *tls);
/* Tell the peer that nothing will follow; as far as the socket takes it. */
void tls_goodbye(struct tls *tls);

enum tls_step { TLS_DONE, TLS_WANTS_INPUT, TLS_WANTS_OUTPUT, TLS_PLAIN_HTTP, TLS_FAILED };
enum tls_step tls_handshake(struct tls *tls);
/* What ALPN agreed on: "h2", "http/1.1", or "" when the client did not ask. */
const char *tls_protocol(const struct tls *tls);

/* As recv() and send(); with tls == NULL on the socket itself. After EAGAIN the same bytes must be
 * sent again, further ones may follow. */
ssize_t tls_receive(struct tls *tls, int fd, void *data, size_t size);
ssize_t tls_send(struct tls *tls, int fd, const void *data, size_t size);
