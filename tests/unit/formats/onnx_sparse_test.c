// SPDX-License-Identifier: Apache-2.0
#include "formats/onnx_tensor.h"

#include "test.h"

enum { FLOAT = 1, INT32 = 6, INT64 = 7 };

/* A TensorProto of floats or integers. */
static void write_tensor(struct text *text, uint32_t number, int64_t type, const int64_t *dims,
                         size_t rank, const int64_t *values, size_t count)
{
    struct text inner = {0};

    for (size_t i = 0; i < rank; i++)
        protobuf_write_i64(&inner, 1, dims[i]);
    protobuf_write_i64(&inner, 2, type);
    for (size_t i = 0; type == FLOAT && i < count; i++)
        protobuf_write_f32(&inner, 4, (float)values[i]);
    if (type != FLOAT)
        protobuf_write_packed_i64(&inner, type == INT64 ? 7 : 5, values, count);
    protobuf_write_text(&inner, 8, "w");
    protobuf_write_bytes(text, number, (struct bytes){(uint8_t *)inner.data, inner.size});
    text_release(&inner);
}

struct sparse_case {
    const char *part; /* of the message; NULL: it is right */
    int64_t dims[3], indices[6], index_dims[2], index_type;
    size_t rank, values, index_rank;
};

static enum status read_case(const struct sparse_case *c, struct tensor *tensor,
                             struct arena *arena, struct error *err)
{
    static const int64_t VALUES[] = {10, 20, 30};
    int64_t value_dims[] = {(int64_t)c->values};
    struct text text = {0};
    struct protobuf message;
    const char *name;
    enum status status;

    write_tensor(&text, 1, FLOAT, value_dims, 1, VALUES, c->values);
    if (c->index_rank)
        write_tensor(&text, 2, c->index_type, c->index_dims, c->index_rank, c->indices,
                     (size_t)(c->index_dims[0] * (c->index_rank == 2 ? c->index_dims[1] : 1)));
    for (size_t i = 0; i < c->rank; i++)
        protobuf_write_i64(&text, 3, c->dims[i]);
    message = protobuf_over((struct bytes){(uint8_t *)text.data, text.size});
    status = onnx_sparse_read(&message, NULL, NULL, &name, tensor, arena, err);
    text_release(&text);
    return status;
}

TEST(sparse_tensors_become_dense)
{
    static const struct sparse_case CASES[] = {
        {NULL, {2, 3}, {1, 5}, {2}, INT64, 2, 2, 1},
        {NULL, {2, 3}, {0, 1, 1, 2}, {2, 2}, INT64, 2, 2, 2},
    };
    struct arena arena;
    struct error err = {0};

    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct tensor tensor;

        CHECK_OK(read_case(&CASES[i], &tensor, &arena, &err), err);
        CHECK_INT(tensor.shape.rank, 2);
        for (size_t at = 0; at < 6; at++)
            CHECK_INT((int)((float *)tensor.data)[at], at == 1 ? 10 : at == 5 ? 20 : 0);
    }
    arena_release(&arena);
}

TEST(sparse_tensors_that_contradict_themselves_are_refused)
{
    static const struct sparse_case CASES[] = {
        {"beyond 6", {2, 3}, {1, 6}, {2}, INT64, 2, 2, 1},
        {"beyond 6", {2, 3}, {-1, 5}, {2}, INT64, 2, 2, 1},
        {"index 3 of its value 1", {2, 3}, {0, 1, 1, 3}, {2, 2}, INT64, 2, 2, 2},
        {"index -1 of its value 0", {2, 3}, {-1, 1, 1, 2}, {2, 2}, INT64, 2, 2, 2},
        {"do not fit", {2, 3}, {1, 5, 5}, {3}, INT64, 2, 2, 1},
        {"do not fit", {2, 3}, {0, 0, 1, 0, 0, 2}, {2, 3}, INT64, 2, 2, 2},
        {"int32", {2, 3}, {1, 5}, {2}, INT32, 2, 2, 1},
        {"no indices", {2, 3}, {0}, {0}, INT64, 2, 2, 0},
        {"-2", {-2, 3}, {1, 5}, {2}, INT64, 2, 2, 1},
        {"needs more", {INT64_MAX, 2}, {1, 5}, {2}, INT64, 2, 2, 1},
    };
    struct arena arena;

    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct error err = {0};
        struct tensor tensor;
        enum status status = read_case(&CASES[i], &tensor, &arena, &err);

        CHECK(status == STATUS_INVALID_INPUT || status == STATUS_TOO_LARGE);
        if (!strstr(err.text, CASES[i].part))
            fail_msg("case %zu: %s", i, err.text);
    }
    arena_release(&arena);
}
