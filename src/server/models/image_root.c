// SPDX-License-Identifier: Apache-2.0
#include "server/models/image_root.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "applications/application.h"
#include "base/file.h"
#include "base/number.h"
#include "loading/load.h"
#include "registry/frozen.h"

enum { MEMORY_MAX = 64 << 20, TEXT_BYTES_MAX = 16 << 20 };

static enum status file_read(struct image_root *root, const char *folder, const char *name,
                             bool needed, const char **text, struct error *err)
{
    char *path = arena_printf(&root->memory, "%s/%s", folder, name);
    struct file_map map = {{NULL, 0}};
    enum status status;

    *text = "";
    if (!path)
        return error_no_memory(err, "a path");
    status = file_map_open(&map, AT_FDCWD, path, true, err);
    if (status == STATUS_NOT_FOUND && !needed)
        return STATUS_OK;
    TRY(status);
    *text = map.bytes.size <= TEXT_BYTES_MAX ? arena_text(&root->memory, map.bytes) : NULL;
    file_map_close(&map);
    return *text ? STATUS_OK
                 : error_set(err, STATUS_TOO_LARGE, "\"%s\" has more than %d bytes", path,
                             TEXT_BYTES_MAX);
}

/* The model is one file, as registry/image.c names it, or the whole folder. */
static enum status files_find(struct image_root *root, const char *folder, struct error *err)
{
    const char *only = NULL;
    struct dirent *entry;
    size_t count = 0;
    DIR *stream;

    root->files = arena_printf(&root->memory, "%s/files", folder);
    if (!root->files)
        return error_no_memory(err, "a path");
    stream = opendir(root->files);
    if (!stream)
        return error_set(err, STATUS_NOT_FOUND, "cannot open \"%s\": %m", root->files);
    while ((entry = readdir(stream))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        count++;
        if (strcmp(entry->d_name, "model") == 0 || strncmp(entry->d_name, "model.", 6) == 0)
            only = arena_printf(&root->memory, "%s/%s", root->files, entry->d_name);
    }
    closedir(stream);
    if (count == 1 && only)
        root->files = only;
    return STATUS_OK;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value ? value : "";
}

/* "iris:3" */
static enum status name_read(struct image_root *root, struct error *err)
{
    struct version *version = &root->version;
    const char *name = getenv("FIRN_MODEL"), *colon = name ? strrchr(name, ':') : NULL;

    version->model = "model";
    version->number = version->id = version->model_id = 1;
    if (!name || !*name)
        return STATUS_OK;
    version->model =
        arena_text(&root->memory, (struct bytes){(const uint8_t *)name,
                                                 colon ? (size_t)(colon - name) : strlen(name)});
    if (!version->model)
        return error_no_memory(err, "a name");
    if (!version->model[0] ||
        (colon &&
         (!number_i64_from_text(bytes_of(colon + 1), &version->number) || version->number < 1)))
        return error_set(err, STATUS_INVALID_INPUT, "FIRN_MODEL=%.80s is not NAME:NUMBER", name);
    return STATUS_OK;
}

/* Without a name it is the application that lies there, or the only model. */
static enum status version_find(struct image_root *root, struct error *err)
{
    struct version *models;
    size_t count;

    if (getenv("FIRN_MODEL"))
        return registry_resolve(root->registry, getenv("FIRN_MODEL"), &root->version, &root->memory,
                                err);
    TRY(registry_list(root->registry, NULL, &models, &count, &root->memory, err));
    for (size_t i = 0; i < count; i++)
        if (count == 1 || !strcmp(models[i].format, APPLICATION_FORMAT)) {
            root->version = models[i];
            return STATUS_OK;
        }
    return error_set(err, STATUS_NOT_FOUND, "the image's store has no application");
}

static enum status store_open(struct image_root *root, const char *folder, bool *frozen,
                              struct error *err)
{
    const char *store = arena_printf(&root->memory, "%s/store", folder);
    const char *index = store ? arena_printf(&root->memory, "%s/index.json", store) : NULL;

    if (!index)
        return error_no_memory(err, "a path");
    *frozen = access(index, F_OK) == 0;
    if (!*frozen)
        return STATUS_OK;
    TRY(registry_open_frozen(store, &root->registry, err));
    return version_find(root, err);
}

enum status image_root_open(const char *folder, const struct native_options *options,
                            struct image_root *root, struct error *err)
{
    struct version *version = &root->version;
    bool frozen;

    *root = (struct image_root){.options = *options};
    arena_init(&root->memory, MEMORY_MAX);
    version->digest = variable("FIRN_MODEL_DIGEST");
    version->format = variable("FIRN_MODEL_FORMAT");
    version->framework = variable("FIRN_MODEL_FRAMEWORK");
    version->framework_version = variable("FIRN_MODEL_FRAMEWORK_VERSION");
    version->created = "1970-01-01T00:00:00Z";
    TRY(name_read(root, err));
    TRY(store_open(root, folder, &frozen, err));
    if (frozen)
        return STATUS_OK;
    TRY(file_read(root, folder, "contract.json", true, &version->contract, err));
    TRY(file_read(root, folder, MANIFEST_NAME, false, &version->manifest, err));
    return files_find(root, folder, err);
}

void image_root_close(struct image_root *root)
{
    registry_close(root->registry);
    arena_release(&root->memory);
}

/* --- the source: it never changes --- */

static enum status generation(void *context, int64_t *number, struct error *err)
{
    (void)context;
    (void)err;
    *number = 1;
    return STATUS_OK;
}

static enum status list(void *context, const struct version_known *known, struct version **versions,
                        size_t *count, struct arena *keep, struct error *err)
{
    (void)known;
    *versions = arena_new(keep, struct version, 1);
    if (!*versions)
        return error_no_memory(err, "the list of models");
    **versions = ((struct image_root *)context)->version;
    *count = 1;
    return STATUS_OK;
}

static enum status servables(void *context, struct record **records, size_t *count,
                             struct arena *keep, struct error *err)
{
    (void)context;
    (void)keep;
    (void)err;
    *records = NULL;
    *count = 0;
    return STATUS_OK;
}

static enum status load(void *context, const struct version *version, struct sharing *sharing,
                        struct servable **servable, struct error *err)
{
    const struct image_root *root = context;
    const struct load_options options = {
        .native = &root->options, .sharing = sharing, .workers = root->workers};
    struct artifact *artifact;

    if (root->registry)
        return load_version(root->registry, version, &options, servable, err);
    TRY(artifact_open(root->files, NULL, &artifact, err));
    return load_frozen(artifact, version, &root->options, servable, err);
}

struct model_source source_of_image_root(struct image_root *root)
{
    return (struct model_source){root, generation, list, servables, load, root->workers != NULL};
}
