// SPDX-License-Identifier: Apache-2.0
/* Records: rows beside versions, and the bytes that some have. */
#include "registry/internal.h"

#include <unistd.h>

#include "base/file.h"

/* The bytes first, then the row, under the lock that keeps gc away. */
static enum status put_with_blob(struct registry *registry, struct record *record,
                                 const struct staging *staging, struct blob *blob,
                                 struct bytes bytes, bool replace, struct error *err)
{
    char folder[PATH_SIZE];
    enum status status;
    int lock;

    TRY(blob_create(blob, staging, "blob", err));
    TRY(blob_write(blob, bytes, err));
    blob_finish(blob);
    record->blob = blob->digest;
    record->blob_bytes = blob->size;
    lock = registry_lock(registry, "lock", LOCK_SHARED, err);
    if (lock < 0)
        return err->status;
    snprintf(folder, sizeof folder, "%s/blobs/sha256", registry->folder);
    status = blob_publish(registry, blob, err);
    if (!status)
        status = file_sync_folder(folder, err);
    if (!status)
        status = registry->backend->record_put(registry->store, record, replace, err);
    close(lock);
    return status;
}

enum status registry_record_put(struct registry *registry, struct record *record, struct bytes blob,
                                bool replace, struct error *err)
{
    struct blob written = {.fd = -1};
    struct staging staging;
    char when[32];
    enum status status;

    registry_now(when);
    record->created = when;
    record->blob = NULL;
    record->blob_bytes = 0;
    if (blob.data) {
        TRY(staging_open(registry, &staging, err));
        status = put_with_blob(registry, record, &staging, &written, blob, replace, err);
        blob_release(&written);
        staging_close(&staging);
    } else {
        status = registry->backend->record_put(registry->store, record, replace, err);
    }
    record->created = record->blob = NULL; /* they were ours */
    return status;
}

enum status registry_record_list(struct registry *registry, const struct record_filter *filter,
                                 struct record **records, size_t *count, struct arena *keep,
                                 struct error *err)
{
    return registry->backend->record_list(registry->store, filter, records, count, keep, err);
}

enum status registry_record_find(struct registry *registry, const struct record_filter *filter,
                                 bool *found, struct record *record, struct arena *keep,
                                 struct error *err)
{
    struct record *records;
    size_t count;

    TRY(registry_record_list(registry, filter, &records, &count, keep, err));
    *found = count > 0;
    if (*found)
        *record = records[0];
    return STATUS_OK;
}

enum status registry_record_remove(struct registry *registry, int64_t id, struct error *err)
{
    return registry->backend->record_remove(registry->store, id, err);
}

enum status registry_record_path(struct registry *registry, const struct record *record,
                                 const char **path, struct arena *keep, struct error *err)
{
    char text[PATH_SIZE];

    if (!record->blob || !*record->blob)
        return error_set(err, STATUS_NOT_FOUND, "record %lld has no bytes", (long long)record->id);
    if (!blob_path(registry, record->blob, text))
        return error_set(err, STATUS_INTERNAL, "\"%s\" is no digest", record->blob);
    *path = arena_text(keep, bytes_of(text));
    return *path ? STATUS_OK : error_no_memory(err, "a path");
}
