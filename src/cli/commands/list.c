// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/store.h"
#include "registry/version_json.h"

struct list {
    struct store_options store;
};

static const struct option OPTIONS[] = {
    STORE_OPTIONS(struct list, store),
    {0},
};

static void print_json(const struct store_call *call, const struct version *versions, size_t count)
{
    text_append(call->text, "[");
    for (size_t i = 0; i < count; i++) {
        text_append(call->text, i ? "," : "");
        version_print_json(&versions[i], true, call->text);
    }
    text_append(call->text, "]\n");
}

static void print_row(struct text *text, const struct version *v, int width, bool terminal)
{
    char size[32], aliases[200] = "";
    size_t used = 0;

    for (size_t i = 0; i < v->alias_count && used + 2 < sizeof aliases; i++)
        used += (size_t)snprintf(aliases + used, sizeof aliases - used, "%s%s", i ? "," : "",
                                 v->aliases[i]);
    if (terminal)
        text_printf(text, "%-*s  %7lld  %-14s  %-16s  %8s  %s  %s\n", width, v->model,
                    (long long)v->number, aliases, v->format,
                    output_size((uint64_t)v->bytes, size, sizeof size), v->created,
                    v->reason ? "not native" : "");
    else
        text_printf(text, "%s\t%lld\t%s\t%s\t%lld\t%s\t%s\n", v->model, (long long)v->number,
                    aliases, v->format, (long long)v->bytes, v->created,
                    v->reason ? "not native" : "native");
}

static enum status work(struct store_call *call)
{
    const char *model = call->arguments->count ? call->arguments->items[0] : NULL;
    bool terminal = output_is_terminal();
    struct version *versions;
    size_t count;
    int width = 4;

    TRY(store_of(call));
    TRY(call->store->class->list(call->store, model, &versions, &count, call->keep, call->err));
    if (call->json) {
        print_json(call, versions, count);
        return STATUS_OK;
    }
    for (size_t i = 0; i < count; i++)
        width = (int)strlen(versions[i].model) > width ? (int)strlen(versions[i].model) : width;
    if (terminal && count)
        text_printf(call->text, "%-*s  VERSION  %-14s  %-16s  %8s  CREATED\n", width, "NAME",
                    "ALIASES", "FORMAT", "SIZE");
    for (size_t i = 0; i < count; i++)
        print_row(call->text, &versions[i], width, terminal);
    return STATUS_OK;
}

static int run(int argc, char **argv)
{
    struct list list = {0};

    return store_command(OPTIONS, argc, argv, 0, 1, &list, &list.store, "list the models", work);
}

const struct command command_list = {
    .name = "list",
    .usage = "list [NAME] [--store DIR | --server URL] [--json]",
    .summary = "list the models, or the versions of one",
    .help = "On a terminal a table; else one line a version, separated by tabs.\n",
    .group = "store",
    .options = OPTIONS,
    .run = run,
};
