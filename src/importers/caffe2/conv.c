// SPDX-License-Identifier: Apache-2.0
/* Convolutions: x (N, C, H, W), or with the channels last; weights (M, C / group, kh, kw), or with
 * the channels last; of ConvTranspose (C, M / group, kh, kw). */
#include "importers/caffe2/window.h"

static enum status lower(struct caffe2_call *c, const char *op, struct attribute *attributes,
                         size_t count, bool last, struct error *err)
{
    value_id inputs[3], y;

    for (size_t i = 0; i < c->op->input_count; i++)
        inputs[i] = c->in[i];
    for (size_t i = 0; last && i < 2; i++)
        TRY(caffe2_to_first(c, inputs[i], &inputs[i], err));
    TRY(emit(c->e, "", op, inputs, c->op->input_count, attributes, count, &y, 1, err));
    if (last)
        TRY(caffe2_to_last(c, y, &y, err));
    c->out[0] = y;
    return STATUS_OK;
}

static enum status conv(struct caffe2_call *c, struct error *err)
{
    struct attribute attributes[CAFFE2_WINDOW_ATTRIBUTES + 1];
    struct caffe2_window window;
    size_t count;

    TRY(caffe2_wants(c, 2, 3, err));
    TRY(caffe2_window_read(c, &window, err));
    if (window.global || window.padding == CAFFE2_CAFFE)
        return error_set(err, STATUS_UNSUPPORTED, "a convolution padded as Caffe's pooling is");
    count = caffe2_window_attributes(&window, attributes);
    attributes[count++] = attribute_of_int("group", caffe2_int(c, "group", 1));
    return lower(c, "Conv", attributes, count, caffe2_channels_last(c), err);
}

static enum status transposed(struct caffe2_call *c, struct error *err)
{
    struct attribute attributes[CAFFE2_WINDOW_ATTRIBUTES + 2];
    int64_t adjusted[CAFFE2_SPATIAL], *adjs;
    struct caffe2_window window;
    size_t count, given;

    TRY(caffe2_wants(c, 2, 3, err));
    TRY(caffe2_window_read(c, &window, err));
    if (window.global || window.padding != CAFFE2_NOTSET)
        return error_set(err, STATUS_UNSUPPORTED, "legacy_pad of a transposed convolution");
    if (caffe2_channels_last(c))
        return error_set(err, STATUS_UNSUPPORTED, "a transposed convolution with channels last");
    TRY(caffe2_ints(c, "adjs", &adjs, &given, err));
    if (given && given != CAFFE2_SPATIAL)
        return error_set(err, STATUS_UNSUPPORTED, "adjs for %zu dimensions", given);
    adjusted[0] = given ? adjs[0] : caffe2_int(c, "adj_h", caffe2_int(c, "adj", 0));
    adjusted[1] = given ? adjs[1] : caffe2_int(c, "adj_w", caffe2_int(c, "adj", 0));
    count = caffe2_window_attributes(&window, attributes);
    attributes[count++] = attribute_of_ints("output_padding", adjusted, CAFFE2_SPATIAL);
    attributes[count++] = attribute_of_int("group", caffe2_int(c, "group", 1));
    return lower(c, "ConvTranspose", attributes, count, false, err);
}

const struct caffe2_op_set caffe2_ops_conv =
    CAFFE2_OP_SET({"Conv", conv, NULL}, {"ConvTranspose", transposed, NULL});
