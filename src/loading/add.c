// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>

#include "base/text.h"
#include "formats/json/json.h"
#include "loading/parity.h"

/* Cut off the last ".suffix" when it is one of an archive or stream, or (`any`) begins with a
 * letter. */
static bool cut_suffix(char *name, bool any)
{
    static const char *const PACKED[] = {".gz", ".bz2", ".xz",  ".zst", ".lz4",
                                         ".z",  ".tar", ".tgz", ".zip"};
    char *dot = strrchr(name, '.');
    bool cut = dot && dot > name && any && isalpha((unsigned char)dot[1]) && strlen(dot) <= 12;

    for (size_t i = 0; dot && dot > name && i < ARRAY_COUNT(PACKED); i++)
        cut = cut || !strcmp(dot, PACKED[i]);
    if (cut)
        *dot = 0;
    return cut;
}

/* "iris" of "models/iris.pkl.gz", "iris_v2" of a folder "iris v2", "net-1.5" of "net-1.5.onnx". */
static const char *default_name(const struct artifact *artifact, struct arena *keep)
{
    char *name = arena_text(keep, bytes_of(artifact->name));

    if (!name)
        return NULL;
    if (artifact->kind != ARTIFACT_FOLDER) {
        while (cut_suffix(name, false))
            continue;
        cut_suffix(name, true);
    }
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
            *c = '_';
    while (*name && !isalnum((unsigned char)*name))
        name++;
    return *name ? name : "model";
}

/* A line each: "fact git.branch: main". */
static enum status facts_log(struct bytes facts, struct text *log, struct arena *keep,
                             struct error *err)
{
    struct json json;
    struct bytes value;
    char key[TEXT_QUOTE_SIZE], quoted[512];

    if (!facts.size)
        return STATUS_OK;
    TRY(json_parse(facts, 0, &json, keep, err));
    if (json.kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "the facts of an upload are no JSON object");
    for (size_t i = 0; i < json.count; i++) {
        if (!json_string(&json.items[i], &value))
            return error_set(err, STATUS_INVALID_INPUT, "a fact of an upload is no text");
        text_printf(log, "%s%s: %s\n", LOAD_LOG_FACT,
                    text_quote(json.items[i].key, key, sizeof key),
                    text_quote(value, quoted, sizeof quoted));
    }
    return STATUS_OK;
}

/* firn itself does not run it. */
static void switch_off(struct description *description, const char *reason)
{
    description->reason = reason;
    for (size_t i = 0; i < description->contract.count; i++)
        description->contract.signatures[i].reason = reason;
}

/* What `firn info` shows of how the version was made. */
static enum status log_write(const struct loading *loading, const struct loading_add *add,
                             const char *installed, const struct parity *parity, struct text *log,
                             struct arena *keep, struct error *err)
{
    enum status status;

    if (add->told) {
        add->told(add->context, log);
    } else {
        text_append_bytes(log, add->log);
        text_append(log, installed);
    }
    if (parity->line)
        text_printf(log, "%s%s\n", LOAD_LOG_FACT, parity->line);
    status = facts_log(add->facts, log, keep, err);
    load_log(loading, add->workers != NULL, log);
    return status ? status : text_check(log, err);
}

enum status load_add(struct loading *loading, struct registry *registry,
                     const struct loading_add *add, struct version *version, bool *unchanged,
                     struct arena *keep, struct error *err)
{
    struct description *d = &loading->description;
    struct text contract = {0}, log = {0};
    struct parity parity = {0};
    struct record records[4] = {{.kind = LOAD_LOG, .name = LOAD_LOG}};
    size_t record_count = 1;
    const char *installed = "";
    struct version_upload upload = {
        .model = add->name                ? add->name
                 : loading->manifest.name ? loading->manifest.name
                                          : default_name(loading->artifact, keep),
        .artifact = loading->artifact,
        .format = d->format,
        .framework = d->framework,
        .framework_version = d->framework_version,
        .manifest = loading->manifest_text.size ? (const char *)loading->manifest_text.data : "",
        .records = records,
        .place = add->place,
        .progress = add->progress,
        .context = add->context,
    };
    enum status status;

    if (add->workers)
        TRY(worker_prepare(loading, add->workers, &installed, &loading->model, err));
    if (d->reason && !d->contract.count) {
        status = error_set(err, STATUS_UNSUPPORTED, "%s", d->reason);
        error_fix(err, "a format without a contract of its own needs one in a %s", MANIFEST_NAME);
        return status;
    }
    if (add->verify == PARITY_REQUIRED && !add->workers)
        return error_set(err, STATUS_UNSUPPORTED, "comparing with the framework needs workers");
    if (add->workers)
        TRY(parity_check(loading, add->workers, add->verify, &parity, &loading->model, err));
    if (parity.reason)
        switch_off(d, parity.reason);
    upload.reason = d->reason;
    contract_print_json(&d->contract, &contract);
    status = log_write(loading, add, installed, &parity, &log, keep, err);
    if (!status)
        status = text_check(&contract, err);
    upload.contract = contract.data;
    records[0].body = log.data;
    if (add->facts.size) {
        records[record_count] = (struct record){
            .kind = LOAD_FACTS, .name = LOAD_FACTS, .body = arena_text(keep, add->facts)};
        if (!status && !records[record_count++].body)
            status = error_no_memory(err, "facts");
    }
    if (parity.record)
        records[record_count++] =
            (struct record){.kind = PARITY_RECORD, .name = PARITY_RECORD, .body = parity.record};
    if (add->record)
        records[record_count++] = *add->record;
    upload.record_count = record_count;
    if (!status && !upload.model)
        status = error_no_memory(err, "a name");
    if (!status)
        status = registry_add(registry, &upload, version, unchanged, keep, err);
    text_release(&contract);
    text_release(&log);
    return status;
}
