// SPDX-License-Identifier: Apache-2.0
/* Passes for quantised models: quantise, dequantise, quantised_sum. */
#include "optimised.h"

#define NO_LAYOUT "nhwc,transposes,epilogues,quantised_sum"

static const float SCALE[] = {0.5f}, HALF[] = {0.25f}, SCALES[] = {0.5f, 0.25f};
static const uint8_t ZERO[] = {3};
static const int8_t NO_ZERO[] = {0, 0}, W[] = {1, -2, 3, -4};
static const int32_t BIAS[] = {10, -10};
static const float BIAS_SCALES[] = {0.25f, 0.125f};
static const int32_t NO_ZEROS[] = {0, 0};

static value_id scalar(struct model *m, const float *value)
{
    return model_constant(m, DTYPE_F32, shape_scalar(), value);
}

static value_id zero(struct model *m)
{
    return model_constant(m, DTYPE_U8, shape_scalar(), ZERO);
}

static value_id dequantised(struct model *m, value_id q, const float *scale)
{
    return model_op(m, "DequantizeLinear", q, scalar(m, scale), zero(m));
}

static value_id quantised(struct model *m, value_id x, const float *scale)
{
    return model_op(m, "QuantizeLinear", x, scalar(m, scale), zero(m));
}

static value_id weights(struct model *m, struct shape shape, int64_t axis)
{
    return model_op_int(m, "DequantizeLinear", model_constant(m, DTYPE_I8, shape, W),
                        model_constant(m, DTYPE_F32, SHAPE(2), SCALES),
                        model_constant(m, DTYPE_I8, SHAPE(2), NO_ZERO), "axis", axis);
}

/* With the scales of `dequantised` by SCALE times those of the weights. */
static value_id bias(struct model *m)
{
    return model_op_int(m, "DequantizeLinear", model_constant(m, DTYPE_I32, SHAPE(2), BIAS),
                        model_constant(m, DTYPE_F32, SHAPE(2), BIAS_SCALES),
                        model_constant(m, DTYPE_I32, SHAPE(2), NO_ZEROS), "axis", 0);
}

static value_id image(struct model *m)
{
    int64_t n;

    CHECK_OK(graph_symbol(m->graph, "N", &n, &m->err), m->err);
    return model_input(m, "x", DTYPE_U8, SHAPE(n, 2, 4, 4));
}

static value_id conv(struct model *m, value_id x)
{
    return model_op(m, "Conv", x, weights(m, SHAPE(2, 2, 1, 1), 0), bias(m));
}

static void finish(struct model *m, value_id x, value_id y, const char *skip, const char *want)
{
    model_signature(m, "main", &x, 1, &y, 1);
    check_optimised(m, skip, want);
}

TEST(convolutions_of_quanta)
{
    static const float SIX[] = {6};
    struct model m;
    value_id x, v;

    model_init(&m);
    x = image(&m);
    v = conv(&m, dequantised(&m, x, SCALE));
    v = model_op(&m, "Clip", v, scalar(&m, HALF), scalar(&m, SIX));
    v = quantised(&m, v, HALF);
    finish(&m, x, v, NO_LAYOUT,
           "input %x: uint8[N,2,4,4]\n"
           "constant %1: uint8[] = {3}\n"
           "constant %2: float[] = {0.5}\n"
           "constant %6: int32[2] = {10, -10}\n"
           "constant %8: int8[2] = {0, 0}\n"
           "constant %9: float[2] = {0.5, 0.25}\n"
           "constant %10: int8[2,2,1,1] = {1, -2, 3, -4}\n"
           "constant %14: float[] = {0.25}\n"
           "%18: uint8[N,2,4,4] = firn.QLinearConv(%x, %2, %1, %10, %9, %8, %14, %1, %6) {low=4, "
           "high=27}\n"
           "signature main(%x) -> (%18)\n");
}

TEST(products_of_quanta)
{
    struct model m;
    value_id x, v;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_U8, SHAPE(DIM_UNKNOWN, 2));
    v = dequantised(&m, x, SCALE);
    v = model_op_int(&m, "Gemm", v, weights(&m, SHAPE(2, 2), 0), bias(&m), "transB", 1);
    v = dequantised(&m, quantised(&m, model_op(&m, "Relu", v, VALUE_NONE, VALUE_NONE), HALF), HALF);
    v = model_op(&m, "MatMul", v, weights(&m, SHAPE(2, 2), 1), VALUE_NONE);
    finish(&m, x, quantised(&m, v, SCALE), NULL,
           "input %x: uint8[?,2]\n"
           "constant %1: uint8[] = {3}\n"
           "constant %2: float[] = {0.5}\n"
           "constant %6: int32[2] = {10, -10}\n"
           "constant %8: int8[2] = {0, 0}\n"
           "constant %9: float[2] = {0.5, 0.25}\n"
           "constant %10: int8[2,2] = {1, -2, 3, -4}\n"
           "constant %15: float[] = {0.25}\n"
           "%16: uint8[?,2] = firn.QLinearProduct(%x, %2, %1, %10, %9, %8, %15, %1, %6) "
           "{transposed=1, low=3, high=255}\n"
           "%27: uint8[?,2] = firn.QLinearProduct(%16, %15, %1, %10, %9, %8, %2, %1) "
           "{transposed=0, low=0, high=255}\n"
           "signature main(%x) -> (%27)\n");
}

/* What is chosen among quanta needs no arithmetic; other points, or another reader, do. */
TEST(selections_of_quanta)
{
    struct model m;
    value_id x, v, ys[3];

    model_init(&m);
    x = image(&m);
    v = dequantised(&m, x, SCALE);
    ys[0] = quantised(&m, model_op(&m, "Reshape", v, MODEL_I64(&m, 0, -1), VALUE_NONE), SCALE);
    ys[1] = quantised(&m, model_op(&m, "Flatten", v, VALUE_NONE, VALUE_NONE), HALF);
    ys[2] = model_op_int(&m, "Flatten", v, VALUE_NONE, VALUE_NONE, "axis", 2);
    v = quantised(&m, ys[2], SCALE);
    ys[0] = model_op(&m, "Equal", ys[0], ys[1], VALUE_NONE);
    ys[1] = v;
    model_signature(&m, "main", &x, 1, ys, 3);
    check_optimised(&m, NULL,
                    "input %x: uint8[N,2,4,4]\n"
                    "constant %1: uint8[] = {3}\n"
                    "constant %2: float[] = {0.5}\n"
                    "constant %4: int64[2] = {0, -1}\n"
                    "constant %11: float[] = {0.25}\n"
                    "%3: float[N,2,4,4] = DequantizeLinear(%x, %2, %1)\n"
                    "%8: uint8[N,32] = Reshape(%x, %4)\n"
                    "%9: float[N,32] = Flatten(%3)\n"
                    "%12: uint8[N,32] = QuantizeLinear(%9, %11, %1)\n"
                    "%13: float[?,16] = Flatten(%3) {axis=2}\n"
                    "%16: uint8[?,16] = QuantizeLinear(%13, %2, %1)\n"
                    "%17: bool[N,32] = Equal(%8, %12)\n"
                    "signature main(%x) -> (%17, %16, %13)\n");
}

TEST(sums_of_quanta_join_the_convolution)
{
    struct model m;
    value_id x, v, u;

    model_init(&m);
    x = image(&m);
    u = conv(&m, dequantised(&m, x, SCALE));
    u = dequantised(&m, quantised(&m, u, SCALE), SCALE);
    v = dequantised(&m, quantised(&m, conv(&m, u), HALF), HALF);
    v = model_op(&m, "Relu", model_op(&m, "Add", u, v, VALUE_NONE), VALUE_NONE, VALUE_NONE);
    finish(&m, x, quantised(&m, v, SCALE), NULL,
           "input %x: uint8[N,2,4,4]\n"
           "constant %1: uint8[] = {3}\n"
           "constant %2: float[] = {0.5}\n"
           "constant %6: int32[2] = {10, -10}\n"
           "constant %8: int8[2] = {0, 0}\n"
           "constant %9: float[2] = {0.5, 0.25}\n"
           "constant %10: int8[2,2,1,1] = {1, -2, 3, -4}\n"
           "constant %29: float[] = {0.25}\n"
           "%39: uint8[N,4,4,2] = Transpose(%x) {perm=[0, 2, 3, 1]}\n"
           "%40: uint8[N,4,4,2] = firn.QLinearConvNhwc(%39, %2, %1, %10, %9, %8, %2, %1, %6) "
           "{low=0, high=255}\n"
           "%47: uint8[N,4,4,2] = firn.QLinearConvNhwc(%40, %2, %1, %10, %9, %8, %2, %1, %6, %40, "
           "%2, %1, %29, %1) {sum_low=0, sum_high=255, low=3, high=255}\n"
           "%48: uint8[N,2,4,4] = Transpose(%47) {perm=[0, 3, 1, 2]}\n"
           "signature main(%x) -> (%48)\n");
}

TEST(other_constants_become_floats)
{
    struct model m;
    value_id x, v;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN, 2));
    v = model_op(&m, "MatMul", x, weights(&m, SHAPE(2, 2), 1), VALUE_NONE);
    finish(&m, x, v, NO_LAYOUT,
           "input %x: float[?,2]\n"
           "constant %4: float[2,2] = {0.5, -0.5, 1.5, -1.0}\n"
           "%5: float[?,2] = firn.Product(%x, %4)\n"
           "signature main(%x) -> (%5)\n");
}

static uint32_t seed = 3;

static uint32_t below(uint32_t bound)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % bound;
}

/* x W + bias, by DynamicQuantizeLinear. */
static value_id dynamic_product(struct model *m, value_id x, value_id q[3])
{
    static const int8_t COLUMNS[] = {1, -2, 3, -4, 5, -6}, ZEROS[] = {0, 1};
    static const float SHIFT[] = {10, -10};
    value_id v, scale;

    MODEL_OK(m, graph_node(m->graph,
                           &(struct node_description){.op = "DynamicQuantizeLinear",
                                                      .inputs = &x,
                                                      .input_count = 1,
                                                      .output_count = 3},
                           q, &m->err));
    MODEL_OK(m,
             graph_node(
                 m->graph,
                 &(struct node_description){
                     .op = "MatMulInteger",
                     .inputs = (value_id[]){q[0], model_constant(m, DTYPE_I8, SHAPE(3, 2), COLUMNS),
                                            q[2], model_constant(m, DTYPE_I8, SHAPE(2), ZEROS)},
                     .input_count = 4,
                     .output_count = 1},
                 &v, &m->err));
    scale = model_op(m, "Mul", q[1], model_constant(m, DTYPE_F32, SHAPE(2), SCALES), VALUE_NONE);
    v = model_op_int(m, "Cast", v, VALUE_NONE, VALUE_NONE, "to", 1);
    v = model_op(m, "Mul", v, scale, VALUE_NONE);
    return model_op(m, "Add", v, model_constant(m, DTYPE_F32, SHAPE(2), SHIFT), VALUE_NONE);
}

TEST(dynamic_quantisation_is_one_product)
{
    value_id x, q[3];
    struct model m;

    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN, 3));
    finish(&m, x, dynamic_product(&m, x, q), NULL,
           "input %x: float[?,3]\n"
           "constant %4: int8[3,2] = {1, -2, 3, -4, 5, -6}\n"
           "constant %5: int8[2] = {0, 1}\n"
           "constant %7: float[2] = {0.5, 0.25}\n"
           "constant %11: float[2] = {10.0, -10.0}\n"
           "%1: uint8[?,3], %2: float[], %3: uint8[] = DynamicQuantizeLinear(%x)\n"
           "%12: float[?,2] = firn.QLinearProduct(%1, %2, %3, %4, %7, %5, _, _, _, %11)\n"
           "signature main(%x) -> (%12)\n");
}

TEST(dynamic_answers_are_those_of_the_single_nodes)
{
    const struct native_options options[] = {{.passes_off = "all", .reference = true},
                                             {.poison = true}};
    float want[14], image[21];

    for (size_t i = 0; i < ARRAY_COUNT(image); i++)
        image[i] = (float)below(1000) / 100 - 3;
    for (size_t o = 0; o < 2; o++) {
        struct tensor in = {DTYPE_F32, SHAPE(7, 3), image}, out;
        value_id x, q[3], v;
        struct model m;

        model_init(&m);
        x = model_input(&m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN, 3));
        v = dynamic_product(&m, x, q);
        model_signature(&m, "main", &x, 1, &v, 1);
        model_load(&m, &options[o]);
        CHECK_OK(session_run(m.session, 0, &in, &out, &m.err), m.err);
        CHECK_INT(tensor_count(&out), 14);
        for (size_t i = 0; i < 14; i++) {
            if (o)
                CHECK_NEAR((double)((float *)out.data)[i], (double)want[i], 1e-5);
            want[i] = ((float *)out.data)[i];
        }
        model_release(&m);
    }
}

/* --- and the answers are those of the nodes one by one, but for a quantum --- */

/* Constants live as long as the graph. */
static value_id random_weights(struct model *m, struct shape shape, double scale)
{
    struct shape rows = SHAPE(shape.dims[0]);
    struct tensor w, scales, zeros;

    CHECK_OK(tensor_new(&w, DTYPE_I8, &shape, &m->keep, &m->err), m->err);
    CHECK_OK(tensor_new(&scales, DTYPE_F32, &rows, &m->keep, &m->err), m->err);
    CHECK_OK(tensor_new(&zeros, DTYPE_I8, &rows, &m->keep, &m->err), m->err);
    for (size_t i = 0; i < tensor_count(&w); i++)
        tensor_set_f64(&w, i, (double)below(255) - 127);
    for (size_t i = 0; i < tensor_count(&scales); i++)
        tensor_set_f64(&scales, i, scale * (1 + below(100) * 0.01));
    return model_op_int(m, "DequantizeLinear", model_constant(m, DTYPE_I8, w.shape, w.data),
                        model_constant(m, DTYPE_F32, scales.shape, scales.data),
                        model_constant(m, DTYPE_I8, zeros.shape, zeros.data), "axis", 0);
}

/* Convolutions, a sum, a pool and a product, of a float image (N, 3, 9, 9): each value quantised to
 * uint8 and back. */
static value_id network(struct model *m, value_id x)
{
    static const float POINTS[] = {0.0123f, 0.0217f, 0.0371f};
    static const int64_t ONES[] = {1, 1, 1, 1}, TWO[] = {2, 2};
    const struct attribute padded = {.name = "pads", ATTRIBUTE_INTS, 4, {.ints = ONES}};
    const struct attribute windows[] = {padded,
                                        {.name = "kernel_shape", ATTRIBUTE_INTS, 2, {.ints = TWO}}};
    value_id v, u, w;
#define POINT(value, i) dequantised(m, quantised(m, value, &POINTS[i]), &POINTS[i])

    v = POINT(x, 0);
    v = POINT(model_op(m, "Conv", v, random_weights(m, SHAPE(16, 3, 3, 3), 0.002), VALUE_NONE), 1);
    w = random_weights(m, SHAPE(16, 16, 3, 3), 0.0005);
    CHECK_OK(graph_op(m->graph, "", "Conv", v, w, VALUE_NONE, &padded, 1, &u, &m->err), m->err);
    v = POINT(
        model_op(m, "Relu", model_op(m, "Add", POINT(u, 2), v, VALUE_NONE), VALUE_NONE, VALUE_NONE),
        1);
    CHECK_OK(graph_op(m->graph, "", "MaxPool", v, VALUE_NONE, VALUE_NONE, windows, 2, &u, &m->err),
             m->err);
    v = POINT(model_op(m, "Flatten", POINT(u, 1), VALUE_NONE, VALUE_NONE), 1);
    v = model_op_int(m, "Gemm", v, random_weights(m, SHAPE(20, 16 * 8 * 8), 0.0003), VALUE_NONE,
                     "transB", 1);
    return POINT(v, 2);
#undef POINT
}

static void answer(const struct native_options *options, const float *image, float *y)
{
    struct tensor in = {DTYPE_F32, SHAPE(2, 3, 9, 9), (void *)image}, out;
    struct model m;
    value_id x, v;

    seed = 3;
    model_init(&m);
    x = model_input(&m, "x", DTYPE_F32, SHAPE(DIM_UNKNOWN, 3, 9, 9));
    v = network(&m, x);
    model_signature(&m, "main", &x, 1, &v, 1);
    model_load(&m, options);
    CHECK_OK(session_run(m.session, 0, &in, &out, &m.err), m.err);
    CHECK_INT(tensor_count(&out), 40);
    memcpy(y, out.data, 40 * sizeof *y);
    model_release(&m);
}

TEST(answers_are_those_of_the_single_nodes)
{
    float image[2 * 3 * 9 * 9], want[40], got[40];
    int different = 0;

    for (size_t i = 0; i < ARRAY_COUNT(image); i++)
        image[i] = (float)below(1000) / 400;
    answer(&(struct native_options){.passes_off = "all", .reference = true}, image, want);
    answer(&(struct native_options){.poison = true}, image, got);
    /* A half that is rounded the other way moves what follows by a quantum, 0.0371 at the end. */
    for (size_t i = 0; i < ARRAY_COUNT(got); i++) {
        CHECK_NEAR((double)got[i], (double)want[i], 0.0372);
        different += got[i] != want[i];
    }
    CHECK(different < 10);
}
