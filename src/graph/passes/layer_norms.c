// SPDX-License-Identifier: Apache-2.0
/* LayerNormalization and RMSNormalization from their parts, over the last dimension:
 *
 *     (x - mean) / sqrt(mean of (x - mean)^2 + epsilon)      without the mean: RMS
 *
 * in the forms of PyTorch (Div, or Mul by a reciprocal) and TensorFlow (x m + (bias - mean m));
 * then the scale and the bias that follow are taken in, one by one. */
#include <math.h>

#include "graph/emit.h"
#include "graph/match.h"

enum { X, SCALE, BIAS };

struct found {
    value_id x, scale, bias; /* VALUE_NONE: 1 and 0 */
    double epsilon;
    bool is_centred;
};

/* x averaged over its last dimension, which stays as 1. */
static bool mean_of(const struct graph *graph, value_id value, value_id *x)
{
    const struct node *mean = match_op(graph, value, "ReduceMean");
    int64_t axis;
    size_t count;
    int rank;

    if (!mean || !attribute_int(&mean->attributes, "keepdims", 1) ||
        !match_axes(graph, mean, &axis, 1, &count) || count != 1)
        return false;
    *x = mean->inputs[0];
    rank = graph->values[*x].shape.rank;
    return rank > 0 && (axis == -1 || axis == rank - 1);
}

/* value = x^2 */
static bool square_of(const struct graph *graph, value_id value, value_id *x)
{
    const struct node *node = value_producer(graph, value);
    const struct tensor *exponent;

    if (!node || node->input_count != 2)
        return false;
    *x = node->inputs[0];
    if (node_is(node, "Mul"))
        return node->inputs[0] == node->inputs[1];
    exponent = node_constant(graph, node, 1);
    return node_is(node, "Pow") && exponent && tensor_count(exponent) == 1 &&
           exponent->shape.rank <= 1 && exponent->dtype != DTYPE_STRING &&
           tensor_f64(exponent, 0) == 2;
}

/* value = sqrt(mean of x^2 + epsilon), or with `inverse` one by it. */
static bool root_of(const struct graph *graph, value_id value, bool inverse, value_id *x,
                    double *epsilon)
{
    const struct node *node = value_producer(graph, value);
    value_id sum, mean, square;
    double exponent, one;

    if (!node || !node->input_count)
        return false;
    if (inverse && node_is(node, "Reciprocal"))
        return root_of(graph, node->inputs[0], false, x, epsilon);
    if (inverse && node_is(node, "Div") && match_number(graph, node, 0, &one) && one == 1)
        return root_of(graph, node->inputs[1], false, x, epsilon);
    if (match_with_number(graph, node, "Pow", false, &sum, &exponent)) {
        if (exponent != (inverse ? -0.5 : 0.5))
            return false;
    } else if (!inverse && node_is(node, "Sqrt")) {
        sum = node->inputs[0];
    } else {
        return false;
    }
    return match_with_number(graph, value_producer(graph, sum), "Add", true, &mean, epsilon) &&
           *epsilon >= 0 && mean_of(graph, mean, &square) && square_of(graph, square, x);
}

/* value = x - mean of x */
static bool centred(const struct graph *graph, value_id value, value_id *x)
{
    const struct node *sub = match_op(graph, value, "Sub");
    value_id of;

    if (!sub || !mean_of(graph, sub->inputs[1], &of) || of != sub->inputs[0])
        return false;
    *x = of;
    return true;
}

static bool find_plain(const struct graph *graph, const struct node *node, struct found *found)
{
    bool is_div = node_is(node, "Div");

    if ((!is_div && !node_is(node, "Mul")) || node->input_count != 2)
        return false;
    for (size_t side = 0; side < (is_div ? 1 : 2); side++) {
        value_id value = node->inputs[side], x;

        if (!root_of(graph, node->inputs[1 - side], !is_div, &x, &found->epsilon) || x != value)
            continue;
        found->is_centred = centred(graph, value, &found->x);
        if (!found->is_centred)
            found->x = value;
        return true;
    }
    return false;
}

/* Is it a constant, one for each element of the last dimension of x? */
static bool is_row(const struct graph *graph, value_id row, value_id x)
{
    const struct tensor *constant = row == VALUE_NONE ? NULL : value_constant(graph, row);
    const struct shape *shape = &graph->values[x].shape;
    int64_t n = shape->rank > 0 ? shape->dims[shape->rank - 1] : DIM_UNKNOWN;

    return constant && constant->dtype == DTYPE_F32 && dim_is_known(n) && n > 0 &&
           constant->shape.rank > 0 && constant->shape.rank <= shape->rank &&
           constant->shape.dims[constant->shape.rank - 1] == n &&
           tensor_count(constant) == (size_t)n;
}

/* m = 1 / root, perhaps times a row */
static bool multiplier(const struct graph *graph, value_id value, struct found *found, value_id *d)
{
    const struct node *mul = match_op(graph, value, "Mul");

    found->scale = VALUE_NONE;
    if (root_of(graph, value, true, d, &found->epsilon))
        return true;
    for (size_t side = 0; mul && mul->input_count == 2 && side < 2; side++)
        if (root_of(graph, mul->inputs[side], true, d, &found->epsilon)) {
            found->scale = mul->inputs[1 - side];
            return true;
        }
    return false;
}

/* The product of value and the other, of a Mul; VALUE_NONE: it is none. */
static value_id other_factor(const struct graph *graph, value_id product, value_id factor)
{
    const struct node *mul = match_op(graph, product, "Mul");

    if (!mul || mul->input_count != 2)
        return VALUE_NONE;
    return mul->inputs[0] == factor   ? mul->inputs[1]
           : mul->inputs[1] == factor ? mul->inputs[0]
                                      : VALUE_NONE;
}

/* x m + (bias - mean m) */
static bool find_shifted(const struct graph *graph, const struct node *node, struct found *found)
{
    if (!node_is(node, "Add") || node->input_count != 2)
        return false;
    for (size_t side = 0; side < 2; side++) {
        const struct node *sub = match_op(graph, node->inputs[1 - side], "Sub");
        const struct node *mul = match_op(graph, node->inputs[side], "Mul");

        for (size_t i = 0; sub && mul && i < 2; i++) {
            value_id m = mul->inputs[i], d, of, mean;

            if (!multiplier(graph, m, found, &d) || !centred(graph, d, &found->x) ||
                mul->inputs[1 - i] != found->x)
                continue;
            mean = other_factor(graph, sub->inputs[1], m);
            found->bias = sub->inputs[0];
            found->is_centred = true;
            return mean != VALUE_NONE && mean_of(graph, mean, &of) && of == found->x &&
                   is_row(graph, found->bias, found->x) &&
                   (found->scale == VALUE_NONE || is_row(graph, found->scale, found->x));
        }
    }
    return false;
}

/* (n,) of a constant row, with more dimensions in front of it perhaps. */
static enum status row_of(struct graph *graph, value_id row, value_id *flat, struct error *err)
{
    const struct tensor *constant = value_constant(graph, row);
    struct tensor copy = *constant;

    *flat = row;
    if (constant->shape.rank == 1)
        return STATUS_OK;
    copy.shape = SHAPE((int64_t)tensor_count(constant));
    return graph_constant(graph, "", &copy, flat, err);
}

static enum status ones(struct graph *graph, int64_t n, value_id *value, struct error *err)
{
    struct shape shape = SHAPE(n);
    struct tensor made;

    TRY(tensor_new(&made, DTYPE_F32, &shape, graph->keep, err));
    for (int64_t i = 0; i < n; i++)
        ((float *)made.data)[i] = 1;
    return graph_constant(graph, "", &made, value, err);
}

static enum status make(struct graph *graph, size_t index, struct found *found, struct error *err)
{
    const struct shape *shape = &graph->values[found->x].shape;
    struct attribute epsilon = {.name = "epsilon", .kind = ATTRIBUTE_FLOAT, .f = found->epsilon};
    value_id inputs[] = {found->x, found->scale, found->bias};

    if (found->scale == VALUE_NONE)
        TRY(ones(graph, shape->dims[shape->rank - 1], &inputs[SCALE], err));
    else
        TRY(row_of(graph, found->scale, &inputs[SCALE], err));
    if (found->bias != VALUE_NONE)
        TRY(row_of(graph, found->bias, &inputs[BIAS], err));
    return graph_node_rewrite(
        graph, index,
        &(struct node_description){
            .op = found->is_centred ? "LayerNormalization" : "RMSNormalization",
            .inputs = inputs,
            .input_count = found->is_centred ? 3 : 2,
            .attributes = &epsilon,
            .attribute_count = 1,
        },
        err);
}

/* --- the scale and the bias behind it --- */

/* scale times row */
static enum status rescaled(struct graph *graph, const struct tensor *scale,
                            const struct tensor *row, value_id *value, struct error *err)
{
    struct shape shape = SHAPE((int64_t)tensor_count(row));
    struct tensor made;

    TRY(tensor_new(&made, DTYPE_F32, &shape, graph->keep, err));
    for (size_t i = 0; i < tensor_count(row); i++)
        tensor_set_f64(&made, i, tensor_f64(scale, i) * tensor_f64(row, i));
    return graph_constant(graph, "", &made, value, err);
}

static bool is_last_axis(const struct graph *graph, const struct node *norm)
{
    int64_t axis = attribute_int(&norm->attributes, "axis", -1);

    return axis == -1 || axis == graph->values[norm->inputs[X]].shape.rank - 1;
}

/* y = norm(x) times, or plus, a row. */
static enum status take(struct graph *graph, const struct uses *uses, size_t index,
                        struct error *err)
{
    const struct node node = graph->nodes[index], *maker;
    bool is_add = node_is(&node, "Add");

    if ((!is_add && !node_is(&node, "Mul")) || node.input_count != 2 ||
        attribute_find(&node.attributes, "axis"))
        return STATUS_OK;
    for (size_t side = 0; side < 2; side++) {
        value_id row = node.inputs[1 - side], inputs[3] = {VALUE_NONE, VALUE_NONE, VALUE_NONE};
        struct node norm;

        maker = value_producer(graph, node.inputs[side]);
        if (!maker || maker->output_count != 1 || maker->input_count > (is_add ? 2 : 3) ||
            (!node_is(maker, "LayerNormalization") &&
             (is_add || !node_is(maker, "RMSNormalization"))) ||
            !is_last_axis(graph, maker) || !is_row(graph, row, maker->inputs[X]) ||
            !is_row(graph, maker->inputs[SCALE], maker->inputs[X]) ||
            !uses_is_private(uses, node.inputs[side]))
            continue;
        norm = *maker;
        memcpy(inputs, norm.inputs, norm.input_count * sizeof *inputs);
        if (!is_add && inputs[BIAS] != VALUE_NONE)
            continue;
        if (is_add)
            TRY(row_of(graph, row, &inputs[BIAS], err));
        else
            TRY(rescaled(graph, value_constant(graph, inputs[SCALE]), value_constant(graph, row),
                         &inputs[SCALE], err));
        return graph_node_rewrite(graph, index,
                                  &(struct node_description){
                                      .op = norm.op->name,
                                      .opset = norm.opset,
                                      .inputs = inputs,
                                      .input_count = is_add ? 3 : 2,
                                      .attributes = norm.attributes.items,
                                      .attribute_count = norm.attributes.count,
                                  },
                                  err);
    }
    return STATUS_OK;
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct uses uses;

    for (size_t n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->nodes[n];
        struct found found = {VALUE_NONE, VALUE_NONE, VALUE_NONE, 0, false};
        const struct value *x;

        if (graph->values[node->outputs[0]].dtype != DTYPE_F32 ||
            (!find_plain(graph, node, &found) && !find_shifted(graph, node, &found)))
            continue;
        x = &graph->values[found.x];
        if (x->shape.rank > 0 && x->shape.dims[x->shape.rank - 1] > 0 && !x->declared)
            TRY(make(graph, n, &found, err));
    }
    TRY(uses_find(&uses, graph, scratch, err));
    for (size_t n = 0; n < graph->node_count; n++)
        if (uses.is_live[n])
            TRY(take(graph, &uses, n, err));
    return STATUS_OK;
}

const struct pass pass_layer_norms = {
    .name = "layer_norms",
    .summary = "LayerNormalization and RMSNormalization from their parts",
    .order = 132,
    .run = run,
};
