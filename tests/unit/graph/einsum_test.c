// SPDX-License-Identifier: Apache-2.0
#include "optimised.h"

static value_id einsum(struct model *m, const char *equation, value_id a, value_id b)
{
    struct attribute attribute = attribute_of_text("equation", equation);
    value_id value;

    MODEL_OK(m, graph_op(m->graph, "", "Einsum", a, b, VALUE_NONE, &attribute, 1, &value, &m->err));
    return value;
}

/* As attention is written: keys by queries, and weights by values. */
TEST(products_of_matrices_are_found)
{
    value_id x, y, out[3];
    struct model m;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(2, 7, 3, 4));
    y = model_input(&m, "y", DTYPE_F32, SHAPE(2, DIM_UNKNOWN, 3, 4));
    out[0] = einsum(&m, "aecd,abcd->acbe", x, y);
    out[1] = einsum(&m, "acbe,aecd->abcd", out[0], x);
    out[2] =
        einsum(&m, " xyij , xyjk->kxyi", x, model_input(&m, "z", DTYPE_F32, SHAPE(2, 7, 4, 5)));
    model_signature(&m, "main", (value_id[]){x, y, out[2] - 1}, 3, out, 3);
    check_optimised(&m, "transposes,attention,shuffles",
                    "input %x: float[2,7,3,4]\n"
                    "input %y: float[2,?,3,4]\n"
                    "input %z: float[2,7,4,5]\n"
                    "%6: float[2,3,?,4] = Transpose(%y) {perm=[0, 2, 1, 3]}\n"
                    "%7: float[2,3,4,7] = Transpose(%x) {perm=[0, 2, 3, 1]}\n"
                    "%8: float[2,3,?,7] = MatMul(%6, %7)\n"
                    "%9: float[2,3,7,4] = Transpose(%x) {perm=[0, 2, 1, 3]}\n"
                    "%10: float[2,3,?,4] = MatMul(%8, %9)\n"
                    "%11: float[2,?,3,4] = Transpose(%10) {perm=[0, 2, 1, 3]}\n"
                    "%12: float[2,7,5,4] = Transpose(%z) {perm=[0, 1, 3, 2]}\n"
                    "%13: float[2,7,4,3] = Transpose(%x) {perm=[0, 1, 3, 2]}\n"
                    "%14: float[2,7,5,3] = MatMul(%12, %13)\n"
                    "%15: float[5,2,7,3] = Transpose(%14) {perm=[2, 0, 1, 3]}\n"
                    "signature main(%x, %y, %z) -> (%8, %11, %15)\n");
}

/* Two labels summed, one label twice, an ellipsis, a label of one alone, one element for many, rows
 * of no label. */
TEST(other_sums_stay)
{
    static const char *const EQUATIONS[] = {"abcd,aecd->ae",  "aabc,abcd->ad", "...ab,...bc->...ac",
                                            "abcd,abde->abc", "ab,bc->ac",     "abcd,abd->abc"};
    value_id x, y, out[6];
    struct model m;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(2, 2, 2, 2));
    y = model_input(&m, "y", DTYPE_F32, SHAPE(2, 1));
    for (size_t i = 0; i < 4; i++)
        out[i] = einsum(&m, EQUATIONS[i], x, x);
    out[4] = einsum(&m, EQUATIONS[4], y, y);
    out[5] = einsum(&m, EQUATIONS[5], x, model_input(&m, "z", DTYPE_F32, SHAPE(2, 2, 2)));
    model_signature(&m, "main", (value_id[]){x, y, out[5] - 1}, 3, out, 6);
    check_optimised(&m, NULL,
                    "input %x: float[2,2,2,2]\n"
                    "input %y: float[2,1]\n"
                    "input %z: float[2,2,2]\n"
                    "%2: float[2,2] = Einsum(%x, %x) {equation=\"abcd,aecd->ae\"}\n"
                    "%3: float[2,2] = Einsum(%x, %x) {equation=\"aabc,abcd->ad\"}\n"
                    "%4: float[2,2,2,2] = Einsum(%x, %x) {equation=\"...ab,...bc->...ac\"}\n"
                    "%5: float[2,2,2] = Einsum(%x, %x) {equation=\"abcd,abde->abc\"}\n"
                    "%6: float[2,1] = Einsum(%y, %y) {equation=\"ab,bc->ac\"}\n"
                    "%8: float[2,2,2] = Einsum(%x, %z) {equation=\"abcd,abd->abc\"}\n"
                    "signature main(%x, %y, %z) -> (%2, %3, %4, %5, %6, %8)\n");
}
