// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/store.h"
#include "contract/contract.h"
#include "registry/version_json.h"

struct show {
    bool contract;
    struct store_options store;
};

static const struct option OPTIONS[] = {
    {"contract", OPTION_FLAG, offsetof(struct show, contract), NULL,
     "print the contract as serving.yaml has it"},
    STORE_OPTIONS(struct show, store),
    {0},
};

static void print_people(struct text *text, const struct version *v,
                         const struct contract *contract)
{
    char size[32], quoted[512];

    text_printf(text, "model      %s:%lld\n", v->model, (long long)v->number);
    for (size_t i = 0; i < v->alias_count; i++)
        text_printf(text, "%-9s  %s\n", i ? "" : "aliases", v->aliases[i]);
    text_printf(text, "digest     %s\n", v->digest);
    text_printf(text, "format     %s%s%s%s%s\n", v->format, v->framework ? ", " : "",
                v->framework ? v->framework : "", v->framework_version ? " " : "",
                v->framework_version ? v->framework_version : "");
    text_printf(text, "size       %s\n", output_size((uint64_t)v->bytes, size, sizeof size));
    text_printf(text, "created    %s\n", v->created);
    text_printf(text, "native     %s%s\n\n", v->reason ? "no: " : "yes",
                v->reason ? text_quote(bytes_of(v->reason), quoted, sizeof quoted) : "");
    contract_print_table(contract, text);
}

static enum status work(struct store_call *call)
{
    const struct show *show = call->values;
    struct version version;
    struct contract contract;

    TRY(store_of(call));
    TRY(call->store->class->resolve(call->store, call->arguments->items[0], &version, call->keep,
                                    call->err));
    TRY(contract_parse_json(bytes_of(version.contract), &contract, call->keep, call->err));
    if (show->contract) {
        contract_print_yaml(&contract, call->text);
    } else if (call->json) {
        version_print_json(&version, false, call->text);
        text_append(call->text, "\n");
    } else {
        print_people(call->text, &version, &contract);
    }
    return STATUS_OK;
}

static int run(int argc, char **argv)
{
    struct show show = {0};

    return store_command(OPTIONS, argc, argv, 1, 1, &show, &show.store, "show the version", work);
}

const struct command command_show = {
    .name = "show",
    .usage = "show NAME[:NUMBER | @ALIAS] [--contract] [--store DIR | --server URL] [--json]",
    .summary = "show a version: contract, digest, aliases",
    .group = "store",
    .options = OPTIONS,
    .run = run,
};
