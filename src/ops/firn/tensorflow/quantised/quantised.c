// SPDX-License-Identifier: Apache-2.0
/* Arithmetic on integers that stand for a range of floats, as TensorFlow's Quantized operators do
 * it. Ranges are scalars: min, max float.
 *
 * QuantisedLevel: value, min, max -> the integer of the type `of` that stands for the value, int32.
 * Attribute free: it may lie beyond the type. With the attribute to 4 it is uint8, and must.
 * QuantisedProductRange: min, max of a, of b -> min, max of their products in qint32. Attributes
 * a, b: their types.
 * QuantisedSumRange: min, max of a, of b -> min, max of their sums in qint32. Attribute bias: as
 * QuantizedBiasAdd has it, not QuantizedAdd.
 * Requantise: x, min, max, new min, new max -> of the type `to`. Attribute how: "each" converts
 * each through its float, in double; "floats" all of them, in float; "line" by the levels of 0 and
 * 1; "fixed" in fixed point, of qint32 to quint8. Attribute same: equal ranges change nothing.
 * RequantisationRange: x qint32, min, max -> the range that x makes use of.
 * Types are TensorFlow's numbers.
 * Source: tensorflow/core/kernels/{quantization_utils.h,quantized_*.cc,requantiz*.cc}. */
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/math/quantised.h"

static float scalar(const struct op_call *call, size_t input)
{
    return *(const float *)call->in[input].data;
}

static enum dtype type_of(const struct op_call *call, const char *name)
{
    return dtype_from_tf(attribute_int(call->attributes, name, 12));
}

/* Inputs [from, to) are float scalars. */
static enum status wants_scalars(const struct op_call *call, size_t from, size_t to,
                                 struct error *err)
{
    for (size_t i = from; i < to; i++) {
        TRY(op_wants(call, i, DTYPE_BIT(DTYPE_F32), err));
        TRY(op_wants_rank(call, i, 0, 0, err));
    }
    return STATUS_OK;
}

static enum status wants_quantised(const struct op_call *call, enum dtype dtype, struct error *err)
{
    return dtype != DTYPE_NONE && (DTYPES_QUANTISED & DTYPE_BIT(dtype))
               ? STATUS_OK
               : op_error(call, err, STATUS_UNSUPPORTED, "of %s", dtype_name(dtype));
}

static void give_scalars(const struct op_call *call, enum dtype dtype)
{
    struct shape out = shape_scalar();

    for (size_t i = 0; i < call->out_count; i++)
        op_give(call, i, dtype, &out);
}

/* --- one number --- */

static enum status infer_level(struct op_call *call, struct error *err)
{
    TRY(wants_scalars(call, 0, 3, err));
    TRY(wants_quantised(call, type_of(call, "of"), err));
    give_scalars(call, attribute_int(call->attributes, "to", 3) == 4 ? DTYPE_U8 : DTYPE_I32);
    return STATUS_OK;
}

static enum status run_level(const struct op_call *call, struct error *err)
{
    bool free = attribute_int(call->attributes, "free", 0);
    enum dtype of = type_of(call, "of");
    float low = scalar(call, 1), high = scalar(call, 2);
    double y = free ? quantised_level_free(of, scalar(call, 0), low, high)
                    : quantised_level(of, scalar(call, 0), low, high);

    if (free && !(high > low))
        return op_error(call, err, STATUS_INVALID_INPUT, "a range from %g to %g", (double)low,
                        (double)high);
    if (call->out[0].dtype == DTYPE_U8 && !(y >= 0 && y <= UINT8_MAX))
        return op_error(call, err, STATUS_UNSUPPORTED, "the range from %g to %g has no zero",
                        (double)low, (double)high);
    if (!(y >= INT32_MIN && y <= INT32_MAX))
        return op_error(call, err, STATUS_INVALID_INPUT, "a range from %g to %g", (double)low,
                        (double)high);
    if (call->out[0].dtype == DTYPE_U8)
        *(uint8_t *)call->out[0].data = (uint8_t)y;
    else
        *(int32_t *)call->out[0].data = (int32_t)y;
    return STATUS_OK;
}

/* --- ranges --- */

static enum status infer_ranges(struct op_call *call, struct error *err)
{
    TRY(wants_scalars(call, 0, 4, err));
    give_scalars(call, DTYPE_F32);
    return STATUS_OK;
}

/* What one step of a type is. */
static float step(enum dtype dtype, float low, float high)
{
    return (high - low) / (float)(quantised_highest(dtype) - quantised_lowest(dtype));
}

static enum status run_product(const struct op_call *call, struct error *err)
{
    float each = step(type_of(call, "a"), scalar(call, 0), scalar(call, 1)) *
                 step(type_of(call, "b"), scalar(call, 2), scalar(call, 3));

    (void)err;
    *(float *)call->out[0].data = each * (float)INT32_MIN;
    *(float *)call->out[1].data = each * (float)INT32_MAX;
    return STATUS_OK;
}

static enum status run_sum(const struct op_call *call, struct error *err)
{
    float a = fmaxf(scalar(call, 1), -scalar(call, 0));
    float b = fmaxf(scalar(call, 3), -scalar(call, 2));
    float most = fmaxf(a, b) * (attribute_int(call->attributes, "bias", 0) ? 1 << 17 : 1 << 14);

    (void)err;
    *(float *)call->out[0].data = -most;
    *(float *)call->out[1].data = most;
    return STATUS_OK;
}

static enum status infer_used(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_QI32), err));
    TRY(wants_scalars(call, 1, 3, err));
    give_scalars(call, DTYPE_F32);
    return STATUS_OK;
}

static enum status run_used(const struct op_call *call, struct error *err)
{
    const int32_t *x = call->in[0].data;
    int32_t least = INT32_MAX, most = INT32_MIN;
    float low;

    (void)err;
    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        least = x[i] < least ? x[i] : least;
        most = x[i] > most ? x[i] : most;
    }
    low = quantised_value(DTYPE_QI32, least, scalar(call, 1), scalar(call, 2));
    *(float *)call->out[0].data = low < 0 ? low : 0;
    *(float *)call->out[1].data =
        quantised_value(DTYPE_QI32, most, scalar(call, 1), scalar(call, 2));
    return STATUS_OK;
}

/* --- Requantise --- */

struct ranges {
    enum dtype from, to;
    float low, high, new_low, new_high;
};

static enum status infer_requantise(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPES_QUANTISED, err));
    TRY(wants_scalars(call, 1, 5, err));
    TRY(wants_quantised(call, type_of(call, "to"), err));
    if (attribute_is(call->attributes, "how", "fixed") &&
        (call->in[0].dtype != DTYPE_QI32 || type_of(call, "to") != DTYPE_QU8))
        return op_error(call, err, STATUS_UNSUPPORTED, "%s to %s", dtype_name(call->in[0].dtype),
                        dtype_name(type_of(call, "to")));
    op_give(call, 0, type_of(call, "to"), &call->in[0].shape);
    return STATUS_OK;
}

static void by_each(const struct op_call *call, const struct ranges *r)
{
    for (size_t i = 0; i < tensor_count(&call->in[0]); i++)
        quantised_put(&call->out[0], i,
                      quantised_level(
                          r->to,
                          quantised_value(r->from, quantised_get(&call->in[0], i), r->low, r->high),
                          r->new_low, r->new_high));
}

static void by_line(const struct op_call *call, const struct ranges *r)
{
    double zero = quantised_level_free(r->to, quantised_value(r->from, 0, r->low, r->high),
                                       r->new_low, r->new_high);
    double one = quantised_level_free(r->to, quantised_value(r->from, 1, r->low, r->high),
                                      r->new_low, r->new_high);

    for (size_t i = 0; i < tensor_count(&call->in[0]); i++)
        quantised_put(&call->out[0], i, zero + quantised_get(&call->in[0], i) * (one - zero));
}

static void by_floats(const struct op_call *call, const struct ranges *r)
{
    double from = quantised_steps(r->from) - 1, to = quantised_steps(r->to) - 1;
    float scale = (float)((double)(r->high - r->low) / from);
    float base = r->high == r->low ? r->low : roundf(r->low / scale) * scale;
    float back = r->new_high == r->new_low ? 0 : (float)(to / (double)(r->new_high - r->new_low));
    float least = (float)quantised_lowest(r->to), most = (float)quantised_highest(r->to);
    float start = roundf(r->new_low * back) - least;

    if (r->to == DTYPE_QI32)
        most = 2147483520.0F; /* the largest float that an int32 holds */
    base -= (float)quantised_lowest(r->from) * scale;
    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        float x = base + (float)quantised_get(&call->in[0], i) * scale;
        float y = roundf(x * back) - start;

        y = y > least ? y : least;
        quantised_put(&call->out[0], i, (double)(y < most ? y : most));
    }
}

static int64_t shifted(uint64_t value, int by)
{
    return (int64_t)value >> by;
}

static enum status by_fixed(const struct op_call *call, const struct ranges *r, struct error *err)
{
    const float input = r->high - r->low, output = r->new_high - r->new_low;
    const float inverse = output == 0 ? 0 : (float)(255.0 / (double)output);
    const float middle = (float)((double)(r->low + r->high) / 2.0);
    double scale = output == 0 ? 0 : 255.0 * 65536 * (double)input / (double)output;
    double offset = (double)(middle * inverse * 65536.0F);
    double new_offset = output == 0 ? 0 : 65536 * ((double)r->new_low * 255.0) / (double)output;
    const int32_t *x = call->in[0].data;
    uint8_t *y = call->out[0].data;
    uint64_t each, all;

    if (!(fabs(scale) < 0x1p62) || !(fabs(offset) < 0x1p62) || !(fabs(new_offset) < 0x1p62))
        return op_error(call, err, STATUS_INVALID_INPUT, "ranges from %g to %g, from %g to %g",
                        (double)r->low, (double)r->high, (double)r->new_low, (double)r->new_high);
    each = (uint64_t)(int64_t)scale;
    all = (uint64_t)((int64_t)offset - (int64_t)new_offset + (1 << 15));
    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        int64_t high = shifted((uint64_t)(int64_t)x[i] * each, 32);
        int64_t whole = shifted((uint64_t)high + all, 16);

        y[i] = (uint8_t)(whole < 0 ? 0 : whole > UINT8_MAX ? UINT8_MAX : whole);
    }
    return STATUS_OK;
}

static enum status run_requantise(const struct op_call *call, struct error *err)
{
    struct ranges r = {call->in[0].dtype, call->out[0].dtype, scalar(call, 1),
                       scalar(call, 2),   scalar(call, 3),    scalar(call, 4)};

    if (attribute_int(call->attributes, "same", 0) && r.low == r.new_low && r.high == r.new_high &&
        r.from == r.to) {
        memcpy(call->out[0].data, call->in[0].data, tensor_bytes(&call->in[0]));
        return STATUS_OK;
    }
    if (attribute_is(call->attributes, "how", "fixed"))
        return by_fixed(call, &r, err);
    if (attribute_is(call->attributes, "how", "line"))
        by_line(call, &r);
    else if (attribute_is(call->attributes, "how", "each"))
        by_each(call, &r);
    else
        by_floats(call, &r);
    return STATUS_OK;
}

#define ROW(op, text, ins, outs, infer_it, run_it)                                                 \
    {                                                                                              \
        .name = op, .summary = text, .in_min = ins, .in_max = ins, .out_min = outs,                \
        .out_max = outs, .infer = infer_it, .run = run_it                                          \
    }

const struct op_set ops_firn_quantised = OP_SET(
    ROW("QuantisedLevel", "the integer that stands for a float", 3, 1, infer_level, run_level),
    ROW("QuantisedProductRange", "the range of products of integers of ranges", 4, 2, infer_ranges,
        run_product),
    ROW("QuantisedSumRange", "the range of sums of integers of ranges", 4, 2, infer_ranges,
        run_sum),
    ROW("RequantisationRange", "the range that integers make use of", 3, 2, infer_used, run_used),
    ROW("Requantise", "integers of a range to those of another", 5, 1, infer_requantise,
        run_requantise));
