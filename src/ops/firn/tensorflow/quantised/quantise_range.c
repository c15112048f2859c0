// SPDX-License-Identifier: Apache-2.0
/* Integers that stand for a range of floats, as TensorFlow's operators make and read them.
 *
 * QuantiseRange: x float, min, max float -> y of the type code `to` (TensorFlow's), min and max as
 * they were used. DequantiseRange: x quantised, min, max float -> float. QuantiseDequantise: x
 * float or double, min, max of its type -> x. Limits are () or, with the attribute axis, one for
 * each index of it. Attributes: mode, axis, narrow, even (halves to even), least_range, to; and of
 * QuantiseDequantise: signed, bits, given (0: the range is that of x).
 * Sources: tensorflow/core/kernels/{quantize_op.cc,dequantize_op.cc,quantization_utils.h,
 * quantize_and_dequantize_op.h}. */
#include <float.h>
#include <math.h>

#include "ops/kernels/call.h"
#include "ops/kernels/math/quantised.h"

enum { X, LOW, HIGH };
enum mode { MIN_COMBINED, MIN_FIRST, SCALED };

/* --- where the limits of an element are --- */

struct slices {
    size_t count, inner; /* of the axis, below it */
};

static enum status slices_of(const struct op_call *call, struct slices *s, struct error *err)
{
    const struct shape *x = &call->in[X].shape;
    int64_t axis = attribute_int(call->attributes, "axis", -1);

    *s = (struct slices){1, 1};
    if (axis < -1 || (x->rank >= 0 && axis >= x->rank))
        return op_error(call, err, STATUS_INVALID_INPUT, "axis %lld of %d", (long long)axis,
                        x->rank);
    if (shape_is_known(x)) {
        s->count = axis < 0 ? 1 : (size_t)x->dims[axis];
        s->inner = axis < 0 ? 1 : shape_span(x, (int)axis + 1, x->rank);
    }
    for (size_t i = LOW; i <= HIGH; i++) {
        const struct shape *limit = &call->in[i].shape;

        TRY(op_wants_rank(call, i, 0, 1, err));
        if (shape_is_known(limit) && shape_is_known(x) && shape_count(limit) != s->count)
            return op_error(call, err, STATUS_INVALID_INPUT, "%zu limits for %zu slices",
                            shape_count(limit), s->count);
    }
    return STATUS_OK;
}

static size_t slice_of(const struct slices *s, size_t i)
{
    return s->count == 1 ? 0 : i / s->inner % s->count;
}

/* Element k of a slice. */
static size_t element_of(const struct slices *s, size_t slice, size_t k)
{
    return (k / s->inner * s->count + slice) * s->inner + k % s->inner;
}

static enum status mode_of(const struct op_call *call, enum mode *mode, struct error *err)
{
    static const char *const MODES[] = {"MIN_COMBINED", "MIN_FIRST", "SCALED"};
    struct bytes name = attribute_string(call->attributes, "mode", "MIN_COMBINED");

    for (size_t i = 0; i < 3; i++)
        if (bytes_is(name, MODES[i])) {
            *mode = (enum mode)i;
            return STATUS_OK;
        }
    return op_error(call, err, STATUS_UNSUPPORTED, "this mode");
}

/* --- QuantiseRange --- */

static enum status infer_quantise(struct op_call *call, struct error *err)
{
    enum dtype to = dtype_from_tf(attribute_int(call->attributes, "to", 0));
    struct slices slices;
    enum mode mode;

    for (size_t i = X; i <= HIGH; i++)
        TRY(op_wants(call, i, DTYPE_BIT(DTYPE_F32), err));
    if (to == DTYPE_NONE || !(DTYPES_QUANTISED & DTYPE_BIT(to)))
        return op_error(call, err, STATUS_UNSUPPORTED, "to %s", dtype_name(to));
    TRY(slices_of(call, &slices, err));
    TRY(mode_of(call, &mode, err));
    if (mode == MIN_FIRST && call->in[LOW].shape.rank == 1 &&
        attribute_int(call->attributes, "axis", -1) >= 0)
        return op_error(call, err, STATUS_UNSUPPORTED, "MIN_FIRST along an axis");
    op_give(call, 0, to, &call->in[X].shape);
    op_give(call, 1, DTYPE_F32, &call->in[LOW].shape);
    op_give(call, 2, DTYPE_F32, &call->in[LOW].shape);
    return STATUS_OK;
}

struct range {
    float low, high, factor;
};

/* The range that is used: it holds zero, and is not too small. */
static void range_of(const struct op_call *call, enum mode mode, enum dtype to, size_t slice,
                     struct range *r)
{
    float low = ((const float *)call->in[LOW].data)[slice];
    float high = ((const float *)call->in[HIGH].data)[slice];
    float part = (float)attribute_float(call->attributes, "least_range", 0.01f);
    float epsilon = fmaxf(1, fmaxf(fabsf(low), fabsf(high))) * part;
    double least = quantised_lowest(to), most = quantised_highest(to);

    r->low = low < 0 ? low : 0;
    r->high = fmaxf(0, fmaxf(high, r->low + epsilon));
    if (mode == MIN_COMBINED) {
        r->factor = (float)((most - least) / (double)(r->high - r->low));
    } else if (mode == MIN_FIRST) {
        r->factor =
            r->high == r->low
                ? 0
                : (float)((ldexp(1, 8 * (int)dtype_size(to)) - 1) / (double)(r->high - r->low));
    } else {
        float below, above;

        least += (double)attribute_int(call->attributes, "narrow", 0);
        below = (float)least * r->low > 0 ? (float)least / r->low : FLT_MAX;
        above = (float)most * r->high > 0 ? (float)most / r->high : FLT_MAX;
        r->factor = below < above ? below : above;
        r->low = (float)least / r->factor;
        r->high = (float)most / r->factor;
    }
}

static double quantised(const struct op_call *call, enum mode mode, enum dtype to,
                        const struct range *r, float x)
{
    double least = quantised_lowest(to);
    float value;

    if (mode == MIN_FIRST) {
        value = roundf(x * r->factor) - (roundf(r->low * r->factor) - (float)least);
        return (double)value;
    }
    value = x > r->high ? r->high : x; /* NaN stays */
    value = value < r->low ? r->low : value;
    if (mode == SCALED) {
        value *= r->factor;
        return (double)(attribute_int(call->attributes, "even", 0) ? rintf(value) : roundf(value));
    }
    value = (value - r->low) * r->factor;
    return (double)(least < 0 ? roundf(value - (float)-least) : truncf(value + 0.5f));
}

/* What is no number, or beyond qint32, is what TensorFlow's conversion makes of it: of NaN in small
 * signed types that depends on the place in the tensor. */
static enum status quantised_store(const struct op_call *call, enum mode mode, struct tensor *y,
                                   size_t i, double value, struct error *err)
{
    static const double FIRST_HIGHEST = 2147483520; /* float's last below 2^31: MIN_FIRST */
    bool is_small = dtype_size(y->dtype) < 4;

    if (isnan(value) && is_small && mode != MIN_FIRST && quantised_lowest(y->dtype) < 0)
        return op_error(call, err, STATUS_UNSUPPORTED, "element %zu is NaN", i);
    if (mode == MIN_FIRST && !is_small)
        value = value > FIRST_HIGHEST ? FIRST_HIGHEST : value;
    if (isnan(value) && (is_small || mode != MIN_FIRST))
        value = 0;
    if (is_small || mode == MIN_FIRST)
        quantised_put(y, i, value);
    else
        ((int32_t *)y->data)[i] = (int32_t)(int64_t)value; /* 2^31 wraps */
    return STATUS_OK;
}

static enum status run_quantise(const struct op_call *call, struct error *err)
{
    size_t count = tensor_count(&call->in[X]);
    struct tensor *y = &call->out[0];
    struct slices slices;
    struct range r;
    enum mode mode;

    TRY(mode_of(call, &mode, err));
    TRY(slices_of(call, &slices, err));
    for (size_t s = 0; s < slices.count; s++) {
        if (((const float *)call->in[HIGH].data)[s] < ((const float *)call->in[LOW].data)[s])
            return op_error(call, err, STATUS_INVALID_INPUT, "the maximum is below the minimum");
        range_of(call, mode, y->dtype, s, &r);
        if (call->out_count > 1)
            ((float *)call->out[1].data)[s] = r.low;
        if (call->out_count > 2)
            ((float *)call->out[2].data)[s] = r.high;
        for (size_t k = 0; k < count / slices.count; k++) {
            size_t i = element_of(&slices, s, k);
            float x = ((const float *)call->in[X].data)[i];

            TRY(quantised_store(call, mode, y, i, quantised(call, mode, y->dtype, &r, x), err));
        }
    }
    return STATUS_OK;
}

/* --- DequantiseRange --- */

static enum status infer_dequantise(struct op_call *call, struct error *err)
{
    struct slices slices;
    enum mode mode;

    TRY(op_wants(call, X, DTYPES_QUANTISED, err));
    TRY(op_wants(call, LOW, DTYPE_BIT(DTYPE_F32), err));
    TRY(op_wants(call, HIGH, DTYPE_BIT(DTYPE_F32), err));
    TRY(slices_of(call, &slices, err));
    TRY(mode_of(call, &mode, err));
    op_give(call, 0, DTYPE_F32, &call->in[X].shape);
    return STATUS_OK;
}

static enum status run_dequantise(const struct op_call *call, struct error *err)
{
    const struct tensor *x = &call->in[X];
    double least = quantised_lowest(x->dtype), most = quantised_highest(x->dtype);
    size_t count = tensor_count(x);
    float *y = call->out[0].data;
    struct slices slices;
    enum mode mode;

    TRY(mode_of(call, &mode, err));
    TRY(slices_of(call, &slices, err));
    for (size_t i = 0; i < count; i++) {
        float low = ((const float *)call->in[LOW].data)[slice_of(&slices, i)];
        float high = ((const float *)call->in[HIGH].data)[slice_of(&slices, i)];
        float value = (float)quantised_get(x, i), scale;

        if (mode == MIN_COMBINED) {
            scale = (high - low) / (float)(most - least);
            y[i] = (value + (float)-least) * scale + low;
        } else if (mode == MIN_FIRST) {
            scale = (float)((double)(high - low) / (ldexp(1, 8 * (int)dtype_size(x->dtype)) - 1));
            low = high == low ? low : roundf(low / scale) * scale;
            y[i] = (low - (float)least * scale) + value * scale;
        } else {
            double bottom = least + (double)attribute_int(call->attributes, "narrow", 0);

            scale = high / (float)most;
            if (least != 0)
                scale = fmaxf(low / (float)bottom, scale);
            y[i] = value * scale;
        }
    }
    return STATUS_OK;
}

/* --- QuantiseDequantise --- */

static enum status infer_both(struct op_call *call, struct error *err)
{
    int64_t bits = attribute_int(call->attributes, "bits", 8);
    struct slices slices;

    TRY(op_wants(call, X, DTYPE_BIT(DTYPE_F32) | DTYPE_BIT(DTYPE_F64), err));
    TRY(op_wants_same(call, X, LOW, err));
    TRY(op_wants_same(call, X, HIGH, err));
    if (bits < 1 || bits > 62)
        return op_error(call, err, STATUS_INVALID_INPUT, "%lld bits", (long long)bits);
    if (attribute_int(call->attributes, "given", 1))
        TRY(slices_of(call, &slices, err));
    op_give(call, 0, call->in[X].dtype, &call->in[X].shape);
    return STATUS_OK;
}

/* A number as the type of x holds it: a step in double, rounded, is the step in float. */
static double held(enum dtype dtype, double value)
{
    return dtype == DTYPE_F32 ? (double)(float)value : value;
}

struct both {
    double low, high, scale, inverse;
};

static void both_range(const struct op_call *call, enum dtype t, struct both *b)
{
    int64_t bits = attribute_int(call->attributes, "bits", 8);
    bool is_signed = attribute_int(call->attributes, "signed", 1);
    bool narrow = attribute_int(call->attributes, "narrow", 0);
    double half = ldexp(1, (int)bits - 1), largest = t == DTYPE_F32 ? (double)FLT_MAX : DBL_MAX;
    double least = is_signed ? -half + narrow : 0, most = is_signed ? half - 1 : 2 * half - 1;
    double below =
        held(t, held(t, least) * b->low) > 0 ? held(t, held(t, least) / b->low) : largest;
    double above =
        held(t, held(t, most) * b->high) > 0 ? held(t, held(t, most) / b->high) : largest;

    if (below < above) {
        b->scale = below;
        b->inverse = held(t, b->low / held(t, least));
        b->high = held(t, held(t, most) * b->inverse);
    } else {
        b->scale = above;
        b->inverse = held(t, b->high / held(t, most));
        b->low = held(t, held(t, least) * b->inverse);
    }
}

/* The range of the elements themselves. */
static void both_measure(const struct op_call *call, const struct slices *slices, size_t slice,
                         struct both *b)
{
    size_t count = tensor_count(&call->in[X]);

    b->low = INFINITY;
    b->high = -INFINITY;
    for (size_t k = 0; k < count / slices->count; k++) {
        double value = tensor_f64(&call->in[X], element_of(slices, slice, k));

        b->low = value < b->low ? value : b->low;
        b->high = value > b->high ? value : b->high;
    }
}

static enum status run_both(const struct op_call *call, struct error *err)
{
    bool given = attribute_int(call->attributes, "given", 1);
    bool even = attribute_int(call->attributes, "even", 1);
    const struct shape *shape = &call->in[X].shape;
    int64_t axis = attribute_int(call->attributes, "axis", -1);
    enum dtype t = call->in[X].dtype;
    size_t count = tensor_count(&call->in[X]);
    struct slices slices = {1, 1};

    if (axis < -1 || axis >= shape->rank)
        return op_error(call, err, STATUS_INVALID_INPUT, "axis %lld", (long long)axis);
    if (axis >= 0)
        slices = (struct slices){(size_t)shape->dims[axis],
                                 shape_span(shape, (int)axis + 1, shape->rank)};
    for (size_t s = 0; s < slices.count && count; s++) {
        struct both b;

        if (given) {
            b.low = tensor_f64(&call->in[LOW], s);
            b.high = tensor_f64(&call->in[HIGH], s);
            if (!(b.low <= b.high))
                return op_error(call, err, STATUS_INVALID_INPUT, "a range from %g to %g", b.low,
                                b.high);
        } else {
            both_measure(call, &slices, s, &b);
        }
        both_range(call, t, &b);
        for (size_t k = 0; k < count / slices.count; k++) {
            size_t i = element_of(&slices, s, k);
            double value = tensor_f64(&call->in[X], i);

            if (given) {
                value = value < b.high ? value : b.high;
                value = value > b.low ? value : b.low;
            }
            value = held(t, value * b.scale);
            value = even ? rint(value) : floor(held(t, value + 0.5));
            tensor_set_f64(&call->out[0], i, held(t, value * b.inverse));
        }
    }
    return STATUS_OK;
}

#define ROW(op, text, outs, infer_it, run_it)                                                      \
    {                                                                                              \
        .name = op, .summary = text, .in_min = 3, .in_max = 3, .out_min = 1, .out_max = outs,      \
        .infer = infer_it, .run = run_it                                                           \
    }

const struct op_set ops_firn_quantise_range = OP_SET(
    ROW("QuantiseRange", "floats of a range to integers", 3, infer_quantise, run_quantise),
    ROW("DequantiseRange", "integers to floats of a range", 1, infer_dequantise, run_dequantise),
    ROW("QuantiseDequantise", "rounded to the integers of a range", 1, infer_both, run_both));
