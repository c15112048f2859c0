// SPDX-License-Identifier: Apache-2.0
#include "cli/applications.h"
#include "cli/command.h"
#include "cli/output.h"
#include "registry/version_json.h"

struct rollback {
    struct store_options store;
};

static const struct option OPTIONS[] = {
    STORE_OPTIONS(struct rollback, store),
    {0},
};

/* The version before the newest. */
static enum status previous(struct store_call *call, const char *model, const char **reference)
{
    struct version *versions;
    size_t count;

    TRY(store_of(call));
    TRY(call->store->class->list(call->store, model, &versions, &count, call->keep, call->err));
    if (count < 2)
        return error_set(call->err, STATUS_NOT_FOUND, "\"%s\" has no version before its newest",
                         model);
    *reference = arena_printf(call->keep, "%s:%lld", model, (long long)versions[1].number);
    return *reference ? STATUS_OK : error_no_memory(call->err, "a name");
}

/* What was once is made the newest again, as a version of its own: history only grows. */
static enum status work(struct store_call *call)
{
    const char *reference = call->arguments->items[0];
    const struct manifest_application *application;
    struct version old, version;
    const char *model;
    int64_t number;
    bool unchanged = false;

    TRY(reference_split(reference, &model, &number, call->keep, call->err));
    if (!number && !strchr(reference, '@'))
        TRY(previous(call, model, &reference));
    TRY(application_of(call, reference, &old, &application));
    TRY(call->store->class->compose(call->store, bytes_of(old.manifest), old.model, &version,
                                    &unchanged, call->keep, call->err));
    if (call->json) {
        version_print_json(&version, true, call->text);
        text_append(call->text, "\n");
        return STATUS_OK;
    }
    text_printf(call->text, "application  %s:%lld, as %s:%lld was%s\n", version.model,
                (long long)version.number, old.model, (long long)old.number,
                unchanged ? "  (unchanged)" : "");
    return STATUS_OK;
}

static int run(int argc, char **argv)
{
    struct rollback rollback = {0};

    return store_command(OPTIONS, argc, argv, 1, 1, &rollback, &rollback.store,
                         "roll the application back", work);
}

const struct command command_rollback = {
    .name = "rollback",
    .usage = "rollback NAME[:VERSION] [--store DIR | --server URL] [--json]",
    .summary = "bring back an earlier version of an application",
    .help = "Without a version: the one before the newest. It becomes a version of its own, so\n"
            "that the history keeps what was.\n"
            "\n"
            "  firn rollback shop\n",
    .group = "store",
    .options = OPTIONS,
    .run = run,
};
