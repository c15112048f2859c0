// SPDX-License-Identifier: Apache-2.0
/* Layers that only Keras 1 had: Highway, MaxoutDense, ParametricSoftplus, SReLU. */
#include "importers/keras/internal.h"

/* t h + (1 - t) x: h the activation of a product, t the sigmoid of another. */
static enum status highway(struct call *c, struct error *err)
{
    bool biased = config_bool_or(c, "bias", NULL, true);
    value_id x = c->in[0].value, kernels[2], biases[2], h, t, y;

    TRY(call_wants(c, 1, err));
    for (int i = 0; i < 2; i++)
        TRY(weight_constant(c, "kernel", 2, &kernels[i], err));
    for (int i = 0; biased && i < 2; i++)
        TRY(weight_constant(c, "bias", 1, &biases[i], err));
    TRY(emit_2(c->e, "MatMul", x, kernels[1], &t, err));
    if (biased)
        TRY(emit_2(c->e, "Add", t, biases[1], &t, err));
    TRY(emit_1(c->e, "Sigmoid", t, &t, err));
    TRY(emit_2(c->e, "MatMul", x, kernels[0], &h, err));
    if (biased)
        TRY(emit_2(c->e, "Add", h, biases[0], &h, err));
    TRY(activation_of(c, h, &h, err));
    TRY(emit_2(c->e, "Mul", h, t, &h, err));
    TRY(emit_one_minus(c->e, t, &t, err));
    TRY(emit_2(c->e, "Mul", x, t, &y, err));
    TRY(emit_2(c->e, "Add", h, y, &y, err));
    return call_give(c, y);
}

/* The largest of several products: kernels (n, in, out), biases (n, out). */
static enum status maxout_dense(struct call *c, struct error *err)
{
    static const int PERM[] = {1, 0, 2};
    struct tensor stored, kernel;
    value_id w, bias, y;
    int64_t axis = 1, n, out;

    TRY(call_wants(c, 1, err));
    TRY(weight_take(c, "kernel", 3, &stored, err));
    n = stored.shape.dims[0];
    out = stored.shape.dims[2];
    TRY(tensor_permute(&stored, PERM, &kernel, c->k->keep, err));
    kernel.shape = SHAPE(stored.shape.dims[1], n * out);
    TRY(emit_constant(c->e, &kernel, &w, err));
    TRY(emit_2(c->e, "MatMul", c->in[0].value, w, &y, err));
    TRY(emit_reshape(c->e, y, (const int64_t[]){-1, n, out}, 3, &y, err));
    if (config_bool_or(c, "bias", NULL, true)) {
        TRY(weight_constant(c, "bias", 2, &bias, err));
        TRY(emit_2(c->e, "Add", y, bias, &y, err));
    }
    TRY(emit_reduce(c->e, "ReduceMax", y, &axis, 1, false, &y, err));
    return call_give(c, y);
}

/* alpha log(1 + exp(beta x)) */
static enum status parametric_softplus(struct call *c, struct error *err)
{
    value_id alpha, beta, y;

    TRY(call_wants(c, 1, err));
    TRY(weight_constant(c, "alpha", -1, &alpha, err));
    TRY(weight_constant(c, "beta", -1, &beta, err));
    TRY(emit_2(c->e, "Mul", c->in[0].value, beta, &y, err));
    TRY(emit_1(c->e, "Softplus", y, &y, err));
    TRY(emit_2(c->e, "Mul", y, alpha, &y, err));
    return call_give(c, y);
}

/* Three lines: with slopes to the left of t_left and to the right of t_left + |t_right|. */
static enum status s_relu(struct call *c, struct error *err)
{
    value_id x = c->in[0].value, left, left_slope, right, right_slope, y, far, part, zero, is;

    TRY(call_wants(c, 1, err));
    TRY(weight_constant(c, "left end", -1, &left, err));
    TRY(weight_constant(c, "left slope", -1, &left_slope, err));
    TRY(weight_constant(c, "right end", -1, &right, err));
    TRY(weight_constant(c, "right slope", -1, &right_slope, err));
    TRY(emit_number(c->e, c->dtype, 0, &zero, err));
    TRY(emit_1(c->e, "Abs", right, &right, err)); /* the width between the ends */
    /* left + relu(x - left) cut at the width, with the slope below */
    TRY(emit_2(c->e, "Sub", x, left, &y, err));
    TRY(emit_2(c->e, "Mul", y, left_slope, &part, err));
    TRY(emit_2(c->e, "Less", y, zero, &is, err));
    if (!c->k->theano)
        TRY(emit_2(c->e, "Min", y, right, &y, err));
    TRY(emit_where(c->e, is, part, y, &y, err));
    if (c->k->theano) /* cuts the left part too */
        TRY(emit_2(c->e, "Min", y, right, &y, err));
    TRY(emit_2(c->e, "Add", y, left, &y, err));
    TRY(emit_2(c->e, "Add", left, right, &right, err));
    TRY(emit_2(c->e, "Sub", x, right, &far, err));
    TRY(emit_1(c->e, "Relu", far, &far, err));
    TRY(emit_2(c->e, "Mul", far, right_slope, &far, err));
    TRY(emit_2(c->e, "Add", y, far, &y, err));
    return call_give(c, y);
}

const struct layer_set layers_keras_1 =
    LAYER_SET({.name = "Highway", .lower = highway, .masks = true},
              {.name = "MaxoutDense", .lower = maxout_dense},
              {.name = "ParametricSoftplus", .lower = parametric_softplus, .masks = true},
              {.name = "SReLU", .lower = s_relu, .masks = true}, );
