// SPDX-License-Identifier: Apache-2.0
#include "applications/application.h"
#include "base/text.h"

/* The name may be an application's already, not a model's. */
static enum status name_check(struct registry *registry, const char *name, struct arena *keep,
                              struct error *err)
{
    struct version newest;
    struct error missing;

    if (registry_resolve(registry, name, &newest, keep, &missing))
        return missing.status == STATUS_NOT_FOUND ? STATUS_OK : (*err = missing, missing.status);
    if (!strcmp(newest.format, APPLICATION_FORMAT))
        return STATUS_OK;
    if (error_set(err, STATUS_CONFLICT, "a model is called \"%s\"", name))
        error_fix(err, "give the application another name");
    return err->status;
}

static enum status freeze(struct registry *registry, const struct application *application,
                          const char *specification, const char *contract, struct version *version,
                          bool *unchanged, struct arena *keep, struct error *err)
{
    struct version_use *uses = arena_new(keep, struct version_use, application->part_count);
    struct version_upload upload = {.model = application->name,
                                    .format = APPLICATION_FORMAT,
                                    .contract = contract,
                                    .manifest = specification,
                                    .uses = uses,
                                    .use_count = application->part_count};
    enum status status;

    if (!uses)
        return error_no_memory(err, "an application");
    for (size_t i = 0; i < application->part_count; i++)
        uses[i] = (struct version_use){application->parts[i].version.model,
                                       application->parts[i].version.number};
    TRY(artifact_open_bytes(bytes_of(specification), "application.json", NULL, &upload.artifact,
                            err));
    status = registry_add(registry, &upload, version, unchanged, keep, err);
    artifact_close(upload.artifact);
    return status;
}

enum status application_add(struct registry *registry, const struct manifest_application *from,
                            struct version *version, bool *unchanged, struct arena *keep,
                            struct error *err)
{
    struct text specification = {0}, contract = {0};
    struct application application;
    enum status status;

    TRY(name_check(registry, from->name, keep, err));
    TRY(application_resolve(registry, from, &application, keep, err));
    TRY(application_link(&application, keep, err));
    application_print(&application, &specification);
    contract_print_json(&application.contract, &contract);
    status = text_check(&specification, err);
    if (!status)
        status = text_check(&contract, err);
    if (!status)
        status = freeze(registry, &application, specification.data, contract.data, version,
                        unchanged, keep, err);
    text_release(&specification);
    text_release(&contract);
    return status;
}
