// SPDX-License-Identifier: Apache-2.0
/* Normalisation, and what looks over all of an axis. */
#include "importers/caffe2/internal.h"

/* x, scale, bias, mean, variance. */
static enum status spatial(struct caffe2_call *c, struct error *err)
{
    bool last = caffe2_channels_last(c);
    double epsilon = caffe2_float(c, "epsilon", 1e-5f);
    value_id inputs[5], y;

    (void)caffe2_float(c, "momentum", 0); /* of training */
    TRY(caffe2_wants(c, 5, 5, err));
    TRY(caffe2_is_test(c, err));
    memcpy(inputs, c->in, sizeof inputs);
    if (last)
        TRY(caffe2_to_first(c, inputs[0], &inputs[0], err));
    TRY(emit_node(c->e, "", "BatchNormalization",
                  EMIT(inputs[0], inputs[1], inputs[2], inputs[3], inputs[4]),
                  EMIT_ATTRIBUTES(attribute_of_float("epsilon", epsilon)), &y, err));
    if (last)
        TRY(caffe2_to_last(c, y, &y, err));
    c->out[0] = y;
    return STATUS_OK;
}

static enum status instance(struct caffe2_call *c, struct error *err)
{
    TRY(caffe2_wants(c, 3, 3, err));
    if (caffe2_channels_last(c))
        return error_set(err, STATUS_UNSUPPORTED, "channels last");
    return emit_node(
        c->e, "", "InstanceNormalization", EMIT(c->in[0], c->in[1], c->in[2]),
        EMIT_ATTRIBUTES(attribute_of_float("epsilon", caffe2_float(c, "epsilon", 1e-5f))),
        &c->out[0], err);
}

/* The second output, the divisor, is for training. */
static enum status lrn(struct caffe2_call *c, struct error *err)
{
    bool last = caffe2_channels_last(c);
    int64_t size = caffe2_int(c, "size", 0);
    value_id x, y;

    TRY(caffe2_wants(c, 1, 1, err));
    if (size < 1 || size % 2 == 0)
        return error_set(err, STATUS_INVALID_INPUT, "size %lld is not odd", (long long)size);
    x = c->in[0];
    if (last)
        TRY(caffe2_to_first(c, x, &x, err));
    TRY(emit_node(c->e, "", "LRN", EMIT(x),
                  EMIT_ATTRIBUTES(attribute_of_int("size", size),
                                  attribute_of_float("alpha", caffe2_float(c, "alpha", 0)),
                                  attribute_of_float("beta", caffe2_float(c, "beta", 0)),
                                  attribute_of_float("bias", caffe2_float(c, "bias", 1))),
                  &y, err));
    if (last)
        TRY(caffe2_to_last(c, y, &y, err));
    c->out[0] = y;
    return STATUS_OK;
}

/* Over everything from `axis` on, as ONNX had it before opset 13. */
static enum status softmax(struct caffe2_call *c, struct error *err)
{
    const struct attribute axis = attribute_of_int("axis", caffe2_int(c, "axis", 1));
    const struct node_description node = {.op = "Softmax",
                                          .name = c->e->where,
                                          .opset = 11,
                                          .inputs = c->in,
                                          .input_count = 1,
                                          .output_count = 1,
                                          .attributes = &axis,
                                          .attribute_count = 1};

    TRY(caffe2_wants(c, 1, 1, err));
    return graph_node(c->e->graph, &node, c->out, err);
}

static enum status dropout(struct caffe2_call *c, struct error *err)
{
    (void)caffe2_float(c, "ratio", 0);
    TRY(caffe2_wants(c, 1, 1, err));
    TRY(caffe2_is_test(c, err));
    c->out[0] = c->in[0];
    return STATUS_OK;
}

static enum status arg_max(struct caffe2_call *c, struct error *err)
{
    TRY(caffe2_wants(c, 1, 1, err));
    return emit_node(c->e, "", "ArgMax", EMIT(c->in[0]),
                     EMIT_ATTRIBUTES(attribute_of_int("axis", caffe2_int(c, "axis", -1)),
                                     attribute_of_int("keepdims", caffe2_int(c, "keepdims", 1))),
                     &c->out[0], err);
}

const struct caffe2_op_set caffe2_ops_normalise = CAFFE2_OP_SET(
    {"SpatialBN", spatial, NULL}, {"InstanceNorm", instance, NULL}, {"LRN", lrn, NULL},
    {"Softmax", softmax, NULL}, {"Dropout", dropout, NULL}, {"ArgMax", arg_max, NULL});
