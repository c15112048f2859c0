// SPDX-License-Identifier: Apache-2.0
/* Activations that exporters write in parts: Swish, HardSwish, HardSigmoid, Mish, Relu6. The last
 * node of a pattern becomes the whole; the others die when nobody else reads them. And a Sum of two
 * is an Add. */
#include <math.h>

#include "graph/emit.h"
#include "graph/match.h"

/* Clip to [0, 6], Relu6. */
static bool is_relu6(const struct graph *graph, const struct node *node, value_id *x)
{
    double low, high;

    if (!node || !node_is(node, "Clip"))
        return false;
    if (node->opset < 11) {
        low = attribute_float(&node->attributes, "min", -INFINITY);
        high = attribute_float(&node->attributes, "max", INFINITY);
    } else if (!match_number(graph, node, 1, &low) || !match_number(graph, node, 2, &high)) {
        return false;
    }
    *x = node->inputs[0];
    return low == 0 && high == 6;
}

/* Clip(Relu(x), low, high) as Clip(x, low', high): a new lower bound, where it is lower than 0. */
static enum status clip_relu(struct graph *graph, size_t n, bool *done, struct error *err)
{
    const struct node *node = &graph->nodes[n], *relu = match_maker(graph, node, 0);
    bool has_low = node->input_count > 1 && node->inputs[1] != VALUE_NONE;
    value_id inputs[3] = {0, has_low ? node->inputs[1] : VALUE_NONE, VALUE_NONE};
    double low = -INFINITY, high;

    *done = false;
    if (!node_is(node, "Clip") || node->opset < 11 || node->input_count < 3 || !relu ||
        !node_is(relu, "Relu") || (has_low && !match_number(graph, node, 1, &low)) ||
        !match_number(graph, node, 2, &high) || !(high >= 0))
        return STATUS_OK;
    inputs[0] = relu->inputs[0];
    inputs[2] = node->inputs[2];
    if (!(low >= 0)) {
        struct emitter e = {graph, node->name};

        TRY(emit_number(&e, graph->values[inputs[0]].dtype, 0, &inputs[1], err));
    }
    *done = true;
    return graph_node_rewrite(
        graph, n,
        &(struct node_description){
            .op = "Clip", .name = graph->nodes[n].name, .inputs = inputs, .input_count = 3},
        err);
}

/* What a node is the end of. */
struct idiom {
    const char *op; /* NULL: nothing */
    value_id x;
    double alpha, beta;
    bool has_alpha, has_beta;
};

/* Clip(x + 3, 0, 6) / 6 */
static bool find_hard_sigmoid(const struct graph *graph, const struct node *node,
                              struct idiom *idiom)
{
    value_id clipped, shifted;
    double sixth, three;

    if (!match_scaled(graph, node, &clipped, &sixth) || !match_near(sixth, 1. / 6) ||
        !is_relu6(graph, value_producer(graph, clipped), &shifted) ||
        !match_with_number(graph, value_producer(graph, shifted), "Add", true, &idiom->x, &three) ||
        three != 3)
        return false;
    idiom->op = "HardSigmoid";
    idiom->alpha = 1. / 6;
    idiom->beta = 0.5;
    idiom->has_alpha = idiom->has_beta = true;
    return true;
}

/* x Clip(x + 3, 0, 6) / 6, the product first */
static bool find_hard_swish(const struct graph *graph, const struct node *node, struct idiom *idiom)
{
    const struct node *product;
    value_id value, shifted;
    double sixth, three;

    if (!match_scaled(graph, node, &value, &sixth) || !match_near(sixth, 1. / 6))
        return false;
    product = value_producer(graph, value);
    if (!product || !node_is(product, "Mul"))
        return false;
    for (size_t side = 0; side < 2; side++) {
        idiom->x = product->inputs[side];
        if (is_relu6(graph, match_maker(graph, product, 1 - side), &shifted) &&
            match_with_number(graph, value_producer(graph, shifted), "Add", true, &value, &three) &&
            value == idiom->x && three == 3) {
            idiom->op = "HardSwish";
            return true;
        }
    }
    return false;
}

/* x times a function of x. */
static bool find_gated(const struct graph *graph, const struct node *node, size_t side,
                       struct idiom *idiom)
{
    const struct node *gate = match_maker(graph, node, 1 - side), *inner;
    value_id x = node->inputs[side], scaled_x;

    idiom->x = x;
    if (!gate)
        return false;
    inner = match_maker(graph, gate, 0);
    if (node_is(gate, "Sigmoid")) {
        idiom->op = "Swish";
        idiom->has_alpha = inner && gate->inputs[0] != x;
        return gate->inputs[0] == x ||
               (match_scaled(graph, inner, &scaled_x, &idiom->alpha) && scaled_x == x);
    }
    idiom->op = "HardSwish";
    if (node_is(gate, "HardSigmoid"))
        return gate->inputs[0] == x &&
               match_near(attribute_float(&gate->attributes, "alpha", 0.2), 1. / 6) &&
               attribute_float(&gate->attributes, "beta", 0.5) == 0.5;
    idiom->op = "Mish";
    return node_is(gate, "Tanh") && inner && node_is(inner, "Softplus") && inner->inputs[0] == x;
}

static bool find(const struct graph *graph, const struct node *node, struct idiom *idiom)
{
    enum dtype dtype = graph->values[node->outputs[0]].dtype;

    *idiom = (struct idiom){0};
    if (dtype != DTYPE_F32 && dtype != DTYPE_F64)
        return false;
    if (find_hard_swish(graph, node, idiom) || find_hard_sigmoid(graph, node, idiom))
        return true;
    if (!node_is(node, "Mul") || node->input_count != 2 ||
        attribute_find(&node->attributes, "axis"))
        return false;
    for (size_t side = 0; side < 2; side++) {
        *idiom = (struct idiom){0};
        if (find_gated(graph, node, side, idiom))
            return true;
    }
    return false;
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    (void)scratch;
    for (size_t n = 0; n < graph->node_count; n++) {
        struct attribute attributes[2];
        struct idiom idiom;
        size_t count = 0;
        bool clipped;

        if (node_is(&graph->nodes[n], "Sum") && graph->nodes[n].input_count == 2) {
            TRY(graph_node_rewrite(graph, n,
                                   &(struct node_description){
                                       .op = "Add",
                                       .inputs = graph->nodes[n].inputs,
                                       .input_count = 2,
                                   },
                                   err));
            continue;
        }
        TRY(clip_relu(graph, n, &clipped, err));
        if (clipped || !find(graph, &graph->nodes[n], &idiom))
            continue;
        if (idiom.has_alpha)
            attributes[count++] = attribute_of_float("alpha", idiom.alpha);
        if (idiom.has_beta)
            attributes[count++] = attribute_of_float("beta", idiom.beta);
        TRY(graph_node_rewrite(graph, n,
                               &(struct node_description){
                                   .op = idiom.op,
                                   .inputs = &idiom.x,
                                   .input_count = 1,
                                   .attributes = attributes,
                                   .attribute_count = count,
                               },
                               err));
    }
    return STATUS_OK;
}

const struct pass pass_idioms = {
    .name = "idioms",
    .summary = "Swish, HardSwish, HardSigmoid, Mish and Relu6 from their parts",
    .order = 130,
    .run = run,
};
