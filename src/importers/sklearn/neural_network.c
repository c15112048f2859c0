// SPDX-License-Identifier: Apache-2.0
/* Multi-layer perceptrons: dense layers and an output activation. */
#include "importers/sklearn/internal.h"

static const char *const ACTIVATIONS[] = {"identity", "logistic", "tanh", "relu", "softmax", NULL};
enum { IDENTITY, LOGISTIC, TANH, RELU, SOFTMAX };

static enum status activate(struct lowering *l, size_t activation, value_id *x, struct error *err)
{
    static const char *const OPS[] = {[LOGISTIC] = "Sigmoid", [TANH] = "Tanh", [RELU] = "Relu"};
    struct attribute axis = attribute_of_int("axis", 1);

    if (activation == IDENTITY)
        return STATUS_OK;
    if (activation == SOFTMAX)
        return emit(&l->e, "", "Softmax", x, 1, &axis, 1, x, 1, err);
    return emit_1(&l->e, OPS[activation], *x, x, err);
}

static enum status layer(struct lowering *l, const struct pickle_object *weights,
                         const struct pickle_object *bias, size_t *width, value_id *x,
                         struct error *err)
{
    struct tensor w, b;
    value_id inputs[3] = {*x};

    TRY(pickle_to_tensor_f64(weights, &w, l->keep, err));
    TRY(pickle_to_tensor_f64(bias, &b, l->keep, err));
    if (w.shape.rank != 2 || w.shape.dims[0] != (int64_t)*width || b.shape.rank != 1 ||
        b.shape.dims[0] != w.shape.dims[1])
        return error_set(err, STATUS_INVALID_INPUT, "its shapes do not fit %zu inputs", *width);
    *width = (size_t)w.shape.dims[1];
    TRY(emit_constant(&l->e, &w, &inputs[1], err));
    TRY(emit_constant(&l->e, &b, &inputs[2], err));
    return emit(&l->e, "", "Gemm", inputs, 3, NULL, 0, x, 1, err);
}

/* (n, outputs) after the output activation, which is given back. */
static enum status forward(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, size_t *outputs, size_t *activation, value_id *y,
                           struct error *err)
{
    struct pickle_object **weights, **biases;
    size_t layers, bias_count, hidden;
    int64_t asked;

    TRY(state_choice(self, "activation", ACTIVATIONS, RELU, &hidden, err));
    TRY(state_choice(self, "out_activation_", ACTIVATIONS, IDENTITY, activation, err));
    TRY(state_list(l, self, "coefs_", &weights, &layers, err));
    TRY(state_list(l, self, "intercepts_", &biases, &bias_count, err));
    if (layers != bias_count || layers == 0)
        return state_error(err, "coefs_", "has %zu layers, intercepts_ %zu", layers, bias_count);
    TRY(state_i64(self, "n_layers_", (int64_t)layers + 1, &asked, err));
    if (asked < 2 || asked > (int64_t)layers + 1)
        return state_error(err, "n_layers_", "is %lld with %zu weights", (long long)asked, layers);
    layers = (size_t)asked - 1; /* MLPTransformer answers with an inner layer */
    TRY(table_matrix(l, in, CHECK_FINITE, y, err));
    *outputs = in->count;
    for (size_t i = 0; i < layers; i++) {
        if (layer(l, weights[i], biases[i], outputs, y, err))
            return error_within(err, "attribute 'coefs_', layer %zu", i);
        TRY(activate(l, i + 1 < layers ? hidden : *activation, y, err));
    }
    return STATUS_OK;
}

static enum status regress(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    size_t outputs, activation;
    value_id y;

    TRY(forward(l, self, in, &outputs, &activation, &y, err));
    return predict_numbers(l, y, outputs, outputs == 1, out, err);
}

static enum status class_outputs(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct tensor *classes, value_id *y,
                                 struct error *err)
{
    size_t outputs, activation;

    TRY(forward(l, self, in, &outputs, &activation, y, err));
    TRY(state_labels(l, pickle_get(self, "classes_") ? self : pickle_get(self, "_label_binarizer"),
                     "classes_", classes, err));
    if (activation == SOFTMAX
            ? tensor_count(classes) != outputs
            : activation != LOGISTIC || outputs != 1 || tensor_count(classes) != 2)
        return state_error(err, "out_activation_", "with %zu outputs for %zu classes", outputs,
                           tensor_count(classes));
    return STATUS_OK;
}

static enum status classify(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id y, half;

    TRY(class_outputs(l, self, in, &classes, &y, err));
    if (l->e.graph->values[y].shape.dims[1] != 1)
        return predict_argmax(l, &classes, y, out, err);
    TRY(emit_scalar(l, 0.5, &half, err));
    TRY(emit_2(&l->e, "Sub", y, half, &y, err));
    return predict_sign(l, &classes, y, out, err);
}

static enum status probabilities(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id y;

    TRY(class_outputs(l, self, in, &classes, &y, err));
    if (l->e.graph->values[y].shape.dims[1] == 1)
        TRY(emit_both(l, y, &y, err));
    return predict_columns(l, &classes, y, out, err);
}

const struct estimator_set estimators_neural_network =
    ESTIMATOR_SET({.name = "MLPClassifier", .predict = classify, .predict_proba = probabilities},
                  {.name = "MLPRegressor", .predict = regress});
