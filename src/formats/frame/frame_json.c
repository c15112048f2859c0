// SPDX-License-Identifier: Apache-2.0
/* Frames from JSON, as omega|ml's clients send them. */
#include <math.h>

#include "base/map.h"
#include "formats/frame/frame.h"
#include "tensor/convert.h"

/* One column while it is gathered. */
struct gathered {
    const char *name;
    const struct json **cells; /* (rows,) */
};

struct gathering {
    struct gathered *columns;
    size_t count, rows;
    struct map by_name;
    struct arena *keep;
};

/* --- the cells --- */

static enum status column_add(struct gathering *g, struct bytes name, struct error *err)
{
    struct gathered *column = &g->columns[g->count++];

    column->name = arena_text(g->keep, name);
    column->cells = arena_new(g->keep, const struct json *, g->rows + 1);
    if (!column->name || !column->cells || !map_set(&g->by_name, bytes_of(column->name), column))
        return error_no_memory(err, "a frame");
    return STATUS_OK;
}

static enum status columns_make(struct gathering *g, size_t count, struct error *err)
{
    g->columns = arena_new(g->keep, struct gathered, count + 1);
    map_init(&g->by_name, g->keep);
    return g->columns ? STATUS_OK : error_no_memory(err, "a frame");
}

/* {"a": [1, 2]} or {"a": {"0": 1, "1": 2}} */
static enum status by_columns(struct gathering *g, const struct json *data, struct error *err)
{
    TRY(columns_make(g, data->count, err));
    for (size_t c = 0; c < data->count; c++) {
        const struct json *cells = &data->items[c];
        char quoted[TEXT_QUOTE_SIZE];

        text_quote(cells->key, quoted, sizeof quoted);
        if (cells->kind != JSON_ARRAY && cells->kind != JSON_OBJECT)
            return error_set(err, STATUS_INVALID_INPUT, "column '%s' is %s, not an array", quoted,
                             json_kind_name(cells->kind));
        if (c == 0)
            g->rows = cells->count;
        if (cells->count != g->rows)
            return error_set(err, STATUS_INVALID_INPUT,
                             "column '%s' has %zu rows, column '%s' has %zu", quoted, cells->count,
                             g->columns[0].name, g->rows);
        TRY(column_add(g, cells->key, err));
        for (size_t row = 0; row < g->rows; row++)
            g->columns[c].cells[row] = &cells->items[row];
    }
    return STATUS_OK;
}

static enum status record_add(struct gathering *g, const struct json *record, size_t row,
                              struct error *err)
{
    if (record->kind != JSON_OBJECT || record->count != g->count)
        return error_set(err, STATUS_INVALID_INPUT, "row %zu is no record of %zu columns", row,
                         g->count);
    for (size_t i = 0; i < record->count; i++) {
        struct gathered *column = map_find(&g->by_name, record->items[i].key);
        char quoted[TEXT_QUOTE_SIZE];
        if (!column)
            return error_set(err, STATUS_INVALID_INPUT,
                             "row %zu has a column '%s', which row 0 does not have", row,
                             text_quote(record->items[i].key, quoted, sizeof quoted));
        column->cells[row] = &record->items[i];
    }
    return STATUS_OK;
}

/* [{"a": 1}, {"a": 2}] */
static enum status by_records(struct gathering *g, const struct json *data, struct error *err)
{
    g->rows = data->count;
    TRY(columns_make(g, data->items[0].count, err));
    for (size_t c = 0; c < data->items[0].count; c++)
        TRY(column_add(g, data->items[0].items[c].key, err));
    for (size_t row = 0; row < g->rows; row++)
        TRY(record_add(g, &data->items[row], row, err));
    return STATUS_OK;
}

/* [[1], [2]] with "columns": ["a"] */
static enum status by_rows(struct gathering *g, const struct json *data, const struct json *names,
                           struct error *err)
{
    struct bytes name;

    if (!names || names->kind != JSON_ARRAY)
        return error_set(err, STATUS_INVALID_INPUT, "rows without names need \"columns\"");
    g->rows = data->count;
    TRY(columns_make(g, names->count, err));
    for (size_t c = 0; c < names->count; c++) {
        if (!json_string(&names->items[c], &name))
            return error_set(err, STATUS_INVALID_INPUT, "name %zu in \"columns\" is no string", c);
        if (map_find(&g->by_name, name))
            return error_set(err, STATUS_INVALID_INPUT, "name %zu in \"columns\" is there twice",
                             c);
        TRY(column_add(g, name, err));
    }
    for (size_t row = 0; row < g->rows; row++) {
        if (data->items[row].kind != JSON_ARRAY || data->items[row].count != g->count)
            return error_set(err, STATUS_INVALID_INPUT, "row %zu does not have %zu values", row,
                             g->count);
        for (size_t c = 0; c < g->count; c++)
            g->columns[c].cells[row] = &data->items[row].items[c];
    }
    return STATUS_OK;
}

static enum status gather(struct gathering *g, const struct json *body, struct error *err)
{
    const struct json *data = json_get(body, "data");

    if (!data || (data->kind != JSON_OBJECT && data->kind != JSON_ARRAY))
        return error_set(err, STATUS_INVALID_INPUT,
                         "the body has no \"data\": {column: [values]} or [{column: value}]");
    if (data->kind == JSON_OBJECT)
        return by_columns(g, data, err);
    if (data->count == 0)
        return error_set(err, STATUS_INVALID_INPUT, "\"data\" is empty");
    return data->items[0].kind == JSON_OBJECT ? by_records(g, data, err)
                                              : by_rows(g, data, json_get(body, "columns"), err);
}

/* --- what they are --- */

struct kinds { /* how many cells are of each kind */
    size_t nulls, bools, integers, numbers, strings, others;
};

static struct kinds kinds_of(const struct gathered *column, size_t rows)
{
    struct kinds kinds = {0};

    for (size_t row = 0; row < rows; row++) {
        const struct json *cell = column->cells[row];
        size_t *of = cell->kind == JSON_NULL                               ? &kinds.nulls
                     : cell->kind == JSON_BOOL                             ? &kinds.bools
                     : cell->kind == JSON_INT                              ? &kinds.integers
                     : cell->kind == JSON_FLOAT || cell->kind == JSON_UINT ? &kinds.numbers
                     : cell->kind == JSON_STRING                           ? &kinds.strings
                                                                           : &kinds.others;
        ++*of;
    }
    return kinds;
}

/* Numbers or bools as `dtype`; null is NaN. */
static enum status as_numbers(const struct gathered *from, size_t rows, enum dtype dtype,
                              struct frame_column *column, struct arena *keep, struct error *err)
{
    const struct shape shape = SHAPE((int64_t)rows);
    struct tensor all;

    TRY(tensor_new(&column->data, dtype, &shape, keep, err));
    TRY(tensor_new(&all, dtype == DTYPE_I64 || dtype == DTYPE_BOOL ? dtype : DTYPE_F64, &shape,
                   keep, err));
    for (size_t row = 0; row < rows; row++) {
        const struct json *cell = from->cells[row];
        double number = NAN;
        bool fits = true, truth;

        if (all.dtype == DTYPE_BOOL) {
            fits = json_bool(cell, &truth);
            ((uint8_t *)all.data)[row] = fits && truth;
        } else if (all.dtype == DTYPE_I64) {
            fits = json_i64(cell, &((int64_t *)all.data)[row]);
        } else {
            fits = cell->kind == JSON_NULL || json_f64(cell, &number);
            ((double *)all.data)[row] = number;
        }
        if (!fits)
            return error_set(err, STATUS_INVALID_INPUT, "column '%.64s': row %zu is %s, not %s",
                             from->name, row, json_kind_name(cell->kind), dtype_name(dtype));
    }
    column->type = COLUMN_NUMBER;
    if (tensor_convert(&all, &column->data, err))
        return error_within(err, "column '%.64s'", from->name);
    return STATUS_OK;
}

/* Texts (only null besides), or values. */
static enum status as_texts(const struct gathered *from, size_t rows, bool plain,
                            struct frame_column *column, struct arena *keep, struct error *err)
{
    const struct shape shape = SHAPE((int64_t)rows + 1);
    uint8_t *missing = arena_new(keep, uint8_t, rows + 1);
    struct text text = {0};
    int64_t *begins;

    TRY(tensor_new(&column->data, DTYPE_I64, &shape, keep, err));
    if (!missing)
        return error_no_memory(err, "a column");
    begins = column->data.data;
    for (size_t row = 0; row < rows; row++) {
        const struct json *cell = from->cells[row];
        begins[row] = (int64_t)text.size;
        if (cell->kind == JSON_NULL) {
            missing[row] = FRAME_MISSING_NONE;
            column->missing = missing;
        }
        if (!plain)
            json_write_value(&text, cell);
        else if (cell->kind == JSON_STRING)
            text_append_bytes(&text, cell->string);
    }
    begins[rows] = (int64_t)text.size;
    column->type = plain ? COLUMN_TEXT : COLUMN_JSON;
    column->text = (struct bytes){(const uint8_t *)arena_text(keep, text_bytes(&text)), text.size};
    text_release(&text);
    return column->text.data ? STATUS_OK : error_no_memory(err, "a column");
}

/* As times; null is none. */
static enum status as_times(const struct gathered *from, size_t rows, struct frame_column *column,
                            struct arena *keep, struct error *err)
{
    const struct shape shape = SHAPE((int64_t)rows);

    TRY(tensor_new(&column->data, DTYPE_I64, &shape, keep, err));
    column->type = COLUMN_TIME;
    column->unit = "ns";
    for (size_t row = 0; row < rows; row++) {
        int64_t *value = &((int64_t *)column->data.data)[row];
        struct bytes text;

        if (from->cells[row]->kind == JSON_NULL)
            *value = INT64_MIN;
        else if (!json_string(from->cells[row], &text) || !time_from_text(text, "ns", value))
            return error_set(err, STATUS_INVALID_INPUT,
                             "column '%.64s': row %zu is no time (ISO 8601)", from->name, row);
    }
    return STATUS_OK;
}

/* numpy's word for the numbers that a column may ask for; NULL: none of them. */
static const char *number_word(enum dtype dtype)
{
    static const struct {
        enum dtype dtype;
        const char *word;
    } ROWS[] = {{DTYPE_BOOL, "bool"},   {DTYPE_I8, "int8"},     {DTYPE_I16, "int16"},
                {DTYPE_I32, "int32"},   {DTYPE_I64, "int64"},   {DTYPE_U8, "uint8"},
                {DTYPE_U16, "uint16"},  {DTYPE_U32, "uint32"},  {DTYPE_U64, "uint64"},
                {DTYPE_F16, "float16"}, {DTYPE_F32, "float32"}, {DTYPE_F64, "float64"}};

    for (size_t i = 0; i < ARRAY_COUNT(ROWS); i++)
        if (ROWS[i].dtype == dtype)
            return ROWS[i].word;
    return NULL;
}

static enum status column_finish(const struct gathered *from, size_t rows, struct bytes dtype,
                                 struct frame_column *column, struct arena *keep, struct error *err)
{
    struct kinds kinds = kinds_of(from, rows);
    const char *word = dtype.data ? arena_text(keep, dtype) : NULL;
    enum dtype wanted = word ? dtype_parse(word) : DTYPE_NONE;

    if (dtype.data && !word)
        return error_no_memory(err, "a column");
    if (word && strncmp(word, "datetime64", 10) == 0) {
        column->dtype = "datetime64[ns]";
        return as_times(from, rows, column, keep, err);
    }
    column->dtype = number_word(wanted);
    if (column->dtype)
        return as_numbers(from, rows, wanted, column, keep, err);
    column->dtype = "object";
    if (word && dtype_kind(wanted) != KIND_STRING && strcmp(word, "object") != 0 &&
        strcmp(word, "category") != 0)
        return error_set(err, STATUS_INVALID_INPUT, "column '%.64s': dtype \"%.64s\" is unknown",
                         from->name, word);
    if (kinds.strings + kinds.nulls == rows && (kinds.strings || rows == 0 || word))
        return as_texts(from, rows, true, column, keep, err);
    if (word || kinds.others || kinds.strings || (kinds.bools && kinds.bools < rows))
        return as_texts(from, rows, false, column, keep, err);
    column->dtype = kinds.bools ? "bool" : kinds.integers == rows ? "int64" : "float64";
    return as_numbers(from, rows,
                      kinds.bools              ? DTYPE_BOOL
                      : kinds.integers == rows ? DTYPE_I64
                                               : DTYPE_F64,
                      column, keep, err);
}

static enum status label_make(const char *name, struct frame_column *column, struct arena *keep,
                              struct error *err)
{
    struct text text = {0};

    json_write_text(&text, name);
    column->name = name;
    column->label = (struct bytes){(const uint8_t *)arena_text(keep, text_bytes(&text)), text.size};
    text_release(&text);
    return column->label.data ? STATUS_OK : error_no_memory(err, "a frame");
}

enum status frame_from_json(const struct json *body, struct frame *frame, struct arena *keep,
                            struct error *err)
{
    struct gathering g = {.keep = keep};
    const struct json *dtypes = json_get(body, "dtypes");

    if (body->kind != JSON_OBJECT)
        return error_set(err, STATUS_INVALID_INPUT, "the body is %s, not an object",
                         json_kind_name(body->kind));
    TRY(gather(&g, body, err));
    for (size_t i = 0; dtypes && dtypes->kind == JSON_OBJECT && i < dtypes->count; i++)
        if (!map_find(&g.by_name, dtypes->items[i].key))
            return error_set(err, STATUS_INVALID_INPUT,
                             "\"dtypes\" names a column that \"data\" does not have");
    *frame = (struct frame){.rows = g.rows, .count = g.count, .levels = 1};
    frame->columns = arena_new(keep, struct frame_column, g.count + 1);
    frame->index = arena_new(keep, struct frame_column, 1);
    if (!frame->columns || !frame->index)
        return error_no_memory(err, "a frame");
    for (size_t c = 0; c < g.count; c++) {
        struct bytes dtype = {NULL, 0};
        const struct json *said = json_get(dtypes, g.columns[c].name);
        if (said && !json_string(said, &dtype))
            return error_set(err, STATUS_INVALID_INPUT, "the dtype of column '%.64s' is no string",
                             g.columns[c].name);
        TRY(label_make(g.columns[c].name, &frame->columns[c], keep, err));
        TRY(column_finish(&g.columns[c], g.rows, dtype, &frame->columns[c], keep, err));
    }
    *frame->index = (struct frame_column){.name = "",
                                          .label = bytes_of("null"),
                                          .type = COLUMN_RANGE,
                                          .dtype = "int64",
                                          .stop = (int64_t)g.rows,
                                          .step = 1};
    return STATUS_OK;
}
