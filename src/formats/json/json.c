// SPDX-License-Identifier: Apache-2.0
/* JSON as a tree. */
#include "formats/json/json.h"

#include <stdlib.h>

#include "base/number.h"
#include "formats/json/json_scan.h"

const char *json_kind_name(enum json_kind kind)
{
    static const char *const NAMES[] = {"null",     "a boolean", "an integer", "an integer",
                                        "a number", "a string",  "an array",   "an object"};

    return NAMES[kind];
}

struct parser {
    struct json_reader reader;
    struct arena *keep;
    struct json *stack; /* finished values of the containers that are still open; owned */
    size_t used, capacity;
    int depth;
};

static enum status parse_value(struct parser *parser, struct json *value, struct error *err);

/* Integers are INT or UINT when they fit. */
static enum status parse_number(struct parser *parser, struct json *value, struct error *err)
{
    struct json_reader *reader = &parser->reader;
    const char *start = reader->at, *end;

    value->kind = JSON_FLOAT;
    TRY(json_scan_f64(reader, &value->number, err));
    end = number_parse_i64(start, reader->at, &value->integer);
    if (end == reader->at) {
        value->kind = JSON_INT;
        return STATUS_OK;
    }
    end = number_parse_u64(start, reader->at, &value->unsigned_integer);
    if (end == reader->at) {
        value->kind = JSON_UINT;
        return STATUS_OK;
    }
    reader->at = start;
    return json_scan_f64(reader, &value->number, err);
}

static enum status push(struct parser *parser, const struct json *value, struct error *err)
{
    if (parser->used == parser->capacity) {
        size_t capacity = parser->capacity ? parser->capacity * 2 : 64;
        struct json *grown = NULL;
        if (parser->used < parser->keep->limit / sizeof *grown) /* what is kept would not fit */
            grown = realloc(parser->stack, capacity * sizeof *grown);
        if (!grown)
            return error_no_memory(err, "JSON values");
        parser->stack = grown;
        parser->capacity = capacity;
    }
    parser->stack[parser->used++] = *value;
    return STATUS_OK;
}

static int compare_keys(const void *a, const void *b)
{
    const struct json *left = *(const struct json *const *)a,
                      *right = *(const struct json *const *)b;
    int order;

    if (left->key.size != right->key.size)
        return left->key.size < right->key.size ? -1 : 1;
    order = left->key.size ? memcmp(left->key.data, right->key.data, left->key.size) : 0;
    if (order == 0)
        return left->offset < right->offset ? -1 : 1;
    return order;
}

enum { PAIRWISE_MAX = 8 };

/* Sorted, not hashed, so that chosen keys cannot make it slow. */
static enum status check_keys(const struct json *items, size_t count, struct error *err)
{
    const struct json *few[PAIRWISE_MAX], **sorted = few, *twice = NULL;
    char quoted[TEXT_QUOTE_SIZE];

    if (count > PAIRWISE_MAX) {
        sorted = malloc(count * sizeof *sorted);
        if (!sorted)
            return error_no_memory(err, "JSON keys");
    }
    for (size_t i = 0; i < count; i++)
        sorted[i] = &items[i];
    qsort(sorted, count, sizeof *sorted, compare_keys);
    for (size_t i = 1; i < count && !twice; i++)
        if (bytes_equal(sorted[i - 1]->key, sorted[i]->key))
            twice = sorted[i];
    if (sorted != few)
        free(sorted);
    if (twice)
        return error_at(err, twice->offset, STATUS_INVALID_INPUT, "JSON: key \"%s\" occurs twice",
                        text_quote(twice->key, quoted, sizeof quoted));
    return STATUS_OK;
}

static enum status parse_item(struct parser *parser, bool in_object, struct json *item,
                              struct error *err)
{
    struct json_reader *reader = &parser->reader;

    *item = (struct json){0};
    if (in_object) {
        if (!json_at(reader, '"'))
            return json_expected(reader, "a key in quotes", err);
        TRY(json_read_string(reader, &item->key, parser->keep, err));
        if (!json_at(reader, ':'))
            return json_expected(reader, "\":\"", err);
        reader->at++;
    }
    TRY(parse_value(parser, item, err));
    return push(parser, item, err);
}

static enum status parse_container(struct parser *parser, struct json *value, struct error *err)
{
    struct json_reader *reader = &parser->reader;
    bool in_object = value->kind == JSON_OBJECT;
    char close = in_object ? '}' : ']';
    size_t base = parser->used, count;
    struct json item;

    if (++parser->depth > JSON_TREE_DEPTH_MAX)
        return error_at(err, value->offset, STATUS_TOO_LARGE, "JSON: nested more than %d deep",
                        JSON_TREE_DEPTH_MAX);
    reader->at++;
    if (!json_at(reader, close)) {
        TRY(parse_item(parser, in_object, &item, err));
        while (json_at(reader, ',')) {
            reader->at++;
            TRY(parse_item(parser, in_object, &item, err));
        }
        if (!json_at(reader, close))
            return json_expected(reader, in_object ? "\",\" or \"}\"" : "\",\" or \"]\"", err);
    }
    reader->at++;
    parser->depth--;
    count = parser->used - base;
    parser->used = base;
    value->items = arena_new(parser->keep, struct json, count);
    if (!value->items)
        return error_no_memory(err, "JSON values");
    if (count)
        memcpy(value->items, parser->stack + base, count * sizeof *value->items);
    value->count = count;
    return in_object ? check_keys(value->items, count, err) : STATUS_OK;
}

static enum status parse_value(struct parser *parser, struct json *value, struct error *err)
{
    struct json_reader *reader = &parser->reader;

    value->kind = json_peek(reader);
    value->offset = json_offset(reader);
    switch (value->kind) {
    case JSON_ARRAY:
    case JSON_OBJECT:
        return parse_container(parser, value, err);
    case JSON_STRING:
        return json_read_string(reader, &value->string, parser->keep, err);
    case JSON_BOOL:
        return json_read_bool(reader, &value->boolean, err);
    case JSON_NULL:
        return json_word(reader, "null") ? STATUS_OK : json_expected(reader, "a value", err);
    default:
        return parse_number(parser, value, err);
    }
}

enum status json_parse(struct bytes text, unsigned flags, struct json *value, struct arena *keep,
                       struct error *err)
{
    struct parser parser = {.keep = keep};
    enum status status;

    *value = (struct json){0};
    json_reader_init(&parser.reader, text, flags);
    status = parse_value(&parser, value, err);
    if (status == STATUS_OK)
        status = json_end(&parser.reader, err);
    free(parser.stack);
    return status;
}

const struct json *json_get(const struct json *object, const char *key)
{
    struct bytes wanted = bytes_of(key);

    if (!object || object->kind != JSON_OBJECT)
        return NULL;
    for (size_t i = 0; i < object->count; i++)
        if (bytes_equal(object->items[i].key, wanted))
            return &object->items[i];
    return NULL;
}

bool json_string(const struct json *value, struct bytes *string)
{
    if (!value || value->kind != JSON_STRING)
        return false;
    *string = value->string;
    return true;
}

bool json_i64(const struct json *value, int64_t *integer)
{
    if (!value || value->kind != JSON_INT)
        return false;
    *integer = value->integer;
    return true;
}

bool json_f64(const struct json *value, double *number)
{
    if (!value ||
        (value->kind != JSON_INT && value->kind != JSON_UINT && value->kind != JSON_FLOAT))
        return false;
    *number = value->kind == JSON_INT    ? (double)value->integer
              : value->kind == JSON_UINT ? (double)value->unsigned_integer
                                         : value->number;
    return true;
}

bool json_bool(const struct json *value, bool *boolean)
{
    if (!value || value->kind != JSON_BOOL)
        return false;
    *boolean = value->boolean;
    return true;
}
