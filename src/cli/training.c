// SPDX-License-Identifier: Apache-2.0
#include "cli/training.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/output.h"
#include "contract/manifest.h"
#include "loading/load.h"

/* The path of the file, beside the model. */
static const char *path_beside(const char *model, const char *file, struct arena *keep)
{
    const char *slash = strrchr(model, '/');
    struct stat facts;

    if (*file == '/')
        return file;
    if (stat(model, &facts) == 0 && S_ISDIR(facts.st_mode))
        return arena_printf(keep, "%s/%s", model, file);
    return slash ? arena_printf(keep, "%.*s%s", (int)(slash - model + 1), model, file) : file;
}

static enum status training_open(const char *path, struct file_map *map, struct error *err)
{
    *map = (struct file_map){{NULL, 0}};
    TRY(file_map_open(map, AT_FDCWD, path, true, err));
    if (map->bytes.size)
        return STATUS_OK;
    file_map_close(map);
    return error_set(err, STATUS_INVALID_INPUT, "\"%s\" is empty", path);
}

enum status training_named(struct store_call *call, struct bytes text, const char *model,
                           const char **path)
{
    struct manifest manifest;
    struct file_map map;
    struct error ignored;

    *path = NULL;
    if (!text.size || manifest_parse(text, MANIFEST_NAME, &manifest, call->keep, &ignored) ||
        !manifest.training_data || !*manifest.training_data)
        return STATUS_OK;
    if (strncmp(manifest.training_data, "s3://", 5) == 0) {
        output_warning("training-data: %s is not fetched from S3: name a file\n",
                       manifest.training_data);
        return STATUS_OK;
    }
    *path = path_beside(model, manifest.training_data, call->keep);
    if (!*path)
        return error_no_memory(call->err, "a path");
    if (training_open(*path, &map, call->err)) {
        error_fix(call->err, "put the file there, or leave training-data out of the manifest");
        return error_within(call->err, "training-data of the manifest");
    }
    file_map_close(&map);
    return STATUS_OK;
}

enum status training_keep(struct store_call *call, const struct version *version, const char *path)
{
    struct file_map map;
    enum status status;

    if (!path)
        return STATUS_OK;
    status = training_open(path, &map, call->err);
    if (!status) {
        status = call->store->class->keep_training(call->store, version, map.bytes, call->keep,
                                                   call->err);
        file_map_close(&map);
    }
    return status ? error_within(call->err, "%s:%lld is there, but not its training data",
                                 version->model, (long long)version->number)
                  : STATUS_OK;
}
