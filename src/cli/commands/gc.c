// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/store.h"

struct gc {
    struct store_options store;
};

static const struct option OPTIONS[] = {
    STORE_OPTIONS(struct gc, store),
    {0},
};

static enum status work(struct store_call *call)
{
    uint64_t files = 0, bytes = 0;
    char size[32];

    TRY(store_of(call));
    TRY(call->store->class->gc(call->store, &files, &bytes, call->err));
    if (call->json)
        text_printf(call->text, "{\"files\":%llu,\"bytes\":%llu}\n", (unsigned long long)files,
                    (unsigned long long)bytes);
    else
        text_printf(call->text, "removed %llu file%s, %s\n", (unsigned long long)files,
                    files == 1 ? "" : "s", output_size(bytes, size, sizeof size));
    return STATUS_OK;
}

static int run(int argc, char **argv)
{
    struct gc gc = {0};

    return store_command(OPTIONS, argc, argv, 0, 0, &gc, &gc.store, "collect garbage", work);
}

const struct command command_gc = {
    .name = "gc",
    .usage = "gc --store DIR",
    .summary = "remove bytes, and environments of workers, that no version needs any more",
    .group = "store",
    .options = OPTIONS,
    .run = run,
};
