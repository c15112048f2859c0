// SPDX-License-Identifier: Apache-2.0
/* JSON: what the tree takes, the pull reader takes; written again it is the same. */
#include "formats/json/json.h"

static void write_value(struct text *text, const struct json *value)
{
    switch (value->kind) {
    case JSON_NULL:
        text_append(text, "null");
        break;
    case JSON_BOOL:
        text_append(text, value->boolean ? "true" : "false");
        break;
    case JSON_INT:
        text_printf(text, "%lld", (long long)value->integer);
        break;
    case JSON_UINT:
        text_printf(text, "%llu", (unsigned long long)value->unsigned_integer);
        break;
    case JSON_FLOAT:
        json_write_f64(text, value->number);
        break;
    case JSON_STRING:
        json_write_string(text, value->string);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        text_append_char(text, value->kind == JSON_ARRAY ? '[' : '{');
        for (size_t i = 0; i < value->count; i++) {
            text_append(text, i ? "," : "");
            if (value->kind == JSON_OBJECT) {
                json_write_string(text, value->items[i].key);
                text_append_char(text, ':');
            }
            write_value(text, &value->items[i]);
        }
        text_append_char(text, value->kind == JSON_ARRAY ? ']' : '}');
    }
}

/* Write, read, write: both texts must be the same. */
static void check_again(const struct json *value, struct arena *keep)
{
    struct text first = {0}, second = {0};
    struct json again;
    struct error err;

    write_value(&first, value);
    if (json_parse(text_bytes(&first), 0, &again, keep, &err) != STATUS_OK)
        __builtin_trap();
    write_value(&second, &again);
    if (!bytes_equal(text_bytes(&first), text_bytes(&second)))
        __builtin_trap();
    text_release(&first);
    text_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    struct json_reader reader;
    struct json value;
    struct arena keep;
    struct error err;
    bool tree, pull;

    arena_init(&keep, 64 << 20);
    tree = json_parse(input, 0, &value, &keep, &err) == STATUS_OK;
    json_reader_init(&reader, input, 0);
    pull = json_skip(&reader, &err) == STATUS_OK && json_end(&reader, &err) == STATUS_OK;
    if (tree && !pull && err.status != STATUS_TOO_LARGE)
        __builtin_trap();
    if (tree)
        check_again(&value, &keep);
    (void)!json_parse(input, JSON_ALLOW_NAN, &value, &keep, &err);
    arena_release(&keep);
    return 0;
}
