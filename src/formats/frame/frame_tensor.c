// SPDX-License-Identifier: Apache-2.0
/* Columns of frames as tensors. */
#include "formats/frame/frame.h"

#include <math.h>

#include "base/checked.h"
#include "formats/json/json_tensor.h"
#include "tensor/convert.h"

static enum status in_column(const struct frame_column *column, struct error *err)
{
    return error_within(err, "column '%.64s'", column->name);
}

static enum status no_tensor(const struct frame_column *column, enum dtype dtype, struct error *err)
{
    return error_set(err, STATUS_INVALID_INPUT, "column '%.64s' holds %s, which are no %s",
                     column->name, column_type_name(column->type), dtype_name(dtype));
}

/* The chosen elements side by side; a row of -1 is left zero. */
static enum status gather(const struct tensor *data, const size_t *rows, size_t count,
                          struct tensor *chosen, struct arena *keep, struct error *err)
{
    const struct shape shape = SHAPE((int64_t)count);
    size_t size = dtype_size(data->dtype);

    TRY(tensor_new(chosen, data->dtype, &shape, keep, err));
    for (size_t i = 0; i < count; i++)
        if (rows[i] != (size_t)-1)
            memcpy((uint8_t *)chosen->data + i * size, (const uint8_t *)data->data + rows[i] * size,
                   size);
    return STATUS_OK;
}

static enum status missing_refuse(const struct frame_column *column, size_t row, enum dtype dtype,
                                  struct error *err)
{
    return error_set(err, STATUS_INVALID_INPUT,
                     "column '%.64s' has no value in row %zu, and %s cannot say that", column->name,
                     row, dtype_name(dtype));
}

/* Numbers of `source` at `from` (one for each row), for the column's rows. */
static enum status numbers(const struct frame_column *column, const struct tensor *source,
                           const size_t *from, const size_t *rows, size_t count, enum dtype dtype,
                           struct tensor *tensor, struct arena *keep, struct error *err)
{
    struct tensor chosen;

    if (dtype_kind(dtype) == KIND_STRING)
        return no_tensor(column, dtype, err);
    TRY(gather(source, from, count, &chosen, keep, err));
    TRY(tensor_new(tensor, dtype, &chosen.shape, keep, err));
    if (chosen.dtype == DTYPE_BOOL && dtype != DTYPE_BOOL)
        TRY(tensor_cast(&chosen, tensor, err)); /* as numpy takes a frame with a mask in it */
    else if (tensor_convert(&chosen, tensor, err))
        return in_column(column, err);
    for (size_t i = 0; i < count; i++) {
        if (!column_is_missing(column, rows[i]))
            continue;
        if (dtype_kind(dtype) != KIND_FLOAT)
            return missing_refuse(column, rows[i], dtype, err);
        tensor_set_f64(tensor, i, NAN);
    }
    return STATUS_OK;
}

static enum status texts(const struct frame_column *column, const size_t *rows, size_t count,
                         enum dtype dtype, struct tensor *tensor, struct arena *keep,
                         struct error *err)
{
    const struct shape shape = SHAPE((int64_t)count);
    struct bytes *items;

    if (dtype_kind(dtype) != KIND_STRING)
        return no_tensor(column, dtype, err);
    TRY(tensor_new(tensor, dtype, &shape, keep, err));
    items = tensor->data;
    for (size_t i = 0; i < count; i++) {
        struct bytes text = column_text(column, rows[i]);
        if (column_is_missing(column, rows[i]))
            continue;
        /* The frame's bytes go before the tensor does. */
        items[i] = (struct bytes){(const uint8_t *)arena_text(keep, text), text.size};
        if (!items[i].data)
            return error_no_memory(err, "a column");
    }
    return STATUS_OK;
}

/* Values that are numbers or arrays of one shape. */
static enum status values(const struct frame_column *column, const size_t *rows, size_t count,
                          enum dtype dtype, struct tensor *tensor, struct arena *keep,
                          struct error *err)
{
    const struct shape any = shape_unknown();
    struct json_reader reader;
    struct text text = {0};
    enum status status;

    text_append_char(&text, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            text_append_char(&text, ',');
        if (column_is_missing(column, rows[i])) {
            text_release(&text);
            return missing_refuse(column, rows[i], dtype, err);
        }
        text_append_bytes(&text, column_text(column, rows[i]));
    }
    text_append_char(&text, ']');
    status = text_check(&text, err);
    if (!status) {
        struct bytes kept = {(const uint8_t *)arena_text(keep, text_bytes(&text)), text.size};
        if (kept.data) {
            json_reader_init(&reader, kept, 0);
            status = json_read_tensor(&reader, dtype, &any, tensor, keep, err);
            if (status)
                status = in_column(column, err);
        } else {
            status = error_no_memory(err, "a column");
        }
    }
    text_release(&text);
    return status;
}

/* The categories' rows of the rows. */
static enum status category(const struct frame_column *column, const size_t *rows, size_t count,
                            enum dtype dtype, struct tensor *tensor, struct arena *keep,
                            struct error *err)
{
    size_t *from = arena_new(keep, size_t, count + 1);

    if (column->categories->type == COLUMN_TEXT)
        return texts(column, rows, count, dtype, tensor, keep, err);
    if (column->categories->type != COLUMN_NUMBER)
        return no_tensor(column, dtype, err);
    if (!from)
        return error_no_memory(err, "a column");
    for (size_t i = 0; i < count; i++)
        from[i] = (size_t)tensor_i64(&column->data, rows[i]);
    return numbers(column, &column->categories->data, from, rows, count, dtype, tensor, keep, err);
}

enum status column_tensor(const struct frame_column *column, const size_t *rows, size_t count,
                          enum dtype dtype, struct tensor *tensor, struct arena *keep,
                          struct error *err)
{
    switch (column->type) {
    case COLUMN_NUMBER:
        return numbers(column, &column->data, rows, rows, count, dtype, tensor, keep, err);
    case COLUMN_TEXT:
        return texts(column, rows, count, dtype, tensor, keep, err);
    case COLUMN_JSON:
        return values(column, rows, count, dtype, tensor, keep, err);
    case COLUMN_CATEGORY:
        return category(column, rows, count, dtype, tensor, keep, err);
    default:
        return no_tensor(column, dtype, err);
    }
}
