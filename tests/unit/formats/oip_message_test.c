// SPDX-License-Identifier: Apache-2.0
#include "formats/oip_message.h"

#include "test.h"

/* --- a request, written as clients do --- */

struct said { /* one input */
    const char *datatype;
    struct shape shape;
    uint32_t list;      /* of contents; 0: none */
    struct bytes bytes; /* of that list, packed, or raw */
};

static void put_input(struct text *text, const struct said *said, bool raw)
{
    size_t input = protobuf_write_begin(text), contents;

    protobuf_write_text(text, 1, "x");
    protobuf_write_text(text, 2, said->datatype);
    protobuf_write_packed_i64(text, 3, said->shape.dims, (size_t)said->shape.rank);
    if (said->list) {
        contents = protobuf_write_begin(text);
        protobuf_write_bytes(text, said->list, said->bytes);
        protobuf_write_end(text, 5, contents);
    }
    protobuf_write_end(text, 5, input);
    if (raw)
        protobuf_write_bytes(text, 7, said->bytes);
}

#define BYTES(...)                                                                                 \
    {                                                                                              \
        (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})                     \
    }

static const struct {
    struct said said;
    bool raw;
    const char *error; /* NULL: it is read */
} INPUTS[] = {
    {{"FP32", {1, {1}}, 6, BYTES(0, 0, 0x80, 0x3F)}, false, NULL},
    {{"FP32", {1, {1}}, 0, BYTES(0, 0, 0x80, 0x3F)}, true, NULL},
    {{"INT8", {1, {2}}, 2, BYTES(1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1)},
     false,
     NULL},
    {{"BYTES", {1, {1}}, 8, BYTES('a')}, false, NULL},
    {{"BYTES", {1, {2}}, 0, BYTES(1, 0, 0, 0, 'a', 0, 0, 0, 0)}, true, NULL},
    {{"FP16", {1, {1}}, 0, BYTES(0, 0x3C)}, true, NULL},
    {{"FP32", {1, {0}}, 0, {NULL, 0}}, false, NULL},
    {{"FP16", {1, {1}}, 6, BYTES(0, 0, 0, 0)}, false, "only in raw_input_contents"},
    {{"FP32", {1, {2}}, 6, BYTES(0, 0, 0x80, 0x3F)}, false, "1 elements, its shape asks for 2"},
    {{"FP32", {1, {1}}, 7, BYTES(0, 0, 0, 0, 0, 0, 0, 0)}, false, "stand in fp64_contents"},
    {{"FP32", {1, {1}}, 6, BYTES(0, 0, 0x80, 0x3F)}, true, "and there are raw_input_contents"},
    {{"FP32", {1, {2}}, 0, BYTES(0, 0, 0x80, 0x3F)}, true, "needs 8 bytes"},
    {{"INT8", {1, {1}}, 2, BYTES(0x80, 1)}, false, "out of the range of INT8"},
    {{"UINT8", {1, {1}}, 4, BYTES(0x80, 2)}, false, "out of the range of UINT8"},
    {{"BOOL", {1, {1}}, 0, BYTES(2)}, true, "not 0 or 1"},
    {{"FP31", {1, {1}}, 0, BYTES(2)}, true, "\"FP31\" is no datatype"},
    {{"FP32", {1, {-1}}, 0, BYTES(2)}, true, "a dimension is -1"},
    {{"FP32", {1, {1}}, 0, {NULL, 0}}, false, "it has no contents"},
    {{"BYTES", {1, {1}}, 0, BYTES(9, 0, 0, 0, 'a')}, true, "ends behind the binary data"},
};

TEST(inputs_typed_and_raw)
{
    for (size_t i = 0; i < ARRAY_COUNT(INPUTS); i++) {
        struct text text = {0};
        struct oip_message message;
        struct arena arena;
        struct error err;
        enum status status;

        arena_init(&arena, 1 << 20);
        protobuf_write_text(&text, 1, "m");
        put_input(&text, &INPUTS[i].said, INPUTS[i].raw);
        status = oip_message_read(text_bytes(&text), &message, &arena, &err);
        if (!INPUTS[i].error && status)
            fail_msg("row %zu: %s", i, err.text);
        if (INPUTS[i].error && (!status || !strstr(err.text, INPUTS[i].error)))
            fail_msg("row %zu: \"%s\", not \"%s\"", i, status ? err.text : "read", INPUTS[i].error);
        if (!status) {
            CHECK_TEXT(message.model, "m");
            CHECK_TEXT(message.request.inputs[0].name, "x");
            CHECK(shape_equal(&message.request.inputs[0].tensor.shape, &INPUTS[i].said.shape));
            CHECK_INT(message.request.binary_output, INPUTS[i].raw);
        }
        text_release(&text);
        arena_release(&arena);
    }
}

TEST(as_many_raw_contents_as_inputs)
{
    struct text text = {0};
    struct oip_message message;
    struct arena arena;
    struct error err;

    arena_init(&arena, 1 << 20);
    put_input(&text, &INPUTS[1].said, true);
    protobuf_write_bytes(&text, 7, INPUTS[1].said.bytes);
    CHECK_FAILS(oip_message_read(text_bytes(&text), &message, &arena, &err), err,
                STATUS_INVALID_INPUT, "2 raw_input_contents for 1 inputs");
    text_release(&text);
    arena_release(&arena);
}

static void put_parameter(struct text *text, const char *key, const char *value, int64_t number)
{
    size_t entry = protobuf_write_begin(text), inner;

    protobuf_write_text(text, 1, key);
    inner = protobuf_write_begin(text);
    if (value)
        protobuf_write_text(text, 3, value);
    else
        protobuf_write_i64(text, 2, number);
    protobuf_write_end(text, 2, inner);
    protobuf_write_end(text, 4, entry);
}

TEST(parameters_and_outputs)
{
    struct text text = {0};
    struct oip_message message;
    struct arena arena;
    struct error err;
    size_t output;

    arena_init(&arena, 1 << 20);
    protobuf_write_text(&text, 1, "m");
    protobuf_write_text(&text, 2, "3");
    protobuf_write_text(&text, 3, "id");
    put_parameter(&text, "signature", "other", 0);
    put_parameter(&text, "timeout", NULL, 250);
    put_parameter(&text, "whatever", "x", 0);
    output = protobuf_write_begin(&text);
    protobuf_write_text(&text, 1, "y");
    protobuf_write_end(&text, 6, output);
    CHECK_OK(oip_message_read(text_bytes(&text), &message, &arena, &err), err);
    CHECK_TEXT(message.version, "3");
    CHECK_TEXT(message.request.id, "id");
    CHECK_TEXT(message.request.signature, "other");
    CHECK_INT(message.request.timeout_us, 250);
    CHECK_INT(message.request.output_count, 1);
    CHECK_TEXT(message.request.outputs[0].name, "y");
    put_parameter(&text, "timeout", "soon", 0);
    CHECK_FAILS(oip_message_read(text_bytes(&text), &message, &arena, &err), err,
                STATUS_INVALID_INPUT, "no number of microseconds");
    text_release(&text);
    arena_release(&arena);
}

/* Typed as long as nothing asks for raw; one that has only raw makes all raw. */
TEST(answers)
{
    float floats[] = {1, 2};
    uint16_t halves[] = {0x3C00};
    struct oip_tensor outputs[] = {
        {"y", {DTYPE_F32, SHAPE(2), floats, NULL}, false},
        {"h", {DTYPE_F16, SHAPE(1), halves, NULL}, false},
    };
    struct oip_response response = {"m", "1", "7", outputs, 1};
    struct protobuf reader;
    struct text text = {0};
    struct error err;
    size_t count;

    CHECK_OK(oip_message_write(&response, &text, &err), err);
    reader = protobuf_over(text_bytes(&text));
    CHECK_OK(protobuf_count(&reader, 6, &count, &err), err);
    CHECK_INT(count, 0);
    text_clear(&text);
    response.output_count = 2;
    CHECK_OK(oip_message_write(&response, &text, &err), err);
    reader = protobuf_over(text_bytes(&text));
    CHECK_OK(protobuf_count(&reader, 6, &count, &err), err);
    CHECK_INT(count, 2);
    text_clear(&text);
    outputs[1].tensor.dtype = DTYPE_C64;
    CHECK_FAILS(oip_message_write(&response, &text, &err), err, STATUS_UNSUPPORTED, "complex64");
    text_release(&text);
}
