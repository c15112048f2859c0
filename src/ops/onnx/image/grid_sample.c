// SPDX-License-Identifier: Apache-2.0
/* GridSample of (N, C, ...): interpolation at places that a grid names, from -1 to 1; AffineGrid
 * makes such grids. */
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/spatial/window.h"

enum mode { MODE_LINEAR, MODE_NEAREST, MODE_CUBIC };
enum padding { PADDING_ZEROS, PADDING_BORDER, PADDING_REFLECTION };

struct sampler {
    enum mode mode;
    enum padding padding;
    bool align;
    int rank; /* spatial dimensions */
    int64_t dims[RANK_MAX], strides[RANK_MAX];
};

static enum status sampler_of(const struct op_call *call, struct sampler *s, struct error *err)
{
    static const char *const MODES[] = {"linear",   "nearest", "cubic",
                                        "bilinear", "nearest", "bicubic"};
    static const char *const PADDINGS[] = {"zeros", "border", "reflection"};
    struct bytes mode = attribute_string(call->attributes, "mode", "linear");
    struct bytes padding = attribute_string(call->attributes, "padding_mode", "zeros");
    size_t m = 0, p = 0;

    while (m < ARRAY_COUNT(MODES) && !bytes_is(mode, MODES[m]))
        m++;
    while (p < ARRAY_COUNT(PADDINGS) && !bytes_is(padding, PADDINGS[p]))
        p++;
    if (m == ARRAY_COUNT(MODES) || p == ARRAY_COUNT(PADDINGS))
        return op_error(call, err, STATUS_UNSUPPORTED, "this mode or padding_mode");
    *s = (struct sampler){.mode = (enum mode)(m % 3),
                          .padding = (enum padding)p,
                          .align = attribute_int(call->attributes, "align_corners", 0)};
    return STATUS_OK;
}

static enum status infer_sample(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[0].shape, *grid = &call->in[1].shape;
    struct shape out = *grid;
    struct sampler s;

    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    TRY(op_wants(call, 1, DTYPES_FLOAT, err));
    TRY(op_wants_rank(call, 0, 3, RANK_MAX, err));
    if (x->rank >= 0)
        TRY(op_wants_rank(call, 1, x->rank, x->rank, err));
    TRY(sampler_of(call, &s, err));
    if (x->rank >= 0 && grid->rank >= 0) {
        int64_t parts = grid->dims[grid->rank - 1];

        if (dim_is_known(parts) && parts != x->rank - 2)
            return op_error(call, err, STATUS_INVALID_INPUT, "places of %lld numbers for %d axes",
                            (long long)parts, x->rank - 2);
        if (dim_is_known(x->dims[0]) && dim_is_known(grid->dims[0]) && x->dims[0] != grid->dims[0])
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld items, but %lld grids",
                            (long long)x->dims[0], (long long)grid->dims[0]);
        out.dims[1] = x->dims[1];
        for (int i = 2; i < grid->rank; i++)
            out.dims[i] = grid->dims[i - 1];
        for (int i = 2; i < x->rank; i++)
            if (x->dims[i] == 0)
                return op_error(call, err, STATUS_INVALID_INPUT, "axis %d has no element", i);
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

/* Back and forth between the borders. */
static double reflect(const struct sampler *s, double x, int64_t dim)
{
    double low = s->align ? 0 : -0.5, high = s->align ? (double)dim - 1 : (double)dim - 0.5;
    double range = high - low, beyond = x < low ? low - x : x - high, rest;
    bool even;

    if (x >= low && x <= high)
        return x;
    if (!(range > 0))
        return low;
    rest = fmod(beyond, range);
    even = fmod(trunc(beyond / range), 2) == 0;
    return (x < low) == even ? low + rest : high - rest;
}

/* The element that index i of an axis means; -1: zero. */
static int64_t pixel(const struct sampler *s, int64_t i, int64_t dim)
{
    if (i >= 0 && i < dim)
        return i;
    if (s->padding == PADDING_ZEROS)
        return -1;
    if (s->padding == PADDING_REFLECTION)
        i = (int64_t)reflect(s, (double)i, dim);
    return i < 0 ? 0 : i >= dim ? dim - 1 : i;
}

/* First index and weights of an axis at place x; returns how many. */
static int weights_of(enum mode mode, double x, int64_t *first, double weights[4])
{
    const double a = -0.75;
    double d = x - floor(x);

    *first = (int64_t)floor(x);
    if (mode == MODE_NEAREST) {
        weights[0] = 1;
        return 1;
    }
    if (mode == MODE_LINEAR) {
        weights[0] = 1 - d;
        weights[1] = d;
        return 2;
    }
    --*first;
    for (int k = 0; k < 4; k++) {
        double t = fabs(d + 1 - k);
        weights[k] = t <= 1 ? ((a + 2) * t - (a + 3)) * t * t + 1
                            : ((a * t - 5 * a) * t + 8 * a) * t - 4 * a;
    }
    return 4;
}

/* From -1 .. 1 to an index, within what a tensor may have. */
static double place_of(const struct sampler *s, double n, int64_t dim, bool is_float)
{
    double x = s->align ? (n + 1) / 2 * ((double)dim - 1) : ((n + 1) * (double)dim - 1) / 2;

    x = is_float ? (double)(float)x : x;
    x = isnan(x) ? 0 : x < -1e9 ? -1e9 : x > 1e9 ? 1e9 : x;
    if (s->mode == MODE_NEAREST)
        x = rint(x);
    if (s->padding == PADDING_BORDER && s->mode != MODE_CUBIC)
        return x < 0 ? 0 : x > (double)dim - 1 ? (double)dim - 1 : x;
    return s->padding == PADDING_REFLECTION ? reflect(s, x, dim) : x;
}

/* One plane at one place (rank numbers, last axis first). */
static double sample(const struct sampler *s, const struct tensor *x, size_t plane,
                     const int64_t first[RANK_MAX], double weights[RANK_MAX][4],
                     const int64_t counts[RANK_MAX])
{
    int64_t tap[RANK_MAX] = {0};
    double sum = 0;

    do {
        double weight = 1;
        int64_t at = 0;

        for (int i = 0; i < s->rank && at >= 0; i++) {
            int64_t k = pixel(s, first[i] + tap[i], s->dims[i]);

            weight *= weights[i][tap[i]];
            at = k < 0 ? -1 : at + k * s->strides[i];
        }
        if (at >= 0 && weight != 0)
            sum += weight * tensor_f64(x, plane + (size_t)at);
    } while (index_next(tap, counts, s->rank));
    return sum;
}

static enum status run_sample(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[0], *grid = &call->in[1];
    size_t n = (size_t)x->shape.dims[0], channels = (size_t)x->shape.dims[1];
    size_t plane = shape_span(&x->shape, 2, x->shape.rank);
    size_t places = shape_span(&grid->shape, 1, grid->shape.rank - 1);
    bool is_float = x->dtype != DTYPE_F64;
    struct sampler s;
    int64_t stride = 1;

    TRY(sampler_of(call, &s, err));
    s.rank = x->shape.rank - 2;
    for (int i = s.rank - 1; i >= 0; i--) {
        s.dims[i] = x->shape.dims[i + 2];
        s.strides[i] = stride;
        stride *= s.dims[i];
    }
    for (size_t b = 0; b < n * places; b++) {
        int64_t first[RANK_MAX], counts[RANK_MAX];
        double weights[RANK_MAX][4];

        for (int i = 0; i < s.rank; i++) {
            double at = tensor_f64(grid, b * (size_t)s.rank + (size_t)(s.rank - 1 - i));

            counts[i] =
                weights_of(s.mode, place_of(&s, at, s.dims[i], is_float), &first[i], weights[i]);
        }
        for (size_t c = 0; c < channels; c++)
            tensor_set_f64(
                &call->out[0], (b / places * channels + c) * places + b % places,
                sample(&s, x, (b / places * channels + c) * plane, first, weights, counts));
    }
    return STATUS_OK;
}

/* --- AffineGrid: theta (N, 2, 3) or (N, 3, 4) and the size (N, C, ...) --- */

static enum status infer_grid(struct op_call *call, struct error *err)
{
    const struct shape *theta = &call->in[0].shape;
    struct shape out = shape_unknown();
    int64_t size[RANK_MAX];
    size_t rank;

    TRY(op_wants(call, 0, DTYPES_FLOAT, err));
    TRY(op_wants(call, 1, DTYPE_BIT(DTYPE_I64), err));
    TRY(op_wants_rank(call, 0, 3, 3, err));
    if (theta->rank == 3 && dim_is_known(theta->dims[1]) &&
        ((theta->dims[1] != 2 && theta->dims[1] != 3) ||
         (dim_is_known(theta->dims[2]) && theta->dims[2] != theta->dims[1] + 1)))
        return op_error(call, err, STATUS_INVALID_INPUT, "theta is no (N, 2, 3) or (N, 3, 4)");
    if (op_is_known(call, 1)) {
        TRY(op_input_ints(call, 1, size, RANK_MAX, &rank, err));
        if ((rank != 4 && rank != 5) ||
            (theta->rank == 3 && dim_is_known(theta->dims[1]) &&
             theta->dims[1] != (int64_t)rank - 2) ||
            (theta->rank == 3 && dim_is_known(theta->dims[0]) && theta->dims[0] != size[0]))
            return op_error(call, err, STATUS_INVALID_INPUT, "the size does not fit theta");
        out.rank = (int)rank;
        out.dims[0] = size[0];
        for (int i = 1; i < out.rank - 1; i++)
            out.dims[i] = size[i + 1];
        out.dims[out.rank - 1] = out.rank - 2;
        for (int i = 0; i < out.rank; i++)
            if (out.dims[i] < 0)
                return op_error(call, err, STATUS_INVALID_INPUT, "dimension %d is %lld", i,
                                (long long)out.dims[i]);
    }
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

static enum status run_grid(const struct op_call *call, struct error *err)
{
    bool align = attribute_int(call->attributes, "align_corners", 0);
    const struct shape *out = &call->out[0].shape;
    int spatial = out->rank - 2;
    size_t places = shape_span(out, 1, out->rank - 1), at = 0;

    (void)err;
    for (size_t b = 0; b < (size_t)out->dims[0] * places; b++) {
        double from[4] = {1, 1, 1, 1}; /* last axis first, then 1 */
        size_t rest = b % places, theta = b / places * (size_t)(spatial * (spatial + 1));

        for (int i = 0; i < spatial; i++) {
            double dim = (double)out->dims[spatial - i], k;

            k = (double)(rest % (size_t)out->dims[spatial - i]);
            rest /= (size_t)out->dims[spatial - i];
            from[i] = !align ? (2 * k + 1) / dim - 1 : dim > 1 ? 2 * k / (dim - 1) - 1 : 0;
        }
        for (int r = 0; r < spatial; r++) {
            double sum = 0;

            for (int c = 0; c <= spatial; c++)
                sum += tensor_f64(&call->in[0], theta + (size_t)(r * (spatial + 1) + c)) *
                       (c < spatial ? from[c] : 1);
            tensor_set_f64(&call->out[0], at++, sum);
        }
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_grid_sample = OP_SET({.name = "GridSample",
                                                   .summary = "interpolated at places of a grid",
                                                   .flags = OP_ROWS,
                                                   .in_min = 2,
                                                   .in_max = 2,
                                                   .out_min = 1,
                                                   .out_max = 1,
                                                   .infer = infer_sample,
                                                   .run = run_sample},
                                                  {.name = "AffineGrid",
                                                   .summary = "a grid of turned and moved places",
                                                   .in_min = 2,
                                                   .in_max = 2,
                                                   .out_min = 1,
                                                   .out_max = 1,
                                                   .infer = infer_grid,
                                                   .run = run_grid});
