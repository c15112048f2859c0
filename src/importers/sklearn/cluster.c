// SPDX-License-Identifier: Apache-2.0
/* KMeans: the nearest of the centers, and the distances to all of them. */
#include "importers/sklearn/distance.h"

static enum status centers_of(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, struct tensor *centers, value_id *x,
                              struct error *err)
{
    TRY(state_matrix(l, self, "cluster_centers_", -1, (int64_t)in->count, centers, err));
    return table_matrix(l, in, CHECK_FINITE, x, err);
}

static enum status predict(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    struct tensor centers;
    value_id x, index;

    TRY(centers_of(l, self, in, &centers, &x, err));
    TRY(emit_partial_distances(l, x, &centers, &index, err));
    TRY(emit_nearest(l, index, &index, err));
    TRY(emit_cast(&l->e, index, DTYPE_I32, &index, err));
    TRY(table_of_vector(l, index, out, err));
    out->flat = true;
    return STATUS_OK;
}

static enum status transform(struct lowering *l, const struct pickle_object *self,
                             const struct table *in, struct table *out, struct error *err)
{
    struct tensor centers;
    value_id x;

    TRY(centers_of(l, self, in, &centers, &x, err));
    TRY(emit_square_distances(l, x, &centers, &x, err));
    TRY(emit_1(&l->e, "Sqrt", x, &x, err));
    return table_of_matrix(l, x, (size_t)centers.shape.dims[0], out, err);
}

const struct estimator_set estimators_cluster = ESTIMATOR_SET(
    {.name = "KMeans", .predict = predict, .transform = transform, .width = "cluster_centers_"},
    {.name = "MiniBatchKMeans",
     .predict = predict,
     .transform = transform,
     .width = "cluster_centers_"});
