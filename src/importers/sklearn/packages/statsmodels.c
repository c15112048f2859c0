// SPDX-License-Identifier: Apache-2.0
/* statsmodels, its results as they were pickled and behind sklearn2pmml's estimators: a linear
 * predictor, and what the model makes of it. Results take the constant as a column like others. */
#include "importers/sklearn/internal.h"

#include <math.h>
#include <string.h>
#include <strings.h>

/* y = f(eta): a function of firn's Math for each. */
enum mean { MEAN_IDENTITY, MEAN_EXP, MEAN_LOGISTIC, MEAN_NORMAL, MEAN_LINK };

static const struct {
    const char *name;
    enum mean mean;
} MODELS[] = {{"GLM", MEAN_LINK},
              {"OLS", MEAN_IDENTITY},
              {"WLS", MEAN_IDENTITY},
              {"GLS", MEAN_IDENTITY},
              {"GLSAR", MEAN_IDENTITY},
              {"QuantReg", MEAN_IDENTITY},
              {"RLM", MEAN_IDENTITY},
              {"Logit", MEAN_LOGISTIC},
              {"Probit", MEAN_NORMAL},
              {"Poisson", MEAN_EXP},
              {"NegativeBinomial", MEAN_EXP},
              {"NegativeBinomialP", MEAN_EXP},
              {"GeneralizedPoisson", MEAN_EXP}};

struct fitted { /* what was fitted */
    const struct pickle_object *model, *results;
    struct tensor params;
    bool intercept; /* a constant is put in front of the columns */
};

static enum status fitted_of(const struct pickle_object *self, struct fitted *f, struct arena *keep,
                             struct error *err)
{
    const struct pickle_object *wrapped = pickle_get(self, "results_");

    *f = (struct fitted){.results = pickle_get(wrapped ? wrapped : self, "_results")};
    f->model = pickle_get(f->results, "model");
    if (!f->results || !f->model)
        return state_error(err, "results_", "holds no results");
    if (pickle_get(f->model, "formula"))
        return state_error(err, "model", "with a formula");
    if (wrapped)
        TRY(state_bool(self, "fit_intercept", true, &f->intercept, err));
    if (pickle_to_tensor_f64(pickle_get(f->results, "params"), &f->params, keep, err))
        return error_within(err, "attribute 'params'");
    return STATUS_OK;
}

static bool model_is(const struct fitted *f, const char *name)
{
    return strcmp(pickle_name(f->model), name) == 0 && pickle_is(f->model, "statsmodels", name);
}

/* x (n, k) @ params (k, m), with the constant's row first where there is one. */
static enum status predictor(struct lowering *l, const struct fitted *f, const struct table *in,
                             const double *params, size_t rows, size_t width, value_id *y,
                             struct error *err)
{
    size_t first = f->intercept;
    struct shape shape = SHAPE((int64_t)rows - (int64_t)first, (int64_t)width);
    struct shape bias_shape = SHAPE((int64_t)width);
    value_id x, weights, bias;

    if (rows != in->count + first)
        return state_error(err, "params", "are %zu for %zu columns", rows, in->count + first);
    TRY(table_matrix(l, in, CHECK_NONE, &x, err));
    TRY(graph_constant_f64(l->e.graph, params + first * width, &shape, &weights, err));
    TRY(emit_2(&l->e, "MatMul", x, weights, y, err));
    if (!first)
        return STATUS_OK;
    TRY(graph_constant_f64(l->e.graph, params, &bias_shape, &bias, err));
    return emit_2(&l->e, "Add", *y, bias, y, err);
}

/* --- links --- */

/* exp(-exp(z)) */
static enum status twice(struct lowering *l, value_id z, value_id *y, struct error *err)
{
    TRY(emit_math(&l->e, "exp", z, y, err));
    TRY(emit_math(&l->e, "negative", *y, y, err));
    return emit_math(&l->e, "exp", *y, y, err);
}

static enum status cauchy(struct lowering *l, value_id z, value_id *y, struct error *err)
{
    value_id half;

    TRY(emit_math(&l->e, "arctan", z, y, err));
    TRY(emit_scaled(l, "Mul", *y, 1 / M_PI, y, err));
    TRY(emit_scalar(l, 0.5, &half, err));
    return emit_2(&l->e, "Add", *y, half, y, err);
}

static enum status power(struct lowering *l, const struct pickle_object *link, value_id z,
                         value_id *y, struct error *err)
{
    double number;

    TRY(state_f64(link, "power", 1, &number, err));
    if (number == 0)
        return state_error(err, "power", "is 0");
    *y = z;
    return number == 1 ? STATUS_OK : emit_scaled(l, "Pow", z, 1 / number, y, err);
}

static enum status negative_binomial(struct lowering *l, const struct pickle_object *link,
                                     value_id z, value_id *y, struct error *err)
{
    double alpha;
    value_id minus;

    TRY(state_f64(link, "alpha", 1, &alpha, err));
    TRY(emit_math(&l->e, "negative", z, y, err));
    TRY(emit_math(&l->e, "exp", *y, y, err));
    TRY(emit_one_minus(&l->e, *y, y, err));
    TRY(emit_scaled(l, "Mul", *y, alpha, y, err));
    TRY(emit_scalar(l, -1, &minus, err));
    return emit_2(&l->e, "Div", minus, *y, y, err);
}

/* The inverse of a link. Old files name them in small letters. */
static enum status inverse(struct lowering *l, const struct pickle_object *family, value_id z,
                           value_id *y, struct error *err)
{
    const struct pickle_object *link = pickle_get(family, "_link");
    const char *name;

    if (!link)
        link = pickle_get(family, "link");
    name = pickle_name(link);
    if (!pickle_is(link, "statsmodels", name))
        return state_error(err, "family", "has no link that firn knows");
    if (!strcasecmp(name, "logit"))
        return emit_math(&l->e, "expit", z, y, err);
    if (!strcasecmp(name, "log"))
        return emit_math(&l->e, "exp", z, y, err);
    if (!strcasecmp(name, "probit"))
        return emit_math(&l->e, "ndtr", z, y, err);
    if (!strcasecmp(name, "cauchy"))
        return cauchy(l, z, y, err);
    if (!strcasecmp(name, "logc")) {
        TRY(emit_math(&l->e, "exp", z, y, err));
        return emit_one_minus(&l->e, *y, y, err);
    }
    if (!strcasecmp(name, "cloglog")) {
        TRY(twice(l, z, y, err));
        return emit_one_minus(&l->e, *y, y, err);
    }
    if (!strcasecmp(name, "loglog")) {
        TRY(emit_math(&l->e, "negative", z, y, err));
        return twice(l, *y, y, err);
    }
    if (!strcasecmp(name, "NegativeBinomial") || !strcmp(name, "nbinom"))
        return negative_binomial(l, link, z, y, err);
    if (!strcasecmp(name, "Power") || !strcasecmp(name, "Identity") || !strcasecmp(name, "Sqrt") ||
        !strcasecmp(name, "InversePower") || !strcasecmp(name, "InverseSquared") ||
        !strcmp(name, "inverse_power") || !strcmp(name, "inverse_squared"))
        return power(l, link, z, y, err);
    return state_error(err, "family", "has the link %s, which is not served yet", name);
}

/* --- models --- */

/* The expectation (n, 1). */
static enum status expectation(struct lowering *l, const struct fitted *f, const struct table *in,
                               value_id *y, struct error *err)
{
    size_t i = 0, count = tensor_count(&f->params), rows = in->count + f->intercept;

    while (i < ARRAY_COUNT(MODELS) && !model_is(f, MODELS[i].name))
        i++;
    if (i == ARRAY_COUNT(MODELS))
        return error_set(err, STATUS_UNSUPPORTED, "model %s is not served yet",
                         pickle_name(f->model));
    if (f->params.shape.rank != 1)
        return state_error(err, "params", "are no vector");
    /* the spread of counts stands behind the coefficients */
    if (MODELS[i].mean == MEAN_EXP && strcmp(MODELS[i].name, "Poisson") != 0 && count > rows)
        count = rows;
    TRY(predictor(l, f, in, f->params.data, count, 1, y, err));
    switch (MODELS[i].mean) {
    case MEAN_IDENTITY:
        return STATUS_OK;
    case MEAN_EXP:
        return emit_math(&l->e, "exp", *y, y, err);
    case MEAN_LOGISTIC:
        return emit_math(&l->e, "expit", *y, y, err);
    case MEAN_NORMAL:
        return emit_math(&l->e, "ndtr", *y, y, err);
    case MEAN_LINK:
        return inverse(l, pickle_get(f->model, "family"), *y, y, err);
    }
    return STATUS_OK;
}

static enum status regress(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    struct fitted f;
    value_id y;

    TRY(fitted_of(self, &f, l->keep, err));
    TRY(expectation(l, &f, in, &y, err));
    return predict_numbers(l, y, 1, true, out, err);
}

/* MNLogit: params (k, classes - 1); those of the first class are 0. */
static enum status multinomial(struct lowering *l, const struct fitted *f, const struct table *in,
                               value_id *y, struct error *err)
{
    size_t rows = (size_t)f->params.shape.dims[0], others = (size_t)f->params.shape.dims[1];
    double *params = arena_new(l->keep, double, rows *(others + 1));

    if (f->params.shape.rank != 2 || others == 0)
        return state_error(err, "params", "are no matrix");
    if (!params)
        return error_no_memory(err, "params");
    for (size_t i = 0; i < rows * others; i++)
        params[i / others * (others + 1) + 1 + i % others] = tensor_f64(&f->params, i);
    TRY(predictor(l, f, in, params, rows, others + 1, y, err));
    TRY(emit_math(&l->e, "exp", *y, y, err));
    return emit_normalised(l, *y, y, err);
}

/* OrderedModel: the last params are thresholds, all but the first as logarithms of steps. */
static enum status ordered(struct lowering *l, const struct fitted *f, const struct table *in,
                           size_t classes, value_id *y, struct error *err)
{
    size_t count = tensor_count(&f->params);
    const double *params = f->params.data;
    const char *distribution = pickle_name(pickle_get(f->model, "distr"));
    bool normal = !strcmp(distribution, "norm_gen");
    struct shape shape = SHAPE((int64_t)classes - 1);
    double *thresholds = arena_new(l->keep, double, classes);
    value_id x, limits, low, high, last, zero;

    if (!thresholds)
        return error_no_memory(err, "thresholds");
    if (!normal && strcmp(distribution, "logistic_gen") != 0)
        return state_error(err, "distr", "is %s, which is not served yet", distribution);
    if (f->params.shape.rank != 1 || count + 1 < in->count + classes || classes < 2)
        return state_error(err, "params", "are %zu for %zu columns", count, in->count);
    TRY(predictor(l, f, in, params, count + 1 - classes, 1, &x, err));
    for (size_t i = 0; i + 1 < classes; i++) {
        double step = params[count + 1 - classes + i];

        thresholds[i] = i ? thresholds[i - 1] + exp(step) : step;
    }
    TRY(graph_constant_f64(l->e.graph, thresholds, &shape, &limits, err));
    TRY(emit_2(&l->e, "Sub", limits, x, y, err));
    TRY(emit_math(&l->e, normal ? "ndtr" : "expit", *y, y, err));
    TRY(emit_slice(&l->e, *y, 1, (int64_t)classes - 2, (int64_t)classes - 1, 1, &last, err));
    TRY(emit_one_minus(&l->e, last, &last, err));
    TRY(emit_slice(&l->e, *y, 1, 0, 1, 1, &x, err));
    if (classes > 2) {
        TRY(emit_slice(&l->e, *y, 1, 0, (int64_t)classes - 2, 1, &low, err));
        TRY(emit_slice(&l->e, *y, 1, 1, (int64_t)classes - 1, 1, &high, err));
        TRY(emit_2(&l->e, "Sub", high, low, &high, err));
        TRY(emit_concat(&l->e, EMIT(x, high, last), 1, y, err));
    } else {
        TRY(emit_concat(&l->e, EMIT(x, last), 1, y, err));
    }
    TRY(emit_scalar(l, 0, &zero, err));
    return emit_2(&l->e, "Max", *y, zero, y, err);
}

static enum status probabilities(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    struct fitted f;
    value_id y;

    TRY(fitted_of(self, &f, l->keep, err));
    TRY(state_labels(l, self, "classes_", &classes, err));
    if (model_is(&f, "OrderedModel")) {
        TRY(ordered(l, &f, in, tensor_count(&classes), &y, err));
    } else if (model_is(&f, "MNLogit")) {
        if (f.params.shape.rank != 2 ||
            f.params.shape.dims[1] + 1 != (int64_t)tensor_count(&classes))
            return state_error(err, "params", "do not fit %zu classes", tensor_count(&classes));
        TRY(multinomial(l, &f, in, &y, err));
    } else {
        if (tensor_count(&classes) != 2)
            return state_error(err, "classes_", "are not two");
        TRY(expectation(l, &f, in, &y, err));
        TRY(emit_both(l, y, &y, err));
    }
    return predict_columns(l, &classes, y, out, err);
}

/* --- the number of columns --- */

static size_t levels_of(const struct fitted *f)
{
    int64_t levels;

    return pickle_to_i64(pickle_get(f->model, "k_levels"), &levels) && levels > 1 ? (size_t)levels
                                                                                  : 0;
}

static size_t inputs(const struct pickle_object *self, struct arena *scratch)
{
    static const char *const SPREAD[] = {"NegativeBinomial", "NegativeBinomialP",
                                         "GeneralizedPoisson"};
    struct error ignored;
    struct fitted f;
    size_t count, more;

    if (fitted_of(self, &f, scratch, &ignored) || f.params.shape.rank < 1)
        return 0;
    count = (size_t)f.params.shape.dims[0];
    more = f.intercept;
    for (size_t i = 0; i < ARRAY_COUNT(SPREAD); i++)
        more += model_is(&f, SPREAD[i]);
    if (model_is(&f, "OrderedModel"))
        more = levels_of(&f) ? levels_of(&f) - 1 : count;
    return count > more ? count - more : 0;
}

/* --- results --- */

static enum status results_predict(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct table *out, struct error *err)
{
    struct fitted f;
    value_id y;

    TRY(fitted_of(self, &f, l->keep, err));
    if (model_is(&f, "OrderedModel")) {
        TRY(ordered(l, &f, in, levels_of(&f), &y, err));
        return predict_numbers(l, y, levels_of(&f), false, out, err);
    }
    if (model_is(&f, "MNLogit")) {
        TRY(multinomial(l, &f, in, &y, err));
        return predict_numbers(l, y, (size_t)f.params.shape.dims[1] + 1, false, out, err);
    }
    TRY(expectation(l, &f, in, &y, err));
    return predict_numbers(l, y, 1, true, out, err);
}

#define CLASSIFIER .predict = classify_by_proba, .predict_proba = probabilities, .inputs = inputs
#define RESULTS(class_name)                                                                        \
    {                                                                                              \
        .name = class_name, .package = "statsmodels", .predict = results_predict, .inputs = inputs \
    }

const struct estimator_set estimators_statsmodels = ESTIMATOR_SET(
    {.name = "StatsModelsClassifier", .package = "sklearn2pmml", CLASSIFIER},
    {.name = "StatsModelsOrdinalClassifier", .package = "sklearn2pmml", CLASSIFIER},
    {.name = "StatsModelsRegressor",
     .package = "sklearn2pmml",
     .predict = regress,
     .inputs = inputs},
    RESULTS("GLMResultsWrapper"), RESULTS("RegressionResultsWrapper"), RESULTS("RLMResultsWrapper"),
    RESULTS("BinaryResultsWrapper"), RESULTS("CountResultsWrapper"),
    RESULTS("PoissonResultsWrapper"), RESULTS("NegativeBinomialResultsWrapper"),
    RESULTS("GeneralizedPoissonResultsWrapper"), RESULTS("MultinomialResultsWrapper"),
    RESULTS("OrderedResultsWrapper"));
