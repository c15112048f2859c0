// SPDX-License-Identifier: Apache-2.0
#include "cli/answer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/number.h"
#include "formats/numpy/npy.h"
#include "formats/json/oip.h"
#include "tensor/convert.h"
#include "tensor/sequence.h"

enum { CELL_SIZE = 96, FILE_NAME_SIZE = 200 };

/* Types that the protocol has no name for, as one that holds their values exactly. */
static enum dtype wire_dtype(enum dtype dtype)
{
    if (dtype_oip(dtype)[0])
        return dtype;
    if (dtype_is_float(dtype))
        return DTYPE_F32;
    if (dtype_is_integer(dtype))
        return dtype_kind(dtype) == KIND_INT ? DTYPE_I8 : DTYPE_U8;
    return dtype;
}

static bool wire_tensor(const struct tensor *from, struct tensor *to, struct arena *arena)
{
    struct error ignored;

    *to = *from;
    return wire_dtype(from->dtype) == from->dtype ||
           (!tensor_new(to, wire_dtype(from->dtype), &from->shape, arena, &ignored) &&
            !tensor_cast(from, to, &ignored));
}

bool answer_has_containers(const struct signature *signature, const struct tensor *outputs)
{
    for (size_t i = 0; i < signature->output_count; i++)
        if (dtype_is_container(outputs[i].dtype))
            return true;
    return false;
}

void answer_json(const struct signature *signature, const struct tensor *outputs, const char *model,
                 const char *version, struct text *text)
{
    struct oip_tensor *tensors = calloc(signature->output_count + 1, sizeof *tensors);
    struct oip_response response = {.model_name = model,
                                    .model_version = version,
                                    .outputs = tensors,
                                    .output_count = signature->output_count};
    struct arena arena;
    size_t json_size;

    arena_init(&arena, (size_t)1 << 36);
    text->failed = !tensors;
    for (size_t i = 0; tensors && i < signature->output_count; i++) {
        tensors[i].name = signature->outputs[i].name;
        if (!wire_tensor(&outputs[i], &tensors[i].tensor, &arena))
            text->failed = true;
    }
    if (!text->failed)
        oip_write_response(&response, text, &json_size);
    text_append(text, "\n");
    arena_release(&arena);
    free(tensors);
}

/* A name from a model as the name of a file: no folders, nothing hidden, nothing that controls. */
static void file_name(const char *name, size_t index, char *buffer)
{
    size_t used = 0;

    for (; *name && used + 32 < FILE_NAME_SIZE; name++) {
        bool bad = (unsigned char)*name < 0x20 || *name == '/' || *name == '\\' || *name == 0x7F ||
                   (used == 0 && *name == '.');
        buffer[used++] = bad ? '_' : *name;
    }
    if (used)
        buffer[used] = 0;
    else
        snprintf(buffer, FILE_NAME_SIZE, "output_%zu", index);
}

enum status answer_files(const struct signature *signature, const struct tensor *outputs,
                         const char *folder, struct error *err)
{
    TRY(file_make_folders(folder, err));
    for (size_t i = 0; i < signature->output_count; i++) {
        char name[FILE_NAME_SIZE], path[4096];
        struct text npy = {0};
        enum status status;

        if (dtype_is_container(outputs[i].dtype))
            return error_set(err, STATUS_UNSUPPORTED, "output \"%.64s\" is %s: --json prints it",
                             signature->outputs[i].name, dtype_name(outputs[i].dtype));
        file_name(signature->outputs[i].name, i, name);
        if (snprintf(path, sizeof path, "%s/%s.npy", folder, name) >= (int)sizeof path)
            return error_set(err, STATUS_INVALID_INPUT, "path \"%.80s...\" is too long", path);
        status = npy_write(&outputs[i], &npy, err);
        if (!status)
            status = text_check(&npy, err);
        if (!status)
            status = file_replace(path, text_bytes(&npy), err);
        text_release(&npy);
        if (status)
            return error_within(err, "output \"%s\"", name);
    }
    return STATUS_OK;
}

/* --- the table --- */

struct column {
    const struct field *field;
    const struct tensor *tensor;
    size_t index, width; /* of the elements of a row: which, of how many */
    int size;            /* characters, on a terminal */
};

struct table {
    struct column *columns;
    size_t count, left_out, rows;
    bool terminal;
    struct text *text;
};

/* `buffer` has CELL_SIZE bytes. */
static char *cell_print(const struct tensor *tensor, size_t index, char *buffer)
{
    size_t size;

    if (tensor->dtype == DTYPE_STRING)
        return text_quote(((const struct bytes *)tensor->data)[index], buffer, CELL_SIZE);
    if (tensor->dtype == DTYPE_BOOL) {
        snprintf(buffer, CELL_SIZE, "%s", tensor_i64(tensor, index) ? "true" : "false");
        return buffer;
    }
    if (tensor->dtype == DTYPE_U64)
        size = number_print_u64(((const uint64_t *)tensor->data)[index], buffer);
    else if (!dtype_is_float(tensor->dtype))
        size = number_print_i64(tensor_i64(tensor, index), buffer);
    else if (tensor->dtype == DTYPE_F64)
        size = number_print_f64(tensor_f64(tensor, index), buffer);
    else
        size = number_print_f32((float)tensor_f64(tensor, index), buffer);
    buffer[size] = 0;
    return buffer;
}

/* "predict", "predict_proba(setosa)", "embedding[3]" */
static char *head_print(const struct column *column, char *buffer)
{
    const struct tensor *classes = column->field->classes;
    char name[CELL_SIZE / 2], label[CELL_SIZE];

    text_quote(bytes_of(column->field->name), name, sizeof name);
    if (column->width == 1 && column->tensor->shape.rank < 2)
        snprintf(buffer, CELL_SIZE, "%s", name);
    else if (classes && tensor_count(classes) == column->width)
        snprintf(buffer, CELL_SIZE, "%s(%.*s)", name, CELL_SIZE / 2 - 4,
                 cell_print(classes, column->index, label));
    else
        snprintf(buffer, CELL_SIZE, "%s[%zu]", name, column->index);
    return buffer;
}

static size_t rows_of(const struct tensor *tensor)
{
    return tensor->shape.rank > 0 ? (size_t)tensor->shape.dims[0] : 1;
}

static size_t width_of(const struct tensor *tensor)
{
    size_t rows = rows_of(tensor);

    return rows ? tensor_count(tensor) / rows : 0;
}

static char *cell_of(const struct column *column, size_t row, char *buffer)
{
    return cell_print(column->tensor, row * column->width + column->index, buffer);
}

static void measure(const struct table *table, size_t rows)
{
    char cell[CELL_SIZE];

    for (size_t c = 0; table->terminal && c < table->count; c++) {
        struct column *column = &table->columns[c];
        column->size = (int)strlen(head_print(column, cell));
        for (size_t r = 0; r < rows; r++) {
            int size = (int)strlen(cell_of(column, r, cell));
            column->size = size > column->size ? size : column->size;
        }
    }
}

static void print_cell(const struct table *table, size_t c, const char *cell)
{
    const struct column *column = &table->columns[c];
    bool last = c + 1 == table->count, left = column->tensor->dtype == DTYPE_STRING;

    if (!table->terminal)
        text_printf(table->text, "%s%c", cell, last ? '\n' : '\t');
    else if (last && left)
        text_printf(table->text, "%s\n", cell);
    else
        text_printf(table->text, "%*s%s", left ? -column->size : column->size, cell,
                    last ? "\n" : "  ");
}

static void print_table(const struct table *table)
{
    size_t rows = table->terminal && table->rows > ROWS_SHOWN ? ROWS_SHOWN : table->rows;
    char cell[CELL_SIZE];

    measure(table, rows);
    for (size_t c = 0; c < table->count; c++)
        print_cell(table, c, head_print(&table->columns[c], cell));
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < table->count; c++)
            print_cell(table, c, cell_of(&table->columns[c], r, cell));
    if (rows < table->rows || table->left_out)
        text_printf(table->text, "... %zu more rows, %zu more columns (--json prints all)\n",
                    table->rows - rows, table->left_out);
}

/* The outputs [first, last) side by side: they have the same number of rows. */
static void print_outputs(const struct signature *signature, const struct tensor *outputs,
                          size_t first, size_t last, bool terminal, struct text *text)
{
    struct table table = {.rows = rows_of(&outputs[first]), .terminal = terminal, .text = text};
    size_t total = 0, most;

    for (size_t i = first; i < last; i++)
        total += width_of(&outputs[i]);
    most = terminal && total > COLUMNS_SHOWN ? COLUMNS_SHOWN : total;
    table.left_out = total - most;
    table.columns = calloc(most + 1, sizeof *table.columns);
    if (!table.columns) {
        text->failed = true;
        return;
    }
    for (size_t i = first; i < last; i++)
        for (size_t k = 0; k < width_of(&outputs[i]) && table.count < most; k++)
            table.columns[table.count++] =
                (struct column){&signature->outputs[i], &outputs[i], k, width_of(&outputs[i]), 0};
    print_table(&table);
    free(table.columns);
}

void answer_table(const struct signature *signature, const struct tensor *outputs, bool terminal,
                  struct text *text)
{
    size_t first = 0;

    for (size_t i = 1; i <= signature->output_count; i++) {
        if (i < signature->output_count && rows_of(&outputs[i]) == rows_of(&outputs[first]))
            continue;
        if (first)
            text_append(text, "\n");
        print_outputs(signature, outputs, first, i, terminal, text);
        first = i;
    }
}
