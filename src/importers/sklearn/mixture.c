// SPDX-License-Identifier: Apache-2.0
/* Gaussian mixtures: log densities of the components, weighted (sklearn/mixture). */
#include "importers/sklearn/internal.h"

#include <math.h>

#include "ops/kernels/math/special.h"

enum { FULL, TIED, DIAGONAL, SPHERICAL };

struct mixture {
    size_t components, width, covariance;
    struct tensor means, roots; /* roots: of the precisions, Cholesky; as stored */
};

static enum status mixture_read(struct lowering *l, const struct pickle_object *self, size_t width,
                                struct mixture *m, struct error *err)
{
    static const char *const COVARIANCES[] = {"full", "tied", "diag", "spherical", NULL};
    const struct pickle_object *stored;
    size_t sizes[4], n;

    TRY(state_choice(self, "covariance_type", COVARIANCES, FULL, &m->covariance, err));
    TRY(state_matrix(l, self, "means_", -1, (int64_t)width, &m->means, err));
    TRY(state_object(self, "precisions_cholesky_", &stored, err));
    if (pickle_to_tensor_f64(stored, &m->roots, l->keep, err))
        return error_within(err, "attribute 'precisions_cholesky_'");
    n = (size_t)m->means.shape.dims[0];
    m->components = n;
    m->width = width;
    sizes[FULL] = n * width * width;
    sizes[TIED] = width * width;
    sizes[DIAGONAL] = n * width;
    sizes[SPHERICAL] = n;
    if (tensor_count(&m->roots) != sizes[m->covariance])
        return state_error(err, "precisions_cholesky_", "does not fit the means");
    return STATUS_OK;
}

/* Root of component k from f to c: 0 where there is none. */
static double root_at(const struct mixture *m, size_t k, size_t f, size_t c)
{
    if (m->covariance == FULL)
        return tensor_f64(&m->roots, (k * m->width + f) * m->width + c);
    if (m->covariance == TIED)
        return tensor_f64(&m->roots, f * m->width + c);
    if (f != c)
        return 0;
    return tensor_f64(&m->roots, m->covariance == DIAGONAL ? k * m->width + f : k);
}

/* |root (x - mean)|^2 of each component, by matrices: (n, components). */
static enum status whole_distances(struct lowering *l, const struct mixture *m, value_id x,
                                   value_id *out, struct error *err)
{
    value_id *columns = arena_new(l->keep, value_id, m->components);
    struct shape shape = SHAPE((int64_t)m->width, (int64_t)m->width);
    struct shape vector = SHAPE((int64_t)m->width);
    struct tensor turned, center;

    if (!columns)
        return error_no_memory(err, "components");
    for (size_t k = 0; k < m->components; k++) {
        value_id y;

        TRY(tensor_new(&turned, DTYPE_F64, &shape, l->keep, err));
        TRY(tensor_new(&center, DTYPE_F64, &vector, l->keep, err));
        for (size_t c = 0; c < m->width; c++)
            for (size_t f = 0; f < m->width; f++) {
                double root = root_at(m, k, f, c);

                ((double *)turned.data)[c * m->width + f] = root;
                ((double *)center.data)[c] -= tensor_f64(&m->means, k * m->width + f) * root;
            }
        TRY(emit_linear(l, x, &turned, &center, &y, err));
        TRY(emit_reduce(&l->e, "ReduceSumSquare", y, (const int64_t[]){1}, 1, true, &columns[k],
                        err));
    }
    return emit_concat(&l->e, (struct emit_inputs){columns, m->components}, 1, out, err);
}

/* The same of roots that are diagonal: precision (x^2 - 2 mean x + mean^2). */
static enum status diagonal_distances(struct lowering *l, const struct mixture *m, value_id x,
                                      value_id *out, struct error *err)
{
    struct shape vector = SHAPE((int64_t)m->components);
    struct tensor square, line, constant;
    value_id squares, y;

    TRY(tensor_new(&square, DTYPE_F64, &m->means.shape, l->keep, err));
    TRY(tensor_new(&line, DTYPE_F64, &m->means.shape, l->keep, err));
    TRY(tensor_new(&constant, DTYPE_F64, &vector, l->keep, err));
    for (size_t i = 0; i < m->components * m->width; i++) {
        size_t k = i / m->width, f = i % m->width;
        double root = root_at(m, k, f, f), mean = tensor_f64(&m->means, i);

        ((double *)square.data)[i] = root * root;
        ((double *)line.data)[i] = -2 * mean * (root * root);
        ((double *)constant.data)[k] += mean * mean * (root * root);
    }
    TRY(emit_2(&l->e, "Mul", x, x, &squares, err));
    TRY(emit_linear(l, x, &line, &constant, &y, err));
    TRY(emit_linear(l, squares, &square, NULL, &squares, err));
    return emit_2(&l->e, "Add", y, squares, out, err);
}

/* --- what is added to the densities: log weights and determinants --- */

static double log_determinant(const struct mixture *m, size_t k)
{
    double sum = 0;

    for (size_t f = 0; f < m->width; f++)
        sum += log(root_at(m, k, f, f));
    return sum;
}

/* Of a weight_concentration_: a pair of vectors, or one. */
static enum status bayesian_weights(struct lowering *l, const struct pickle_object *self, size_t n,
                                    double *out, struct error *err)
{
    const struct pickle_object *stored = pickle_get(self, "weight_concentration_");
    struct tensor a, b;
    double sum = 0;

    if (pickle_text_is(pickle_get(self, "weight_concentration_prior_type"),
                       "dirichlet_distribution")) {
        TRY(state_vector(l, self, "weight_concentration_", (int64_t)n, &a, err));
        for (size_t k = 0; k < n; k++)
            sum += tensor_f64(&a, k);
        for (size_t k = 0; k < n; k++)
            out[k] = special_digamma(tensor_f64(&a, k)) - special_digamma(sum);
        return STATUS_OK;
    }
    if (!pickle_text_is(pickle_get(self, "weight_concentration_prior_type"), "dirichlet_process"))
        return state_error(err, "weight_concentration_prior_type", "is not one of the known");
    if (!stored || pickle_length(stored) != 2 ||
        pickle_to_tensor_f64(pickle_item(stored, 0), &a, l->keep, err) ||
        pickle_to_tensor_f64(pickle_item(stored, 1), &b, l->keep, err) || tensor_count(&a) != n ||
        tensor_count(&b) != n)
        return state_error(err, "weight_concentration_", "is no pair for %zu components", n);
    for (size_t k = 0; k < n; k++) {
        double both = special_digamma(tensor_f64(&a, k) + tensor_f64(&b, k));

        out[k] = special_digamma(tensor_f64(&a, k)) - both + sum;
        sum += special_digamma(tensor_f64(&b, k)) - both;
    }
    return STATUS_OK;
}

/* What the Wishart distribution of the precisions adds. */
static enum status wishart_terms(struct lowering *l, const struct pickle_object *self,
                                 const struct mixture *m, double *out, struct error *err)
{
    struct tensor freedom, precision;
    double shared = 0;

    if (m->covariance == TIED) { /* one number for all */
        if (!pickle_to_f64(pickle_get(self, "degrees_of_freedom_"), &shared))
            return state_error(err, "degrees_of_freedom_", "is no number");
    } else {
        TRY(state_vector(l, self, "degrees_of_freedom_", (int64_t)m->components, &freedom, err));
    }
    TRY(state_vector(l, self, "mean_precision_", (int64_t)m->components, &precision, err));
    for (size_t k = 0; k < m->components; k++) {
        double degrees = m->covariance == TIED ? shared : tensor_f64(&freedom, k);
        double sum = (double)m->width * log(2);

        for (size_t f = 0; f < m->width; f++)
            sum += special_digamma(0.5 * (degrees - (double)f));
        out[k] += 0.5 * (sum - (double)m->width / tensor_f64(&precision, k)) -
                  0.5 * (double)m->width * log(degrees);
    }
    return STATUS_OK;
}

static enum status constants_of(struct lowering *l, const struct pickle_object *self,
                                const struct mixture *m, struct tensor *constants,
                                struct error *err)
{
    struct shape shape = SHAPE((int64_t)m->components);
    struct tensor weights;
    double *c;

    TRY(tensor_new(constants, DTYPE_F64, &shape, l->keep, err));
    c = constants->data;
    if (pickle_get(self, "weight_concentration_")) {
        TRY(bayesian_weights(l, self, m->components, c, err));
        TRY(wishart_terms(l, self, m, c, err));
    } else {
        TRY(state_vector(l, self, "weights_", (int64_t)m->components, &weights, err));
        for (size_t k = 0; k < m->components; k++)
            c[k] = log(tensor_f64(&weights, k));
    }
    for (size_t k = 0; k < m->components; k++)
        c[k] += log_determinant(m, k) - 0.5 * (double)m->width * log(2 * acos(-1));
    return STATUS_OK;
}

static enum status weighted(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, value_id *out, struct error *err)
{
    struct tensor constants;
    struct mixture m;
    value_id x, constant;

    TRY(mixture_read(l, self, in->count, &m, err));
    TRY(constants_of(l, self, &m, &constants, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY((m.covariance == FULL || m.covariance == TIED ? whole_distances
                                                      : diagonal_distances)(l, &m, x, &x, err));
    TRY(emit_scaled(l, "Mul", x, -0.5, &x, err));
    TRY(emit_constant(&l->e, &constants, &constant, err));
    return emit_2(&l->e, "Add", x, constant, out, err);
}

static enum status predict(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    value_id x;

    TRY(weighted(l, self, in, &x, err));
    TRY(emit_node(&l->e, "", "ArgMax", EMIT(x),
                  EMIT_ATTRIBUTES(attribute_of_int("axis", 1), attribute_of_int("keepdims", 0)), &x,
                  err));
    TRY(table_of_vector(l, x, out, err));
    out->flat = true;
    return STATUS_OK;
}

static enum status proba(struct lowering *l, const struct pickle_object *self,
                         const struct table *in, struct table *out, struct error *err)
{
    value_id x;

    TRY(weighted(l, self, in, &x, err));
    TRY(emit_softmax(l, x, &x, err));
    return table_of_matrix(l, x, (size_t)emit_shape(&l->e, x)->dims[1], out, err);
}

static enum status score(struct lowering *l, const struct pickle_object *self,
                         const struct table *in, struct table *out, struct error *err)
{
    value_id x;

    TRY(weighted(l, self, in, &x, err));
    TRY(emit_reduce(&l->e, "ReduceLogSumExp", x, (const int64_t[]){1}, 1, true, &x, err));
    return predict_numbers(l, x, 1, true, out, err);
}

#define MIXTURE(class_name)                                                                        \
    {                                                                                              \
        .name = class_name, .predict = predict, .predict_proba = proba, .score_samples = score,    \
        .width = "means_"                                                                          \
    }

const struct estimator_set estimators_mixture =
    ESTIMATOR_SET(MIXTURE("GaussianMixture"), MIXTURE("BayesianGaussianMixture"));
