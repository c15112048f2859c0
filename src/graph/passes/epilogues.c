// SPDX-License-Identifier: Apache-2.0
/* Epilogues: convolutions and products take over the bias, the sum with a residual and the
 * activation behind them (ops/fast/epilogue.h), in this order. The last node of the pattern becomes
 * the whole, so that a residual is there already. */
#include <float.h>
#include <math.h>

#include "graph/internal.h"

enum { BIAS = 2, RESIDUAL = 3, ATTRIBUTES_MAX = 32 };

/* Operators of "firn" with inputs x, w, bias (channels,), residual, and the channels last. */
static const char *const FUSABLE[] = {"ConvNhwc", "ConvTransposeNhwc", "Product"};

static const struct activation {
    const char *op;
    const char *name; /* of the epilogue */
    double alpha, beta;
    bool has_alpha, has_beta; /* attributes of the operator, with these defaults */
} ACTIVATIONS[] = {
    {"Relu", "Relu", 0, 0, false, false},
    {"LeakyRelu", "LeakyRelu", 0.01f, 0, true, false},
    {"Clip", "Clip", 0, 0, false, false},
    {"Sigmoid", "Sigmoid", 0, 0, false, false},
    {"Tanh", "Tanh", 0, 0, false, false},
    {"Gelu", "Gelu", 0, 0, false, false},
    {"Swish", "Swish", 1, 0, true, false},
    {"HardSigmoid", "HardSigmoid", 0.2f, 0.5, true, true},
    {"HardSwish", "HardSwish", 0, 0, false, false},
    {"Elu", "Elu", 1, 0, true, false},
};

struct fusion {
    struct graph *graph;
    const struct uses *uses;
    size_t index; /* of the node that becomes the whole */
    struct node product;
    value_id inputs[RESIDUAL + 1];
    struct attribute attributes[ATTRIBUTES_MAX];
    size_t attribute_count;
};

static bool has_input(const struct node *node, size_t input)
{
    return input < node->input_count && node->inputs[input] != VALUE_NONE;
}

/* Does `value` come from a node that can take more, and is it read here alone? */
static bool start(struct fusion *f, value_id value)
{
    const struct node *product = value_producer(f->graph, value);
    bool fusable = false;

    for (size_t i = 0; product && i < ARRAY_COUNT(FUSABLE); i++)
        fusable =
            fusable || (!strcmp(product->domain, "firn") && !strcmp(product->op->name, FUSABLE[i]));
    if (!fusable || f->graph->values[value].dtype != DTYPE_F32 ||
        product->attributes.count + 3 > ATTRIBUTES_MAX ||
        attribute_find(&product->attributes, "activation") || !uses_is_private(f->uses, value))
        return false;
    f->product = *product;
    for (size_t i = 0; i <= RESIDUAL; i++)
        f->inputs[i] = has_input(product, i) ? product->inputs[i] : VALUE_NONE;
    f->attribute_count = product->attributes.count;
    memcpy(f->attributes, product->attributes.items, f->attribute_count * sizeof *f->attributes);
    return true;
}

static enum status finish(struct fusion *f, struct error *err)
{
    return graph_node_rewrite(f->graph, f->index,
                              &(struct node_description){
                                  .domain = "firn",
                                  .op = f->product.op->name,
                                  .name = f->product.name,
                                  .opset = f->product.opset,
                                  .inputs = f->inputs,
                                  .input_count = RESIDUAL + 1,
                                  .attributes = f->attributes,
                                  .attribute_count = f->attribute_count,
                              },
                              err);
}

/* --- activations --- */

static void put_float(struct fusion *f, const char *name, double value)
{
    f->attributes[f->attribute_count++] = attribute_of_float(name, value);
}

/* Bounds of a Clip, from attributes or constants; absent ones are infinite. */
static bool clip_of(const struct graph *graph, const struct node *node, double *low, double *high)
{
    *low = -INFINITY;
    *high = INFINITY;
    if (node->opset < 11) {
        *low = attribute_float(&node->attributes, "min", -(double)FLT_MAX);
        *high = attribute_float(&node->attributes, "max", (double)FLT_MAX);
        return true;
    }
    for (size_t i = 1; i <= 2; i++) {
        const struct tensor *bound = node_constant(graph, node, i);

        if (!has_input(node, i))
            continue;
        if (!bound || tensor_count(bound) != 1)
            return false;
        *(i == 1 ? low : high) = tensor_f64(bound, 0);
    }
    return !isnan(*low) && !isnan(*high) && *low <= *high;
}

static bool take_activation(struct fusion *f, const struct node *node)
{
    const struct activation *activation = NULL;
    struct attribute named = {.name = "activation", .kind = ATTRIBUTE_STRING};
    double alpha, beta;
    const char *name;

    for (size_t i = 0; i < ARRAY_COUNT(ACTIVATIONS); i++)
        if (node_is(node, ACTIVATIONS[i].op))
            activation = &ACTIVATIONS[i];
    if (!activation || !start(f, node->inputs[0]))
        return false;
    name = activation->name;
    alpha = attribute_float(&node->attributes, "alpha", activation->alpha);
    beta = attribute_float(&node->attributes, "beta", activation->beta);
    if (node_is(node, "Clip") && !clip_of(f->graph, node, &alpha, &beta))
        return false;
    if (node_is(node, "Gelu") && attribute_is(&node->attributes, "approximate", "tanh"))
        name = "GeluTanh";
    named.s = bytes_of(name);
    f->attributes[f->attribute_count++] = named;
    if (activation->has_alpha || node_is(node, "Clip"))
        put_float(f, "alpha", alpha);
    if (activation->has_beta || node_is(node, "Clip"))
        put_float(f, "beta", beta);
    return true;
}

/* --- sums --- */

/* Is `tensor` one value, or one a channel in the last dimension? */
static bool is_row(const struct tensor *tensor, int rank, size_t channels)
{
    int own = tensor->shape.rank;

    if (own > rank || tensor->dtype != DTYPE_F32)
        return false;
    return tensor_count(tensor) == 1 ||
           (tensor_count(tensor) == channels && (size_t)tensor->shape.dims[own - 1] == channels);
}

static enum status bias_make(struct fusion *f, const struct tensor *old, const struct tensor *more,
                             size_t channels, struct error *err)
{
    struct shape shape = SHAPE((int64_t)channels);
    struct tensor made;

    TRY(tensor_new(&made, DTYPE_F32, &shape, f->graph->keep, err));
    for (size_t c = 0; c < channels; c++)
        tensor_set_f64(&made, c,
                       (old ? tensor_f64(old, c) : 0) +
                           tensor_f64(more, tensor_count(more) == 1 ? 0 : c));
    return graph_constant(f->graph, "", &made, &f->inputs[BIAS], err);
}

/* Does Add's other input only shift every channel? Not behind a residual or a bias that is no
 * constant. */
static bool take_bias(struct fusion *f, const struct node *node, size_t side, bool *taken,
                      struct error *err)
{
    const struct tensor *more = node_constant(f->graph, node, 1 - side), *old;
    const struct shape *shape;

    *taken = false;
    if (!more || !start(f, node->inputs[side]) || f->inputs[RESIDUAL] != VALUE_NONE)
        return true;
    shape = &f->graph->values[node->inputs[side]].shape;
    if (shape->rank < 2 || !dim_is_known(shape->dims[shape->rank - 1]) ||
        !is_row(more, shape->rank, (size_t)shape->dims[shape->rank - 1]))
        return true;
    old = f->inputs[BIAS] == VALUE_NONE ? NULL : value_constant(f->graph, f->inputs[BIAS]);
    if (f->inputs[BIAS] != VALUE_NONE &&
        (!old || tensor_count(old) != (size_t)shape->dims[shape->rank - 1]))
        return true;
    *taken = true;
    return bias_make(f, old, more, (size_t)shape->dims[shape->rank - 1], err) == STATUS_OK;
}

/* Are they surely equal? A named dimension is the same everywhere. */
static bool same_shape(const struct value *a, const struct value *b)
{
    if (a->shape.rank < 0 || a->shape.rank != b->shape.rank || a->dtype != b->dtype ||
        a->declared || b->declared)
        return false;
    for (int i = 0; i < a->shape.rank; i++)
        if (a->shape.dims[i] == DIM_UNKNOWN || a->shape.dims[i] != b->shape.dims[i])
            return false;
    return true;
}

static bool take_residual(struct fusion *f, const struct node *node, size_t side)
{
    value_id own = node->inputs[side], other = node->inputs[1 - side];

    if (own == other || !start(f, own) || f->inputs[RESIDUAL] != VALUE_NONE ||
        !same_shape(&f->graph->values[own], &f->graph->values[other]))
        return false;
    f->inputs[RESIDUAL] = other;
    return true;
}

/* Of two that could take the other as a residual, the one that is computed later. */
static size_t later_side(const struct graph *graph, const struct node *node)
{
    return graph->values[node->inputs[1]].producer > graph->values[node->inputs[0]].producer;
}

static enum status fuse(struct fusion *f, struct error *err)
{
    const struct node *node = &f->graph->nodes[f->index];
    size_t first;
    bool taken;

    if (*node->domain || !node->input_count || node->inputs[0] == VALUE_NONE)
        return STATUS_OK;
    if (take_activation(f, node))
        return finish(f, err);
    if (!node_is(node, "Add") || attribute_find(&node->attributes, "axis"))
        return STATUS_OK;
    for (size_t side = 0; side < 2; side++) {
        if (!take_bias(f, node, side, &taken, err))
            return err->status;
        if (taken)
            return finish(f, err);
    }
    first = later_side(f->graph, node);
    if (take_residual(f, node, first) || take_residual(f, node, 1 - first))
        return finish(f, err);
    return STATUS_OK;
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct uses uses;

    TRY(uses_find(&uses, graph, scratch, err));
    for (size_t n = 0; n < graph->node_count; n++) {
        struct fusion fusion = {.graph = graph, .uses = &uses, .index = n};

        if (uses.is_live[n])
            TRY(fuse(&fusion, err));
    }
    return STATUS_OK;
}

const struct pass pass_epilogues = {
    .name = "epilogues",
    .summary = "biases, residuals and activations into the products before them",
    .order = 410,
    .run = run,
};
