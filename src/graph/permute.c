// SPDX-License-Identifier: Apache-2.0
#include "graph/permute.h"

/* --- rules: one per family of operators --- */

/* A node that is being rewritten. */
struct rewrite {
    struct graph *graph;
    const struct node *node;
    const struct order *order;
    const char *domain, *op; /* of the new node */
    value_id inputs[OP_OUTPUTS_MAX];
    size_t input_count;
    struct attribute attributes[OP_OUTPUTS_MAX];
    size_t attribute_count;
    int64_t room[2 * RANK_MAX]; /* of a list in the attributes */
    size_t back;                /* outputs that are no tensors, but lists over the axes */
};

struct permute_rule {
    const char *op;
    size_t tensors; /* as in struct permutable */
    /* More than the name to look at? Fills `outputs`. */
    bool (*fits)(const struct graph *graph, const struct node *node, const struct order *order,
                 struct permutable *permutable);
    enum status (*rewrite)(struct rewrite *rewrite, struct error *err);
};

static struct attribute *attribute_put(struct rewrite *rewrite, const char *name)
{
    for (size_t i = 0; i < rewrite->attribute_count; i++)
        if (!strcmp(rewrite->attributes[i].name, name))
            return &rewrite->attributes[i];
    rewrite->attributes[rewrite->attribute_count].name = name;
    return &rewrite->attributes[rewrite->attribute_count++];
}

static int64_t axis_within(int64_t axis, int rank)
{
    return axis < 0 ? axis + rank : axis;
}

/* An axis attribute. */
static int64_t axis_default(const struct node *node)
{
    if (node_is(node, "Concat") || node_is(node, "QuantizeLinear") ||
        node_is(node, "DequantizeLinear"))
        return 1;
    return node_is(node, "Softmax") || node_is(node, "LogSoftmax") || node_is(node, "Hardmax") ? -1
                                                                                               : 0;
}

static int64_t axis_of(const struct node *node, int rank)
{
    return axis_within(attribute_int(&node->attributes, "axis", axis_default(node)), rank);
}

static enum status rewrite_axis(struct rewrite *rewrite, struct error *err)
{
    int64_t axis = axis_of(rewrite->node, rewrite->order->rank);
    struct attribute *attribute = attribute_put(rewrite, "axis");

    (void)err;
    attribute->kind = ATTRIBUTE_INT;
    attribute->count = 0;
    attribute->i = order_axis(rewrite->order, axis);
    return STATUS_OK;
}

static bool fits_axis(const struct graph *graph, const struct node *node, const struct order *order,
                      struct permutable *permutable)
{
    int64_t axis = axis_of(node, order->rank);

    (void)graph;
    permutable->outputs = true;
    return axis >= 0 && axis < order->rank;
}

/* Gather of a list of indices: the output has the dimensions of the input. */
static bool fits_gather(const struct graph *graph, const struct node *node,
                        const struct order *order, struct permutable *permutable)
{
    return graph->values[node->inputs[1]].shape.rank == 1 &&
           fits_axis(graph, node, order, permutable);
}

/* Before opset 13 these flatten to a matrix. */
static bool fits_softmax(const struct graph *graph, const struct node *node,
                         const struct order *order, struct permutable *permutable)
{
    return node->opset >= 13 && fits_axis(graph, node, order, permutable);
}

/* Scales per tensor, or per axis; not per block. */
static bool fits_quantize(const struct graph *graph, const struct node *node,
                          const struct order *order, struct permutable *permutable)
{
    int rank = graph->values[node->inputs[1]].shape.rank;

    return (rank == 0 || rank == 1) && !attribute_int(&node->attributes, "block_size", 0) &&
           fits_axis(graph, node, order, permutable);
}

/* Do the axes that a reduction leaves keep their order? Then its output is the same. */
static bool keeps_order(const struct order *order, const bool reduced[RANK_MAX])
{
    int64_t last = -1;

    for (int i = 0; i < order->rank; i++) {
        if (reduced[order->perm[i]])
            continue;
        if (order->perm[i] < last)
            return false;
        last = order->perm[i];
    }
    return true;
}

static bool fits_arg(const struct graph *graph, const struct node *node, const struct order *order,
                     struct permutable *permutable)
{
    bool reduced[RANK_MAX] = {false};

    if (!fits_axis(graph, node, order, permutable))
        return false;
    permutable->outputs = attribute_int(&node->attributes, "keepdims", 1) != 0;
    reduced[axis_of(node, order->rank)] = true;
    return permutable->outputs || keeps_order(order, reduced);
}

/* The axes of a reduction, from input 1 or an attribute; false when they are not known. All of them
 * when there are none. */
static bool axes_of(const struct graph *graph, const struct node *node, int rank, int64_t *axes,
                    size_t *count)
{
    const int64_t *ints = attribute_ints(&node->attributes, "axes", count);
    const struct tensor *input = node_constant(graph, node, 1);
    bool given = node->input_count > 1 && node->inputs[1] != VALUE_NONE;

    if (given && (!input || input->dtype != DTYPE_I64))
        return false;
    *count = given ? tensor_count(input) : *count;
    if (*count > (size_t)rank)
        return false;
    for (size_t i = 0; i < *count; i++) {
        axes[i] = axis_within(given ? tensor_i64(input, i) : ints[i], rank);
        if (axes[i] < 0 || axes[i] >= rank)
            return false;
    }
    return true;
}

static bool fits_reduce(const struct graph *graph, const struct node *node,
                        const struct order *order, struct permutable *permutable)
{
    bool reduced[RANK_MAX] = {false};
    int64_t axes[RANK_MAX];
    size_t count;

    if (!axes_of(graph, node, order->rank, axes, &count) || count == 0)
        return false;
    for (size_t i = 0; i < count; i++)
        reduced[axes[i]] = true;
    permutable->outputs = attribute_int(&node->attributes, "keepdims", 1) != 0;
    return permutable->outputs || keeps_order(order, reduced);
}

/* The list of axes where it was, in ascending order. */
static enum status rewrite_axes(struct rewrite *rewrite, struct error *err)
{
    const struct order *order = rewrite->order;
    int64_t axes[RANK_MAX], *moved = rewrite->room;
    bool marked[RANK_MAX] = {false};
    struct attribute *attribute;
    struct shape shape;
    size_t count, n = 0;

    axes_of(rewrite->graph, rewrite->node, order->rank, axes, &count);
    for (size_t i = 0; i < count; i++)
        marked[order_axis(order, axes[i])] = true;
    for (int i = 0; i < order->rank; i++)
        if (marked[i])
            moved[n++] = i;
    shape = SHAPE((int64_t)n);
    if (rewrite->input_count > 1 && rewrite->inputs[1] != VALUE_NONE)
        return graph_constant_i64(rewrite->graph, moved, &shape, &rewrite->inputs[1], err);
    attribute = attribute_put(rewrite, "axes");
    attribute->kind = ATTRIBUTE_INTS;
    attribute->ints = moved;
    attribute->count = n;
    return STATUS_OK;
}

/* --- lists with one number (or two) per axis --- */

/* One of an attribute: new[i] = old[perm[i]], and again for the second half. */
static void list_attribute(struct rewrite *rewrite, const char *name)
{
    size_t rank = (size_t)rewrite->order->rank, count;
    const int64_t *ints = attribute_ints(&rewrite->node->attributes, name, &count);

    if (!ints || count > ARRAY_COUNT(rewrite->room) || count % rank)
        return;
    for (size_t i = 0; i < count; i++)
        rewrite->room[i] = ints[i / rank * rank + (size_t)rewrite->order->perm[i % rank]];
    attribute_put(rewrite, name)->ints = rewrite->room;
}

/* One in an input of so many numbers per axis: gathered, and folded when it is a constant. */
static enum status list_input(struct rewrite *rewrite, size_t input, size_t per_axis,
                              struct error *err)
{
    int64_t from[2 * RANK_MAX];
    size_t rank = (size_t)rewrite->order->rank;
    struct shape shape = SHAPE((int64_t)(rank * per_axis));
    value_id list;

    if (input >= rewrite->input_count || rewrite->inputs[input] == VALUE_NONE)
        return STATUS_OK;
    for (size_t i = 0; i < rank * per_axis; i++)
        from[i] = (int64_t)(i / rank * rank) + rewrite->order->perm[i % rank];
    TRY(graph_constant_i64(rewrite->graph, from, &shape, &list, err));
    return graph_op(rewrite->graph, "", "Gather", rewrite->inputs[input], list, VALUE_NONE, NULL, 0,
                    &rewrite->inputs[input], err);
}

/* Is the input absent, or a list of so many numbers? */
static bool is_list(const struct graph *graph, const struct node *node, size_t input, int64_t count)
{
    const struct shape *shape;

    if (input >= node->input_count || node->inputs[input] == VALUE_NONE)
        return true;
    shape = &graph->values[node->inputs[input]].shape;
    return shape->rank == 1 && shape->dims[0] == count;
}

static bool has_input(const struct node *node, size_t input)
{
    return input < node->input_count && node->inputs[input] != VALUE_NONE;
}

static bool fits_pad(const struct graph *graph, const struct node *node, const struct order *order,
                     struct permutable *permutable)
{
    size_t count = 0;
    bool listed = attribute_ints(&node->attributes, "pads", &count) != NULL;

    permutable->outputs = true;
    if (has_input(node, 3))
        return false;
    return has_input(node, 1) ? is_list(graph, node, 1, 2 * order->rank)
                              : listed && count == 2 * (size_t)order->rank;
}

static enum status rewrite_pad(struct rewrite *rewrite, struct error *err)
{
    list_attribute(rewrite, "pads");
    return list_input(rewrite, 1, 2, err);
}

/* Resize: roi, scales and sizes over all axes; an input that is there may be empty. */
static bool fits_resize(const struct graph *graph, const struct node *node,
                        const struct order *order, struct permutable *permutable)
{
    permutable->outputs = true;
    if (attribute_find(&node->attributes, "axes") || attribute_find(&node->attributes, "scales") ||
        attribute_find(&node->attributes, "height_scale"))
        return false;
    if (node_is(node, "Upsample") || node->opset < 11)
        return is_list(graph, node, 1, order->rank);
    return (is_list(graph, node, 1, 2 * order->rank) || is_list(graph, node, 1, 0)) &&
           (is_list(graph, node, 2, order->rank) || is_list(graph, node, 2, 0)) &&
           is_list(graph, node, 3, order->rank);
}

static enum status rewrite_resize(struct rewrite *rewrite, struct error *err)
{
    bool old = node_is(rewrite->node, "Upsample") || rewrite->node->opset < 11;

    if (old)
        return list_input(rewrite, 1, 1, err);
    if (!is_list(rewrite->graph, rewrite->node, 1, 0))
        TRY(list_input(rewrite, 1, 2, err));
    if (!is_list(rewrite->graph, rewrite->node, 2, 0))
        TRY(list_input(rewrite, 2, 1, err));
    return list_input(rewrite, 3, 1, err);
}

/* Tile (repeats) and Expand (shape, of as many axes). */
static bool fits_repeat(const struct graph *graph, const struct node *node,
                        const struct order *order, struct permutable *permutable)
{
    permutable->outputs = true;
    return node->opset >= 6 && node->input_count == 2 && is_list(graph, node, 1, order->rank);
}

static enum status rewrite_repeat(struct rewrite *rewrite, struct error *err)
{
    return list_input(rewrite, 1, 1, err);
}

/* Slice by inputs, with known axes. */
static bool fits_slice(const struct graph *graph, const struct node *node,
                       const struct order *order, struct permutable *permutable)
{
    const struct tensor *axes = node_constant(graph, node, 3);

    permutable->outputs = true;
    if (node->opset < 10 || !has_input(node, 2) || !axes || axes->shape.rank != 1 ||
        (axes->dtype != DTYPE_I64 && axes->dtype != DTYPE_I32) || axes->shape.dims[0] > order->rank)
        return false;
    for (size_t i = 0; i < tensor_count(axes); i++) {
        int64_t axis = axis_within(tensor_i64(axes, i), order->rank);

        if (axis < 0 || axis >= order->rank)
            return false;
    }
    return true;
}

static enum status rewrite_slice(struct rewrite *rewrite, struct error *err)
{
    const struct tensor *axes = node_constant(rewrite->graph, rewrite->node, 3);
    struct tensor moved;

    TRY(tensor_new(&moved, axes->dtype, &axes->shape, rewrite->graph->keep, err));
    for (size_t i = 0; i < tensor_count(axes); i++) {
        int64_t axis = axis_within(tensor_i64(axes, i), rewrite->order->rank);

        tensor_set_f64(&moved, i, order_axis(rewrite->order, axis));
    }
    return graph_constant(rewrite->graph, "", &moved, &rewrite->inputs[3], err);
}

/* Shape: the output is put back in order. */
static bool fits_shape(const struct graph *graph, const struct node *node,
                       const struct order *order, struct permutable *permutable)
{
    (void)graph;
    (void)order;
    permutable->outputs = false;
    return node->attributes.count == 0;
}

static enum status rewrite_shape(struct rewrite *rewrite, struct error *err)
{
    (void)err;
    rewrite->back = 1;
    return STATUS_OK;
}

/* All inputs are broadcast to one another. */
static bool fits_elementwise(const struct graph *graph, const struct node *node,
                             const struct order *order, struct permutable *permutable)
{
    permutable->outputs = true;
    if (attribute_find(&node->attributes, "broadcast") ||
        attribute_find(&node->attributes, "axis") ||
        graph->values[node->outputs[0]].shape.rank != order->rank)
        return false;
    for (size_t i = 0; i < node->input_count; i++)
        if (node->inputs[i] != VALUE_NONE && graph->values[node->inputs[i]].shape.rank < 0)
            return false;
    return node->output_count == 1;
}

/* Operators that have a twin in "firn" for channels last, and are its twin for channels first. */
static const struct twin {
    const char *first, *last;
    uint64_t dtypes;
} TWINS[] = {
    {"InstanceNormalization", "InstanceNormalizationNhwc", DTYPE_BIT(DTYPE_F32)},
    {"GroupNormalization", "GroupNormalizationNhwc", DTYPE_BIT(DTYPE_F32)},
    {"LRN", "LRNNhwc", DTYPE_BIT(DTYPE_F32)},
    {"DepthToSpace", "DepthToSpaceNhwc", DTYPES_ANY},
    {"SpaceToDepth", "SpaceToDepthNhwc", DTYPES_ANY},
};

static const struct twin *twin_of(const struct node *node)
{
    for (size_t i = 0; i < ARRAY_COUNT(TWINS); i++)
        if (!strcmp(node->op->name, *node->domain ? TWINS[i].last : TWINS[i].first))
            return &TWINS[i];
    return NULL;
}

static bool is_order(const struct order *a, struct order b)
{
    return !memcmp(a->perm, b.perm, (size_t)a->rank * sizeof *a->perm);
}

static bool fits_twin(const struct graph *graph, const struct node *node, const struct order *order,
                      struct permutable *permutable)
{
    bool is_last = *node->domain;

    permutable->outputs = true;
    if (order->rank < 3 || node->output_count != 1 ||
        !(twin_of(node)->dtypes & DTYPE_BIT(graph->values[node->inputs[0]].dtype)))
        return false;
    return is_last ? is_order(order, order_channels_first(order->rank))
                   : is_order(order, order_channels_last(order->rank));
}

static enum status rewrite_twin(struct rewrite *rewrite, struct error *err)
{
    const struct twin *twin = twin_of(rewrite->node);
    bool is_last = *rewrite->node->domain;

    (void)err;
    rewrite->domain = is_last ? "" : "firn";
    rewrite->op = is_last ? twin->first : twin->last;
    return STATUS_OK;
}

static bool fits_first(const struct graph *graph, const struct node *node,
                       const struct order *order, struct permutable *permutable)
{
    (void)graph;
    (void)order;
    permutable->outputs = true;
    return node->output_count == 1;
}

#define ALL OP_INPUTS_ANY
static const struct permute_rule RULES[] = {
#define ELEMENTWISE(op) {#op, ALL, fits_elementwise, NULL},
    /* clang-format off */
    ELEMENTWISE(Abs) ELEMENTWISE(Acos) ELEMENTWISE(Acosh) ELEMENTWISE(Add) ELEMENTWISE(And)
    ELEMENTWISE(Asin) ELEMENTWISE(Asinh) ELEMENTWISE(Atan) ELEMENTWISE(Atanh) ELEMENTWISE(BitShift)
    ELEMENTWISE(BitwiseAnd) ELEMENTWISE(BitwiseNot) ELEMENTWISE(BitwiseOr) ELEMENTWISE(BitwiseXor)
    ELEMENTWISE(Ceil) ELEMENTWISE(Celu) ELEMENTWISE(Clip) ELEMENTWISE(Cos) ELEMENTWISE(Cosh)
    ELEMENTWISE(Div) ELEMENTWISE(Elu) ELEMENTWISE(Equal) ELEMENTWISE(Erf) ELEMENTWISE(Exp)
    ELEMENTWISE(Floor) ELEMENTWISE(Gelu) ELEMENTWISE(Greater) ELEMENTWISE(Identity)
    ELEMENTWISE(GreaterOrEqual) ELEMENTWISE(HardSigmoid) ELEMENTWISE(HardSwish) ELEMENTWISE(IsInf)
    ELEMENTWISE(IsNaN) ELEMENTWISE(LeakyRelu) ELEMENTWISE(Less) ELEMENTWISE(LessOrEqual)
    ELEMENTWISE(Log) ELEMENTWISE(Max) ELEMENTWISE(Mean) ELEMENTWISE(Min) ELEMENTWISE(Mish)
    ELEMENTWISE(Mod) ELEMENTWISE(Mul) ELEMENTWISE(Neg) ELEMENTWISE(Not) ELEMENTWISE(Or)
    ELEMENTWISE(PRelu) ELEMENTWISE(Pow) ELEMENTWISE(Reciprocal) ELEMENTWISE(Relu) ELEMENTWISE(Round)
    ELEMENTWISE(Selu) ELEMENTWISE(Shrink) ELEMENTWISE(Sigmoid) ELEMENTWISE(Sign) ELEMENTWISE(Sin)
    ELEMENTWISE(Sinh) ELEMENTWISE(Softplus) ELEMENTWISE(Softsign) ELEMENTWISE(Sqrt) ELEMENTWISE(Sub)
    ELEMENTWISE(Sum) ELEMENTWISE(Swish) ELEMENTWISE(Tan) ELEMENTWISE(Tanh)
    ELEMENTWISE(ThresholdedRelu) ELEMENTWISE(Where) ELEMENTWISE(Xor)
/* clang-format on */
#undef ELEMENTWISE
                                                        {"Cast", 1, fits_first, NULL},
    {"CastLike", 1, fits_first, NULL},
    {"Dropout", 1, fits_first, NULL},
    {"Concat", ALL, fits_axis, rewrite_axis},
    {"Split", 1, fits_axis, rewrite_axis},
    {"Gather", 1, fits_gather, rewrite_axis},
    {"Softmax", 1, fits_softmax, rewrite_axis},
    {"LogSoftmax", 1, fits_softmax, rewrite_axis},
    {"Hardmax", 1, fits_softmax, rewrite_axis},
    {"QLinearAdd", 2, fits_first, NULL},
    {"QuantizeLinear", 1, fits_quantize, rewrite_axis},
    {"DequantizeLinear", 1, fits_quantize, rewrite_axis},
    {"ArgMax", 1, fits_arg, rewrite_axis},
    {"ArgMin", 1, fits_arg, rewrite_axis},
    {"ReduceL1", 1, fits_reduce, rewrite_axes},
    {"ReduceL2", 1, fits_reduce, rewrite_axes},
    {"ReduceLogSum", 1, fits_reduce, rewrite_axes},
    {"ReduceLogSumExp", 1, fits_reduce, rewrite_axes},
    {"ReduceMax", 1, fits_reduce, rewrite_axes},
    {"ReduceMean", 1, fits_reduce, rewrite_axes},
    {"ReduceMin", 1, fits_reduce, rewrite_axes},
    {"ReduceProd", 1, fits_reduce, rewrite_axes},
    {"ReduceSum", 1, fits_reduce, rewrite_axes},
    {"ReduceSumSquare", 1, fits_reduce, rewrite_axes},
    {"Pad", 1, fits_pad, rewrite_pad},
    {"Resize", 1, fits_resize, rewrite_resize},
    {"Upsample", 1, fits_resize, rewrite_resize},
    {"Tile", 1, fits_repeat, rewrite_repeat},
    {"Expand", 1, fits_repeat, rewrite_repeat},
    {"Slice", 1, fits_slice, rewrite_slice},
    {"Shape", 1, fits_shape, rewrite_shape},
    {"InstanceNormalization", 1, fits_twin, rewrite_twin},
    {"InstanceNormalizationNhwc", 1, fits_twin, rewrite_twin},
    {"GroupNormalization", 1, fits_twin, rewrite_twin},
    {"GroupNormalizationNhwc", 1, fits_twin, rewrite_twin},
    {"LRN", 1, fits_twin, rewrite_twin},
    {"LRNNhwc", 1, fits_twin, rewrite_twin},
    {"DepthToSpace", 1, fits_twin, rewrite_twin},
    {"DepthToSpaceNhwc", 1, fits_twin, rewrite_twin},
    {"SpaceToDepth", 1, fits_twin, rewrite_twin},
    {"SpaceToDepthNhwc", 1, fits_twin, rewrite_twin},
};

/* Is it an operator of domain "firn"? */
static bool is_ours(const char *op)
{
    size_t size = strlen(op);

    return (size > 4 && !strcmp(op + size - 4, "Nhwc")) || !strcmp(op, "QLinearAdd");
}

static const struct permute_rule *rule_find(const struct node *node)
{
    for (size_t i = 0; i < ARRAY_COUNT(RULES); i++)
        if (!strcmp(RULES[i].op, node->op->name) &&
            !strcmp(node->domain, is_ours(RULES[i].op) ? "firn" : ""))
            return &RULES[i];
    return NULL;
}

bool permutable_input(const struct graph *graph, const struct node *node,
                      const struct permutable *permutable, size_t i)
{
    return i < permutable->tensors && i < node->input_count && node->inputs[i] != VALUE_NONE &&
           !graph->values[node->inputs[i]].constant &&
           graph->values[node->inputs[i]].shape.rank == permutable->rank;
}

/* Attributes that are room for: all that ONNX has. */
static bool is_small(const struct node *node)
{
    return node->attributes.count < OP_OUTPUTS_MAX - 2 && node->input_count <= OP_OUTPUTS_MAX;
}

struct permutable permutable_of(const struct graph *graph, const struct node *node,
                                const struct order *order)
{
    struct permutable permutable = {.rank = order->rank};
    const struct permute_rule *rule = rule_find(node);
    bool any = false;

    if (!rule || !is_small(node))
        return permutable;
    permutable.tensors = rule->tensors;
    for (size_t i = 0; i < node->input_count && i < rule->tensors; i++)
        any = any || permutable_input(graph, node, &permutable, i);
    if (any && rule->fits(graph, node, order, &permutable))
        permutable.rule = rule;
    return permutable;
}

static enum status outputs_back(struct rewrite *rewrite, value_id *output, struct error *err)
{
    struct order back = order_back(rewrite->order);
    struct shape shape = SHAPE(back.rank);
    value_id list;

    TRY(graph_constant_i64(rewrite->graph, back.perm, &shape, &list, err));
    return graph_op(rewrite->graph, "", "Gather", *output, list, VALUE_NONE, NULL, 0, output, err);
}

enum status permutable_make(struct graph *graph, const struct node *node, const struct order *order,
                            const value_id *inputs, value_id *outputs, struct error *err)
{
    const struct permute_rule *rule = rule_find(node);
    struct rewrite rewrite = {.graph = graph,
                              .node = node,
                              .order = order,
                              .domain = node->domain,
                              .op = node->op->name,
                              .input_count = node->input_count,
                              .attribute_count = node->attributes.count};

    memcpy(rewrite.inputs, inputs, node->input_count * sizeof *inputs);
    memcpy(rewrite.attributes, node->attributes.items,
           node->attributes.count * sizeof *rewrite.attributes);
    if (rule->rewrite)
        TRY(rule->rewrite(&rewrite, err));
    TRY(graph_node(graph,
                   &(struct node_description){
                       .domain = rewrite.domain,
                       .op = rewrite.op,
                       .name = node->name,
                       .opset = node->opset,
                       .inputs = rewrite.inputs,
                       .input_count = rewrite.input_count,
                       .output_count = node->output_count,
                       .attributes = rewrite.attributes,
                       .attribute_count = rewrite.attribute_count,
                   },
                   outputs, err));
    return rewrite.back ? outputs_back(&rewrite, outputs, err) : STATUS_OK;
}
