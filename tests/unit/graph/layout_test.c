// SPDX-License-Identifier: Apache-2.0
/* Passes for networks of images: weights, pads, idioms, nhwc, transposes, epilogues. */
#include "optimised.h"

/* The phases before and behind the one that is looked at. */
#define NO_LAYOUT "nhwc,transposes,epilogues,chain"
#define NO_EPILOGUES "epilogues"

static const float ONES[4096] = {1, 1, 1, 1, 1, 1, 1, 1};

static value_id op(struct model *m, const char *name, value_id a, value_id b, value_id c)
{
    return model_op(m, name, a, b, c);
}

static value_id unary(struct model *m, const char *name, value_id a)
{
    return op(m, name, a, VALUE_NONE, VALUE_NONE);
}

static value_id ones(struct model *m, struct shape shape)
{
    return model_constant(m, DTYPE_F32, shape, ONES);
}

static value_id scalar(struct model *m, const float *value)
{
    return model_constant(m, DTYPE_F32, shape_scalar(), value);
}

/* A convolution of 1 x 1 from `from` to `to` channels. */
static value_id conv(struct model *m, value_id x, int64_t from, int64_t to)
{
    return op(m, "Conv", x, ones(m, SHAPE(to, from, 1, 1)), VALUE_NONE);
}

static value_id image(struct model *m)
{
    return model_input(m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN, 2, 4, 4));
}

static void finish(struct model *m, value_id x, value_id y, const char *skip, const char *want)
{
    model_signature(m, "main", &x, 1, &y, 1);
    check_optimised(m, skip, want);
}

TEST(only_the_transposes_at_the_ends_stay)
{
    struct model m;
    value_id x, a, b;

    model_init(&m);
    x = image(&m);
    a = unary(&m, "Relu", conv(&m, x, 2, 3));
    b = op(&m, "Add", conv(&m, a, 3, 3), a, VALUE_NONE);
    b = op(&m, "Mul", b, unary(&m, "GlobalAveragePool", b), VALUE_NONE);
    b = model_op_int(&m, "Concat", b, a, VALUE_NONE, "axis", 1);
    b = model_op_int(&m, "Softmax", b, VALUE_NONE, VALUE_NONE, "axis", 1);
    finish(&m, x, b, NO_EPILOGUES,
           "input %x: float[?,2,4,4]\n"
           "constant %1: float[3,2,1,1] = {1.0, 1.0, 1.0, 1.0, 1.0, 1.0}\n"
           "constant %4: float[3,3,1,1] = {1.0, 1.0, 1.0, 1.0, 1.0, 1.0, ...}\n"
           "%11: float[?,4,4,2] = Transpose(%x) {perm=[0, 2, 3, 1]}\n"
           "%12: float[?,4,4,3] = firn.ConvNhwc(%11, %1)\n"
           "%21: float[?,4,4,3] = Relu(%12)\n"
           "%15: float[?,4,4,3] = firn.ConvNhwc(%21, %4)\n"
           "%24: float[?,4,4,3] = Add(%15, %21)\n"
           "%18: float[?,1,1,3] = firn.GlobalAveragePoolNhwc(%24)\n"
           "%27: float[?,4,4,3] = Mul(%24, %18)\n"
           "%29: float[?,4,4,6] = Concat(%27, %21) {axis=3}\n"
           "%31: float[?,4,4,6] = Softmax(%29) {axis=3}\n"
           "%32: float[?,6,4,4] = Transpose(%31) {perm=[0, 3, 1, 2]}\n"
           "signature main(%x) -> (%32)\n");
}

TEST(channels_last_models_end_without_transposes)
{
    static const int64_t FIRST[] = {0, 3, 1, 2}, LAST[] = {0, 2, 3, 1}, AXES[] = {1, 2};
    struct model m;
    value_id x, v;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN, 4, 4, 2));
    v = model_op_ints(&m, "Transpose", x, "perm", FIRST, 4);
    v = conv(&m, v, 2, 3);
    v = model_op_ints(&m, "Transpose", v, "perm", LAST, 4);
    v = op(&m, "Add", v, ones(&m, SHAPE(3)), VALUE_NONE);
    v = model_op(&m, "ReduceMean", v, model_constant_i64(&m, AXES, 2), VALUE_NONE);
    v = model_op_ints(&m, "Transpose", v, "perm", FIRST, 4);
    v = unary(&m, "GlobalMaxPool", v);
    v = model_op_ints(&m, "Transpose", v, "perm", LAST, 4);
    finish(&m, x, v, NO_EPILOGUES,
           "input %x: float[?,4,4,2]\n"
           "constant %2: float[3,2,1,1] = {1.0, 1.0, 1.0, 1.0, 1.0, 1.0}\n"
           "constant %5: float[3] = {1.0, 1.0, 1.0}\n"
           "constant %7: int64[2] = {1, 2}\n"
           "%6: float[?,4,4,3] = firn.ConvNhwc(%x, %2, %5)\n"
           "%8: float[?,1,1,3] = ReduceMean(%6, %7)\n"
           "%16: float[?,1,1,3] = firn.GlobalMaxPoolNhwc(%8)\n"
           "signature main(%x) -> (%16)\n");
}

/* Axes, pads, scales and bounds are written for the new order; what the order does not reach is
 * left. */
TEST(attributes_follow_the_order)
{
    struct model m;
    value_id x, v;
    static const float SCALES[] = {1, 1, 2, 3};

    model_init(&m);
    x = image(&m);
    v = conv(&m, x, 2, 2);
    v = op(&m, "Pad", v, MODEL_I64(&m, 0, 1, 2, 3, 0, 4, 5, 6), VALUE_NONE);
    MODEL_OK(&m, graph_node(m.graph,
                            &(struct node_description){
                                .op = "Slice",
                                .inputs = (value_id[]){v, MODEL_I64(&m, 0, 1), MODEL_I64(&m, 5, 7),
                                                       MODEL_I64(&m, 1, -1)},
                                .input_count = 4,
                                .output_count = 1,
                            },
                            &v, &m.err));
    MODEL_OK(&m,
             graph_node(m.graph,
                        &(struct node_description){
                            .op = "Resize",
                            .inputs = (value_id[]){v, VALUE_NONE,
                                                   model_constant(&m, DTYPE_F32, SHAPE(4), SCALES)},
                            .input_count = 3,
                            .output_count = 1,
                        },
                        &v, &m.err));
    v = op(&m, "PRelu", v, ones(&m, SHAPE(5, 1, 1)), VALUE_NONE);
    MODEL_OK(&m, graph_op(m.graph, "", "ArgMax", v, VALUE_NONE, VALUE_NONE,
                          (struct attribute[]){{.name = "axis", .kind = ATTRIBUTE_INT, .i = 1},
                                               {.name = "keepdims", .kind = ATTRIBUTE_INT}},
                          2, &v, &m.err));
    finish(&m, x, v, NO_EPILOGUES ",common",
           "input %x: float[?,2,4,4]\n"
           "constant %1: float[2,2,1,1] = {1.0, 1.0, 1.0, 1.0}\n"
           "constant %5: int64[2] = {0, 1}\n"
           "constant %6: int64[2] = {5, 7}\n"
           "constant %19: int64[8] = {0, 2, 3, 1, 0, 5, ...}\n"
           "constant %22: int64[2] = {3, 2}\n"
           "constant %26: float[4] = {1.0, 2.0, 3.0, 1.0}\n"
           "constant %31: float[1,1,1,5] = {1.0, 1.0, 1.0, 1.0, 1.0}\n"
           "%14: float[?,4,4,2] = Transpose(%x) {perm=[0, 2, 3, 1]}\n"
           "%15: float[?,4,4,2] = firn.ConvNhwc(%14, %1)\n"
           "%20: float[?,11,13,7] = Pad(%15, %19)\n"
           "%23: float[?,11,6,5] = Slice(%20, %5, %6, %22)\n"
           "%27: float[?,22,18,5] = Resize(%23, _, %26)\n"
           "%32: float[?,22,18,5] = PRelu(%27, %31)\n"
           "%34: int64[?,22,18] = ArgMax(%32) {axis=3, keepdims=0}\n"
           "signature main(%x) -> (%34)\n");
}

TEST(a_tensor_that_others_read_is_put_back)
{
    struct model m;
    value_id x, v, outs[3];

    model_init(&m);
    x = image(&m);
    v = unary(&m, "Relu", conv(&m, x, 2, 2));
    outs[0] = conv(&m, v, 2, 2);
    outs[1] = v;
    outs[2] = unary(&m, "Shape", v);
    model_signature(&m, "main", &x, 1, outs, 3);
    check_optimised(&m, NO_EPILOGUES,
                    "input %x: float[?,2,4,4]\n"
                    "constant %1: float[2,2,1,1] = {1.0, 1.0, 1.0, 1.0}\n"
                    "constant %17: int64[4] = {0, 3, 1, 2}\n"
                    "%7: float[?,4,4,2] = Transpose(%x) {perm=[0, 2, 3, 1]}\n"
                    "%8: float[?,4,4,2] = firn.ConvNhwc(%7, %1)\n"
                    "%14: float[?,4,4,2] = Relu(%8)\n"
                    "%15: float[?,2,4,4] = Transpose(%14) {perm=[0, 3, 1, 2]}\n"
                    "%11: float[?,4,4,2] = firn.ConvNhwc(%14, %1)\n"
                    "%12: float[?,2,4,4] = Transpose(%11) {perm=[0, 3, 1, 2]}\n"
                    "%16: int64[4] = Shape(%14)\n"
                    "%18: int64[4] = Gather(%16, %17)\n"
                    "signature main(%x) -> (%12, %15, %18)\n");
}

TEST(constants_go_into_weights)
{
    static const float W[] = {1, 2, 3, 4}, B[] = {10, 20}, FACTOR[] = {2, 4}, VARIANCE[] = {4, 16};
    static const float HALF = 0.5f;
    struct attribute epsilon = {.name = "epsilon", .kind = ATTRIBUTE_FLOAT, .f = 0};
    struct model m;
    value_id x, v, by;

    model_init(&m);
    x = image(&m);
    v = op(&m, "Conv", x, model_constant(&m, DTYPE_F32, SHAPE(2, 2, 1, 1), W),
           model_constant(&m, DTYPE_F32, SHAPE(2), B));
    by = model_constant(&m, DTYPE_F32, SHAPE(2), FACTOR);
    MODEL_OK(&m, graph_node(
                     m.graph,
                     &(struct node_description){
                         .op = "BatchNormalization",
                         .inputs = (value_id[]){v, by, by, by,
                                                model_constant(&m, DTYPE_F32, SHAPE(2), VARIANCE)},
                         .input_count = 5,
                         .output_count = 1,
                         .attributes = &epsilon,
                         .attribute_count = 1,
                     },
                     &v, &m.err));
    v = op(&m, "Div", v, scalar(&m, &HALF), VALUE_NONE);
    v = op(&m, "Sub", v, model_constant(&m, DTYPE_F32, SHAPE(1, 2, 1, 1), FACTOR), VALUE_NONE);
    /* W (2, 2) / (2, 4) * (2, 4) / 0.5; bias ((10, 20) - (2, 4)) + (2, 4), twice, minus (2, 4) */
    finish(&m, x, v, NO_LAYOUT,
           "input %x: float[?,2,4,4]\n"
           "constant %18: float[2,2,1,1] = {2.0, 4.0, 6.0, 8.0}\n"
           "constant %20: float[2] = {18.0, 36.0}\n"
           "%10: float[?,2,4,4] = Conv(%x, %18, %20)\n"
           "signature main(%x) -> (%10)\n");
}

TEST(what_is_no_constant_per_channel_stays_out_of_the_weights)
{
    struct model m;
    value_id x, a, b, c, outs[3];

    model_init(&m);
    x = image(&m);
    a = conv(&m, x, 2, 2);
    outs[0] = op(&m, "Mul", a, ones(&m, SHAPE(4)), VALUE_NONE); /* per column */
    b = conv(&m, x, 2, 3);
    outs[1] = op(&m, "Mul", b, ones(&m, SHAPE(3, 1, 1)), VALUE_NONE);
    outs[2] = op(&m, "Add", b, ones(&m, SHAPE(3, 1, 1)), VALUE_NONE); /* b is read twice */
    c = conv(&m, x, 2, 1);
    outs[0] = op(&m, "Add", outs[0], op(&m, "Add", c, ones(&m, SHAPE(2, 1, 1)), VALUE_NONE),
                 VALUE_NONE); /* one channel becomes two */
    model_signature(&m, "main", &x, 1, outs, 3);
    check_optimised(&m, NO_LAYOUT,
                    "input %x: float[?,2,4,4]\n"
                    "constant %1: float[2,2,1,1] = {1.0, 1.0, 1.0, 1.0}\n"
                    "constant %3: float[4] = {1.0, 1.0, 1.0, 1.0}\n"
                    "constant %5: float[3,2,1,1] = {1.0, 1.0, 1.0, 1.0, 1.0, 1.0}\n"
                    "constant %7: float[3,1,1] = {1.0, 1.0, 1.0}\n"
                    "constant %11: float[1,2,1,1] = {1.0, 1.0}\n"
                    "constant %13: float[2,1,1] = {1.0, 1.0}\n"
                    "%2: float[?,2,4,4] = Conv(%x, %1)\n"
                    "%4: float[?,2,4,4] = Mul(%2, %3)\n"
                    "%6: float[?,3,4,4] = Conv(%x, %5)\n"
                    "%8: float[?,3,4,4] = Mul(%6, %7)\n"
                    "%10: float[?,3,4,4] = Add(%6, %7)\n"
                    "%12: float[?,1,4,4] = Conv(%x, %11)\n"
                    "%14: float[?,2,4,4] = Add(%12, %13)\n"
                    "%15: float[?,2,4,4] = Add(%4, %14)\n"
                    "signature main(%x) -> (%15, %8, %10)\n");
}

TEST(zeros_around_become_pads)
{
    struct model m;
    value_id x, v;

    model_init(&m);
    x = image(&m);
    v = op(&m, "Pad", x, MODEL_I64(&m, 0, 0, 1, 2, 0, 0, 3, 4), VALUE_NONE);
    v = conv(&m, v, 2, 2);
    v = op(&m, "Pad", v, MODEL_I64(&m, 0, 1, 0, 0, 0, 0, 0, 0), VALUE_NONE); /* a channel more */
    v = conv(&m, v, 3, 2);
    finish(&m, x, v, NO_LAYOUT,
           "input %x: float[?,2,4,4]\n"
           "constant %3: float[2,2,1,1] = {1.0, 1.0, 1.0, 1.0}\n"
           "constant %5: int64[8] = {0, 1, 0, 0, 0, 0, ...}\n"
           "constant %7: float[2,3,1,1] = {1.0, 1.0, 1.0, 1.0, 1.0, 1.0}\n"
           "%4: float[?,2,8,10] = Conv(%x, %3) {pads=[1, 2, 3, 4]}\n"
           "%6: float[?,3,8,10] = Pad(%4, %5)\n"
           "%8: float[?,2,8,10] = Conv(%6, %7)\n"
           "signature main(%x) -> (%8)\n");
}

TEST(activations_written_in_parts)
{
    static const float THREE = 3, SIX = 6, ZERO = 0, SIXTH = 1.f / 6, SLOPE = 1.5f;
    struct model m;
    value_id x, v, outs[6];

    model_init(&m);
    x = image(&m);
    outs[0] = op(&m, "Mul", x, unary(&m, "Sigmoid", x), VALUE_NONE);
    v = op(&m, "Clip", op(&m, "Add", x, scalar(&m, &THREE), VALUE_NONE), scalar(&m, &ZERO),
           scalar(&m, &SIX));
    outs[1] = op(&m, "Div", op(&m, "Mul", x, v, VALUE_NONE), scalar(&m, &SIX), VALUE_NONE);
    outs[2] = op(&m, "Mul", op(&m, "Mul", v, scalar(&m, &SIXTH), VALUE_NONE), x, VALUE_NONE);
    outs[3] = op(&m, "Mul", x, unary(&m, "Tanh", unary(&m, "Softplus", x)), VALUE_NONE);
    outs[4] =
        op(&m, "Mul", x, unary(&m, "Sigmoid", op(&m, "Mul", scalar(&m, &SLOPE), x, VALUE_NONE)),
           VALUE_NONE);
    outs[5] = op(&m, "Mul", x, unary(&m, "Sigmoid", v), VALUE_NONE); /* of something else */
    model_signature(&m, "main", &x, 1, outs, 6);
    check_optimised(&m, NO_LAYOUT,
                    "input %x: float[?,2,4,4]\n"
                    "constant %3: float[] = {6.0}\n"
                    "constant %4: float[] = {0.0}\n"
                    "constant %5: float[] = {3.0}\n"
                    "%2: float[?,2,4,4] = Swish(%x)\n"
                    "%6: float[?,2,4,4] = Add(%x, %5)\n"
                    "%7: float[?,2,4,4] = Clip(%6, %4, %3)\n"
                    "%10: float[?,2,4,4] = HardSwish(%x)\n"
                    "%16: float[?,2,4,4] = Mish(%x)\n"
                    "%20: float[?,2,4,4] = Swish(%x) {alpha=1.5}\n"
                    "%21: float[?,2,4,4] = Sigmoid(%7)\n"
                    "%22: float[?,2,4,4] = Mul(%x, %21)\n"
                    "signature main(%x) -> (%2, %10, %10, %16, %20, %22)\n");
}

TEST(epilogues_join_their_convolution)
{
    static const float BIAS[] = {1, 2, 3}, SIX = 6, ZERO = 0;
    struct model m;
    value_id x, a, b;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(1, 2, 4, 4));
    a = op(&m, "Clip", conv(&m, x, 2, 3), scalar(&m, &ZERO), scalar(&m, &SIX));
    b = op(&m, "Add", conv(&m, a, 3, 3), model_constant(&m, DTYPE_F32, SHAPE(3, 1, 1), BIAS),
           VALUE_NONE);
    b = unary(&m, "Relu", op(&m, "Add", a, b, VALUE_NONE));
    finish(
        &m, x, b, NULL,
        "input %x: float[1,2,4,4]\n"
        "constant %3: float[3,2,1,1] = {1.0, 1.0, 1.0, 1.0, 1.0, 1.0}\n"
        "constant %7: float[3,3,1,1] = {1.0, 1.0, 1.0, 1.0, 1.0, 1.0, ...}\n"
        "constant %12: float[3] = {1.0, 2.0, 3.0}\n"
        "%13: float[1,4,4,2] = Transpose(%x) {perm=[0, 2, 3, 1]}\n"
        "%20: float[1,4,4,3] = firn.ConvNhwc(%13, %3) {activation=\"Clip\", alpha=0.0, beta=6.0}\n"
        "%25: float[1,4,4,3] = firn.ConvNhwc(%20, %7, %12, %20) {activation=\"Relu\"}\n"
        "%26: float[1,3,4,4] = Transpose(%25) {perm=[0, 3, 1, 2]}\n"
        "signature main(%x) -> (%26)\n");
}

/* A free dimension may differ between two tensors: no residual. */
TEST(what_may_be_broadcast_is_no_residual)
{
    struct model m;
    value_id x, y, v;

    model_init(&m);
    x = image(&m);
    y = model_input(&m, "y", DTYPE_F32, SHAPE(DIM_UNKNOWN, 4, 4, 3));
    v = model_op_ints(&m, "Transpose", conv(&m, x, 2, 3), "perm", (int64_t[]){0, 2, 3, 1}, 4);
    v = op(&m, "Add", v, y, VALUE_NONE);
    model_signature(&m, "main", (value_id[]){x, y}, 2, &v, 1);
    check_optimised(&m, NULL,
                    "input %x: float[?,2,4,4]\n"
                    "input %y: float[?,4,4,3]\n"
                    "constant %2: float[3,2,1,1] = {1.0, 1.0, 1.0, 1.0, 1.0, 1.0}\n"
                    "%6: float[?,4,4,2] = Transpose(%x) {perm=[0, 2, 3, 1]}\n"
                    "%7: float[?,4,4,3] = firn.ConvNhwc(%6, %2)\n"
                    "%5: float[?,4,4,3] = Add(%7, %y)\n"
                    "signature main(%x, %y) -> (%5)\n");
}
