// SPDX-License-Identifier: Apache-2.0
/* Images (batch, height, width, channels) of integers that stand for a range of floats.
 *
 * QuantisedResize: x quint8, size (2) -> x resized between its neighbours, in fixed
 * point. Attributes corners, half: as TensorFlow's align_corners, half_pixel_centers.
 * QuantisedBatchNorm: x, mean, variance, offset, scale, all quint8, each with its min and max ->
 * (x - mean) / sqrt(variance + epsilon) * scale + offset, qint32 from -2^20 to 2^20, in fixed
 * point. Attributes epsilon, scales: false leaves the scale out.
 * Source: tensorflow/core/kernels/quantized_{resize_bilinear,batch_norm}_op.cc. */
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/math/quantised.h"

/* --- QuantisedResize --- */

enum { RESOLUTION = 7 }; /* bits of the way between two pixels */

static enum status infer_resize(struct op_call *call, struct error *err)
{
    struct shape out = call->in[0].shape, size;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_QU8), err));
    TRY(op_wants_rank(call, 0, 4, 4, err));
    TRY(op_input_shape(call, 1, 1, &size, err));
    if (size.rank >= 0 && size.rank != 2)
        return op_error(call, err, STATUS_INVALID_INPUT, "a size of %d numbers", size.rank);
    if (out.rank == 4)
        for (int d = 0; d < 2; d++)
            out.dims[1 + d] = size.rank < 0 ? DIM_UNKNOWN : size.dims[d];
    op_give(call, 0, call->in[0].dtype, &out);
    return STATUS_OK;
}

struct place {
    int64_t lower, upper;
    int64_t part; /* of the way from lower to upper, in steps */
};

static struct place place_of(const struct op_call *call, int64_t i, int64_t in, int64_t out)
{
    bool corners = attribute_int(call->attributes, "corners", 0) && out > 1;
    float scale = corners ? (float)(in - 1) / (float)(out - 1) : (float)in / (float)out;
    float at = attribute_int(call->attributes, "half", 0) ? ((float)i + 0.5F) * scale - 0.5F
                                                          : (float)i * scale;
    float below = floorf(at), above = ceilf(at);
    struct place place = {below > 0 ? (int64_t)below : 0, (int64_t)above,
                          (int64_t)((at - below) * (float)(1 << RESOLUTION))};

    place.upper = place.upper < in - 1 ? place.upper : in - 1;
    place.lower = place.lower < place.upper ? place.lower : place.upper;
    return place;
}

static int64_t between(int64_t low, int64_t high, int64_t part, int64_t steps)
{
    return low * steps + (high - low) * part;
}

static enum status run_resize(const struct op_call *call, struct error *err)
{
    const int64_t *in = call->in[0].shape.dims, *out = call->out[0].shape.dims;
    int64_t steps = INT64_C(1) << RESOLUTION, at = 0;

    (void)err;
    if (in[1] == out[1] && in[2] == out[2]) {
        memcpy(call->out[0].data, call->in[0].data, tensor_bytes(&call->in[0]));
        return STATUS_OK;
    }
    if (in[1] < 1 || in[2] < 1)
        return op_error(call, err, STATUS_INVALID_INPUT, "an image without pixels");
    for (int64_t row = 0; row < out[0] * out[1]; row++) {
        struct place y = place_of(call, row % out[1], in[1], out[1]);
        int64_t image = row / out[1] * in[1];

        for (int64_t column = 0; column < out[2]; column++) {
            struct place x = place_of(call, column, in[2], out[2]);

            for (int64_t channel = 0; channel < in[3]; channel++, at++) {
                double v[4];
                int64_t top, bottom, value;

                for (int k = 0; k < 4; k++)
                    v[k] = quantised_get(&call->in[0],
                                         (size_t)(((image + (k < 2 ? y.lower : y.upper)) * in[2] +
                                                   (k % 2 ? x.upper : x.lower)) *
                                                      in[3] +
                                                  channel));
                top = between((int64_t)v[0], (int64_t)v[1], x.part, steps);
                bottom = between((int64_t)v[2], (int64_t)v[3], x.part, steps);
                value = (top + (bottom - top) / steps * y.part + steps / 2) / steps;
                quantised_put(&call->out[0], (size_t)at, (double)value);
            }
        }
    }
    return STATUS_OK;
}

/* --- QuantisedBatchNorm --- */

enum { X, MEAN, VARIANCE, OFFSET, SCALE, PARTS };

static enum status infer_norm(struct op_call *call, struct error *err)
{
    for (size_t i = 0; i < PARTS; i++) {
        TRY(op_wants(call, 3 * i, DTYPE_BIT(DTYPE_QU8), err));
        TRY(op_wants_rank(call, 3 * i, i ? 1 : 4, i ? 1 : 4, err));
        for (size_t k = 1; k < 3; k++) {
            TRY(op_wants(call, 3 * i + k, DTYPE_BIT(DTYPE_F32), err));
            TRY(op_wants_rank(call, 3 * i + k, 0, 0, err));
        }
    }
    op_give(call, 0, DTYPE_QI32, &call->in[0].shape);
    return STATUS_OK;
}

static float value_at(const struct op_call *call, size_t part, size_t i)
{
    return quantised_value(DTYPE_QU8, quantised_get(&call->in[3 * part], i),
                           *(const float *)call->in[3 * part + 1].data,
                           *(const float *)call->in[3 * part + 2].data);
}

static int64_t fixed(float value)
{
    return (int64_t)quantised_level(DTYPE_QI32, value, -0x1p20F, 0x1p20F);
}

static enum status run_norm(const struct op_call *call, struct error *err)
{
    float epsilon = (float)attribute_float(call->attributes, "epsilon", 0);
    bool scales = attribute_int(call->attributes, "scales", 0);
    size_t depth = (size_t)call->in[0].shape.dims[3], count = tensor_count(&call->in[0]);
    int32_t *y = call->out[0].data;

    for (size_t i = 1; i < PARTS; i++)
        if (tensor_count(&call->in[3 * i]) != depth)
            return op_error(call, err, STATUS_INVALID_INPUT, "input %zu has not %zu elements",
                            3 * i, depth);
    for (size_t channel = 0; channel < depth; channel++) {
        float scale = 1.0F / sqrtf(value_at(call, VARIANCE, channel) + epsilon), offset;

        if (scales)
            scale *= value_at(call, SCALE, channel);
        if (!isfinite(scale))
            return op_error(call, err, STATUS_INVALID_INPUT, "channel %zu: the variance is %g",
                            channel, (double)value_at(call, VARIANCE, channel));
        offset = -value_at(call, MEAN, channel) * scale;
        offset += value_at(call, OFFSET, channel);
        for (size_t i = channel; i < count; i += depth) {
            int64_t product = fixed(value_at(call, X, i)) * fixed(scale);

            y[i] = (int32_t)(uint32_t)((uint64_t)((int32_t)(uint32_t)product / fixed(1)) +
                                       (uint64_t)fixed(offset));
        }
    }
    return STATUS_OK;
}

const struct op_set ops_firn_quantised_image =
    OP_SET({.name = "QuantisedResize",
            .summary = "an image of integers in another size",
            .in_min = 2,
            .in_max = 2,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_resize,
            .run = run_resize},
           {.name = "QuantisedBatchNorm",
            .summary = "normalisation of an image of integers",
            .in_min = 15,
            .in_max = 15,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_norm,
            .run = run_norm}, );
