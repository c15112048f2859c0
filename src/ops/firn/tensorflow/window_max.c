// SPDX-License-Identifier: Apache-2.0
/* MaxPoolArgmax: the largest element of each window and where it is; Dilation: the largest sum of a
 * window and a filter; MaxPoolGrad (x, gradient of the output) and AveragePoolGrad (shape of x,
 * gradient of the output): gradients by x. All of images (N, H, W, C), with the attributes of
 * ONNX's MaxPool; nothing beyond the edge takes part. */
#include "ops/kernels/spatial/nhwc.h"
#include "ops/kernels/spatial/window.h"

/* Is x[a] less than x[b]? Not when one is NaN. */
static bool is_less(const struct tensor *x, size_t a, size_t b)
{
    if (x->dtype == DTYPE_U64)
        return ((const uint64_t *)x->data)[a] < ((const uint64_t *)x->data)[b];
    if (dtype_is_integer(x->dtype))
        return tensor_i64(x, a) < tensor_i64(x, b);
    return tensor_f64(x, a) < tensor_f64(x, b);
}

/* --- MaxPoolArgmax --- */

static enum status infer_argmax(struct op_call *call, struct error *err)
{
    struct shape first, out = call->in[0].shape;
    struct window w;

    TRY(op_wants(call, 0, DTYPES_NUMBER, err));
    TRY(op_wants_rank(call, 0, 4, 4, err));
    if (out.rank >= 0) {
        first = shape_channels_first(&out);
        TRY(window_of(call, &first, NULL, &w, err));
        for (int i = 0; i < w.rank; i++)
            out.dims[i + 1] = w.out[i];
    }
    op_give(call, 0, call->in[0].dtype, &out);
    op_give(call, 1, DTYPE_I64, &out);
    return STATUS_OK;
}

/* The maximum of channel c of item n: the first of several. A window may be far larger than the
 * image: only its taps inside are tried. */
static size_t largest(const struct window *w, const struct tensor *x, size_t base, size_t channels,
                      const int64_t *at)
{
    struct window_taps taps = window_taps_at(w, at);
    int64_t tap[WINDOW_RANK_MAX] = {0};
    size_t best = SIZE_MAX;

    if (taps.inside < 1)
        return best;
    do {
        size_t pixel = 0;

        for (int i = 0; i < w->rank; i++)
            pixel = pixel * (size_t)w->in[i] + (size_t)(taps.first[i] + tap[i] * w->dilation[i]);
        if (best == SIZE_MAX || is_less(x, best, base + pixel * channels))
            best = base + pixel * channels;
    } while (index_next(tap, taps.count, w->rank));
    return best;
}

static enum status run_argmax(const struct op_call *call, struct error *err)
{
    bool batch = attribute_int(call->attributes, "batch", 0);
    const struct tensor *x = &call->in[0];
    struct shape first = shape_channels_first(&x->shape);
    size_t channels = (size_t)first.dims[1], item = shape_span(&x->shape, 1, 4);
    size_t size = dtype_size(x->dtype), to = 0;
    struct window w;

    if (tensor_count(&call->out[0]) == 0)
        return STATUS_OK;
    TRY(window_of(call, &first, NULL, &w, err));
    for (size_t n = 0; n < (size_t)x->shape.dims[0]; n++) {
        int64_t at[WINDOW_RANK_MAX] = {0};

        do
            for (size_t c = 0; c < channels; c++, to++) {
                size_t best = largest(&w, x, n * item + c, channels, at);

                if (best == SIZE_MAX)
                    return op_error(call, err, STATUS_INVALID_INPUT,
                                    "a window lies outside of the image");
                memcpy((char *)call->out[0].data + to * size, (const char *)x->data + best * size,
                       size);
                if (call->out_count > 1)
                    ((int64_t *)call->out[1].data)[to] = (int64_t)(batch ? best : best - n * item);
            }
        while (index_next(at, w.out, w.rank));
    }
    return STATUS_OK;
}

/* --- Dilation: x (N, H, W, C), filter (rows, columns, C) --- */

static enum status window_of_filter(const struct op_call *call, struct window *w, struct error *err)
{
    struct shape first = shape_channels_first(&call->in[0].shape);

    return window_of(call, &first, call->in[1].shape.dims, w, err);
}

static enum status infer_dilation(struct op_call *call, struct error *err)
{
    const struct shape *filter = &call->in[1].shape;
    struct shape out = call->in[0].shape;
    struct window w;

    TRY(op_wants(call, 0, DTYPES_NUMBER, err));
    TRY(op_wants_same(call, 0, 1, err));
    TRY(op_wants_rank(call, 0, 4, 4, err));
    TRY(op_wants_rank(call, 1, 3, 3, err));
    if (out.rank >= 0 && filter->rank >= 0) {
        if (dim_is_known(out.dims[3]) && dim_is_known(filter->dims[2]) &&
            out.dims[3] != filter->dims[2])
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld channels, a filter of %lld",
                            (long long)out.dims[3], (long long)filter->dims[2]);
        out.dims[1] = out.dims[2] = DIM_UNKNOWN;
        if (shape_is_known(filter)) {
            TRY(window_of_filter(call, &w, err));
            out.dims[1] = w.out[0];
            out.dims[2] = w.out[1];
        }
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

/* A tap of a window: its pixel, or false beyond the edge. */
static bool pixel_of(const struct window *w, const int64_t *at, const int64_t *tap, size_t *pixel)
{
    *pixel = 0;
    for (int i = 0; i < w->rank; i++) {
        int64_t place = at[i] * w->stride[i] - w->begin[i] + tap[i] * w->dilation[i];

        if (place < 0 || place >= w->in[i])
            return false;
        *pixel = *pixel * (size_t)w->in[i] + (size_t)place;
    }
    return true;
}

/* y[to] = max over the window of x + filter, the sums in the type of x. */
static void dilate(const struct op_call *call, const struct window *w, size_t base, size_t c,
                   const int64_t *at, size_t to)
{
    const struct tensor *x = &call->in[0], *filter = &call->in[1];
    size_t channels = (size_t)x->shape.dims[3], pixel, f = c;
    bool is_float = dtype_is_float(x->dtype), found = false;
    int64_t tap[WINDOW_RANK_MAX] = {0}, best_i = 0;
    struct tensor *y = &call->out[0], sum;
    uint64_t room = 0;

    sum = (struct tensor){x->dtype, shape_scalar(), &room, NULL};
    do {
        if (pixel_of(w, at, tap, &pixel)) {
            size_t i = base + pixel * channels + c;

            if (is_float) {
                tensor_set_f64(&sum, 0, tensor_f64(x, i) + tensor_f64(filter, f));
                if (!found || tensor_f64(&sum, 0) > tensor_f64(y, to))
                    tensor_set_f64(y, to, tensor_f64(&sum, 0));
            } else {
                int64_t value =
                    (int64_t)((uint64_t)tensor_i64(x, i) + (uint64_t)tensor_i64(filter, f));

                best_i = !found || value > best_i ? value : best_i;
            }
            found = true;
        }
        f += channels;
    } while (index_next(tap, w->kernel, w->rank));
    if (!is_float)
        memcpy((char *)y->data + to * dtype_size(y->dtype), &best_i, dtype_size(y->dtype));
}

static enum status run_dilation(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0];
    size_t channels = (size_t)x->shape.dims[3], item = shape_span(&x->shape, 1, 4), to = 0;
    struct window w;

    if (tensor_count(&call->out[0]) == 0)
        return STATUS_OK;
    TRY(window_of_filter(call, &w, err));
    for (size_t n = 0; n < (size_t)x->shape.dims[0]; n++) {
        int64_t at[WINDOW_RANK_MAX] = {0};

        do
            for (size_t c = 0; c < channels; c++, to++)
                dilate(call, &w, n * item, c, at, to);
        while (index_next(at, w.out, w.rank));
    }
    return STATUS_OK;
}

/* --- gradients of pools --- */

/* The window over an image of this shape; the gradient must have one element for each. */
static enum status window_of_gradient(const struct op_call *call, const struct shape *x,
                                      struct window *w, struct error *err)
{
    const struct shape *gradient = &call->in[1].shape;
    struct shape first = shape_channels_first(x);

    TRY(window_of(call, &first, NULL, w, err));
    if (!shape_is_known(gradient) || !shape_is_known(x))
        return STATUS_OK;
    if (gradient->dims[0] != x->dims[0] || gradient->dims[1] != w->out[0] ||
        gradient->dims[2] != w->out[1] || gradient->dims[3] != x->dims[3])
        return op_error(call, err, STATUS_INVALID_INPUT,
                        "a gradient of %lld by %lld by %lld by %lld for windows of %lld by %lld",
                        (long long)gradient->dims[0], (long long)gradient->dims[1],
                        (long long)gradient->dims[2], (long long)gradient->dims[3],
                        (long long)w->out[0], (long long)w->out[1]);
    return STATUS_OK;
}

static enum status infer_max_grad(struct op_call *call, struct error *err)
{
    struct window w;

    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    TRY(op_wants_same(call, 0, 1, err));
    TRY(op_wants_rank(call, 0, 4, 4, err));
    TRY(op_wants_rank(call, 1, 4, 4, err));
    if (call->in[0].shape.rank == 4)
        TRY(window_of_gradient(call, &call->in[0].shape, &w, err));
    op_give(call, 0, call->in[0].dtype, &call->in[0].shape);
    return STATUS_OK;
}

/* The shape that input 0 holds, where it is known. */
static enum status shape_input(const struct op_call *call, struct shape *x, struct error *err)
{
    int64_t dims[4] = {DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN};
    size_t count = 4;

    if (op_is_known(call, 0))
        TRY(op_input_ints(call, 0, dims, 4, &count, err));
    *x = SHAPE(dims[0], dims[1], dims[2], dims[3]);
    for (size_t i = 0; i < 4; i++)
        if (count != 4 || dims[i] < DIM_UNKNOWN || dims[i] > INT32_MAX)
            return op_error(call, err, STATUS_INVALID_INPUT, "no shape of an image");
    return STATUS_OK;
}

static enum status infer_average_grad(struct op_call *call, struct error *err)
{
    struct window w;
    struct shape x;

    TRY(op_wants(call, 0, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, 0, 1, 1, err));
    TRY(op_wants(call, 1, DTYPES_FLOAT, err));
    TRY(op_wants_rank(call, 1, 4, 4, err));
    TRY(shape_input(call, &x, err));
    TRY(window_of_gradient(call, &x, &w, err));
    op_give(call, 0, call->in[1].dtype, &x);
    return STATUS_OK;
}

static void add_to(struct tensor *y, size_t at, double value)
{
    tensor_set_f64(y, at, tensor_f64(y, at) + value);
}

/* The gradient of a window: to its first largest element, or equally to all when x is NULL. */
static void give_back(const struct window *w, const struct tensor *x, struct tensor *y,
                      double gradient, size_t base, const int64_t *at)
{
    struct window_taps taps = window_taps_at(w, at);
    int64_t tap[WINDOW_RANK_MAX] = {0};
    size_t channels = (size_t)y->shape.dims[3];

    if (taps.inside < 1)
        return;
    if (x) {
        add_to(y, largest(w, x, base, channels, at), gradient);
        return;
    }
    do {
        size_t pixel = 0;

        for (int i = 0; i < w->rank; i++)
            pixel = pixel * (size_t)w->in[i] + (size_t)(taps.first[i] + tap[i] * w->dilation[i]);
        add_to(y, base + pixel * channels, gradient / taps.inside);
    } while (index_next(tap, taps.count, w->rank));
}

static enum status run_grad(const struct op_call *call, const struct tensor *x, struct error *err)
{
    struct tensor *y = &call->out[0];
    size_t channels = (size_t)y->shape.dims[3], item = shape_span(&y->shape, 1, 4), from = 0;
    struct window w;

    if (tensor_count(y) == 0)
        return STATUS_OK;
    memset(y->data, 0, tensor_bytes(y));
    TRY(window_of_gradient(call, &y->shape, &w, err));
    for (size_t n = 0; n < (size_t)y->shape.dims[0]; n++) {
        int64_t at[WINDOW_RANK_MAX] = {0};

        do
            for (size_t c = 0; c < channels; c++, from++)
                give_back(&w, x, y, tensor_f64(&call->in[1], from), n * item + c, at);
        while (index_next(at, w.out, w.rank));
    }
    return STATUS_OK;
}

static enum status run_max_grad(const struct op_call *call, struct error *err)
{
    return run_grad(call, &call->in[0], err);
}

static enum status run_average_grad(const struct op_call *call, struct error *err)
{
    return run_grad(call, NULL, err);
}

const struct op_set ops_firn_window_max =
    OP_SET({.name = "MaxPoolArgmax",
            .summary = "largest element of each window and where it is, channels last",
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 2,
            .infer = infer_argmax,
            .run = run_argmax},
           {.name = "Dilation",
            .summary = "largest sum of each window and a filter, channels last",
            .flags = OP_ROWS,
            .in_min = 2,
            .in_max = 2,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_dilation,
            .run = run_dilation},
           {.name = "MaxPoolGrad",
            .summary = "gradient of MaxPool by its input, channels last",
            .in_min = 2,
            .in_max = 2,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_max_grad,
            .run = run_max_grad},
           {.name = "AveragePoolGrad",
            .summary = "gradient of AveragePool by its input, channels last",
            .in_min = 2,
            .in_max = 2,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_average_grad,
            .run = run_average_grad});
