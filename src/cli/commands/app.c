// SPDX-License-Identifier: Apache-2.0
#include "cli/applications.h"
#include "cli/command.h"
#include "cli/output.h"
#include "registry/version_json.h"

struct app {
    struct store_options store;
};

static const struct option OPTIONS[] = {
    STORE_OPTIONS(struct app, store),
    {0},
};

static enum status show(struct store_call *call, const char *reference)
{
    const struct manifest_application *application;
    struct contract contract;
    struct version version;

    TRY(application_of(call, reference, &version, &application));
    if (call->json) {
        version_print_json(&version, false, call->text);
        text_append(call->text, "\n");
        return STATUS_OK;
    }
    TRY(contract_parse_json(bytes_of(version.contract), &contract, call->keep, call->err));
    text_printf(call->text, "application  %s:%lld, of %s\nstages       ", version.model,
                (long long)version.number, version.created);
    application_print_stages(application, call->text);
    text_append(call->text, "\n");
    application_print_facts(application, call->text);
    contract_print_table(&contract, call->text);
    return STATUS_OK;
}

static enum status history(struct store_call *call, const char *reference)
{
    const struct manifest_application *application;
    struct version *versions, version;
    size_t count;

    TRY(application_of(call, reference, &version, &application));
    TRY(call->store->class->list(call->store, version.model, &versions, &count, call->keep,
                                 call->err));
    text_append(call->text, call->json ? "[" : "");
    for (size_t i = 0; i < count; i++) {
        const char *one =
            arena_printf(call->keep, "%s:%lld", versions[i].model, (long long)versions[i].number);

        if (call->json) {
            text_append(call->text, i ? "," : "");
            version_print_json(&versions[i], true, call->text);
            continue;
        }
        if (!one)
            return error_no_memory(call->err, "a list");
        TRY(application_of(call, one, &version, &application));
        text_printf(call->text, "%lld\t%s\t", (long long)version.number, version.created);
        application_print_stages(application, call->text);
        text_append(call->text, "\n");
    }
    text_append(call->text, call->json ? "]\n" : "");
    return STATUS_OK;
}

static enum status rm(struct store_call *call, const char *reference)
{
    const struct manifest_application *application;
    struct version version;
    const char *model;
    int64_t number;

    TRY(application_of(call, reference, &version, &application));
    TRY(reference_split(reference, &model, &number, call->keep, call->err));
    TRY(call->store->class->delete (call->store, model, number, call->err));
    if (call->json)
        text_append(call->text, "{\"deleted\":true}\n");
    else
        text_printf(call->text, "%s is deleted\n", reference);
    return STATUS_OK;
}

static const struct {
    const char *name;
    enum status (*work)(struct store_call *call, const char *reference);
} VERBS[] = {{"show", show}, {"history", history}, {"rm", rm}};

static enum status work(struct store_call *call)
{
    const char *verb = call->arguments->items[0];

    for (size_t i = 0; i < ARRAY_COUNT(VERBS); i++)
        if (!strcmp(VERBS[i].name, verb))
            return VERBS[i].work(call, call->arguments->items[1]);
    if (error_set(call->err, STATUS_INVALID_INPUT, "\"%.40s\" is nothing that app does", verb))
        error_fix(call->err, "it is show, history or rm");
    return call->err->status;
}

static int run(int argc, char **argv)
{
    struct app app = {0};

    return store_command(OPTIONS, argc, argv, 2, 2, &app, &app.store, "work on the application",
                         work);
}

const struct command command_app = {
    .name = "app",
    .usage = "app show | history | rm NAME[:VERSION] [--store DIR | --server URL] [--json]",
    .summary = "show an application, its versions, or remove it",
    .help = "`rm` without a version removes all of them. `firn apply` makes applications,\n"
            "`firn rollback` goes back.\n"
            "\n"
            "  firn app history shop\n",
    .group = "store",
    .options = OPTIONS,
    .run = run,
};
