// SPDX-License-Identifier: Apache-2.0
/* KMeans: the nearest of the centers, and the distances to all of them. */
#include "importers/sklearn/internal.h"

/* |c|^2 - 2 x.c for every center: the squared distance less |x|^2, as scikit-learn compares it. */
static enum status partial_distances(struct lowering *l, const struct pickle_object *self,
                                     const struct table *in, value_id *x, value_id *distances,
                                     struct error *err)
{
    struct tensor centers, norms;
    struct shape shape;
    value_id minus_two, constant;

    TRY(state_matrix(l, self, "cluster_centers_", -1, (int64_t)in->count, &centers, err));
    shape = SHAPE(centers.shape.dims[0]);
    TRY(tensor_new(&norms, DTYPE_F64, &shape, l->keep, err));
    for (size_t i = 0; i < tensor_count(&centers); i++) {
        double value = ((double *)centers.data)[i];
        ((double *)norms.data)[i / in->count] += value * value;
    }
    TRY(table_matrix(l, in, CHECK_FINITE, x, err));
    TRY(emit_linear(l, *x, &centers, NULL, distances, err));
    TRY(emit_scalar(l, -2, &minus_two, err));
    TRY(emit_2(&l->e, "Mul", *distances, minus_two, distances, err));
    TRY(emit_constant(&l->e, &norms, &constant, err));
    return emit_2(&l->e, "Add", *distances, constant, distances, err);
}

static enum status predict(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    struct attribute attributes[] = {attribute_of_int("axis", 1), attribute_of_int("keepdims", 0)};
    value_id x, distances, index;

    TRY(partial_distances(l, self, in, &x, &distances, err));
    TRY(emit(&l->e, "", "ArgMin", &distances, 1, attributes, 2, &index, 1, err));
    TRY(emit_cast(&l->e, index, DTYPE_I32, &index, err));
    TRY(table_of_vector(l, index, out, err));
    out->flat = true;
    return STATUS_OK;
}

static enum status transform(struct lowering *l, const struct pickle_object *self,
                             const struct table *in, struct table *out, struct error *err)
{
    value_id x, distances, squares, zero;
    struct attribute keep = attribute_of_int("keepdims", 1);
    const int64_t one = 1;
    struct shape shape = SHAPE(1);
    value_id axes;

    TRY(partial_distances(l, self, in, &x, &distances, err));
    TRY(graph_constant_i64(l->e.graph, &one, &shape, &axes, err));
    TRY(emit(&l->e, "", "ReduceSumSquare", (value_id[]){x, axes}, 2, &keep, 1, &squares, 1, err));
    TRY(emit_2(&l->e, "Add", distances, squares, &distances, err));
    TRY(emit_scalar(l, 0, &zero, err));
    TRY(emit_2(&l->e, "Max", distances, zero, &distances, err));
    TRY(emit_1(&l->e, "Sqrt", distances, &distances, err));
    return table_of_matrix(l, distances, (size_t)l->e.graph->values[distances].shape.dims[1], out,
                           err);
}

const struct estimator_set estimators_cluster = ESTIMATOR_SET(
    {.name = "KMeans", .predict = predict, .transform = transform, .width = "cluster_centers_"},
    {.name = "MiniBatchKMeans",
     .predict = predict,
     .transform = transform,
     .width = "cluster_centers_"});
