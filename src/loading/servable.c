// SPDX-License-Identifier: Apache-2.0
/* From what was opened, or a stored version, to a servable. */
#include "applications/application.h"
#include "contract/adapters.h"
#include "loading/adapt.h"
#include "loading/internal.h"
#include "loading/sharing.h"
#include "loading/worker.h"

static const struct load_options NOTHING = {0};

/* The servable with the contract `face`, which lives in the model's arena. */
static enum status make(struct loading *loading, const struct contract *face,
                        const struct native_options *options, struct servable **servable,
                        struct error *err)
{
    const char *reason = loading->description.reason;
    struct artifact *artifact = loading->artifact;
    struct contract *contracts;
    bool same;

    if (!loading->graph || reason)
        return error_set(err, STATUS_UNSUPPORTED, "%s", reason ? reason : "there is no graph");
    TRY(contract_fits(face, &loading->imported, &same, err));
    contracts = arena_new(&loading->model, struct contract, 2);
    if (!contracts)
        return error_no_memory(err, "a contract");
    contracts[0] = *face;
    contracts[1] = loading->imported;
    loading->artifact = NULL; /* taken over with the arena, also when this fails */
    TRY(native_servable(loading->graph, same ? &contracts[0] : &contracts[1], options,
                        &loading->model, artifact, servable, err));
    return same ? STATUS_OK : adapted_servable(*servable, &contracts[0], servable, err);
}

enum status load_filters(struct loading *loading, const struct native_options *options,
                         struct servable **servable, struct error *err)
{
    return loading->filters.graph
               ? filtered_servable(*servable, &loading->filters, options, servable, err)
               : STATUS_OK;
}

enum status load_bare(struct loading *loading, struct servable **servable, struct error *err)
{
    return make(loading, loading->filters.graph ? &loading->inner : &loading->description.contract,
                NULL, servable, err);
}

enum status load_servable(struct loading *loading, const struct load_options *options,
                          struct servable **servable, struct error *err)
{
    const struct description *description = &loading->description;

    options = options ? options : &NOTHING;
    if (options->workers && adapter_serves(description->format, description->reason))
        TRY(worker_load(loading, options->workers, servable, err));
    else
        TRY(make(loading, loading->filters.graph ? &loading->inner : &description->contract,
                 options->native, servable, err));
    return load_filters(loading, options->native, servable, err);
}

/* The contract that was frozen is the outer one; the inner one is what manifest and files make
 * again. */
static enum status filtered_frozen(struct loading *loading, const struct contract *frozen,
                                   const struct load_options *options, struct servable **servable,
                                   struct error *err)
{
    bool same;

    TRY(load_merge(loading, MANIFEST_NAME, err));
    TRY(contract_fits(frozen, &loading->description.contract, &same, err));
    if (!same)
        return error_set(err, STATUS_CONFLICT,
                         "the filters give another contract now than the one that is stored");
    return load_servable(loading, options, servable, err);
}

enum status load_frozen(struct artifact *artifact, const struct version *version,
                        const struct native_options *options, struct servable **servable,
                        struct error *err)
{
    struct loading loading = {0};
    struct contract frozen;
    /* the frozen contract holds what the manifest declared; its payload still counts */
    enum status status = load_import(artifact, bytes_of(version->manifest ? version->manifest : ""),
                                     MANIFEST_NAME, &loading, err);

    if (!status)
        status = contract_parse_json(bytes_of(version->contract), &frozen, &loading.model, err);
    if (!status && loading.manifest.chain_count)
        status = filtered_frozen(&loading, &frozen, &(struct load_options){.native = options},
                                 servable, err);
    else if (!status)
        status = make(&loading, &frozen, options, servable, err);
    load_close(&loading);
    return status;
}

/* A version for workers, behind its filters; the artifact is taken over. */
static enum status filtered_worker(struct artifact *artifact, const struct version *version,
                                   const struct load_options *options, struct servable **servable,
                                   struct error *err)
{
    struct loading loading = {0};
    struct contract frozen;
    enum status status =
        load_import(artifact, bytes_of(version->manifest), MANIFEST_NAME, &loading, err);

    if (!status)
        status = contract_parse_json(bytes_of(version->contract), &frozen, &loading.model, err);
    if (!status) {
        loading.manifest.name =
            arena_printf(&loading.model, "%s:%lld", version->model, (long long)version->number);
        status = loading.manifest.name ? filtered_frozen(&loading, &frozen, options, servable, err)
                                       : error_no_memory(err, "a name");
    }
    load_close(&loading);
    return status;
}

static enum status has_filters(const struct version *version, bool *has, struct error *err)
{
    struct manifest manifest = {0};
    struct arena scratch;
    enum status status = STATUS_OK;

    *has = false;
    if (!version->manifest || !strstr(version->manifest, "filters"))
        return STATUS_OK;
    arena_init(&scratch, (size_t)1 << 28);
    status = manifest_parse(bytes_of(version->manifest), MANIFEST_NAME, &manifest, &scratch, err);
    *has = manifest.chain_count > 0;
    arena_release(&scratch);
    return status;
}

enum status load_alone(struct registry *registry, const struct version *version,
                       const struct load_options *options, struct servable **servable,
                       struct error *err)
{
    struct artifact *artifact;
    bool filtered = false;

    if (version->reason)
        TRY(has_filters(version, &filtered, err));
    if (version->reason && !filtered)
        return worker_load_version(registry, version, options->workers, servable, err);
    TRY(registry_artifact(registry, version, &artifact, err));
    if (filtered)
        return filtered_worker(artifact, version, options, servable, err);
    return load_frozen(artifact, version, options->native, servable, err);
}

enum status load_version(struct registry *registry, const struct version *version,
                         const struct load_options *options, struct servable **servable,
                         struct error *err)
{
    options = options ? options : &NOTHING;
    if (version->reason && !(options->workers && adapter_serves(version->format, version->reason)))
        return error_set(err, STATUS_UNSUPPORTED, "%s", version->reason);
    if (!strcmp(version->format, APPLICATION_FORMAT))
        return load_application(registry, version, options, servable, err);
    if (options->sharing)
        return sharing_load(options->sharing, registry, version, options, servable, err);
    return load_alone(registry, version, options, servable, err);
}
