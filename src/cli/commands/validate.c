// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "contract/manifest.h"
#include "formats/json/json.h"
#include "formats/yaml.h"
#include "loading/load.h"

enum { MEMORY_MAX = 256 << 20 };

struct validate {
    bool json;
};

static const struct option OPTIONS[] = {
    {"json", OPTION_FLAG, offsetof(struct validate, json), NULL, "print one JSON object a file"},
    {0},
};

/* A file, standard input, or the serving.yaml of a folder. */
static enum status source_read(const char *path, const char **name, struct bytes *bytes,
                               struct arena *keep, struct error *err)
{
    struct stat facts;
    enum status status;
    int fd;

    *name = path;
    if (!strcmp(path, "-")) {
        *name = "standard input";
        return file_read_all(STDIN_FILENO, YAML_BYTES_MAX, bytes, keep, err);
    }
    if (!stat(path, &facts) && S_ISDIR(facts.st_mode)) {
        *name = arena_printf(keep, "%s/%s", path, MANIFEST_NAME);
        if (!*name)
            return error_no_memory(err, "a path");
    }
    fd = open(*name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, STATUS_NOT_FOUND, "there is no file %s", *name);
    status = file_read_all(fd, YAML_BYTES_MAX, bytes, keep, err);
    close(fd);
    return status;
}

static void print_people(const char *name, const struct manifests *manifests, struct text *text)
{
    for (size_t i = 0; i < manifests->remark_count; i++) {
        const struct remark *remark = &manifests->remarks[i];

        text_printf(text, "%s:%zu: %s: %s\n", name, remark->line,
                    remark->kind == REMARK_ERROR ? "error" : "note", remark->text);
        if (remark->fix)
            text_printf(text, "  fix: %s\n", remark->fix);
    }
    if (manifests->error_count)
        return;
    for (size_t i = 0; i < manifests->count; i++)
        text_printf(text, "%s:%zu: %s%s%s is well formed\n", name, manifests->documents[i].line,
                    manifests->documents[i].kind, manifests->documents[i].name ? " " : "",
                    manifests->documents[i].name ? manifests->documents[i].name : "");
}

static void text_or_null(struct text *text, const char *string)
{
    if (string)
        json_write_text(text, string);
    else
        text_append(text, "null");
}

static void print_json(const char *name, const struct manifests *manifests, struct text *text)
{
    text_append(text, "{\"file\":");
    json_write_text(text, name);
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
    struct manifests manifests;
    struct arena keep;
    struct bytes bytes;
    const char *name;
    enum status status;

    arena_init(&keep, MEMORY_MAX);
    status = source_read(path, &name, &bytes, &keep, err);
    if (!status)
        status = manifests_parse(bytes, name, &manifests, &keep, err);
    if (!status) {
        (options->json ? print_json : print_people)(name, &manifests, text);
        *errors += manifests.error_count;
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
