// SPDX-License-Identifier: Apache-2.0
/* category_encoders: every column is a Lookup whose rows are worked out here, from the encoder's
 * two mappings: category -> code -> row. Codes are 1, 2 ...; -1 is unknown, -2 is missing. */
#include "importers/sklearn/encode.h"

#include <math.h>
#include <string.h>

enum { CODE_UNKNOWN = -1, CODE_MISSING = -2 };

/* How a class keeps what its categories become. */
enum form {
    FORM_CODE,   /* the code itself: OrdinalEncoder */
    FORM_FRAME,  /* a DataFrame of rows by code: OneHotEncoder, BaseNEncoder, contrasts */
    FORM_SERIES, /* a Series of numbers by code: TargetEncoder, WOEEncoder ... */
    FORM_COUNT,  /* a Series of numbers by category */
    FORM_MEAN,   /* a DataFrame of sum and count by category: LeaveOneOutEncoder, CatBoost's */
};

/* What `handle_unknown` and `handle_missing` say. */
enum policy { POLICY_VALUE, POLICY_NAN, POLICY_ERROR, POLICY_OTHER, POLICY_NUMBER };

struct encoder {
    struct lowering *l;
    const struct pickle_object *self;
    enum form form;
    enum policy unknown, missing;
    double unknown_number, missing_number;
};

/* One column: its categories, and rows for them (count, width); `other` is for unknown ones. */
struct recipe {
    struct pickle_object **keys;
    size_t count, width;
    double *rows, *other;
    struct tensor names; /* of the columns made; dtype NONE: as the column */
    bool refuse_unknown;
};

static enum status policy_of(const struct pickle_object *stored, const char *name,
                             enum policy *policy, double *number, struct error *err)
{
    static const struct {
        const char *word;
        enum policy policy;
    } WORDS[] = {{"value", POLICY_VALUE},
                 {"return_nan", POLICY_NAN},
                 {"error", POLICY_ERROR},
                 {"ignore", POLICY_OTHER},
                 {"indicator", POLICY_OTHER}};

    if (!stored)
        return state_error(err, name, "is missing");
    for (size_t i = 0; i < ARRAY_COUNT(WORDS); i++)
        if (pickle_text_is(stored, WORDS[i].word)) {
            *policy = WORDS[i].policy;
            return STATUS_OK;
        }
    *policy = POLICY_NUMBER;
    if ((stored->kind == PICKLE_INT || stored->kind == PICKLE_FLOAT) &&
        pickle_to_f64(stored, number))
        return STATUS_OK;
    return state_error(err, name, "is not one of the known values");
}

/* --- finding a column's mapping --- */

static bool is_column(const struct pickle_object *name, const struct column *column, size_t index,
                      const struct pickle_object *fitted)
{
    int64_t place;

    if (!name)
        return false;
    if (name->kind != PICKLE_TEXT)
        return pickle_to_i64(name, &place) && place == (int64_t)index;
    if (column->name)
        return pickle_text_is(name, column->name);
    return fitted && fitted->kind == PICKLE_TEXT && bytes_equal(fitted->bytes, name->bytes);
}

/* The name of column `index` when the encoder was fitted, or NULL. */
static const struct pickle_object *fitted_name(const struct pickle_object *self, size_t index)
{
    return pickle_item(pickle_get(self, "feature_names_in_"), index);
}

static bool list_has(const struct pickle_object *list, const struct table *in, size_t index,
                     const struct pickle_object *self)
{
    for (size_t i = 0; i < pickle_length(list); i++)
        if (is_column(pickle_item(list, i), &in->columns[index], index, fitted_name(self, index)))
            return true;
    return false;
}

/* The entry of a column: of a list of {'col': , 'mapping': }, or of a dict by name. */
static const struct pickle_object *entry_of(const struct pickle_object *self,
                                            const struct pickle_object *mapping,
                                            const struct table *in, size_t index)
{
    const struct pickle_object *fitted = fitted_name(self, index), *name;

    if (mapping && mapping->kind == PICKLE_DICT) {
        for (size_t i = 0; i < mapping->count; i++)
            if (is_column(mapping->items[2 * i], &in->columns[index], index, fitted))
                return mapping->items[2 * i + 1];
        return NULL;
    }
    for (size_t i = 0; i < pickle_length(mapping); i++) {
        name = pickle_get(pickle_item(mapping, i), "col");
        if (is_column(name, &in->columns[index], index, fitted))
            return pickle_get(pickle_item(mapping, i), "mapping");
    }
    return NULL;
}

/* --- Series and DataFrames --- */

struct series { /* labels and numbers */
    struct pickle_object **labels;
    double *values;
    size_t count;
};

static enum status series_numbers(struct lowering *l, struct pickle_object *const *items,
                                  size_t count, double **values, struct error *err)
{
    *values = arena_new(l->keep, double, count + 1);
    if (!*values)
        return error_no_memory(err, "a mapping");
    for (size_t i = 0; i < count; i++) {
        if (pickle_is_none(items[i]))
            (*values)[i] = NAN;
        else if (!pickle_to_f64(items[i], &(*values)[i]))
            return state_error(err, "mapping", "holds something that is no number");
    }
    return STATUS_OK;
}

static enum status series_of(struct lowering *l, const struct pickle_object *object,
                             struct series *series, struct error *err)
{
    struct pickle_object **items;
    struct tensor values;
    size_t count;

    *series = (struct series){0};
    if (!pickle_is(object, "pandas", "Series"))
        return state_error(err, "mapping", "is no Series");
    series->labels = pickle_elements(pickle_axis(object, 0), &series->count, l->keep);
    items = pickle_elements(object, &count, l->keep);
    if (items && series->labels && count == series->count)
        return series_numbers(l, items, count, &series->values, err);
    if (!series->labels || pickle_to_tensor_f64(object, &values, l->keep, err) ||
        tensor_count(&values) != series->count)
        return state_error(err, "mapping", "is a Series that firn cannot read");
    series->values = values.data;
    return STATUS_OK;
}

static enum status frame_column(struct lowering *l, const struct pickle_object *frame,
                                size_t column, size_t rows, struct pickle_block *block,
                                double **values, struct error *err)
{
    size_t count = 0;
    struct pickle_object **items = pickle_column(frame, column, block, &count, l->keep);

    if (!items || count != rows)
        return state_error(err, "mapping", "is a DataFrame that firn cannot read");
    return series_numbers(l, items, count, values, err);
}

/* --- recipes: one a form --- */

static enum status recipe_init(const struct encoder *e, struct recipe *recipe, size_t width,
                               struct error *err)
{
    const size_t most = (size_t)1 << 26;

    recipe->width = width;
    if (recipe->count > most || width > most / (recipe->count + 1))
        return error_set(err, STATUS_TOO_LARGE, "a mapping of %zu by %zu numbers", recipe->count,
                         width);
    recipe->rows = arena_new(e->l->keep, double, recipe->count *width + 1);
    recipe->other = arena_new(e->l->keep, double, width + 1);
    return recipe->rows && recipe->other ? STATUS_OK : error_no_memory(err, "a mapping");
}

/* OrdinalEncoder. */
static enum status code_recipe(const struct encoder *e, const struct series *codes,
                               struct recipe *recipe, struct error *err)
{
    TRY(recipe_init(e, recipe, 1, err));
    for (size_t i = 0; i < codes->count; i++) {
        recipe->rows[i] = codes->values[i];
        if (codes->values[i] == CODE_MISSING && e->missing == POLICY_NAN)
            recipe->rows[i] = NAN;
        if (codes->values[i] == CODE_MISSING && e->missing == POLICY_NUMBER)
            recipe->rows[i] = e->missing_number;
    }
    recipe->other[0] = e->unknown == POLICY_VALUE    ? CODE_UNKNOWN
                       : e->unknown == POLICY_NUMBER ? e->unknown_number
                                                     : NAN;
    recipe->refuse_unknown = e->unknown == POLICY_ERROR;
    return STATUS_OK;
}

/* Rows by code: those of a code that is not there are NaN, as pandas' reindex and map have it. */
static enum status rows_by_code(const struct encoder *e, const struct series *codes,
                                struct pickle_object *const *labels, size_t label_count,
                                double *const *columns, struct recipe *recipe, struct error *err)
{
    struct label_map places;

    TRY(label_map_of(&places, labels, label_count, e->l->keep, err));
    for (size_t i = 0; i <= codes->count; i++) {
        bool last = i == codes->count;
        double *row = last ? recipe->other : recipe->rows + i * recipe->width;
        const struct pickle_object code = {.kind = PICKLE_FLOAT,
                                           .number = last ? CODE_UNKNOWN : codes->values[i]};
        size_t place =
            isnan(code.number) ? label_count : label_map_find(&places, &code, label_count);

        for (size_t c = 0; c < recipe->width; c++)
            row[c] = place < label_count ? columns[c][place] : NAN;
    }
    return STATUS_OK;
}

static enum status frame_recipe(const struct encoder *e, const struct series *codes,
                                const struct pickle_object *frame, struct recipe *recipe,
                                struct error *err)
{
    struct pickle_object **labels;
    struct pickle_block block = {0};
    size_t label_count, width;
    double **columns;

    labels = pickle_elements(pickle_axis(frame, 0), &label_count, e->l->keep);
    if (!labels || !pickle_is(frame, "pandas", "DataFrame") ||
        !pickle_columns(frame, &recipe->names, e->l->keep) || recipe->names.dtype != DTYPE_STRING)
        return state_error(err, "mapping", "is no DataFrame that firn can read");
    width = tensor_count(&recipe->names);
    TRY(recipe_init(e, recipe, width, err));
    columns = arena_new(e->l->keep, double *, width + 1);
    if (!columns)
        return error_no_memory(err, "a mapping");
    for (size_t c = 0; c < width; c++)
        TRY(frame_column(e->l, frame, c, label_count, &block, &columns[c], err));
    TRY(rows_by_code(e, codes, labels, label_count, columns, recipe, err));
    recipe->refuse_unknown = e->unknown == POLICY_ERROR;
    return STATUS_OK;
}

static enum status series_recipe(const struct encoder *e, const struct series *codes,
                                 const struct pickle_object *object, struct recipe *recipe,
                                 struct error *err)
{
    struct series series;

    TRY(series_of(e->l, object, &series, err));
    TRY(recipe_init(e, recipe, 1, err));
    TRY(rows_by_code(e, codes, series.labels, series.count, &series.values, recipe, err));
    recipe->refuse_unknown = e->unknown == POLICY_ERROR;
    return STATUS_OK;
}

/* --- CountEncoder --- */

static void count_add(struct recipe *recipe, struct pickle_object *key, double value)
{
    if (isnan(value)) /* what a missing count becomes is what an unknown category becomes */
        return;
    recipe->keys[recipe->count] = key;
    recipe->rows[recipe->count++] = value;
}

/* Categories that were put together: {category: name of the group}. */
static enum status count_lumped(const struct series *counts, const struct pickle_object *lumped,
                                struct recipe *recipe, struct arena *keep, struct error *err)
{
    struct label_map places;

    TRY(label_map_of(&places, counts->labels, counts->count, keep, err));
    for (size_t i = 0; i < lumped->count; i++) {
        size_t place = label_map_find(&places, lumped->items[2 * i + 1], counts->count);

        if (place == counts->count)
            return state_error(err, "_min_group_categories", "names a group that is not counted");
        count_add(recipe, lumped->items[2 * i], counts->values[place]);
    }
    return STATUS_OK;
}

/* All others. Groups' names are no categories where categories are numbers. */
static enum status count_single(const struct series *counts, const struct pickle_object *lumped,
                                struct recipe *recipe, struct arena *keep, struct error *err)
{
    struct label_map groups;

    label_map_init(&groups, keep);
    for (size_t i = 0; lumped && i < lumped->count; i++) {
        size_t place = i;

        TRY(label_map_add(&groups, lumped->items[2 * i + 1], &place, err));
    }
    for (size_t i = 0; i < counts->count; i++) {
        size_t group = label_map_find(&groups, counts->labels[i], SIZE_MAX);

        if (group == SIZE_MAX || lumped->items[2 * group]->kind == PICKLE_TEXT)
            count_add(recipe, counts->labels[i], counts->values[i]);
    }
    return STATUS_OK;
}

static enum status count_recipe(const struct encoder *e, const struct table *in, size_t column,
                                const struct pickle_object *object, struct recipe *recipe,
                                struct error *err)
{
    const struct pickle_object *lumped =
        entry_of(e->self, pickle_get(e->self, "_min_group_categories"), in, column);
    const struct pickle_object *own =
        entry_of(e->self, pickle_get(e->self, "_handle_unknown"), in, column);
    enum policy unknown = e->unknown, missing = e->missing;
    double number = e->unknown_number, ignored;
    struct series counts;

    if (own)
        TRY(policy_of(own, "_handle_unknown", &unknown, &number, err));
    own = entry_of(e->self, pickle_get(e->self, "_handle_missing"), in, column);
    if (own)
        TRY(policy_of(own, "_handle_missing", &missing, &ignored, err));
    if (unknown == POLICY_OTHER)
        return state_error(err, "handle_unknown", "is not one of the known values");
    if (lumped && lumped->kind != PICKLE_DICT)
        return state_error(err, "_min_group_categories", "holds no dicts");
    TRY(series_of(e->l, object, &counts, err));
    recipe->count = counts.count + (lumped ? lumped->count : 0);
    recipe->keys = arena_new(e->l->keep, struct pickle_object *, recipe->count + 1);
    if (!recipe->keys)
        return error_no_memory(err, "categories");
    TRY(recipe_init(e, recipe, 1, err));
    recipe->count = 0;
    if (lumped)
        TRY(count_lumped(&counts, lumped, recipe, e->l->keep, err));
    TRY(count_single(&counts, lumped, recipe, e->l->keep, err));
    recipe->other[0] = unknown == POLICY_NUMBER                           ? number
                       : unknown == POLICY_VALUE && missing != POLICY_NAN ? 0
                                                                          : NAN;
    recipe->refuse_unknown = unknown == POLICY_ERROR;
    return STATUS_OK;
}

/* --- LeaveOneOutEncoder, CatBoostEncoder --- */

static bool is_missing(const struct pickle_object *label)
{
    return pickle_is_none(label) || (label->kind == PICKLE_FLOAT && isnan(label->number));
}

static enum status sum_and_count(const struct encoder *e, const struct pickle_object *frame,
                                 size_t rows, double **sums, double **counts, struct error *err)
{
    struct pickle_block block = {0};
    struct tensor names;
    const struct bytes *texts;

    *sums = *counts = NULL;
    if (!pickle_columns(frame, &names, e->l->keep) || names.dtype != DTYPE_STRING)
        return state_error(err, "mapping", "is no DataFrame that firn can read");
    texts = names.data;
    for (size_t c = 0; c < tensor_count(&names); c++) {
        if (bytes_is(texts[c], "sum"))
            TRY(frame_column(e->l, frame, c, rows, &block, sums, err));
        if (bytes_is(texts[c], "count"))
            TRY(frame_column(e->l, frame, c, rows, &block, counts, err));
    }
    return *sums && *counts ? STATUS_OK : state_error(err, "mapping", "has no sums and counts");
}

/* What is missing always has a row of its own: that of unknown ones is another. */
static enum status mean_missing(const struct encoder *e, struct recipe *recipe, double mean,
                                struct error *err)
{
    struct pickle_object *none = arena_new(e->l->keep, struct pickle_object, 1);
    bool seen = false;

    if (!none)
        return error_no_memory(err, "categories");
    for (size_t i = 0; i < recipe->count; i++)
        if (is_missing(recipe->keys[i])) {
            seen = true;
            if (e->missing == POLICY_NAN)
                recipe->rows[i] = NAN;
        }
    if (!seen) {
        *none = (struct pickle_object){.kind = PICKLE_FLOAT, .number = NAN};
        recipe->rows[recipe->count] = e->missing == POLICY_VALUE ? mean : NAN;
        recipe->keys[recipe->count++] = none;
    }
    return STATUS_OK;
}

static enum status mean_recipe(const struct encoder *e, const struct pickle_object *frame,
                               struct recipe *recipe, struct error *err)
{
    struct pickle_object **labels;
    double *sums, *counts, mean, prior = 0;
    size_t count;

    if (!pickle_to_f64(pickle_get(e->self, "_mean"), &mean))
        return state_error(err, "_mean", "is no number");
    if (pickle_get(e->self, "a"))
        TRY(state_f64(e->self, "a", 1, &prior, err));
    labels = pickle_elements(pickle_axis(frame, 0), &count, e->l->keep);
    if (!labels || !pickle_is(frame, "pandas", "DataFrame"))
        return state_error(err, "mapping", "is no DataFrame that firn can read");
    TRY(sum_and_count(e, frame, count, &sums, &counts, err));
    recipe->count = count + 1;
    recipe->keys = arena_new(e->l->keep, struct pickle_object *, count + 2);
    if (!recipe->keys)
        return error_no_memory(err, "categories");
    TRY(recipe_init(e, recipe, 1, err));
    recipe->count = count;
    for (size_t i = 0; i < count; i++) {
        recipe->keys[i] = labels[i];
        recipe->rows[i] = counts[i] > 1 ? (sums[i] + mean * prior) / (counts[i] + prior) : mean;
    }
    recipe->other[0] = e->unknown == POLICY_VALUE ? mean : NAN;
    recipe->refuse_unknown = e->unknown == POLICY_ERROR;
    return mean_missing(e, recipe, mean, err);
}

/* --- a column --- */

static enum status make_recipe(const struct encoder *e, const struct table *in, size_t column,
                               struct recipe *recipe, struct error *err)
{
    const struct pickle_object *entry =
        entry_of(e->self, pickle_get(e->self, "mapping"), in, column);
    const struct pickle_object *ordinal = pickle_get(e->self, "ordinal_encoder");
    struct series codes;

    *recipe = (struct recipe){0};
    if (!entry)
        return state_error(err, "mapping", "has nothing for column %zu", column);
    if (e->form == FORM_COUNT)
        return count_recipe(e, in, column, entry, recipe, err);
    if (e->form == FORM_MEAN)
        return mean_recipe(e, entry, recipe, err);
    if (e->form == FORM_CODE)
        TRY(series_of(e->l, entry, &codes, err));
    else
        TRY(series_of(e->l, entry_of(ordinal, pickle_get(ordinal, "mapping"), in, column), &codes,
                      err));
    recipe->keys = codes.labels;
    recipe->count = codes.count;
    if (e->form == FORM_CODE)
        return code_recipe(e, &codes, recipe, err);
    if (e->form == FORM_SERIES)
        return series_recipe(e, &codes, entry, recipe, err);
    return frame_recipe(e, &codes, entry, recipe, err);
}

static enum status encode(const struct encoder *e, const struct table *in, size_t column,
                          const struct recipe *recipe, struct table *out, struct error *err)
{
    struct pickle_object list = {
        .kind = PICKLE_LIST, .items = recipe->keys, .count = recipe->count};
    size_t width = recipe->width ? recipe->width : 1; /* known or not matters without columns too */
    struct encoding encoding = {.unknown = !recipe->refuse_unknown};
    double *rows;

    TRY(encoding_keys(e->l, &list, &encoding.keys, &encoding.kind, err));
    TRY(encoding_rows(e->l, &encoding, width, &rows, err));
    if (recipe->width) {
        memcpy(rows, recipe->rows, recipe->count * width * sizeof *rows);
        memcpy(rows + recipe->count * width, recipe->other, width * sizeof *rows);
    }
    encoding.check = e->missing == POLICY_ERROR ? CHECK_FINITE : CHECK_NONE;
    TRY(encode_column(e->l, in, column, &encoding, out, err));
    out->count = recipe->width;
    for (size_t i = 0; i < out->count; i++) {
        struct column *made = (struct column *)out->columns + i;

        made->name = recipe->names.dtype != DTYPE_STRING
                         ? in->columns[column].name
                         : arena_text(e->l->keep, ((const struct bytes *)recipe->names.data)[i]);
        if (recipe->names.dtype == DTYPE_STRING && !made->name)
            return error_no_memory(err, "a name");
    }
    return STATUS_OK;
}

/* --- the encoder --- */

/* Columns without variance, dropped after encoding: by name, or by place where there are none. */
static enum status drop_invariant(const struct encoder *e, struct table *out, struct error *err)
{
    const struct pickle_object *names = pickle_get(e->self, "invariant_cols");
    size_t *places = arena_new(e->l->keep, size_t, out->count + 1), kept = 0;
    bool drop;

    TRY(state_bool(e->self, "drop_invariant", false, &drop, err));
    if (!drop)
        return STATUS_OK;
    if (!names)
        names = pickle_get(e->self, "drop_cols");
    if (!places)
        return error_no_memory(err, "columns");
    for (size_t i = 0; i < out->count; i++)
        if (!list_has(names, out, i, NULL))
            places[kept++] = i;
    if (kept + pickle_length(names) != out->count)
        return state_error(err, "invariant_cols", "names columns that are not there");
    return table_pick(e->l, out, places, kept, out, err);
}

static enum status check_options(const struct encoder *e, struct error *err)
{
    static const char *const NAMES[] = {"min_group_lumping_", "composite_cols",
                                        "composite_members_"};

    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++) {
        const struct pickle_object *stored = pickle_get(e->self, NAMES[i]);

        if (!pickle_is_none(stored) && pickle_length(stored))
            return state_error(err, NAMES[i], "is not served yet");
    }
    return STATUS_OK;
}

static enum status encoder_init(struct lowering *l, const struct pickle_object *self,
                                enum form form, struct encoder *e, struct error *err)
{
    const struct pickle_object *unknown = pickle_get(self, "handle_unknown");
    const struct pickle_object *missing = pickle_get(self, "handle_missing");

    *e = (struct encoder){.l = l, .self = self, .form = form};
    if (form != FORM_COUNT || (unknown && unknown->kind != PICKLE_DICT))
        TRY(policy_of(unknown, "handle_unknown", &e->unknown, &e->unknown_number, err));
    if (form != FORM_COUNT || (missing && missing->kind != PICKLE_DICT))
        TRY(policy_of(missing, "handle_missing", &e->missing, &e->missing_number, err));
    if (form == FORM_MEAN && (e->unknown > POLICY_ERROR || e->missing > POLICY_ERROR))
        return state_error(err, "handle_unknown", "is not one of the known values");
    return check_options(e, err);
}

static enum status transform(struct lowering *l, const struct pickle_object *self, enum form form,
                             const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *columns = pickle_get(self, "cols");
    struct table *parts = arena_new(l->keep, struct table, in->count + 1);
    struct encoder e;
    struct recipe recipe;
    size_t found = 0;

    TRY(encoder_init(l, self, form, &e, err));
    if (!parts)
        return error_no_memory(err, "columns");
    for (size_t i = 0; i < in->count; i++)
        if (!list_has(columns, in, i, self)) {
            TRY(table_pick(l, in, &i, 1, &parts[i], err));
        } else {
            found++;
            TRY(make_recipe(&e, in, i, &recipe, err));
            TRY(encode(&e, in, i, &recipe, &parts[i], err));
        }
    if (found != pickle_length(columns))
        return state_error(err, "cols", "names columns that are not there");
    TRY(table_join(l, parts, in->count, out, err));
    return drop_invariant(&e, out, err);
}

static enum status by_code(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    return transform(l, self, FORM_CODE, in, out, err);
}

static enum status by_frame(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    return transform(l, self, FORM_FRAME, in, out, err);
}

static enum status by_series(struct lowering *l, const struct pickle_object *self,
                             const struct table *in, struct table *out, struct error *err)
{
    return transform(l, self, FORM_SERIES, in, out, err);
}

static enum status by_count(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    return transform(l, self, FORM_COUNT, in, out, err);
}

static enum status by_mean(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    return transform(l, self, FORM_MEAN, in, out, err);
}

#define ENCODER(class_name, function)                                                              \
    {                                                                                              \
        .name = class_name, .package = "category_encoders", .transform = function                  \
    }

const struct estimator_set estimators_category_encoders = ESTIMATOR_SET(
    ENCODER("OrdinalEncoder", by_code), ENCODER("OneHotEncoder", by_frame),
    ENCODER("BaseNEncoder", by_frame), ENCODER("BinaryEncoder", by_frame),
    ENCODER("GrayEncoder", by_frame), ENCODER("SumEncoder", by_frame),
    ENCODER("HelmertEncoder", by_frame), ENCODER("PolynomialEncoder", by_frame),
    ENCODER("BackwardDifferenceEncoder", by_frame), ENCODER("TargetEncoder", by_series),
    ENCODER("WOEEncoder", by_series), ENCODER("MEstimateEncoder", by_series),
    ENCODER("JamesSteinEncoder", by_series), ENCODER("CountEncoder", by_count),
    ENCODER("LeaveOneOutEncoder", by_mean), ENCODER("CatBoostEncoder", by_mean));
