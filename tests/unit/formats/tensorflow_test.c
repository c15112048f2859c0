// SPDX-License-Identifier: Apache-2.0
/* Checksums, Snappy, records, examples, and the checkpoints of the fixtures, whose own checksums
 * say whether they were read right. */
#include "base/hash/crc32c.h"
#include "formats/compression/snappy.h"
#include "formats/tensorflow/bundle.h"
#include "formats/tensorflow/record.h"
#include "formats/tensorflow/schema.h"
#include "formats/tensorflow/tensor_proto.h"

#include "test.h"

#define BYTES(text) ((struct bytes){(const uint8_t *)(text), sizeof(text) - 1})

TEST(crc32c_of_rfc3720)
{
    static const uint8_t ZEROS[32], ONES[32] = {[0 ... 31] = 0xFF};

    CHECK_INT(crc32c((struct bytes){ZEROS, 32}), 0x8A9136AA);
    CHECK_INT(crc32c((struct bytes){ONES, 32}), 0x62A8AB43);
    CHECK_INT(crc32c(BYTES("123456789")), 0xE3069283);
    CHECK_INT(crc32c_extend(crc32c(BYTES("1234")), BYTES("56789")), 0xE3069283);
}

TEST(names_of_types)
{
    CHECK_TEXT(tf_type_name(1), "DT_FLOAT");
    CHECK_TEXT(tf_type_name(28), "DT_FLOAT8_E5M2FNUZ");
    CHECK_TEXT(tf_type_name(0), "DT_INVALID");
    CHECK_TEXT(tf_type_name(99), "DT_INVALID");
    CHECK_TEXT(tf_type_name(-1), "DT_INVALID");
    for (int code = 1; code < 200; code++) /* every type that firn has is one */
        if (dtype_from_tf(code) != DTYPE_NONE)
            CHECK(strcmp(tf_type_name(code), "DT_INVALID"));
}

/* --- Snappy --- */

static const struct {
    const char *packed;
    size_t size;
    const char *want; /* NULL: an error, which holds `part` */
    const char *part;
} BLOCKS[] = {
    {"\x00", 1, "", NULL},
    {"\x05\x10hello", 7, "hello", NULL},
    {"\x0A\x04"
     "ab\x11\x02\x00", /* copy of 8 from 2 back: tag 0x11 is length 4 + 4 */
     6, "ababababab", NULL},
    {"\x06\x00"
     "x\x12\x01\x00",
     6, "xxxxxx", NULL},
    {"\x05\x10hell", 6, NULL, "ends early"},
    {"\x04\x10hello", 7, NULL, "more than it says"},
    {"\x06\x10hello", 7, NULL, "less than it says"},
    {"\x05\x01\x01", 3, NULL, "before its beginning"},
    {"\xFF\xFF\xFF\xFF\x0F\x00", 6, NULL, "says it holds"},
};

TEST(snappy_blocks)
{
    for (size_t i = 0; i < ARRAY_COUNT(BLOCKS); i++) {
        struct bytes packed = {(const uint8_t *)BLOCKS[i].packed, BLOCKS[i].size}, unpacked;
        struct arena keep;
        struct error err;

        arena_init(&keep, 1 << 20);
        if (BLOCKS[i].want) {
            CHECK_OK(snappy_unpack(packed, 1 << 16, &unpacked, &keep, &err), err);
            CHECK(bytes_is(unpacked, BLOCKS[i].want));
        } else {
            CHECK(snappy_unpack(packed, 1 << 16, &unpacked, &keep, &err) != STATUS_OK);
            if (!strstr(err.text, BLOCKS[i].part))
                fail_msg("case %zu: %s", i, err.text);
        }
        arena_release(&keep);
    }
}

/* --- tensors that are written --- */

TEST(tensors_written)
{
    static int16_t numbers[] = {1, 2};
    static struct bytes words[] = {BYTES("ab"), BYTES("")};
    const struct tensor tensors[] = {
        {DTYPE_I16, SHAPE(1, 2), numbers},
        {DTYPE_STRING, SHAPE(2), words},
        {DTYPE_I16, SHAPE(0, 2), numbers},
    };
    static const struct bytes WANTED[] = {
        BYTES("\x08\x05\x12\x08\x12\x02\x08\x01\x12\x02\x08\x02\"\x04\x01\x00\x02\x00"),
        BYTES("\x08\x07\x12\x04\x12\x02\x08\x02\x42\x02\x61\x62\x42\x00"),
        BYTES("\x08\x05\x12\x06\x12\x00\x12\x02\x08\x02"),
    };

    for (size_t i = 0; i < ARRAY_COUNT(tensors); i++) {
        struct text text = {0};
        struct protobuf message;
        struct tensor back;
        struct arena keep;
        struct error err;

        arena_init(&keep, 1 << 20);
        tf_tensor_write(&text, &tensors[i]);
        CHECK(bytes_equal(text_bytes(&text), WANTED[i]));
        message = protobuf_over(text_bytes(&text));
        CHECK_OK(tf_tensor_read(&message, &back, &keep, &err), err);
        CHECK(shape_equal(&back.shape, &tensors[i].shape));
        text_release(&text);
        arena_release(&keep);
    }
}

/* --- records --- */

static void put(struct text *text, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        text_append_char(text, (char)(value >> (8 * i)));
}

static void record_write(struct text *text, struct bytes record)
{
    uint8_t length[8];

    for (size_t i = 0; i < sizeof length; i++)
        length[i] = (uint8_t)((uint64_t)record.size >> (8 * i));
    put(text, record.size, 8);
    put(text, crc32c_mask(crc32c((struct bytes){length, sizeof length})), 4);
    text_append_bytes(text, record);
    put(text, crc32c_mask(crc32c(record)), 4);
}

TEST(records)
{
    struct text text = {0};
    struct cursor cursor;
    struct bytes record;
    struct error err;
    bool more;

    record_write(&text, BYTES("abc"));
    record_write(&text, BYTES(""));
    CHECK_INT(text.size, 2 * 16 + 3);
    CHECK(record_is(text_bytes(&text)));
    cursor = cursor_over(text_bytes(&text));
    CHECK_OK(record_next(&cursor, &record, &more, &err), err);
    CHECK(more && bytes_is(record, "abc"));
    CHECK_OK(record_next(&cursor, &record, &more, &err), err);
    CHECK(more && record.size == 0);
    CHECK_OK(record_next(&cursor, &record, &more, &err), err);
    CHECK(!more);
    text.data[13] ^= 1;
    cursor = cursor_over(text_bytes(&text));
    CHECK_FAILS(record_next(&cursor, &record, &more, &err), err, STATUS_INVALID_INPUT,
                "checksum of a record is wrong");
    text.data[1] ^= 1;
    cursor = cursor_over(text_bytes(&text));
    CHECK_FAILS(record_next(&cursor, &record, &more, &err), err, STATUS_INVALID_INPUT, "length");
    text.size = 7;
    cursor = cursor_over(text_bytes(&text));
    CHECK_FAILS(record_next(&cursor, &record, &more, &err), err, STATUS_INVALID_INPUT,
                "ends early");
    text_release(&text);
}

TEST(examples)
{
    float floats[] = {1.5f, -2};
    int64_t integers[] = {7, -1, 1};
    struct bytes strings[] = {BYTES("red"), BYTES("")};
    struct feature features[] = {
        {BYTES("f"), {DTYPE_F32, SHAPE(2), floats}},
        {BYTES("i"), {DTYPE_I64, SHAPE(3), integers}},
        {BYTES("s"), {DTYPE_STRING, SHAPE(2), strings}},
        {BYTES("none"), {.dtype = DTYPE_NONE}},
    };
    struct text text = {0};
    const struct feature *found;
    struct example example;
    struct arena keep;
    struct error err;

    arena_init(&keep, 1 << 20);
    CHECK_OK(example_write(&text, features, ARRAY_COUNT(features), &err), err);
    CHECK_OK(example_read(text_bytes(&text), &example, &keep, &err), err);
    CHECK_INT(example.count, 4);
    found = example_find(&example, BYTES("f"));
    CHECK(found && found->values.dtype == DTYPE_F32 && tensor_f64(&found->values, 1) == -2);
    found = example_find(&example, BYTES("i"));
    CHECK(found && found->values.dtype == DTYPE_I64 && tensor_i64(&found->values, 1) == -1);
    found = example_find(&example, BYTES("s"));
    CHECK(found && bytes_is(((const struct bytes *)found->values.data)[0], "red"));
    found = example_find(&example, BYTES("none"));
    CHECK(found && found->values.dtype == DTYPE_NONE);
    CHECK(!example_find(&example, BYTES("x")));
    CHECK_FAILS(example_read(BYTES("\x0a\x05\x0a"), &example, &keep, &err), err,
                STATUS_INVALID_INPUT, "byte");
    arena_release(&keep);
    text_release(&text);
}

/* --- checkpoints --- */

static const struct {
    const char *folder, *prefix, *name;
    enum dtype dtype;
    int rank;
} CHECKPOINTS[] = {
    {"tf-savedmodel/serving_half_plus_three/model", "variables/variables", "a", DTYPE_F32, 0},
    /* its index is packed with Snappy */
    {"tf-savedmodel/serving_half_plus_two_cpu/model", "variables/variables", "a", DTYPE_F32, 0},
    {"tf-savedmodel/tfkeras_lso_tf2.2/model", "variables/variables", "_CHECKPOINTABLE_OBJECT_GRAPH",
     DTYPE_STRING, 0},
};

TEST(checkpoints)
{
    const char *shared = shared_folder("checkpoints");

    for (size_t i = 0; shared && i < ARRAY_COUNT(CHECKPOINTS); i++) {
        char path[4096];
        struct artifact *artifact;
        struct bundle bundle;
        struct tensor tensor;
        struct arena keep;
        struct error err;

        snprintf(path, sizeof path, "%s/fixtures/%s", shared, CHECKPOINTS[i].folder);
        arena_init(&keep, 64 << 20);
        CHECK_OK(artifact_open(path, NULL, &artifact, &err), err);
        CHECK_OK(bundle_open(artifact, CHECKPOINTS[i].prefix, &bundle, &keep, &err), err);
        CHECK_OK(bundle_tensor(&bundle, bytes_of(CHECKPOINTS[i].name), &tensor, &err), err);
        CHECK_INT(tensor.dtype, CHECKPOINTS[i].dtype);
        CHECK_INT(tensor.shape.rank, CHECKPOINTS[i].rank);
        CHECK_FAILS(bundle_tensor(&bundle, bytes_of("absent"), &tensor, &err), err,
                    STATUS_NOT_FOUND, "'absent'");
        artifact_close(artifact);
        arena_release(&keep);
    }
}
