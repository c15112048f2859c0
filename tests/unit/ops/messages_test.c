// SPDX-License-Identifier: Apache-2.0
/* Tensors inside of strings: ragged and sparse ones there and back, and strings that hold none. */
#include "base/arena.h"
#include "ops/op.h"

#include "test.h"

enum { OUTPUTS = 4, MEMORY = 1 << 22 };

struct made {
    struct arena arena;
    struct tensor out[OUTPUTS];
    struct error err;
    enum status status;
};

/* infer, room for what it says, run. */
static void call(struct made *made, const char *name, struct tensor *in, size_t in_count,
                 const struct attribute *attributes, size_t count, size_t out_count)
{
    const struct op *op = op_find(bytes_of("firn"), bytes_of(name));
    struct attributes list = {attributes, count};
    struct op_call c = {.op = op,
                        .attributes = &list,
                        .in = in,
                        .in_count = in_count,
                        .out = made->out,
                        .out_count = out_count,
                        .memory = &made->arena};

    *made = (struct made){0};
    arena_init(&made->arena, MEMORY);
    made->status = op->infer(&c, &made->err);
    for (size_t i = 0; i < out_count && !made->status; i++) {
        CHECK(shape_is_known(&made->out[i].shape));
        made->status = tensor_new(&made->out[i], made->out[i].dtype, &made->out[i].shape,
                                  &made->arena, &made->err);
    }
    if (!made->status)
        made->status = op->run(&c, &made->err);
}

/* A string as it is, cut short anywhere, and with any of its bits turned. */
static void broken_strings(const char *name, struct bytes whole, struct tensor strings,
                           size_t which, const struct attribute *attributes, size_t count,
                           size_t out_count)
{
    struct bytes *element = (struct bytes *)strings.data + which;
    uint8_t copy[512];
    struct made made;

    CHECK(whole.size && whole.size <= sizeof copy);
    for (size_t size = 0; size < whole.size; size++) {
        *element = (struct bytes){whole.data, size};
        call(&made, name, &strings, 1, attributes, count, out_count);
        /* a message that ends behind a field is one: zeros are left */
        CHECK(made.status == STATUS_INVALID_INPUT || !strcmp(name, "SparseUnpack"));
        arena_release(&made.arena);
    }
    for (size_t bit = 0; bit < 8 * whole.size; bit++) {
        memcpy(copy, whole.data, whole.size);
        copy[bit / 8] = (uint8_t)(copy[bit / 8] ^ 1 << bit % 8);
        *element = (struct bytes){copy, whole.size};
        call(&made, name, &strings, 1, attributes, count, out_count);
        arena_release(&made.arena);
    }
    *element = whole;
}

TEST(ragged_tensors_go_into_strings_and_back)
{
    int64_t splits[] = {0, 2, 2, 3};
    struct bytes words[] = {bytes_of("a"), bytes_of(""), bytes_of("long")};
    struct tensor in[] = {{DTYPE_I64, SHAPE(4), splits, NULL, NULL},
                          {DTYPE_STRING, SHAPE(3), words, NULL, NULL}};
    struct attribute to[] = {attribute_of_int("to", 7), attribute_of_int("levels", 0)};
    struct attribute batched = attribute_of_int("batched", 1);
    struct made packed, back;

    call(&packed, "RaggedPack", in, 2, &batched, 1, 1);
    CHECK_OK(packed.status, packed.err);
    CHECK_INT(packed.out[0].shape.dims[0], 3);
    call(&back, "RaggedUnpack", packed.out, 1, to, 2, 2);
    CHECK_OK(back.status, back.err);
    CHECK(!memcmp(back.out[0].data, splits, sizeof splits));
    CHECK(bytes_is(((struct bytes *)back.out[1].data)[2], "long"));
    arena_release(&back.arena);
    broken_strings("RaggedUnpack", ((struct bytes *)packed.out[0].data)[0], packed.out[0], 0, to, 2,
                   2);
    arena_release(&packed.arena);
}

TEST(ragged_numbers_go_into_strings_and_back)
{
    int64_t splits[] = {0, 1, 3};
    float values[] = {1, 2, 3};
    struct tensor in[] = {{DTYPE_I64, SHAPE(3), splits, NULL, NULL},
                          {DTYPE_F32, SHAPE(3), values, NULL, NULL}};
    struct attribute to[] = {attribute_of_int("to", 1), attribute_of_int("levels", 1)};
    struct made packed, back;

    call(&packed, "RaggedPack", in, 2, NULL, 0, 1);
    CHECK_OK(packed.status, packed.err);
    CHECK_INT(packed.out[0].shape.rank, 0);
    call(&back, "RaggedUnpack", packed.out, 1, to, 2, 2);
    CHECK_OK(back.status, back.err);
    CHECK(!memcmp(back.out[0].data, splits, sizeof splits));
    CHECK(!memcmp(back.out[1].data, values, sizeof values));
    arena_release(&back.arena);
    broken_strings("RaggedUnpack", *(struct bytes *)packed.out[0].data, packed.out[0], 0, to, 2, 2);
    arena_release(&packed.arena);
}

TEST(sparse_tensors_go_into_messages_and_back)
{
    int64_t indices[] = {0, 1, 2, 0}, shape[] = {3, 2};
    struct bytes words[] = {bytes_of("a"), bytes_of("bc")};
    struct tensor in[] = {{DTYPE_I64, SHAPE(2, 2), indices, NULL, NULL},
                          {DTYPE_STRING, SHAPE(2), words, NULL, NULL},
                          {DTYPE_I64, SHAPE(2), shape, NULL, NULL}};
    struct attribute to = attribute_of_int("to", 7), many = attribute_of_int("many", 1);
    struct made packed, back;

    call(&packed, "SparsePack", in, 3, NULL, 0, 1);
    CHECK_OK(packed.status, packed.err);
    call(&back, "SparseUnpack", packed.out, 1, &to, 1, 3);
    CHECK_OK(back.status, back.err);
    CHECK(!memcmp(back.out[0].data, indices, sizeof indices));
    CHECK(bytes_is(((struct bytes *)back.out[1].data)[1], "bc"));
    CHECK(!memcmp(back.out[2].data, shape, sizeof shape));
    arena_release(&back.arena);
    for (size_t i = 0; i < 3; i++)
        broken_strings("SparseUnpack", ((struct bytes *)packed.out[0].data)[i], packed.out[0], i,
                       &to, 1, 3);
    arena_release(&packed.arena);
    call(&packed, "SparsePack", in, 3, &many, 1, 1);
    CHECK_OK(packed.status, packed.err);
    CHECK_INT(packed.out[0].shape.dims[0], 3);
    arena_release(&packed.arena);
    indices[0] = 2; /* out of order */
    indices[2] = 0;
    call(&packed, "SparsePack", in, 3, &many, 1, 1);
    CHECK(packed.status == STATUS_INVALID_INPUT);
    arena_release(&packed.arena);
}
