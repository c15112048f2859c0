// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "cli/command.h"
#include "cli/store.h"

struct verify {
    struct store_options store;
};

static const struct option OPTIONS[] = {
    STORE_OPTIONS(struct verify, store),
    {0},
};

static enum status work(struct store_call *call)
{
    size_t faults = 0;

    TRY(store_of(call));
    TRY(call->store->class->verify(call->store, call->text, &faults, call->err));
    if (call->json) {
        text_clear(call->text);
        text_printf(call->text, "{\"faults\":%zu}\n", faults);
    }
    if (faults) {
        if (error_set(call->err, STATUS_INVALID_INPUT, "%zu fault%s in the store", faults,
                      faults == 1 ? "" : "s"))
            error_fix(call->err, "restore the named blobs from a copy, or delete their versions");
        return call->err->status;
    }
    if (!call->json)
        text_append(call->text, "every row, blob and digest agrees\n");
    return STATUS_OK;
}

static int run(int argc, char **argv)
{
    struct verify verify = {0};

    return store_command(OPTIONS, argc, argv, 0, 0, &verify, &verify.store, "verify the store",
                         work);
}

const struct command command_verify = {
    .name = "verify",
    .usage = "verify --store DIR",
    .summary = "read everything in a store back and compare rows, blobs and digests",
    .group = "store",
    .options = OPTIONS,
    .run = run,
};
