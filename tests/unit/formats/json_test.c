// SPDX-License-Identifier: Apache-2.0
#include "formats/json/json.h"

#include <math.h>

#include "test.h"

#define BYTES(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

/* The tree as text again: a compact form with sorted nothing and shortest numbers. */
static void dump(struct text *text, const struct json *value)
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
        text_printf(text, "%lluu", (unsigned long long)value->unsigned_integer);
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
            if (i)
                text_append_char(text, ',');
            if (value->kind == JSON_OBJECT) {
                json_write_string(text, value->items[i].key);
                text_append_char(text, ':');
            }
            dump(text, &value->items[i]);
        }
        text_append_char(text, value->kind == JSON_ARRAY ? ']' : '}');
        break;
    }
}

static const struct {
    struct bytes input;
    const char *tree; /* NULL: must be refused with `error` */
    const char *error;
} CASES[] = {
    {BYTES("null"), "null", ""},
    {BYTES(" \t\r\n[ ] "), "[]", ""},
    {BYTES("{}"), "{}", ""},
    {BYTES("{\"a\":1,\"b\":[true,false,null]}"), "{\"a\":1,\"b\":[true,false,null]}", ""},
    {BYTES("[0,-0,1.0,1e2,-1.5E-1]"), "[0,0,1.0,100.0,-0.15]", ""},
    {BYTES("[9223372036854775807,-9223372036854775808,9223372036854775808,18446744073709551615,"
           "18446744073709551616]"),
     "[9223372036854775807,-9223372036854775808,9223372036854775808u,18446744073709551615u,"
     "1.8446744073709552e19]",
     ""},
    {BYTES("\"a\\u00e9\\n\\\"\\\\\\/\\b\\f\\r\\t\""),
     "\"a\xc3\xa9\\n\\\"\\\\/\\u0008\\u000c\\r\\t\"", ""},
    {BYTES("\"\\ud83d\\ude00 \\u0000 \xf0\x9f\x98\x80\""),
     "\"\xf0\x9f\x98\x80 \\u0000 \xf0\x9f\x98\x80\"", ""},
    {BYTES("{\"\":0,\"\\u0061\":1,\"aa\":2}"), "{\"\":0,\"a\":1,\"aa\":2}", ""},
    {BYTES(""), NULL, "JSON: a value is expected, but the text ends, at byte 0"},
    {BYTES("  "), NULL, "JSON: a value is expected, but the text ends, at byte 2"},
    {BYTES("\xef\xbb\xbf{}"), NULL, "JSON: a value is expected, not \"\xef\xbb\xbf\", at byte 0"},
    {BYTES("\xff"), NULL, "JSON: a value is expected, not \"\\xff\", at byte 0"},
    {BYTES("nul"), NULL, "JSON: a value is expected, not \"n\", at byte 0"},
    {BYTES("nullx"), NULL, "JSON: the end is expected, not \"x\", at byte 4"},
    {BYTES("truth"), NULL, "JSON: true or false is expected, not \"t\", at byte 0"},
    {BYTES("{} {}"), NULL, "JSON: the end is expected, not \"{\", at byte 3"},
    {BYTES("[1,]"), NULL, "JSON: a value is expected, not \"]\", at byte 3"},
    {BYTES("[1 2]"), NULL, "JSON: \",\" or \"]\" is expected, not \"2\", at byte 3"},
    {BYTES("[1"), NULL, "JSON: \",\" or \"]\" is expected, but the text ends, at byte 2"},
    {BYTES("[1}"), NULL, "JSON: \",\" or \"]\" is expected, not \"}\", at byte 2"},
    {BYTES("{\"a\":1,}"), NULL, "JSON: a key in quotes is expected, not \"}\", at byte 7"},
    {BYTES("{a:1}"), NULL, "JSON: a key in quotes is expected, not \"a\", at byte 1"},
    {BYTES("{\"a\" 1}"), NULL, "JSON: \":\" is expected, not \"1\", at byte 5"},
    {BYTES("{\"a\":}"), NULL, "JSON: a value is expected, not \"}\", at byte 5"},
    {BYTES("{\"a\":1,\"b\":2,\"\\u0061\":3}"), NULL, "JSON: key \"a\" occurs twice, at byte 22"},
    {BYTES("[{\"a\":{\"b\":1,\"b\":1}}]"), NULL, "JSON: key \"b\" occurs twice, at byte 17"},
    {BYTES("01"), NULL, "JSON: the end is expected, not \"1\", at byte 1"},
    {BYTES("+1"), NULL, "JSON: a value is expected, not \"+\", at byte 0"},
    {BYTES("-"), NULL, "JSON: a number is expected, not \"-\", at byte 0"},
    {BYTES("1."), NULL, "JSON: a number is expected, not \"1\", at byte 0"},
    {BYTES(".5"), NULL, "JSON: a value is expected, not \".\", at byte 0"},
    {BYTES("[1e999]"), NULL, "JSON: the number 1e999 does not fit a double, at byte 1"},
    {BYTES("NaN"), NULL, "JSON: a value is expected, not \"N\", at byte 0"},
    {BYTES("-Infinity"), NULL, "JSON: a number is expected, not \"-\", at byte 0"},
    {BYTES("\"abc"), NULL, "JSON: a string is not closed, at byte 0"},
    {BYTES("\"abcdefgh\\\""), NULL, "JSON: a string is not closed, at byte 0"},
    {BYTES("\"a\\"), NULL, "JSON: a string has a wrong escape, at byte 2"},
    {BYTES("\"a\nb\""), NULL, "JSON: a string holds the control character \\x0a, at byte 2"},
    {BYTES("\"0123456789\x01\""), NULL,
     "JSON: a string holds the control character \\x01, at byte 11"},
    {BYTES("\"\xc0\x80\""), NULL, "JSON: a string is not UTF-8, at byte 0"},
    {BYTES("\"01234567\xed\xa0\x80\""), NULL, "JSON: a string is not UTF-8, at byte 0"},
    {BYTES("\"\\x41\""), NULL, "JSON: a string has a wrong escape, at byte 1"},
    {BYTES("\"\\u12g4\""), NULL, "JSON: a string has a wrong escape, at byte 1"},
    {BYTES("\"\\u12\""), NULL, "JSON: a string has a wrong escape, at byte 1"},
    {BYTES("\"\\ud800\""), NULL, "JSON: a string has a wrong escape, at byte 1"},
    {BYTES("\"\\ud800\\u0041\""), NULL, "JSON: a string has a wrong escape, at byte 1"},
    {BYTES("\"\\ud800x1234567\""), NULL, "JSON: a string has a wrong escape, at byte 1"},
    {BYTES("\"\\udc00\""), NULL, "JSON: a string has a wrong escape, at byte 1"},
    {BYTES("\"\\u0000\0\""), NULL, "JSON: a string holds the control character \\x00, at byte 7"},
};

/* A copy without a byte behind it, so that the sanitizer sees every step too far. */
static struct bytes exact_copy(struct bytes bytes)
{
    uint8_t *copy = malloc(bytes.size ? bytes.size : 1);

    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    return (struct bytes){copy, bytes.size};
}

TEST(json_tree_cases)
{
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct bytes input = exact_copy(CASES[i].input);
        struct text text = {0};
        struct error err = {0};
        struct arena arena;
        struct json value;
        enum status status;
        arena_init(&arena, 1 << 20);
        status = json_parse(input, 0, &value, &arena, &err);
        if (CASES[i].tree) {
            CHECK_OK(status, err);
            dump(&text, &value);
            CHECK_TEXT(text.data, CASES[i].tree);
        } else {
            CHECK_INT(status, STATUS_INVALID_INPUT);
            CHECK_TEXT(err.text, CASES[i].error);
        }
        text_release(&text);
        arena_release(&arena);
        free((void *)(uintptr_t)input.data);
    }
}

/* What the tree takes the reader takes, and the same is refused, but for repeated keys. */
TEST(json_skip_cases)
{
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct bytes input = exact_copy(CASES[i].input);
        struct json_reader reader;
        struct error err = {0};
        enum status status;
        json_reader_init(&reader, input, 0);
        status = json_skip(&reader, &err);
        if (status == STATUS_OK)
            status = json_end(&reader, &err);
        if (CASES[i].tree || strstr(CASES[i].error, "twice")) {
            CHECK_OK(status, err);
        } else {
            CHECK_INT(status, STATUS_INVALID_INPUT);
            CHECK_TEXT(err.text, CASES[i].error);
        }
        free((void *)(uintptr_t)input.data);
    }
}

TEST(json_nan_when_asked)
{
    struct error err = {0};
    struct arena arena;
    struct json value;

    arena_init(&arena, 1 << 20);
    CHECK_OK(json_parse(BYTES("[NaN,-Infinity,Infinity,-1]"), JSON_ALLOW_NAN, &value, &arena, &err),
             err);
    CHECK_INT(value.count, 4);
    CHECK(isnan(value.items[0].number) && value.items[1].number == -INFINITY &&
          value.items[2].number == INFINITY && value.items[3].integer == -1);
    arena_release(&arena);
}

TEST(json_depth)
{
    char text[2 * JSON_TREE_DEPTH_MAX + 2];
    struct error err = {0};
    struct arena arena;
    struct json value;
    struct json_reader reader;

    arena_init(&arena, 1 << 24);
    for (int depth = 1; depth <= JSON_TREE_DEPTH_MAX + 1; depth++) {
        struct bytes input = {(const uint8_t *)text, (size_t)(2 * depth)};
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        if (depth <= JSON_TREE_DEPTH_MAX)
            CHECK_OK(json_parse(input, 0, &value, &arena, &err), err);
        else
            CHECK_FAILS(json_parse(input, 0, &value, &arena, &err), err, STATUS_TOO_LARGE,
                        "JSON: nested more than 256 deep, at byte 256");
        json_reader_init(&reader, input, 0);
        if (depth <= JSON_DEPTH_MAX)
            CHECK_OK(json_skip(&reader, &err), err);
        else
            CHECK_FAILS(json_skip(&reader, &err), err, STATUS_TOO_LARGE,
                        "JSON: nested more than 64 deep, at byte 64");
    }
    arena_release(&arena);
}

TEST(json_many_keys)
{
    struct text text = {0};
    struct error err = {0};
    struct arena arena;
    struct json value;

    arena_init(&arena, 64 << 20);
    for (int i = 0; i < 20000; i++)
        text_printf(&text, "%s\"key%d\":%d", i ? "," : "{", i, i);
    text_append(&text, "}");
    CHECK_OK(json_parse(text_bytes(&text), 0, &value, &arena, &err), err);
    CHECK_INT(value.count, 20000);
    CHECK_INT(json_get(&value, "key19999")->integer, 19999);
    text.size--;
    text_append(&text, ",\"key7\":0}");
    CHECK_FAILS(json_parse(text_bytes(&text), 0, &value, &arena, &err), err, STATUS_INVALID_INPUT,
                "JSON: key \"key7\" occurs twice, at byte");
    arena_release(&arena);
    text_release(&text);
}

TEST(json_reading_is_null_safe)
{
    struct error err = {0};
    struct arena arena;
    struct json value;
    struct bytes string;
    int64_t integer;
    double number;
    bool flag;

    arena_init(&arena, 1 << 20);
    CHECK_OK(json_parse(BYTES("{\"i\":3,\"f\":0.5,\"s\":\"x\",\"b\":true,\"u\":1e0}"), 0, &value,
                        &arena, &err),
             err);
    CHECK(!json_get(&value, "none") && !json_get(json_get(&value, "i"), "x") &&
          !json_get(NULL, "x"));
    CHECK(json_i64(json_get(&value, "i"), &integer) && integer == 3);
    CHECK(!json_i64(json_get(&value, "u"), &integer) && !json_i64(NULL, &integer));
    CHECK(json_f64(json_get(&value, "i"), &number) && number == 3);
    CHECK(json_f64(json_get(&value, "f"), &number) && number == 0.5);
    CHECK(!json_f64(json_get(&value, "s"), &number) && !json_f64(NULL, &number));
    CHECK(json_string(json_get(&value, "s"), &string) && bytes_is(string, "x"));
    CHECK(!json_string(json_get(&value, "b"), &string));
    CHECK(json_bool(json_get(&value, "b"), &flag) && flag && !json_bool(NULL, &flag));
    arena_release(&arena);
}

TEST(json_pull)
{
    static const char TEXT[] = " { \"na\\u006de\" : \"a\\nb\" , \"numbers\":[1,2.5,-3e1],"
                               "\"flag\":false,\"n\":-12,\"other\":{\"x\":[{}]} } ";
    struct json_reader reader;
    struct error err = {0};
    struct arena arena;
    struct bytes key, string = {NULL, 0};
    double sum = 0, number;
    int64_t integer = 0;
    bool more, flag = true;
    int others = 0;

    arena_init(&arena, 1 << 20);
    json_reader_init(&reader, bytes_of(TEXT), 0);
    CHECK_INT(json_peek(&reader), JSON_OBJECT);
    CHECK_OK(json_enter(&reader, JSON_OBJECT, &err), err);
    for (;;) {
        CHECK_OK(json_next(&reader, &more, &key, &err), err);
        if (!more)
            break;
        if (bytes_is(key, "name")) {
            CHECK_OK(json_read_string(&reader, &string, &arena, &err), err);
        } else if (bytes_is(key, "numbers")) {
            CHECK_OK(json_enter(&reader, JSON_ARRAY, &err), err);
            for (;;) {
                CHECK_OK(json_next(&reader, &more, NULL, &err), err);
                if (!more)
                    break;
                CHECK_INT(json_peek(&reader), JSON_FLOAT);
                CHECK_OK(json_read_f64(&reader, &number, &err), err);
                sum += number;
            }
        } else if (bytes_is(key, "flag")) {
            CHECK_OK(json_read_bool(&reader, &flag, &err), err);
        } else if (bytes_is(key, "n")) {
            CHECK_OK(json_read_i64(&reader, &integer, &err), err);
        } else {
            CHECK_OK(json_skip(&reader, &err), err);
            others++;
        }
    }
    CHECK_OK(json_end(&reader, &err), err);
    CHECK(bytes_is(string, "a\nb") && sum == -26.5 && !flag && integer == -12 && others == 1);
    CHECK_INT(reader.depth, 0);
    arena_release(&arena);
}

TEST(json_pull_refuses)
{
    struct json_reader reader;
    struct error err = {0};
    struct arena arena;
    struct bytes string;
    int64_t integer;
    double number;
    bool flag;

    arena_init(&arena, 1 << 20);
    json_reader_init(&reader, BYTES(" 1.0"), 0);
    CHECK_FAILS(json_read_i64(&reader, &integer, &err), err, STATUS_INVALID_INPUT,
                "JSON: the number is not an integer of 64 bits, at byte 1");
    CHECK_FAILS(json_read_string(&reader, &string, &arena, &err), err, STATUS_INVALID_INPUT,
                "JSON: a string is expected, not \"1\", at byte 1");
    CHECK_FAILS(json_read_bool(&reader, &flag, &err), err, STATUS_INVALID_INPUT,
                "JSON: true or false is expected, not \"1\", at byte 1");
    CHECK_FAILS(json_enter(&reader, JSON_OBJECT, &err), err, STATUS_INVALID_INPUT,
                "JSON: an object is expected, not \"1\", at byte 1");
    json_reader_init(&reader, BYTES("9223372036854775808"), 0);
    CHECK_FAILS(json_read_i64(&reader, &integer, &err), err, STATUS_INVALID_INPUT,
                "JSON: the number is not an integer of 64 bits, at byte 0");
    json_reader_init(&reader, BYTES("\"1\""), 0);
    CHECK_FAILS(json_read_i64(&reader, &integer, &err), err, STATUS_INVALID_INPUT,
                "JSON: an integer is expected, not \"\"\", at byte 0");
    CHECK_FAILS(json_read_f64(&reader, &number, &err), err, STATUS_INVALID_INPUT,
                "JSON: a number is expected, not \"\"\", at byte 0");
    arena_release(&arena);
}

TEST(json_without_memory)
{
    enum status status = STATUS_NO_MEMORY;

    for (long n = 1; status != STATUS_OK && n < 20; n++) {
        struct error err = {0};
        struct arena arena;
        struct json value;
        arena_init(&arena, 1 << 20);
        arena_fail_at(n);
        status = json_parse(BYTES("{\"a\\n\":[\"\\t\",[1,2]]}"), 0, &value, &arena, &err);
        arena_fail_at(0);
        CHECK(status == STATUS_OK || status == STATUS_NO_MEMORY);
        arena_release(&arena);
    }
    CHECK_INT(status, STATUS_OK);
}

/* What is not kept yet counts too. */
TEST(json_keeps_the_limit)
{
    struct text text = {0};
    struct error err = {0};
    struct arena arena;
    struct json value;

    text_append(&text, "[0");
    for (int i = 0; i < 100000; i++)
        text_append(&text, ",0");
    text_append(&text, "]");
    arena_init(&arena, 1 << 20);
    CHECK_FAILS(json_parse(text_bytes(&text), 0, &value, &arena, &err), err, STATUS_NO_MEMORY,
                "no memory for JSON values");
    arena_release(&arena);
    text_release(&text);
}

TEST(json_writing)
{
    struct text text = {0};

    json_write_key(&text, "k\"");
    json_write_string(&text, BYTES("a\0b\x1f\x7f\xff\xc3(\xe2\x82\xac"));
    text_append_char(&text, ',');
    json_write_f64(&text, NAN);
    text_append_char(&text, ',');
    json_write_f64(&text, -INFINITY);
    text_append_char(&text, ',');
    json_write_f64(&text, 0.1);
    CHECK_TEXT(text.data, "\"k\\\"\":\"a\\u0000b\\u001f\x7f\xef\xbf\xbd\xef\xbf\xbd(\xe2\x82\xac\","
                          "\"NaN\",\"-Infinity\",0.1");
    text_release(&text);
}
