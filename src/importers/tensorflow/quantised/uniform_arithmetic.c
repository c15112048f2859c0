// SPDX-License-Identifier: Apache-2.0
/* Sums, products and convolutions of integers that stand for floats by a scale and a zero point.
 * What is summed are integers, which doubles hold.
 * Source: tensorflow/core/kernels/uniform_quant_ops/. */
#include "importers/tensorflow/image/window.h"

/* What scales and zero points are of: all, or each index of one dimension. */
struct scaled {
    value_id x, scale, zero;
    int64_t axis; /* -1: all */
};

static enum status wants(const struct tf_call *c, value_id x, enum dtype dtype, struct error *err)
{
    return emit_dtype(c->e, x) == dtype
               ? STATUS_OK
               : error_set(err, STATUS_UNSUPPORTED, "of %s, not %s",
                           dtype_name(emit_dtype(c->e, x)), dtype_name(dtype));
}

/* The attribute NAME_quantization_axis, and what it says of the scale and the zero point. */
static enum status axis_of(struct tf_call *c, const char *name, struct scaled *s, struct error *err)
{
    const value_id both[2] = {s->scale, s->zero};

    TRY(tf_int(c->node, name, -1, &s->axis, err));
    for (int i = 0; i < 2; i++)
        if (s->axis < -1 || emit_shape(c->e, both[i])->rank != (s->axis < 0 ? 0 : 1))
            return error_set(err, STATUS_INVALID_INPUT,
                             "%s is %lld: its scale and zero point are to be %s", name,
                             (long long)s->axis, s->axis < 0 ? "scalars" : "lists");
    return STATUS_OK;
}

/* a * b / by, double; b may be VALUE_NONE */
static enum status multiplier_of(struct tf_call *c, value_id a, value_id b, value_id by,
                                 value_id *y, struct error *err)
{
    value_id other;

    TRY(emit_cast(c->e, a, DTYPE_F64, y, err));
    if (b != VALUE_NONE) {
        TRY(emit_cast(c->e, b, DTYPE_F64, &other, err));
        TRY(emit_2(c->e, "Mul", *y, other, y, err));
    }
    TRY(emit_cast(c->e, by, DTYPE_F64, &other, err));
    return emit_2(c->e, "Div", *y, other, y, err);
}

struct limits {
    int64_t low, high;
};

static const struct limits WHOLE = {INT32_MIN, INT32_MAX};

static enum status limits_of(struct tf_call *c, struct limits *limits, struct error *err)
{
    TRY(tf_int(c->node, "output_quantization_min_val", INT32_MIN, &limits->low, err));
    TRY(tf_int(c->node, "output_quantization_max_val", INT32_MAX, &limits->high, err));
    return limits->low <= limits->high && limits->low >= INT32_MIN && limits->high <= INT32_MAX
               ? STATUS_OK
               : error_set(err, STATUS_INVALID_INPUT, "from %lld to %lld", (long long)limits->low,
                           (long long)limits->high);
}

/* x, multiplier, zero, new zero, along an axis */
static enum status requantised(struct tf_call *c, const value_id in[4], int64_t axis,
                               const struct limits *limits, value_id *y, struct error *err)
{
    struct attribute attributes[3] = {attribute_of_int("axis", axis < 0 ? 0 : axis),
                                      attribute_of_int("low", limits->low),
                                      attribute_of_int("high", limits->high)};

    return emit(c->e, "firn", "UniformRequantise", in, 4, attributes, 3, y, 1, err);
}

static enum status no_zero(struct tf_call *c, value_id *zero, struct error *err)
{
    return emit_number(c->e, DTYPE_I32, 0, zero, err);
}

/* x, scales, zeros, new scales, new zeros */
static enum status requantise(struct tf_call *c, struct error *err)
{
    enum dtype from = emit_dtype(c->e, c->in[0]), to;
    struct scaled old = {c->in[0], c->in[1], c->in[2], -1};
    struct scaled new = {c->in[0], c->in[3], c->in[4], -1};
    struct limits limits;
    value_id in[4], y;

    if (from != DTYPE_QI8)
        TRY(wants(c, c->in[0], DTYPE_QI32, err));
    TRY(tf_type(c->node, "Tout", &to, err));
    if (to != DTYPE_QI8)
        return error_set(err, STATUS_UNSUPPORTED, "to %s", dtype_name(to));
    TRY(axis_of(c, "input_quantization_axis", &old, err));
    TRY(axis_of(c, "output_quantization_axis", &new, err));
    if (old.axis >= 0 && new.axis >= 0 && old.axis != new.axis)
        return error_set(err, STATUS_INVALID_INPUT, "scales of two dimensions");
    TRY(limits_of(c, &limits, err));
    if (limits.low < INT8_MIN || limits.high > INT8_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "from %lld to %lld", (long long)limits.low,
                         (long long)limits.high);
    TRY(tf_bitcast(c->e, old.x, from == DTYPE_QI8 ? DTYPE_I8 : DTYPE_I32, &in[0], err));
    TRY(emit_cast(c->e, in[0], DTYPE_I32, &in[0], err));
    TRY(multiplier_of(c, old.scale, VALUE_NONE, new.scale, &in[1], err));
    in[2] = old.zero;
    in[3] = new.zero;
    TRY(requantised(c, in, old.axis < 0 ? new.axis : old.axis, &limits, &y, err));
    TRY(emit_cast(c->e, y, DTYPE_I8, &y, err));
    TRY(tf_bitcast(c->e, y, DTYPE_QI8, &y, err));
    return tf_give(c, y);
}

/* a, b; scales and zeros of a, of b, of the sum */
static enum status add(struct tf_call *c, struct error *err)
{
    struct scaled a[2] = {{c->in[0], c->in[2], c->in[3], -1}, {c->in[1], c->in[4], c->in[5], -1}};
    struct scaled sum = {VALUE_NONE, c->in[6], c->in[7], -1};
    struct limits limits;
    value_id in[4], y[2], one, none;
    int rank[2];

    TRY(axis_of(c, "lhs_quantization_axis", &a[0], err));
    TRY(axis_of(c, "rhs_quantization_axis", &a[1], err));
    TRY(axis_of(c, "output_quantization_axis", &sum, err));
    TRY(limits_of(c, &limits, err));
    TRY(no_zero(c, &none, err));
    for (int i = 0; i < 2; i++) {
        TRY(wants(c, a[i].x, DTYPE_QI32, err));
        TRY(tf_rank(c, (size_t)i, &rank[i], err));
        if (sum.axis >= 0 && a[i].axis < 0)
            return error_set(err, STATUS_UNSUPPORTED,
                             "the sum has a scale for each index, input %d has not", i);
    }
    for (int i = 0; i < 2; i++) {
        int most = rank[0] > rank[1] ? rank[0] : rank[1];

        if (sum.axis >= 0 && rank[i] - a[i].axis != most - sum.axis)
            return error_set(err, STATUS_INVALID_INPUT, "scales of two dimensions");
        TRY(tf_bitcast(c->e, a[i].x, DTYPE_I32, &in[0], err));
        TRY(multiplier_of(c, a[i].scale, VALUE_NONE, sum.scale, &in[1], err));
        in[2] = a[i].zero;
        in[3] = none;
        TRY(requantised(c, in, a[i].axis, &WHOLE, &y[i], err));
    }
    TRY(emit_2(c->e, "Add", y[0], y[1], &in[0], err));
    TRY(emit_number(c->e, DTYPE_F64, 1, &one, err)); /* which leaves the sum alone */
    in[1] = one;
    in[2] = none;
    in[3] = sum.zero;
    TRY(requantised(c, in, sum.axis, &limits, &y[0], err));
    TRY(tf_bitcast(c->e, y[0], DTYPE_QI32, &y[0], err));
    return tf_give(c, y[0]);
}

/* --- products and convolutions --- */

/* x - zero, double; a list of zeros lies along the axis */
static enum status centred(struct tf_call *c, value_id x, value_id zero, int rank, int64_t axis,
                           value_id *y, struct error *err)
{
    int64_t dims[RANK_MAX];

    for (int d = 0; d < rank; d++)
        dims[d] = d == axis ? -1 : 1;
    if (axis >= 0)
        TRY(emit_reshape(c->e, zero, dims, (size_t)rank, &zero, err));
    if (emit_dtype(c->e, x) == DTYPE_QI8)
        TRY(tf_bitcast(c->e, x, DTYPE_I8, &x, err));
    TRY(emit_cast(c->e, x, DTYPE_I32, &x, err));
    TRY(emit_2(c->e, "Sub", x, zero, &x, err));
    return emit_cast(c->e, x, DTYPE_F64, y, err);
}

/* Zero points that int8 does not hold would make sums that wrap. */
static enum status zero_check(const struct tf_call *c, value_id zero, struct error *err)
{
    const struct tensor *known = value_constant(c->e->graph, zero);

    if (!known || !known->data)
        return error_set(err, STATUS_UNSUPPORTED, "its zero points are not known");
    for (size_t i = 0; i < tensor_count(known); i++)
        if (tensor_f64(known, i) < INT8_MIN || tensor_f64(known, i) > INT8_MAX)
            return error_set(err, STATUS_UNSUPPORTED, "a zero point of %g", tensor_f64(known, i));
    return STATUS_OK;
}

/* What the two factors have in common with what they are in TensorFlow. */
struct factors {
    bool hybrid; /* the first is of floats, quantised here, row by row */
    struct scaled a, b, y;
    struct limits limits;
};

static enum status factors_read(struct tf_call *c, struct factors *f, struct error *err)
{
    f->hybrid = c->in_count == 4;
    f->a = f->y = (struct scaled){c->in[0], VALUE_NONE, VALUE_NONE, -1};
    f->b = (struct scaled){c->in[1], c->in[f->hybrid ? 2 : 4], c->in[f->hybrid ? 3 : 5], -1};
    TRY(wants(c, f->a.x, f->hybrid ? DTYPE_F32 : DTYPE_QI8, err));
    TRY(wants(c, f->b.x, DTYPE_QI8, err));
    TRY(axis_of(c, "rhs_quantization_axis", &f->b, err));
    TRY(zero_check(c, f->b.zero, err));
    if (f->hybrid)
        return STATUS_OK;
    f->a.scale = c->in[2];
    f->a.zero = c->in[3];
    f->y = (struct scaled){VALUE_NONE, c->in[6], c->in[7], -1};
    TRY(axis_of(c, "lhs_quantization_axis", &f->a, err));
    TRY(axis_of(c, "output_quantization_axis", &f->y, err));
    TRY(zero_check(c, f->a.zero, err));
    if (f->a.axis >= 0 || (f->y.axis >= 0 && f->b.axis < 0))
        return error_set(err, STATUS_INVALID_INPUT, "scales of dimensions %lld and %lld",
                         (long long)f->a.axis, (long long)f->y.axis);
    return limits_of(c, &f->limits, err);
}

/* The rows come first. */
static enum status first_centred(struct tf_call *c, struct factors *f, int rank, value_id *y,
                                 struct error *err)
{
    value_id out[3];

    if (!f->hybrid)
        return centred(c, f->a.x, f->a.zero, rank, -1, y, err);
    TRY(emit(c->e, "firn", "UniformQuantiseRows", &f->a.x, 1, NULL, 0, out, 3, err));
    f->a.scale = out[1];
    return centred(c, out[0], out[2], rank, 0, y, err);
}

/* The sum, double, of `rank` dimensions: floats, or integers of new scales; channels at `axis`. */
static enum status scaled_sum(struct tf_call *c, const struct factors *f, value_id sum, int rank,
                              int axis, value_id *y, struct error *err)
{
    int64_t rows[RANK_MAX], channels[RANK_MAX];
    value_id in[4], scale = f->b.scale;

    TRY(emit_cast(c->e, sum, DTYPE_I64, &in[0], err)); /* sums wrap */
    TRY(emit_cast(c->e, in[0], DTYPE_I32, &in[0], err));
    if (!f->hybrid) {
        TRY(multiplier_of(c, f->a.scale, f->b.scale, f->y.scale, &in[1], err));
        TRY(no_zero(c, &in[2], err));
        in[3] = f->y.zero;
        TRY(requantised(c, in, axis, &f->limits, y, err));
        return tf_bitcast(c->e, *y, DTYPE_QI32, y, err);
    }
    for (int d = 0; d < rank; d++) {
        rows[d] = d == 0 ? -1 : 1;
        channels[d] = d == axis ? -1 : 1;
    }
    TRY(emit_reshape(c->e, f->a.scale, rows, (size_t)rank, &in[1], err));
    if (f->b.axis >= 0)
        TRY(emit_reshape(c->e, scale, channels, (size_t)rank, &scale, err));
    TRY(emit_cast(c->e, in[0], DTYPE_F32, &in[0], err));
    TRY(emit_2(c->e, "Mul", in[0], in[1], &in[0], err));
    return emit_2(c->e, "Mul", in[0], scale, y, err);
}

static enum status dot(struct tf_call *c, struct error *err)
{
    struct factors f = {0};
    value_id a, b, y;

    TRY(factors_read(c, &f, err));
    if (f.b.axis > 1 || f.b.axis == 0 || f.y.axis > 1 || f.y.axis == 0)
        return error_set(err, STATUS_INVALID_INPUT, "scales of dimension 0 or 2");
    for (int i = 0; i < 2; i++)
        if (emit_shape(c->e, c->in[i])->rank != 2)
            return error_set(err, STATUS_UNSUPPORTED, "input %d has not two dimensions", i);
    TRY(first_centred(c, &f, 2, &a, err));
    TRY(centred(c, f.b.x, f.b.zero, 2, f.b.axis, &b, err));
    TRY(emit_2(c->e, "MatMul", a, b, &y, err));
    TRY(scaled_sum(c, &f, y, 2, 1, &y, err));
    return tf_give(c, y);
}

/* Where batch and channels lie, of the image, the filter (output channels, input channels), the
 * result; then come the spatial dimensions. */
struct layout {
    int64_t of[3][RANK_MAX];
};

static enum status layout_list(const struct protobuf *message, int which, int rank,
                               struct layout *l, struct arena *keep, struct error *err)
{
    static const uint32_t FIELDS[3][3] = {{1, 2, 3}, {5, 4, 6}, {7, 8, 9}};
    bool seen[RANK_MAX] = {false};
    size_t at = 0;

    for (int i = 0; i < 3; i++) {
        size_t count;
        int64_t *values;

        TRY(protobuf_all_i64(message, FIELDS[which][i], &values, &count, keep, err));
        if (i < 2 && count == 0) /* zero is not written */
            l->of[which][at++] = 0;
        for (size_t k = 0; k < count && at < (size_t)rank; k++)
            l->of[which][at++] = values[k];
    }
    for (int d = 0; d < rank; d++) {
        int64_t dim = (size_t)d < at ? l->of[which][d] : -1;

        if (dim < 0 || dim >= rank || seen[dim])
            return error_set(err, STATUS_INVALID_INPUT, "its dimension_numbers are none of %d",
                             rank);
        seen[dim] = true;
    }
    return STATUS_OK;
}

static enum status layout_read(struct tf_call *c, int rank, struct layout *l, struct error *err)
{
    struct bytes text;
    struct protobuf message;

    TRY(tf_string(c->node, "dimension_numbers", "", &text, err));
    message = protobuf_over(text);
    for (int i = 0; i < 3; i++) {
        for (int d = 0; d < rank; d++)
            l->of[i][d] = d;
        if (text.size)
            TRY(layout_list(&message, i, rank, l, c->l->keep, err));
    }
    return STATUS_OK;
}

static enum status spatial_list(struct tf_call *c, const char *name, const char *to, int spatial,
                                int64_t *values, struct attribute *attribute, struct error *err)
{
    size_t count;

    TRY(tf_ints(c->node, name, values, (size_t)spatial, &count, c->l->keep, err));
    if (count && count != (size_t)spatial)
        return error_set(err, STATUS_INVALID_INPUT, "%s has %zu numbers", name, count);
    for (int i = 0; i < spatial; i++) {
        values[i] = count ? values[i] : 1;
        if (values[i] < 1)
            return error_set(err, STATUS_INVALID_INPUT, "%s has %lld", name, (long long)values[i]);
    }
    *attribute = attribute_of_ints(to, values, (size_t)spatial);
    return STATUS_OK;
}

static enum status padding(struct tf_call *c, int spatial, int64_t *pads,
                           struct attribute *attribute, struct error *err)
{
    int64_t values[2 * RANK_MAX];
    struct bytes kind;
    size_t count;

    TRY(tf_string(c->node, "padding", "", &kind, err));
    if (bytes_is(kind, "SAME") || bytes_is(kind, "VALID")) {
        *attribute = attribute_of_text("auto_pad", bytes_is(kind, "SAME") ? "SAME_UPPER" : "VALID");
        return STATUS_OK;
    }
    TRY(tf_ints(c->node, "explicit_padding", values, 2 * RANK_MAX, &count, c->l->keep, err));
    if (!bytes_is(kind, "EXPLICIT") || count != 2 * (size_t)spatial)
        return error_set(err, STATUS_INVALID_INPUT, "its padding is none");
    for (int i = 0; i < spatial; i++) {
        pads[i] = values[2 * i];
        pads[spatial + i] = values[2 * i + 1];
        if (pads[i] < 0 || pads[spatial + i] < 0)
            return error_set(err, STATUS_UNSUPPORTED, "its padding is negative");
    }
    *attribute = attribute_of_ints("pads", pads, count);
    return STATUS_OK;
}

/* The convolution of images and filters with the channels first. */
static enum status convolved(struct tf_call *c, int spatial, value_id in[2], value_id *y,
                             struct error *err)
{
    int64_t strides[RANK_MAX], dilations[RANK_MAX], pads[2 * RANK_MAX], others[RANK_MAX], group;
    struct attribute attributes[4];

    TRY(spatial_list(c, "lhs_dilation", "dilations", spatial, others, &attributes[0], err));
    for (int i = 0; i < spatial; i++)
        if (others[i] != 1)
            return error_set(err, STATUS_UNSUPPORTED, "its lhs_dilation is %lld",
                             (long long)others[i]);
    TRY(tf_int(c->node, "batch_group_count", 1, &group, err));
    if (group != 1)
        return error_set(err, STATUS_UNSUPPORTED, "its batch_group_count is %lld",
                         (long long)group);
    TRY(tf_int(c->node, "feature_group_count", 1, &group, err));
    TRY(spatial_list(c, "window_strides", "strides", spatial, strides, &attributes[0], err));
    TRY(spatial_list(c, "rhs_dilation", "dilations", spatial, dilations, &attributes[1], err));
    TRY(padding(c, spatial, pads, &attributes[2], err));
    attributes[3] = attribute_of_int("group", group);
    return emit(c->e, "", "Conv", in, 2, attributes, 4, y, 1, err);
}

static enum status convolution(struct tf_call *c, struct error *err)
{
    int64_t back[RANK_MAX];
    struct factors f = {0};
    struct layout l;
    value_id in[2], y;
    int rank;

    TRY(factors_read(c, &f, err));
    TRY(tf_rank(c, 0, &rank, err));
    if (rank < 3 || rank > 5)
        return error_set(err, STATUS_UNSUPPORTED, "of %d dimensions", rank);
    TRY(layout_read(c, rank, &l, err));
    if ((f.b.axis >= 0 && f.b.axis != l.of[1][0]) || (f.y.axis >= 0 && f.y.axis != l.of[2][1]))
        return error_set(err, STATUS_INVALID_INPUT, "its scales are not of output channels");
    TRY(emit_transpose(c->e, f.a.x, l.of[0], (size_t)rank, &f.a.x, err));
    TRY(emit_transpose(c->e, f.b.x, l.of[1], (size_t)rank, &f.b.x, err));
    TRY(first_centred(c, &f, rank, &in[0], err));
    TRY(centred(c, f.b.x, f.b.zero, rank, f.b.axis < 0 ? -1 : 0, &in[1], err));
    TRY(convolved(c, rank - 2, in, &y, err));
    TRY(scaled_sum(c, &f, y, rank, 1, &y, err));
    for (int d = 0; d < rank; d++)
        back[l.of[2][d]] = d;
    TRY(emit_transpose(c->e, y, back, (size_t)rank, &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_uniform_arithmetic =
    TF_OP_SET({.name = "UniformRequantize", .lower = requantise, .inputs = 5},
              {.name = "UniformQuantizedAdd", .lower = add, .inputs = 8},
              {.name = "UniformQuantizedDot", .lower = dot, .inputs = 8},
              {.name = "UniformQuantizedDotHybrid", .lower = dot, .inputs = 4},
              {.name = "UniformQuantizedConvolution", .lower = convolution, .inputs = 8},
              {.name = "UniformQuantizedConvolutionHybrid", .lower = convolution, .inputs = 4}, );
