// SPDX-License-Identifier: Apache-2.0
/* Support vector machines on libsvm: kernel values against the support vectors, then sums weighted
 * with the dual coefficients, one for each pair of classes (sklearn/svm/src/libsvm/svm.cpp). */
#include "importers/sklearn/internal.h"

#include <math.h>

/* --- kernels --- */

static enum status function_of(const struct pickle_object *self, struct attribute attributes[4],
                               struct error *err)
{
    static const char *const KERNELS[] = {"linear", "rbf", "poly", "sigmoid", NULL};
    double gamma = 1, coef0 = 0, degree = 3;
    size_t choice;

    TRY(state_choice(self, "kernel", KERNELS, 1, &choice, err));
    if (choice)
        TRY(state_f64(self, "_gamma", NAN, &gamma, err));
    if (isnan(gamma))
        return state_error(err, "_gamma", "is missing");
    if (choice > 1)
        TRY(state_f64(self, "coef0", 0, &coef0, err));
    if (choice == 2)
        TRY(state_f64(self, "degree", 3, &degree, err));
    attributes[0] = attribute_of_text("kernel", KERNELS[choice]);
    attributes[1] = attribute_of_float("gamma", gamma);
    attributes[2] = attribute_of_float("coef0", coef0);
    attributes[3] = attribute_of_float("degree", degree);
    return STATUS_OK;
}

/* Kernel values (n, vectors) by weights (m, vectors), and an intercept (m,). */
static enum status kernel_sums(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, const struct tensor *vectors,
                               const struct tensor *weights, const struct tensor *intercept,
                               value_id *y, struct error *err)
{
    struct attribute attributes[4];
    value_id inputs[4];

    TRY(function_of(self, attributes, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &inputs[0], err));
    TRY(emit_constant(&l->e, vectors, &inputs[1], err));
    TRY(emit_constant(&l->e, weights, &inputs[2], err));
    TRY(emit_constant(&l->e, intercept, &inputs[3], err));
    return emit(&l->e, "firn", "KernelProduct", inputs, 4, attributes, 4, y, 1, err);
}

static enum status support_vectors(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct tensor *vectors,
                                   struct error *err)
{
    return state_matrix(l, self, "support_vectors_", -1, (int64_t)in->count, vectors, err);
}

/* libsvm's own coefficients: for two classes the public ones have the other sign. */
static const char *own(const struct pickle_object *self, const char *hidden, const char *public)
{
    return pickle_get(self, hidden) ? hidden : public;
}

/* --- regression and novelty --- */

static enum status weighted_sum(struct lowering *l, const struct pickle_object *self,
                                const struct table *in, value_id *y, struct error *err)
{
    struct tensor vectors, coefficients, intercept;

    TRY(support_vectors(l, self, in, &vectors, err));
    TRY(state_matrix(l, self, own(self, "_dual_coef_", "dual_coef_"), 1, vectors.shape.dims[0],
                     &coefficients, err));
    TRY(state_vector(l, self, own(self, "_intercept_", "intercept_"), 1, &intercept, err));
    return kernel_sums(l, self, in, &vectors, &coefficients, &intercept, y, err);
}

static enum status regress(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    value_id y;

    TRY(weighted_sum(l, self, in, &y, err));
    return predict_numbers(l, y, 1, true, out, err);
}

static enum status novelty(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    static const int64_t LABELS[] = {-1, 1};
    struct tensor classes = {DTYPE_I64, SHAPE(2), (void *)(uintptr_t)LABELS};
    value_id y;

    TRY(weighted_sum(l, self, in, &y, err));
    return predict_sign(l, &classes, y, out, err);
}

/* score_samples came with 0.20, and with it the offset. */
static bool novelty_has(const struct pickle_object *self, enum method method)
{
    return method != METHOD_SCORE_SAMPLES || pickle_get(self, "offset_") != NULL;
}

/* decision_function plus the offset: not quite the sum without the intercept. */
static enum status novelty_samples(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct table *out, struct error *err)
{
    struct tensor offset;
    value_id y;

    TRY(state_vector(l, self, "offset_", 1, &offset, err));
    TRY(weighted_sum(l, self, in, &y, err));
    TRY(emit_scaled(l, "Add", y, tensor_f64(&offset, 0), &y, err));
    return predict_numbers(l, y, 1, true, out, err);
}

/* --- classification --- */

struct pairs { /* of classes, in libsvm's order: (0,1) (0,2) .. (1,2) .. */
    struct tensor classes;
    size_t count, pairs;
    value_id decisions; /* (n, pairs); above zero: the first of the pair */
};

/* The coefficients of each vector for each pair: (pairs, vectors), zero where its class is in
 * neither. Row j-1 of dual_coef_ is for the vectors of class i < j, row i for those of class j. */
static enum status pair_weights(struct lowering *l, const struct pickle_object *self,
                                const struct pairs *p, const struct tensor *vectors,
                                struct tensor *weights, struct error *err)
{
    struct shape shape = SHAPE((int64_t)p->pairs, vectors->shape.dims[0]);
    size_t columns = (size_t)vectors->shape.dims[0], *class_of, at = 0, pair = 0;
    struct tensor dual, support;
    const double *d;

    TRY(state_matrix(l, self, own(self, "_dual_coef_", "dual_coef_"), (int64_t)p->count - 1,
                     vectors->shape.dims[0], &dual, err));
    TRY(state_vector(l, self, own(self, "_n_support", "n_support_"), (int64_t)p->count, &support,
                     err));
    TRY(tensor_new(weights, DTYPE_F64, &shape, l->keep, err));
    class_of = arena_new(l->keep, size_t, columns);
    if (!class_of)
        return error_no_memory(err, "support vectors");
    for (size_t c = 0; c < p->count; c++)
        for (int64_t i = 0; i < tensor_i64(&support, c) && at < columns; i++)
            class_of[at++] = c;
    if (at != columns)
        return state_error(err, "n_support_", "does not add up to %zu vectors", columns);
    d = dual.data;
    for (size_t i = 0; i < p->count; i++)
        for (size_t j = i + 1; j < p->count; j++, pair++)
            for (size_t v = 0; v < columns; v++)
                if (class_of[v] == i || class_of[v] == j)
                    ((double *)weights->data)[pair * columns + v] =
                        d[(class_of[v] == i ? j - 1 : i) * columns + v];
    return STATUS_OK;
}

static enum status pair_decisions(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct pairs *p, struct error *err)
{
    struct tensor vectors, weights, intercept;

    TRY(state_labels(l, self, "classes_", &p->classes, err));
    p->count = tensor_count(&p->classes);
    if (p->count < 2)
        return state_error(err, "classes_", "has %zu classes", p->count);
    p->pairs = p->count * (p->count - 1) / 2;
    TRY(support_vectors(l, self, in, &vectors, err));
    TRY(pair_weights(l, self, p, &vectors, &weights, err));
    TRY(state_vector(l, self, own(self, "_intercept_", "intercept_"), (int64_t)p->pairs, &intercept,
                     err));
    return kernel_sums(l, self, in, &vectors, &weights, &intercept, &p->decisions, err);
}

/* Votes (n, classes) of 0/1 decisions for the first of each pair. */
static enum status votes(struct lowering *l, const struct pairs *p, value_id first, value_id *out,
                         struct error *err)
{
    struct shape matrix = SHAPE((int64_t)p->count, (int64_t)p->pairs),
                 vector = SHAPE((int64_t)p->count);
    struct tensor weights, base;
    size_t pair = 0;

    TRY(tensor_new(&weights, DTYPE_F64, &matrix, l->keep, err));
    TRY(tensor_new(&base, DTYPE_F64, &vector, l->keep, err));
    for (size_t i = 0; i < p->count; i++)
        for (size_t j = i + 1; j < p->count; j++, pair++) {
            ((double *)weights.data)[i * p->pairs + pair] = 1;
            ((double *)weights.data)[j * p->pairs + pair] = -1;
            ((double *)base.data)[j] += 1;
        }
    return emit_linear(l, first, &weights, &base, out, err);
}

/* decision > 0, or >= 0, as 0 and 1. */
static enum status first_wins(struct lowering *l, const struct pairs *p, const char *compare,
                              value_id *first, struct error *err)
{
    value_id zero;

    TRY(emit_scalar(l, 0, &zero, err));
    TRY(emit_2(&l->e, compare, p->decisions, zero, first, err));
    return emit_cast(&l->e, *first, DTYPE_F64, first, err);
}

static enum status is_ovr(const struct pickle_object *self, bool *ovr, struct error *err)
{
    static const char *const SHAPES[] = {"ovr", "ovo", NULL};
    size_t choice;

    if (pickle_is_none(pickle_get(self, "decision_function_shape"))) {
        *ovr = false; /* 0.18 and older */
        return STATUS_OK;
    }
    TRY(state_choice(self, "decision_function_shape", SHAPES, 0, &choice, err));
    *ovr = choice == 0;
    return STATUS_OK;
}

/* Votes plus a part of the summed confidences that stays below a third
 * (utils/multiclass.py _ovr_decision_function). */
static enum status one_versus_rest(struct lowering *l, const struct pairs *p, value_id *scores,
                                   struct error *err)
{
    struct shape matrix = SHAPE((int64_t)p->count, (int64_t)p->pairs);
    struct tensor signs;
    value_id first, sums, bound, one, three;
    size_t pair = 0;

    TRY(tensor_new(&signs, DTYPE_F64, &matrix, l->keep, err));
    for (size_t i = 0; i < p->count; i++)
        for (size_t j = i + 1; j < p->count; j++, pair++) {
            ((double *)signs.data)[i * p->pairs + pair] = 1;
            ((double *)signs.data)[j * p->pairs + pair] = -1;
        }
    TRY(first_wins(l, p, "GreaterOrEqual", &first, err));
    TRY(votes(l, p, first, scores, err));
    TRY(emit_linear(l, p->decisions, &signs, NULL, &sums, err));
    TRY(emit_1(&l->e, "Abs", sums, &bound, err));
    TRY(emit_scalar(l, 1, &one, err));
    TRY(emit_2(&l->e, "Add", bound, one, &bound, err));
    TRY(emit_scalar(l, 3, &three, err));
    TRY(emit_2(&l->e, "Mul", bound, three, &bound, err));
    TRY(emit_2(&l->e, "Div", sums, bound, &sums, err));
    return emit_2(&l->e, "Add", *scores, sums, scores, err);
}

static enum status decision(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    struct pairs p;
    value_id y;
    bool ovr;

    TRY(is_ovr(self, &ovr, err));
    TRY(pair_decisions(l, self, in, &p, err));
    if (p.count == 2) {
        TRY(emit_1(&l->e, "Neg", p.decisions, &y, err));
        return predict_numbers(l, y, 1, true, out, err);
    }
    if (!ovr)
        return table_of_matrix(l, p.decisions, p.pairs, out, err);
    TRY(one_versus_rest(l, &p, &y, err));
    return predict_columns(l, &p.classes, y, out, err);
}

static enum status classify(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    struct pairs p;
    value_id first, scores;
    bool break_ties;

    TRY(state_bool(self, "break_ties", false, &break_ties, err));
    TRY(pair_decisions(l, self, in, &p, err));
    if (break_ties && p.count > 2) {
        TRY(one_versus_rest(l, &p, &scores, err));
        return predict_argmax(l, &p.classes, scores, out, err);
    }
    TRY(first_wins(l, &p, "Greater", &first, err));
    TRY(votes(l, &p, first, &scores, err));
    return predict_argmax(l, &p.classes, scores, out, err);
}

/* Platt's sigmoid for each pair, coupled: svm_predict_probability. */
static enum status classify_proba(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct table *out, struct error *err)
{
    struct tensor *sigmoids = arena_new(l->keep, struct tensor, 2);
    struct attribute attributes[3];
    struct pairs p;
    value_id shares;

    if (!sigmoids)
        return error_no_memory(err, "probabilities");
    TRY(pair_decisions(l, self, in, &p, err));
    TRY(state_vector(l, self, own(self, "_probA", "probA_"), (int64_t)p.pairs, &sigmoids[0], err));
    TRY(state_vector(l, self, own(self, "_probB", "probB_"), (int64_t)p.pairs, &sigmoids[1], err));
    attributes[0] = attribute_of_tensor("a", &sigmoids[0]);
    attributes[1] = attribute_of_tensor("b", &sigmoids[1]);
    attributes[2] = attribute_of_int("classes", (int64_t)p.count);
    TRY(emit(&l->e, "firn", "PairwiseCoupling", &p.decisions, 1, attributes, 3, &shares, 1, err));
    return predict_columns(l, &p.classes, shares, out, err);
}

static bool has(const struct pickle_object *self, enum method method)
{
    bool probability = false;

    if (method == METHOD_PREDICT_PROBA)
        return pickle_to_bool(pickle_get(self, "probability"), &probability) && probability;
    return true;
}

#define CLASSIFIER                                                                                 \
    .predict = classify, .predict_proba = classify_proba, .decision_function = decision,           \
    .has = has, .width = "support_vectors_"
#define REGRESSOR .predict = regress, .width = "support_vectors_"

const struct estimator_set estimators_svm =
    ESTIMATOR_SET({.name = "SVC", CLASSIFIER}, {.name = "NuSVC", CLASSIFIER},
                  {.name = "SVR", REGRESSOR}, {.name = "NuSVR", REGRESSOR},
                  {.name = "OneClassSVM",
                   .predict = novelty,
                   .decision_function = regress,
                   .score_samples = novelty_samples,
                   .has = novelty_has,
                   .width = "support_vectors_"});
