// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/manifest_file.h"
#include "cli/options.h"
#include "cli/output.h"
#include "formats/json/json.h"

enum { MEMORY_MAX = 256 << 20 };

struct validate {
    bool json;
};

static const struct option OPTIONS[] = {
    {"json", OPTION_FLAG, offsetof(struct validate, json), NULL, "print one JSON object a file"},
    {0},
};

static void print_people(const struct manifest_file *file, struct text *text)
{
    const struct manifests *manifests = &file->manifests;

    manifest_file_print(file, text);
    for (size_t i = 0; !manifests->error_count && i < manifests->count; i++)
        text_printf(text, "%s:%zu: %s%s%s is well formed\n", file->name,
                    manifests->documents[i].line, manifests->documents[i].kind,
                    manifests->documents[i].name ? " " : "",
                    manifests->documents[i].name ? manifests->documents[i].name : "");
}

static void text_or_null(struct text *text, const char *string)
{
    if (string)
        json_write_text(text, string);
    else
        text_append(text, "null");
}

static void print_json(const struct manifest_file *file, struct text *text)
{
    const struct manifests *manifests = &file->manifests;

    text_append(text, "{\"file\":");
    json_write_text(text, file->name);
    text_append(text, ",\"documents\":[");
    for (size_t i = 0; i < manifests->count; i++) {
        const struct manifest_document *document = &manifests->documents[i];

        text_printf(text, "%s{\"line\":%zu,\"kind\":", i ? "," : "", document->line);
        json_write_text(text, document->kind);
        text_append(text, ",\"name\":");
        text_or_null(text, document->name);
        text_append(text, "}");
    }
    text_append(text, "],\"remarks\":[");
    for (size_t i = 0; i < manifests->remark_count; i++) {
        const struct remark *remark = &manifests->remarks[i];

        text_printf(text, "%s{\"line\":%zu,\"kind\":\"%s\",\"text\":", i ? "," : "", remark->line,
                    remark->kind == REMARK_ERROR ? "error" : "note");
        json_write_text(text, remark->text);
        text_append(text, ",\"fix\":");
        text_or_null(text, remark->fix);
        text_append(text, "}");
    }
    text_printf(text, "],\"errors\":%zu}\n", manifests->error_count);
}

static enum status one(const char *path, const struct validate *options, struct text *text,
                       size_t *errors, struct error *err)
{
    struct manifest_file file;
    struct arena keep;
    enum status status;

    arena_init(&keep, MEMORY_MAX);
    status = manifest_file_read(path, false, &file, &keep, err);
    if (!status) {
        (options->json ? print_json : print_people)(&file, text);
        *errors += file.manifests.error_count;
    }
    arena_release(&keep);
    return status;
}

static int run(int argc, char **argv)
{
    struct validate options = {0};
    struct arguments arguments = {0};
    struct text text = {0};
    struct error err = {0};
    size_t errors = 0;
    int code;
    enum status status = options_parse(OPTIONS, argc, argv, 0, -1, &options, &arguments, &err);

    if (!status && !arguments.count)
        status = one(".", &options, &text, &errors, &err);
    for (size_t i = 0; !status && i < arguments.count; i++)
        status = one(arguments.items[i], &options, &text, &errors, &err);
    arguments_release(&arguments);
    code = output_text(&text);
    if (!status && errors)
        status =
            error_set(&err, STATUS_INVALID_INPUT, "%zu error%s", errors, errors == 1 ? "" : "s");
    return status ? output_error(&err, "validate the manifest") : code;
}

const struct command command_validate = {
    .name = "validate",
    .usage = "validate [PATH ...] [--json]",
    .summary = "check manifests without doing anything",
    .help =
        "PATH is a manifest, a folder with a serving.yaml, or - for standard input (the folder\n"
        "that one stands in when none is given). Every error is said with its line and what\n"
        "was probably meant; a note says what is read otherwise than it is written.\n"
        "\n"
        "  firn validate serving.yaml\n",
    .group = "models",
    .options = OPTIONS,
    .run = run,
};
