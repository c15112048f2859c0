// SPDX-License-Identifier: Apache-2.0
/* A store folder, in this process. */
#include <stdlib.h>

#include "applications/application.h"
#include "cli/store.h"
#include "loading/load.h"

struct local {
    struct store base;
    struct registry *registry;
};

static struct registry *registry_of(struct store *store)
{
    return ((struct local *)store)->registry;
}

static enum status local_upload(struct store *store, const struct store_upload *upload,
                                struct version *version, bool *unchanged, struct arena *keep,
                                struct error *err)
{
    const struct loading_add add = {
        .name = upload->name, .progress = upload->progress, .context = upload->context};
    struct loading loading = {0};
    enum status status =
        upload->text.size ? load_open_text(upload->path, upload->text, MANIFEST_NAME, &loading, err)
                          : load_open(upload->path, upload->manifest, &loading, err);

    if (!status)
        status = load_add(&loading, registry_of(store), &add, version, unchanged, keep, err);
    load_close(&loading);
    return status;
}

static enum status local_compose(struct store *store, struct bytes manifest, const char *file_name,
                                 struct version *version, bool *unchanged, struct arena *keep,
                                 struct error *err)
{
    const struct manifest_application *application;

    TRY(application_manifest(manifest, file_name, &application, keep, err));
    return application_add(registry_of(store), application, version, unchanged, keep, err);
}

static enum status local_resolve(struct store *store, const char *reference,
                                 struct version *version, struct arena *keep, struct error *err)
{
    return registry_resolve(registry_of(store), reference, version, keep, err);
}

static enum status local_list(struct store *store, const char *model, struct version **versions,
                              size_t *count, struct arena *keep, struct error *err)
{
    return registry_list(registry_of(store), model, versions, count, keep, err);
}

static enum status local_log(struct store *store, const struct version *version, struct text *log,
                             struct arena *keep, struct error *err)
{
    return load_log_read(registry_of(store), version, log, keep, err);
}

static enum status local_alias(struct store *store, const char *model, const char *alias,
                               int64_t number, int64_t expected, struct error *err)
{
    return registry_alias(registry_of(store), model, alias, number, expected, err);
}

static enum status local_delete(struct store *store, const char *model, int64_t number,
                                struct error *err)
{
    return registry_delete(registry_of(store), model, number, err);
}

static enum status local_gc(struct store *store, uint64_t *files, uint64_t *bytes,
                            struct error *err)
{
    return registry_gc(registry_of(store), files, bytes, err);
}

static enum status local_verify(struct store *store, struct text *report, size_t *faults,
                                struct error *err)
{
    return registry_verify(registry_of(store), report, faults, err);
}

static void local_close(struct store *store)
{
    registry_close(registry_of(store));
    free(store);
}

static const struct store_class LOCAL = {
    .upload = local_upload,
    .compose = local_compose,
    .resolve = local_resolve,
    .list = local_list,
    .log = local_log,
    .alias = local_alias,
    .delete = local_delete,
    .gc = local_gc,
    .verify = local_verify,
    .close = local_close,
};

enum status store_local(const char *folder, struct store **store, struct error *err)
{
    struct local *local = calloc(1, sizeof *local);

    if (!local)
        return error_no_memory(err, "a store");
    local->base.class = &LOCAL;
    if (registry_open(folder, &local->registry, err)) {
        free(local);
        return err->status;
    }
    *store = &local->base;
    return STATUS_OK;
}
