// SPDX-License-Identifier: Apache-2.0
/* MatMul and Gemm with a constant right side become firn.Product, which takes epilogues. */
#include "graph/internal.h"

enum { A, B, C };

/* Integer kernels may still take what comes from a DequantizeLinear. */
static bool is_quantised(const struct graph *graph, const struct node *node)
{
    for (size_t i = 0; i < 2; i++) {
        const struct node *producer = value_producer(graph, node->inputs[i]);

        if (producer && node_is(producer, "DequantizeLinear"))
            return true;
    }
    return false;
}

/* A constant (n,) or (1, n), or none; as (n,) in *bias. */
static enum status bias_of(struct graph *graph, const struct node *node, int64_t n, value_id *bias,
                           bool *fits, struct error *err)
{
    const struct tensor *c = node_constant(graph, node, C);
    struct tensor row;

    *bias = VALUE_NONE;
    *fits = true;
    if (node->input_count <= C || node->inputs[C] == VALUE_NONE)
        return STATUS_OK;
    *fits = c && c->shape.rank > 0 && c->shape.dims[c->shape.rank - 1] == n &&
            (c->shape.rank == 1 || c->shape.dims[0] == 1);
    if (!*fits)
        return STATUS_OK;
    *bias = node->inputs[C];
    if (c->shape.rank == 1)
        return STATUS_OK;
    row = (struct tensor){c->dtype, SHAPE(n), c->data};
    return graph_constant(graph, "", &row, bias, err);
}

/* Is a Gemm a plain a b + c? */
static bool is_plain(const struct node *node)
{
    return !attribute_int(&node->attributes, "transA", 0) &&
           attribute_float(&node->attributes, "alpha", 1) == 1 &&
           attribute_float(&node->attributes, "beta", 1) == 1 && node->opset >= 7;
}

static enum status turn(struct graph *graph, size_t index, struct error *err)
{
    const struct node node = graph->nodes[index];
    bool is_gemm = node_is(&node, "Gemm"), fits;
    bool transposed = is_gemm && attribute_int(&node.attributes, "transB", 0);
    struct attribute attribute = {.name = "transposed", .kind = ATTRIBUTE_INT, .i = 1};
    value_id inputs[] = {node.inputs[A], node.inputs[B], VALUE_NONE};
    const struct tensor *b;
    const struct value *a;

    if (!is_gemm && !node_is(&node, "MatMul"))
        return STATUS_OK;
    b = node_weights(graph, &node, B);
    a = &graph->values[inputs[A]];
    if (!b || b->shape.rank != 2 || (b->dtype != DTYPE_F32 && b->dtype != DTYPE_F64) ||
        a->constant || a->shape.rank < 1 || (is_gemm && !is_plain(&node)) ||
        is_quantised(graph, &node))
        return STATUS_OK;
    TRY(bias_of(graph, &node, b->shape.dims[transposed ? 0 : 1], &inputs[C], &fits, err));
    if (!fits)
        return STATUS_OK;
    return graph_node_rewrite(graph, index,
                              &(struct node_description){
                                  .domain = "firn",
                                  .op = "Product",
                                  .inputs = inputs,
                                  .input_count = ARRAY_COUNT(inputs),
                                  .attributes = &attribute,
                                  .attribute_count = transposed,
                              },
                              err);
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    (void)scratch;
    for (size_t n = 0; n < graph->node_count; n++)
        TRY(turn(graph, n, err));
    return STATUS_OK;
}

const struct pass pass_products = {
    .name = "products",
    .summary = "MatMul and Gemm with constant weights to Product, which takes epilogues",
    .order = 400,
    .run = run,
};
