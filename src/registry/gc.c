// SPDX-License-Identifier: Apache-2.0
/* Garbage: blobs that no image names, and what uploads left that no longer run. The exclusive lock
 * means that no blob is between its renaming and its row; an upload that still writes holds the
 * lock of its own folder. */
#include "registry/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"

enum { SCRATCH_BYTES_MAX = 1 << 30 };

struct collection {
    const struct registry *registry;
    struct map wanted; /* file names of blobs */
    uint64_t files, bytes;
};

static enum status wanted_of_objects(struct collection *collection, struct arena *scratch,
                                     struct error *err)
{
    const struct registry *registry = collection->registry;
    struct object_part *parts;
    size_t count;

    TRY(registry->backend->object_parts(registry->store, NULL, &parts, &count, scratch, err));
    for (size_t i = 0; i < count; i++)
        if (!map_set(&collection->wanted, bytes_of(parts[i].digest + 7), &parts[i]))
            return error_no_memory(err, "digests");
    return STATUS_OK;
}

/* Those of records. */
static enum status wanted_of_records(struct collection *collection, struct arena *scratch,
                                     struct error *err)
{
    const struct registry *registry = collection->registry;
    const struct record_filter all = {.kind = NULL};
    struct record *records;
    size_t count;

    TRY(registry->backend->record_list(registry->store, &all, &records, &count, scratch, err));
    for (size_t i = 0; i < count; i++)
        if (records[i].blob &&
            !map_set(&collection->wanted, bytes_of(records[i].blob + 7), &records[i]))
            return error_no_memory(err, "digests");
    return STATUS_OK;
}

static enum status wanted_fill(struct collection *collection, struct arena *scratch,
                               struct error *err)
{
    const struct registry *registry = collection->registry;
    struct store_image *images;
    size_t count;

    map_init(&collection->wanted, scratch);
    TRY(registry->backend->settle(registry->store, err));
    TRY(registry->backend->images(registry->store, &images, &count, scratch, err));
    for (size_t i = 0; i < count; i++) {
        const char *const digests[] = {images[i].digest, images[i].config, images[i].layer};
        for (size_t d = 0; d < ARRAY_COUNT(digests); d++)
            if (!map_set(&collection->wanted, bytes_of(digests[d] + 7), &images[i]))
                return error_no_memory(err, "digests");
    }
    TRY(wanted_of_records(collection, scratch, err));
    return wanted_of_objects(collection, scratch, err);
}

/* Call `visit` with each entry of a folder of the store. */
static enum status each_entry(struct collection *collection, const char *name,
                              enum status (*visit)(struct collection *collection, int folder,
                                                   const char *path, const char *entry,
                                                   struct error *err),
                              struct error *err)
{
    enum status status = STATUS_OK;
    char path[PATH_SIZE];
    struct dirent *entry;
    DIR *stream;

    snprintf(path, sizeof path, "%s/%s", collection->registry->folder, name);
    stream = opendir(path);
    if (!stream)
        return error_set(err, STATUS_INTERNAL, "cannot open \"%.300s\": %s", path, strerror(errno));
    while (!status && (entry = readdir(stream)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            status = visit(collection, dirfd(stream), path, entry->d_name, err);
    closedir(stream);
    return status;
}

static enum status blob_visit(struct collection *collection, int folder, const char *path,
                              const char *entry, struct error *err)
{
    struct stat info;

    if (map_find(&collection->wanted, bytes_of(entry)) ||
        fstatat(folder, entry, &info, AT_SYMLINK_NOFOLLOW))
        return STATUS_OK;
    if (unlinkat(folder, entry, 0))
        return error_set(err, STATUS_INTERNAL, "cannot remove \"%.200s/%s\": %s", path, entry,
                         strerror(errno));
    collection->files++;
    collection->bytes += (uint64_t)info.st_size;
    return STATUS_OK;
}

/* Count the files of a staging folder, which is flat. */
static void staging_count(struct collection *collection, int fd)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *entry;
    struct stat info;

    while (stream && (entry = readdir(stream))) {
        if (fstatat(copy, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(info.st_mode)) {
            collection->files++;
            collection->bytes += (uint64_t)info.st_size;
        }
    }
    if (stream)
        closedir(stream);
    else if (copy >= 0)
        close(copy);
}

static enum status staging_visit(struct collection *collection, int folder, const char *path,
                                 const char *entry, struct error *err)
{
    int fd = openat(folder, entry, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    char whole[PATH_SIZE + NAME_MAX];
    enum status status = STATUS_OK;

    snprintf(whole, sizeof whole, "%s/%s", path, entry);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        staging_count(collection, fd);
        status = file_remove_tree(whole, err);
    }
    if (fd >= 0)
        close(fd);
    return status;
}

/* Half-written index.json, of a process that died; index.lock is held. */
static enum status leftover_visit(struct collection *collection, int folder, const char *path,
                                  const char *entry, struct error *err)
{
    size_t size = strlen(entry);

    if ((strncmp(entry, "index.json.", 11) == 0 || strncmp(entry, "oci-layout.", 11) == 0) &&
        strcmp(entry + size - 4, ".tmp") == 0)
        return blob_visit(collection, folder, path, entry, err);
    return STATUS_OK;
}

static enum status collect_leftovers(struct collection *collection, struct error *err)
{
    int lock = registry_lock(collection->registry, "index.lock", LOCK_EXCLUSIVE, err);
    enum status status;

    if (lock < 0)
        return err->status;
    status = each_entry(collection, "", leftover_visit, err);
    close(lock);
    return status;
}

static enum status collect(struct collection *collection, struct arena *scratch, struct error *err)
{
    char path[PATH_SIZE];

    TRY(wanted_fill(collection, scratch, err));
    TRY(each_entry(collection, "blobs/sha256", blob_visit, err));
    TRY(each_entry(collection, "tmp", staging_visit, err));
    TRY(collect_leftovers(collection, err));
    snprintf(path, sizeof path, "%s/blobs/sha256", collection->registry->folder);
    return file_sync_folder(path, err);
}

enum status registry_gc(struct registry *registry, uint64_t *files, uint64_t *bytes,
                        struct error *err)
{
    struct collection collection = {.registry = registry};
    int lock = registry_lock(registry, "lock", LOCK_EXCLUSIVE, err);
    struct arena scratch;
    enum status status;

    if (lock < 0)
        return err->status;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    status = collect(&collection, &scratch, err);
    arena_release(&scratch);
    close(lock);
    *files = collection.files;
    *bytes = collection.bytes;
    TRY(status);
    return index_update(registry, err);
}
