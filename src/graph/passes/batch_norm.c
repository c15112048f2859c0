// SPDX-License-Identifier: Apache-2.0
/* BatchNormalization with constant statistics is a product and a sum per channel, which the
 * convolution before it takes over (pass `weights`). */
#include <math.h>

#include "graph/internal.h"

enum { X, SCALE, BIAS, MEAN, VARIANCE };

static bool is_constant(const struct graph *graph, const struct node *node)
{
    const struct value *x;

    if (!node_is(node, "BatchNormalization") || node->output_count != 1 ||
        attribute_int(&node->attributes, "training_mode", 0) ||
        !attribute_int(&node->attributes, "spatial", 1))
        return false;
    x = &graph->values[node->inputs[X]];
    for (size_t i = SCALE; i <= VARIANCE; i++)
        if (!node_constant(graph, node, i) || tensor_count(node_constant(graph, node, i)) !=
                                                  tensor_count(node_constant(graph, node, SCALE)))
            return false;
    return (x->dtype == DTYPE_F32 || x->dtype == DTYPE_F64) && x->shape.rank >= 2;
}

static enum status lower(struct edit *edit, size_t index, struct error *err)
{
    struct graph *graph = edit->graph;
    struct node node = graph->nodes[index];
    struct value x = graph->values[node.inputs[X]];
    double epsilon = attribute_float(&node.attributes, "epsilon", 1e-5f);
    const struct tensor *in[VARIANCE + 1];
    struct tensor factor, shift;
    struct shape shape = {.rank = x.shape.rank - 1};
    value_id factor_id, shift_id, y;

    for (size_t i = SCALE; i <= VARIANCE; i++)
        in[i] = node_constant(graph, &node, i);
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = i ? 1 : in[SCALE]->shape.dims[0];
    TRY(tensor_new(&factor, x.dtype, &shape, graph->keep, err));
    TRY(tensor_new(&shift, x.dtype, &shape, graph->keep, err));
    for (size_t c = 0; c < tensor_count(&factor); c++) {
        double by = tensor_f64(in[SCALE], c) / sqrt(tensor_f64(in[VARIANCE], c) + epsilon);

        tensor_set_f64(&factor, c, by);
        tensor_set_f64(&shift, c, tensor_f64(in[BIAS], c) - tensor_f64(in[MEAN], c) * by);
    }
    TRY(graph_constant(graph, "", &factor, &factor_id, err));
    TRY(graph_constant(graph, "", &shift, &shift_id, err));
    TRY(graph_op(graph, "", "Mul", node.inputs[X], factor_id, VALUE_NONE, NULL, 0, &y, err));
    TRY(graph_op(graph, "", "Add", y, shift_id, VALUE_NONE, NULL, 0, &y, err));
    TRY(value_inherit(graph, node.outputs[0], y, err));
    edit_replace(edit, node.outputs[0], y);
    edit_remove(edit, index);
    return STATUS_OK;
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct edit edit;

    TRY(edit_begin(&edit, graph, scratch, err));
    for (size_t n = 0; n < edit.node_count; n++) {
        edit_visit(&edit, n);
        if (is_constant(graph, &graph->nodes[n]))
            TRY(lower(&edit, n, err));
    }
    return edit_end(&edit, scratch, err);
}

const struct pass pass_batch_norm = {
    .name = "batch_norm",
    .summary = "batch normalisation as a product and a sum",
    .order = 100,
    .run = run,
};
