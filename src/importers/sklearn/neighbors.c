// SPDX-License-Identifier: Apache-2.0
/* Nearest neighbours and local outliers (sklearn/neighbors): the training rows are the model. */
#include "importers/sklearn/internal.h"

struct fitted { /* what all outputs share */
    value_id x, data;
    int64_t rows;
    struct attribute attributes[10];
    size_t count; /* of attributes; room for classes and labels */
};

/* Of the parameters of the metric only Minkowski's exponent is known. */
static enum status metric_read(const struct pickle_object *self, struct fitted *f,
                               struct error *err)
{
    static const char *const METRICS[] = {"euclidean", "manhattan", "chebyshev", "minkowski",
                                          "l2",        "l1",        "cityblock", NULL};
    static const int64_t CODES[] = {0, 1, 2, 3, 0, 1, 1};
    const struct pickle_object *more = pickle_get(self, "effective_metric_params_");
    size_t metric, none = ARRAY_COUNT(CODES);
    double power = 2;

    TRY(state_choice(self, "effective_metric_", METRICS, none, &metric, err));
    if (metric == none)
        return state_error(err, "effective_metric_", "is missing");
    TRY(state_f64(self, "p", 2, &power, err));
    if (!pickle_is_none(more) && more->kind != PICKLE_DICT)
        return state_error(err, "effective_metric_params_", "is no dictionary");
    for (size_t i = 0; more && more->kind == PICKLE_DICT && i < more->count; i++) {
        if (pickle_is_none(more->items[2 * i + 1]))
            continue;
        if (!pickle_text_is(more->items[2 * i], "p") ||
            !pickle_to_f64(more->items[2 * i + 1], &power))
            return state_error(err, "effective_metric_params_", "has another parameter than p");
    }
    f->attributes[f->count++] = attribute_of_int("metric", CODES[metric]);
    f->attributes[f->count++] = attribute_of_float("power", CODES[metric] == 3 ? power : 2);
    return STATUS_OK;
}

/* RadiusNeighborsClassifier, RadiusNeighborsRegressor. */
static bool is_radius(const struct pickle_object *self)
{
    return strncmp(pickle_name(self), "Radius", 6) == 0;
}

/* How many neighbours count, or how far: those of a classifier where there may be none have a
 * label. */
static enum status reach_read(const struct pickle_object *self, struct fitted *f, bool brute,
                              bool weighted, struct error *err)
{
    bool classifier = pickle_get(self, "classes_") != NULL;
    const struct pickle_object *outlier = pickle_get(self, "outlier_label_");
    double radius = 1;
    int64_t neighbours;

    if (!is_radius(self)) {
        TRY(state_i64(self, "n_neighbors", 5, &neighbours, err));
        if (neighbours < 1 || neighbours > f->rows)
            return state_error(err, "n_neighbors", "is %lld, there are %lld training rows",
                               (long long)neighbours, (long long)f->rows);
        f->attributes[f->count++] = attribute_of_int("neighbours", neighbours);
        return STATUS_OK;
    }
    TRY(state_f64(self, "radius", 1, &radius, err));
    if (!(radius >= 0))
        return state_error(err, "radius", "is %g", radius);
    if (brute && (weighted || (classifier && !pickle_is_none(outlier))))
        return state_error(err, "_fit_method", "'brute' with %s is not served",
                           weighted ? "weights" : "a label of outliers");
    f->attributes[f->count++] = attribute_of_float("radius", radius);
    f->attributes[f->count++] = attribute_of_int("empty", !classifier || !pickle_is_none(outlier));
    return STATUS_OK;
}

/* Distances come from products where scikit-learn searches by brute force in Euclidean space. */
static enum status search_read(const struct pickle_object *self, struct fitted *f,
                               struct error *err)
{
    static const char *const SEARCHES[] = {"brute", "kd_tree", "ball_tree", NULL};
    static const char *const WEIGHTS[] = {"uniform", "distance", NULL};
    size_t search, weights = 0;

    TRY(state_choice(self, "_fit_method", SEARCHES, 0, &search, err));
    if (!pickle_is_none(pickle_get(self, "weights")))
        TRY(state_choice(self, "weights", WEIGHTS, 0, &weights, err));
    TRY(reach_read(self, f, search == 0, weights == 1, err));
    f->attributes[f->count++] = attribute_of_int("weighted", (int64_t)weights);
    f->attributes[f->count++] = attribute_of_int("rounded", search == 0);
    return STATUS_OK;
}

static enum status fitted_read(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, struct fitted *f, struct error *err)
{
    int64_t width = (int64_t)in->count;
    struct tensor rows, columns;
    struct shape turned;

    *f = (struct fitted){0};
    TRY(state_matrix(l, self, "_fit_X", -1, width, &rows, err));
    f->rows = rows.shape.dims[0];
    turned = SHAPE(width, f->rows);
    TRY(tensor_new(&columns, DTYPE_F64, &turned, l->keep, err));
    for (int64_t j = 0; j < f->rows; j++)
        for (int64_t c = 0; c < width; c++)
            ((double *)columns.data)[c * f->rows + j] = ((double *)rows.data)[j * width + c];
    TRY(emit_constant(&l->e, &columns, &f->data, err));
    TRY(metric_read(self, f, err));
    TRY(search_read(self, f, err));
    return table_matrix(l, in, CHECK_FINITE, &f->x, err);
}

/* Column `index` of _y, which is (m,) or (m, outputs). */
static enum status targets_read(struct lowering *l, const struct pickle_object *self,
                                const struct fitted *f, bool several, size_t index,
                                struct tensor *column, struct error *err)
{
    struct shape shape = SHAPE(f->rows, 1);
    struct tensor all;

    if (several)
        TRY(state_matrix(l, self, "_y", f->rows, -1, &all, err));
    else
        TRY(state_vector(l, self, "_y", f->rows, &all, err));
    TRY(tensor_new(column, DTYPE_F64, &shape, l->keep, err));
    for (int64_t j = 0; j < f->rows; j++) {
        size_t width = several ? (size_t)all.shape.dims[1] : 1;
        if (index >= width)
            return state_error(err, "_y", "has %zu columns", width);
        ((double *)column->data)[j] = ((double *)all.data)[(size_t)j * width + index];
    }
    return STATUS_OK;
}

/* The classes of each output; *several: they are a list of them. */
static enum status classes_read(struct lowering *l, const struct pickle_object *self,
                                struct tensor **classes, size_t *count, bool *several,
                                struct error *err)
{
    struct pickle_object **items;

    TRY(state_bool(self, "outputs_2d_", false, several, err));
    *count = 1;
    if (*several)
        TRY(state_list(l, self, "classes_", &items, count, err));
    *classes = arena_new(l->keep, struct tensor, *count);
    if (!*classes)
        return error_no_memory(err, "classes");
    if (!*several)
        return state_labels(l, self, "classes_", *classes, err);
    for (size_t i = 0; i < *count; i++)
        TRY(labels_of(l, items[i], &(*classes)[i], err));
    return STATUS_OK;
}

/* Votes (n, classes) or labels (n,) of one output. */
static enum status votes(struct lowering *l, const struct pickle_object *self,
                         const struct fitted *f, const struct tensor *classes, bool several,
                         size_t index, bool labels, value_id *out, struct error *err)
{
    struct attribute attributes[ARRAY_COUNT(f->attributes)];
    struct tensor targets;
    size_t count = f->count;
    value_id y;

    memcpy(attributes, f->attributes, sizeof attributes);
    attributes[count++] = attribute_of_int("classes", (int64_t)tensor_count(classes));
    attributes[count++] = attribute_of_int("labels", labels);
    TRY(targets_read(l, self, f, several, index, &targets, err));
    TRY(emit_constant(&l->e, &targets, &y, err));
    return emit(&l->e, "firn", "NearestNeighbours", (value_id[]){f->x, f->data, y}, 3, attributes,
                count, out, 1, err);
}

/* --- the label of rows without neighbours --- */

/* Its place among the classes, which it is added to where it is none of them; -1: there is none. */
static enum status outlier_place(struct lowering *l, const struct pickle_object *self,
                                 size_t output, struct tensor *classes, int64_t *place,
                                 struct error *err)
{
    struct pickle_object *label = pickle_item(pickle_get(self, "outlier_label_"), output);
    struct pickle_object list = {.kind = PICKLE_LIST, .items = &label, .count = 1};
    size_t count = tensor_count(classes), size = dtype_size(classes->dtype);
    struct shape shape = SHAPE((int64_t)count + 1);
    struct tensor single, all;

    *place = -1;
    if (!is_radius(self) || pickle_is_none(pickle_get(self, "outlier_label_")))
        return STATUS_OK;
    if (!label || labels_of(l, &list, &single, err) || single.dtype != classes->dtype)
        return state_error(err, "outlier_label_", "is not of the kind of the classes");
    for (*place = 0; *place < (int64_t)count; (*place)++)
        if (classes->dtype == DTYPE_STRING
                ? bytes_equal(((const struct bytes *)classes->data)[*place],
                              *(const struct bytes *)single.data)
                : !memcmp((const char *)classes->data + (size_t)*place * size, single.data, size))
            return STATUS_OK;
    TRY(tensor_new(&all, classes->dtype, &shape, l->keep, err));
    memcpy(all.data, classes->data, count * size);
    memcpy((char *)all.data + count * size, single.data, size);
    *classes = all;
    return STATUS_OK;
}

/* The labels of one output: the index after the last class stands for no neighbours. */
static enum status labels_emit(struct lowering *l, const struct pickle_object *self,
                               const struct fitted *f, struct tensor *classes, bool several,
                               size_t output, struct table *out, struct error *err)
{
    double none = (double)tensor_count(classes);
    value_id index, nothing, number, is;
    int64_t place;

    TRY(votes(l, self, f, classes, several, output, true, &index, err));
    TRY(outlier_place(l, self, output, classes, &place, err));
    if (place >= 0) {
        TRY(emit_number(&l->e, DTYPE_I64, none, &nothing, err));
        TRY(emit_number(&l->e, DTYPE_I64, (double)place, &number, err));
        TRY(emit_2(&l->e, "Equal", index, nothing, &is, err));
        TRY(emit_where(&l->e, is, number, index, &index, err));
    }
    return predict_labels(l, classes, index, out, err);
}

/* Rows without votes: the label's share is 1 where it is a class. */
static enum status shares_of_outliers(struct lowering *l, const struct pickle_object *self,
                                      const struct tensor *classes, value_id *shares,
                                      struct error *err)
{
    struct shape shape = SHAPE(1, (int64_t)tensor_count(classes));
    struct tensor known = *classes, row;
    value_id sum, zero, none, constant;
    int64_t place;

    TRY(outlier_place(l, self, 0, &known, &place, err));
    if (place < 0 || place >= shape.dims[1])
        return STATUS_OK;
    TRY(tensor_new(&row, DTYPE_F64, &shape, l->keep, err));
    tensor_set_f64(&row, (size_t)place, 1);
    TRY(emit_constant(&l->e, &row, &constant, err));
    TRY(emit_reduce(&l->e, "ReduceSum", *shares, (const int64_t[]){1}, 1, true, &sum, err));
    TRY(emit_scalar(l, 0, &zero, err));
    TRY(emit_2(&l->e, "Equal", sum, zero, &none, err));
    return emit_where(&l->e, none, constant, *shares, shares, err);
}

static enum status classify(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    struct tensor *classes;
    struct table *tables;
    struct fitted f;
    size_t count;
    bool several;

    TRY(classes_read(l, self, &classes, &count, &several, err));
    TRY(fitted_read(l, self, in, &f, err));
    tables = arena_new(l->keep, struct table, count);
    if (!tables)
        return error_no_memory(err, "outputs");
    for (size_t i = 0; i < count; i++)
        TRY(labels_emit(l, self, &f, &classes[i], several, i, &tables[i], err));
    if (several)
        return table_join(l, tables, count, out, err);
    *out = tables[0];
    return STATUS_OK;
}

static enum status classify_proba(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct table *out, struct error *err)
{
    struct tensor *classes;
    struct fitted f;
    size_t count;
    bool several;
    value_id shares;

    TRY(classes_read(l, self, &classes, &count, &several, err));
    if (several)
        return state_error(err, "outputs_2d_",
                           "is true: probabilities of several outputs are a "
                           "list of arrays");
    TRY(fitted_read(l, self, in, &f, err));
    TRY(votes(l, self, &f, classes, false, 0, false, &shares, err));
    TRY(shares_of_outliers(l, self, classes, &shares, err));
    return predict_columns(l, classes, shares, out, err);
}

static enum status regress(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *y = pickle_get(self, "_y");
    bool flat = y && y->kind == PICKLE_ARRAY && y->array->shape.rank == 1;
    struct tensor targets;
    struct fitted f;
    value_id rows, means;

    TRY(fitted_read(l, self, in, &f, err));
    if (flat) {
        TRY(targets_read(l, self, &f, false, 0, &targets, err));
    } else {
        TRY(state_matrix(l, self, "_y", f.rows, -1, &targets, err));
    }
    TRY(emit_constant(&l->e, &targets, &rows, err));
    TRY(emit(&l->e, "firn", "NearestNeighbours", (value_id[]){f.x, f.data, rows}, 3, f.attributes,
             f.count, &means, 1, err));
    return predict_numbers(l, means, (size_t)targets.shape.dims[1], flat, out, err);
}

/* --- LocalOutlierFactor --- */

static enum status outlier_scores(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct table *out, struct error *err)
{
    struct tensor reach, density, known;
    struct shape shape;
    struct fitted f;
    int64_t neighbours;
    value_id constant, y, inputs[3];

    TRY(fitted_read(l, self, in, &f, err));
    TRY(state_i64(self, "n_neighbors_", 0, &neighbours, err));
    if (neighbours < 1 || neighbours > f.rows)
        return state_error(err, "n_neighbors_", "is %lld", (long long)neighbours);
    TRY(state_matrix(l, self, "_distances_fit_X_", f.rows, neighbours, &reach, err));
    TRY(state_vector(l, self, "_lrd", f.rows, &density, err));
    shape = SHAPE(2, f.rows);
    TRY(tensor_new(&known, DTYPE_F64, &shape, l->keep, err));
    for (size_t j = 0; j < (size_t)f.rows; j++) {
        tensor_set_f64(&known, j, tensor_f64(&reach, (j + 1) * (size_t)neighbours - 1));
        tensor_set_f64(&known, (size_t)f.rows + j, tensor_f64(&density, j));
    }
    TRY(emit_constant(&l->e, &known, &constant, err));
    for (size_t i = 0; i < f.count; i++)
        if (!strcmp(f.attributes[i].name, "neighbours"))
            f.attributes[i] = attribute_of_int("neighbours", neighbours);
    inputs[0] = f.x;
    inputs[1] = f.data;
    inputs[2] = constant;
    TRY(emit(&l->e, "firn", "OutlierFactor", inputs, 3, f.attributes, f.count, &y, 1, err));
    TRY(table_of_vector(l, y, out, err));
    out->flat = true;
    return STATUS_OK;
}

static bool outlier_has(const struct pickle_object *self, enum method method)
{
    bool novelty = false;

    (void)method;
    return pickle_to_bool(pickle_get(self, "novelty"), &novelty) && novelty;
}

const struct estimator_set estimators_neighbors =
    ESTIMATOR_SET({.name = "KNeighborsClassifier",
                   .predict = classify,
                   .predict_proba = classify_proba,
                   .width = "_fit_X"},
                  {.name = "KNeighborsRegressor", .predict = regress, .width = "_fit_X"},
                  {.name = "RadiusNeighborsClassifier",
                   .predict = classify,
                   .predict_proba = classify_proba,
                   .width = "_fit_X"},
                  {.name = "RadiusNeighborsRegressor", .predict = regress, .width = "_fit_X"},
                  {.name = "LocalOutlierFactor",
                   .predict = predict_inlier,
                   .decision_function = decide_inlier,
                   .score_samples = outlier_scores,
                   .has = outlier_has,
                   .width = "_fit_X"});
