// SPDX-License-Identifier: Apache-2.0
/* Blocks of pixels to channels or to the batch and back; patches; morphology. */
#include "importers/tensorflow/image/window.h"

/* --- channels --- */

static enum status space_depth(struct tf_call *c, const char *op, struct error *err)
{
    struct tf_window w = {.spatial = 2};
    int64_t block;
    value_id y;

    TRY(tf_int(c->node, "block_size", 0, &block, err));
    TRY(tf_channels_first(c, &w.first, err));
    TRY(tf_window_emit(c, &w, op, EMIT(c->in[0]),
                       EMIT_ATTRIBUTES(attribute_of_int("blocksize", block)), &y, err));
    return tf_give(c, y);
}

static enum status space_to_depth(struct tf_call *c, struct error *err)
{
    return space_depth(c, "SpaceToDepth", err);
}

static enum status depth_to_space(struct tf_call *c, struct error *err)
{
    return space_depth(c, "DepthToSpace", err);
}

/* --- the batch --- */

static enum status space_batch(struct tf_call *c, const char *op, value_id block, size_t pads_at,
                               struct error *err)
{
    value_id pads, y;

    TRY(tf_index(c, pads_at, &pads, err));
    TRY(emit_node(c->e, "firn", op, EMIT(c->in[0], block, pads), EMIT_PLAIN, &y, err));
    return tf_give(c, y);
}

static enum status space_batch_nd(struct tf_call *c, const char *op, struct error *err)
{
    value_id block;

    TRY(tf_index_list(c, 1, &block, err));
    return space_batch(c, op, block, 2, err);
}

/* The old form has one size for both sides of its blocks. */
static enum status space_batch_2d(struct tf_call *c, const char *op, struct error *err)
{
    int64_t size;
    value_id block;

    TRY(tf_int(c->node, "block_size", 0, &size, err));
    TRY(EMIT_INTS(c->e, &block, err, size, size));
    return space_batch(c, op, block, 1, err);
}

static enum status space_to_batch_nd(struct tf_call *c, struct error *err)
{
    return space_batch_nd(c, "SpaceToBatch", err);
}

/* --- dilated convolutions are stored as a convolution between the two --- */

static const struct node *maker(const struct tf_call *c, value_id value, const char *op)
{
    const struct graph *graph = c->e->graph;
    int32_t node = graph->values[value].producer;

    return node >= 0 && !strcmp(graph->nodes[node].op->name, op) ? &graph->nodes[node] : NULL;
}

static bool all_are(const struct attributes *attributes, const char *name, int64_t wanted)
{
    size_t count;
    const int64_t *values = attribute_ints(attributes, name, &count);

    for (size_t i = 0; values && i < count; i++)
        if (values[i] != wanted)
            return false;
    return true;
}

struct dilated {
    const struct node *conv, *to_batch;
    int64_t block[TF_SPATIAL_MAX], pads[2 * TF_SPATIAL_MAX];
    size_t spatial;
};

/* Is this a plain convolution of what SpaceToBatch made, whose pads cover the crops? */
static bool is_dilated(const struct tf_call *c, struct dilated *d)
{
    const struct graph *graph = c->e->graph;
    const struct tensor *block, *pads, *crops = tf_constant(c, 2), *blocks = tf_constant(c, 1);

    d->conv = maker(c, c->in[0], "ConvNhwc");
    d->to_batch = d->conv ? maker(c, d->conv->inputs[0], "SpaceToBatch") : NULL;
    if (!d->to_batch || !crops || !blocks || d->conv->input_count != 2 ||
        attribute_find(&d->conv->attributes, "auto_pad") ||
        !all_are(&d->conv->attributes, "strides", 1) ||
        !all_are(&d->conv->attributes, "dilations", 1) || !all_are(&d->conv->attributes, "pads", 0))
        return false;
    block = graph->values[d->to_batch->inputs[1]].constant;
    pads = graph->values[d->to_batch->inputs[2]].constant;
    if (!block || !pads)
        return false;
    d->spatial = tensor_count(block);
    if (d->spatial < 1 || d->spatial > TF_SPATIAL_MAX || tensor_count(blocks) != d->spatial ||
        tensor_count(crops) != 2 * d->spatial || tensor_count(pads) != 2 * d->spatial ||
        emit_shape(c->e, c->in[0])->rank != (int)d->spatial + 2)
        return false;
    for (size_t i = 0; i < d->spatial; i++) {
        d->block[i] = tensor_i64(block, i);
        d->pads[i] = tensor_i64(pads, 2 * i) - tensor_i64(crops, 2 * i);
        d->pads[d->spatial + i] = tensor_i64(pads, 2 * i + 1) - tensor_i64(crops, 2 * i + 1);
        if (tensor_i64(blocks, i) != d->block[i] || d->pads[i] < 0 || d->pads[d->spatial + i] < 0 ||
            tensor_i64(crops, 2 * i) < 0 || tensor_i64(crops, 2 * i + 1) < 0)
            return false;
    }
    return true;
}

static enum status batch_to_space_nd(struct tf_call *c, struct error *err)
{
    struct attribute attributes[3];
    struct dilated d;
    size_t count = 0;
    int64_t group;
    value_id y;

    if (!is_dilated(c, &d))
        return space_batch_nd(c, "BatchToSpace", err);
    group = attribute_int(&d.conv->attributes, "group", 1);
    attributes[count++] = attribute_of_ints("dilations", d.block, d.spatial);
    attributes[count++] = attribute_of_ints("pads", d.pads, 2 * d.spatial);
    attributes[count++] = attribute_of_int("group", group);
    TRY(emit(c->e, "firn", "ConvNhwc", (value_id[]){d.to_batch->inputs[0], d.conv->inputs[1]}, 2,
             attributes, count, &y, 1, err));
    return tf_give(c, y);
}

static enum status space_to_batch(struct tf_call *c, struct error *err)
{
    return space_batch_2d(c, "SpaceToBatch", err);
}

static enum status batch_to_space(struct tf_call *c, struct error *err)
{
    return space_batch_2d(c, "BatchToSpace", err);
}

/* --- patches --- */

static enum status patches(struct tf_call *c, int spatial, struct error *err)
{
    struct attribute attributes[4];
    struct tf_window w;
    size_t count;
    value_id y;

    TRY(tf_window_read(c, spatial, &w, err));
    TRY(tf_window_list(c, "ksizes", &w, w.kernel, err));
    TRY(tf_window_list(c, "rates", &w, w.dilations, err));
    count = tf_window_attributes(&w, attributes);
    attributes[count++] = attribute_of_ints("kernel_shape", w.kernel, (size_t)spatial);
    TRY(emit(c->e, "firn", "ExtractPatches", c->in, 1, attributes, count, &y, 1, err));
    return tf_give(c, y);
}

static enum status image_patches(struct tf_call *c, struct error *err)
{
    return patches(c, 2, err);
}

static enum status volume_patches(struct tf_call *c, struct error *err)
{
    return patches(c, 3, err);
}

static enum status dilation(struct tf_call *c, struct error *err)
{
    struct attribute attributes[3];
    struct tf_window w;
    size_t count;
    value_id y;

    TRY(tf_window_read(c, 2, &w, err));
    TRY(tf_window_list(c, "rates", &w, w.dilations, err));
    count = tf_window_attributes(&w, attributes);
    TRY(emit(c->e, "firn", "Dilation", c->in, 2, attributes, count, &y, 1, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_space =
    TF_OP_SET({.name = "SpaceToDepth", .lower = space_to_depth, .inputs = 1},
              {.name = "DepthToSpace", .lower = depth_to_space, .inputs = 1},
              {.name = "SpaceToBatch", .lower = space_to_batch, .inputs = 2},
              {.name = "BatchToSpace", .lower = batch_to_space, .inputs = 2},
              {.name = "SpaceToBatchND", .lower = space_to_batch_nd, .inputs = 3},
              {.name = "BatchToSpaceND", .lower = batch_to_space_nd, .inputs = 3},
              {.name = "ExtractImagePatches", .lower = image_patches, .inputs = 1},
              {.name = "ExtractVolumePatches", .lower = volume_patches, .inputs = 1},
              {.name = "Dilation2D", .lower = dilation, .inputs = 2}, );
