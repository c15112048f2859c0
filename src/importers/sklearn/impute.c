// SPDX-License-Identifier: Apache-2.0
/* Missing values: SimpleImputer, its predecessor Imputer, MissingIndicator. */
#include "importers/sklearn/internal.h"

#include <math.h>
#include <string.h>

/* missing_values: which value stands for a missing one. `text` when it is a str. */
static enum status missing_of(const struct pickle_object *self, double *missing, bool *text,
                              struct error *err)
{
    const struct pickle_object *stored = pickle_get(self, "missing_values");

    *text = stored && stored->kind == PICKLE_TEXT && !pickle_text_is(stored, "NaN");
    *missing = NAN;
    if (*text || !stored || stored->kind == PICKLE_NONE || pickle_text_is(stored, "NaN"))
        return STATUS_OK;
    if (strcmp(pickle_name(stored), "NAType") == 0 || strcmp(pickle_name(stored), "NA") == 0)
        return STATUS_OK;
    if (!pickle_to_f64(stored, missing))
        return state_error(err, "missing_values", "is no number and no text");
    return STATUS_OK;
}

static enum status missing_mask(struct lowering *l, value_id x, double missing, value_id *mask,
                                struct error *err)
{
    value_id value;

    if (isnan(missing))
        return emit_1(&l->e, "IsNaN", x, mask, err);
    TRY(emit_scalar(l, missing, &value, err));
    return emit_2(&l->e, "Equal", x, value, mask, err);
}

/* --- MissingIndicator --- */

static enum status indicator_columns(struct lowering *l, const struct pickle_object *self,
                                     size_t width, size_t **columns, size_t *count,
                                     struct error *err)
{
    static const char *const FEATURES[] = {"missing-only", "all", NULL};
    struct tensor features;
    size_t which;

    TRY(state_choice(self, "features", FEATURES, 0, &which, err));
    *count = width;
    *columns = arena_new(l->keep, size_t, width);
    if (!*columns)
        return error_no_memory(err, "columns");
    for (size_t i = 0; i < width; i++)
        (*columns)[i] = i;
    if (which == 1)
        return STATUS_OK;
    TRY(state_vector(l, self, "features_", -1, &features, err));
    *count = tensor_count(&features);
    if (*count > width)
        return state_error(err, "features_", "has %zu columns of %zu", *count, width);
    for (size_t i = 0; i < *count; i++) {
        double at = tensor_f64(&features, i);

        if (!(at >= 0 && at < (double)width))
            return state_error(err, "features_", "is out of range");
        (*columns)[i] = (size_t)at;
    }
    return STATUS_OK;
}

/* A Domain node that lets nothing missing pass. */
static enum status refuse_missing(struct lowering *l, value_id x, double missing, value_id *out,
                                  struct error *err)
{
    struct attribute attributes[] = {
        {.name = "missing", .kind = ATTRIBUTE_FLOATS, .count = 1, .floats = &missing},
        attribute_of_int("on_missing", 1)};

    return emit(&l->e, "firn", "Domain", &x, 1, attributes, 2, out, 1, err);
}

/* Columns that had nothing missing when fitted must not have it now (error_on_new). */
static enum status guard_others(struct lowering *l, const struct pickle_object *self,
                                const struct table *in, const size_t *columns, size_t count,
                                double missing, struct table *guarded, struct error *err)
{
    bool strict, *marked = arena_new(l->keep, bool, in->count);
    struct column *copies = arena_new(l->keep, struct column, in->count);

    *guarded = *in;
    TRY(state_bool(self, "error_on_new", true, &strict, err));
    if (!strict || count == in->count)
        return STATUS_OK;
    (void)missing;
    if (!marked || !copies)
        return error_no_memory(err, "columns");
    for (size_t i = 0; i < count; i++)
        marked[columns[i]] = true;
    for (size_t i = 0; i < in->count; i++) {
        struct table single, made;
        value_id x;

        copies[i] = in->columns[i];
        if (marked[i])
            continue;
        TRY(table_pick(l, in, &i, 1, &single, err));
        TRY(table_matrix(l, &single, CHECK_NONE, &x, err));
        TRY(refuse_missing(l, x, missing, &x, err));
        TRY(table_of_matrix(l, x, 1, &made, err));
        copies[i] = made.columns[0];
    }
    guarded->columns = copies;
    return STATUS_OK;
}

static enum status indicate(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    struct table guarded, mask;
    size_t *columns, count;
    double missing;
    value_id x;
    bool text;

    TRY(missing_of(self, &missing, &text, err));
    if (text)
        return state_error(err, "missing_values", "of text is not served yet");
    TRY(indicator_columns(l, self, in->count, &columns, &count, err));
    TRY(guard_others(l, self, in, columns, count, missing, &guarded, err));
    TRY(table_matrix(l, &guarded, isnan(missing) ? CHECK_FINITE_OR_NAN : CHECK_FINITE, &x, err));
    if (count < in->count) { /* the guards must be part of what is computed */
        value_id all = x;

        TRY(missing_mask(l, all, missing, &x, err));
    } else {
        TRY(missing_mask(l, x, missing, &x, err));
    }
    TRY(table_of_matrix(l, x, in->count, &mask, err));
    return table_pick(l, &mask, columns, count, out, err);
}

/* --- SimpleImputer --- */

/* The mask columns that add_indicator puts behind the imputed ones. */
static enum status append_indicator(struct lowering *l, const struct pickle_object *self,
                                    value_id mask, size_t width, struct table *out,
                                    struct error *err)
{
    const struct pickle_object *indicator = pickle_get(self, "indicator_");
    struct table parts[2], all;
    size_t *columns, count;
    bool add;

    TRY(state_bool(self, "add_indicator", false, &add, err));
    if (!add)
        return STATUS_OK;
    if (pickle_is_none(indicator))
        return state_error(err, "indicator_", "is missing");
    TRY(indicator_columns(l, indicator, width, &columns, &count, err));
    TRY(table_of_matrix(l, mask, width, &all, err));
    parts[0] = *out;
    TRY(table_pick(l, &all, columns, count, &parts[1], err));
    return table_join(l, parts, 2, out, err);
}

/* Columns of which nothing was known when fitted (their statistic is NaN) are left out. */
static enum status drop_empty(struct lowering *l, const struct pickle_object *self,
                              const struct tensor *statistics, struct table *out, struct error *err)
{
    size_t count = 0, *indices = arena_new(l->keep, size_t, tensor_count(statistics));
    struct table all = *out;
    bool keep_empty;

    TRY(state_bool(self, "keep_empty_features", false, &keep_empty, err));
    if (!indices)
        return error_no_memory(err, "columns");
    for (size_t i = 0; i < tensor_count(statistics); i++)
        if (!isnan(tensor_f64(statistics, i)))
            indices[count++] = i;
    if (keep_empty || count == out->count)
        return STATUS_OK;
    if (pickle_text_is(pickle_get(self, "strategy"), "constant"))
        return state_error(err, "fill_value", "is NaN");
    return table_pick(l, &all, indices, count, out, err);
}

static enum status impute_numbers(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, const struct tensor *statistics,
                                  struct table *out, struct error *err)
{
    value_id x, mask, fill, y;
    double missing;
    bool text;

    TRY(missing_of(self, &missing, &text, err));
    if (text)
        return state_error(err, "missing_values", "is text, but the columns are numbers");
    TRY(table_matrix(l, in, isnan(missing) ? CHECK_FINITE_OR_NAN : CHECK_FINITE, &x, err));
    TRY(missing_mask(l, x, missing, &mask, err));
    TRY(emit_constant(&l->e, statistics, &fill, err));
    TRY(emit_where(&l->e, mask, fill, x, &y, err));
    TRY(table_of_matrix(l, y, in->count, out, err));
    TRY(drop_empty(l, self, statistics, out, err));
    return append_indicator(l, self, mask, in->count, out, err);
}

static enum status impute_text(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, const struct tensor *statistics,
                               struct table *out, struct error *err)
{
    struct table *parts = arena_new(l->keep, struct table, in->count);
    struct bytes *placeholder = arena_new(l->keep, struct bytes, 1);
    struct attribute none = attribute_of_int("on_missing", 1); /* an error */
    double missing;
    bool text, add;

    TRY(missing_of(self, &missing, &text, err));
    TRY(state_bool(self, "add_indicator", false, &add, err));
    if (!parts || !placeholder)
        return error_no_memory(err, "columns");
    if (text ? !pickle_to_text(pickle_get(self, "missing_values"), placeholder, l->keep)
             : !isnan(missing))
        return state_error(err, "missing_values", "other than NaN, None or text for text");
    if (add)
        return state_error(err, "add_indicator", "for text is not served yet");
    for (size_t i = 0; i < in->count; i++) {
        struct attribute attributes[] = {
            {.name = "missing_replacement",
             .kind = ATTRIBUTE_STRING,
             .s = ((const struct bytes *)statistics->data)[i]},
            attribute_of_int("on_missing", 2),
            {.name = "missing", .kind = ATTRIBUTE_STRINGS, .count = 1, .strings = placeholder}};
        value_id x;

        TRY(table_vector(l, in, i, DTYPE_STRING, &x, err));
        if (text) /* what is really missing is refused, then */
            TRY(emit(&l->e, "firn", "DomainText", &x, 1, &none, 1, &x, 1, err));
        TRY(emit(&l->e, "firn", "DomainText", &x, 1, attributes, text ? 3 : 2, &x, 1, err));
        TRY(table_of_vector(l, x, &parts[i], err));
    }
    return table_join(l, parts, in->count, out, err);
}

static enum status impute(struct lowering *l, const struct pickle_object *self,
                          const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *stored;
    struct tensor statistics;

    TRY(state_object(self, "statistics_", &stored, err));
    if (pickle_to_tensor(stored, &statistics, l->keep, err))
        return error_within(err, "attribute 'statistics_'");
    if (statistics.shape.rank != 1)
        return state_error(err, "statistics_", "has %d dimensions", statistics.shape.rank);
    TRY(table_expect(in, tensor_count(&statistics), err));
    if (statistics.dtype == DTYPE_STRING)
        return impute_text(l, self, in, &statistics, out, err);
    TRY(state_vector(l, self, "statistics_", (int64_t)in->count, &statistics, err));
    return impute_numbers(l, self, in, &statistics, out, err);
}

/* --- KNNImputer --- */

/* _fit_X as columns, NaN where something is missing; which columns have values at all. */
static enum status donors_of(struct lowering *l, const struct pickle_object *self, size_t width,
                             double missing, struct tensor *data, bool *valid, struct error *err)
{
    struct tensor rows;
    struct shape turned;
    size_t count;

    TRY(state_matrix(l, self, "_fit_X", -1, (int64_t)width, &rows, err));
    count = (size_t)rows.shape.dims[0];
    turned = SHAPE((int64_t)width, (int64_t)count);
    TRY(tensor_new(data, DTYPE_F64, &turned, l->keep, err));
    for (size_t j = 0; j < count; j++)
        for (size_t c = 0; c < width; c++) {
            double value = tensor_f64(&rows, j * width + c);

            ((double *)data->data)[c * count + j] = value == missing ? NAN : value;
            valid[c] = valid[c] || !(isnan(value) || value == missing);
        }
    return STATUS_OK;
}

/* Columns that had no value when fitted: zeros, or left out. */
static enum status valid_only(struct lowering *l, const struct pickle_object *self, value_id y,
                              size_t width, const bool *valid, struct table *out, struct error *err)
{
    size_t count = 0, *indices = arena_new(l->keep, size_t, width);
    struct shape shape = SHAPE((int64_t)width);
    struct tensor empty;
    struct table all;
    value_id mask, zero;
    bool keep_empty;

    TRY(state_bool(self, "keep_empty_features", false, &keep_empty, err));
    if (!indices)
        return error_no_memory(err, "columns");
    TRY(tensor_new(&empty, DTYPE_BOOL, &shape, l->keep, err));
    for (size_t c = 0; c < width; c++) {
        ((bool *)empty.data)[c] = !valid[c];
        if (valid[c] || keep_empty)
            indices[count++] = c;
    }
    if (keep_empty) {
        TRY(emit_constant(&l->e, &empty, &mask, err));
        TRY(emit_scalar(l, 0, &zero, err));
        TRY(emit_where(&l->e, mask, zero, y, &y, err));
    }
    TRY(table_of_matrix(l, y, width, &all, err));
    return table_pick(l, &all, indices, count, out, err);
}

static enum status impute_near(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, struct table *out, struct error *err)
{
    static const char *const WEIGHTS[] = {"uniform", "distance", NULL};
    static const char *const METRICS[] = {"nan_euclidean", NULL};
    bool text, *valid = arena_new(l->keep, bool, in->count);
    value_id x, mask, gap, y, data;
    struct tensor donors;
    int64_t neighbours;
    size_t weights, metric;
    double missing;

    if (!valid)
        return error_no_memory(err, "columns");
    TRY(missing_of(self, &missing, &text, err));
    if (text)
        return state_error(err, "missing_values", "is text");
    TRY(state_i64(self, "n_neighbors", 5, &neighbours, err));
    TRY(state_choice(self, "weights", WEIGHTS, 0, &weights, err));
    TRY(state_choice(self, "metric", METRICS, 0, &metric, err));
    TRY(donors_of(l, self, in->count, missing, &donors, valid, err));
    TRY(table_matrix(l, in, isnan(missing) ? CHECK_FINITE_OR_NAN : CHECK_FINITE, &x, err));
    TRY(missing_mask(l, x, missing, &mask, err));
    y = x;
    if (!isnan(missing)) {
        TRY(emit_scalar(l, NAN, &gap, err));
        TRY(emit_where(&l->e, mask, gap, x, &y, err));
    }
    TRY(emit_constant(&l->e, &donors, &data, err));
    TRY(emit_node(&l->e, "firn", "NeighbourImpute", EMIT(y, data),
                  EMIT_ATTRIBUTES(attribute_of_int("neighbours", neighbours),
                                  attribute_of_int("weighted", (int64_t)weights)),
                  &y, err));
    TRY(valid_only(l, self, y, in->count, valid, out, err));
    return append_indicator(l, self, mask, in->count, out, err);
}

/* sklearn.preprocessing.Imputer, until 0.21. */
static enum status impute_old(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, struct table *out, struct error *err)
{
    int64_t axis;

    TRY(state_i64(self, "axis", 0, &axis, err));
    if (axis != 0)
        return state_error(err, "axis", "other than 0");
    return impute(l, self, in, out, err);
}

/* sklearn_pandas.CategoricalImputer: one column, fill_ for what is missing. */
static enum status impute_category(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *fill = pickle_get(self, "fill_");
    struct shape shape = SHAPE(1);
    struct tensor statistics;
    double missing, number;
    bool text;

    TRY(table_expect(in, 1, err));
    TRY(missing_of(self, &missing, &text, err));
    if (text)
        return state_error(err, "missing_values", "of text is not served yet");
    if (fill && fill->kind == PICKLE_TEXT) {
        TRY(tensor_new(&statistics, DTYPE_STRING, &shape, l->keep, err));
        *(struct bytes *)statistics.data = fill->bytes;
        TRY(impute_text(l, self, in, &statistics, out, err));
    } else if (pickle_to_f64(fill, &number)) {
        TRY(tensor_new(&statistics, DTYPE_F64, &shape, l->keep, err));
        tensor_set_f64(&statistics, 0, number);
        TRY(impute_numbers(l, self, in, &statistics, out, err));
    } else {
        return state_error(err, "fill_", "is no text and no number");
    }
    out->flat = in->flat;
    return STATUS_OK;
}

const struct estimator_set estimators_impute = ESTIMATOR_SET(
    {.name = "SimpleImputer", .transform = impute, .width = "statistics_"},
    {.name = "KNNImputer", .transform = impute_near, .width = "_fit_X"},
    {.name = "Imputer", .transform = impute_old, .width = "statistics_"},
    {.name = "MissingIndicator", .transform = indicate},
    {.name = "CategoricalImputer", .package = "sklearn_pandas", .transform = impute_category});
