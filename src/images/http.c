// SPDX-License-Identifier: Apache-2.0
#include "images/http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/number.h"
#include "base/text.h"

enum {
    REDIRECTS_MAX = 5,
    HEAD_BYTES_MAX = 256 << 10,
    CONNECT_SECONDS = 15,
    SEND_BYTES = 512 << 10, /* libcurl's buffers */
    RECEIVE_BYTES = 256 << 10,
};

struct http {
    CURL *curl;
    const char *host;
    const struct image_hosts *hosts;
    struct text body;

    /* the request at hand */
    const struct http_request *request;
    struct http_answer *answer;
    uint64_t sent;
    size_t head_bytes;
    bool local_allowed, refused_local;
    bool failed; /* a callback gave up, and says why in *err */
    struct error *err;
};

/* --- addresses --- */

static bool is_local_v4(uint32_t address)
{
    return address >> 24 == 127 || address >> 24 == 0 || address >> 16 == 0xA9FE ||
           address >> 28 >= 0xE;
}

/* Loopback, link-local, unspecified or multicast: nothing that a registry should send us to. */
static bool is_local(const struct sockaddr *address)
{
    const struct sockaddr_in6 *six = (const void *)address;
    const struct sockaddr_in *four = (const void *)address;
    const uint8_t *b = six->sin6_addr.s6_addr;
    static const uint8_t ZEROS[10];
    uint32_t last;

    if (address->sa_family == AF_INET)
        return is_local_v4(ntohl(four->sin_addr.s_addr));
    if (address->sa_family != AF_INET6)
        return true;
    memcpy(&last, b + 12, 4);
    if (memcmp(b, ZEROS, 10) == 0 && ((b[10] == 0xFF && b[11] == 0xFF) || (!b[10] && !b[11])))
        return is_local_v4(ntohl(last)); /* mapped, ::, ::1 */
    if (b[0] == 0 && b[1] == 0x64 && b[2] == 0xFF && b[3] == 0x9B)
        return is_local_v4(ntohl(last)); /* translated */
    return b[0] == 0xFF || (b[0] == 0xFE && (b[1] & 0xC0) == 0x80);
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http *http = context;

    (void)purpose;
    if (!http->local_allowed && is_local(&address->addr)) {
        http->refused_local = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* --- URLs --- */

static bool url_part(CURLU *url, CURLUPart part, unsigned flags, char *to, size_t size)
{
    char *text = NULL;
    bool fits = curl_url_get(url, part, &text, flags) == CURLUE_OK && strlen(text) < size;

    if (fits)
        memcpy(to, text, strlen(text) + 1);
    curl_free(text);
    return fits;
}

/* Its scheme, its host in lower case, and its port when it is not the scheme's own. */
static bool url_origin(CURLU *url, char scheme[8], char host[280])
{
    char name[256], port[8];

    if (!url_part(url, CURLUPART_SCHEME, 0, scheme, 8) ||
        !url_part(url, CURLUPART_HOST, 0, name, sizeof name) ||
        (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
        return false;
    for (char *c = name; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    if (url_part(url, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT, port, sizeof port))
        snprintf(host, 280, "%s:%s", name, port);
    else
        snprintf(host, 280, "%s", name);
    return true;
}

bool http_origin(const char *text, char origin[300])
{
    char scheme[8], host[280];
    CURLU *url = curl_url();
    bool known = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                 url_origin(url, scheme, host);

    curl_url_cleanup(url);
    if (known)
        snprintf(origin, 300, "%s://%s", scheme, host);
    return known;
}

/* `location` as seen from `base`, absolute. */
static bool url_join(const char *base, const char *location, char joined[HTTP_URL_MAX])
{
    CURLU *url = curl_url();
    bool good = url && curl_url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK &&
                curl_url_set(url, CURLUPART_URL, location, 0) == CURLUE_OK &&
                url_part(url, CURLUPART_URL, 0, joined, HTTP_URL_MAX);

    curl_url_cleanup(url);
    return good;
}

static bool is_named(const struct http *http, const char *host)
{
    return strcmp(host, http->host) == 0 || image_hosts_find(http->hosts, host);
}

/* --- callbacks of libcurl --- */

static size_t give_up(struct http *http, enum status status)
{
    http->failed = status != STATUS_OK;
    return 0;
}

/* "name: value" without its line end, when the line is of that name. */
static bool header_is(struct bytes line, const char *name, struct bytes *value)
{
    size_t size = strlen(name);

    if (line.size <= size || line.data[size] != ':' ||
        strncasecmp((const char *)line.data, name, size) != 0)
        return false;
    *value = (struct bytes){line.data + size + 1, line.size - size - 1};
    while (value->size && (value->data[0] == ' ' || value->data[0] == '\t'))
        *value = (struct bytes){value->data + 1, value->size - 1};
    while (value->size && strchr(" \t\r\n", value->data[value->size - 1]))
        value->size--;
    return true;
}

static void header_copy(struct bytes value, char *to, size_t size)
{
    if (value.size < size && !memchr(value.data, 0, value.size)) {
        memcpy(to, value.data, value.size);
        to[value.size] = 0;
    }
}

static void header_number(struct bytes value, int64_t *number)
{
    if (!number_i64_from_text(value, number) || *number < 0)
        *number = -1;
}

/* "bytes FIRST-LAST/TOTAL" */
static void content_range(struct bytes value, struct http_answer *answer)
{
    const uint8_t *minus = memchr(value.data, '-', value.size);
    struct bytes digits = {value.data + 6, 0};
    int64_t first;

    if (!minus || value.size < 8 || memcmp(value.data, "bytes ", 6) != 0)
        return;
    digits.size = (size_t)(minus - digits.data);
    if (number_i64_from_text(digits, &first) && first >= 0)
        answer->range_first = (uint64_t)first;
}

static size_t on_header(char *data, size_t one, size_t size, void *context)
{
    struct http *http = context;
    struct http_answer *answer = http->answer;
    struct bytes line = {(const uint8_t *)data, size * one}, value;
    char location[HTTP_URL_MAX] = "";

    http->head_bytes += line.size;
    if (http->head_bytes > HEAD_BYTES_MAX)
        return give_up(http, error_set(http->err, STATUS_TOO_LARGE,
                                       "its headers have more than %d bytes", HEAD_BYTES_MAX));
    if (header_is(line, "Location", &value)) {
        header_copy(value, location, sizeof location);
        if (!location[0] || !url_join(answer->url, location, answer->location))
            answer->location[0] = 0;
    } else if (header_is(line, "WWW-Authenticate", &value)) {
        if (!answer->authenticate[0] ||
            (value.size > 7 && strncasecmp((const char *)value.data, "Bearer ", 7) == 0))
            header_copy(value, answer->authenticate, sizeof answer->authenticate);
    } else if (header_is(line, "Docker-Content-Digest", &value)) {
        header_copy(value, answer->digest, sizeof answer->digest);
    } else if (header_is(line, "Range", &value)) {
        header_copy(value, answer->range, sizeof answer->range);
    } else if (header_is(line, "Content-Range", &value)) {
        content_range(value, answer);
    } else if (header_is(line, "OCI-Chunk-Min-Length", &value)) {
        header_number(value, &answer->chunk_min);
    } else if (header_is(line, "Retry-After", &value)) {
        header_number(value, &answer->retry_after);
    }
    return line.size;
}

static size_t on_body(char *data, size_t one, size_t size, void *context)
{
    struct http *http = context;
    const struct http_request *request = http->request;
    struct bytes bytes = {(const uint8_t *)data, size * one};
    size_t most = request->answer_max ? request->answer_max : HTTP_ANSWER_MAX;
    long status = 0;

    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
    http->answer->status = (int)status;
    if (request->sink && (status == 200 || status == 206)) {
        if (request->sink->write(request->sink->context, bytes, http->err))
            return give_up(http, http->err->status);
        return bytes.size;
    }
    if (bytes.size > most - http->body.size)
        return give_up(http, error_set(http->err, STATUS_TOO_LARGE,
                                       "its answer has more than %zu bytes", most));
    text_append_bytes(&http->body, bytes);
    return http->body.failed ? give_up(http, error_no_memory(http->err, "an answer")) : bytes.size;
}

static size_t on_read(char *data, size_t one, size_t size, void *context)
{
    struct http *http = context;
    const struct http_request *request = http->request;
    uint64_t whole = request->body_fd >= 0 ? request->body_size : request->body.size;
    size_t room = size * one;
    ssize_t got;

    if (room > whole - http->sent)
        room = (size_t)(whole - http->sent);
    if (request->body_fd < 0) {
        memcpy(data, request->body.data + http->sent, room);
        got = (ssize_t)room;
    } else {
        got = pread(request->body_fd, data, room, (off_t)(request->body_offset + http->sent));
    }
    if (got < 0 || (got == 0 && room)) {
        give_up(http, error_set(http->err, STATUS_INTERNAL, "cannot read what is sent: %m"));
        return CURL_READFUNC_ABORT;
    }
    http->sent += (size_t)got;
    if (request->progress)
        image_progress_add(request->progress, (uint64_t)got);
    return (size_t)got;
}

static int on_seek(void *context, curl_off_t offset, int origin)
{
    struct http *http = context;

    if (origin != SEEK_SET || offset < 0)
        return CURL_SEEKFUNC_CANTSEEK;
    http->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static int on_progress(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up_now)
{
    const struct http *http = context;

    (void)total;
    (void)now;
    (void)up_total;
    (void)up_now;
    return http->hosts->cancelled && *http->hosts->cancelled;
}

/* --- a request --- */

static void options_common(struct http *http)
{
    CURL *curl = http->curl;

    curl_easy_reset(curl); /* connections stay */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "firn");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)HTTP_STALL_RATE);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)http->hosts->stall_seconds);
    curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)http->hosts->stall_seconds);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, (long)SEND_BYTES);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_HTTP09_ALLOWED, 0L);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, http);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, http);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, http);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
}

static void options_body(struct http *http, const struct http_request *request)
{
    CURL *curl = http->curl;
    uint64_t size = request->body_fd >= 0 ? request->body_size : request->body.size;

    if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
        return;
    }
    if (strcmp(request->method, "GET") == 0)
        return;
    if (strcmp(request->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
    } else {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, http);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, http);
}

static bool headers_make(const struct http_request *request, bool trusted, struct curl_slist **list)
{
    struct text line = {0};
    bool good = (*list = curl_slist_append(NULL, "Expect:")) != NULL;

    for (size_t i = 0; good && i < ARRAY_COUNT(request->headers) && request->headers[i]; i++)
        good = curl_slist_append(*list, request->headers[i]) != NULL;
    if (trusted && request->authorization) {
        text_printf(&line, "Authorization: %s", request->authorization);
        good = good && !line.failed && curl_slist_append(*list, line.data) != NULL;
    }
    text_release(&line);
    return good;
}

/* Is another attempt worth it? */
static bool is_passing(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_SSL_CONNECT_ERROR:
        return true;
    default:
        return false;
    }
}

static enum status transfer_error(struct http *http, CURLcode code, const char *why, bool *again,
                                  struct error *err)
{
    enum status status;

    if (http->failed)
        return err->status;
    if (http->refused_local) {
        status = error_set(err, STATUS_INVALID_INPUT,
                           "refused: the registry leads to an address of this machine or its link");
        error_fix(err, "when that is meant, name this host in registries.yaml");
        return status;
    }
    *again = is_passing(code);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return error_set(err, STATUS_UNAVAILABLE, "no progress for %lld s: %s",
                         (long long)http->hosts->stall_seconds,
                         why[0] ? why : curl_easy_strerror(code));
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
        status =
            error_set(err, STATUS_UNAVAILABLE, "TLS: %s", why[0] ? why : curl_easy_strerror(code));
        error_fix(err, "name the authority's certificate as ca: FILE of the host in "
                       "registries.yaml");
        return status;
    }
    return error_set(err, STATUS_UNAVAILABLE, "%s", why[0] ? why : curl_easy_strerror(code));
}

static enum status send_once(struct http *http, const struct http_request *request, const char *url,
                             const char *host, bool trusted, bool *again, struct error *err)
{
    const struct image_host *known = image_hosts_find(http->hosts, host);
    char why[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = NULL;
    CURLcode code;
    long status = 0;

    options_common(http);
    options_body(http, request);
    http->local_allowed = is_named(http, host);
    http->sent = http->head_bytes = 0;
    http->failed = http->refused_local = false;
    text_clear(&http->body);
    curl_easy_setopt(http->curl, CURLOPT_URL, url);
    curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, why);
    if (known && known->ca)
        curl_easy_setopt(http->curl, CURLOPT_CAINFO, known->ca);
    if (!headers_make(request, trusted, &headers)) {
        curl_slist_free_all(headers);
        return error_no_memory(err, "a request");
    }
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, headers);
    code = curl_easy_perform(http->curl);
    curl_slist_free_all(headers);
    if (code != CURLE_OK)
        return transfer_error(http, code, why, again, err);
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
    http->answer->status = (int)status;
    http->answer->body = text_bytes(&http->body);
    return STATUS_OK;
}

static bool is_redirect(const struct http_request *request, int status)
{
    bool reads = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;

    return status == 307 || status == 308 ||
           (reads && (status == 301 || status == 302 || status == 303));
}

/* May we go to this URL? */
static enum status origin_check(const struct http *http, const char *first_scheme,
                                const char *scheme, const char *host, struct error *err)
{
    const struct image_host *known = image_hosts_find(http->hosts, host);
    char quoted[TEXT_QUOTE_SIZE];

    if (strcmp(scheme, "http") == 0 && strcmp(first_scheme, "https") == 0 &&
        !(known && known->plain_http))
        return error_set(err, STATUS_INVALID_INPUT,
                         "refused: it leads from https to plain http at \"%s\"",
                         text_quote(bytes_of(host), quoted, sizeof quoted));
    return STATUS_OK;
}

static void answer_clear(struct http_answer *answer)
{
    answer->status = 0;
    answer->location[0] = answer->authenticate[0] = answer->digest[0] = answer->range[0] = 0;
    answer->range_first = 0;
    answer->chunk_min = 0;
    answer->retry_after = -1;
    answer->body = (struct bytes){NULL, 0};
}

static enum status parse_origin(const char *text, char scheme[8], char host[280], struct error *err)
{
    CURLU *url = curl_url();
    char quoted[TEXT_QUOTE_SIZE];
    bool good = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                url_origin(url, scheme, host);

    curl_url_cleanup(url);
    return good ? STATUS_OK
                : error_set(err, STATUS_INVALID_INPUT, "\"%s\" is no URL of http or https",
                            text_quote(bytes_of(text), quoted, sizeof quoted));
}

enum status http_send(struct http *http, const struct http_request *request,
                      struct http_answer *answer, bool *again, struct error *err)
{
    char first_scheme[8], first_host[280], scheme[8], host[280];

    *again = false;
    http->request = request;
    http->answer = answer;
    http->err = err;
    if (strlen(request->url) >= sizeof answer->url)
        return error_set(err, STATUS_TOO_LARGE, "a URL has more than %d bytes", HTTP_URL_MAX);
    snprintf(answer->url, sizeof answer->url, "%s", request->url);
    TRY(parse_origin(answer->url, first_scheme, first_host, err));
    for (int i = 0; i <= REDIRECTS_MAX; i++) {
        TRY(parse_origin(answer->url, scheme, host, err));
        TRY(origin_check(http, request->secure ? "https" : first_scheme, scheme, host, err));
        answer->same_origin = !strcmp(scheme, first_scheme) && !strcmp(host, first_host);
        answer_clear(answer);
        TRY(send_once(http, request, answer->url, host, answer->same_origin, again, err));
        if (!is_redirect(request, answer->status))
            return STATUS_OK;
        if (!answer->location[0])
            return error_set(err, STATUS_UNAVAILABLE, "answer %d leads nowhere", answer->status);
        memcpy(answer->url, answer->location, sizeof answer->url);
    }
    return error_set(err, STATUS_UNAVAILABLE, "more than %d redirects", REDIRECTS_MAX);
}

/* --- opening --- */

static void library_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum status http_open(const char *host, const struct image_hosts *hosts, struct http **http,
                      struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct http *opened = calloc(1, sizeof *opened);

    pthread_once(&once, library_init);
    if (opened)
        opened->curl = curl_easy_init();
    if (!opened || !opened->curl) {
        free(opened);
        return error_no_memory(err, "a registry client");
    }
    opened->host = host;
    opened->hosts = hosts;
    *http = opened;
    return STATUS_OK;
}

void http_close(struct http *http)
{
    if (!http)
        return;
    curl_easy_cleanup(http->curl);
    text_release(&http->body);
    free(http);
}
