// SPDX-License-Identifier: Apache-2.0
/* Attention, Gelu and the layer normalisations as exporters write them, and what only looks so. */
#include <math.h>

#include "base/text.h"
#include "model.h"
#include "test.h"

static float ROW[64], WEIGHTS[64 * 64];

struct net {
    struct model m;
    value_id x;
};

static void net_open(struct net *n, struct shape shape)
{
    for (size_t i = 0; i < ARRAY_COUNT(ROW); i++)
        ROW[i] = (float)(i % 7) * 0.25f - 0.5f;
    for (size_t i = 0; i < ARRAY_COUNT(WEIGHTS); i++)
        WEIGHTS[i] = (float)(i * 2654435761u % 1000) / 1000 - 0.5f;
    model_init(&n->m);
    n->x = model_input(&n->m, "x", DTYPE_F32, shape);
}

static value_id number(struct net *n, float value)
{
    float *kept = arena_new(&n->m.keep, float, 1);

    *kept = value;
    return model_constant(&n->m, DTYPE_F32, shape_scalar(), kept);
}

static value_id op2(struct net *n, const char *op, value_id a, value_id b)
{
    return model_op(&n->m, op, a, b, VALUE_NONE);
}

static value_id op1(struct net *n, const char *op, value_id a)
{
    return op2(n, op, a, VALUE_NONE);
}

static value_id mul(struct net *n, value_id a, value_id b)
{
    return op2(n, "Mul", a, b);
}

static value_id add(struct net *n, value_id a, value_id b)
{
    return op2(n, "Add", a, b);
}

static struct tensor output_of(struct net *n, const char *skip, const struct tensor *x)
{
    struct native_options options = {.passes_off = skip};
    struct tensor out;

    model_load(&n->m, &options);
    CHECK_OK(session_run(n->m.session, 0, x, &out, &n->m.err), n->m.err);
    return out;
}

/* Does the graph after the passes have the operator, and the answer of the graph without them? The
 * network is built by `build` twice. */
static void check(value_id (*build)(struct net *n), struct shape shape, struct shape fed,
                  const char *op, bool wanted)
{
    struct text text = {0};
    struct net plain, passed;
    struct tensor x, a, b;
    struct arena scratch;
    float values[512];
    value_id y;

    arena_init(&scratch, 64 << 20);
    net_open(&passed, shape);
    y = build(&passed);
    model_signature(&passed.m, "main", &passed.x, 1, &y, 1);
    CHECK_OK(graph_finish(passed.m.graph, &passed.m.err), passed.m.err);
    CHECK_OK(graph_optimise(passed.m.graph, NULL, &scratch, &passed.m.err), passed.m.err);
    graph_print(passed.m.graph, &text);
    if ((strstr(text.data, op) != NULL) != wanted)
        fail_msg("%s %s:\n%s", wanted ? "no" : "there is", op, text.data);
    model_release(&passed.m);
    text_release(&text);

    for (size_t i = 0; i < ARRAY_COUNT(values); i++)
        values[i] = (float)(i * 40503u % 997) / 250 - 2;
    x = (struct tensor){DTYPE_F32, fed, values};
    net_open(&plain, shape);
    y = build(&plain);
    model_signature(&plain.m, "main", &plain.x, 1, &y, 1);
    a = output_of(&plain, "all", &x);
    net_open(&passed, shape);
    y = build(&passed);
    model_signature(&passed.m, "main", &passed.x, 1, &y, 1);
    b = output_of(&passed, NULL, &x);
    CHECK(shape_equal(&a.shape, &b.shape));
    for (size_t i = 0; i < tensor_count(&a); i++)
        if (!(fabs(tensor_f64(&a, i) - tensor_f64(&b, i)) <=
              1e-5 * fmax(1, fabs(tensor_f64(&a, i)))))
            fail_msg("%s: element %zu is %g, not %g", op, i, tensor_f64(&b, i), tensor_f64(&a, i));
    model_release(&plain.m);
    model_release(&passed.m);
    arena_release(&scratch);
}

/* --- Gelu --- */

static value_id gate_erf(struct net *n, value_id x)
{
    return add(n, op1(n, "Erf", op2(n, "Div", x, number(n, 1.41421356f))), number(n, 1));
}

static value_id gelu_last_half(struct net *n)
{
    return mul(n, mul(n, n->x, gate_erf(n, n->x)), number(n, 0.5f));
}

static value_id gelu_first_half(struct net *n)
{
    return mul(n, mul(n, number(n, 0.5f), n->x), gate_erf(n, n->x));
}

static value_id gelu_middle_half(struct net *n)
{
    value_id x = mul(n, n->x, n->x); /* x is itself a product */

    return mul(n, x, mul(n, gate_erf(n, x), number(n, 0.5f)));
}

static value_id gate_tanh(struct net *n, float by, float cubed)
{
    value_id x3 = op2(n, "Pow", n->x, number(n, 3));
    value_id inner = add(n, n->x, mul(n, x3, number(n, cubed)));

    return add(n, number(n, 1), op1(n, "Tanh", mul(n, inner, number(n, by))));
}

static value_id gelu_tanh(struct net *n)
{
    return mul(n, mul(n, number(n, 0.5f), n->x), gate_tanh(n, 0.7978845608f, 0.044715f));
}

static value_id gelu_tanh_rough(struct net *n)
{
    return mul(n, mul(n, number(n, 0.5f), n->x), gate_tanh(n, 0.7978845608f, 0.0447f));
}

static value_id gelu_of_another(struct net *n)
{
    value_id y = op1(n, "Neg", n->x);

    return mul(n, mul(n, y, gate_erf(n, n->x)), number(n, 0.5f));
}

static value_id gelu_without_half(struct net *n)
{
    return mul(n, n->x, gate_erf(n, n->x));
}

/* A half that makes the result larger. */
static value_id gelu_wide_half(struct net *n)
{
    static const float HALF[] = {0.5f};

    return mul(n, mul(n, n->x, gate_erf(n, n->x)),
               model_constant(&n->m, DTYPE_F32, SHAPE(1, 1, 1), HALF));
}

TEST(gelu_is_found)
{
    struct shape shape = SHAPE(DIM_UNKNOWN, 8), fed = SHAPE(3, 8);

    check(gelu_last_half, shape, fed, " Gelu(", true);
    check(gelu_first_half, shape, fed, " Gelu(", true);
    check(gelu_middle_half, shape, fed, " Gelu(", true);
    check(gelu_tanh, shape, fed, "approximate=\"tanh\"", true);
}

TEST(what_is_no_gelu_stays)
{
    struct shape shape = SHAPE(DIM_UNKNOWN, 8), fed = SHAPE(3, 8);

    check(gelu_tanh_rough, shape, fed, " Gelu(", false);
    check(gelu_of_another, shape, fed, " Gelu(", false);
    check(gelu_without_half, shape, fed, " Gelu(", false);
    check(gelu_wide_half, shape, fed, " Gelu(", false);
}

/* --- layer normalisations --- */

static value_id mean(struct net *n, value_id x, int64_t axis)
{
    return model_op(&n->m, "ReduceMean", x, MODEL_I64(&n->m, axis), VALUE_NONE);
}

static value_id row(struct net *n)
{
    return model_constant(&n->m, DTYPE_F32, SHAPE(8), ROW);
}

static value_id root(struct net *n, value_id d, int64_t axis)
{
    return op1(n, "Sqrt", add(n, mean(n, mul(n, d, d), axis), number(n, 1e-5f)));
}

static value_id norm_torch(struct net *n)
{
    value_id d = op2(n, "Sub", n->x, mean(n, n->x, -1));
    value_id y = op2(n, "Div", d, root(n, d, -1));

    return add(n, row(n), mul(n, y, row(n)));
}

static value_id norm_keras(struct net *n)
{
    value_id average = mean(n, n->x, -1), d = op2(n, "Sub", n->x, average);
    value_id by = mul(n, op1(n, "Reciprocal", root(n, d, -1)), row(n));

    return add(n, mul(n, n->x, by), op2(n, "Sub", row(n), mul(n, average, by)));
}

static value_id norm_rms(struct net *n)
{
    value_id by = op2(n, "Div", number(n, 1), root(n, n->x, -1));

    return mul(n, row(n), mul(n, n->x, by));
}

static value_id norm_over_others(struct net *n)
{
    value_id d = op2(n, "Sub", n->x, mean(n, n->x, 1));

    return op2(n, "Div", d, root(n, d, 1));
}

/* The variance is not of what is divided. */
static value_id norm_of_another(struct net *n)
{
    value_id d = op2(n, "Sub", n->x, mean(n, n->x, -1));

    return op2(n, "Div", d, root(n, n->x, -1));
}

TEST(layer_norms_are_found)
{
    struct shape shape = SHAPE(DIM_UNKNOWN, 3, 8), fed = SHAPE(2, 3, 8);

    check(norm_torch, shape, fed, " LayerNormalization(", true);
    check(norm_torch, shape, fed, " Mul(", false);
    check(norm_torch, shape, fed, " Add(", false);
    check(norm_keras, shape, fed, " LayerNormalization(", true);
    check(norm_rms, shape, fed, " RMSNormalization(", true);
    check(norm_rms, shape, fed, " Mul(", false);
}

TEST(what_is_no_layer_norm_stays)
{
    struct shape shape = SHAPE(DIM_UNKNOWN, 3, 8), fed = SHAPE(2, 3, 8);

    check(norm_over_others, shape, fed, "Normalization(", false);
    check(norm_of_another, shape, fed, "Normalization(", false);
}

/* --- softmax --- */

static value_id reduced(struct net *n, const char *op, value_id x, int64_t axis)
{
    return model_op(&n->m, op, x, MODEL_I64(&n->m, axis), VALUE_NONE);
}

static value_id exponential(struct net *n, int64_t of_max, int64_t of_sum, bool logarithm)
{
    value_id d = op2(n, "Sub", n->x, reduced(n, "ReduceMax", n->x, of_max)), e = op1(n, "Exp", d);
    value_id sum = reduced(n, "ReduceSum", e, of_sum);

    return logarithm ? op2(n, "Sub", d, op1(n, "Log", sum)) : op2(n, "Div", e, sum);
}

static value_id softmax_last(struct net *n)
{
    return exponential(n, -1, 2, false);
}

static value_id softmax_middle(struct net *n)
{
    return exponential(n, 1, 1, false);
}

static value_id log_softmax_last(struct net *n)
{
    return exponential(n, -1, -1, true);
}

static value_id softmax_of_two_axes(struct net *n)
{
    return exponential(n, 1, 2, false);
}

TEST(softmax_is_found)
{
    struct shape shape = SHAPE(DIM_UNKNOWN, 3, 8), fed = SHAPE(2, 3, 8);

    check(softmax_last, shape, fed, " Softmax(", true);
    check(softmax_middle, shape, fed, " Softmax(", true);
    check(log_softmax_last, shape, fed, " LogSoftmax(", true);
    check(softmax_of_two_axes, shape, fed, "Softmax(", false);
}

/* --- attention: x (batch, 5 steps, 8 columns), two heads of four --- */

static value_id linear(struct net *n, int64_t columns)
{
    return op2(n, "MatMul", n->x, model_constant(&n->m, DTYPE_F32, SHAPE(8, columns), WEIGHTS));
}

static value_id transpose(struct net *n, value_id x, int64_t a, int64_t b, int64_t c, int64_t d)
{
    return model_op_ints(&n->m, "Transpose", x, "perm", (int64_t[]){a, b, c, d}, 4);
}

static value_id parted(struct net *n, value_id x)
{
    return op2(n, "Reshape", x, MODEL_I64(&n->m, 0, -1, 2, 4));
}

static value_id softmax(struct net *n, value_id x, int64_t axis)
{
    return model_op_int(&n->m, "Softmax", x, VALUE_NONE, VALUE_NONE, "axis", axis);
}

static value_id joined(struct net *n, value_id x)
{
    return op2(n, "Reshape", transpose(n, x, 0, 2, 1, 3), MODEL_I64(&n->m, 0, -1, 8));
}

/* scores of q and k, and v */
static value_id start(struct net *n, value_id *v)
{
    value_id q = transpose(n, parted(n, linear(n, 8)), 0, 2, 1, 3);
    value_id k = transpose(n, parted(n, linear(n, 8)), 0, 2, 3, 1);

    *v = transpose(n, parted(n, linear(n, 8)), 0, 2, 1, 3);
    return op2(n, "MatMul", q, k);
}

static value_id attention_bert(struct net *n)
{
    value_id v, s = op2(n, "Div", start(n, &v), number(n, 2));

    s = add(n, s, model_constant(&n->m, DTYPE_F32, SHAPE(1, 1, 1, 5), ROW));
    return joined(n, op2(n, "MatMul", softmax(n, s, -1), v));
}

static value_id attention_causal(struct net *n)
{
    static const uint8_t SEES[25] = {1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1,
                                     0, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1};
    value_id v, s = mul(n, start(n, &v), number(n, 0.5f));
    value_id sees = model_constant(&n->m, DTYPE_BOOL, SHAPE(5, 5), SEES);

    s = model_op(&n->m, "Where", sees, s, number(n, -1e9f));
    return op2(n, "MatMul", softmax(n, s, 3), v);
}

static value_id attention_one_product(struct net *n)
{
    value_id y = linear(n, 24), parts[3], target = MODEL_I64(&n->m, 8, 8, 8);
    struct attribute axis = {.name = "axis", .kind = ATTRIBUTE_INT, .i = 2};
    struct node_description split = {.op = "Split",
                                     .inputs = (value_id[]){y, target},
                                     .input_count = 2,
                                     .output_count = 3,
                                     .attributes = &axis,
                                     .attribute_count = 1};

    MODEL_OK(&n->m, graph_node(n->m.graph, &split, parts, &n->m.err));
    return joined(n, op2(n, "MatMul",
                         softmax(n,
                                 op2(n, "MatMul", transpose(n, parted(n, parts[0]), 0, 2, 1, 3),
                                     transpose(n, parted(n, parts[1]), 0, 2, 3, 1)),
                                 -1),
                         transpose(n, parted(n, parts[2]), 0, 2, 1, 3)));
}

static value_id attention_over_queries(struct net *n)
{
    value_id v, s = start(n, &v);

    return op2(n, "MatMul", softmax(n, s, 2), v);
}

static value_id attention_masked_twice(struct net *n)
{
    value_id v, s = start(n, &v), mask = model_constant(&n->m, DTYPE_F32, SHAPE(1, 5), ROW);

    s = mul(n, add(n, s, mask), number(n, 0.5f));
    return op2(n, "MatMul", softmax(n, s, -1), v);
}

/* The mask has more heads than there are. */
static value_id attention_wider_mask(struct net *n)
{
    value_id q = op2(n, "Reshape", n->x, MODEL_I64(&n->m, 0, -1, 1, 8)), k, v, s;

    k = transpose(n, q, 0, 2, 3, 1);
    q = v = transpose(n, q, 0, 2, 1, 3);
    s = add(n, op2(n, "MatMul", q, k), model_constant(&n->m, DTYPE_F32, SHAPE(1, 3, 1, 5), ROW));
    return op2(n, "MatMul", softmax(n, s, -1), v);
}

TEST(attention_is_found)
{
    struct shape shape = SHAPE(DIM_UNKNOWN, 5, 8), fed = SHAPE(2, 5, 8);

    check(attention_bert, shape, fed, "firn.Attention(", true);
    check(attention_bert, shape, fed, " Transpose(", false);
    check(attention_causal, shape, fed, "firn.Attention(", true);
    check(attention_one_product, shape, fed, "firn.Attention(", true);
    check(attention_one_product, shape, fed, " Split(", false);
}

TEST(what_is_no_attention_stays)
{
    struct shape shape = SHAPE(DIM_UNKNOWN, 5, 8), fed = SHAPE(2, 5, 8);

    check(attention_over_queries, shape, fed, "firn.Attention(", false);
    check(attention_masked_twice, shape, fed, "firn.Attention(", false);
    check(attention_wider_mask, shape, fed, "firn.Attention(", false);
}

/* --- dimensions --- */

static value_id dimension(struct net *n, value_id x, int64_t index)
{
    value_id shape = op1(n, "Shape", x);

    return model_op(&n->m, "Gather", shape, MODEL_I64(&n->m, index), VALUE_NONE);
}

static value_id reshape_by_parts(struct net *n)
{
    value_id last = op2(n, "Div", dimension(n, n->x, -1), MODEL_I64(&n->m, 2));
    value_id half = model_op_int(&n->m, "Concat", dimension(n, n->x, 0), MODEL_I64(&n->m, 5, 2),
                                 last, "axis", 0);

    return op2(n, "Reshape", n->x, half);
}

/* The first dimension where the second was is another one. */
static value_id reshape_out_of_place(struct net *n)
{
    value_id target = model_op_int(&n->m, "Concat", MODEL_I64(&n->m, 8), dimension(n, n->x, 0),
                                   MODEL_I64(&n->m, 5), "axis", 0);

    return op2(n, "Reshape", n->x, target);
}

TEST(dimensions_come_to_numbers)
{
    struct shape shape = SHAPE(DIM_UNKNOWN, 5, 8), fed = SHAPE(2, 5, 8);

    check(reshape_by_parts, shape, fed, "Concat(", false);
    check(reshape_by_parts, shape, fed, "{0, 5, 2, 4}", true);
    check(reshape_out_of_place, shape, fed, "Concat(", true);
}
