// SPDX-License-Identifier: Apache-2.0
#include "loading/load.h"

#include <fcntl.h>
#include <fnmatch.h>

#include "base/file.h"
#include "base/text.h"
#include "contract/adapters.h"
#include "contract/model_contract.h"
#include "contract/zeromind.h"
#include "formats/yaml.h"
#include "loading/internal.h"

enum { MODEL_MEMORY_SHIFT = 36 }; /* 64 GiB: what a description and its tensors may take */
enum { CONTRACT_FILE_BYTES_MAX = 16 << 20 };

/* The fields again, so that merging into one contract leaves the other as it is. */
static enum status copy_fields(const struct field *from, size_t count, struct field **to,
                               struct arena *keep, struct error *err)
{
    *to = arena_new(keep, struct field, count);
    if (!*to)
        return error_no_memory(err, "a contract");
    if (count)
        memcpy(*to, from, count * sizeof **to);
    return STATUS_OK;
}

static enum status copy_contract(const struct contract *from, struct contract *to,
                                 struct arena *keep, struct error *err)
{
    to->count = from->count;
    to->signatures = arena_new(keep, struct signature, from->count);
    if (!to->signatures)
        return error_no_memory(err, "a contract");
    for (size_t i = 0; i < from->count; i++) {
        struct signature *signature = &to->signatures[i];
        *signature = from->signatures[i];
        TRY(copy_fields(signature->inputs, signature->input_count, &signature->inputs, keep, err));
        TRY(copy_fields(signature->outputs, signature->output_count, &signature->outputs, keep,
                        err));
    }
    return STATUS_OK;
}

/* --- the manifest --- */

static enum status manifest_read(struct loading *loading, struct bytes manifest, const char *name,
                                 struct error *err)
{
    char *copy;

    if (manifest.size > YAML_BYTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "%s has %zu bytes, more than %d", name,
                         manifest.size, YAML_BYTES_MAX);
    copy = arena_text(&loading->model, manifest);
    if (!copy)
        return error_no_memory(err, "a manifest");
    loading->manifest_text = (struct bytes){(const uint8_t *)copy, manifest.size};
    return manifest_parse(loading->manifest_text, name, &loading->manifest, &loading->model, err);
}

/* The contract in a file of its own, as the oldest manifests have it. */
static enum status contract_file_read(struct loading *loading, struct error *err)
{
    struct manifest *manifest = &loading->manifest;
    const struct artifact *artifact = loading->artifact;
    struct member *member = NULL;
    struct bytes content;
    char quoted[TEXT_QUOTE_SIZE];

    if (!manifest->contract_file)
        return STATUS_OK;
    text_quote(bytes_of(manifest->contract_file), quoted, sizeof quoted);
    if (artifact->kind != ARTIFACT_FILE)
        member = artifact_find(artifact, manifest->contract_file);
    if (!member) {
        if (error_set(err, STATUS_NOT_FOUND, "contract \"%s\" of the manifest is not there",
                      quoted))
            error_fix(err, "write the contract into the manifest, under `kind: Model`, or leave it "
                           "out: what the files say is enough for most models");
        return err->status;
    }
    TRY(member_bytes(member, &content, err));
    if (content.size > CONTRACT_FILE_BYTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "contract \"%s\" has %zu bytes, more than %d",
                         quoted, content.size, CONTRACT_FILE_BYTES_MAX);
    return model_contract_parse(content, manifest->contract_file, &manifest->contract,
                                &loading->model, err);
}

/* A path of the payload names a member, a folder above it, or matches one as a shell would. */
static bool matches(const char *glob, const char *path)
{
    size_t size = strlen(glob);
    char whole[1024];

    while (size > 0 && glob[size - 1] == '/')
        size--;
    if (size >= sizeof whole)
        return false;
    memcpy(whole, glob, size);
    whole[size] = 0;
    if (size > 2 && !memcmp(whole, "./", 2))
        memmove(whole, whole + 2, size - 1);
    return !strcmp(whole, ".") || !fnmatch(whole, path, FNM_PATHNAME | FNM_LEADING_DIR);
}

/* Does an option of a filter name this file? */
static bool is_mentioned(const struct yaml *value, const char *path)
{
    bool found = value && value->kind == YAML_TEXT && !strcmp(value->text, path);

    for (size_t i = 0; value && !found && i < value->count; i++)
        if (value->kind == YAML_LIST || value->kind == YAML_MAP)
            found = is_mentioned(&value->items[i], path);
    return found;
}

static bool is_for_filter(const struct manifest *manifest, const char *path)
{
    for (size_t c = 0; c < manifest->chain_count; c++)
        for (size_t f = 0; f < manifest->chains[c].count; f++)
            if (is_mentioned(manifest->chains[c].filters[f].options, path))
                return true;
    return false;
}

static bool is_payload(const struct member *member, void *context)
{
    const struct manifest *manifest = context;

    if (is_for_filter(manifest, member->path))
        return true;

    for (size_t i = 0; i < manifest->payload_count; i++)
        if (matches(manifest->payload[i], member->path))
            return true;
    return false;
}

/* Every path must be there, so that a mistyped one is not missed later. */
static enum status payload_apply(struct artifact *artifact, struct manifest *manifest,
                                 struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    if (!manifest->payload_count || artifact->kind == ARTIFACT_FILE)
        return STATUS_OK;
    for (size_t i = 0; i < manifest->payload_count; i++) {
        size_t m = 0;
        while (m < artifact->count && !matches(manifest->payload[i], artifact->members[m].path))
            m++;
        if (m == artifact->count)
            return error_set(err, STATUS_NOT_FOUND, "payload \"%s\" of the manifest is not there",
                             text_quote(bytes_of(manifest->payload[i]), quoted, sizeof quoted));
    }
    artifact_keep(artifact, is_payload, manifest);
    return STATUS_OK;
}

/* Lines of `notes` become warnings. */
static enum status warn_lines(struct description *description, struct text *notes,
                              struct arena *keep, struct error *err)
{
    char *line = notes->size ? notes->data : NULL, *end;

    TRY(text_check(notes, err));
    for (; line && (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        TRY(description_warn(description, keep, err, "%s", line));
    }
    return STATUS_OK;
}

enum status load_specify(struct loading *loading,
                         const struct zeromind_specification *specification, struct error *err)
{
    struct text notes = {.limit = 1 << 20};
    enum status status;

    if (!specification->inputs.where && !specification->outputs.where)
        return STATUS_OK;
    status =
        copy_contract(&loading->imported, &loading->description.contract, &loading->model, err);
    if (!status)
        status = zeromind_apply(&loading->description.contract, specification, &notes,
                                &loading->model, err);
    if (!status)
        status = warn_lines(&loading->description, &notes, &loading->model, err);
    text_release(&notes);
    return status;
}

static enum status specify(struct loading *loading, struct error *err)
{
    struct zeromind_specification specification;

    TRY(zeromind_inputs(loading->artifact, &specification.inputs, &loading->model, err));
    TRY(zeromind_outputs(loading->artifact, &specification.outputs, &loading->model, err));
    return load_specify(loading, &specification, err);
}

enum status load_filter(struct loading *loading, const char *name, struct error *err)
{
    struct description *description = &loading->description;
    const char *slash;

    loading->inner = description->contract;
    if (!loading->manifest.chain_count)
        return STATUS_OK; /* the name of a manifest that is not there may be NULL */
    slash = strrchr(name, '/');
    if (!description->contract.count)
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s has filters, but the contract of the model is not known", name);
    TRY(filter_chains_compile(&loading->manifest, slash ? slash + 1 : name, loading->artifact,
                              &loading->inner, &loading->filters, err));
    description->contract = loading->filters.face;
    description->filters = loading->filters.lines;
    description->filter_count = loading->filters.line_count;
    return STATUS_OK;
}

static enum status merge(struct loading *loading, const char *name, struct error *err)
{
    struct description *description = &loading->description;
    struct contract said;

    for (size_t i = 0; i < loading->manifest.warning_count; i++)
        TRY(description_warn(description, &loading->model, err, "%s",
                             loading->manifest.warnings[i]));
    TRY(specify(loading, err));
    if (loading->manifest.contract.count) {
        TRY(copy_contract(&description->contract, &said, &loading->model, err));
        description->contract = said;
        TRY(contract_merge(&description->contract, &loading->manifest.contract, &loading->model,
                           err));
    }
    if (description->declared)
        TRY(description->declared(description, loading->artifact, &loading->manifest,
                                  &loading->model, err));
    return load_filter(loading, name, err);
}

enum status load_merge(struct loading *loading, const char *name, struct error *err)
{
    return merge(loading, name, err);
}

/* --- loading --- */

/* Does a file of the model say how it is opened? The functions of src/func_main.py may use one of
 * that name, too. */
static bool has_own_adapter(struct artifact *artifact, const char *format)
{
    struct member *member =
        artifact->kind == ARTIFACT_FILE ? NULL : artifact_find(artifact, ADAPTER_FILE);
    struct bytes bytes;
    struct error ignored;

    return member && (!format || strcmp(format, "python") != 0) &&
           !member_bytes(member, &bytes, &ignored) && bytes.size &&
           memmem(bytes.data, bytes.size, "load", 4);
}

/* What firn does not know, or does not run, as the saver told it. */
static enum status adapt(struct loading *loading, const char *adapter, struct error *err)
{
    struct description *description = &loading->description;
    const struct saved *saved = &loading->saved;

    *err = (struct error){0};
    *description = (struct description){.format = ADAPTER_FORMAT,
                                        .framework = saved->framework,
                                        .framework_version = saved->framework_version};
    loading->graph = NULL;
    description->reason =
        arena_printf(&loading->model, "the adapter \"%s\" opens it, in a worker", adapter);
    if (!description->reason)
        return error_no_memory(err, "a description");
    return description_executes(description, adapter, &loading->model, err);
}

/* Import; what firn does not know is left to the adapter that the manifest or the saver names, or
 * that lies in the folder. */
static enum status import_or_adapt(struct loading *loading, struct error *err)
{
    struct description *description = &loading->description;
    const char *declared = adapter_declared(&loading->manifest);
    enum status status = saved_read(loading->artifact, &loading->saved, &loading->model, err);
    bool own;

    TRY(status);
    declared = declared ? declared : loading->saved.adapter;
    status = import_artifact(loading->artifact, description, &loading->graph, &loading->model, err);
    own = has_own_adapter(loading->artifact, status ? NULL : description->format);
    if (status && (status != STATUS_UNSUPPORTED || (!own && !declared)))
        return status;
    if (status || own || (declared && description->reason && !adapter_find(description->format)))
        TRY(adapt(loading, own && !declared ? ADAPTER_FILE : declared, err));
    /* MLflow says how to call what lies in its folder, whatever that is */
    if (description->reason && !description->contract.count && !declared &&
        loading->artifact->kind != ARTIFACT_FILE && artifact_find(loading->artifact, "MLmodel"))
        description->format = "mlflow";
    if (description->reason && loading->saved.contract.count) {
        description->contract = loading->saved.contract;
        for (size_t i = 0; i < description->contract.count; i++)
            description->contract.signatures[i].reason = description->reason;
    }
    return STATUS_OK;
}

/* `declared`: a contract that the manifest names in a file is read too. */
static enum status import(struct artifact *artifact, struct bytes manifest, const char *name,
                          bool declared, struct loading *loading, struct error *err)
{
    *loading = (struct loading){.artifact = artifact};
    arena_init_mapped(&loading->model, (size_t)1 << MODEL_MEMORY_SHIFT);
    if (manifest.size) {
        TRY(manifest_read(loading, manifest, name, err));
        if (declared)
            TRY(contract_file_read(loading, err));
        TRY(payload_apply(artifact, &loading->manifest, err));
    }
    TRY(import_or_adapt(loading, err));
    loading->imported = loading->description.contract;
    return STATUS_OK;
}

enum status load_import(struct artifact *artifact, struct bytes manifest, const char *name,
                        struct loading *loading, struct error *err)
{
    return import(artifact, manifest, name, false, loading, err);
}

enum status load_artifact(struct artifact *artifact, struct bytes manifest, const char *name,
                          struct loading *loading, struct error *err)
{
    TRY(import(artifact, manifest, name, true, loading, err));
    return merge(loading, name, err);
}

/* The manifest: a file of its own, or the one in the folder. */
static enum status find_manifest(const char *path, struct artifact *artifact, struct file_map *map,
                                 struct bytes *bytes, struct error *err)
{
    struct member *member;

    if (path) {
        TRY(file_map_open(map, AT_FDCWD, path, true, err));
        *bytes = map->bytes;
        return STATUS_OK;
    }
    if (artifact->kind == ARTIFACT_FILE)
        return STATUS_OK;
    member = artifact_find(artifact, MANIFEST_NAME);
    return member ? member_bytes(member, bytes, err) : STATUS_OK;
}

static enum status artifact_at(const char *path, struct artifact **artifact, struct error *err)
{
    if (artifact_open(path, NULL, artifact, err) && err->status == STATUS_NOT_FOUND && !err->fix[0])
        error_fix(err, "check the path");
    return err->status;
}

enum status load_open(const char *path, const char *manifest_path, struct loading *loading,
                      struct error *err)
{
    struct artifact *artifact;
    struct file_map map = {0};
    struct bytes manifest = {0};
    enum status status;

    *loading = (struct loading){0};
    *err = (struct error){0};
    TRY(artifact_at(path, &artifact, err));
    status = find_manifest(manifest_path, artifact, &map, &manifest, err);
    if (status)
        artifact_close(artifact);
    else
        status = load_artifact(artifact, manifest, manifest_path ? manifest_path : MANIFEST_NAME,
                               loading, err);
    file_map_close(&map);
    return status;
}

enum status load_open_text(const char *path, struct bytes manifest, const char *name,
                           struct loading *loading, struct error *err)
{
    struct artifact *artifact;

    *loading = (struct loading){0};
    *err = (struct error){0};
    TRY(artifact_at(path, &artifact, err));
    return load_artifact(artifact, manifest, name, loading, err);
}

void load_close(struct loading *loading)
{
    filter_chains_release(&loading->filters);
    arena_release(&loading->model);
    artifact_close(loading->artifact);
    loading->artifact = NULL;
}
