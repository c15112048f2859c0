// SPDX-License-Identifier: Apache-2.0
/* RoiAlign and MaxRoiPool: regions of (N, C, H, W) to planes of one size. */
#include <math.h>

#include "ops/kernels/index.h"

enum { X, ROIS, ITEMS };
enum { GRID_MAX = 1 << 11 }; /* samples along a side of one bin; more come from a hostile region */

struct align {
    int64_t height, width; /* of the result */
    int64_t samples;       /* 0: by the size of the region */
    double scale;
    bool half_pixel, max;
};

static enum status align_of(const struct op_call *call, struct align *a, struct error *err)
{
    struct bytes place = attribute_string(call->attributes, "coordinate_transformation_mode",
                                          op_before(call, 16) ? "output_half_pixel" : "half_pixel");
    struct bytes mode = attribute_string(call->attributes, "mode", "avg");

    *a = (struct align){
        .height = attribute_int(call->attributes, "output_height", 1),
        .width = attribute_int(call->attributes, "output_width", 1),
        .samples = attribute_int(call->attributes, "sampling_ratio", 0),
        .scale = attribute_float(call->attributes, "spatial_scale", 1),
        .half_pixel = bytes_is(place, "half_pixel"),
        .max = bytes_is(mode, "max"),
    };
    if ((!a->half_pixel && !bytes_is(place, "output_half_pixel")) ||
        (!a->max && !bytes_is(mode, "avg")))
        return op_error(call, err, STATUS_UNSUPPORTED,
                        "this mode or coordinate_transformation_mode");
    if (a->height < 1 || a->width < 1 || a->height > INT32_MAX || a->width > INT32_MAX ||
        a->samples < 0 || a->samples > GRID_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "output %lld x %lld, %lld samples",
                        (long long)a->height, (long long)a->width, (long long)a->samples);
    return STATUS_OK;
}

static enum status infer_rois(struct op_call *call, int64_t columns, int64_t height, int64_t width,
                              struct error *err)
{
    const struct shape *rois = &call->in[ROIS].shape;
    struct shape out = {.rank = 4, .dims = {DIM_UNKNOWN, DIM_UNKNOWN, height, width}};

    TRY(op_wants(call, X, DTYPES_FLOAT, err));
    TRY(op_wants_same(call, X, ROIS, err));
    TRY(op_wants_rank(call, X, 4, 4, err));
    TRY(op_wants_rank(call, ROIS, 2, 2, err));
    if (rois->rank == 2 && dim_is_known(rois->dims[1]) && rois->dims[1] != columns)
        return op_error(call, err, STATUS_INVALID_INPUT, "regions of %lld numbers, not %lld",
                        (long long)rois->dims[1], (long long)columns);
    if (rois->rank == 2)
        out.dims[0] = rois->dims[0];
    if (call->in[X].shape.rank == 4)
        out.dims[1] = call->in[X].shape.dims[1];
    if (call->in[X].shape.rank == 4 &&
        (call->in[X].shape.dims[2] == 0 || call->in[X].shape.dims[3] == 0))
        return op_error(call, err, STATUS_INVALID_INPUT, "planes without elements");
    op_give(call, 0, call->in[X].dtype, &out);
    return STATUS_OK;
}

static enum status infer_align(struct op_call *call, struct error *err)
{
    const struct shape *items = &call->in[ITEMS].shape, *rois = &call->in[ROIS].shape;
    struct align a;

    TRY(align_of(call, &a, err));
    TRY(op_wants(call, ITEMS, DTYPES_INDEX, err));
    TRY(op_wants_rank(call, ITEMS, 1, 1, err));
    if (items->rank == 1 && rois->rank == 2 && dim_is_known(items->dims[0]) &&
        dim_is_known(rois->dims[0]) && items->dims[0] != rois->dims[0])
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld batch_indices for %lld regions",
                        (long long)items->dims[0], (long long)rois->dims[0]);
    return infer_rois(call, 4, a.height, a.width, err);
}

/* The four neighbours of a place times their weights: their sum, or the largest. */
static double neighbours(const struct tensor *x, size_t plane, double py, double px, bool max)
{
    int64_t height = x->shape.dims[2], width = x->shape.dims[3], y0, x0, y1, x1;
    double dy, dx, terms[4];

    if (!(py >= -1 && py <= (double)height && px >= -1 && px <= (double)width))
        return 0;
    py = py < 0 ? 0 : py;
    px = px < 0 ? 0 : px;
    y0 = (int64_t)py;
    x0 = (int64_t)px;
    y0 = y0 >= height - 1 ? height - 1 : y0;
    x0 = x0 >= width - 1 ? width - 1 : x0;
    y1 = y0 >= height - 1 ? height - 1 : y0 + 1;
    x1 = x0 >= width - 1 ? width - 1 : x0 + 1;
    dy = y0 == height - 1 ? 0 : py - (double)y0;
    dx = x0 == width - 1 ? 0 : px - (double)x0;
    terms[0] = (1 - dy) * (1 - dx) * tensor_f64(x, plane + (size_t)(y0 * width + x0));
    terms[1] = (1 - dy) * dx * tensor_f64(x, plane + (size_t)(y0 * width + x1));
    terms[2] = dy * (1 - dx) * tensor_f64(x, plane + (size_t)(y1 * width + x0));
    terms[3] = dy * dx * tensor_f64(x, plane + (size_t)(y1 * width + x1));
    if (max)
        return fmax(fmax(terms[0], terms[1]), fmax(terms[2], terms[3]));
    return terms[0] + terms[1] + terms[2] + terms[3];
}

struct bins {
    double y, x, height, width; /* of the first bin */
    int64_t rows, columns;      /* samples in one */
};

static double pool_bin(const struct align *a, const struct bins *b, const struct tensor *x,
                       size_t plane, int64_t row, int64_t column)
{
    double result = 0, share = (double)(b->rows * b->columns);
    bool first = true;

    for (int64_t i = 0; i < b->rows; i++)
        for (int64_t j = 0; j < b->columns; j++) {
            double py = b->y + b->height * ((double)row + ((double)i + 0.5) / (double)b->rows);
            double px = b->x + b->width * ((double)column + ((double)j + 0.5) / (double)b->columns);
            double value = neighbours(x, plane, py, px, a->max);

            result = !a->max ? result + value : first ? value : fmax(result, value);
            first = false;
        }
    return a->max ? result : result / fmax(share, 1);
}

static enum status run_align(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[X];
    size_t channels = (size_t)x->shape.dims[1], at = 0, item;
    size_t plane = (size_t)(x->shape.dims[2] * x->shape.dims[3]);
    struct align a;

    TRY(align_of(call, &a, err));
    for (size_t r = 0; r < (size_t)call->in[ROIS].shape.dims[0]; r++) {
        double corner[4], height, width, rows, columns;
        struct bins b;

        for (size_t k = 0; k < 4; k++)
            corner[k] = tensor_f64(&call->in[ROIS], r * 4 + k) * a.scale - (a.half_pixel ? 0.5 : 0);
        width = corner[2] - corner[0];
        height = corner[3] - corner[1];
        if (!a.half_pixel) {
            width = fmax(width, 1);
            height = fmax(height, 1);
        }
        b = (struct bins){corner[1], corner[0], height / (double)a.height, width / (double)a.width,
                          a.samples, a.samples};
        rows = ceil(b.height);
        columns = ceil(b.width);
        if (!a.samples && !(fabs(rows) <= GRID_MAX && fabs(columns) <= GRID_MAX))
            return op_error(call, err, STATUS_INVALID_INPUT, "region %zu is %g x %g", r, height,
                            width);
        if (!a.samples) {
            b.rows = (int64_t)fmax(rows, 0);
            b.columns = (int64_t)fmax(columns, 0);
        }
        TRY(index_check(call, &call->in[ITEMS], r, x->shape.dims[0], &item, err));
        for (size_t c = 0; c < channels; c++)
            for (int64_t i = 0; i < a.height; i++)
                for (int64_t j = 0; j < a.width; j++)
                    tensor_set_f64(&call->out[0], at++,
                                   pool_bin(&a, &b, x, (item * channels + c) * plane, i, j));
    }
    return STATUS_OK;
}

/* --- MaxRoiPool: regions (item, x1, y1, x2, y2), rounded; the largest element of each bin --- */

static enum status infer_pool(struct op_call *call, struct error *err)
{
    size_t count;
    const int64_t *shape = attribute_ints(call->attributes, "pooled_shape", &count);

    if (count != 2 || shape[0] < 1 || shape[1] < 1 || shape[0] > INT32_MAX || shape[1] > INT32_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "pooled_shape is no height and width");
    return infer_rois(call, 5, shape[0], shape[1], err);
}

/* Bounds of bin k of `bins` over `size` elements from `start`, clipped to the plane. */
static void bin_bounds(int64_t k, int64_t bins, double start, double size, int64_t limit,
                       int64_t *low, int64_t *high)
{
    double first = floor((double)k * size / (double)bins) + start;
    double last = ceil((double)(k + 1) * size / (double)bins) + start;

    *low = (int64_t)fmin(fmax(first, 0), (double)limit);
    *high = (int64_t)fmin(fmax(last, 0), (double)limit);
}

static enum status run_pool(const struct op_call *call, struct error *err)
{
    double scale = attribute_float(call->attributes, "spatial_scale", 1);
    const struct tensor *x = &call->in[X];
    const struct shape *out = &call->out[0].shape;
    int64_t height = x->shape.dims[2], width = x->shape.dims[3];
    size_t at = 0;

    for (size_t r = 0; r < (size_t)out->dims[0]; r++) {
        double item = tensor_f64(&call->in[ROIS], r * 5), corner[4];

        if (!(item >= 0 && item < (double)x->shape.dims[0]))
            return op_error(call, err, STATUS_INVALID_INPUT, "region %zu is of item %g", r, item);
        for (size_t k = 0; k < 4; k++)
            corner[k] = round(tensor_f64(&call->in[ROIS], r * 5 + 1 + k) * scale);
        for (int64_t c = 0; c < out->dims[1]; c++)
            for (int64_t i = 0; i < out->dims[2] * out->dims[3]; i++) {
                size_t plane = (size_t)(((int64_t)item * out->dims[1] + c) * height * width);
                int64_t top, bottom, left, right;
                double best = -INFINITY;

                bin_bounds(i / out->dims[3], out->dims[2], corner[1],
                           fmax(corner[3] - corner[1] + 1, 1), height, &top, &bottom);
                bin_bounds(i % out->dims[3], out->dims[3], corner[0],
                           fmax(corner[2] - corner[0] + 1, 1), width, &left, &right);
                for (int64_t y = top; y < bottom; y++)
                    for (int64_t z = left; z < right; z++)
                        best = fmax(best, tensor_f64(x, plane + (size_t)(y * width + z)));
                tensor_set_f64(&call->out[0], at++, top < bottom && left < right ? best : 0);
            }
    }
    return STATUS_OK;
}

const struct op_set ops_onnx_roi = OP_SET({.name = "RoiAlign",
                                           .summary = "regions, interpolated",
                                           .in_min = 3,
                                           .in_max = 3,
                                           .out_min = 1,
                                           .out_max = 1,
                                           .infer = infer_align,
                                           .run = run_align},
                                          {.name = "MaxRoiPool",
                                           .summary = "largest elements of parts of regions",
                                           .in_min = 2,
                                           .in_max = 2,
                                           .out_min = 1,
                                           .out_max = 1,
                                           .infer = infer_pool,
                                           .run = run_pool});
