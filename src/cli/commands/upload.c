// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "cli/command.h"
#include "cli/git.h"
#include "cli/manifest_file.h"
#include "cli/output.h"
#include "cli/store.h"
#include "cli/training.h"
#include "contract/adapters.h"
#include "contract/contract.h"
#include "registry/version_json.h"

struct upload {
    const char *name, *manifest, *alias, *image, *path, *registries;
    bool workers, verify, no_verify;
    struct option_list filters;
    struct store_options store;
};

static const struct option OPTIONS[] = {
    {"name", OPTION_TEXT, offsetof(struct upload, name), "NAME",
     "the model's name (the manifest's, or the file's)"},
    {"manifest", OPTION_TEXT, offsetof(struct upload, manifest), "FILE",
     "a manifest (serving.yaml in the folder); see `firn help manifest`"},
    {"filter", OPTION_LIST, offsetof(struct upload, filters), "'FIELD: FILTERS'",
     "what stands between clients and a field (`firn help filters`); adds to the manifest"},
    {"alias", OPTION_TEXT, offsetof(struct upload, alias), "ALIAS",
     "let this alias stand on the new version"},
    {"workers", OPTION_SWITCH, offsetof(struct upload, workers), "on|off",
     "with --store: install what a worker of it needs (requirements.txt, install-command)"},
    {"verify", OPTION_FLAG, offsetof(struct upload, verify), NULL,
     "compare firn with the model's framework in a worker, which is installed for it; where they "
     "disagree workers serve the version (with workers: where the framework is there already)"},
    {"no-verify", OPTION_FLAG, offsetof(struct upload, no_verify), NULL, "compare nothing"},
    {"image", OPTION_TEXT, offsetof(struct upload, image), "REF",
     "take the model out of this image of a registry or an OCI folder, instead of PATH"},
    {"path", OPTION_TEXT, offsetof(struct upload, path), "PATH",
     "where the model is inside the image (/model/files)"},
    REGISTRIES_OPTION(struct upload, registries),
    STORE_OPTIONS(struct upload, store),
    {0},
};

static void show(void *progress, uint64_t done, uint64_t total)
{
    progress_show(progress, done, total);
}

/* Lines of what is installed, between those of the progress. */
static void say(void *progress, const char *line)
{
    progress_end(progress);
    for (; *line; line++) /* nothing that a terminal would obey */
        fputc((unsigned char)*line < ' ' || *line == 0x7f ? ' ' : *line, stderr);
    fputc('\n', stderr);
}

static enum status print_people(const struct store_call *call, const struct version *v,
                                bool unchanged)
{
    struct contract contract;
    char size[32], quoted[512];

    TRY(contract_parse_json(bytes_of(v->contract), &contract, call->keep, call->err));
    text_printf(call->text, "format    %s%s%s%s%s\n", v->format, v->framework ? ", " : "",
                v->framework ? v->framework : "",
                v->framework_version && *v->framework_version ? " " : "",
                v->framework_version ? v->framework_version : "");
    contract_print_table(&contract, call->text);
    if (v->reason)
        text_printf(call->text, "native    no: %s\n",
                    text_quote(bytes_of(v->reason), quoted, sizeof quoted));
    if (adapter_serves(v->format, v->reason))
        text_append(call->text,
                    "served    by workers, where `firn serve --workers on` allows it\n");
    text_printf(call->text, "digest    %s  (%s)\n", v->digest,
                output_size((uint64_t)v->bytes, size, sizeof size));
    for (size_t i = 0; i < v->pushed_count; i++)
        text_printf(call->text, "%-8s  %s\n", i ? "" : "pushed", v->pushed[i]);
    text_printf(call->text, "version   %s:%lld%s\n", v->model, (long long)v->number,
                unchanged ? "  (unchanged: the newest version is the same)" : "");
    text_printf(call->text, "next      firn %s %s:%lld%s\n",
                v->reason && !adapter_serves(v->format, v->reason) ? "show" : "predict", v->model,
                (long long)v->number, call->where);
    return STATUS_OK;
}

/* The text of the manifest that will be read; nothing where that is in an archive. What is wrong
 * with it, the upload says. */
static struct bytes manifest_text(struct store_call *call, struct bytes made)
{
    const struct upload *options = call->values;
    struct manifest_file file;
    struct error ignored;

    if (made.size || (options->manifest && !strcmp(options->manifest, "-")) ||
        manifest_text_read(call->arguments->items[0], options->manifest, &file, call->keep,
                           &ignored))
        return made;
    return file.text;
}

/* From a path, or out of an image. */
static enum status store(struct store_call *call, struct version *version, const char **training,
                         bool *unchanged)
{
    const struct upload *options = call->values;
    const struct store_class *class = call->store->class;
    struct progress progress;
    const char *source = options->image ? NULL : call->arguments->items[0];
    struct store_upload upload = {.path = source,
                                  .facts = git_facts(source, call->keep),
                                  .name = options->name,
                                  .manifest = options->manifest,
                                  .workers = options->workers,
                                  .verify = options->verify      ? PARITY_REQUIRED
                                            : options->no_verify ? PARITY_NOT_WANTED
                                                                 : PARITY_WHERE_POSSIBLE,
                                  .progress = show,
                                  .line = say,
                                  .context = &progress};
    const struct store_pull pull = {.reference = options->image,
                                    .name = options->name,
                                    .path = options->path,
                                    .manifest = options->manifest,
                                    .registries = options->registries,
                                    .progress = show,
                                    .context = &progress};
    struct bytes text = {NULL, 0};
    enum status status;

    if (options->filters.count) {
        TRY(manifest_with_filters(source, options->manifest, options->filters.items,
                                  options->filters.count, &upload.text, call->keep, call->err));
        upload.manifest = NULL;
    }
    *training = NULL;
    if (!options->image) {
        text = manifest_text(call, upload.text);
        TRY(training_named(call, text, source, training));
    }
    progress_start(&progress, options->image ? "pulling" : "storing");
    status = options->image
                 ? class->pull(call->store, &pull, version, unchanged, call->keep, call->err)
                 : class->upload(call->store, &upload, version, unchanged, call->keep, call->err);
    progress_end(&progress);
    if (!status && !options->image && !text.size && version->manifest)
        status = training_named(call, bytes_of(version->manifest), source, training);
    return status;
}

static enum status work(struct store_call *call)
{
    const struct upload *options = call->values;
    const char *training;
    struct version version;
    bool unchanged = false;

    if (call->arguments->count == (options->image ? 1 : 0))
        return error_set(call->err, STATUS_INVALID_INPUT,
                         options->image ? "both a path and --image are given"
                                        : "no path is given, and no --image");
    if (options->image && options->filters.count)
        return error_set(call->err, STATUS_INVALID_INPUT,
                         "--filter and --image are given; write the filters into a --manifest");
    if (options->verify && options->no_verify)
        return error_set(call->err, STATUS_INVALID_INPUT,
                         "both --verify and --no-verify are given");
    if ((options->path || options->registries) && !options->image)
        return error_set(call->err, STATUS_INVALID_INPUT,
                         "--path and --registries go with --image");
    TRY(store_of(call));
    TRY(store(call, &version, &training, &unchanged));
    TRY(training_keep(call, &version, training));
    if (options->alias)
        TRY(call->store->class->alias(call->store, version.model, options->alias, version.number,
                                      -1, call->err));
    if (!call->json)
        return print_people(call, &version, unchanged);
    version_print_json(&version, false, call->text);
    text_append(call->text, "\n");
    return STATUS_OK;
}

static int run(int argc, char **argv)
{
    struct upload upload = {0};

    return store_command(OPTIONS, argc, argv, 0, 1, &upload, &upload.store, "upload the model",
                         work);
}

const struct command command_upload = {
    .name = "upload",
    .usage = "upload PATH | --image REF [--path PATH] [--name NAME] [--manifest FILE] [--filter "
             "'FIELD: FILTERS'] [--alias "
             "ALIAS] [--store DIR | "
             "--server URL] [--json]",
    .summary = "freeze a file or folder as the next version of a model",
    .help = "The same bytes and manifest give the same digest on every machine; an upload that\n"
            "changes nothing makes no version.\n"
            "\n"
            "  firn upload iris.joblib --store store\n"
            "  firn upload folder/ --name iris --alias prod\n"
            "  firn upload net.onnx --filter 'image: image' --filter 'scores: [softmax, top-k]'\n"
            "  firn upload --image registry.example.com/team/app:7 --path /srv/churn.onnx\n"
            "\n"
            "Out of an image, files are taken as a container would see them; nothing of it is run.",
    .group = "store",
    .options = OPTIONS,
    .run = run,
};
