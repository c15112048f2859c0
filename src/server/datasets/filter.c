// SPDX-License-Identifier: Apache-2.0
/* Which rows are wanted: omega|ml's filters, "column__operator". */
#include <math.h>

#include "base/number.h"
#include "base/regex/regex.h"
#include "server/datasets/table.h"

enum operation {
    OPERATOR_EQ,
    OPERATOR_NE,
    OPERATOR_LT,
    OPERATOR_LTE,
    OPERATOR_GT,
    OPERATOR_GTE,
    OPERATOR_IN,
    OPERATOR_NIN,
    OPERATOR_BETWEEN,
    OPERATOR_CONTAINS,
    OPERATOR_STARTSWITH,
    OPERATOR_ENDSWITH,
    OPERATOR_REGEX,
    OPERATOR_ISNULL,
    OPERATOR_COUNT,
};
static const char *const NAMES[] = {"eq",         "ne",       "lt",    "lte",     "gt",
                                    "gte",        "in",       "nin",   "between", "contains",
                                    "startswith", "endswith", "regex", "isnull"};

struct value { /* what a row is compared with, in each column's own terms */
    struct bytes text;
    double number;
    int64_t integer; /* when `whole`; of times: in the column's unit */
    bool whole;
};

struct filter {
    enum operation operation;
    const char *column;
    struct value *values;
    size_t count;
    const struct regex *regex;
    void *scratch;
    struct bytes text; /* as it was given */
    bool truth;
};

static bool is_true(struct bytes text, bool *truth)
{
    *truth = bytes_is(text, "true") || bytes_is(text, "True") || bytes_is(text, "1");
    return *truth || bytes_is(text, "false") || bytes_is(text, "False") || bytes_is(text, "0");
}

/* The column whose values are compared: the categories' for categories. */
static const struct frame_column *plain(const struct frame_column *column)
{
    return column->type == COLUMN_CATEGORY ? column->categories : column;
}

/* `text` in the terms of the column. */
static enum status value_read(const struct frame_column *column, struct bytes text,
                              struct value *value, struct error *err)
{
    const struct frame_column *of = plain(column);
    char quoted[TEXT_QUOTE_SIZE];
    bool fits = true, truth;

    *value = (struct value){.text = text};
    if (of->type == COLUMN_NUMBER && of->data.dtype == DTYPE_BOOL) {
        fits = is_true(text, &truth);
        value->whole = true;
        value->integer = truth;
        value->number = truth;
    } else if (of->type == COLUMN_NUMBER && dtype_kind(of->data.dtype) != KIND_COMPLEX) {
        value->whole = number_i64_from_text(text, &value->integer);
        fits = number_from_text(text, &value->number);
    } else if (of->type == COLUMN_TIME) {
        fits = time_from_text(text, of->unit, &value->integer);
    } else if (of->type != COLUMN_TEXT) {
        return error_set(err, STATUS_UNSUPPORTED, "column '%.64s' holds %s, which are not filtered",
                         column->name, column_type_name(of->type));
    }
    if (fits)
        return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "column '%.64s' holds %s, and '%s' is none",
                     column->name, column_type_name(of->type),
                     text_quote(text, quoted, sizeof quoted));
}

static int sign(double a, double b)
{
    return a < b ? -1 : a > b;
}

/* < 0, 0, > 0 as the row's value is to the other; the row has one. */
static int compare(const struct frame_column *column, size_t row, const struct value *value)
{
    const struct frame_column *of = plain(column);

    if (of->type == COLUMN_TEXT) {
        struct bytes text = column_text(column, row);
        size_t shorter = text.size < value->text.size ? text.size : value->text.size;
        int order = shorter ? memcmp(text.data, value->text.data, shorter) : 0;
        return order ? order : (text.size > value->text.size) - (text.size < value->text.size);
    }
    if (of != column)
        row = (size_t)tensor_i64(&column->data, row);
    if (of->type == COLUMN_TIME ||
        (value->whole && dtype_kind(of->data.dtype) != KIND_FLOAT && of->data.dtype != DTYPE_U64)) {
        int64_t integer = tensor_i64(&of->data, row);
        return (integer > value->integer) - (integer < value->integer);
    }
    return sign(tensor_f64(&of->data, row), value->number);
}

static enum status text_holds(const struct filter *filter, struct bytes text, bool *holds,
                              struct error *err)
{
    struct bytes part = filter->text;
    struct regex_match match;

    switch (filter->operation) {
    case OPERATOR_CONTAINS:
        *holds = !part.size || memmem(text.data, text.size, part.data, part.size);
        return STATUS_OK;
    case OPERATOR_STARTSWITH:
        *holds = bytes_starts(text, part);
        return STATUS_OK;
    case OPERATOR_ENDSWITH:
        *holds = text.size >= part.size &&
                 bytes_equal((struct bytes){text.data + text.size - part.size, part.size}, part);
        return STATUS_OK;
    default:
        TRY(regex_search(filter->regex, text, 0, filter->scratch, &match, err));
        *holds = match.found;
        return STATUS_OK;
    }
}

static bool any_equal(const struct filter *filter, const struct frame_column *column, size_t row)
{
    for (size_t i = 0; i < filter->count; i++)
        if (compare(column, row, &filter->values[i]) == 0)
            return true;
    return false;
}

static enum status holds_in(const struct filter *filter, const struct frame_column *column,
                            size_t row, bool *holds, struct error *err)
{
    const struct value *v = filter->values;
    bool missing = column_is_missing(column, row);

    *holds = false;
    if (filter->operation == OPERATOR_ISNULL)
        *holds = missing == filter->truth;
    else if (filter->operation == OPERATOR_NE || filter->operation == OPERATOR_NIN)
        *holds = missing || !any_equal(filter, column, row);
    else if (missing)
        return STATUS_OK;
    else if (filter->operation == OPERATOR_EQ || filter->operation == OPERATOR_IN)
        *holds = any_equal(filter, column, row);
    else if (filter->operation == OPERATOR_BETWEEN)
        *holds = compare(column, row, &v[0]) >= 0 && compare(column, row, &v[1]) <= 0;
    else if (filter->operation >= OPERATOR_CONTAINS)
        return text_holds(filter, column_text(column, row), holds, err);
    else if (filter->operation == OPERATOR_LT || filter->operation == OPERATOR_LTE)
        *holds = compare(column, row, v) < (filter->operation == OPERATOR_LTE);
    else
        *holds = compare(column, row, v) > -(filter->operation == OPERATOR_GTE);
    return STATUS_OK;
}

/* --- what was asked --- */

/* Items of "a,b" or ["a","b"]. */
static enum status items_read(const struct frame_column *column, const char *text,
                              struct filter *filter, struct arena *keep, struct error *err)
{
    bool several = filter->operation == OPERATOR_IN || filter->operation == OPERATOR_NIN ||
                   filter->operation == OPERATOR_BETWEEN;
    size_t capacity = 0;
    struct json list = {.kind = JSON_NULL};

    if (several && *text == '[') {
        if (json_parse(bytes_of(text), 0, &list, keep, err))
            return error_within(err, "filter of column '%.64s'", column->name);
    }
    for (size_t i = 0; text; i++) {
        struct bytes item = bytes_of(text);
        if (list.kind == JSON_ARRAY) {
            if (i == list.count)
                break;
            if (!json_string(&list.items[i], &item)) {
                const char *start = text + list.items[i].offset;
                item = (struct bytes){(const uint8_t *)start, strcspn(start, ",] \t\r\n")};
            }
        } else if (several) {
            item.size = strcspn(text, ",");
            text = text[item.size] ? text + item.size + 1 : NULL;
        } else {
            text = NULL;
        }
        if (!ARENA_GROW(keep, filter->values, filter->count, capacity))
            return error_no_memory(err, "a filter");
        TRY(value_read(column, item, &filter->values[filter->count++], err));
    }
    if (filter->operation == OPERATOR_BETWEEN && filter->count != 2)
        return error_set(err, STATUS_INVALID_INPUT, "%s__between needs two values: \"1,2\"",
                         column->name);
    return STATUS_OK;
}

static enum status text_wanted(const struct frame_column *column, const char *text,
                               struct filter *filter, struct arena *keep, struct error *err)
{
    if (plain(column)->type != COLUMN_TEXT)
        return error_set(err, STATUS_INVALID_INPUT, "column '%.64s' holds %s, not texts",
                         column->name, column_type_name(plain(column)->type));
    filter->text = bytes_of(text);
    if (filter->operation != OPERATOR_REGEX || filter->regex)
        return STATUS_OK;
    TRY(regex_compile(filter->text, &filter->regex, keep, err));
    filter->scratch = arena_alloc(keep, regex_scratch_size(filter->regex), 1);
    return filter->scratch ? STATUS_OK : error_no_memory(err, "a filter");
}

static enum status prepare(const struct frame_column *column, const char *text,
                           struct filter *filter, struct arena *keep, struct error *err)
{
    filter->values = NULL;
    filter->count = 0;
    if (filter->operation == OPERATOR_ISNULL) {
        if (is_true(bytes_of(text), &filter->truth))
            return STATUS_OK;
        return error_set(err, STATUS_INVALID_INPUT, "%s__isnull is true or false", column->name);
    }
    if (filter->operation >= OPERATOR_CONTAINS)
        return text_wanted(column, text, filter, keep, err);
    return items_read(column, text, filter, keep, err);
}

/* A column of the first part, wanted or not. */
static bool has_column(const struct table *table, const char *name)
{
    return frame_find(&table->parts[0].frame, name) != NULL;
}

static enum status key_read(const struct table *table, const char *key, struct filter *filter,
                            struct error *err)
{
    const char *mark = NULL;
    char quoted[TEXT_QUOTE_SIZE];

    filter->operation = OPERATOR_EQ;
    filter->column = key;
    if (has_column(table, key))
        return STATUS_OK;
    for (const char *at = strstr(key, "__"); at; at = strstr(at + 1, "__"))
        mark = at;
    filter->column =
        mark ? arena_text(table->keep, (struct bytes){(const uint8_t *)key, (size_t)(mark - key)})
             : key;
    if (!filter->column)
        return error_no_memory(err, "a filter");
    if (!has_column(table, filter->column))
        return error_set(err, STATUS_INVALID_INPUT, "data set \"%s\" has no column '%s'",
                         table->object.name,
                         text_quote(bytes_of(filter->column), quoted, sizeof quoted));
    for (int i = 0; mark && i < OPERATOR_COUNT; i++)
        if (strcmp(mark + 2, NAMES[i]) == 0) {
            filter->operation = (enum operation)i;
            return STATUS_OK;
        }
    return error_set(err, STATUS_INVALID_INPUT, "'%s' is no operator of a filter",
                     text_quote(bytes_of(mark ? mark + 2 : ""), quoted, sizeof quoted));
}

enum status table_filter(struct table *table, const char *key, const char *value, struct error *err)
{
    struct filter filter = {.regex = NULL};

    TRY(key_read(table, key, &filter, err));
    table->rows = 0;
    for (size_t p = 0; p < table->part_count; p++) {
        struct table_part *part = &table->parts[p];
        const struct frame_column *column = frame_find(&part->frame, filter.column);
        size_t kept = 0;

        if (!column)
            return error_set(err, STATUS_INVALID_INPUT,
                             "part %zu of data set \"%s\" has no column '%.64s'", p + 1,
                             table->object.name, filter.column);
        TRY(prepare(column, value, &filter, table->keep, err));
        for (size_t i = 0; i < part->count; i++) {
            bool holds;
            TRY(holds_in(&filter, column, part->rows[i], &holds, err));
            if (holds)
                part->rows[kept++] = part->rows[i];
        }
        part->count = kept;
        table->rows += kept;
    }
    return STATUS_OK;
}
