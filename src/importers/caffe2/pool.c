// SPDX-License-Identifier: Apache-2.0
/* Pooling. A mean is over what of the window lies on the image, unless count_include_pad. */
#include "importers/caffe2/window.h"

/* Caffe rounds sizes up and drops a window that would begin in the padding; where windows leave
 * gaps and there is no padding it does not look. */
static enum status caffe_check(const struct caffe2_window *w, struct error *err)
{
    for (size_t i = 0; i < CAFFE2_SPATIAL; i++)
        if (w->padding == CAFFE2_CAFFE &&
            (w->strides[i] > w->kernel[i] || w->pads[i] != w->pads[i + CAFFE2_SPATIAL]))
            return error_set(err, STATUS_UNSUPPORTED,
                             "windows padded as Caffe's that leave gaps or differ by side");
    return STATUS_OK;
}

static enum status pool(struct caffe2_call *c, const char *op, const char *global,
                        struct error *err)
{
    struct attribute attributes[CAFFE2_WINDOW_ATTRIBUTES + 2];
    bool last = caffe2_channels_last(c), average = op[0] == 'A';
    struct caffe2_window window;
    size_t count = 0;
    value_id x, y;

    TRY(caffe2_wants(c, 1, 1, err));
    TRY(caffe2_window_read(c, &window, err));
    TRY(caffe_check(&window, err));
    x = c->in[0];
    if (last)
        TRY(caffe2_to_first(c, x, &x, err));
    if (!window.global) {
        count = caffe2_window_attributes(&window, attributes);
        if (window.padding == CAFFE2_CAFFE)
            attributes[count++] = attribute_of_int("ceil_mode", 1);
        if (average)
            attributes[count++] =
                attribute_of_int("count_include_pad", caffe2_int(c, "count_include_pad", 0) != 0);
    }
    TRY(emit(c->e, "", window.global ? global : op, &x, 1, attributes, count, &y, 1, err));
    if (last)
        TRY(caffe2_to_last(c, y, &y, err));
    c->out[0] = y;
    return STATUS_OK;
}

static enum status max(struct caffe2_call *c, struct error *err)
{
    return pool(c, "MaxPool", "GlobalMaxPool", err);
}

static enum status average(struct caffe2_call *c, struct error *err)
{
    return pool(c, "AveragePool", "GlobalAveragePool", err);
}

const struct caffe2_op_set caffe2_ops_pool =
    CAFFE2_OP_SET({"MaxPool", max, NULL}, {"AveragePool", average, NULL});
