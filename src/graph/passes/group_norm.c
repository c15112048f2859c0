// SPDX-License-Identifier: Apache-2.0
/* GroupNormalization as exporters write it before opset 21: the groups become the channels of an
 * InstanceNormalization, between two Reshapes. And normalisations take over products and sums with
 * constants per channel that follow them. */
#include "graph/internal.h"

enum { X, SCALE, BIAS };

static bool is_constant_f32(const struct graph *graph, const struct node *node, size_t input)
{
    const struct tensor *constant = node_constant(graph, node, input);

    return constant && constant->dtype == DTYPE_F32;
}

/* --- Reshape, InstanceNormalization, Reshape --- */

struct pattern {
    const struct node *norm, *before; /* the InstanceNormalization and the Reshape in front of it */
    size_t groups, channels;
};

/* Is the output of the Reshape of the shape of value x, whatever that is? */
static bool is_shape_of(const struct graph *graph, const struct node *reshape, value_id x)
{
    const struct node *maker = value_producer(graph, reshape->inputs[1]);
    const struct value *from = &graph->values[x], *to = &graph->values[reshape->outputs[0]];

    if (maker && node_is(maker, "Shape") && maker->attributes.count == 0)
        return maker->inputs[0] == x;
    if (to->declared || from->shape.rank != to->shape.rank)
        return false;
    for (int i = 0; i < from->shape.rank; i++)
        if (from->shape.dims[i] == DIM_UNKNOWN || from->shape.dims[i] != to->shape.dims[i])
            return false;
    return true;
}

/* The shapes (n, channels, ...), (n, groups, rest), (n, channels, ...). The first dimension
 * of the second must surely be n. */
static bool shapes_fit(const struct graph *graph, const struct node *after, struct pattern *p)
{
    const struct shape *x = &graph->values[p->before->inputs[0]].shape;
    const struct shape *grouped = &graph->values[p->norm->inputs[X]].shape;
    const struct tensor *target = node_constant(graph, p->before, 1);

    if (x->rank < 3 || grouped->rank != 3 || !dim_is_known(x->dims[1]) || x->dims[1] < 1 ||
        grouped->dims[1] < 1 || x->dims[1] % grouped->dims[1] ||
        !is_shape_of(graph, after, p->before->inputs[0]))
        return false;
    if (!(x->dims[0] != DIM_UNKNOWN && grouped->dims[0] == x->dims[0]) &&
        !(target && target->dtype == DTYPE_I64 && tensor_count(target) == 3 &&
          tensor_i64(target, 0) == 0 && !attribute_int(&p->before->attributes, "allowzero", 0)))
        return false;
    p->groups = (size_t)grouped->dims[1];
    p->channels = (size_t)x->dims[1];
    return true;
}

static bool find(const struct graph *graph, const struct uses *uses, const struct node *after,
                 struct pattern *p)
{
    if (!node_is(after, "Reshape") || graph->values[after->outputs[0]].dtype != DTYPE_F32)
        return false;
    p->norm = value_producer(graph, after->inputs[0]);
    if (!p->norm || !node_is(p->norm, "InstanceNormalization") ||
        !uses_is_private(uses, after->inputs[0]) || !is_constant_f32(graph, p->norm, SCALE) ||
        !is_constant_f32(graph, p->norm, BIAS))
        return false;
    p->before = value_producer(graph, p->norm->inputs[X]);
    return p->before && node_is(p->before, "Reshape") && shapes_fit(graph, after, p);
}

/* One value a channel from one a group. */
static enum status spread(struct graph *graph, const struct pattern *p, size_t input,
                          value_id *value, struct error *err)
{
    const struct tensor *groups = node_constant(graph, p->norm, input);
    struct shape shape = SHAPE((int64_t)p->channels);
    struct tensor made;

    TRY(tensor_new(&made, DTYPE_F32, &shape, graph->keep, err));
    for (size_t c = 0; c < p->channels; c++)
        tensor_set_f64(&made, c, tensor_f64(groups, c / (p->channels / p->groups)));
    return graph_constant(graph, "", &made, value, err);
}

static enum status join(struct graph *graph, size_t index, const struct pattern *p,
                        struct error *err)
{
    value_id inputs[3] = {p->before->inputs[0]};
    double epsilon = attribute_float(&p->norm->attributes, "epsilon", 1e-5f);
    const char *name = p->norm->name;

    TRY(spread(graph, p, SCALE, &inputs[SCALE], err));
    TRY(spread(graph, p, BIAS, &inputs[BIAS], err));
    return graph_node_rewrite(
        graph, index,
        &(struct node_description){
            .op = "GroupNormalization",
            .name = name,
            .inputs = inputs,
            .input_count = ARRAY_COUNT(inputs),
            .attributes =
                (struct attribute[]){
                    {.name = "num_groups", .kind = ATTRIBUTE_INT, .i = (int64_t)p->groups},
                    {.name = "epsilon", .kind = ATTRIBUTE_FLOAT, .f = epsilon}},
            .attribute_count = 2,
        },
        err);
}

/* --- what follows --- */

/* One value, or (channels, 1, ...), broadcast to a tensor of this rank. */
static bool is_per_channel(const struct tensor *by, int rank, size_t channels)
{
    if (by->dtype != DTYPE_F32 || by->shape.rank > rank)
        return false;
    for (int i = 0; i < by->shape.rank; i++)
        if (by->shape.dims[i] != 1 &&
            (i + rank - by->shape.rank != 1 || (size_t)by->shape.dims[i] != channels))
            return false;
    return true;
}

/* The normalisation whose output this Mul or Add scales or shifts with *by. */
static const struct node *find_norm(const struct graph *graph, const struct uses *uses,
                                    const struct node *node, const struct tensor **by)
{
    if ((!node_is(node, "Mul") && !node_is(node, "Add")) ||
        attribute_find(&node->attributes, "axis"))
        return NULL;
    for (size_t side = 0; side < 2; side++) {
        const struct node *norm = value_producer(graph, node->inputs[side]);
        const struct shape *x;

        *by = node_constant(graph, node, 1 - side);
        if (!*by || !norm || !uses_is_private(uses, node->inputs[side]) ||
            !(node_is(norm, "InstanceNormalization") ||
              (node_is(norm, "GroupNormalization") && norm->opset >= 21)) ||
            !is_constant_f32(graph, norm, SCALE) || !is_constant_f32(graph, norm, BIAS) ||
            tensor_count(node_constant(graph, norm, SCALE)) !=
                tensor_count(node_constant(graph, norm, BIAS)))
            continue;
        x = &graph->values[norm->inputs[X]].shape;
        if (x->rank >= 2 &&
            is_per_channel(*by, x->rank, tensor_count(node_constant(graph, norm, SCALE))))
            return norm;
    }
    return NULL;
}

static enum status absorb(struct graph *graph, size_t index, struct node norm,
                          const struct tensor *by, struct error *err)
{
    const struct tensor *old[3] = {NULL, node_constant(graph, &norm, SCALE),
                                   node_constant(graph, &norm, BIAS)};
    bool scales = node_is(&graph->nodes[index], "Mul");
    value_id inputs[3] = {norm.inputs[X], norm.inputs[SCALE], norm.inputs[BIAS]};

    for (size_t i = SCALE; i <= BIAS; i++) {
        struct tensor made;

        if (i == SCALE && !scales)
            continue;
        TRY(tensor_new(&made, DTYPE_F32, &old[i]->shape, graph->keep, err));
        for (size_t c = 0; c < tensor_count(&made); c++) {
            double was = tensor_f64(old[i], c);
            double more = tensor_f64(by, tensor_count(by) == 1 ? 0 : c);

            tensor_set_f64(&made, c, scales ? was * more : was + more);
        }
        TRY(graph_constant(graph, "", &made, &inputs[i], err));
    }
    return graph_node_rewrite(graph, index,
                              &(struct node_description){
                                  .op = norm.op->name,
                                  .name = norm.name,
                                  .opset = norm.opset,
                                  .inputs = inputs,
                                  .input_count = ARRAY_COUNT(inputs),
                                  .attributes = norm.attributes.items,
                                  .attribute_count = norm.attributes.count,
                              },
                              err);
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct uses uses;

    TRY(uses_find(&uses, graph, scratch, err));
    for (size_t n = 0; n < graph->node_count; n++) {
        struct pattern pattern;
        const struct node *norm;
        const struct tensor *by;

        if (find(graph, &uses, &graph->nodes[n], &pattern))
            TRY(join(graph, n, &pattern, err));
        else if ((norm = find_norm(graph, &uses, &graph->nodes[n], &by)))
            TRY(absorb(graph, n, *norm, by, err));
    }
    return STATUS_OK;
}

const struct pass pass_group_norm = {
    .name = "group_norm",
    .summary = "normalisations of groups of channels",
    .order = 125,
    .run = run,
};
