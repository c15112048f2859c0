// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/store.h"
#include "registry/version_json.h"

struct pull {
    const char *name, *registries;
    struct store_options store;
};

static const struct option OPTIONS[] = {
    {"name", OPTION_TEXT, offsetof(struct pull, name), "NAME",
     "the model's name here (the image's)"},
    REGISTRIES_OPTION(struct pull, registries),
    STORE_OPTIONS(struct pull, store),
    {0},
};

static void show(void *progress, uint64_t done, uint64_t total)
{
    progress_show(progress, done, total);
}

static enum status work(struct store_call *call)
{
    const struct pull *options = call->values;
    struct progress progress;
    const struct store_pull pull = {.reference = call->arguments->items[0],
                                    .name = options->name,
                                    .registries = options->registries,
                                    .progress = show,
                                    .context = &progress};
    struct version version;
    bool unchanged = false;
    enum status status;

    TRY(store_of(call));
    progress_start(&progress, "pulling");
    status =
        call->store->class->pull(call->store, &pull, &version, &unchanged, call->keep, call->err);
    progress_end(&progress);
    if (status)
        return status;
    if (call->json) {
        version_print_json(&version, false, call->text);
        text_append(call->text, "\n");
        return STATUS_OK;
    }
    text_printf(call->text, "version   %s:%lld%s\n", version.model, (long long)version.number,
                unchanged ? "  (unchanged: the newest version is the same)" : "");
    text_printf(call->text, "digest    %s\n", version.digest);
    text_printf(call->text, "next      firn show %s:%lld%s\n", version.model,
                (long long)version.number, call->where);
    return STATUS_OK;
}

static int run(int argc, char **argv)
{
    struct pull pull = {0};

    return store_command(OPTIONS, argc, argv, 1, 1, &pull, &pull.store, "pull the image", work);
}

const struct command command_pull = {
    .name = "pull",
    .usage = "pull REF [--name NAME] [--registries FILE] [--store DIR | --server URL] [--json]",
    .summary = "pull an image as the next version of a model",
    .help =
        "An image that firn pushed keeps its digest; out of any other, the files at\n"
        "/model/files are taken (`firn upload --image REF --path PATH` for another place). REF\n"
        "may be a tar file, too: docker-archive:FILE[:TAG], oci-archive:FILE[:TAG].\n"
        "\n"
        "  firn pull registry.example.com/models/iris:3 --store store\n"
        "  firn pull oci:image:latest --name flowers\n",
    .group = "store",
    .options = OPTIONS,
    .run = run,
};
