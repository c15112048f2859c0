// SPDX-License-Identifier: Apache-2.0
/* Naive Bayes: joint log likelihoods of the classes; the largest wins, their softmax is the
 * probability (sklearn/naive_bayes.py). */
#include "importers/sklearn/internal.h"

#include <math.h>

typedef enum status joint_function(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, int64_t classes, value_id *joint,
                                   struct error *err);

static double pi(void)
{
    return acos(-1);
}

/* log prior - 0.5 sum log(2 pi var) - 0.5 sum (x - theta)^2 / var */
static enum status gaussian(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, int64_t classes, value_id *joint,
                            struct error *err)
{
    int64_t width = (int64_t)in->count, one = 1, two = 2;
    const char *variances = pickle_get(self, "var_") ? "var_" : "sigma_";
    struct tensor theta, var, prior, constant;
    struct shape vector = SHAPE(classes), scalar = SHAPE(1);
    struct attribute drop = attribute_of_int("keepdims", 0);
    value_id x, axis, mean, spread, half, base;

    TRY(state_matrix(l, self, "theta_", classes, width, &theta, err));
    TRY(state_matrix(l, self, variances, classes, width, &var, err));
    TRY(state_vector(l, self, "class_prior_", classes, &prior, err));
    TRY(tensor_new(&constant, DTYPE_F64, &vector, l->keep, err));
    for (int64_t k = 0; k < classes; k++) {
        double sum = 0;
        for (int64_t f = 0; f < width; f++)
            sum += log(2 * pi() * ((double *)var.data)[k * width + f]);
        ((double *)constant.data)[k] = log(((double *)prior.data)[k]) - 0.5 * sum;
    }
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(graph_constant_i64(l->e.graph, &one, &scalar, &axis, err));
    TRY(emit_2(&l->e, "Unsqueeze", x, axis, &x, err));
    TRY(emit_constant(&l->e, &theta, &mean, err));
    TRY(emit_constant(&l->e, &var, &spread, err));
    TRY(emit_2(&l->e, "Sub", x, mean, &x, err));
    TRY(emit_2(&l->e, "Mul", x, x, &x, err));
    TRY(emit_2(&l->e, "Div", x, spread, &x, err));
    TRY(graph_constant_i64(l->e.graph, &two, &scalar, &axis, err));
    TRY(emit(&l->e, "", "ReduceSum", (value_id[]){x, axis}, 2, &drop, 1, &x, 1, err));
    TRY(emit_scalar(l, 0.5, &half, err));
    TRY(emit_2(&l->e, "Mul", x, half, &x, err));
    TRY(emit_constant(&l->e, &constant, &base, err));
    return emit_2(&l->e, "Sub", base, x, joint, err);
}

static enum status multinomial(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, int64_t classes, value_id *joint,
                               struct error *err)
{
    struct tensor weights, prior;
    value_id x;

    TRY(state_matrix(l, self, "feature_log_prob_", classes, (int64_t)in->count, &weights, err));
    TRY(state_vector(l, self, "class_log_prior_", classes, &prior, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    return emit_linear(l, x, &weights, &prior, joint, err);
}

static enum status complement(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, int64_t classes, value_id *joint,
                              struct error *err)
{
    struct tensor weights;
    value_id x;

    if (classes == 1)
        return state_error(err, "classes_", "has one class");
    TRY(state_matrix(l, self, "feature_log_prob_", classes, (int64_t)in->count, &weights, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    return emit_linear(l, x, &weights, NULL, joint, err);
}

/* x (log p - log(1 - p)) + sum log(1 - p) + log prior, of x made 0 or 1. */
static enum status bernoulli(struct lowering *l, const struct pickle_object *self,
                             const struct table *in, int64_t classes, value_id *joint,
                             struct error *err)
{
    const struct pickle_object *binarize = pickle_get(self, "binarize");
    struct tensor log_p, log_prior, weights, prior;
    double threshold;
    value_id x, limit;

    TRY(state_matrix(l, self, "feature_log_prob_", classes, (int64_t)in->count, &log_p, err));
    TRY(state_vector(l, self, "class_log_prior_", classes, &log_prior, err));
    TRY(tensor_new(&weights, DTYPE_F64, &log_p.shape, l->keep, err));
    TRY(tensor_new(&prior, DTYPE_F64, &log_prior.shape, l->keep, err));
    for (size_t i = 0; i < tensor_count(&prior); i++)
        ((double *)prior.data)[i] = ((double *)log_prior.data)[i];
    for (size_t i = 0; i < tensor_count(&weights); i++) {
        double negative = log(1 - exp(((double *)log_p.data)[i]));
        ((double *)prior.data)[i / in->count] += negative;
        ((double *)weights.data)[i] = ((double *)log_p.data)[i] - negative;
    }
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    if (!pickle_is_none(binarize)) {
        TRY(state_f64(self, "binarize", 0, &threshold, err));
        TRY(emit_scalar(l, threshold, &limit, err));
        TRY(emit_2(&l->e, "Greater", x, limit, &x, err));
        TRY(emit_cast(&l->e, x, DTYPE_F64, &x, err));
    }
    return emit_linear(l, x, &weights, &prior, joint, err);
}

/* log prior + for each column the log probability of its category, which is its number. */
static enum status categorical(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, int64_t classes, value_id *joint,
                               struct error *err)
{
    struct pickle_object **columns;
    struct tensor prior, stored;
    struct table whole;
    value_id x, base;
    size_t count;

    TRY(state_list(l, self, "feature_log_prob_", &columns, &count, err));
    TRY(table_expect(in, count, err));
    TRY(state_vector(l, self, "class_log_prior_", classes, &prior, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(emit_cast(&l->e, x, DTYPE_I64, &x, err)); /* as numpy does: cut, not rounded */
    TRY(emit_cast(&l->e, x, DTYPE_F64, &x, err));
    TRY(table_of_matrix(l, x, count, &whole, err));
    for (size_t i = 0; i < count; i++) {
        struct attribute attributes[3];
        struct tensor *tables = arena_new(l->keep, struct tensor, 2);
        struct shape keys, rows;
        size_t known;
        value_id term;

        if (!tables)
            return error_no_memory(err, "categories");
        if (pickle_to_tensor_f64(columns[i], &stored, l->keep, err) || stored.shape.rank != 2 ||
            stored.shape.dims[0] != classes)
            return state_error(err, "feature_log_prob_", "column %zu is not of %lld classes", i,
                               (long long)classes);
        known = (size_t)stored.shape.dims[1];
        keys = SHAPE((int64_t)known);
        rows = SHAPE((int64_t)known + 1, classes);
        TRY(tensor_new(&tables[0], DTYPE_F64, &keys, l->keep, err));
        TRY(tensor_new(&tables[1], DTYPE_F64, &rows, l->keep, err));
        for (size_t k = 0; k < known; k++) {
            tensor_set_f64(&tables[0], k, (double)k);
            for (size_t c = 0; c < (size_t)classes; c++)
                tensor_set_f64(&tables[1], k * (size_t)classes + c,
                               tensor_f64(&stored, c * known + k));
        }
        attributes[0] = attribute_of_tensor("keys", &tables[0]);
        attributes[1] = attribute_of_tensor("rows", &tables[1]);
        attributes[2] = attribute_of_int("width", classes);
        TRY(table_vector(l, &whole, i, DTYPE_F64, &x, err));
        TRY(emit(&l->e, "firn", "Lookup", &x, 1, attributes, 3, &term, 1, err));
        if (i == 0)
            *joint = term;
        else
            TRY(emit_2(&l->e, "Add", *joint, term, joint, err));
    }
    TRY(emit_constant(&l->e, &prior, &base, err));
    return emit_2(&l->e, "Add", *joint, base, joint, err);
}

static joint_function *joint_of(const struct pickle_object *self)
{
    static const struct {
        const char *name;
        joint_function *joint;
    } KINDS[] = {{"GaussianNB", gaussian},
                 {"MultinomialNB", multinomial},
                 {"ComplementNB", complement},
                 {"BernoulliNB", bernoulli},
                 {"CategoricalNB", categorical}};

    for (size_t i = 0; i < ARRAY_COUNT(KINDS); i++)
        if (!strcmp(pickle_name(self), KINDS[i].name))
            return KINDS[i].joint;
    return NULL;
}

static enum status joint_log_likelihood(struct lowering *l, const struct pickle_object *self,
                                        const struct table *in, struct tensor *classes,
                                        value_id *joint, struct error *err)
{
    TRY(state_labels(l, self, "classes_", classes, err));
    return joint_of(self)(l, self, in, (int64_t)tensor_count(classes), joint, err);
}

static enum status predict(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id joint;

    TRY(joint_log_likelihood(l, self, in, &classes, &joint, err));
    return predict_argmax(l, &classes, joint, out, err);
}

static enum status predict_proba(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    struct attribute axis = attribute_of_int("axis", 1);
    struct tensor classes;
    value_id joint, p;

    TRY(joint_log_likelihood(l, self, in, &classes, &joint, err));
    TRY(emit(&l->e, "", "Softmax", &joint, 1, &axis, 1, &p, 1, err));
    return predict_columns(l, &classes, p, out, err);
}

#define NAIVE_BAYES(width_) .predict = predict, .predict_proba = predict_proba, .width = width_

const struct estimator_set estimators_naive_bayes =
    ESTIMATOR_SET({.name = "GaussianNB", NAIVE_BAYES("theta_")},
                  {.name = "MultinomialNB", NAIVE_BAYES("feature_log_prob_")},
                  {.name = "ComplementNB", NAIVE_BAYES("feature_log_prob_")},
                  {.name = "BernoulliNB", NAIVE_BAYES("feature_log_prob_")},
                  {.name = "CategoricalNB", NAIVE_BAYES(NULL)});
