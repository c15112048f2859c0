// SPDX-License-Identifier: Apache-2.0
/* Documents of a manifest, each by its kind. */
#include "contract/kinds/internal.h"
#include "gen/kinds.h"

enum { DOCUMENTS_MAX = 1000 };

static void kind_unknown(struct reading *r, const struct yaml *kind)
{
    const char *names[ARRAY_COUNT(KINDS)];
    char quoted[TEXT_QUOTE_SIZE];
    size_t count = 0;

    for (; KINDS[count]; count++)
        names[count] = KINDS[count]->name;
    if (!is_scalar(kind))
        fault(r, kind->line, NULL, "kind is %s", yaml_kind_name(kind->kind));
    else
        fault(r, kind->line, did_you_mean(r, kind->text, names, count), "unknown kind \"%s\"",
              text_quote(bytes_of(kind->text), quoted, sizeof quoted));
}

static bool is_marker(const char *line, size_t size)
{
    return size >= 3 && !memcmp(line, "---", 3) &&
           (size == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r');
}

/* The document around a line: between the marks that begin it and the next one. */
static struct bytes document_text(struct bytes yaml, size_t wanted)
{
    size_t begin = 0, line = 1;

    for (size_t at = 0; at < yaml.size; line++) {
        const char *text = (const char *)yaml.data + at;
        const char *end = memchr(text, '\n', yaml.size - at);
        size_t size = end ? (size_t)(end - text) : yaml.size - at;

        if (is_marker(text, size) && line > wanted)
            return (struct bytes){yaml.data + begin, at - begin};
        if (is_marker(text, size))
            begin = at;
        at += size + 1;
    }
    return (struct bytes){yaml.data + begin, yaml.size - begin};
}

static void document_read(struct reading *r, struct bytes yaml, const struct yaml *root)
{
    struct manifest_document *document = &r->manifests->documents[r->manifests->count++];
    const struct yaml *kind = yaml_get(root, "kind");

    document->line = root->line;
    document->text = document_text(yaml, root->line);
    document->kind = "";
    if (root->kind != YAML_MAP) {
        fault(r, root->line, NULL, "a manifest begins with `kind: Model`; this is %s",
              yaml_kind_name(root->kind));
        return;
    }
    if (!kind) {
        if (yaml_get(root, "model") || yaml_get(root, "local_deploy"))
            oldest_model_read(r, root, document);
        else
            fault(r, root->line, "add the line `kind: Model`", "no key \"kind\"");
        return;
    }
    for (size_t i = 0; is_scalar(kind) && KINDS[i]; i++) {
        if (strcmp(KINDS[i]->name, kind->text))
            continue;
        document->kind = KINDS[i]->name;
        KINDS[i]->read(r, root, document);
        return;
    }
    kind_unknown(r, kind);
}

enum status manifests_parse(struct bytes yaml, const char *file_name, struct manifests *manifests,
                            struct arena *keep, struct error *err)
{
    struct reading r = {.file = file_name, .manifests = manifests, .keep = keep};
    struct yaml *roots;
    size_t count;

    *manifests = (struct manifests){0};
    TRY(yaml_parse_all(yaml, file_name, DOCUMENTS_MAX, &roots, &count, keep, err));
    manifests->documents = ROOM(&r, struct manifest_document, count);
    for (size_t i = 0; manifests->documents && i < count; i++) {
        r.generation = GENERATION_ANY;
        document_read(&r, yaml, &roots[i]);
    }
    return r.no_memory ? error_no_memory(err, "a manifest") : STATUS_OK;
}

/* --- the one model --- */

enum status manifests_check(const struct manifests *manifests, const char *file_name,
                            struct error *err)
{
    const struct remark *remark = manifests->remarks;

    if (!manifests->error_count)
        return STATUS_OK;
    while (remark->kind != REMARK_ERROR)
        remark++;
    if (error_set(err, STATUS_INVALID_INPUT, "%s:%zu: %s", file_name, remark->line, remark->text) &&
        remark->fix)
        error_fix(err, "%s", remark->fix);
    return err->status;
}

static enum status notes_keep(const struct manifests *manifests, const char *file_name,
                              struct manifest *manifest, struct arena *keep, struct error *err)
{
    manifest->warnings = arena_new(keep, const char *, manifests->remark_count);
    if (!manifest->warnings)
        return error_no_memory(err, "a manifest");
    for (size_t i = 0; i < manifests->remark_count; i++) {
        const struct remark *remark = &manifests->remarks[i];
        const char *text =
            arena_printf(keep, "%.128s:%zu: %s", file_name, remark->line, remark->text);

        if (!text)
            return error_no_memory(err, "a manifest");
        manifest->warnings[manifest->warning_count++] = text;
    }
    return STATUS_OK;
}

enum status manifest_parse(struct bytes yaml, const char *file_name, struct manifest *manifest,
                           struct arena *keep, struct error *err)
{
    const struct manifest_document *model = NULL;
    struct manifests manifests;

    *manifest = (struct manifest){0};
    TRY(manifests_parse(yaml, file_name, &manifests, keep, err));
    TRY(manifests_check(&manifests, file_name, err));
    for (size_t i = 0; i < manifests.count; i++) {
        const struct manifest_document *document = &manifests.documents[i];

        if (!document->model)
            continue;
        if (model) {
            if (error_set(err, STATUS_INVALID_INPUT, "%s:%zu: a second model begins", file_name,
                          document->line))
                error_fix(err, "`firn apply -f FILE` takes several");
            return err->status;
        }
        model = document;
    }
    if (!model)
        return error_set(err, STATUS_INVALID_INPUT, "%s:1: it describes no model (kind: Model)",
                         file_name);
    *manifest = *model->model;
    return notes_keep(&manifests, file_name, manifest, keep, err);
}
