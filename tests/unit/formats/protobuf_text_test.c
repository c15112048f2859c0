// SPDX-License-Identifier: Apache-2.0
/* The text format against messages on the wire as Google's library writes them. */
#include "base/arena.h"
#include "base/text.h"
#include "formats/protobuf_text.h"
#include "formats/tensorflow/schema.h"
#include "test.h"

enum { ROOT = 0, INNER = 10, COLOUR = 13 };
static const struct protobuf_row ROWS[] = {
    {"Root", 0, PROTOBUF_KIND_NONE, 0},        {"i", 1, PROTOBUF_KIND_INT, 0},
    {"b", 2, PROTOBUF_KIND_BOOL, 0},           {"f", 3, PROTOBUF_KIND_FLOAT, 0},
    {"d", 4, PROTOBUF_KIND_DOUBLE, 0},         {"s", 5, PROTOBUF_KIND_BYTES, 0},
    {"m", 6, PROTOBUF_KIND_MESSAGE, INNER},    {"c", 7, PROTOBUF_KIND_ENUM, COLOUR},
    {"z", 8, PROTOBUF_KIND_SIGNED, 0},         {"x", 9, PROTOBUF_KIND_FIXED32, 0},
    {"Inner", 0, PROTOBUF_KIND_NONE, 0},       {"key", 1, PROTOBUF_KIND_BYTES, 0},
    {"value", 2, PROTOBUF_KIND_MESSAGE, ROOT}, {"Colour", 0, PROTOBUF_KIND_NONE, 0},
    {"RED", 1, PROTOBUF_KIND_INT, 0},          {"BLUE", 300, PROTOBUF_KIND_INT, 0},
    {NULL, 0, PROTOBUF_KIND_NONE, 0},
};

#define WIRE(text) text, sizeof text - 1

TEST(protobuf_text_becomes_the_wire)
{
    static const struct {
        const char *text, *wire;
        size_t size;
    } CASES[] = {
        {"", WIRE("")},
        {"# nothing\n", WIRE("")},
        {"i: 5", WIRE("\x08\x05")},
        {"\xEF\xBB\xBFi:5;i: 6,", WIRE("\x08\x05\x08\x06")},
        {"i: -1", WIRE("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
        {"i: 0x1F i: 017 i: 0", WIRE("\x08\x1f\x08\x0f\x08\x00")},
        {"i: -9223372036854775808", WIRE("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")},
        {"i: [1, 2, 3] i: []", WIRE("\x08\x01\x08\x02\x08\x03")},
        {"b: true b: f b: 1", WIRE("\x10\x01\x10\x00\x10\x01")},
        {"f: 1 f: .5f f: -1.5e0 f: inf",
         WIRE("\x1d\0\0\x80\x3f\x1d\0\0\0\x3f\x1d\0\0\xc0\xbf\x1d\0\0\x80\x7f")},
        {"f: -inf f: 0x10 f: 2.", WIRE("\x1d\0\0\x80\xff\x1d\0\0\x80\x41\x1d\0\0\0\x40")},
        {"d: 0.1", WIRE("\x21\x9a\x99\x99\x99\x99\x99\xb9\x3f")},
        {"c: BLUE c: 1 c: RED", WIRE("\x38\xac\x02\x38\x01\x38\x01")},
        {"z: -1 z: 1", WIRE("\x40\x01\x40\x02")},
        {"s: 'a' \"b\"\n \"\\n\\x41\\101\\0\\\"\\u20ac\"", WIRE("\x2a\x0a"
                                                                "ab\nAA\0\""
                                                                "\xe2\x82\xac")},
        {"m { key: 'k' value { i: 1 } }", WIRE("\x32\x07\x0a\x01k\x12\x02\x08\x01")},
        {"m: < key: 'k' > m {}", WIRE("\x32\x03\x0a\x01k\x32\x00")},
        {"m: [{key: 'a'}, {key: 'b'}] i: 1", WIRE("\x32\x03\x0a\x01"
                                                  "a\x32\x03\x0a\x01"
                                                  "b\x08\x01")},
        /* what the table does not name */
        {"other: 5 more: 'x' 'y' i: 1", WIRE("\x08\x01")},
        {"other { a: [1, 2] b < c: '}' > } i: 1", WIRE("\x08\x01")},
        {"[type.googleapis.com/x.Y] { a: 1 } i: 1", WIRE("\x08\x01")},
        {"other: [] more: -inf i: 1", WIRE("\x08\x01")},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct bytes message;
        struct arena keep;
        struct error err = {0};

        arena_init(&keep, 1 << 20);
        if (protobuf_from_text(bytes_of(CASES[i].text), ROWS, ROOT, &message, &keep, &err))
            fail_msg("\"%s\": %s", CASES[i].text, err.text);
        if (message.size != CASES[i].size || memcmp(message.data, CASES[i].wire, message.size))
            fail_msg("\"%s\" is another message of %zu bytes", CASES[i].text, message.size);
        arena_release(&keep);
    }
}

TEST(protobuf_text_that_is_broken)
{
    static const char *const CASES[][2] = {
        {"i", "line 1: a colon was expected"},
        {"\n\ni: x", "line 3: not a value of its field"},
        {"i: 18446744073709551616", "not a value"},
        {"i: -9223372036854775809", "not a value"},
        {"i: 08", "not a value"},
        {"c: GREEN", "not a value"},
        {"s: 5", "a string was expected"},
        {"s: 'a", "a string without an end"},
        {"s: 'a\n'", "a string without an end"},
        {"s: '\\q'", "an escape sequence that is none"},
        {"s: '\\xg'", "an escape sequence that is none"},
        {"s: '\\777'", "an escape sequence that is none"},
        {"s: '\\U00110000'", "an escape sequence that is none"},
        {"m: 5", "a message was expected"},
        {"m {", "the name of a field was expected"},
        {"m { i: 1 >", "the name of a field was expected"},
        {"i: [1", "a list without an end"},
        {"m: [{} {}]", "a list without an end"},
        {"}", "the name of a field was expected"},
        {"other", "the text ends in a field"},
        {"other {", "the text ends in a field"},
        {"other: }", "a field without a value"},
        {"f: nonsense", "not a value"},
        {"f: 1e", "not a value"},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct bytes message;
        struct arena keep;
        struct error err = {0};

        arena_init(&keep, 1 << 20);
        CHECK_FAILS(protobuf_from_text(bytes_of(CASES[i][0]), ROWS, ROOT, &message, &keep, &err),
                    err, STATUS_INVALID_INPUT, CASES[i][1]);
        arena_release(&keep);
    }
}

TEST(protobuf_text_is_bounded)
{
    struct text deep = {0}, list = {0};
    struct bytes message;
    struct arena keep;
    struct error err = {0};

    arena_init(&keep, 1 << 20);
    for (int i = 0; i < 100; i++) {
        text_append(&deep, "m { value { ");
        text_append(&list, "other { ");
    }
    CHECK_FAILS(protobuf_from_text(text_bytes(&deep), ROWS, ROOT, &message, &keep, &err), err,
                STATUS_INVALID_INPUT, "too deep");
    CHECK_FAILS(protobuf_from_text(text_bytes(&list), ROWS, ROOT, &message, &keep, &err), err,
                STATUS_INVALID_INPUT, "too deep");
    text_release(&deep);
    text_release(&list);
    arena_release(&keep);
}

/* The types of TensorFlow's table refer to each other by the right rows. */
TEST(tensorflow_messages_as_text)
{
    static const char TEXT[] = "node { name: 'x' op: 'Const' attr { key: 'dtype' value { type: "
                               "DT_FLOAT } } attr { key: 'value' value { tensor { dtype: DT_FLOAT "
                               "tensor_shape { dim { size: 2 } } float_val: 1 } } } }";
    static const char WANTED[] = "\x0a\x31\x0a\x01x\x12\x05"
                                 "Const\x2a\x0b\x0a\x05"
                                 "dtype\x12\x02\x30\x01\x2a\x18\x0a\x05"
                                 "value\x12\x0f\x42\x0d\x08\x01\x12\x04\x12\x02\x08\x02"
                                 "\x2d\0\0\x80\x3f";
    struct bytes message;
    struct arena keep;
    struct error err = {0};

    arena_init(&keep, 1 << 20);
    CHECK(tf_message_is_text(bytes_of(TEXT), TF_MESSAGE_GRAPH));
    CHECK(!tf_message_is_text(bytes_of(TEXT), TF_MESSAGE_SAVED_MODEL));
    CHECK_OK(tf_message_from_text(bytes_of(TEXT), TF_MESSAGE_GRAPH, &message, &keep, &err), err);
    CHECK_INT(message.size, sizeof WANTED - 1);
    CHECK(!memcmp(message.data, WANTED, message.size));
    arena_release(&keep);
}
