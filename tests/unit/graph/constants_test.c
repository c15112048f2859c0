// SPDX-License-Identifier: Apache-2.0
/* Which large constants are read, and that only those without a reader are given back. */
#include "graph/constants.h"

#include "graph/internal.h"

#include "optimised.h"

enum { ROWS = 256, COLUMNS = 128, BYTES = ROWS * COLUMNS * 4 }; /* 128 KiB */

static float *kept(struct model *m, size_t count)
{
    return arena_new(m->graph->keep, float, count);
}

static size_t forgotten;

static void forget(void *context, struct bytes bytes)
{
    (void)context;
    forgotten += bytes.size;
}

static const struct tensor *constant_of(const struct model *m, value_id value)
{
    return m->graph->values[value].constant;
}

TEST(constants_without_a_reader_are_given_back)
{
    static float borrowed[ROWS * COLUMNS];
    value_id x, used, unused, outside, half, y;
    struct model m;
    size_t before;
    float *both;

    model_init(&m);
    m.keep.mapped = true;
    x = model_input(&m, "x", DTYPE_F32, SHAPE(4, ROWS));
    used = model_constant(&m, DTYPE_F32, SHAPE(ROWS, COLUMNS), kept(&m, ROWS * COLUMNS));
    unused = model_constant(&m, DTYPE_F32, SHAPE(ROWS, COLUMNS), kept(&m, ROWS * COLUMNS));
    outside = model_constant(&m, DTYPE_F32, SHAPE(ROWS, COLUMNS), borrowed);
    /* the second half of a block is read, the first and the whole are not */
    both = kept(&m, 2 * ROWS * COLUMNS);
    model_constant(&m, DTYPE_F32, SHAPE(2 * ROWS, COLUMNS), both);
    model_constant(&m, DTYPE_F32, SHAPE(ROWS, COLUMNS), both);
    half = model_constant(&m, DTYPE_F32, SHAPE(ROWS, COLUMNS), both + ROWS * COLUMNS);
    y = model_op(&m, "Add", model_op(&m, "MatMul", x, used, VALUE_NONE),
                 model_op(&m, "MatMul", x, half, VALUE_NONE), VALUE_NONE);
    model_signature(&m, "main", &x, 1, &y, 1);
    before = m.graph->keep->used;
    MODEL_OK(&m, constants_sweep(m.graph, &m.keep, &m.err));
    CHECK(m.graph->keep->used <= before - BYTES + 4096);
    CHECK(m.graph->keep->used > before - 2 * BYTES);
    CHECK(constant_of(&m, used)->data && constant_of(&m, half)->data);
    CHECK(!constant_of(&m, unused)->data);
    CHECK(constant_of(&m, outside)->data == borrowed);
    memset(both, 0, 2 * BYTES);
    model_release(&m);
}

TEST(constants_go_with_their_last_reader)
{
    static float borrowed[ROWS * COLUMNS];
    struct constants constants;
    value_id x, w, outside, a, b, y;
    struct model m;
    size_t before;

    model_init(&m);
    m.keep.mapped = true;
    x = model_input(&m, "x", DTYPE_F32, SHAPE(4, ROWS));
    w = model_constant(&m, DTYPE_F32, SHAPE(ROWS, COLUMNS), kept(&m, ROWS * COLUMNS));
    outside = model_constant(&m, DTYPE_F32, SHAPE(ROWS, COLUMNS), borrowed);
    a = model_op(&m, "MatMul", x, w, VALUE_NONE);
    b = model_op(&m, "MatMul", x, w, VALUE_NONE);
    y = model_op(&m, "Add", model_op(&m, "Add", a, b, VALUE_NONE),
                 model_op(&m, "MatMul", x, outside, VALUE_NONE), VALUE_NONE);
    model_signature(&m, "main", &x, 1, &y, 1);
    MODEL_OK(&m, constants_count(m.graph, &constants, &m.keep, &m.err));
    before = m.graph->keep->used;
    forgotten = 0;
    constants_release(m.graph, &constants, constant_of(&m, w), NULL, forget, NULL);
    CHECK(constant_of(&m, w)->data != NULL);
    constants_release(m.graph, &constants, constant_of(&m, w), NULL, forget, NULL);
    CHECK(constant_of(&m, w)->data == NULL);
    CHECK_INT(before - m.graph->keep->used, BYTES);
    CHECK_INT(forgotten, 0);
    constants_release(m.graph, &constants, constant_of(&m, outside), NULL, forget, NULL);
    CHECK_INT(forgotten, BYTES);
    CHECK(constant_of(&m, outside)->data == borrowed);
    constants_release(m.graph, &constants, NULL, NULL, forget, NULL);
    model_release(&m);
}

/* Weights that a convolution reads are turned and scaled when they are packed, for others at once.
 */
TEST(weights_of_convolutions_wait)
{
    enum { MAPS = 48, CHANNELS = 64, TAPS = 9 };
    static float hwio[TAPS * CHANNELS * MAPS], factors[MAPS];
    static const int64_t PERM[] = {3, 2, 0, 1};
    struct attribute perm = {
        .name = "perm", .kind = ATTRIBUTE_INTS, .ints = PERM, .count = ARRAY_COUNT(PERM)};
    const struct tensor *w;
    value_id x, turned, y;
    struct model m;
    size_t n;

    for (size_t i = 0; i < TAPS * CHANNELS * MAPS; i++)
        hwio[i] = (float)(i % 1009);
    for (size_t i = 0; i < MAPS; i++)
        factors[i] = (float)i + 0.5f;
    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(1, CHANNELS, 8, 8));
    turned = model_constant(&m, DTYPE_F32, SHAPE(3, 3, CHANNELS, MAPS), hwio);
    MODEL_OK(&m, graph_op(m.graph, "", "Transpose", turned, VALUE_NONE, VALUE_NONE, &perm, 1,
                          &turned, &m.err));
    y = model_op(&m, "Mul", model_op(&m, "Conv", x, turned, VALUE_NONE),
                 model_constant(&m, DTYPE_F32, SHAPE(MAPS, 1, 1), factors), VALUE_NONE);
    model_signature(&m, "main", &x, 1, &y, 1);
    MODEL_OK(&m, graph_finish(m.graph, &m.err));
    MODEL_OK(&m, graph_optimise(m.graph, "nhwc", &m.keep, &m.err));
    for (n = 0; n < m.graph->node_count && !node_is(&m.graph->nodes[n], "Conv"); n++)
        ;
    CHECK(n < m.graph->node_count);
    w = node_weights(m.graph, &m.graph->nodes[n], 1);
    CHECK(w->stored && w->data == hwio);
    w = node_constant(m.graph, &m.graph->nodes[n], 1);
    CHECK(!w->stored && w->data != hwio);
    for (size_t i = 0; i < MAPS * CHANNELS * TAPS; i++) {
        size_t map = i / (CHANNELS * TAPS), channel = i / TAPS % CHANNELS;

        CHECK(((const float *)w->data)[i] ==
              hwio[(i % TAPS * CHANNELS + channel) * MAPS + map] * factors[map]);
    }
    model_release(&m);
}

/* x by c1, then by c2, and x plus b1, plus b2, rows of two. */
static value_id twice(struct model *m, value_id x, const char *op, const float *one,
                      const float *two)
{
    value_id v = model_op(m, op, x, model_constant(m, DTYPE_F32, SHAPE(2), one), VALUE_NONE);

    return model_op(m, op, v, model_constant(m, DTYPE_F32, SHAPE(2), two), VALUE_NONE);
}

TEST(constants_join_where_one_stands_for_both)
{
    static const float TWO[] = {2, 2}, HUGE_ONES[] = {1, 1e30f}, TINY[] = {1, 1e-30f},
                       FAR[] = {1, 1e9f}, BACK[] = {1, -1e9f};
    value_id x, out[5];
    struct model m;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(3, 2));
    out[0] = twice(&m, x, "Mul", TWO, HUGE_ONES);
    out[1] = twice(&m, x, "Mul", HUGE_ONES, HUGE_ONES);
    out[2] = twice(&m, x, "Mul", TINY, TINY);
    out[3] = twice(&m, x, "Add", FAR, BACK);
    out[4] = twice(&m, x, "Add", TWO, TWO);
    model_signature(&m, "main", &x, 1, out, 5);
    check_optimised(&m, "chain",
                    "input %x: float[3,2]\n"
                    "constant %3: float[2] = {1.0, 1e30}\n"
                    "constant %9: float[2] = {1.0, 1e-30}\n"
                    "constant %13: float[2] = {1.0, 1000000000.0}\n"
                    "constant %15: float[2] = {1.0, -1000000000.0}\n"
                    "constant %21: float[2] = {2.0, 2e30}\n"
                    "constant %22: float[2] = {4.0, 4.0}\n"
                    "%4: float[3,2] = Mul(%x, %21)\n"
                    "%6: float[3,2] = Mul(%x, %3)\n"
                    "%8: float[3,2] = Mul(%6, %3)\n"
                    "%10: float[3,2] = Mul(%x, %9)\n"
                    "%12: float[3,2] = Mul(%10, %9)\n"
                    "%14: float[3,2] = Add(%x, %13)\n"
                    "%16: float[3,2] = Add(%14, %15)\n"
                    "%20: float[3,2] = Add(%x, %22)\n"
                    "signature main(%x) -> (%4, %8, %12, %16, %20)\n");
}

/* The weights would leave the range of floats. */
TEST(weights_leave_extreme_factors_alone)
{
    static const float HUGE_ONES[6] = {1e30f, 1e30f, 1e30f};
    value_id x, y;
    struct model m;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(3, 2));
    y = model_op(&m, "MatMul", x, model_constant(&m, DTYPE_F32, SHAPE(2, 3), HUGE_ONES),
                 VALUE_NONE);
    y = model_op(&m, "Mul", y, model_constant(&m, DTYPE_F32, SHAPE(3), HUGE_ONES), VALUE_NONE);
    model_signature(&m, "main", &x, 1, &y, 1);
    check_optimised(&m, "chain",
                    "input %x: float[3,2]\n"
                    "constant %1: float[2,3] = {1e30, 1e30, 1e30, 0.0, 0.0, 0.0}\n"
                    "constant %3: float[3] = {1e30, 1e30, 1e30}\n"
                    "%2: float[3,3] = firn.Product(%x, %1)\n"
                    "%4: float[3,3] = Mul(%2, %3)\n"
                    "signature main(%x) -> (%4)\n");
}
