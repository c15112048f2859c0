// SPDX-License-Identifier: Apache-2.0
/* Tails of predictors: numbers, labels, probabilities. */
#include "importers/sklearn/internal.h"

enum status predict_numbers(struct lowering *l, value_id matrix, size_t width, bool flat,
                            struct table *out, struct error *err)
{
    int64_t one = 1;
    struct shape shape = shape_of(1, &one);
    value_id axes, vector;

    if (!flat)
        return table_of_matrix(l, matrix, width, out, err);
    TRY(graph_constant_i64(l->e.graph, &one, &shape, &axes, err));
    TRY(emit_2(&l->e, "Squeeze", matrix, axes, &vector, err));
    TRY(table_of_vector(l, vector, out, err));
    out->flat = true;
    return STATUS_OK;
}

static enum status keep_classes(struct lowering *l, const struct tensor *classes, struct table *out,
                                struct error *err)
{
    struct tensor *kept = arena_new(l->keep, struct tensor, 1);

    if (!kept)
        return error_no_memory(err, "class labels");
    *kept = *classes;
    out->classes = kept;
    return STATUS_OK;
}

enum status predict_labels(struct lowering *l, const struct tensor *classes, value_id index,
                           struct table *out, struct error *err)
{
    value_id labels, vector;

    TRY(emit_constant(&l->e, classes, &labels, err));
    TRY(emit_2(&l->e, "Gather", labels, index, &vector, err));
    TRY(table_of_vector(l, vector, out, err));
    out->flat = true;
    return keep_classes(l, classes, out, err);
}

enum status predict_argmax(struct lowering *l, const struct tensor *classes, value_id scores,
                           struct table *out, struct error *err)
{
    struct attribute attributes[] = {attribute_of_int("axis", 1), attribute_of_int("keepdims", 0)};
    value_id index;

    TRY(emit(&l->e, "", "ArgMax", &scores, 1, attributes, 2, &index, 1, err));
    return predict_labels(l, classes, index, out, err);
}

enum status predict_sign(struct lowering *l, const struct tensor *classes, value_id scores,
                         struct table *out, struct error *err)
{
    int64_t one = 1;
    struct shape shape = shape_of(1, &one);
    value_id zero, axes, positive, index;

    TRY(emit_scalar(l, 0, &zero, err));
    TRY(graph_constant_i64(l->e.graph, &one, &shape, &axes, err));
    TRY(emit_2(&l->e, "Squeeze", scores, axes, &index, err));
    TRY(emit_2(&l->e, "Greater", index, zero, &positive, err));
    TRY(emit_cast(&l->e, positive, DTYPE_I64, &index, err));
    return predict_labels(l, classes, index, out, err);
}

enum status predict_columns(struct lowering *l, const struct tensor *classes, value_id matrix,
                            struct table *out, struct error *err)
{
    TRY(table_of_matrix(l, matrix, tensor_count(classes), out, err));
    return keep_classes(l, classes, out, err);
}

enum status emit_both(struct lowering *l, value_id p, value_id *out, struct error *err)
{
    struct attribute axis = attribute_of_int("axis", 1);
    value_id rest;

    TRY(emit_one_minus(&l->e, p, &rest, err));
    return emit(&l->e, "", "Concat", (value_id[]){rest, p}, 2, &axis, 1, out, 1, err);
}

enum status emit_normalised(struct lowering *l, value_id p, value_id *out, struct error *err)
{
    int64_t one = 1;
    struct shape shape = shape_of(1, &one);
    value_id axes, sum;

    TRY(graph_constant_i64(l->e.graph, &one, &shape, &axes, err));
    TRY(emit_2(&l->e, "ReduceSum", p, axes, &sum, err));
    return emit_2(&l->e, "Div", p, sum, out, err);
}

enum status emit_softmax(struct lowering *l, value_id scores, value_id *out, struct error *err)
{
    struct attribute axis = attribute_of_int("axis", 1);

    return emit(&l->e, "", "Softmax", &scores, 1, &axis, 1, out, 1, err);
}

enum status emit_scaled(struct lowering *l, const char *op, value_id x, double number,
                        value_id *out, struct error *err)
{
    value_id constant;

    TRY(emit_scalar(l, number, &constant, err));
    return emit_2(&l->e, op, x, constant, out, err);
}

enum status classify_by_proba(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    struct table proba;
    value_id scores;

    TRY(state_labels(l, self, "classes_", &classes, err));
    TRY(estimator_lower(l, NULL, self, METHOD_PREDICT_PROBA, in, &proba, err));
    TRY(table_matrix(l, &proba, CHECK_NONE, &scores, err));
    return predict_argmax(l, &classes, scores, out, err);
}

enum status emit_normalised_or(struct lowering *l, value_id p, const double *otherwise,
                               value_id *out, struct error *err)
{
    int64_t first = 1;
    struct shape shape = shape_of(1, &first);
    value_id axes, zero, rest = p, sum, none, shares;

    TRY(graph_constant_i64(l->e.graph, &first, &shape, &axes, err));
    TRY(emit_scalar(l, 0, &zero, err));
    if (otherwise)
        TRY(emit_scalar(l, *otherwise, &rest, err));
    TRY(emit_2(&l->e, "ReduceSum", p, axes, &sum, err));
    TRY(emit_2(&l->e, "Equal", sum, zero, &none, err));
    TRY(emit_2(&l->e, "Div", p, sum, &shares, err));
    return emit_where(&l->e, none, rest, shares, out, err);
}

enum status emit_row_zeros(struct lowering *l, value_id vector, value_id *out, struct error *err)
{
    enum dtype dtype = l->e.graph->values[vector].dtype == DTYPE_STRING ? DTYPE_STRING : DTYPE_F64;
    struct shape none = SHAPE(0), single = SHAPE(1, 1);
    struct tensor *tensors = arena_new(l->keep, struct tensor, 2);
    struct attribute attributes[3];
    int64_t one = 1;
    struct shape shape = shape_of(1, &one);
    value_id axes;

    if (!tensors)
        return error_no_memory(err, "an index");
    TRY(tensor_new(&tensors[0], dtype, &none, l->keep, err));
    TRY(tensor_new(&tensors[1], DTYPE_F64, &single, l->keep, err));
    attributes[0] = attribute_of_tensor("keys", &tensors[0]);
    attributes[1] = attribute_of_tensor("rows", &tensors[1]);
    attributes[2] = attribute_of_int("unknown", 1);
    TRY(emit_cast(&l->e, vector, dtype, &vector, err));
    TRY(emit(&l->e, "firn", "Lookup", &vector, 1, attributes, 3, out, 1, err));
    TRY(graph_constant_i64(l->e.graph, &one, &shape, &axes, err));
    TRY(emit_2(&l->e, "Squeeze", *out, axes, out, err));
    return emit_cast(&l->e, *out, DTYPE_I64, out, err);
}

enum status emit_constant_rows(struct lowering *l, const struct table *in, const struct tensor *row,
                               value_id *out, struct error *err)
{
    value_id first, zeros, constant;

    if (in->count == 0)
        return error_set(err, STATUS_UNSUPPORTED, "is given a table without columns");
    TRY(table_vector(l, in, 0, DTYPE_NONE, &first, err));
    TRY(emit_row_zeros(l, first, &zeros, err));
    TRY(emit_constant(&l->e, row, &constant, err));
    return emit_2(&l->e, "Gather", constant, zeros, out, err);
}

enum status decide_inlier(struct lowering *l, const struct pickle_object *self,
                          const struct table *in, struct table *out, struct error *err)
{
    struct table scored;
    double offset;
    value_id x;

    if (!pickle_to_f64(pickle_get(self, "offset_"), &offset))
        return state_error(err, "offset_", "is no number");
    TRY(estimator_lower(l, NULL, self, METHOD_SCORE_SAMPLES, in, &scored, err));
    TRY(table_matrix(l, &scored, CHECK_NONE, &x, err));
    TRY(emit_scaled(l, "Sub", x, offset, &x, err));
    return predict_numbers(l, x, 1, true, out, err);
}

enum status predict_inlier(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    static const int64_t LABELS[] = {1, -1};
    struct tensor labels = {DTYPE_I64, SHAPE(2), (void *)(uintptr_t)LABELS};
    value_id vector, zero, outlier, index;
    struct table decided;

    TRY(estimator_lower(l, NULL, self, METHOD_DECISION_FUNCTION, in, &decided, err));
    TRY(table_vector(l, &decided, 0, DTYPE_F64, &vector, err));
    TRY(emit_scalar(l, 0, &zero, err));
    TRY(emit_2(&l->e, "Less", vector, zero, &outlier, err));
    TRY(emit_cast(&l->e, outlier, DTYPE_I64, &index, err));
    return predict_labels(l, &labels, index, out, err);
}
