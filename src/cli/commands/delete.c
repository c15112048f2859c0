// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "cli/command.h"
#include "cli/store.h"

struct delete
{
    bool all;
    struct store_options store;
};

static const struct option OPTIONS[] = {
    {"all", OPTION_FLAG, offsetof(struct delete, all), NULL, "the model with all its versions"},
    STORE_OPTIONS(struct delete, store),
    {0},
};

static enum status work(struct store_call *call)
{
    const struct delete *options = call->values;
    const char *model;
    int64_t number;

    TRY(store_of(call));
    TRY(reference_split(call->arguments->items[0], &model, &number, call->keep, call->err));
    if ((number == 0) != options->all) {
        if (error_set(call->err, STATUS_INVALID_INPUT,
                      options->all ? "--all and a version are given" : "no version is given"))
            error_fix(call->err, "name a version (%s:1), or the whole model with --all", model);
        return call->err->status;
    }
    TRY(call->store->class->delete (call->store, model, number, call->err));
    if (call->json)
        text_append(call->text, "{\"deleted\":true}\n");
    else if (number)
        text_printf(call->text, "%s:%lld is deleted; `firn gc` frees its bytes\n", model,
                    (long long)number);
    else
        text_printf(call->text, "%s is deleted with all its versions; `firn gc` frees the bytes\n",
                    model);
    return STATUS_OK;
}

static int run(int argc, char **argv)
{
    struct delete delete = {0};

    return store_command(OPTIONS, argc, argv, 1, 1, &delete, &delete.store, "delete the version",
                         work);
}

const struct command command_delete = {
    .name = "delete",
    .usage = "delete NAME:NUMBER | NAME --all [--store DIR | --server URL]",
    .summary = "delete a version, or a model with all of them",
    .help = "Refused while an alias stands on the version. Numbers are never given again.\n",
    .group = "store",
    .options = OPTIONS,
    .run = run,
};
