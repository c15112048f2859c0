// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "cli/command.h"
#include "cli/store.h"
#include "formats/json/json.h"

struct alias {
    bool remove;
    int64_t expect;
    struct store_options store;
};

static const struct option OPTIONS[] = {
    {"expect", OPTION_NUMBER, offsetof(struct alias, expect), "NUMBER",
     "only if the alias stands on this version now; 0: only if there is none"},
    {"remove", OPTION_FLAG, offsetof(struct alias, remove), NULL, "remove the alias"},
    STORE_OPTIONS(struct alias, store),
    {0},
};

static enum status work(struct store_call *call)
{
    const struct alias *options = call->values;
    const char *alias = call->arguments->items[1], *model;
    struct version version = {0};
    int64_t number;

    TRY(store_of(call));
    if (options->remove) {
        TRY(reference_split(call->arguments->items[0], &model, &number, call->keep, call->err));
    } else {
        TRY(call->store->class->resolve(call->store, call->arguments->items[0], &version,
                                        call->keep, call->err));
        model = version.model;
    }
    TRY(call->store->class->alias(call->store, model, alias, version.number, options->expect,
                                  call->err));
    if (call->json) {
        text_append(call->text, "{");
        json_write_key(call->text, "name");
        json_write_string(call->text, bytes_of(model));
        text_append(call->text, ",");
        json_write_key(call->text, "alias");
        json_write_string(call->text, bytes_of(alias));
        text_printf(call->text, ",\"version\":%lld}\n", (long long)version.number);
    } else if (options->remove) {
        text_printf(call->text, "%s@%s is removed\n", model, alias);
    } else {
        text_printf(call->text, "%s@%s is %s:%lld\n", model, alias, model,
                    (long long)version.number);
    }
    return STATUS_OK;
}

static int run(int argc, char **argv)
{
    struct alias alias = {.expect = -1};

    return store_command(OPTIONS, argc, argv, 2, 2, &alias, &alias.store, "move the alias", work);
}

const struct command command_alias = {
    .name = "alias",
    .usage = "alias NAME[:NUMBER | @ALIAS] ALIAS [--expect NUMBER | --remove] [--store DIR | "
             "--server URL]",
    .summary = "let an alias stand on a version, or remove it",
    .help = "  firn alias iris:3 prod\n"
            "  firn alias iris:4 prod --expect 3\n"
            "  firn alias iris prod --remove\n",
    .group = "store",
    .options = OPTIONS,
    .run = run,
};
