// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/store.h"
#include "loading/load.h"

struct inspect {
    bool json, graph, optimised, contract;
    const char *manifest, *passes_off;
    struct store_options store;
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
    {"store", OPTION_TEXT, offsetof(struct inspect, store.store), "DIR",
     "inspect the version NAME[:NUMBER | @ALIAS] of the store in this folder"},
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

/* --- a stored version --- */

/* The lines of its log about facts. */
static enum status print_facts(struct store_call *call, const struct version *version)
{
    struct text log = {0};
    enum status status = call->store->class->log(call->store, version, &log, call->keep, call->err);

    if (!status)
        load_log_facts(&log, 10, call->text);
    text_release(&log);
    return status;
}

static enum status print_version(struct store_call *call, const struct version *version,
                                 struct loading *loading, const char *parity)
{
    const struct inspect *inspect = call->values;
    struct description *d = &loading->description;

    if (version->reason) /* what was found out when it was made */
        d->reason = version->reason;
    if (inspect->json) {
        description_print_json(d, call->text);
        call->text->data[--call->text->size] = 0; /* the brace */
        text_printf(call->text, ",\"version\":\"%s:%lld\",\"parity\":%s}\n", version->model,
                    (long long)version->number, parity ? parity : "null");
        return STATUS_OK;
    }
    if (inspect->graph || inspect->optimised || inspect->contract)
        return print(loading, inspect, call->text, call->err);
    text_printf(call->text, "%-10s  %s:%lld\n", "version", version->model,
                (long long)version->number);
    TRY(print_facts(call, version));
    print_people(d, call->text);
    return STATUS_OK;
}

static enum status inspect_version(struct store_call *call)
{
    const struct inspect *inspect = call->values;
    struct loading loading = {0};
    struct version version;
    const char *parity;
    enum status status;

    if (inspect->manifest)
        return error_set(call->err, STATUS_INVALID_INPUT, "a stored version has its manifest");
    TRY(store_of(call));
    TRY(call->store->class->resolve(call->store, call->arguments->items[0], &version, call->keep,
                                    call->err));
    status =
        call->store->class->open(call->store, &version, &loading, &parity, call->keep, call->err);
    if (!status)
        status = print_version(call, &version, &loading, parity);
    load_close(&loading);
    return status;
}

static bool wants_store(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--store") == 0 || strncmp(argv[i], "--store=", 8) == 0)
            return true;
    return false;
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
    enum status status;

    if (wants_store(argc, argv))
        return store_command(OPTIONS, argc, argv, 1, 1, &inspect, &inspect.store,
                             "inspect the version", inspect_version);
    status = options_parse(OPTIONS, argc, argv, 1, 1, &inspect, &arguments, &err);
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
    .usage = "inspect [--json | --graph | --optimised | --contract] [--manifest FILE] "
             "(PATH | --store DIR NAME[:NUMBER | @ALIAS])",
    .summary = "say what a model file is, its contract and whether it can be served",
    .help =
        "Reads the file or folder and runs nothing of it. Each fact of the contract says where\n"
        "it comes from. `executes` lists what opening the file with its framework would run.\n"
        "A format that is recognised, but whose contract cannot be read yet, is described and\n"
        "refused (exit 6).\n"
        "Of a version in a store it also says how it agreed with its framework.\n"
        "\n"
        "  firn inspect model.joblib\n"
        "  firn inspect --contract model.joblib > serving.yaml\n"
        "  firn inspect --store store iris:3\n",
    .group = "models",
    .options = OPTIONS,
    .run = run,
};
