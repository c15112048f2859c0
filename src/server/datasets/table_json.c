// SPDX-License-Identifier: Apache-2.0
/* Tables as JSON, in the orientations that pandas has. */
#include "base/map.h"
#include "server/datasets/table.h"

/* --- the index --- */

/* The index' value of a row: an array when it has levels. */
static void write_index_value(const struct table *table, const struct table_part *part, size_t row,
                              struct text *text)
{
    const struct frame *frame = &part->frame;

    if (table->counted) {
        text_printf(text, "%zu", part->before + row);
        return;
    }
    if (frame->levels != 1)
        text_append_char(text, '[');
    for (size_t level = 0; level < frame->levels; level++) {
        if (level)
            text_append_char(text, ',');
        column_write_json(&frame->index[level], row, text);
    }
    if (frame->levels != 1)
        text_append_char(text, ']');
}

/* pandas' name for an index of such values. */
static const char *index_type(const struct frame *frame)
{
    const struct frame_column *index = frame->index;

    if (frame->levels != 1)
        return "MultiIndex";
    switch (index->type) {
    case COLUMN_RANGE:
        return "Int64Index";
    case COLUMN_NUMBER:
        return dtype_is_integer(index->data.dtype)           ? "Int64Index"
               : dtype_kind(index->data.dtype) == KIND_FLOAT ? "Float64Index"
                                                             : "Index";
    case COLUMN_TIME:
        return "DatetimeIndex";
    case COLUMN_DURATION:
        return "TimedeltaIndex";
    case COLUMN_CATEGORY:
        return "CategoricalIndex";
    default:
        return "Index";
    }
}

/* Each wanted row as write() has it, behind commas. */
static void each_row(const struct table *table, struct text *text,
                     void (*write)(const struct table *table, const struct table_part *part,
                                   size_t row, size_t number, void *context, struct text *text),
                     void *context)
{
    size_t number = 0;

    for (size_t p = 0; p < table->part_count; p++)
        for (size_t i = 0; i < table->parts[p].count && !text->failed; i++) {
            if (number)
                text_append_char(text, ',');
            write(table, &table->parts[p], table->parts[p].rows[i], number++, context, text);
        }
}

static void index_value(const struct table *table, const struct table_part *part, size_t row,
                        size_t number, void *context, struct text *text)
{
    (void)number, (void)context;
    write_index_value(table, part, row, text);
}

static void write_index(const struct table *table, struct text *text)
{
    text_printf(text, "{\"type\":\"%s\",\"values\":[", index_type(&table->parts[0].frame));
    each_row(table, text, index_value, NULL);
    text_append(text, "]}");
}

/* The index' values as keys of objects, each with quotes and colon; CONFLICT when one is twice. */
static enum status keys_make(const struct table *table, struct bytes **keys, struct error *err)
{
    struct text text = {0};
    struct map seen;
    size_t at = 0;

    *keys = arena_new(table->keep, struct bytes, table->rows + 1);
    if (!*keys)
        return error_no_memory(err, "an index");
    map_init(&seen, table->keep);
    for (size_t p = 0; p < table->part_count; p++)
        for (size_t i = 0; i < table->parts[p].count; i++) {
            struct text key = {0};
            bool fresh;

            write_index_value(table, &table->parts[p], table->parts[p].rows[i], &text);
            if (text.size && text.data[0] == '"')
                text_append_bytes(&key, text_bytes(&text));
            else
                json_write_string(&key, text_bytes(&text));
            (*keys)[at] = (struct bytes){(const uint8_t *)arena_text(table->keep, text_bytes(&key)),
                                         key.size};
            fresh = !table->counted && (*keys)[at].data && !map_find(&seen, (*keys)[at]);
            text_clear(&text);
            text_release(&key);
            if (!(*keys)[at].data || (fresh && !map_set(&seen, (*keys)[at], *keys))) {
                text_release(&text);
                return error_no_memory(err, "an index");
            }
            if (!table->counted && !fresh) {
                text_release(&text);
                if (error_set(err, STATUS_CONFLICT,
                              "the index of data set \"%s\" has the value %.64s twice",
                              table->object.name, (const char *)(*keys)[at].data))
                    error_fix(err, "ask with ?orient=records, list, split or values");
                return err->status;
            }
            at++;
        }
    text_release(&text);
    return STATUS_OK;
}

/* --- orientations --- */

struct column_context {
    size_t column;
    const struct bytes *keys;
};

static void cell(const struct table *table, const struct table_part *part, size_t row,
                 size_t number, void *context, struct text *text)
{
    const struct column_context *c = context;

    (void)table;
    if (c->keys) {
        text_append_bytes(text, c->keys[number]);
        text_append_char(text, ':');
    }
    column_write_json(part->columns[c->column], row, text);
}

static enum status write_columns(const struct table *table, bool keyed, struct text *text,
                                 struct error *err)
{
    struct bytes *keys = NULL;

    if (keyed)
        TRY(keys_make(table, &keys, err));
    text_append_char(text, '{');
    for (size_t c = 0; c < table->count; c++) {
        struct column_context context = {c, keys};
        if (c)
            text_append_char(text, ',');
        json_write_key(text, table->names[c]);
        text_append_char(text, keyed ? '{' : '[');
        each_row(table, text, cell, &context);
        text_append_char(text, keyed ? '}' : ']');
    }
    text_append_char(text, '}');
    return STATUS_OK;
}

static void whole_row(const struct table *table, const struct table_part *part, size_t row,
                      size_t number, void *context, struct text *text)
{
    const bool *named = context;

    (void)number;
    text_append_char(text, *named ? '{' : '[');
    for (size_t c = 0; c < table->count; c++) {
        if (c)
            text_append_char(text, ',');
        if (*named)
            json_write_key(text, table->names[c]);
        column_write_json(part->columns[c], row, text);
    }
    text_append_char(text, *named ? '}' : ']');
}

static void write_rows(const struct table *table, bool named, struct text *text)
{
    text_append_char(text, '[');
    each_row(table, text, whole_row, &named);
    text_append_char(text, ']');
}

static void write_split(const struct table *table, struct text *text)
{
    text_append(text, "{\"columns\":[");
    for (size_t c = 0; c < table->count; c++) {
        if (c)
            text_append_char(text, ',');
        json_write_text(text, table->names[c]);
    }
    text_append(text, "],\"index\":[");
    each_row(table, text, index_value, NULL);
    text_append(text, "],\"data\":");
    write_rows(table, false, text);
    text_append_char(text, '}');
}

enum status table_write_json(const struct table *table, const char *orient, struct text *text,
                             struct error *err)
{
    text_append(text, "\"data\":");
    if (!orient || strcmp(orient, "dict") == 0 || strcmp(orient, "columns") == 0)
        TRY(write_columns(table, true, text, err));
    else if (strcmp(orient, "list") == 0)
        TRY(write_columns(table, false, text, err));
    else if (strcmp(orient, "records") == 0 || strcmp(orient, "values") == 0)
        write_rows(table, strcmp(orient, "records") == 0, text);
    else if (strcmp(orient, "split") == 0)
        write_split(table, text);
    else
        return error_set(err, STATUS_INVALID_INPUT,
                         "orient '%.32s' is none of dict, list, records, split, values", orient);
    text_append(text, ",\"index\":");
    write_index(table, text);
    return text_check(text, err);
}
