// SPDX-License-Identifier: Apache-2.0
#include "server/tensorflow_serving/predict_json.h"

#include "base/map.h"
#include "base/text.h"
#include "formats/json/json_tensor.h"
#include "server/tensorflow_serving/signature_json.h"

enum { FLAGS = JSON_ALLOW_NAN | JSON_BASE64, SEARCH_MAX = 32 };

/* --- parts --- */

static bool names_signature(const struct json_reader *reader)
{
    return memmem(reader->at, (size_t)(reader->end - reader->at), SIGNATURE_KEY,
                  sizeof SIGNATURE_KEY - 1) != NULL;
}

static enum status second_values(struct error *err)
{
    return error_set(err, STATUS_INVALID_INPUT,
                     "Not formatted correctly expecting only one of 'inputs' or 'instances' keys "
                     "to exist");
}

enum status predict_json_open(struct bytes body, struct predict_json *opened, struct arena *keep,
                              struct error *err)
{
    struct json_reader reader;
    struct bytes key;
    bool more, found = false;

    *opened = (struct predict_json){0};
    json_reader_init(&reader, body, FLAGS);
    TRY(json_enter(&reader, JSON_OBJECT, err));
    for (;;) {
        TRY(json_next(&reader, &more, &key, err));
        if (!more)
            break;
        if (bytes_is(key, SIGNATURE_KEY)) {
            TRY(signature_json_read(&reader, &opened->signature, keep, err));
            continue;
        }
        if (bytes_is(key, "instances") || bytes_is(key, "inputs")) {
            if (found)
                return second_values(err);
            found = true;
            opened->rows = bytes_is(key, "instances");
            opened->values = reader;
            opened->open = opened->signature || !names_signature(&reader);
            if (opened->open)
                return STATUS_OK;
        }
        TRY(json_skip(&reader, err));
    }
    if (!found)
        return error_set(err, STATUS_INVALID_INPUT, "Missing 'inputs' or 'instances' key");
    return json_end(&reader, err);
}

/* What stands behind the values: nothing of it changes what they mean. */
static enum status rest_read(struct json_reader *reader, struct error *err)
{
    struct bytes key;
    bool more;

    for (;;) {
        TRY(json_next(reader, &more, &key, err));
        if (!more)
            return json_end(reader, err);
        if (bytes_is(key, SIGNATURE_KEY))
            return error_set(err, STATUS_INVALID_INPUT,
                             "'" SIGNATURE_KEY "' must be there once, without escapes");
        if (bytes_is(key, "instances") || bytes_is(key, "inputs"))
            return second_values(err);
        TRY(json_skip(reader, err));
    }
}

/* --- values --- */

struct reading {
    struct json_reader *reader;
    const struct signature *signature;
    struct given *given; /* (input_count,) */
    size_t *count;
    struct arena *keep;
    struct map names; /* of inputs -> struct field; empty where they are few */
};

/* One matrix may hold all columns of a table, when they have one type. */
static bool is_table(const struct signature *signature)
{
    for (size_t i = 1; i < signature->input_count; i++)
        if (signature->inputs[i].dtype != signature->inputs[0].dtype)
            return false;
    return signature->columns && signature->input_count > 1;
}

/* A value without a name: of the only input. */
static enum status unnamed_read(struct reading *r, const char *key, const char *wanted,
                                struct error *err)
{
    const struct signature *signature = r->signature;
    const struct shape any = shape_unknown();
    bool table = is_table(signature);

    if (signature->input_count != 1 && !table)
        return error_set(err, STATUS_INVALID_INPUT,
                         "%s is a plain value/list, but expecting %s as signature '%.64s' has %zu "
                         "inputs",
                         key, wanted, signature->name, signature->input_count);
    r->given[0].name = table ? NULL : signature->inputs[0].name;
    *r->count = 1;
    if (json_read_tensor(r->reader, field_feed(&signature->inputs[0]), &any, &r->given[0].tensor,
                         r->keep, err))
        return error_within(err, "'%s'", key);
    return STATUS_OK;
}

/* --- rows that are objects --- */

struct column {
    struct tensor tensor; /* of `capacity` rows; DTYPE_NONE: no row had it yet */
    struct shape cell;
    size_t capacity, seen; /* rows; 1 + the last one that had it */
};

static enum status names_index(struct reading *r, struct error *err)
{
    const struct signature *signature = r->signature;

    if (signature->input_count <= SEARCH_MAX)
        return STATUS_OK;
    map_init(&r->names, r->keep);
    for (size_t i = 0; i < signature->input_count; i++)
        if (!map_set(&r->names, bytes_of(signature->inputs[i].name), &signature->inputs[i]))
            return error_no_memory(err, "a request");
    return STATUS_OK;
}

/* `hint` is tried first: most clients send the keys in order. */
static enum status column_index(const struct reading *r, struct bytes name, size_t hint,
                                size_t *index, struct error *err)
{
    const struct signature *signature = r->signature;
    const struct field *found;
    char quoted[TEXT_QUOTE_SIZE];

    *index = hint;
    if (hint < signature->input_count && bytes_is(name, signature->inputs[hint].name))
        return STATUS_OK;
    found = map_find(&r->names, name);
    for (size_t i = 0; !found && !r->names.count && i < signature->input_count; i++)
        if (bytes_is(name, signature->inputs[i].name))
            found = &signature->inputs[i];
    if (!found)
        return error_set(err, STATUS_INVALID_INPUT, "JSON object: does not have named input: %s",
                         text_quote(name, quoted, sizeof quoted));
    *index = (size_t)(found - signature->inputs);
    return STATUS_OK;
}

static enum status other_shape(const struct shape *want, const struct shape *got, struct error *err)
{
    char first[SHAPE_PRINT_SIZE], second[SHAPE_PRINT_SIZE];

    if (shape_count(want) != shape_count(got))
        return error_set(err, STATUS_INVALID_INPUT,
                         "Expecting tensor size: %zu but got: %zu: the data is ragged",
                         shape_count(want), shape_count(got));
    return error_set(err, STATUS_INVALID_INPUT, "Expecting shape %.80s but got: %.80s",
                     shape_print(want, first, sizeof first),
                     shape_print(got, second, sizeof second));
}

static enum status column_room(struct column *column, size_t row, size_t row_bytes,
                               struct arena *keep, struct error *err)
{
    size_t capacity = column->capacity ? 2 * column->capacity : 8;
    void *grown;

    if (row < column->capacity)
        return STATUS_OK;
    grown = arena_alloc(keep, capacity, row_bytes ? row_bytes : 1);
    if (!grown)
        return error_no_memory(err, "a request");
    if (row && row_bytes)
        memcpy(grown, column->tensor.data, row * row_bytes);
    column->tensor.data = grown;
    column->capacity = capacity;
    return STATUS_OK;
}

static enum status cell_read(struct reading *r, struct column *column, enum dtype dtype, size_t row,
                             struct error *err)
{
    bool lone = json_peek(r->reader) != JSON_ARRAY;
    const struct shape shape = lone ? shape_scalar() : shape_unknown();
    struct tensor cell;
    size_t bytes;

    TRY(json_read_tensor(r->reader, dtype, &shape, &cell, r->keep, err));
    if (row == 0) {
        if (cell.shape.rank == RANK_MAX)
            return error_set(err, STATUS_TOO_LARGE, "data is nested more than %d deep",
                             RANK_MAX - 1);
        column->tensor.dtype = dtype;
        column->cell = cell.shape;
    } else if (!shape_equal(&column->cell, &cell.shape)) {
        return other_shape(&column->cell, &cell.shape, err);
    }
    bytes = tensor_bytes(&cell);
    TRY(column_room(column, row, bytes, r->keep, err));
    if (bytes)
        memcpy((char *)column->tensor.data + row * bytes, cell.data, bytes);
    column->seen = row + 1;
    return STATUS_OK;
}

static enum status row_read(struct reading *r, struct column *columns, size_t row,
                            struct error *err)
{
    const struct signature *signature = r->signature;
    struct bytes key;
    bool more;

    TRY(json_enter(r->reader, JSON_OBJECT, err));
    for (size_t hint = 0;; hint++) {
        size_t i;
        TRY(json_next(r->reader, &more, &key, err));
        if (!more)
            break;
        TRY(column_index(r, key, hint, &i, err));
        if (columns[i].seen > row)
            return json_repeated(r->reader, key, err);
        if (columns[i].seen != row) /* an optional one that was left out before */
            return error_set(err, STATUS_INVALID_INPUT, "key: %.64s was not in the elements before",
                             signature->inputs[i].name);
        if (cell_read(r, &columns[i], field_feed(&signature->inputs[i]), row, err))
            return error_within(err, "key: %.64s of 'instances' list. Error",
                                signature->inputs[i].name);
    }
    for (size_t i = 0; i < signature->input_count; i++)
        if (columns[i].seen != row + 1 && (columns[i].seen || !signature->inputs[i].optional))
            return error_set(err, STATUS_INVALID_INPUT,
                             "keys must be equal to the inputs: '%.64s' is missing",
                             signature->inputs[i].name);
    return STATUS_OK;
}

static void columns_give(const struct reading *r, const struct column *columns, size_t rows)
{
    for (size_t i = 0; i < r->signature->input_count; i++) {
        struct given *given = &r->given[*r->count];
        const struct shape *cell = &columns[i].cell;

        if (columns[i].tensor.dtype == DTYPE_NONE)
            continue;
        *given = (struct given){r->signature->inputs[i].name, columns[i].tensor};
        given->tensor.shape.rank = cell->rank + 1;
        given->tensor.shape.dims[0] = (int64_t)rows;
        memcpy(given->tensor.shape.dims + 1, cell->dims, (size_t)cell->rank * sizeof *cell->dims);
        ++*r->count;
    }
}

static bool is_row_object(struct json_reader *reader)
{
    return json_peek(reader) == JSON_OBJECT && !json_is_base64(reader);
}

static enum status objects_read(struct reading *r, struct error *err)
{
    struct column *columns = arena_new(r->keep, struct column, r->signature->input_count);
    bool more;
    size_t row;

    if (!columns)
        return error_no_memory(err, "a request");
    TRY(names_index(r, err));
    TRY(json_enter(r->reader, JSON_ARRAY, err));
    for (row = 0;; row++) {
        TRY(json_next(r->reader, &more, NULL, err));
        if (!more)
            break;
        if (!is_row_object(r->reader))
            return error_set(err, STATUS_INVALID_INPUT,
                             "Expecting object but got list at item %zu of input list", row);
        if (row_read(r, columns, row, err))
            return error_within(err, "Failed to process element: %zu", row);
    }
    columns_give(r, columns, row);
    return STATUS_OK;
}

static enum status instances_read(struct reading *r, struct error *err)
{
    struct json_reader first = *r->reader;
    bool more;

    if (json_peek(r->reader) != JSON_ARRAY)
        return error_set(err, STATUS_INVALID_INPUT, "Expecting 'instances' to be an list/array");
    TRY(json_enter(&first, JSON_ARRAY, err));
    TRY(json_next(&first, &more, NULL, err));
    if (!more)
        return error_set(err, STATUS_INVALID_INPUT, "No values in 'instances' array");
    return is_row_object(&first) ? objects_read(r, err)
                                 : unnamed_read(r, "instances", "a list of objects", err);
}

enum status predict_json_read(struct predict_json *opened, const struct signature *signature,
                              const struct given **given, size_t *count, struct arena *keep,
                              struct error *err)
{
    struct json_reader reader = opened->values;
    struct reading r = {
        .reader = &reader,
        .signature = signature,
        .given = arena_new(keep, struct given, signature->input_count),
        .count = count,
        .keep = keep,
    };

    *count = 0;
    *given = r.given;
    if (!r.given)
        return error_no_memory(err, "a request");
    if (opened->rows)
        TRY(instances_read(&r, err));
    else if (is_row_object(&reader))
        TRY(contract_given_object(&reader, signature, given, count, keep, err));
    else
        TRY(unnamed_read(&r, "inputs", "an object", err));
    return opened->open ? rest_read(&reader, err) : STATUS_OK;
}

/* --- answers --- */

enum status predict_json_check(const struct signature *signature, struct error *err)
{
    for (size_t i = 0; i < signature->output_count; i++) {
        enum dtype_kind kind = dtype_kind(signature->outputs[i].dtype);

        if (kind == KIND_COMPLEX || kind == KIND_OTHER)
            return error_set(err, STATUS_UNSUPPORTED,
                             "output '%.64s' is of tensor type: %s, which has no form in JSON",
                             signature->outputs[i].name, dtype_name(signature->outputs[i].dtype));
    }
    return STATUS_OK;
}

static unsigned flags_of(const struct field *field)
{
    static const char SUFFIX[] = "_bytes";
    size_t size = strlen(field->name), suffix = sizeof SUFFIX - 1;
    bool bytes = size >= suffix && !strcmp(field->name + size - suffix, SUFFIX);

    return JSON_ALLOW_NAN | (bytes ? JSON_BASE64 : JSON_BASE64_BROKEN);
}

static enum status rows_check(const struct signature *signature, const struct tensor *outputs,
                              struct error *err)
{
    for (size_t i = 0; i < signature->output_count; i++) {
        if (outputs[i].shape.rank == 0)
            return error_set(err, STATUS_INVALID_INPUT,
                             "Tensor name: %.64s has no shape information: it is no row of "
                             "'instances', ask with 'inputs'",
                             signature->outputs[i].name);
        if (outputs[i].shape.dims[0] != outputs[0].shape.dims[0])
            return error_set(err, STATUS_INVALID_INPUT,
                             "Tensor name: %.64s has inconsistent batch size: %lld expecting: "
                             "%lld; ask with 'inputs'",
                             signature->outputs[i].name, (long long)outputs[i].shape.dims[0],
                             (long long)outputs[0].shape.dims[0]);
    }
    return STATUS_OK;
}

/* {name: value, ...}: row `row` of all outputs, or all of them. */
static void object_write(const struct signature *signature, const struct tensor *outputs,
                         int64_t row, struct text *text)
{
    text_append_char(text, '{');
    for (size_t i = 0; i < signature->output_count; i++) {
        text_append(text, i ? "," : "");
        json_write_key(text, signature->outputs[i].name);
        json_write_rows(text, &outputs[i], row, flags_of(&signature->outputs[i]));
    }
    text_append_char(text, '}');
}

enum status predict_json_write(const struct signature *signature, const struct tensor *outputs,
                               bool rows, struct text *text, struct error *err)
{
    size_t count = signature->output_count;

    if (count == 0)
        return error_set(err, STATUS_INVALID_INPUT, "signature '%.64s' has no outputs",
                         signature->name);
    if (rows)
        TRY(rows_check(signature, outputs, err));
    text_append(text, rows ? "{\"predictions\":" : "{\"outputs\":");
    if (count == 1) {
        json_write_rows(text, &outputs[0], ROWS_ALL, flags_of(&signature->outputs[0]));
    } else if (!rows) {
        object_write(signature, outputs, ROWS_ALL, text);
    } else {
        text_append_char(text, '[');
        for (int64_t row = 0; row < outputs[0].shape.dims[0]; row++) {
            text_append(text, row ? "," : "");
            object_write(signature, outputs, row, text);
        }
        text_append_char(text, ']');
    }
    text_append_char(text, '}');
    return STATUS_OK;
}
