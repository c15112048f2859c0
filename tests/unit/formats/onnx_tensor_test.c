// SPDX-License-Identifier: Apache-2.0
#include "formats/onnx_tensor.h"

#include <sys/stat.h>

#include "formats/json/json_tensor.h"

#include "test.h"

/* Fields of TensorProto. */
enum {
    DIMS = 1,
    DATA_TYPE = 2,
    SEGMENT = 3,
    FLOAT_DATA = 4,
    INT32_DATA = 5,
    STRING_DATA = 6,
    INT64_DATA = 7,
    NAME = 8,
    RAW_DATA = 9,
    DOUBLE_DATA = 10,
    UINT64_DATA = 11,
    EXTERNAL_DATA = 13,
    DATA_LOCATION = 14
};

#define BYTES(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

struct values {
    uint32_t field; /* where they stand; 0: nowhere */
    size_t count;
    int64_t integers[6];
    struct bytes raw; /* RAW_DATA */
};

static void write_values(struct text *text, const struct values *values)
{
    switch (values->field) {
    case 0:
        break;
    case RAW_DATA:
        protobuf_write_bytes(text, RAW_DATA, values->raw);
        break;
    case FLOAT_DATA:
        for (size_t i = 0; i < values->count; i++)
            protobuf_write_f32(text, FLOAT_DATA, (float)values->integers[i]);
        break;
    case DOUBLE_DATA:
        for (size_t i = 0; i < values->count; i++)
            protobuf_write_f64(text, DOUBLE_DATA, (double)values->integers[i]);
        break;
    case STRING_DATA:
        for (size_t i = 0; i < values->count; i++)
            protobuf_write_text(text, STRING_DATA, i ? "two" : "one");
        break;
    default:
        protobuf_write_packed_i64(text, values->field, values->integers, values->count);
    }
}

static const struct {
    int64_t data_type;
    int rank;
    int64_t dims[3];
    struct values values;
    const char *want; /* the elements as JSON, or the error */
    enum status status;
} CASES[] = {
    {1, 2, {1, 2}, {FLOAT_DATA, 2, {3, -4}, {0}}, "[3.0,-4.0]", STATUS_OK},
    {1, 1, {2}, {RAW_DATA, 0, {0}, BYTES("\0\0\x80\x3f\0\0\0\x40")}, "[1.0,2.0]", STATUS_OK},
    {11, 0, {0}, {DOUBLE_DATA, 1, {7}, {0}}, "[7.0]", STATUS_OK},
    {14, 1, {1}, {FLOAT_DATA, 2, {1, 2}, {0}}, "[[1.0,2.0]]", STATUS_OK},
    {15, 1, {1}, {DOUBLE_DATA, 2, {1, 2}, {0}}, "[[1.0,2.0]]", STATUS_OK},
    {6,
     1,
     {2},
     {INT32_DATA, 2, {INT32_MIN, INT32_MAX}, {0}},
     "[-2147483648,2147483647]",
     STATUS_OK},
    {3, 1, {2}, {INT32_DATA, 2, {-128, 127}, {0}}, "[-128,127]", STATUS_OK},
    {2, 1, {2}, {INT32_DATA, 2, {0, 255}, {0}}, "[0,255]", STATUS_OK},
    {4, 1, {1}, {INT32_DATA, 1, {65535}, {0}}, "[65535]", STATUS_OK},
    {5, 1, {1}, {INT32_DATA, 1, {-32768}, {0}}, "[-32768]", STATUS_OK},
    {9, 1, {2}, {INT32_DATA, 2, {0, 1}, {0}}, "[false,true]", STATUS_OK},
    {9, 1, {2}, {RAW_DATA, 0, {0}, BYTES("\0\2")}, "[false,true]", STATUS_OK},
    {10, 1, {2}, {INT32_DATA, 2, {0x3C00, 0xC000}, {0}}, "[1.0,-2.0]", STATUS_OK},
    {16, 1, {1}, {INT32_DATA, 1, {0x3F80}, {0}}, "[1.0]", STATUS_OK},
    {17, 1, {1}, {INT32_DATA, 1, {0x38}, {0}}, "[1.0]", STATUS_OK},
    {7,
     1,
     {2},
     {INT64_DATA, 2, {INT64_MIN, INT64_MAX}, {0}},
     "[-9223372036854775808,9223372036854775807]",
     STATUS_OK},
    {13, 1, {1}, {UINT64_DATA, 1, {-1}, {0}}, "[18446744073709551615]", STATUS_OK},
    {12, 1, {1}, {UINT64_DATA, 1, {4294967295}, {0}}, "[4294967295]", STATUS_OK},
    {8, 1, {2}, {STRING_DATA, 2, {0}, {0}}, "[\"one\",\"two\"]", STATUS_OK},
    {22, 1, {3}, {RAW_DATA, 0, {0}, BYTES("\x87\x0F")}, "[7,-8,-1]", STATUS_OK},
    {22, 1, {3}, {INT32_DATA, 2, {0x87, 0x0F}, {0}}, "[7,-8,-1]", STATUS_OK},
    {21, 1, {2}, {RAW_DATA, 0, {0}, BYTES("\xF1")}, "[1,15]", STATUS_OK},
    {23, 1, {2}, {RAW_DATA, 0, {0}, BYTES("\x72")}, "[1.0,6.0]", STATUS_OK},
    {24, 1, {2}, {RAW_DATA, 0, {0}, BYTES("\x7F\x80")}, "[1.0,2.0]", STATUS_OK},
    {25, 1, {5}, {RAW_DATA, 0, {0}, BYTES("\xE4\x02")}, "[0,1,2,3,2]", STATUS_OK},
    {26, 1, {4}, {RAW_DATA, 0, {0}, BYTES("\xE4")}, "[0,1,-2,-1]", STATUS_OK},
    {26, 1, {4}, {INT32_DATA, 1, {0xE4}, {0}}, "[0,1,-2,-1]", STATUS_OK},
    {27, 1, {2}, {RAW_DATA, 0, {0}, BYTES("\x08\x04")}, "[1.0,2.0]", STATUS_OK},
    {27, 1, {2}, {INT32_DATA, 2, {0x08, 0x10}, {0}}, "[1.0,2.0]", STATUS_OK},
    {28, 1, {2}, {INT32_DATA, 2, {0x0C, 0x2E}, {0}}, "[1.0,-1.5]", STATUS_OK},
    {1, 2, {0, 5}, {0, 0, {0}, {0}}, "[]", STATUS_OK},

    {0, 1, {1}, {0, 0, {0}, {0}}, "tensor 't' has data type 0", STATUS_UNSUPPORTED},
    {99, 1, {1}, {0, 0, {0}, {0}}, "tensor 't' has data type 99", STATUS_UNSUPPORTED},
    {1,
     1,
     {2},
     {0, 0, {0}, {0}},
     "tensor 't': it has 0 numbers, its shape asks for 2",
     STATUS_INVALID_INPUT},
    {1,
     1,
     {2},
     {INT64_DATA, 2, {1, 2}, {0}},
     "tensor 't': it has 0 numbers, its shape asks for 2",
     STATUS_INVALID_INPUT},
    {1,
     1,
     {2},
     {FLOAT_DATA, 3, {1, 2, 3}, {0}},
     "tensor 't': it has 3 numbers, its shape asks for 2",
     STATUS_INVALID_INPUT},
    {14,
     1,
     {2},
     {FLOAT_DATA, 2, {1, 2}, {0}},
     "tensor 't': it has 2 numbers, its shape asks for 4",
     STATUS_INVALID_INPUT},
    {1,
     1,
     {2},
     {RAW_DATA, 0, {0}, BYTES("1234567")},
     "tensor 't': it has 7 bytes of data, its shape asks for 8",
     STATUS_INVALID_INPUT},
    {22,
     1,
     {3},
     {RAW_DATA, 0, {0}, BYTES("\x87")},
     "tensor 't': it has 1 bytes of data, its shape asks for 2",
     STATUS_INVALID_INPUT},
    {22,
     1,
     {3},
     {INT32_DATA, 3, {1, 2, 3}, {0}},
     "tensor 't': it has 3 numbers, its shape asks for 2",
     STATUS_INVALID_INPUT},
    {8,
     1,
     {1},
     {RAW_DATA, 0, {0}, BYTES("x")},
     "tensor 't': it has strings as raw data",
     STATUS_INVALID_INPUT},
    {8,
     1,
     {3},
     {STRING_DATA, 2, {0}, {0}},
     "tensor 't': it has 2 strings, its shape asks for 3",
     STATUS_INVALID_INPUT},
    {3,
     1,
     {1},
     {INT32_DATA, 1, {128}, {0}},
     "tensor 't': its element 0, 128, does not fit int8",
     STATUS_INVALID_INPUT},
    {2,
     1,
     {2},
     {INT32_DATA, 2, {0, -1}, {0}},
     "tensor 't': its element 1, -1, does not fit uint8",
     STATUS_INVALID_INPUT},
    {10,
     1,
     {1},
     {INT32_DATA, 1, {65536}, {0}},
     "tensor 't': its element 0, 65536, does not fit half",
     STATUS_INVALID_INPUT},
    {12,
     1,
     {1},
     {UINT64_DATA, 1, {4294967296}, {0}},
     "tensor 't': its element 0, 4294967296, does not fit uint32",
     STATUS_INVALID_INPUT},
    {1,
     1,
     {-2},
     {FLOAT_DATA, 2, {1, 2}, {0}},
     "tensor 't': dimension 0 is negative: -2",
     STATUS_INVALID_INPUT},
    {3,
     3,
     {1 << 20, 1 << 20, 1 << 20},
     {0, 0, {0}, {0}},
     "tensor 't': a int8 tensor of shape [1048576,1048576,1048576] needs more than 1099511627776 "
     "bytes",
     STATUS_TOO_LARGE},
    {22,
     2,
     {INT64_MAX, 2},
     {RAW_DATA, 0, {0}, BYTES("\x87")},
     "tensor 't': a int4 tensor of shape [9223372036854775807,2] needs more than 1099511627776 "
     "bytes",
     STATUS_TOO_LARGE},
};

TEST(onnx_tensor_cases)
{
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct text proto = {0}, text = {0};
        struct error err = {0};
        struct protobuf message;
        struct tensor tensor;
        struct arena arena;
        const char *name;
        enum status status;
        arena_init(&arena, 1 << 20);
        protobuf_write_packed_i64(&proto, DIMS, CASES[i].dims, (size_t)CASES[i].rank);
        protobuf_write_i64(&proto, DATA_TYPE, CASES[i].data_type);
        protobuf_write_text(&proto, NAME, "t");
        write_values(&proto, &CASES[i].values);
        message = protobuf_over(text_bytes(&proto));
        status = onnx_tensor_read(&message, NULL, NULL, &name, &tensor, &arena, &err);
        if (CASES[i].status == STATUS_OK) {
            CHECK_OK(status, err);
            CHECK_TEXT(name, "t");
            CHECK_INT((uintptr_t)tensor.data %
                          (dtype_size(tensor.dtype) > 8 ? 8 : dtype_size(tensor.dtype)),
                      0);
            json_write_tensor(&text, &tensor);
            CHECK_TEXT(text.data, CASES[i].want);
        } else {
            CHECK_INT(status, CASES[i].status);
            CHECK_TEXT(err.text, CASES[i].want);
        }
        text_release(&text);
        text_release(&proto);
        arena_release(&arena);
    }
}

TEST(onnx_tensor_dims_unpacked_and_too_many)
{
    struct text proto = {0};
    struct error err = {0};
    struct protobuf message;
    struct tensor tensor;
    struct arena arena;
    const char *name;

    arena_init(&arena, 1 << 20);
    protobuf_write_i64(&proto, DATA_TYPE, 2);
    protobuf_write_i64(&proto, DIMS, 1);
    protobuf_write_i64(&proto, DIMS, 3);
    protobuf_write_bytes(&proto, RAW_DATA, BYTES("abc"));
    message = protobuf_over(text_bytes(&proto));
    CHECK_OK(onnx_tensor_read(&message, NULL, NULL, &name, &tensor, &arena, &err), err);
    CHECK_TEXT(name, "");
    CHECK(tensor.shape.rank == 2 && tensor.shape.dims[1] == 3);
    for (int i = 0; i < 15; i++)
        protobuf_write_i64(&proto, DIMS, 1);
    message = protobuf_over(text_bytes(&proto));
    CHECK_FAILS(onnx_tensor_read(&message, NULL, NULL, &name, &tensor, &arena, &err), err,
                STATUS_UNSUPPORTED, "it has 17 dimensions, more than 16");
    text_clear(&proto);
    protobuf_write_i64(&proto, DATA_TYPE, 1);
    protobuf_write_text(&proto, SEGMENT, "");
    message = protobuf_over(text_bytes(&proto));
    CHECK_FAILS(onnx_tensor_read(&message, NULL, NULL, &name, &tensor, &arena, &err), err,
                STATUS_UNSUPPORTED, "tensor '' has data type 1 in segments");
    text_release(&proto);
    arena_release(&arena);
}

/* --- external data: a folder with the model and 16 bytes of weights --- */

static const struct {
    const char *location, *offset, *length; /* NULL: not said */
    const char *error;                      /* NULL: must be read, from byte 8 */
    enum status status;
} EXTERNALS[] = {
    {"weights.bin", "8", "8", NULL, STATUS_OK},
    {"weights.bin", "8", NULL, NULL, STATUS_OK},
    {"weights.bin", "0", "9", "tensor 't': it has 9 bytes of data, its shape asks for 8",
     STATUS_INVALID_INPUT},
    {"weights.bin", "9", NULL, "tensor 't': its data ends behind the end of \"weights.bin\"",
     STATUS_INVALID_INPUT},
    {"weights.bin", "9", "9223372036854775807",
     "tensor 't': its data ends behind the end of \"weights.bin\"", STATUS_INVALID_INPUT},
    {"weights.bin", "17", "0", "tensor 't': its data begins behind the end of \"weights.bin\"",
     STATUS_INVALID_INPUT},
    {"weights.bin", "-1", NULL, "tensor 't': its external data has no valid offset",
     STATUS_INVALID_INPUT},
    {"weights.bin", "0", "99999999999999999999",
     "tensor 't': its external data has no valid length", STATUS_INVALID_INPUT},
    {"none.bin", NULL, NULL, "none.bin", STATUS_NOT_FOUND},
    {"../weights.bin", NULL, NULL, "../weights.bin", STATUS_UNSUPPORTED},
    {"/etc/passwd", NULL, NULL, "/etc/passwd", STATUS_UNSUPPORTED},
};

static void write_entry(struct text *proto, const char *key, const char *value)
{
    size_t begin = protobuf_write_begin(proto);

    if (!value)
        return;
    protobuf_write_text(proto, 1, key);
    protobuf_write_text(proto, 2, value);
    protobuf_write_end(proto, EXTERNAL_DATA, begin);
}

static void write_file(const char *path, const char *content)
{
    FILE *file = fopen(path, "w");

    CHECK(file != NULL);
    fputs(content, file);
    fclose(file);
}

TEST(onnx_tensor_external)
{
    struct artifact *artifact;
    struct error err = {0};
    struct arena arena;

    arena_init(&arena, 1 << 20);
    CHECK_INT(mkdir("model", 0777), 0);
    write_file("model/model.onnx", "x");
    write_file("model/weights.bin", "0123456789abcdef");
    CHECK_OK(artifact_open("model", NULL, &artifact, &err), err);
    for (size_t i = 0; i < ARRAY_COUNT(EXTERNALS); i++) {
        struct text proto = {0};
        struct protobuf message;
        struct tensor tensor;
        const char *name;
        enum status status;
        protobuf_write_i64(&proto, DATA_TYPE, 2);
        protobuf_write_i64(&proto, DIMS, 8);
        protobuf_write_text(&proto, NAME, "t");
        protobuf_write_i64(&proto, DATA_LOCATION, 1);
        write_entry(&proto, "location", EXTERNALS[i].location);
        write_entry(&proto, "offset", EXTERNALS[i].offset);
        write_entry(&proto, "length", EXTERNALS[i].length);
        message = protobuf_over(text_bytes(&proto));
        status = onnx_tensor_read(&message, artifact, artifact_find(artifact, "model.onnx"), &name,
                                  &tensor, &arena, &err);
        if (EXTERNALS[i].error) {
            CHECK_FAILS(status, err, EXTERNALS[i].status, EXTERNALS[i].error);
        } else {
            CHECK_OK(status, err);
            CHECK(memcmp(tensor.data, "89abcdef", 8) == 0);
        }
        CHECK(onnx_tensor_read(&message, NULL, NULL, &name, &tensor, &arena, &err) != STATUS_OK);
        text_release(&proto);
    }
    artifact_close(artifact);
    arena_release(&arena);
}
