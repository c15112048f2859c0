// SPDX-License-Identifier: Apache-2.0
#include "loading/saved.h"

#include "formats/json/json.h"

enum { SAVED_BYTES_MAX = 16 << 20 };

static void told_by(struct field *fields, size_t count, enum evidence_kind kind, const char *source)
{
    const struct evidence evidence = {kind, source}, unknown = {0};

    for (size_t i = 0; i < count; i++) {
        fields[i].evidence_name = evidence;
        fields[i].evidence_dtype = fields[i].dtype ? evidence : unknown;
        fields[i].evidence_shape = fields[i].shape.rank >= 0 ? evidence : unknown;
        fields[i].evidence_profile = fields[i].profile ? evidence : unknown;
    }
}

enum status saved_contract(struct bytes list, const char *source, const char *reason,
                           struct contract *contract, struct arena *keep, struct error *err)
{
    TRY(contract_parse_json(list, contract, keep, err));
    for (size_t i = 0; i < contract->count; i++) {
        struct signature *signature = &contract->signatures[i];
        signature->reason = reason;
        told_by(signature->inputs, signature->input_count, EVIDENCE_DERIVED, source);
        told_by(signature->outputs, signature->output_count, EVIDENCE_DERIVED, source);
    }
    return STATUS_OK;
}

static enum status text_get(const struct json *object, const char *key, const char **text,
                            struct arena *keep, struct error *err)
{
    const struct json *value = json_get(object, key);
    struct bytes string;

    if (!value || value->kind == JSON_NULL)
        return STATUS_OK;
    if (!json_string(value, &string) || memchr(string.data, 0, string.size))
        return error_set(err, STATUS_INVALID_INPUT, "\"%s\" is no text", key);
    *text = arena_text(keep, string);
    return *text ? STATUS_OK : error_no_memory(err, "a text");
}

/* The bytes of a value begin at its offset; its end is found by reading it again. */
static enum status signatures_get(const struct json *root, struct bytes text, struct saved *saved,
                                  struct arena *keep, struct error *err)
{
    const struct json *signatures = json_get(root, "signatures");
    struct bytes list;

    if (!signatures || signatures->kind != JSON_ARRAY || !signatures->count)
        return STATUS_OK;
    if (signatures != &root->items[root->count - 1])
        return error_set(err, STATUS_INVALID_INPUT, "\"signatures\" is not its last key");
    list = (struct bytes){text.data + signatures->offset, text.size - signatures->offset};
    while (list.size && list.data[list.size - 1] != '}')
        list.size--;
    list.size -= list.size > 0; /* the object's own end */
    return saved_contract(list, "what the saver knew", NULL, &saved->contract, keep, err);
}

enum status saved_read(const struct artifact *artifact, struct saved *saved, struct arena *keep,
                       struct error *err)
{
    struct member *member =
        artifact->kind == ARTIFACT_FILE ? NULL : artifact_find(artifact, SAVED_NAME);
    struct json root;
    struct bytes text;
    enum status status;

    *saved = (struct saved){0};
    if (!member)
        return STATUS_OK;
    TRY(member_bytes(member, &text, err));
    if (text.size > SAVED_BYTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "%s has more than %d bytes", SAVED_NAME,
                         SAVED_BYTES_MAX);
    status = json_parse(text, 0, &root, keep, err);
    if (!status && root.kind != JSON_OBJECT)
        status = error_set(err, STATUS_INVALID_INPUT, "it is no object");
    if (!status)
        status = text_get(&root, "adapter", &saved->adapter, keep, err);
    if (!status)
        status = text_get(&root, "framework", &saved->framework, keep, err);
    if (!status)
        status = text_get(&root, "framework_version", &saved->framework_version, keep, err);
    if (!status)
        status = text_get(&root, "python", &saved->python, keep, err);
    if (!status)
        status = signatures_get(&root, text, saved, keep, err);
    return status ? error_within(err, "%s", SAVED_NAME) : STATUS_OK;
}
