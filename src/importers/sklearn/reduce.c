// SPDX-License-Identifier: Apache-2.0
/* Projections: PCA, IncrementalPCA, TruncatedSVD, FactorAnalysis, FastICA and others that are a
 * product with their components. */
#include "importers/sklearn/distance.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* -mean @ components.T, computed at import, as scikit-learn does since 1.5. */
static enum status projected_mean(struct lowering *l, const struct tensor *components,
                                  const struct tensor *mean, struct tensor *bias, struct error *err)
{
    size_t rows = (size_t)components->shape.dims[0], columns = (size_t)components->shape.dims[1];
    struct shape shape = SHAPE((int64_t)rows);
    const double *c = components->data, *m = mean->data;
    double *b;

    TRY(tensor_new(bias, DTYPE_F64, &shape, l->keep, err));
    b = bias->data;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < columns; i++)
            b[r] -= m[i] * c[r * columns + i];
    return STATUS_OK;
}

static enum status whiten(struct lowering *l, const struct pickle_object *self, size_t width,
                          value_id *x, struct error *err)
{
    struct tensor variance, deviation;
    value_id scale;

    TRY(state_vector(l, self, "explained_variance_", (int64_t)width, &variance, err));
    TRY(tensor_new(&deviation, DTYPE_F64, &variance.shape, l->keep, err));
    for (size_t i = 0; i < width; i++) {
        double root = sqrt(tensor_f64(&variance, i));

        if (root < DBL_EPSILON && estimator_version(l, self) >= 10500)
            root = DBL_EPSILON;
        tensor_set_f64(&deviation, i, root);
    }
    TRY(emit_constant(&l->e, &deviation, &scale, err));
    return emit_2(&l->e, "Div", *x, scale, x, err);
}

static enum status pca(struct lowering *l, const struct pickle_object *self, const struct table *in,
                       struct table *out, struct error *err)
{
    int64_t width = (int64_t)in->count;
    struct tensor components, mean, bias;
    value_id x, center;
    bool whitened;

    TRY(state_matrix(l, self, "components_", -1, width, &components, err));
    TRY(state_vector(l, self, "mean_", width, &mean, err));
    TRY(state_bool(self, "whiten", false, &whitened, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    if (estimator_version(l, self) >= 10500) {
        TRY(projected_mean(l, &components, &mean, &bias, err));
        TRY(emit_linear(l, x, &components, &bias, &x, err));
    } else {
        TRY(emit_constant(&l->e, &mean, &center, err));
        TRY(emit_2(&l->e, "Sub", x, center, &x, err));
        TRY(emit_linear(l, x, &components, NULL, &x, err));
    }
    if (whitened)
        TRY(whiten(l, self, (size_t)components.shape.dims[0], &x, err));
    return table_of_matrix(l, x, (size_t)components.shape.dims[0], out, err);
}

static enum status svd(struct lowering *l, const struct pickle_object *self, const struct table *in,
                       struct table *out, struct error *err)
{
    struct tensor components;
    value_id x;

    TRY(state_matrix(l, self, "components_", -1, (int64_t)in->count, &components, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(emit_linear(l, x, &components, NULL, &x, err));
    return table_of_matrix(l, x, (size_t)components.shape.dims[0], out, err);
}

/* x @ components.T, after the mean has gone where there is one. */
static enum status project(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, const struct tensor *components, bool centered,
                           struct table *out, struct error *err)
{
    struct tensor mean;
    value_id x, center;

    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    if (centered) {
        TRY(state_vector(l, self, "mean_", (int64_t)in->count, &mean, err));
        TRY(emit_constant(&l->e, &mean, &center, err));
        TRY(emit_2(&l->e, "Sub", x, center, &x, err));
    }
    TRY(emit_linear(l, x, components, NULL, &x, err));
    return table_of_matrix(l, x, (size_t)components->shape.dims[0], out, err);
}

static enum status ica(struct lowering *l, const struct pickle_object *self, const struct table *in,
                       struct table *out, struct error *err)
{
    const struct pickle_object *whiten = pickle_get(self, "whiten");
    bool on = true;
    struct tensor components;

    if (whiten && whiten->kind != PICKLE_TEXT)
        TRY(state_bool(self, "whiten", true, &on, err));
    TRY(state_matrix(l, self, "components_", -1, (int64_t)in->count, &components, err));
    return project(l, self, in, &components, on, out, err);
}

/* --- random projections: components_ may be sparse, by rows --- */

static enum status sparse_rows(struct lowering *l, const struct pickle_object *stored, size_t width,
                               struct tensor *matrix, struct error *err)
{
    struct tensor data, indices, ends;
    struct shape shape;
    size_t rows;

    if (pickle_to_tensor_f64(pickle_get(stored, "data"), &data, l->keep, err) ||
        pickle_to_tensor_f64(pickle_get(stored, "indices"), &indices, l->keep, err) ||
        pickle_to_tensor_f64(pickle_get(stored, "indptr"), &ends, l->keep, err))
        return error_within(err, "attribute 'components_'");
    if (strncmp(pickle_name(stored), "csr_", 4) || tensor_count(&ends) < 2 ||
        tensor_count(&indices) != tensor_count(&data))
        return state_error(err, "components_", "is no sparse matrix by rows");
    rows = tensor_count(&ends) - 1;
    if (rows > ((size_t)1 << 28) / (width ? width : 1))
        return state_error(err, "components_", "is too large");
    shape = SHAPE((int64_t)rows, (int64_t)width);
    TRY(tensor_new(matrix, DTYPE_F64, &shape, l->keep, err));
    for (size_t r = 0; r < rows; r++) {
        double from = tensor_f64(&ends, r), to = tensor_f64(&ends, r + 1);

        if (!(from >= 0 && from <= to && to <= (double)tensor_count(&data)))
            return state_error(err, "components_", "has rows out of range");
        for (size_t i = (size_t)from; i < (size_t)to; i++) {
            double column = tensor_f64(&indices, i);

            if (!(column >= 0 && column < (double)width))
                return state_error(err, "components_", "has columns out of range");
            ((double *)matrix->data)[r * width + (size_t)column] += tensor_f64(&data, i);
        }
    }
    return STATUS_OK;
}

static enum status random_projection(struct lowering *l, const struct pickle_object *self,
                                     const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *stored;
    struct tensor components;

    TRY(state_object(self, "components_", &stored, err));
    if (pickle_get(stored, "indptr"))
        TRY(sparse_rows(l, stored, in->count, &components, err));
    else
        TRY(state_matrix(l, self, "components_", -1, (int64_t)in->count, &components, err));
    return project(l, self, in, &components, false, out, err);
}

/* --- what needs an inverse --- */

/* (a, a) of components (a, b): sums of products, each column times factors[b] or 1. */
static enum status own_products(struct lowering *l, const struct tensor *components,
                                const double *factors, double **products, struct error *err)
{
    size_t a = (size_t)components->shape.dims[0], b = (size_t)components->shape.dims[1];
    const double *c = components->data;

    *products = a > SOLVE_MAX ? NULL : arena_new(l->keep, double, a *a);
    if (!*products)
        return error_no_memory(err, "components");
    for (size_t i = 0; i < a; i++)
        for (size_t j = 0; j < a; j++)
            for (size_t f = 0; f < b; f++)
                (*products)[i * a + j] += c[i * b + f] * c[j * b + f] * (factors ? factors[f] : 1);
    return STATUS_OK;
}

/* inverse (a, a) @ components (a, b), columns times factors. */
static enum status solved(struct lowering *l, const struct tensor *components,
                          const double *factors, const double *inverse, struct tensor *out,
                          struct error *err)
{
    size_t a = (size_t)components->shape.dims[0], b = (size_t)components->shape.dims[1];

    TRY(tensor_new(out, DTYPE_F64, &components->shape, l->keep, err));
    for (size_t i = 0; i < a; i++)
        for (size_t f = 0; f < b; f++)
            for (size_t k = 0; k < a; k++)
                ((double *)out->data)[i * b + f] += inverse[i * a + k] *
                                                    ((const double *)components->data)[k * b + f] *
                                                    (factors ? factors[f] : 1);
    return STATUS_OK;
}

/* (x - mean) @ (W psi^-1)' @ (I + W psi^-1 W')^-1 */
static enum status factors_transform(struct lowering *l, const struct pickle_object *self,
                                     const struct table *in, struct table *out, struct error *err)
{
    struct tensor components, noise, weights;
    double *psi, *products, *inverse, ignored;
    size_t count;

    TRY(state_matrix(l, self, "components_", -1, (int64_t)in->count, &components, err));
    TRY(state_vector(l, self, "noise_variance_", (int64_t)in->count, &noise, err));
    count = (size_t)components.shape.dims[0];
    psi = arena_new(l->keep, double, in->count);
    inverse = count > SOLVE_MAX ? NULL : arena_new(l->keep, double, count *count);
    if (!psi || !inverse)
        return error_no_memory(err, "components");
    for (size_t f = 0; f < in->count; f++)
        psi[f] = 1 / tensor_f64(&noise, f);
    TRY(own_products(l, &components, psi, &products, err));
    for (size_t i = 0; i < count; i++)
        products[i * count + i] += 1;
    TRY(invert_matrix(l, count, products, inverse, &ignored, err));
    TRY(solved(l, &components, psi, inverse, &weights, err));
    return project(l, self, in, &weights, true, out, err);
}

/* Ridge regression on the components: (x - mean) @ W' @ (W W' + alpha I)^-1 */
static enum status sparse_components(struct lowering *l, const struct pickle_object *self,
                                     const struct table *in, struct table *out, struct error *err)
{
    struct tensor components, weights;
    double *products, *inverse, ignored, alpha;
    size_t count;

    TRY(state_f64(self, "ridge_alpha", 0.01, &alpha, err));
    if (pickle_get(self, "normalize_components") || !pickle_get(self, "mean_"))
        return state_error(err, "normalize_components", "of old versions is not served");
    TRY(state_matrix(l, self, "components_", -1, (int64_t)in->count, &components, err));
    count = (size_t)components.shape.dims[0];
    inverse = count > SOLVE_MAX ? NULL : arena_new(l->keep, double, count *count);
    if (!inverse)
        return error_no_memory(err, "components");
    TRY(own_products(l, &components, NULL, &products, err));
    for (size_t i = 0; i < count; i++)
        products[i * count + i] += alpha;
    TRY(invert_matrix(l, count, products, inverse, &ignored, err));
    TRY(solved(l, &components, NULL, inverse, &weights, err));
    return project(l, self, in, &weights, true, out, err);
}

/* --- score_samples: the log density of a normal distribution --- */

/* -((x - mean) P (x - mean)' + width log 2 pi + log |covariance|) / 2, P the inverse. */
static enum status normal_scores(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, const double *covariance,
                                 struct table *out, struct error *err)
{
    struct shape square = SHAPE((int64_t)in->count, (int64_t)in->count);
    struct tensor precision, mean;
    double logs;
    value_id x, y;

    TRY(tensor_new(&precision, DTYPE_F64, &square, l->keep, err));
    TRY(invert_matrix(l, in->count, covariance, precision.data, &logs, err));
    TRY(state_vector(l, self, "mean_", (int64_t)in->count, &mean, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(emit_mahalanobis(l, x, &mean, &precision, &y, err));
    TRY(emit_scaled(l, "Mul", y, -0.5, &y, err));
    TRY(emit_scaled(l, "Sub", y, 0.5 * ((double)in->count * log(2 * acos(-1)) + logs), &y, err));
    return predict_numbers(l, y, 1, true, out, err);
}

/* components' diag(factors) components, a covariance (width, width) without its noise. */
static enum status spread_of(struct lowering *l, const struct tensor *components,
                             const double *factors, double **covariance, struct error *err)
{
    size_t width = (size_t)components->shape.dims[1];
    const double *c = components->data;

    *covariance = width > SOLVE_MAX ? NULL : arena_new(l->keep, double, width *width);
    if (!*covariance)
        return error_set(err, STATUS_UNSUPPORTED, "densities of %zu columns, more than %d", width,
                         SOLVE_MAX);
    for (size_t k = 0; k < (size_t)components->shape.dims[0]; k++)
        for (size_t i = 0; i < width; i++)
            for (size_t j = 0; j < width; j++)
                (*covariance)[i * width + j] +=
                    c[k * width + i] * c[k * width + j] * (factors ? factors[k] : 1);
    return STATUS_OK;
}

static enum status pca_scores(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, struct table *out, struct error *err)
{
    struct tensor components, variance;
    double noise, *factors, *covariance;
    bool whitened;
    size_t count;

    TRY(state_bool(self, "whiten", false, &whitened, err));
    TRY(state_matrix(l, self, "components_", -1, (int64_t)in->count, &components, err));
    count = (size_t)components.shape.dims[0];
    TRY(state_vector(l, self, "explained_variance_", (int64_t)count, &variance, err));
    if (!pickle_to_f64(pickle_get(self, "noise_variance_"), &noise))
        return state_error(err, "noise_variance_", "is no number");
    factors = arena_new(l->keep, double, count);
    if (!factors)
        return error_no_memory(err, "components");
    for (size_t k = 0; k < count; k++)
        factors[k] = fmax(tensor_f64(&variance, k) - noise, 0) *
                     (whitened ? tensor_f64(&variance, k) : 1); /* get_precision has it so */
    TRY(spread_of(l, &components, factors, &covariance, err));
    for (size_t f = 0; f < in->count; f++)
        covariance[f * in->count + f] += noise;
    return normal_scores(l, self, in, covariance, out, err);
}

static enum status factors_scores(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct table *out, struct error *err)
{
    struct tensor components, noise;
    double *covariance;

    TRY(state_matrix(l, self, "components_", -1, (int64_t)in->count, &components, err));
    TRY(state_vector(l, self, "noise_variance_", (int64_t)in->count, &noise, err));
    TRY(spread_of(l, &components, NULL, &covariance, err));
    for (size_t f = 0; f < in->count; f++)
        covariance[f * in->count + f] += tensor_f64(&noise, f);
    return normal_scores(l, self, in, covariance, out, err);
}

const struct estimator_set estimators_reduce = ESTIMATOR_SET(
    {.name = "PCA", .transform = pca, .score_samples = pca_scores, .width = "mean_"},
    {.name = "IncrementalPCA", .transform = pca, .width = "mean_"},
    {.name = "TruncatedSVD", .transform = svd, .width = "components_"},
    {.name = "NeighborhoodComponentsAnalysis", .transform = svd, .width = "components_"},
    {.name = "FastICA", .transform = ica, .width = "components_"},
    {.name = "GaussianRandomProjection", .transform = random_projection, .width = "components_"},
    {.name = "SparseRandomProjection", .transform = random_projection},
    {.name = "FactorAnalysis",
     .transform = factors_transform,
     .score_samples = factors_scores,
     .width = "components_"},
    {.name = "SparsePCA", .transform = sparse_components, .width = "components_"},
    {.name = "MiniBatchSparsePCA", .transform = sparse_components, .width = "components_"});
