// SPDX-License-Identifier: Apache-2.0
/* sklearn2pmml's transformers of text, dates and single values. */
#include "importers/sklearn/packages/expression.h"
#include "importers/sklearn/packages/pmml.h"

#include <math.h>
#include <string.h>

#include "base/regex/regex.h"
#include "base/text.h"

/* --- one column in, one column out --- */

static enum status text_column(struct lowering *l, const struct table *in, struct attribute *list,
                               size_t count, struct table *out, struct error *err)
{
    value_id x;

    TRY(table_expect(in, 1, err));
    TRY(table_vector(l, in, 0, DTYPE_STRING, &x, err));
    TRY(emit(&l->e, "firn", "Text", &x, 1, list, count, &x, 1, err));
    TRY(table_of_vector(l, x, out, err));
    out->flat = in->flat;
    return STATUS_OK;
}

static enum status substring(struct lowering *l, const struct pickle_object *self,
                             const struct table *in, struct table *out, struct error *err)
{
    struct attribute attributes[3] = {attribute_of_text("function", "slice")};
    int64_t begin, end;

    if (!pickle_to_i64(pickle_get(self, "begin"), &begin) ||
        !pickle_to_i64(pickle_get(self, "end"), &end) || begin < 0 || end < begin)
        return state_error(err, "begin", "and end are no positions");
    attributes[1] = attribute_of_int("begin", begin);
    attributes[2] = attribute_of_int("end", end);
    return text_column(l, in, attributes, 3, out, err);
}

static enum status normalize_text(struct lowering *l, const struct pickle_object *self,
                                  const struct table *in, struct table *out, struct error *err)
{
    static const char *const FUNCTIONS[] = {"lower", "lowercase", "upper", "uppercase", NULL};
    struct attribute attributes[2];
    size_t function;
    bool strip;

    if (pickle_is_none(pickle_get(self, "function")))
        return state_error(err, "function", "None is not served yet");
    TRY(state_choice(self, "function", FUNCTIONS, 0, &function, err));
    TRY(state_bool(self, "trim_blanks", true, &strip, err));
    attributes[0] = attribute_of_text("function", function < 2 ? "lower" : "upper");
    attributes[1] = attribute_of_int("strip", strip);
    return text_column(l, in, attributes, 2, out, err);
}

/* Text, or a whole number as Python prints it; UNSUPPORTED when it might not have been an int. */
static enum status column_as_text(struct lowering *l, const struct table *in, size_t index,
                                  value_id *vector, struct error *err)
{
    struct attribute function = attribute_of_text("function", "integer");

    TRY(table_settle(l, in, index, DTYPE_STRING, err));
    if (column_dtype(l, &in->columns[index]) == DTYPE_STRING)
        return table_vector(l, in, index, DTYPE_STRING, vector, err);
    if (!column_is_integral(l, &in->columns[index]))
        return error_set(err, STATUS_UNSUPPORTED,
                         "column %zu becomes text, but whether it held integers is not stored",
                         index);
    TRY(table_vector(l, in, index, DTYPE_F64, vector, err));
    return emit(&l->e, "firn", "Text", vector, 1, &function, 1, vector, 1, err);
}

static enum status concat(struct lowering *l, const struct pickle_object *self,
                          const struct table *in, struct table *out, struct error *err)
{
    struct attribute attributes[2] = {attribute_of_text("function", "concat")};
    value_id *parts = arena_new(l->keep, value_id, in->count), x;
    const struct pickle_object *separator = pickle_get(self, "separator");

    if (!parts)
        return error_no_memory(err, "columns");
    if (!separator || separator->kind != PICKLE_TEXT || in->count == 0)
        return state_error(err, "separator", "is no text");
    for (size_t i = 0; i < in->count; i++)
        TRY(column_as_text(l, in, i, &parts[i], err));
    attributes[1] =
        (struct attribute){.name = "separator", .kind = ATTRIBUTE_STRING, .s = separator->bytes};
    TRY(emit(&l->e, "firn", "Text", parts, in->count, attributes, 2, &x, 1, err));
    return table_of_vector(l, x, out, err);
}

/* MatchesTransformer (a flag), ReplaceTransformer. */
static enum status regex(struct lowering *l, const struct pickle_object *self,
                         const struct table *in, const struct pickle_object *replacement,
                         struct table *out, struct error *err)
{
    const struct pickle_object *pattern = pickle_get(self, "pattern");
    const struct pickle_object *flavour = pickle_get(self, "re_flavour");
    const struct regex *compiled;
    struct attribute attributes[2];
    size_t count = 0;
    value_id x;

    if (flavour && !pickle_text_is(flavour, "re"))
        return state_error(err, "re_flavour", "other than 're'");
    if (!pattern || pattern->kind != PICKLE_TEXT)
        return state_error(err, "pattern", "is no text");
    if (regex_compile(pattern->bytes, &compiled, l->keep, err))
        return error_within(err, "attribute 'pattern'");
    attributes[count++] =
        (struct attribute){.name = "pattern", .kind = ATTRIBUTE_STRING, .s = pattern->bytes};
    if (replacement) {
        if (replacement->kind != PICKLE_TEXT ||
            memchr(replacement->bytes.data, '\\', replacement->bytes.size))
            return state_error(err, "replacement", "with references to groups");
        attributes[count++] = (struct attribute){
            .name = "replacement", .kind = ATTRIBUTE_STRING, .s = replacement->bytes};
    }
    TRY(table_expect(in, 1, err));
    TRY(table_vector(l, in, 0, DTYPE_STRING, &x, err));
    TRY(emit(&l->e, "firn", "Regex", &x, 1, attributes, count, &x, 1, err));
    TRY(table_of_vector(l, x, out, err));
    out->flat = in->flat;
    return STATUS_OK;
}

static enum status matches(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    return regex(l, self, in, NULL, out, err);
}

static enum status replace(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *replacement;

    TRY(state_object(self, "replacement", &replacement, err));
    return regex(l, self, in, replacement, out, err);
}

/* --- casts --- */

enum target {
    TO_TEXT,
    TO_INTEGER,
    TO_NUMBER,
    TO_DATE,
    TO_TIME,
    TO_CATEGORY,
    TO_ITSELF,
    TO_UNKNOWN
};

static enum target target_of(const struct pickle_object *dtype)
{
    const char *name = pickle_name(dtype);
    bool integer = strncmp(name, "int", 3) == 0 || strncmp(name, "uint", 4) == 0;

    if (pickle_is_none(dtype))
        return TO_ITSELF;
    if (strcmp(name, "_load_type") == 0 && dtype->args)
        dtype = pickle_item(dtype->args, 0);
    if (pickle_text_is(dtype, "datetime64[D]"))
        return TO_DATE;
    if (pickle_text_is(dtype, "datetime64[s]"))
        return TO_TIME;
    if (strcmp(name, "CategoricalDtype") == 0)
        return pickle_is_none(pickle_get(dtype, "categories")) ? TO_ITSELF : TO_CATEGORY;
    if (pickle_text_is(dtype, "category")) /* the categories are those that come */
        return TO_ITSELF;
    if (pickle_text_is(dtype, "str") || strcmp(name, "str") == 0)
        return TO_TEXT;
    if (pickle_text_is(dtype, "int") || pickle_text_is(dtype, "int64") || integer)
        return TO_INTEGER;
    if (pickle_text_is(dtype, "float") || pickle_text_is(dtype, "float64") ||
        strcmp(name, "float") == 0 || strcmp(name, "float64") == 0)
        return TO_NUMBER;
    return TO_UNKNOWN;
}

static enum status cast_column(struct lowering *l, const struct pickle_object *dtype,
                               const struct table *in, size_t index, struct table *out,
                               struct error *err)
{
    enum target target = target_of(dtype);
    struct table single;
    value_id x;

    TRY(table_pick(l, in, &index, 1, &single, err));
    *out = single;
    switch (target) {
    case TO_ITSELF:
        return STATUS_OK;
    case TO_TEXT:
        TRY(column_as_text(l, &single, 0, &x, err));
        return table_of_vector(l, x, out, err);
    case TO_DATE:
    case TO_TIME:
        return time_column(l, &single, 0, target == TO_DATE, out, err);
    case TO_CATEGORY:
        return category_column(l, pickle_get(dtype, "categories"), &single, 0, out, err);
    case TO_NUMBER:
        TRY(table_matrix(l, &single, CHECK_NONE, &x, err));
        return table_of_matrix(l, x, 1, out, err);
    case TO_INTEGER: /* toward zero, as numpy's astype; of NaN and infinity there is no int */
        TRY(table_matrix(l, &single, CHECK_FINITE, &x, err));
        TRY(emit_cast(&l->e, x, DTYPE_I64, &x, err));
        TRY(emit_cast(&l->e, x, DTYPE_F64, &x, err));
        TRY(table_of_matrix(l, x, 1, out, err));
        ((struct column *)out->columns)->integral = true;
        return STATUS_OK;
    case TO_UNKNOWN:
        break;
    }
    return state_error(err, "dtype", "is not one that firn casts to");
}

/* `dtypes`: one, or a list of one for each column. */
static enum status cast_columns(struct lowering *l, const struct pickle_object *dtypes,
                                const struct table *in, struct table *out, struct error *err)
{
    bool several = dtypes && dtypes->kind == PICKLE_LIST;
    struct table *parts = arena_new(l->keep, struct table, in->count);

    if (!parts)
        return error_no_memory(err, "columns");
    if (several)
        TRY(table_expect(in, pickle_length(dtypes), err));
    for (size_t i = 0; i < in->count; i++) {
        TRY(cast_column(l, several ? pickle_item(dtypes, i) : dtypes, in, i, &parts[i], err));
        if (parts[i].columns != in->columns && parts[i].count == 1)
            ((struct column *)parts[i].columns)->name = in->columns[i].name;
    }
    TRY(table_join(l, parts, in->count, out, err));
    out->flat = in->flat;
    return STATUS_OK;
}

/* dtype_ is what `dtype` became when the categories were seen. */
static enum status cast(struct lowering *l, const struct pickle_object *self,
                        const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *fitted = pickle_get(self, "dtype_");

    return cast_columns(l, fitted ? fitted : pickle_get(self, "dtype"), in, out, err);
}

static enum status cast_each(struct lowering *l, const struct pickle_object *self,
                             const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *fitted = pickle_get(self, "dtypes_");

    if (!fitted)
        fitted = pickle_get(self, "dtypes");
    if (!fitted || fitted->kind != PICKLE_LIST)
        return state_error(err, "dtypes", "is no list");
    return cast_columns(l, fitted, in, out, err);
}

/* --- lookups --- */

/* A dict's keys as categories and its values as a table to pick from; default_value for the rest.
 */
struct mapping {
    struct tensor keys;
    enum dtype kind;
    struct tensor *texts; /* (keys + 2,): values, default, missing */
    double *numbers;      /* the same */
    size_t count;
    bool text; /* values are text */
};

static enum status value_of(struct lowering *l, struct mapping *map,
                            const struct pickle_object *value, size_t index, struct error *err)
{
    map->numbers[index] = NAN;
    if (pickle_is_none(value))
        return STATUS_OK;
    if (map->text ? value->kind != PICKLE_TEXT ||
                        !pickle_to_text(value, (struct bytes *)map->texts->data + index, l->keep)
                  : !pickle_to_f64(value, &map->numbers[index]))
        return state_error(err, "mapping", "holds values of several kinds");
    return STATUS_OK;
}

/* `items`: key, value, key, value ... */
static enum status mapping_values(struct lowering *l, const struct pickle_object *self,
                                  struct pickle_object *const *items, struct mapping *map,
                                  struct error *err)
{
    struct shape shape = SHAPE((int64_t)map->count + 2);

    for (size_t i = 0; i < map->count; i++)
        map->text = map->text || items[2 * i + 1]->kind == PICKLE_TEXT;
    map->texts = arena_new(l->keep, struct tensor, 1);
    map->numbers = arena_new(l->keep, double, map->count + 2);
    if (!map->texts || !map->numbers)
        return error_no_memory(err, "a mapping");
    TRY(tensor_new(map->texts, DTYPE_STRING, &shape, l->keep, err));
    for (size_t i = 0; i < map->count; i++)
        TRY(value_of(l, map, items[2 * i + 1], i, err));
    map->numbers[map->count + 1] = NAN;
    return value_of(l, map, pickle_get(self, "default_value"), map->count, err);
}

/* The value of each code (n,) I64 in 0 to count + 1. */
static enum status pick_value(struct lowering *l, const struct mapping *map, value_id code,
                              struct table *out, struct error *err)
{
    struct shape shape = SHAPE((int64_t)map->count + 2);
    value_id values, x;

    if (map->text)
        TRY(emit_constant(&l->e, map->texts, &values, err));
    else
        TRY(graph_constant_f64(l->e.graph, map->numbers, &shape, &values, err));
    TRY(emit_2(&l->e, "Gather", values, code, &x, err));
    return table_of_vector(l, x, out, err);
}

static enum status dict_items(const struct pickle_object *self, struct pickle_object ***items,
                              size_t *count, struct error *err)
{
    const struct pickle_object *dict;

    TRY(state_object(self, "mapping", &dict, err));
    if (dict->kind != PICKLE_DICT || dict->count == 0)
        return state_error(err, "mapping", "is no dict, or empty");
    *items = dict->items;
    *count = dict->count;
    return STATUS_OK;
}

/* Codes of one column: place among `keys`, `unknown` for others, `missing` for missing ones. */
static enum status code_column(struct lowering *l, const struct table *in, size_t index,
                               struct pickle_object *const *keys, size_t count, size_t missing,
                               double scale, value_id *code, struct error *err)
{
    struct pickle_object list = {
        .kind = PICKLE_LIST, .items = (struct pickle_object **)keys, .count = count};
    struct tensor *tensors = arena_new(l->keep, struct tensor, 2), labels;
    struct shape shape = SHAPE((int64_t)count + 2, 1), key_shape = SHAPE((int64_t)count + 1);
    struct attribute attributes[3];
    bool text;

    if (!tensors)
        return error_no_memory(err, "a mapping");
    if (labels_of(l, &list, &labels, err))
        return error_within(err, "attribute 'mapping'");
    text = labels.dtype == DTYPE_STRING;
    /* One key more: what is missing. */
    TRY(tensor_new(&tensors[0], text ? DTYPE_STRING : DTYPE_F64, &key_shape, l->keep, err));
    TRY(tensor_new(&tensors[1], DTYPE_F64, &shape, l->keep, err));
    for (size_t i = 0; i < count; i++) {
        if (text)
            ((struct bytes *)tensors[0].data)[i] = ((const struct bytes *)labels.data)[i];
        else
            tensor_set_f64(&tensors[0], i, tensor_f64(&labels, i));
        tensor_set_f64(&tensors[1], i, (double)i * scale);
    }
    if (!text)
        tensor_set_f64(&tensors[0], count, NAN);
    tensor_set_f64(&tensors[1], count, (double)missing);
    tensor_set_f64(&tensors[1], count + 1, (double)count * scale);
    attributes[0] = attribute_of_tensor("keys", &tensors[0]);
    attributes[1] = attribute_of_tensor("rows", &tensors[1]);
    attributes[2] = attribute_of_int("unknown", 1);
    TRY(table_vector(l, in, index, text ? DTYPE_STRING : DTYPE_F64, code, err));
    return emit(&l->e, "firn", "Lookup", code, 1, attributes, 3, code, 1, err);
}

static enum status as_index(struct lowering *l, value_id code, value_id *index, struct error *err)
{
    int64_t one = 1;
    struct shape shape = shape_of(1, &one);
    value_id axes;

    TRY(graph_constant_i64(l->e.graph, &one, &shape, &axes, err));
    TRY(emit_2(&l->e, "Squeeze", code, axes, &code, err));
    return emit_cast(&l->e, code, DTYPE_I64, index, err);
}

static enum status lookup(struct lowering *l, const struct pickle_object *self,
                          const struct table *in, struct table *out, struct error *err)
{
    struct pickle_object **items, **keys;
    struct mapping map = {0};
    value_id code;

    TRY(table_expect(in, 1, err));
    TRY(dict_items(self, &items, &map.count, err));
    TRY(mapping_values(l, self, items, &map, err));
    keys = arena_new(l->keep, struct pickle_object *, map.count);
    if (!keys)
        return error_no_memory(err, "a mapping");
    for (size_t i = 0; i < map.count; i++)
        keys[i] = items[2 * i];
    TRY(code_column(l, in, 0, keys, map.count, map.count + 1, 1, &code, err));
    TRY(as_index(l, code, &code, err));
    TRY(pick_value(l, &map, code, out, err));
    out->flat = in->flat;
    return STATUS_OK;
}

static bool same_key(const struct pickle_object *a, const struct pickle_object *b)
{
    double x, y;

    if (a->kind == PICKLE_TEXT && b->kind == PICKLE_TEXT)
        return bytes_equal(a->bytes, b->bytes);
    return pickle_to_f64(a, &x) && pickle_to_f64(b, &y) && x == y;
}

enum { PARTS_MAX = 8, COMBINATIONS_MAX = 1 << 16 };

/* The distinct elements at one place of the tuples, and which one each tuple has. */
static enum status part_keys(struct lowering *l, struct pickle_object *const *items, size_t count,
                             size_t part, struct pickle_object ***keys, size_t *key_count,
                             size_t *places, struct error *err)
{
    *keys = arena_new(l->keep, struct pickle_object *, count);
    *key_count = 0;
    if (!*keys)
        return error_no_memory(err, "a mapping");
    for (size_t i = 0; i < count; i++) {
        struct pickle_object *key = pickle_item(items[2 * i], part);
        size_t k = 0;

        if (!key)
            return state_error(err, "mapping", "has keys that are no tuples of one length");
        while (k < *key_count && !same_key((*keys)[k], key))
            k++;
        if (k == *key_count)
            (*keys)[(*key_count)++] = key;
        places[i] = k;
    }
    return STATUS_OK;
}

/* Keys are tuples: the codes of the columns are put together to one number. A missing part gives
 * a number beyond all combinations. */
static enum status multi_lookup(struct lowering *l, const struct pickle_object *self,
                                const struct table *in, struct table *out, struct error *err)
{
    struct pickle_object **items, **keys;
    struct mapping map = {0}, dense = {0};
    size_t *places, *combined, key_count, stride = 1;
    value_id sum = VALUE_NONE, code, limit;
    struct shape shape;

    TRY(dict_items(self, &items, &map.count, err));
    TRY(mapping_values(l, self, items, &map, err));
    places = arena_new(l->keep, size_t, map.count);
    combined = arena_new(l->keep, size_t, map.count);
    if (!places || !combined)
        return error_no_memory(err, "a mapping");
    if (in->count == 0 || in->count > PARTS_MAX || pickle_length(items[0]) != in->count)
        return state_error(err, "mapping", "has keys of %zu parts for %zu columns",
                           pickle_length(items[0]), in->count);
    for (size_t c = 0; c < in->count; c++) {
        TRY(part_keys(l, items, map.count, c, &keys, &key_count, places, err));
        for (size_t i = 0; i < map.count; i++)
            combined[i] += places[i] * stride;
        TRY(code_column(l, in, c, keys, key_count, COMBINATIONS_MAX, (double)stride, &code, err));
        if (sum == VALUE_NONE)
            sum = code;
        else
            TRY(emit_2(&l->e, "Add", sum, code, &sum, err));
        stride *= key_count + 1;
        if (stride >= COMBINATIONS_MAX)
            return state_error(err, "mapping", "has too many combinations of keys");
    }
    /* Every combination that no key names has the default; the last one is for missing parts. */
    dense = map;
    dense.count = stride - 1;
    shape = SHAPE((int64_t)stride + 1);
    dense.texts = arena_new(l->keep, struct tensor, 1);
    dense.numbers = arena_new(l->keep, double, stride + 1);
    if (!dense.texts || !dense.numbers)
        return error_no_memory(err, "a mapping");
    TRY(tensor_new(dense.texts, DTYPE_STRING, &shape, l->keep, err));
    for (size_t i = 0; i < stride; i++) {
        ((struct bytes *)dense.texts->data)[i] = ((const struct bytes *)map.texts->data)[map.count];
        dense.numbers[i] = map.numbers[map.count];
    }
    dense.numbers[stride] = NAN;
    for (size_t i = 0; i < map.count; i++) {
        ((struct bytes *)dense.texts->data)[combined[i]] =
            ((const struct bytes *)map.texts->data)[i];
        dense.numbers[combined[i]] = map.numbers[i];
    }
    TRY(emit_scalar(l, (double)stride, &limit, err));
    TRY(emit_2(&l->e, "Min", sum, limit, &sum, err));
    TRY(as_index(l, sum, &code, err));
    return pick_value(l, &dense, code, out, err);
}

/* --- expressions --- */

static enum status expression(struct lowering *l, const struct pickle_object *self,
                              const struct table *in, struct table *out, struct error *err)
{
    static const char *const OPTIONS[] = {"map_missing_to", "default_value",
                                          "invalid_value_treatment"};
    const struct pickle_object *text = pickle_get(self, "expr"), *functions = NULL;
    struct table result;
    struct bytes code;

    for (size_t i = 0; i < ARRAY_COUNT(OPTIONS); i++)
        if (!pickle_is_none(pickle_get(self, OPTIONS[i])))
            return state_error(err, OPTIONS[i], "is not None");
    if (!text)
        text = pickle_get(self, "expr_");
    if (pickle_is(text, "sklearn2pmml", "Expression")) {
        functions = pickle_get(text, "function_defs");
        text = pickle_get(text, "expr");
    }
    if (!text || text->kind != PICKLE_TEXT || !pickle_to_text(text, &code, l->keep))
        return state_error(err, "expr", "is no text");
    TRY(expression_with_functions(l, code, functions, in, &result, err));
    return cast_column(l, pickle_get(self, "dtype"), &result, 0, out, err);
}

#define PMML(class_name, function)                                                                 \
    {                                                                                              \
        .name = class_name, .package = "sklearn2pmml", .transform = function                       \
    }

const struct estimator_set estimators_pmml_text = ESTIMATOR_SET(
    PMML("SubstringTransformer", substring), PMML("StringNormalizer", normalize_text),
    PMML("ConcatTransformer", concat), PMML("MatchesTransformer", matches),
    PMML("ReplaceTransformer", replace), PMML("CastTransformer", cast),
    PMML("MultiCastTransformer", cast_each), PMML("LookupTransformer", lookup),
    PMML("MultiLookupTransformer", multi_lookup), PMML("ExpressionTransformer", expression));
