// SPDX-License-Identifier: Apache-2.0
/* Blobs to a registry: not at all when it has them, from a repository beside, in one piece, or in
 * parts, after a failure from where the registry says it is. */
#include "images/remote.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/number.h"

enum { PART_BYTES = 64 << 20, PART_BYTES_MAX = 1 << 30 };

struct sending {
    struct remote *remote;
    const struct image_blob *blob;
    int fd;               /* -1: bytes in memory */
    struct text location; /* of the upload; empty: none was begun */
    uint64_t part;        /* bytes of one; what is smaller goes in one piece */
    uint64_t sent;        /* that the registry has */
};

static enum status url_make(const struct sending *sending, const char *rest, struct text *url,
                            struct error *err)
{
    const struct remote *remote = sending->remote;

    text_printf(url, "%s/v2/%s/blobs/%s", remote->origin, remote->reference.name, rest);
    return text_check(url, err);
}

static enum status simple(struct sending *sending, const char *method, const char *rest,
                          struct error *err)
{
    struct http_request request = {.method = method, .body_fd = -1};
    struct text url = {0};
    enum status status = url_make(sending, rest, &url, err);
    bool again;

    request.url = url.data;
    if (!status)
        status = remote_call(sending->remote, &request, 0, &again, err);
    text_release(&url);
    return status;
}

static enum status location_take(struct sending *sending, struct error *err)
{
    const struct http_answer *answer = sending->remote->answer;

    if (!answer->location[0])
        return error_set(err, STATUS_UNAVAILABLE, "the registry says not where to upload it");
    text_clear(&sending->location);
    text_append(&sending->location, answer->location);
    return text_check(&sending->location, err);
}

static enum status has(struct sending *sending, bool *existed, struct error *err)
{
    TRY(simple(sending, "HEAD", sending->blob->digest, err));
    *existed = sending->remote->answer->status == 200;
    if (*existed || sending->remote->answer->status == 404)
        return STATUS_OK;
    return remote_refused(sending->remote, "ask for it", err);
}

/* From another repository of the registry; what cannot be mounted is an upload that has begun. */
static enum status mount(struct sending *sending, const char *from, bool *mounted,
                         struct error *err)
{
    const struct http_answer *answer = sending->remote->answer;
    struct text rest = {0};
    enum status status;

    text_printf(&rest, "uploads/?mount=%s&from=", sending->blob->digest);
    remote_encode(&rest, from);
    status = text_check(&rest, err);
    if (!status)
        status = simple(sending, "POST", rest.data, err);
    text_release(&rest);
    TRY(status);
    *mounted = answer->status == 201;
    return answer->status == 202 ? location_take(sending, err) : STATUS_OK;
}

static enum status begin(struct sending *sending, struct error *err)
{
    const struct http_answer *answer = sending->remote->answer;

    TRY(simple(sending, "POST", "uploads/", err));
    if (answer->status != 202)
        return remote_refused(sending->remote, "begin its upload", err);
    sending->sent = 0;
    if (answer->chunk_min > (int64_t)sending->part && answer->chunk_min <= PART_BYTES_MAX)
        sending->part = (uint64_t)answer->chunk_min;
    return location_take(sending, err);
}

/* PUT with the digest ends the upload; `whole`: with all bytes. */
static enum status finish(struct sending *sending, bool whole, bool *again, struct error *err)
{
    const struct image_blob *blob = sending->blob;
    struct http_request request = {
        .method = "PUT", .headers = {"Content-Type: application/octet-stream"}, .body_fd = -1};
    struct text url = {0};
    enum status status;

    text_append(&url, sending->location.data);
    text_append_char(&url, strchr(sending->location.data, '?') ? '&' : '?');
    text_printf(&url, "digest=%s", blob->digest);
    request.url = url.data;
    if (whole) {
        request.body = blob->bytes;
        request.body_fd = sending->fd;
        request.body_size = (uint64_t)blob->size;
        request.progress = &sending->remote->base;
    }
    status = text_check(&url, err);
    if (!status)
        status = remote_call(sending->remote, &request, 1, again, err);
    text_release(&url);
    TRY(status);
    if (sending->remote->answer->status == 201)
        return STATUS_OK;
    return remote_refused(sending->remote, "end its upload", err);
}

static enum status part_send(struct sending *sending, bool *again, struct error *err)
{
    uint64_t left = (uint64_t)sending->blob->size - sending->sent;
    uint64_t size = left < sending->part ? left : sending->part;
    char range[64];
    struct http_request request = {.method = "PATCH",
                                   .url = sending->location.data,
                                   .headers = {"Content-Type: application/octet-stream", range},
                                   .body_fd = sending->fd,
                                   .body_offset = sending->sent,
                                   .body_size = size,
                                   .progress = &sending->remote->base};

    snprintf(range, sizeof range, "Content-Range: %llu-%llu", (unsigned long long)sending->sent,
             (unsigned long long)(sending->sent + size - 1));
    TRY(remote_call(sending->remote, &request, 1, again, err));
    if (sending->remote->answer->status != 202 && sending->remote->answer->status != 204)
        return remote_refused(sending->remote, "send a part of it", err);
    sending->sent += size;
    return location_take(sending, err);
}

/* How far did it get? An upload that is gone is begun again. */
static enum status resume(struct sending *sending, struct error *err)
{
    struct http_request request = {.method = "GET", .url = sending->location.data, .body_fd = -1};
    const struct http_answer *answer = sending->remote->answer;
    const char *minus;
    int64_t last;
    bool again;

    TRY(remote_call(sending->remote, &request, 0, &again, err));
    minus = strchr(answer->range, '-');
    if ((answer->status != 204 && answer->status != 202) || !minus ||
        !number_i64_from_text(bytes_of(minus + 1), &last) || last < 0 ||
        last >= sending->blob->size) {
        text_clear(&sending->location);
        return STATUS_OK;
    }
    sending->sent = last ? (uint64_t)last + 1 : 0;
    return answer->location[0] ? location_take(sending, err) : STATUS_OK;
}

static enum status attempt_once(struct sending *sending, bool *again, struct error *err)
{
    bool whole = sending->fd < 0 || (uint64_t)sending->blob->size <= sending->part;

    *again = false;
    if (!sending->location.size)
        TRY(begin(sending, err));
    while (!whole && sending->sent < (uint64_t)sending->blob->size)
        TRY(part_send(sending, again, err));
    return finish(sending, whole, again, err);
}

/* The registry has dropped the upload, as some do when a part breaks off. */
static bool is_lost(const struct sending *sending)
{
    int status = sending->remote->answer->status;

    return sending->location.size && (status == 404 || status == 416);
}

/* What goes on where it was costs no attempt; what begins again does. */
static enum status upload(struct sending *sending, struct error *err)
{
    uint64_t reached = 0; /* at the last failure */
    enum status status;
    bool again, lost;

    for (int64_t attempt = 1;; attempt++) {
        status = attempt_once(sending, &again, err);
        lost = status && !again && is_lost(sending);
        if (!status || !(again || lost) || attempt >= sending->remote->hosts->attempts ||
            !remote_wait(sending->remote, attempt))
            return status;
        if (lost || !sending->sent)
            text_clear(&sending->location);
        else
            TRY(resume(sending, err));
        if (!sending->location.size) {
            reached = 0;
        } else if (sending->sent > reached &&
                   remote_advanced(sending->remote, sending->sent - reached)) {
            reached = sending->sent;
            attempt = 0;
        }
    }
}

static enum status write_with(struct sending *sending, bool *existed, struct error *err)
{
    const struct image_blob *blob = sending->blob;

    TRY(has(sending, existed, err));
    for (size_t i = 0; i < blob->from_count && !*existed && !sending->location.size; i++)
        TRY(mount(sending, blob->from[i], existed, err));
    if (*existed) {
        image_progress_add(&sending->remote->base, (uint64_t)blob->size);
        return STATUS_OK;
    }
    return upload(sending, err);
}

enum status remote_blob_write(struct image_place *place, const struct image_blob *blob,
                              bool *existed, struct error *err)
{
    struct sending sending = {
        .remote = (struct remote *)place, .blob = blob, .fd = -1, .part = PART_BYTES};
    enum status status;

    *existed = false;
    if (blob->path) {
        sending.fd = open(blob->path, O_RDONLY | O_CLOEXEC);
        if (sending.fd < 0)
            return error_set(err, STATUS_INTERNAL, "cannot open \"%.300s\": %m", blob->path);
    }
    status = write_with(&sending, existed, err);
    text_release(&sending.location);
    if (sending.fd >= 0)
        close(sending.fd);
    return status;
}
