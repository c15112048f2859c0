// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/store.h"
#include "formats/json/json.h"

struct push {
    bool standalone;
    const char *registries, *base;
    struct store_options store;
};

static const struct option OPTIONS[] = {
    {"standalone", OPTION_FLAG, offsetof(struct push, standalone), NULL,
     "with the static server as a layer below: the image serves this version by itself"},
    {"base", OPTION_TEXT, offsetof(struct push, base), "REF",
     "with --standalone: an image with Python below, for versions that need workers"},
    REGISTRIES_OPTION(struct push, registries),
    STORE_OPTIONS(struct push, store),
    {0},
};

static void show(void *progress, uint64_t done, uint64_t total)
{
    progress_show(progress, done, total);
}

static void print(const struct store_call *call, const struct image_pushed *pushed)
{
    char size[32];

    if (call->json) {
        text_append(call->text, "{\"reference\":");
        json_write_text(call->text, pushed->reference);
        text_append(call->text, ",\"digest\":");
        json_write_text(call->text, pushed->digest);
        text_printf(call->text, ",\"bytes\":%lld,\"blobs\":%zu,\"existed\":%zu}\n",
                    (long long)pushed->bytes, pushed->blobs, pushed->existed);
        return;
    }
    text_printf(call->text, "pushed    %s\n", pushed->reference);
    text_printf(call->text, "digest    %s\n", pushed->digest);
    text_printf(call->text, "size      %s, %zu of %zu blobs were there\n",
                output_size((uint64_t)pushed->bytes, size, sizeof size), pushed->existed,
                pushed->blobs);
}

static enum status work(struct store_call *call)
{
    const struct push *options = call->values;
    struct progress progress;
    const struct store_push push = {
        .reference = call->arguments->count > 1 ? call->arguments->items[1] : NULL,
        .registries = options->registries,
        .standalone = options->standalone,
        .base = options->base,
        .progress = show,
        .context = &progress};
    struct image_pushed pushed;
    struct version version;
    enum status status;

    TRY(store_of(call));
    TRY(call->store->class->resolve(call->store, call->arguments->items[0], &version, call->keep,
                                    call->err));
    progress_start(&progress, "pushing");
    status = call->store->class->push(call->store, &version, &push, &pushed, call->keep, call->err);
    progress_end(&progress);
    if (!status)
        print(call, &pushed);
    return status;
}

static int run(int argc, char **argv)
{
    struct push push = {0};

    return store_command(OPTIONS, argc, argv, 1, 2, &push, &push.store, "push the version", work);
}

const struct command command_push = {
    .name = "push",
    .usage = "push NAME[:NUMBER | @ALIAS] [REF] [--standalone [--base REF]] [--registries FILE] "
             "[--store DIR | --server URL] [--json]",
    .summary = "push a version as an image to a registry, or into an OCI folder",
    .help =
        "REF is HOST[:PORT]/NAME[:TAG] or oci:FOLDER[:TAG]; without a tag the version's number\n"
        "is it, without REF the registry that registries.yaml names. The image has the digest\n"
        "of the version; what the registry has already is not sent. With --standalone an\n"
        "application takes the versions that it uses along.\n"
        "\n"
        "  firn push iris:3 registry.example.com/models/iris\n"
        "  firn push iris oci:image:latest --standalone\n",
    .group = "store",
    .options = OPTIONS,
    .run = run,
};
