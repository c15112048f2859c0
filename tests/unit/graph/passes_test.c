// SPDX-License-Identifier: Apache-2.0
#include "optimised.h"

static value_id unary(struct model *m, const char *op, value_id a)
{
    return model_op(m, op, a, VALUE_NONE, VALUE_NONE);
}

TEST(identities_vanish)
{
    static const int64_t PERM[] = {2, 0, 1}, BACK[] = {1, 2, 0}, SAME[] = {0, 1, 2};
    struct model m;
    value_id x, v;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(2, 3, 4));
    v = unary(&m, "Identity", x);
    v = unary(&m, "Dropout", v);
    v = model_op_int(&m, "Cast", v, VALUE_NONE, VALUE_NONE, "to", 1);
    v = model_op_ints(&m, "Transpose", v, "perm", PERM, 3);
    v = unary(&m, "Identity", v);
    v = model_op_ints(&m, "Transpose", v, "perm", BACK, 3);
    v = model_op_ints(&m, "Transpose", v, "perm", SAME, 3);
    v = model_op(&m, "Reshape", v, MODEL_I64(&m, 2, -1, 4), VALUE_NONE);
    v = model_op_int(&m, "Concat", v, VALUE_NONE, VALUE_NONE, "axis", 1);
    v = unary(&m, "Relu", v);
    model_signature(&m, "main", &x, 1, &v, 1);
    check_optimised(&m, NULL,
                    "input %x: float[2,3,4]\n"
                    "%11: float[2,3,4] = Relu(%x)\n"
                    "signature main(%x) -> (%11)\n");
}

TEST(what_is_no_identity_stays)
{
    static const int64_t PERM[] = {2, 0, 1};
    value_id x, v;
    struct model m;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN, 3, 4));
    v = model_op_ints(&m, "Transpose", x, "perm", PERM, 3);
    v = model_op_ints(&m, "Transpose", v, "perm", PERM, 3);
    v = model_op_int(&m, "Cast", v, VALUE_NONE, VALUE_NONE, "to", 11);
    v = model_op(&m, "Reshape", v, MODEL_I64(&m, 3, 4, -1), VALUE_NONE);
    model_signature(&m, "main", &x, 1, &v, 1);
    check_optimised(&m, NULL,
                    "input %x: float[?,3,4]\n"
                    "constant %4: int64[3] = {3, 4, -1}\n"
                    "%2: float[3,4,?] = Transpose(%x) {perm=[1, 2, 0]}\n"
                    "%3: double[3,4,?] = Cast(%2) {to=11}\n"
                    "%5: double[3,4,?] = Reshape(%3, %4)\n"
                    "signature main(%x) -> (%5)\n");
}

TEST(a_declared_shape_is_no_proof)
{
    struct shape stated = SHAPE(6);
    value_id x, target, v, outs[2];
    struct model m;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN));
    target = model_input(&m, "target", DTYPE_I64, SHAPE(1));
    v = model_op(&m, "Reshape", x, target, VALUE_NONE);
    CHECK_OK(graph_declare(m.graph, v, DTYPE_F32, &stated, &m.err), m.err);
    outs[0] = unary(&m, "Shape", v);
    outs[1] = unary(&m, "Size", x);
    model_signature(&m, "main", (value_id[]){x, target}, 2, outs, 2);
    check_optimised(&m, NULL,
                    "input %x: float[?]\n"
                    "input %target: int64[1]\n"
                    "%2: float[6] = Reshape(%x, %target)\n"
                    "%3: int64[1] = Shape(%2)\n"
                    "%4: int64[] = Size(%x)\n"
                    "signature main(%x, %target) -> (%3, %4)\n");
}

static void constants(struct model *m, value_id *x, value_id *out)
{
    static const float W[] = {1, 2};
    value_id w, v;

    model_init(m);
    *x = model_input(m, "x", DTYPE_F32, SHAPE(3, 2));
    w = model_constant(m, DTYPE_F32, SHAPE(2), W);
    v = model_op(m, "Add", w, w, VALUE_NONE);
    v = unary(m, "Neg", v);
    out[0] = model_op(m, "Add", *x, v, VALUE_NONE);
    out[1] = unary(m, "Shape", out[0]);
    model_signature(m, "main", x, 1, out, 2);
}

TEST(constants_fold)
{
    struct model m;
    value_id x, out[2];

    constants(&m, &x, out);
    check_optimised(&m, NULL,
                    "input %x: float[3,2]\n"
                    "constant %3: float[2] = {-2.0, -4.0}\n"
                    "constant %5: int64[2] = {3, 2}\n"
                    "%4: float[3,2] = Add(%x, %3)\n"
                    "signature main(%x) -> (%4, %5)\n");
    constants(&m, &x, out);
    check_optimised(&m, "fold,chain",
                    "input %x: float[3,2]\n"
                    "constant %1: float[2] = {1.0, 2.0}\n"
                    "%2: float[2] = Add(%1, %1)\n"
                    "%3: float[2] = Neg(%2)\n"
                    "%4: float[3,2] = Add(%x, %3)\n"
                    "%5: int64[2] = Shape(%4)\n"
                    "signature main(%x) -> (%4, %5)\n");
}

TEST(folding_does_not_blow_up)
{
    static const float one = 1;
    value_id w, x, v;
    struct model m;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(1));
    w = model_constant(&m, DTYPE_F32, SHAPE(1), &one);
    v = model_op(&m, "Expand", w, MODEL_I64(&m, 1 << 25), VALUE_NONE);
    v = model_op(&m, "Add", x, v, VALUE_NONE);
    model_signature(&m, "main", &x, 1, &v, 1);
    check_optimised(&m, NULL,
                    "input %x: float[1]\n"
                    "constant %1: float[1] = {1.0}\n"
                    "constant %2: int64[1] = {33554432}\n"
                    "%3: float[33554432] = Expand(%1, %2)\n"
                    "%4: float[33554432] = Add(%x, %3)\n"
                    "signature main(%x) -> (%4)\n");
}

/* A constant index that is out of range fails when it is run, not when the model is loaded. */
TEST(what_cannot_be_folded_stays)
{
    static const float W[] = {1, 2};
    value_id w, x, v;
    struct model m;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(1));
    w = model_constant(&m, DTYPE_F32, SHAPE(2), W);
    v = model_op(&m, "Gather", w, MODEL_I64(&m, 7), VALUE_NONE);
    v = model_op(&m, "Add", x, v, VALUE_NONE);
    model_signature(&m, "main", &x, 1, &v, 1);
    check_optimised(&m, NULL,
                    "input %x: float[1]\n"
                    "constant %1: float[2] = {1.0, 2.0}\n"
                    "constant %2: int64[1] = {7}\n"
                    "%3: float[1] = Gather(%1, %2)\n"
                    "%4: float[1] = Add(%x, %3)\n"
                    "signature main(%x) -> (%4)\n");
}

static void twins(struct model *m)
{
    static const float W[] = {1, 2}, SAME[] = {1, 2}, ZERO[] = {0.0f}, MINUS_ZERO[] = {-0.0f};
    value_id x, a, b, outs[4];

    model_init(m);
    x = model_input(m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN, 2));
    a = unary(m, "Relu",
              model_op(m, "Add", x, model_constant(m, DTYPE_F32, SHAPE(2), W), VALUE_NONE));
    b = unary(m, "Relu",
              model_op(m, "Add", x, model_constant(m, DTYPE_F32, SHAPE(2), SAME), VALUE_NONE));
    outs[0] = model_op(m, "Mul", a, b, VALUE_NONE);
    outs[1] = model_op_int(m, "Softmax", x, VALUE_NONE, VALUE_NONE, "axis", 0);
    outs[2] = model_op_int(m, "Softmax", x, VALUE_NONE, VALUE_NONE, "axis", 1);
    a = model_op(m, "Mul", x, model_constant(m, DTYPE_F32, SHAPE(1), ZERO), VALUE_NONE);
    b = model_op(m, "Mul", x, model_constant(m, DTYPE_F32, SHAPE(1), MINUS_ZERO), VALUE_NONE);
    outs[3] = model_op(m, "Div", a, b, VALUE_NONE);
    model_signature(m, "main", &x, 1, outs, 4);
}

TEST(equal_things_are_computed_once)
{
    struct model m;

    twins(&m);
    check_optimised(&m, NULL,
                    "input %x: float[?,2]\n"
                    "constant %1: float[2] = {1.0, 2.0}\n"
                    "constant %10: float[1] = {0.0}\n"
                    "constant %12: float[1] = {-0.0}\n"
                    "%2: float[?,2] = Add(%x, %1)\n"
                    "%3: float[?,2] = Relu(%2)\n"
                    "%7: float[?,2] = Mul(%3, %3)\n"
                    "%8: float[?,2] = Softmax(%x) {axis=0}\n"
                    "%9: float[?,2] = Softmax(%x) {axis=1}\n"
                    "%11: float[?,2] = Mul(%x, %10)\n"
                    "%13: float[?,2] = Mul(%x, %12)\n"
                    "%14: float[?,2] = Div(%11, %13)\n"
                    "signature main(%x) -> (%7, %8, %9, %14)\n");
}

TEST(dead_code_leaves)
{
    struct model m;
    value_id x, v, dead;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(2));
    dead = unary(&m, "Neg", x);
    v = unary(&m, "Relu", x);
    dead = model_op(&m, "Add", dead, v, VALUE_NONE);
    CHECK(dead > v);
    model_signature(&m, "main", &x, 1, &v, 1);
    check_optimised(&m, "fold,identity,common",
                    "input %x: float[2]\n"
                    "%2: float[2] = Relu(%x)\n"
                    "signature main(%x) -> (%2)\n");
}

TEST(no_pass_leaves_all_as_it_is)
{
    struct model m;
    value_id x, v;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(2));
    v = unary(&m, "Identity", x);
    unary(&m, "Neg", x);
    model_signature(&m, "main", &x, 1, &v, 1);
    check_optimised(&m, "all",
                    "input %x: float[2]\n"
                    "%1: float[2] = Identity(%x)\n"
                    "%2: float[2] = Neg(%x)\n"
                    "signature main(%x) -> (%1)\n");
}

/* What makes the input of a Transpose may have none itself. */
TEST(a_turned_draw_stays)
{
    static const int64_t DIMS[] = {2, 3}, PERM[] = {1, 0};
    struct attribute shape = attribute_of_ints("shape", DIMS, 2);
    value_id v;
    struct model m;

    model_init(&m);
    MODEL_OK(&m, graph_op(m.graph, "", "RandomNormal", VALUE_NONE, VALUE_NONE, VALUE_NONE, &shape,
                          1, &v, &m.err));
    v = model_op_ints(&m, "Transpose", v, "perm", PERM, 2);
    model_signature(&m, "main", NULL, 0, &v, 1);
    check_optimised(&m, NULL,
                    "%0: float[2,3] = RandomNormal() {shape=[2, 3]}\n"
                    "%1: float[3,2] = Transpose(%0) {perm=[1, 0]}\n"
                    "signature main() -> (%1)\n");
}
