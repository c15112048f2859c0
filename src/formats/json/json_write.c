// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "base/number.h"
#include "formats/json/json.h"

/* What a byte that JSON does not take as it is becomes. */
static void write_escaped(struct text *text, uint8_t byte)
{
    switch (byte) {
    case '"':
        text_append(text, "\\\"");
        break;
    case '\\':
        text_append(text, "\\\\");
        break;
    case '\n':
        text_append(text, "\\n");
        break;
    case '\r':
        text_append(text, "\\r");
        break;
    case '\t':
        text_append(text, "\\t");
        break;
    default:
        text_printf(text, "\\u%04x", byte);
    }
}

void json_write_string(struct text *text, struct bytes string)
{
    size_t from = 0, at = 0;

    text_append_char(text, '"');
    while (at < string.size) {
        uint8_t byte = string.data[at];
        bool special = byte < 0x20 || byte == '"' || byte == '\\';
        size_t size = special ? 0 : text_utf8_size(string.data + at, string.size - at);
        if (size) {
            at += size;
            continue;
        }
        text_append_bytes(text, (struct bytes){string.data + from, at - from});
        if (special)
            write_escaped(text, byte);
        else
            text_append(text, "\xEF\xBF\xBD");
        from = ++at;
    }
    if (at > from)
        text_append_bytes(text, (struct bytes){string.data + from, at - from});
    text_append_char(text, '"');
}

void json_write_text(struct text *text, const char *string)
{
    json_write_string(text, bytes_of(string));
}

void json_write_key(struct text *text, const char *key)
{
    json_write_text(text, key);
    text_append_char(text, ':');
}

static void write_number(struct text *text, const char *number, size_t size, bool finite)
{
    if (!finite)
        text_append_char(text, '"');
    text_append_bytes(text, (struct bytes){(const uint8_t *)number, size});
    if (!finite)
        text_append_char(text, '"');
}

void json_write_f64(struct text *text, double value)
{
    char buffer[NUMBER_SIZE];

    write_number(text, buffer, number_print_f64(value, buffer), isfinite(value));
}

static void write_items(struct text *text, const struct json *value)
{
    bool object = value->kind == JSON_OBJECT;

    text_append_char(text, object ? '{' : '[');
    for (size_t i = 0; i < value->count; i++) {
        text_append(text, i ? "," : "");
        if (object) {
            json_write_string(text, value->items[i].key);
            text_append_char(text, ':');
        }
        json_write_value(text, &value->items[i]);
    }
    text_append_char(text, object ? '}' : ']');
}

/* Not deeper than the parser let it be. */
void json_write_value(struct text *text, const struct json *value)
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
        write_items(text, value);
        break;
    }
}
