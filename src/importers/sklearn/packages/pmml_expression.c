// SPDX-License-Identifier: Apache-2.0
/* sklearn2pmml's estimators whose answers are expressions. */
#include "importers/sklearn/distance.h"
#include "importers/sklearn/packages/expression.h"

#include <string.h>

/* An expression of text, or an Expression with functions: (n, 1). */
static enum status evaluate(struct lowering *l, const struct pickle_object *expression,
                            const struct table *in, value_id *y, struct error *err)
{
    const struct pickle_object *functions = pickle_get(expression, "function_defs");
    struct table out;

    if (pickle_is(expression, "sklearn2pmml", "Expression"))
        expression = pickle_get(expression, "expr");
    else
        functions = NULL;
    if (!expression || expression->kind != PICKLE_TEXT)
        return state_error(err, "expr", "is no text");
    TRY(expression_with_functions(l, expression->bytes, functions, in, &out, err));
    if (out.columns[0].dtype == DTYPE_STRING)
        return state_error(err, "expr", "gives text where a number is needed");
    return table_matrix(l, &out, CHECK_NONE, y, err);
}

static enum status regress(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    static const char *const METHODS[] = {"none", "exp", NULL};
    size_t method;
    value_id y;

    TRY(state_choice(self, "normalization_method", METHODS, 0, &method, err));
    TRY(evaluate(l, pickle_get(self, "expr"), in, &y, err));
    if (method == 1)
        TRY(emit_1(&l->e, "Exp", y, &y, err));
    return predict_numbers(l, y, 1, true, out, err);
}

/* The expression of a class; NULL: it has none. */
static const struct pickle_object *expression_of(const struct pickle_object *expressions,
                                                 const struct tensor *classes, size_t index)
{
    for (size_t i = 0; i < pickle_length(expressions); i++) {
        const struct pickle_object *key = expressions->items[2 * i];
        double number;

        if (classes->dtype == DTYPE_STRING
                ? key->kind == PICKLE_TEXT &&
                      bytes_equal(key->bytes, ((const struct bytes *)classes->data)[index])
                : key->kind != PICKLE_TEXT && pickle_to_f64(key, &number) &&
                      number == tensor_f64(classes, index))
            return expressions->items[2 * i + 1];
    }
    return NULL;
}

/* (n, k): one column for each class that has an expression; *first is the first such class. */
static enum status scores(struct lowering *l, const struct pickle_object *self,
                          const struct tensor *classes, const struct table *in, size_t *count,
                          size_t *first, value_id *y, struct error *err)
{
    const struct pickle_object *expressions = pickle_get(self, "class_exprs");
    value_id *parts = arena_new(l->keep, value_id, tensor_count(classes));
    struct attribute axis = attribute_of_int("axis", 1);

    if (!parts)
        return error_no_memory(err, "classes");
    if (!expressions || expressions->kind != PICKLE_DICT)
        return state_error(err, "class_exprs", "is no dict");
    *count = 0;
    for (size_t i = 0; i < tensor_count(classes); i++) {
        const struct pickle_object *expression = expression_of(expressions, classes, i);

        if (!expression)
            continue;
        if (*count == 0)
            *first = i;
        TRY(evaluate(l, expression, in, &parts[(*count)++], err));
    }
    if (*count == 0 || *count != pickle_length(expressions))
        return state_error(err, "class_exprs", "do not fit the classes");
    return emit(&l->e, "", "Concat", parts, *count, &axis, 1, y, 1, err);
}

/* Of the one class that has an expression; `first`: it is the first of two. */
static enum status of_two(struct lowering *l, bool logit, bool first, value_id x, value_id *y,
                          struct error *err)
{
    value_id rest;

    if (logit)
        TRY(emit_1(&l->e, "Sigmoid", x, &x, err));
    else
        TRY(emit_clip(&l->e, x, 0, 1, &x, err));
    if (!first)
        return emit_both(l, x, y, err);
    TRY(emit_one_minus(&l->e, x, &rest, err));
    return emit_concat(&l->e, EMIT(x, rest), 1, y, err);
}

static enum status probabilities(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    static const char *const METHODS[] = {"none", "logit", "simplemax", "softmax", NULL};
    size_t method, count = 0, first = 0, all;
    struct tensor classes;
    value_id x, y;

    TRY(state_choice(self, "normalization_method", METHODS, 0, &method, err));
    TRY(state_labels(l, self, "classes_", &classes, err));
    TRY(scores(l, self, &classes, in, &count, &first, &x, err));
    all = tensor_count(&classes);
    if (method < 2 && all == 2 && count == 1)
        TRY(of_two(l, method == 1, first == 0, x, &y, err));
    else if (method == 2 && count == all)
        TRY(emit_unit_rows(l, x, NORM_L1, 0, &y, err));
    else if (method == 3 && count == all)
        TRY(emit_softmax(l, x, &y, err));
    else
        return state_error(err, "normalization_method", "with %zu expressions for %zu classes",
                           count, all);
    return predict_columns(l, &classes, y, out, err);
}

const struct estimator_set estimators_pmml_expression =
    ESTIMATOR_SET({.name = "ExpressionRegressor", .package = "sklearn2pmml", .predict = regress},
                  {.name = "ExpressionClassifier",
                   .package = "sklearn2pmml",
                   .predict = classify_by_proba,
                   .predict_proba = probabilities});
