// SPDX-License-Identifier: Apache-2.0
/* Projections: PCA, IncrementalPCA, TruncatedSVD. */
#include "importers/sklearn/internal.h"

#include <float.h>
#include <math.h>

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

const struct estimator_set estimators_reduce = ESTIMATOR_SET(
    {.name = "PCA", .transform = pca, .score_samples = lower_unsupported, .width = "mean_"},
    {.name = "IncrementalPCA", .transform = pca, .width = "mean_"},
    {.name = "TruncatedSVD", .transform = svd, .width = "components_"});
