// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "loading/load.h"

struct inspect {
    bool json, graph, optimised, contract;
    const char *manifest, *passes_off;
};

static const struct option OPTIONS[] = {
    {"json", OPTION_FLAG, offsetof(struct inspect, json), NULL, "print one JSON object"},
    {"graph", OPTION_FLAG, offsetof(struct inspect, graph), NULL,
     "print the graph that the model was read as"},
    {"optimised", OPTION_FLAG, offsetof(struct inspect, optimised), NULL,
     "print the graph as the engine runs it"},
    {"passes-off", OPTION_TEXT, offsetof(struct inspect, passes_off), "NAMES",
     "with --optimised: graph passes not to run, or all"},
    {"contract", OPTION_FLAG, offsetof(struct inspect, contract), NULL,
     "print the contract as serving.yaml has it, to start a manifest from"},
    {"manifest", OPTION_TEXT, offsetof(struct inspect, manifest), "FILE",
     "a manifest to put over what the file says"},
    {0},
};

#define SCRATCH_MAX ((size_t)4 << 30)

static void print_list(struct text *text, const char *head, const char *const *items, size_t count)
{
    char quoted[512];

    for (size_t i = 0; i < count; i++)
        text_printf(text, "%-10s  %s\n", i ? "" : head,
                    text_quote(bytes_of(items[i]), quoted, sizeof quoted));
}

static void print_people(const struct description *d, struct text *text)
{
    char quoted[512];

    text_printf(text, "%-10s  %s\n", "format", d->format);
    if (d->framework)
        text_printf(
            text, "%-10s  %s%s%s\n", "framework", d->framework, d->framework_version ? " " : "",
            d->framework_version ? text_quote(bytes_of(d->framework_version), quoted, sizeof quoted)
                                 : "");
    text_printf(text, "%-10s  %s%s\n", "native", d->reason ? "no: " : "yes",
                d->reason ? text_quote(bytes_of(d->reason), quoted, sizeof quoted) : "");
    print_list(text, "executes", d->executes, d->executes_count);
    print_list(text, "warning", d->warnings, d->warning_count);
    print_list(text, "detail", d->details, d->detail_count);
    print_list(text, "filters", d->filters, d->filter_count);
    if (d->contract.count)
        text_append(text, "\n");
    contract_print_table(&d->contract, text);
}

static enum status print_graph(const struct loading *loading, const struct inspect *inspect,
                               struct text *text, struct error *err)
{
    const char *reason = loading->description.reason;
    struct arena scratch;
    enum status status = STATUS_OK;

    if (!loading->graph)
        return error_set(err, STATUS_UNSUPPORTED, "%s", reason ? reason : "no graph");
    if (inspect->optimised) {
        arena_init(&scratch, SCRATCH_MAX);
        status = graph_optimise(loading->graph, inspect->passes_off, &scratch, err);
        arena_release(&scratch);
    }
    if (!status)
        graph_print(loading->graph, text);
    return status;
}

static enum status print(const struct loading *loading, const struct inspect *inspect,
                         struct text *text, struct error *err)
{
    const struct description *d = &loading->description;

    if (inspect->graph || inspect->optimised) {
        return print_graph(loading, inspect, text, err);
    } else if (inspect->contract) {
        contract_print_yaml(&d->contract, text);
    } else if (inspect->json) {
        description_print_json(d, text);
        text_append(text, "\n");
    } else {
        print_people(d, text);
    }
    return STATUS_OK;
}

/* What is recognised but names no signature that could be read is told, and refused. */
static int finish(const struct description *d, const char *path, struct text *text)
{
    struct error err = {0};
    int code;

    if (d->contract.count || !d->reason)
        return output_text(text);
    code = output_text(text);
    if (code)
        return code;
    if (error_set(&err, STATUS_UNSUPPORTED, "%s", d->reason)) {
        error_fix(&err, "declare a contract for it with --manifest FILE (`firn help manifest`)");
        return output_error(&err, "find a contract in \"%s\"", path);
    }
    return code;
}

static int run(int argc, char **argv)
{
    struct inspect inspect = {0};
    struct arguments arguments = {0};
    struct loading loading = {0};
    struct text text = {0};
    struct error err = {0};
    const char *path = "a model";
    int code;
    enum status status = options_parse(OPTIONS, argc, argv, 1, 1, &inspect, &arguments, &err);

    if (!status) {
        path = arguments.items[0];
        status = load_open(path, inspect.manifest, &loading, &err);
    }
    if (!status)
        status = print(&loading, &inspect, &text, &err);
    if (status) {
        text_release(&text);
        code = output_error(&err, "inspect \"%s\"", path);
    } else {
        code = finish(&loading.description, path, &text);
    }
    load_close(&loading);
    arguments_release(&arguments);
    return code;
}

const struct command command_inspect = {
    .name = "inspect",
    .usage = "inspect [--json | --graph | --optimised | --contract] [--manifest FILE] PATH",
    .summary = "say what a model file is, its contract and whether it can be served",
    .help =
        "Reads the file or folder and runs nothing of it. Each fact of the contract says where\n"
        "it comes from. `executes` lists what opening the file with its framework would run.\n"
        "A format that is recognised, but whose contract cannot be read yet, is described and\n"
        "refused (exit 6).\n"
        "\n"
        "  firn inspect model.joblib\n"
        "  firn inspect --contract model.joblib > serving.yaml\n",
    .group = "models",
    .options = OPTIONS,
    .run = run,
};
