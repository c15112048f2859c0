// SPDX-License-Identifier: Apache-2.0
#include "formats/protobuf.h"

#include "test.h"

#define BYTES(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

/* Walk every field, entering every run of bytes of field 7 as a message. */
static enum status walk(struct protobuf *reader, size_t *fields, struct error *err)
{
    struct protobuf_field field;
    struct protobuf inner;

    for (;;) {
        TRY(protobuf_next(reader, &field, err));
        if (!field.number)
            return STATUS_OK;
        ++*fields;
        if (field.number == 7) {
            TRY(protobuf_message(&field, &inner, err));
            TRY(walk(&inner, fields, err));
        }
    }
}

static const struct {
    const char *why;
    struct bytes input;
    size_t fields;
    const char *text; /* NULL: must be read */
} CASES[] = {
    {"nothing", BYTES(""), 0, NULL},
    {"a varint", BYTES("\x08\x96\x01"), 1, NULL},
    {"all wire types",
     BYTES("\x08\x01\x11\x00\x00\x00\x00\x00\x00\x00\x00\x1a\x01z\x25\x00\x00\x00\x00"), 4, NULL},
    {"nested", BYTES("\x3a\x02\x08\x01"), 2, NULL},
    {"the largest varint", BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 1, NULL},
    {"65 bits", BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), 0,
     "number of more than 64 bits, at byte 1"},
    {"eleven bytes", BYTES("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), 0,
     "number of more than 64 bits, at byte 1"},
    {"a key cut short", BYTES("\x88"), 0, "message ends within a number, at byte 0"},
    {"a varint cut short", BYTES("\x08\x80"), 0, "message ends within a number, at byte 1"},
    {"no varint", BYTES("\x08"), 0, "message ends within a number, at byte 1"},
    {"64 bits cut short", BYTES("\x11\x00\x00"), 0, "message ends within a number, at byte 1"},
    {"32 bits cut short", BYTES("\x25\x00\x00"), 0, "message ends within a number, at byte 1"},
    {"bytes cut short", BYTES("\x1a\x05zz"), 0,
     "field of 5 bytes in a message that has 2 left, at byte 2"},
    {"a size of 2^63", BYTES("\x1a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), 0,
     "field of 9223372036854775808 bytes in a message that has 0 left, at byte 11"},
    {"past the parent, not the file", BYTES("\x3a\x02\x1a\x05zzzzzz"), 0,
     "field of 5 bytes in a message that has 0 left, at byte 4"},
    {"field 0", BYTES("\x00\x00"), 0, "field number 0, at byte 0"},
    {"field 2^29", BYTES("\x80\x80\x80\x80\x10\x00"), 0, "field number 536870912, at byte 0"},
    {"a group", BYTES("\x08\x01\x1b\x1c"), 0, "field 3 has wire type 3 (a group), at byte 2"},
    {"wire type 7", BYTES("\x0f"), 0, "field 1 has wire type 7, at byte 0"},
};

TEST(protobuf_cases)
{
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct protobuf reader = protobuf_over(CASES[i].input);
        struct error err = {0};
        size_t fields = 0;
        enum status status = walk(&reader, &fields, &err);
        if (!CASES[i].text) {
            CHECK_OK(status, err);
            CHECK_INT(fields, CASES[i].fields);
        } else {
            CHECK_INT(status, STATUS_INVALID_INPUT);
            CHECK_TEXT(err.text, CASES[i].text);
        }
    }
}

TEST(protobuf_depth)
{
    struct text text = {0};
    struct error err = {0};
    struct protobuf reader;
    size_t fields = 0;

    for (int i = 0; i < PROTOBUF_DEPTH_MAX; i++)
        protobuf_write_end(&text, 7, 0);
    reader = protobuf_over(text_bytes(&text));
    CHECK_OK(walk(&reader, &fields, &err), err);
    CHECK_INT(fields, PROTOBUF_DEPTH_MAX);
    protobuf_write_end(&text, 7, 0);
    reader = protobuf_over(text_bytes(&text));
    CHECK_FAILS(walk(&reader, &fields, &err), err, STATUS_INVALID_INPUT,
                "messages nested more than 100 deep");
    text_release(&text);
}

TEST(protobuf_values)
{
    struct text text = {0};
    struct arena arena;
    struct error err = {0};
    struct protobuf reader;
    struct protobuf_field field;
    int64_t integer;
    float f32;
    bool truth;
    const char *string;

    arena_init(&arena, 1 << 20);
    protobuf_write_i64(&text, 1, -5);
    protobuf_write_f32(&text, 2, 0.1f);
    protobuf_write_f64(&text, 3, 0.1);
    protobuf_write_text(&text, 4, "sch\xc3\xb6n");
    protobuf_write_bytes(&text, 5, BYTES("a\0b"));
    reader = protobuf_over(text_bytes(&text));
    CHECK_OK(protobuf_next(&reader, &field, &err), err);
    CHECK_OK(protobuf_i64(&field, &integer, &err), err);
    CHECK_INT(integer, -5);
    CHECK_OK(protobuf_bool(&field, &truth, &err), err);
    CHECK(truth);
    CHECK_FAILS(protobuf_f32(&field, &f32, &err), err, STATUS_INVALID_INPUT,
                "field 1 is a varint, not 32 bits, at byte 0");
    CHECK_OK(protobuf_next(&reader, &field, &err), err);
    CHECK_OK(protobuf_f32(&field, &f32, &err), err);
    CHECK(f32 == 0.1f);
    CHECK_OK(protobuf_next(&reader, &field, &err), err);
    CHECK_FAILS(protobuf_f32(&field, &f32, &err), err, STATUS_INVALID_INPUT, "not 32 bits");
    CHECK_OK(protobuf_next(&reader, &field, &err), err);
    CHECK_OK(protobuf_text(&field, &string, &arena, &err), err);
    CHECK_TEXT(string, "sch\xc3\xb6n");
    CHECK_OK(protobuf_next(&reader, &field, &err), err);
    CHECK_FAILS(protobuf_text(&field, &string, &arena, &err), err, STATUS_INVALID_INPUT,
                "field 5, \"a\\x00b\", is not text");
    arena_release(&arena);
    text_release(&text);
}

TEST(protobuf_repeated)
{
    static const int64_t VALUES[] = {1, -1, 300};
    static const float FLOATS[] = {0.5f, -2.0f};
    struct text text = {0};
    struct arena arena;
    struct error err = {0};
    struct protobuf reader;
    int64_t *integers;
    float *floats;
    double *doubles;
    struct bytes *strings;
    size_t count;

    arena_init(&arena, 1 << 20);
    protobuf_write_i64(&text, 1, 7);
    protobuf_write_packed_f32(&text, 2, FLOATS, 2);
    protobuf_write_packed_i64(&text, 1, VALUES, 3);
    protobuf_write_text(&text, 3, "a");
    protobuf_write_text(&text, 3, "");
    protobuf_write_f32(&text, 2, 8.0f);
    protobuf_write_i64(&text, 1, 9);
    reader = protobuf_over(text_bytes(&text));
    CHECK_OK(protobuf_all_i64(&reader, 1, &integers, &count, &arena, &err), err);
    CHECK_INT(count, 5);
    CHECK(integers[0] == 7 && integers[2] == -1 && integers[3] == 300 && integers[4] == 9);
    CHECK_OK(protobuf_all_f32(&reader, 2, &floats, &count, &arena, &err), err);
    CHECK_INT(count, 3);
    CHECK(floats[0] == 0.5f && floats[1] == -2.0f && floats[2] == 8.0f);
    CHECK_OK(protobuf_all_bytes(&reader, 3, &strings, &count, &arena, &err), err);
    CHECK_INT(count, 2);
    CHECK(bytes_is(strings[0], "a") && strings[1].size == 0);
    CHECK_OK(protobuf_all_i64(&reader, 9, &integers, &count, &arena, &err), err);
    CHECK_INT(count, 0);
    CHECK_FAILS(protobuf_all_f64(&reader, 3, &doubles, &count, &arena, &err), err,
                STATUS_INVALID_INPUT, "packed field 3 has 1 bytes, not a multiple of 8");
    CHECK_FAILS(protobuf_all_bytes(&reader, 1, &strings, &count, &arena, &err), err,
                STATUS_INVALID_INPUT, "field 1 is a varint, not bytes");
    reader = protobuf_over(BYTES("\x0a\x02\x01\x80"));
    CHECK_FAILS(protobuf_all_i64(&reader, 1, &integers, &count, &arena, &err), err,
                STATUS_INVALID_INPUT, "packed field 1 ends within a number, at byte 0");
    reader = protobuf_over(BYTES("\x0a\x01\x80"));
    CHECK_FAILS(protobuf_all_i64(&reader, 1, &integers, &count, &arena, &err), err,
                STATUS_INVALID_INPUT, "packed field 1 ends within a number, at byte 0");
    arena_release(&arena);
    text_release(&text);
}

TEST(entries_of_maps)
{
    static const struct {
        struct bytes input;
        const char *key, *value;
    } ENTRIES[] = {
        {BYTES("\x0a\x01k\x12\x02vw"), "k", "vw"},
        {BYTES("\x12\x02vw\x0a\x01k"), "k", "vw"},
        {BYTES("\x12\x01v"), "", "v"}, /* an empty key is left out */
        {BYTES("\x0a\x01k"), "k", ""},
        {BYTES("\x0a\x01k\x1a\x01x\x0a\x01m"), "m", ""}, /* the last one counts */
    };
    struct protobuf_field key, value;
    struct protobuf message;
    struct bytes text;
    struct error err = {0};

    for (size_t i = 0; i < ARRAY_COUNT(ENTRIES); i++) {
        CHECK_OK(protobuf_entry(protobuf_over(ENTRIES[i].input), &key, &value, &err), err);
        CHECK_OK(protobuf_bytes(&key, &text, &err), err);
        CHECK(bytes_is(text, ENTRIES[i].key));
        CHECK_OK(protobuf_bytes(&value, &text, &err), err);
        CHECK(bytes_is(text, ENTRIES[i].value));
        CHECK_OK(protobuf_message(&value, &message, &err), err);
    }
    CHECK_FAILS(protobuf_entry(protobuf_over(BYTES("\x0a\x05k")), &key, &value, &err), err,
                STATUS_INVALID_INPUT, "");
    CHECK_OK(protobuf_entry(protobuf_over(BYTES("\x08\x01")), &key, &value, &err), err);
    CHECK_FAILS(protobuf_bytes(&key, &text, &err), err, STATUS_INVALID_INPUT, "");
}
