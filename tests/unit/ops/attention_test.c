// SPDX-License-Identifier: Apache-2.0
/* firn.Attention: fast beside the reference, on random shapes and layouts. */
#include "base/team.h"
#include "op_run.h"
#include "test.h"

struct sizes {
    int64_t batch, heads, key_heads, queries, keys, size, value_size;
};

static struct op_run attention(const struct sizes *s, bool packed, int mask)
{
    struct op_run run = {.domain = "firn", .name = "Attention", .in_count = mask ? 4 : 3};
    int64_t more = random_from(0, 5);

    if (packed) {
        run.in[0] =
            tensor_random(DTYPE_F32, SHAPE(s->batch, s->queries, s->heads * s->size + more));
        run.in[1] =
            tensor_random(DTYPE_F32, SHAPE(s->batch, s->keys, s->key_heads * s->size + more));
        run.in[2] =
            tensor_random(DTYPE_F32, SHAPE(s->batch, s->keys, s->key_heads * s->value_size + more));
        op_run_int(&run, "q_offset", more);
        op_run_int(&run, "k_offset", random_from(0, more));
    } else {
        run.in[0] = tensor_random(DTYPE_F32, SHAPE(s->batch, s->heads, s->queries, s->size));
        run.in[1] = tensor_random(DTYPE_F32, SHAPE(s->batch, s->key_heads, s->keys, s->size));
        run.in[2] = tensor_random(DTYPE_F32, SHAPE(s->batch, s->key_heads, s->keys, s->value_size));
    }
    op_run_int(&run, "heads", s->heads);
    op_run_int(&run, "key_heads", s->key_heads);
    op_run_int(&run, "size", s->size);
    op_run_int(&run, "value_size", s->value_size);
    op_run_int(&run, "heads_first", random_from(0, 1));
    op_run_float(&run, "scale", 0.3);
    if (mask == 1)
        run.in[3] = tensor_random(DTYPE_F32, SHAPE(s->batch, 1, 1, s->keys));
    if (mask == 2)
        run.in[3] = tensor_random(DTYPE_BOOL, SHAPE(s->heads, s->queries, s->keys));
    if (mask == 3)
        run.in[3] = tensor_random(DTYPE_F32, SHAPE(s->queries, 1));
    op_run_float(&run, "fill", -10000);
    return run;
}

TEST(attention_agrees_with_its_reference)
{
    for (int i = 0; i < 60; i++) {
        struct sizes s = {random_from(0, 3),  0,
                          random_from(1, 3),  random_from(0, i & 1 ? 20 : 130),
                          random_from(1, 90), random_from(1, 70),
                          random_from(1, 70)};
        struct op_run run;

        s.heads = s.key_heads * random_from(1, 3);
        run = attention(&s, i & 2, i % 4);
        op_run_int(&run, "is_causal", i % 5 == 0 && s.keys >= s.queries);
        CHECK_FAST(&run, 1e-5);
        op_run_free(&run);
    }
}

/* More queries than a block holds. */
TEST(attention_of_many_keys)
{
    struct sizes s = {1, 1, 1, 50, 6000, 8, 5};
    struct op_run run = attention(&s, true, 0);

    CHECK_FAST(&run, 1e-5);
    op_run_free(&run);
}

TEST(attention_does_not_depend_on_threads)
{
    struct team *team = team_pool_new(3);
    struct error err;

    CHECK(team != NULL);
    for (int i = 0; i < 2; i++) {
        struct sizes s = {1, i ? 1 : 12, i ? 1 : 12, i ? 1500 : 150, 200, 64, 64};
        struct op_run alone = attention(&s, true, 1), shared = alone;

        shared.team = team;
        CHECK_OK(op_run_call(&alone, &err), err);
        CHECK_OK(op_run_call(&shared, &err), err);
        CHECK_INT(memcmp(alone.out[0].data, shared.out[0].data, tensor_bytes(&alone.out[0])), 0);
        free(shared.out[0].data);
        op_run_free(&alone);
    }
    team_free(team);
}

TEST(attention_refuses)
{
    struct sizes s = {1, 2, 2, 3, 4, 5, 6};
    struct op_run run = attention(&s, true, 1);
    struct error err;

    run.in[3].shape = SHAPE(1, 1, 1, 3);
    CHECK_FAILS(op_run_call(&run, &err), err, STATUS_INVALID_INPUT, "mask");
    run.in_count = 3;
    run.in[2].shape.dims[1] = 3;
    CHECK_FAILS(op_run_call(&run, &err), err, STATUS_INVALID_INPUT, "do not fit");
    run.in[1].shape.dims[2] = 9;
    CHECK_FAILS(op_run_call(&run, &err), err, STATUS_INVALID_INPUT, "no 2 heads of 5");
    op_run_free(&run);
}

/* ONNX's own operator, where the fast kernel takes it and where it does not. */
TEST(standard_attention_agrees_with_its_reference)
{
    for (int i = 0; i < 60; i++) {
        struct sizes s = {random_from(1, 3),  0,
                          random_from(1, 3),  random_from(1, i & 1 ? 20 : 70),
                          random_from(1, 60), random_from(1, 40),
                          random_from(1, 40)};
        struct op_run run = {.domain = "", .name = "Attention", .in_count = 3};
        int64_t past = i & 4 ? random_from(1, 9) : 0;
        bool packed = i & 1;

        s.heads = s.key_heads * random_from(1, 3);
        run.in[0] = tensor_random(DTYPE_F32, packed ? SHAPE(s.batch, s.queries, s.heads * s.size)
                                                    : SHAPE(s.batch, s.heads, s.queries, s.size));
        run.in[1] = tensor_random(DTYPE_F32, packed ? SHAPE(s.batch, s.keys, s.key_heads * s.size)
                                                    : SHAPE(s.batch, s.key_heads, s.keys, s.size));
        run.in[2] =
            tensor_random(DTYPE_F32, packed ? SHAPE(s.batch, s.keys, s.key_heads * s.value_size)
                                            : SHAPE(s.batch, s.key_heads, s.keys, s.value_size));
        if (i & 2) {
            run.in[3] = tensor_random(i & 8 ? DTYPE_BOOL : DTYPE_F32,
                                      i & 16 ? SHAPE(s.batch, 1, s.queries, s.keys + past)
                                             : SHAPE(1, s.keys + past));
            run.in_count = 4;
        }
        if (past) {
            run.in[4] = tensor_random(DTYPE_F32, SHAPE(s.batch, s.key_heads, past, s.size));
            run.in[5] = tensor_random(DTYPE_F32, SHAPE(s.batch, s.key_heads, past, s.value_size));
            run.in_count = 6;
            run.out_count = 3;
        }
        op_run_int(&run, "q_num_heads", s.heads);
        op_run_int(&run, "kv_num_heads", s.key_heads);
        op_run_int(&run, "is_causal", i % 3 == 0);
        CHECK_FAST(&run, 1e-5);
        op_run_free(&run);
    }
}
