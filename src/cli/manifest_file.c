// SPDX-License-Identifier: Apache-2.0
#include "cli/manifest_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "formats/yaml.h"
#include "filters/filter.h"
#include "loading/load.h"

static enum status folder_of(struct manifest_file *file, struct arena *keep, struct error *err)
{
    const char *slash = strrchr(file->name, '/');

    file->folder = slash ? arena_printf(keep, "%.*s", (int)(slash - file->name), file->name) : ".";
    if (slash == file->name)
        file->folder = "/";
    return file->folder ? STATUS_OK : error_no_memory(err, "a path");
}

static enum status text_read(const char *path, bool optional, struct manifest_file *file,
                             struct arena *keep, struct error *err)
{
    struct stat facts;
    enum status status;
    bool folder;
    int fd;

    file->name = path;
    file->folder = ".";
    if (!strcmp(path, "-")) {
        file->name = "standard input";
        return file_read_all(STDIN_FILENO, YAML_BYTES_MAX, &file->text, keep, err);
    }
    folder = !stat(path, &facts) && S_ISDIR(facts.st_mode);
    if (folder)
        file->name = arena_printf(keep, "%s/%s", path, MANIFEST_NAME);
    if (!file->name)
        return error_no_memory(err, "a path");
    if (folder)
        file->folder = path;
    else
        TRY(folder_of(file, keep, err));
    fd = open(file->name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && folder && optional)
        return STATUS_OK;
    if (fd < 0)
        return error_set(err, STATUS_NOT_FOUND, "there is no file %s", file->name);
    status = file_read_all(fd, YAML_BYTES_MAX, &file->text, keep, err);
    close(fd);
    return status;
}

static enum status remark_add(struct manifests *manifests, struct remark remark, struct arena *keep,
                              struct error *err)
{
    size_t at = manifests->remark_count;
    struct remark *remarks = arena_new(keep, struct remark, at + 1);

    if (!remarks || !remark.text)
        return error_no_memory(err, "a remark");
    if (at)
        memcpy(remarks, manifests->remarks, at * sizeof *remarks);
    for (; at && remarks[at - 1].line > remark.line; at--)
        remarks[at] = remarks[at - 1];
    remarks[at] = remark;
    manifests->remarks = remarks;
    manifests->remark_count++;
    manifests->error_count++;
    return STATUS_OK;
}

/* What the chains of models name and how, as far as that shows without the models. */
static enum status filters_check(struct manifests *manifests, const char *name, struct arena *keep,
                                 struct error *err)
{
    for (size_t i = 0; i < manifests->count && !manifests->error_count; i++) {
        struct error found = {0};
        char begin[64];
        size_t line = 0;
        const char *text;

        if (!manifests->documents[i].model ||
            !filter_chains_check(manifests->documents[i].model, name, &line, &found))
            continue;
        /* its own place is said before every remark */
        snprintf(begin, sizeof begin, ":%zu: ", line);
        text = strstr(found.text, begin);
        text = text ? text + strlen(begin) : found.text;
        TRY(remark_add(manifests,
                       (struct remark){REMARK_ERROR, line, arena_printf(keep, "%s", text),
                                       found.fix[0] ? arena_printf(keep, "%s", found.fix) : NULL},
                       keep, err));
    }
    return STATUS_OK;
}

enum status manifest_file_read(const char *path, bool optional, struct manifest_file *file,
                               struct arena *keep, struct error *err)
{
    *file = (struct manifest_file){.text = {(const uint8_t *)"", 0}};
    TRY(text_read(path, optional, file, keep, err));
    if (!file->text.size && optional)
        return STATUS_OK;
    TRY(manifests_parse(file->text, file->name, &file->manifests, keep, err));
    return filters_check(&file->manifests, file->name, keep, err);
}

void manifest_file_print(const struct manifest_file *file, struct text *text)
{
    for (size_t i = 0; i < file->manifests.remark_count; i++) {
        const struct remark *remark = &file->manifests.remarks[i];

        text_printf(text, "%s:%zu: %s: %s\n", file->name, remark->line,
                    remark->kind == REMARK_ERROR ? "error" : "note", remark->text);
        if (remark->fix)
            text_printf(text, "  fix: %s\n", remark->fix);
    }
}

/* Where lists of `filters` begin to be written. */
static const char HEAD[] = "filters:\n  fields:\n";

enum status manifest_text_read(const char *path, const char *manifest, struct manifest_file *file,
                               struct arena *keep, struct error *err)
{
    struct stat facts;
    bool folder = !stat(path, &facts) && S_ISDIR(facts.st_mode);

    *file = (struct manifest_file){.text = {(const uint8_t *)"", 0}};
    if (manifest)
        return text_read(manifest, false, file, keep, err);
    return folder ? text_read(path, true, file, keep, err) : STATUS_OK;
}

enum status manifest_with_filters(const char *path, const char *manifest,
                                  const char *const *filters, size_t count, struct bytes *text,
                                  struct arena *keep, struct error *err)
{
    struct manifest_file file;
    struct manifest parsed;
    struct text made = {0};
    enum status status;

    TRY(manifest_text_read(path, manifest, &file, keep, err));
    if (file.text.size) {
        TRY(manifest_parse(file.text, file.name, &parsed, keep, err));
        if (parsed.chain_count)
            return error_set(err, STATUS_INVALID_INPUT,
                             "%s has filters, and --filter is given, too", file.name);
        text_append_bytes(&made, file.text);
        text_append(&made, file.text.data[file.text.size - 1] == '\n' ? "" : "\n");
    } else {
        text_append(&made, "kind: Model\n");
    }
    text_append(&made, HEAD);
    for (size_t i = 0; i < count; i++)
        text_printf(&made, "    %s\n", filters[i]);
    status = text_check(&made, err);
    if (!status) {
        *text = (struct bytes){(const uint8_t *)arena_text(keep, text_bytes(&made)), made.size};
        status = text->data ? STATUS_OK : error_no_memory(err, "a manifest");
    }
    text_release(&made);
    if (!status && (status = manifest_parse(*text, "--filter", &parsed, keep, err)) != STATUS_OK)
        error_fix(err, "write --filter 'FIELD: FILTER' or --filter 'FIELD: [FILTER, {FILTER: "
                       "{OPTION: VALUE}}]'; `firn help filters` lists them");
    return status;
}
