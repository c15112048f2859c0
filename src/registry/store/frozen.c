// SPDX-License-Identifier: Apache-2.0
/* Rows of a frozen store (registry/frozen.h): read once, from index.json and out of the layers. */
#include "registry/frozen.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "registry/internal.h"

enum { MEMORY_MAX = 1 << 30 };

struct store {
    struct frozen *rows;      /* (count,) as index.json has them */
    struct version *versions; /* (count,) by name, newest first */
    size_t *row_of;           /* (count,) the row of each */
    size_t count;
    struct arena memory;
};

enum status store_frozen_refuse(struct error *err)
{
    enum status status =
        error_set(err, STATUS_UNSUPPORTED, "the store of an image is frozen: nothing changes it");

    error_fix(err, "`firn pull` the image into a store of your own");
    return status;
}

/* --- opening --- */

static enum status blob_check(const char *folder, const char *digest, int64_t size, char *path,
                              struct error *err)
{
    struct stat info;

    snprintf(path, PATH_SIZE, "%s/blobs/sha256/%s", folder, digest + strlen("sha256:"));
    if (stat(path, &info) == 0 && info.st_size == size)
        return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "blob %s is not there, or not of %lld bytes",
                     digest, (long long)size);
}

static enum status version_fill(struct store *store, const char *folder, size_t row,
                                struct version *version, struct error *err)
{
    struct incoming_image *image = &store->rows[row].image;
    char path[PATH_SIZE];

    TRY(blob_check(folder, image->manifest_digest, image->manifest_bytes, path, err));
    TRY(blob_check(folder, image->layer_digest, image->layer_bytes, path, err));
    TRY(image_layer_texts(path, &image->contract, &image->manifest, &store->memory, err));
    *version = (struct version){.model = image->model,
                                .number = store->rows[row].number,
                                .digest = image->manifest_digest,
                                .format = image->format,
                                .framework = image->framework,
                                .framework_version = image->framework_version,
                                .contract = image->contract,
                                .manifest = image->manifest,
                                .reason = image->reason,
                                .created = "1970-01-01T00:00:00Z",
                                .bytes = image->payload_bytes};
    return STATUS_OK;
}

/* Ids are places in the list, from 1; a model's is that of its newest version. */
static void number_all(struct store *store)
{
    for (size_t i = 0; i < store->count; i++) {
        struct version *version = &store->versions[i];
        bool same = i && !strcmp(version->model, version[-1].model);
        version->id = (int64_t)i + 1;
        version->model_id = same ? version[-1].model_id : version->id;
    }
}

static bool precedes(const struct frozen *a, const struct frozen *b)
{
    int order = strcmp(a->image.model, b->image.model);

    return order ? order < 0 : a->number > b->number;
}

static enum status fill(struct store *store, const char *folder, struct error *err)
{
    store->versions = arena_new(&store->memory, struct version, store->count);
    store->row_of = arena_new(&store->memory, size_t, store->count);
    if (!store->versions || !store->row_of)
        return error_no_memory(err, "versions");
    for (size_t i = 0; i < store->count; i++) { /* few: by insertion */
        size_t at = i;
        for (; at && precedes(&store->rows[i], &store->rows[store->row_of[at - 1]]); at--)
            store->row_of[at] = store->row_of[at - 1];
        store->row_of[at] = i;
    }
    for (size_t i = 0; i < store->count; i++) {
        const struct frozen *row = &store->rows[store->row_of[i]];
        if (version_fill(store, folder, store->row_of[i], &store->versions[i], err))
            return error_within(err, "%s:%lld", row->image.model, (long long)row->number);
    }
    number_all(store);
    return STATUS_OK;
}

static void close_store(struct store *store)
{
    if (store)
        arena_release(&store->memory);
    free(store);
}

static enum status open_store(const char *folder, struct store **store, struct error *err)
{
    struct store *opened = calloc(1, sizeof *opened);
    struct file_map map = {{NULL, 0}};
    char path[PATH_SIZE];
    enum status status;

    *store = NULL;
    if (!opened)
        return error_no_memory(err, "a store");
    arena_init(&opened->memory, MEMORY_MAX);
    snprintf(path, sizeof path, "%s/index.json", folder);
    status = file_map_open(&map, AT_FDCWD, path, true, err);
    if (!status) {
        /* texts without escapes stay where they are read */
        const char *copy =
            map.bytes.size <= FROZEN_INDEX_MAX ? arena_text(&opened->memory, map.bytes) : NULL;
        status = copy ? frozen_parse((struct bytes){(const uint8_t *)copy, map.bytes.size},
                                     &opened->rows, &opened->count, &opened->memory, err)
                      : error_set(err, STATUS_TOO_LARGE, "\"%.300s\" has more than %d bytes", path,
                                  FROZEN_INDEX_MAX);
    }
    file_map_close(&map);
    if (!status)
        status = fill(opened, folder, err);
    if (status)
        close_store(opened);
    else
        *store = opened;
    return status;
}

/* --- reading: what is handed out lives as long as the store --- */

static bool is_newest(const struct store *store, size_t i)
{
    return i == 0 || strcmp(store->versions[i].model, store->versions[i - 1].model) != 0;
}

static enum status find(struct store *store, const char *model, int64_t number, const char *alias,
                        bool *found, struct version *version, struct arena *keep, struct error *err)
{
    (void)keep;
    (void)err;
    *found = false;
    for (size_t i = 0; i < store->count && !*found && !alias; i++) {
        const struct version *here = &store->versions[i];
        *found =
            !strcmp(here->model, model) && (number ? here->number == number : is_newest(store, i));
        if (*found)
            *version = *here;
    }
    return STATUS_OK;
}

static enum status find_id(struct store *store, int64_t id, bool *found, struct version *version,
                           struct arena *keep, struct error *err)
{
    (void)keep;
    (void)err;
    *found = id >= 1 && (uint64_t)id <= store->count;
    if (*found)
        *version = store->versions[id - 1];
    return STATUS_OK;
}

static enum status list(struct store *store, const char *model, bool newest,
                        struct version **versions, size_t *count, struct arena *keep,
                        struct error *err)
{
    *count = 0;
    *versions = arena_new(keep, struct version, store->count);
    if (!*versions)
        return error_no_memory(err, "versions");
    for (size_t i = 0; i < store->count; i++)
        if ((!model || !strcmp(model, store->versions[i].model)) &&
            (!newest || is_newest(store, i)))
            (*versions)[(*count)++] = store->versions[i];
    return STATUS_OK;
}

static enum status list_all(struct store *store, const struct version_known *known,
                            struct version **versions, size_t *count, struct arena *keep,
                            struct error *err)
{
    (void)known;
    return list(store, NULL, false, versions, count, keep, err);
}

static enum status tags(struct store *store, struct store_tag **items, size_t *count,
                        int64_t *generation, struct arena *keep, struct error *err)
{
    *generation = 1;
    *count = store->count;
    *items = arena_new(keep, struct store_tag, store->count);
    if (!*items)
        return error_no_memory(err, "names");
    for (size_t i = 0; i < store->count; i++) {
        const struct frozen *row = &store->rows[store->row_of[i]];
        (*items)[i] = (struct store_tag){row->image.model, NULL, row->number,
                                         row->image.manifest_digest, row->image.manifest_bytes};
    }
    return STATUS_OK;
}

static struct store_image image_of(const struct frozen *row)
{
    const struct incoming_image *image = &row->image;

    return (struct store_image){.digest = image->manifest_digest,
                                .config = image->config_digest,
                                .layer = image->layer_digest,
                                .manifest_bytes = image->manifest_bytes,
                                .config_bytes = image->config_bytes,
                                .layer_bytes = image->layer_bytes,
                                .single = image->single};
}

static enum status image(struct store *store, const char *digest, struct store_image *found,
                         struct arena *keep, struct error *err)
{
    (void)keep;
    for (size_t i = 0; i < store->count; i++)
        if (!strcmp(store->rows[i].image.manifest_digest, digest)) {
            *found = image_of(&store->rows[i]);
            return STATUS_OK;
        }
    return error_set(err, STATUS_NOT_FOUND, "there is no image %.80s", digest);
}

static enum status images(struct store *store, struct store_image **items, size_t *count,
                          struct arena *keep, struct error *err)
{
    *items = arena_new(keep, struct store_image, store->count);
    if (!*items)
        return error_no_memory(err, "images");
    for (size_t i = 0; i < store->count; i++)
        (*items)[i] = image_of(&store->rows[i]);
    *count = store->count;
    return STATUS_OK;
}

static enum status generation(struct store *store, int64_t *number, struct error *err)
{
    (void)store;
    (void)err;
    *number = 1;
    return STATUS_OK;
}

/* --- what it has none of --- */

static enum status record_list(struct store *store, const struct record_filter *filter,
                               struct record **records, size_t *count, struct arena *keep,
                               struct error *err)
{
    (void)store;
    (void)filter;
    (void)keep;
    (void)err;
    *records = NULL;
    *count = 0;
    return STATUS_OK;
}

static enum status object_find(struct store *store, const char *kind, const char *name,
                               int64_t number, size_t back, bool *found, struct object *object,
                               struct arena *keep, struct error *err)
{
    (void)store;
    (void)kind;
    (void)name;
    (void)number;
    (void)back;
    (void)object;
    (void)keep;
    (void)err;
    *found = false;
    return STATUS_OK;
}

static enum status object_list(struct store *store, const char *kind, const char *pattern,
                               const char *name, struct object **objects, size_t *count,
                               struct arena *keep, struct error *err)
{
    (void)store;
    (void)kind;
    (void)pattern;
    (void)name;
    (void)keep;
    (void)err;
    *objects = NULL;
    *count = 0;
    return STATUS_OK;
}

static enum status object_parts(struct store *store, const struct object *object,
                                struct object_part **parts, size_t *count, struct arena *keep,
                                struct error *err)
{
    (void)store;
    (void)object;
    (void)keep;
    (void)err;
    *parts = NULL;
    *count = 0;
    return STATUS_OK;
}

static enum status pushes(struct store *store, const char *layer, const char ***references,
                          size_t *count, struct arena *keep, struct error *err)
{
    (void)store;
    (void)layer;
    (void)keep;
    (void)err;
    *references = NULL;
    *count = 0;
    return STATUS_OK;
}

static enum status settle(struct store *store, struct error *err)
{
    (void)store;
    (void)err;
    return STATUS_OK;
}

static enum status check(struct store *store, struct text *report, size_t *faults,
                         struct error *err)
{
    (void)store;
    (void)report;
    (void)faults;
    (void)err;
    return STATUS_OK;
}

/* --- changes --- */

static enum status add(struct store *store, struct version *version, const struct store_image *row,
                       const struct version_upload *upload, bool *unchanged, struct error *err)
{
    (void)store;
    (void)version;
    (void)row;
    (void)upload;
    (void)unchanged;
    return store_frozen_refuse(err);
}

static enum status reserve(struct store *store, const char *model, struct version_place *place,
                           struct error *err)
{
    (void)store;
    (void)model;
    (void)place;
    return store_frozen_refuse(err);
}

static enum status alias(struct store *store, const char *model, const char *name, int64_t number,
                         int64_t expected, const char *when, struct error *err)
{
    (void)store;
    (void)model;
    (void)name;
    (void)number;
    (void)expected;
    (void)when;
    return store_frozen_refuse(err);
}

static enum status remove_version(struct store *store, const char *model, int64_t number,
                                  const char *when, struct error *err)
{
    (void)store;
    (void)model;
    (void)number;
    (void)when;
    return store_frozen_refuse(err);
}

static enum status record_put(struct store *store, struct record *record, bool replace,
                              struct error *err)
{
    (void)store;
    (void)record;
    (void)replace;
    return store_frozen_refuse(err);
}

static enum status record_remove(struct store *store, int64_t id, struct error *err)
{
    (void)store;
    (void)id;
    return store_frozen_refuse(err);
}

static enum status object_put(struct store *store, const struct object_put *put,
                              const struct object_part *part, const char *when,
                              struct object *object, bool *unchanged, struct arena *keep,
                              struct error *err)
{
    (void)store;
    (void)put;
    (void)part;
    (void)when;
    (void)object;
    (void)unchanged;
    (void)keep;
    return store_frozen_refuse(err);
}

static enum status object_remove(struct store *store, const char *kind, const char *name,
                                 int64_t number, struct error *err)
{
    (void)store;
    (void)kind;
    (void)name;
    (void)number;
    return store_frozen_refuse(err);
}

static enum status pushed(struct store *store, const char *model, int64_t number,
                          const char *reference, const char *when, struct error *err)
{
    (void)store;
    (void)model;
    (void)number;
    (void)reference;
    (void)when;
    return store_frozen_refuse(err);
}

const struct store_backend store_frozen = {
    .name = "frozen",
    .open = open_store,
    .close = close_store,
    .add = add,
    .reserve = reserve,
    .find = find,
    .list = list,
    .list_all = list_all,
    .tags = tags,
    .find_id = find_id,
    .image = image,
    .images = images,
    .alias = alias,
    .remove = remove_version,
    .record_put = record_put,
    .record_list = record_list,
    .record_remove = record_remove,
    .object_put = object_put,
    .object_find = object_find,
    .object_list = object_list,
    .object_parts = object_parts,
    .object_remove = object_remove,
    .pushed = pushed,
    .pushes = pushes,
    .settle = settle,
    .generation = generation,
    .check = check,
};
