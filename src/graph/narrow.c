// SPDX-License-Identifier: Apache-2.0
#include "graph/internal.h"

enum { B = 1, ATTRIBUTES_MAX = 16 };

enum status graph_narrow_weights(struct graph *graph, enum dtype dtype, struct error *err)
{
    struct attribute attributes[ATTRIBUTES_MAX];
    const char *name = dtype == DTYPE_BF16 ? "bf16" : "f16";

    for (size_t n = 0; n < graph->node_count; n++) {
        const struct node node = graph->nodes[n];
        const struct tensor *b = node_weights(graph, &node, B);
        size_t count = node.attributes.count;

        if (strcmp(node.domain, "firn") || strcmp(node.op->name, "Product") || !b ||
            b->dtype != DTYPE_F32 || count >= ATTRIBUTES_MAX)
            continue;
        memcpy(attributes, node.attributes.items, count * sizeof *attributes);
        attributes[count++] =
            (struct attribute){.name = "weights", .kind = ATTRIBUTE_STRING, .s = bytes_of(name)};
        TRY(graph_node_rewrite(graph, n,
                               &(struct node_description){
                                   .domain = "firn",
                                   .op = "Product",
                                   .inputs = node.inputs,
                                   .input_count = node.input_count,
                                   .attributes = attributes,
                                   .attribute_count = count,
                               },
                               err));
    }
    return STATUS_OK;
}
