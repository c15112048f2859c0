// SPDX-License-Identifier: Apache-2.0
/* Control flow and regions, run: every test on memory that is poisoned, and again without passes.
 */
#include "engine/native.h"
#include "model.h"
#include "tensor/sequence.h"
#include "test.h"

static const struct native_options OPTIONS[] = {{.poison = true},
                                                {.poison = true, .passes_off = "all"}};

#define F32(shape, ...) ((struct tensor){DTYPE_F32, shape, (float[]){__VA_ARGS__}})
#define I64(...) ((struct tensor){DTYPE_I64, shape_scalar(), (int64_t[]){__VA_ARGS__}})
#define FLAG(b) ((struct tensor){DTYPE_BOOL, shape_scalar(), (bool[]){b}})

static enum status run(struct model *m, const struct tensor *in, struct tensor *out)
{
    return session_run(m->session, 0, in, out, &m->err);
}

/* A graph for an attribute, in the arena of the model around it. */
static struct model inner(struct model *m)
{
    struct model body = {0};

    MODEL_OK(m, graph_new(&body.graph, &m->keep, &m->err));
    return body;
}

/* The last `captures` inputs are captured. */
static struct attribute graph_attribute(struct model *body, const char *name,
                                        const value_id *inputs, size_t input_count, size_t captures,
                                        const value_id *outputs, size_t output_count)
{
    model_signature(body, "body", inputs, input_count, outputs, output_count);
    MODEL_OK(body, graph_captures(body->graph, captures, &body->err));
    return (struct attribute){.name = name, .kind = ATTRIBUTE_GRAPH, .g = body->graph};
}

static void control(struct model *m, const char *op, const value_id *inputs, size_t input_count,
                    value_id *outputs, size_t output_count, const struct attribute *attributes,
                    size_t attribute_count)
{
    struct node_description description = {
        .op = op,
        .inputs = inputs,
        .input_count = input_count,
        .output_count = output_count,
        .attributes = attributes,
        .attribute_count = attribute_count,
    };

    MODEL_OK(m, graph_node(m->graph, &description, outputs, &m->err));
}

static value_id unary(struct model *m, const char *op, value_id a)
{
    return model_op(m, op, a, VALUE_NONE, VALUE_NONE);
}

/* v, grown by x in each of `trip` rounds, and the numbers of the rounds. */
static void growing_loop(struct model *m, const struct native_options *options)
{
    struct attribute attribute;
    struct model body;
    value_id in[3], out[3], of_body[4], of_node[4], given[2];

    model_init(m);
    body = inner(m);
    of_body[0] = model_input(&body, "i", DTYPE_I64, shape_scalar());
    of_body[1] = model_input(&body, "go", DTYPE_BOOL, shape_scalar());
    of_body[2] = model_input(&body, "v", DTYPE_F32, shape_unknown());
    of_body[3] = model_input(&body, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN));
    out[0] = of_body[1];
    out[1] = model_op_int(&body, "Concat", of_body[2], of_body[3], VALUE_NONE, "axis", 0);
    out[2] = unary(&body, "Identity", of_body[0]);
    attribute = graph_attribute(&body, "body", of_body, 4, 1, out, 3);
    in[0] = model_input(m, "trip", DTYPE_I64, shape_scalar());
    in[1] = model_input(m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN));
    of_node[0] = in[0];
    of_node[1] = VALUE_NONE;
    of_node[2] = of_node[3] = in[1];
    control(m, "Loop", of_node, 4, given, 2, &attribute, 1);
    model_signature(m, "predict", in, 2, given, 2);
    model_load(m, options);
}

TEST(loop_carries_a_shape_that_grows)
{
    for (size_t o = 0; o < 2; o++) {
        struct model m;
        struct tensor out[2];

        growing_loop(&m, &OPTIONS[o]);
        for (int64_t round = 0; round < 12; round++) {
            int64_t trips = round % 5;
            struct tensor in[] = {I64(trips), F32(SHAPE(2), 3, 4)};

            CHECK_OK(run(&m, in, out), m.err);
            CHECK_INT(out[0].shape.dims[0], 2 * (trips + 1));
            for (int64_t i = 0; i < 2 * (trips + 1); i++)
                CHECK_NEAR(((float *)out[0].data)[i], i % 2 ? 4 : 3, 0);
            CHECK_INT(out[1].shape.dims[0], trips);
            for (int64_t i = 0; i < trips; i++)
                CHECK_INT(((int64_t *)out[1].data)[i], i);
        }
        model_release(&m);
    }
}

/* Two states change places; the condition ends the loop after as many rounds as `limit` says. */
static void swapping_loop(struct model *m, const struct native_options *options)
{
    struct attribute attribute;
    struct model body;
    value_id in[3], out[3], of_body[5], of_node[5], given[2];

    model_init(m);
    body = inner(m);
    of_body[0] = model_input(&body, "i", DTYPE_I64, shape_scalar());
    of_body[1] = model_input(&body, "go", DTYPE_BOOL, shape_scalar());
    of_body[2] = model_input(&body, "a", DTYPE_F32, shape_unknown());
    of_body[3] = model_input(&body, "b", DTYPE_F32, shape_unknown());
    of_body[4] = model_input(&body, "limit", DTYPE_I64, shape_scalar());
    out[0] = model_op(&body, "Less", of_body[0], of_body[4], VALUE_NONE);
    out[1] = of_body[3];
    out[2] = of_body[2];
    attribute = graph_attribute(&body, "body", of_body, 5, 1, out, 3);
    in[0] = model_input(m, "limit", DTYPE_I64, shape_scalar());
    in[1] = model_input(m, "a", DTYPE_F32, SHAPE(2));
    in[2] = model_input(m, "b", DTYPE_F32, SHAPE(2));
    of_node[0] = of_node[1] = VALUE_NONE;
    of_node[2] = in[1];
    of_node[3] = in[2];
    of_node[4] = in[0];
    control(m, "Loop", of_node, 5, given, 2, &attribute, 1);
    model_signature(m, "predict", in, 3, given, 2);
    model_load(m, options);
}

TEST(loop_exchanges_states)
{
    for (size_t o = 0; o < 2; o++) {
        struct model m;
        struct tensor out[2];

        swapping_loop(&m, &OPTIONS[o]);
        for (int64_t limit = 0; limit < 5; limit++) { /* rounds: limit + 1 */
            struct tensor in[] = {I64(limit), F32(SHAPE(2), 1, 2), F32(SHAPE(2), 3, 4)};

            CHECK_OK(run(&m, in, out), m.err);
            CHECK_NEAR(((float *)out[0].data)[1], limit % 2 ? 2 : 4, 0);
            CHECK_NEAR(((float *)out[1].data)[1], limit % 2 ? 4 : 2, 0);
        }
        model_release(&m);
    }
}

/* y = (c ? x ++ x : x) * 2: the shape depends on the branch, so the product is behind a break. */
static void branching(struct model *m, const struct native_options *options)
{
    static const float TWO[] = {2};
    struct attribute attributes[2];
    struct model then, otherwise;
    value_id in[2], of_then, of_else, out, of_node[3], given, y;

    model_init(m);
    then = inner(m);
    of_then = model_input(&then, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN));
    out = model_op_int(&then, "Concat", of_then, of_then, VALUE_NONE, "axis", 0);
    attributes[0] = graph_attribute(&then, "then_branch", &of_then, 1, 1, &out, 1);
    otherwise = inner(m);
    of_else = model_input(&otherwise, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN));
    attributes[1] = graph_attribute(&otherwise, "else_branch", &of_else, 1, 1, &of_else, 1);
    in[0] = model_input(m, "c", DTYPE_BOOL, shape_scalar());
    in[1] = model_input(m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN));
    of_node[0] = in[0];
    of_node[1] = of_node[2] = in[1];
    control(m, "If", of_node, 3, &given, 1, attributes, 2);
    y = model_op(m, "Mul", given, model_constant(m, DTYPE_F32, SHAPE(1), TWO), VALUE_NONE);
    model_signature(m, "predict", in, 2, &y, 1);
    model_load(m, options);
}

TEST(branches_differ_in_shape)
{
    for (size_t o = 0; o < 2; o++) {
        struct model m;
        struct tensor out;

        branching(&m, &OPTIONS[o]);
        for (int round = 0; round < 6; round++) {
            bool then = round % 2 == 0;
            struct tensor in[] = {FLAG(then), F32(SHAPE(2), 1, 5)};

            CHECK_OK(run(&m, in, &out), m.err);
            CHECK_INT(out.shape.dims[0], then ? 4 : 2);
            for (int64_t i = 0; i < out.shape.dims[0]; i++)
                CHECK_NEAR(((float *)out.data)[i], i % 2 ? 10 : 2, 0);
        }
        model_release(&m);
    }
}

/* sum over the elements of x that are not 0 of (2 x + 1)^2, and these values themselves. */
static void behind_non_zero(struct model *m, const struct native_options *options)
{
    static const float TWO[] = {2}, ONE[] = {1};
    value_id x, v, sum, out[3];

    model_init(m);
    x = model_input(m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN));
    v = unary(m, "NonZero", x);
    out[2] = v;
    v = model_op(m, "Squeeze", v, MODEL_I64(m, 0), VALUE_NONE);
    v = model_op(m, "Gather", x, v, VALUE_NONE);
    v = model_op(m, "Mul", v, model_constant(m, DTYPE_F32, SHAPE(1), TWO), VALUE_NONE);
    v = model_op(m, "Add", v, model_constant(m, DTYPE_F32, SHAPE(1), ONE), VALUE_NONE);
    out[0] = model_op(m, "Mul", v, v, VALUE_NONE);
    sum = model_op(m, "ReduceSum", out[0], VALUE_NONE, VALUE_NONE);
    out[1] =
        model_op(m, "Add", sum, model_op(m, "ReduceSum", x, VALUE_NONE, VALUE_NONE), VALUE_NONE);
    model_signature(m, "predict", &x, 1, out, 3);
    model_load(m, options);
}

TEST(what_follows_data_dependent_shapes_is_planned)
{
    for (size_t o = 0; o < 2; o++) {
        struct model m;
        struct tensor out[3];

        behind_non_zero(&m, &OPTIONS[o]);
        for (int round = 0; round < 200; round++) {
            float x[4];
            struct tensor in = {DTYPE_F32, SHAPE(4), x};
            float squares = 0, sum = 0;
            int64_t count = 0;

            for (int i = 0; i < 4; i++)
                x[i] = (float)((round >> i) % 2 * (i + 1));
            CHECK_OK(run(&m, &in, out), m.err);
            for (int i = 0; i < 4; i++) {
                sum += x[i];
                if (x[i] == 0)
                    continue;
                CHECK_NEAR(((float *)out[0].data)[count], (2 * x[i] + 1) * (2 * x[i] + 1), 0);
                CHECK_INT(((int64_t *)out[2].data)[count++], i);
                squares += (2 * x[i] + 1) * (2 * x[i] + 1);
            }
            CHECK_INT(out[0].shape.dims[0], count);
            CHECK_NEAR(*(float *)out[1].data, squares + sum, 1e-4);
        }
        model_release(&m);
    }
}

/* A sequence that a loop appends to: what was put in stays as it was. */
TEST(loop_fills_a_sequence)
{
    for (size_t o = 0; o < 2; o++) {
        struct attribute attribute, dtype = {.name = "dtype", .kind = ATTRIBUTE_INT, .i = 7};
        struct tensor held = {.dtype = DTYPE_I64, .shape = shape_unknown()};
        struct tensor type = {DTYPE_SEQUENCE, shape_scalar(), NULL, &held}, out;
        value_id trip, of_body[3], of_node[3], given[2], empty;
        struct model m, body;

        model_init(&m);
        body = inner(&m);
        of_body[0] = model_input(&body, "i", DTYPE_I64, shape_scalar());
        of_body[1] = model_input(&body, "go", DTYPE_BOOL, shape_scalar());
        MODEL_OK(&m, graph_input_typed(body.graph, "s", &type, &of_body[2], &m.err));
        given[0] = of_body[1];
        given[1] = model_op(&body, "SequenceInsert", of_body[2], of_body[0], VALUE_NONE);
        attribute = graph_attribute(&body, "body", of_body, 3, 0, given, 2);
        trip = model_input(&m, "trip", DTYPE_I64, shape_scalar());
        control(&m, "SequenceEmpty", NULL, 0, &empty, 1, &dtype, 1);
        of_node[0] = trip;
        of_node[1] = VALUE_NONE;
        of_node[2] = empty;
        control(&m, "Loop", of_node, 3, given, 1, &attribute, 1);
        model_signature(&m, "predict", &trip, 1, given, 1);
        model_load(&m, &OPTIONS[o]);
        for (int64_t trips = 0; trips < 40; trips += 13) {
            struct tensor in = I64(trips);

            CHECK_OK(run(&m, &in, &out), m.err);
            CHECK_INT(out.dtype, DTYPE_SEQUENCE);
            CHECK_INT(tensor_sequence(&out)->count, trips);
            for (int64_t i = 0; i < trips; i++)
                CHECK_INT(*(int64_t *)tensor_sequence(&out)->items[i].data, i);
        }
        model_release(&m);
    }
}
