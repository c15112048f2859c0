// SPDX-License-Identifier: Apache-2.0
#include "engine/native.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "model.h"
#include "test.h"

static const struct native_options POISON = {.poison = true};
static const struct native_options PLAIN = {.poison = true, .passes_off = "all"};

#define F32(shape, ...) ((struct tensor){DTYPE_F32, shape, (float[]){__VA_ARGS__}})
#define I64(shape, ...) ((struct tensor){DTYPE_I64, shape, (int64_t[]){__VA_ARGS__}})

static enum status run(struct model *m, size_t signature, const struct tensor *in,
                       struct tensor *out)
{
    return session_run(m->session, signature, in, out, &m->err);
}

/* y = relu(x + w) * x, x float [N,2] */
static void small_model(struct model *m, const struct native_options *options)
{
    static const float W[] = {-1, 1};
    value_id x, w, a, y;
    int64_t n;

    model_init(m);
    MODEL_OK(m, graph_symbol(m->graph, "N", &n, &m->err));
    x = model_input(m, "x", DTYPE_F32, SHAPE(n, 2));
    w = model_constant(m, DTYPE_F32, SHAPE(2), W);
    a = model_op(m, "Relu", model_op(m, "Add", x, w, VALUE_NONE), VALUE_NONE, VALUE_NONE);
    y = model_op(m, "Mul", a, x, VALUE_NONE);
    model_signature(m, "predict", &x, 1, &y, 1);
    model_load(m, options);
}

TEST(runs_shapes_as_they_come)
{
    struct model m;
    struct tensor in, out;

    small_model(&m, &POISON);
    for (int round = 0; round < 3; round++) {
        in = F32(SHAPE(1, 2), 3, 4);
        CHECK_OK(run(&m, 0, &in, &out), m.err);
        CHECK_INT(out.shape.rank, 2);
        CHECK_NEAR(((float *)out.data)[0], 6, 0);
        CHECK_NEAR(((float *)out.data)[1], 20, 0);
        in = F32(SHAPE(2, 2), 0, 1, 2, 3);
        CHECK_OK(run(&m, 0, &in, &out), m.err);
        CHECK_INT(out.shape.dims[0], 2);
        CHECK_NEAR(((float *)out.data)[3], 12, 0);
        in = (struct tensor){DTYPE_F32, SHAPE(0, 2), NULL};
        CHECK_OK(run(&m, 0, &in, &out), m.err);
        CHECK_INT(tensor_count(&out), 0);
    }
    CHECK(servable_account(m.servable).arena >= 64);
    model_release(&m);
}

TEST(refuses_wrong_inputs)
{
    struct model m;
    struct tensor in, out;

    small_model(&m, &POISON);
    in = (struct tensor){DTYPE_F64, SHAPE(1, 2), (double[2]){0}};
    CHECK_FAILS(run(&m, 0, &in, &out), m.err, STATUS_INVALID_INPUT, "input 'x': is double");
    in = F32(SHAPE(1, 3), 1, 2, 3);
    CHECK_FAILS(run(&m, 0, &in, &out), m.err, STATUS_INVALID_INPUT, "[1,3], not [?,2]");
    in = F32(SHAPE(2), 1, 2);
    CHECK_FAILS(run(&m, 0, &in, &out), m.err, STATUS_INVALID_INPUT, "[2], not [?,2]");
    in = F32(SHAPE(-1, 2), 1, 2);
    CHECK_FAILS(run(&m, 0, &in, &out), m.err, STATUS_INVALID_INPUT, "negative");
    in = (struct tensor){DTYPE_F32, SHAPE(INT64_MAX / 2, 2), (float[2]){0}};
    CHECK_FAILS(run(&m, 0, &in, &out), m.err, STATUS_TOO_LARGE, "input 'x'");
    in = (struct tensor){DTYPE_F32, shape_unknown(), (float[2]){0}};
    CHECK_FAILS(run(&m, 0, &in, &out), m.err, STATUS_INVALID_INPUT, "'x' is not a tensor");
    CHECK_FAILS(run(&m, 7, &in, &out), m.err, STATUS_NOT_FOUND, "signature 7");
    CHECK(session_estimate_us(m.session, 0, &in) < 0);
    in = F32(SHAPE(1, 2), 3, 4);
    CHECK(session_estimate_us(m.session, 0, &in) < 0);
    CHECK_OK(run(&m, 0, &in, &out), m.err);
    CHECK(session_estimate_us(m.session, 0, &in) >= 0);
    model_release(&m);
}

TEST(refuses_plans_over_the_limit)
{
    struct native_options options = {.memory_max = 100000};
    static float data[30000];
    struct model m;
    struct tensor in = {DTYPE_F32, SHAPE(10000, 2), data}, out;

    small_model(&m, &options);
    CHECK_OK(run(&m, 0, &in, &out), m.err);
    in.shape = SHAPE(15000, 2);
    CHECK_FAILS(run(&m, 0, &in, &out), m.err, STATUS_TOO_LARGE, "input 'x'");
    model_release(&m);
}

TEST(evicts_the_oldest_plan)
{
    struct native_options options = {.plans_max = 3};
    static float data[64];
    struct model m;
    struct tensor in = {DTYPE_F32, SHAPE(1, 2), data}, out;

    small_model(&m, &options);
    for (int n = 1; n <= 3; n++) {
        in.shape = SHAPE(n, 2);
        CHECK_OK(run(&m, 0, &in, &out), m.err);
    }
    in.shape = SHAPE(1, 2);
    CHECK_OK(run(&m, 0, &in, &out), m.err);
    in.shape = SHAPE(4, 2); /* takes the place of n = 2 */
    CHECK_OK(run(&m, 0, &in, &out), m.err);
    for (int n = 1; n <= 4; n++) {
        in.shape = SHAPE(n, 2);
        CHECK((session_estimate_us(m.session, 0, &in) < 0) == (n == 2));
    }
    model_release(&m);
}

/* Two signatures share a part; the third has no native form. */
TEST(runs_several_signatures)
{
    struct tensor in = F32(SHAPE(2), -1, 2), out[2];
    struct signature *signatures;
    value_id x, a, outs[2];
    struct model m;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(2));
    a = model_op(&m, "Relu", x, VALUE_NONE, VALUE_NONE);
    outs[0] = model_op(&m, "Add", a, a, VALUE_NONE);
    outs[1] = model_op(&m, "Identity", x, VALUE_NONE, VALUE_NONE);
    model_signature(&m, "one", &x, 1, outs, 1);
    model_signature(&m, "two", &x, 1, outs, 2);
    model_contract(&m);
    signatures = arena_new(&m.keep, struct signature, 3);
    signatures[0] = (struct signature){.name = "other", .reason = "Lambda is Python code"};
    signatures[1] = m.contract.signatures[1];
    signatures[2] = m.contract.signatures[0];
    m.contract = (struct contract){signatures, 3};
    CHECK_OK(native_servable(m.graph, &m.contract, &POISON, &m.keep, NULL, &m.servable, &m.err),
             m.err);
    m.session = servable_session(m.servable);
    CHECK_FAILS(run(&m, 0, &in, out), m.err, STATUS_UNSUPPORTED, "Lambda is Python code");
    CHECK_OK(run(&m, 1, &in, out), m.err);
    CHECK_NEAR(((float *)out[0].data)[1], 4, 0);
    CHECK_NEAR(((float *)out[1].data)[0], -1, 0);
    CHECK_OK(run(&m, 2, &in, out), m.err);
    CHECK_NEAR(((float *)out[0].data)[0], 0, 0);
    model_release(&m);
}

TEST(refuses_a_contract_that_differs)
{
    struct model m;
    value_id x, y;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(2));
    y = model_op(&m, "Relu", x, VALUE_NONE, VALUE_NONE);
    model_signature(&m, "one", &x, 1, &y, 1);
    model_contract(&m);
    m.contract.signatures[0].inputs[0].dtype = DTYPE_F64;
    CHECK_FAILS(native_servable(m.graph, &m.contract, NULL, &m.keep, NULL, &m.servable, &m.err),
                m.err, STATUS_CONFLICT, "input 'x' is double in the contract, but float");
    arena_release(&m.keep);
}

/* Reshape by a shape that is computed: [N,2,3] -> Shape -> Slice, Concat -> [N,6] */
static void reshape_model(struct model *m, const struct native_options *options)
{
    value_id x, n, target, y;
    value_id in[2];
    struct attribute axis = {.name = "axis", .kind = ATTRIBUTE_INT, .i = 0};
    struct node_description concat = {.op = "Concat",
                                      .name = "target",
                                      .inputs = in,
                                      .input_count = 2,
                                      .output_count = 1,
                                      .attributes = &axis,
                                      .attribute_count = 1};

    model_init(m);
    x = model_input(m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN, 2, 3));
    n = model_op_int(m, "Shape", x, VALUE_NONE, VALUE_NONE, "end", 1);
    in[0] = n;
    in[1] = MODEL_I64(m, -1);
    MODEL_OK(m, graph_node(m->graph, &concat, &target, &m->err));
    y = model_op(m, "Reshape", model_op(m, "Relu", x, VALUE_NONE, VALUE_NONE), target, VALUE_NONE);
    y = model_op(m, "Add", y, y, VALUE_NONE);
    model_signature(m, "predict", &x, 1, &y, 1);
    model_load(m, options);
}

TEST(computes_shapes_while_planning)
{
    struct native_options options = {.profile = true};
    struct text text = {0};
    struct model m;
    struct tensor in, out;

    reshape_model(&m, &options);
    in = F32(SHAPE(2, 2, 3), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    CHECK_OK(run(&m, 0, &in, &out), m.err);
    CHECK_INT(out.shape.rank, 2);
    CHECK_INT(out.shape.dims[1], 6);
    CHECK_NEAR(((float *)out.data)[11], 22, 0);
    /* what runs is Relu and Add; Shape, Concat and Reshape cost nothing */
    native_profile(m.session, &text);
    CHECK(strstr(text.data, "in 2 steps") != NULL);
    CHECK(strstr(text.data, "Reshape") == NULL);
    text_release(&text);
    model_release(&m);
}

/* y = Add(Reshape(x, shape)), shape an input of the request */
TEST(plans_by_value_where_values_decide_shapes)
{
    struct native_options options = {.profile = true};
    struct text text = {0};
    struct tensor in[2], out;
    value_id inputs[2], y;
    struct model m;

    model_init(&m);
    inputs[0] = model_input(&m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN));
    inputs[1] = model_input(&m, "shape", DTYPE_I64, SHAPE(DIM_UNKNOWN));
    y = model_op(&m, "Reshape", inputs[0], inputs[1], VALUE_NONE);
    y = model_op(&m, "Add", y, y, VALUE_NONE);
    model_signature(&m, "predict", inputs, 2, &y, 1);
    model_load(&m, &options);
    in[0] = F32(SHAPE(6), 0, 1, 2, 3, 4, 5);
    for (int round = 0; round < 2; round++) {
        in[1] = I64(SHAPE(2), 2, 3);
        CHECK_OK(run(&m, 0, in, &out), m.err);
        CHECK_INT(out.shape.dims[0], 2);
        in[1] = I64(SHAPE(2), 3, 2);
        CHECK_OK(run(&m, 0, in, &out), m.err);
        CHECK_INT(out.shape.dims[0], 3);
        CHECK_NEAR(((float *)out.data)[5], 10, 0);
    }
    in[1] = I64(SHAPE(2), 4, 2);
    CHECK_FAILS(run(&m, 0, in, &out), m.err, STATUS_INVALID_INPUT, "Reshape");
    native_profile(m.session, &text);
    CHECK(text.size == 0);
    in[1] = I64(SHAPE(2), 3, 2);
    CHECK_OK(run(&m, 0, in, &out), m.err);
    native_profile(m.session, &text);
    CHECK(strstr(text.data, "in 1 steps") != NULL);
    text_release(&text);
    model_release(&m);
}

/* NonZero -> its indices transposed, and a static branch beside it */
static void dynamic_model(struct model *m, const struct native_options *options)
{
    static const int64_t PERM[] = {1, 0};
    value_id x, outs[4];

    model_init(m);
    x = model_input(m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN));
    outs[0] = model_op(m, "NonZero", model_op(m, "Relu", x, VALUE_NONE, VALUE_NONE), VALUE_NONE,
                       VALUE_NONE);
    outs[1] = model_op_ints(m, "Transpose", outs[0], "perm", PERM, 2);
    outs[2] = model_op(m, "Add", x, x, VALUE_NONE);
    outs[3] = model_op(m, "Shape", outs[1], VALUE_NONE, VALUE_NONE);
    model_signature(m, "predict", &x, 1, outs, 4);
    model_load(m, options);
}

TEST(runs_dynamic_steps)
{
    struct tensor in, out[4];
    struct model m;

    dynamic_model(&m, &POISON);
    for (int round = 0; round < 3; round++) {
        in = F32(SHAPE(4), 1, -1, 0, 5);
        CHECK_OK(run(&m, 0, &in, out), m.err);
        CHECK_INT(out[0].shape.dims[1], 2);
        CHECK_INT(out[1].shape.dims[0], 2);
        CHECK_INT(((int64_t *)out[1].data)[1], 3);
        CHECK_NEAR(((float *)out[2].data)[3], 10, 0);
        CHECK_INT(((int64_t *)out[3].data)[0], 2);
        in = F32(SHAPE(4), 1, 1, 1, 1);
        CHECK_OK(run(&m, 0, &in, out), m.err);
        CHECK_INT(((int64_t *)out[1].data)[3], 3);
        CHECK_INT(((int64_t *)out[3].data)[0], 4);
        in = F32(SHAPE(4), 0, 0, 0, 0);
        CHECK_OK(run(&m, 0, &in, out), m.err);
        CHECK_INT(tensor_count(&out[0]), 0);
    }
    model_release(&m);
}

/* Outputs that are an input, a constant, or the same value twice. */
TEST(passes_through)
{
    static const float W[] = {5, 6};
    struct tensor in = F32(SHAPE(2), 1, 2), out[4];
    value_id x, outs[4];
    struct model m;

    for (int passes = 0; passes < 2; passes++) {
        model_init(&m);
        x = model_input(&m, "x", DTYPE_F32, SHAPE(2));
        outs[0] = model_op(&m, "Identity", x, VALUE_NONE, VALUE_NONE);
        outs[1] = model_constant(&m, DTYPE_F32, SHAPE(2), W);
        outs[2] = outs[3] = model_op(&m, "Relu", x, VALUE_NONE, VALUE_NONE);
        model_signature(&m, "predict", &x, 1, outs, 4);
        model_load(&m, passes ? &POISON : &PLAIN);
        CHECK_OK(run(&m, 0, &in, out), m.err);
        CHECK(out[0].data == in.data);
        CHECK_NEAR(((float *)out[1].data)[1], 6, 0);
        CHECK_NEAR(((float *)out[2].data)[1], 2, 0);
        CHECK(out[2].data == out[3].data);
        model_release(&m);
    }
}

TEST(strings_pass)
{
    struct bytes words[] = {bytes_of("a"), bytes_of("bc"), bytes_of("")};
    struct bytes more[] = {bytes_of("d")};
    struct tensor in[2], out;
    value_id inputs[2], y;
    struct attribute axis = {.name = "axis", .kind = ATTRIBUTE_INT, .i = 0};
    struct model m;

    model_init(&m);
    inputs[0] = model_input(&m, "x", DTYPE_STRING, SHAPE(DIM_UNKNOWN));
    inputs[1] = model_input(&m, "y", DTYPE_STRING, SHAPE(DIM_UNKNOWN));
    MODEL_OK(&m, graph_op(m.graph, "", "Concat", inputs[0], inputs[1], VALUE_NONE, &axis, 1, &y,
                          &m.err));
    model_signature(&m, "predict", inputs, 2, &y, 1);
    model_load(&m, &POISON);
    in[0] = (struct tensor){DTYPE_STRING, SHAPE(3), words};
    in[1] = (struct tensor){DTYPE_STRING, SHAPE(1), more};
    CHECK_OK(run(&m, 0, in, &out), m.err);
    CHECK_INT(out.shape.dims[0], 4);
    CHECK(bytes_is(((struct bytes *)out.data)[1], "bc"));
    CHECK(bytes_is(((struct bytes *)out.data)[3], "d"));
    model_release(&m);
}

/* An operator that fails at run names its node. */
TEST(run_errors_name_the_node)
{
    struct node_description gather = {.op = "Gather", .name = "embedding", .output_count = 1};
    static const float W[] = {5, 6};
    struct tensor in = I64(SHAPE(1), 9), out;
    value_id x, inputs[2], y;
    struct model m;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_I64, SHAPE(1));
    inputs[0] = model_constant(&m, DTYPE_F32, SHAPE(2), W);
    inputs[1] = x;
    gather.inputs = inputs;
    gather.input_count = 2;
    MODEL_OK(&m, graph_node(m.graph, &gather, &y, &m.err));
    model_signature(&m, "predict", &x, 1, &y, 1);
    model_load(&m, &POISON);
    CHECK_FAILS(run(&m, 0, &in, &out), m.err, STATUS_INVALID_INPUT, "node 'embedding' (Gather): ");
    in = I64(SHAPE(1), 1);
    CHECK_OK(run(&m, 0, &in, &out), m.err);
    CHECK_NEAR(((float *)out.data)[0], 6, 0);
    model_release(&m);
}

/* Loading, planning and running with each allocation failing in turn. */
static enum status whole_life(struct model *m)
{
    struct tensor in = F32(SHAPE(4), 1, -1, 0, 5), out[4];

    TRY(native_servable(m->graph, &m->contract, NULL, &m->keep, NULL, &m->servable, &m->err));
    m->session = servable_session(m->servable);
    if (!m->session)
        return STATUS_NO_MEMORY;
    return run(m, 0, &in, out);
}

TEST(lives_without_memory)
{
    static const int64_t PERM[] = {1, 0};
    enum status status = STATUS_NO_MEMORY;
    long n;

    for (n = 1; status != STATUS_OK && n < 2000; n++) {
        value_id x, outs[4];
        struct model m;

        model_init(&m);
        x = model_input(&m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN));
        outs[0] = model_op(&m, "NonZero", x, VALUE_NONE, VALUE_NONE);
        outs[1] = model_op_ints(&m, "Transpose", outs[0], "perm", PERM, 2);
        outs[2] = model_op(&m, "Add", x, x, VALUE_NONE);
        outs[3] = model_op(&m, "Shape", outs[1], VALUE_NONE, VALUE_NONE);
        model_signature(&m, "predict", &x, 1, outs, 4);
        model_contract(&m);
        arena_fail_at(n);
        status = whole_life(&m);
        arena_fail_at(0);
        CHECK(status == STATUS_OK || status == STATUS_NO_MEMORY || status == STATUS_TOO_LARGE);
        model_release(&m);
    }
    CHECK_INT(status, STATUS_OK);
    CHECK(n > 20);
}

TEST(steady_state_allocates_nothing)
{
    static float data[64];
    struct tensor in = {DTYPE_F32, SHAPE(1, 2), data}, out;
    struct model m;

    small_model(&m, NULL);
    for (int64_t n = 1; n < 9; n++) {
        in.shape = SHAPE(n, 2);
        CHECK_OK(run(&m, 0, &in, &out), m.err);
    }
    arena_fail_at(1);
    for (int64_t n = 1; n < 9; n++) {
        in.shape = SHAPE(n, 2);
        CHECK_OK(run(&m, 0, &in, &out), m.err);
    }
    in.shape = SHAPE(20, 2);
    CHECK_FAILS(run(&m, 0, &in, &out), m.err, STATUS_NO_MEMORY, "no memory");
    arena_fail_at(0);
    CHECK_OK(run(&m, 0, &in, &out), m.err);
    model_release(&m);
}

/* Weights over the model's limit are refused, packed or as they are; what is packed is not counted
 * twice. */
TEST(weights_have_a_limit)
{
    enum { SIDE = 256, BYTES = SIDE * SIDE * 4 };
    static const size_t LIMITS[] = {BYTES / 4, BYTES / 2, BYTES + BYTES / 2, 3 * BYTES};
    static float w[SIDE * SIDE];

    for (size_t i = 0; i < ARRAY_COUNT(LIMITS); i++) {
        struct native_options options = {.model_max = LIMITS[i]};
        value_id x, y;
        struct model m;
        enum status status;

        model_init(&m);
        x = model_input(&m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN, SIDE));
        y = model_op(&m, "MatMul", x, model_constant(&m, DTYPE_F32, SHAPE(SIDE, SIDE), w),
                     VALUE_NONE);
        model_signature(&m, "main", &x, 1, &y, 1);
        model_contract(&m);
        status =
            native_servable(m.graph, &m.contract, &options, &m.keep, NULL, &m.servable, &m.err);
        if (LIMITS[i] > BYTES) {
            CHECK_OK(status, m.err);
            CHECK(servable_account(m.servable).weights <= LIMITS[i]);
        } else {
            CHECK_FAILS(status, m.err, STATUS_TOO_LARGE, "limit of");
            m.servable = NULL;
        }
        model_release(&m);
    }
}

/* --- tensors that share memory: the answer is that of the plain plan --- */

static value_id concat(struct model *m, const value_id *inputs, size_t count, int64_t axis)
{
    struct attribute attribute = {.name = "axis", .kind = ATTRIBUTE_INT, .i = axis};
    struct node_description description = {.op = "Concat",
                                           .inputs = inputs,
                                           .input_count = count,
                                           .output_count = 1,
                                           .attributes = &attribute,
                                           .attribute_count = 1};
    value_id y;

    MODEL_OK(m, graph_node(m->graph, &description, &y, &m->err));
    return y;
}

static void split(struct model *m, value_id x, value_id sizes, size_t count, int64_t axis,
                  value_id *outputs)
{
    struct attribute attribute = {.name = "axis", .kind = ATTRIBUTE_INT, .i = axis};
    struct node_description description = {.op = "Split",
                                           .inputs = (value_id[]){x, sizes},
                                           .input_count = 2,
                                           .output_count = count,
                                           .attributes = &attribute,
                                           .attribute_count = 1};

    MODEL_OK(m, graph_node(m->graph, &description, outputs, &m->err));
}

/* Joined and cut along the second dimension, in turn, with readers before and after. */
static void sharing_model(struct model *m, const struct native_options *options)
{
    value_id x, a, b, c, parts[3], all[4], outs[5];

    model_init(m);
    x = model_input(m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN, 6));
    split(m, x, MODEL_I64(m, 1, 2, 3), 3, -1, parts); /* of the input itself */
    a = model_op(m, "Exp", parts[2], VALUE_NONE, VALUE_NONE);
    b = model_op(m, "Sub", parts[2], a, VALUE_NONE); /* over its second input */
    c = model_op(m, "Neg", parts[1], VALUE_NONE, VALUE_NONE);
    all[0] = concat(m, (value_id[]){a, b, c}, 3, 1);
    all[1] = model_op(m, "Sin", x, VALUE_NONE, VALUE_NONE);
    all[2] = concat(m, (value_id[]){all[0], all[1], all[1]}, 3, 1); /* one twice */
    all[3] =
        concat(m, (value_id[]){all[0], model_op(m, "Cos", all[1], VALUE_NONE, VALUE_NONE)}, 2, 1);
    split(m, all[3], MODEL_I64(m, 5, 4, 5), 3, 1, parts);
    outs[0] = all[2];
    outs[1] = model_op(m, "Abs", parts[1], VALUE_NONE, VALUE_NONE);
    outs[2] =
        concat(m, (value_id[]){model_op(m, "Add", parts[0], parts[2], VALUE_NONE), outs[1]}, 2, 1);
    outs[3] = parts[1];
    outs[4] = model_op(m, "Mul", outs[2], model_op(m, "Tanh", outs[2], VALUE_NONE, VALUE_NONE),
                       VALUE_NONE);
    model_signature(m, "main", &x, 1, outs, 5);
    model_load(m, options);
}

TEST(tensors_that_share_memory)
{
    struct model plain, sharing, poisoned;
    float x[3 * 6];

    for (size_t i = 0; i < ARRAY_COUNT(x); i++)
        x[i] = (float)(i * 37 % 11) * 0.3f - 1.4f;
    sharing_model(&plain, &(struct native_options){.reference = true, .passes_off = "all"});
    sharing_model(&sharing, NULL);
    sharing_model(&poisoned, &POISON);
    for (int64_t rows = 1; rows <= 3; rows++) /* one row: in place; more: not */
        for (int round = 0; round < 2; round++) {
            struct tensor in = {DTYPE_F32, SHAPE(rows, 6), x}, want[5], got[5], careful[5];

            CHECK_OK(run(&plain, 0, &in, want), plain.err);
            CHECK_OK(run(&sharing, 0, &in, got), sharing.err);
            CHECK_OK(run(&poisoned, 0, &in, careful), poisoned.err);
            if (rows == 1) /* written where it is joined */
                CHECK((char *)got[1].data == (char *)got[2].data + 5 * sizeof(float));
            for (size_t o = 0; o < 5; o++)
                for (size_t i = 0; i < tensor_count(&want[o]); i++) {
                    CHECK_NEAR(((float *)got[o].data)[i], ((float *)want[o].data)[i], 1e-5);
                    CHECK_NEAR(((float *)careful[o].data)[i], ((float *)want[o].data)[i], 1e-5);
                }
        }
    model_release(&plain);
    model_release(&sharing);
    model_release(&poisoned);
}
