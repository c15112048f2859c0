// SPDX-License-Identifier: Apache-2.0
/* Selection of columns that were found worth keeping. The mask is what scikit-learn computes from
 * the stored scores. */
#include "importers/sklearn/internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum status keep_mask(struct lowering *l, const struct table *in, const bool *mask,
                             enum check check, struct table *out, struct error *err)
{
    size_t *indices = arena_new(l->keep, size_t, in->count), count = 0;
    struct table checked = *in;
    value_id x;

    if (!indices)
        return error_no_memory(err, "columns");
    for (size_t i = 0; i < in->count; i++)
        if (mask[i])
            indices[count++] = i;
    if (check != CHECK_NONE) { /* all columns are validated, not only those that stay */
        TRY(table_matrix(l, in, check, &x, err));
        TRY(table_of_matrix(l, x, in->count, &checked, err));
    }
    return table_pick(l, &checked, indices, count, out, err);
}

/* A mask that is stored as it is: RFE and RFECV, SelectUnique, SelectorProxy. */
static enum status stored_mask(struct lowering *l, const struct pickle_object *self,
                               const char *name, const struct table *in, enum check check,
                               struct table *out, struct error *err)
{
    bool *mask = arena_new(l->keep, bool, in->count);
    struct tensor tensor;

    if (!mask)
        return error_no_memory(err, "columns");
    TRY(state_vector(l, self, name, (int64_t)in->count, &tensor, err));
    for (size_t i = 0; i < in->count; i++)
        mask[i] = tensor_f64(&tensor, i) != 0;
    return keep_mask(l, in, mask, check, out, err);
}

bool estimator_takes_nan(const struct lowering *l, const struct pickle_object *estimator)
{
    const char *name = pickle_name(estimator);
    int version = estimator_version(l, estimator);

    if (strncmp(name, "HistGradientBoosting", 20) == 0)
        return true;
    if (strncmp(name, "DecisionTree", 12) == 0)
        return version >= 10300;
    return (strncmp(name, "RandomForest", 12) == 0 && version >= 10400) ||
           (strncmp(name, "ExtraTree", 9) == 0 && version >= 10600);
}

static enum status rfe_transform(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    enum check check =
        estimator_takes_nan(l, pickle_get(self, "estimator_")) ? CHECK_NONE : CHECK_FINITE;

    return stored_mask(l, self, "support_", in, check, out, err);
}

/* Other methods: those of the estimator, on the columns that stay. */
static enum status rfe_method(struct lowering *l, const struct pickle_object *self,
                              enum method method, const struct table *in, struct table *out,
                              struct error *err)
{
    struct table chosen;

    TRY(estimator_lower(l, NULL, self, METHOD_TRANSFORM, in, &chosen, err));
    return estimator_lower(l, "estimator", pickle_get(self, "estimator_"), method, &chosen, out,
                           err);
}

#define METHOD(name, method)                                                                       \
    static enum status name(struct lowering *l, const struct pickle_object *self,                  \
                            const struct table *in, struct table *out, struct error *err)          \
    {                                                                                              \
        return rfe_method(l, self, method, in, out, err);                                          \
    }
METHOD(rfe_predict, METHOD_PREDICT)
METHOD(rfe_predict_proba, METHOD_PREDICT_PROBA)
METHOD(rfe_decision, METHOD_DECISION_FUNCTION)
#undef METHOD

static bool rfe_has(const struct pickle_object *self, enum method method)
{
    return method == METHOD_TRANSFORM || estimator_has(pickle_get(self, "estimator_"), method);
}

static enum status proxy(struct lowering *l, const struct pickle_object *self,
                         const struct table *in, struct table *out, struct error *err)
{
    return stored_mask(l, self, "support_mask_", in, CHECK_NONE, out, err);
}

static enum status variance(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    bool *mask = arena_new(l->keep, bool, in->count);
    struct tensor variances;
    double threshold;

    if (!mask)
        return error_no_memory(err, "columns");
    TRY(state_f64(self, "threshold", 0, &threshold, err));
    TRY(state_vector(l, self, "variances_", (int64_t)in->count, &variances, err));
    for (size_t i = 0; i < in->count; i++)
        mask[i] = tensor_f64(&variances, i) > threshold;
    return keep_mask(l, in, mask, estimator_version(l, self) < 2200 ? CHECK_FINITE : CHECK_NONE,
                     out, err);
}

/* --- the best by score; a NaN is the smallest of all --- */

static double clean(double score)
{
    return isnan(score) ? -DBL_MAX : score;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* SelectKBest: the last k of a stable sort by score, so that of equal scores the later wins. */
static enum status largest(struct lowering *l, const struct pickle_object *self,
                           const char *parameter, const struct table *in, struct table *out,
                           struct error *err)
{
    bool *mask = arena_new(l->keep, bool, in->count);
    struct tensor scores;
    int64_t k;

    if (!mask)
        return error_no_memory(err, "columns");
    TRY(state_vector(l, self, "scores_", (int64_t)in->count, &scores, err));
    if (pickle_text_is(pickle_get(self, parameter), "all"))
        k = (int64_t)in->count;
    else
        TRY(state_i64(self, parameter, 10, &k, err));
    for (size_t i = 0; i < in->count; i++) {
        int64_t better = 0;

        for (size_t j = 0; j < in->count; j++)
            better += clean(tensor_f64(&scores, j)) > clean(tensor_f64(&scores, i)) ||
                      (j > i && clean(tensor_f64(&scores, j)) == clean(tensor_f64(&scores, i)));
        mask[i] = better < k;
    }
    return keep_mask(l, in, mask, CHECK_FINITE, out, err);
}

/* numpy.percentile with linear interpolation. */
static double percentile(const double *sorted, size_t count, double percent)
{
    double at = percent / 100 * (double)(count - 1), below = floor(at);
    size_t i = (size_t)below;
    double t = at - below;

    if (i + 1 >= count)
        return sorted[count - 1];
    return t < 0.5 ? sorted[i] + (sorted[i + 1] - sorted[i]) * t
                   : sorted[i + 1] - (sorted[i + 1] - sorted[i]) * (1 - t);
}

static enum status largest_share(struct lowering *l, const struct pickle_object *self,
                                 const char *parameter, const struct table *in, struct table *out,
                                 struct error *err)
{
    bool *mask = arena_new(l->keep, bool, in->count);
    double *sorted = arena_new(l->keep, double, in->count), percent, threshold;
    struct tensor scores;
    int64_t room, taken = 0, ties = 0;

    if (!mask || !sorted)
        return error_no_memory(err, "columns");
    TRY(state_vector(l, self, "scores_", (int64_t)in->count, &scores, err));
    TRY(state_f64(self, parameter, 10, &percent, err));
    if (!(percent >= 0 && percent <= 100))
        return state_error(err, parameter, "is out of range");
    for (size_t i = 0; i < in->count; i++)
        sorted[i] = clean(tensor_f64(&scores, i));
    qsort(sorted, in->count, sizeof *sorted, compare);
    threshold = percentile(sorted, in->count, 100 - percent);
    for (size_t i = 0; i < in->count; i++)
        taken += mask[i] =
            percent >= 100 || (percent > 0 && clean(tensor_f64(&scores, i)) > threshold);
    /* Of those that stand exactly on the threshold, the first fill up (as a Python slice does: a
     * negative room leaves that many of the last out). */
    for (size_t i = 0; i < in->count; i++)
        ties += clean(tensor_f64(&scores, i)) == threshold;
    room = (int64_t)((double)in->count * percent / 100) - taken;
    room = room < 0 ? ties + room : room;
    for (size_t i = 0; percent > 0 && percent < 100 && i < in->count && room > 0; i++)
        if (clean(tensor_f64(&scores, i)) == threshold) {
            mask[i] = true;
            room--;
        }
    return keep_mask(l, in, mask, CHECK_FINITE, out, err);
}

/* --- by how likely a score is by chance --- */

enum chance_rule { FALSE_POSITIVES, FALSE_DISCOVERIES, FAMILY_WISE };

/* The largest p that is kept, and whether p itself is: of Benjamini and Hochberg's rule the largest
 * that is at most its share of alpha. */
static double chance_limit(enum chance_rule rule, double alpha, double *sorted, size_t count,
                           bool *itself)
{
    double limit = -1;

    *itself = rule == FALSE_DISCOVERIES;
    if (rule == FALSE_POSITIVES)
        return alpha;
    if (rule == FAMILY_WISE)
        return alpha / (double)count;
    qsort(sorted, count, sizeof *sorted, compare);
    for (size_t i = 0; i < count; i++)
        if (sorted[i] <= alpha / (double)count * (double)(i + 1))
            limit = sorted[i];
    return limit;
}

static enum status by_chance(struct lowering *l, const struct pickle_object *self,
                             const char *parameter, enum chance_rule rule, const struct table *in,
                             struct table *out, struct error *err)
{
    bool *mask = arena_new(l->keep, bool, in->count), itself;
    double *sorted = arena_new(l->keep, double, in->count), alpha, limit;
    struct tensor p;

    if (!mask || !sorted)
        return error_no_memory(err, "columns");
    TRY(state_vector(l, self, "pvalues_", (int64_t)in->count, &p, err));
    TRY(state_f64(self, parameter, 0.05, &alpha, err));
    for (size_t i = 0; i < in->count; i++) {
        sorted[i] = tensor_f64(&p, i);
        if (isnan(sorted[i])) /* sorted last, and never kept */
            sorted[i] = INFINITY;
    }
    limit = chance_limit(rule, alpha, sorted, in->count, &itself);
    for (size_t i = 0; i < in->count; i++)
        mask[i] = itself ? tensor_f64(&p, i) <= limit : tensor_f64(&p, i) < limit;
    return keep_mask(l, in, mask, CHECK_FINITE, out, err);
}

static enum status k_best(struct lowering *l, const struct pickle_object *self,
                          const struct table *in, struct table *out, struct error *err)
{
    return largest(l, self, "k", in, out, err);
}

static enum status best_percent(struct lowering *l, const struct pickle_object *self,
                                const struct table *in, struct table *out, struct error *err)
{
    return largest_share(l, self, "percentile", in, out, err);
}

static enum status false_positives(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct table *out, struct error *err)
{
    return by_chance(l, self, "alpha", FALSE_POSITIVES, in, out, err);
}

static enum status false_discoveries(struct lowering *l, const struct pickle_object *self,
                                     const struct table *in, struct table *out, struct error *err)
{
    return by_chance(l, self, "alpha", FALSE_DISCOVERIES, in, out, err);
}

static enum status family_wise(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, struct table *out, struct error *err)
{
    return by_chance(l, self, "alpha", FAMILY_WISE, in, out, err);
}

/* GenericUnivariateSelect: one of these, by name. */
static enum status by_mode(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    static const char *const MODES[] = {"percentile", "k_best", "fpr", "fdr", "fwe", NULL};
    static const enum chance_rule RULES[] = {[2] = FALSE_POSITIVES, FALSE_DISCOVERIES, FAMILY_WISE};
    size_t mode;

    TRY(state_choice(self, "mode", MODES, 0, &mode, err));
    if (mode < 2)
        return (mode ? largest : largest_share)(l, self, "param", in, out, err);
    return by_chance(l, self, "param", RULES[mode], in, out, err);
}

/* A column that was kept because it helped a model: SequentialFeatureSelector. */
static enum status sequential(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, struct table *out, struct error *err)
{
    enum check check =
        estimator_takes_nan(l, pickle_get(self, "estimator")) ? CHECK_NONE : CHECK_FINITE;

    return stored_mask(l, self, "support_", in, check, out, err);
}

#define RFE_CLASS(class_name)                                                                      \
    {                                                                                              \
        .name = class_name, .predict = rfe_predict, .predict_proba = rfe_predict_proba,            \
        .decision_function = rfe_decision, .transform = rfe_transform, .has = rfe_has,             \
        .width = "support_"                                                                        \
    }

const struct estimator_set estimators_choose = ESTIMATOR_SET(
    {.name = "VarianceThreshold", .transform = variance, .width = "variances_"},
    {.name = "SelectKBest", .transform = k_best, .width = "scores_"},
    {.name = "SelectPercentile", .transform = best_percent, .width = "scores_"},
    {.name = "SelectFpr", .transform = false_positives, .width = "pvalues_"},
    {.name = "SelectFdr", .transform = false_discoveries, .width = "pvalues_"},
    {.name = "SelectFwe", .transform = family_wise, .width = "pvalues_"},
    {.name = "GenericUnivariateSelect", .transform = by_mode, .width = "scores_"},
    {.name = "SequentialFeatureSelector", .transform = sequential, .width = "support_"},
    RFE_CLASS("RFE"), RFE_CLASS("RFECV"),
    {.name = "SelectorProxy", .package = "sklearn2pmml", .transform = proxy},
    {.name = "SelectUnique", .package = "sklearn2pmml", .transform = proxy});
