// SPDX-License-Identifier: Apache-2.0
#include "loading/load.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/file.h"
#include "formats/yaml.h"

enum { MODEL_MEMORY_SHIFT = 36 }; /* 64 GiB: what a description and its tensors may take */

/* The bytes of the manifest, kept; empty when there is none. */
static enum status manifest_read(struct loading *loading, const char *path, const char **name,
                                 struct error *err)
{
    struct member *member = NULL;
    struct file_map map = {0};
    struct bytes bytes = {0};
    char *copy;

    *name = path ? path : MANIFEST_NAME;
    if (path) {
        TRY(file_map_open(&map, AT_FDCWD, path, true, err));
        bytes = map.bytes;
    } else {
        member = loading->artifact->kind == ARTIFACT_FILE
                     ? NULL
                     : artifact_find(loading->artifact, MANIFEST_NAME);
        if (!member)
            return STATUS_OK;
        TRY(member_bytes(member, &bytes, err));
    }
    if (bytes.size > YAML_BYTES_MAX) {
        file_map_close(&map);
        return error_set(err, STATUS_TOO_LARGE, "%s has %zu bytes, more than %d", *name, bytes.size,
                         YAML_BYTES_MAX);
    }
    copy = arena_text(loading->model, bytes);
    loading->manifest_text = (struct bytes){(const uint8_t *)copy, bytes.size};
    file_map_close(&map);
    return copy ? STATUS_OK : error_no_memory(err, "a manifest");
}

static enum status merge(struct loading *loading, const char *manifest_path, struct error *err)
{
    const char *name;

    TRY(manifest_read(loading, manifest_path, &name, err));
    if (!loading->manifest_text.data)
        return STATUS_OK;
    TRY(manifest_parse(loading->manifest_text, name, &loading->manifest, loading->model, err));
    for (size_t i = 0; i < loading->manifest.warning_count; i++)
        TRY(description_warn(&loading->description, loading->model, err, "%s",
                             loading->manifest.warnings[i]));
    return contract_merge(&loading->description.contract, &loading->manifest.contract,
                          loading->model, err);
}

enum status load_artifact(struct artifact *artifact, const char *manifest_path,
                          struct loading *loading, struct error *err)
{
    *loading = (struct loading){.artifact = artifact};
    loading->model = calloc(1, sizeof *loading->model);
    if (!loading->model)
        return error_no_memory(err, "a model");
    arena_init(loading->model, (size_t)1 << MODEL_MEMORY_SHIFT);
    TRY(import_artifact(artifact, &loading->description, &loading->graph, loading->model, err));
    return merge(loading, manifest_path, err);
}

enum status load_open(const char *path, const char *manifest_path, struct loading *loading,
                      struct error *err)
{
    struct artifact *artifact;

    *loading = (struct loading){0};
    TRY(artifact_open(path, NULL, &artifact, err));
    return load_artifact(artifact, manifest_path, loading, err);
}

void load_close(struct loading *loading)
{
    if (loading->model) {
        arena_release(loading->model);
        free(loading->model);
    }
    artifact_close(loading->artifact);
    loading->model = NULL;
    loading->artifact = NULL;
}
