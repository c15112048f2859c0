// SPDX-License-Identifier: Apache-2.0
/* FLAML's wrappers: a normalizer, where there is one, then the model that was found. */
#include "importers/sklearn/internal.h"

static enum status found(struct lowering *l, const struct pickle_object *self, enum method method,
                         const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *normalizer = pickle_get(self, "normalizer");
    struct table normal = *in;

    if (!pickle_is_none(normalizer))
        TRY(estimator_lower(l, "normalizer", normalizer, METHOD_TRANSFORM, in, &normal, err));
    return estimator_lower(l, "_model", pickle_get(self, "_model"), method, &normal, out, err);
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
    return estimator_has(pickle_get(self, "_model"), method);
}

static const struct pickle_object *first(const struct pickle_object *self)
{
    return pickle_get(self, "_model");
}

#define FLAML(class_name)                                                                          \
    {                                                                                              \
        .name = class_name, .package = "flaml", .predict = predict,                                \
        .predict_proba = predict_proba, .has = has, .first = first                                 \
    }

const struct estimator_set estimators_flaml =
    ESTIMATOR_SET(FLAML("RandomForestEstimator"), FLAML("ExtraTreesEstimator"),
                  FLAML("LRL1Classifier"), FLAML("LRL2Classifier"), FLAML("KNeighborsEstimator"),
                  FLAML("SVCEstimator"), FLAML("SGDEstimator"), FLAML("ElasticNetEstimator"),
                  FLAML("LassoLarsEstimator"), FLAML("HistGradientBoostingEstimator"));
