// SPDX-License-Identifier: Apache-2.0
/* Inputs that are maps: two tensors in their place, "x.keys" and "x.values", which DictVectorizer
 * and CastMap take instead. No other operator takes a map. */
#include "importers/onnx/internal.h"

enum { MAP_DIMS = 1 };

struct split {
    const char *name, *keys, *values;
};

static const struct split *split_of(const struct split *splits, size_t count, struct bytes name)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_is(name, splits[i].name))
            return &splits[i];
    return NULL;
}

static enum status part_make(const struct onnx_value_info *map, bool keys,
                             struct onnx_value_info *part, struct arena *keep, struct error *err)
{
    struct onnx_dim *dims = arena_new(keep, struct onnx_dim, MAP_DIMS);
    char *name = arena_printf(keep, "%s.%s", map->name, keys ? "keys" : "values");

    if (!dims || !name)
        return error_no_memory(err, "a map");
    dims[0].value = DIM_UNKNOWN;
    *part = (struct onnx_value_info){.name = name,
                                     .dtype = keys ? map->key : map->holds->dtype,
                                     .type = "tensor",
                                     .rank = MAP_DIMS,
                                     .dims = dims};
    return STATUS_OK;
}

/* The one input of such a node is a map: it becomes two. */
static enum status node_split(struct onnx_node *node, const struct split *splits, size_t count,
                              struct arena *keep, struct error *err)
{
    const struct split *split =
        node->input_count == 1 ? split_of(splits, count, node->inputs[0]) : NULL;
    struct bytes *inputs;

    if (!split || (strcmp(node->op, "DictVectorizer") && strcmp(node->op, "CastMap")))
        return STATUS_OK;
    inputs = arena_new(keep, struct bytes, 2);
    if (!inputs)
        return error_no_memory(err, "a map");
    inputs[0] = bytes_of(split->keys);
    inputs[1] = bytes_of(split->values);
    node->inputs = inputs;
    node->input_count = 2;
    return STATUS_OK;
}

enum status onnx_maps_split(struct onnx_graph *graph, struct arena *keep, struct error *err)
{
    struct split *splits = arena_new(keep, struct split, graph->input_count);
    struct onnx_value_info *inputs =
        arena_new(keep, struct onnx_value_info, graph->input_count * 2);
    size_t count = 0, maps = 0;

    if (!splits || !inputs)
        return error_no_memory(err, "a map");
    for (size_t i = 0; i < graph->input_count; i++) {
        const struct onnx_value_info *info = &graph->inputs[i];

        if (strcmp(info->type, "map") || !info->holds || info->holds->dtype == DTYPE_NONE ||
            info->key == DTYPE_NONE) {
            inputs[count++] = *info;
            continue;
        }
        TRY(part_make(info, true, &inputs[count], keep, err));
        TRY(part_make(info, false, &inputs[count + 1], keep, err));
        splits[maps++] = (struct split){info->name, inputs[count].name, inputs[count + 1].name};
        count += 2;
    }
    if (!maps)
        return STATUS_OK;
    graph->inputs = inputs;
    graph->input_count = count;
    for (size_t i = 0; i < graph->node_count; i++)
        TRY(node_split(&graph->nodes[i], splits, maps, keep, err));
    return STATUS_OK;
}
