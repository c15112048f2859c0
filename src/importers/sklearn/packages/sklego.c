// SPDX-License-Identifier: Apache-2.0
/* scikit-lego: estimators as transformers, ordinal classification. */
#include "importers/sklearn/trees.h"

static enum status as_transformer(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *function = pickle_get(self, "predict_func");
    struct table checked = *in;
    bool several, check;
    value_id x;

    TRY(state_bool(self, "multi_output_", false, &several, err));
    TRY(state_bool(self, "check_input", false, &check, err));
    if (check) {
        TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
        TRY(table_of_matrix(l, x, in->count, &checked, err));
    }
    TRY(function_lower(l, "estimator_", pickle_get(self, "estimator_"), function, &checked, out,
                       err));
    /* (n, k) becomes (n * k, 1): rows that no other step fits to */
    if (!several && out->count != 1)
        return state_error(err, "predict_func", "answers with %zu columns", out->count);
    return STATUS_OK;
}

static const struct pickle_object *inner(const struct pickle_object *self)
{
    return pickle_get(self, "estimator_");
}

/* The second probability of each of the classifiers "is at most class i". */
static enum status at_most(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, size_t classes, value_id *x, struct error *err)
{
    const struct pickle_object *estimators = pickle_get(self, "estimators_");
    struct table *parts, joined;

    if (!estimators || estimators->kind != PICKLE_DICT || estimators->count + 1 != classes)
        return state_error(err, "estimators_", "does not fit %zu classes", classes);
    parts = arena_new(l->keep, struct table, classes);
    if (!parts)
        return error_no_memory(err, "tables");
    for (size_t i = 0; i < estimators->count; i++) {
        TRY(lower_item(l, "estimator", i, estimators->items[2 * i + 1], METHOD_PREDICT_PROBA, in,
                       &parts[i], err));
        TRY(second_column(l, &parts[i], err));
    }
    TRY(table_join(l, parts, estimators->count, &joined, err));
    return table_matrix(l, &joined, CHECK_NONE, x, err);
}

static enum status ordinal_proba(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    struct table checked;
    struct tensor classes;
    value_id x, first, last, low, differences;
    int64_t inner_count;

    TRY(state_labels(l, self, "classes_", &classes, err));
    if (tensor_count(&classes) < 2)
        return state_error(err, "classes_", "are fewer than 2");
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(table_of_matrix(l, x, in->count, &checked, err));
    TRY(at_most(l, self, &checked, tensor_count(&classes), &x, err));
    inner_count = (int64_t)tensor_count(&classes) - 1;
    TRY(emit_slice(&l->e, x, 1, 0, 1, 1, &first, err));
    TRY(emit_slice(&l->e, x, 1, inner_count - 1, inner_count, 1, &last, err));
    TRY(emit_one_minus(&l->e, last, &last, err));
    if (inner_count == 1)
        TRY(emit_concat(&l->e, EMIT(first, last), 1, &x, err));
    else {
        TRY(emit_slice(&l->e, x, 1, 0, inner_count - 1, 1, &low, err));
        TRY(emit_slice(&l->e, x, 1, 1, inner_count, 1, &differences, err));
        TRY(emit_2(&l->e, "Sub", differences, low, &differences, err));
        TRY(emit_concat(&l->e, EMIT(first, differences, last), 1, &x, err));
    }
    return predict_columns(l, &classes, x, out, err);
}

/* Labels for an export to PMML stand beside the codes that predict answers with: which of them are
 * wanted is not said. */
static enum status ordinal_predict(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct table *out, struct error *err)
{
    if (!pickle_is_none(pickle_get(self, "pmml_classes_")))
        return state_error(err, "pmml_classes_", "names other labels than classes_");
    return classify_by_proba(l, self, in, out, err);
}

const struct estimator_set estimators_sklego = ESTIMATOR_SET({.name = "EstimatorTransformer",
                                                              .package = "sklego",
                                                              .transform = as_transformer,
                                                              .first = inner},
                                                             {.name = "OrdinalClassifier",
                                                              .package = "sklego",
                                                              .predict = ordinal_predict,
                                                              .predict_proba = ordinal_proba});
