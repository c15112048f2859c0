// SPDX-License-Identifier: Apache-2.0
/* Blobs: written into the private folder of an upload, synced, renamed to their digest. */
#include "registry/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static enum status system_error(struct error *err, const char *what, const char *path)
{
    int code = errno;
    enum status status =
        code == ENOSPC || code == EDQUOT || code == EFBIG || code == EMFILE || code == ENFILE
            ? STATUS_UNAVAILABLE
        : code == EACCES || code == EPERM || code == EROFS || code == ENOENT || code == ENOTDIR
            ? STATUS_INVALID_INPUT
            : STATUS_INTERNAL;

    return error_set(err, status, "cannot %s \"%.300s\": %s", what, path, strerror(code));
}

static bool lock_wait(int fd, int operation)
{
    int result;

    do
        result = flock(fd, operation);
    while (result && errno == EINTR);
    return result == 0;
}

int registry_lock(const struct registry *registry, const char *name, enum lock_kind kind,
                  struct error *err)
{
    char path[PATH_SIZE];
    enum status ignored;
    int fd;

    if (registry->backend == &store_frozen) {
        ignored = store_frozen_refuse(err);
        (void)ignored;
        return -1;
    }
    snprintf(path, sizeof path, "%s/%s", registry->folder, name);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0 && lock_wait(fd, kind == LOCK_SHARED ? LOCK_SH : LOCK_EX))
        return fd;
    ignored = system_error(err, "lock", path);
    (void)ignored;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Under the shared lock, so that gc never sees the folder before it is locked. */
static enum status staging_make(struct staging *staging, struct error *err)
{
    if (!mkdtemp(staging->path))
        return system_error(err, "make folder", staging->path);
    staging->fd = open(staging->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (staging->fd < 0 || !lock_wait(staging->fd, LOCK_EX))
        return system_error(err, "lock", staging->path);
    return STATUS_OK;
}

enum status staging_open(const struct registry *registry, struct staging *staging,
                         struct error *err)
{
    enum status status;
    int lock;

    *staging = (struct staging){.fd = -1};
    lock = registry_lock(registry, "lock", LOCK_SHARED, err);
    if (lock < 0)
        return err->status;
    snprintf(staging->path, sizeof staging->path, "%s/tmp/upload-XXXXXX", registry->folder);
    status = staging_make(staging, err);
    close(lock);
    if (status)
        staging_close(staging);
    return status;
}

void staging_close(struct staging *staging)
{
    struct error ignored;

    if (staging->path[0] && file_remove_tree(staging->path, &ignored) != STATUS_OK)
        staging->path[0] = 0; /* gc takes what is left */
    if (staging->fd >= 0)
        close(staging->fd);
    *staging = (struct staging){.fd = -1};
}

enum status blob_create(struct blob *blob, const struct staging *staging, const char *name,
                        struct error *err)
{
    *blob = (struct blob){.fd = -1};
    blob->hash = sha256_new();
    if (!blob->hash)
        return error_no_memory(err, "a digest");
    if (!staging)
        return STATUS_OK;
    snprintf(blob->path, sizeof blob->path, "%s/%s", staging->path, name);
    blob->fd = open(blob->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (blob->fd < 0)
        return system_error(err, "create", blob->path);
    return STATUS_OK;
}

enum status blob_write(struct blob *blob, struct bytes bytes, struct error *err)
{
    if (blob->fd >= 0 && !file_write_all(blob->fd, bytes))
        return system_error(err, "write", blob->path);
    sha256_update(blob->hash, bytes);
    blob->size += (int64_t)bytes.size;
    return STATUS_OK;
}

void blob_finish(struct blob *blob)
{
    memcpy(blob->digest, "sha256:", 7);
    sha256_finish(blob->hash, blob->digest + 7);
}

void blob_release(struct blob *blob)
{
    if (blob->hash && blob->fd >= 0)
        close(blob->fd);
    sha256_free(blob->hash);
    *blob = (struct blob){.fd = -1};
}

bool blob_digest_is(const char *digest)
{
    return strncmp(digest, "sha256:", 7) == 0 && strlen(digest) == DIGEST_SIZE - 1 &&
           strspn(digest + 7, "0123456789abcdef") == SHA256_HEX_SIZE - 1;
}

bool blob_path(const struct registry *registry, const char *digest, char path[PATH_SIZE])
{
    if (!blob_digest_is(digest))
        return false;
    snprintf(path, PATH_SIZE, "%s/blobs/sha256/%s", registry->folder, digest + 7);
    return true;
}

bool blob_exists(const struct registry *registry, const char *digest, int64_t size)
{
    char path[PATH_SIZE];
    struct stat info;

    return blob_path(registry, digest, path) && stat(path, &info) == 0 && info.st_size == size;
}

enum status blob_publish(const struct registry *registry, struct blob *blob, struct error *err)
{
    char path[PATH_SIZE];

    /* One of that name was whole when it got it; a shorter one is damage, which this mends. */
    if (blob_exists(registry, blob->digest, blob->size))
        return STATUS_OK;
    if (!blob_path(registry, blob->digest, path))
        return error_set(err, STATUS_INTERNAL, "\"%s\" is no digest", blob->digest);
    if (fsync(blob->fd))
        return system_error(err, "sync", blob->path);
    if (rename(blob->path, path))
        return system_error(err, "rename to", path);
    return STATUS_OK;
}
