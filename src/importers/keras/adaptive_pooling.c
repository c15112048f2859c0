// SPDX-License-Identifier: Apache-2.0
/* AdaptivePooling: to a number of windows along each dimension; window i of n spans floor(i size /
 * n) to ceil((i + 1) size / n). One dimension after another. */
#include "importers/keras/internal.h"

enum { SPATIAL_MAX = 3, WINDOWS_MAX = 4096 };

/* (factor size + added) / windows */
static enum status bound(const struct emitter *e, value_id size, int64_t factor, int64_t added,
                         int64_t windows, value_id *y, struct error *err)
{
    value_id number;

    TRY(EMIT_INTS(e, &number, err, factor));
    TRY(emit_2(e, "Mul", size, number, y, err));
    TRY(EMIT_INTS(e, &number, err, added));
    TRY(emit_2(e, "Add", *y, number, y, err));
    TRY(EMIT_INTS(e, &number, err, windows));
    return emit_2(e, "Div", *y, number, y, err);
}

/* Window i where the size is not known. */
static enum status window_open(const struct emitter *e, value_id x, int64_t axis, int64_t i,
                               int64_t windows, value_id *y, struct error *err)
{
    value_id size, from, to, axes;

    TRY(emit_1(e, "Shape", x, &size, err));
    TRY(emit_slice(e, size, 0, axis, axis + 1, 1, &size, err));
    TRY(bound(e, size, i, 0, windows, &from, err));
    TRY(bound(e, size, i + 1, windows - 1, windows, &to, err));
    TRY(EMIT_INTS(e, &axes, err, axis));
    return emit_node(e, "", "Slice", EMIT(x, from, to, axes), EMIT_PLAIN, y, err);
}

static enum status along(struct call *c, const char *op, int64_t axis, int64_t size,
                         int64_t windows, value_id *x, struct error *err)
{
    value_id *parts = arena_new(c->k->keep, value_id, (size_t)windows);

    if (!parts)
        return error_no_memory(err, "a layer");
    if (size == windows)
        return STATUS_OK;
    for (int64_t i = 0; i < windows; i++) {
        int64_t from = i * size / windows, to = ((i + 1) * size + windows - 1) / windows;

        if (size < 0)
            TRY(window_open(c->e, *x, axis, i, windows, &parts[i], err));
        else
            TRY(emit_slice(c->e, *x, axis, from, to, 1, &parts[i], err));
        TRY(emit_reduce(c->e, op, parts[i], &axis, 1, true, &parts[i], err));
    }
    return emit_concat(c->e, (struct emit_inputs){parts, (size_t)windows}, axis, x, err);
}

/* Equal windows are ordinary pooling. */
static enum status equal(struct call *c, const char *op, int spatial, bool first,
                         const int64_t *sizes, value_id *x, struct error *err)
{
    struct attribute attributes[] = {attribute_of_ints("kernel_shape", sizes, (size_t)spatial),
                                     attribute_of_ints("strides", sizes, (size_t)spatial)};

    return emit_image(c->e, op, first, x, 1, attributes, ARRAY_COUNT(attributes), x, err);
}

static enum status adaptive(struct call *c, bool max, int spatial, struct error *err)
{
    bool first = config_channels_first(c, spatial), even = true;
    int64_t windows[SPATIAL_MAX], sizes[SPATIAL_MAX], each[SPATIAL_MAX];
    value_id x = c->in[0].value;
    int rank, at = first ? 2 : 1;

    TRY(call_wants(c, 1, err));
    TRY(call_rank(c, 0, &rank, err));
    if (rank != spatial + 2)
        return error_set(err, STATUS_INVALID_INPUT, "its input has %d dimensions", rank);
    TRY(config_ints(c, "output_size", (size_t)spatial, 1, windows, err));
    for (int d = 0; d < spatial; d++) {
        sizes[d] = emit_shape(c->e, x)->dims[at + d];
        if (windows[d] < 1 || windows[d] > WINDOWS_MAX || sizes[d] == 0)
            return error_set(err, STATUS_UNSUPPORTED, "%lld windows of %lld", (long long)windows[d],
                             (long long)sizes[d]);
        even = even && sizes[d] > 0 && sizes[d] % windows[d] == 0;
        each[d] = sizes[d] / windows[d];
    }
    if (even) {
        TRY(equal(c, max ? "MaxPool" : "AveragePool", spatial, first, each, &x, err));
        return call_give(c, x);
    }
    for (int d = 0; d < spatial; d++)
        TRY(along(c, max ? "ReduceMax" : "ReduceMean", at + d, sizes[d], windows[d], &x, err));
    return call_give(c, x);
}

#define ADAPTIVE(n)                                                                                \
    static enum status max_##n(struct call *c, struct error *err)                                  \
    {                                                                                              \
        return adaptive(c, true, n, err);                                                          \
    }                                                                                              \
    static enum status average_##n(struct call *c, struct error *err)                              \
    {                                                                                              \
        return adaptive(c, false, n, err);                                                         \
    }
ADAPTIVE(1)
ADAPTIVE(2)
ADAPTIVE(3)

const struct layer_set layers_adaptive_pooling =
    LAYER_SET({.name = "AdaptiveMaxPooling1D", .lower = max_1},
              {.name = "AdaptiveMaxPooling2D", .lower = max_2},
              {.name = "AdaptiveMaxPooling3D", .lower = max_3},
              {.name = "AdaptiveAveragePooling1D", .lower = average_1},
              {.name = "AdaptiveAveragePooling2D", .lower = average_2},
              {.name = "AdaptiveAveragePooling3D", .lower = average_3}, );
