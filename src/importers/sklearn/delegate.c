// SPDX-License-Identifier: Apache-2.0
/* Estimators that answer with another one, and steps that matter only while fitting. */
#include "importers/sklearn/internal.h"

static enum status identity(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    (void)l;
    (void)self;
    (void)err;
    *out = *in;
    return STATUS_OK;
}

#define SEARCH(class_name)                                                                         \
    {                                                                                              \
        .name = class_name, .inner = "best_estimator_"                                             \
    }
/* Resampling of the training set: a pipeline skips it when it predicts. */
#define SAMPLER(class_name)                                                                        \
    {                                                                                              \
        .name = class_name, .package = "imblearn", .transform = identity                           \
    }

/* What does not run here yet, but has methods that its contract lists. */
#define KNOWN(class_name, where, ...)                                                              \
    {                                                                                              \
        .name = class_name, .package = where, __VA_ARGS__                                          \
    }

const struct estimator_set estimators_delegate = ESTIMATOR_SET(
    SEARCH("GridSearchCV"), SEARCH("RandomizedSearchCV"), SEARCH("HalvingGridSearchCV"),
    SEARCH("HalvingRandomSearchCV"), {.name = "FrozenEstimator", .inner = "estimator"},
    {.name = "RANSACRegressor", .inner = "estimator_"},
    {.name = "EstimatorProxy", .package = "sklearn2pmml", .inner = "estimator"},
    SAMPLER("RandomOverSampler"), SAMPLER("SMOTE"), SAMPLER("SMOTENC"), SAMPLER("SMOTEN"),
    SAMPLER("ADASYN"), SAMPLER("BorderlineSMOTE"), SAMPLER("KMeansSMOTE"), SAMPLER("SVMSMOTE"),
    SAMPLER("SMOTEENN"), SAMPLER("SMOTETomek"), SAMPLER("RandomUnderSampler"),
    SAMPLER("TomekLinks"), SAMPLER("NearMiss"), SAMPLER("ClusterCentroids"),
    SAMPLER("CondensedNearestNeighbour"), SAMPLER("EditedNearestNeighbours"),
    SAMPLER("RepeatedEditedNearestNeighbours"), SAMPLER("AllKNN"),
    SAMPLER("InstanceHardnessThreshold"), SAMPLER("NeighbourhoodCleaningRule"),
    SAMPLER("OneSidedSelection"),
    KNOWN("EstimatorChain", "sklearn2pmml", .predict = lower_unsupported),
    KNOWN("Scorecard", "optbinning", .predict = lower_unsupported));
