// SPDX-License-Identifier: Apache-2.0
/* Estimators that do not look at their input (Dummy), and partial least squares. */
#include "importers/sklearn/internal.h"

/* --- Dummy --- */

static enum status dummy_regress(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    struct tensor row;
    value_id x;

    TRY(state_matrix(l, self, "constant_", 1, -1, &row, err));
    TRY(emit_constant_rows(l, in, &row, &x, err));
    return predict_numbers(l, x, (size_t)row.shape.dims[1], row.shape.dims[1] == 1, out, err);
}

/* Probabilities that do not depend on chance; those of the `best` class alone when `certain`. */
static enum status dummy_row(struct lowering *l, const struct pickle_object *self,
                             struct tensor *classes, struct tensor *row, size_t *best,
                             struct error *err)
{
    static const char *const STRATEGIES[] = {"prior", "most_frequent", "constant", NULL};
    const char *name = pickle_get(self, "_strategy") ? "_strategy" : "strategy";
    const struct pickle_object *constant = pickle_get(self, "constant");
    struct tensor prior, label;
    struct shape shape;
    int64_t outputs;
    size_t strategy, count;

    TRY(state_i64(self, "n_outputs_", 1, &outputs, err));
    if (outputs != 1)
        return state_error(err, "n_outputs_", "other than 1");
    if (!pickle_get(self, name))
        return state_error(err, name, "is missing");
    TRY(state_choice(self, name, STRATEGIES, 0, &strategy, err));
    TRY(state_labels(l, self, "classes_", classes, err));
    count = tensor_count(classes);
    TRY(state_vector(l, self, "class_prior_", (int64_t)count, &prior, err));
    shape = SHAPE(1, (int64_t)count);
    TRY(tensor_new(row, DTYPE_F64, &shape, l->keep, err));
    *best = 0;
    for (size_t i = 1; i < count; i++)
        if (tensor_f64(&prior, i) > tensor_f64(&prior, *best))
            *best = i;
    if (strategy == 2) {
        struct pickle_object list = {.kind = PICKLE_LIST,
                                     .items =
                                         (struct pickle_object *[]){(void *)(uintptr_t)constant},
                                     .count = 1};

        if (pickle_is_none(constant) || labels_of(l, &list, &label, err) ||
            label.dtype != classes->dtype)
            return state_error(err, "constant", "is no label");
        for (*best = 0; *best < count; ++*best)
            if (classes->dtype == DTYPE_STRING
                    ? bytes_equal(((const struct bytes *)classes->data)[*best],
                                  *(const struct bytes *)label.data)
                    : tensor_f64(classes, *best) == tensor_f64(&label, 0))
                break;
        if (*best == count)
            return state_error(err, "constant", "is none of the classes");
    }
    for (size_t i = 0; i < count; i++)
        tensor_set_f64(row, i, strategy == 0 ? tensor_f64(&prior, i) : i == *best);
    return STATUS_OK;
}

static enum status dummy_classify(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes, row, chosen;
    struct shape shape = SHAPE(1);
    size_t best;
    value_id index;

    TRY(dummy_row(l, self, &classes, &row, &best, err));
    TRY(tensor_new(&chosen, DTYPE_I64, &shape, l->keep, err));
    *(int64_t *)chosen.data = (int64_t)best;
    TRY(emit_constant_rows(l, in, &chosen, &index, err));
    return predict_labels(l, &classes, index, out, err);
}

static enum status dummy_proba(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes, row;
    size_t best;
    value_id x;

    TRY(dummy_row(l, self, &classes, &row, &best, err));
    TRY(emit_constant_rows(l, in, &row, &x, err));
    return predict_columns(l, &classes, x, out, err);
}

/* --- partial least squares --- */

/* (x - mean) / std; the attributes had no underscore in front until 0.23. */
static enum status standardize(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, bool scale, value_id *x, struct error *err)
{
    bool hidden = pickle_get(self, "_x_mean") != NULL;
    struct tensor mean, deviation;
    value_id constant;

    TRY(table_matrix(l, in, CHECK_FINITE, x, err));
    TRY(state_vector(l, self, hidden ? "_x_mean" : "x_mean_", (int64_t)in->count, &mean, err));
    TRY(emit_constant(&l->e, &mean, &constant, err));
    TRY(emit_2(&l->e, "Sub", *x, constant, x, err));
    if (!scale)
        return STATUS_OK;
    TRY(state_vector(l, self, hidden ? "_x_std" : "x_std_", (int64_t)in->count, &deviation, err));
    TRY(emit_constant(&l->e, &deviation, &constant, err));
    return emit_2(&l->e, "Div", *x, constant, x, err);
}

static enum status pls_predict(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, struct table *out, struct error *err)
{
    int version = estimator_version(l, self);
    const char *name = version >= 10100 && version < 10300 ? "_coef_" : "coef_";
    struct tensor coef, offset;
    value_id x, constant;
    int64_t outputs;
    bool flat = false;

    if (!version)
        return error_set(err, STATUS_UNSUPPORTED, "the version of scikit-learn is not stored");
    TRY(standardize(l, self, in, version < 10500, &x, err));
    if (version >= 10100) {
        TRY(state_matrix(l, self, name, -1, (int64_t)in->count, &coef, err));
        outputs = coef.shape.dims[0];
        TRY(state_vector(l, self, "intercept_", outputs, &offset, err));
        TRY(emit_linear(l, x, &coef, &offset, &x, err));
    } else {
        TRY(state_matrix(l, self, name, (int64_t)in->count, -1, &coef, err));
        outputs = coef.shape.dims[1];
        TRY(state_vector(l, self, pickle_get(self, "_y_mean") ? "_y_mean" : "y_mean_", outputs,
                         &offset, err));
        TRY(emit_constant(&l->e, &coef, &constant, err));
        TRY(emit_2(&l->e, "MatMul", x, constant, &x, err));
        TRY(emit_constant(&l->e, &offset, &constant, err));
        TRY(emit_2(&l->e, "Add", x, constant, &x, err));
    }
    if (version >= 10300)
        TRY(state_bool(self, "_predict_1d", false, &flat, err));
    return predict_numbers(l, x, (size_t)outputs, flat && outputs == 1, out, err);
}

static enum status pls_weigh(struct lowering *l, const struct pickle_object *self,
                             const struct table *in, const char *name, struct table *out,
                             struct error *err)
{
    struct tensor weights;
    value_id x, constant;

    TRY(standardize(l, self, in, true, &x, err));
    TRY(state_matrix(l, self, name, (int64_t)in->count, -1, &weights, err));
    TRY(emit_constant(&l->e, &weights, &constant, err));
    TRY(emit_2(&l->e, "MatMul", x, constant, &x, err));
    return table_of_matrix(l, x, (size_t)weights.shape.dims[1], out, err);
}

static enum status pls_transform(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    return pls_weigh(l, self, in, "x_rotations_", out, err);
}

static enum status plssvd_transform(struct lowering *l, const struct pickle_object *self,
                                    const struct table *in, struct table *out, struct error *err)
{
    return pls_weigh(l, self, in, "x_weights_", out, err);
}

#define PLS(class_name)                                                                            \
    {                                                                                              \
        .name = class_name, .predict = pls_predict, .transform = pls_transform                     \
    }

const struct estimator_set estimators_simple = ESTIMATOR_SET(
    {.name = "DummyRegressor", .predict = dummy_regress},
    {.name = "DummyClassifier", .predict = dummy_classify, .predict_proba = dummy_proba},
    PLS("PLSRegression"), PLS("PLSCanonical"), PLS("CCA"),
    {.name = "PLSSVD", .transform = plssvd_transform});
