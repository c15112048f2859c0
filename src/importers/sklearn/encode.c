// SPDX-License-Identifier: Apache-2.0
/* Categories to numbers: OneHotEncoder of all generations, OrdinalEncoder, LabelEncoder,
 * LabelBinarizer. All are a Lookup for each column. */
#include "importers/sklearn/encode.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

enum { WIDTH_MAX = 1 << 20 };

/* --- one column --- */

static const char *column_label(struct lowering *l, const struct column *column, size_t index)
{
    char quoted[TEXT_QUOTE_SIZE];

    if (column->name)
        return arena_printf(l->keep, "column '%s'",
                            text_quote(bytes_of(column->name), quoted, sizeof quoted));
    return arena_printf(l->keep, "column %zu", index);
}

/* The categories of a column as the keys of a Lookup: F64 or STRING, a missing one as NaN or a
 * string without data. `kind` is what an input column of them is: STRING, BOOL or F64. */
enum status encoding_keys(struct lowering *l, const struct pickle_object *object,
                          struct tensor *keys, enum dtype *kind, struct error *err)
{
    struct pickle_object **items;
    struct bytes *texts;
    struct tensor raw;
    struct shape shape;
    size_t count, missing = 0;
    bool text = false;
    double number;

    items = pickle_elements(object, &count, l->keep);
    if (!items)
        return error_set(err, STATUS_UNSUPPORTED, "categories are no list");
    for (size_t i = 0; i < count; i++) {
        missing +=
            pickle_is_none(items[i]) || (items[i]->kind == PICKLE_FLOAT && isnan(items[i]->number));
        text = text || items[i]->kind == PICKLE_TEXT;
    }
    if (missing > 1)
        return error_set(err, STATUS_UNSUPPORTED, "several kinds of missing among categories");
    if (!text) {
        TRY(labels_of(l, object, &raw, err));
        *kind = raw.dtype == DTYPE_BOOL || raw.dtype == DTYPE_STRING ? raw.dtype : DTYPE_F64;
        if (raw.dtype != DTYPE_STRING)
            return numbers_of(l, &raw, keys, err);
        *keys = raw;
        return STATUS_OK;
    }
    shape = SHAPE((int64_t)count);
    TRY(tensor_new(keys, DTYPE_STRING, &shape, l->keep, err));
    texts = keys->data;
    for (size_t i = 0; i < count; i++)
        if (items[i]->kind == PICKLE_TEXT
                ? !pickle_to_text(items[i], &texts[i], l->keep)
                : !pickle_is_none(items[i]) && !(pickle_to_f64(items[i], &number) && isnan(number)))
            return error_set(err, STATUS_UNSUPPORTED,
                             "categories are partly text and partly something else");
    *kind = DTYPE_STRING;
    return STATUS_OK;
}

void label_map_init(struct label_map *map, struct arena *keep)
{
    map_init(&map->texts, keep);
    map_init(&map->numbers, keep);
}

/* The same bits for the same number. */
static bool number_key(const struct pickle_object *label, double *number)
{
    if (!pickle_to_f64(label, number))
        return false;
    if (*number == 0 || isnan(*number))
        *number = *number == 0 ? 0 : (double)NAN;
    return true;
}

enum status label_map_add(struct label_map *map, const struct pickle_object *label, size_t *place,
                          struct error *err)
{
    bool text = label->kind == PICKLE_TEXT;
    struct map *among = text ? &map->texts : &map->numbers;
    size_t *kept;
    double number, *stored;
    struct bytes key;

    if (!text && !number_key(label, &number))
        return STATUS_OK;
    key = text ? label->bytes : (struct bytes){(const uint8_t *)&number, sizeof number};
    kept = map_find(among, key);
    if (kept) {
        *place = *kept;
        return STATUS_OK;
    }
    kept = arena_new(among->arena, size_t, 1);
    stored = arena_new(among->arena, double, 1);
    if (!kept || !stored)
        return error_no_memory(err, "labels");
    *kept = *place;
    *stored = number;
    if (!text)
        key.data = (const uint8_t *)stored;
    return map_set(among, key, kept) ? STATUS_OK : error_no_memory(err, "labels");
}

enum status label_map_of(struct label_map *map, struct pickle_object *const *labels, size_t count,
                         struct arena *keep, struct error *err)
{
    label_map_init(map, keep);
    for (size_t i = 0; i < count; i++) {
        size_t place = i;

        TRY(label_map_add(map, labels[i], &place, err));
    }
    return STATUS_OK;
}

size_t label_map_find(const struct label_map *map, const struct pickle_object *label,
                      size_t otherwise)
{
    const size_t *kept = NULL;
    double number;

    if (label->kind == PICKLE_TEXT)
        kept = map_find(&map->texts, label->bytes);
    else if (number_key(label, &number))
        kept = map_find(&map->numbers, (struct bytes){(const uint8_t *)&number, sizeof number});
    return kept ? *kept : otherwise;
}

/* What becomes an unknown category, when those are allowed, and what is refused instead: until
 * 0.23 whatever is missing, and infinities always. */
static enum check check_of(const struct lowering *l, const struct pickle_object *self, bool unknown)
{
    if (!unknown)
        return CHECK_NONE;
    return estimator_version(l, self) < 2400 ? CHECK_FINITE : CHECK_FINITE_OR_NAN;
}

/* The column that is looked up: (n,) STRING, or F64. */
static enum status encoded_value(struct lowering *l, const struct table *in, size_t column,
                                 enum dtype kind, enum check check, value_id *x, struct error *err)
{
    struct attribute refuse = attribute_of_int("on_missing", 1);
    struct table single;

    TRY(table_settle(l, in, column, kind, err));
    if (kind == DTYPE_STRING) {
        TRY(table_vector(l, in, column, DTYPE_STRING, x, err));
        return check == CHECK_FINITE
                   ? emit(&l->e, "firn", "DomainText", x, 1, &refuse, 1, x, 1, err)
                   : STATUS_OK;
    }
    if (check == CHECK_NONE)
        return table_vector(l, in, column, DTYPE_F64, x, err);
    TRY(table_pick(l, in, &column, 1, &single, err));
    return table_matrix(l, &single, check, x, err);
}

enum status encode_column(struct lowering *l, const struct table *in, size_t column,
                          const struct encoding *encoding, struct table *out, struct error *err)
{
    struct attribute attributes[6];
    size_t count = 0;
    value_id x;

    TRY(encoded_value(l, in, column, encoding->kind, encoding->check, &x, err));
    attributes[count++] = attribute_of_tensor("keys", &encoding->keys);
    if (encoding->rows)
        attributes[count++] = attribute_of_tensor("rows", encoding->rows);
    else
        attributes[count++] =
            attribute_of_ints("positions", encoding->positions, tensor_count(&encoding->keys) + 1);
    attributes[count++] = attribute_of_int("width", (int64_t)encoding->width);
    attributes[count++] = attribute_of_int("unknown", encoding->unknown);
    attributes[count++] =
        attribute_of_text("column", column_label(l, &in->columns[column], column));
    TRY(emit(&l->e, "firn", "Lookup", &x, 1, attributes, count, &x, 1, err));
    TRY(table_of_matrix(l, x, encoding->width, out, err));
    for (size_t i = 0; i < out->count; i++)
        ((struct column *)out->columns)[i].finite = encoding->positions != NULL;
    return STATUS_OK;
}

static void mark_integral(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        ((struct column *)table->columns)[i].integral = true;
}

static enum status encoding_init(struct lowering *l, const struct pickle_object *categories,
                                 struct encoding *encoding, struct error *err)
{
    *encoding = (struct encoding){0};
    TRY(encoding_keys(l, categories, &encoding->keys, &encoding->kind, err));
    encoding->positions = arena_new(l->keep, int64_t, tensor_count(&encoding->keys) + 1);
    return encoding->positions ? STATUS_OK : error_no_memory(err, "categories");
}

/* An encoding by numbers for each category: values are filled in by the caller. */
enum status encoding_rows(struct lowering *l, struct encoding *encoding, size_t width,
                          double **values, struct error *err)
{
    struct shape shape = SHAPE((int64_t)tensor_count(&encoding->keys) + 1, (int64_t)width);

    encoding->positions = NULL;
    encoding->width = width;
    encoding->rows = arena_new(l->keep, struct tensor, 1);
    if (!encoding->rows)
        return error_no_memory(err, "categories");
    TRY(tensor_new(encoding->rows, DTYPE_F64, &shape, l->keep, err));
    *values = encoding->rows->data;
    return STATUS_OK;
}

/* The index in the encoder's output of each category after rare ones were grouped, or `i` itself.
 * _default_to_infrequent_mappings: an array or None for each column (since 1.1). */
static enum status grouping_of(struct lowering *l, const struct pickle_object *self, size_t column,
                               size_t count, int64_t *groups, size_t *group_count, bool *grouped,
                               struct error *err)
{
    static const char *const NAME = "_default_to_infrequent_mappings";
    const struct pickle_object *mapping = pickle_item(pickle_get(self, NAME), column);
    struct tensor tensor;

    *grouped = false;
    *group_count = count;
    for (size_t i = 0; i < count; i++)
        groups[i] = (int64_t)i;
    if (pickle_is_none(mapping))
        return STATUS_OK;
    if (pickle_to_tensor_f64(mapping, &tensor, l->keep, err) || tensor_count(&tensor) != count)
        return state_error(err, NAME, "does not fit the categories of column %zu", column);
    *grouped = true;
    *group_count = 0;
    for (size_t i = 0; i < count; i++) {
        double group = tensor_f64(&tensor, i);

        if (!(group >= 0 && group < (double)count))
            return state_error(err, NAME, "is out of range in column %zu", column);
        groups[i] = (int64_t)group;
        if ((size_t)groups[i] + 1 > *group_count)
            *group_count = (size_t)groups[i] + 1;
    }
    return STATUS_OK;
}

static enum status check_infrequent(const struct pickle_object *self, bool *enabled,
                                    struct error *err)
{
    TRY(state_bool(self, "_infrequent_enabled", false, enabled, err));
    if (*enabled && !pickle_get(self, "_default_to_infrequent_mappings"))
        return state_error(err, "_default_to_infrequent_mappings", "is missing");
    return STATUS_OK;
}

/* --- OneHotEncoder --- */

/* Which category (after grouping) of a column is dropped; -1: none. */
static enum status dropped_of(struct lowering *l, const struct pickle_object *self, size_t column,
                              bool infrequent, int64_t *dropped, struct error *err)
{
    const char *name = "_drop_idx_after_grouping";
    const struct pickle_object *stored = pickle_get(self, name);
    struct pickle_object **items;
    size_t count;

    *dropped = -1;
    if (!stored) {
        if (infrequent && !pickle_is_none(pickle_get(self, "drop")))
            return state_error(err, "drop", "together with infrequent categories of this version");
        name = "drop_idx_";
        stored = pickle_get(self, name);
    }
    if (!stored && !pickle_is_none(pickle_get(self, "drop")))
        return state_error(err, "drop_idx_", "is missing");
    if (pickle_is_none(stored))
        return STATUS_OK;
    items = pickle_elements(stored, &count, l->keep);
    if (!items || column >= count)
        return state_error(err, name, "does not fit the columns");
    if (!pickle_is_none(items[column]) && !pickle_to_i64(items[column], dropped))
        return state_error(err, name, "holds something that is no index");
    return STATUS_OK;
}

static enum status one_hot_column(struct lowering *l, const struct pickle_object *self,
                                  const struct pickle_object *categories, const struct table *in,
                                  size_t column, size_t unknown, struct table *out,
                                  struct error *err)
{
    struct encoding encoding;
    size_t count, groups;
    bool infrequent, grouped;
    int64_t dropped;

    TRY(encoding_init(l, categories, &encoding, err));
    count = tensor_count(&encoding.keys);
    TRY(check_infrequent(self, &infrequent, err));
    TRY(grouping_of(l, self, column, count, encoding.positions, &groups, &grouped, err));
    TRY(dropped_of(l, self, column, infrequent, &dropped, err));
    if (dropped >= (int64_t)groups)
        return state_error(err, "drop_idx_", "is out of range in column %zu", column);
    encoding.unknown = unknown != 0;
    encoding.check = check_of(l, self, encoding.unknown);
    /* Infrequent categories are the last group; unknown ones join them when asked to. */
    encoding.positions[count] = unknown == 2 && grouped ? (int64_t)groups - 1 : -1;
    encoding.width = groups;
    if (dropped >= 0) {
        encoding.width--;
        for (size_t i = 0; i <= count; i++) {
            if (encoding.positions[i] == dropped)
                encoding.positions[i] = -1;
            else if (encoding.positions[i] > dropped)
                encoding.positions[i]--;
        }
    }
    if (encoding.width == 0) { /* the only category is dropped: known or not still matters */
        encoding.width = 1;
        TRY(encode_column(l, in, column, &encoding, out, err));
        out->count = 0;
        return STATUS_OK;
    }
    return encode_column(l, in, column, &encoding, out, err);
}

/* What becomes of one column; `detail` is the encoder's: how it handles what is unknown, or how
 * many classes there are. */
typedef enum status encode_part(struct lowering *l, const struct pickle_object *self,
                                const struct pickle_object *categories, const struct table *in,
                                size_t column, size_t detail, struct table *out, struct error *err);

/* Every column by its own categories_, side by side. */
static enum status encode_parts(struct lowering *l, const struct pickle_object *self,
                                const struct table *in, size_t detail, encode_part *part,
                                struct table *out, struct error *err)
{
    struct pickle_object **categories;
    struct table *parts;
    size_t count;

    TRY(state_list(l, self, "categories_", &categories, &count, err));
    TRY(table_expect(in, count, err));
    parts = arena_new(l->keep, struct table, count);
    if (!parts)
        return error_no_memory(err, "columns");
    for (size_t i = 0; i < count; i++)
        if (part(l, self, categories[i], in, i, detail, &parts[i], err))
            return error_within(err, "%s", column_label(l, &in->columns[i], i));
    return table_join(l, parts, count, out, err);
}

static enum status one_hot_categories(struct lowering *l, const struct pickle_object *self,
                                      const struct table *in, struct table *out, struct error *err)
{
    static const char *const UNKNOWN[] = {"error", "ignore", "infrequent_if_exist", "warn", NULL};
    size_t unknown;

    TRY(state_choice(self, "handle_unknown", UNKNOWN, 0, &unknown, err));
    return encode_parts(l, self, in, unknown == 3 ? 2 : unknown, one_hot_column, out, err);
}

/* check_array(dtype=int) and the check for negative ones. */
static enum status whole_numbers(struct lowering *l, const struct table *in, struct table *out,
                                 struct error *err)
{
    double *low = arena_new(l->keep, double, in->count);
    double *high = arena_new(l->keep, double, in->count);
    struct attribute limits[2];
    value_id x;

    if (!low || !high)
        return error_no_memory(err, "limits");
    for (size_t i = 0; i < in->count; i++)
        high[i] = (double)INT32_MAX;
    limits[0] = (struct attribute){
        .name = "low", .kind = ATTRIBUTE_FLOATS, .count = in->count, .floats = low};
    limits[1] = (struct attribute){
        .name = "high", .kind = ATTRIBUTE_FLOATS, .count = in->count, .floats = high};
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(emit_cast(&l->e, x, DTYPE_I64, &x, err));
    TRY(emit_cast(&l->e, x, DTYPE_F64, &x, err));
    TRY(emit(&l->e, "firn", "Domain", &x, 1, limits, 2, &x, 1, err));
    return table_of_matrix(l, x, in->count, out, err);
}

/* Until 0.19, and in "legacy mode" until 0.21: categories are the integers below n_values_. */
static enum status one_hot_integers(struct lowering *l, const struct pickle_object *self,
                                    const struct table *in, struct table *out, struct error *err)
{
    static const char *const UNKNOWN[] = {"error", "ignore", NULL};
    bool hidden = pickle_get(self, "_feature_indices_") != NULL;
    struct tensor starts, active, values;
    struct table *parts = arena_new(l->keep, struct table, in->count), whole;
    size_t unknown, at = 0;

    if (!pickle_text_is(pickle_get(self, "categorical_features"), "all") &&
        !pickle_is_none(pickle_get(self, "categorical_features")))
        return state_error(err, "categorical_features", "other than 'all'");
    if (!pickle_is_none(pickle_get(self, "n_values")) &&
        !pickle_text_is(pickle_get(self, "n_values"), "auto"))
        return state_error(err, "n_values", "other than 'auto'");
    TRY(state_choice(self, "handle_unknown", UNKNOWN, 0, &unknown, err));
    TRY(state_vector(l, self, hidden ? "_feature_indices_" : "feature_indices_",
                     (int64_t)in->count + 1, &starts, err));
    TRY(state_vector(l, self, hidden ? "_active_features_" : "active_features_", -1, &active, err));
    TRY(state_vector(l, self, hidden ? "_n_values_" : "n_values_", (int64_t)in->count, &values,
                     err));
    if (!parts)
        return error_no_memory(err, "columns");
    TRY(whole_numbers(l, in, &whole, err));
    for (size_t c = 0; c < in->count; c++) {
        double start = tensor_f64(&starts, c), width = tensor_f64(&values, c);
        struct encoding encoding = {.kind = DTYPE_F64, .unknown = unknown == 1};
        struct shape shape;

        if (!(width >= 1 && width <= WIDTH_MAX))
            return state_error(err, "n_values_", "is out of range");
        shape = SHAPE((int64_t)width);
        TRY(tensor_new(&encoding.keys, DTYPE_F64, &shape, l->keep, err));
        encoding.positions = arena_new(l->keep, int64_t, (size_t)width + 1);
        if (!encoding.positions)
            return error_no_memory(err, "categories");
        for (size_t i = 0; i <= (size_t)width; i++) {
            bool used = i < (size_t)width && at < tensor_count(&active) &&
                        tensor_f64(&active, at) == start + (double)i;

            if (i < (size_t)width)
                tensor_set_f64(&encoding.keys, i, (double)i);
            encoding.positions[i] = used ? (int64_t)encoding.width++ : -1;
            at += used;
        }
        TRY(encode_column(l, &whole, c, &encoding, &parts[c], err));
    }
    if (at != tensor_count(&active))
        return state_error(err, "active_features_", "does not fit feature_indices_");
    return table_join(l, parts, in->count, out, err);
}

static enum status one_hot(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    bool legacy;

    TRY(state_bool(self, "_legacy_mode", false, &legacy, err));
    if (legacy || !pickle_get(self, "categories_"))
        return one_hot_integers(l, self, in, out, err);
    return one_hot_categories(l, self, in, out, err);
}

/* --- OrdinalEncoder --- */

static enum status ordinal_column(struct lowering *l, const struct pickle_object *self,
                                  const struct pickle_object *categories, const struct table *in,
                                  size_t column, size_t unknown, struct table *out,
                                  struct error *err)
{
    const struct pickle_object *missing = pickle_get(self, "_missing_indices");
    double *values, missing_value, unknown_value = NAN;
    struct encoding encoding;
    size_t count, groups;
    bool infrequent, grouped;

    TRY(encoding_init(l, categories, &encoding, err));
    count = tensor_count(&encoding.keys);
    TRY(check_infrequent(self, &infrequent, err));
    TRY(grouping_of(l, self, column, count, encoding.positions, &groups, &grouped, err));
    TRY(state_f64(self, "encoded_missing_value", NAN, &missing_value, err));
    if (unknown && !pickle_to_f64(pickle_get(self, "unknown_value"), &unknown_value))
        return state_error(err, "unknown_value", "is no number");
    {
        int64_t *positions = encoding.positions;

        TRY(encoding_rows(l, &encoding, 1, &values, err));
        for (size_t i = 0; i < count; i++) {
            bool is_missing = encoding.keys.dtype == DTYPE_STRING
                                  ? !((const struct bytes *)encoding.keys.data)[i].data
                                  : isnan(((const double *)encoding.keys.data)[i]);

            if (is_missing && !missing)
                return state_error(err, "_missing_indices", "is missing");
            values[i] = is_missing ? missing_value : (double)positions[i];
        }
    }
    values[count] = unknown_value;
    encoding.unknown = unknown;
    encoding.check = check_of(l, self, unknown);
    return encode_column(l, in, column, &encoding, out, err);
}

static enum status ordinal(struct lowering *l, const struct pickle_object *self,
                           const struct table *in, struct table *out, struct error *err)
{
    static const char *const UNKNOWN[] = {"error", "use_encoded_value", NULL};
    size_t unknown;

    TRY(state_choice(self, "handle_unknown", UNKNOWN, 0, &unknown, err));
    TRY(encode_parts(l, self, in, unknown, ordinal_column, out, err));
    if (strstr(pickle_name(pickle_get(self, "dtype")), "int"))
        mark_integral(out);
    return STATUS_OK;
}

/* --- TargetEncoder: the mean of the target for each category --- */

static enum status target_column(struct lowering *l, const struct pickle_object *self,
                                 const struct pickle_object *categories, const struct table *in,
                                 size_t column, size_t classes, struct table *out,
                                 struct error *err)
{
    const struct pickle_object *encodings = pickle_get(self, "encodings_");
    struct encoding encoding;
    struct tensor values, means;
    struct shape shape;
    size_t count;

    TRY(encoding_init(l, categories, &encoding, err));
    count = tensor_count(&encoding.keys);
    encoding.positions = NULL;
    encoding.unknown = true;
    encoding.check = CHECK_FINITE_OR_NAN;
    encoding.width = classes;
    encoding.rows = arena_new(l->keep, struct tensor, 1);
    if (!encoding.rows)
        return error_no_memory(err, "categories");
    shape = SHAPE((int64_t)count + 1, (int64_t)classes);
    TRY(tensor_new(encoding.rows, DTYPE_F64, &shape, l->keep, err));
    if (pickle_to_tensor_f64(pickle_get(self, "target_mean_"), &means, l->keep, err) ||
        tensor_count(&means) != classes)
        return state_error(err, "target_mean_", "does not fit the classes");
    for (size_t k = 0; k < classes; k++) {
        if (pickle_to_tensor_f64(pickle_item(encodings, column * classes + k), &values, l->keep,
                                 err) ||
            tensor_count(&values) != count)
            return state_error(err, "encodings_", "does not fit the categories of column %zu",
                               column);
        for (size_t i = 0; i < count; i++)
            tensor_set_f64(encoding.rows, i * classes + k, tensor_f64(&values, i));
        tensor_set_f64(encoding.rows, count * classes + k, tensor_f64(&means, k));
    }
    return encode_column(l, in, column, &encoding, out, err);
}

static enum status target(struct lowering *l, const struct pickle_object *self,
                          const struct table *in, struct table *out, struct error *err)
{
    static const char *const TYPES[] = {"binary", "continuous", "multiclass", NULL};
    size_t type, classes = 1;
    struct tensor labels;
    bool infrequent;

    if (!pickle_get(self, "target_type_"))
        return state_error(err, "target_type_", "is missing");
    TRY(state_choice(self, "target_type_", TYPES, 0, &type, err));
    TRY(check_infrequent(self, &infrequent, err));
    if (infrequent)
        return state_error(err, "_infrequent_enabled", "is True");
    if (type == 2) {
        TRY(state_labels(l, self, "classes_", &labels, err));
        classes = tensor_count(&labels);
    }
    return encode_parts(l, self, in, classes, target_column, out, err);
}

/* --- LabelEncoder, LabelBinarizer: one column --- */

static enum status label(struct lowering *l, const struct pickle_object *self,
                         const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *classes;
    struct encoding encoding;
    double *values;

    TRY(table_expect(in, 1, err));
    TRY(state_object(self, "classes_", &classes, err));
    TRY(encoding_init(l, classes, &encoding, err));
    TRY(encoding_rows(l, &encoding, 1, &values, err));
    for (size_t i = 0; i < tensor_count(&encoding.keys); i++)
        values[i] = (double)i;
    TRY(encode_column(l, in, 0, &encoding, out, err));
    mark_integral(out);
    out->flat = true;
    return STATUS_OK;
}

/* Rows of neg_label with pos_label in the column of the class; two classes share one column. */
static enum status binarize(struct lowering *l, const struct pickle_object *self,
                            const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *classes;
    struct encoding encoding;
    double negative, positive, *values;
    struct shape shape;
    size_t count;

    TRY(table_expect(in, 1, err));
    TRY(state_f64(self, "neg_label", 0, &negative, err));
    TRY(state_f64(self, "pos_label", 1, &positive, err));
    if (pickle_text_is(pickle_get(self, "y_type_"), "multilabel-indicator"))
        return state_error(err, "y_type_", "several labels at once");
    TRY(state_object(self, "classes_", &classes, err));
    TRY(encoding_init(l, classes, &encoding, err));
    count = tensor_count(&encoding.keys);
    encoding.positions = NULL;
    encoding.width = count <= 2 ? 1 : count;
    encoding.unknown = count > 2;
    encoding.check = encoding.unknown ? CHECK_FINITE : CHECK_NONE;
    encoding.rows = arena_new(l->keep, struct tensor, 1);
    if (!encoding.rows)
        return error_no_memory(err, "labels");
    shape = SHAPE((int64_t)count + 1, (int64_t)encoding.width);
    TRY(tensor_new(encoding.rows, DTYPE_F64, &shape, l->keep, err));
    values = encoding.rows->data;
    for (size_t i = 0; i < (count + 1) * encoding.width; i++)
        values[i] = negative;
    for (size_t i = count <= 2 ? 1 : 0; i < count; i++)
        values[i * encoding.width + (count <= 2 ? 0 : i)] = positive;
    TRY(encode_column(l, in, 0, &encoding, out, err));
    mark_integral(out);
    return STATUS_OK;
}

/* sklearn2pmml's: a column a class even when there are two, and rows of zeros for the rest. */
static enum status pmml_binarize(struct lowering *l, const struct pickle_object *self,
                                 const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *classes;
    struct encoding encoding;
    size_t count;

    TRY(table_expect(in, 1, err));
    TRY(state_object(self, "classes_", &classes, err));
    TRY(encoding_init(l, classes, &encoding, err));
    count = tensor_count(&encoding.keys);
    for (size_t i = 0; i < count; i++)
        encoding.positions[i] = (int64_t)i;
    encoding.positions[count] = -1;
    encoding.width = count;
    encoding.unknown = true;
    TRY(encode_column(l, in, 0, &encoding, out, err));
    mark_integral(out);
    return STATUS_OK;
}

const struct estimator_set estimators_encode = ESTIMATOR_SET(
    {.name = "OneHotEncoder", .transform = one_hot, .width = "n_values_"},
    {.name = "OrdinalEncoder", .transform = ordinal},
    {.name = "TargetEncoder", .transform = target}, {.name = "LabelEncoder", .transform = label},
    {.name = "LabelBinarizer", .transform = binarize},
    {.name = "PMMLLabelBinarizer", .package = "sklearn2pmml", .transform = pmml_binarize});
