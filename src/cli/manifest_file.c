// SPDX-License-Identifier: Apache-2.0
#include "cli/manifest_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "formats/yaml.h"
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

enum status manifest_file_read(const char *path, bool optional, struct manifest_file *file,
                               struct arena *keep, struct error *err)
{
    *file = (struct manifest_file){.text = {(const uint8_t *)"", 0}};
    TRY(text_read(path, optional, file, keep, err));
    if (!file->text.size && optional)
        return STATUS_OK;
    return manifests_parse(file->text, file->name, &file->manifests, keep, err);
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
