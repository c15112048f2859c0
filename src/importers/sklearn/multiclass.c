// SPDX-License-Identifier: Apache-2.0
/* Many classes by classifiers of two: one against one, and codes of classes
 * (sklearn/multiclass.py). */
#include "importers/sklearn/distance.h"

/* --- _ConstantPredictor: of a classifier of two that saw one class --- */

static enum status constant_say(struct lowering *l, const struct pickle_object *self,
                                const struct table *in, struct table *out, struct error *err)
{
    struct tensor y;
    value_id x;

    TRY(state_matrix(l, self, "y_", 1, 1, &y, err));
    TRY(emit_constant_rows(l, in, &y, &x, err));
    return predict_numbers(l, x, 1, true, out, err);
}

static enum status constant_proba(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct table *out, struct error *err)
{
    struct shape shape = SHAPE(1, 2);
    struct tensor y, row;
    value_id x;

    TRY(state_matrix(l, self, "y_", 1, 1, &y, err));
    TRY(tensor_new(&row, DTYPE_F64, &shape, l->keep, err));
    tensor_set_f64(&row, 0, 1 - tensor_f64(&y, 0));
    tensor_set_f64(&row, 1, tensor_f64(&y, 0));
    TRY(emit_constant_rows(l, in, &row, &x, err));
    return table_of_matrix(l, x, 2, out, err);
}

/* --- OneVsOneClassifier --- */

/* Votes and a part of the summed confidences that stays below a third: (n, classes); of two
 * classes the second's (n, 1). */
static enum status one_one_scores(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct tensor *classes, value_id *scores,
                                  double *threshold, struct error *err)
{
    struct tensor signs, first;
    struct table confidences, winners;
    size_t count, pairs, pair = 0;
    value_id sums, bound, votes, one;
    struct shape shape, vector;

    if (estimator_version(l, self) < 2200)
        return error_set(err, STATUS_UNSUPPORTED, "OneVsOneClassifier of versions before 0.22");
    if (!pickle_is_none(pickle_get(self, "pairwise_indices_")))
        return state_error(err, "pairwise_indices_", "is not None");
    TRY(state_labels(l, self, "classes_", classes, err));
    TRY(lower_binary_scores(l, self, in, &confidences, threshold, err));
    count = tensor_count(classes);
    pairs = confidences.count;
    if (count < 2 || pairs != count * (count - 1) / 2)
        return state_error(err, "estimators_", "are %zu for %zu classes", pairs, count);
    shape = SHAPE((int64_t)count, (int64_t)pairs);
    vector = SHAPE((int64_t)count);
    TRY(tensor_new(&signs, DTYPE_F64, &shape, l->keep, err));
    TRY(tensor_new(&first, DTYPE_F64, &vector, l->keep, err));
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++, pair++) {
            ((double *)signs.data)[i * pairs + pair] = -1;
            ((double *)signs.data)[j * pairs + pair] = 1;
            ((double *)first.data)[i] += 1;
        }
    TRY(lower_members(l, "estimator", self, METHOD_PREDICT, in, &winners, err)); /* 0 or 1 */
    TRY(table_matrix(l, &winners, CHECK_NONE, &votes, err));
    TRY(emit_linear(l, votes, &signs, &first, scores, err));
    TRY(table_matrix(l, &confidences, CHECK_NONE, &sums, err));
    TRY(emit_linear(l, sums, &signs, NULL, &sums, err));
    TRY(emit_1(&l->e, "Abs", sums, &bound, err));
    TRY(emit_scalar(l, 1, &one, err));
    TRY(emit_2(&l->e, "Add", bound, one, &bound, err));
    TRY(emit_scaled(l, "Mul", bound, 3, &bound, err));
    TRY(emit_2(&l->e, "Div", sums, bound, &sums, err));
    TRY(emit_2(&l->e, "Add", *scores, sums, scores, err));
    return count == 2 ? emit_slice(&l->e, *scores, 1, 1, 2, 1, scores, err) : STATUS_OK;
}

static enum status one_one_decision(struct lowering *l, const struct pickle_object *self,
                                    const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    double threshold;
    value_id x;

    TRY(one_one_scores(l, self, in, &classes, &x, &threshold, err));
    if (tensor_count(&classes) != 2)
        return predict_columns(l, &classes, x, out, err);
    return predict_numbers(l, x, 1, true, out, err);
}

static enum status one_one_predict(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    double threshold;
    value_id x;

    TRY(one_one_scores(l, self, in, &classes, &x, &threshold, err));
    if (tensor_count(&classes) != 2)
        return predict_argmax(l, &classes, x, out, err);
    TRY(emit_scaled(l, "Sub", x, threshold, &x, err));
    return predict_sign(l, &classes, x, out, err);
}

/* --- OutputCodeClassifier --- */

/* The class whose code is nearest to what the estimators say. */
static enum status code_predict(struct lowering *l, const struct pickle_object *self,
                                const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes, codes;
    struct table scores;
    double ignored;
    value_id x;

    TRY(state_labels(l, self, "classes_", &classes, err));
    TRY(lower_binary_scores(l, self, in, &scores, &ignored, err));
    TRY(state_matrix(l, self, "code_book_", (int64_t)tensor_count(&classes), (int64_t)scores.count,
                     &codes, err));
    TRY(table_matrix(l, &scores, CHECK_NONE, &x, err));
    TRY(emit_partial_distances(l, x, &codes, &x, err));
    TRY(emit_nearest(l, x, &x, err));
    return predict_labels(l, &classes, x, out, err);
}

const struct estimator_set estimators_multiclass = ESTIMATOR_SET(
    {.name = "OneVsOneClassifier",
     .first = ensemble_first,
     .predict = one_one_predict,
     .decision_function = one_one_decision},
    {.name = "OutputCodeClassifier", .first = ensemble_first, .predict = code_predict},
    {.name = "_ConstantPredictor",
     .predict = constant_say,
     .predict_proba = constant_proba,
     .decision_function = constant_say});
