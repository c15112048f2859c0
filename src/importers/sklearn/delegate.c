// SPDX-License-Identifier: Apache-2.0
/* Estimators that answer with another one, and steps that matter only while fitting. */
#include "importers/sklearn/internal.h"

/* interpret's linear models: scikit-learn's, when all columns are plain numbers. */
static enum status check_continuous(const struct pickle_object *self, struct error *err)
{
    const struct pickle_object *types = pickle_get(self, "feature_types_in_");

    for (size_t i = 0; i < pickle_length(types); i++)
        if (!pickle_text_is(pickle_item(types, i), "continuous"))
            return state_error(err, "feature_types_in_", "other than 'continuous'");
    return pickle_length(types) ? STATUS_OK : state_error(err, "feature_types_in_", "is missing");
}

static enum status interpret(struct lowering *l, const struct pickle_object *self,
                             enum method method, const struct table *in, struct table *out,
                             struct error *err)
{
    struct table checked;
    value_id x;

    TRY(check_continuous(self, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(table_of_matrix(l, x, in->count, &checked, err));
    return estimator_lower(l, "sk_model_", pickle_get(self, "sk_model_"), method, &checked, out,
                           err);
}

static enum status interpret_predict(struct lowering *l, const struct pickle_object *self,
                                     const struct table *in, struct table *out, struct error *err)
{
    return interpret(l, self, METHOD_PREDICT, in, out, err);
}

static enum status interpret_proba(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct table *out, struct error *err)
{
    return interpret(l, self, METHOD_PREDICT_PROBA, in, out, err);
}

#define SEARCH(class_name)                                                                         \
    {                                                                                              \
        .name = class_name, .inner = "best_estimator_"                                             \
    }
/* Resampling of the training set: a pipeline skips it when it predicts. */
#define SAMPLER(class_name)                                                                        \
    {                                                                                              \
        .name = class_name, .package = "imblearn", .transform = estimator_identity                 \
    }

const struct estimator_set estimators_delegate = ESTIMATOR_SET(
    SEARCH("GridSearchCV"), SEARCH("RandomizedSearchCV"), SEARCH("HalvingGridSearchCV"),
    SEARCH("HalvingRandomSearchCV"), {.name = "FrozenEstimator", .inner = "estimator"},
    {.name = "RANSACRegressor", .inner = "estimator_"},
    {.name = "EstimatorProxy", .package = "sklearn2pmml", .inner = "estimator"},
    {.name = "LogisticRegression",
     .package = "interpret",
     .predict = interpret_predict,
     .predict_proba = interpret_proba},
    {.name = "LinearRegression", .package = "interpret", .predict = interpret_predict},
    {.name = "IdentityTransformer", .package = "sklego", .transform = estimator_identity},
    {.name = "DenseTransformer", .package = "mlxtend", .transform = estimator_identity},
    SAMPLER("RandomOverSampler"), SAMPLER("SMOTE"), SAMPLER("SMOTENC"), SAMPLER("SMOTEN"),
    SAMPLER("ADASYN"), SAMPLER("BorderlineSMOTE"), SAMPLER("KMeansSMOTE"), SAMPLER("SVMSMOTE"),
    SAMPLER("SMOTEENN"), SAMPLER("SMOTETomek"), SAMPLER("RandomUnderSampler"),
    SAMPLER("TomekLinks"), SAMPLER("NearMiss"), SAMPLER("ClusterCentroids"),
    SAMPLER("CondensedNearestNeighbour"), SAMPLER("EditedNearestNeighbours"),
    SAMPLER("RepeatedEditedNearestNeighbours"), SAMPLER("AllKNN"),
    SAMPLER("InstanceHardnessThreshold"), SAMPLER("NeighbourhoodCleaningRule"),
    SAMPLER("OneSidedSelection"));
