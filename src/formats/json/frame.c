// SPDX-License-Identifier: Apache-2.0
#include "formats/json/frame.h"

#include <string.h>

#include "base/checked.h"
#include "formats/json/json_tensor.h"

enum { ROW_BYTES_MAX = 1 << 30 };

/* --- parts --- */

static enum status span_read(struct json_reader *reader, struct bytes *span, struct error *err)
{
    const char *start;

    (void)json_peek(reader);
    start = reader->at;
    TRY(json_skip(reader, err));
    *span = (struct bytes){(const uint8_t *)start, (size_t)(reader->at - start)};
    return STATUS_OK;
}

static enum status columns_read(struct json_reader *reader, struct frame_json *frame,
                                struct arena *keep, struct error *err)
{
    struct json_reader ahead = *reader;
    size_t count = 0;
    bool more;

    TRY(json_enter(&ahead, JSON_ARRAY, err));
    for (;; count++) {
        TRY(json_next(&ahead, &more, NULL, err));
        if (!more)
            break;
        TRY(json_skip(&ahead, err));
    }
    if (count == 0 || count > FRAME_COLUMNS_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "\"columns\" has %zu names", count);
    frame->columns = arena_new(keep, const char *, count);
    if (!frame->columns)
        return error_no_memory(err, "columns");
    TRY(json_enter(reader, JSON_ARRAY, err));
    for (frame->count = 0; frame->count < count; frame->count++) {
        struct bytes name;
        TRY(json_next(reader, &more, NULL, err));
        TRY(json_read_string(reader, &name, keep, err));
        frame->columns[frame->count] = arena_text(keep, name);
        if (!frame->columns[frame->count])
            return error_no_memory(err, "columns");
    }
    return json_next(reader, &more, NULL, err);
}

static enum status shape_read(struct json_reader *reader, struct shape *shape, struct error *err)
{
    bool more;

    shape->rank = 0;
    TRY(json_enter(reader, JSON_ARRAY, err));
    for (;;) {
        TRY(json_next(reader, &more, NULL, err));
        if (!more)
            return STATUS_OK;
        if (shape->rank == RANK_MAX - 1)
            return error_set(err, STATUS_INVALID_INPUT, "\"shape\" has too many dimensions");
        TRY(json_read_i64(reader, &shape->dims[shape->rank], err));
        if (shape->dims[shape->rank++] < 0)
            return error_set(err, STATUS_INVALID_INPUT, "\"shape\" has a negative dimension");
    }
}

/* Names of the columns are the keys of the first record, or of the object of columns. */
static enum status keys_read(struct json_reader reader, struct frame_json *frame,
                             struct arena *keep, struct error *err)
{
    struct json_reader ahead = reader;
    struct bytes key;
    size_t count = 0;
    bool more;

    TRY(json_enter(&ahead, JSON_OBJECT, err));
    for (;; count++) {
        TRY(json_next(&ahead, &more, &key, err));
        if (!more)
            break;
        TRY(json_skip(&ahead, err));
    }
    if (count == 0 || count > FRAME_COLUMNS_MAX)
        return error_set(err, STATUS_INVALID_INPUT, "\"data\" has %zu columns", count);
    frame->columns = arena_new(keep, const char *, count);
    if (!frame->columns)
        return error_no_memory(err, "columns");
    TRY(json_enter(&reader, JSON_OBJECT, err));
    for (frame->count = 0; frame->count < count; frame->count++) {
        TRY(json_next(&reader, &more, &key, err));
        frame->columns[frame->count] = arena_text(keep, key);
        if (!frame->columns[frame->count])
            return error_no_memory(err, "columns");
        TRY(json_skip(&reader, err));
    }
    return STATUS_OK;
}

/* Which of the layouts, and how many rows. */
static enum status layout_find(struct frame_json *frame, struct arena *keep, struct error *err)
{
    struct json_reader reader, first;
    bool more;

    json_reader_init(&reader, frame->data, 0);
    if (json_peek(&reader) == JSON_OBJECT) {
        frame->layout = FRAME_COLUMNS;
        return frame->columns ? STATUS_OK : keys_read(reader, frame, keep, err);
    }
    TRY(json_enter(&reader, JSON_ARRAY, err));
    for (;; frame->rows++) {
        TRY(json_next(&reader, &more, NULL, err));
        if (!more)
            break;
        if (frame->rows == 0) {
            first = reader;
            frame->layout = json_peek(&reader) == JSON_OBJECT ? FRAME_RECORDS : FRAME_ROWS;
        }
        TRY(json_skip(&reader, err));
    }
    if (frame->rows == 0)
        return error_set(err, STATUS_INVALID_INPUT, "\"data\" is empty");
    if (frame->columns)
        return STATUS_OK;
    if (frame->layout == FRAME_ROWS)
        return error_set(err, STATUS_INVALID_INPUT, "rows without names need \"columns\"");
    return keys_read(first, frame, keep, err);
}

enum status frame_json_open(struct bytes body, struct frame_json *frame, struct arena *keep,
                            struct error *err)
{
    struct json_reader reader;
    struct bytes key;
    bool more;

    *frame = (struct frame_json){.shape = shape_unknown()};
    json_reader_init(&reader, body, 0);
    TRY(json_enter(&reader, JSON_OBJECT, err));
    for (;;) {
        TRY(json_next(&reader, &more, &key, err));
        if (!more)
            break;
        if ((bytes_is(key, "columns") && frame->columns) ||
            (bytes_is(key, "data") && frame->data.data) ||
            (bytes_is(key, "shape") && frame->shape.rank != RANK_UNKNOWN))
            return json_repeated(&reader, key, err);
        if (bytes_is(key, "columns") && json_peek(&reader) == JSON_ARRAY)
            TRY(columns_read(&reader, frame, keep, err));
        else if (bytes_is(key, "data"))
            TRY(span_read(&reader, &frame->data, err));
        else if (bytes_is(key, "shape") && json_peek(&reader) == JSON_ARRAY)
            TRY(shape_read(&reader, &frame->shape, err));
        else
            TRY(json_skip(&reader, err));
    }
    TRY(json_end(&reader, err));
    if (!frame->data.data)
        return error_set(err, STATUS_INVALID_INPUT, "the body has no \"data\"");
    TRY(layout_find(frame, keep, err));
    if (frame->shape.rank != RANK_UNKNOWN && frame->count != 1)
        return error_set(err, STATUS_INVALID_INPUT,
                         "\"shape\" needs exactly one column, there are %zu", frame->count);
    return STATUS_OK;
}

/* --- values --- */

static enum status column_index(const struct frame_json *frame, struct bytes name, size_t hint,
                                size_t *index, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    if (hint < frame->count && bytes_is(name, frame->columns[hint])) {
        *index = hint;
        return STATUS_OK;
    }
    for (*index = 0; *index < frame->count; ++*index)
        if (bytes_is(name, frame->columns[*index]))
            return STATUS_OK;
    return error_set(err, STATUS_INVALID_INPUT, "column '%s' of \"data\" is not in \"columns\"",
                     text_quote(name, quoted, sizeof quoted));
}

static enum status in_column(const struct frame_json *frame, size_t column, struct error *err)
{
    return error_within(err, "column '%.64s'", frame->columns[column]);
}

static enum status missing_column(const struct frame_json *frame, size_t column, struct error *err)
{
    return error_set(err, STATUS_INVALID_INPUT, "column '%.64s' is not in \"data\"",
                     frame->columns[column]);
}

static enum status by_columns(const struct frame_json *frame, struct json_reader *reader,
                              const enum dtype *dtypes, struct tensor *columns, struct arena *keep,
                              struct error *err)
{
    const struct shape any = shape_unknown();
    struct bytes key;
    bool more;

    TRY(json_enter(reader, JSON_OBJECT, err));
    for (size_t hint = 0;; hint++) {
        size_t c;
        TRY(json_next(reader, &more, &key, err));
        if (!more)
            break;
        TRY(column_index(frame, key, hint, &c, err));
        if (columns[c].dtype != DTYPE_NONE)
            return json_repeated(reader, key, err);
        if (json_peek(reader) != JSON_ARRAY)
            return error_set(err, STATUS_INVALID_INPUT, "column '%.64s' is no array",
                             frame->columns[c]);
        if (json_read_tensor(reader, dtypes[c], &any, &columns[c], keep, err))
            return in_column(frame, c, err);
    }
    for (size_t c = 0; c < frame->count; c++) {
        if (columns[c].dtype == DTYPE_NONE)
            return missing_column(frame, c, err);
        if (columns[c].shape.dims[0] != columns[0].shape.dims[0])
            return error_set(err, STATUS_INVALID_INPUT,
                             "column '%.64s' has %lld rows, column '%.64s' has %lld",
                             frame->columns[c], (long long)columns[c].shape.dims[0],
                             frame->columns[0], (long long)columns[0].shape.dims[0]);
    }
    return STATUS_OK;
}

/* The value of a column in one row, into its place; the first row says its shape. */
static enum status cell_read(const struct frame_json *frame, struct json_reader *reader, size_t row,
                             size_t c, enum dtype dtype, struct tensor *column, struct arena *keep,
                             struct error *err)
{
    const struct shape any = shape_unknown();
    struct tensor cell;
    struct shape shape;
    size_t bytes;

    if (json_read_tensor(reader, dtype, &any, &cell, keep, err))
        return in_column(frame, c, err);
    if (row == 0) {
        if (cell.shape.rank == RANK_MAX)
            return error_set(err, STATUS_INVALID_INPUT, "column '%.64s' nests too deeply",
                             frame->columns[c]);
        shape.rank = cell.shape.rank + 1;
        shape.dims[0] = (int64_t)frame->rows;
        memcpy(shape.dims + 1, cell.shape.dims, (size_t)cell.shape.rank * sizeof *shape.dims);
        TRY(shape_check(&shape, dtype, ROW_BYTES_MAX, &bytes, err));
        *column = (struct tensor){.dtype = dtype, .shape = shape};
        column->data = arena_alloc(keep, bytes ? bytes : 1, 1);
        if (!column->data)
            return error_no_memory(err, "a column");
    }
    shape = (struct shape){.rank = column->shape.rank - 1};
    memcpy(shape.dims, column->shape.dims + 1, (size_t)shape.rank * sizeof *shape.dims);
    if (!shape_equal(&shape, &cell.shape))
        return error_set(err, STATUS_INVALID_INPUT,
                         "column '%.64s' has another shape in row %zu than in row 0",
                         frame->columns[c], row);
    bytes = tensor_bytes(&cell);
    if (bytes)
        memcpy((uint8_t *)column->data + row * bytes, cell.data, bytes);
    return STATUS_OK;
}

static enum status record_read(const struct frame_json *frame, struct json_reader *reader,
                               size_t row, const enum dtype *dtypes, struct tensor *columns,
                               size_t *seen, struct arena *keep, struct error *err)
{
    struct bytes key = {NULL, 0};
    size_t count = 0;
    bool more, named = frame->layout == FRAME_RECORDS;

    TRY(json_enter(reader, named ? JSON_OBJECT : JSON_ARRAY, err));
    for (;; count++) {
        size_t c = count;
        TRY(json_next(reader, &more, named ? &key : NULL, err));
        if (!more)
            break;
        if (named)
            TRY(column_index(frame, key, count, &c, err));
        if (c >= frame->count)
            return error_set(err, STATUS_INVALID_INPUT, "row %zu has more than %zu values", row,
                             frame->count);
        if (named && seen[c] == row + 1)
            return json_repeated(reader, key, err);
        seen[c] = row + 1;
        TRY(cell_read(frame, reader, row, c, dtypes[c], &columns[c], keep, err));
    }
    for (size_t c = 0; c < frame->count && count < frame->count; c++)
        if (seen[c] != row + 1)
            return error_set(err, STATUS_INVALID_INPUT, "row %zu has no column '%.64s'", row,
                             frame->columns[c]);
    return STATUS_OK;
}

static enum status by_rows(const struct frame_json *frame, struct json_reader *reader,
                           const enum dtype *dtypes, struct tensor *columns, struct arena *keep,
                           struct error *err)
{
    size_t *seen = arena_new(keep, size_t, frame->count);
    bool more;

    if (!seen)
        return error_no_memory(err, "columns");
    TRY(json_enter(reader, JSON_ARRAY, err));
    for (size_t row = 0; row < frame->rows; row++) {
        TRY(json_next(reader, &more, NULL, err));
        TRY(record_read(frame, reader, row, dtypes, columns, seen, keep, err));
    }
    return STATUS_OK;
}

/* The rows of the only column in their true shape. */
static enum status reshape(const struct frame_json *frame, struct tensor *column, struct error *err)
{
    struct shape shape = {.rank = frame->shape.rank + 1};
    char said[SHAPE_PRINT_SIZE], given[SHAPE_PRINT_SIZE];
    size_t bytes;

    shape.dims[0] = column->shape.dims[0];
    memcpy(shape.dims + 1, frame->shape.dims,
           (size_t)frame->shape.rank * sizeof *frame->shape.dims);
    TRY(shape_check(&shape, column->dtype, ROW_BYTES_MAX, &bytes, err));
    if (bytes != tensor_bytes(column))
        return error_set(err, STATUS_INVALID_INPUT,
                         "column '%.64s' has shape %s, which is not %s a row", frame->columns[0],
                         shape_print(&column->shape, given, sizeof given),
                         shape_print(&frame->shape, said, sizeof said));
    column->shape = shape;
    return STATUS_OK;
}

enum status frame_json_read(const struct frame_json *frame, const enum dtype *dtypes,
                            struct tensor *columns, struct arena *keep, struct error *err)
{
    struct json_reader reader;

    for (size_t c = 0; c < frame->count; c++)
        columns[c] = (struct tensor){.dtype = DTYPE_NONE};
    json_reader_init(&reader, frame->data, 0);
    if (frame->layout == FRAME_COLUMNS)
        TRY(by_columns(frame, &reader, dtypes, columns, keep, err));
    else
        TRY(by_rows(frame, &reader, dtypes, columns, keep, err));
    return frame->shape.rank == RANK_UNKNOWN ? STATUS_OK : reshape(frame, &columns[0], err);
}
