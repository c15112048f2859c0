// SPDX-License-Identifier: Apache-2.0
#include "importers/tensorflow/image/window.h"

enum { NUMBER_MAX = 1 << 20 };

enum status tf_channels_first(const struct tf_call *c, bool *first, struct error *err)
{
    static const char *const LAST[] = {"", "NHWC", "NDHWC", "NWC", "CHANNELS_LAST"};
    static const char *const FIRST[] = {"NCHW", "NCDHW", "NCW", "CHANNELS_FIRST"};
    struct bytes format;

    TRY(tf_string(c->node, "data_format", "", &format, err));
    for (size_t i = 0; i < sizeof LAST / sizeof *LAST; i++)
        if (bytes_is(format, LAST[i])) {
            *first = false;
            return STATUS_OK;
        }
    for (size_t i = 0; i < sizeof FIRST / sizeof *FIRST; i++)
        if (bytes_is(format, FIRST[i])) {
            *first = true;
            return STATUS_OK;
        }
    return error_set(err, STATUS_UNSUPPORTED, "its data_format is '%.*s'",
                     (int)(format.size < 32 ? format.size : 32), (const char *)format.data);
}

enum status tf_window_numbers(const char *name, const struct tf_window *w, const int64_t *all,
                              size_t count, int64_t *values, struct error *err)
{
    int at = w->first ? 2 : 1;

    if (count != (size_t)w->spatial + 2 || all[0] != 1 || all[tf_window_channel(w)] != 1)
        return error_set(err, STATUS_UNSUPPORTED, "its %s are not of the image alone", name);
    for (int i = 0; i < w->spatial; i++) {
        values[i] = all[at + i];
        if (values[i] < 1 || values[i] > NUMBER_MAX)
            return error_set(err, STATUS_INVALID_INPUT, "its %s hold %lld", name,
                             (long long)values[i]);
    }
    return STATUS_OK;
}

enum status tf_window_list(const struct tf_call *c, const char *name, const struct tf_window *w,
                           int64_t *values, struct error *err)
{
    int64_t all[TF_SPATIAL_MAX + 2];
    size_t count;

    TRY(tf_ints(c->node, name, all, TF_SPATIAL_MAX + 2, &count, c->l->keep, err));
    for (int i = 0; i < w->spatial; i++)
        values[i] = 1;
    return count ? tf_window_numbers(name, w, all, count, values, err) : STATUS_OK;
}

static enum status explicit_pads(const struct tf_call *c, struct tf_window *w, struct error *err)
{
    int64_t all[2 * (TF_SPATIAL_MAX + 2)];
    size_t count;
    int at = w->first ? 4 : 2;

    TRY(tf_ints(c->node, "explicit_paddings", all, 2 * (TF_SPATIAL_MAX + 2), &count, c->l->keep,
                err));
    if (count != 2 * ((size_t)w->spatial + 2))
        return error_set(err, STATUS_INVALID_INPUT, "has %zu explicit_paddings", count);
    for (size_t i = 0; i < count; i++) {
        bool is_image = (int)i >= at && (int)i < at + 2 * w->spatial;

        if (all[i] < 0 || all[i] > NUMBER_MAX || (!is_image && all[i]))
            return error_set(err, STATUS_INVALID_INPUT, "its explicit_paddings hold %lld",
                             (long long)all[i]);
    }
    for (int i = 0; i < w->spatial; i++) {
        w->pads[i] = all[at + 2 * i];
        w->pads[w->spatial + i] = all[at + 2 * i + 1];
    }
    w->is_explicit = true;
    return STATUS_OK;
}

enum status tf_window_read(const struct tf_call *c, int spatial, struct tf_window *w,
                           struct error *err)
{
    struct bytes padding;

    *w = (struct tf_window){.spatial = spatial};
    TRY(tf_channels_first(c, &w->first, err));
    TRY(tf_string(c->node, "padding", "VALID", &padding, err));
    w->same = bytes_is(padding, "SAME");
    TRY(tf_window_list(c, "strides", w, w->strides, err));
    TRY(tf_window_list(c, "dilations", w, w->dilations, err));
    if (bytes_is(padding, "EXPLICIT"))
        return explicit_pads(c, w, err);
    if (!w->same && !bytes_is(padding, "VALID"))
        return error_set(err, STATUS_UNSUPPORTED, "its padding is not known");
    return STATUS_OK;
}

size_t tf_window_attributes(const struct tf_window *w, struct attribute *attributes)
{
    size_t n = (size_t)w->spatial, count = 0;

    attributes[count++] = attribute_of_ints("strides", w->strides, n);
    attributes[count++] = attribute_of_ints("dilations", w->dilations, n);
    attributes[count++] = w->same ? attribute_of_text("auto_pad", "SAME_UPPER")
                                  : attribute_of_ints("pads", w->pads, 2 * n);
    return count;
}

enum status tf_window_emit(const struct tf_call *c, const struct tf_window *w, const char *op,
                           struct emit_inputs in, struct emit_attributes attributes, value_id *y,
                           struct error *err)
{
    return emit_image(c->e, op, w->first, in.values, in.count, attributes.items, attributes.count,
                      y, err);
}
