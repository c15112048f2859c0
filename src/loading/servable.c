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

enum status load_servable(struct loading *loading, const struct load_options *options,
                          struct servable **servable, struct error *err)
{
    const struct description *description = &loading->description;

    options = options ? options : &NOTHING;
    if (options->workers && adapter_serves(description->format, description->reason))
        return worker_load(loading, options->workers, servable, err);
    return make(loading, &description->contract, options->native, servable, err);
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
    if (!status)
        status = make(&loading, &frozen, options, servable, err);
    load_close(&loading);
    return status;
}

enum status load_alone(struct registry *registry, const struct version *version,
                       const struct load_options *options, struct servable **servable,
                       struct error *err)
{
    struct artifact *artifact;

    if (version->reason)
        return worker_load_version(registry, version, options->workers, servable, err);
    TRY(registry_artifact(registry, version, &artifact, err));
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
