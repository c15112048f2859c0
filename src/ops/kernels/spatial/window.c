// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/spatial/window.h"

/* One value per spatial dimension, or the default. */
static enum status read_list(const struct op_call *call, const char *name, int rank, int64_t low,
                             int64_t otherwise, int64_t *values, struct error *err)
{
    size_t count;
    const int64_t *ints = attribute_ints(call->attributes, name, &count);

    if (ints && count != (size_t)rank)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu %s for %d dimensions", count, name,
                        rank);
    for (int i = 0; i < rank; i++) {
        values[i] = ints ? ints[i] : otherwise;
        if (values[i] < low || values[i] > WINDOW_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "%s has %lld", name,
                            (long long)values[i]);
    }
    return STATUS_OK;
}

enum status window_read(const struct op_call *call, const struct shape *in, const int64_t *kernel,
                        struct window *w, struct error *err)
{
    size_t count;

    *w = (struct window){.rank = in->rank - 2};
    if (!kernel && !attribute_ints(call->attributes, "kernel_shape", &count))
        return op_error(call, err, STATUS_INVALID_INPUT, "kernel_shape is missing");
    TRY(read_list(call, "kernel_shape", w->rank, 1, 1, w->kernel, err));
    TRY(read_list(call, "strides", w->rank, 1, 1, w->stride, err));
    TRY(read_list(call, "dilations", w->rank, 1, 1, w->dilation, err));
    for (int i = 0; i < w->rank; i++) {
        w->in[i] = in->dims[i + 2];
        w->out[i] = DIM_UNKNOWN;
        if (w->in[i] > WINDOW_MAX)
            return op_error(call, err, STATUS_TOO_LARGE, "dimension %d is %lld", i + 2,
                            (long long)w->in[i]);
        if (!kernel)
            continue;
        if (attribute_find(call->attributes, "kernel_shape") && dim_is_known(kernel[i]) &&
            kernel[i] != w->kernel[i])
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "kernel_shape has %lld, the weights %lld", (long long)w->kernel[i],
                            (long long)kernel[i]);
        if (!attribute_find(call->attributes, "kernel_shape"))
            w->kernel[i] = kernel[i];
        if (w->kernel[i] == 0 || w->kernel[i] > WINDOW_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "the kernel has %lld elements",
                            (long long)w->kernel[i]);
    }
    return STATUS_OK;
}

static enum status read_pads(const struct op_call *call, struct window *w, bool *same, bool *lower,
                             struct error *err)
{
    struct bytes mode = attribute_string(call->attributes, "auto_pad", "NOTSET");
    size_t count;
    const int64_t *ints = attribute_ints(call->attributes, "pads", &count);

    *lower = bytes_is(mode, "SAME_LOWER");
    *same = *lower || bytes_is(mode, "SAME_UPPER");
    if (*same || bytes_is(mode, "VALID"))
        return STATUS_OK;
    if (!bytes_is(mode, "NOTSET") && mode.size)
        return op_error(call, err, STATUS_UNSUPPORTED, "this auto_pad");
    if (ints && count != 2 * (size_t)w->rank)
        return op_error(call, err, STATUS_INVALID_INPUT, "%zu pads for %d dimensions", count,
                        w->rank);
    for (int i = 0; ints && i < w->rank; i++) {
        w->begin[i] = ints[i];
        w->end[i] = ints[i + w->rank];
        if (w->begin[i] < 0 || w->end[i] < 0 || w->begin[i] > WINDOW_MAX || w->end[i] > WINDOW_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "pads of dimension %d are %lld, %lld",
                            i, (long long)w->begin[i], (long long)w->end[i]);
    }
    return STATUS_OK;
}

enum status window_of(const struct op_call *call, const struct shape *in, const int64_t *kernel,
                      struct window *w, struct error *err)
{
    bool ceil_mode = attribute_int(call->attributes, "ceil_mode", 0), same, lower;

    TRY(window_read(call, in, kernel, w, err));
    TRY(read_pads(call, w, &same, &lower, err));
    for (int i = 0; i < w->rank; i++) {
        int64_t span = (w->kernel[i] - 1) * w->dilation[i] + 1, room, out;

        if (!dim_is_known(w->in[i]) || !dim_is_known(w->kernel[i])) {
            /* a window that keeps the size keeps a free dimension's name */
            if (dim_is_known(w->kernel[i]) && w->stride[i] == 1 &&
                (same || w->begin[i] + w->end[i] == span - 1))
                w->out[i] = w->in[i];
            continue;
        }
        if (same) {
            int64_t total;

            out = (w->in[i] + w->stride[i] - 1) / w->stride[i];
            total = (out - 1) * w->stride[i] + span - w->in[i];
            total = total < 0 ? 0 : total;
            w->begin[i] = lower ? total - total / 2 : total / 2;
            w->end[i] = total - w->begin[i];
            w->out[i] = out;
            continue;
        }
        room = w->in[i] + w->begin[i] + w->end[i] - span;
        if (room < 0 && !(ceil_mode && room > -w->stride[i] && w->in[i] + w->begin[i] > 0))
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "a window of %lld is larger than dimension %d, %lld, with its pads",
                            (long long)span, i + 2, (long long)w->in[i]);
        out = room < 0 ? 1 : room / w->stride[i] + 1; /* -1 / 2 rounded up is 0 */
        /* a last window that is only partly inside, unless it begins behind the input */
        if (ceil_mode && room > 0 && room % w->stride[i] &&
            out * w->stride[i] < w->in[i] + w->begin[i])
            out++;
        w->out[i] = out;
    }
    return STATUS_OK;
}

/* Numbers k < limit for which start + k * step is below end. */
static int64_t steps_below(int64_t start, int64_t step, int64_t end, int64_t limit)
{
    int64_t count = end > start ? (end - start - 1) / step + 1 : 0;

    return count < limit ? count : limit;
}

struct window_taps window_taps_at(const struct window *w, const int64_t *at)
{
    struct window_taps taps = {.inside = 1, .padded = 1};

    for (int d = 0; d < w->rank; d++) {
        int64_t start = at[d] * w->stride[d] - w->begin[d];
        int64_t outside = steps_below(start, w->dilation[d], 0, w->kernel[d]);

        taps.first[d] = start + outside * w->dilation[d];
        taps.count[d] = steps_below(start, w->dilation[d], w->in[d], w->kernel[d]) - outside;
        taps.inside *= (double)taps.count[d];
        taps.padded *=
            (double)steps_below(start, w->dilation[d], w->in[d] + w->end[d], w->kernel[d]);
    }
    return taps;
}
