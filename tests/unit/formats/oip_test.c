// SPDX-License-Identifier: Apache-2.0
#include "formats/json/oip.h"

#include "test.h"

struct fixture {
    struct arena arena;
    struct oip_request request;
    struct error err;
    uint8_t *copy;
};

/* Reads JSON and what follows it from memory without a byte behind it. */
static enum status parse_body(struct fixture *f, const char *json, struct bytes binary,
                              size_t json_size)
{
    size_t size = strlen(json);

    memset(f, 0, sizeof *f);
    arena_init(&f->arena, 1 << 20);
    f->copy = malloc(size + binary.size + 1);
    f->copy = realloc(f->copy, size + binary.size ? size + binary.size : 1);
    memcpy(f->copy, json, size);
    if (binary.size)
        memcpy(f->copy + size, binary.data, binary.size);
    return oip_parse_request((struct bytes){f->copy, size + binary.size}, json_size, &f->request,
                             &f->arena, &f->err);
}

static enum status parse(struct fixture *f, const char *json)
{
    return parse_body(f, json, (struct bytes){NULL, 0}, strlen(json));
}

static void release(struct fixture *f)
{
    arena_release(&f->arena);
    free(f->copy);
}

#define INPUT(rest) "{\"inputs\":[{\"name\":\"x\"," rest "}]}"
#define FP32_2 "\"shape\":[2],\"datatype\":\"FP32\""

static const struct {
    const char *json, *error;
    enum status status;
} REFUSED[] = {
    {"", "JSON: an object is expected, but the text ends, at byte 0", STATUS_INVALID_INPUT},
    {"[]", "JSON: an object is expected, not \"[\", at byte 0", STATUS_INVALID_INPUT},
    {"{}", "the request has no \"inputs\"", STATUS_INVALID_INPUT},
    {"{\"inputs\":null}", "JSON: an array is expected, not \"n\", at byte 10",
     STATUS_INVALID_INPUT},
    {"{\"inputs\":{}}", "JSON: an array is expected, not \"{\", at byte 10", STATUS_INVALID_INPUT},
    {"{\"inputs\":[]} x", "JSON: the end is expected, not \"x\", at byte 14", STATUS_INVALID_INPUT},
    {"{\"inputs\":[],\"inputs\":[]}", "JSON: key \"inputs\" occurs twice, at byte 22",
     STATUS_INVALID_INPUT},
    {"{\"inputs\":[1]}", "inputs[0]: JSON: an object is expected, not \"1\", at byte 11",
     STATUS_INVALID_INPUT},
    {"{\"inputs\":[{\"shape\":[1],\"datatype\":\"FP32\",\"data\":[1]}]}",
     "inputs[0]: \"name\" is missing", STATUS_INVALID_INPUT},
    {"{\"inputs\":[{\"name\":\"a\\u0000b\"}]}", "inputs[0]: name holds a NUL, at byte 19",
     STATUS_INVALID_INPUT},
    {"{\"inputs\":[{\"name\":3}]}", "inputs[0]: JSON: a string is expected, not \"3\", at byte 19",
     STATUS_INVALID_INPUT},
    {INPUT("\"datatype\":\"FP32\",\"data\":[1]"), "input \"x\": \"shape\" is missing",
     STATUS_INVALID_INPUT},
    {INPUT("\"shape\":[1],\"data\":[1]"), "input \"x\": \"datatype\" is missing",
     STATUS_INVALID_INPUT},
    {INPUT(FP32_2), "input \"x\": \"data\" is missing", STATUS_INVALID_INPUT},
    {INPUT("\"name\":\"y\""), "input \"x\": JSON: key \"name\" occurs twice, at byte 30",
     STATUS_INVALID_INPUT},
    {INPUT("\"datatype\":\"FLOAT\""), "input \"x\": datatype \"FLOAT\" is unknown, at byte 34",
     STATUS_INVALID_INPUT},
    {INPUT("\"shape\":[-1]"), "input \"x\": a dimension is negative: -1, at byte 32",
     STATUS_INVALID_INPUT},
    {INPUT("\"shape\":[1.0]"),
     "input \"x\": JSON: the number is not an integer of 64 bits, at byte 32",
     STATUS_INVALID_INPUT},
    {INPUT("\"shape\":[9223372036854775808]"),
     "input \"x\": JSON: the number is not an integer of 64 bits, at byte 32",
     STATUS_INVALID_INPUT},
    {INPUT("\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"),
     "input \"x\": shape has more than 16 dimensions, at byte 64", STATUS_TOO_LARGE},
    {INPUT(
         "\"shape\":[4611686018427387904,4611686018427387904],\"datatype\":\"INT8\",\"data\":[1]"),
     "input \"x\": a int8 tensor of shape [4611686018427387904,4611686018427387904] needs more "
     "than "
     "9223372036854775807 bytes",
     STATUS_TOO_LARGE},
    {INPUT("\"shape\":[16,1152921504606846978],\"datatype\":\"INT8\",\"data\":[1]"),
     "input \"x\": a int8 tensor of shape [16,1152921504606846978] needs more than "
     "9223372036854775807 bytes",
     STATUS_TOO_LARGE},
    {INPUT("\"shape\":[1000000000],\"datatype\":\"FP64\",\"data\":[1]"),
     "input \"x\": data has fewer than the 1000000000 elements of shape [1000000000], at byte 69",
     STATUS_INVALID_INPUT},
    {INPUT(FP32_2 ",\"data\":[1]"),
     "input \"x\": data has 1 elements, but shape [2] has 2, at byte 60", STATUS_INVALID_INPUT},
    {INPUT(FP32_2 ",\"data\":[1,2,3]"),
     "input \"x\": data has more than the 2 elements of its shape, at byte 65",
     STATUS_INVALID_INPUT},
    {INPUT(FP32_2 ",\"data\":[1,\"a\"]"),
     "input \"x\": element 1 is a string, not float, at byte 63", STATUS_INVALID_INPUT},
    {INPUT("\"data\":[1,\"a\"]," FP32_2),
     "input \"x\": element 1 is a string, not float, at byte 33", STATUS_INVALID_INPUT},
    {INPUT("\"shape\":[2,2],\"datatype\":\"FP32\",\"data\":[[1,2],[3]]"),
     "input \"x\": data is ragged: an array of 1 beside one of 2, 2 deep, at byte 72",
     STATUS_INVALID_INPUT},
    {INPUT("\"shape\":[1],\"datatype\":\"INT8\",\"data\":[300]"),
     "input \"x\": element 0, 300, does not fit int8, at byte 61", STATUS_INVALID_INPUT},
    {INPUT(FP32_2 ",\"parameters\":{\"shared_memory_region\":\"r\"}"),
     "input \"x\": parameter \"shared_memory_region\" is not supported, at byte 90",
     STATUS_UNSUPPORTED},
    {INPUT(FP32_2 ",\"parameters\":[]"),
     "input \"x\": JSON: an object is expected, not \"[\", at byte 66", STATUS_INVALID_INPUT},
    {INPUT(FP32_2 ",\"data\":[1,2],\"parameters\":{\"binary_data_size\":8}"),
     "input \"x\": has both \"data\" and \"binary_data_size\"", STATUS_INVALID_INPUT},
    {INPUT(FP32_2 ",\"parameters\":{\"binary_data_size\":-8}"),
     "input \"x\": binary_data_size is negative: -8, at byte 86", STATUS_INVALID_INPUT},
    {INPUT(FP32_2 ",\"parameters\":{\"binary_data_size\":8}"),
     "input \"x\": binary_data_size is 8, but 0 bytes are left of the body", STATUS_INVALID_INPUT},
    {"{\"inputs\":[{\"name\":\"a\"," FP32_2 ",\"data\":[1,2]},{\"name\":\"a\"," FP32_2
     ",\"data\":[1,2]}]}",
     "input \"a\" occurs twice", STATUS_INVALID_INPUT},
    {"{\"inputs\":[],\"outputs\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"a\"}]}",
     "output \"a\" occurs twice", STATUS_INVALID_INPUT},
    {"{\"inputs\":[],\"outputs\":[{}]}", "outputs[0]: \"name\" is missing", STATUS_INVALID_INPUT},
    {"{\"inputs\":[],\"outputs\":[{\"name\":\"a\",\"parameters\":{\"classification\":3}}]}",
     "output \"a\": parameter \"classification\" is not supported, at byte 67", STATUS_UNSUPPORTED},
    {"{\"inputs\":[],\"outputs\":[{\"name\":\"a\",\"parameters\":{\"binary_data\":1}}]}",
     "output \"a\": JSON: true or false is expected, not \"1\", at byte 64", STATUS_INVALID_INPUT},
    {"{\"id\":7,\"inputs\":[]}", "JSON: a string is expected, not \"7\", at byte 6",
     STATUS_INVALID_INPUT},
    {"{\"parameters\":{\"timeout\":-1},\"inputs\":[]}",
     "parameters: timeout is negative: -1, at byte 25", STATUS_INVALID_INPUT},
    {"{\"inputs\":[],\"x\":NaN}", "JSON: a value is expected, not \"N\", at byte 17",
     STATUS_INVALID_INPUT},
};

TEST(oip_refuses)
{
    for (size_t i = 0; i < ARRAY_COUNT(REFUSED); i++) {
        struct fixture f;
        enum status status = parse(&f, REFUSED[i].json);
        if (status != REFUSED[i].status || strcmp(f.err.text, REFUSED[i].error) != 0)
            fail_msg("%s: %s: %s, not %s: %s", REFUSED[i].json, status_name(status), f.err.text,
                     status_name(REFUSED[i].status), REFUSED[i].error);
        release(&f);
    }
}

TEST(oip_request)
{
    static const char JSON[] =
        "{\"id\":\"42\",\"unknown\":{\"a\":[1,2]},\"parameters\":{\"signature\":\"predict\","
        "\"binary_data_output\":true,\"priority\":3,\"timeout\":1500},\n"
        "\"inputs\":[{\"data\":[[1,2],[3,4]],\"name\":\"a\",\"shape\":[2,2],\"datatype\":\"FP32\","
        "\"parameters\":{\"content_type\":\"np\"}},"
        "{\"name\":\"gr\\u00f6\\u00dfe\",\"shape\":[2],\"datatype\":\"BYTES\",\"data\":[\"x\",\"\"]"
        ","
        "\"parameters\":null}],"
        "\"outputs\":[{\"name\":\"y\"},{\"name\":\"z\",\"parameters\":{\"binary_data\":false}}]}";
    struct fixture f;
    const struct bytes *strings;

    CHECK_OK(parse(&f, JSON), f.err);
    CHECK_TEXT(f.request.id, "42");
    CHECK_TEXT(f.request.signature, "predict");
    CHECK(f.request.binary_output && f.request.timeout_us == 1500);
    CHECK_INT(f.request.input_count, 2);
    CHECK_TEXT(f.request.inputs[0].name, "a");
    CHECK_INT(f.request.inputs[0].tensor.shape.rank, 2);
    CHECK(((const float *)f.request.inputs[0].tensor.data)[3] == 4);
    CHECK_TEXT(f.request.inputs[1].name, "gr\xc3\xb6\xc3\x9f"
                                         "e");
    strings = f.request.inputs[1].tensor.data;
    CHECK(bytes_is(strings[0], "x") && strings[1].size == 0);
    CHECK_INT(f.request.output_count, 2);
    CHECK(f.request.outputs[0].binary && !f.request.outputs[1].binary);
    release(&f);
    CHECK_OK(parse(&f, "{\"inputs\":[],\"id\":null,\"parameters\":null,\"outputs\":null}"), f.err);
    CHECK(!f.request.id && f.request.input_count == 0 && f.request.output_count == 0);
    release(&f);
}

#define BINARY(size) ",\"parameters\":{\"binary_data_size\":" size "}"

static const struct {
    const char *json;
    struct bytes binary;
    const char *error; /* "" when it must be read */
} BINARIES[] = {
#define BYTES(literal)                                                                             \
    {                                                                                              \
        (const uint8_t *)(literal), sizeof(literal) - 1                                            \
    }
    {INPUT(FP32_2 BINARY("8")), BYTES("\0\0\x80\x3f\0\0\0\x40"), ""},
    {INPUT(FP32_2 BINARY("7")), BYTES("1234567"),
     "input \"x\": binary_data_size is 7, but shape [2] of FP32 needs 8 bytes"},
    {INPUT(FP32_2 BINARY("8")), BYTES("1234567"),
     "input \"x\": binary_data_size is 8, but 7 bytes are left of the body"},
    {INPUT(FP32_2 BINARY("8")), BYTES("123456789"),
     "1 bytes are left behind the last binary tensor"},
    {INPUT("\"shape\":[0],\"datatype\":\"INT64\"" BINARY("0")), BYTES(""), ""},
    {INPUT("\"shape\":[3],\"datatype\":\"BOOL\"" BINARY("3")), BYTES("\0\1\2"),
     "input \"x\": element 2 is 2, not 0 or 1"},
    {INPUT("\"shape\":[2],\"datatype\":\"BYTES\"" BINARY("11")), BYTES("\3\0\0\0abc\0\0\0\0"), ""},
    {INPUT("\"shape\":[2],\"datatype\":\"BYTES\"" BINARY("11")), BYTES("\4\0\0\0abc\0\0\0\0"),
     "input \"x\": element 1 of 2 ends behind the binary data"},
    {INPUT("\"shape\":[2],\"datatype\":\"BYTES\"" BINARY("11")),
     BYTES("\xff\xff\xff\xff"
           "abc\0\0\0\0"),
     "input \"x\": element 0 of 2 ends behind the binary data"},
    {INPUT("\"shape\":[1],\"datatype\":\"BYTES\"" BINARY("8")), BYTES("\3\0\0\0abcd"),
     "input \"x\": 1 bytes of binary data are left behind the last element"},
    {INPUT("\"shape\":[1000000],\"datatype\":\"BYTES\"" BINARY("4")), BYTES("\0\0\0\0"),
     "input \"x\": binary_data_size is 4, but shape [1000000] of BYTES needs at least 4000000 "
     "bytes"},
    {INPUT("\"shape\":[4611686018427387904,4],\"datatype\":\"INT8\"" BINARY("0")), BYTES(""),
     "input \"x\": a int8 tensor of shape [4611686018427387904,4] needs more than "
     "9223372036854775807 bytes"},
#undef BYTES
};

TEST(oip_binary)
{
    for (size_t i = 0; i < ARRAY_COUNT(BINARIES); i++) {
        struct fixture f;
        enum status status =
            parse_body(&f, BINARIES[i].json, BINARIES[i].binary, strlen(BINARIES[i].json));
        if (!*BINARIES[i].error)
            CHECK_OK(status, f.err);
        else
            CHECK_TEXT(f.err.text, BINARIES[i].error);
        if (status == STATUS_OK)
            CHECK(f.request.inputs[0].binary);
        release(&f);
    }
}

TEST(oip_header_length)
{
    struct fixture f;

    CHECK_FAILS(parse_body(&f, "{\"inputs\":[]}", (struct bytes){NULL, 0}, 14), f.err,
                STATUS_INVALID_INPUT,
                "Inference-Header-Content-Length is 14, but the body has 13 bytes");
    release(&f);
    CHECK_FAILS(parse_body(&f, "{\"inputs\":[]}", (struct bytes){NULL, 0}, 0), f.err,
                STATUS_UNSUPPORTED, "a raw body, without JSON that describes it, is not supported");
    release(&f);
    CHECK_FAILS(parse_body(&f, "{\"inputs\":[]}", (struct bytes){NULL, 0}, 12), f.err,
                STATUS_INVALID_INPUT, "is expected, but the text ends, at byte 12");
    release(&f);
}

/* What is written is read back, JSON and binary. */
TEST(oip_round_trip)
{
    static double numbers[] = {0.5, -1, 3};
    static int64_t integers[] = {INT64_MIN, 0, INT64_MAX};
    static uint8_t bools[] = {1, 0, 1};
    struct bytes strings[] = {bytes_of("a"), bytes_of("\xff"), bytes_of("")};
    struct oip_tensor tensors[] = {
        {"numbers", {DTYPE_F64, SHAPE(3, 1), numbers}, true},
        {"integers", {DTYPE_I64, SHAPE(3), integers}, false},
        {"bools", {DTYPE_BOOL, SHAPE(1, 3), bools}, true},
        {"strings", {DTYPE_STRING, SHAPE(3), strings}, true},
        {"scalar", {DTYPE_F64, SHAPE(1), numbers}, false},
    };
    struct oip_response response = {.model_name = "m",
                                    .model_version = "1",
                                    .outputs = tensors,
                                    .output_count = ARRAY_COUNT(tensors)},
                        answer;
    struct text text = {0};
    struct error err = {0};
    struct arena arena;
    size_t json_size;

    arena_init(&arena, 1 << 20);
    tensors[4].tensor.shape = shape_scalar();
    text_append(&text, "head");
    oip_write_response(&response, &text, &json_size);
    CHECK(json_size < text.size);
    CHECK_OK(oip_parse_response((struct bytes){(uint8_t *)text.data + 4, text.size - 4}, json_size,
                                &answer, &arena, &err),
             err);
    CHECK_TEXT(answer.model_name, "m");
    CHECK_TEXT(answer.model_version, "1");
    CHECK(!answer.id && answer.output_count == 5);
    CHECK(memcmp(answer.outputs[0].tensor.data, numbers, sizeof numbers) == 0);
    CHECK(memcmp(answer.outputs[1].tensor.data, integers, sizeof integers) == 0);
    CHECK(memcmp(answer.outputs[2].tensor.data, bools, sizeof bools) == 0);
    CHECK(bytes_is(((struct bytes *)answer.outputs[3].tensor.data)[1], "\xff"));
    CHECK(answer.outputs[3].binary);
    CHECK_INT(answer.outputs[4].tensor.shape.rank, 0);
    for (size_t i = 0; i < 5; i++)
        tensors[i].binary = false;
    tensors[3].tensor.shape.dims[0] = 1;
    text_clear(&text);
    oip_write_response(&response, &text, &json_size);
    CHECK_INT(json_size, text.size);
    CHECK_TEXT(
        text.data,
        "{\"model_name\":\"m\",\"model_version\":\"1\",\"outputs\":["
        "{\"name\":\"numbers\",\"datatype\":\"FP64\",\"shape\":[3,1],\"data\":[0.5,-1.0,3.0]},"
        "{\"name\":\"integers\",\"datatype\":\"INT64\",\"shape\":[3],\"data\":"
        "[-9223372036854775808,0,9223372036854775807]},"
        "{\"name\":\"bools\",\"datatype\":\"BOOL\",\"shape\":[1,3],\"data\":[true,false,true]},"
        "{\"name\":\"strings\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"a\"]},"
        "{\"name\":\"scalar\",\"datatype\":\"FP64\",\"shape\":[],\"data\":[0.5]}]}");
    arena_release(&arena);
    text_release(&text);
}

TEST(oip_without_memory)
{
    enum status status = STATUS_NO_MEMORY;

    for (long n = 1; status != STATUS_OK && n < 60; n++) {
        struct error err = {0};
        struct arena arena;
        struct oip_request request;
        const char *json =
            "{\"id\":\"1\",\"inputs\":[{\"name\":\"a\\t\",\"shape\":[1],\"datatype\":"
            "\"BYTES\",\"data\":[\"\\n\"]}],\"outputs\":[{\"name\":\"y\"}]}";
        arena_init(&arena, 1 << 20);
        arena_fail_at(n);
        status = oip_parse_request(bytes_of(json), strlen(json), &request, &arena, &err);
        arena_fail_at(0);
        if (status != STATUS_OK && status != STATUS_NO_MEMORY)
            fail_msg("%s", err.text);
        arena_release(&arena);
    }
    CHECK_INT(status, STATUS_OK);
}
