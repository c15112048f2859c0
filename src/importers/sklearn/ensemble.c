// SPDX-License-Identifier: Apache-2.0
/* Several estimators that vote or are averaged: Voting, Bagging, AdaBoost. */
#include "importers/sklearn/internal.h"

#include <float.h>
#include <math.h>

#include "base/text.h"

/* --- what they share --- */

struct members {
    struct pickle_object **items;
    double *weights; /* (count,) or NULL */
    size_t count;
};

static const char *member_role(struct lowering *l, size_t index)
{
    return arena_printf(l->keep, "estimator %zu", index);
}

static enum status member_lower(struct lowering *l, const struct members *members, size_t index,
                                enum method method, const struct table *in, struct table *out,
                                struct error *err)
{
    const char *role = member_role(l, index);

    if (!role)
        return error_no_memory(err, "a name");
    return estimator_lower(l, role, members->items[index], method, in, out, err);
}

/* sum += term; the first term is the sum. */
static enum status accumulate(struct lowering *l, value_id *sum, value_id term, struct error *err)
{
    if (*sum == VALUE_NONE) {
        *sum = term;
        return STATUS_OK;
    }
    return emit_2(&l->e, "Add", *sum, term, sum, err);
}

/* Predicted labels as rows of a matrix (n, classes): `on` in the column of the label, else `off`.
 */
static enum status emit_votes(struct lowering *l, const struct table *predicted,
                              const struct tensor *classes, double on, double off, value_id *votes,
                              struct error *err)
{
    struct tensor *keys = arena_new(l->keep, struct tensor, 1);
    struct tensor *rows = arena_new(l->keep, struct tensor, 1);
    struct attribute attributes[2];
    size_t count = tensor_count(classes);
    struct shape shape = SHAPE((int64_t)count + 1, (int64_t)count);
    value_id labels;

    if (!keys || !rows)
        return error_no_memory(err, "labels");
    if (classes->dtype == DTYPE_STRING)
        *keys = *classes;
    else
        TRY(numbers_of(l, classes, keys, err));
    TRY(tensor_new(rows, DTYPE_F64, &shape, l->keep, err));
    for (size_t i = 0; i < count * count; i++)
        tensor_set_f64(rows, i, i / count == i % count ? on : off);
    TRY(table_vector(l, predicted, 0, keys->dtype == DTYPE_STRING ? DTYPE_STRING : DTYPE_F64,
                     &labels, err));
    attributes[0] = attribute_of_tensor("keys", keys);
    attributes[1] = attribute_of_tensor("rows", rows);
    return emit(&l->e, "firn", "Lookup", &labels, 1, attributes, 2, votes, 1, err);
}

/* Labels 0 to count - 1: what an ensemble's members were fitted on. */
static enum status codes_of(struct lowering *l, size_t count, struct tensor *codes,
                            struct error *err)
{
    struct shape shape = SHAPE((int64_t)count);

    TRY(tensor_new(codes, DTYPE_I64, &shape, l->keep, err));
    for (size_t i = 0; i < count; i++)
        ((int64_t *)codes->data)[i] = (int64_t)i;
    return STATUS_OK;
}

/* Columns of a member that knows fewer classes into those of all. Its labels are codes. */
static enum status spread(struct lowering *l, value_id x, const struct tensor *known, size_t count,
                          value_id *out, struct error *err)
{
    size_t have = known ? tensor_count(known) : count;
    struct shape shape = SHAPE((int64_t)have, (int64_t)count);
    struct tensor matrix;
    value_id constant;

    *out = x;
    if (have == count)
        return STATUS_OK;
    TRY(tensor_new(&matrix, DTYPE_F64, &shape, l->keep, err));
    for (size_t i = 0; i < have; i++) {
        double at = tensor_f64(known, i);

        if (!(at >= 0 && at < (double)count))
            return error_set(err, STATUS_UNSUPPORTED, "label %g of a member is no code", at);
        tensor_set_f64(&matrix, i * count + (size_t)at, 1);
    }
    TRY(emit_constant(&l->e, &matrix, &constant, err));
    return emit_2(&l->e, "MatMul", x, constant, out, err);
}

/* --- Voting --- */

static enum status voting_members(struct lowering *l, const struct pickle_object *self,
                                  struct members *members, double *total, struct error *err)
{
    const struct pickle_object *weights = pickle_get(self, "weights");
    const struct pickle_object *all = pickle_get(self, "estimators");
    struct tensor tensor;
    size_t used = 0;

    *members = (struct members){0};
    TRY(state_list(l, self, "estimators_", &members->items, &members->count, err));
    *total = (double)members->count;
    if (members->count == 0)
        return state_error(err, "estimators_", "is empty");
    if (pickle_is_none(weights))
        return STATUS_OK;
    TRY(state_vector(l, self, "weights", (int64_t)pickle_length(all), &tensor, err));
    members->weights = arena_new(l->keep, double, members->count);
    if (!members->weights)
        return error_no_memory(err, "weights");
    *total = 0;
    for (size_t i = 0; i < pickle_length(all); i++) {
        const struct pickle_object *estimator = pickle_item(pickle_item(all, i), 1);

        if (pickle_is_none(estimator) || pickle_text_is(estimator, "drop"))
            continue;
        if (used == members->count)
            return state_error(err, "weights", "do not fit the estimators");
        members->weights[used++] = tensor_f64(&tensor, i);
        *total += tensor_f64(&tensor, i);
    }
    return used == members->count ? STATUS_OK
                                  : state_error(err, "weights", "do not fit the estimators");
}

/* The weighted mean of what the members answer; answers are matrices or vectors. */
static enum status voting_mean(struct lowering *l, const struct pickle_object *self,
                               enum method method, const struct table *in, value_id *mean,
                               size_t *width, struct error *err)
{
    struct members members;
    double total;

    TRY(voting_members(l, self, &members, &total, err));
    *mean = VALUE_NONE;
    for (size_t i = 0; i < members.count; i++) {
        struct table answer;
        value_id x;

        TRY(member_lower(l, &members, i, method, in, &answer, err));
        if (i > 0 && answer.count != *width)
            return state_error(err, "estimators_", "answer with %zu and with %zu columns", *width,
                               answer.count);
        *width = answer.count;
        TRY(table_matrix(l, &answer, CHECK_NONE, &x, err));
        if (members.weights)
            TRY(emit_scaled(l, "Mul", x, members.weights[i], &x, err));
        TRY(accumulate(l, mean, x, err));
    }
    return emit_scaled(l, "Div", *mean, total, mean, err);
}

static enum status voting_regress(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct table *out, struct error *err)
{
    value_id mean;
    size_t width;

    TRY(voting_mean(l, self, METHOD_PREDICT, in, &mean, &width, err));
    return predict_numbers(l, mean, width, width == 1, out, err);
}

static enum status voting_classes(struct lowering *l, const struct pickle_object *self,
                                  struct tensor *classes, struct error *err)
{
    const struct pickle_object *encoder = pickle_get(self, "le_");

    return state_labels(l, encoder ? encoder : self, "classes_", classes, err);
}

static enum status voting_proba(struct lowering *l, const struct pickle_object *self,
                                const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id mean;
    size_t width;

    TRY(voting_classes(l, self, &classes, err));
    TRY(voting_mean(l, self, METHOD_PREDICT_PROBA, in, &mean, &width, err));
    if (width != tensor_count(&classes))
        return state_error(err, "estimators_", "know %zu of %zu classes", width,
                           tensor_count(&classes));
    return predict_columns(l, &classes, mean, out, err);
}

static enum status voting_hard(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes, codes;
    struct members members;
    value_id sum = VALUE_NONE;
    double total;

    TRY(voting_classes(l, self, &classes, err));
    TRY(codes_of(l, tensor_count(&classes), &codes, err));
    TRY(voting_members(l, self, &members, &total, err));
    for (size_t i = 0; i < members.count; i++) {
        struct table answer;
        value_id votes;

        TRY(member_lower(l, &members, i, METHOD_PREDICT, in, &answer, err));
        TRY(emit_votes(l, &answer, &codes, members.weights ? members.weights[i] : 1, 0, &votes,
                       err));
        TRY(accumulate(l, &sum, votes, err));
    }
    return predict_argmax(l, &classes, sum, out, err);
}

static enum status voting_classify(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct table *out, struct error *err)
{
    static const char *const KINDS[] = {"hard", "soft", NULL};
    struct tensor classes;
    struct table proba;
    value_id scores;
    size_t kind;

    TRY(state_choice(self, "voting", KINDS, 0, &kind, err));
    if (kind == 0)
        return voting_hard(l, self, in, out, err);
    TRY(voting_classes(l, self, &classes, err));
    TRY(estimator_lower(l, NULL, self, METHOD_PREDICT_PROBA, in, &proba, err));
    TRY(table_matrix(l, &proba, CHECK_NONE, &scores, err));
    return predict_argmax(l, &classes, scores, out, err);
}

/* What each member says, side by side: numbers, codes of labels, or probabilities. */
static enum status voting_transform(struct lowering *l, const struct pickle_object *self,
                                    const struct table *in, struct table *out, struct error *err)
{
    bool soft = pickle_text_is(pickle_get(self, "voting"), "soft"), flat;
    struct members members;
    struct table *answers;
    double ignored;

    TRY(state_bool(self, "flatten_transform", true, &flat, err));
    if (soft && !flat)
        return state_error(err, "flatten_transform", "is False: three dimensions");
    TRY(voting_members(l, self, &members, &ignored, err));
    answers = arena_new(l->keep, struct table, members.count);
    if (!answers)
        return error_no_memory(err, "answers");
    for (size_t i = 0; i < members.count; i++) {
        TRY(member_lower(l, &members, i, soft ? METHOD_PREDICT_PROBA : METHOD_PREDICT, in,
                         &answers[i], err));
        answers[i].classes = NULL;
    }
    return table_join(l, answers, members.count, out, err);
}

static bool voting_has(const struct pickle_object *self, enum method method)
{
    return method != METHOD_PREDICT_PROBA || pickle_text_is(pickle_get(self, "voting"), "soft");
}

/* --- Bagging --- */

/* The columns that a member was fitted on. */
static enum status bagging_columns(struct lowering *l, const struct pickle_object *self,
                                   size_t index, const struct table *in, struct table *out,
                                   struct error *err)
{
    const struct pickle_object *all = pickle_get(self, "estimators_features_");
    struct table all_columns = *in;
    bool whole = true;

    *out = *in;
    if (!all)
        return STATUS_OK;
    if (index >= pickle_length(all))
        return state_error(err, "estimators_features_", "does not fit the estimators");
    TRY(table_select(l, &all_columns, pickle_item(all, index), out, err));
    for (size_t i = 0; i < out->count && out->count == in->count; i++)
        whole = whole && out->columns[i].value == in->columns[i].value &&
                out->columns[i].index == in->columns[i].index;
    if (whole && out->count == in->count)
        *out = *in; /* so that members share what they have in common */
    return STATUS_OK;
}

/* Numbers only: members see an array without names. */
static enum status bagging_input(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    enum check check = estimator_version(l, self) < 2200 ? CHECK_FINITE : CHECK_NONE;
    value_id x;

    TRY(table_matrix(l, in, check, &x, err));
    return table_of_matrix(l, x, in->count, out, err);
}

static enum status bagging_sum(struct lowering *l, const struct pickle_object *self,
                               enum method method, const struct table *in, size_t classes,
                               value_id *sum, size_t *width, struct error *err)
{
    struct members members = {0};
    struct table input;

    TRY(state_list(l, self, "estimators_", &members.items, &members.count, err));
    TRY(bagging_input(l, self, in, &input, err));
    *sum = VALUE_NONE;
    for (size_t i = 0; i < members.count; i++) {
        struct table columns, answer;
        struct tensor codes;
        value_id x;

        TRY(bagging_columns(l, self, i, &input, &columns, err));
        if (method == METHOD_PREDICT_PROBA &&
            !estimator_has(members.items[i], METHOD_PREDICT_PROBA)) {
            TRY(codes_of(l, classes, &codes, err));
            TRY(member_lower(l, &members, i, METHOD_PREDICT, &columns, &answer, err));
            TRY(emit_votes(l, &answer, &codes, 1, 0, &x, err));
            *width = classes;
        } else {
            TRY(member_lower(l, &members, i, method, &columns, &answer, err));
            *width = answer.count;
            TRY(table_matrix(l, &answer, CHECK_NONE, &x, err));
            if (method == METHOD_PREDICT_PROBA) {
                TRY(spread(l, x, answer.classes, classes, &x, err));
                *width = classes;
            }
        }
        TRY(accumulate(l, sum, x, err));
    }
    if (*sum == VALUE_NONE)
        return state_error(err, "estimators_", "is empty");
    return emit_scaled(l, "Div", *sum, (double)members.count, sum, err);
}

static enum status bagging_regress(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct table *out, struct error *err)
{
    value_id mean;
    size_t width;

    TRY(bagging_sum(l, self, METHOD_PREDICT, in, 0, &mean, &width, err));
    return predict_numbers(l, mean, width, width == 1, out, err);
}

static enum status bagging_proba(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id mean;
    size_t width;

    TRY(state_labels(l, self, "classes_", &classes, err));
    TRY(bagging_sum(l, self, METHOD_PREDICT_PROBA, in, tensor_count(&classes), &mean, &width, err));
    return predict_columns(l, &classes, mean, out, err);
}

static enum status bagging_decision(struct lowering *l, const struct pickle_object *self,
                                    const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id mean;
    size_t width;

    TRY(state_labels(l, self, "classes_", &classes, err));
    TRY(bagging_sum(l, self, METHOD_DECISION_FUNCTION, in, 0, &mean, &width, err));
    if (width == 1)
        return predict_numbers(l, mean, 1, true, out, err);
    return predict_columns(l, &classes, mean, out, err);
}

static bool bagging_has(const struct pickle_object *self, enum method method)
{
    struct pickle_object *all = pickle_get(self, "estimators_");

    return method != METHOD_DECISION_FUNCTION || estimator_has(pickle_item(all, 0), method);
}

/* --- AdaBoost --- */

static enum status boost_members(struct lowering *l, const struct pickle_object *self,
                                 struct members *members, double *total, struct error *err)
{
    struct tensor weights;

    *members = (struct members){0};
    *total = 0;
    TRY(state_list(l, self, "estimators_", &members->items, &members->count, err));
    TRY(state_vector(l, self, "estimator_weights_", -1, &weights, err));
    if (members->count == 0 || tensor_count(&weights) < members->count)
        return state_error(err, "estimator_weights_", "does not fit the estimators");
    members->weights = weights.data;
    for (size_t i = 0; i < tensor_count(&weights); i++)
        *total += members->weights[i];
    return STATUS_OK;
}

/* SAMME.R: (k - 1) * (log p - mean over classes of log p), p at least the machine's epsilon. */
static enum status samme_proba(struct lowering *l, value_id p, size_t classes, value_id *out,
                               struct error *err)
{
    int64_t one = 1;
    struct shape shape = shape_of(1, &one);
    value_id axes, sum, low;

    TRY(graph_constant_i64(l->e.graph, &one, &shape, &axes, err));
    TRY(emit_scalar(l, DBL_EPSILON, &low, err));
    TRY(emit_2(&l->e, "Max", p, low, &p, err));
    TRY(emit_1(&l->e, "Log", p, &p, err));
    TRY(emit_2(&l->e, "ReduceSum", p, axes, &sum, err));
    TRY(emit_scaled(l, "Mul", sum, 1.0 / (double)classes, &sum, err));
    TRY(emit_2(&l->e, "Sub", p, sum, &p, err));
    return emit_scaled(l, "Mul", p, (double)classes - 1, out, err);
}

static enum status boost_term(struct lowering *l, const struct pickle_object *self,
                              const struct members *members, size_t index, bool real,
                              const struct tensor *classes, const struct table *in, value_id *term,
                              struct error *err)
{
    size_t count = tensor_count(classes);
    double weight = members->weights[index];
    struct table answer;

    if (real) {
        TRY(member_lower(l, members, index, METHOD_PREDICT_PROBA, in, &answer, err));
        TRY(table_matrix(l, &answer, CHECK_NONE, term, err));
        TRY(table_expect(&answer, count, err));
        return samme_proba(l, *term, count, term, err);
    }
    TRY(member_lower(l, members, index, METHOD_PREDICT, in, &answer, err));
    return emit_votes(l, &answer, classes, weight,
                      estimator_version(l, self) >= 10300 ? -1 / ((double)count - 1) * weight : 0,
                      term, err);
}

/* (n, classes): the sum over members, not yet folded for two classes. */
static enum status boost_scores(struct lowering *l, const struct pickle_object *self,
                                const struct table *in, struct tensor *classes, value_id *scores,
                                struct error *err)
{
    /* The parameter went away with SAMME.R: what is left is SAMME. */
    static const char *const ALGORITHMS[] = {"SAMME", "SAMME.R", "deprecated", NULL};
    struct members members;
    struct table input;
    size_t algorithm;
    double total;
    value_id x;

    TRY(state_labels(l, self, "classes_", classes, err));
    TRY(state_choice(self, "algorithm", ALGORITHMS, 0, &algorithm, err));
    TRY(boost_members(l, self, &members, &total, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(table_of_matrix(l, x, in->count, &input, err));
    if (tensor_count(classes) < 2)
        return state_error(err, "classes_", "has fewer than two classes");
    *scores = VALUE_NONE;
    for (size_t i = 0; i < members.count; i++) {
        value_id term;

        TRY(boost_term(l, self, &members, i, algorithm == 1, classes, &input, &term, err));
        TRY(accumulate(l, scores, term, err));
    }
    return emit_scaled(l, "Div", *scores, total, scores, err);
}

static enum status boost_decision(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes, fold;
    struct shape shape = SHAPE(2, 1);
    value_id scores, constant;

    TRY(boost_scores(l, self, in, &classes, &scores, err));
    if (tensor_count(&classes) > 2)
        return predict_columns(l, &classes, scores, out, err);
    TRY(tensor_new(&fold, DTYPE_F64, &shape, l->keep, err)); /* second minus first */
    tensor_set_f64(&fold, 0, -1);
    tensor_set_f64(&fold, 1, 1);
    TRY(emit_constant(&l->e, &fold, &constant, err));
    TRY(emit_2(&l->e, "MatMul", scores, constant, &scores, err));
    return predict_numbers(l, scores, 1, true, out, err);
}

static enum status boost_classify(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    struct table decided;
    value_id scores;

    TRY(state_labels(l, self, "classes_", &classes, err));
    TRY(estimator_lower(l, NULL, self, METHOD_DECISION_FUNCTION, in, &decided, err));
    TRY(table_matrix(l, &decided, CHECK_NONE, &scores, err));
    if (decided.count == 1)
        return predict_sign(l, &classes, scores, out, err);
    return predict_argmax(l, &classes, scores, out, err);
}

static enum status boost_proba(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, struct table *out, struct error *err)
{
    struct attribute axis = attribute_of_int("axis", 1);
    struct tensor classes;
    struct table decided;
    value_id scores, other;

    if (estimator_version(l, self) < 2200)
        return error_set(err, STATUS_UNSUPPORTED,
                         "predict_proba of versions before 0.22 is not served yet");
    TRY(state_labels(l, self, "classes_", &classes, err));
    TRY(estimator_lower(l, NULL, self, METHOD_DECISION_FUNCTION, in, &decided, err));
    TRY(table_matrix(l, &decided, CHECK_NONE, &scores, err));
    if (decided.count == 1) {
        TRY(emit_scaled(l, "Div", scores, 2, &scores, err));
        TRY(emit_1(&l->e, "Neg", scores, &other, err));
        TRY(emit(&l->e, "", "Concat", (value_id[]){other, scores}, 2, &axis, 1, &scores, 1, err));
    } else {
        TRY(emit_scaled(l, "Div", scores, (double)decided.count - 1, &scores, err));
    }
    TRY(emit_softmax(l, scores, &scores, err));
    return predict_columns(l, &classes, scores, out, err);
}

static enum status boost_regress(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    struct attribute weights;
    struct members members;
    struct table input, *answers, all;
    double total;
    value_id x;

    TRY(boost_members(l, self, &members, &total, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(table_of_matrix(l, x, in->count, &input, err));
    answers = arena_new(l->keep, struct table, members.count);
    if (!answers)
        return error_no_memory(err, "tables");
    for (size_t i = 0; i < members.count; i++)
        TRY(member_lower(l, &members, i, METHOD_PREDICT, &input, &answers[i], err));
    TRY(table_join(l, answers, members.count, &all, err));
    TRY(table_matrix(l, &all, CHECK_NONE, &x, err));
    weights = (struct attribute){.name = "weights",
                                 .kind = ATTRIBUTE_FLOATS,
                                 .count = members.count,
                                 .floats = members.weights};
    TRY(emit(&l->e, "firn", "WeightedMedian", &x, 1, &weights, 1, &x, 1, err));
    return predict_numbers(l, x, 1, true, out, err);
}

const struct estimator_set estimators_ensemble =
    ESTIMATOR_SET({.name = "VotingRegressor",
                   .predict = voting_regress,
                   .transform = voting_transform,
                   .first = ensemble_first},
                  {.name = "VotingClassifier",
                   .predict = voting_classify,
                   .first = ensemble_first,
                   .predict_proba = voting_proba,
                   .transform = voting_transform,
                   .has = voting_has},
                  {.name = "BaggingRegressor", .predict = bagging_regress, .first = ensemble_first},
                  {.name = "BaggingClassifier",
                   .predict = classify_by_proba,
                   .first = ensemble_first,
                   .predict_proba = bagging_proba,
                   .decision_function = bagging_decision,
                   .has = bagging_has},
                  {.name = "AdaBoostRegressor", .predict = boost_regress, .first = ensemble_first},
                  {.name = "AdaBoostClassifier",
                   .predict = boost_classify,
                   .first = ensemble_first,
                   .predict_proba = boost_proba,
                   .decision_function = boost_decision});
