// SPDX-License-Identifier: Apache-2.0
#include "importers/caffe2/window.h"

#include <stdio.h>

/* "kernels" of a list, "kernel" for both, or "kernel_h" and "kernel_w"; all may be missing. */
static enum status pair_read(struct caffe2_call *c, const char *one, const char *list,
                             int64_t otherwise, int64_t *pair, bool *found, struct error *err)
{
    int64_t *values;
    size_t count;
    char name[32];

    *found = true;
    TRY(caffe2_ints(c, list, &values, &count, err));
    if (count && count != CAFFE2_SPATIAL)
        return error_set(err, STATUS_UNSUPPORTED, "%s for %zu dimensions", list, count);
    for (size_t i = 0; i < CAFFE2_SPATIAL; i++)
        pair[i] = count ? values[i] : caffe2_int(c, one, otherwise);
    if (count || caffe2_has(c, one))
        return STATUS_OK;
    for (size_t i = 0; i < CAFFE2_SPATIAL; i++) {
        snprintf(name, sizeof name, "%s_%c", one, "hw"[i]);
        pair[i] = caffe2_int(c, name, otherwise);
    }
    snprintf(name, sizeof name, "%s_h", one);
    *found = caffe2_has(c, name);
    return STATUS_OK;
}

static enum status pads_read(struct caffe2_call *c, struct caffe2_window *w, struct error *err)
{
    static const char *const NAMES[] = {"pad_t", "pad_l", "pad_b", "pad_r"};
    int64_t *values;
    size_t count;

    TRY(caffe2_ints(c, "pads", &values, &count, err));
    if (count && count != ARRAY_COUNT(NAMES))
        return error_set(err, STATUS_UNSUPPORTED, "pads for %zu sides", count);
    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++) {
        w->pads[i] = count                  ? values[i]
                     : caffe2_has(c, "pad") ? caffe2_int(c, "pad", 0)
                                            : caffe2_int(c, NAMES[i], 0);
        if (w->pads[i] < 0 || w->pads[i] > INT32_MAX)
            return error_set(err, STATUS_INVALID_INPUT, "a padding of %lld", (long long)w->pads[i]);
    }
    return STATUS_OK;
}

static enum status padding_read(struct caffe2_call *c, struct caffe2_window *w, struct error *err)
{
    int64_t legacy = caffe2_int(c, "legacy_pad", CAFFE2_NOTSET);

    if (legacy < 0 || legacy > CAFFE2_CAFFE)
        return error_set(err, STATUS_UNSUPPORTED, "legacy_pad %lld", (long long)legacy);
    w->padding = (enum caffe2_padding)legacy;
    for (size_t i = 0; i < CAFFE2_SPATIAL; i++)
        if (w->padding == CAFFE2_SAME && w->kernel[i] < w->strides[i])
            return error_set(err, STATUS_UNSUPPORTED, "padding SAME of windows that leave gaps");
    return STATUS_OK;
}

enum status caffe2_window_read(struct caffe2_call *c, struct caffe2_window *w, struct error *err)
{
    bool found, ignored;

    *w = (struct caffe2_window){.global = caffe2_int(c, "global_pooling", 0) != 0};
    TRY(pair_read(c, "kernel", "kernels", 0, w->kernel, &found, err));
    TRY(pair_read(c, "stride", "strides", 1, w->strides, &ignored, err));
    TRY(pair_read(c, "dilation", "dilations", 1, w->dilations, &ignored, err));
    if (!found && !w->global)
        return error_set(err, STATUS_INVALID_INPUT, "it has no kernel size");
    for (size_t i = 0; i < CAFFE2_SPATIAL; i++)
        if ((!w->global && w->kernel[i] < 1) || w->strides[i] < 1 || w->dilations[i] < 1 ||
            w->kernel[i] > INT32_MAX || w->strides[i] > INT32_MAX || w->dilations[i] > INT32_MAX)
            return error_set(
                err, STATUS_INVALID_INPUT, "a window of size %lld, stride %lld, dilation %lld",
                (long long)w->kernel[i], (long long)w->strides[i], (long long)w->dilations[i]);
    TRY(pads_read(c, w, err));
    return padding_read(c, w, err);
}

size_t caffe2_window_attributes(const struct caffe2_window *w, struct attribute *attributes)
{
    size_t count = 0;

    attributes[count++] = attribute_of_ints("kernel_shape", w->kernel, CAFFE2_SPATIAL);
    attributes[count++] = attribute_of_ints("strides", w->strides, CAFFE2_SPATIAL);
    attributes[count++] = attribute_of_ints("dilations", w->dilations, CAFFE2_SPATIAL);
    if (w->padding == CAFFE2_SAME)
        attributes[count++] = attribute_of_text("auto_pad", "SAME_UPPER");
    else if (w->padding != CAFFE2_VALID)
        attributes[count++] = attribute_of_ints("pads", w->pads, 2 * CAFFE2_SPATIAL);
    return count;
}
