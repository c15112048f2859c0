// SPDX-License-Identifier: Apache-2.0
/* Integer kernels for what a model computes between DequantizeLinear and QuantizeLinear:
 *
 *     Conv, Gemm, MatMul, Add [Relu | Clip] QuantizeLinear, of dequantised inputs
 *     MaxPool, Reshape, Transpose ... QuantizeLinear with the quanta of their input
 *     Gemm, MatMul of dequantised inputs, where the product stays a float
 *
 * Scales and zero points are constants, one for a tensor, or one for each output of weights. */
#include <math.h>

#include "graph/internal.h"

struct fusing {
    struct graph *graph;
    struct uses uses;
    size_t index;       /* of the node that becomes the integer operator */
    size_t value_count; /* when `uses` was made */
};

/* A value that is made of quanta. */
struct quantised {
    value_id q, scale, zero; /* zero: VALUE_NONE when there is none */
    const struct tensor *scales, *zeros;
    int64_t axis; /* of several scales */
};

static bool is_byte(enum dtype dtype)
{
    return dtype == DTYPE_U8 || dtype == DTYPE_I8;
}

/* Is it a node of this operator whose scales are constant floats above 0? */
static bool points_of(const struct graph *graph, const struct node *node, const char *op,
                      struct quantised *points)
{
    *points = (struct quantised){.zero = VALUE_NONE};
    if (!node || !node_is(node, op) || attribute_int(&node->attributes, "block_size", 0) ||
        attribute_find(&node->attributes, "precision") ||
        attribute_find(&node->attributes, "output_dtype"))
        return false;
    points->q = node->inputs[0];
    points->scale = node->inputs[1];
    points->scales = node_constant(graph, node, 1);
    if (!points->scales || points->scales->dtype != DTYPE_F32 || points->scales->shape.rank > 1)
        return false;
    for (size_t i = 0; i < tensor_count(points->scales); i++) {
        double scale = tensor_f64(points->scales, i);

        if (!(scale > 0) || !isfinite(scale))
            return false;
    }
    points->axis = attribute_int(&node->attributes, "axis", 1);
    if (node->input_count < 3 || node->inputs[2] == VALUE_NONE)
        return true;
    points->zero = node->inputs[2];
    points->zeros = node_constant(graph, node, 2);
    return points->zeros && tensor_count(points->zeros) == tensor_count(points->scales);
}

static bool is_single(const struct quantised *points)
{
    return tensor_count(points->scales) == 1;
}

static double zero_point(const struct quantised *points)
{
    return points->zeros ? tensor_f64(points->zeros, 0) : 0;
}

/* Is the value dequantised from bytes with one scale? */
static bool is_dequantised(const struct graph *graph, value_id value, struct quantised *points)
{
    return value != VALUE_NONE &&
           points_of(graph, value_producer(graph, value), "DequantizeLinear", points) &&
           is_byte(graph->values[points->q].dtype) && is_single(points);
}

/* Is it dequantised from a constant of bytes, with one scale or one for each index of `axis`? */
static bool is_weights(const struct graph *graph, value_id value, int64_t axis,
                       struct quantised *points)
{
    const struct value *q;

    if (value == VALUE_NONE ||
        !points_of(graph, value_producer(graph, value), "DequantizeLinear", points))
        return false;
    q = &graph->values[points->q];
    if (!q->constant || !is_byte(q->dtype))
        return false;
    if (points->axis < 0)
        points->axis += q->shape.rank;
    return is_single(points) || points->axis == axis;
}

/* The int32 constant that a bias was quantised to with scales of x times those of w; also a bias
 * that is not there. */
static bool bias_of(const struct graph *graph, const struct node *node, size_t input,
                    const struct quantised *x, const struct quantised *w, value_id *bias)
{
    struct quantised b;
    size_t count;

    *bias = VALUE_NONE;
    if (input >= node->input_count || node->inputs[input] == VALUE_NONE)
        return true;
    if (!points_of(graph, value_producer(graph, node->inputs[input]), "DequantizeLinear", &b) ||
        !graph->values[b.q].constant || graph->values[b.q].dtype != DTYPE_I32 ||
        graph->values[b.q].shape.rank != 1)
        return false;
    count = tensor_count(b.scales) > tensor_count(w->scales) ? tensor_count(b.scales)
                                                             : tensor_count(w->scales);
    for (size_t i = 0; i < count; i++) {
        double want = tensor_f64(x->scales, 0) * tensor_f64(w->scales, is_single(w) ? 0 : i);
        double scale = tensor_f64(b.scales, is_single(&b) ? 0 : i);

        if (fabs(scale - want) > 1e-5 * want)
            return false;
    }
    for (size_t i = 0; b.zeros && i < tensor_count(b.zeros); i++)
        if (tensor_i64(b.zeros, i))
            return false;
    *bias = b.q;
    return true;
}

/* A zero point where the model has none: 0. */
static enum status zero_of(struct graph *graph, const struct quantised *points, enum dtype dtype,
                           value_id *zero, struct error *err)
{
    struct tensor tensor;

    *zero = points->zero;
    if (*zero != VALUE_NONE)
        return STATUS_OK;
    TRY(tensor_new(&tensor, dtype, &points->scales->shape, graph->keep, err));
    return graph_constant(graph, "", &tensor, zero, err);
}

static enum status rewrite(struct fusing *fusing, const char *op, const struct node *from,
                           const value_id *inputs, size_t input_count,
                           const struct attribute *attributes, size_t attribute_count,
                           struct error *err)
{
    return graph_node_rewrite(fusing->graph, fusing->index,
                              &(struct node_description){
                                  .domain = "firn",
                                  .op = op,
                                  .name = from->name,
                                  .inputs = inputs,
                                  .input_count = input_count,
                                  .attributes = attributes,
                                  .attribute_count = attribute_count,
                              },
                              err);
}

/* --- the clamp that Relu or Clip is, in quanta --- */

struct clamp {
    int64_t low, high;
};

static int64_t quantum_of(double value, const struct quantised *y, int64_t least, int64_t most)
{
    double q = rint((double)(float)(value / tensor_f64(y->scales, 0))) + zero_point(y);

    return !(q > (double)least) ? least : q > (double)most ? most : (int64_t)q;
}

/* A bound of Clip: an attribute, or a constant input. false: not known. */
static bool bound_of(const struct graph *graph, const struct node *node, size_t input,
                     const char *name, double otherwise, double *bound)
{
    const struct tensor *constant = node_constant(graph, node, input);

    *bound = attribute_float(&node->attributes, name, otherwise);
    if (input >= node->input_count || node->inputs[input] == VALUE_NONE)
        return true;
    if (!constant || constant->dtype != DTYPE_F32 || tensor_count(constant) != 1)
        return false;
    *bound = tensor_f64(constant, 0);
    return *bound == *bound;
}

/* Rounding is monotone: the quantum of what is clamped is the clamped quantum. */
static bool clamp_of(const struct graph *graph, const struct node *node, const struct quantised *y,
                     struct clamp *clamp)
{
    int64_t least = clamp->low, most = clamp->high;
    double low, high;

    if (node_is(node, "Relu")) {
        clamp->low = quantum_of(0, y, least, most);
        return true;
    }
    if (!node_is(node, "Clip") || !bound_of(graph, node, 1, "min", -INFINITY, &low) ||
        !bound_of(graph, node, 2, "max", INFINITY, &high) || low > high)
        return false;
    clamp->low = quantum_of(low, y, least, most);
    clamp->high = quantum_of(high, y, least, most);
    return true;
}

/* --- what may stand before QuantizeLinear --- */

static enum status fuse_conv(struct fusing *fusing, const struct node *conv,
                             const struct quantised *y, const struct clamp *clamp, bool *fused,
                             struct error *err)
{
    struct graph *graph = fusing->graph;
    struct attribute attributes[OP_OUTPUTS_MAX];
    size_t count = conv->attributes.count;
    struct quantised x, w;
    value_id bias, inputs[9];

    if (conv->input_count < 2 || count + 2 > ARRAY_COUNT(attributes) ||
        !is_dequantised(graph, conv->inputs[0], &x) || !is_weights(graph, conv->inputs[1], 0, &w) ||
        !bias_of(graph, conv, 2, &x, &w, &bias))
        return STATUS_OK;
    memcpy(attributes, conv->attributes.items, count * sizeof *attributes);
    attributes[count++] = attribute_of_int("low", clamp->low);
    attributes[count++] = attribute_of_int("high", clamp->high);
    inputs[0] = x.q, inputs[1] = x.scale, inputs[3] = w.q, inputs[4] = w.scale;
    inputs[6] = y->scale, inputs[8] = bias;
    TRY(zero_of(graph, &x, graph->values[x.q].dtype, &inputs[2], err));
    TRY(zero_of(graph, &w, graph->values[w.q].dtype, &inputs[5], err));
    TRY(zero_of(graph, y, DTYPE_U8, &inputs[7], err));
    *fused = true;
    return rewrite(fusing, "QLinearConv", conv, inputs, bias == VALUE_NONE ? 8 : 9, attributes,
                   count, err);
}

static bool is_plain_gemm(const struct node *node)
{
    const struct attributes *a = &node->attributes;

    return !attribute_int(a, "transA", 0) && attribute_float(a, "alpha", 1) == 1 &&
           attribute_float(a, "beta", 1) == 1;
}

/* `y` NULL: the product stays a float. */
static enum status fuse_product(struct fusing *fusing, const struct node *node,
                                const struct quantised *y, const struct clamp *clamp, bool *fused,
                                struct error *err)
{
    struct graph *graph = fusing->graph;
    bool is_gemm = node_is(node, "Gemm");
    int64_t transposed = is_gemm ? attribute_int(&node->attributes, "transB", 0) != 0 : 0;
    struct attribute attributes[] = {
        {.name = "transposed", .kind = ATTRIBUTE_INT, .i = transposed},
        {.name = "low", .kind = ATTRIBUTE_INT, .i = clamp ? clamp->low : 0},
        {.name = "high", .kind = ATTRIBUTE_INT, .i = clamp ? clamp->high : 0},
    };
    struct quantised a, b;
    value_id bias, inputs[9] = {0};

    if ((is_gemm && !is_plain_gemm(node)) || !is_dequantised(graph, node->inputs[0], &a) ||
        !is_weights(graph, node->inputs[1], !transposed, &b) ||
        graph->values[b.q].shape.rank != 2 || graph->values[a.q].shape.rank < 1 ||
        !bias_of(graph, node, 2, &a, &b, &bias))
        return STATUS_OK;
    inputs[0] = a.q, inputs[1] = a.scale, inputs[3] = b.q, inputs[4] = b.scale;
    inputs[6] = y ? y->scale : VALUE_NONE, inputs[7] = VALUE_NONE, inputs[8] = bias;
    TRY(zero_of(graph, &a, graph->values[a.q].dtype, &inputs[2], err));
    TRY(zero_of(graph, &b, graph->values[b.q].dtype, &inputs[5], err));
    if (y)
        TRY(zero_of(graph, y, DTYPE_U8, &inputs[7], err));
    *fused = true;
    return rewrite(fusing, "QLinearProduct", node, inputs,
                   bias != VALUE_NONE ? 9
                   : y                ? 8
                                      : 6,
                   attributes, y ? 3 : 1, err);
}

static enum status fuse_add(struct fusing *fusing, const struct node *add,
                            const struct quantised *y, const struct clamp *clamp, bool *fused,
                            struct error *err)
{
    struct graph *graph = fusing->graph;
    struct attribute attributes[] = {
        {.name = "low", .kind = ATTRIBUTE_INT, .i = clamp->low},
        {.name = "high", .kind = ATTRIBUTE_INT, .i = clamp->high},
    };
    enum dtype dtype = y->zeros ? y->zeros->dtype : DTYPE_U8;
    struct quantised a, b;
    value_id inputs[8];

    if (add->opset < 7 || !is_dequantised(graph, add->inputs[0], &a) ||
        !is_dequantised(graph, add->inputs[1], &b) || graph->values[a.q].dtype != dtype ||
        graph->values[b.q].dtype != dtype || graph->values[a.q].shape.rank < 0 ||
        !shape_equal(&graph->values[a.q].shape, &graph->values[b.q].shape))
        return STATUS_OK;
    for (int i = 0; i < graph->values[a.q].shape.rank; i++)
        if (graph->values[a.q].shape.dims[i] == DIM_UNKNOWN)
            return STATUS_OK;
    inputs[0] = a.q, inputs[1] = b.q, inputs[2] = a.scale, inputs[4] = b.scale;
    inputs[6] = y->scale;
    TRY(zero_of(graph, &a, dtype, &inputs[3], err));
    TRY(zero_of(graph, &b, dtype, &inputs[5], err));
    TRY(zero_of(graph, y, dtype, &inputs[7], err));
    *fused = true;
    return rewrite(fusing, "QLinearAdd", add, inputs, 8, attributes, 2, err);
}

/* QLinearMatMul by constant weights has the inputs of the product. */
static enum status convert_matmul(struct fusing *fusing, struct error *err)
{
    const struct graph *graph = fusing->graph;
    const struct node *node = &graph->nodes[fusing->index];
    const struct value *a = &graph->values[node->inputs[0]];
    const struct tensor *b = node_constant(graph, node, 3);

    if (!b || b->shape.rank != 2 || a->shape.rank < 1)
        return STATUS_OK;
    for (size_t i = 1; i < 8; i++) {
        const struct tensor *points = node_constant(graph, node, i);
        bool is_scale = i == 1 || i == 4 || i == 6;

        if (i == 3)
            continue;
        if (!points || (is_scale && points->dtype != DTYPE_F32) ||
            (tensor_count(points) != 1 && (i < 4 || i > 5 || points->shape.rank != 1)))
            return STATUS_OK;
    }
    return rewrite(fusing, "QLinearProduct", node, node->inputs, 8, NULL, 0, err);
}

/* Operators that only choose among the elements of input 0. */
static bool is_selection(const struct node *node)
{
    static const char *const OPS[] = {
        "DepthToSpace", "Expand",  "Flatten",      "Gather", "Identity",  "MaxPool",   "Reshape",
        "Slice",        "Squeeze", "SpaceToDepth", "Tile",   "Transpose", "Unsqueeze",
    };

    for (size_t i = 0; i < ARRAY_COUNT(OPS); i++)
        if (node_is(node, OPS[i]))
            return node->output_count == 1 && node->input_count > 0;
    return false;
}

static bool same_points(const struct quantised *a, const struct quantised *b)
{
    enum dtype one = a->zeros ? a->zeros->dtype : DTYPE_U8;
    enum dtype other = b->zeros ? b->zeros->dtype : DTYPE_U8;

    return one == other && tensor_f64(a->scales, 0) == tensor_f64(b->scales, 0) &&
           zero_point(a) == zero_point(b);
}

/* Quanta of the same points come back as they were: the node does it to them. */
static enum status fuse_selection(struct fusing *fusing, const struct node *node,
                                  const struct quantised *y, bool *fused, struct error *err)
{
    struct graph *graph = fusing->graph;
    struct node copy = *node;
    struct quantised x;
    value_id inputs[16];

    if (node->input_count > ARRAY_COUNT(inputs) || !is_dequantised(graph, node->inputs[0], &x) ||
        !same_points(&x, y))
        return STATUS_OK;
    memcpy(inputs, node->inputs, node->input_count * sizeof *inputs);
    inputs[0] = x.q;
    *fused = true;
    return graph_node_rewrite(
        graph, fusing->index,
        &(struct node_description){
            .op = copy.op->name,
            .name = copy.name,
            /* of small integers from this version on */
            .opset = node_is(node, "MaxPool") && copy.opset < 12 ? 12 : copy.opset,
            .inputs = inputs,
            .input_count = copy.input_count,
            .attributes = copy.attributes.items,
            .attribute_count = copy.attributes.count,
        },
        err);
}

/* The node that makes a value that nobody else reads. */
static const struct node *private_producer(const struct fusing *fusing, value_id value)
{
    return (size_t)value < fusing->value_count && uses_is_private(&fusing->uses, value)
               ? value_producer(fusing->graph, value)
               : NULL;
}

static enum status fuse_before(struct fusing *fusing, const struct node *quantize,
                               struct error *err)
{
    struct graph *graph = fusing->graph;
    struct quantised y;
    struct clamp clamp;
    const struct node *node;
    bool fused = false;
    enum dtype dtype;

    if (!points_of(graph, quantize, "QuantizeLinear", &y) || !is_single(&y))
        return STATUS_OK;
    dtype = y.zeros ? y.zeros->dtype : DTYPE_U8;
    node = private_producer(fusing, quantize->inputs[0]);
    if (!is_byte(dtype) || !node || graph->values[quantize->inputs[0]].dtype != DTYPE_F32)
        return STATUS_OK;
    if (is_selection(node))
        return fuse_selection(fusing, node, &y, &fused, err);
    clamp = dtype == DTYPE_I8 ? (struct clamp){INT8_MIN, INT8_MAX} : (struct clamp){0, UINT8_MAX};
    if (clamp_of(graph, node, &y, &clamp))
        node = private_producer(fusing, node->inputs[0]);
    if (!node)
        return STATUS_OK;
    if (node_is(node, "Conv"))
        return fuse_conv(fusing, node, &y, &clamp, &fused, err);
    if (node_is(node, "Gemm") || node_is(node, "MatMul"))
        return fuse_product(fusing, node, &y, &clamp, &fused, err);
    if (node_is(node, "Add"))
        return fuse_add(fusing, node, &y, &clamp, &fused, err);
    return STATUS_OK;
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct fusing fusing = {.graph = graph, .value_count = graph->value_count};

    TRY(uses_find(&fusing.uses, graph, scratch, err));
    for (fusing.index = 0; fusing.index < graph->node_count; fusing.index++)
        TRY(node_is(&graph->nodes[fusing.index], "QLinearMatMul")
                ? convert_matmul(&fusing, err)
                : fuse_before(&fusing, &graph->nodes[fusing.index], err));
    return STATUS_OK;
}

const struct pass pass_quantise = {
    .name = "quantise",
    .summary = "integer kernels between DequantizeLinear and QuantizeLinear",
    .order = 200,
    .run = run,
};
