// SPDX-License-Identifier: Apache-2.0
/* From what was opened, or a stored version, to a servable. */
#include "loading/load.h"

enum status load_servable(struct loading *loading, const struct native_options *options,
                          struct servable **servable, struct error *err)
{
    const char *reason = loading->description.reason;
    struct arena *model = loading->model;
    struct artifact *artifact = loading->artifact;
    struct contract *contract;

    if (!loading->graph || reason)
        return error_set(err, STATUS_UNSUPPORTED, "%s", reason ? reason : "there is no graph");
    contract = arena_new(model, struct contract, 1);
    if (!contract)
        return error_no_memory(err, "a contract");
    *contract = loading->description.contract;
    loading->model = NULL; /* taken over, also when this fails */
    loading->artifact = NULL;
    return native_servable(loading->graph, contract, options, model, artifact, servable, err);
}

enum status load_version(struct registry *registry, const struct version *version,
                         const struct native_options *options, struct servable **servable,
                         struct error *err)
{
    struct loading loading = {0};
    struct artifact *artifact;
    enum status status;

    if (version->reason)
        return error_set(err, STATUS_UNSUPPORTED, "%s", version->reason);
    TRY(registry_artifact(registry, version, &artifact, err));
    status = load_artifact(artifact, NULL, &loading, err);
    if (!status)
        status = load_servable(&loading, options, servable, err);
    load_close(&loading);
    return status;
}
