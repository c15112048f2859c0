// SPDX-License-Identifier: Apache-2.0
/* GradientBoosting: an initial prediction plus learning_rate times trees, one a stage and class. */
#include "importers/sklearn/trees.h"

#include <float.h>
#include <math.h>

enum loss { LOSS_BINOMIAL, LOSS_MULTINOMIAL, LOSS_EXPONENTIAL, LOSS_IDENTITY };

static enum status loss_of(const struct pickle_object *self, size_t outputs, enum loss *loss,
                           struct error *err)
{
    static const char *const CLASSIFIER[] = {"log_loss", "deviance", "exponential", NULL};
    size_t choice;

    if (!strcmp(pickle_name(self), "GradientBoostingRegressor")) {
        *loss = LOSS_IDENTITY;
        return STATUS_OK;
    }
    TRY(state_choice(self, "loss", CLASSIFIER, 0, &choice, err));
    *loss = choice == 2 ? LOSS_EXPONENTIAL : outputs > 1 ? LOSS_MULTINOMIAL : LOSS_BINOMIAL;
    return STATUS_OK;
}

static double clipped(double p)
{
    double eps = (double)FLT_EPSILON;

    return p < eps ? eps : p > 1 - eps ? 1 - eps : p;
}

/* Probabilities of the initial estimator as raw values, as _init_raw_predictions does. From 1.4 on
 * the multinomial link is symmetric: the mean of the logarithms is taken away. */
static void link_probabilities(enum loss loss, int version, const double *p, size_t count,
                               double *base)
{
    double mean = 0;

    if (loss == LOSS_BINOMIAL || loss == LOSS_EXPONENTIAL) {
        base[0] = log(clipped(p[1]) / (1 - clipped(p[1]))) * (loss == LOSS_EXPONENTIAL ? 0.5 : 1);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        base[i] = log(clipped(p[i]));
        mean += base[i] / (double)count;
    }
    for (size_t i = 0; version >= 10400 && i < count; i++)
        base[i] -= mean;
}

static enum status base_of_dummy_classifier(struct lowering *l, const struct pickle_object *self,
                                            const struct pickle_object *init, enum loss loss,
                                            size_t outputs, double *base, struct error *err)
{
    static const char *const STRATEGIES[] = {"prior", NULL};
    size_t classes = outputs > 1 ? outputs : 2, choice;
    struct tensor prior;

    TRY(state_choice(init, "strategy", STRATEGIES, 0, &choice, err));
    TRY(state_vector(l, init, "class_prior_", (int64_t)classes, &prior, err));
    link_probabilities(loss, estimator_version(l, self), prior.data, classes, base);
    return STATUS_OK;
}

/* The init objects of 0.20 and older: class and the attribute that is its raw prediction. */
static const struct {
    const char *name, *attribute;
} OLD_INITS[] = {
    {"LogOddsEstimator", "prior"},
    {"ScaledLogOddsEstimator", "prior"},
    {"PriorProbabilityEstimator", "priors"},
    {"QuantileEstimator", "quantile"},
    {"MeanEstimator", "mean"},
};

static enum status base_of(struct lowering *l, const struct pickle_object *self, enum loss loss,
                           size_t outputs, double *base, struct error *err)
{
    const struct pickle_object *init = pickle_get(self, "init_");
    struct tensor stored;

    if (pickle_text_is(pickle_get(self, "init"), "zero") || pickle_text_is(init, "zero") ||
        !strcmp(pickle_name(init), "ZeroEstimator"))
        return STATUS_OK;
    if (!strcmp(pickle_name(init), "DummyClassifier"))
        return base_of_dummy_classifier(l, self, init, loss, outputs, base, err);
    if (!strcmp(pickle_name(init), "DummyRegressor")) {
        const struct pickle_object *constant;
        TRY(state_object(init, "constant_", &constant, err));
        if (!pickle_to_f64(constant, base))
            return state_error(err, "init_", "has no constant_");
        return STATUS_OK;
    }
    for (size_t i = 0; i < ARRAY_COUNT(OLD_INITS); i++) {
        if (strcmp(pickle_name(init), OLD_INITS[i].name))
            continue;
        if (pickle_to_tensor_f64(pickle_get(init, OLD_INITS[i].attribute), &stored, l->keep, err) ||
            tensor_count(&stored) != outputs)
            return state_error(err, "init_", "is a %s without %zu values", OLD_INITS[i].name,
                               outputs);
        memcpy(base, stored.data, outputs * sizeof *base);
        return STATUS_OK;
    }
    return state_error(err, "init_", "is a %s, which is not supported", pickle_name(init));
}

/* (n, outputs) raw values. */
static enum status raw_values(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, size_t *outputs, enum loss *loss, value_id *y,
                              struct error *err)
{
    const struct pickle_object *stored, *tree;
    struct pickle_object **estimators;
    struct tree_list list;
    size_t count;
    double rate, *base;
    value_id x;

    TRY(state_object(self, "estimators_", &stored, err));
    TRY(state_list(l, self, "estimators_", &estimators, &count, err));
    if (stored->kind != PICKLE_ARRAY || stored->array->shape.rank != 2 ||
        stored->array->shape.dims[1] < 1 || stored->array->fortran)
        return state_error(err, "estimators_", "is no matrix of trees");
    *outputs = (size_t)stored->array->shape.dims[1];
    TRY(loss_of(self, *outputs, loss, err));
    TRY(state_f64(self, "learning_rate", 0.1, &rate, err));
    base = arena_new(l->keep, double, *outputs);
    if (!base)
        return error_no_memory(err, "trees");
    TRY(base_of(l, self, *loss, *outputs, base, err));
    tree_list_init(&list, l, in->count, *outputs);
    list.base = base;
    for (size_t i = 0; i < count; i++) {
        TRY(state_object(estimators[i], "tree_", &tree, err));
        if (tree_list_append(&list, tree, VALUES_AS_STORED, (int64_t)(i % *outputs), rate, false,
                             err))
            return error_within(err, "attribute 'estimators_', tree %zu", i);
    }
    TRY(table_matrix(l, in, CHECK_FINITE_F32, &x, err));
    return tree_list_emit(&list, x, y, err);
}

static enum status decision(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    size_t outputs;
    enum loss loss;
    value_id y;

    TRY(raw_values(l, self, in, &outputs, &loss, &y, err));
    if (outputs == 1)
        return predict_numbers(l, y, 1, true, out, err);
    TRY(state_labels(l, self, "classes_", &classes, err));
    return predict_columns(l, &classes, y, out, err);
}

static enum status class_probabilities(struct lowering *l, const struct pickle_object *self,
                                       const struct table *in, struct tensor *classes, value_id *p,
                                       struct error *err)
{
    struct attribute axis = attribute_of_int("axis", 1);
    size_t outputs;
    enum loss loss;
    value_id y, two;

    TRY(raw_values(l, self, in, &outputs, &loss, &y, err));
    TRY(state_labels(l, self, "classes_", classes, err));
    if (tensor_count(classes) != (outputs == 1 ? 2 : outputs))
        return state_error(err, "classes_", "has %zu classes for %zu trees a stage",
                           tensor_count(classes), outputs);
    if (outputs > 1)
        return emit(&l->e, "", "Softmax", &y, 1, &axis, 1, p, 1, err);
    if (loss == LOSS_EXPONENTIAL) {
        TRY(emit_scalar(l, 2, &two, err));
        TRY(emit_2(&l->e, "Mul", two, y, &y, err));
    }
    TRY(emit_1(&l->e, "Sigmoid", y, &y, err));
    return emit_both(l, y, p, err);
}

static enum status probabilities(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id p;

    TRY(class_probabilities(l, self, in, &classes, &p, err));
    return predict_columns(l, &classes, p, out, err);
}

/* From 1.4 on a raw value of zero is the second class; before, its probability 0.5 ties with the
 * first, which wins. */
static enum status classify(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    struct shape one = SHAPE(1);
    struct tensor classes;
    size_t outputs;
    enum loss loss;
    value_id y, zero, axes, index;
    const int64_t last = 1;

    TRY(raw_values(l, self, in, &outputs, &loss, &y, err));
    TRY(state_labels(l, self, "classes_", &classes, err));
    if (outputs > 1)
        return predict_argmax(l, &classes, y, out, err);
    if (estimator_version(l, self) < 10400)
        return predict_sign(l, &classes, y, out, err);
    TRY(emit_scalar(l, 0, &zero, err));
    TRY(graph_constant_i64(l->e.graph, &last, &one, &axes, err));
    TRY(emit_2(&l->e, "Squeeze", y, axes, &index, err));
    TRY(emit_2(&l->e, "GreaterOrEqual", index, zero, &index, err));
    TRY(emit_cast(&l->e, index, DTYPE_I64, &index, err));
    return predict_labels(l, &classes, index, out, err);
}

static enum status regress(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    size_t outputs;
    enum loss loss;
    value_id y;

    TRY(raw_values(l, self, in, &outputs, &loss, &y, err));
    return predict_numbers(l, y, 1, true, out, err);
}

const struct estimator_set estimators_gradient_boosting =
    ESTIMATOR_SET({.name = "GradientBoostingClassifier",
                   .predict = classify,
                   .predict_proba = probabilities,
                   .decision_function = decision},
                  {.name = "GradientBoostingRegressor", .predict = regress});
