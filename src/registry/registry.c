// SPDX-License-Identifier: Apache-2.0
#include "registry/internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "registry/frozen.h"

enum { NAME_BYTES_MAX = 128, SUGGESTIONS_MAX = 1000, SCRATCH_BYTES_MAX = 256 << 20 };

/* --- opening --- */

static enum status layout_make(const struct registry *registry, struct error *err)
{
    static const char *const FOLDERS[] = {"blobs/sha256", "tmp"};
    static const char LAYOUT[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
    char path[PATH_SIZE];
    struct stat info;

    for (size_t i = 0; i < ARRAY_COUNT(FOLDERS); i++) {
        snprintf(path, sizeof path, "%s/%s", registry->folder, FOLDERS[i]);
        TRY(file_make_folders(path, err));
    }
    snprintf(path, sizeof path, "%s/blobs", registry->folder);
    TRY(file_sync_folder(path, err));
    snprintf(path, sizeof path, "%s/oci-layout", registry->folder);
    if (stat(path, &info) == 0 && info.st_size == sizeof LAYOUT - 1)
        return file_sync_folder(registry->folder, err);
    return file_replace(path, bytes_of(LAYOUT), err);
}

static enum status open_registry(struct registry *registry, const char *folder, struct error *err)
{
    int lock;
    enum status status;

    if (!folder[0])
        return error_set(err, STATUS_INVALID_INPUT, "the store's folder has no name");
    if ((size_t)snprintf(registry->folder, sizeof registry->folder, "%s", folder) >=
        sizeof registry->folder)
        return error_set(err, STATUS_INVALID_INPUT, "path is too long: %.64s...", folder);
    TRY(file_make_folders(folder, err));
    /* One at a time: two that make a store together would use the same temporary names. */
    lock = registry_lock(registry, "index.lock", LOCK_EXCLUSIVE, err);
    if (lock < 0)
        return err->status;
    status = layout_make(registry, err);
    if (!status)
        status = registry->backend->open(folder, &registry->store, err);
    close(lock);
    TRY(status);
    return index_update(registry, err);
}

enum status registry_open(const char *folder, struct registry **registry, struct error *err)
{
    struct registry *opened = calloc(1, sizeof *opened);

    *registry = NULL;
    if (!opened)
        return error_no_memory(err, "the registry");
    opened->backend = &store_sqlite;
    if (open_registry(opened, folder, err)) {
        registry_close(opened);
        return error_within(err, "store \"%.200s\"", folder);
    }
    *registry = opened;
    return STATUS_OK;
}

enum status registry_open_frozen(const char *folder, struct registry **registry, struct error *err)
{
    struct registry *opened = calloc(1, sizeof *opened);
    enum status status;

    *registry = NULL;
    if (!opened)
        return error_no_memory(err, "the registry");
    opened->backend = &store_frozen;
    if ((size_t)snprintf(opened->folder, sizeof opened->folder, "%s", folder) >=
        sizeof opened->folder)
        status = error_set(err, STATUS_INVALID_INPUT, "path is too long: %.64s...", folder);
    else
        status = opened->backend->open(folder, &opened->store, err);
    if (status) {
        registry_close(opened);
        return error_within(err, "store \"%.200s\"", folder);
    }
    *registry = opened;
    return STATUS_OK;
}

void registry_close(struct registry *registry)
{
    if (!registry)
        return;
    if (registry->store)
        registry_index_settle(registry, true);
    registry->backend->close(registry->store);
    free(registry);
}

/* --- names --- */

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

enum name_kind { NAME_MODEL, NAME_ALIAS }; /* models may lie in folders: "shop/churn" */

static bool is_name(struct bytes name, enum name_kind kind)
{
    bool first = true; /* of its part */

    for (size_t i = 0; i < name.size; i++) {
        char c = (char)name.data[i];
        bool slash = c == '/' && kind == NAME_MODEL;
        if (!is_alphanumeric(c) && (first || (c != '.' && c != '_' && c != '-' && !slash)))
            return false;
        first = slash;
    }
    return !first && name.size <= NAME_BYTES_MAX;
}

static enum status check(enum name_kind kind, const char *noun, const char *name, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    if (name && is_name(bytes_of(name), kind))
        return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT,
                     "\"%s\" is no %s name: letters, digits and . _ - (not first)%s, at most %d",
                     name ? text_quote(bytes_of(name), quoted, sizeof quoted) : "", noun,
                     kind == NAME_MODEL ? " in parts between /" : "", NAME_BYTES_MAX);
}

static enum status name_check(enum name_kind kind, const char *name, struct error *err)
{
    return check(kind, kind == NAME_MODEL ? "model" : "alias", name, err);
}

enum status registry_model_check(const char *name, struct error *err)
{
    return name_check(NAME_MODEL, name, err);
}

enum status registry_object_check(const char *noun, const char *name, struct error *err)
{
    return check(NAME_MODEL, noun, name, err);
}

void registry_now(char when[32])
{
    time_t seconds = time(NULL);
    struct tm parts;

    gmtime_r(&seconds, &parts);
    strftime(when, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

/* --- adding --- */

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* Blobs, then rows: the version is there when the transaction is. */
static enum status publish(struct registry *registry, struct image *image,
                           const struct version_upload *upload, struct version *version,
                           bool *unchanged, struct error *err)
{
    const struct store_image row = {
        .digest = image->manifest.digest,
        .config = image->config.digest,
        .layer = image->layer.digest,
        .manifest_bytes = image->manifest.size,
        .config_bytes = image->config.size,
        .layer_bytes = image->layer.size,
        .single = image->single,
    };
    char folder[PATH_SIZE];

    TRY(blob_publish(registry, &image->layer, err));
    TRY(blob_publish(registry, &image->config, err));
    TRY(blob_publish(registry, &image->manifest, err));
    snprintf(folder, sizeof folder, "%s/blobs/sha256", registry->folder);
    TRY(file_sync_folder(folder, err));
    return registry->backend->add(registry->store, version, &row, upload, unchanged, err);
}

static enum status add_staged(struct registry *registry, const struct staging *staging,
                              const struct version_upload *upload, int64_t *number, bool *unchanged,
                              struct error *err)
{
    char created[32];
    struct version version = {.model = upload->model,
                              .format = upload->format,
                              .framework = upload->framework,
                              .framework_version = upload->framework_version,
                              .contract = upload->contract,
                              .manifest = upload->manifest,
                              .reason = upload->reason,
                              .created = created};
    struct image *image = calloc(1, sizeof *image);
    enum status status;
    int lock;

    if (!image)
        return error_no_memory(err, "an image");
    registry_now(created);
    status = image_write(image, staging, upload, err);
    if (!status) {
        version.digest = image->manifest.digest;
        version.bytes = image->bytes;
        lock = registry_lock(registry, "lock", LOCK_SHARED, err);
        status =
            lock < 0 ? err->status : publish(registry, image, upload, &version, unchanged, err);
        if (lock >= 0)
            close(lock);
    }
    *number = version.number;
    image_release(image);
    free(image);
    return status;
}

/* Is the newest version this very upload? Found by digest, without writing anything: an unchanged
 * upload of a large model costs reading it. */
static enum status newest_is(struct registry *registry, const struct version_upload *upload,
                             const struct version *newest, bool *same, struct error *err)
{
    struct version_upload quiet = *upload;
    struct image *image = calloc(1, sizeof *image);
    enum status status;

    if (!image)
        return error_no_memory(err, "an image");
    quiet.progress = NULL;
    status = image_write(image, NULL, &quiet, err);
    *same = !status && strcmp(image->manifest.digest, newest->digest) == 0 &&
            blob_exists(registry, image->layer.digest, image->layer.size) &&
            blob_exists(registry, image->config.digest, image->config.size) &&
            blob_exists(registry, image->manifest.digest, image->manifest.size);
    image_release(image);
    free(image);
    return status;
}

enum status registry_add(struct registry *registry, const struct version_upload *upload,
                         struct version *version, bool *unchanged, struct arena *keep,
                         struct error *err)
{
    struct version_upload whole = *upload;
    struct staging staging;
    int64_t number = 0;
    enum status status;
    bool found;

    TRY(name_check(NAME_MODEL, upload->model, err));
    whole.format = or_empty(upload->format);
    whole.framework = or_empty(upload->framework);
    whole.framework_version = or_empty(upload->framework_version);
    whole.contract = or_empty(upload->contract);
    whole.manifest = or_empty(upload->manifest);
    *unchanged = false;
    TRY(registry->backend->find(registry->store, upload->model, 0, NULL, &found, version, keep,
                                err));
    if (found && !upload->place && (uint64_t)version->bytes == image_payload(upload->artifact))
        TRY(newest_is(registry, &whole, version, unchanged, err));
    if (*unchanged)
        return STATUS_OK;
    TRY(staging_open(registry, &staging, err));
    status = add_staged(registry, &staging, &whole, &number, unchanged, err);
    staging_close(&staging);
    TRY(status);
    if (!*unchanged)
        registry_index_follow(registry);
    TRY(registry->backend->find(registry->store, upload->model, number, NULL, &found, version, keep,
                                err));
    if (!found)
        return error_set(err, STATUS_CONFLICT, "version %lld of \"%s\" was deleted meanwhile",
                         (long long)number, upload->model);
    return STATUS_OK;
}

enum status registry_reserve(struct registry *registry, const char *model,
                             struct version_place *place, struct error *err)
{
    TRY(name_check(NAME_MODEL, model, err));
    return registry->backend->reserve(registry->store, model, place, err);
}

/* --- finding --- */

enum status registry_reference(const char *text, const char *noun, struct reference *reference,
                               struct arena *keep, struct error *err)
{
    size_t size = strcspn(text, ":@^");
    const char *rest = text + size;
    char quoted[TEXT_QUOTE_SIZE];
    bool digits = *rest && rest[1] && strspn(rest + 1, "0123456789") == strlen(rest + 1);

    *reference = (struct reference){0};
    reference->name = arena_text(keep, (struct bytes){(const uint8_t *)text, size});
    if (!reference->name)
        return error_no_memory(err, "a name");
    TRY(check(NAME_MODEL, noun, reference->name, err));
    if (*rest == '@' && !digits) {
        reference->alias = rest + 1;
        return name_check(NAME_ALIAS, reference->alias, err);
    }
    reference->back = strspn(rest, "^");
    if (rest[reference->back] && *rest == '^')
        return error_set(err, STATUS_INVALID_INPUT, "\"%s\" goes on after its ^",
                         text_quote(bytes_of(text), quoted, sizeof quoted));
    if ((*rest == ':' || *rest == '@') &&
        (!digits || !number_i64_from_text(bytes_of(rest + 1), &reference->number) ||
         reference->number < 1))
        return error_set(err, STATUS_INVALID_INPUT, "\"%s\" is no version number",
                         text_quote(bytes_of(rest + 1), quoted, sizeof quoted));
    return STATUS_OK;
}

/* Say which name may have been meant. */
static void suggest(struct error *err, const char *name, const char *const *names, size_t count)
{
    const char *near = text_suggest(name, names, count);

    if (near)
        error_fix(err, "did you mean \"%s\"?", near);
}

static enum status model_missing(struct registry *registry, const char *model,
                                 struct arena *scratch, struct error *err)
{
    const char *names[SUGGESTIONS_MAX];
    struct version *versions;
    size_t count;

    TRY(registry->backend->list(registry->store, NULL, true, &versions, &count, scratch, err));
    for (size_t i = 0; i < count && i < SUGGESTIONS_MAX; i++)
        names[i] = versions[i].model;
    enum status status = error_set(err, STATUS_NOT_FOUND, "there is no model \"%s\"", model);
    suggest(err, model, names, count < SUGGESTIONS_MAX ? count : SUGGESTIONS_MAX);
    return status;
}

static enum status version_missing(struct registry *registry, const struct reference *reference,
                                   struct arena *scratch, struct error *err)
{
    const char *names[SUGGESTIONS_MAX];
    struct version *versions;
    size_t count, name_count = 0;
    enum status status;

    TRY(registry->backend->list(registry->store, reference->name, false, &versions, &count, scratch,
                                err));
    if (count == 0)
        return model_missing(registry, reference->name, scratch, err);
    if (!reference->alias)
        return error_set(err, STATUS_NOT_FOUND,
                         "model \"%s\" has no version %lld, the newest is %lld", reference->name,
                         (long long)reference->number, (long long)versions[0].number);
    for (size_t i = 0; i < count; i++)
        for (size_t a = 0; a < versions[i].alias_count && name_count < SUGGESTIONS_MAX; a++)
            names[name_count++] = versions[i].aliases[a];
    status = error_set(err, STATUS_NOT_FOUND, "model \"%s\" has no alias \"%s\"", reference->name,
                       reference->alias);
    suggest(err, reference->alias, names, name_count);
    return status;
}

static enum status resolve_back(struct registry *registry, const struct reference *reference,
                                struct version *version, struct arena *keep, struct error *err)
{
    struct version *versions;
    size_t count;

    TRY(registry_list(registry, reference->name, &versions, &count, keep, err));
    if (reference->back >= count)
        return error_set(err, STATUS_NOT_FOUND,
                         "model \"%s\" has %zu version%s, none %zu before "
                         "the newest",
                         reference->name, count, count == 1 ? "" : "s", reference->back);
    *version = versions[reference->back];
    return STATUS_OK;
}

enum status registry_resolve(struct registry *registry, const char *text, struct version *version,
                             struct arena *keep, struct error *err)
{
    struct reference reference;
    struct arena scratch;
    enum status status;
    bool found;

    TRY(registry_reference(text, "model", &reference, keep, err));
    if (reference.back)
        return resolve_back(registry, &reference, version, keep, err);
    TRY(registry->backend->find(registry->store, reference.name, reference.number, reference.alias,
                                &found, version, keep, err));
    if (found)
        return STATUS_OK;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    status = version_missing(registry, &reference, &scratch, err);
    arena_release(&scratch);
    return status;
}

enum status registry_resolve_id(struct registry *registry, int64_t id, struct version *version,
                                struct arena *keep, struct error *err)
{
    bool found;

    TRY(registry->backend->find_id(registry->store, id, &found, version, keep, err));
    if (!found)
        return error_set(err, STATUS_NOT_FOUND, "there is no version with id %lld", (long long)id);
    return STATUS_OK;
}

enum status registry_list(struct registry *registry, const char *model, struct version **versions,
                          size_t *count, struct arena *keep, struct error *err)
{
    struct arena scratch;
    enum status status;

    if (model)
        TRY(name_check(NAME_MODEL, model, err));
    TRY(registry->backend->list(registry->store, model, model == NULL, versions, count, keep, err));
    if (!model || *count)
        return STATUS_OK;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    status = model_missing(registry, model, &scratch, err);
    arena_release(&scratch);
    return status;
}

enum status registry_list_all(struct registry *registry, const struct version_known *known,
                              struct version **versions, size_t *count, struct arena *keep,
                              struct error *err)
{
    return registry->backend->list_all(registry->store, known, versions, count, keep, err);
}

enum status registry_artifact(struct registry *registry, const struct version *version,
                              struct artifact **artifact, struct error *err)
{
    struct store_image image;
    struct arena scratch;
    char path[PATH_SIZE];
    enum status status;

    *artifact = NULL;
    arena_init(&scratch, 1 << 20);
    status = registry->backend->image(registry->store, version->digest, &image, &scratch, err);
    if (!status && !blob_path(registry, image.layer, path))
        status = error_set(err, STATUS_INTERNAL, "\"%s\" is no digest", image.layer);
    if (!status)
        status = artifact_open_layer(path, IMAGE_FILES, image.single, NULL, artifact, err);
    arena_release(&scratch);
    if (status)
        return error_within(err, "%s:%lld", version->model, (long long)version->number);
    return STATUS_OK;
}

/* --- changing --- */

enum status registry_alias(struct registry *registry, const char *model, const char *alias,
                           int64_t number, int64_t expected, struct error *err)
{
    char when[32];

    TRY(name_check(NAME_MODEL, model, err));
    TRY(name_check(NAME_ALIAS, alias, err));
    if (strspn(alias, "0123456789") == strlen(alias))
        return error_set(err, STATUS_INVALID_INPUT, "alias \"%s\" looks like a version number",
                         alias);
    if (number < 0)
        return error_set(err, STATUS_INVALID_INPUT, "%lld is no version number", (long long)number);
    registry_now(when);
    TRY(registry->backend->alias(registry->store, model, alias, number, expected, when, err));
    registry_index_follow(registry);
    return STATUS_OK;
}

enum status registry_delete(struct registry *registry, const char *model, int64_t number,
                            struct error *err)
{
    char when[32];

    TRY(name_check(NAME_MODEL, model, err));
    if (number < 0)
        return error_set(err, STATUS_INVALID_INPUT, "%lld is no version number", (long long)number);
    registry_now(when);
    TRY(registry->backend->remove(registry->store, model, number, when, err));
    registry_index_follow(registry);
    return STATUS_OK;
}

enum status registry_generation(struct registry *registry, int64_t *generation, struct error *err)
{
    registry_index_settle(registry, false);
    return registry->backend->generation(registry->store, generation, err);
}
