// SPDX-License-Identifier: Apache-2.0
#include "optimised.h"

static const float VALUES[64] = {0.5, 2, -1, 3, 0.25, 1, 4, -2};

static value_id op(struct model *m, const char *name, value_id a, value_id b)
{
    return model_op(m, name, a, b, VALUE_NONE);
}

/* Over one shape with a free dimension: rows, one number, bounds and powers are taken in. */
TEST(chain_of_elementwise_operators)
{
    value_id x, y, v;
    struct model m;
    int64_t batch;

    model_init(&m);
    CHECK_OK(graph_symbol(m.graph, "batch", &batch, &m.err), m.err);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(batch, 4));
    y = model_input(&m, "y", DTYPE_F32, SHAPE(batch, 4));
    v = op(&m, "Mul", x, model_constant(&m, DTYPE_F32, SHAPE(4), VALUES));
    v = op(&m, "Max", v, model_constant(&m, DTYPE_F32, shape_scalar(), VALUES + 2));
    v = op(&m, "Tanh", v, VALUE_NONE);
    v = op(&m, "Sub", op(&m, "Exp", y, VALUE_NONE), v);
    v = op(&m, "Pow", v, model_constant(&m, DTYPE_F32, shape_scalar(), VALUES + 1));
    v = op(&m, "Clip", v, model_constant(&m, DTYPE_F32, shape_scalar(), VALUES));
    v = op(&m, "LeakyRelu", v, VALUE_NONE);
    model_signature(&m, "main", (value_id[]){x, y}, 2, &v, 1);
    check_optimised(
        &m, NULL,
        "input %x: float[batch,4]\n"
        "input %y: float[batch,4]\n"
        "constant %2: float[4] = {0.5, 2.0, -1.0, 3.0}\n"
        "constant %4: float[] = {-1.0}\n"
        "%13: float[batch,4] = firn.Chain(%y, %x, %2, %4) {ops=[\"Exp\", \"Mul\", \"Max\", "
        "\"Tanh\", \"Sub\", \"Square\", \"Clip\", \"LeakyRelu\"], operands=[0, -1, 1, 2, 5, 3, 6, "
        "-1, 4, 7, 8, -1, 9, -1, 10, -1], parameters=[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, "
        "0.0, 0.0, 0.0, 0.5, Infinity, 0.009999999776482582, 0.0]}\n"
        "signature main(%x, %y) -> (%13)\n");
}

/* Two readers, an output on the way, other shapes, other types, one operator alone. */
TEST(chain_leaves_what_others_read)
{
    value_id x, i, v, out[4];
    struct model m;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(3, 1));
    i = model_input(&m, "i", DTYPE_I32, SHAPE(3));
    v = op(&m, "Exp", x, VALUE_NONE);
    out[0] = op(&m, "Neg", v, VALUE_NONE);
    out[1] = op(&m, "Cos", v, VALUE_NONE);
    v = op(&m, "Sqrt", x, VALUE_NONE);
    out[2] = op(&m, "Add", v, model_constant(&m, DTYPE_F32, SHAPE(4), VALUES));
    out[3] = op(&m, "Abs", op(&m, "Neg", i, VALUE_NONE), VALUE_NONE);
    model_signature(&m, "main", (value_id[]){x, i}, 2, out, 4);
    check_optimised(&m, NULL,
                    "input %x: float[3,1]\n"
                    "input %i: int32[3]\n"
                    "constant %6: float[4] = {0.5, 2.0, -1.0, 3.0}\n"
                    "%2: float[3,1] = Exp(%x)\n"
                    "%3: float[3,1] = Neg(%2)\n"
                    "%4: float[3,1] = Cos(%2)\n"
                    "%5: float[3,1] = Sqrt(%x)\n"
                    "%7: float[3,4] = Add(%5, %6)\n"
                    "%8: int32[3] = Neg(%i)\n"
                    "%9: int32[3] = Abs(%8)\n"
                    "signature main(%x, %i) -> (%3, %4, %7, %9)\n");
}
