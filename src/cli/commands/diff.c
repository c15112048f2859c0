// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/store.h"
#include "contract/contract.h"
#include "formats/json/json.h"
#include "loading/load.h"

struct diff {
    bool breaking;
    struct store_options store;
};

static const struct option OPTIONS[] = {
    {"breaking", OPTION_FLAG, offsetof(struct diff, breaking), NULL,
     "fail (exit 4) when a difference breaks clients"},
    STORE_OPTIONS(struct diff, store),
    {0},
};

/* A path of this machine, or a reference. */
static enum status contract_of(struct store_call *call, const char *name, struct loading *loading,
                               struct contract *contract)
{
    struct version version;

    if (access(name, F_OK) == 0) {
        TRY(load_open(name, NULL, loading, call->err));
        *contract = loading->description.contract;
        return STATUS_OK;
    }
    TRY(store_of(call));
    TRY(call->store->class->resolve(call->store, name, &version, call->keep, call->err));
    return contract_parse_json(bytes_of(version.contract), contract, call->keep, call->err);
}

static enum status compare(struct store_call *call, struct loading loadings[2])
{
    static const char *const GRADES[] = {"same", "compatible", "breaking"};
    const struct diff *options = call->values;
    struct contract contracts[2];
    struct text lines = {0};
    int grade;

    for (size_t i = 0; i < 2; i++)
        TRY(contract_of(call, call->arguments->items[i], &loadings[i], &contracts[i]));
    grade = contract_diff(&contracts[0], &contracts[1], &lines);
    if (call->json) {
        text_append(call->text, "{\"verdict\":");
        json_write_string(call->text, bytes_of(GRADES[grade]));
        text_append(call->text, ",\"text\":");
        json_write_string(call->text, text_bytes(&lines));
        text_append(call->text, "}\n");
    } else {
        text_append_bytes(call->text, text_bytes(&lines));
        text_printf(call->text, "%s\n",
                    grade == DIFF_SAME ? "the contracts are the same" : GRADES[grade]);
    }
    text_release(&lines);
    if (grade == DIFF_BREAKING && options->breaking)
        return error_set(call->err, STATUS_CONFLICT, "the contract of \"%s\" breaks clients",
                         call->arguments->items[1]);
    return STATUS_OK;
}

static enum status work(struct store_call *call)
{
    struct loading loadings[2] = {{0}, {0}};
    enum status status = compare(call, loadings);

    load_close(&loadings[0]);
    load_close(&loadings[1]);
    return status;
}

static int run(int argc, char **argv)
{
    struct diff diff = {0};

    return store_command(OPTIONS, argc, argv, 2, 2, &diff, &diff.store, "compare the contracts",
                         work);
}

const struct command command_diff = {
    .name = "diff",
    .usage = "diff OLD NEW [--breaking] [--store DIR | --server URL] [--json]",
    .summary = "say what clients of one contract would notice with another",
    .help = "OLD and NEW are versions (NAME:3, NAME@ALIAS) or paths.\n",
    .group = "store",
    .options = OPTIONS,
    .run = run,
};
