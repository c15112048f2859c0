// SPDX-License-Identifier: Apache-2.0
/* LocallyConnected1D, 2D: a kernel of its own for each place of the window; kernels are (places,
 * window * in, out), the window in the order of the channels. */
#include "base/text.h"
#include "importers/keras/internal.h"

enum { SPATIAL_MAX = 2, WINDOW_MAX = 4096 };

struct local {
    struct call *c;
    int spatial;
    bool first;
    bool dense; /* the kernel is (sizes..., in, places..., out), zero outside the windows */
    int64_t window[SPATIAL_MAX], strides[SPATIAL_MAX], sizes[SPATIAL_MAX], places[SPATIAL_MAX];
    int64_t channels, place_count, window_count;
};

static enum status window_read(struct local *l, struct error *err)
{
    static const char *const OLD[SPATIAL_MAX][SPATIAL_MAX] = {{"filter_length"},
                                                              {"nb_row", "nb_col"}};
    static const char *const STRIDES[] = {"strides", "subsample", "subsample_length"};
    struct call *c = l->c;
    size_t n = (size_t)l->spatial;

    l->strides[0] = l->strides[1] = 1;
    if (config_get(c, "kernel_size", NULL))
        TRY(config_ints(c, "kernel_size", n, 1, l->window, err));
    else
        for (size_t i = 0; i < n; i++)
            TRY(config_int(c, OLD[n - 1][i], NULL, &l->window[i], err));
    for (size_t i = 0; i < ARRAY_COUNT(STRIDES); i++)
        if (config_get(c, STRIDES[i], NULL))
            TRY(config_ints(c, STRIDES[i], n, 1, l->strides, err));
    return STATUS_OK;
}

static enum status local_read(struct local *l, struct error *err)
{
    struct call *c = l->c;
    int rank;

    TRY(call_wants(c, 1, err));
    TRY(call_rank(c, 0, &rank, err));
    l->first = l->spatial > 1 && config_channels_first(c, l->spatial);
    l->dense = config_int_or(c, "implementation", 1) == 2;
    if (rank != l->spatial + 2 || config_int_or(c, "implementation", 1) > 2 ||
        (l->dense && l->first) ||
        !bytes_is(config_text_or(c, "padding", "border_mode", "valid"), "valid") ||
        (l->spatial == 1 && config_channels_first(c, 1)))
        return error_set(err, STATUS_UNSUPPORTED,
                         "its 'implementation', padding or data format is not supported");
    TRY(window_read(l, err));
    TRY(call_dim(c, 0, l->first ? 1 : -1, &l->channels, err));
    l->place_count = l->window_count = 1;
    for (int d = 0; d < l->spatial; d++) {
        TRY(call_dim(c, 0, d + (l->first ? 2 : 1), &l->sizes[d], err));
        if (l->window[d] < 1 || l->strides[d] < 1 || l->window[d] > l->sizes[d] ||
            l->window[d] > WINDOW_MAX)
            return error_set(err, STATUS_INVALID_INPUT, "a window of %lld over %lld",
                             (long long)l->window[d], (long long)l->sizes[d]);
        l->places[d] = (l->sizes[d] - l->window[d]) / l->strides[d] + 1;
        l->place_count *= l->places[d];
        l->window_count *= l->window[d];
    }
    return l->window_count > WINDOW_MAX
               ? error_set(err, STATUS_UNSUPPORTED, "a window of %lld", (long long)l->window_count)
               : STATUS_OK;
}

/* x (batch, [rows,] columns, channels) as (places, batch, window * channels). */
static enum status windows(struct local *l, value_id x, value_id *y, struct error *err)
{
    const struct emitter *e = l->c->e;
    value_id *parts = arena_new(l->c->k->keep, value_id, (size_t)l->window_count);

    if (!parts)
        return error_no_memory(err, "a layer");
    for (int64_t w = 0; w < l->window_count; w++) {
        int64_t at[SPATIAL_MAX] = {l->spatial == 1 ? w : w / l->window[1],
                                   l->spatial == 1 ? 0 : w % l->window[1]};

        parts[w] = x;
        for (int d = 0; d < l->spatial; d++)
            TRY(emit_slice(e, parts[w], d + 1, at[d],
                           at[d] + (l->places[d] - 1) * l->strides[d] + 1, l->strides[d], &parts[w],
                           err));
    }
    TRY(emit_concat(e, (struct emit_inputs){parts, (size_t)l->window_count}, -1, y, err));
    TRY(emit_reshape(e, *y, (const int64_t[]){-1, l->place_count, l->window_count * l->channels}, 3,
                     y, err));
    return emit_transpose(e, *y, (const int64_t[]){1, 0, 2}, 3, y, err);
}

/* What of a dense kernel lies in the windows: (places, window * in, out). */
static enum status windows_of_dense(struct local *l, struct tensor *kernel, struct error *err)
{
    int rank = 2 * l->spatial + 2;
    struct tensor stored;
    struct shape shape;
    size_t item = dtype_size(l->c->dtype), row;
    int64_t out;

    TRY(weight_take(l->c, "kernel", rank, &stored, err));
    out = stored.shape.dims[rank - 1];
    for (int d = 0; d < l->spatial; d++)
        if (stored.shape.dims[d] != l->sizes[d] ||
            stored.shape.dims[l->spatial + 1 + d] != l->places[d])
            return error_set(err, STATUS_INVALID_INPUT, "its kernel is of another shape");
    if (stored.shape.dims[l->spatial] != l->channels)
        return error_set(err, STATUS_INVALID_INPUT, "its kernel is of another shape");
    shape = SHAPE(l->place_count, l->window_count * l->channels, out);
    TRY(tensor_new(kernel, l->c->dtype, &shape, l->c->k->keep, err));
    row = (size_t)out * item;
    for (int64_t p = 0, made = 0; p < l->place_count; p++)
        for (int64_t w = 0; w < l->window_count; w++)
            for (int64_t ch = 0; ch < l->channels; ch++, made++) {
                int64_t columns = l->spatial > 1 ? l->window[1] : 1,
                        across = l->spatial > 1 ? l->places[1] : 1;
                int64_t at = p / across * l->strides[0] + w / columns;

                if (l->spatial > 1)
                    at = at * l->sizes[1] + p % across * l->strides[1] + w % columns;
                memcpy((char *)kernel->data + (size_t)made * row,
                       (const char *)stored.data +
                           (size_t)((at * l->channels + ch) * l->place_count + p) * row,
                       row);
            }
    return STATUS_OK;
}

/* Channels first: rows of the kernel are (channels, window); here they are (window, channels). */
static enum status kernel_take(struct local *l, struct tensor *kernel, struct error *err)
{
    static const int PERM[] = {0, 2, 1, 3};
    struct tensor stored, turned;
    int64_t out;

    if (l->dense)
        return windows_of_dense(l, kernel, err);
    TRY(weight_take(l->c, "kernel", 3, &stored, err));
    out = stored.shape.dims[2];
    if (stored.shape.dims[0] != l->place_count ||
        stored.shape.dims[1] != l->window_count * l->channels)
        return error_set(err, STATUS_INVALID_INPUT, "its kernel is for %lld places of %lld",
                         (long long)stored.shape.dims[0], (long long)stored.shape.dims[1]);
    *kernel = stored;
    if (!l->first)
        return STATUS_OK;
    stored.shape = SHAPE(l->place_count, l->channels, l->window_count, out);
    TRY(tensor_permute(&stored, PERM, &turned, l->c->k->keep, err));
    *kernel = turned;
    kernel->shape = SHAPE(l->place_count, l->window_count * l->channels, out);
    return STATUS_OK;
}

static enum status locally_connected(struct call *c, int spatial, struct error *err)
{
    struct local l = {.c = c, .spatial = spatial};
    int64_t shape[SPATIAL_MAX + 2] = {-1};
    struct tensor kernel, biases;
    value_id x = c->in[0].value, w, bias, y;

    TRY(local_read(&l, err));
    TRY(kernel_take(&l, &kernel, err));
    TRY(emit_constant(c->e, &kernel, &w, err));
    if (l.first)
        TRY(emit_transpose(c->e, x, (const int64_t[]){0, 2, 3, 1}, 4, &x, err));
    TRY(windows(&l, x, &x, err));
    TRY(emit_2(c->e, "MatMul", x, w, &y, err));
    TRY(emit_transpose(c->e, y, (const int64_t[]){1, 0, 2}, 3, &y, err));
    for (int d = 0; d < spatial; d++)
        shape[d + 1] = l.places[d];
    shape[spatial + 1] = kernel.shape.dims[2];
    TRY(emit_reshape(c->e, y, shape, (size_t)spatial + 2, &y, err));
    if (l.first)
        TRY(emit_transpose(c->e, y, (const int64_t[]){0, 3, 1, 2}, 4, &y, err));
    if (config_bool_or(c, "use_bias", "bias", true)) {
        TRY(weight_take(c, "bias", spatial + 1, &biases, err));
        if (l.first && tensor_count(&biases) == (size_t)(l.place_count * kernel.shape.dims[2]))
            biases.shape = SHAPE(kernel.shape.dims[2], l.places[0], l.places[1]); /* as it lies */
        TRY(emit_constant(c->e, &biases, &bias, err));
        TRY(emit_2(c->e, "Add", y, bias, &y, err));
    }
    TRY(activation_of(c, y, &y, err));
    return call_give(c, y);
}

static enum status locally_connected_1(struct call *c, struct error *err)
{
    return locally_connected(c, 1, err);
}

static enum status locally_connected_2(struct call *c, struct error *err)
{
    return locally_connected(c, 2, err);
}

const struct layer_set layers_locally_connected =
    LAYER_SET({.name = "LocallyConnected1D", .lower = locally_connected_1},
              {.name = "LocallyConnected2D", .lower = locally_connected_2}, );
