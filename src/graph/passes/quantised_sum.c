// SPDX-License-Identifier: Apache-2.0
/* A quantised addition of what a quantised convolution made is done by the convolution: the quanta
 * between them are those that they were, but never go to memory. */
#include "graph/internal.h"

/* Inputs of QLinearAdd and QLinearConvNhwc */
enum { A, B, A_SCALE, A_ZERO, B_SCALE, B_ZERO, Y_SCALE, Y_ZERO };
enum { CONV_Y_SCALE = 6, CONV_Y_ZERO, CONV_BIAS, CONV_RESIDUAL, CONV_INPUTS = 14 };

static bool is_ours(const struct node *node, const char *op)
{
    return node && !strcmp(node->domain, "firn") && !strcmp(node->op->name, op);
}

static bool same_constant(const struct graph *graph, value_id a, value_id b)
{
    const struct tensor *one = value_constant(graph, a), *other = value_constant(graph, b);

    if (!one || !other)
        return false;
    return a == b || (one->dtype == other->dtype && tensor_count(one) == 1 &&
                      tensor_count(other) == 1 && tensor_f64(one, 0) == tensor_f64(other, 0));
}

/* Could the convolution that makes operand `a` of the addition do it? */
static bool is_fusable(const struct graph *graph, const struct uses *uses, const struct node *add,
                       size_t a)
{
    const struct node *conv = value_producer(graph, add->inputs[a]);
    size_t scale = a == A ? A_SCALE : B_SCALE;

    return is_ours(conv, "QLinearConvNhwc") && conv->input_count <= CONV_RESIDUAL &&
           uses_is_private(uses, add->inputs[a]) &&
           same_constant(graph, conv->inputs[CONV_Y_SCALE], add->inputs[scale]) &&
           same_constant(graph, conv->inputs[CONV_Y_ZERO], add->inputs[scale + 1]);
}

/* The clamp of the convolution is that of the sum now; the addition's is the last. */
static size_t attributes_of(const struct node *conv, const struct node *add,
                            struct attribute *attributes)
{
    size_t count = 0;

    for (size_t i = 0; i < conv->attributes.count; i++) {
        struct attribute attribute = conv->attributes.items[i];

        if (!strcmp(attribute.name, "low"))
            attribute.name = "sum_low";
        else if (!strcmp(attribute.name, "high"))
            attribute.name = "sum_high";
        attributes[count++] = attribute;
    }
    for (size_t i = 0; i < add->attributes.count; i++)
        attributes[count++] = add->attributes.items[i];
    return count;
}

static enum status fuse(struct graph *graph, size_t index, size_t a, struct error *err)
{
    const struct node *add = &graph->nodes[index];
    const struct node *conv = value_producer(graph, add->inputs[a]);
    size_t scale = a == A ? B_SCALE : A_SCALE;
    struct attribute attributes[2 * OP_OUTPUTS_MAX];
    value_id inputs[CONV_INPUTS];

    if (conv->attributes.count + add->attributes.count > ARRAY_COUNT(attributes))
        return STATUS_OK;
    for (size_t i = 0; i < CONV_RESIDUAL; i++)
        inputs[i] = i < conv->input_count ? conv->inputs[i] : VALUE_NONE;
    inputs[CONV_Y_SCALE] = add->inputs[Y_SCALE];
    inputs[CONV_Y_ZERO] = add->inputs[Y_ZERO];
    inputs[CONV_RESIDUAL] = add->inputs[a == A ? B : A];
    inputs[CONV_RESIDUAL + 1] = add->inputs[scale];
    inputs[CONV_RESIDUAL + 2] = add->inputs[scale + 1];
    inputs[CONV_RESIDUAL + 3] = conv->inputs[CONV_Y_SCALE];
    inputs[CONV_RESIDUAL + 4] = conv->inputs[CONV_Y_ZERO];
    return graph_node_rewrite(graph, index,
                              &(struct node_description){
                                  .domain = "firn",
                                  .op = "QLinearConvNhwc",
                                  .name = conv->name,
                                  .inputs = inputs,
                                  .input_count = CONV_INPUTS,
                                  .attributes = attributes,
                                  .attribute_count = attributes_of(conv, add, attributes),
                              },
                              err);
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct uses uses;

    TRY(uses_find(&uses, graph, scratch, err));
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct node *add = &graph->nodes[n];

        if (!is_ours(add, "QLinearAdd") || add->inputs[A] == add->inputs[B])
            continue;
        if (is_fusable(graph, &uses, add, A))
            TRY(fuse(graph, n, A, err));
        else if (is_fusable(graph, &uses, add, B))
            TRY(fuse(graph, n, B, err));
    }
    return STATUS_OK;
}

const struct pass pass_quantised_sum = {
    .name = "quantised_sum",
    .summary = "quantised additions in the convolution before them",
    .order = 420,
    .run = run,
};
