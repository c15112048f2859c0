// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/git.h"
#include "cli/manifest_file.h"
#include "cli/output.h"
#include "cli/store.h"
#include "cli/training.h"
#include "loading/load.h"
#include "registry/version_json.h"

struct apply {
    struct option_list files;
    bool dry_run;
    struct store_options store;
};

static const struct option OPTIONS[] = {
    {"file", OPTION_LIST, offsetof(struct apply, files), "FILE",
     "a manifest, a folder, or - (-f for short; several may be given)", 'f'},
    {"dry-run", OPTION_FLAG, offsetof(struct apply, dry_run), NULL,
     "say what would be done, and do nothing"},
    STORE_OPTIONS(struct apply, store),
    {0},
};

static enum status say(struct store_call *call, const char *kind, const struct version *version,
                       bool unchanged)
{
    if (!call->json) {
        text_printf(call->text, "%-11s  %s:%lld%s\n", kind, version->model,
                    (long long)version->number, unchanged ? "  (unchanged)" : "");
        return STATUS_OK;
    }
    text_append(call->text, "{");
    version_print_members(version, true, call->text);
    text_printf(call->text, ",\"unchanged\":%s}\n", unchanged ? "true" : "false");
    return STATUS_OK;
}

/* The folder with this document as its manifest; an empty one: what the folder says. */
static enum status model_apply(struct store_call *call, const struct manifest_file *file,
                               struct bytes text)
{
    const struct apply *options = call->values;
    const struct store_upload upload = {
        .path = file->folder, .text = text, .facts = git_facts(file->folder, call->keep)};
    struct loading loading = {0};
    const char *training;
    struct version version;
    bool unchanged = false;
    enum status status;

    TRY(training_named(call, text, file->folder, &training));
    if (options->dry_run) {
        status = load_open_text(file->folder, text, file->name, &loading, call->err);
        if (!status)
            text_printf(call->text, "would add    a version of %s: %s, %zu signature%s\n",
                        loading.manifest.name ? loading.manifest.name : file->folder,
                        loading.description.format, loading.description.contract.count,
                        loading.description.contract.count == 1 ? "" : "s");
        load_close(&loading);
        return status;
    }
    TRY(store_of(call));
    TRY(call->store->class->upload(call->store, &upload, &version, &unchanged, call->keep,
                                   call->err));
    TRY(training_keep(call, &version, training));
    return say(call, "model", &version, unchanged);
}

static enum status application_apply(struct store_call *call, const struct manifest_file *file,
                                     const struct manifest_document *document)
{
    const struct apply *options = call->values;
    struct version version;
    bool unchanged = false;

    if (options->dry_run) {
        text_printf(call->text, "would make   application %s of %zu stage%s\n", document->name,
                    document->application->stage_count,
                    document->application->stage_count == 1 ? "" : "s");
        return STATUS_OK;
    }
    TRY(store_of(call));
    TRY(call->store->class->compose(call->store, document->text, file->name, &version, &unchanged,
                                    call->keep, call->err));
    return say(call, "application", &version, unchanged);
}

static enum status file_apply(struct store_call *call, const struct manifest_file *file)
{
    if (!file->manifests.count)
        return model_apply(call, file, file->text);
    for (size_t i = 0; i < file->manifests.count; i++) {
        const struct manifest_document *document = &file->manifests.documents[i];

        if (document->model)
            TRY(model_apply(call, file, document->text));
        else if (document->application)
            TRY(application_apply(call, file, document));
        else
            text_printf(call->text, "%-11s  %s: nothing is done with it\n", document->kind,
                        document->name ? document->name : "");
    }
    return STATUS_OK;
}

/* All manifests are read before anything is done. */
static enum status work(struct store_call *call)
{
    const struct apply *options = call->values;
    struct text notes = {0};
    struct manifest_file *files;
    enum status status = STATUS_OK;

    if (!options->files.count)
        return error_set(call->err, STATUS_INVALID_INPUT, "no manifest is given: -f FILE");
    files = arena_new(call->keep, struct manifest_file, options->files.count);
    if (!files)
        return error_no_memory(call->err, "manifests");
    for (size_t i = 0; i < options->files.count; i++) {
        TRY(manifest_file_read(options->files.items[i], true, &files[i], call->keep, call->err));
        TRY(manifests_check(&files[i].manifests, files[i].name, call->err));
        manifest_file_print(&files[i], &notes);
    }
    if (notes.size)
        output_warning("%s", notes.data);
    text_release(&notes);
    for (size_t i = 0; !status && i < options->files.count; i++)
        status = file_apply(call, &files[i]);
    return status;
}

static int run(int argc, char **argv)
{
    struct apply apply = {0};

    return store_command(OPTIONS, argc, argv, 0, 0, &apply, &apply.store, "apply the manifest",
                         work);
}

const struct command command_apply = {
    .name = "apply",
    .usage = "apply -f FILE ... [--dry-run] [--store DIR | --server URL] [--json]",
    .summary = "bring about what manifests describe: models and applications",
    .help = "FILE is a manifest (several documents in one are fine), a folder, or - for standard\n"
            "input. A document of kind Model uploads the folder that the manifest lies in; a\n"
            "folder without a manifest is a model of its name. One of kind Application makes the\n"
            "next version of an application of models that are there. What is the same already\n"
            "makes no version.\n"
            "\n"
            "  firn apply -f iris/ -f application.yaml\n",
    .group = "store",
    .options = OPTIONS,
    .run = run,
};
