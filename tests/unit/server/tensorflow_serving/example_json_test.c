// SPDX-License-Identifier: Apache-2.0
/* Bodies of TensorFlow Serving's classify and regress, as examples that TensorFlow would read. */
#include "formats/json/json_tensor.h"
#include "formats/tensorflow/record.h"
#include "server/tensorflow_serving/example_json.h"

#include "test.h"

enum { EXAMPLES_MAX = 4 };

static enum status print(struct bytes message, struct text *text, struct arena *keep,
                         struct error *err)
{
    struct example example;

    TRY(example_read(message, &example, keep, err));
    text_append_char(text, '{');
    for (size_t i = 0; i < example.count; i++) {
        const struct feature *feature = &example.features[i];

        text_printf(text, "%s%.*s %s", i ? ", " : "", (int)feature->name.size,
                    (const char *)feature->name.data, dtype_name(feature->values.dtype));
        if (feature->values.dtype != DTYPE_NONE)
            json_write_rows(text, &feature->values, ROWS_ALL, JSON_ALLOW_NAN | JSON_BASE64_BROKEN);
    }
    text_append_char(text, '}');
    return STATUS_OK;
}

static enum status read(struct bytes body, struct text *text, struct arena *keep, struct error *err)
{
    struct examples_json read;

    TRY(examples_json_read(body, EXAMPLES_MAX, &read, keep, err));
    if (read.signature)
        text_printf(text, "<%s> ", read.signature);
    if (read.context.size) {
        TRY(print(read.context, text, keep, err));
        text_append(text, " + ");
    }
    for (size_t i = 0; i < read.count; i++)
        TRY(print(read.examples[i], text, keep, err));
    return STATUS_OK;
}

static const struct {
    const char *body, *want;
} GOOD[] = {
    {"{\"examples\": [{\"x\": 1.0}, {\"x\": 2.0}]}", "{x float[1.0]}{x float[2.0]}"},
    {"{\"examples\": [{\"names\": [\"foo\", \"bar\"], \"ratings\": [8.0, 9.0], \"age\": 20},"
     "{\"names\": [\"baz\"], \"ratings\": 6.0}]}",
     "{names string[\"foo\",\"bar\"], ratings float[8.0,9.0], age int64[20]}"
     "{names string[\"baz\"], ratings float[6.0]}"},
    {"{\"signature_name\": \"s\", \"context\": {\"query\": \"pizza\", \"location\": [\"sfo\"]},"
     "\"examples\": [{\"ratings\": [8.0, NaN, Infinity]}, {\"names\": [\"baz\", {\"b64\": "
     "\"aGVsbG8=\"}], \"mix\": [1, true, false]}, {\"ratings\": -Infinity}]}",
     "<s> {query string[\"pizza\"], location string[\"sfo\"]} + "
     "{ratings float[8.0,NaN,Infinity]}{names string[\"baz\",\"hello\"], mix int64[1,1,0]}"
     "{ratings float[-Infinity]}"},
    {"{\"examples\": [{}], \"context\": {}}", "{} + {}"},
    {"{\"examples\": [{\"x\": []}]}", "{x none}"},
    {"{\"examples\": [{\"x\": 1e2, \"y\": -9223372036854775808, \"z\": {\"b64\": \"/w==\"}}]}",
     "{x float[100.0], y int64[-9223372036854775808], z string[{\"b64\":\"/w==\"}]}"},
    {"{\"examples\": [{\"a\\u0062\": \"\\u00e9\"}]}", "{ab string[\"\xc3\xa9\"]}"},
};

TEST(examples_json_reads)
{
    struct text text = {0};
    struct arena keep;

    arena_init(&keep, 1 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(GOOD); i++) {
        struct error err = {0};

        text_clear(&text);
        CHECK_OK(read(bytes_of(GOOD[i].body), &text, &keep, &err), err);
        CHECK_TEXT(text.data, GOOD[i].want);
        arena_reset(&keep);
    }
    text_release(&text);
    arena_release(&keep);
}

/* Every allocation fails once: it is said, or not needed. */
TEST(examples_json_without_memory)
{
    struct text text = {0};

    for (size_t i = 0; i < ARRAY_COUNT(GOOD); i++) {
        enum status status = STATUS_NO_MEMORY;

        for (long n = 1; status != STATUS_OK && n < 100; n++) {
            struct error err = {0};
            struct arena keep;

            arena_init(&keep, 1 << 20);
            text_clear(&text);
            arena_fail_at(n);
            status = read(bytes_of(GOOD[i].body), &text, &keep, &err);
            arena_fail_at(0);
            CHECK(status == STATUS_OK || status == STATUS_NO_MEMORY);
            arena_release(&keep);
        }
        CHECK_INT(status, STATUS_OK);
    }
    text_release(&text);
}

static const struct {
    const char *body;
    enum status status;
    const char *why;
} BAD[] = {
    {"", STATUS_INVALID_INPUT, "the text ends"},
    {"[]", STATUS_INVALID_INPUT, "an object is expected"},
    {"{}", STATUS_INVALID_INPUT, "key 'examples' is expected and was not found"},
    {"{\"examples\": {}}", STATUS_INVALID_INPUT, "to be an list/array"},
    {"{\"examples\": []}", STATUS_INVALID_INPUT, "is an empty array"},
    {"{\"examples\": [1]}", STATUS_INVALID_INPUT, "Example must be JSON object but got JSON"},
    {"{\"examples\": [{\"x\": 1}], \"examples\": [{\"x\": 1}]}", STATUS_INVALID_INPUT,
     "occurs twice"},
    {"{\"examples\": [{\"x\": null}]}", STATUS_INVALID_INPUT, "unexpected JSON type: null"},
    {"{\"examples\": [{\"x\": {\"y\": 1}}]}", STATUS_INVALID_INPUT, "unexpected JSON type"},
    {"{\"examples\": [{\"x\": [[1]]}]}", STATUS_INVALID_INPUT, "unexpected JSON type: an array"},
    {"{\"examples\": [{\"x\": [1, 2.5]}]}", STATUS_INVALID_INPUT,
     "example 0: Feature: x: Unexpected element type in feature: float, expecting type: int64"},
    {"{\"examples\": [{\"x\": 1}, {\"y\": [\"a\", 1]}]}", STATUS_INVALID_INPUT,
     "example 1: Feature: y: Unexpected element type in feature: int64, expecting type: bytes"},
    {"{\"examples\": [{\"x\": 18446744073709551615}]}", STATUS_INVALID_INPUT, "64 bits"},
    {"{\"examples\": [{\"x\": 1e39}]}", STATUS_INVALID_INPUT, "does not fit a float"},
    {"{\"examples\": [{\"x\": {\"b64\": \"?\"}}]}", STATUS_INVALID_INPUT, "base64 decode"},
    {"{\"context\": [], \"examples\": [{\"x\": 1}]}", STATUS_INVALID_INPUT,
     "context: Example must"},
    {"{\"signature_name\": 1, \"examples\": [{\"x\": 1}]}", STATUS_INVALID_INPUT,
     "must be a string value"},
    {"{\"examples\": [{},{},{},{},{}]}", STATUS_TOO_LARGE, "more than 4 examples"},
};

TEST(examples_json_refuses)
{
    struct text text = {0};
    struct arena keep;

    arena_init(&keep, 1 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
        struct error err = {0};

        CHECK_FAILS(read(bytes_of(BAD[i].body), &text, &keep, &err), err, BAD[i].status,
                    BAD[i].why);
        arena_reset(&keep);
    }
    text_release(&text);
    arena_release(&keep);
}
