// SPDX-License-Identifier: Apache-2.0
/* Gelu from its parts, in whatever order they are multiplied: a tree of elementwise operators, of
 * one value and of constants alone, that has the values of Gelu, or of its tanh form, where it is
 * tried. */
#include <math.h>

#include "graph/match.h"

enum { DEPTH_MAX = 12, NODES_MAX = 24 };

struct tree {
    const struct graph *graph;
    value_id x;
    double at;    /* of x */
    int rank;     /* of x */
    size_t nodes; /* left to visit */
    bool has_erf, has_tanh;
};

static bool evaluate(struct tree *t, value_id value, int depth, double *y);

/* Erf, or TensorFlow's Erfc. */
static bool is_error_function(const struct node *node, bool *complement)
{
    const struct attribute *function = attribute_find(&node->attributes, "function");

    *complement = !strcmp(node->domain, "firn") && !strcmp(node->op->name, "Special") && function &&
                  function->kind == ATTRIBUTE_STRING && bytes_is(function->s, "erfc");
    return *complement || node_is(node, "Erf");
}

static bool operand(struct tree *t, const struct node *node, size_t input, int depth, double *y)
{
    return input < node->input_count && evaluate(t, node->inputs[input], depth + 1, y);
}

/* What the value is where x is t->at; false when it depends on anything else. */
static bool evaluate(struct tree *t, value_id value, int depth, double *y)
{
    const struct node *node = value_producer(t->graph, value);
    const struct tensor *constant;
    double a = 0, b = 0;
    bool complement;

    if (value == t->x) {
        *y = t->at;
        return true;
    }
    constant = value == VALUE_NONE ? NULL : value_constant(t->graph, value);
    if (constant) {
        *y = dtype_is_float(constant->dtype) && tensor_count(constant) == 1
                 ? tensor_f64(constant, 0)
                 : NAN;
        return !isnan(*y) && constant->shape.rank <= t->rank;
    }
    if (!node || depth > DEPTH_MAX || !t->nodes-- ||
        (*node->domain && !is_error_function(node, &complement)))
        return false;
    if (!operand(t, node, 0, depth, &a) ||
        (node->input_count > 1 && !operand(t, node, 1, depth, &b)) || node->input_count > 2)
        return false;
    if (is_error_function(node, &complement)) {
        t->has_erf = true;
        *y = complement ? erfc(a) : erf(a);
    } else if (node_is(node, "Tanh")) {
        t->has_tanh = true;
        *y = tanh(a);
    } else if (node_is(node, "Add")) {
        *y = a + b;
    } else if (node_is(node, "Mul")) {
        *y = a * b;
    } else if (node_is(node, "Div")) {
        *y = a / b;
    } else if (node_is(node, "Neg")) {
        *y = -a;
    } else if (node_is(node, "Pow")) {
        *y = pow(a, b);
    } else {
        return false;
    }
    return !attribute_find(&node->attributes, "axis");
}

static double gelu(double x, bool with_tanh)
{
    return with_tanh ? x / 2 * (1 + tanh(0.79788456080286536 * (x + 0.044715 * x * x * x)))
                     : x / 2 * (1 + erf(x * M_SQRT1_2));
}

/* Does the value follow Gelu of x, within what constants of its dtype make of it? */
static bool follows(const struct graph *graph, value_id value, value_id x, bool *with_tanh)
{
    static const double AT[] = {-3.1, -2.3, -1.7, -1.1, -0.6, -0.2, -0.013,
                                0.02, 0.3,  0.7,  1.3,  1.9,  2.6,  3.7};
    struct tree tree = {.graph = graph, .x = x, .rank = graph->values[x].shape.rank};
    double tolerance = graph->values[x].dtype == DTYPE_F64 ? 1e-11 : 1e-6;

    for (size_t i = 0; i < ARRAY_COUNT(AT); i++) {
        double y, want;

        tree.at = AT[i];
        tree.nodes = NODES_MAX;
        if (!evaluate(&tree, value, 0, &y) || tree.has_erf == tree.has_tanh)
            return false;
        *with_tanh = tree.has_tanh;
        want = gelu(AT[i], *with_tanh);
        if (!(fabs(y - want) <= tolerance * fabs(want)))
            return false;
    }
    return true;
}

/* Erf or Tanh among what multiplies up to the value. */
static const struct node *heart_of(const struct graph *graph, value_id value, int depth)
{
    const struct node *node = value_producer(graph, value);
    bool complement;

    if (!node || depth > 4)
        return NULL;
    if (is_error_function(node, &complement) || node_is(node, "Tanh"))
        return node;
    if (!node_is(node, "Mul") && !node_is(node, "Add") && !node_is(node, "Div"))
        return NULL;
    for (size_t i = 0; i < node->input_count; i++) {
        const struct node *heart = heart_of(graph, node->inputs[i], depth + 1);

        if (heart)
            return heart;
    }
    return NULL;
}

/* Among what the argument of Erf or Tanh is made of, the x of which the whole is Gelu. */
static bool find_x(const struct graph *graph, const struct node *whole, value_id value, int depth,
                   value_id *x, bool *with_tanh)
{
    const struct node *node = value_producer(graph, value);
    const struct value *v;

    if (value == VALUE_NONE || depth > 4 || value_constant(graph, value))
        return false;
    v = &graph->values[value];
    if (v->shape.rank >= 0 && v->shape.rank == graph->values[whole->outputs[0]].shape.rank &&
        follows(graph, whole->outputs[0], value, with_tanh)) {
        *x = value;
        return true;
    }
    for (size_t i = 0; node && !*node->domain && i < node->input_count && i < 2; i++)
        if (find_x(graph, whole, node->inputs[i], depth + 1, x, with_tanh))
            return true;
    return false;
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    (void)scratch;
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->nodes[n], *heart;
        struct attribute approximate = {.name = "approximate", .kind = ATTRIBUTE_STRING};
        bool with_tanh;
        value_id x;

        if ((!node_is(node, "Mul") && !node_is(node, "Div")) ||
            graph->values[node->outputs[0]].dtype != DTYPE_F32)
            continue;
        heart = heart_of(graph, node->outputs[0], 0);
        if (!heart || !find_x(graph, node, heart->inputs[0], 0, &x, &with_tanh))
            continue;
        approximate.s = bytes_of("tanh");
        TRY(graph_node_rewrite(graph, n,
                               &(struct node_description){
                                   .op = "Gelu",
                                   .inputs = &x,
                                   .input_count = 1,
                                   .attributes = &approximate,
                                   .attribute_count = with_tanh,
                               },
                               err));
    }
    return STATUS_OK;
}

const struct pass pass_gelu = {
    .name = "gelu",
    .summary = "Gelu from its parts",
    .order = 131,
    .run = run,
};
