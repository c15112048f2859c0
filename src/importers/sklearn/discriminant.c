// SPDX-License-Identifier: Apache-2.0
/* Quadratic discriminants and nearest centroids: a score for each class, of which the largest wins
 * (sklearn/discriminant_analysis.py, sklearn/neighbors/_nearest_centroid.py). */
#include "importers/sklearn/internal.h"

#include <math.h>
#include <string.h>

#include "importers/sklearn/distance.h"

/* Of two classes the difference of the scores, else all. */
static enum status decide(struct lowering *l, const struct tensor *classes, value_id scores,
                          struct table *out, struct error *err)
{
    value_id first, second;

    if (tensor_count(classes) != 2)
        return predict_columns(l, classes, scores, out, err);
    TRY(emit_slice(&l->e, scores, 1, 0, 1, 1, &first, err));
    TRY(emit_slice(&l->e, scores, 1, 1, 2, 1, &second, err));
    TRY(emit_2(&l->e, "Sub", second, first, &scores, err));
    return predict_numbers(l, scores, 1, true, out, err);
}

/* --- QuadraticDiscriminantAnalysis --- */

/* The matrix of class k with its columns divided by the roots of their variances, turned for
 * emit_linear, and its mean put through it; and the sum of the variances' logarithms. */
static enum status rotation_of(struct lowering *l, const struct pickle_object *rotation,
                               const struct pickle_object *scaling, int64_t width,
                               struct tensor *turned, double *sum, struct error *err)
{
    struct tensor r, s;
    struct shape shape;
    size_t rank;

    if (pickle_to_tensor_f64(rotation, &r, l->keep, err) ||
        pickle_to_tensor_f64(scaling, &s, l->keep, err))
        return error_within(err, "attribute 'rotations_' or 'scalings_'");
    if (r.shape.rank != 2 || s.shape.rank != 1 || r.shape.dims[0] != width ||
        r.shape.dims[1] != s.shape.dims[0])
        return state_error(err, "rotations_", "does not fit the scalings and columns");
    rank = (size_t)s.shape.dims[0];
    shape = SHAPE((int64_t)rank, width);
    TRY(tensor_new(turned, DTYPE_F64, &shape, l->keep, err));
    *sum = 0;
    for (size_t k = 0; k < rank; k++) {
        double factor = pow(tensor_f64(&s, k), -0.5);

        *sum += log(tensor_f64(&s, k));
        for (size_t f = 0; f < (size_t)width; f++)
            ((double *)turned->data)[k * (size_t)width + f] = tensor_f64(&r, f * rank + k) * factor;
    }
    return STATUS_OK;
}

static enum status quadratic_scores(struct lowering *l, const struct pickle_object *self,
                                    const struct table *in, struct tensor *classes,
                                    value_id *scores, struct error *err)
{
    struct pickle_object **rotations, **scalings;
    size_t count, rotation_count, scaling_count;
    struct tensor means, priors, turned;
    struct shape vector = SHAPE((int64_t)in->count);
    value_id x, *columns;

    TRY(state_labels(l, self, "classes_", classes, err));
    count = tensor_count(classes);
    TRY(state_matrix(l, self, "means_", (int64_t)count, (int64_t)in->count, &means, err));
    TRY(state_vector(l, self, "priors_", (int64_t)count, &priors, err));
    TRY(state_list(l, self, "rotations_", &rotations, &rotation_count, err));
    TRY(state_list(l, self, "scalings_", &scalings, &scaling_count, err));
    if (count < 2 || rotation_count != count || scaling_count != count)
        return state_error(err, "rotations_", "does not fit the classes");
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    columns = arena_new(l->keep, value_id, count);
    if (!columns)
        return error_no_memory(err, "classes");
    for (size_t i = 0; i < count; i++) {
        struct tensor mean = {DTYPE_F64, vector, (double *)means.data + i * in->count};
        double logs = 0;
        value_id y, center;

        TRY(rotation_of(l, rotations[i], scalings[i], (int64_t)in->count, &turned, &logs, err));
        TRY(emit_constant(&l->e, &mean, &center, err));
        TRY(emit_2(&l->e, "Sub", x, center, &y, err));
        TRY(emit_linear(l, y, &turned, NULL, &y, err));
        TRY(emit_2(&l->e, "Mul", y, y, &y, err));
        TRY(emit_reduce(&l->e, "ReduceSum", y, (const int64_t[]){1}, 1, true, &y, err));
        TRY(emit_scaled(l, "Add", y, logs, &y, err));
        TRY(emit_scaled(l, "Mul", y, -0.5, &y, err));
        TRY(emit_scaled(l, "Add", y, log(tensor_f64(&priors, i)), &columns[i], err));
    }
    return emit_concat(&l->e, (struct emit_inputs){columns, count}, 1, scores, err);
}

static enum status quadratic_predict(struct lowering *l, const struct pickle_object *self,
                                     const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id scores;

    TRY(quadratic_scores(l, self, in, &classes, &scores, err));
    return predict_argmax(l, &classes, scores, out, err);
}

static enum status quadratic_proba(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id scores;

    TRY(quadratic_scores(l, self, in, &classes, &scores, err));
    TRY(emit_softmax(l, scores, &scores, err));
    return predict_columns(l, &classes, scores, out, err);
}

static enum status quadratic_decision(struct lowering *l, const struct pickle_object *self,
                                      const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id scores;

    TRY(quadratic_scores(l, self, in, &classes, &scores, err));
    return decide(l, &classes, scores, out, err);
}

/* --- NearestCentroid --- */

static enum status centroid_read(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct tensor *classes,
                                 struct tensor *centroids, bool *manhattan, struct error *err)
{
    static const char *const METRICS[] = {"euclidean", "manhattan", NULL};
    size_t metric;

    TRY(state_choice(self, "metric", METRICS, 0, &metric, err));
    *manhattan = metric == 1;
    TRY(state_labels(l, self, "classes_", classes, err));
    return state_matrix(l, self, "centroids_", (int64_t)tensor_count(classes), (int64_t)in->count,
                        centroids, err);
}

/* -distance^2 + 2 log prior, of columns divided by their spread within the classes. */
static enum status centroid_scores(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct tensor *classes, value_id *scores,
                                   struct error *err)
{
    struct tensor centroids, spread, own[2], priors, logs;
    bool manhattan;
    value_id x, divisor, constant;

    TRY(centroid_read(l, self, in, classes, &centroids, &manhattan, err));
    TRY(state_vector(l, self, "within_class_std_dev_", (int64_t)in->count, &spread, err));
    TRY(state_vector(l, self, "class_prior_", (int64_t)tensor_count(classes), &priors, err));
    TRY(tensor_new(&own[0], DTYPE_F64, &spread.shape, l->keep, err));
    TRY(tensor_new(&own[1], DTYPE_F64, &centroids.shape, l->keep, err));
    TRY(tensor_new(&logs, DTYPE_F64, &priors.shape, l->keep, err));
    for (size_t f = 0; f < in->count; f++)
        tensor_set_f64(&own[0], f, tensor_f64(&spread, f) == 0 ? 1 : tensor_f64(&spread, f));
    for (size_t i = 0; i < tensor_count(&centroids); i++)
        tensor_set_f64(&own[1], i, tensor_f64(&centroids, i) / tensor_f64(&own[0], i % in->count));
    for (size_t i = 0; i < tensor_count(classes); i++)
        tensor_set_f64(&logs, i, 2 * log(tensor_f64(&priors, i)));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(emit_constant(&l->e, &own[0], &divisor, err));
    TRY(emit_2(&l->e, "Div", x, divisor, &x, err));
    TRY((manhattan ? emit_manhattan_distances : emit_square_distances)(l, x, &own[1], scores, err));
    if (manhattan)
        TRY(emit_2(&l->e, "Mul", *scores, *scores, scores, err));
    TRY(emit_constant(&l->e, &logs, &constant, err));
    return emit_2(&l->e, "Sub", constant, *scores, scores, err);
}

/* Since 1.6 there are priors; equal ones (numpy.isclose) do not count. */
static enum status has_equal_priors(struct lowering *l, const struct pickle_object *self,
                                    const struct tensor *classes, bool *equal, struct error *err)
{
    double share = 1.0 / (double)tensor_count(classes);
    struct tensor priors;

    *equal = true;
    if (!pickle_get(self, "class_prior_"))
        return STATUS_OK;
    TRY(state_vector(l, self, "class_prior_", (int64_t)tensor_count(classes), &priors, err));
    for (size_t i = 0; i < tensor_count(&priors); i++)
        *equal = *equal && fabs(tensor_f64(&priors, i) - share) <= 1e-8 + 1e-5 * share;
    return STATUS_OK;
}

static enum status centroid_predict(struct lowering *l, const struct pickle_object *self,
                                    const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes, centroids;
    bool manhattan, equal;
    value_id x, scores;

    TRY(centroid_read(l, self, in, &classes, &centroids, &manhattan, err));
    TRY(has_equal_priors(l, self, &classes, &equal, err));
    if (!equal) {
        TRY(centroid_scores(l, self, in, &classes, &scores, err));
        return predict_argmax(l, &classes, scores, out, err);
    }
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY((manhattan ? emit_manhattan_distances : emit_partial_distances)(l, x, &centroids, &scores,
                                                                        err));
    TRY(emit_nearest(l, scores, &scores, err));
    return predict_labels(l, &classes, scores, out, err);
}

static enum status centroid_proba(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id scores;

    TRY(centroid_scores(l, self, in, &classes, &scores, err));
    TRY(emit_softmax(l, scores, &scores, err));
    return predict_columns(l, &classes, scores, out, err);
}

static enum status centroid_decision(struct lowering *l, const struct pickle_object *self,
                                     const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id scores;

    TRY(centroid_scores(l, self, in, &classes, &scores, err));
    return decide(l, &classes, scores, out, err);
}

static bool centroid_has(const struct pickle_object *self, enum method method)
{
    return method == METHOD_PREDICT || (pickle_text_is(pickle_get(self, "metric"), "euclidean") &&
                                        pickle_get(self, "class_prior_"));
}

const struct estimator_set estimators_discriminant =
    ESTIMATOR_SET({.name = "QuadraticDiscriminantAnalysis",
                   .predict = quadratic_predict,
                   .predict_proba = quadratic_proba,
                   .decision_function = quadratic_decision,
                   .width = "means_"},
                  {.name = "NearestCentroid",
                   .predict = centroid_predict,
                   .predict_proba = centroid_proba,
                   .decision_function = centroid_decision,
                   .has = centroid_has,
                   .width = "centroids_"});
