// SPDX-License-Identifier: Apache-2.0
/* interpret's explainable boosting machines: a table of scores for each term, added up. A term is
 * one feature, or several whose bins are the axes of the table. Bin 0 is for what is missing, the
 * last one for categories that are not known. */
#include "importers/sklearn/encode.h"

#include <math.h>
#include <string.h>

#include "base/number.h"

struct machine {
    struct lowering *l;
    const struct pickle_object *self;
    struct table in; /* the features, in the order of the machine's */
    size_t scores;   /* one, or one a class */
    struct pickle_object **bins;
    size_t features;
};

/* The features by name, where the columns have names, else by place. */
static enum status machine_init(struct lowering *l, const struct pickle_object *self,
                                const struct table *given, struct machine *m, struct error *err)
{
    struct table source = *given;
    struct pickle_object **names;
    struct bytes name;
    size_t *places, count;
    bool named = given->open || (given->count && given->columns[0].name);

    *m = (struct machine){.l = l, .self = self, .in = *given};
    TRY(state_list(l, self, "bins_", &m->bins, &m->features, err));
    TRY(state_list(l, self, "feature_names_in_", &names, &count, err));
    if (count != m->features)
        return state_error(err, "feature_names_in_", "does not fit bins_");
    if (!named)
        return table_expect(given, count, err);
    places = arena_new(l->keep, size_t, count + 1);
    if (!places)
        return error_no_memory(err, "features");
    for (size_t i = 0; i < count; i++) {
        if (!pickle_to_text(names[i], &name, l->keep))
            return state_error(err, "feature_names_in_", "are no names");
        TRY(table_find(l, &source, name, &places[i], err));
    }
    return table_pick(l, &source, places, count, &m->in, err);
}

/* --- bins of a feature: (n, 1) I64, 0 to size - 1 --- */

static enum status continuous(struct machine *m, size_t feature, const struct pickle_object *cuts,
                              size_t size, value_id *y, struct error *err)
{
    struct tensor *edges = arena_new(m->l->keep, struct tensor, 1);
    struct attribute attributes[2];
    value_id x, missing, zero, one;
    int64_t end;

    if (!edges)
        return error_no_memory(err, "cuts");
    if (pickle_to_tensor_f64(cuts, edges, m->l->keep, err) || edges->shape.rank != 1 ||
        tensor_count(edges) + 3 > size)
        return state_error(err, "bins_", "of feature %zu do not fit its scores", feature);
    end = (int64_t)tensor_count(edges);
    attributes[0] = attribute_of_tensor("edges", edges);
    attributes[1] = attribute_of_ints("ends", &end, 1);
    TRY(table_vector(m->l, &m->in, feature, DTYPE_F64, &x, err));
    TRY(emit_unsqueeze(&m->l->e, x, 1, &x, err));
    TRY(emit(&m->l->e, "firn", "Bins", &x, 1, attributes, 2, y, 1, err));
    TRY(emit_scalar(m->l, 1, &one, err));
    TRY(emit_2(&m->l->e, "Add", *y, one, y, err));
    TRY(emit_1(&m->l->e, "IsNaN", x, &missing, err));
    TRY(emit_scalar(m->l, 0, &zero, err));
    TRY(emit_where(&m->l->e, missing, zero, *y, y, err));
    return emit_cast(&m->l->e, *y, DTYPE_I64, y, err);
}

/* Categories are text in the file; numbers that came in were written as text first. */
static enum status categories_of(struct machine *m, size_t feature,
                                 const struct pickle_object *dict, struct pickle_object **keys,
                                 struct error *err)
{
    bool text = column_dtype(m->l, &m->in.columns[feature]) == DTYPE_STRING;
    struct pickle_object *numbers = arena_new(m->l->keep, struct pickle_object, dict->count + 1);
    bool all = true;

    if (!numbers)
        return error_no_memory(err, "categories");
    for (size_t i = 0; i < dict->count; i++) {
        struct pickle_object *key = dict->items[2 * i];

        if (key->kind != PICKLE_TEXT)
            return state_error(err, "bins_", "of feature %zu are not named by text", feature);
        keys[i] = key;
        numbers[i] = (struct pickle_object){.kind = PICKLE_FLOAT};
        all = all && number_from_text(key->bytes, &numbers[i].number);
    }
    for (size_t i = 0; all && !text && i < dict->count; i++)
        keys[i] = &numbers[i];
    return STATUS_OK;
}

static enum status nominal(struct machine *m, size_t feature, const struct pickle_object *dict,
                           size_t size, value_id *y, struct error *err)
{
    struct pickle_object **keys = arena_new(m->l->keep, struct pickle_object *, dict->count + 2);
    struct pickle_object *none = arena_new(m->l->keep, struct pickle_object, 1);
    struct pickle_object list = {.kind = PICKLE_LIST, .items = keys, .count = dict->count + 1};
    struct encoding encoding = {.unknown = true};
    struct table out;
    double *rows, bin;
    value_id x;

    if (!keys || !none)
        return error_no_memory(err, "categories");
    TRY(categories_of(m, feature, dict, keys, err));
    *none = (struct pickle_object){.kind = PICKLE_FLOAT, .number = NAN};
    keys[dict->count] = none;
    TRY(encoding_keys(m->l, &list, &encoding.keys, &encoding.kind, err));
    TRY(encoding_rows(m->l, &encoding, 1, &rows, err));
    for (size_t i = 0; i < dict->count; i++) {
        if (!pickle_to_f64(dict->items[2 * i + 1], &bin) || !(bin >= 1 && bin < (double)size - 1))
            return state_error(err, "bins_", "of feature %zu do not fit its scores", feature);
        rows[i] = bin;
    }
    rows[dict->count] = 0;
    rows[dict->count + 1] = (double)size - 1;
    TRY(encode_column(m->l, &m->in, feature, &encoding, &out, err));
    TRY(table_matrix(m->l, &out, CHECK_NONE, &x, err));
    return emit_cast(&m->l->e, x, DTYPE_I64, y, err);
}

/* A feature has bins for terms of it alone, then coarser ones for pairs ... */
static enum status bin(struct machine *m, size_t feature, size_t dimensions, size_t size,
                       value_id *y, struct error *err)
{
    const struct pickle_object *levels, *level;
    size_t count;

    if (feature >= m->features)
        return state_error(err, "term_features_", "names feature %zu", feature);
    levels = m->bins[feature];
    count = pickle_length(levels);
    if (count == 0)
        return state_error(err, "bins_", "has none for feature %zu", feature);
    level = pickle_item(levels, dimensions < count ? dimensions - 1 : count - 1);
    if (!level)
        return state_error(err, "bins_", "of feature %zu are no list", feature);
    return level->kind == PICKLE_DICT ? nominal(m, feature, level, size, y, err)
                                      : continuous(m, feature, level, size, y, err);
}

/* --- terms --- */

static enum status term(struct machine *m, const struct pickle_object *features,
                        const struct pickle_object *stored, value_id *y, struct error *err)
{
    size_t dimensions = pickle_length(features), cells = 1;
    struct tensor *scores = arena_new(m->l->keep, struct tensor, 1);
    value_id place = VALUE_NONE, next, factor, constant;
    int64_t feature;

    if (!scores)
        return error_no_memory(err, "scores");
    if (pickle_to_tensor_f64(stored, scores, m->l->keep, err) || dimensions == 0 ||
        scores->shape.rank != (int)dimensions + (m->scores > 1))
        return state_error(err, "term_scores_", "do not fit the features");
    for (size_t d = 0; d < dimensions; d++) {
        int64_t size = scores->shape.dims[d];

        if (!pickle_to_i64(pickle_item(features, d), &feature) || feature < 0 || size < 2)
            return state_error(err, "term_features_", "are no features");
        TRY(bin(m, (size_t)feature, dimensions, (size_t)size, &next, err));
        cells *= (size_t)size;
        if (d) {
            TRY(emit_number(&m->l->e, DTYPE_I64, (double)size, &factor, err));
            TRY(emit_2(&m->l->e, "Mul", place, factor, &place, err));
            TRY(emit_2(&m->l->e, "Add", place, next, &place, err));
        } else {
            place = next;
        }
    }
    if (cells * m->scores != tensor_count(scores))
        return state_error(err, "term_scores_", "do not fit %zu scores", m->scores);
    scores->shape = SHAPE((int64_t)cells, (int64_t)m->scores);
    TRY(emit_constant(&m->l->e, scores, &constant, err));
    TRY(emit_squeeze(&m->l->e, place, 1, &place, err));
    return emit_2(&m->l->e, "Gather", constant, place, y, err);
}

/* (n, scores) */
static enum status sum(struct machine *m, value_id *y, struct error *err)
{
    struct pickle_object **features, **scores;
    struct tensor intercept;
    size_t count, score_count;
    value_id next;

    TRY(state_list(m->l, m->self, "term_features_", &features, &count, err));
    TRY(state_list(m->l, m->self, "term_scores_", &scores, &score_count, err));
    if (count != score_count)
        return state_error(err, "term_scores_", "does not fit term_features_");
    if (pickle_to_tensor_f64(pickle_get(m->self, "intercept_"), &intercept, m->l->keep, err))
        return error_within(err, "attribute 'intercept_'");
    intercept.shape = SHAPE((int64_t)tensor_count(&intercept));
    m->scores = tensor_count(&intercept);
    if (m->scores == 0)
        return state_error(err, "intercept_", "is empty");
    TRY(emit_constant(&m->l->e, &intercept, y, err));
    for (size_t i = 0; i < count; i++) {
        if (term(m, features[i], scores[i], &next, err))
            return error_within(err, "term %zu", i);
        TRY(emit_2(&m->l->e, "Add", *y, next, y, err));
    }
    return count ? STATUS_OK : state_error(err, "term_features_", "is empty");
}

static bool link_is(const struct pickle_object *self, const char *link)
{
    return pickle_text_is(pickle_get(self, "link_"), link);
}

static enum status regress(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    struct machine m;
    value_id y;

    TRY(machine_init(l, self, in, &m, err));
    TRY(sum(&m, &y, err));
    if (link_is(self, "log"))
        TRY(emit_1(&l->e, "Exp", y, &y, err));
    else if (!link_is(self, "identity"))
        return state_error(err, "link_", "is not one of the known values");
    return predict_numbers(l, y, 1, true, out, err);
}

static enum status class_scores(struct lowering *l, const struct pickle_object *self,
                                const struct table *in, struct tensor *classes, value_id *y,
                                struct error *err)
{
    struct machine m;
    size_t count;

    TRY(state_labels(l, self, "classes_", classes, err));
    TRY(machine_init(l, self, in, &m, err));
    TRY(sum(&m, y, err));
    count = tensor_count(classes);
    if (!(link_is(self, "logit") && m.scores == 1 && count == 2) &&
        !(link_is(self, "mlogit") && m.scores == count && count > 1))
        return state_error(err, "link_", "with %zu scores for %zu classes", m.scores, count);
    return STATUS_OK;
}

static enum status classify(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id y;

    TRY(class_scores(l, self, in, &classes, &y, err));
    return link_is(self, "logit") ? predict_sign(l, &classes, y, out, err)
                                  : predict_argmax(l, &classes, y, out, err);
}

static enum status probabilities(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    struct tensor classes;
    value_id y;

    TRY(class_scores(l, self, in, &classes, &y, err));
    if (link_is(self, "logit")) {
        TRY(emit_1(&l->e, "Sigmoid", y, &y, err));
        TRY(emit_both(l, y, &y, err));
    } else {
        TRY(emit_softmax(l, y, &y, err));
    }
    return predict_columns(l, &classes, y, out, err);
}

const struct estimator_set estimators_interpret = ESTIMATOR_SET(
    {.name = "ExplainableBoostingRegressor", .package = "interpret", .predict = regress},
    {.name = "ExplainableBoostingClassifier",
     .package = "interpret",
     .predict = classify,
     .predict_proba = probabilities});
