// SPDX-License-Identifier: Apache-2.0
#include "cli/applications.h"
#include "cli/command.h"
#include "cli/output.h"
#include "registry/version_json.h"

struct apps {
    struct store_options store;
};

static const struct option OPTIONS[] = {
    STORE_OPTIONS(struct apps, store),
    {0},
};

static enum status row_print(struct store_call *call, const struct version *row, bool first)
{
    const struct manifest_application *application;
    struct version version;
    const char *reference = arena_printf(call->keep, "%s:%lld", row->model, (long long)row->number);

    if (call->json) {
        text_append(call->text, first ? "" : ",");
        version_print_json(row, true, call->text);
        return STATUS_OK;
    }
    if (!reference)
        return error_no_memory(call->err, "a list");
    TRY(application_of(call, reference, &version, &application));
    text_printf(call->text, "%s\t%lld\t", row->model, (long long)row->number);
    application_print_stages(application, call->text);
    text_append(call->text, "\n");
    return STATUS_OK;
}

static enum status work(struct store_call *call)
{
    struct version *versions;
    size_t count, shown = 0;

    TRY(store_of(call));
    TRY(call->store->class->list(call->store, NULL, &versions, &count, call->keep, call->err));
    text_append(call->text, call->json ? "[" : "");
    for (size_t i = 0; i < count; i++)
        if (!strcmp(versions[i].format, APPLICATION_FORMAT))
            TRY(row_print(call, &versions[i], !shown++));
    text_append(call->text, call->json ? "]\n" : "");
    return STATUS_OK;
}

static int run(int argc, char **argv)
{
    struct apps apps = {0};

    return store_command(OPTIONS, argc, argv, 0, 0, &apps, &apps.store, "list the applications",
                         work);
}

const struct command command_apps = {
    .name = "apps",
    .usage = "apps [--store DIR | --server URL] [--json]",
    .summary = "applications, each with its newest version and stages",
    .help = "  firn apps\n",
    .group = "store",
    .options = OPTIONS,
    .run = run,
};
