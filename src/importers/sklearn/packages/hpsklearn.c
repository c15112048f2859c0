// SPDX-License-Identifier: Apache-2.0
/* hyperopt-sklearn: the preprocessing that was found best, then the learner. */
#include "importers/sklearn/internal.h"

static enum status found(struct lowering *l, const struct pickle_object *self, enum method method,
                         const struct table *in, struct table *out, struct error *err)
{
    struct table table = *in, next;
    struct pickle_object **steps;
    size_t count;

    if (pickle_length(pickle_get(self, "_best_ex_preprocs")))
        return state_error(err, "_best_ex_preprocs", "take inputs of their own");
    TRY(state_list(l, self, "_best_preprocs", &steps, &count, err));
    for (size_t i = 0; i < count; i++) {
        TRY(lower_item(l, "preprocessing", i, steps[i], METHOD_TRANSFORM, &table, &next, err));
        table = next;
    }
    return estimator_lower(l, "learner", pickle_get(self, "_best_learner"), method, &table, out,
                           err);
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
    return estimator_has(pickle_get(self, "_best_learner"), method);
}

static const struct pickle_object *first(const struct pickle_object *self)
{
    const struct pickle_object *steps = pickle_get(self, "_best_preprocs");

    return pickle_length(steps) ? pickle_item(steps, 0) : pickle_get(self, "_best_learner");
}

const struct estimator_set estimators_hpsklearn = ESTIMATOR_SET({.name = "hyperopt_estimator",
                                                                 .package = "hpsklearn",
                                                                 .predict = predict,
                                                                 .predict_proba = predict_proba,
                                                                 .has = has,
                                                                 .first = first});
