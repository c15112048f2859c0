// SPDX-License-Identifier: Apache-2.0
/* ExtractGlimpse: from each image a window about a point; zeros where it reaches over the edge.
 *
 *   inputs      x (batch, height, width, channels) float; size (2) int32: height and width of the
 *               window; offsets (batch, 2) float: y and x of the point
 *   attributes  version 1 or 2, which differ in what an offset means; normalised: in images, not
 *               pixels; centred: 0 is the middle, 1 the end (version 2: of normalised ones alone);
 *               noise: what lies over the edge would be random, so that windows must be inside
 *
 * Source: tensorflow/core/kernels/eigen_attention.h. */
#include <string.h>

#include "ops/kernels/call.h"
#include "ops/kernels/index.h"

enum { X, SIZE, OFFSETS };
#define SIDE_MAX (INT64_C(1) << 24)

static enum status infer(struct op_call *call, struct error *err)
{
    const struct shape *x = &call->in[X].shape;
    struct shape out = SHAPE(DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN);

    TRY(op_wants(call, X, DTYPE_BIT(DTYPE_F32), err));
    TRY(op_wants(call, SIZE, DTYPE_BIT(DTYPE_I32), err));
    TRY(op_wants(call, OFFSETS, DTYPE_BIT(DTYPE_F32), err));
    TRY(op_wants_rank(call, X, 4, 4, err));
    TRY(op_wants_rank(call, SIZE, 1, 1, err));
    TRY(op_wants_rank(call, OFFSETS, 2, 2, err));
    if (x->rank == 4) {
        out.dims[0] = x->dims[0];
        out.dims[3] = x->dims[3];
    }
    if (shape_is_known(x) && shape_is_known(&call->in[OFFSETS].shape)) {
        const int64_t *dims = call->in[OFFSETS].shape.dims;

        if (dims[0] != x->dims[0] || dims[1] != 2)
            return op_error(call, err, STATUS_INVALID_INPUT,
                            "%lld offsets of %lld numbers for %lld images", (long long)dims[0],
                            (long long)dims[1], (long long)x->dims[0]);
        if (x->dims[1] < 1 || x->dims[2] < 1)
            return op_error(call, err, STATUS_INVALID_INPUT, "images without pixels");
    }
    if (op_is_known(call, SIZE)) {
        if (tensor_count(&call->in[SIZE]) != 2)
            return op_error(call, err, STATUS_INVALID_INPUT, "a size of %zu numbers",
                            tensor_count(&call->in[SIZE]));
        for (int i = 0; i < 2; i++) {
            out.dims[i + 1] = index_at(&call->in[SIZE], (size_t)i);
            if (out.dims[i + 1] < 1 || out.dims[i + 1] > SIDE_MAX)
                return op_error(call, err, STATUS_INVALID_INPUT, "a size of %lld",
                                (long long)out.dims[i + 1]);
        }
    }
    op_give(call, 0, DTYPE_F32, &out);
    return STATUS_OK;
}

/* Where the window begins, in float as there. What no image reaches is far outside. */
static int64_t begin_of(const struct op_call *call, float offset, int64_t side, int64_t window)
{
    bool first = attribute_int(call->attributes, "version", 2) == 1;
    bool normalised = attribute_int(call->attributes, "normalised", 1);
    bool centred = attribute_int(call->attributes, "centred", 1);

    if (normalised)
        offset *= (float)side;
    if (centred && (first || normalised))
        offset /= 2.0F;
    if (centred)
        offset += (float)side / 2.0F;
    if (first || (normalised && centred))
        offset -= (float)window / 2.0F;
    return offset > (float)-SIDE_MAX && offset < (float)INT32_MAX ? (int64_t)offset : -SIDE_MAX;
}

/* Of a side of the window: where in it the image begins, where in the image, and how far. */
struct part {
    int64_t to, from, count;
};

static struct part part_of(int64_t begin, int64_t side, int64_t window)
{
    struct part p = {0, begin, window};

    if (begin < 0) {
        p.from = 0;
        p.count = window + begin > 0 ? window + begin : 0;
        p.to = window - p.count;
    } else if (begin + window >= side) {
        p.count = side > begin ? side - begin : 0;
    }
    p.count = p.count < side ? p.count : side;
    return p;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[X];
    const struct shape *in = &x->shape, *out = &call->out[0].shape;
    bool noise = attribute_int(call->attributes, "noise", 0);
    size_t channels = (size_t)in->dims[3], row = channels * sizeof(float);
    float *y = call->out[0].data;

    for (int64_t n = 0; n < in->dims[0]; n++) {
        const float *at = (const float *)call->in[OFFSETS].data + 2 * n;
        const float *image =
            (const float *)x->data + (size_t)(n * in->dims[1] * in->dims[2]) * channels;
        float *glimpse = y + (size_t)(n * out->dims[1] * out->dims[2]) * channels;
        struct part v =
            part_of(begin_of(call, at[0], in->dims[1], out->dims[1]), in->dims[1], out->dims[1]);
        struct part h =
            part_of(begin_of(call, at[1], in->dims[2], out->dims[2]), in->dims[2], out->dims[2]);

        if (noise && (v.count < out->dims[1] || h.count < out->dims[2]))
            return op_error(call, err, STATUS_UNSUPPORTED,
                            "window %lld reaches over the edge, where it would be random",
                            (long long)n);
        memset(glimpse, 0, (size_t)(out->dims[1] * out->dims[2]) * row);
        for (int64_t i = 0; i < v.count && h.count > 0; i++)
            memcpy(glimpse + (size_t)((v.to + i) * out->dims[2] + h.to) * channels,
                   image + (size_t)((v.from + i) * in->dims[2] + h.from) * channels,
                   (size_t)h.count * row);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_glimpse = OP_SET({.name = "ExtractGlimpse",
                                               .summary = "a window about a point of each image",
                                               .flags = OP_ROWS,
                                               .in_min = 3,
                                               .in_max = 3,
                                               .out_min = 1,
                                               .out_max = 1,
                                               .infer = infer,
                                               .run = run});
