// SPDX-License-Identifier: Apache-2.0
#include "optimised.h"

static const float ONES[64] = {1, 1, 1, 1, 1, 1, 1, 1};

static value_id gemm(struct model *m, value_id a, value_id b, value_id c, const char *name,
                     int64_t value)
{
    return model_op_int(m, "Gemm", a, b, c, name, value);
}

TEST(products_of_constants_take_bias_and_activation)
{
    value_id x, v, w, out[2];
    struct model m;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN, 4));
    v = model_op(&m, "MatMul", x, model_constant(&m, DTYPE_F32, SHAPE(4, 3), ONES), VALUE_NONE);
    v = model_op(&m, "Add", model_constant(&m, DTYPE_F32, SHAPE(3), ONES), v, VALUE_NONE);
    out[0] = model_op(&m, "Relu", v, VALUE_NONE, VALUE_NONE);
    w = model_constant(&m, DTYPE_F32, SHAPE(2, 4), ONES);
    out[1] = gemm(&m, x, w, model_constant(&m, DTYPE_F32, SHAPE(1, 2), ONES), "transB", 1);
    model_signature(&m, "main", &x, 1, out, 2);
    check_optimised(&m, "common",
                    "input %x: float[?,4]\n"
                    "constant %1: float[4,3] = {1.0, 1.0, 1.0, 1.0, 1.0, 1.0, ...}\n"
                    "constant %6: float[2,4] = {1.0, 1.0, 1.0, 1.0, 1.0, 1.0, ...}\n"
                    "constant %9: float[2] = {1.0, 1.0}\n"
                    "constant %10: float[3] = {1.0, 1.0, 1.0}\n"
                    "%5: float[?,3] = firn.Product(%x, %1, %10) {activation=\"Relu\"}\n"
                    "%8: float[?,2] = firn.Product(%x, %6, %9) {transposed=1}\n"
                    "signature main(%x) -> (%5, %8)\n");
}

/* Two variables; A transposed; a bias for every row; halves; a vector of weights. */
TEST(other_products_stay)
{
    value_id x, y, w, out[5];
    struct model m;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(4, 4));
    y = model_input(&m, "y", DTYPE_F32, SHAPE(4, 4));
    w = model_constant(&m, DTYPE_F32, SHAPE(4, 4), ONES);
    out[0] = model_op(&m, "MatMul", x, y, VALUE_NONE);
    out[1] = gemm(&m, x, w, VALUE_NONE, "transA", 1);
    out[2] = gemm(&m, x, w, y, "transB", 0);
    out[3] = model_op(&m, "MatMul", x, model_constant(&m, DTYPE_F32, SHAPE(4), ONES), VALUE_NONE);
    out[4] = model_op(&m, "MatMul", w, x, VALUE_NONE);
    model_signature(&m, "main", (value_id[]){x, y}, 2, out, 5);
    check_optimised(&m, "common",
                    "input %x: float[4,4]\n"
                    "input %y: float[4,4]\n"
                    "constant %2: float[4,4] = {1.0, 1.0, 1.0, 1.0, 1.0, 1.0, ...}\n"
                    "constant %6: float[4] = {1.0, 1.0, 1.0, 1.0}\n"
                    "%3: float[4,4] = MatMul(%x, %y)\n"
                    "%4: float[4,4] = Gemm(%x, %2) {transA=1}\n"
                    "%5: float[4,4] = Gemm(%x, %2, %y) {transB=0}\n"
                    "%7: float[4] = MatMul(%x, %6)\n"
                    "%8: float[4,4] = MatMul(%2, %x)\n"
                    "signature main(%x, %y) -> (%3, %4, %5, %7, %8)\n");
}

TEST(what_is_read_twice_keeps_its_value)
{
    value_id x, v, out[2];
    struct model m;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(2, 4));
    v = model_op(&m, "MatMul", x, model_constant(&m, DTYPE_F32, SHAPE(4, 3), ONES), VALUE_NONE);
    out[0] = v;
    out[1] = model_op(&m, "Relu", v, VALUE_NONE, VALUE_NONE);
    model_signature(&m, "main", &x, 1, out, 2);
    check_optimised(&m, NULL,
                    "input %x: float[2,4]\n"
                    "constant %1: float[4,3] = {1.0, 1.0, 1.0, 1.0, 1.0, 1.0, ...}\n"
                    "%2: float[2,3] = firn.Product(%x, %1)\n"
                    "%3: float[2,3] = Relu(%2)\n"
                    "signature main(%x) -> (%2, %3)\n");
}
