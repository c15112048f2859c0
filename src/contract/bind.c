// SPDX-License-Identifier: Apache-2.0
/* What a client gave, put into the order, dtypes and ranks of a signature. Friendly where nothing
 * can be lost, exact everywhere else. */
#include <stdio.h>

#include "base/map.h"
#include "base/number.h"
#include "base/text.h"
#include "contract/contract.h"
#include "tensor/convert.h"
#include "tensor/sequence.h"

enum { LIST_MAX = 300, SEARCH_MAX = 32, DIM_NAMES_MAX = 16 };

struct binding {
    const struct signature *signature;
    const struct given *given;
    size_t given_count;
    struct tensor *bound;
    const struct given **chosen; /* (input_count,): what was given for each input, or NULL */
    struct arena *request;
    struct error *err;
};

/* --- messages --- */

static char *quoted(const char *name, char *buffer)
{
    return text_quote(bytes_of(name), buffer, TEXT_QUOTE_SIZE);
}

static enum status within_field(const struct binding *b, size_t input)
{
    char name[TEXT_QUOTE_SIZE];

    return error_within(b->err, "input \"%s\"", quoted(b->signature->inputs[input].name, name));
}

/* The names of all inputs, or of those that must still be given. */
static void list_inputs(const struct binding *b, bool only_missing, char *buffer, size_t size)
{
    struct text_names names = text_names(buffer, size);

    for (size_t i = 0; i < b->signature->input_count; i++)
        if (!only_missing || !(b->chosen[i] || b->signature->inputs[i].optional))
            text_names_add(&names, b->signature->inputs[i].name);
    text_names_end(&names);
}

/* The name of an input near `name` that is not given yet; or NULL. */
static const char *suggest_input(const struct binding *b, const char *name)
{
    const char *best = NULL;

    for (size_t i = 0; i < b->signature->input_count; i++) {
        const char *pair[2] = {b->signature->inputs[i].name, best};
        const char *near = b->chosen[i] ? NULL : text_suggest(name, pair, best ? 2 : 1);
        best = near ? near : best;
    }
    return best;
}

static enum status unknown_input(const struct binding *b, const char *name)
{
    char list[LIST_MAX], first[TEXT_QUOTE_SIZE], second[TEXT_QUOTE_SIZE];
    const char *near = suggest_input(b, name);
    enum status status;

    list_inputs(b, false, list, sizeof list);
    if (b->signature->input_count == 0)
        return error_set(b->err, STATUS_INVALID_INPUT, "no input \"%s\": signature \"%s\" has none",
                         quoted(name, first), quoted(b->signature->name, second));
    status = error_set(b->err, STATUS_INVALID_INPUT, "no input \"%s\"; the inputs are %s",
                       quoted(name, first), list);
    if (near)
        error_fix(b->err, "did you mean \"%s\"?", quoted(near, second));
    return status;
}

static enum status missing_inputs(const struct binding *b, size_t count)
{
    char list[LIST_MAX];
    enum status status;

    list_inputs(b, true, list, sizeof list);
    status =
        error_set(b->err, STATUS_INVALID_INPUT, "missing input%s: %s", count == 1 ? "" : "s", list);
    error_fix(b->err, "give %s", count == 1 ? "it too" : "all of them");
    return status;
}

/* --- names and places --- */

/* `x:0` of TensorFlow is `x`. */
static size_t bare_size(const char *name)
{
    size_t size = strlen(name);

    return size > 2 && !strcmp(name + size - 2, ":0") ? size - 2 : size;
}

static bool is_same_name(const char *a, const char *b)
{
    size_t size;

    if (!strcmp(a, b))
        return true;
    size = bare_size(a);
    return size == bare_size(b) && !memcmp(a, b, size);
}

static bool has_name(const struct given *given)
{
    return given->name && given->name[0];
}

/* Index of the input with this name, or input_count. `hint` is tried first: most clients send the
 * inputs in order. `index` finds the rest where there are many. */
static size_t find_input(const struct binding *b, const char *name, size_t hint,
                         const struct map *index)
{
    const struct signature *s = b->signature;

    if (hint < s->input_count && is_same_name(name, s->inputs[hint].name))
        return hint;
    if (index->arena) {
        const struct field *found =
            map_find(index, (struct bytes){(const uint8_t *)name, bare_size(name)});
        return found ? (size_t)(found - s->inputs) : s->input_count;
    }
    for (size_t i = 0; i < s->input_count; i++)
        if (!strcmp(name, s->inputs[i].name))
            return i;
    for (size_t i = 0; i < s->input_count; i++)
        if (is_same_name(name, s->inputs[i].name))
            return i;
    return s->input_count;
}

static enum status index_inputs(const struct binding *b, struct map *index)
{
    const struct signature *s = b->signature;

    *index = (struct map){0};
    if (s->input_count <= SEARCH_MAX)
        return STATUS_OK;
    map_init(index, b->request);
    for (size_t i = s->input_count; i > 0; i--) {
        const char *name = s->inputs[i - 1].name;
        if (!map_set(index, (struct bytes){(const uint8_t *)name, bare_size(name)},
                     &s->inputs[i - 1]))
            return error_no_memory(b->err, "a request");
    }
    return STATUS_OK;
}

static enum status place_named(const struct binding *b)
{
    struct map index;
    char name[TEXT_QUOTE_SIZE];

    TRY(index_inputs(b, &index));
    for (size_t g = 0; g < b->given_count; g++) {
        size_t input;
        if (!has_name(&b->given[g]))
            continue;
        input = find_input(b, b->given[g].name, g, &index);
        if (input == b->signature->input_count)
            return unknown_input(b, b->given[g].name);
        if (b->chosen[input])
            return error_set(b->err, STATUS_INVALID_INPUT, "input \"%s\" is given twice",
                             quoted(b->signature->inputs[input].name, name));
        b->chosen[input] = &b->given[g];
    }
    return STATUS_OK;
}

/* Tensors without a name take the inputs that are left, in contract order. */
static enum status place_unnamed(const struct binding *b)
{
    size_t input = 0;

    for (size_t g = 0; g < b->given_count; g++) {
        if (has_name(&b->given[g]))
            continue;
        while (input < b->signature->input_count && b->chosen[input])
            input++;
        if (input == b->signature->input_count)
            return error_set(b->err, STATUS_INVALID_INPUT,
                             "%zu inputs are given, but \"%s\" has %zu", b->given_count,
                             b->signature->name, b->signature->input_count);
        b->chosen[input] = &b->given[g];
    }
    return STATUS_OK;
}

static enum status check_missing(const struct binding *b)
{
    size_t missing = 0;

    for (size_t i = 0; i < b->signature->input_count; i++)
        missing += !b->chosen[i] && !b->signature->inputs[i].optional;
    return missing ? missing_inputs(b, missing) : STATUS_OK;
}

/* --- shape and dtype of one field --- */

static bool fits(const struct shape *given, const struct shape *field)
{
    if (field->rank < 0)
        return true;
    if (given->rank != field->rank)
        return false;
    for (int i = 0; i < field->rank; i++)
        if (field->dims[i] >= 0 && given->dims[i] != field->dims[i])
            return false;
    return true;
}

/* Give `shape` the rank of the field where only dimensions of 1 differ: [n] and [n,1], and one
 * element for a field that may be of one element. */
static void adapt_rank(struct shape *shape, const struct shape *field)
{
    if (field->rank < 0 || shape->rank == field->rank)
        return;
    if (shape->rank == field->rank + 1 && shape->rank == 2 && shape->dims[1] == 1) {
        shape->rank = 1;
    } else if (shape->rank == 1 && field->rank == 2) {
        shape->dims[1] = 1;
        shape->rank = 2;
    } else if (shape->rank == 0 && field->rank <= 2) {
        for (int i = 0; i < field->rank; i++)
            shape->dims[i] = 1;
        shape->rank = field->rank;
    }
}

static enum status wrong_shape(const struct binding *b, size_t input, const struct shape *given)
{
    const struct field *field = &b->signature->inputs[input];
    char want[SHAPE_PRINT_SIZE], got[SHAPE_PRINT_SIZE], name[TEXT_QUOTE_SIZE];
    enum status status;

    shape_print(&field->shape, want, sizeof want);
    shape_print(given, got, sizeof got);
    if (given->rank != field->shape.rank)
        status =
            error_set(b->err, STATUS_INVALID_INPUT, "input \"%s\" has rank %d (%s), not %d (%s)",
                      quoted(field->name, name), given->rank, got, field->shape.rank, want);
    else
        status = error_set(b->err, STATUS_INVALID_INPUT, "input \"%s\" has shape %s, not %s",
                           quoted(field->name, name), got, want);
    error_fix(b->err, "send %s of shape %s; ? is any number", dtype_name(field->dtype), want);
    return status;
}

static enum status convert(const struct binding *b, size_t input, const struct tensor *from)
{
    const struct field *field = &b->signature->inputs[input];
    struct tensor *to = &b->bound[input];
    enum dtype wanted = field_feed(field);

    if (from->dtype == wanted || wanted == DTYPE_NONE) {
        *to = *from;
        return STATUS_OK;
    }
    if (field->dtype == DTYPE_OPTIONAL) { /* what it holds, given as such */
        struct shape scalar = shape_scalar();

        if (tensor_new(to, DTYPE_OPTIONAL, &scalar, b->request, b->err) ||
            sequence_insert(to->data, 0, from, true, to->data, b->request, b->err))
            return within_field(b, input);
        return STATUS_OK;
    }
    if (dtype_is_container(wanted) || dtype_is_container(from->dtype))
        return error_set(b->err, STATUS_INVALID_INPUT, "input \"%.64s\" is %s, not %s", field->name,
                         dtype_name(from->dtype), dtype_name(wanted));
    if (tensor_new(to, wanted, &from->shape, b->request, b->err) ||
        tensor_convert(from, to, b->err))
        return within_field(b, input);
    return STATUS_OK;
}

static enum status bind_field(const struct binding *b, size_t input)
{
    const struct field *field = &b->signature->inputs[input];
    struct tensor from = b->chosen[input]->tensor;

    if (field->dtype == DTYPE_OPTIONAL)
        return convert(b, input, &from);
    adapt_rank(&from.shape, &field->shape);
    if (!fits(&from.shape, &field->shape))
        return wrong_shape(b, input, &b->chosen[input]->tensor.shape);
    return convert(b, input, &from);
}

/* --- a table as one matrix --- */

/* One 2-D tensor for a table of several columns: unnamed, or named as none of them is. */
static bool is_matrix(const struct binding *b)
{
    const struct given *given = b->given;
    struct map index = {0};

    if (!b->signature->columns || b->given_count != 1 || given->tensor.shape.rank != 2)
        return false;
    return !has_name(given) || find_input(b, given->name, 0, &index) == b->signature->input_count;
}

/* A cell of a string matrix for a column of numbers; empty is missing. */
static enum status parse_cell(struct bytes cell, struct tensor *to, size_t row, struct error *err)
{
    char text[TEXT_QUOTE_SIZE];
    int64_t integer;
    double number;

    if (to->dtype == DTYPE_BOOL) {
        bool is_true = bytes_is(cell, "true") || bytes_is(cell, "True") || bytes_is(cell, "1");
        if (is_true || bytes_is(cell, "false") || bytes_is(cell, "False") || bytes_is(cell, "0")) {
            ((uint8_t *)to->data)[row] = is_true;
            return STATUS_OK;
        }
    } else if (dtype_is_float(to->dtype)) {
        if (cell.size == 0 || number_from_text(cell, &number)) {
            tensor_set_f64(to, row, cell.size ? number : __builtin_nan(""));
            return STATUS_OK;
        }
    } else if (number_i64_from_text(cell, &integer)) {
        struct tensor one = {DTYPE_I64, shape_scalar(), &integer};
        struct tensor place = {to->dtype, shape_scalar(),
                               (char *)to->data + row * dtype_size(to->dtype)};
        return tensor_convert(&one, &place, err);
    }
    return error_set(err, STATUS_INVALID_INPUT, "row %zu, \"%s\", is no %s", row,
                     text_quote(cell, text, sizeof text), dtype_name(to->dtype));
}

/* Column `input` of the matrix, in the matrix's own dtype. */
static enum status take_column(const struct binding *b, const struct tensor *matrix, size_t input,
                               struct tensor *column)
{
    size_t rows = (size_t)matrix->shape.dims[0], columns = (size_t)matrix->shape.dims[1];
    size_t size = dtype_size(matrix->dtype);
    const char *from = (const char *)matrix->data + input * size;
    struct shape shape = SHAPE(matrix->shape.dims[0]);
    char *to;

    TRY(tensor_new(column, matrix->dtype, &shape, b->request, b->err));
    to = column->data;
    for (size_t r = 0; r < rows; r++)
        memcpy(to + r * size, from + r * columns * size, size);
    return STATUS_OK;
}

static enum status bind_column(const struct binding *b, const struct tensor *matrix, size_t input)
{
    const struct field *field = &b->signature->inputs[input];
    struct tensor column, *to = &b->bound[input];
    enum dtype_kind kind = dtype_kind(field->dtype);

    TRY(take_column(b, matrix, input, &column));
    if (matrix->dtype == DTYPE_STRING && kind != KIND_STRING) {
        TRY(tensor_new(to, field->dtype, &column.shape, b->request, b->err));
        for (size_t r = 0; r < (size_t)column.shape.dims[0]; r++)
            if (parse_cell(((const struct bytes *)column.data)[r], to, r, b->err))
                return within_field(b, input);
        return STATUS_OK;
    }
    if (kind == KIND_BOOL && matrix->dtype != DTYPE_BOOL && matrix->dtype != DTYPE_STRING) {
        TRY(tensor_new(to, field->dtype, &column.shape, b->request, b->err));
        for (size_t r = 0; r < (size_t)column.shape.dims[0]; r++) {
            double value = tensor_f64(&column, r);
            if (!(value == 0 || value == 1) &&
                error_set(b->err, STATUS_INVALID_INPUT, "row %zu, %.17g, is neither 0 nor 1", r,
                          value))
                return within_field(b, input);
            ((uint8_t *)to->data)[r] = value == 1;
        }
        return STATUS_OK;
    }
    return convert(b, input, &column);
}

static enum status bind_matrix(const struct binding *b)
{
    const struct tensor *matrix = &b->given->tensor;
    char shape[SHAPE_PRINT_SIZE], list[LIST_MAX];
    size_t columns = b->signature->input_count;

    if (matrix->shape.dims[1] != (int64_t)columns) {
        list_inputs(b, false, list, sizeof list);
        return error_set(b->err, STATUS_INVALID_INPUT,
                         "a matrix %s is given, but the table has %zu columns: %s",
                         shape_print(&matrix->shape, shape, sizeof shape), columns, list);
    }
    for (size_t i = 0; i < columns; i++) {
        struct shape column = SHAPE(matrix->shape.dims[0]);
        const struct shape *field = &b->signature->inputs[i].shape;
        TRY(bind_column(b, matrix, i));
        adapt_rank(&column, field);
        b->bound[i].shape = column;
        if (!fits(&column, field))
            return wrong_shape(b, i, &column);
    }
    return STATUS_OK;
}

/* --- what holds between fields --- */

/* Rows of a column that was not given: its fallback, repeated. */
static enum status repeat_fallback(const struct binding *b, size_t input, int64_t rows)
{
    const struct field *field = &b->signature->inputs[input];
    struct tensor *to = &b->bound[input];
    struct shape shape = SHAPE(rows);
    size_t size = dtype_size(field->fallback->dtype);

    if (tensor_count(field->fallback) != 1) {
        *to = *field->fallback;
        return STATUS_OK;
    }
    adapt_rank(&shape, &field->shape);
    TRY(tensor_new(to, field->fallback->dtype, &shape, b->request, b->err));
    for (int64_t r = 0; r < rows; r++)
        memcpy((char *)to->data + (size_t)r * size, field->fallback->data, size);
    return STATUS_OK;
}

static enum status check_rows(const struct binding *b)
{
    const struct signature *s = b->signature;
    char one[TEXT_QUOTE_SIZE], other[TEXT_QUOTE_SIZE];
    size_t first = s->input_count;

    for (size_t i = 0; i < s->input_count; i++) {
        if (!b->chosen[i] || b->bound[i].shape.rank < 1)
            continue;
        if (first == s->input_count)
            first = i;
        if (b->bound[i].shape.dims[0] != b->bound[first].shape.dims[0])
            return error_set(
                b->err, STATUS_INVALID_INPUT, "input \"%s\" has %lld rows, but \"%s\" has %lld",
                quoted(s->inputs[i].name, one), (long long)b->bound[i].shape.dims[0],
                quoted(s->inputs[first].name, other), (long long)b->bound[first].shape.dims[0]);
    }
    for (size_t i = 0; i < s->input_count; i++)
        if (!b->chosen[i] && s->inputs[i].fallback)
            TRY(repeat_fallback(b, i, first < s->input_count ? b->bound[first].shape.dims[0] : 1));
    return STATUS_OK;
}

/* Dimensions of one name are equal, whichever field they stand in. */
static enum status check_dim_names(const struct binding *b)
{
    const struct signature *s = b->signature;
    struct {
        const char *name;
        int64_t dim;
        size_t input;
    } seen[DIM_NAMES_MAX];
    size_t count = 0;
    char one[TEXT_QUOTE_SIZE], other[TEXT_QUOTE_SIZE], dim[TEXT_QUOTE_SIZE];

    for (size_t i = 0; i < s->input_count; i++) {
        const struct field *field = &s->inputs[i];
        for (int d = 0; field->dim_names && b->chosen[i] && d < field->shape.rank; d++) {
            size_t k = 0;
            if (!field->dim_names[d] || field->shape.dims[d] >= 0)
                continue;
            while (k < count && strcmp(seen[k].name, field->dim_names[d]) != 0)
                k++;
            if (k == DIM_NAMES_MAX)
                continue; /* the engine's own check of symbols remains */
            if (k == count) {
                seen[count].name = field->dim_names[d];
                seen[count].dim = b->bound[i].shape.dims[d];
                seen[count++].input = i;
            } else if (seen[k].dim != b->bound[i].shape.dims[d]) {
                return error_set(
                    b->err, STATUS_INVALID_INPUT,
                    "dimension \"%s\" is %lld in input \"%s\", but %lld in input \"%s\"",
                    quoted(seen[k].name, dim), (long long)seen[k].dim,
                    quoted(s->inputs[seen[k].input].name, one),
                    (long long)b->bound[i].shape.dims[d], quoted(field->name, other));
            }
        }
    }
    return STATUS_OK;
}

enum status contract_bind(const struct signature *signature, const struct given *given,
                          size_t given_count, struct tensor *bound, struct arena *request,
                          struct error *err)
{
    struct binding b = {signature, given, given_count, bound, NULL, request, err};

    b.chosen = arena_new(request, const struct given *, signature->input_count);
    if (!b.chosen)
        return error_no_memory(err, "a request");
    if (is_matrix(&b))
        return bind_matrix(&b);
    TRY(place_named(&b));
    TRY(place_unnamed(&b));
    TRY(check_missing(&b));
    for (size_t i = 0; i < signature->input_count; i++) {
        if (b.chosen[i])
            TRY(bind_field(&b, i));
        else if (signature->inputs[i].fallback)
            bound[i] = *signature->inputs[i].fallback;
        else
            bound[i] = (struct tensor){.dtype = DTYPE_NONE};
    }
    return signature->columns ? check_rows(&b) : check_dim_names(&b);
}
