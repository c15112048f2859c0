// SPDX-License-Identifier: Apache-2.0
/* From scores to probabilities and decisions: calibration, isotonic regression, thresholds. */
#include "importers/sklearn/internal.h"

#include <string.h>

#include "base/text.h"

/* --- CalibratedClassifierCV --- */

/* Isotonic: a function by points. X_thresholds_ since 0.24, _necessary_X_ before. */
static enum status isotonic(struct lowering *l, const struct pickle_object *self, value_id x,
                            value_id *out, struct error *err)
{
    static const char *const OUTSIDE[] = {"raise", "nan", "clip", NULL};
    const char *names[2] = {"X_thresholds_", "y_thresholds_"};
    struct tensor *points = arena_new(l->keep, struct tensor, 2);
    struct attribute attributes[3];
    size_t outside;

    if (!pickle_get(self, names[0])) {
        names[0] = "_necessary_X_";
        names[1] = "_necessary_y_";
    }
    if (!points)
        return error_no_memory(err, "points");
    TRY(state_choice(self, "out_of_bounds", OUTSIDE, 1, &outside, err));
    TRY(state_vector(l, self, names[0], -1, &points[0], err));
    TRY(state_vector(l, self, names[1], points[0].shape.dims[0], &points[1], err));
    attributes[0] = attribute_of_tensor("x", &points[0]);
    attributes[1] = attribute_of_tensor("y", &points[1]);
    attributes[2] = attribute_of_int("outside", (int64_t)outside);
    return emit(&l->e, "firn", "Interpolate", &x, 1, attributes, 3, out, 1, err);
}

static enum status isotonic_predict(struct lowering *l, const struct pickle_object *self,
                                    const struct table *in, struct table *out, struct error *err)
{
    value_id x;

    TRY(table_expect(in, 1, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(isotonic(l, self, x, &x, err));
    return predict_numbers(l, x, 1, true, out, err);
}

/* expit(-(a * x + b)). */
static enum status sigmoid(struct lowering *l, const struct pickle_object *self, value_id x,
                           value_id *out, struct error *err)
{
    double a, b;

    if (!pickle_to_f64(pickle_get(self, "a_"), &a) || !pickle_to_f64(pickle_get(self, "b_"), &b))
        return state_error(err, "a_", "or b_ is no number");
    TRY(emit_scaled(l, "Mul", x, a, &x, err));
    TRY(emit_scaled(l, "Add", x, b, &x, err));
    TRY(emit_1(&l->e, "Neg", x, &x, err));
    return emit_1(&l->e, "Sigmoid", x, out, err);
}

static enum status calibrate(struct lowering *l, const struct pickle_object *calibrator, value_id x,
                             value_id *out, struct error *err)
{
    if (pickle_is(calibrator, "sklearn", "IsotonicRegression"))
        return isotonic(l, calibrator, x, out, err);
    if (pickle_is(calibrator, "sklearn", "_SigmoidCalibration"))
        return sigmoid(l, calibrator, x, out, err);
    return error_set(err, STATUS_UNSUPPORTED, "calibrator %s is not served yet",
                     pickle_name(calibrator));
}

/* One _CalibratedClassifier: (n, classes) probabilities. */
static enum status calibrated_member(struct lowering *l, const struct pickle_object *self,
                                     const struct pickle_object *member, size_t index,
                                     size_t classes, const struct table *in, value_id *out,
                                     struct error *err)
{
    const struct pickle_object *estimator = pickle_get(member, "estimator");
    const struct pickle_object *list = pickle_get(member, "calibrators");
    struct pickle_object **calibrators;
    struct table scores, *parts;
    struct tensor known;
    size_t count;
    value_id x;

    if (!estimator)
        estimator = pickle_get(member, "base_estimator");
    if (!list)
        list = pickle_get(member, "calibrators_");
    calibrators = pickle_elements(list, &count, l->keep);
    if (!calibrators || count != (classes == 2 ? 1 : classes))
        return state_error(err, "calibrators", "do not fit %zu classes", classes);
    if (pickle_get(estimator, "classes_") &&
        (labels_of(l, pickle_get(estimator, "classes_"), &known, err) ||
         tensor_count(&known) != classes))
        return state_error(err, "classes_", "of the calibrated estimator lacks some");
    if (estimator_has(estimator, METHOD_DECISION_FUNCTION)) {
        TRY(lower_item(l, "estimator", index, estimator, METHOD_DECISION_FUNCTION, in, &scores,
                       err));
    } else {
        TRY(lower_item(l, "estimator", index, estimator, METHOD_PREDICT_PROBA, in, &scores, err));
        if (classes == 2)
            TRY(second_column(l, &scores, err));
    }
    TRY(table_expect(&scores, count, err));
    parts = arena_new(l->keep, struct table, count);
    if (!parts)
        return error_no_memory(err, "tables");
    for (size_t c = 0; c < count; c++) {
        struct table single;

        TRY(table_pick(l, &scores, &c, 1, &single, err));
        TRY(table_matrix(l, &single, CHECK_FINITE, &x, err));
        TRY(calibrate(l, calibrators[c], x, &x, err));
        TRY(table_of_matrix(l, x, 1, &parts[c], err));
    }
    TRY(table_join(l, parts, count, &scores, err));
    TRY(table_matrix(l, &scores, CHECK_NONE, &x, err));
    if (classes == 2)
        return emit_both(l, x, out, err);
    (void)self;
    {
        double share = 1.0 / (double)classes;

        return emit_normalised_or(l, x, &share, out, err);
    }
}

/* Probabilities that exceed 1 by rounding are 1. */
static enum status limit_to_one(struct lowering *l, value_id p, value_id *out, struct error *err)
{
    value_id one, above, low, high, some;

    TRY(emit_scalar(l, 1, &one, err));
    TRY(emit_scalar(l, 1.0 + 1e-5, &above, err));
    TRY(emit_2(&l->e, "Less", one, p, &low, err));
    TRY(emit_2(&l->e, "LessOrEqual", p, above, &high, err));
    TRY(emit_2(&l->e, "And", low, high, &some, err));
    return emit_where(&l->e, some, one, p, out, err);
}

static enum status calibrated_proba(struct lowering *l, const struct pickle_object *self,
                                    const struct table *in, struct table *out, struct error *err)
{
    struct pickle_object **members;
    value_id sum = VALUE_NONE, x;
    struct tensor classes;
    size_t count;

    TRY(state_labels(l, self, "classes_", &classes, err));
    TRY(state_list(l, self, "calibrated_classifiers_", &members, &count, err));
    if (tensor_count(&classes) < 2 || count == 0)
        return state_error(err, "calibrated_classifiers_", "do not fit the classes");
    for (size_t i = 0; i < count; i++) {
        TRY(calibrated_member(l, self, members[i], i, tensor_count(&classes), in, &x, err));
        TRY(limit_to_one(l, x, &x, err));
        if (sum == VALUE_NONE)
            sum = x;
        else
            TRY(emit_2(&l->e, "Add", sum, x, &sum, err));
    }
    TRY(emit_scaled(l, "Div", sum, (double)count, &sum, err));
    return predict_columns(l, &classes, sum, out, err);
}

static const struct pickle_object *calibrated_first(const struct pickle_object *self)
{
    const struct pickle_object *member =
        pickle_item(pickle_get(self, "calibrated_classifiers_"), 0);
    const struct pickle_object *estimator = pickle_get(member, "estimator");

    return estimator ? estimator : pickle_get(member, "base_estimator");
}

/* --- thresholds --- */

/* Whether the positive class is the last one: what scorers take when they are not told. */
static enum status check_positive(struct lowering *l, const struct pickle_object *self,
                                  const struct tensor *classes, struct error *err)
{
    const struct pickle_object *scorer = pickle_get(self, "_curve_scorer");
    const struct pickle_object *label = pickle_get(self, "pos_label");
    struct tensor last;

    if (scorer) {
        /* These take pos_label=1 when nobody says otherwise; others take none. */
        static const char *const WITH_ONE[] = {"f1_score", "precision_score", "recall_score",
                                               "jaccard_score", "fbeta_score"};
        const char *name = pickle_name(pickle_get(scorer, "_score_func"));

        label = pickle_get(pickle_get(scorer, "_kwargs"), "pos_label");
        for (size_t i = 0; !label && i < ARRAY_COUNT(WITH_ONE); i++)
            if (strcmp(name, WITH_ONE[i]) == 0 &&
                (classes->dtype != DTYPE_I64 || tensor_i64(classes, 1) != 1))
                return state_error(err, "scoring", "'%s' with other classes than 0 and 1", name);
    }
    if (pickle_is_none(label))
        return STATUS_OK;
    last = (struct tensor){classes->dtype, shape_scalar(),
                           (char *)classes->data + dtype_size(classes->dtype)};
    (void)l;
    if (classes->dtype == DTYPE_STRING
            ? label->kind != PICKLE_TEXT || !bytes_equal(label->bytes, *(struct bytes *)last.data)
            : !(label->kind == PICKLE_INT && label->integer == (int64_t)tensor_f64(&last, 0)))
        return state_error(err, "pos_label", "other than the last class is not served yet");
    return STATUS_OK;
}

static enum status threshold_predict(struct lowering *l, const struct pickle_object *self,
                                     const struct table *in, struct table *out, struct error *err)
{
    static const char *const METHODS[] = {"auto", "predict_proba", "decision_function", NULL};
    const struct pickle_object *estimator = pickle_get(self, "estimator_");
    const struct pickle_object *stored = pickle_get(self, "best_threshold_");
    struct tensor classes;
    struct table scores;
    double threshold;
    value_id x, above, index, limit;
    size_t method;
    bool proba;

    TRY(state_choice(self, "response_method", METHODS, 0, &method, err));
    proba = method == 1 || (method == 0 && estimator_has(estimator, METHOD_PREDICT_PROBA));
    TRY(estimator_lower(l, "estimator", estimator,
                        proba ? METHOD_PREDICT_PROBA : METHOD_DECISION_FUNCTION, in, &scores, err));
    if (proba)
        TRY(second_column(l, &scores, err));
    TRY(state_labels(l, estimator, "classes_", &classes, err));
    if (tensor_count(&classes) != 2)
        return state_error(err, "classes_", "are not two");
    TRY(check_positive(l, self, &classes, err));
    if (!stored)
        stored = pickle_get(self, "threshold");
    threshold = proba ? 0.5 : 0;
    if (!pickle_text_is(stored, "auto") && !pickle_to_f64(stored, &threshold))
        return state_error(err, "threshold", "is no number");
    TRY(table_vector(l, &scores, 0, DTYPE_F64, &x, err));
    TRY(emit_scalar(l, threshold, &limit, err));
    TRY(emit_2(&l->e, "GreaterOrEqual", x, limit, &above, err));
    TRY(emit_cast(&l->e, above, DTYPE_I64, &index, err));
    return predict_labels(l, &classes, index, out, err);
}

const struct estimator_set estimators_calibrate = ESTIMATOR_SET(
    {.name = "CalibratedClassifierCV",
     .predict = classify_by_proba,
     .predict_proba = calibrated_proba,
     .first = calibrated_first},
    {.name = "IsotonicRegression",
     .predict = isotonic_predict,
     .transform = isotonic_predict,
     .columns = 1},
    {.name = "TunedThresholdClassifierCV", .predict = threshold_predict, .inner = "estimator_"},
    {.name = "FixedThresholdClassifier", .predict = threshold_predict, .inner = "estimator_"});
