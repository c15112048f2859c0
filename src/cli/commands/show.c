// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/store.h"
#include "contract/manifest.h"
#include "loading/load.h"
#include "registry/version_json.h"

struct show {
    bool contract, log;
    struct store_options store;
};

static const struct option OPTIONS[] = {
    {"contract", OPTION_FLAG, offsetof(struct show, contract), NULL,
     "print the contract as serving.yaml has it"},
    {"log", OPTION_FLAG, offsetof(struct show, log), NULL,
     "print what happened when the version was made"},
    STORE_OPTIONS(struct show, store),
    {0},
};

static void fact(struct text *text, const char *name, const char *value)
{
    char quoted[512];

    if (value)
        text_printf(text, "%-9s  %s\n", name, text_quote(bytes_of(value), quoted, sizeof quoted));
}

/* What the manifest says beside the contract. */
static void print_manifest(struct text *text, const struct manifest *manifest)
{
    char quoted[512], value[512];

    fact(text, "about", manifest->description);
    fact(text, "type", manifest->model_type);
    fact(text, "runtime", manifest->runtime);
    for (size_t i = 0; i < manifest->payload_count; i++)
        fact(text, i ? "" : "payload", manifest->payload[i]);
    fact(text, "install", manifest->install_command);
    fact(text, "training", manifest->training_data);
    for (size_t i = 0; i < manifest->metadata_count; i++)
        text_printf(text, "%-9s  %s: %s\n", i ? "" : "metadata",
                    text_quote(bytes_of(manifest->metadata[i].key), quoted, sizeof quoted),
                    text_quote(bytes_of(manifest->metadata[i].value), value, sizeof value));
    for (size_t i = 0; i < manifest->monitor_count; i++)
        text_printf(text, "%-9s  %s: %s %s %g\n", i ? "" : "monitors",
                    text_quote(bytes_of(manifest->monitors[i].name), quoted, sizeof quoted),
                    text_quote(bytes_of(manifest->monitors[i].model), value, sizeof value),
                    manifest->monitors[i].comparison, manifest->monitors[i].threshold);
    for (size_t i = 0; i < manifest->chain_count; i++) {
        text_printf(text, "%-9s  ", i ? "" : "filters");
        filter_chain_print(&manifest->chains[i], text);
        text_append_char(text, '\n');
    }
    if (manifest->monitoring_batch)
        text_printf(text, "batches    %lld requests each, for monitoring\n",
                    (long long)manifest->monitoring_batch);
}

/* What is known of the upload, from its log. */
static enum status print_facts(struct store_call *call, const struct version *version)
{
    struct text log = {0};
    enum status status = call->store->class->log(call->store, version, &log, call->keep, call->err);

    if (!status)
        load_log_facts(&log, 9, call->text);
    text_release(&log);
    return status;
}

static enum status print_people(struct store_call *call, const struct version *v,
                                const struct contract *contract)
{
    struct text *text = call->text;
    struct arena *keep = call->keep;
    struct manifest manifest;
    struct error ignored;

    char size[32], quoted[512];

    text_printf(text, "model      %s:%lld\n", v->model, (long long)v->number);
    for (size_t i = 0; i < v->alias_count; i++)
        text_printf(text, "%-9s  %s\n", i ? "" : "aliases", v->aliases[i]);
    text_printf(text, "digest     %s\n", v->digest);
    for (size_t i = 0; i < v->pushed_count; i++)
        text_printf(text, "%-9s  %s\n", i ? "" : "pushed", v->pushed[i]);
    text_printf(text, "format     %s%s%s%s%s\n", v->format, v->framework ? ", " : "",
                v->framework ? v->framework : "",
                v->framework_version && *v->framework_version ? " " : "",
                v->framework_version ? v->framework_version : "");
    text_printf(text, "size       %s\n", output_size((uint64_t)v->bytes, size, sizeof size));
    text_printf(text, "created    %s\n", v->created);
    text_printf(text, "native     %s%s\n", v->reason ? "no: " : "yes",
                v->reason ? text_quote(bytes_of(v->reason), quoted, sizeof quoted) : "");
    if (v->manifest[0] &&
        !manifest_parse(bytes_of(v->manifest), "manifest", &manifest, keep, &ignored))
        print_manifest(text, &manifest); /* an application's is another: see `firn app show` */
    TRY(print_facts(call, v));
    text_append_char(text, '\n');
    contract_print_table(contract, text);
    return STATUS_OK;
}

static enum status work(struct store_call *call)
{
    const struct show *show = call->values;
    struct version version;
    struct contract contract;

    TRY(store_of(call));
    TRY(call->store->class->resolve(call->store, call->arguments->items[0], &version, call->keep,
                                    call->err));
    if (show->log)
        return call->store->class->log(call->store, &version, call->text, call->keep, call->err);
    TRY(contract_parse_json(bytes_of(version.contract), &contract, call->keep, call->err));
    if (show->contract) {
        contract_print_yaml(&contract, call->text);
    } else if (call->json) {
        version_print_json(&version, false, call->text);
        text_append(call->text, "\n");
    } else {
        return print_people(call, &version, &contract);
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
    .usage =
        "show NAME[:NUMBER | @ALIAS] [--contract | --log] [--store DIR | --server URL] [--json]",
    .summary = "show a version: contract, digest, aliases",
    .group = "store",
    .options = OPTIONS,
    .run = run,
};
