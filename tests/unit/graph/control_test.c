// SPDX-License-Identifier: Apache-2.0
/* Inference through subgraphs, what is refused, and passes inside. */
#include "optimised.h"

static struct model inner(struct model *m)
{
    struct model body = {0};

    MODEL_OK(m, graph_new(&body.graph, &m->keep, &m->err));
    return body;
}

static struct attribute graph_of(struct model *body, const char *name, const value_id *inputs,
                                 size_t input_count, const value_id *outputs, size_t output_count)
{
    model_signature(body, "body", inputs, input_count, outputs, output_count);
    return (struct attribute){.name = name, .kind = ATTRIBUTE_GRAPH, .g = body->graph};
}

static enum status node(struct model *m, const char *op, const value_id *inputs, size_t input_count,
                        value_id *outputs, size_t output_count, const struct attribute *attributes,
                        size_t attribute_count)
{
    struct node_description description = {
        .op = op,
        .name = "n",
        .inputs = inputs,
        .input_count = input_count,
        .output_count = output_count,
        .attributes = attributes,
        .attribute_count = attribute_count,
    };

    return graph_node(m->graph, &description, outputs, &m->err);
}

/* A body of (i, go, v: `in`) -> (`go` given as `go_dtype`, v cast to `out`). */
static struct attribute body_of(struct model *m, enum dtype in, int64_t go_onnx, int64_t out_onnx)
{
    struct model body = inner(m);
    value_id inputs[3], outputs[2];

    inputs[0] = model_input(&body, "i", DTYPE_I64, shape_scalar());
    inputs[1] = model_input(&body, "go", DTYPE_BOOL, shape_scalar());
    inputs[2] = model_input(&body, "v", in, shape_unknown());
    outputs[0] = model_op_int(&body, "Cast", inputs[1], VALUE_NONE, VALUE_NONE, "to", go_onnx);
    outputs[1] = model_op_int(&body, "Cast", inputs[2], VALUE_NONE, VALUE_NONE, "to", out_onnx);
    return graph_of(&body, "body", inputs, 3, outputs, 2);
}

enum { FLOAT = 1, INT64 = 7, BOOL = 9 };

TEST(loops_that_contradict_themselves_are_refused)
{
    struct attribute good, bad;
    struct model m;
    value_id in[4], out[3];

    model_init(&m);
    in[0] = model_input(&m, "trip", DTYPE_I64, shape_scalar());
    in[1] = model_input(&m, "go", DTYPE_BOOL, shape_scalar());
    in[2] = in[3] = model_input(&m, "v", DTYPE_F32, SHAPE(2));
    good = body_of(&m, DTYPE_F32, BOOL, FLOAT);
    CHECK_OK(node(&m, "Loop", in, 3, out, 1, &good, 1), m.err);
    CHECK_INT(m.graph->values[out[0]].shape.rank, 1);
    CHECK_INT(m.graph->values[out[0]].shape.dims[0], 2);
    CHECK_FAILS(node(&m, "Loop", in, 3, out, 1, NULL, 0), m.err, STATUS_INVALID_INPUT,
                "node 'n' (Loop): attribute body is missing");
    CHECK_FAILS(node(&m, "Loop", in, 4, out, 2, &good, 1), m.err, STATUS_INVALID_INPUT,
                "attribute body has 3 inputs, not 4");
    CHECK_FAILS(node(&m, "Loop", in, 3, out, 2, &good, 1), m.err, STATUS_INVALID_INPUT,
                "attribute body has 2 outputs, not 3");
    bad = body_of(&m, DTYPE_F32, FLOAT, FLOAT);
    CHECK_FAILS(node(&m, "Loop", in, 3, out, 1, &bad, 1), m.err, STATUS_INVALID_INPUT,
                "the condition that the body gives is float, not bool");
    bad = body_of(&m, DTYPE_F32, BOOL, INT64);
    CHECK_FAILS(node(&m, "Loop", in, 3, out, 1, &bad, 1), m.err, STATUS_INVALID_INPUT,
                "carried value 0 is float, after the body int64");
    in[1] = in[2];
    CHECK_FAILS(node(&m, "Loop", in, 3, out, 1, &good, 1), m.err, STATUS_INVALID_INPUT,
                "the condition is float, not bool");
    in[0] = in[2];
    CHECK_FAILS(node(&m, "Loop", in, 3, out, 1, &good, 1), m.err, STATUS_INVALID_INPUT,
                "the trip count is float, not int64");
    arena_release(&m.keep);
}

/* A branch without inputs that gives `values`. */
static struct attribute branch_of(struct model *m, const char *name, enum dtype dtype,
                                  struct shape shape, const void *data)
{
    struct model body = inner(m);
    value_id out = model_constant(&body, dtype, shape, data);

    return graph_of(&body, name, NULL, 0, &out, 1);
}

TEST(branches_are_merged)
{
    static const float DATA[6] = {1, 2, 3, 4, 5, 6};
    static const int64_t INTS[6];
    struct attribute branches[2];
    struct model m;
    value_id go, out[2];

    model_init(&m);
    go = model_input(&m, "go", DTYPE_BOOL, shape_scalar());
    branches[0] = branch_of(&m, "then_branch", DTYPE_F32, SHAPE(2, 3), DATA);
    branches[1] = branch_of(&m, "else_branch", DTYPE_F32, SHAPE(2, 2), DATA);
    CHECK_OK(node(&m, "If", &go, 1, out, 1, branches, 2), m.err);
    CHECK_INT(m.graph->values[out[0]].shape.dims[0], 2);
    CHECK_INT(m.graph->values[out[0]].shape.dims[1], DIM_UNKNOWN);
    CHECK_FAILS(node(&m, "If", &go, 1, out, 2, branches, 2), m.err, STATUS_INVALID_INPUT,
                "attribute then_branch has 1 outputs, not 2");
    CHECK_FAILS(node(&m, "If", &go, 1, out, 1, branches, 1), m.err, STATUS_INVALID_INPUT,
                "attribute else_branch is missing");
    branches[1] = branch_of(&m, "else_branch", DTYPE_I64, SHAPE(2, 3), INTS);
    CHECK_FAILS(node(&m, "If", &go, 1, out, 1, branches, 2), m.err, STATUS_UNSUPPORTED,
                "output 0 is float in then_branch, int64 in else_branch");
    arena_release(&m.keep);
}

TEST(sequences_stay_where_they_are_understood)
{
    struct tensor held = {.dtype = DTYPE_F32, .shape = SHAPE(2)};
    struct tensor type = {DTYPE_SEQUENCE, shape_scalar(), NULL, &held};
    struct model m;
    value_id in[2], out;

    model_init(&m);
    MODEL_OK(&m, graph_input_typed(m.graph, "s", &type, &in[0], &m.err));
    in[1] = model_input(&m, "i", DTYPE_I64, SHAPE(1));
    CHECK_FAILS(node(&m, "Relu", in, 1, &out, 1, NULL, 0), m.err, STATUS_UNSUPPORTED,
                "input 0 is a sequence");
    CHECK_FAILS(node(&m, "SequenceInsert", in, 2, &out, 1, NULL, 0), m.err, STATUS_INVALID_INPUT,
                "a int64 into a sequence of float");
    CHECK_FAILS(node(&m, "SequenceAt", &in[1], 1, &out, 1, NULL, 0), m.err, STATUS_INVALID_INPUT,
                "has 1 inputs, not 2");
    CHECK_OK(node(&m, "SequenceAt", in, 2, &out, 1, NULL, 0), m.err);
    CHECK_INT(m.graph->values[out].dtype, DTYPE_F32);
    CHECK_INT(m.graph->values[out].shape.dims[0], 2);
    arena_release(&m.keep);
}

/* The branch that is always taken stands alone, its capture is the value around it. */
TEST(a_constant_condition_leaves_one_branch)
{
    static const bool TRUE[] = {true};
    static const float TWO[] = {2, 3};
    struct attribute branches[2];
    value_id x, captured, out, in[2];
    struct model m, then;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(2));
    then = inner(&m);
    captured = model_input(&then, "x", DTYPE_F32, SHAPE(2));
    out = model_op(&then, "Mul", captured, model_constant(&then, DTYPE_F32, SHAPE(2), TWO),
                   VALUE_NONE);
    branches[0] = graph_of(&then, "then_branch", &captured, 1, &out, 1);
    MODEL_OK(&m, graph_captures(then.graph, 1, &m.err));
    branches[1] = branch_of(&m, "else_branch", DTYPE_F32, SHAPE(2), TWO);
    in[0] = model_constant(&m, DTYPE_BOOL, shape_scalar(), TRUE);
    in[1] = x;
    CHECK_OK(node(&m, "If", in, 2, &out, 1, branches, 2), m.err);
    model_signature(&m, "main", &x, 1, &out, 1);
    check_optimised(&m, NULL,
                    "input %x: float[2]\n"
                    "constant %3: float[2] = {2.0, 3.0}\n"
                    "%4: float[2] = Mul(%x, %3)\n"
                    "signature main(%x) -> (%4)\n");
}
