// SPDX-License-Identifier: Apache-2.0
/* A version's files, as they were uploaded: the file itself, or a tar of the folder. */
#include <stdlib.h>
#include <string.h>

#include "formats/archive/artifact.h"
#include "formats/archive/tar_write.h"
#include "server/feed.h"
#include "server/internal.h"
#include "server/stored.h"

enum { PIECE_BYTES = 256 << 10 };

struct payload { /* what is left to say: head, data and padding of each member in turn */
    struct feed feed;
    struct artifact *artifact;
    bool archive;      /* a tar; else the one file */
    size_t next;       /* member to begin */
    struct bytes data; /* of the member at hand, not yet sent */
    uint64_t size;     /* of that member */
    bool open;         /* its padding is still to come */
};

static void take_piece(struct payload *payload, struct text *out)
{
    size_t size = payload->data.size < PIECE_BYTES ? payload->data.size : PIECE_BYTES;

    text_append_bytes(out, (struct bytes){payload->data.data, size});
    artifact_forget(payload->artifact, (struct bytes){payload->data.data, size});
    payload->data = (struct bytes){payload->data.data + size, payload->data.size - size};
}

static void append_zeros(struct text *out, size_t size)
{
    static const uint8_t ZEROS[TAR_END_SIZE];

    text_append_bytes(out, (struct bytes){ZEROS, size});
}

static enum feed_state payload_next(struct feed *feed, struct executor *executor, struct text *out)
{
    struct payload *payload = (struct payload *)feed;

    (void)executor;
    if (payload->data.size) {
        take_piece(payload, out);
        if (payload->data.size || payload->archive)
            return FEED_MORE;
        return FEED_END;
    }
    if (!payload->archive)
        return FEED_END;
    if (payload->open)
        append_zeros(out, tar_padding(payload->size));
    payload->open = false;
    if (payload->next == payload->artifact->count) {
        append_zeros(out, TAR_END_SIZE);
        return FEED_END;
    }
    struct member *member = &payload->artifact->members[payload->next++];
    payload->data = member->bytes;
    payload->size = member->size;
    payload->open = true;
    tar_write_head(out, bytes_of(member->path), payload->size, TAR_FILE);
    return FEED_MORE;
}

static void payload_free(struct feed *feed)
{
    struct payload *payload = (struct payload *)feed;

    artifact_close(payload->artifact);
    free(payload);
}

static const struct feed_class PAYLOAD_FEED = {.next = payload_next, .free = payload_free};

/* "NAME-3.joblib": of the file's own name only the suffix is kept. */
static void name_header(struct response *response, const struct version *version,
                        const struct payload *payload)
{
    const char *suffix = payload->archive ? ".tar" : strrchr(payload->artifact->name, '.');

    response->content_type = payload->archive ? "application/x-tar" : "application/octet-stream";
    text_printf(&response->headers, "Content-Disposition: attachment; filename=\"%s-%lld%s\"\r\n",
                version->model, (long long)version->number, suffix ? suffix : "");
}

/* All members are mapped before the answer begins, which could not say any more what is wrong. */
static enum status members_map(struct artifact *artifact, struct error *err)
{
    struct bytes bytes;

    if (artifact->kind != ARTIFACT_FOLDER)
        return STATUS_OK;
    for (size_t i = 0; i < artifact->count; i++)
        TRY(member_bytes(&artifact->members[i], &bytes, err));
    return STATUS_OK;
}

static enum status payload_get(struct request *request, struct response *response,
                               struct error *err)
{
    struct payload *payload;
    struct registry *registry;
    struct version version;
    enum status status;

    TRY(stored_version(request, &registry, &version, err));
    payload = calloc(1, sizeof *payload);
    if (!payload)
        return error_no_memory(err, "a download");
    payload->feed.class = &PAYLOAD_FEED;
    status = registry_artifact(registry, &version, &payload->artifact, err);
    if (status == STATUS_OK)
        status = members_map(payload->artifact, err);
    if (status != STATUS_OK) {
        payload_free(&payload->feed);
        return status;
    }
    payload->data = artifact_container(payload->artifact);
    payload->archive = payload->artifact->kind == ARTIFACT_FOLDER;
    response->feed = &payload->feed;
    response_header(response, "Firn-Version-Digest", version.digest);
    name_header(response, &version, payload);
    return STATUS_OK;
}

static const struct route ROWS[] = {
    {HTTP_GET, "/api/models/{model}/versions/{version}/payload", payload_get,
     "its files as they were uploaded: the file, or a tar of the folder", ROUTE_CONTROL},
};

const struct route_set routes_payload = {
    .name = "payload",
    .summary = "files of versions",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
};
