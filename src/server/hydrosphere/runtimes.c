// SPDX-License-Identifier: Apache-2.0
#include "server/hydrosphere/runtimes.h"

#include "base/version.h"
#include "formats/json/json.h"

/* A member of the body, as it was sent. */
static enum status member_print(struct bytes body, const char *name, const char *missing,
                                struct text *text, struct error *err)
{
    struct json_reader reader;
    struct bytes key;
    bool more;

    json_reader_init(&reader, body, 0);
    TRY(json_enter(&reader, JSON_OBJECT, err));
    for (;;) {
        size_t begin;

        TRY(json_next(&reader, &more, &key, err));
        if (!more)
            break;
        begin = json_offset(&reader);
        TRY(json_skip(&reader, err));
        if (!bytes_is(key, name))
            continue;
        text_append_bytes(text, (struct bytes){body.data + begin, json_offset(&reader) - begin});
        return STATUS_OK;
    }
    text_append(text, missing);
    return STATUS_OK;
}

enum status runtime_print(const struct record *record, struct text *text, struct error *err)
{
    const struct bytes body = bytes_of(record->body);

    text_printf(text, "{\"id\":%lld,\"name\":", (long long)record->id);
    TRY(member_print(body, "name", "\"\"", text, err));
    text_append(text, ",\"version\":");
    TRY(member_print(body, "version", "\"\"", text, err));
    text_append(text, ",\"suitableModelType\":");
    TRY(member_print(body, "modelTypes", "[]", text, err));
    text_append(text, ",\"tags\":");
    TRY(member_print(body, "tags", "[]", text, err));
    text_append(text, ",\"configParams\":");
    TRY(member_print(body, "configParams", "{}", text, err));
    text_append(text, "}");
    return STATUS_OK;
}

enum status environment_print(const struct record *record, struct text *text, struct error *err)
{
    const struct bytes body = bytes_of(record->body);

    text_printf(text, "{\"id\":%lld,\"name\":", (long long)record->id);
    TRY(member_print(body, "name", "\"\"", text, err));
    text_append(text, ",\"placeholders\":");
    TRY(member_print(body, "placeholders", "[]", text, err));
    text_append(text, "}");
    return STATUS_OK;
}

void runtime_print_own(struct text *text)
{
    text_append(text, "{\"id\":0,\"name\":\"firn\",\"version\":\"" FIRN_VERSION
                      "\",\"suitableModelType\":[\"unknown:unknown\"],\"tags\":[],"
                      "\"configParams\":{}}");
}

enum status runtimes_embed(struct registry *registry, const char *kind, int64_t id,
                           struct text *text, struct arena *scratch, struct error *err)
{
    const struct record_filter filter = {.kind = kind, .id = id};
    const bool is_runtime = strcmp(kind, HYDROSPHERE_RUNTIME) == 0;
    struct record record;
    bool found = false;

    if (is_runtime && !id) {
        runtime_print_own(text);
        return STATUS_OK;
    }
    if (registry && id > 0)
        TRY(registry_record_find(registry, &filter, &found, &record, scratch, err));
    if (found)
        return is_runtime ? runtime_print(&record, text, err)
                          : environment_print(&record, text, err);
    text_append(text, "null");
    return STATUS_OK;
}
