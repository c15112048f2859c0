// SPDX-License-Identifier: Apache-2.0
/* A store folder, in this process. */
#include <fcntl.h>
#include <stdlib.h>

#include "applications/application.h"
#include "base/file.h"
#include "cli/output.h"
#include "cli/store.h"
#include "cli/workers.h"
#include "images/standalone.h"
#include "loading/image.h"
#include "loading/parity.h"

struct local {
    struct store base;
    struct registry *registry;
    char *folder;
};

static struct registry *registry_of(struct store *store)
{
    return ((struct local *)store)->registry;
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
    struct worker_policy workers;
    struct error ignored;
    bool here = !workers_here(((struct local *)store)->folder, &workers, keep, &ignored);

    return load_log_read(registry_of(store), version, here ? &workers : NULL, log, keep, err);
}

/* The files as they are stored. */
static enum status local_open(struct store *store, const struct version *version,
                              struct loading *loading, const char **parity, struct arena *keep,
                              struct error *err)
{
    struct artifact *artifact;
    const char *line;

    TRY(parity_read(registry_of(store), version, NULL, parity, &line, keep, err));
    TRY(registry_artifact(registry_of(store), version, &artifact, err));
    return load_artifact(artifact, bytes_of(version->manifest), MANIFEST_NAME, loading, err);
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
    TRY(registry_gc(registry_of(store), files, bytes, err));
    return worker_collect(registry_of(store), ((struct local *)store)->folder, files, bytes, err);
}

static enum status local_verify(struct store *store, struct text *report, size_t *faults,
                                struct error *err)
{
    return registry_verify(registry_of(store), report, faults, err);
}

/* --- images --- */

static enum status local_push(struct store *store, const struct version *version,
                              const struct store_push *push, struct image_pushed *pushed,
                              struct arena *keep, struct error *err)
{
    struct image_reference reference, base;
    struct image_hosts hosts;
    struct image_push to = {
        .reference = &reference, .hosts = &hosts, .show = push->progress, .context = push->context};

    TRY(image_hosts_read(push->registries, NULL, &hosts, keep, err));
    if (!push->reference && !hosts.registry) {
        enum status status = error_set(err, STATUS_INVALID_INPUT, "no registry is named");
        error_fix(err, "name an image, or `registry:` in registries.yaml, or FIRN_REGISTRY");
        return status;
    }
    if (push->reference)
        TRY(image_reference_parse(push->reference, &reference, keep, err));
    else
        TRY(image_push_reference(hosts.registry, version, &reference, keep, err));
    if (push->base && !push->standalone)
        return error_set(err, STATUS_INVALID_INPUT, "--base is of use with --standalone only");
    if (push->standalone)
        TRY(standalone_find(&to.server, keep, err));
    if (push->base) {
        TRY(image_reference_parse(push->base, &base, keep, err));
        to.base = &base;
    }
    return load_push(registry_of(store), version, &to, pushed, keep, err);
}

/* An upload is pushed where the user says that all are; it is one without that, too. */
static void follow(struct registry *registry, const struct image_hosts *hosts,
                   struct version *version, struct arena *keep)
{
    struct image_reference reference;
    const struct image_push to = {.reference = &reference, .hosts = hosts};
    struct image_pushed pushed;
    struct error err = {0};

    if (image_push_reference(hosts->registry, version, &reference, keep, &err) ||
        image_push(registry, version, &to, &pushed, keep, &err) ||
        registry_resolve_id(registry, version->id, version, keep, &err))
        output_warning("%s:%lld is stored, but not pushed: %s", version->model,
                       (long long)version->number, err.text);
}

static enum status local_upload(struct store *store, const struct store_upload *upload,
                                struct version *version, bool *unchanged, struct arena *keep,
                                struct error *err)
{
    struct loading_add add = {.name = upload->name,
                              .facts = upload->facts,
                              .verify = upload->verify,
                              .progress = upload->progress,
                              .context = upload->context};
    struct worker_policy workers;
    struct loading loading = {0};
    struct image_hosts hosts;
    enum status status;

    TRY(image_hosts_read(NULL, NULL, &hosts, keep, err));
    if (upload->workers) {
        TRY(workers_here(((struct local *)store)->folder, &workers, keep, err));
        if (upload->line) {
            workers.log = upload->line;
            workers.context = upload->context;
        }
        add.workers = &workers;
    }
    status = upload->text.size
                 ? load_open_text(upload->path, upload->text, MANIFEST_NAME, &loading, err)
                 : load_open(upload->path, upload->manifest, &loading, err);

    if (!status)
        status = load_add(&loading, registry_of(store), &add, version, unchanged, keep, err);
    load_close(&loading);
    if (!status && hosts.registry)
        follow(registry_of(store), &hosts, version, keep);
    return status;
}

static enum status local_keep_training(struct store *store, const struct version *version,
                                       struct bytes data, struct arena *keep, struct error *err)
{
    struct record record = {
        .kind = LOAD_TRAINING, .name = LOAD_TRAINING, .version = version->id, .body = ""};

    (void)keep;
    return registry_record_put(registry_of(store), &record, data, true, err);
}

static enum status local_pull(struct store *store, const struct store_pull *pull,
                              struct version *version, bool *unchanged, struct arena *keep,
                              struct error *err)
{
    struct image_hosts hosts;
    struct file_map map = {{NULL, 0}};
    struct load_pull from = {.reference = pull->reference,
                             .hosts = &hosts,
                             .path = pull->path,
                             .name = pull->name,
                             .progress = pull->progress,
                             .context = pull->context};
    enum status status;

    TRY(image_hosts_read(pull->registries, NULL, &hosts, keep, err));
    if (pull->manifest)
        TRY(file_map_open(&map, AT_FDCWD, pull->manifest, true, err));
    from.manifest = map.bytes;
    status = load_pull(registry_of(store), &from, version, unchanged, keep, err);
    file_map_close(&map);
    return status;
}

static void local_close(struct store *store)
{
    registry_close(registry_of(store));
    free(((struct local *)store)->folder);
    free(store);
}

static const struct store_class LOCAL = {
    .upload = local_upload,
    .keep_training = local_keep_training,
    .compose = local_compose,
    .resolve = local_resolve,
    .list = local_list,
    .log = local_log,
    .open = local_open,
    .alias = local_alias,
    .delete = local_delete,
    .gc = local_gc,
    .verify = local_verify,
    .push = local_push,
    .pull = local_pull,
    .close = local_close,
};

enum status store_local(const char *folder, struct store **store, struct error *err)
{
    struct local *local = calloc(1, sizeof *local);

    if (!local)
        return error_no_memory(err, "a store");
    local->base.class = &LOCAL;
    local->folder = strdup(folder);
    if (!local->folder) {
        free(local);
        return error_no_memory(err, "a store");
    }
    if (registry_open(folder, &local->registry, err)) {
        free(local->folder);
        free(local);
        return err->status;
    }
    *store = &local->base;
    return STATUS_OK;
}
