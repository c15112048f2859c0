// SPDX-License-Identifier: Apache-2.0
/* What a search found: what it prepares the columns with, then the model. FLAML's wrappers keep a
 * normalizer or None; hyperopt-sklearn a list of steps. */
#include "importers/sklearn/internal.h"

static bool is_flaml(const struct pickle_object *self)
{
    return pickle_is(self, "flaml", pickle_name(self));
}

static const struct pickle_object *model_of(const struct pickle_object *self)
{
    return pickle_get(self, is_flaml(self) ? "_model" : "_best_learner");
}

static enum status prepare(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *normalizer = pickle_get(self, "normalizer");
    struct pickle_object **steps;
    struct table next;
    size_t count;

    *out = *in;
    if (is_flaml(self))
        return pickle_is_none(normalizer)
                   ? STATUS_OK
                   : estimator_lower(l, "normalizer", normalizer, METHOD_TRANSFORM, in, out, err);
    if (pickle_length(pickle_get(self, "_best_ex_preprocs")))
        return state_error(err, "_best_ex_preprocs", "take inputs of their own");
    TRY(state_list(l, self, "_best_preprocs", &steps, &count, err));
    for (size_t i = 0; i < count; i++) {
        TRY(lower_item(l, "preprocessing", i, steps[i], METHOD_TRANSFORM, out, &next, err));
        *out = next;
    }
    return STATUS_OK;
}

static enum status found(struct lowering *l, const struct pickle_object *self, enum method method,
                         const struct table *in, struct table *out, struct error *err)
{
    struct table table;

    TRY(prepare(l, self, in, &table, err));
    return estimator_lower(l, "model", model_of(self), method, &table, out, err);
}

static enum status predict(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    return found(l, self, METHOD_PREDICT, in, out, err);
}

static enum status predict_proba(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    return found(l, self, METHOD_PREDICT_PROBA, in, out, err);
}

static bool has(const struct pickle_object *self, enum method method)
{
    return estimator_has(model_of(self), method);
}

static const struct pickle_object *first(const struct pickle_object *self)
{
    const struct pickle_object *steps = pickle_get(self, "_best_preprocs");

    return pickle_length(steps) ? pickle_item(steps, 0) : model_of(self);
}

#define FOUND(class_name, where)                                                                   \
    {                                                                                              \
        .name = class_name, .package = where, .predict = predict, .predict_proba = predict_proba,  \
        .has = has, .first = first                                                                 \
    }

const struct estimator_set estimators_search = ESTIMATOR_SET(
    FOUND("RandomForestEstimator", "flaml"), FOUND("ExtraTreesEstimator", "flaml"),
    FOUND("LRL1Classifier", "flaml"), FOUND("LRL2Classifier", "flaml"),
    FOUND("KNeighborsEstimator", "flaml"), FOUND("SVCEstimator", "flaml"),
    FOUND("SGDEstimator", "flaml"), FOUND("ElasticNetEstimator", "flaml"),
    FOUND("LassoLarsEstimator", "flaml"), FOUND("HistGradientBoostingEstimator", "flaml"),
    FOUND("hyperopt_estimator", "hpsklearn"));
