// SPDX-License-Identifier: Apache-2.0
/* A store folder, in this process. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/store.h"
#include "contract/contract.h"
#include "loading/load.h"

struct local {
    struct store base;
    struct registry *registry;
};

static struct registry *registry_of(struct store *store)
{
    return ((struct local *)store)->registry;
}

/* "iris" of "models/iris.pkl.gz" and "iris_v2" of a folder "iris v2". */
static const char *default_name(const struct artifact *artifact, struct arena *keep)
{
    char *name = arena_text(keep, bytes_of(artifact->name)), *dot;

    if (!name)
        return NULL;
    while (artifact->kind != ARTIFACT_FOLDER && (dot = strrchr(name, '.')) && dot > name &&
           strlen(dot) <= 8)
        *dot = 0;
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
            *c = '_';
    while (*name && !isalnum((unsigned char)*name))
        name++;
    return *name ? name : "model";
}

static enum status add(struct local *local, const struct store_upload *from,
                       struct loading *loading, struct version *version, bool *unchanged,
                       struct arena *keep, struct error *err)
{
    const struct description *d = &loading->description;
    struct text contract = {0};
    struct version_upload upload = {
        .artifact = loading->artifact,
        .format = d->format,
        .framework = d->framework,
        .framework_version = d->framework_version,
        .manifest = loading->manifest_text.size ? (const char *)loading->manifest_text.data : "",
        .reason = d->reason,
        .progress = from->progress,
        .context = from->context,
    };
    enum status status;

    upload.model = from->name               ? from->name
                   : loading->manifest.name ? loading->manifest.name
                                            : default_name(loading->artifact, keep);
    contract_print_json(&d->contract, &contract);
    status = text_check(&contract, err);
    upload.contract = contract.data;
    if (!status && !upload.model)
        status = error_no_memory(err, "a name");
    if (!status)
        status = registry_add(local->registry, &upload, version, unchanged, keep, err);
    text_release(&contract);
    return status;
}

static enum status local_upload(struct store *store, const struct store_upload *upload,
                                struct version *version, bool *unchanged, struct arena *keep,
                                struct error *err)
{
    struct loading loading = {0};
    enum status status = load_open(upload->path, upload->manifest, &loading, err);

    if (!status)
        status = add((struct local *)store, upload, &loading, version, unchanged, keep, err);
    load_close(&loading);
    return status;
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
    .resolve = local_resolve,
    .list = local_list,
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
