// SPDX-License-Identifier: Apache-2.0
#include "server/loop/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct tls_server {
    const char *certificate, *key;
    BIO_METHOD *socket;
    pthread_mutex_t lock; /* of `context`: taken for each new connection, not for requests */
    SSL_CTX *context;
};

struct tls {
    SSL *ssl;
    int fd;
    bool shaken, broken;
};

/* Authenticated ciphers with keys of their own for each connection, as HTTP/2 wants them. TLS 1.3
 * has no others. */
static const char CIPHERS[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
/* With the length of each in front, ours first. */
static const unsigned char PROTOCOLS[] = "\2h2\10http/1.1";

/* --- the socket, without SIGPIPE --- */

static int socket_read(BIO *bio, char *data, int size)
{
    const struct tls *tls = BIO_get_data(bio);
    ssize_t got;

    do {
        got = recv(tls->fd, data, (size_t)size, 0);
    } while (got < 0 && errno == EINTR);
    BIO_clear_retry_flags(bio);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        BIO_set_retry_read(bio);
    return (int)got;
}

static int socket_write(BIO *bio, const char *data, int size)
{
    const struct tls *tls = BIO_get_data(bio);
    ssize_t sent;

    do {
        sent = send(tls->fd, data, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    BIO_clear_retry_flags(bio);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        BIO_set_retry_write(bio);
    return (int)sent;
}

static long socket_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *socket_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket");

    if (method && BIO_meth_set_read(method, socket_read) &&
        BIO_meth_set_write(method, socket_write) && BIO_meth_set_ctrl(method, socket_control))
        return method;
    BIO_meth_free(method);
    return NULL;
}

/* --- the certificate --- */

/* Keys with a password are refused: nobody is there to type it. */
static int no_password(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return 0;
}

static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *size,
                           const unsigned char *offered, unsigned int offered_size, void *context)
{
    (void)ssl;
    (void)context;
    return SSL_select_next_proto((unsigned char **)chosen, size, PROTOCOLS, sizeof PROTOCOLS - 1,
                                 offered, offered_size) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static enum status refuse_file(const char *what, const char *path, struct error *err)
{
    unsigned long why = ERR_peek_error();
    const char *reason = ERR_reason_error_string(why);

    if (ERR_SYSTEM_ERROR(why))
        reason = strerror(ERR_GET_REASON(why));
    ERR_clear_error();
    return error_set(err, STATUS_INVALID_INPUT, "\"%s\" cannot be used as %s (PEM): %s", path, what,
                     reason ? reason : "unknown reason");
}

static enum status read_files(SSL_CTX *context, const struct tls_server *server, struct error *err)
{
    const char *key = server->key ? server->key : server->certificate;

    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(context, no_password);
    if (SSL_CTX_use_certificate_chain_file(context, server->certificate) != 1)
        return refuse_file("a certificate", server->certificate, err);
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1)
        return refuse_file("its key, without a password", key, err);
    return STATUS_OK;
}

static enum status context_new(const struct tls_server *server, SSL_CTX **result, struct error *err)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    enum status status;

    if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, CIPHERS) != 1) {
        SSL_CTX_free(context);
        return error_no_memory(err, "TLS");
    }
    /* A client that closes without saying so has not cut a request short: those have lengths. */
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    /* An idle connection holds no buffers. */
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* clients keep theirs: tickets */
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    status = read_files(context, server, err);
    if (status != STATUS_OK) {
        SSL_CTX_free(context);
        return status;
    }
    *result = context;
    return STATUS_OK;
}

enum status tls_server_new(const char *certificate, const char *key, struct tls_server **result,
                           struct error *err)
{
    struct tls_server *server = calloc(1, sizeof *server);
    enum status status;

    if (!server)
        return error_no_memory(err, "TLS");
    pthread_mutex_init(&server->lock, NULL);
    server->certificate = certificate;
    server->key = key;
    server->socket = socket_method();
    status =
        server->socket ? context_new(server, &server->context, err) : error_no_memory(err, "TLS");
    if (status != STATUS_OK) {
        tls_server_free(server);
        return status;
    }
    *result = server;
    return STATUS_OK;
}

enum status tls_server_reload(struct tls_server *server, struct error *err)
{
    SSL_CTX *fresh, *old;

    TRY(context_new(server, &fresh, err));
    pthread_mutex_lock(&server->lock);
    old = server->context;
    server->context = fresh;
    pthread_mutex_unlock(&server->lock);
    SSL_CTX_free(old); /* connections have it as long as they live */
    return STATUS_OK;
}

void tls_server_free(struct tls_server *server)
{
    if (!server)
        return;
    SSL_CTX_free(server->context);
    BIO_meth_free(server->socket);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

/* --- a connection --- */

struct tls *tls_new(struct tls_server *server, int fd)
{
    struct tls *tls = calloc(1, sizeof *tls);
    BIO *bio = BIO_new(server->socket);

    if (tls) {
        tls->fd = fd;
        pthread_mutex_lock(&server->lock);
        tls->ssl = SSL_new(server->context);
        pthread_mutex_unlock(&server->lock);
    }
    if (!tls || !tls->ssl || !bio) {
        BIO_free(bio);
        tls_free(tls);
        return NULL;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_accept_state(tls->ssl);
    return tls;
}

void tls_goodbye(struct tls *tls)
{
    ERR_clear_error();
    if (tls->shaken && !tls->broken)
        SSL_shutdown(tls->ssl);
    ERR_clear_error();
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    SSL_free(tls->ssl);
    free(tls);
}

enum tls_step tls_handshake(struct tls *tls)
{
    int done;
    unsigned long why;

    ERR_clear_error();
    done = SSL_do_handshake(tls->ssl);
    if (done == 1) {
        tls->shaken = true;
        return TLS_DONE;
    }
    switch (SSL_get_error(tls->ssl, done)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANTS_INPUT;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANTS_OUTPUT;
    default:
        why = ERR_peek_error();
        ERR_clear_error();
        return ERR_GET_REASON(why) == SSL_R_HTTP_REQUEST ? TLS_PLAIN_HTTP : TLS_FAILED;
    }
}

const char *tls_protocol(const struct tls *tls)
{
    const unsigned char *name = NULL;
    unsigned int size = 0;

    SSL_get0_alpn_selected(tls->ssl, &name, &size);
    return size == 2 ? "h2" : size ? "http/1.1" : "";
}

/* What recv() or send() would have said. */
static ssize_t result_of(struct tls *tls, int result)
{
    if (result > 0)
        return result;
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        tls->broken = true;
        ERR_clear_error();
        errno = ECONNRESET;
        return -1;
    }
}

ssize_t tls_receive(struct tls *tls, int fd, void *data, size_t size)
{
    ssize_t got;

    if (tls) {
        ERR_clear_error();
        return result_of(tls, SSL_read(tls->ssl, data, size < INT_MAX ? (int)size : INT_MAX));
    }
    do {
        got = recv(fd, data, size, 0);
    } while (got < 0 && errno == EINTR);
    return got;
}

ssize_t tls_send(struct tls *tls, int fd, const void *data, size_t size)
{
    ssize_t sent;

    if (tls) {
        ERR_clear_error();
        return result_of(tls, SSL_write(tls->ssl, data, size < INT_MAX ? (int)size : INT_MAX));
    }
    do {
        sent = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent;
}
