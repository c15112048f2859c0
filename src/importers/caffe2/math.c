// SPDX-License-Identifier: Apache-2.0
/* Element by element. */
#include "importers/caffe2/internal.h"

static const char *onnx_of(const struct caffe2_call *c)
{
    return caffe2_row(c->op->type)->onnx;
}

static enum status unary(struct caffe2_call *c, struct error *err)
{
    TRY(caffe2_wants(c, 1, 1, err));
    return emit_1(c->e, onnx_of(c), c->in[0], &c->out[0], err);
}

static enum status alpha(struct caffe2_call *c, double otherwise, struct error *err)
{
    TRY(caffe2_wants(c, 1, 1, err));
    return emit_node(
        c->e, "", onnx_of(c), EMIT(c->in[0]),
        EMIT_ATTRIBUTES(attribute_of_float("alpha", caffe2_float(c, "alpha", otherwise))),
        &c->out[0], err);
}

static enum status elu(struct caffe2_call *c, struct error *err)
{
    return alpha(c, 1, err);
}

static enum status leaky(struct caffe2_call *c, struct error *err)
{
    return alpha(c, 0.01f, err);
}

static enum status copy(struct caffe2_call *c, struct error *err)
{
    TRY(caffe2_wants(c, 1, 1, err));
    c->out[0] = c->in[0];
    return STATUS_OK;
}

static enum status square(struct caffe2_call *c, struct error *err)
{
    TRY(caffe2_wants(c, 1, 1, err));
    return emit_2(c->e, "Mul", c->in[0], c->in[0], &c->out[0], err);
}

static enum status scale(struct caffe2_call *c, struct error *err)
{
    value_id factor;

    TRY(caffe2_wants(c, 1, 1, err));
    TRY(emit_number(c->e, emit_dtype(c->e, c->in[0]), caffe2_float(c, "scale", 1), &factor, err));
    return emit_2(c->e, "Mul", c->in[0], factor, &c->out[0], err);
}

/* Without a limit it is that of the type: none for floats. */
static enum status clip(struct caffe2_call *c, struct error *err)
{
    const double most = 3.4028234663852886e38;

    TRY(caffe2_wants(c, 1, 1, err));
    return emit_clip(c->e, c->in[0], caffe2_float(c, "min", -most), caffe2_float(c, "max", most),
                     &c->out[0], err);
}

static enum status cast(struct caffe2_call *c, struct error *err)
{
    const struct caffe2_argument *to = caffe2_argument(c, "to");
    enum dtype dtype = to && to->has_i ? caffe2_dtype(to->i) : DTYPE_NONE;

    TRY(caffe2_wants(c, 1, 1, err));
    if (dtype == DTYPE_NONE || dtype == DTYPE_STRING)
        return error_set(err, STATUS_UNSUPPORTED, "a cast to type %lld",
                         to && to->has_i ? (long long)to->i : -1);
    return emit_cast(c->e, c->in[0], dtype, &c->out[0], err);
}

/* b stands along the dimensions of a from `axis` on. */
static enum status along(struct caffe2_call *c, value_id *b, struct error *err)
{
    int a_rank, b_rank;
    int64_t axis;

    *b = c->in[1];
    if (!caffe2_has(c, "axis"))
        return STATUS_OK;
    TRY(caffe2_rank(c, 0, &a_rank, err));
    TRY(caffe2_rank(c, 1, &b_rank, err));
    axis = caffe2_int(c, "axis", 0);
    axis += axis < 0 ? a_rank : 0;
    if (axis < 0 || axis + b_rank > a_rank)
        return error_set(err, STATUS_INVALID_INPUT, "axis %lld of %d and %d dimensions",
                         (long long)axis, a_rank, b_rank);
    for (int64_t i = axis + b_rank; i < a_rank; i++)
        TRY(emit_unsqueeze(c->e, *b, b_rank + (i - axis - b_rank), b, err));
    return STATUS_OK;
}

static enum status binary(struct caffe2_call *c, struct error *err)
{
    value_id b;

    TRY(caffe2_wants(c, 2, 2, err));
    (void)caffe2_int(c, "broadcast", 0);
    TRY(along(c, &b, err));
    return emit_2(c->e, onnx_of(c), c->in[0], b, &c->out[0], err);
}

static enum status many(struct caffe2_call *c, struct error *err)
{
    TRY(caffe2_wants(c, 1, CAFFE2_INPUTS_MAX, err));
    return emit(c->e, "", onnx_of(c), c->in, c->op->input_count, NULL, 0, c->out, 1, err);
}

/* One slope, or one a channel. */
static enum status prelu(struct caffe2_call *c, struct error *err)
{
    value_id slope = c->op->input_count > 1 ? c->in[1] : VALUE_NONE;
    bool last = caffe2_channels_last(c);
    int rank, slopes;

    TRY(caffe2_wants(c, 2, 2, err));
    TRY(caffe2_rank(c, 0, &rank, err));
    TRY(caffe2_rank(c, 1, &slopes, err));
    if (slopes != 1)
        return error_set(err, STATUS_INVALID_INPUT, "slopes of %d dimensions", slopes);
    if (!last && emit_shape(c->e, slope)->dims[0] != 1)
        for (int d = 2; d < rank; d++)
            TRY(emit_unsqueeze(c->e, slope, d - 1, &slope, err));
    return emit_2(c->e, "PRelu", c->in[0], slope, &c->out[0], err);
}

const struct caffe2_op_set caffe2_ops_math = CAFFE2_OP_SET(
    {"Relu", unary, "Relu"}, {"Sigmoid", unary, "Sigmoid"}, {"Tanh", unary, "Tanh"},
    {"Softplus", unary, "Softplus"}, {"Softsign", unary, "Softsign"}, {"Exp", unary, "Exp"},
    {"Log", unary, "Log"}, {"Sqrt", unary, "Sqrt"}, {"Abs", unary, "Abs"},
    {"Negative", unary, "Neg"}, {"Floor", unary, "Floor"}, {"Ceil", unary, "Ceil"},
    {"Sin", unary, "Sin"}, {"Cos", unary, "Cos"}, {"Elu", elu, "Elu"},
    {"LeakyRelu", leaky, "LeakyRelu"}, {"Sqr", square, NULL}, {"Scale", scale, NULL},
    {"Clip", clip, NULL}, {"Cast", cast, NULL}, {"Copy", copy, NULL}, {"Alias", copy, NULL},
    {"StopGradient", copy, NULL}, {"EnsureCPUOutput", copy, NULL}, {"CopyGPUToCPU", copy, NULL},
    {"CopyCPUToGPU", copy, NULL}, {"Add", binary, "Add"}, {"Sub", binary, "Sub"},
    {"Mul", binary, "Mul"}, {"Div", binary, "Div"}, {"Sum", many, "Sum"}, {"Max", many, "Max"},
    {"Min", many, "Min"}, {"Mean", many, "Mean"}, {"PRelu", prelu, NULL});
