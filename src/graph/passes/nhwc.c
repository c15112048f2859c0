// SPDX-License-Identifier: Apache-2.0
/* Images with their channels last: convolutions and pools become their twins of domain "firn"
 * between two Transposes, which pass `transposes` then moves and cancels. */
#include "graph/permute.h"

#define DTYPES_IMAGE DTYPE_BIT(DTYPE_F32)

static const struct {
    const char *op, *twin;
    uint64_t dtypes;
} ROWS[] = {
    {"Conv", "ConvNhwc", DTYPES_IMAGE},
    {"ConvTranspose", "ConvTransposeNhwc", DTYPES_IMAGE},
    {"MaxPool", "MaxPoolNhwc", DTYPES_IMAGE | DTYPE_BIT(DTYPE_U8) | DTYPE_BIT(DTYPE_I8)},
    {"AveragePool", "AveragePoolNhwc", DTYPES_IMAGE},
    {"GlobalMaxPool", "GlobalMaxPoolNhwc", DTYPES_IMAGE},
    {"GlobalAveragePool", "GlobalAveragePoolNhwc", DTYPES_IMAGE},
    {"QLinearConv", "QLinearConvNhwc", DTYPE_BIT(DTYPE_U8) | DTYPE_BIT(DTYPE_I8)},
};

enum { RANK_LOW = 3, RANK_HIGH = 5 };

/* The twin, or NULL. */
static const char *twin_of(const struct graph *graph, const struct node *node)
{
    const struct value *x;

    /* QLinearConv of domain "firn" is ONNX's with a clamp. */
    if ((*node->domain && strcmp(node->op->name, "QLinearConv")) || node->output_count != 1 ||
        !node->input_count || node->inputs[0] == VALUE_NONE)
        return NULL;
    x = &graph->values[node->inputs[0]];
    if (x->shape.rank < RANK_LOW || x->shape.rank > RANK_HIGH)
        return NULL;
    for (size_t i = 0; i < ARRAY_COUNT(ROWS); i++)
        if (!strcmp(node->op->name, ROWS[i].op))
            return ROWS[i].dtypes & DTYPE_BIT(x->dtype) &&
                           op_find(bytes_of("firn"), bytes_of(ROWS[i].twin))
                       ? ROWS[i].twin
                       : NULL;
    return NULL;
}

static enum status convert(struct edit *edit, size_t index, const char *twin, struct arena *scratch,
                           struct error *err)
{
    struct graph *graph = edit->graph;
    struct node node = graph->nodes[index];
    int rank = graph->values[node.inputs[0]].shape.rank;
    struct order last = order_channels_last(rank), first = order_channels_first(rank);
    value_id *inputs = arena_new(scratch, value_id, node.input_count), y;

    if (!inputs)
        return error_no_memory(err, "a pass");
    memcpy(inputs, node.inputs, node.input_count * sizeof *inputs);
    TRY(order_apply(graph, &last, node.inputs[0], &inputs[0], err));
    TRY(graph_node(graph,
                   &(struct node_description){
                       .domain = "firn",
                       .op = twin,
                       .name = node.name,
                       .opset = node.opset,
                       .inputs = inputs,
                       .input_count = node.input_count,
                       .output_count = 1,
                       .attributes = node.attributes.items,
                       .attribute_count = node.attributes.count,
                   },
                   &y, err));
    TRY(order_apply(graph, &first, y, &y, err));
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
        const char *twin;

        edit_visit(&edit, n);
        twin = twin_of(graph, &graph->nodes[n]);
        if (twin)
            TRY(convert(&edit, n, twin, scratch, err));
    }
    return edit_end(&edit, scratch, err);
}

const struct pass pass_nhwc = {
    .name = "nhwc",
    .summary = "images with their channels last",
    .order = 300,
    .run = run,
};
