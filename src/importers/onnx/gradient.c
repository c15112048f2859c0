// SPDX-License-Identifier: Apache-2.0
/* Gradient (ai.onnx.preview.training): the derivative of the sum of a value's elements, by
 * reverse mode over the nodes that make it: for each of them, from the last to the first, what its
 * output's gradient gives its inputs. */
#include "importers/onnx/internal.h"

struct gradient {
    struct graph *graph;
    value_id *of;  /* (values,): the gradient of a value so far, VALUE_NONE: none */
    bool *depends; /* (values,): on one of the xs */
    struct error *err;
};

/* What one node's inputs get: `g` is the gradient of its output `out`. */
struct step {
    struct gradient *gradient;
    const struct node *node;
    value_id g, out;
};

static enum status op(const struct step *s, const char *name, value_id a, value_id b, value_id *out)
{
    return graph_op(s->gradient->graph, "", name, a, b, VALUE_NONE, NULL, 0, out, s->gradient->err);
}

static value_id input(const struct step *s, size_t i)
{
    return s->node->inputs[i];
}

/* Add `g` to the gradient of an input, summed over what broadcasting repeated. */
static enum status give(const struct step *s, size_t i, value_id g)
{
    struct graph *graph = s->gradient->graph;
    value_id to = input(s, i), *sum = &s->gradient->of[to];

    if (!s->gradient->depends[to])
        return STATUS_OK;
    if (!shape_is_known(&graph->values[to].shape) ||
        !shape_equal(&graph->values[to].shape, &graph->values[g].shape))
        TRY(graph_op(graph, "firn", "SumTo", g, to, VALUE_NONE, NULL, 0, &g, s->gradient->err));
    if (*sum == VALUE_NONE) {
        *sum = g;
        return STATUS_OK;
    }
    return op(s, "Add", *sum, g, sum);
}

/* --- one rule per operator --- */

static enum status identity_rule(const struct step *s)
{
    return give(s, 0, s->g);
}

static enum status sum_rule(const struct step *s)
{
    for (size_t i = 0; i < s->node->input_count; i++)
        TRY(give(s, i, s->g));
    return STATUS_OK;
}

static enum status sub_rule(const struct step *s)
{
    value_id g;

    TRY(give(s, 0, s->g));
    TRY(op(s, "Neg", s->g, VALUE_NONE, &g));
    return give(s, 1, g);
}

static enum status mul_rule(const struct step *s)
{
    value_id g;

    TRY(op(s, "Mul", s->g, input(s, 1), &g));
    TRY(give(s, 0, g));
    TRY(op(s, "Mul", s->g, input(s, 0), &g));
    return give(s, 1, g);
}

static enum status div_rule(const struct step *s)
{
    value_id g;

    TRY(op(s, "Div", s->g, input(s, 1), &g));
    TRY(give(s, 0, g));
    TRY(op(s, "Mul", g, s->out, &g));
    TRY(op(s, "Neg", g, VALUE_NONE, &g));
    return give(s, 1, g);
}

static enum status neg_rule(const struct step *s)
{
    value_id g;

    TRY(op(s, "Neg", s->g, VALUE_NONE, &g));
    return give(s, 0, g);
}

static enum status exp_rule(const struct step *s)
{
    value_id g;

    TRY(op(s, "Mul", s->g, s->out, &g));
    return give(s, 0, g);
}

static enum status log_rule(const struct step *s)
{
    value_id g;

    TRY(op(s, "Div", s->g, input(s, 0), &g));
    return give(s, 0, g);
}

static enum status sqrt_rule(const struct step *s)
{
    value_id twice, g;

    TRY(op(s, "Add", s->out, s->out, &twice));
    TRY(op(s, "Div", s->g, twice, &g));
    return give(s, 0, g);
}

/* g (1 - y^2) */
static enum status tanh_rule(const struct step *s)
{
    value_id square, g;

    TRY(op(s, "Mul", s->out, s->out, &square));
    TRY(op(s, "Mul", s->g, square, &g));
    TRY(op(s, "Sub", s->g, g, &g));
    return give(s, 0, g);
}

/* g y (1 - y) */
static enum status sigmoid_rule(const struct step *s)
{
    value_id once, twice, g;

    TRY(op(s, "Mul", s->g, s->out, &once));
    TRY(op(s, "Mul", once, s->out, &twice));
    TRY(op(s, "Sub", once, twice, &g));
    return give(s, 0, g);
}

static enum status relu_rule(const struct step *s)
{
    value_id sign, g;

    TRY(op(s, "Sign", s->out, VALUE_NONE, &sign));
    TRY(op(s, "Mul", s->g, sign, &g));
    return give(s, 0, g);
}

static enum status matmul_rule(const struct step *s)
{
    const struct value *values = s->gradient->graph->values;
    value_id turned, g;

    if (values[input(s, 0)].shape.rank != 2 || values[input(s, 1)].shape.rank != 2)
        return error_set(s->gradient->err, STATUS_UNSUPPORTED,
                         "a product of other than two matrices has no gradient here");
    TRY(op(s, "Transpose", input(s, 1), VALUE_NONE, &turned));
    TRY(op(s, "MatMul", s->g, turned, &g));
    TRY(give(s, 0, g));
    TRY(op(s, "Transpose", input(s, 0), VALUE_NONE, &turned));
    TRY(op(s, "MatMul", turned, s->g, &g));
    return give(s, 1, g);
}

static const struct rule {
    const char *op;
    enum status (*apply)(const struct step *step);
} RULES[] = {
    {"Add", sum_rule},       {"Sum", sum_rule},           {"Sub", sub_rule},
    {"Mul", mul_rule},       {"Div", div_rule},           {"Neg", neg_rule},
    {"Exp", exp_rule},       {"Log", log_rule},           {"Sqrt", sqrt_rule},
    {"Tanh", tanh_rule},     {"Relu", relu_rule},         {"Sigmoid", sigmoid_rule},
    {"MatMul", matmul_rule}, {"Identity", identity_rule},
};

static enum status apply(struct gradient *gradient, const struct node *node)
{
    struct step step = {gradient, node, gradient->of[node->outputs[0]], node->outputs[0]};

    for (size_t i = 0; i < ARRAY_COUNT(RULES); i++) {
        if (strcmp(RULES[i].op, node->op->name) || node->domain[0])
            continue;
        if (node->opset < 7 && attribute_find(&node->attributes, "broadcast"))
            break;
        return RULES[i].apply(&step);
    }
    return error_set(gradient->err, STATUS_UNSUPPORTED,
                     "Gradient through %s (node '%s') is not supported", node->op->name,
                     node->name);
}

/* A constant in every element of the shape of `like`. */
static enum status filled(struct graph *graph, value_id like, double number, value_id *value,
                          struct arena *keep, struct error *err)
{
    struct tensor *one = arena_new(keep, struct tensor, 1);
    struct attribute attribute = {.name = "value", .kind = ATTRIBUTE_TENSOR, .t = one};
    struct shape shape = SHAPE(1);

    if (!one)
        return error_no_memory(err, "a gradient");
    TRY(tensor_new(one, graph->values[like].dtype, &shape, keep, err));
    tensor_set_f64(one, 0, number);
    TRY(graph_op(graph, "", "Shape", like, VALUE_NONE, VALUE_NONE, NULL, 0, value, err));
    return graph_op(graph, "", "ConstantOfShape", *value, VALUE_NONE, VALUE_NONE, &attribute, 1,
                    value, err);
}

static void find_dependants(struct gradient *gradient, const value_id *xs, size_t count)
{
    const struct graph *graph = gradient->graph;

    for (size_t i = 0; i < count; i++)
        gradient->depends[xs[i]] = true;
    for (size_t n = 0; n < graph->node_count; n++)
        for (size_t i = 0; i < graph->nodes[n].input_count; i++) {
            value_id value = graph->nodes[n].inputs[i];

            for (size_t o = 0; value != VALUE_NONE && gradient->depends[value] &&
                               o < graph->nodes[n].output_count;
                 o++)
                gradient->depends[graph->nodes[n].outputs[o]] = true;
        }
}

enum status onnx_gradient(struct graph *graph, const value_id *xs, size_t count, value_id y,
                          value_id *outputs, struct arena *keep, struct error *err)
{
    size_t nodes = graph->node_count, values = graph->value_count;
    struct gradient gradient = {graph, arena_new(keep, value_id, values),
                                arena_new(keep, bool, values), err};

    if (!gradient.of || !gradient.depends)
        return error_no_memory(err, "a gradient");
    if (!dtype_is_float(graph->values[y].dtype))
        return error_set(err, STATUS_INVALID_INPUT, "the gradient of %s values",
                         dtype_name(graph->values[y].dtype));
    for (size_t i = 0; i < values; i++)
        gradient.of[i] = VALUE_NONE;
    find_dependants(&gradient, xs, count);
    TRY(filled(graph, y, 1, &gradient.of[y], keep, err));
    for (size_t n = nodes; n-- > 0;) {
        struct node node = graph->nodes[n]; /* a copy: nodes move as nodes are added */

        for (size_t o = 0; o < node.output_count; o++) {
            value_id out = node.outputs[o];

            if (out == VALUE_NONE || gradient.of[out] == VALUE_NONE || !gradient.depends[out])
                continue;
            if (node.output_count != 1)
                return error_set(err, STATUS_UNSUPPORTED,
                                 "Gradient through %s (node '%s') is not supported", node.op->name,
                                 node.name);
            TRY(apply(&gradient, &node));
        }
    }
    for (size_t i = 0; i < count; i++) {
        outputs[i] = gradient.of[xs[i]];
        if (outputs[i] == VALUE_NONE)
            TRY(filled(graph, xs[i], 0, &outputs[i], keep, err));
    }
    return STATUS_OK;
}
