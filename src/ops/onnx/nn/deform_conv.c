// SPDX-License-Identifier: Apache-2.0
/* DeformConv of (N, C, H, W): a convolution whose taps are moved by offsets, read by linear
 * interpolation with 0 outside, and weighed by a mask. */
#include <math.h>

#include "ops/kernels/spatial/convolution.h"

enum { X, W, OFFSETS, BIAS, MASK };

struct deform {
    struct convolution c;
    int64_t offset_groups;
};

static enum status check_dims(const struct op_call *call, size_t input, const int64_t want[4],
                              struct error *err)
{
    const struct shape *shape = &call->in[input].shape;

    TRY(op_wants_same(call, X, input, err));
    TRY(op_wants_rank(call, input, 4, 4, err));
    for (int i = 0; i < shape->rank; i++)
        if (dim_is_known(shape->dims[i]) && dim_is_known(want[i]) && shape->dims[i] != want[i])
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "dimension %d of input %zu is %lld, not %lld", i, input,
                            (long long)shape->dims[i], (long long)want[i]);
    return STATUS_OK;
}

static enum status deform_of(const struct op_call *call, struct deform *d, struct shape *out,
                             struct error *err)
{
    const struct shape *in = &call->in[X].shape, *weights = &call->in[W].shape;
    int64_t taps, moved;

    d->offset_groups = attribute_int(call->attributes, "offset_group", 1);
    TRY(op_wants(call, X, DTYPES_FLOAT, err));
    TRY(op_wants_same(call, X, W, err));
    TRY(op_wants_rank(call, X, 3, RANK_MAX, err));
    if (in->rank >= 0 && in->rank != 4)
        return op_error(call, err, STATUS_UNSUPPORTED, "%d spatial dimensions, not 2",
                        in->rank - 2);
    TRY(convolution_of(call, X, W, false, &d->c, out, err));
    if (in->rank < 0 || weights->rank < 0)
        return STATUS_OK;
    if (d->offset_groups < 1 || (dim_is_known(in->dims[1]) && in->dims[1] % d->offset_groups))
        return op_error(call, err, STATUS_INVALID_INPUT, "offset_group is %lld",
                        (long long)d->offset_groups);
    TRY(dim_multiply(call, weights->dims[2], weights->dims[3], &taps, err));
    TRY(dim_multiply(call, taps, d->offset_groups, &taps, err));
    TRY(dim_multiply(call, taps, 2, &moved, err));
    TRY(check_dims(call, OFFSETS, (int64_t[]){in->dims[0], moved, out->dims[2], out->dims[3]},
                   err));
    if (op_has(call, MASK))
        TRY(check_dims(call, MASK, (int64_t[]){in->dims[0], taps, out->dims[2], out->dims[3]},
                       err));
    if (op_has(call, BIAS)) {
        TRY(op_wants_same(call, X, BIAS, err));
        TRY(op_wants_rank(call, BIAS, 1, 1, err));
        if (shape_is_known(&call->in[BIAS].shape) && dim_is_known(out->dims[1]) &&
            call->in[BIAS].shape.dims[0] != out->dims[1])
            return op_error(call, err, STATUS_INVALID_INPUT, "%lld biases for %lld maps",
                            (long long)call->in[BIAS].shape.dims[0], (long long)out->dims[1]);
    }
    return STATUS_OK;
}

static enum status infer(struct op_call *call, struct error *err)
{
    struct deform d;
    struct shape out;

    TRY(deform_of(call, &d, &out, err));
    op_give(call, 0, call->in[X].dtype, &out);
    return STATUS_OK;
}

/* Between four pixels; those outside are 0. */
static double read_at(const struct tensor *x, size_t plane, double y, double z)
{
    int64_t height = x->shape.dims[2], width = x->shape.dims[3], top, left;
    double sum = 0, dy, dz;

    if (!(y > -1 && y < (double)height && z > -1 && z < (double)width))
        return 0;
    top = (int64_t)floor(y);
    left = (int64_t)floor(z);
    dy = y - (double)top;
    dz = z - (double)left;
    for (int64_t k = 0; k < 4; k++) {
        int64_t i = top + k / 2, j = left + k % 2;

        if (i >= 0 && i < height && j >= 0 && j < width)
            sum += (k / 2 ? dy : 1 - dy) * (k % 2 ? dz : 1 - dz) *
                   tensor_f64(x, plane + (size_t)(i * width + j));
    }
    return sum;
}

/* The sum for map m of item n at output (row, column). */
static double convolve(const struct op_call *call, const struct deform *d, size_t n, size_t m,
                       int64_t row, int64_t column)
{
    const struct window *w = &d->c.window;
    size_t per_group = d->c.channels / d->c.groups, group = m / (d->c.maps / d->c.groups);
    size_t per_offset = d->c.channels / (size_t)d->offset_groups;
    size_t taps = (size_t)(w->kernel[0] * w->kernel[1]), outs = (size_t)(w->out[0] * w->out[1]);
    size_t place = (size_t)(row * w->out[1] + column);
    double sum = op_has(call, BIAS) ? tensor_f64(&call->in[BIAS], m) : 0;

    for (size_t k = 0; k < per_group; k++) {
        size_t channel = group * per_group + k, g = channel / per_offset;
        size_t plane = (n * d->c.channels + channel) * (size_t)(w->in[0] * w->in[1]);

        for (size_t t = 0; t < taps; t++) {
            size_t which = (n * (size_t)d->offset_groups + g) * taps + t;
            double y = (double)(row * w->stride[0] - w->begin[0] +
                                (int64_t)t / w->kernel[1] * w->dilation[0]) +
                       tensor_f64(&call->in[OFFSETS], which * 2 * outs + place);
            double z = (double)(column * w->stride[1] - w->begin[1] +
                                (int64_t)t % w->kernel[1] * w->dilation[1]) +
                       tensor_f64(&call->in[OFFSETS], (which * 2 + 1) * outs + place);
            double weight = tensor_f64(&call->in[W], (m * per_group + k) * taps + t);

            if (op_has(call, MASK))
                weight *= tensor_f64(&call->in[MASK], which * outs + place);
            sum += weight * read_at(&call->in[X], plane, y, z);
        }
    }
    return sum;
}

static enum status run(const struct op_call *call, struct error *err)
{
    struct deform d;
    struct shape out;
    size_t at = 0;

    TRY(deform_of(call, &d, &out, err));
    for (size_t n = 0; n < d.c.n; n++)
        for (size_t m = 0; m < d.c.maps; m++)
            for (int64_t i = 0; i < out.dims[2]; i++)
                for (int64_t j = 0; j < out.dims[3]; j++)
                    tensor_set_f64(&call->out[0], at++, convolve(call, &d, n, m, i, j));
    return STATUS_OK;
}

const struct op_set ops_onnx_deform_conv = OP_SET({.name = "DeformConv",
                                                   .summary = "convolution with moved taps",
                                                   .flags = OP_ROWS | OP_OPTIONAL_GAPS,
                                                   .in_min = 3,
                                                   .in_max = 5,
                                                   .out_min = 1,
                                                   .out_max = 1,
                                                   .infer = infer,
                                                   .run = run});
