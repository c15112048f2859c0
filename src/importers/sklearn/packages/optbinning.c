// SPDX-License-Identifier: Apache-2.0
/* optbinning: columns to the metric of their bins, and scorecards on top of that. */
#include "importers/sklearn/encode.h"

#include <math.h>
#include <string.h>

enum metric { METRIC_WOE, METRIC_RATE, METRIC_MEAN, METRIC_INDICES };
static const char *const METRICS[] = {"woe", "event_rate", "mean", "indices", NULL};

/* What is asked of a variable: "empirical" is what the bin of missing or special values has. */
struct request {
    const struct pickle_object *metric, *missing, *special; /* NULL: the default; of numbers: 0 */
};

/* One variable: its bins, then one for special values, then one for missing ones. */
struct variable {
    struct lowering *l;
    const struct pickle_object *self; /* an OptimalBinning of some kind */
    struct request request;
    bool categorical;
    struct tensor splits;
    struct pickle_object **categories;
    size_t category_count, bins;
    double *values; /* (bins + 2,) */
    double unknown;
    bool refuse_unknown;
};

/* --- the metric of each bin --- */

/* An attribute of `count` numbers and at least `bins` + 2 of them, rows of `width`. */
static enum status counts_of(struct variable *v, const char *name, size_t width,
                             struct tensor *counts, struct error *err)
{
    TRY(state_matrix(v->l, v->self, name, -1, -1, counts, err));
    if (width == 1)
        counts->shape = SHAPE((int64_t)tensor_count(counts), 1);
    if (counts->shape.dims[1] != (int64_t)width || counts->shape.dims[0] != (int64_t)v->bins + 2)
        return state_error(err, name, "does not fit %zu bins", v->bins);
    return STATUS_OK;
}

static double weight_of_evidence(double rate, double nonevents, double events)
{
    return log((1 / rate - 1) * events / nonevents);
}

/* Whether the totals of unknown categories leave out the last two bins. */
static bool is_cut(const struct variable *v)
{
    return !pickle_text_is(v->request.missing, "empirical") &&
           !pickle_text_is(v->request.special, "empirical");
}

static enum status binary_values(struct variable *v, enum metric metric, struct error *err)
{
    struct tensor events, nonevents;
    double total_events = 0, total_nonevents = 0, records = 0;

    TRY(counts_of(v, "_n_event", 1, &events, err));
    TRY(counts_of(v, "_n_nonevent", 1, &nonevents, err));
    for (size_t i = 0; i < v->bins + 2; i++) {
        total_events += tensor_f64(&events, i);
        total_nonevents += tensor_f64(&nonevents, i);
        if (i < v->bins || !is_cut(v))
            records += tensor_f64(&events, i) + tensor_f64(&nonevents, i);
    }
    for (size_t i = 0; i < v->bins + 2; i++) {
        double yes = tensor_f64(&events, i), no = tensor_f64(&nonevents, i);

        v->values[i] = yes > 0 && no > 0 ? yes / (yes + no) : 0;
        if (metric == METRIC_WOE && yes > 0 && no > 0)
            v->values[i] = weight_of_evidence(v->values[i], total_nonevents, total_events);
    }
    v->unknown = total_events / records;
    if (metric == METRIC_WOE)
        v->unknown = weight_of_evidence(v->unknown, total_nonevents, total_events);
    return STATUS_OK;
}

static enum status continuous_values(struct variable *v, struct error *err)
{
    struct tensor records, sums;
    double total = 0, count = 0;

    TRY(counts_of(v, "_n_records", 1, &records, err));
    TRY(counts_of(v, "_sums", 1, &sums, err));
    for (size_t i = 0; i < v->bins + 2; i++) {
        double n = tensor_f64(&records, i);

        v->values[i] = n > 0 ? tensor_f64(&sums, i) / n : 0;
        if (i < v->bins || !is_cut(v)) {
            total += tensor_f64(&sums, i);
            count += n;
        }
    }
    v->unknown = total / count;
    return STATUS_OK;
}

/* The mean over classes, weighted by their events or not, of the weight of evidence. */
static enum status multiclass_values(struct variable *v, bool weighted, struct error *err)
{
    const struct pickle_object *stored = pickle_get(v->self, "_n_event");
    struct tensor events;
    size_t classes;
    double *total, weights = 0, records = 0;

    if (pickle_to_tensor_f64(stored, &events, v->l->keep, err) || events.shape.rank != 2)
        return state_error(err, "_n_event", "is no matrix");
    classes = (size_t)events.shape.dims[1];
    TRY(counts_of(v, "_n_event", classes, &events, err));
    total = arena_new(v->l->keep, double, classes + 1);
    if (!total)
        return error_no_memory(err, "classes");
    for (size_t i = 0; i < tensor_count(&events); i++) {
        total[i % classes] += tensor_f64(&events, i);
        records += tensor_f64(&events, i);
    }
    for (size_t c = 0; c < classes; c++)
        weights += weighted ? total[c] : 1;
    for (size_t i = 0; i < v->bins + 2; i++) {
        double row = 0, sum = 0;

        for (size_t c = 0; c < classes; c++)
            row += tensor_f64(&events, i * classes + c);
        for (size_t c = 0; c < classes; c++) {
            double yes = tensor_f64(&events, i * classes + c);

            if (yes > 0 && row - yes > 0)
                sum += weight_of_evidence(yes / row, records - total[c], total[c]) *
                       (weighted ? total[c] : 1);
        }
        v->values[i] = sum / weights;
    }
    v->unknown = 0;
    return STATUS_OK;
}

static enum status metric_values(struct variable *v, struct error *err)
{
    const struct pickle_object *metric = v->request.metric;
    bool binary = pickle_is(v->self, "optbinning", "OptimalBinning");
    bool continuous = pickle_is(v->self, "optbinning", "ContinuousOptimalBinning");
    bool multiclass = pickle_is(v->self, "optbinning", "MulticlassOptimalBinning");

    v->values = arena_new(v->l->keep, double, v->bins + 2);
    if (!v->values)
        return error_no_memory(err, "bins");
    if (binary && (pickle_is_none(metric) || pickle_text_is(metric, METRICS[METRIC_WOE])))
        return binary_values(v, METRIC_WOE, err);
    if (binary && pickle_text_is(metric, METRICS[METRIC_RATE]))
        return binary_values(v, METRIC_RATE, err);
    if (continuous && (pickle_is_none(metric) || pickle_text_is(metric, METRICS[METRIC_MEAN])))
        return continuous_values(v, err);
    if (multiclass && (pickle_is_none(metric) || pickle_text_is(metric, "mean_woe")))
        return multiclass_values(v, false, err);
    if (multiclass && pickle_text_is(metric, "weighted_mean_woe"))
        return multiclass_values(v, true, err);
    return state_error(err, "metric", "of a %s is not served yet", pickle_name(v->self));
}

/* --- the bins --- */

static enum status variable_of(struct lowering *l, const struct pickle_object *self,
                               const struct request *request, struct variable *v, struct error *err)
{
    static const char *const DTYPES[] = {"numerical", "categorical", NULL};
    const struct pickle_object *unknown = pickle_get(self, "cat_unknown");
    const struct pickle_object *others = pickle_get(self, "_cat_others");
    size_t dtype;

    *v = (struct variable){.l = l, .self = self, .request = *request};
    TRY(state_choice(self, "dtype", DTYPES, 0, &dtype, err));
    v->categorical = dtype == 1;
    TRY(state_vector(l, self, "_splits_optimal", -1, &v->splits, err));
    v->bins = tensor_count(&v->splits) + 1;
    if (v->categorical) {
        if (!pickle_is_none(pickle_get(self, "user_splits")))
            return state_error(err, "user_splits", "is not None");
        TRY(state_list(l, self, "_categories", &v->categories, &v->category_count, err));
        v->bins += pickle_length(others) || (others && others->kind == PICKLE_ARRAY &&
                                             shape_count(&others->array->shape) > 0);
    }
    TRY(metric_values(v, err));
    v->refuse_unknown = !unknown; /* what files of older versions make of them is not known */
    if (!pickle_is_none(unknown) && !pickle_to_f64(unknown, &v->unknown))
        return state_error(err, "cat_unknown", "is no number");
    return STATUS_OK;
}

/* What special or missing values become: a number, or "empirical". */
static enum status other_value(const struct variable *v, const struct pickle_object *asked,
                               const char *name, size_t bin, double *value, struct error *err)
{
    *value = 0;
    if (pickle_text_is(asked, "empirical"))
        *value = v->values[bin];
    else if (asked && !pickle_to_f64(asked, value))
        return state_error(err, name, "is neither a number nor 'empirical'");
    return STATUS_OK;
}

static enum status special_codes(struct variable *v, struct pickle_object ***codes, size_t *count,
                                 struct error *err)
{
    const struct pickle_object *stored = pickle_get(v->self, "special_codes");

    *codes = NULL;
    *count = 0;
    if (pickle_is_none(stored))
        return STATUS_OK;
    if (stored->kind == PICKLE_DICT)
        return state_error(err, "special_codes", "by name are not served yet");
    return state_list(v->l, v->self, "special_codes", codes, count, err);
}

static bool is_text(const struct pickle_object *object)
{
    return object->kind == PICKLE_TEXT;
}

static enum status numerical(struct variable *v, const struct table *in, size_t column,
                             struct table *out, struct error *err)
{
    struct tensor *edges = arena_new(v->l->keep, struct tensor, 1);
    struct shape shape = SHAPE((int64_t)v->bins);
    struct attribute attributes[2];
    struct pickle_object **codes;
    double missing, special, code;
    int64_t end = (int64_t)v->bins - 1;
    value_id x, y, values, mask, number;
    size_t count;

    if (!edges)
        return error_no_memory(err, "splits");
    *edges = v->splits;
    attributes[0] = attribute_of_tensor("edges", edges);
    attributes[1] = attribute_of_ints("ends", &end, 1);
    TRY(other_value(v, v->request.missing, "metric_missing", v->bins + 1, &missing, err));
    TRY(other_value(v, v->request.special, "metric_special", v->bins, &special, err));
    TRY(special_codes(v, &codes, &count, err));
    TRY(table_vector(v->l, in, column, DTYPE_F64, &x, err));
    TRY(emit_unsqueeze(&v->l->e, x, 1, &x, err));
    TRY(emit(&v->l->e, "firn", "Bins", &x, 1, attributes, 2, &y, 1, err));
    TRY(emit_cast(&v->l->e, y, DTYPE_I64, &y, err));
    TRY(graph_constant_f64(v->l->e.graph, v->values, &shape, &values, err));
    TRY(emit_2(&v->l->e, "Gather", values, y, &y, err));
    for (size_t i = 0; i < count; i++) {
        if (is_text(codes[i]))
            continue;
        if (!pickle_to_f64(codes[i], &code))
            return state_error(err, "special_codes", "holds something that is no number");
        TRY(emit_scalar(v->l, code, &number, err));
        TRY(emit_2(&v->l->e, "Equal", x, number, &mask, err));
        TRY(emit_scalar(v->l, special, &number, err));
        TRY(emit_where(&v->l->e, mask, number, y, &y, err));
    }
    TRY(emit_1(&v->l->e, "IsNaN", x, &mask, err));
    TRY(emit_scalar(v->l, missing, &number, err));
    TRY(emit_where(&v->l->e, mask, number, y, &y, err));
    return table_of_matrix(v->l, y, 1, out, err);
}

/* Which bin each category is in: those up to the first split, after it ... */
static size_t bin_of(const struct variable *v, size_t category)
{
    size_t bin = 0;

    while (bin < tensor_count(&v->splits) && (double)category >= ceil(tensor_f64(&v->splits, bin)))
        bin++;
    return bin;
}

struct keys { /* categories and what they become; the same one twice: the last counts */
    struct pickle_object **items;
    double *values;
    size_t count;
    struct label_map places;
};

static enum status keys_add(struct keys *keys, struct pickle_object *item, double value,
                            struct error *err)
{
    size_t i = keys->count;

    TRY(label_map_add(&keys->places, item, &i, err));
    keys->items[i] = item;
    keys->values[i] = value;
    keys->count += i == keys->count;
    return STATUS_OK;
}

static enum status keys_of(struct variable *v, struct keys *keys, struct error *err)
{
    struct pickle_object **others, **codes, *none = arena_new(v->l->keep, struct pickle_object, 1);
    size_t other_count, code_count, most;
    double missing, special;

    TRY(state_list(v->l, v->self, "_cat_others", &others, &other_count, err));
    TRY(special_codes(v, &codes, &code_count, err));
    TRY(other_value(v, v->request.missing, "metric_missing", v->bins + 1, &missing, err));
    TRY(other_value(v, v->request.special, "metric_special", v->bins, &special, err));
    most = v->category_count + other_count + code_count + 2;
    keys->items = arena_new(v->l->keep, struct pickle_object *, most);
    keys->values = arena_new(v->l->keep, double, most);
    if (!keys->items || !keys->values || !none)
        return error_no_memory(err, "categories");
    label_map_init(&keys->places, v->l->keep);
    for (size_t i = 0; i < v->category_count; i++)
        TRY(keys_add(keys, v->categories[i], v->values[bin_of(v, i)], err));
    for (size_t i = 0; i < other_count; i++)
        TRY(keys_add(keys, others[i], v->values[v->bins - 1], err));
    for (size_t i = 0; i < code_count; i++) /* numbers are no values of text, nor text of numbers */
        if (!keys->count || is_text(codes[i]) == is_text(keys->items[0]))
            TRY(keys_add(keys, codes[i], special, err));
    *none = (struct pickle_object){.kind = PICKLE_FLOAT, .number = NAN};
    TRY(keys_add(keys, none, missing, err));
    return STATUS_OK;
}

static enum status categorical(struct variable *v, const struct table *in, size_t column,
                               struct table *out, struct error *err)
{
    struct encoding encoding = {.unknown = !v->refuse_unknown};
    struct keys keys = {0};
    struct pickle_object list = {.kind = PICKLE_LIST};
    double *rows;

    TRY(keys_of(v, &keys, err));
    list.items = keys.items;
    list.count = keys.count;
    TRY(encoding_keys(v->l, &list, &encoding.keys, &encoding.kind, err));
    TRY(encoding_rows(v->l, &encoding, 1, &rows, err));
    memcpy(rows, keys.values, keys.count * sizeof *rows);
    rows[keys.count] = v->unknown;
    return encode_column(v->l, in, column, &encoding, out, err);
}

/* --- BinningProcess --- */

static const struct pickle_object *param(const struct pickle_object *params, const char *name,
                                         const struct pickle_object *otherwise)
{
    const struct pickle_object *own = pickle_get(params, name);

    return own ? own : otherwise;
}

/* Parameters of single variables reached those after them in some versions, so one variable's are
 * known only when it is the only one, or when all have them. */
static enum status own_request(const struct pickle_object *self, const char *name, size_t selected,
                               const struct request *all, struct request *request,
                               struct error *err)
{
    const struct pickle_object *params = pickle_get(self, "binning_transform_params");

    *request = *all;
    if (pickle_is_none(params))
        return STATUS_OK;
    params = pickle_get(params, name);
    if (selected > 1 && !pickle_get(params, "metric"))
        return state_error(err, "binning_transform_params", "names no metric for '%s'", name);
    if (selected > 1 &&
        (pickle_get(params, "metric_missing") || pickle_get(params, "metric_special")))
        return state_error(err, "binning_transform_params", "of '%s' are not served yet", name);
    request->metric = param(params, "metric", all->metric);
    request->missing = param(params, "metric_missing", all->missing);
    request->special = param(params, "metric_special", all->special);
    return STATUS_OK;
}

static enum status place_of(struct lowering *l, struct table *in, struct bytes name, size_t index,
                            size_t *place, struct error *err)
{
    *place = index;
    if (!in->open && index < in->count && !in->columns[0].name)
        return STATUS_OK;
    return table_find(l, in, name, place, err);
}

static enum status bin_variables(struct lowering *l, const struct pickle_object *self,
                                 const struct request *request, const struct table *given,
                                 struct table *out, struct error *err)
{
    const struct pickle_object *binned = pickle_get(self, "_binned_variables");
    struct table in = *given, *parts;
    struct pickle_object **names;
    struct tensor support;
    size_t count, selected = 0, used = 0;

    TRY(state_list(l, self, "variable_names", &names, &count, err));
    TRY(state_vector(l, self, "_support", (int64_t)count, &support, err));
    parts = arena_new(l->keep, struct table, count + 1);
    if (!parts)
        return error_no_memory(err, "columns");
    for (size_t i = 0; i < count; i++)
        selected += tensor_f64(&support, i) != 0;
    for (size_t i = 0; i < count; i++) {
        struct request own;
        struct variable v;
        struct bytes name;
        const char *key;
        size_t place;

        if (tensor_f64(&support, i) == 0)
            continue;
        if (!pickle_to_text(names[i], &name, l->keep) || !(key = arena_text(l->keep, name)))
            return state_error(err, "variable_names", "are no names");
        if (!pickle_get(binned, key))
            return state_error(err, "_binned_variables", "has no '%s'", key);
        TRY(own_request(self, key, selected, request, &own, err));
        if (variable_of(l, pickle_get(binned, key), &own, &v, err))
            return error_within(err, "variable '%s'", key);
        TRY(place_of(l, &in, name, i, &place, err));
        TRY(v.categorical ? categorical(&v, &in, place, &parts[used], err)
                          : numerical(&v, &in, place, &parts[used], err));
        ((struct column *)parts[used++].columns)->name = key;
    }
    return table_join(l, parts, used, out, err);
}

static enum status bin(struct lowering *l, const struct pickle_object *self, const struct table *in,
                       struct table *out, struct error *err)
{
    return bin_variables(l, self, &(struct request){0}, in, out, err);
}

/* --- Scorecard --- */

static enum status card(struct lowering *l, const struct pickle_object *self, enum method method,
                        const struct table *in, struct table *out, struct error *err)
{
    struct request request = {.missing = pickle_get(self, "_metric_missing"),
                              .special = pickle_get(self, "_metric_special")};
    struct table binned;

    TRY(bin_variables(l, pickle_get(self, "binning_process_"), &request, in, &binned, err));
    return estimator_lower(l, "estimator_", pickle_get(self, "estimator_"), method, &binned, out,
                           err);
}

/* Scaled scorecards are made for their points, which no method of an estimator gives. */
static enum status card_predict(struct lowering *l, const struct pickle_object *self,
                                const struct table *in, struct table *out, struct error *err)
{
    if (!pickle_is_none(pickle_get(self, "scaling_method")))
        return state_error(err, "scaling_method", "points of scorecards are not served yet");
    return card(l, self, METHOD_PREDICT, in, out, err);
}

static enum status card_proba(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, struct table *out, struct error *err)
{
    return card(l, self, METHOD_PREDICT_PROBA, in, out, err);
}

static enum status card_decision(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    return card(l, self, METHOD_DECISION_FUNCTION, in, out, err);
}

static bool card_has(const struct pickle_object *self, enum method method)
{
    return estimator_has(pickle_get(self, "estimator_"), method);
}

static const struct pickle_object *card_first(const struct pickle_object *self)
{
    return pickle_get(self, "binning_process_");
}

const struct estimator_set estimators_optbinning =
    ESTIMATOR_SET({.name = "BinningProcess", .package = "optbinning", .transform = bin},
                  {.name = "Scorecard",
                   .package = "optbinning",
                   .predict = card_predict,
                   .predict_proba = card_proba,
                   .decision_function = card_decision,
                   .has = card_has,
                   .first = card_first});
