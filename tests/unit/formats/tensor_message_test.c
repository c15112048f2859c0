// SPDX-License-Identifier: Apache-2.0
#include "formats/tensor_message.h"

#include "test.h"

struct fixture {
    struct arena arena;
    struct error err;
};

/* Reads a message from memory without a byte behind it. */
static enum status read_as(struct fixture *f, enum tensor_dialect dialect, struct bytes message,
                           struct tensor *tensor)
{
    uint8_t *copy = arena_alloc(&f->arena, message.size + 64, 1);
    struct protobuf reader;

    memcpy(copy + 64, message.data, message.size);
    reader = protobuf_over((struct bytes){copy + 64, message.size});
    return tensor_message_read(&reader, dialect, tensor, &f->arena, &f->err);
}

static void check_equal(const struct tensor *got, const struct tensor *want)
{
    const struct bytes *a = got->data, *b = want->data;

    CHECK_INT(got->dtype, want->dtype);
    CHECK(shape_equal(&got->shape, &want->shape));
    if (got->dtype == DTYPE_STRING)
        for (size_t i = 0; i < tensor_count(want); i++)
            CHECK(bytes_equal(a[i], b[i]));
    else if (tensor_bytes(want))
        CHECK(memcmp(got->data, want->data, tensor_bytes(want)) == 0);
}

/* Written as field 3 of a message and read back, in every dialect. */
static void check_round_trip(struct fixture *f, const struct tensor *tensor)
{
    static const enum tensor_dialect DIALECTS[] = {TENSOR_TENSORFLOW, TENSOR_HYDROSPHERE,
                                                   TENSOR_EITHER};
    struct protobuf reader;
    struct protobuf_field field;
    struct protobuf value;
    const char *key;
    struct tensor again;

    for (size_t i = 0; i < ARRAY_COUNT(DIALECTS); i++) {
        struct text text = {0};

        tensor_message_write(&text, 3, DIALECTS[i], tensor);
        reader = protobuf_over(text_bytes(&text));
        CHECK_OK(protobuf_next(&reader, &field, &f->err), f->err);
        CHECK_INT(field.number, 3);
        CHECK_INT(reader.offset, text.size); /* sizes were right */
        CHECK_OK(read_as(f, DIALECTS[i], field.bytes, &again), f->err);
        check_equal(&again, tensor);
        if (DIALECTS[i] == TENSOR_EITHER) { /* all can read it */
            CHECK_OK(read_as(f, TENSOR_TENSORFLOW, field.bytes, &again), f->err);
            check_equal(&again, tensor);
            CHECK_OK(read_as(f, TENSOR_HYDROSPHERE, field.bytes, &again), f->err);
            check_equal(&again, tensor);
        }
        text_clear(&text);
        tensor_entry_write(&text, 7, "key", DIALECTS[i], tensor);
        reader = protobuf_over(text_bytes(&text));
        CHECK_OK(protobuf_next(&reader, &field, &f->err), f->err);
        CHECK_INT(reader.offset, text.size);
        CHECK_OK(tensor_entry_split(&field, &key, &value, &f->arena, &f->err), f->err);
        CHECK_TEXT(key, "key");
        CHECK_OK(tensor_message_read(&value, DIALECTS[i], &again, &f->arena, &f->err), f->err);
        check_equal(&again, tensor);
        text_release(&text);
    }
}

TEST(every_dtype_comes_back)
{
    static const uint8_t BITS[] = {0x00, 0x01, 0x7F, 0x80, 0xFF, 0x3C, 0xC0, 0x40,
                                   0x55, 0xAA, 0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC};
    struct fixture f = {0};
    size_t seen = 0;

    arena_init(&f.arena, 64 << 20);
    for (int d = 1; d < DTYPE_COUNT; d++) {
        enum dtype dtype = (enum dtype)d;
        const struct shape shapes[] = {shape_scalar(), SHAPE(5), SHAPE(0, 3), SHAPE(2, 3, 1)};

        if (!tensor_message_has(dtype))
            continue;
        seen++;
        for (size_t s = 0; s < ARRAY_COUNT(shapes); s++) {
            struct tensor tensor;
            uint8_t *bytes;

            CHECK_OK(tensor_new(&tensor, dtype, &shapes[s], &f.arena, &f.err), f.err);
            bytes = tensor.data;
            for (size_t i = 0; dtype != DTYPE_STRING && i < tensor_bytes(&tensor); i++)
                bytes[i] = dtype == DTYPE_BOOL ? i % 2 : BITS[(i * 7 + i / 16) % sizeof BITS];
            for (size_t i = 0; dtype == DTYPE_STRING && i < tensor_count(&tensor); i++)
                ((struct bytes *)tensor.data)[i] = (struct bytes){BITS, (i * 5) % sizeof BITS};
            check_round_trip(&f, &tensor);
        }
    }
    CHECK_INT(seen, 21);
    arena_release(&f.arena);
}

#define BYTES(...)                                                                                 \
    (struct bytes)                                                                                 \
    {                                                                                              \
        (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})                     \
    }
#define DT(code) 0x08, code
#define TF_DIMS1(a) 0x12, 4, 0x12, 2, 0x08, a
#define TF_MINUS1 0x12, 13, 0x12, 11, 0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1

/* What clients of TensorFlow Serving and of the generations send. */
TEST(forms_that_clients_use)
{
    struct fixture f = {0};
    struct tensor t;

    arena_init(&f.arena, 64 << 20);
    /* int_val unpacked and packed, negative as ten bytes; -1 in the shape of the request */
    CHECK_OK(read_as(&f, TENSOR_TENSORFLOW,
                     BYTES(DT(3), TF_MINUS1, 0x38, 5, 0x3A, 11, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                           0xFF, 0xFF, 0xFF, 0x01, 7),
                     &t),
             f.err);
    CHECK(t.shape.rank == 1 && t.shape.dims[0] == 3);
    CHECK(((int32_t *)t.data)[0] == 5 && ((int32_t *)t.data)[1] == -2 &&
          ((int32_t *)t.data)[2] == 7);
    /* a lone value fills */
    CHECK_OK(read_as(&f, TENSOR_TENSORFLOW, BYTES(DT(9), TF_DIMS1(4), 0x50, 9), &t), f.err);
    CHECK(tensor_count(&t) == 4 && ((int64_t *)t.data)[3] == 9);
    /* no shape: a scalar, a vector; unknown rank likewise */
    CHECK_OK(read_as(&f, TENSOR_TENSORFLOW, BYTES(DT(10), 0x58, 1), &t), f.err);
    CHECK(t.shape.rank == 0 && *(bool *)t.data);
    CHECK_OK(read_as(&f, TENSOR_HYDROSPHERE, BYTES(DT(10), 0x5A, 2, 1, 0), &t), f.err);
    CHECK(t.shape.rank == 1 && t.shape.dims[0] == 2);
    CHECK_OK(read_as(&f, TENSOR_TENSORFLOW, BYTES(DT(10), 0x12, 2, 0x18, 1, 0x5A, 2, 1, 0), &t),
             f.err);
    CHECK(t.shape.rank == 1 && t.shape.dims[0] == 2);
    /* half: the bits as an integer, or raw */
    CHECK_OK(read_as(&f, TENSOR_HYDROSPHERE, BYTES(DT(19), 0x12, 0, 0x6A, 2, 0x80, 0x78), &t),
             f.err);
    CHECK(t.shape.rank == 0 && *(uint16_t *)t.data == 0x3C00);
    CHECK_OK(read_as(&f, TENSOR_HYDROSPHERE, BYTES(DT(19), 0x12, 0, 0x22, 2, 0x00, 0x3C), &t),
             f.err);
    CHECK(*(uint16_t *)t.data == 0x3C00);
    /* strings in tensor_content: all sizes first */
    CHECK_OK(
        read_as(&f, TENSOR_TENSORFLOW, BYTES(DT(7), TF_DIMS1(2), 0x22, 5, 1, 2, 'a', 'b', 'c'), &t),
        f.err);
    CHECK(bytes_is(((struct bytes *)t.data)[0], "a") &&
          bytes_is(((struct bytes *)t.data)[1], "bc"));
    /* aligned bytes are borrowed */
    CHECK_OK(
        read_as(&f, TENSOR_TENSORFLOW, BYTES(DT(1), TF_DIMS1(1), 0x22, 4, 0, 0, 0x80, 0x3F), &t),
        f.err);
    CHECK(*(float *)t.data == 1);
    arena_release(&f.arena);
}

static const struct {
    enum tensor_dialect dialect;
    const char *error;
    enum status status;
    uint8_t bytes[32];
    size_t size;
} REFUSED[] = {
#define ROW(dialect, status, error, ...)                                                           \
    {                                                                                              \
        dialect, error, status, {__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})                    \
    }
    ROW(TENSOR_TENSORFLOW, STATUS_INVALID_INPUT, "it has no dtype", 0x12, 0),
    ROW(TENSOR_TENSORFLOW, STATUS_INVALID_INPUT, "99 is no dtype", DT(99)),
    ROW(TENSOR_TENSORFLOW, STATUS_UNSUPPORTED, "tensors of resource", DT(20)),
    ROW(TENSOR_HYDROSPHERE, STATUS_INVALID_INPUT, "it is a map, and the field holds no others",
        DT(27), 0xDA, 0x01, 0),
    ROW(TENSOR_HYDROSPHERE, STATUS_INVALID_INPUT, "it has map_val, and the field holds no others",
        DT(1), 0xDA, 0x01, 0),
    ROW(TENSOR_TENSORFLOW, STATUS_INVALID_INPUT, "its dtype is float, its values stand in int_val",
        DT(1), TF_DIMS1(1), 0x38, 1),
    ROW(TENSOR_TENSORFLOW, STATUS_INVALID_INPUT, "both int_val and int64_val", DT(3), TF_DIMS1(1),
        0x38, 1, 0x50, 1),
    ROW(TENSOR_TENSORFLOW, STATUS_INVALID_INPUT, "both bytes and values", DT(3), TF_DIMS1(1), 0x38,
        1, 0x22, 4, 0, 0, 0, 0),
    ROW(TENSOR_TENSORFLOW, STATUS_INVALID_INPUT, "2 elements, its shape asks for 3", DT(3),
        TF_DIMS1(3), 0x3A, 2, 1, 2),
    ROW(TENSOR_TENSORFLOW, STATUS_INVALID_INPUT, "2 elements, its shape asks for 1", DT(3),
        TF_DIMS1(1), 0x3A, 2, 1, 2),
    ROW(TENSOR_TENSORFLOW, STATUS_INVALID_INPUT, "0 elements, its shape asks for 1", DT(3),
        TF_DIMS1(1)),
    ROW(TENSOR_HYDROSPHERE, STATUS_INVALID_INPUT, "1 elements, its shape asks for 3", DT(3), 0x12,
        3, 0x0A, 1, 3, 0x38, 1),
    ROW(TENSOR_TENSORFLOW, STATUS_INVALID_INPUT, "out of the range of int8", DT(6), TF_DIMS1(1),
        0x38, 0x80, 0x01),
    ROW(TENSOR_TENSORFLOW, STATUS_INVALID_INPUT, "out of the range of uint8", DT(4), TF_DIMS1(1),
        0x38, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1),
    ROW(TENSOR_TENSORFLOW, STATUS_INVALID_INPUT, "no whole number of float", DT(1), TF_DIMS1(1),
        0x22, 3, 0, 0, 0),
    ROW(TENSOR_TENSORFLOW, STATUS_INVALID_INPUT, "element 0 is 2, no bool", DT(10), TF_DIMS1(1),
        0x22, 1, 2),
    ROW(TENSOR_TENSORFLOW, STATUS_INVALID_INPUT, "no pairs", DT(8), TF_DIMS1(1), 0x4A, 4, 0, 0, 0,
        0),
    ROW(TENSOR_HYDROSPHERE, STATUS_INVALID_INPUT, "several dimensions are -1", DT(3), 0x12, 22,
        0x0A, 20, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1),
    ROW(TENSOR_HYDROSPHERE, STATUS_INVALID_INPUT, "no whole number of 2", DT(3), 0x12, 13, 0x0A, 11,
        2, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0x3A, 1, 1),
    ROW(TENSOR_TENSORFLOW, STATUS_TOO_LARGE, "one value for", DT(2), 0x12, 9, 0x12, 7, 0x08, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0x01, 0x32, 8, 0, 0, 0, 0, 0, 0, 0, 0),
    ROW(TENSOR_TENSORFLOW, STATUS_INVALID_INPUT, "behind the last string", DT(7), TF_DIMS1(1), 0x22,
        3, 1, 'a', 'b'),
    ROW(TENSOR_TENSORFLOW, STATUS_INVALID_INPUT, "at byte", DT(7), TF_DIMS1(1), 0x22, 2, 9, 'a'),
    ROW(TENSOR_HYDROSPHERE, STATUS_INVALID_INPUT, "a dimension is -2", DT(3), 0x12, 12, 0x0A, 10,
        0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1),
};

TEST(what_is_not_whole_is_refused)
{
    struct fixture f = {0};
    struct tensor tensor;

    arena_init(&f.arena, 64 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(REFUSED); i++) {
        enum status status = read_as(&f, REFUSED[i].dialect,
                                     (struct bytes){REFUSED[i].bytes, REFUSED[i].size}, &tensor);

        if (status != REFUSED[i].status || !strstr(f.err.text, REFUSED[i].error))
            fail_msg("row %zu: %d \"%s\", not \"%s\"", i, (int)status, f.err.text,
                     REFUSED[i].error);
    }
    arena_release(&f.arena);
}

TEST(every_cut_is_refused_or_read)
{
    const struct tensor tensor = {DTYPE_F32, SHAPE(2, 2), (float[]){1, 2, 3, 4}, NULL};
    struct fixture f = {0};
    struct text text = {0};
    struct protobuf reader;
    struct protobuf_field field;
    struct tensor again;

    arena_init(&f.arena, 64 << 20);
    tensor_message_write(&text, 1, TENSOR_EITHER, &tensor);
    reader = protobuf_over(text_bytes(&text));
    CHECK_OK(protobuf_next(&reader, &field, &f.err), f.err);
    for (size_t size = 0; size < field.bytes.size; size++)
        CHECK(read_as(&f, TENSOR_EITHER, (struct bytes){field.bytes.data, size}, &again) !=
              STATUS_OK);
    text_release(&text);
    arena_release(&f.arena);
}
