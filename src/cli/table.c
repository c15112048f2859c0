// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <math.h>
#include <stdio.h>

#include "base/map.h"
#include "base/number.h"
#include "base/text.h"
#include "tensor/convert.h"

enum { LIST_MAX = 300 };

/* How people write that a number is missing, beside leaving the cell empty. */
static bool is_missing(struct bytes cell)
{
    static const char *const WORDS[] = {"",     "NA",   "N/A",  "nan",  "NaN",
                                        "None", "null", "NULL", "<NA>", "n/a"};

    for (size_t i = 0; i < ARRAY_COUNT(WORDS); i++)
        if (bytes_is(cell, WORDS[i]))
            return true;
    return false;
}

static bool read_bool(struct bytes cell, uint8_t *value)
{
    static const char *const TRUES[] = {"true", "True", "TRUE", "1"};
    static const char *const FALSES[] = {"false", "False", "FALSE", "0"};

    for (size_t i = 0; i < ARRAY_COUNT(TRUES); i++)
        if (bytes_is(cell, TRUES[i]) || bytes_is(cell, FALSES[i])) {
            *value = bytes_is(cell, TRUES[i]);
            return true;
        }
    return false;
}

/* "3" exactly, "3.0" through a double. */
static enum status read_integer(struct bytes cell, struct tensor *to, size_t index,
                                struct error *err)
{
    struct tensor place = {to->dtype, shape_scalar(),
                           (char *)to->data + index * dtype_size(to->dtype)};
    int64_t integer;
    double number;
    struct tensor one = {DTYPE_I64, shape_scalar(), &integer};

    if (!number_i64_from_text(cell, &integer)) {
        if (!number_from_text(cell, &number))
            return error_set(err, STATUS_INVALID_INPUT, "is no whole number");
        one = (struct tensor){DTYPE_F64, shape_scalar(), &number};
    }
    return tensor_convert(&one, &place, err);
}

static enum status read_cell(struct bytes cell, bool quoted, struct tensor *to, size_t index,
                             struct error *err)
{
    uint8_t flag;
    double number;

    if (to->dtype == DTYPE_STRING) { /* nothing between two separators is missing, "" is not */
        ((struct bytes *)to->data)[index] = cell.size > 0 || quoted ? cell : (struct bytes){0};
        return STATUS_OK;
    }
    if (to->dtype == DTYPE_BOOL) {
        if (read_bool(cell, &((uint8_t *)to->data)[index]))
            return STATUS_OK;
        return error_set(err, STATUS_INVALID_INPUT, "is neither true nor false");
    }
    if (dtype_is_integer(to->dtype))
        return read_integer(cell, to, index, err);
    if (is_missing(cell))
        number = NAN;
    else if (read_bool(cell, &flag)) /* as numbers, truths are 1 and 0 */
        number = flag;
    else if (!number_from_text(cell, &number))
        return error_set(err, STATUS_INVALID_INPUT, "is no number");
    tensor_set_f64(to, index, number);
    return STATUS_OK;
}

/* Column `column` of the table into elements first, first + step ... of `to`. */
static enum status read_column(const struct csv *csv, size_t column, struct tensor *to,
                               size_t first, size_t step, struct error *err)
{
    char name[TEXT_QUOTE_SIZE], cell[TEXT_QUOTE_SIZE];

    for (size_t row = 0; row < csv->rows; row++) {
        struct bytes text = csv->cells[row * csv->columns + column];
        if (read_cell(text, csv->quoted[row * csv->columns + column], to, first + row * step, err))
            return error_within(err, "row %zu, column \"%s\" (%s): \"%s\"", row + 1,
                                text_quote(csv->names[column], name, sizeof name),
                                dtype_name(to->dtype), text_quote(text, cell, sizeof cell));
    }
    return STATUS_OK;
}

static enum status missing_columns(const struct csv *csv, const struct signature *signature,
                                   const struct map *columns, struct error *err)
{
    char list[LIST_MAX];
    struct text_names names = text_names(list, sizeof list);
    enum status status;

    for (size_t i = 0; i < signature->input_count; i++) {
        const struct field *field = &signature->inputs[i];
        if (!field->optional && !map_find(columns, bytes_of(field->name)))
            text_names_add(&names, field->name);
    }
    status =
        error_set(err, STATUS_INVALID_INPUT, "the table has no column %s", text_names_end(&names));
    error_fix(err, "the header names %zu columns; add what is missing", csv->columns);
    return status;
}

static bool is_column(const struct field *field)
{
    const struct shape *shape = &field->shape;

    return shape->rank < 0 || shape->rank == 1 ||
           (shape->rank == 2 && (shape->dims[1] == 1 || shape->dims[1] < 0));
}

/* The whole table as one matrix. */
static enum status whole_matrix(const struct csv *csv, const struct field *field,
                                struct given *given, struct arena *keep, struct error *err)
{
    struct shape shape = SHAPE((int64_t)csv->rows, (int64_t)csv->columns);
    char name[TEXT_QUOTE_SIZE];

    text_quote(bytes_of(field->name), name, sizeof name);
    if (field->shape.dims[1] >= 0 && field->shape.dims[1] != (int64_t)csv->columns) {
        enum status status =
            error_set(err, STATUS_INVALID_INPUT,
                      "input \"%s\" is a matrix of %lld columns without names, but the table has "
                      "%zu",
                      name, (long long)field->shape.dims[1], csv->columns);
        error_fix(err, "give a table of exactly those columns, in the order of the training");
        return status;
    }
    TRY(tensor_new(&given->tensor, field->dtype, &shape, keep, err));
    given->name = field->name;
    for (size_t i = 0; i < csv->columns; i++)
        TRY(read_column(csv, i, &given->tensor, i, csv->columns, err));
    return STATUS_OK;
}

static enum status by_name(const struct csv *csv, const struct signature *signature,
                           const struct map *columns, struct given *given, size_t *count,
                           struct arena *keep, struct error *err)
{
    struct shape shape = SHAPE((int64_t)csv->rows);
    char name[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < signature->input_count; i++) {
        const struct field *field = &signature->inputs[i];
        const struct bytes *column = map_find(columns, bytes_of(field->name));
        struct given *to = &given[*count];
        if (!column && !field->optional)
            return missing_columns(csv, signature, columns, err);
        if (!column)
            continue;
        if (!is_column(field))
            return error_set(err, STATUS_INVALID_INPUT, "input \"%s\" is no column of a table",
                             text_quote(bytes_of(field->name), name, sizeof name));
        TRY(tensor_new(&to->tensor, field->dtype ? field->dtype : DTYPE_STRING, &shape, keep, err));
        TRY(read_column(csv, (size_t)(column - csv->names), &to->tensor, 0, 1, err));
        to->name = field->name;
        ++*count;
    }
    return STATUS_OK;
}

static const struct field *find_field(const struct signature *signature, const char *name)
{
    for (size_t i = 0; i < signature->input_count; i++)
        if (!strcmp(signature->inputs[i].name, name))
            return &signature->inputs[i];
    return NULL;
}

enum status table_columns(const struct csv *csv, const struct signature *signature,
                          const char *name, struct given **given, size_t *count, struct arena *keep,
                          struct error *err)
{
    const struct field *one = name                          ? find_field(signature, name)
                              : signature->input_count == 1 ? &signature->inputs[0]
                                                            : NULL;
    struct signature alone = {
        .name = signature->name, .inputs = (struct field *)one, .input_count = 1};
    char quoted[TEXT_QUOTE_SIZE];
    struct map columns;

    *count = 0;
    *given = arena_new(keep, struct given, signature->input_count + 1);
    if (!*given)
        return error_no_memory(err, "a table");
    if (name && !one)
        return error_set(err, STATUS_INVALID_INPUT, "no input \"%s\"",
                         text_quote(bytes_of(name), quoted, sizeof quoted));
    map_init(&columns, keep);
    for (size_t i = 0; i < csv->columns; i++)
        if (!map_set(&columns, csv->names[i], &csv->names[i]))
            return error_no_memory(err, "a table");
    if (!one)
        return by_name(csv, signature, &columns, *given, count, keep, err);
    if (map_find(&columns, bytes_of(one->name)) && is_column(one))
        return by_name(csv, &alone, &columns, *given, count, keep, err);
    if (one->shape.rank == 2 && !signature->columns) {
        *count = 1;
        return whole_matrix(csv, one, *given, keep, err);
    }
    return by_name(csv, &alone, &columns, *given, count, keep, err);
}
