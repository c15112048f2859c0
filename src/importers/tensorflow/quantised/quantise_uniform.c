// SPDX-License-Identifier: Apache-2.0
/* Integers that stand for floats by a scale and a zero point, of the whole tensor or of each index
 * of one dimension. Source: tensorflow/core/kernels/uniform_quant_ops/. */
#include "importers/tensorflow/internal.h"

/* How the bytes of a quantised type are read as integers; DTYPE_NONE: it is none. */
static enum dtype plain_of(enum dtype dtype)
{
    return dtype == DTYPE_QI8    ? DTYPE_I8
           : dtype == DTYPE_QU8  ? DTYPE_U8
           : dtype == DTYPE_QI32 ? DTYPE_I32
                                 : DTYPE_NONE;
}

/* Scales or zero points along the dimension that they are of. */
static enum status along(struct tf_call *c, value_id list, value_id *y, struct error *err)
{
    int64_t axis, dims[RANK_MAX];
    int rank;

    *y = list;
    TRY(tf_int(c->node, "quantization_axis", -1, &axis, err));
    if (axis < 0)
        return emit_shape(c->e, list)->rank == 0
                   ? STATUS_OK
                   : error_set(err, STATUS_INVALID_INPUT, "one scale for all is to be a scalar");
    TRY(tf_rank(c, 0, &rank, err));
    if (axis >= rank)
        return error_set(err, STATUS_INVALID_INPUT, "dimension %lld of %d", (long long)axis, rank);
    for (int d = 0; d < rank; d++)
        dims[d] = d == axis ? -1 : 1;
    return emit_reshape(c->e, list, dims, (size_t)rank, y, err);
}

static enum status limits_of(struct tf_call *c, double limits[2], struct error *err)
{
    int64_t low, high;

    TRY(tf_int(c->node, "quantization_min_val", 0, &low, err));
    TRY(tf_int(c->node, "quantization_max_val", 0, &high, err));
    limits[0] = (double)low;
    limits[1] = (double)high;
    return low <= high ? STATUS_OK
                       : error_set(err, STATUS_INVALID_INPUT, "from %lld to %lld", (long long)low,
                                   (long long)high);
}

/* x, scales, zero points: floor(x / scale + 1/2) + zero, in limits */
static enum status quantise(struct tf_call *c, struct error *err)
{
    value_id y = c->in[0], scale, zero, one, half;
    double limits[2];
    enum dtype dtype;

    TRY(tf_type(c->node, "Tout", &dtype, err));
    if (plain_of(dtype) == DTYPE_NONE || emit_dtype(c->e, y) != DTYPE_F32)
        return error_set(err, STATUS_UNSUPPORTED, "%s to %s", dtype_name(emit_dtype(c->e, y)),
                         dtype_name(dtype));
    TRY(limits_of(c, limits, err));
    TRY(along(c, c->in[1], &scale, err));
    TRY(along(c, c->in[2], &zero, err));
    TRY(emit_number(c->e, DTYPE_F32, 1, &one, err));
    TRY(emit_2(c->e, "Div", one, scale, &scale, err));
    TRY(emit_2(c->e, "Mul", y, scale, &y, err));
    TRY(emit_number(c->e, DTYPE_F32, 0.5, &half, err));
    TRY(emit_2(c->e, "Add", y, half, &y, err));
    TRY(emit_1(c->e, "Floor", y, &y, err));
    TRY(emit_cast(c->e, y, DTYPE_F64, &y, err)); /* holds all sums of two int32 */
    TRY(emit_cast(c->e, zero, DTYPE_F64, &zero, err));
    TRY(emit_2(c->e, "Add", y, zero, &y, err));
    TRY(emit_clip(c->e, y, limits[0], limits[1], &y, err));
    TRY(emit_cast(c->e, y, plain_of(dtype), &y, err));
    TRY(tf_bitcast(c->e, y, dtype, &y, err));
    return tf_give(c, y);
}

/* x, scales, zero points: (x - zero) * scale */
static enum status dequantise(struct tf_call *c, struct error *err)
{
    enum dtype dtype = plain_of(emit_dtype(c->e, c->in[0]));
    value_id y, scale, zero;

    if (dtype == DTYPE_NONE)
        return error_set(err, STATUS_UNSUPPORTED, "of %s", dtype_name(emit_dtype(c->e, c->in[0])));
    TRY(along(c, c->in[1], &scale, err));
    TRY(along(c, c->in[2], &zero, err));
    TRY(tf_bitcast(c->e, c->in[0], dtype, &y, err));
    TRY(emit_cast(c->e, y, DTYPE_I32, &y, err));
    TRY(emit_2(c->e, "Sub", y, zero, &y, err));
    TRY(emit_cast(c->e, y, DTYPE_F32, &y, err));
    TRY(emit_2(c->e, "Mul", y, scale, &y, err));
    return tf_give(c, y);
}

/* x, low, high (int32), scales and zero points, which do not count */
static enum status clip(struct tf_call *c, struct error *err)
{
    enum dtype from = emit_dtype(c->e, c->in[0]);
    value_id y, low, high;

    if (from != DTYPE_QI32)
        return error_set(err, STATUS_UNSUPPORTED, "of %s", dtype_name(from));
    TRY(tf_bitcast(c->e, c->in[0], DTYPE_I32, &y, err));
    TRY(tf_bitcast(c->e, c->in[1], DTYPE_I32, &low, err));
    TRY(tf_bitcast(c->e, c->in[2], DTYPE_I32, &high, err));
    TRY(along(c, low, &low, err));
    TRY(along(c, high, &high, err));
    TRY(emit_2(c->e, "Min", y, high, &y, err));
    TRY(emit_2(c->e, "Max", y, low, &y, err));
    TRY(tf_bitcast(c->e, y, from, &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_quantise_uniform =
    TF_OP_SET({.name = "UniformQuantize", .lower = quantise, .inputs = 3},
              {.name = "UniformDequantize", .lower = dequantise, .inputs = 3},
              {.name = "UniformQuantizedClipByValue", .lower = clip, .inputs = 5}, );
