// SPDX-License-Identifier: Apache-2.0
/* sklearn2pmml's decorators: domains (treatment of missing and invalid values), aliases. */
#include "importers/sklearn/packages/pmml.h"

#include <math.h>
#include <string.h>

enum { ATTRIBUTES_MAX = 16 };

struct treatment { /* attributes of a Domain or DomainText node */
    struct attribute list[ATTRIBUTES_MAX];
    size_t count;
    bool changes; /* does anything at all */
};

static void treat_int(struct treatment *t, const char *name, int64_t value)
{
    t->list[t->count++] = attribute_of_int(name, value);
}

static void treat_f64(struct treatment *t, const char *name, double value)
{
    t->list[t->count++] = attribute_of_float(name, value);
}

/* A replacement value: a number or a text, as the column wants. */
static enum status treat_value(struct lowering *l, struct treatment *t,
                               const struct pickle_object *self, const char *attribute, bool text,
                               const char *name, struct error *err)
{
    const struct pickle_object *stored = pickle_get(self, attribute);
    struct bytes string;
    double number;

    if (!text) {
        if (!pickle_to_f64(stored, &number))
            return state_error(err, attribute, "is no number");
        treat_f64(t, name, number);
        return STATUS_OK;
    }
    if (!stored || stored->kind != PICKLE_TEXT || !pickle_to_text(stored, &string, l->keep))
        return state_error(err, attribute, "is no text");
    t->list[t->count++] = (struct attribute){.name = name, .kind = ATTRIBUTE_STRING, .s = string};
    return STATUS_OK;
}

/* missing_values: None (NaN, missing), a value, or a list of values. */
static enum status treat_missing_values(struct lowering *l, struct treatment *t,
                                        const struct pickle_object *self, bool text,
                                        struct error *err)
{
    const struct pickle_object *stored = pickle_get(self, "missing_values");
    bool list = stored && stored->kind == PICKLE_LIST;
    size_t count = list ? pickle_length(stored) : 1;
    double *numbers = arena_new(l->keep, double, count + 1);
    struct bytes *texts = arena_new(l->keep, struct bytes, count + 1);

    if (!numbers || !texts)
        return error_no_memory(err, "missing values");
    for (size_t i = 0; i < count; i++) {
        const struct pickle_object *item = list ? pickle_item(stored, i) : stored;

        if (pickle_is_none(item))
            numbers[i] = NAN; /* texts[i] stays without data: missing */
        else if (text ? item->kind != PICKLE_TEXT || !pickle_to_text(item, &texts[i], l->keep)
                      : !pickle_to_f64(item, &numbers[i]))
            return state_error(err, "missing_values", "holds a value of another kind");
    }
    if (text && !pickle_is_none(stored))
        return state_error(err, "missing_values", "for text is not served yet");
    t->list[t->count++] =
        text ? (struct attribute){.name = "missing",
                                  .kind = ATTRIBUTE_STRINGS,
                                  .count = 0,
                                  .strings = texts}
             : (struct attribute){
                   .name = "missing", .kind = ATTRIBUTE_FLOATS, .count = count, .floats = numbers};
    if (!text && !pickle_is_none(stored))
        treat_f64(t, "missing_value", numbers[0]);
    return STATUS_OK;
}

static enum status treat_missing_and_invalid(struct lowering *l, struct treatment *t,
                                             const struct pickle_object *self, bool text,
                                             struct error *err)
{
    static const char *const MISSING[] = {"as_is",     "return_invalid", "as_value", "as_mean",
                                          "as_median", "as_mode",        NULL};
    static const char *const INVALID[] = {"return_invalid", "as_is", "as_missing", "as_value",
                                          NULL};
    size_t missing, invalid;

    TRY(state_choice(self, "missing_value_treatment", MISSING, 0, &missing, err));
    TRY(state_choice(self, "invalid_value_treatment", INVALID, 0, &invalid, err));
    TRY(treat_missing_values(l, t, self, text, err));
    if (missing == 1) {
        treat_int(t, "on_missing", 1);
        t->changes = true;
    } else if (!pickle_is_none(pickle_get(self, "missing_value_replacement"))) {
        treat_int(t, "on_missing", 2);
        TRY(treat_value(l, t, self, "missing_value_replacement", text, "missing_replacement", err));
        t->changes = true;
    }
    treat_int(t, "on_invalid", (int64_t)invalid);
    if (invalid == 3)
        TRY(treat_value(l, t, self, "invalid_value_replacement", text, "invalid_replacement", err));
    return STATUS_OK;
}

/* dtype: what values are cast to first. Only casts that change no value pass. */
static enum status check_dtype(const struct pickle_object *self, bool discrete, struct error *err)
{
    const struct pickle_object *dtype = pickle_get(self, "dtype");
    const char *name = pickle_name(dtype);

    if (pickle_is_none(dtype) || pickle_text_is(dtype, "float") ||
        pickle_text_is(dtype, "float64") || pickle_text_is(dtype, "str"))
        return STATUS_OK;
    if (dtype->kind == PICKLE_GLOBAL &&
        (strcmp(name, "float") == 0 || strcmp(name, "float64") == 0))
        return STATUS_OK;
    if (strcmp(name, "_load_type") == 0 && pickle_text_is(pickle_item(dtype->args, 0), "float"))
        return STATUS_OK;
    /* Values are checked against the known ones after the cast, so a lossy cast is refused. */
    if (discrete && (pickle_text_is(dtype, "Int64") || pickle_text_is(dtype, "int64") ||
                     pickle_text_is(dtype, "category") || strcmp(name, "CategoricalDtype") == 0))
        return STATUS_OK;
    return state_error(err, "dtype", "casts that firn does not know");
}

/* Whether pandas held integers here: dtype_, or the dtype of what was seen while fitting. */
static bool held_integers(const struct pickle_object *self)
{
    static const char *const SEEN[] = {"data_min_", "data_values_", "data_"};
    const struct pickle_object *dtype = pickle_get(self, "dtype_");
    const struct pickle_object *name = dtype ? pickle_item(dtype->args, 0) : NULL;

    if (name && name->kind == PICKLE_TEXT && name->bytes.size == 2)
        return name->bytes.data[0] == 'i' || name->bytes.data[0] == 'u';
    for (size_t i = 0; !dtype && i < ARRAY_COUNT(SEEN); i++) {
        const struct pickle_object *seen = pickle_get(self, SEEN[i]);

        if (seen && seen->kind == PICKLE_ARRAY)
            return seen->array->dtype.kind == 'i' || seen->array->dtype.kind == 'u';
    }
    return false;
}

/* Also of the input columns themselves: another step may take them as they come. */
static void mark_integral(struct lowering *l, const struct pickle_object *self,
                          const struct table *in, struct table *table)
{
    bool integers = held_integers(self);

    for (size_t i = 0; i < in->count; i++)
        if (in->columns[i].source >= 0 && l->mode != INPUT_MATRIX)
            l->sources[in->columns[i].source].integral = integers;
    for (size_t i = 0; i < table->count; i++)
        if (table->columns[i].dtype == DTYPE_F64 || table->columns[i].dtype == DTYPE_NONE)
            ((struct column *)table->columns)[i].integral = integers;
}

/* The treated matrix as a table that keeps the columns' names. */
static enum status treated_table(struct lowering *l, value_id x, const struct table *in,
                                 struct table *out, struct error *err)
{
    TRY(table_of_matrix(l, x, in->count, out, err));
    for (size_t i = 0; i < in->count; i++)
        ((struct column *)out->columns)[i].name = in->columns[i].name;
    out->flat = in->flat;
    return STATUS_OK;
}

/* --- ContinuousDomain --- */

static enum status treat_limits(struct lowering *l, struct treatment *t,
                                const struct pickle_object *self, size_t width, struct error *err)
{
    static const char *const NAMES[] = {"data_min_", "data_max_"};
    static const char *const LIMITS[] = {"low", "high"};

    if (!pickle_get(self, "data_min_") || !pickle_get(self, "data_max_"))
        return STATUS_OK;
    for (int i = 0; i < 2; i++) {
        struct tensor limits;

        if (pickle_to_tensor_f64(pickle_get(self, NAMES[i]), &limits, l->keep, err))
            return error_within(err, "attribute '%s'", NAMES[i]);
        if (tensor_count(&limits) != width)
            return state_error(err, NAMES[i], "has %zu values for %zu columns",
                               tensor_count(&limits), width);
        t->list[t->count++] = (struct attribute){
            .name = LIMITS[i], .kind = ATTRIBUTE_FLOATS, .count = width, .floats = limits.data};
    }
    t->changes = true;
    return STATUS_OK;
}

static enum status continuous(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, struct table *out, struct error *err)
{
    static const char *const OUTLIERS[] = {"as_is", "as_missing_values", "as_extreme_values", NULL};
    struct treatment t = {0};
    size_t outlier;
    double limit;
    value_id x;

    TRY(check_dtype(self, false, err));
    TRY(treat_missing_and_invalid(l, &t, self, false, err));
    TRY(treat_limits(l, &t, self, in->count, err));
    TRY(state_choice(self, "outlier_treatment", OUTLIERS, 0, &outlier, err));
    if (outlier) {
        treat_int(&t, "on_outlier", (int64_t)outlier);
        if (!pickle_to_f64(pickle_get(self, "low_value"), &limit))
            return state_error(err, "low_value", "is no number");
        treat_f64(&t, "outlier_low", limit);
        if (!pickle_to_f64(pickle_get(self, "high_value"), &limit))
            return state_error(err, "high_value", "is no number");
        treat_f64(&t, "outlier_high", limit);
        t.changes = true;
    }
    TRY(table_matrix(l, in, CHECK_NONE, &x, err));
    if (t.changes)
        TRY(emit(&l->e, "firn", "Domain", &x, 1, t.list, t.count, &x, 1, err));
    TRY(treated_table(l, x, in, out, err));
    mark_integral(l, self, in, out);
    return STATUS_OK;
}

/* --- CategoricalDomain, OrdinalDomain --- */

static enum status discrete_text(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, size_t column, const struct tensor *values,
                                 struct table *out, struct error *err)
{
    struct treatment t = {0};
    value_id x;

    TRY(treat_missing_and_invalid(l, &t, self, true, err));
    if (values) {
        t.list[t.count++] = attribute_of_tensor("values", values);
        t.changes = true;
    }
    TRY(table_vector(l, in, column, DTYPE_STRING, &x, err));
    if (t.changes)
        TRY(emit(&l->e, "firn", "DomainText", &x, 1, t.list, t.count, &x, 1, err));
    return table_of_vector(l, x, out, err);
}

static enum status discrete_number(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, size_t column,
                                   const struct tensor *values, struct table *out,
                                   struct error *err)
{
    struct treatment t = {0};
    struct tensor *numbers = arena_new(l->keep, struct tensor, 1);
    struct table single;
    int64_t end;
    value_id x;

    if (!numbers)
        return error_no_memory(err, "values");
    TRY(treat_missing_and_invalid(l, &t, self, false, err));
    TRY(table_pick(l, in, &column, 1, &single, err));
    if (values) {
        TRY(numbers_of(l, values, numbers, err));
        end = (int64_t)tensor_count(numbers);
        t.list[t.count++] = attribute_of_tensor("values", numbers);
        t.list[t.count++] = attribute_of_ints("ends", &end, 1);
        t.changes = true;
        TRY(table_settle(l, &single, 0, values->dtype == DTYPE_BOOL ? DTYPE_BOOL : DTYPE_F64, err));
    }
    TRY(table_matrix(l, &single, CHECK_NONE, &x, err));
    if (t.changes)
        TRY(emit(&l->e, "firn", "Domain", &x, 1, t.list, t.count, &x, 1, err));
    return table_of_matrix(l, x, 1, out, err);
}

/* The valid values of one column: data_values_ (data_ in older files) is an array for a vector or
 * a single column, else a list of arrays. NULL when all are valid. */
static enum status discrete_values(struct lowering *l, const struct pickle_object *self,
                                   size_t column, size_t width, struct tensor **values,
                                   struct error *err)
{
    const struct pickle_object *stored = pickle_get(self, "data_values_");
    struct pickle_object **items;
    size_t count;

    if (!stored)
        stored = pickle_get(self, "data_");
    *values = NULL;
    if (pickle_is_none(stored))
        return STATUS_OK;
    if (stored->kind == PICKLE_LIST) {
        items = pickle_elements(stored, &count, l->keep);
        if (!items || count != width)
            return state_error(err, "data_values_", "has %zu columns, not %zu", count, width);
        stored = items[column];
    } else if (width != 1) {
        return state_error(err, "data_values_", "is of one column, not %zu", width);
    }
    *values = arena_new(l->keep, struct tensor, 1);
    if (!*values)
        return error_no_memory(err, "values");
    if (labels_of(l, stored, *values, err))
        return error_within(err, "attribute 'data_values_'");
    return STATUS_OK;
}

static enum status discrete_column(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, size_t column, struct table *out,
                                   struct error *err)
{
    const struct pickle_object *replacement = pickle_get(self, "missing_value_replacement");
    struct tensor *values;
    struct table single;

    TRY(discrete_values(l, self, column, in->count, &values, err));
    if (values && values->dtype == DTYPE_STRING)
        return discrete_text(l, self, in, column, values, out, err);
    if (values)
        return discrete_number(l, self, in, column, values, out, err);
    if (replacement && replacement->kind == PICKLE_TEXT)
        return discrete_text(l, self, in, column, NULL, out, err);
    TRY(table_pick(l, in, &column, 1, &single, err));
    if (column_dtype(l, &single.columns[0]) == DTYPE_STRING)
        return discrete_text(l, self, in, column, NULL, out, err);
    if (column_dtype(l, &single.columns[0]) != DTYPE_NONE || !pickle_is_none(replacement))
        return discrete_number(l, self, in, column, NULL, out, err);
    if (!pickle_is_none(pickle_get(self, "missing_values")) ||
        pickle_text_is(pickle_get(self, "missing_value_treatment"), "return_invalid"))
        return state_error(err, "missing_value_treatment", "of a column whose type is not known");
    *out = single; /* nothing to do: whoever comes next says what the column is */
    return STATUS_OK;
}

/* What is none of these categories becomes missing: pandas' astype(CategoricalDtype). */
enum status category_column(struct lowering *l, const struct pickle_object *categories,
                            const struct table *in, size_t column, struct table *out,
                            struct error *err)
{
    struct tensor *values = arena_new(l->keep, struct tensor, 2);
    const int64_t as_missing = 2;
    struct treatment t = {0};
    struct table single;
    int64_t end;
    value_id x;

    if (!values)
        return error_no_memory(err, "categories");
    if (labels_of(l, categories, &values[0], err))
        return error_within(err, "categories");
    end = (int64_t)tensor_count(&values[0]);
    treat_int(&t, "on_invalid", as_missing);
    if (values[0].dtype == DTYPE_STRING) {
        t.list[t.count++] = attribute_of_tensor("values", &values[0]);
        TRY(table_vector(l, in, column, DTYPE_STRING, &x, err));
        TRY(emit(&l->e, "firn", "DomainText", &x, 1, t.list, t.count, &x, 1, err));
        return table_of_vector(l, x, out, err);
    }
    TRY(numbers_of(l, &values[0], &values[1], err));
    t.list[t.count++] = attribute_of_tensor("values", &values[1]);
    t.list[t.count++] = attribute_of_ints("ends", &end, 1);
    treat_f64(&t, "missing_value", NAN);
    TRY(table_pick(l, in, &column, 1, &single, err));
    TRY(table_settle(l, &single, 0, values[0].dtype == DTYPE_BOOL ? DTYPE_BOOL : DTYPE_F64, err));
    TRY(table_matrix(l, &single, CHECK_NONE, &x, err));
    TRY(emit(&l->e, "firn", "Domain", &x, 1, t.list, t.count, &x, 1, err));
    return table_of_matrix(l, x, 1, out, err);
}

static enum status discrete(struct lowering *l, const struct pickle_object *self,
                            const struct table *given, struct table *out, struct error *err)
{
    const struct pickle_object *categories = pickle_get(pickle_get(self, "dtype"), "categories");
    struct table *parts = arena_new(l->keep, struct table, given->count), cast = *given;
    const struct table *in = &cast;

    if (!parts)
        return error_no_memory(err, "columns");
    TRY(check_dtype(self, true, err));
    if (!pickle_is_none(categories)) {
        for (size_t i = 0; i < given->count; i++)
            TRY(category_column(l, categories, given, i, &parts[i], err));
        TRY(table_join(l, parts, given->count, &cast, err));
        for (size_t i = 0; i < given->count; i++)
            ((struct column *)cast.columns)[i].name = given->columns[i].name;
        cast.flat = given->flat;
    }
    for (size_t i = 0; i < in->count; i++) {
        TRY(discrete_column(l, self, in, i, &parts[i], err));
        ((struct column *)parts[i].columns)->name = in->columns[i].name;
    }
    TRY(table_join(l, parts, in->count, out, err));
    mark_integral(l, self, in, out);
    out->flat = in->flat;
    return STATUS_OK;
}

/* --- MultiDomain, aliases, erasers --- */

static enum status multi(struct lowering *l, const struct pickle_object *self,
                         const struct table *in, struct table *out, struct error *err)
{
    struct pickle_object **domains;
    struct table *parts;
    size_t count;

    TRY(state_list(l, self, "domains", &domains, &count, err));
    TRY(table_expect(in, count, err));
    parts = arena_new(l->keep, struct table, count);
    if (!parts)
        return error_no_memory(err, "columns");
    for (size_t i = 0; i < count; i++) {
        const char *role = arena_printf(l->keep, "domain %zu", i);
        struct table single;

        TRY(table_pick(l, in, &i, 1, &single, err));
        single.flat = true;
        parts[i] = single;
        if (!role)
            return error_no_memory(err, "a name");
        if (!pickle_is_none(domains[i]))
            TRY(estimator_lower(l, role, domains[i], METHOD_TRANSFORM, &single, &parts[i], err));
    }
    return table_join(l, parts, count, out, err);
}

static enum status alias(struct lowering *l, const struct pickle_object *self,
                         const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *inner = pickle_get(self, "transformer_");

    if (!inner) /* before there was `prefit`, the transformer itself was fitted */
        inner = pickle_get(self, "transformer");
    return estimator_lower(l, "transformer", inner, METHOD_TRANSFORM, in, out, err);
}

#define DECORATOR(class_name, function)                                                            \
    {                                                                                              \
        .name = class_name, .package = "sklearn2pmml", .transform = function                       \
    }

const struct estimator_set estimators_decoration = ESTIMATOR_SET(
    DECORATOR("ContinuousDomain", continuous), DECORATOR("CategoricalDomain", discrete),
    DECORATOR("OrdinalDomain", discrete), DECORATOR("MultiDomain", multi),
    DECORATOR("Alias", alias), DECORATOR("MultiAlias", alias),
    DECORATOR("ContinuousDomainEraser", estimator_identity),
    DECORATOR("DiscreteDomainEraser", estimator_identity));
