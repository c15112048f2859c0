// SPDX-License-Identifier: Apache-2.0
#include "registry/version_json.h"

#include "formats/json/json.h"

static void write_text(const char *key, const char *value, struct text *text)
{
    json_write_key(text, key);
    if (value)
        json_write_string(text, bytes_of(value));
    else
        text_append(text, "null");
}

static void write_list(const char *const *items, size_t count, struct text *text)
{
    text_append_char(text, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            text_append_char(text, ',');
        json_write_string(text, bytes_of(items[i]));
    }
    text_append_char(text, ']');
}

void version_print_members(const struct version *version, bool brief, struct text *text)
{
    write_text("name", version->model, text);
    text_printf(text, ",\"version\":%lld,", (long long)version->number);
    write_text("digest", version->digest, text);
    text_append_char(text, ',');
    write_text("format", version->format, text);
    text_append(text, ",\"framework\":");
    if (version->framework) {
        text_append_char(text, '{');
        write_text("name", version->framework, text);
        text_append_char(text, ',');
        write_text("version", version->framework_version, text);
        text_append_char(text, '}');
    } else {
        text_append(text, "null");
    }
    if (!brief) {
        text_printf(text, ",\"signatures\":%s,",
                    version->contract && *version->contract ? version->contract : "[]");
        write_text("manifest", version->manifest, text);
    }
    text_printf(text, ",\"native\":%s,", version->reason ? "false" : "true");
    write_text("reason", version->reason, text);
    text_append_char(text, ',');
    write_text("created", version->created, text);
    text_printf(text, ",\"bytes\":%lld,\"aliases\":", (long long)version->bytes);
    write_list(version->aliases, version->alias_count, text);
    text_append(text, ",\"pushed\":");
    write_list(version->pushed, version->pushed_count, text);
}

void version_print_json(const struct version *version, bool brief, struct text *text)
{
    text_append_char(text, '{');
    version_print_members(version, brief, text);
    text_append_char(text, '}');
}
