// SPDX-License-Identifier: Apache-2.0
/* Estimators fed by other estimators: Stacking, chains, several outputs, one against the rest,
 * transformed targets. */
#include "importers/sklearn/internal.h"

#include "base/text.h"

/* The score of a classifier with two classes, the second probability where it has no
 * decision_function; what a regressor predicts. */
static enum status binary_score(struct lowering *l, size_t index, const struct pickle_object *item,
                                const struct table *in, struct table *out, struct error *err)
{
    if (estimator_has(item, METHOD_DECISION_FUNCTION))
        return lower_item(l, "estimator", index, item, METHOD_DECISION_FUNCTION, in, out, err);
    if (!estimator_has(item, METHOD_PREDICT_PROBA))
        return lower_item(l, "estimator", index, item, METHOD_PREDICT, in, out, err);
    TRY(lower_item(l, "estimator", index, item, METHOD_PREDICT_PROBA, in, out, err));
    return second_column(l, out, err);
}

/* estimators_, and a table for what each says. */
struct members {
    struct pickle_object **estimators;
    struct table *parts;
    size_t count;
};

static enum status members_init(struct lowering *l, const struct pickle_object *self,
                                struct members *m, struct error *err)
{
    TRY(state_list(l, self, "estimators_", &m->estimators, &m->count, err));
    m->parts = arena_new(l->keep, struct table, m->count);
    return m->parts ? STATUS_OK : error_no_memory(err, "tables");
}

enum status lower_binary_scores(struct lowering *l, const struct pickle_object *self,
                                const struct table *in, struct table *out, double *threshold,
                                struct error *err)
{
    struct members m;

    *threshold = 0.5;
    TRY(members_init(l, self, &m, err));
    for (size_t i = 0; i < m.count; i++) {
        TRY(binary_score(l, i, m.estimators[i], in, &m.parts[i], err));
        TRY(table_expect(&m.parts[i], 1, err));
        *threshold = estimator_has(m.estimators[i], METHOD_DECISION_FUNCTION) ? 0 : 0.5;
    }
    return table_join(l, m.parts, m.count, out, err);
}

enum status lower_members(struct lowering *l, const char *what, const struct pickle_object *self,
                          enum method method, const struct table *in, struct table *out,
                          struct error *err)
{
    struct members m;

    TRY(members_init(l, self, &m, err));
    for (size_t i = 0; i < m.count; i++) {
        TRY(lower_item(l, what, i, m.estimators[i], method, in, &m.parts[i], err));
        if (method == METHOD_PREDICT_PROBA)
            TRY(second_column(l, &m.parts[i], err));
        TRY(table_expect(&m.parts[i], 1, err));
    }
    return table_join(l, m.parts, m.count, out, err);
}

/* --- Stacking --- */

static bool method_named(const struct pickle_object *name, enum method *method)
{
    for (int m = 0; m < METHOD_COUNT; m++)
        if (pickle_text_is(name, method_name((enum method)m))) {
            *method = (enum method)m;
            return true;
        }
    return false;
}

static enum status stack_transform(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct table *out, struct error *err)
{
    struct pickle_object **estimators, **methods;
    size_t count, method_count, classes = pickle_length(pickle_get(self, "classes_"));
    struct tensor labels;
    struct table *parts;
    enum method method;
    bool passthrough;

    if (pickle_get(self, "classes_")) {
        TRY(state_labels(l, self, "classes_", &labels, err));
        classes = tensor_count(&labels);
    }
    TRY(state_bool(self, "passthrough", false, &passthrough, err));
    TRY(state_list(l, self, "estimators_", &estimators, &count, err));
    TRY(state_list(l, self, "stack_method_", &methods, &method_count, err));
    if (count != method_count)
        return state_error(err, "stack_method_", "does not fit the estimators");
    parts = arena_new(l->keep, struct table, count + 1);
    if (!parts)
        return error_no_memory(err, "tables");
    for (size_t i = 0; i < count; i++) {
        if (!method_named(methods[i], &method))
            return state_error(err, "stack_method_", "names a method that firn does not know");
        TRY(lower_item(l, "estimator", i, estimators[i], method, in, &parts[i], err));
        if (method == METHOD_PREDICT_PROBA && classes == 2)
            TRY(second_column(l, &parts[i], err));
    }
    if (passthrough)
        parts[count] = *in;
    return table_join(l, parts, count + passthrough, out, err);
}

static enum status stack_final(struct lowering *l, const struct pickle_object *self,
                               enum method method, const struct table *in, struct table *out,
                               struct error *err)
{
    struct table meta;

    TRY(estimator_lower(l, NULL, self, METHOD_TRANSFORM, in, &meta, err));
    return estimator_lower(l, "final estimator", pickle_get(self, "final_estimator_"), method,
                           &meta, out, err);
}

/* The final estimator was fitted on codes of the classes. */
static enum status stack_classify(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    struct table coded;
    value_id index;

    TRY(state_labels(l, self, "classes_", &classes, err));
    TRY(stack_final(l, self, METHOD_PREDICT, in, &coded, err));
    TRY(table_vector(l, &coded, 0, DTYPE_F64, &index, err));
    TRY(emit_cast(&l->e, index, DTYPE_I64, &index, err));
    return predict_labels(l, &classes, index, out, err);
}

static enum status stack_regress(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    return stack_final(l, self, METHOD_PREDICT, in, out, err);
}

/* The same, with the labels that the codes stand for. */
static enum status stack_labelled(struct lowering *l, const struct pickle_object *self,
                                  enum method method, const struct table *in, struct table *out,
                                  struct error *err)
{
    struct tensor *classes = arena_new(l->keep, struct tensor, 1);

    if (!classes)
        return error_no_memory(err, "labels");
    TRY(state_labels(l, self, "classes_", classes, err));
    TRY(stack_final(l, self, method, in, out, err));
    if (out->classes && tensor_count(out->classes) == tensor_count(classes))
        out->classes = classes;
    return STATUS_OK;
}

static enum status stack_proba(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, struct table *out, struct error *err)
{
    return stack_labelled(l, self, METHOD_PREDICT_PROBA, in, out, err);
}

static enum status stack_decision(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct table *out, struct error *err)
{
    return stack_labelled(l, self, METHOD_DECISION_FUNCTION, in, out, err);
}

static bool stack_has(const struct pickle_object *self, enum method method)
{
    return method == METHOD_PREDICT || method == METHOD_TRANSFORM ||
           estimator_has(pickle_get(self, "final_estimator_"), method);
}

/* --- several outputs --- */

static enum status multi_predict(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    return lower_members(l, "output", self, METHOD_PREDICT, in, out, err);
}

/* One column: what a link says by this method, of two probabilities the second. */
static enum status link_say(struct lowering *l, const struct pickle_object *estimator, size_t index,
                            enum method method, const struct table *in, struct table *out,
                            struct error *err)
{
    struct table said;
    value_id x;

    TRY(lower_item(l, "link", index, estimator, method, in, &said, err));
    if (method == METHOD_PREDICT_PROBA)
        TRY(second_column(l, &said, err));
    TRY(table_expect(&said, 1, err));
    TRY(table_matrix(l, &said, CHECK_NONE, &x, err));
    return table_of_matrix(l, x, 1, out, err);
}

/* Each estimator of a chain sees what those before it said, by chain_method_. */
static enum status chain_say(struct lowering *l, const struct pickle_object *self,
                             enum method output, const struct table *in, struct table *out,
                             struct error *err)
{
    const struct pickle_object *named = pickle_get(self, "chain_method_");
    enum method method = METHOD_PREDICT;
    struct pickle_object **estimators;
    struct table *parts, *outputs, joined;
    struct tensor order;
    size_t count, *places;
    value_id x;

    if (named && !method_named(named, &method))
        return state_error(err, "chain_method_", "is not one of the known methods");
    TRY(state_list(l, self, "estimators_", &estimators, &count, err));
    TRY(state_vector(l, self, "order_", (int64_t)count, &order, err));
    parts = arena_new(l->keep, struct table, count + 1);
    outputs = arena_new(l->keep, struct table, count);
    places = arena_new(l->keep, size_t, count);
    if (!parts || !outputs || !places)
        return error_no_memory(err, "tables");
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(table_of_matrix(l, x, in->count, &parts[0], err));
    for (size_t i = 0; i < count; i++) {
        struct table seen;
        double place = tensor_f64(&order, i);

        if (!(place >= 0 && place < (double)count))
            return state_error(err, "order_", "is out of range");
        places[(size_t)place] = i;
        TRY(table_join(l, parts, i + 1, &seen, err));
        TRY(link_say(l, estimators[i], i, method, &seen, &parts[i + 1], err));
        outputs[i] = parts[i + 1];
        if (output != method)
            TRY(link_say(l, estimators[i], i, output, &seen, &outputs[i], err));
    }
    TRY(table_join(l, outputs, count, &joined, err));
    return table_pick(l, &joined, places, count, out, err);
}

static enum status chain_predict(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    return chain_say(l, self, METHOD_PREDICT, in, out, err);
}

static enum status chain_proba(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, struct table *out, struct error *err)
{
    return chain_say(l, self, METHOD_PREDICT_PROBA, in, out, err);
}

static enum status chain_decision(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct table *out, struct error *err)
{
    return chain_say(l, self, METHOD_DECISION_FUNCTION, in, out, err);
}

/* --- OneVsRestClassifier --- */

static enum status rest_classes(struct lowering *l, const struct pickle_object *self,
                                struct tensor *classes, struct error *err)
{
    const struct pickle_object *binarizer = pickle_get(self, "label_binarizer_");
    const struct pickle_object *type = pickle_get(binarizer, "y_type_");

    if (!pickle_text_is(type, "multiclass") && !pickle_text_is(type, "binary"))
        return state_error(err, "label_binarizer_", "several labels at once are not served yet");
    return state_labels(l, binarizer, "classes_", classes, err);
}

static enum status rest_predict(struct lowering *l, const struct pickle_object *self,
                                const struct table *in, struct table *out, struct error *err)
{
    /* Of equal scores the last won until 1.7. */
    struct attribute attributes[] = {
        attribute_of_int("axis", 1), attribute_of_int("keepdims", 0),
        attribute_of_int("select_last_index", estimator_version(l, self) < 10800)};
    struct tensor classes;
    struct table scores;
    double threshold;
    value_id x, index;

    TRY(rest_classes(l, self, &classes, err));
    TRY(lower_binary_scores(l, self, in, &scores, &threshold, err));
    TRY(table_matrix(l, &scores, CHECK_NONE, &x, err));
    if (scores.count == 1) {
        TRY(emit_scaled(l, "Sub", x, threshold, &x, err));
        return predict_sign(l, &classes, x, out, err);
    }
    TRY(table_expect(&scores, tensor_count(&classes), err));
    TRY(emit(&l->e, "", "ArgMax", &x, 1, attributes, 3, &index, 1, err));
    return predict_labels(l, &classes, index, out, err);
}

static enum status rest_proba(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    struct table scores;
    value_id x;

    TRY(rest_classes(l, self, &classes, err));
    TRY(lower_members(l, "estimator", self, METHOD_PREDICT_PROBA, in, &scores, err));
    TRY(table_matrix(l, &scores, CHECK_NONE, &x, err));
    if (scores.count == 1)
        TRY(emit_both(l, x, &x, err));
    if (estimator_version(l, self) >= 10800)
        TRY(emit_normalised_or(l, x, NULL, &x, err));
    else
        TRY(emit_normalised(l, x, &x, err));
    return predict_columns(l, &classes, x, out, err);
}

static enum status rest_decision(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    struct table scores;
    value_id x;

    TRY(rest_classes(l, self, &classes, err));
    TRY(lower_members(l, "estimator", self, METHOD_DECISION_FUNCTION, in, &scores, err));
    TRY(table_matrix(l, &scores, CHECK_NONE, &x, err));
    if (scores.count == 1)
        return predict_numbers(l, x, 1, true, out, err);
    return predict_columns(l, &classes, x, out, err);
}

static bool rest_has(const struct pickle_object *self, enum method method)
{
    return method == METHOD_PREDICT ||
           estimator_has(pickle_item(pickle_get(self, "estimators_"), 0), method);
}

/* --- TransformedTargetRegressor --- */

static enum status undo(struct lowering *l, const struct pickle_object *transformer, size_t width,
                        value_id *x, struct error *err)
{
    const struct pickle_object *function = pickle_get(transformer, "inverse_func");
    struct tensor scale, center;
    value_id constant;

    if (pickle_is(transformer, "sklearn", "FunctionTransformer"))
        return pickle_is_none(function) ? STATUS_OK : emit_ufunc(l, function, *x, x, err);
    if (pickle_is(transformer, "sklearn", "StandardScaler")) {
        bool on;

        TRY(state_bool(transformer, "with_std", true, &on, err));
        if (on) {
            TRY(state_vector(l, transformer, "scale_", (int64_t)width, &scale, err));
            TRY(emit_constant(&l->e, &scale, &constant, err));
            TRY(emit_2(&l->e, "Mul", *x, constant, x, err));
        }
        TRY(state_bool(transformer, "with_mean", true, &on, err));
        if (on) {
            TRY(state_vector(l, transformer, "mean_", (int64_t)width, &center, err));
            TRY(emit_constant(&l->e, &center, &constant, err));
            TRY(emit_2(&l->e, "Add", *x, constant, x, err));
        }
        return STATUS_OK;
    }
    if (pickle_is(transformer, "sklearn", "MinMaxScaler")) {
        TRY(state_vector(l, transformer, "min_", (int64_t)width, &center, err));
        TRY(emit_constant(&l->e, &center, &constant, err));
        TRY(emit_2(&l->e, "Sub", *x, constant, x, err));
        TRY(state_vector(l, transformer, "scale_", (int64_t)width, &scale, err));
        TRY(emit_constant(&l->e, &scale, &constant, err));
        return emit_2(&l->e, "Div", *x, constant, x, err);
    }
    return state_error(err, "transformer_", "%s is not undone yet", pickle_name(transformer));
}

static enum status transformed_predict(struct lowering *l, const struct pickle_object *self,
                                       const struct table *in, struct table *out, struct error *err)
{
    int64_t dimensions;
    struct table answer;
    value_id x;

    TRY(state_i64(self, "_training_dim", 1, &dimensions, err));
    TRY(estimator_lower(l, "regressor", pickle_get(self, "regressor_"), METHOD_PREDICT, in, &answer,
                        err));
    TRY(table_matrix(l, &answer, CHECK_NONE, &x, err));
    TRY(undo(l, pickle_get(self, "transformer_"), answer.count, &x, err));
    return predict_numbers(l, x, answer.count, answer.count == 1 && dimensions == 1, out, err);
}

static const struct pickle_object *transformed_first(const struct pickle_object *self)
{
    return pickle_get(self, "regressor_");
}

const struct estimator_set estimators_stack = ESTIMATOR_SET(
    {.name = "StackingClassifier",
     .first = ensemble_first,
     .predict = stack_classify,
     .predict_proba = stack_proba,
     .decision_function = stack_decision,
     .transform = stack_transform,
     .has = stack_has},
    {.name = "StackingRegressor",
     .first = ensemble_first,
     .predict = stack_regress,
     .transform = stack_transform},
    {.name = "MultiOutputRegressor", .first = ensemble_first, .predict = multi_predict},
    {.name = "MultiOutputClassifier",
     .first = ensemble_first,
     .predict = multi_predict,
     .predict_proba = lower_unsupported},
    {.name = "RegressorChain", .first = ensemble_first, .predict = chain_predict},
    {.name = "ClassifierChain",
     .first = ensemble_first,
     .predict = chain_predict,
     .predict_proba = chain_proba,
     .decision_function = chain_decision,
     .has = rest_has},
    {.name = "OneVsRestClassifier",
     .first = ensemble_first,
     .predict = rest_predict,
     .predict_proba = rest_proba,
     .decision_function = rest_decision,
     .has = rest_has},
    {.name = "TransformedTargetRegressor",
     .predict = transformed_predict,
     .first = transformed_first});
