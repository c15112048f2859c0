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

static enum status keep_file(struct store_call *call, const struct version *version,
                             const char *path)
{
    struct file_map map = {{NULL, 0}};
    enum status status = file_map_open(&map, AT_FDCWD, path, true, call->err);

    if (!status && !map.bytes.size)
        status = error_set(call->err, STATUS_INVALID_INPUT, "\"%s\" is empty", path);
    if (!status)
        status = call->store->class->keep_training(call->store, version, map.bytes, call->keep,
                                                   call->err);
    file_map_close(&map);
    return status ? error_within(call->err, "%s:%lld is there, but not its training data",
                                 version->model, (long long)version->number)
                  : STATUS_OK;
}

enum status training_keep(struct store_call *call, const struct version *version, const char *path)
{
    struct manifest manifest;
    struct error ignored;

    if (!path || !version->manifest || !*version->manifest ||
        manifest_parse(bytes_of(version->manifest), MANIFEST_NAME, &manifest, call->keep,
                       &ignored) ||
        !manifest.training_data || !*manifest.training_data)
        return STATUS_OK;
    if (strncmp(manifest.training_data, "s3://", 5) == 0) {
        output_warning("training-data: %s is not fetched from S3: name a file\n",
                       manifest.training_data);
        return STATUS_OK;
    }
    path = path_beside(path, manifest.training_data, call->keep);
    return path ? keep_file(call, version, path) : error_no_memory(call->err, "a path");
}
