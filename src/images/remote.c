// SPDX-License-Identifier: Apache-2.0
/* A repository of a registry (distribution-spec 1.0): manifests and blobs over HTTP. */
#include "images/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "base/hash/sha256.h"
#include "formats/json/json.h"

enum {
    BACKOFF_MS = 400,
    BACKOFF_MS_MAX = 15000,
    SLICE_MS = 100,
    RETRY_AFTER_MAX = 60, /* seconds */
    CHALLENGES_MAX = 2,   /* of one request */
    MEMORY_MAX = 4 << 20,
};

#define ACCEPT                                                                                     \
    "Accept: " IMAGE_TYPE_MANIFEST ", " IMAGE_TYPE_INDEX ", " IMAGE_TYPE_DOCKER_MANIFEST           \
    ", " IMAGE_TYPE_DOCKER_LIST

/* --- requests --- */

bool remote_wait(const struct remote *remote, int64_t attempt)
{
    int64_t ms = attempt < 16 ? (int64_t)BACKOFF_MS << (attempt - 1) : BACKOFF_MS_MAX;
    int64_t asked = remote->answer->retry_after;
    const struct timespec slice = {0, SLICE_MS * 1000000};

    if (asked > RETRY_AFTER_MAX)
        return false;
    if (asked > 0)
        ms = 1000 * asked;
    else if (ms > BACKOFF_MS_MAX)
        ms = BACKOFF_MS_MAX;
    for (; ms > 0 && !(remote->hosts->cancelled && *remote->hosts->cancelled); ms -= SLICE_MS)
        nanosleep(&slice, NULL);
    return true;
}

bool remote_advanced(const struct remote *remote, uint64_t bytes)
{
    return bytes >= (uint64_t)HTTP_STALL_RATE * (uint64_t)remote->hosts->stall_seconds;
}

bool remote_passing(int status)
{
    return status == 408 || status == 429 || (status >= 500 && status != 501);
}

/* The registry's own words: {"errors": [{"code", "message"}]}. */
static const char *words_of(struct bytes body, char *buffer, size_t size)
{
    const struct json *errors;
    struct bytes code = {NULL, 0}, message = {NULL, 0};
    char quoted[TEXT_QUOTE_SIZE];
    struct arena scratch;
    struct error ignored;
    struct json value;

    buffer[0] = 0;
    arena_init(&scratch, 8 << 20);
    if (body.size && json_parse(body, 0, &value, &scratch, &ignored) == STATUS_OK) {
        errors = json_get(&value, "errors");
        if (errors && errors->kind == JSON_ARRAY && errors->count) {
            json_string(json_get(&errors->items[0], "code"), &code);
            json_string(json_get(&errors->items[0], "message"), &message);
        } else if (!json_string(json_get(&value, "details"), &message)) {
            json_string(json_get(&value, "message"), &message);
        }
        snprintf(buffer, size, "%s", text_quote(code, quoted, sizeof quoted));
        snprintf(buffer + strlen(buffer), size - strlen(buffer), "%s%s",
                 code.size && message.size ? ": " : "", text_quote(message, quoted, sizeof quoted));
    }
    arena_release(&scratch);
    return buffer;
}

enum status remote_refused(const struct remote *remote, const char *doing, struct error *err)
{
    int code = remote->answer->status;
    enum status status = code == 404                  ? STATUS_NOT_FOUND
                         : code == 413                ? STATUS_TOO_LARGE
                         : code == 401 || code == 403 ? STATUS_INVALID_INPUT
                         : code == 400                ? STATUS_INVALID_INPUT
                                                      : STATUS_UNAVAILABLE;
    char words[2 * TEXT_QUOTE_SIZE + 8], later[64] = "";

    words_of(remote->answer->body, words, sizeof words);
    if (remote->answer->retry_after > 0)
        snprintf(later, sizeof later, " (it wants to be asked again in %lld s)",
                 (long long)remote->answer->retry_after);
    status = error_set(err, status, "cannot %s: answer %d%s%s%s", doing, code, words[0] ? ", " : "",
                       words, later);
    if (code == 401 || code == 403)
        error_fix(err, "credentials for %s that may do this", remote->reference.host);
    else if (code == 404)
        error_fix(err, "check the name; some registries want a project or repository made first");
    return status;
}

/* Credentials are for the registry alone, wherever it says that an upload goes. */
static enum status call_once(struct remote *remote, struct http_request *request, bool *again,
                             struct error *err)
{
    char origin[300];
    bool ours = http_origin(request->url, origin) && strcmp(origin, remote->origin) == 0;

    request->secure = strncmp(remote->origin, "https:", 6) == 0;
    for (int i = 0;; i++) {
        request->authorization =
            ours && remote->authorization.size ? remote->authorization.data : NULL;
        TRY(http_send(remote->http, request, remote->answer, again, err));
        if (remote->answer->status != 401 || !ours || !remote->answer->same_origin) {
            remote->accepted = true;
            return STATUS_OK;
        }
        if (i == CHALLENGES_MAX)
            return error_set(err, STATUS_INVALID_INPUT, "it refuses the credentials");
        *again = false;
        TRY(remote_authorize(remote, err));
    }
}

enum status remote_call(struct remote *remote, struct http_request *request, int64_t attempts,
                        bool *again, struct error *err)
{
    enum status status;

    attempts = attempts ? attempts : remote->hosts->attempts;
    for (int64_t attempt = 1;; attempt++) {
        *again = false;
        status = call_once(remote, request, again, err);
        if (!status && remote_passing(remote->answer->status))
            *again = true;
        if (!*again || attempt >= attempts || !remote_wait(remote, attempt))
            return status;
    }
}

static char *url_of(struct remote *remote, const char *kind, const char *which, struct error *err)
{
    char *url = arena_printf(&remote->memory, "%s/v2/%s/%s/%s", remote->origin,
                             remote->reference.name, kind, which);
    enum status ignored;

    if (!url) {
        ignored = error_no_memory(err, "a URL");
        (void)ignored;
    }
    return url;
}

static enum status within(const struct remote *remote, enum status status, const char *what,
                          struct error *err)
{
    if (!status)
        return STATUS_OK;
    return error_within(err, "%s/%s: %s", remote->reference.host, remote->reference.name, what);
}

/* --- manifests --- */

/* What it says to have sent is what came; another reader would take its word for it. */
static enum status digest_check(const struct remote *remote, struct error *err)
{
    const char *said = remote->answer->digest;
    char hex[SHA256_HEX_SIZE], quoted[TEXT_QUOTE_SIZE];

    if (strncmp(said, "sha256:", 7) != 0)
        return STATUS_OK;
    if (!sha256_of(remote->answer->body, hex))
        return error_no_memory(err, "a digest");
    return strcmp(said + 7, hex) == 0
               ? STATUS_OK
               : error_set(err, STATUS_INVALID_INPUT,
                           "it has other bytes: its digest is sha256:%s, not \"%s\"", hex,
                           text_quote(bytes_of(said), quoted, sizeof quoted));
}

static enum status manifest_get(struct remote *remote, const char *which, struct bytes *bytes,
                                struct arena *keep, struct error *err)
{
    struct http_request request = {.method = "GET",
                                   .url = url_of(remote, "manifests", which, err),
                                   .headers = {ACCEPT},
                                   .body_fd = -1,
                                   .answer_max = IMAGE_MANIFEST_MAX};
    bool again;

    if (!request.url)
        return err->status;
    TRY(remote_call(remote, &request, 0, &again, err));
    if (remote->answer->status != 200)
        return remote_refused(remote, "read it", err);
    TRY(digest_check(remote, err));
    bytes->size = remote->answer->body.size;
    bytes->data = (const uint8_t *)arena_text(keep, remote->answer->body);
    return bytes->data ? STATUS_OK : error_no_memory(err, "a manifest");
}

static enum status manifest_read(struct image_place *place, const char *which, struct bytes *bytes,
                                 struct arena *keep, struct error *err)
{
    struct remote *remote = (struct remote *)place;
    char what[160];

    snprintf(what, sizeof what, "manifest %s", which);
    return within(remote, manifest_get(remote, which, bytes, keep, err), what, err);
}

static enum status manifest_put(struct remote *remote, const char *which, const char *digest,
                                struct bytes bytes, struct error *err)
{
    struct http_request request = {.method = "PUT",
                                   .url = url_of(remote, "manifests", which, err),
                                   .headers = {"Content-Type: " IMAGE_TYPE_MANIFEST},
                                   .body = bytes,
                                   .body_fd = -1};
    char quoted[TEXT_QUOTE_SIZE];
    bool again;

    if (!request.url)
        return err->status;
    TRY(remote_call(remote, &request, 0, &again, err));
    if (remote->answer->status != 201 && remote->answer->status != 200)
        return remote_refused(remote, "write it", err);
    if (remote->answer->digest[0] && strcmp(remote->answer->digest, digest) != 0)
        return error_set(err, STATUS_UNAVAILABLE, "the registry has it as another one, \"%s\"",
                         text_quote(bytes_of(remote->answer->digest), quoted, sizeof quoted));
    return STATUS_OK;
}

static enum status manifest_write(struct image_place *place, const char *which, const char *digest,
                                  struct bytes bytes, struct error *err)
{
    struct remote *remote = (struct remote *)place;
    char what[160];

    snprintf(what, sizeof what, "manifest %s", which);
    return within(remote, manifest_put(remote, which, digest, bytes, err), what, err);
}

/* --- blobs --- */

struct reading {
    struct remote *remote;
    const struct image_sink *sink;
    uint64_t size, received; /* by the sink */
    uint64_t at;             /* of the next byte of the answer */
    bool begun;
};

/* An answer from the start, where a part was asked for, is passed over up to what is there. */
static enum status reading_write(void *context, struct bytes bytes, struct error *err)
{
    struct reading *reading = context;
    const struct http_answer *answer = reading->remote->answer;
    uint64_t known;

    if (!reading->begun)
        reading->at = answer->status == 206 ? answer->range_first : 0;
    reading->begun = true;
    if (reading->at > reading->received)
        return error_set(err, STATUS_UNAVAILABLE, "the answer begins at byte %llu, not at %llu",
                         (unsigned long long)reading->at, (unsigned long long)reading->received);
    known = reading->received - reading->at;
    known = known < bytes.size ? known : bytes.size;
    reading->at += bytes.size;
    bytes = (struct bytes){bytes.data + known, bytes.size - (size_t)known};
    if (bytes.size > reading->size - reading->received)
        return error_set(err, STATUS_INVALID_INPUT,
                         "it is longer than the %llu bytes that the manifest says",
                         (unsigned long long)reading->size);
    if (bytes.size)
        TRY(reading->sink->write(reading->sink->context, bytes, err));
    reading->received += bytes.size;
    image_progress_add(&reading->remote->base, bytes.size);
    return STATUS_OK;
}

/* One attempt; *again when more may come with another. */
static enum status blob_part(struct remote *remote, struct reading *reading, const char *url,
                             bool *again, struct error *err)
{
    const struct image_sink sink = {reading_write, reading};
    char range[64];
    struct http_request request = {.method = "GET", .url = url, .body_fd = -1, .sink = &sink};

    snprintf(range, sizeof range, "Range: bytes=%llu-", (unsigned long long)reading->received);
    if (reading->received)
        request.headers[0] = range;
    reading->begun = false;
    TRY(remote_call(remote, &request, 1, again, err));
    if (remote->answer->status != 200 && remote->answer->status != 206)
        return remote_refused(remote, "read it", err);
    *again = reading->received < reading->size;
    if (!*again)
        return STATUS_OK;
    return error_set(err, STATUS_UNAVAILABLE, "it ends at byte %llu of %llu",
                     (unsigned long long)reading->received, (unsigned long long)reading->size);
}

static enum status blob_get(struct remote *remote, const struct image_descriptor *descriptor,
                            const struct image_sink *sink, struct error *err)
{
    struct reading reading = {.remote = remote, .sink = sink, .size = (uint64_t)descriptor->size};
    const char *url = url_of(remote, "blobs", descriptor->digest, err);
    uint64_t before = 0;
    enum status status;
    bool again;

    if (!url)
        return err->status;
    for (int64_t attempt = 1;; attempt++) {
        again = false;
        status = blob_part(remote, &reading, url, &again, err);
        if (remote_advanced(remote, reading.received - before)) {
            before = reading.received;
            attempt = 0; /* a bad line gets it in the end, too */
        }
        if (!status || !again || attempt >= remote->hosts->attempts ||
            !remote_wait(remote, attempt + 1))
            return status;
    }
}

static enum status blob_read(struct image_place *place, const struct image_descriptor *descriptor,
                             const struct image_sink *sink, struct error *err)
{
    struct remote *remote = (struct remote *)place;
    char what[160];

    snprintf(what, sizeof what, "blob %s", descriptor->digest);
    return within(remote, blob_get(remote, descriptor, sink, err), what, err);
}

static enum status blob_write(struct image_place *place, const struct image_blob *blob,
                              bool *existed, struct error *err)
{
    struct remote *remote = (struct remote *)place;
    char what[160];

    snprintf(what, sizeof what, "blob %s", blob->digest);
    return within(remote, remote_blob_write(place, blob, existed, err), what, err);
}

/* --- opening --- */

static void remote_close(struct image_place *place)
{
    struct remote *remote = (struct remote *)place;

    http_close(remote->http);
    text_release(&remote->authorization);
    arena_release(&remote->memory);
    free(remote->answer);
    free(remote);
}

static const struct image_place_class REMOTE = {
    .manifest_read = manifest_read,
    .manifest_write = manifest_write,
    .blob_read = blob_read,
    .blob_write = blob_write,
    .close = remote_close,
};

static bool is_loopback(const char *host)
{
    size_t size = strcspn(host, ":");

    return (size == 9 && strncmp(host, "localhost", 9) == 0) || strncmp(host, "127.", 4) == 0 ||
           strncmp(host, "[::1]", 5) == 0;
}

/* Without TLS only on this machine, or where the user says so. */
static enum status scheme_choose(struct remote *remote, struct error *err)
{
    const char *host = remote->reference.host, *said = remote->reference.scheme;
    bool plain = (remote->host && remote->host->plain_http) || is_loopback(host);
    char url[300];

    if (said && strcmp(said, "http") == 0 && !plain) {
        enum status status = error_set(err, STATUS_INVALID_INPUT,
                                       "%s is not on this machine: plain http is refused", host);
        error_fix(err, "say plain-http: true of it in registries.yaml");
        return status;
    }
    if (said)
        plain = strcmp(said, "http") == 0;
    else if (remote->host && remote->host->ca)
        plain = false;
    snprintf(url, sizeof url, "%s://%s/", plain ? "http" : "https", host);
    return http_origin(url, remote->origin)
               ? STATUS_OK
               : error_set(err, STATUS_INVALID_INPUT, "\"%s\" is no host", host);
}

/* Is it a registry? A challenge is answered here already. */
static enum status ping(struct remote *remote, struct error *err)
{
    struct http_request request = {.method = "GET", .body_fd = -1};
    bool again;

    request.url = arena_printf(&remote->memory, "%s/v2/", remote->origin);
    if (!request.url)
        return error_no_memory(err, "a URL");
    TRY(remote_call(remote, &request, 0, &again, err));
    if (remote->answer->status == 200)
        return STATUS_OK;
    return remote_refused(remote, "talk to the registry", err);
}

enum status image_remote_open(const struct image_reference *reference,
                              const struct image_access *access, struct image_place **place,
                              struct error *err)
{
    struct remote *remote = calloc(1, sizeof *remote);
    enum status status;

    if (!remote)
        return error_no_memory(err, "a registry");
    remote->base.class = &REMOTE;
    remote->reference = *reference;
    remote->hosts = access->hosts;
    remote->host = image_hosts_find(access->hosts, reference->host);
    remote->write = access->write;
    remote->answer = calloc(1, sizeof *remote->answer);
    arena_init(&remote->memory, MEMORY_MAX);
    status = remote->answer ? scheme_choose(remote, err) : error_no_memory(err, "a registry");
    if (!status)
        status = http_open(reference->host, access->hosts, &remote->http, err);
    if (!status && ping(remote, err))
        status = error_within(err, "registry %s", reference->host);
    if (status)
        remote_close(&remote->base);
    else
        *place = &remote->base;
    return status;
}
