// SPDX-License-Identifier: Apache-2.0
/* Linear models: what they have in common is x @ coef_.T + intercept_. */
#include "importers/sklearn/internal.h"

static enum status linear_scores(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, value_id *scores, size_t *width,
                                 struct error *err)
{
    struct tensor coef, intercept;
    const struct pickle_object *stored;
    struct shape shape;
    double number;
    value_id x;

    TRY(state_matrix(l, self, "coef_", -1, (int64_t)in->count, &coef, err));
    *width = (size_t)coef.shape.dims[0];
    shape = SHAPE(coef.shape.dims[0]);
    TRY(state_object(self, "intercept_", &stored, err));
    if (pickle_to_f64(stored, &number)) { /* a number, or an array of one: for all outputs */
        TRY(tensor_new(&intercept, DTYPE_F64, &shape, l->keep, err));
        for (size_t i = 0; i < *width; i++)
            tensor_set_f64(&intercept, i, number);
    } else {
        TRY(state_vector(l, self, "intercept_", (int64_t)*width, &intercept, err));
    }
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    return emit_linear(l, x, &coef, &intercept, scores, err);
}

/* --- regressors --- */

static bool is_vector(const struct pickle_object *self, const char *name)
{
    const struct pickle_object *stored = pickle_get(self, name);

    return stored && stored->kind == PICKLE_ARRAY && stored->array->shape.rank == 1;
}

static enum status regress(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    value_id scores;
    size_t width;

    TRY(linear_scores(l, self, in, &scores, &width, err));
    return predict_numbers(l, scores, width, width == 1 && is_vector(self, "coef_"), out, err);
}

static enum status regress_exp(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, struct table *out, struct error *err)
{
    value_id scores;
    size_t width;

    TRY(linear_scores(l, self, in, &scores, &width, err));
    TRY(emit_1(&l->e, "Exp", scores, &scores, err));
    return predict_numbers(l, scores, width, width == 1 && is_vector(self, "coef_"), out, err);
}

static enum status regress_tweedie(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct table *out, struct error *err)
{
    static const char *const LINKS[] = {"auto", "identity", "log", NULL};
    size_t link;
    double power;

    TRY(state_choice(self, "link", LINKS, 0, &link, err));
    TRY(state_f64(self, "power", 0, &power, err));
    if (link == 2 || (link == 0 && power > 0))
        return regress_exp(l, self, in, out, err);
    return regress(l, self, in, out, err);
}

/* --- classifiers --- */

/* classes_, which RidgeClassifier keeps in its label binarizer. */
static enum status linear_classes(struct lowering *l, const struct pickle_object *self,
                                  struct tensor *classes, struct error *err)
{
    const struct pickle_object *binarizer = pickle_get(self, "_label_binarizer");

    if (!binarizer || pickle_get(self, "classes_"))
        return state_labels(l, self, "classes_", classes, err);
    if (pickle_text_is(pickle_get(binarizer, "y_type_"), "multilabel-indicator"))
        return state_error(err, "_label_binarizer", "several labels at once are not served yet");
    return state_labels(l, binarizer, "classes_", classes, err);
}

static enum status classify_scores(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct tensor *classes, value_id *scores,
                                   size_t *width, struct error *err)
{
    size_t count;

    TRY(linear_classes(l, self, classes, err));
    TRY(linear_scores(l, self, in, scores, width, err));
    count = tensor_count(classes);
    if (count < 2 || *width != (count == 2 ? 1 : count))
        return state_error(err, "coef_", "has %zu rows for %zu classes", *width, count);
    return STATUS_OK;
}

static enum status decision(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id scores;
    size_t width;

    TRY(classify_scores(l, self, in, &classes, &scores, &width, err));
    if (width == 1)
        return predict_numbers(l, scores, 1, true, out, err);
    return predict_columns(l, &classes, scores, out, err);
}

/* The scores that decision_function computed, as a matrix again. */
static enum status decision_matrix(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct tensor *classes, value_id *scores,
                                   size_t *width, struct error *err)
{
    struct table decided;

    TRY(linear_classes(l, self, classes, err));
    TRY(estimator_lower(l, NULL, self, METHOD_DECISION_FUNCTION, in, &decided, err));
    *width = decided.count;
    return table_matrix(l, &decided, CHECK_NONE, scores, err);
}

static enum status classify(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id scores;
    size_t width;

    TRY(decision_matrix(l, self, in, &classes, &scores, &width, err));
    if (width == 1)
        return predict_sign(l, &classes, scores, out, err);
    return predict_argmax(l, &classes, scores, out, err);
}

/* One against the rest: a sigmoid each, made to sum to 1. */
static enum status proba_sigmoid(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    double share;
    value_id p;
    size_t width;

    TRY(decision_matrix(l, self, in, &classes, &p, &width, err));
    share = 1.0 / (double)width;
    TRY(emit_1(&l->e, "Sigmoid", p, &p, err));
    if (width == 1)
        TRY(emit_both(l, p, &p, err));
    else if (estimator_version(l, self) >= 10900)
        TRY(emit_normalised_or(l, p, &share, &p, err));
    else
        TRY(emit_normalised(l, p, &p, err));
    return predict_columns(l, &classes, p, out, err);
}

static enum status proba_softmax(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    struct attribute axis = attribute_of_int("axis", 1);
    struct tensor classes;
    value_id scores, other;
    size_t width;

    TRY(decision_matrix(l, self, in, &classes, &scores, &width, err));
    if (width == 1) { /* two classes: [-score, score] */
        TRY(emit_1(&l->e, "Neg", scores, &other, err));
        TRY(emit(&l->e, "", "Concat", (value_id[]){other, scores}, 2, &axis, 1, &scores, 1, err));
    }
    TRY(emit_softmax(l, scores, &scores, err));
    return predict_columns(l, &classes, scores, out, err);
}

/* Which of the two it is has been decided by other attributes in other versions. */
static enum status proba_logistic(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct table *out, struct error *err)
{
    static const char *const KINDS[] = {"auto", "deprecated", "ovr", "warn", "multinomial", NULL};
    int version = estimator_version(l, self);
    struct tensor classes;
    bool two, sigmoid;
    size_t kind;

    TRY(linear_classes(l, self, &classes, err));
    TRY(state_choice(self, "multi_class", KINDS, 0, &kind, err));
    two = tensor_count(&classes) <= 2;
    if (kind == 4)
        sigmoid = two && version && version < 2000; /* until 0.19 one row of coef_ decided */
    else if (kind >= 2)
        sigmoid = true;
    else
        sigmoid = two || pickle_text_is(pickle_get(self, "solver"), "liblinear");
    if (kind == 4 && two && !version)
        return state_error(err, "multi_class",
                           "'multinomial' with two classes needs the version of scikit-learn");
    return sigmoid ? proba_sigmoid(l, self, in, out, err) : proba_softmax(l, self, in, out, err);
}

/* modified_huber: (clip(score, -1, 1) + 1) / 2. */
static enum status proba_huber(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id p, two, one;
    double share;
    size_t width;

    TRY(decision_matrix(l, self, in, &classes, &p, &width, err));
    share = 1.0 / (double)width;
    TRY(emit_scalar(l, 1, &one, err));
    TRY(emit_scalar(l, 2, &two, err));
    TRY(emit_clip(&l->e, p, -1, 1, &p, err));
    TRY(emit_2(&l->e, "Add", p, one, &p, err));
    TRY(emit_2(&l->e, "Div", p, two, &p, err));
    if (width == 1)
        TRY(emit_both(l, p, &p, err));
    else
        TRY(emit_normalised_or(l, p, &share, &p, err));
    return predict_columns(l, &classes, p, out, err);
}

static enum status proba_sgd(struct lowering *l, const struct pickle_object *self,
                             const struct table *in, struct table *out, struct error *err)
{
    if (pickle_text_is(pickle_get(self, "loss"), "modified_huber"))
        return proba_huber(l, self, in, out, err);
    return proba_sigmoid(l, self, in, out, err);
}

static bool has_sgd(const struct pickle_object *self, enum method method)
{
    const struct pickle_object *loss = pickle_get(self, "loss");

    return method != METHOD_PREDICT_PROBA || pickle_text_is(loss, "log") ||
           pickle_text_is(loss, "log_loss") || pickle_text_is(loss, "modified_huber");
}

/* SGDOneClassSVM: what lies below the offset is an outlier, -1. */
static enum status one_class_scores(struct lowering *l, const struct pickle_object *self,
                                    const struct table *in, value_id *scores, struct error *err)
{
    struct tensor coef;
    double offset;
    value_id x;

    if (!pickle_to_f64(pickle_get(self, "offset_"), &offset))
        return state_error(err, "offset_", "is no number");
    TRY(state_matrix(l, self, "coef_", 1, (int64_t)in->count, &coef, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(emit_linear(l, x, &coef, NULL, scores, err));
    return emit_scaled(l, "Sub", *scores, offset, scores, err);
}

static enum status one_class_decision(struct lowering *l, const struct pickle_object *self,
                                      const struct table *in, struct table *out, struct error *err)
{
    value_id scores;

    TRY(one_class_scores(l, self, in, &scores, err));
    return predict_numbers(l, scores, 1, true, out, err);
}

static enum status one_class_samples(struct lowering *l, const struct pickle_object *self,
                                     const struct table *in, struct table *out, struct error *err)
{
    value_id scores, offset;
    struct table decided;
    double number;

    /* decision_function plus the offset: not quite the product alone. */
    TRY(estimator_lower(l, NULL, self, METHOD_DECISION_FUNCTION, in, &decided, err));
    if (!pickle_to_f64(pickle_get(self, "offset_"), &number))
        return state_error(err, "offset_", "is no number");
    TRY(table_matrix(l, &decided, CHECK_NONE, &scores, err));
    TRY(emit_scalar(l, number, &offset, err));
    TRY(emit_2(&l->e, "Add", scores, offset, &scores, err));
    return predict_numbers(l, scores, 1, true, out, err);
}

static enum status one_class_predict(struct lowering *l, const struct pickle_object *self,
                                     const struct table *in, struct table *out, struct error *err)
{
    static const int64_t LABELS[] = {-1, 1};
    struct tensor labels = {DTYPE_I64, SHAPE(2), (void *)(uintptr_t)LABELS};
    value_id vector, zero, inside, index;
    struct table decided;

    TRY(estimator_lower(l, NULL, self, METHOD_DECISION_FUNCTION, in, &decided, err));
    TRY(table_vector(l, &decided, 0, DTYPE_F64, &vector, err));
    TRY(emit_scalar(l, 0, &zero, err));
    TRY(emit_2(&l->e, "GreaterOrEqual", vector, zero, &inside, err));
    TRY(emit_cast(&l->e, inside, DTYPE_I64, &index, err));
    return predict_labels(l, &labels, index, out, err);
}

/* LinearDiscriminantAnalysis: sigmoids until 0.21, a softmax since. */
static enum status proba_discriminant(struct lowering *l, const struct pickle_object *self,
                                      const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;

    TRY(linear_classes(l, self, &classes, err));
    if (tensor_count(&classes) == 2 || estimator_version(l, self) < 2200)
        return proba_sigmoid(l, self, in, out, err);
    return proba_softmax(l, self, in, out, err);
}

static enum status project_discriminant(struct lowering *l, const struct pickle_object *self,
                                        const struct table *in, struct table *out,
                                        struct error *err)
{
    static const char *const SOLVERS[] = {"svd", "eigen", NULL};
    struct tensor scalings, center, kept;
    struct shape shape;
    size_t solver, columns;
    int64_t width;
    value_id x, constant;

    TRY(state_choice(self, "solver", SOLVERS, 0, &solver, err));
    TRY(state_matrix(l, self, "scalings_", (int64_t)in->count, -1, &scalings, err));
    TRY(state_i64(self, "_max_components", 0, &width, err));
    columns = (size_t)scalings.shape.dims[1];
    if (width < 1)
        return state_error(err, "_max_components", "is missing or less than 1");
    width = width < (int64_t)columns ? width : (int64_t)columns;
    shape = SHAPE((int64_t)in->count, width);
    TRY(tensor_new(&kept, DTYPE_F64, &shape, l->keep, err));
    for (size_t r = 0; r < in->count; r++)
        for (size_t c = 0; c < (size_t)width; c++)
            tensor_set_f64(&kept, r * (size_t)width + c, tensor_f64(&scalings, r * columns + c));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    if (solver == 0) {
        TRY(state_vector(l, self, "xbar_", (int64_t)in->count, &center, err));
        TRY(emit_constant(&l->e, &center, &constant, err));
        TRY(emit_2(&l->e, "Sub", x, constant, &x, err));
    }
    TRY(emit_constant(&l->e, &kept, &constant, err));
    TRY(emit_2(&l->e, "MatMul", x, constant, &x, err));
    return table_of_matrix(l, x, (size_t)width, out, err);
}

#define REGRESSOR(class_name)                                                                      \
    {                                                                                              \
        .name = class_name, .predict = regress, .width = "coef_"                                   \
    }
#define CLASSIFIER(class_name, ...)                                                                \
    {                                                                                              \
        .name = class_name, .predict = classify, .decision_function = decision, .width = "coef_",  \
        __VA_ARGS__                                                                                \
    }

const struct estimator_set estimators_linear = ESTIMATOR_SET(
    REGRESSOR("LinearRegression"), REGRESSOR("Ridge"), REGRESSOR("RidgeCV"), REGRESSOR("Lasso"),
    REGRESSOR("LassoCV"), REGRESSOR("ElasticNet"), REGRESSOR("ElasticNetCV"), REGRESSOR("Lars"),
    REGRESSOR("LarsCV"), REGRESSOR("LassoLars"), REGRESSOR("LassoLarsCV"), REGRESSOR("LassoLarsIC"),
    REGRESSOR("MultiTaskLasso"), REGRESSOR("MultiTaskLassoCV"), REGRESSOR("MultiTaskElasticNet"),
    REGRESSOR("MultiTaskElasticNetCV"), REGRESSOR("OrthogonalMatchingPursuit"),
    REGRESSOR("OrthogonalMatchingPursuitCV"), REGRESSOR("BayesianRidge"),
    REGRESSOR("ARDRegression"), REGRESSOR("HuberRegressor"), REGRESSOR("TheilSenRegressor"),
    REGRESSOR("QuantileRegressor"), REGRESSOR("SGDRegressor"),
    REGRESSOR("PassiveAggressiveRegressor"), REGRESSOR("LinearSVR"),
    {.name = "SGDOneClassSVM",
     .predict = one_class_predict,
     .decision_function = one_class_decision,
     .score_samples = one_class_samples,
     .width = "coef_"},
    {.name = "PoissonRegressor", .predict = regress_exp, .width = "coef_"},
    {.name = "GammaRegressor", .predict = regress_exp, .width = "coef_"},
    {.name = "TweedieRegressor", .predict = regress_tweedie, .width = "coef_"},
    CLASSIFIER("LogisticRegression", .predict_proba = proba_logistic),
    CLASSIFIER("LogisticRegressionCV", .predict_proba = proba_logistic),
    CLASSIFIER("SGDClassifier", .predict_proba = proba_sgd, .has = has_sgd),
    CLASSIFIER("LinearDiscriminantAnalysis", .predict_proba = proba_discriminant,
               .transform = project_discriminant),
    CLASSIFIER("RidgeClassifier"), CLASSIFIER("RidgeClassifierCV"), CLASSIFIER("Perceptron"),
    CLASSIFIER("PassiveAggressiveClassifier"), CLASSIFIER("LinearSVC"));
