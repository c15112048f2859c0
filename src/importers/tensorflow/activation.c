// SPDX-License-Identifier: Apache-2.0
/* Activations beyond those that are an ONNX operator, and their gradients; L2Loss. */
#include "importers/tensorflow/internal.h"

static enum status number_like(struct tf_call *c, double number, value_id *value, struct error *err)
{
    return emit_number(c->e, emit_dtype(c->e, c->in[0]), number, value, err);
}

static enum status leaky_relu(struct tf_call *c, struct error *err)
{
    double alpha;
    value_id y;

    TRY(tf_float(c->node, "alpha", 0.2, &alpha, err));
    TRY(emit_node(c->e, "", "LeakyRelu", EMIT(c->in[0]),
                  EMIT_ATTRIBUTES(attribute_of_float("alpha", alpha)), &y, err));
    return tf_give(c, y);
}

static enum status relu6(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_clip(c->e, c->in[0], 0, 6, &y, err));
    return tf_give(c, y);
}

static enum status elu(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_1(c->e, "Elu", c->in[0], &y, err));
    return tf_give(c, y);
}

/* ONNX's Relu has no unsigned integers: they are what they are. */
static enum status relu(struct tf_call *c, struct error *err)
{
    value_id y = c->in[0];

    if (dtype_kind(emit_dtype(c->e, y)) != KIND_UINT)
        TRY(emit_1(c->e, "Relu", y, &y, err));
    return tf_give(c, y);
}

/* Half the sum of squares. */
static enum status l2_loss(struct tf_call *c, struct error *err)
{
    value_id half, y;

    TRY(emit_node(c->e, "", "ReduceSumSquare", EMIT(c->in[0]),
                  EMIT_ATTRIBUTES(attribute_of_int("keepdims", 0)), &y, err));
    TRY(number_like(c, 0.5, &half, err));
    TRY(emit_2(c->e, "Mul", y, half, &y, err));
    return tf_give(c, y);
}

/* --- gradients: (gradient, input or output of the activation) --- */

/* gradient where `condition`, else `otherwise`. */
static enum status give_where(struct tf_call *c, value_id condition, value_id yes, value_id no,
                              struct error *err)
{
    value_id y;

    TRY(emit_where(c->e, condition, yes, no, &y, err));
    return tf_give(c, y);
}

static enum status relu_grad(struct tf_call *c, struct error *err)
{
    value_id zero, positive;

    TRY(number_like(c, 0, &zero, err));
    TRY(emit_2(c->e, "Greater", c->in[1], zero, &positive, err));
    return give_where(c, positive, c->in[0], zero, err);
}

static enum status relu6_grad(struct tf_call *c, struct error *err)
{
    value_id zero, six, above, below;

    TRY(number_like(c, 0, &zero, err));
    TRY(number_like(c, 6, &six, err));
    TRY(emit_2(c->e, "Greater", c->in[1], zero, &above, err));
    TRY(emit_2(c->e, "Less", c->in[1], six, &below, err));
    TRY(emit_2(c->e, "And", above, below, &above, err));
    return give_where(c, above, c->in[0], zero, err);
}

static enum status leaky_relu_grad(struct tf_call *c, struct error *err)
{
    value_id zero, slope, positive, scaled;
    double alpha;

    TRY(tf_float(c->node, "alpha", 0.2, &alpha, err));
    TRY(number_like(c, 0, &zero, err));
    TRY(number_like(c, alpha, &slope, err));
    TRY(emit_2(c->e, "Mul", c->in[0], slope, &scaled, err));
    TRY(emit_2(c->e, "Greater", c->in[1], zero, &positive, err));
    return give_where(c, positive, c->in[0], scaled, err);
}

/* Below zero the slope is output + alpha * scale; else scale. */
static enum status exponential_grad(struct tf_call *c, double shift, double scale,
                                    struct error *err)
{
    value_id zero, shifted, negative, other, number;

    TRY(number_like(c, 0, &zero, err));
    TRY(number_like(c, shift, &number, err));
    TRY(emit_2(c->e, "Add", c->in[1], number, &shifted, err));
    TRY(emit_2(c->e, "Mul", c->in[0], shifted, &shifted, err));
    TRY(number_like(c, scale, &number, err));
    TRY(emit_2(c->e, "Mul", c->in[0], number, &other, err));
    TRY(emit_2(c->e, "Less", c->in[1], zero, &negative, err));
    return give_where(c, negative, shifted, other, err);
}

static enum status elu_grad(struct tf_call *c, struct error *err)
{
    return exponential_grad(c, 1, 1, err);
}

static enum status selu_grad(struct tf_call *c, struct error *err)
{
    return exponential_grad(c, 1.7580993408473768599402175208123, 1.0507009873554804934193349852946,
                            err);
}

static enum status softplus_grad(struct tf_call *c, struct error *err)
{
    value_id y;

    TRY(emit_1(c->e, "Sigmoid", c->in[1], &y, err));
    TRY(emit_2(c->e, "Mul", c->in[0], y, &y, err));
    return tf_give(c, y);
}

/* gradient / (1 + |x|)^2 */
static enum status softsign_grad(struct tf_call *c, struct error *err)
{
    value_id one, y;

    TRY(number_like(c, 1, &one, err));
    TRY(emit_1(c->e, "Abs", c->in[1], &y, err));
    TRY(emit_2(c->e, "Add", y, one, &y, err));
    TRY(emit_2(c->e, "Mul", y, y, &y, err));
    TRY(emit_2(c->e, "Div", c->in[0], y, &y, err));
    return tf_give(c, y);
}

/* --- of the output y and the gradient: (y, gradient) --- */

/* The gradient, which TensorFlow reads element by element of y, whatever its own shape. */
static enum status gradient_of(struct tf_call *c, value_id *gradient, struct error *err)
{
    value_id shape;

    *gradient = c->in[1];
    if (shape_equal(emit_shape(c->e, c->in[0]), emit_shape(c->e, c->in[1])))
        return STATUS_OK;
    TRY(emit_1(c->e, "Shape", c->in[0], &shape, err));
    return emit_node(c->e, "", "Reshape", EMIT(c->in[1], shape),
                     EMIT_ATTRIBUTES(attribute_of_int("allowzero", 1)), gradient, err);
}

/* gradient * (1 - y^2) */
static enum status tanh_grad(struct tf_call *c, struct error *err)
{
    value_id y, gradient;

    TRY(gradient_of(c, &gradient, err));
    TRY(emit_2(c->e, "Mul", c->in[0], c->in[0], &y, err));
    TRY(emit_one_minus(c->e, y, &y, err));
    TRY(emit_2(c->e, "Mul", gradient, y, &y, err));
    return tf_give(c, y);
}

/* gradient * y * (1 - y) */
static enum status sigmoid_grad(struct tf_call *c, struct error *err)
{
    value_id rest, y, gradient;

    TRY(gradient_of(c, &gradient, err));
    TRY(emit_one_minus(c->e, c->in[0], &rest, err));
    TRY(emit_2(c->e, "Mul", gradient, c->in[0], &y, err));
    TRY(emit_2(c->e, "Mul", y, rest, &y, err));
    return tf_give(c, y);
}

/* -gradient / 2 / ... : of y = sqrt(x): 0.5 gradient / y */
static enum status sqrt_grad(struct tf_call *c, struct error *err)
{
    value_id half, y, gradient;

    TRY(gradient_of(c, &gradient, err));
    TRY(number_like(c, 0.5, &half, err));
    TRY(emit_2(c->e, "Mul", gradient, half, &y, err));
    TRY(emit_2(c->e, "Div", y, c->in[0], &y, err));
    return tf_give(c, y);
}

/* Of y = 1 / sqrt(x): -0.5 gradient y^3 */
static enum status rsqrt_grad(struct tf_call *c, struct error *err)
{
    value_id half, cube, y, gradient;

    TRY(gradient_of(c, &gradient, err));
    TRY(number_like(c, -0.5, &half, err));
    TRY(emit_2(c->e, "Mul", c->in[0], c->in[0], &cube, err));
    TRY(emit_2(c->e, "Mul", cube, c->in[0], &cube, err));
    TRY(emit_2(c->e, "Mul", gradient, half, &y, err));
    TRY(emit_2(c->e, "Mul", y, cube, &y, err));
    return tf_give(c, y);
}

/* Of y = 1 / x: -gradient y^2 */
static enum status reciprocal_grad(struct tf_call *c, struct error *err)
{
    value_id y, gradient;

    TRY(gradient_of(c, &gradient, err));
    TRY(emit_2(c->e, "Mul", c->in[0], c->in[0], &y, err));
    TRY(emit_2(c->e, "Mul", y, gradient, &y, err));
    TRY(emit_1(c->e, "Neg", y, &y, err));
    return tf_give(c, y);
}

/* --- BiasAddGrad: sums over everything but the channels --- */

static enum status bias_add_grad(struct tf_call *c, struct error *err)
{
    int64_t axes[RANK_MAX];
    struct bytes format;
    size_t count = 0;
    value_id y;
    int rank;

    TRY(tf_string(c->node, "data_format", "NHWC", &format, err));
    TRY(tf_rank(c, 0, &rank, err));
    for (int d = 0; d < rank; d++)
        if (d != (bytes_is(format, "NCHW") ? 1 : rank - 1))
            axes[count++] = d;
    if (!count)
        return error_set(err, STATUS_INVALID_INPUT, "its input has %d dimensions", rank);
    TRY(emit_reduce(c->e, "ReduceSum", c->in[0], axes, count, false, &y, err));
    return tf_give(c, y);
}

/* ONNX's attributes are single precision. */
static enum status selu(struct tf_call *c, struct error *err)
{
    enum dtype dtype = emit_dtype(c->e, c->in[0]);
    value_id zero, one, scale, both, negative, low, high, y;

    if (dtype != DTYPE_F64) {
        TRY(emit_1(c->e, "Selu", c->in[0], &y, err));
        return tf_give(c, y);
    }
    TRY(emit_number(c->e, dtype, 0, &zero, err));
    TRY(emit_number(c->e, dtype, 1, &one, err));
    TRY(emit_number(c->e, dtype, 1.0507009873554804934193349852946, &scale, err));
    TRY(emit_number(c->e, dtype, 1.7580993408473768599402175208123, &both, err));
    TRY(emit_2(c->e, "Less", c->in[0], zero, &negative, err));
    TRY(emit_1(c->e, "Exp", c->in[0], &low, err));
    TRY(emit_2(c->e, "Sub", low, one, &low, err));
    TRY(emit_2(c->e, "Mul", low, both, &low, err));
    TRY(emit_2(c->e, "Mul", c->in[0], scale, &high, err));
    TRY(emit_where(c->e, negative, low, high, &y, err));
    return tf_give(c, y);
}

const struct tf_op_set tf_ops_activation = TF_OP_SET(
    {.name = "Relu", .lower = relu, .inputs = 1}, {.name = "Selu", .lower = selu, .inputs = 1},
    {.name = "Softplus", .onnx = "Softplus", .inputs = 1},
    {.name = "Softsign", .onnx = "Softsign", .inputs = 1},
    {.name = "LeakyRelu", .lower = leaky_relu, .inputs = 1},
    {.name = "Relu6", .lower = relu6, .inputs = 1}, {.name = "Elu", .lower = elu, .inputs = 1},
    {.name = "L2Loss", .lower = l2_loss, .inputs = 1},
    {.name = "ReluGrad", .lower = relu_grad, .inputs = 2},
    {.name = "Relu6Grad", .lower = relu6_grad, .inputs = 2},
    {.name = "LeakyReluGrad", .lower = leaky_relu_grad, .inputs = 2},
    {.name = "EluGrad", .lower = elu_grad, .inputs = 2},
    {.name = "SeluGrad", .lower = selu_grad, .inputs = 2},
    {.name = "SoftplusGrad", .lower = softplus_grad, .inputs = 2},
    {.name = "SoftsignGrad", .lower = softsign_grad, .inputs = 2},
    {.name = "TanhGrad", .lower = tanh_grad, .inputs = 2},
    {.name = "SigmoidGrad", .lower = sigmoid_grad, .inputs = 2},
    {.name = "SqrtGrad", .lower = sqrt_grad, .inputs = 2},
    {.name = "RsqrtGrad", .lower = rsqrt_grad, .inputs = 2},
    {.name = "ReciprocalGrad", .lower = reciprocal_grad, .inputs = 2},
    {.name = "InvGrad", .lower = reciprocal_grad, .inputs = 2},
    {.name = "BiasAddGrad", .lower = bias_add_grad, .inputs = 1}, );
