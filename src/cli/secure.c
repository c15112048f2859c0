// SPDX-License-Identifier: Apache-2.0
#include "cli/secure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>

struct secure {
    SSL_CTX *context;
    SSL *ssl;
};

/* Why the last call failed. */
static const char *reason(const struct secure *secure)
{
    long verified = secure->ssl ? SSL_get_verify_result(secure->ssl) : X509_V_OK;
    const char *text = verified == X509_V_OK ? ERR_reason_error_string(ERR_peek_error())
                                             : X509_verify_cert_error_string(verified);

    return text ? text : "the connection was closed";
}

static bool is_number(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static bool trust(const struct secure *secure, const char *host)
{
    const char *authorities = getenv("FIRN_CA");

    if (authorities && *authorities
            ? SSL_CTX_load_verify_locations(secure->context, authorities, NULL) != 1
            : SSL_CTX_set_default_verify_paths(secure->context) != 1)
        return false;
    SSL_CTX_set_verify(secure->context, SSL_VERIFY_PEER, NULL);
    if (is_number(host))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_CTX_get0_param(secure->context), host) == 1;
    return X509_VERIFY_PARAM_set1_host(SSL_CTX_get0_param(secure->context), host, 0) == 1;
}

enum status secure_open(int fd, const char *host, struct secure **result, struct error *err)
{
    struct secure *secure = calloc(1, sizeof *secure);

    if (!secure)
        return error_no_memory(err, "TLS");
    ERR_clear_error();
    secure->context = SSL_CTX_new(TLS_client_method());
    if (secure->context && SSL_CTX_set_min_proto_version(secure->context, TLS1_2_VERSION) == 1 &&
        trust(secure, host))
        secure->ssl = SSL_new(secure->context);
    if (secure->ssl && SSL_set_fd(secure->ssl, fd) == 1 &&
        (is_number(host) || SSL_set_tlsext_host_name(secure->ssl, host) == 1) &&
        SSL_connect(secure->ssl) == 1) {
        *result = secure;
        return STATUS_OK;
    }
    (void)!error_set(err, STATUS_UNAVAILABLE, "TLS with %s: %s", host, reason(secure));
    error_fix(err, "FIRN_CA=FILE names the authority of its certificate");
    secure_close(secure);
    return STATUS_UNAVAILABLE;
}

void secure_close(struct secure *secure)
{
    if (!secure)
        return;
    if (secure->ssl && SSL_is_init_finished(secure->ssl))
        SSL_shutdown(secure->ssl);
    SSL_free(secure->ssl);
    SSL_CTX_free(secure->context);
    free(secure);
}

static ssize_t result_of(const struct secure *secure, int result)
{
    int why = result > 0 ? SSL_ERROR_NONE : SSL_get_error(secure->ssl, result);

    if (result > 0)
        return result;
    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return why == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

ssize_t secure_receive(struct secure *secure, void *data, size_t size)
{
    ERR_clear_error();
    return result_of(secure, SSL_read(secure->ssl, data, (int)size));
}

ssize_t secure_send(struct secure *secure, const void *data, size_t size)
{
    ERR_clear_error();
    return result_of(secure, SSL_write(secure->ssl, data, (int)size));
}
