// SPDX-License-Identifier: Apache-2.0
/* Clusters: the nearest of the centers, and the distances to all of them. */
#include "importers/sklearn/distance.h"

#include <string.h>

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

/* --- BisectingKMeans: a tree of pairs of centers --- */

enum { TREE_DEPTH_MAX = 256 };

/* The label of each row below `node`, whose center is in it: (n,) I64. */
static enum status bisect(struct lowering *l, const struct pickle_object *node, value_id x,
                          const struct tensor *mean, int depth, value_id *labels, struct error *err)
{
    static const char *const SIDES[] = {"left", "right"};
    size_t width = tensor_count(mean);
    struct shape shape = SHAPE(2, (int64_t)width);
    struct tensor pair, center;
    value_id sides[2], nearer;
    int64_t label;

    if (depth > TREE_DEPTH_MAX || !node)
        return state_error(err, "_bisecting_tree", "is deeper than %d", TREE_DEPTH_MAX);
    if (pickle_is_none(pickle_get(node, "left"))) {
        if (!pickle_to_i64(pickle_get(node, "label"), &label))
            return state_error(err, "_bisecting_tree", "has a leaf without a label");
        return EMIT_INTS(&l->e, labels, err, label);
    }
    TRY(tensor_new(&pair, DTYPE_F64, &shape, l->keep, err));
    for (size_t s = 0; s < 2; s++) {
        const struct pickle_object *child = pickle_get(node, SIDES[s]);

        TRY(state_vector(l, child, "center", (int64_t)width, &center, err));
        for (size_t f = 0; f < width; f++)
            tensor_set_f64(&pair, s * width + f, tensor_f64(&center, f) + tensor_f64(mean, f));
        TRY(bisect(l, child, x, mean, depth + 1, &sides[s], err));
    }
    TRY(emit_partial_distances(l, x, &pair, &nearer, err));
    TRY(emit_nearest(l, nearer, &nearer, err));
    TRY(emit_cast(&l->e, nearer, DTYPE_BOOL, &nearer, err));
    return emit_where(&l->e, nearer, sides[1], sides[0], labels, err);
}

static enum status predict_bisected(struct lowering *l, const struct pickle_object *self,
                                    const struct table *in, struct table *out, struct error *err)
{
    struct shape shape = SHAPE((int64_t)in->count);
    struct tensor mean;
    value_id x, labels;

    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    if (pickle_get(self, "_X_mean"))
        TRY(state_vector(l, self, "_X_mean", (int64_t)in->count, &mean, err));
    else
        TRY(tensor_new(&mean, DTYPE_F64, &shape, l->keep, err));
    TRY(bisect(l, pickle_get(self, "_bisecting_tree"), x, &mean, 0, &labels, err));
    if (emit_shape(&l->e, labels)->dims[0] == 1)
        return state_error(err, "_bisecting_tree", "has one leaf");
    TRY(emit_cast(&l->e, labels, DTYPE_I32, &labels, err));
    TRY(table_of_vector(l, labels, out, err));
    out->flat = true;
    return STATUS_OK;
}

/* --- MeanShift, AffinityPropagation: the nearest center --- */

static enum status predict_nearest(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct table *out, struct error *err)
{
    struct tensor centers;
    value_id x;

    TRY(centers_of(l, self, in, &centers, &x, err));
    if (centers.shape.dims[0] < 1)
        return state_error(err, "cluster_centers_", "has none");
    TRY(emit_partial_distances(l, x, &centers, &x, err));
    TRY(emit_nearest(l, x, &x, err));
    TRY(table_of_vector(l, x, out, err));
    out->flat = true;
    return STATUS_OK;
}

/* --- Birch: the label of the nearest subcluster --- */

static enum status subclusters_of(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct tensor *centers, value_id *x,
                                  struct error *err)
{
    TRY(state_matrix(l, self, "subcluster_centers_", -1, (int64_t)in->count, centers, err));
    return table_matrix(l, in, CHECK_FINITE, x, err);
}

static enum status predict_subcluster(struct lowering *l, const struct pickle_object *self,
                                      const struct table *in, struct table *out, struct error *err)
{
    struct tensor centers, labels;
    value_id x;

    TRY(subclusters_of(l, self, in, &centers, &x, err));
    TRY(state_labels(l, self, "subcluster_labels_", &labels, err));
    if ((int64_t)tensor_count(&labels) != centers.shape.dims[0])
        return state_error(err, "subcluster_labels_", "does not fit the centers");
    TRY(emit_partial_distances(l, x, &centers, &x, err));
    TRY(emit_nearest(l, x, &x, err));
    TRY(predict_labels(l, &labels, x, out, err));
    out->classes = NULL;
    return STATUS_OK;
}

static enum status subcluster_distances(struct lowering *l, const struct pickle_object *self,
                                        const struct table *in, struct table *out,
                                        struct error *err)
{
    struct tensor centers;
    value_id x;

    TRY(subclusters_of(l, self, in, &centers, &x, err));
    TRY(emit_square_distances(l, x, &centers, &x, err));
    TRY(emit_1(&l->e, "Sqrt", x, &x, err));
    return table_of_matrix(l, x, (size_t)centers.shape.dims[0], out, err);
}

/* --- FeatureAgglomeration: means of columns that belong together --- */

static enum status pool(struct lowering *l, const struct pickle_object *self,
                        const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *function = pickle_get(self, "pooling_func");
    struct tensor labels, members, sizes;
    struct shape matrix, vector;
    double most = -1;
    value_id x, constant;
    size_t groups;

    if (function &&
        (strcmp(pickle_name(function), "mean") || !pickle_is(function, "numpy", "mean")))
        return state_error(err, "pooling_func", "other than numpy.mean is not served");
    TRY(state_vector(l, self, "labels_", (int64_t)in->count, &labels, err));
    for (size_t f = 0; f < in->count; f++) {
        if (!(tensor_f64(&labels, f) >= 0 && tensor_f64(&labels, f) < (double)in->count))
            return state_error(err, "labels_", "is out of range");
        most = tensor_f64(&labels, f) > most ? tensor_f64(&labels, f) : most;
    }
    groups = (size_t)(most + 1);
    matrix = SHAPE((int64_t)groups, (int64_t)in->count);
    vector = SHAPE((int64_t)groups);
    TRY(tensor_new(&members, DTYPE_F64, &matrix, l->keep, err));
    TRY(tensor_new(&sizes, DTYPE_F64, &vector, l->keep, err));
    for (size_t f = 0; f < in->count; f++) {
        size_t group = (size_t)tensor_f64(&labels, f);

        ((double *)members.data)[group * in->count + f] = 1;
        ((double *)sizes.data)[group] += 1;
    }
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(emit_linear(l, x, &members, NULL, &x, err));
    TRY(emit_constant(&l->e, &sizes, &constant, err));
    TRY(emit_2(&l->e, "Div", x, constant, &x, err));
    return table_of_matrix(l, x, groups, out, err);
}

#define CENTERS(class_name, function, distances)                                                   \
    {                                                                                              \
        .name = class_name, .predict = function, .transform = distances,                           \
        .width = "cluster_centers_"                                                                \
    }

const struct estimator_set estimators_cluster = ESTIMATOR_SET(
    CENTERS("KMeans", predict, transform), CENTERS("MiniBatchKMeans", predict, transform),
    CENTERS("BisectingKMeans", predict_bisected, transform),
    CENTERS("MeanShift", predict_nearest, NULL),
    CENTERS("AffinityPropagation", predict_nearest, NULL),
    {.name = "Birch",
     .predict = predict_subcluster,
     .transform = subcluster_distances,
     .width = "subcluster_centers_"},
    {.name = "FeatureAgglomeration", .transform = pool});
