// SPDX-License-Identifier: Apache-2.0
#include "formats/archive/artifact.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "base/hash/sha256.h"
#include "base/text.h"
#include "formats/compression/compression.h"
#include "formats/archive/entries.h"
#include "formats/archive/folder.h"
#include "formats/archive/tar.h"
#include "formats/archive/zip.h"

enum {
    MEMBER_OVERHEAD = 1024,  /* arena bytes per member beside its contents: names, tables */
    LAYER_EXTRA_MEMBERS = 8, /* folders above the prefix, contract, manifest */
    FORGET_BYTES_MIN = 64 << 10,
    COMPANIONS_MAX = 255, /* files beside a lone file that it may name */
};

/* What a member has beside its public part. */
struct content {
    struct entry entry;
    struct file_map map; /* of a folder's file */
    atomic_bool ready;   /* member->bytes is there */
    bool hashed;
    char sha256[SHA256_HEX_SIZE];
};

struct backing {
    struct artifact_limits limits;
    struct file_map file; /* when we mapped the file ourselves */
    struct bytes container;
    struct content *contents; /* (content_count,), by member->index */
    size_t content_count;
    int root;             /* of a folder, or -1 */
    int beside;           /* the folder of a lone file that was opened by its path, or -1 */
    pthread_mutex_t lock; /* over the arena and the contents */
};

struct artifact_limits artifact_limits_default(void)
{
    return (struct artifact_limits){
        .members = 100000,
        .depth = 32,
        .bytes = (uint64_t)64 << 30,
        .unpacked = (uint64_t)4 << 30,
        .ratio = 1100,
    };
}

static struct backing *backing_of(const struct artifact *artifact)
{
    return artifact->private;
}

static struct artifact *artifact_new(const struct artifact_limits *limits)
{
    struct artifact *artifact = calloc(1, sizeof *artifact);
    struct backing *backing = calloc(1, sizeof *backing);

    if (!artifact || !backing) {
        free(artifact);
        free(backing);
        return NULL;
    }
    backing->limits = limits ? *limits : artifact_limits_default();
    if (backing->limits.ratio == 0)
        backing->limits.ratio = 1;
    backing->root = backing->beside = -1;
    pthread_mutex_init(&backing->lock, NULL);
    arena_init(&artifact->arena,
               backing->limits.unpacked + backing->limits.members * MEMBER_OVERHEAD + (1 << 20));
    artifact->private = backing;
    return artifact;
}

void artifact_close(struct artifact *artifact)
{
    struct backing *backing;

    if (!artifact)
        return;
    backing = backing_of(artifact);
    for (size_t i = 0; i < backing->content_count; i++)
        file_map_close(&backing->contents[i].map);
    file_map_close(&backing->file);
    if (backing->root >= 0)
        close(backing->root);
    if (backing->beside >= 0)
        close(backing->beside);
    pthread_mutex_destroy(&backing->lock);
    arena_release(&artifact->arena);
    free(backing);
    free(artifact);
}

/* Keep the path, and its last part as the name. */
static enum status keep_names(struct artifact *artifact, const char *path, struct error *err)
{
    struct bytes whole = bytes_of(path);
    const uint8_t *slash;

    while (whole.size > 1 && whole.data[whole.size - 1] == '/')
        whole.size--;
    artifact->path = arena_text(&artifact->arena, bytes_of(path));
    slash = memrchr(whole.data, '/', whole.size);
    if (slash && whole.size > 1) {
        whole.size -= (size_t)(slash + 1 - whole.data);
        whole.data = slash + 1;
    }
    artifact->name = arena_text(&artifact->arena, whole);
    return artifact->path && artifact->name ? STATUS_OK : error_no_memory(err, "a path");
}

/* The sorted entries become the members. */
static enum status members_make(struct artifact *artifact, struct entries *entries,
                                struct error *err)
{
    struct backing *backing = backing_of(artifact);
    size_t count = entries->count;

    TRY(entries_finish(entries, err));
    artifact->members = arena_new(&artifact->arena, struct member, count);
    backing->contents = arena_new(&artifact->arena, struct content, count);
    if (!artifact->members || !backing->contents)
        return error_no_memory(err, "members");
    artifact->count = backing->content_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = &entries->items[i];
        backing->contents[i].entry = *entry;
        artifact->members[i] = (struct member){
            .path = entry->path, .size = entry->size, .artifact = artifact, .index = i};
    }
    return STATUS_OK;
}

/* A file that is no archive: one member without a path. */
static enum status single_make(struct artifact *artifact, struct error *err)
{
    struct backing *backing = backing_of(artifact);

    if (backing->container.size > backing->limits.bytes)
        return error_set(err, STATUS_TOO_LARGE, "file is larger than %llu bytes (limit \"bytes\")",
                         (unsigned long long)backing->limits.bytes);
    artifact->kind = ARTIFACT_FILE;
    artifact->members = arena_new(&artifact->arena, struct member, 1 + COMPANIONS_MAX);
    backing->contents = arena_new(&artifact->arena, struct content, 1 + COMPANIONS_MAX);
    if (!artifact->members || !backing->contents)
        return error_no_memory(err, "members");
    artifact->count = backing->content_count = 1;
    artifact->members[0] = (struct member){.path = "",
                                           .bytes = backing->container,
                                           .size = backing->container.size,
                                           .artifact = artifact};
    backing->contents[0].entry.packed = backing->container;
    atomic_store(&backing->contents[0].ready, true);
    return STATUS_OK;
}

/* Is there a tar inside the compressed bytes? Broken streams are a matter for who reads them. */
static bool holds_tar(enum compression compression, struct bytes packed)
{
    uint8_t head[TAR_BLOCK];
    struct error ignored;
    size_t size;

    if (compression == COMPRESSION_NONE || compression == COMPRESSION_ZF)
        return false;
    return decompress_head(compression, packed, head, sizeof head, &size, &ignored) == STATUS_OK &&
           tar_is((struct bytes){head, size});
}

static enum status list_tar(struct artifact *artifact, enum compression compression,
                            struct entries *entries, struct error *err)
{
    struct backing *backing = backing_of(artifact);
    struct bytes tar;

    artifact->kind = ARTIFACT_TAR;
    TRY(decompress(compression, backing->container, backing->limits.unpacked, backing->limits.ratio,
                   &tar, &artifact->arena, err));
    return tar_list(tar, entries, err);
}

static enum status list_zip(struct artifact *artifact, struct entries *entries, struct error *err)
{
    struct backing *backing = backing_of(artifact);
    enum status status;
    struct arena scratch;

    artifact->kind = ARTIFACT_ZIP;
    arena_init(&scratch, backing->limits.members * MEMBER_OVERHEAD + (1 << 20));
    status = zip_list(backing->container, entries, &scratch, err);
    arena_release(&scratch);
    return status;
}

/* What the bytes of `container` are, by content. */
static enum status container_read(struct artifact *artifact, struct error *err)
{
    struct backing *backing = backing_of(artifact);
    struct bytes bytes = backing->container;
    enum compression compression = compression_of(bytes);
    struct entries entries = {.limits = &backing->limits, .arena = &artifact->arena};

    if (zip_is(bytes))
        TRY(list_zip(artifact, &entries, err));
    else if (tar_is(bytes) || holds_tar(compression, bytes))
        TRY(list_tar(artifact, compression, &entries, err));
    else
        return single_make(artifact, err);
    return members_make(artifact, &entries, err);
}

static enum status folder_read(struct artifact *artifact, struct error *err)
{
    struct backing *backing = backing_of(artifact);
    struct entries entries = {.limits = &backing->limits, .arena = &artifact->arena};

    artifact->kind = ARTIFACT_FOLDER;
    TRY(folder_list(backing->root, &entries, err));
    return members_make(artifact, &entries, err);
}

/* The folder that holds the file; -1 when it cannot be opened, and then nothing is found there. */
static int folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[4096];

    if (!slash || slash == path)
        return open(slash ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if ((size_t)(slash - path) >= sizeof folder)
        return -1;
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash - path] = 0;
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static enum status open_path(struct artifact *artifact, const char *path, struct error *err)
{
    struct backing *backing = backing_of(artifact);
    char quoted[TEXT_QUOTE_SIZE];
    enum status status;

    TRY(keep_names(artifact, path, err));
    backing->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (backing->root >= 0) {
        status = folder_read(artifact, err);
    } else {
        TRY(file_map_open(&backing->file, AT_FDCWD, path, true, err));
        backing->container = backing->file.bytes;
        status = container_read(artifact, err);
        if (!status && artifact->kind == ARTIFACT_FILE)
            backing->beside = folder_of(path);
    }
    if (status)
        return error_within(err, "\"%s\"", text_quote(bytes_of(path), quoted, sizeof quoted));
    return STATUS_OK;
}

enum status artifact_open(const char *path, const struct artifact_limits *limits,
                          struct artifact **artifact, struct error *err)
{
    struct artifact *opened = artifact_new(limits);

    *artifact = NULL;
    if (!opened)
        return error_no_memory(err, "an artifact");
    if (open_path(opened, path, err)) {
        artifact_close(opened);
        return err->status;
    }
    *artifact = opened;
    return STATUS_OK;
}

static enum status open_bytes(struct artifact *artifact, struct bytes bytes, const char *name,
                              struct error *err)
{
    TRY(keep_names(artifact, name, err));
    backing_of(artifact)->container = bytes;
    return container_read(artifact, err);
}

enum status artifact_open_bytes(struct bytes bytes, const char *name,
                                const struct artifact_limits *limits, struct artifact **artifact,
                                struct error *err)
{
    struct artifact *opened = artifact_new(limits);

    *artifact = NULL;
    if (!opened)
        return error_no_memory(err, "an artifact");
    if (open_bytes(opened, bytes, name, err)) {
        artifact_close(opened);
        return err->status;
    }
    *artifact = opened;
    return STATUS_OK;
}

/* Leave only what lies below the prefix, without the prefix. */
static void keep_below(struct entries *entries, const char *prefix)
{
    size_t kept = 0, size = strlen(prefix);

    for (size_t i = 0; i < entries->count; i++) {
        if (strncmp(entries->items[i].path, prefix, size) != 0)
            continue;
        entries->items[kept] = entries->items[i];
        entries->items[kept++].path += size;
    }
    entries->count = kept;
}

static enum status open_layer(struct artifact *artifact, const char *path, const char *prefix,
                              bool single, struct error *err)
{
    struct backing *backing = backing_of(artifact);
    struct artifact_limits wider = backing->limits;
    struct entries entries = {.limits = &wider, .arena = &artifact->arena};

    for (const char *slash = strchr(prefix, '/'); slash; slash = strchr(slash + 1, '/'))
        wider.depth++;
    wider.members += wider.depth + LAYER_EXTRA_MEMBERS;
    TRY(file_map_open(&backing->file, AT_FDCWD, path, true, err));
    TRY(tar_list(backing->file.bytes, &entries, err));
    keep_below(&entries, prefix);
    if (!single) {
        TRY(keep_names(artifact, path, err));
        artifact->kind = ARTIFACT_FOLDER;
        return members_make(artifact, &entries, err);
    }
    if (entries.count != 1)
        return error_set(err, STATUS_INVALID_INPUT, "layer holds %zu files, not one",
                         entries.count);
    TRY(keep_names(artifact, entries.items[0].path, err));
    backing->container = entries.items[0].packed;
    return container_read(artifact, err);
}

enum status artifact_open_layer(const char *path, const char *prefix, bool single,
                                const struct artifact_limits *limits, struct artifact **artifact,
                                struct error *err)
{
    struct artifact *opened = artifact_new(limits);

    *artifact = NULL;
    if (!opened)
        return error_no_memory(err, "an artifact");
    if (open_layer(opened, path, prefix, single, err)) {
        artifact_close(opened);
        return error_within(err, "layer \"%s\"", path);
    }
    *artifact = opened;
    return STATUS_OK;
}

static bool holds(struct bytes whole, struct bytes part)
{
    return whole.size && (uintptr_t)part.data >= (uintptr_t)whole.data &&
           (uintptr_t)part.data + part.size <= (uintptr_t)whole.data + whole.size;
}

void artifact_forget(const struct artifact *artifact, struct bytes bytes)
{
    const struct backing *backing = backing_of(artifact);
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = ((uintptr_t)bytes.data + page - 1) / page * page;
    uintptr_t end = ((uintptr_t)bytes.data + bytes.size) / page * page;
    bool mapped = holds(backing->file.bytes, bytes);

    if (bytes.size < FORGET_BYTES_MIN)
        return;
    for (size_t i = 0; i < backing->content_count && !mapped; i++)
        mapped = holds(backing->contents[i].map.bytes, bytes);
    if (mapped)
        madvise((void *)start, end - start, MADV_DONTNEED);
}

struct bytes artifact_container(const struct artifact *artifact)
{
    return backing_of(artifact)->container;
}

struct member *artifact_find(const struct artifact *artifact, const char *path)
{
    size_t low = 0, high = artifact->count;

    for (size_t i = 0; backing_of(artifact)->beside >= 0 && i < artifact->count; i++)
        if (!strcmp(artifact->members[i].path, path))
            return &artifact->members[i]; /* in the order in which they were named */
    if (backing_of(artifact)->beside >= 0)
        return NULL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(artifact->members[middle].path, path);
        if (order == 0)
            return &artifact->members[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

void artifact_keep(struct artifact *artifact,
                   bool (*wanted)(const struct member *member, void *context), void *context)
{
    size_t kept = 0;

    for (size_t i = 0; i < artifact->count; i++)
        if (wanted(&artifact->members[i], context))
            artifact->members[kept++] = artifact->members[i];
    if (kept < artifact->count) {
        artifact->kind = ARTIFACT_FOLDER;
        backing_of(artifact)->container = (struct bytes){NULL, 0};
    }
    artifact->count = kept;
}

/* zlib counts in 32 bits. */
static uint32_t crc_of(struct bytes bytes)
{
    return (uint32_t)crc32_z(crc32_z(0, NULL, 0), bytes.data, bytes.size);
}

/* Unpack or map the member; the lock is held. */
static enum status content_load(struct member *member, struct content *content, struct error *err)
{
    struct backing *backing = backing_of(member->artifact);
    const struct entry *entry = &content->entry;
    struct bytes bytes = {NULL, 0};

    if (backing->root >= 0) {
        TRY(folder_map(backing->root, entry, &content->map, err));
        bytes = content->map.bytes;
    } else {
        TRY(decompress_exactly(entry->compression, entry->packed, entry->size, &bytes,
                               &member->artifact->arena, err));
    }
    if (entry->has_crc && crc_of(bytes) != entry->crc)
        return error_set(err, STATUS_INVALID_INPUT, "CRC-32 is %08x, not %08x as announced",
                         crc_of(bytes), entry->crc);
    member->bytes = bytes;
    atomic_store_explicit(&content->ready, true, memory_order_release);
    return STATUS_OK;
}

enum status member_bytes(struct member *member, struct bytes *bytes, struct error *err)
{
    struct backing *backing = backing_of(member->artifact);
    struct content *content = &backing->contents[member->index];
    enum status status = STATUS_OK;
    char quoted[TEXT_QUOTE_SIZE];

    if (!atomic_load_explicit(&content->ready, memory_order_acquire)) {
        pthread_mutex_lock(&backing->lock);
        if (!atomic_load_explicit(&content->ready, memory_order_acquire))
            status = content_load(member, content, err);
        pthread_mutex_unlock(&backing->lock);
    }
    if (status)
        return error_within(err, "member \"%s\"",
                            text_quote(bytes_of(member->path), quoted, sizeof quoted));
    *bytes = member->bytes;
    return STATUS_OK;
}

enum status member_sha256(struct member *member, char hex[65], struct error *err)
{
    struct backing *backing = backing_of(member->artifact);
    struct content *content = &backing->contents[member->index];
    struct bytes bytes;
    bool hashed;

    TRY(member_bytes(member, &bytes, err));
    pthread_mutex_lock(&backing->lock);
    if (!content->hashed)
        content->hashed = sha256_of(bytes, content->sha256);
    hashed = content->hashed;
    memcpy(hex, content->sha256, SHA256_HEX_SIZE);
    pthread_mutex_unlock(&backing->lock);
    return hashed ? STATUS_OK : error_no_memory(err, "a digest");
}

/* Append the parts of `path` to `joined`, taking ".." as one folder up; false when it leaves the
 * root or is too long. */
static bool join(char *joined, size_t capacity, struct bytes path)
{
    size_t size = strlen(joined), start = 0;

    for (size_t i = 0; i <= path.size; i++) {
        struct bytes part = {path.data + start, i - start};
        if (i < path.size && path.data[i] != '/')
            continue;
        start = i + 1;
        if (part.size == 0 || bytes_is(part, "."))
            continue;
        if (bytes_is(part, "..")) {
            char *slash = strrchr(joined, '/');
            if (size == 0)
                return false;
            size = slash ? (size_t)(slash - joined) : 0;
            joined[size] = 0;
            continue;
        }
        if (part.size + 2 > capacity - size)
            return false;
        if (size)
            joined[size++] = '/';
        memcpy(joined + size, part.data, part.size);
        size += part.size;
        joined[size] = 0;
    }
    return true;
}

/* A file beside a lone file becomes a member. NULL when there is none of that name. */
static struct member *companion_add(struct artifact *artifact, const char *name)
{
    struct backing *backing = backing_of(artifact);
    struct content *content = &backing->contents[artifact->count];
    struct member *member = &artifact->members[artifact->count];
    char *kept;
    struct error ignored;

    if (backing->beside < 0 || artifact->count > COMPANIONS_MAX || !name[0] || strchr(name, '/') ||
        !strcmp(name, artifact->name))
        return NULL;
    if (file_map_open(&content->map, backing->beside, name, false, &ignored))
        return NULL;
    kept = arena_text(&artifact->arena, bytes_of(name));
    if (!kept || content->map.bytes.size > backing->limits.bytes - backing->container.size) {
        file_map_close(&content->map);
        return NULL;
    }
    *member = (struct member){.path = kept,
                              .bytes = content->map.bytes,
                              .size = content->map.bytes.size,
                              .artifact = artifact,
                              .index = artifact->count};
    atomic_store(&content->ready, true);
    artifact->members[0].path = artifact->name;
    artifact->kind = ARTIFACT_FOLDER;
    backing->content_count = ++artifact->count;
    return member;
}

enum status artifact_resolve(struct artifact *artifact, const struct member *from,
                             struct bytes path, struct member **member, struct error *err)
{
    char joined[4096] = "", quoted[TEXT_QUOTE_SIZE];
    const char *slash = from ? strrchr(from->path, '/') : NULL;
    enum status status;

    text_quote(path, quoted, sizeof quoted);
    if (path.size == 0 || memchr(path.data, 0, path.size))
        return error_set(err, STATUS_INVALID_INPUT, "the model names a file \"%s\"", quoted);
    if (slash && !join(joined, sizeof joined,
                       (struct bytes){(const uint8_t *)from->path, (size_t)(slash - from->path)}))
        return error_set(err, STATUS_TOO_LARGE, "path of a member is too long");
    if (path.data[0] == '/' || memchr(path.data, '\\', path.size) ||
        (path.size >= 2 && path.data[1] == ':') || !join(joined, sizeof joined, path))
        return error_set(err, STATUS_UNSUPPORTED,
                         "refused: the model names \"%s\", which leaves the root", quoted);
    *member = artifact_find(artifact, joined);
    if (!*member)
        *member = companion_add(artifact, joined);
    if (*member && joined[0])
        return STATUS_OK;
    status = error_set(err, STATUS_NOT_FOUND, "the model names \"%s\", which is not there", quoted);
    if (artifact->kind == ARTIFACT_FILE)
        error_fix(err, "give the folder that holds the model and this file");
    return status;
}
