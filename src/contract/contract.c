// SPDX-License-Identifier: Apache-2.0
#include "contract/contract.h"

#include <stdio.h>

#include "base/text.h"

static const char *const PROFILES[] = {
    [PROFILE_NONE] = "none",
    [PROFILE_NUMERICAL] = "numerical",
    [PROFILE_CATEGORICAL] = "categorical",
    [PROFILE_TEXT] = "text",
    [PROFILE_IMAGE] = "image",
    [PROFILE_AUDIO] = "audio",
};

const char *profile_name(enum profile profile)
{
    return PROFILES[profile];
}

bool profile_parse(const char *name, enum profile *profile)
{
    for (size_t i = 0; i < ARRAY_COUNT(PROFILES); i++)
        if (!strcmp(PROFILES[i], name)) {
            *profile = (enum profile)i;
            return true;
        }
    return false;
}

enum profile profile_default(enum dtype dtype)
{
    switch (dtype_kind(dtype)) {
    case KIND_INT:
    case KIND_UINT:
    case KIND_FLOAT:
    case KIND_COMPLEX:
        return PROFILE_NUMERICAL;
    case KIND_BOOL:
        return PROFILE_CATEGORICAL;
    case KIND_STRING:
        return PROFILE_TEXT;
    default:
        return PROFILE_NONE;
    }
}

char *evidence_print(const struct evidence *evidence, char *buffer, size_t size)
{
    static const char *const KINDS[] = {"unknown", "derived", "stored", "declared"};
    bool bare = evidence->kind == EVIDENCE_UNKNOWN || !evidence->source || !evidence->source[0];

    snprintf(buffer, size, "%s%s%s", KINDS[evidence->kind], bare ? "" : ": ",
             bare ? "" : evidence->source);
    return buffer;
}

enum status contract_signature(const struct contract *contract, const char *name, size_t *index,
                               struct error *err)
{
    struct text listed = {.limit = 400};
    char quoted[TEXT_QUOTE_SIZE];
    enum status status;

    for (size_t i = 0; i < contract->count; i++)
        if (!name || !strcmp(contract->signatures[i].name, name)) {
            *index = i;
            return STATUS_OK;
        }
    if (!name)
        return error_set(err, STATUS_UNSUPPORTED, "the contract has no signature");
    for (size_t i = 0; i < contract->count; i++)
        text_printf(&listed, "%s%s", i ? ", " : "", contract->signatures[i].name);
    status = error_set(err, STATUS_NOT_FOUND, "no signature \"%s\"; there is %s",
                       text_quote(bytes_of(name), quoted, sizeof quoted),
                       contract->count ? listed.data : "none");
    if (contract->count)
        error_fix(err, "name one of: %s", listed.data);
    text_release(&listed);
    return status;
}
