// SPDX-License-Identifier: Apache-2.0
/* Algebra into weights: Conv, ConvTranspose, Gemm and MatMul take over what multiplies, divides,
 * shifts their output by constants per channel; in double, rounded once. */
#include <math.h>

#include "graph/constants.h"
#include "graph/internal.h"

enum { X, W, BIAS };

enum act { ACT_SCALE, ACT_SHIFT };

/* A product and what is done to it by node `index`. */
struct absorption {
    struct graph *graph;
    const struct uses *uses;
    size_t value_count; /* of `uses`: values above are ours alone */
    size_t index;
    struct node product;
    enum act act;
    bool negative, inverse; /* shift by -constant; scale by 1 / constant */
    const struct tensor *by;
    size_t channels;
};

static const struct row {
    const char *domain, *op;
    bool has_bias;
    int channel_axis;       /* of the output; -1: the last */
    const char *transposed; /* attribute: a matrix of weights is (channels, k) */
} ROWS[] = {
    {"", "Conv", true, 1, ""},
    {"", "ConvTranspose", true, 1, ""},
    {"", "Gemm", true, -1, "transB"},
    {"", "MatMul", false, -1, ""},
    {"firn", "ConvNhwc", true, -1, ""},
    {"firn", "ConvTransposeNhwc", true, -1, ""},
    {"firn", "Product", true, -1, "transposed"},
};

/* Those of "firn" when they have no epilogue yet. */
static const struct row *row_of(const struct node *node)
{
    for (size_t i = 0; i < ARRAY_COUNT(ROWS); i++)
        if (!strcmp(node->op->name, ROWS[i].op) && !strcmp(node->domain, ROWS[i].domain))
            return attribute_find(&node->attributes, "activation") || node->input_count > BIAS + 1
                       ? NULL
                       : &ROWS[i];
    return NULL;
}

static bool is_conv(const struct node *node)
{
    return !strncmp(node->op->name, "Conv", 4);
}

static bool is_conv_transpose(const struct node *node)
{
    return !strncmp(node->op->name, "ConvTranspose", 13);
}

static bool is_floating(const struct tensor *tensor)
{
    return tensor && (tensor->dtype == DTYPE_F32 || tensor->dtype == DTYPE_F64);
}

static bool is_transposed(const struct node *node)
{
    return attribute_int(&node->attributes, row_of(node)->transposed, 0);
}

/* Output channels of a product with constant weights; 0: not one that is understood. */
static size_t channels_of(const struct graph *graph, const struct node *node)
{
    const struct tensor *w = node_weights(graph, node, W);

    if (!is_floating(w) || (node_is(node, "Gemm") && node->opset < 7)) /* C is not broadcast */
        return 0;
    if (is_conv(node) && w->shape.rank < 3)
        return 0;
    if (is_conv_transpose(node))
        return (size_t)w->shape.dims[1] * (size_t)attribute_int(&node->attributes, "group", 1);
    if (is_conv(node))
        return (size_t)w->shape.dims[0];
    return w->shape.rank == 2 ? (size_t)w->shape.dims[is_transposed(node) ? 0 : 1] : 0;
}

static bool has_bias(const struct node *node)
{
    return node->input_count > BIAS && node->inputs[BIAS] != VALUE_NONE;
}

/* Is the bias absent, or a constant with one value, or one a channel? */
static bool bias_is_simple(const struct graph *graph, const struct node *node, size_t channels)
{
    const struct tensor *bias = node_constant(graph, node, BIAS);
    int rank = bias ? bias->shape.rank : 0;

    if (!has_bias(node))
        return true;
    return is_floating(bias) &&
           (tensor_count(bias) == 1 || (rank > 0 && tensor_count(bias) == channels &&
                                        (size_t)bias->shape.dims[rank - 1] == channels));
}

/* Is every number 0, or far from where weights that it multiplies or divides would leave the range
 * of floats that the sum of the products is in? */
static bool is_moderate(const struct tensor *by, bool inverse)
{
    for (size_t i = 0; i < tensor_count(by); i++) {
        double size = fabs(tensor_f64(by, i));

        if (!(size == 0 ? !inverse : size >= 1e-15 && size <= 1e15))
            return false;
    }
    return true;
}

/* Does the constant, broadcast to the output, depend on the channel alone? */
static bool is_per_channel(const struct tensor *by, int rank, int axis, size_t channels)
{
    if (by->shape.rank > rank)
        return false;
    for (int i = 0; i < by->shape.rank; i++) {
        bool here = i + rank - by->shape.rank == axis;

        if (by->shape.dims[i] != 1 && !(here && (size_t)by->shape.dims[i] == channels))
            return false;
    }
    return true;
}

/* What the node does with input `side`, when its other input is a constant. */
static bool find_act(const struct graph *graph, const struct node *node, size_t side,
                     struct absorption *a)
{
    a->negative = node_is(node, "Sub");
    a->inverse = node_is(node, "Div");
    a->act = node_is(node, "Mul") || a->inverse ? ACT_SCALE : ACT_SHIFT;
    if (!node_is(node, "Mul") && !node_is(node, "Add") &&
        (side == 1 || (!a->negative && !a->inverse)))
        return false;
    a->by = node_constant(graph, node, 1 - side);
    return is_floating(a->by) && !attribute_find(&node->attributes, "axis");
}

static bool is_ours(const struct absorption *a, value_id value)
{
    return (size_t)value >= a->value_count || uses_is_private(a->uses, value);
}

static bool find(struct absorption *a, size_t side)
{
    const struct graph *graph = a->graph;
    const struct node *node = &graph->nodes[a->index], *product;
    const struct row *row;
    int rank;

    if (node->input_count != 2 || !find_act(graph, node, side, a))
        return false;
    product = value_producer(graph, node->inputs[side]);
    row = product ? row_of(product) : NULL;
    if (!row || !uses_is_private(a->uses, node->inputs[side]))
        return false;
    a->product = *product;
    a->channels = channels_of(graph, product);
    rank = graph->values[node->inputs[side]].shape.rank;
    if (!a->channels || rank < 2 || !bias_is_simple(graph, product, a->channels) ||
        !is_per_channel(a->by, rank, row->channel_axis < 0 ? rank - 1 : row->channel_axis,
                        a->channels))
        return false;
    if (a->act == ACT_SHIFT)
        return row->has_bias && attribute_float(&product->attributes, "beta", 1) == 1;
    return is_moderate(a->by, a->inverse) && is_ours(a, product->inputs[W]);
}

static double factor_of(const struct absorption *a, size_t channel)
{
    double by = tensor_f64(a->by, tensor_count(a->by) == 1 ? 0 : channel);

    return a->inverse ? 1 / by : a->negative ? -by : by;
}

static enum status bias_make(const struct absorption *a, value_id *bias, struct error *err)
{
    const struct tensor *old = node_constant(a->graph, &a->product, BIAS);
    struct shape shape = SHAPE((int64_t)a->channels);
    struct tensor made;

    TRY(tensor_new(&made, a->by->dtype, &shape, a->graph->keep, err));
    for (size_t c = 0; c < a->channels; c++) {
        double was = old ? tensor_f64(old, tensor_count(old) == 1 ? 0 : c) : 0;

        tensor_set_f64(&made, c,
                       a->act == ACT_SCALE ? was * factor_of(a, c) : was + factor_of(a, c));
    }
    return graph_constant(a->graph, "", &made, bias, err);
}

/* Elements of `w` that follow one another and belong to the same output channel, and which one that
 * is, for element i. */
static void channel_layout(const struct absorption *a, const struct tensor *w, size_t *run,
                           size_t *per_group, size_t *group_size)
{
    size_t count = tensor_count(w);

    *per_group = a->channels;
    *group_size = count;
    if (is_conv_transpose(&a->product)) { /* (channels, maps / group, kernel...) */
        size_t groups = (size_t)attribute_int(&a->product.attributes, "group", 1);

        *per_group = (size_t)w->shape.dims[1];
        *run = count / ((size_t)w->shape.dims[0] * *per_group);
        *group_size = count / groups;
    } else if (is_conv(&a->product) || is_transposed(&a->product)) {
        *run = count / a->channels;
    } else {
        *run = 1;
    }
}

/* to = from scaled, (count,) each; they may be the same */
static void scale(const struct absorption *a, const struct tensor *from, struct tensor *to)
{
    size_t run, per_group, group_size, count = tensor_count(from);

    if (count == 0)
        return;
    channel_layout(a, from, &run, &per_group, &group_size);
    for (size_t i = 0; i < count; i += run) {
        double by = factor_of(a, i / group_size * per_group + i / run % per_group);

        if (from->dtype == DTYPE_F32)
            for (size_t k = i; k < i + run; k++)
                ((float *)to->data)[k] = (float)(((const unaligned_float *)from->data)[k] * by);
        else
            for (size_t k = i; k < i + run; k++)
                ((double *)to->data)[k] = ((const double *)from->data)[k] * by;
    }
}

/* Large weights of a convolution are scaled when they are packed. */
static bool is_scaled_later(const struct absorption *a, const struct tensor *w)
{
    return is_conv(&a->product) && !is_conv_transpose(&a->product) && tensor_may_be_stored(w);
}

static enum status scale_later(const struct absorption *a, const struct tensor *w,
                               value_id *weights, struct error *err)
{
    struct stored *stored = arena_new(a->graph->keep, struct stored, 1);
    double *factors = arena_new(a->graph->keep, double, a->channels);
    struct tensor made = *w;

    if (!stored || !factors)
        return error_no_memory(err, "weights");
    for (int i = 0; i < w->shape.rank; i++)
        stored->perm[i] = w->stored ? w->stored->perm[i] : i;
    for (size_t c = 0; c < a->channels; c++)
        factors[c] =
            factor_of(a, c) * (w->stored && w->stored->factors ? w->stored->factors[c] : 1);
    stored->factors = factors;
    made.stored = stored;
    return graph_constant(a->graph, "", &made, weights, err);
}

static enum status weights_make(const struct absorption *a, value_id *weights, struct error *err)
{
    const struct tensor *w = node_weights(a->graph, &a->product, W);
    value_id old = a->product.inputs[W];
    struct tensor made;

    if (is_scaled_later(a, w))
        return scale_later(a, w, weights, err);
    if (w->stored && !node_constant(a->graph, &a->product, W))
        return error_no_memory(err, "weights");
    if (tensor_is_aligned(w) && constants_take(a->graph, old, &made)) {
        scale(a, &made, &made);
        return graph_constant(a->graph, "", &made, weights, err);
    }
    TRY(tensor_new(&made, w->dtype, &w->shape, a->graph->keep, err));
    scale(a, w, &made);
    TRY(graph_constant(a->graph, "", &made, weights, err));
    constants_drop(a->graph, old); /* its one reader was the product that nobody reads now */
    return STATUS_OK;
}

static enum status absorb(struct absorption *a, struct error *err)
{
    value_id inputs[3] = {a->product.inputs[X], a->product.inputs[W], VALUE_NONE};

    if (a->act == ACT_SCALE)
        TRY(weights_make(a, &inputs[W], err));
    if (a->act == ACT_SHIFT || has_bias(&a->product))
        TRY(bias_make(a, &inputs[BIAS], err));
    TRY(graph_node_rewrite(a->graph, a->index,
                           &(struct node_description){
                               .domain = a->product.domain,
                               .op = a->product.op->name,
                               .name = a->product.name,
                               .opset = a->product.opset,
                               .inputs = inputs,
                               .input_count = ARRAY_COUNT(inputs),
                               .attributes = a->product.attributes.items,
                               .attribute_count = a->product.attributes.count,
                           },
                           err));
    return STATUS_OK;
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct uses uses;

    TRY(uses_find(&uses, graph, scratch, err));
    for (size_t n = 0, values = graph->value_count; n < graph->node_count; n++) {
        struct absorption a = {.graph = graph, .uses = &uses, .value_count = values, .index = n};

        if (find(&a, 0) || find(&a, 1))
            TRY(absorb(&a, err));
    }
    return STATUS_OK;
}

const struct pass pass_weights = {
    .name = "weights",
    .summary = "products and sums with constants into the weights before them",
    .order = 110,
    .run = run,
};
