// SPDX-License-Identifier: Apache-2.0
/* JsonExample: STRINGs of JSON -> STRINGs, serialized tf.train.Example, field by field in the order
 * of the JSON, numbers unpacked, as protobuf's JsonToBinaryStream writes them.
 *
 * Of protobuf's mapping both spellings of names, null as what is not there, numbers as text, one
 * value for a list of one, and base64 of both alphabets. Text that is no JSON by RFC 8259 (single
 * quotes, names without quotes, a comma at the end), which protobuf takes, is refused. */
#include <math.h>

#include "base/number.h"
#include "formats/json/json.h"
#include "formats/protobuf.h"
#include "ops/kernels/call.h"

enum { FEATURES = 1, FEATURE = 1, KEY = 1, VALUE = 2, VALUES = 1 };
enum list { NO_LIST, BYTES_LIST, FLOAT_LIST, INT64_LIST };

struct writing {
    const struct op_call *call;
    size_t element;
    struct text text;
};

static enum status wrong(const struct writing *w, const struct json *at, const char *what,
                         struct error *err)
{
    return op_error(w->call, err, STATUS_INVALID_INPUT, "element %zu, byte %zu: %s", w->element,
                    at->offset, what);
}

static bool key_is(const struct json *item, const char *name, const char *other)
{
    return bytes_is(item->key, name) || (other && bytes_is(item->key, other));
}

/* --- values --- */

static bool is_plain_number(struct bytes text, double *value)
{
    const char *start = (const char *)text.data, *end = start + text.size;

    return text.size && number_parse_f64(start, end, value) == end;
}

static bool whole_of(double value, int64_t *whole)
{
    if (!(value >= -0x1p63 && value < 0x1p63) || value != trunc(value))
        return false;
    *whole = (int64_t)value;
    return true;
}

static enum status write_int64(struct writing *w, const struct json *value, struct error *err)
{
    int64_t whole = 0;
    double number;
    const char *end = (const char *)value->string.data + value->string.size;
    bool right = value->kind == JSON_NULL || json_i64(value, &whole);

    if (!right && value->kind == JSON_FLOAT)
        right = whole_of(value->number, &whole);
    else if (!right && value->kind == JSON_STRING && value->string.size)
        right = number_parse_i64((const char *)value->string.data, end, &whole) == end ||
                (is_plain_number(value->string, &number) && whole_of(number, &whole));
    if (!right)
        return wrong(w, value, "not an int64", err);
    protobuf_write_i64(&w->text, VALUES, whole);
    return STATUS_OK;
}

static bool is_word(struct bytes text, double *value)
{
    *value = bytes_is(text, "NaN")         ? NAN
             : bytes_is(text, "Infinity")  ? INFINITY
             : bytes_is(text, "-Infinity") ? -INFINITY
                                           : 0;
    return *value != 0;
}

static enum status write_float(struct writing *w, const struct json *value, struct error *err)
{
    double number = 0;
    bool right = value->kind == JSON_NULL || json_f64(value, &number), word = false;

    if (value->kind == JSON_STRING) {
        word = is_word(value->string, &number);
        right = word || is_plain_number(value->string, &number);
    }
    if (!right || (!word && !isfinite((float)number)))
        return wrong(w, value, "not a float", err);
    protobuf_write_f32(&w->text, VALUES, (float)number);
    return STATUS_OK;
}

static int digit_of(uint8_t c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+' || c == '-' ? 62
           : c == '/' || c == '_' ? 63
                                  : -1;
}

/* `to` has room for as many bytes as the text has. */
static bool decode_base64(struct bytes text, uint8_t *to, size_t *size)
{
    size_t digits = text.size, bits = 0;
    uint32_t group = 0;
    bool web = false, plain = false;

    while (digits && text.data[digits - 1] == '=' && text.size - digits < 2)
        digits--;
    if (digits % 4 == 1 || (digits < text.size && text.size % 4))
        return false;
    *size = 0;
    for (size_t i = 0; i < digits; i++) {
        int digit = digit_of(text.data[i]);

        web |= text.data[i] == '-' || text.data[i] == '_';
        plain |= text.data[i] == '+' || text.data[i] == '/';
        if (digit < 0 || (web && plain))
            return false;
        group = group << 6 | (uint32_t)digit;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            to[(*size)++] = (uint8_t)(group >> bits);
        }
    }
    return !(group & ((1U << bits) - 1));
}

static enum status write_bytes(struct writing *w, const struct json *value, struct error *err)
{
    struct bytes bytes = {0};
    uint8_t *room;

    if (value->kind == JSON_STRING && value->string.size) {
        room = arena_new(w->call->memory, uint8_t, value->string.size);
        if (!room)
            return error_no_memory(err, "strings");
        bytes.data = room;
        if (!decode_base64(value->string, room, &bytes.size))
            return wrong(w, value, "not base64", err);
    } else if (value->kind != JSON_STRING && value->kind != JSON_NULL) {
        return wrong(w, value, "not base64", err);
    }
    protobuf_write_bytes(&w->text, VALUES, bytes);
    return STATUS_OK;
}

/* --- messages --- */

static enum status write_value(struct writing *w, enum list list, const struct json *value,
                               struct error *err)
{
    return list == INT64_LIST   ? write_int64(w, value, err)
           : list == FLOAT_LIST ? write_float(w, value, err)
                                : write_bytes(w, value, err);
}

/* {"value": [...]} */
static enum status write_list(struct writing *w, enum list list, const struct json *object,
                              struct error *err)
{
    if (object->kind != JSON_OBJECT)
        return wrong(w, object, "not a list of values", err);
    for (size_t i = 0; i < object->count; i++) {
        const struct json *item = &object->items[i];

        if (!key_is(item, "value", NULL))
            return wrong(w, item, "a field that the list has not", err);
        if (item->kind != JSON_ARRAY && item->kind != JSON_NULL)
            TRY(write_value(w, list, item, err));
        for (size_t k = 0; item->kind == JSON_ARRAY && k < item->count; k++)
            TRY(write_value(w, list, &item->items[k], err));
    }
    return STATUS_OK;
}

static enum list list_of(const struct json *item)
{
    return key_is(item, "bytesList", "bytes_list")   ? BYTES_LIST
           : key_is(item, "floatList", "float_list") ? FLOAT_LIST
           : key_is(item, "int64List", "int64_list") ? INT64_LIST
                                                     : NO_LIST;
}

/* One list, of three kinds. */
static enum status write_feature(struct writing *w, const struct json *object, struct error *err)
{
    bool given = false;

    if (object->kind != JSON_OBJECT)
        return wrong(w, object, "not a feature", err);
    for (size_t i = 0; i < object->count; i++) {
        const struct json *item = &object->items[i];
        enum list list = list_of(item);
        size_t begin;

        if (list == NO_LIST)
            return wrong(w, item, "a field that a feature has not", err);
        if (item->kind == JSON_NULL)
            continue;
        if (given)
            return wrong(w, item, "a second list of one feature", err);
        given = true;
        begin = protobuf_write_begin(&w->text);
        TRY(write_list(w, list, item, err));
        protobuf_write_end(&w->text, (uint32_t)list, begin);
    }
    return STATUS_OK;
}

static enum status write_entries(struct writing *w, const struct json *object, struct error *err)
{
    if (object->kind != JSON_OBJECT)
        return wrong(w, object, "not a map of features", err);
    for (size_t i = 0; i < object->count; i++) {
        const struct json *item = &object->items[i];
        size_t entry = protobuf_write_begin(&w->text), value;

        protobuf_write_bytes(&w->text, KEY, item->key);
        if (item->kind != JSON_NULL) {
            value = protobuf_write_begin(&w->text);
            TRY(write_feature(w, item, err));
            protobuf_write_end(&w->text, VALUE, value);
        }
        protobuf_write_end(&w->text, FEATURE, entry);
    }
    return STATUS_OK;
}

/* An object with one field, if any: what it holds, or NULL. */
static enum status only(const struct writing *w, const struct json *object, const char *name,
                        const struct json **inner, struct error *err)
{
    *inner = NULL;
    if (object->kind != JSON_OBJECT)
        return wrong(w, object, "not an object", err);
    for (size_t i = 0; i < object->count; i++) {
        if (!key_is(&object->items[i], name, NULL))
            return wrong(w, &object->items[i], "a field that the message has not", err);
        if (object->items[i].kind != JSON_NULL)
            *inner = &object->items[i];
    }
    return STATUS_OK;
}

static enum status write_example(struct writing *w, const struct json *example, struct error *err)
{
    const struct json *features, *map;
    size_t begin;

    TRY(only(w, example, "features", &features, err));
    if (!features)
        return STATUS_OK;
    begin = protobuf_write_begin(&w->text);
    TRY(only(w, features, "feature", &map, err));
    if (map)
        TRY(write_entries(w, map, err));
    protobuf_write_end(&w->text, FEATURES, begin);
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    op_give(call, 0, DTYPE_STRING, &call->in[0].shape);
    return STATUS_OK;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct bytes *json = call->in[0].data;
    struct bytes *binary = call->out[0].data;
    enum status status;

    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        struct writing w = {.call = call, .element = i};
        struct json tree;

        if (json_parse(json[i], 0, &tree, call->memory, err))
            return error_within(err, "JsonExample: element %zu", i);
        status = write_example(&w, &tree, err);
        if (status) {
            text_release(&w.text);
            return status;
        }
        TRY(op_text_take(call, &w.text, &binary[i], err));
    }
    return STATUS_OK;
}

const struct op_set ops_firn_json_example = OP_SET({.name = "JsonExample",
                                                    .summary = "tf.train.Example from JSON",
                                                    .flags = OP_ROWS,
                                                    .in_min = 1,
                                                    .in_max = 1,
                                                    .out_min = 1,
                                                    .out_max = 1,
                                                    .infer = infer,
                                                    .run = run});
