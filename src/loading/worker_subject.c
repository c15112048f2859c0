// SPDX-License-Identifier: Apache-2.0
#include "formats/json/json.h"
#include "loading/worker_internal.h"

/* As the manifest says, else the saver, else as the format has it. */
static void adapter_of(struct subject *subject, const char *format, const struct saved *saved)
{
    const char *declared = adapter_declared(subject->manifest);

    (void)adapter_choose(format, declared ? declared : saved->adapter, &subject->adapter);
    subject->python = saved->python;
}

struct subject subject_of_loading(const struct loading *loading)
{
    struct subject subject = {
        .artifact = loading->artifact,
        .manifest = &loading->manifest,
        .framework_version = loading->description.framework_version,
        .name = loading->manifest.name ? loading->manifest.name : loading->artifact->name,
        .contract = loading->filters.graph ? &loading->inner : &loading->description.contract};

    adapter_of(&subject, loading->description.format, &loading->saved);
    return subject;
}

enum status subject_of_version(const struct version *version, struct subject *subject,
                               struct arena *memory, struct error *err)
{
    struct manifest *manifest = arena_new(memory, struct manifest, 1);
    struct contract *contract = arena_new(memory, struct contract, 1);
    struct saved saved;

    if (!manifest || !contract)
        return error_no_memory(err, "a version");
    *subject = (struct subject){
        .artifact = subject->artifact,
        .manifest = manifest,
        .framework_version = version->framework_version
                                 ? arena_printf(memory, "%s", version->framework_version)
                                 : NULL,
        .name = arena_printf(memory, "%s:%lld", version->model, (long long)version->number),
        .contract = contract};
    if (!subject->name)
        return error_no_memory(err, "a name");
    if (version->manifest && *version->manifest) {
        char *text = arena_printf(memory, "%s", version->manifest);
        if (!text)
            return error_no_memory(err, "a manifest");
        TRY(manifest_parse(bytes_of(text), MANIFEST_NAME, manifest, memory, err));
    }
    TRY(saved_read(subject->artifact, &saved, memory, err));
    adapter_of(subject, version->format, &saved);
    return contract_parse_json(bytes_of(version->contract), contract, memory, err);
}

const char *worker_adapter(const struct loading *loading)
{
    return subject_of_loading(loading).adapter.name;
}

/* --- its contract --- */

enum status subject_check_contract(const struct contract *contract, const char *reason,
                                   struct error *err)
{
    enum status status = STATUS_OK;

    if (contract->count)
        return STATUS_OK;
    status = error_set(err, STATUS_UNSUPPORTED, "%s; and there is no contract", reason);
    error_fix(err, "declare the contract in a " MANIFEST_NAME " beside the files");
    return status;
}

/* A worker must be told the type of everything it takes and gives. */
static bool has_types(const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!fields[i].dtype)
            return false;
    return true;
}

bool contract_is_complete(const struct contract *contract)
{
    for (size_t i = 0; i < contract->count; i++)
        if (!has_types(contract->signatures[i].inputs, contract->signatures[i].input_count) ||
            !has_types(contract->signatures[i].outputs, contract->signatures[i].output_count))
            return false;
    return contract->count > 0;
}

enum status subject_learn(const struct subject *subject, const char *ready, const char *reason,
                          struct contract *contract, struct arena *keep, struct error *err)
{
    char *source = arena_printf(keep, "the adapter \"%s\"", subject->adapter.name);
    char *text = arena_printf(keep, "%s", ready);
    const struct json *signatures;
    struct bytes list;
    struct json json;

    if (!source || !text)
        return error_no_memory(err, "a contract");
    TRY(json_parse(bytes_of(text), 0, &json, keep, err));
    signatures = json_get(&json, "signatures");
    if (!signatures || !signatures->count)
        return STATUS_OK;
    list = bytes_of(text + signatures->offset); /* the last key of the object */
    list.size -= list.size > 0;
    if (saved_contract(list, source, reason, contract, keep, err))
        return error_within(err, "what the adapter \"%s\" tells", subject->adapter.name);
    return STATUS_OK;
}
