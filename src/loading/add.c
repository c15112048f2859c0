// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>

#include "base/text.h"
#include "loading/load.h"

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

enum status load_add(struct loading *loading, struct registry *registry,
                     const struct loading_add *add, struct version *version, bool *unchanged,
                     struct arena *keep, struct error *err)
{
    const struct description *d = &loading->description;
    struct text contract = {0};
    struct version_upload upload = {
        .model = add->name                ? add->name
                 : loading->manifest.name ? loading->manifest.name
                                          : default_name(loading->artifact, keep),
        .artifact = loading->artifact,
        .format = d->format,
        .framework = d->framework,
        .framework_version = d->framework_version,
        .manifest = loading->manifest_text.size ? (const char *)loading->manifest_text.data : "",
        .reason = d->reason,
        .progress = add->progress,
        .context = add->context,
    };
    enum status status;

    contract_print_json(&d->contract, &contract);
    status = text_check(&contract, err);
    upload.contract = contract.data;
    if (!status && !upload.model)
        status = error_no_memory(err, "a name");
    if (!status)
        status = registry_add(registry, &upload, version, unchanged, keep, err);
    text_release(&contract);
    return status;
}
