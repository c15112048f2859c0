// SPDX-License-Identifier: Apache-2.0
/* Convolutions and products of integers with all that follows them in one operator, as oneDNN's
 * quantisers write them into graphs: a bias, a sum, Relu, and integers of a stated range. Integers
 * stand for floats by their scale alone, the filter's maybe one for each channel.
 * Source: tensorflow/core/kernels/mkl/mkl_{conv_ops,qmatmul_op}.cc. */
#include "importers/tensorflow/image/window.h"

enum into { WIDE, NARROW, REAL }; /* int32, a stated range of 8 bits, floats */

struct form {
    const char *name;
    bool product, depthwise, bias, sum, relu;
    enum into into;
};

static const struct form FORMS[] = {
    {"QuantizedConv2DAndRelu", .relu = true, .into = WIDE},
    {"QuantizedConv2DAndRequantize", .into = NARROW},
    {"QuantizedConv2DAndReluAndRequantize", .relu = true, .into = NARROW},
    {"QuantizedConv2DWithBias", .bias = true, .into = WIDE},
    {"QuantizedConv2DWithBiasAndRelu", .bias = true, .relu = true, .into = WIDE},
    {"QuantizedConv2DWithBiasAndRequantize", .bias = true, .into = NARROW},
    {"QuantizedConv2DWithBiasAndReluAndRequantize", .bias = true, .relu = true, .into = NARROW},
    {"QuantizedConv2DWithBiasSumAndReluAndRequantize", .bias = true, .sum = true, .relu = true,
     .into = NARROW},
    {"QuantizedDepthwiseConv2D", .depthwise = true, .into = WIDE},
    {"QuantizedDepthwiseConv2DWithBias", .depthwise = true, .bias = true, .into = WIDE},
    {"QuantizedDepthwiseConv2DWithBiasAndRelu", .depthwise = true, .bias = true, .relu = true,
     .into = WIDE},
    {"QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize", .depthwise = true, .bias = true,
     .relu = true, .into = NARROW},
    {"QuantizedMatMulWithBias", .product = true, .bias = true, .into = WIDE},
    {"QuantizedMatMulWithBiasAndRelu", .product = true, .bias = true, .relu = true, .into = WIDE},
    {"QuantizedMatMulWithBiasAndReluAndRequantize", .product = true, .bias = true, .relu = true,
     .into = NARROW},
    {"QuantizedMatMulWithBiasAndRequantize", .product = true, .bias = true, .relu = true,
     .into = NARROW}, /* to quint8: nothing is below 0 */
    {"QuantizedMatMulWithBiasAndDequantize", .product = true, .bias = true, .into = REAL},
};

static enum status form_of(const struct tf_call *c, const struct form **form, struct error *err)
{
    size_t wanted;

    for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++) {
        if (strcmp(FORMS[i].name, c->node->op))
            continue;
        *form = &FORMS[i];
        wanted = (FORMS[i].into == WIDE ? 6U : 8U) + (FORMS[i].bias ? 1U : 0U) +
                 (FORMS[i].sum ? 3U : 0U);
        return c->in_count == wanted ? STATUS_OK
                                     : error_set(err, STATUS_INVALID_INPUT,
                                                 "has %zu inputs, not %zu", c->in_count, wanted);
    }
    return error_set(err, STATUS_INTERNAL, "no form of it is known");
}

/* The larger of two ends, without their signs, or their distance, over how many steps: double. */
static enum status step_of(struct tf_call *c, value_id low, value_id high, bool distance,
                           double steps, value_id *y, struct error *err)
{
    value_id ends[2], count;

    TRY(emit_cast(c->e, low, DTYPE_F64, &ends[0], err));
    TRY(emit_cast(c->e, high, DTYPE_F64, &ends[1], err));
    if (distance) {
        TRY(emit_2(c->e, "Sub", ends[1], ends[0], y, err));
    } else {
        for (int i = 0; i < 2; i++)
            TRY(emit_1(c->e, "Abs", ends[i], &ends[i], err));
        TRY(emit_2(c->e, "Max", ends[0], ends[1], y, err));
    }
    TRY(emit_number(c->e, DTYPE_F64, steps, &count, err));
    return emit_2(c->e, "Div", *y, count, y, err);
}

/* --- sums of products of integers, int32, channels last --- */

static enum status operands(struct tf_call *c, value_id in[2], struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, c->in[0]);

    if ((dtype != DTYPE_QU8 && dtype != DTYPE_QI8) || emit_dtype(c->e, c->in[1]) != DTYPE_QI8)
        return error_set(err, STATUS_UNSUPPORTED, "of %s and %s", dtype_name(dtype),
                         dtype_name(emit_dtype(c->e, c->in[1])));
    TRY(tf_bitcast(c->e, c->in[0], dtype == DTYPE_QU8 ? DTYPE_U8 : DTYPE_I8, &in[0], err));
    return tf_bitcast(c->e, c->in[1], DTYPE_I8, &in[1], err);
}

/* Height, width, channels, of each -> channels, 1, height, width. */
static enum status filter_turn(struct tf_call *c, bool depthwise, value_id *filter, int64_t *group,
                               struct error *err)
{
    static const int64_t PLAIN[] = {3, 2, 0, 1}, DEPTHWISE[] = {2, 3, 0, 1};
    const struct shape *shape = emit_shape(c->e, *filter);
    int64_t dims[4];

    *group = 1;
    if (!depthwise)
        return emit_transpose(c->e, *filter, PLAIN, 4, filter, err);
    if (shape->rank != 4 || !shape_is_known(shape))
        return error_set(err, STATUS_UNSUPPORTED, "the shape of its filter is not known");
    *group = shape->dims[2];
    memcpy(dims,
           (const int64_t[]){shape->dims[2] * shape->dims[3], 1, shape->dims[0], shape->dims[1]},
           sizeof dims);
    TRY(emit_transpose(c->e, *filter, DEPTHWISE, 4, filter, err));
    return emit_reshape(c->e, *filter, dims, 4, filter, err);
}

static enum status convolution(struct tf_call *c, bool depthwise, value_id *y, struct error *err)
{
    static const int64_t FIRST[] = {0, 3, 1, 2}, LAST[] = {0, 2, 3, 1};
    struct attribute attributes[4];
    struct tf_window w;
    value_id in[2];
    int64_t group;
    size_t count;

    TRY(tf_length(c->node, "padding_list", &count, c->l->keep, err));
    if (count)
        return error_set(err, STATUS_UNSUPPORTED, "it has a padding_list");
    TRY(tf_window_read(c, 2, &w, err));
    TRY(operands(c, in, err));
    TRY(emit_transpose(c->e, in[0], FIRST, 4, &in[0], err));
    TRY(filter_turn(c, depthwise, &in[1], &group, err));
    count = tf_window_attributes(&w, attributes);
    attributes[count++] = attribute_of_int("group", group);
    TRY(emit(c->e, "", "ConvInteger", in, 2, attributes, count, y, 1, err));
    return emit_transpose(c->e, *y, LAST, 4, y, err);
}

/* The lowest value of a is that of its integer 0, which is to stand for 0. */
static enum status from_zero(struct tf_call *c, value_id low, value_id *x, struct error *err)
{
    const struct tensor *known = value_constant(c->e->graph, low);
    value_id zero, same;

    if (known && known->data && tensor_count(known) == 1)
        return tensor_f64(known, 0) == 0
                   ? STATUS_OK
                   : error_set(err, STATUS_UNSUPPORTED, "its first input ranges from %g on, not 0",
                               tensor_f64(known, 0));
    TRY(emit_number(c->e, DTYPE_F32, 0, &zero, err));
    TRY(emit_2(c->e, "Equal", low, zero, &same, err));
    return emit_require(c->e, same, "quantised product: the range of its input begins not with 0",
                        x, err);
}

static enum status product(struct tf_call *c, value_id low, value_id *y, struct error *err)
{
    static const int64_t TURNED[] = {1, 0};
    bool turned[2];
    value_id in[2];

    TRY(tf_bool(c->node, "transpose_a", false, &turned[0], err));
    TRY(tf_bool(c->node, "transpose_b", false, &turned[1], err));
    if (emit_dtype(c->e, c->in[0]) != DTYPE_QU8)
        return error_set(err, STATUS_UNSUPPORTED, "of %s", dtype_name(emit_dtype(c->e, c->in[0])));
    TRY(operands(c, in, err));
    for (int i = 0; i < 2; i++)
        if (turned[i])
            TRY(emit_transpose(c->e, in[i], TURNED, 2, &in[i], err));
    TRY(from_zero(c, low, &in[0], err));
    return emit(c->e, "", "MatMulInteger", in, 2, NULL, 0, y, 1, err);
}

/* --- what follows --- */

struct fused {
    const struct form *form;
    value_id sum;           /* int32 */
    value_id bias;          /* VALUE_NONE */
    const value_id *ranges; /* of the inputs, then what is asked for */
    value_id scale;         /* of one of the sum, double: () or (channels) */
    double steps;           /* of input 0 */
    bool channels;          /* a scale for each */
};

/* The bias that counts in steps of the sum is part of it. */
static enum status bias_add(struct tf_call *c, struct fused *f, struct error *err)
{
    value_id bias;

    if (f->bias == VALUE_NONE)
        return STATUS_OK;
    if (emit_dtype(c->e, f->bias) == DTYPE_QI32) {
        TRY(tf_bitcast(c->e, f->bias, DTYPE_I32, &bias, err));
    } else if (f->form->into == WIDE && !f->form->product) {
        return error_set(err, STATUS_UNSUPPORTED,
                         "a bias in float beside sums in int32, which TensorFlow rounds otherwise "
                         "by one in some elements");
    } else if (f->form->into == WIDE) {
        TRY(emit_cast(c->e, f->bias, DTYPE_F64, &bias, err));
        TRY(emit_2(c->e, "Div", bias, f->scale, &bias, err));
        TRY(emit_1(c->e, "Round", bias, &bias, err));
        TRY(emit_cast(c->e, bias, DTYPE_I32, &bias, err));
    } else {
        return STATUS_OK;
    }
    f->bias = VALUE_NONE;
    return emit_2(c->e, "Add", f->sum, bias, &f->sum, err);
}

/* As int32, in the range of products. */
static enum status give_wide(struct tf_call *c, struct fused *f, struct error *err)
{
    value_id zero, range[2], steps[2];

    if (f->channels)
        return error_set(err, STATUS_UNSUPPORTED, "its filter has a range for each channel");
    if (f->form->relu) {
        TRY(emit_number(c->e, DTYPE_I32, 0, &zero, err));
        TRY(emit_2(c->e, "Max", f->sum, zero, &f->sum, err));
    }
    TRY(step_of(c, f->ranges[0], f->ranges[1], true, f->steps == 127 ? 254 : 255, &steps[0], err));
    TRY(step_of(c, f->ranges[2], f->ranges[3], true, 254 / 0x1p31, &steps[1], err));
    TRY(emit_2(c->e, "Mul", steps[0], steps[1], &range[1], err));
    TRY(emit_cast(c->e, range[1], DTYPE_F32, &range[1], err));
    TRY(emit_1(c->e, "Neg", range[1], &range[0], err));
    TRY(tf_bitcast(c->e, f->sum, DTYPE_QI32, &f->sum, err));
    TRY(tf_add(c, f->sum, err));
    TRY(tf_add(c, range[0], err));
    return tf_add(c, range[1], err);
}

/* Behind the ranges: what is added, and its range. */
static enum status summand_of(struct tf_call *c, const struct fused *f, value_id *y,
                              struct error *err)
{
    value_id step;

    if (emit_dtype(c->e, f->ranges[6]) != DTYPE_QU8)
        return error_set(err, STATUS_UNSUPPORTED, "a sum with %s",
                         dtype_name(emit_dtype(c->e, f->ranges[6])));
    TRY(tf_bitcast(c->e, f->ranges[6], DTYPE_U8, y, err));
    TRY(emit_cast(c->e, *y, DTYPE_F64, y, err));
    TRY(step_of(c, f->ranges[7], f->ranges[8], false, 255, &step, err));
    return emit_2(c->e, "Mul", *y, step, y, err);
}

/* The float that each stands for, double. */
static enum status real_of(struct tf_call *c, const struct fused *f, value_id *y, struct error *err)
{
    value_id other;

    TRY(emit_cast(c->e, f->sum, DTYPE_F64, y, err));
    TRY(emit_2(c->e, "Mul", *y, f->scale, y, err));
    if (f->bias != VALUE_NONE) {
        TRY(emit_cast(c->e, f->bias, DTYPE_F64, &other, err));
        TRY(emit_2(c->e, "Add", *y, other, y, err));
    }
    if (f->form->sum) {
        TRY(summand_of(c, f, &other, err));
        TRY(emit_2(c->e, "Add", *y, other, y, err));
    }
    if (!f->form->relu)
        return STATUS_OK;
    TRY(emit_number(c->e, DTYPE_F64, 0, &other, err));
    return emit_2(c->e, "Max", *y, other, y, err);
}

/* Integers of 8 bits, of a range that is stated. */
static enum status give_narrow(struct tf_call *c, const struct fused *f, struct error *err)
{
    bool relu = f->form->relu;
    enum dtype dtype, to = relu ? DTYPE_QU8 : DTYPE_QI8;
    value_id y, step;

    TRY(tf_type(c->node, f->form->product ? "Toutput" : "out_type", &dtype, err));
    if (dtype != DTYPE_NONE && dtype != to)
        return error_set(err, STATUS_UNSUPPORTED, "to %s", dtype_name(dtype));
    TRY(real_of(c, f, &y, err));
    TRY(step_of(c, f->ranges[4], f->ranges[5], false, relu ? 255 : 127, &step, err));
    TRY(emit_2(c->e, "Div", y, step, &y, err));
    TRY(emit_1(c->e, "Round", y, &y, err));
    TRY(emit_clip(c->e, y, relu ? 0 : -128, relu ? 255 : 127, &y, err));
    TRY(emit_cast(c->e, y, relu ? DTYPE_U8 : DTYPE_I8, &y, err));
    TRY(tf_bitcast(c->e, y, to, &y, err));
    TRY(tf_add(c, y, err));
    TRY(tf_add(c, f->ranges[4], err));
    return tf_add(c, f->ranges[5], err);
}

static enum status fused(struct tf_call *c, struct error *err)
{
    struct fused f = {.bias = VALUE_NONE};
    value_id steps[2], y;
    enum dtype dtype;

    TRY(form_of(c, &f.form, err));
    f.bias = f.form->bias ? c->in[2] : VALUE_NONE;
    f.ranges = c->in + 2 + f.form->bias;
    f.steps = emit_dtype(c->e, c->in[0]) == DTYPE_QU8 ? 255 : 127;
    f.channels = emit_shape(c->e, f.ranges[2])->rank != 0;
    if (f.form->product)
        TRY(product(c, f.ranges[0], &f.sum, err));
    else
        TRY(convolution(c, f.form->depthwise, &f.sum, err));
    TRY(step_of(c, f.ranges[0], f.ranges[1], false, f.steps, &steps[0], err));
    TRY(step_of(c, f.ranges[2], f.ranges[3], false, 127, &steps[1], err));
    TRY(emit_2(c->e, "Mul", steps[0], steps[1], &f.scale, err));
    TRY(bias_add(c, &f, err));
    if (f.form->into == WIDE)
        return give_wide(c, &f, err);
    if (f.form->into == NARROW)
        return give_narrow(c, &f, err);
    TRY(tf_type(c->node, "Toutput", &dtype, err));
    if (dtype != DTYPE_F32)
        return error_set(err, STATUS_UNSUPPORTED, "to %s", dtype_name(dtype));
    TRY(real_of(c, &f, &y, err));
    TRY(emit_cast(c->e, y, DTYPE_F32, &y, err));
    return tf_give(c, y);
}

#define ROW(op)                                                                                    \
    {                                                                                              \
        .name = op, .lower = fused                                                                 \
    }
const struct tf_op_set tf_ops_quantised_fused = TF_OP_SET(
    ROW("QuantizedConv2DAndRelu"), ROW("QuantizedConv2DAndRequantize"),
    ROW("QuantizedConv2DAndReluAndRequantize"), ROW("QuantizedConv2DWithBias"),
    ROW("QuantizedConv2DWithBiasAndRelu"), ROW("QuantizedConv2DWithBiasAndRequantize"),
    ROW("QuantizedConv2DWithBiasAndReluAndRequantize"),
    ROW("QuantizedConv2DWithBiasSumAndReluAndRequantize"), ROW("QuantizedDepthwiseConv2D"),
    ROW("QuantizedDepthwiseConv2DWithBias"), ROW("QuantizedDepthwiseConv2DWithBiasAndRelu"),
    ROW("QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize"), ROW("QuantizedMatMulWithBias"),
    ROW("QuantizedMatMulWithBiasAndRelu"), ROW("QuantizedMatMulWithBiasAndReluAndRequantize"),
    ROW("QuantizedMatMulWithBiasAndDequantize"), ROW("QuantizedMatMulWithBiasAndRequantize"), );
