// SPDX-License-Identifier: Apache-2.0
/* Elementwise operators of floats that follow each other over one shape become one firn.Chain. Each
 * node takes in those of its operands' producers that nobody else reads; as nodes are visited in
 * order, chains grow from the front. After all other fusion: what a product or a convolution can
 * take over is gone by then. */
#include <float.h>
#include <math.h>

#include "graph/internal.h"
#include "ops/fast/elementwise/chain.h"

/* ONNX operators with attributes, as parameters p and q of unary.def. */
static const struct {
    const char *op, *p, *q;
    double p_default, q_default;
} PARAMETERS[] = {
    {"LeakyRelu", "alpha", "", 0.01f, 0},
    {"Elu", "alpha", "", 1, 0},
    {"Selu", "alpha", "gamma", 1.67326319217681884765625, 1.05070102214813232421875},
    {"Celu", "alpha", "", 1, 0},
    {"HardSigmoid", "alpha", "beta", 0.2f, 0.5},
    {"Swish", "alpha", "", 1, 0},
    {"ThresholdedRelu", "alpha", "", 1, 0},
    {"Shrink", "lambd", "bias", 0.5, 0},
};

/* What is to be one node. Operands: an input by number, or ~k for the result of step k. */
struct program {
    value_id inputs[CHAIN_INPUTS_MAX];
    size_t input_count, step_count;
    struct {
        struct bytes name;
        double p, q;
        int64_t a, b; /* b is a where there is only one */
        bool two;
    } steps[CHAIN_STEPS_MAX];
};

/* --- what a node is --- */

static bool is_chain(const struct node *node)
{
    return !strcmp(node->domain, "firn") && !strcmp(node->op->name, "Chain");
}

/* Bounds of a Clip: constants, or attributes before opset 11. */
static bool clip_of(const struct graph *graph, const struct node *node, double *p, double *q)
{
    *p = node->opset < 11 ? attribute_float(&node->attributes, "min", -(double)FLT_MAX) : -INFINITY;
    *q = node->opset < 11 ? attribute_float(&node->attributes, "max", (double)FLT_MAX) : INFINITY;
    for (size_t i = 1; i < node->input_count; i++) {
        const struct tensor *bound = node_constant(graph, node, i);

        if (node->inputs[i] == VALUE_NONE)
            continue;
        if (!bound || tensor_count(bound) != 1)
            return false;
        *(i == 1 ? p : q) = tensor_f64(bound, 0);
    }
    return true;
}

/* A power that is none. */
static const char *power_of(const struct graph *graph, const struct node *node)
{
    static const struct {
        double exponent;
        const char *name;
    } POWERS[] = {{2, "Square"}, {3, "Cube"}, {0.5, "Root"}, {-1, "Reciprocal"}};
    const struct tensor *exponent = node_constant(graph, node, 1);

    for (size_t i = 0; exponent && i < ARRAY_COUNT(POWERS); i++)
        if (exponent->shape.rank == 0 && tensor_f64(exponent, 0) == POWERS[i].exponent)
            return POWERS[i].name;
    return NULL;
}

/* The name of an ONNX node as a step, and its parameters; NULL when it is none. */
static const char *step_of(const struct graph *graph, const struct node *node, double *p, double *q)
{
    const char *name = node->op->name;

    *p = *q = 0;
    if (*node->domain || !node->input_count || node->inputs[0] == VALUE_NONE)
        return NULL;
    if (node_is(node, "Clip"))
        return clip_of(graph, node, p, q) ? name : NULL;
    if (node_is(node, "Pow"))
        return power_of(graph, node);
    if (node_is(node, "Gelu"))
        return attribute_is(&node->attributes, "approximate", "tanh") ? "GeluTanh" : name;
    if (node->opset < 7) /* broadcasting and attributes of their own */
        return NULL;
    if (chain_binary(name) != BINARY_NONE)
        return node->input_count == 2 ? name : NULL;
    for (size_t i = 0; i < ARRAY_COUNT(PARAMETERS); i++)
        if (node_is(node, PARAMETERS[i].op)) {
            *p = attribute_float(&node->attributes, PARAMETERS[i].p, PARAMETERS[i].p_default);
            *q = attribute_float(&node->attributes, PARAMETERS[i].q, PARAMETERS[i].q_default);
        }
    return node->input_count == 1 && unary_find(name) != UNARY_NONE ? name : NULL;
}

/* --- putting a program together --- */

static bool add_input(struct program *program, value_id value, int64_t *operand)
{
    size_t i = 0;

    while (i < program->input_count && program->inputs[i] != value)
        i++;
    if (i == CHAIN_INPUTS_MAX)
        return false;
    program->inputs[i] = value;
    program->input_count += i == program->input_count;
    *operand = (int64_t)i;
    return true;
}

static bool add_step(struct program *program, struct bytes name, const double *parameters, bool two,
                     int64_t a, int64_t b, int64_t *result)
{
    size_t k = program->step_count;

    if (k == CHAIN_STEPS_MAX)
        return false;
    program->steps[k].name = name;
    program->steps[k].p = parameters[0];
    program->steps[k].q = parameters[1];
    program->steps[k].two = two;
    program->steps[k].a = a;
    program->steps[k].b = b;
    program->step_count++;
    *result = ~(int64_t)k;
    return true;
}

/* The steps of a Chain, or of one ONNX node, whose inputs are the given operands. */
static bool add_node(const struct graph *graph, struct program *program, const struct node *node,
                     const int64_t *inputs, int64_t *result)
{
    int64_t results[CHAIN_STEPS_MAX], count = (int64_t)node->input_count;
    double parameters[2];
    size_t steps, ignored;
    const struct bytes *ops;
    const int64_t *operands;
    const double *all;

    if (!is_chain(node)) {
        const char *name = step_of(graph, node, &parameters[0], &parameters[1]);
        bool two = chain_binary(name) != BINARY_NONE;

        return add_step(program, bytes_of(name), parameters, two, inputs[0],
                        two ? inputs[1] : inputs[0], result);
    }
    ops = attribute_strings(&node->attributes, "ops", &steps);
    operands = attribute_ints(&node->attributes, "operands", &ignored);
    all = attribute_floats(&node->attributes, "parameters", &ignored);
    for (size_t k = 0; k < steps; k++) {
        int64_t a = operands[2 * k], b = operands[2 * k + 1];

        a = a < count ? inputs[a] : results[a - count];
        b = b < 0 ? a : b < count ? inputs[b] : results[b - count];
        if (!add_step(program, ops[k], all + 2 * k, operands[2 * k + 1] >= 0, a, b, &results[k]))
            return false;
    }
    *result = results[steps - 1];
    return true;
}

/* How many inputs a node has as part of a chain: bounds and exponents are parameters. */
static size_t inputs_of(const struct graph *graph, const struct node *node)
{
    double p, q;
    const char *name;

    if (is_chain(node))
        return node->input_count;
    name = step_of(graph, node, &p, &q);
    return !name ? 0 : chain_binary(name) == BINARY_NONE ? 1 : 2;
}

/* --- what may be in one chain --- */

/* Surely the same, in every run. */
static bool same_shape(const struct value *a, const struct value *b)
{
    if (a->shape.rank < 0 || a->shape.rank != b->shape.rank || a->declared || b->declared)
        return false;
    for (int i = 0; i < a->shape.rank; i++)
        if (a->shape.dims[i] == DIM_UNKNOWN || a->shape.dims[i] != b->shape.dims[i])
            return false;
    return true;
}

/* Whole, or the last dimensions, or one number: also when no dimension but these is known. */
static bool fits(const struct value *in, const struct value *out)
{
    int from = 0, missing = out->shape.rank - in->shape.rank;

    if (in->dtype != DTYPE_F32 || in->shape.rank < 0 || missing < 0 || in->declared)
        return false;
    while (from < in->shape.rank && in->shape.dims[from] == 1)
        from++;
    for (int i = from; i < in->shape.rank; i++)
        if (in->shape.dims[i] == DIM_UNKNOWN || in->shape.dims[i] != out->shape.dims[i + missing])
            return false;
    return true;
}

struct growth {
    struct graph *graph;
    const struct uses *uses;
    const struct value *out;
    struct program program;
    size_t taken; /* producers that became part of it */
};

static bool add_inputs(struct growth *g, const struct node *node, size_t count, int64_t *operands)
{
    for (size_t i = 0; i < count; i++) {
        if (!fits(&g->graph->values[node->inputs[i]], g->out))
            return false;
        if (!add_input(&g->program, node->inputs[i], &operands[i]))
            return false;
    }
    return true;
}

/* Take in the producer of a value; leaves all as it was when that cannot be. */
static bool take_producer(struct growth *g, value_id value, int64_t *operand)
{
    const struct node *producer = value_producer(g->graph, value);
    struct program before = g->program;
    int64_t operands[CHAIN_INPUTS_MAX];
    size_t count;

    if (!producer || g->graph->values[value].dtype != DTYPE_F32 ||
        g->graph->values[value].constant || !uses_is_private(g->uses, value) ||
        !same_shape(&g->graph->values[value], g->out))
        return false;
    count = inputs_of(g->graph, producer);
    if (count && add_inputs(g, producer, count, operands) &&
        add_node(g->graph, &g->program, producer, operands, operand)) {
        g->taken++;
        return true;
    }
    g->program = before;
    return false;
}

/* The node itself needs a step, and an input for each operand that is left. */
static bool grow(struct growth *g, const struct node *node, size_t count)
{
    int64_t operands[CHAIN_INPUTS_MAX], result;

    for (size_t i = 0; i < count; i++) {
        if (take_producer(g, node->inputs[i], &operands[i]))
            continue;
        if (!fits(&g->graph->values[node->inputs[i]], g->out) ||
            !add_input(&g->program, node->inputs[i], &operands[i]))
            return false;
    }
    return g->taken && add_node(g->graph, &g->program, node, operands, &result);
}

static enum status rewrite(struct growth *g, size_t index, struct error *err)
{
    const struct program *program = &g->program;
    struct bytes names[CHAIN_STEPS_MAX];
    int64_t operands[2 * CHAIN_STEPS_MAX];
    double parameters[2 * CHAIN_STEPS_MAX];
    size_t n = program->step_count;
    const struct attribute attributes[] = {
        {.name = "ops", .kind = ATTRIBUTE_STRINGS, .count = n, .strings = names},
        {.name = "operands", .kind = ATTRIBUTE_INTS, .count = 2 * n, .ints = operands},
        {.name = "parameters", .kind = ATTRIBUTE_FLOATS, .count = 2 * n, .floats = parameters},
    };

    for (size_t k = 0; k < n; k++) {
        int64_t ab[] = {program->steps[k].a, program->steps[k].b};

        names[k] = program->steps[k].name;
        parameters[2 * k] = program->steps[k].p;
        parameters[2 * k + 1] = program->steps[k].q;
        for (int i = 0; i < 2; i++)
            operands[2 * k + (size_t)i] =
                ab[i] < 0 ? (int64_t)program->input_count + ~ab[i] : ab[i];
        if (!program->steps[k].two)
            operands[2 * k + 1] = -1;
    }
    return graph_node_rewrite(g->graph, index,
                              &(struct node_description){
                                  .domain = "firn",
                                  .op = "Chain",
                                  .name = g->graph->nodes[index].name,
                                  .inputs = program->inputs,
                                  .input_count = program->input_count,
                                  .attributes = attributes,
                                  .attribute_count = ARRAY_COUNT(attributes),
                              },
                              err);
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct uses uses;

    TRY(uses_find(&uses, graph, scratch, err));
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->nodes[n];
        struct growth g = {.graph = graph, .uses = &uses};
        size_t count;

        if (!uses.is_live[n] || node->output_count != 1)
            continue;
        g.out = &graph->values[node->outputs[0]];
        count = inputs_of(graph, node);
        if (count && g.out->dtype == DTYPE_F32 && g.out->shape.rank >= 0 && grow(&g, node, count))
            TRY(rewrite(&g, n, err));
    }
    return STATUS_OK;
}

const struct pass pass_chain = {
    .name = "chain",
    .summary = "elementwise operators in a row become one step",
    .order = 500,
    .run = run,
};
