// SPDX-License-Identifier: Apache-2.0
/* Passes over channels: chains of constants, shuffles, normalisations of groups. */
#include "optimised.h"

#define NO_LAYOUT "nhwc,transposes,epilogues,chain"

static const float ONES[64] = {1, 1, 1, 1, 1, 1, 1, 1};

static value_id op(struct model *m, const char *name, value_id a, value_id b)
{
    return model_op(m, name, a, b, VALUE_NONE);
}

static value_id floats(struct model *m, struct shape shape, const float *data)
{
    return model_constant(m, DTYPE_F32, shape, data);
}

static value_id image(struct model *m, int64_t channels)
{
    int64_t n;

    MODEL_OK(m, graph_symbol(m->graph, "N", &n, &m->err));
    return model_input(m, "x", DTYPE_F32, SHAPE(n, channels, 4, 4));
}

static void finish(struct model *m, value_id x, value_id y, const char *skip, const char *want)
{
    model_signature(m, "main", &x, 1, &y, 1);
    check_optimised(m, skip, want);
}

TEST(chains_of_constants_are_one_product_and_one_sum)
{
    static const float A[] = {2, 3}, B[] = {10, 20}, C[] = {4}, D[] = {1, 2};
    struct model m;
    value_id x, v;

    model_init(&m);
    x = image(&m, 2);
    v = op(&m, "Mul", x, floats(&m, SHAPE(2, 1, 1), A));
    v = op(&m, "Add", v, floats(&m, SHAPE(1, 2, 1, 1), B));
    v = op(&m, "Mul", floats(&m, SHAPE(1), C), v);
    v = op(&m, "Add", v, floats(&m, SHAPE(2, 1, 1), D));
    /* 2 4, 3 4; 10 4 + 1, 20 4 + 2 */
    finish(&m, x, v, NO_LAYOUT,
           "input %x: float[N,2,4,4]\n"
           "constant %9: float[2,1,1] = {8.0, 12.0}\n"
           "constant %12: float[1,2,1,1] = {41.0, 82.0}\n"
           "%11: float[N,2,4,4] = Mul(%x, %9)\n"
           "%8: float[N,2,4,4] = Add(%11, %12)\n"
           "signature main(%x) -> (%8)\n");
}

TEST(what_others_read_is_no_chain)
{
    static const float A[] = {2, 3}, BIG[] = {8388608}, BACK[] = {-8388608};
    struct model m;
    value_id x, v, outs[3];

    model_init(&m);
    x = image(&m, 2);
    outs[0] = op(&m, "Mul", x, floats(&m, SHAPE(2, 1, 1), A));
    outs[1] = op(&m, "Mul", outs[0], floats(&m, SHAPE(2, 1, 1), A));
    v = op(&m, "Add", x, floats(&m, SHAPE(1), BIG)); /* rounds */
    outs[2] = op(&m, "Add", v, floats(&m, SHAPE(1), BACK));
    model_signature(&m, "main", &x, 1, outs, 3);
    check_optimised(&m, NO_LAYOUT,
                    "input %x: float[N,2,4,4]\n"
                    "constant %1: float[2,1,1] = {2.0, 3.0}\n"
                    "constant %5: float[1] = {8388608.0}\n"
                    "constant %7: float[1] = {-8388608.0}\n"
                    "%2: float[N,2,4,4] = Mul(%x, %1)\n"
                    "%4: float[N,2,4,4] = Mul(%2, %1)\n"
                    "%6: float[N,2,4,4] = Add(%x, %5)\n"
                    "%8: float[N,2,4,4] = Add(%6, %7)\n"
                    "signature main(%x) -> (%2, %4, %8)\n");
}

static value_id shuffled(struct model *m, value_id x, value_id inner, const int64_t *perm,
                         size_t rank, value_id outer)
{
    value_id v = op(m, "Reshape", x, inner);

    return op(m, "Reshape", model_op_ints(m, "Transpose", v, "perm", perm, rank), outer);
}

TEST(shuffled_channels_are_gathered)
{
    static const int64_t PERM[] = {0, 2, 1, 3, 4}, OTHER[] = {0, 2, 1, 4, 3};
    struct model m;
    value_id x, outs[2], back;

    model_init(&m);
    x = image(&m, 6);
    back = MODEL_I64(&m, 0, 6, 4, 4);
    outs[0] = shuffled(&m, x, MODEL_I64(&m, -1, 2, 3, 4, 4), PERM, 5, back);
    outs[1] = shuffled(&m, x, MODEL_I64(&m, -1, 2, 3, 4, 4), OTHER, 5, back);
    model_signature(&m, "main", &x, 1, outs, 2);
    check_optimised(&m, NO_LAYOUT,
                    "input %x: float[N,6,4,4]\n"
                    "constant %1: int64[4] = {0, 6, 4, 4}\n"
                    "constant %2: int64[5] = {-1, 2, 3, 4, 4}\n"
                    "constant %10: int64[6] = {0, 3, 1, 4, 2, 5}\n"
                    "%3: float[N,2,3,4,4] = Reshape(%x, %2)\n"
                    "%5: float[N,6,4,4] = Gather(%x, %10) {axis=1}\n"
                    "%8: float[N,3,2,4,4] = Transpose(%3) {perm=[0, 2, 1, 4, 3]}\n"
                    "%9: float[N,6,4,4] = Reshape(%8, %1)\n"
                    "signature main(%x) -> (%5, %9)\n");
}

TEST(blocks_of_channels_become_pixels)
{
    static const int64_t CRD[] = {0, 1, 4, 2, 5, 3}, DCR[] = {0, 3, 4, 1, 5, 2};
    static const int64_t DEPTH[] = {0, 3, 5, 1, 2, 4};
    struct model m;
    value_id x, outs[3], to;

    model_init(&m);
    x = image(&m, 12);
    to = MODEL_I64(&m, -1, 3, 8, 8);
    outs[0] = shuffled(&m, x, MODEL_I64(&m, -1, 3, 2, 2, 4, 4), CRD, 6, to);
    outs[1] = shuffled(&m, x, MODEL_I64(&m, -1, 2, 2, 3, 4, 4), DCR, 6, to);
    outs[2] =
        shuffled(&m, x, MODEL_I64(&m, -1, 12, 2, 2, 2, 2), DEPTH, 6, MODEL_I64(&m, -1, 48, 2, 2));
    model_signature(&m, "main", &x, 1, outs, 3);
    check_optimised(&m, NO_LAYOUT,
                    "input %x: float[N,12,4,4]\n"
                    "%5: float[N,3,8,8] = DepthToSpace(%x) {blocksize=2, mode=\"CRD\"}\n"
                    "%9: float[N,3,8,8] = DepthToSpace(%x) {blocksize=2, mode=\"DCR\"}\n"
                    "%14: float[N,48,2,2] = SpaceToDepth(%x) {blocksize=2}\n"
                    "signature main(%x) -> (%5, %9, %14)\n");
}

TEST(groups_are_normalised_in_place)
{
    static const float SCALE[] = {2, 3}, BIAS[] = {1, 0}, BY[] = {1, 2, 3, 4};
    struct model m;
    value_id x, v, shape;

    model_init(&m);
    x = image(&m, 4);
    v = op(&m, "Relu", x, VALUE_NONE);
    shape = op(&m, "Shape", v, VALUE_NONE);
    v = op(&m, "Reshape", v, MODEL_I64(&m, 0, 2, -1));
    v = model_op(&m, "InstanceNormalization", v, floats(&m, SHAPE(2), SCALE),
                 floats(&m, SHAPE(2), BIAS));
    v = op(&m, "Reshape", v, shape);
    v = op(&m, "Mul", v, floats(&m, SHAPE(4, 1, 1), BY));
    v = op(&m, "Add", v, floats(&m, SHAPE(4, 1, 1), BY));
    finish(&m, x, v, NO_LAYOUT,
           "input %x: float[N,4,4,4]\n"
           "constant %16: float[4] = {2.0, 4.0, 9.0, 12.0}\n"
           "constant %18: float[4] = {2.0, 4.0, 3.0, 4.0}\n"
           "%1: float[N,4,4,4] = Relu(%x)\n"
           "%12: float[N,4,4,4] = GroupNormalization(%1, %16, %18) {num_groups=2, "
           "epsilon=9.999999747378752e-6}\n"
           "signature main(%x) -> (%12)\n");
}

/* Between convolutions all of these work with the channels last. */
TEST(channels_last_twins)
{
    struct attribute block = {.name = "blocksize", .kind = ATTRIBUTE_INT, .i = 2};
    struct model m;
    value_id x, v;

    model_init(&m);
    x = image(&m, 4);
    v = op(&m, "Conv", x, floats(&m, SHAPE(4, 4, 1, 1), ONES));
    v = model_op_int(&m, "LRN", v, VALUE_NONE, VALUE_NONE, "size", 3);
    v = model_op(&m, "InstanceNormalization", v, floats(&m, SHAPE(4), ONES),
                 floats(&m, SHAPE(4), ONES));
    MODEL_OK(&m, graph_op(m.graph, "", "DepthToSpace", v, VALUE_NONE, VALUE_NONE, &block, 1, &v,
                          &m.err));
    v = op(&m, "Conv", v, floats(&m, SHAPE(2, 1, 1, 1), ONES));
    finish(&m, x, v, NULL,
           "input %x: float[N,4,4,4]\n"
           "constant %1: float[4,4,1,1] = {1.0, 1.0, 1.0, 1.0, 1.0, 1.0, ...}\n"
           "constant %4: float[4] = {1.0, 1.0, 1.0, 1.0}\n"
           "constant %8: float[2,1,1,1] = {1.0, 1.0}\n"
           "%10: float[N,4,4,4] = Transpose(%x) {perm=[0, 2, 3, 1]}\n"
           "%11: float[N,4,4,4] = firn.ConvNhwc(%10, %1)\n"
           "%17: float[N,4,4,4] = firn.LRNNhwc(%11) {size=3}\n"
           "%19: float[N,4,4,4] = firn.InstanceNormalizationNhwc(%17, %4, %4)\n"
           "%21: float[N,8,8,1] = firn.DepthToSpaceNhwc(%19) {blocksize=2}\n"
           "%14: float[N,8,8,2] = firn.ConvNhwc(%21, %8)\n"
           "%15: float[N,2,8,8] = Transpose(%14) {perm=[0, 3, 1, 2]}\n"
           "signature main(%x) -> (%15)\n");
}

/* Alone they stay as they are: nothing would be won. */
TEST(no_twin_without_need)
{
    struct model m;
    value_id x, v;

    model_init(&m);
    x = image(&m, 4);
    v = model_op(&m, "InstanceNormalization", x, floats(&m, SHAPE(4), ONES),
                 floats(&m, SHAPE(4), ONES));
    finish(&m, x, v, NULL,
           "input %x: float[N,4,4,4]\n"
           "constant %1: float[4] = {1.0, 1.0, 1.0, 1.0}\n"
           "%3: float[N,4,4,4] = InstanceNormalization(%x, %1, %1)\n"
           "signature main(%x) -> (%3)\n");
}
