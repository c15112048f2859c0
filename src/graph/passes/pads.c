// SPDX-License-Identifier: Apache-2.0
/* A Pad with zeros before a convolution becomes the convolution's pads. */
#include "graph/internal.h"

static const struct {
    const char *domain, *op;
    int spatial; /* the first spatial dimension */
} ROWS[] = {{"", "Conv", 2}, {"firn", "ConvNhwc", 1}};

/* The first spatial dimension; 0: not a convolution. */
static int spatial_of(const struct node *node)
{
    for (size_t i = 0; i < ARRAY_COUNT(ROWS); i++)
        if (!strcmp(node->domain, ROWS[i].domain) && !strcmp(node->op->name, ROWS[i].op))
            return ROWS[i].spatial;
    return 0;
}

/* Is what is put there known to be 0? */
static bool pads_zeros(const struct graph *graph, const struct node *pad)
{
    const struct tensor *value = node_constant(graph, pad, 2);
    bool given = pad->input_count > 2 && pad->inputs[2] != VALUE_NONE;

    if (!attribute_is(&pad->attributes, "mode", "constant") &&
        attribute_find(&pad->attributes, "mode"))
        return false;
    if (given)
        return value && tensor_count(value) == 1 && tensor_f64(value, 0) == 0;
    return attribute_float(&pad->attributes, "value", 0) == 0;
}

/* pads[d] and pads[rank + d], for all dimensions; false when they are not known. */
static bool pads_of(const struct graph *graph, const struct node *pad, int rank, int64_t *pads)
{
    const struct tensor *input = node_constant(graph, pad, 1);
    size_t count;
    const int64_t *ints = attribute_ints(&pad->attributes, "pads", &count);

    if (pad->input_count > 3 || rank < 0)
        return false;
    if (!ints) {
        if (!input || input->dtype != DTYPE_I64)
            return false;
        ints = input->data;
        count = tensor_count(input);
    }
    if (count != 2 * (size_t)rank)
        return false;
    memcpy(pads, ints, count * sizeof *pads);
    return true;
}

/* Adds the pads of `pad` to those of the convolution; false when they do not fit. */
static bool pads_add(const struct graph *graph, const struct node *pad, const struct node *conv,
                     int64_t *sum, size_t *count)
{
    int64_t pads[2 * RANK_MAX];
    int rank = graph->values[pad->inputs[0]].shape.rank, spatial = spatial_of(conv);
    const int64_t *own = attribute_ints(&conv->attributes, "pads", count);
    struct bytes mode = attribute_string(&conv->attributes, "auto_pad", "NOTSET");

    if (!pads_zeros(graph, pad) || !pads_of(graph, pad, rank, pads) || rank < 3 ||
        (!bytes_is(mode, "NOTSET") && !bytes_is(mode, "VALID")))
        return false;
    own = bytes_is(mode, "VALID") ? NULL : own;
    if (own && *count != 2 * (size_t)(rank - 2))
        return false;
    *count = 2 * (size_t)(rank - 2);
    for (int i = 0; i < 2 * rank; i++) {
        int d = i % rank - spatial;

        if (pads[i] < 0 || pads[i] > INT32_MAX || ((d < 0 || d >= rank - 2) && pads[i]))
            return false;
        if (d >= 0 && d < rank - 2)
            sum[i / rank * (rank - 2) + d] = pads[i] + (own ? own[i / rank * (rank - 2) + d] : 0);
    }
    return true;
}

static enum status absorb(struct graph *graph, size_t index, const struct node *pad,
                          const int64_t *sum, size_t count, struct arena *scratch,
                          struct error *err)
{
    struct node conv = graph->nodes[index];
    struct attribute *attributes = arena_new(scratch, struct attribute, conv.attributes.count + 1);
    value_id *inputs = arena_new(scratch, value_id, conv.input_count);
    size_t kept = 0;

    if (!attributes || !inputs)
        return error_no_memory(err, "a pass");
    for (size_t i = 0; i < conv.attributes.count; i++)
        if (strcmp(conv.attributes.items[i].name, "pads") &&
            strcmp(conv.attributes.items[i].name, "auto_pad"))
            attributes[kept++] = conv.attributes.items[i];
    attributes[kept++] = attribute_of_ints("pads", sum, count);
    memcpy(inputs, conv.inputs, conv.input_count * sizeof *inputs);
    inputs[0] = pad->inputs[0];
    return graph_node_rewrite(graph, index,
                              &(struct node_description){
                                  .domain = conv.domain,
                                  .op = conv.op->name,
                                  .name = conv.name,
                                  .opset = conv.opset,
                                  .inputs = inputs,
                                  .input_count = conv.input_count,
                                  .attributes = attributes,
                                  .attribute_count = kept,
                              },
                              err);
}

static enum status run(struct graph *graph, struct arena *scratch, struct error *err)
{
    struct uses uses;

    TRY(uses_find(&uses, graph, scratch, err));
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct node *conv = &graph->nodes[n], *pad;
        int64_t sum[2 * RANK_MAX];
        size_t count;

        if (!spatial_of(conv))
            continue;
        pad = value_producer(graph, conv->inputs[0]);
        if (pad && node_is(pad, "Pad") && uses_is_private(&uses, conv->inputs[0]) &&
            pads_add(graph, pad, conv, sum, &count))
            TRY(absorb(graph, n, pad, sum, count, scratch, err));
    }
    return STATUS_OK;
}

const struct pass pass_pads = {
    .name = "pads",
    .summary = "zeros around an image into the convolution's pads",
    .order = 120,
    .run = run,
};
