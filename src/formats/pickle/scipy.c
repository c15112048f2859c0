// SPDX-License-Identifier: Apache-2.0
/* scipy.sparse matrices made dense. Attributes: _shape and, by format,
 *
 *   csr, csc, bsr   data, indices, indptr (bsr: data of blocks (blocks, rows, columns))
 *   coo             data and row, col, or coords (row, col)
 *   dia             data (diagonals, columns) and offsets
 *   lil             rows and data: an array of lists each
 *
 * Entries that are given twice are added. */
#include "base/checked.h"
#include "formats/pickle/machine.h"
#include "tensor/convert.h"

enum { DENSE_BYTES_MAX = 1 << 29 };

struct dense {
    size_t rows, columns;
    double *values; /* (rows, columns) */
};

bool pickle_scipy_is(const struct pickle_object *object)
{
    static const char *const FORMATS[] = {"csr", "csc", "coo", "dia", "bsr", "lil"};
    const char *name = pickle_name(object);
    size_t size = strlen(name);

    if (!object || object->kind != PICKLE_OBJECT ||
        strncmp(pickle_module(object), "scipy.sparse", 12))
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(FORMATS); i++)
        if (strncmp(name, FORMATS[i], 3) == 0 &&
            ((size == 10 && strcmp(name + 3, "_matrix") == 0) ||
             (size == 9 && strcmp(name + 3, "_array") == 0)))
            return true;
    return false;
}

static enum status broken(struct error *err)
{
    return error_set(err, STATUS_INVALID_INPUT, "a sparse matrix contradicts itself");
}

/* The parts are plain arrays; anything else could be a way to recurse. */
static bool is_plain(const struct pickle_object *object)
{
    return object && (object->kind == PICKLE_ARRAY || object->kind == PICKLE_LIST);
}

static enum status floats(const struct pickle_object *object, struct tensor *tensor,
                          struct arena *arena, struct error *err)
{
    if (!is_plain(object))
        return broken(err);
    return pickle_to_tensor_f64(object, tensor, arena, err);
}

static enum status integers(const struct pickle_object *object, struct tensor *tensor,
                            struct arena *arena, struct error *err)
{
    struct tensor any;

    if (!is_plain(object))
        return broken(err);
    TRY(pickle_to_tensor(object, &any, arena, err));
    if (any.shape.rank != 1 || (!dtype_is_integer(any.dtype) && tensor_count(&any)))
        return broken(err);
    TRY(tensor_new(tensor, DTYPE_I64, &any.shape, arena, err));
    return tensor_cast(&any, tensor, err);
}

static enum status add(struct dense *dense, int64_t row, int64_t column, double value,
                       struct error *err)
{
    if (row < 0 || column < 0 || (size_t)row >= dense->rows || (size_t)column >= dense->columns)
        return broken(err);
    dense->values[(size_t)row * dense->columns + (size_t)column] += value;
    return STATUS_OK;
}

/* csr: lines are rows; csc: lines are columns. bsr: both are of blocks. */
static enum status fill_compressed(const struct pickle_object *matrix, bool by_column,
                                   struct dense *dense, struct arena *arena, struct error *err)
{
    struct tensor data, indices, starts;
    const int64_t *index, *start;
    const double *value;
    size_t lines, count;
    int64_t height = 1, width = 1;

    TRY(floats(pickle_get(matrix, "data"), &data, arena, err));
    TRY(integers(pickle_get(matrix, "indices"), &indices, arena, err));
    TRY(integers(pickle_get(matrix, "indptr"), &starts, arena, err));
    if (data.shape.rank == 3) {
        height = data.shape.dims[1];
        width = data.shape.dims[2];
    } else if (data.shape.rank != 1) {
        return broken(err);
    }
    if (height == 0 || width == 0 || tensor_count(&starts) == 0)
        return broken(err);
    lines = tensor_count(&starts) - 1;
    count = tensor_count(&indices);
    if (lines > (by_column ? dense->columns : dense->rows) || (int64_t)count > data.shape.dims[0])
        return broken(err);
    index = indices.data, start = starts.data, value = data.data;
    for (size_t line = 0; line < lines; line++) {
        if (start[line] < 0 || start[line] > start[line + 1] || start[line + 1] > (int64_t)count)
            return broken(err);
        for (int64_t i = start[line]; i < start[line + 1]; i++) {
            if (index[i] < 0 || index[i] > INT64_MAX / width - 1)
                return broken(err);
            for (int64_t k = 0; k < height * width; k++) {
                int64_t row = (int64_t)line * height + k / width;
                int64_t column = index[i] * width + k % width;
                TRY(by_column ? add(dense, index[i], (int64_t)line, value[i], err)
                              : add(dense, row, column, value[i * height * width + k], err));
            }
        }
    }
    return STATUS_OK;
}

static enum status fill_coordinates(const struct pickle_object *matrix, struct dense *dense,
                                    struct arena *arena, struct error *err)
{
    const struct pickle_object *coords = pickle_get(matrix, "coords");
    const struct pickle_object *row = coords ? pickle_item(coords, 0) : pickle_get(matrix, "row");
    const struct pickle_object *col = coords ? pickle_item(coords, 1) : pickle_get(matrix, "col");
    struct tensor data, rows, columns;
    size_t count;

    TRY(floats(pickle_get(matrix, "data"), &data, arena, err));
    TRY(integers(row, &rows, arena, err));
    TRY(integers(col, &columns, arena, err));
    count = tensor_count(&data);
    if (tensor_count(&rows) != count || tensor_count(&columns) != count)
        return broken(err);
    for (size_t i = 0; i < count; i++)
        TRY(add(dense, ((const int64_t *)rows.data)[i], ((const int64_t *)columns.data)[i],
                ((const double *)data.data)[i], err));
    return STATUS_OK;
}

/* data[k, column] lies at row column - offsets[k]. */
static enum status fill_diagonals(const struct pickle_object *matrix, struct dense *dense,
                                  struct arena *arena, struct error *err)
{
    struct tensor data, offsets;
    size_t width;

    TRY(floats(pickle_get(matrix, "data"), &data, arena, err));
    TRY(integers(pickle_get(matrix, "offsets"), &offsets, arena, err));
    if (data.shape.rank != 2 || data.shape.dims[0] != offsets.shape.dims[0])
        return broken(err);
    width = (size_t)data.shape.dims[1];
    for (size_t k = 0; k < (size_t)data.shape.dims[0]; k++) {
        int64_t offset = ((const int64_t *)offsets.data)[k];
        for (size_t column = 0; column < width && column < dense->columns; column++) {
            int64_t row;
            if (__builtin_sub_overflow((int64_t)column, offset, &row))
                return broken(err);
            if (row >= 0 && (size_t)row < dense->rows)
                TRY(add(dense, row, (int64_t)column,
                        ((const double *)data.data)[k * width + column], err));
        }
    }
    return STATUS_OK;
}

static enum status fill_lists(const struct pickle_object *matrix, struct dense *dense,
                              struct arena *arena, struct error *err)
{
    size_t row_count, data_count;
    const struct pickle_object *lists = pickle_get(matrix, "rows");
    const struct pickle_object *values = pickle_get(matrix, "data");
    struct pickle_object **rows, **data;

    if (!is_plain(lists) || !is_plain(values))
        return broken(err);
    rows = pickle_elements(lists, &row_count, arena);
    data = pickle_elements(values, &data_count, arena);
    if (!rows || !data || row_count != data_count || row_count > dense->rows)
        return broken(err);
    for (size_t row = 0; row < row_count; row++) {
        size_t count = pickle_length(rows[row]);
        if (count > dense->columns || pickle_length(data[row]) != count)
            return broken(err);
        for (size_t i = 0; i < count; i++) {
            int64_t column;
            double value;
            if (!pickle_to_i64(pickle_item(rows[row], i), &column) ||
                !pickle_to_f64(pickle_item(data[row], i), &value))
                return broken(err);
            TRY(add(dense, (int64_t)row, column, value, err));
        }
    }
    return STATUS_OK;
}

static enum status fill(const struct pickle_object *matrix, struct dense *dense,
                        struct arena *arena, struct error *err)
{
    switch (pickle_name(matrix)[0] << 8 | pickle_name(matrix)[1]) {
    case 'c' << 8 | 's':
        return fill_compressed(matrix, pickle_name(matrix)[2] == 'c', dense, arena, err);
    case 'b' << 8 | 's':
        return fill_compressed(matrix, false, dense, arena, err);
    case 'c' << 8 | 'o':
        return fill_coordinates(matrix, dense, arena, err);
    case 'd' << 8 | 'i':
        return fill_diagonals(matrix, dense, arena, err);
    default:
        return fill_lists(matrix, dense, arena, err);
    }
}

enum status pickle_scipy_to_tensor(const struct pickle_object *object, struct tensor *tensor,
                                   struct arena *keep, struct error *err)
{
    const struct pickle_object *size = pickle_get(object, "_shape");
    struct shape shape;
    struct dense dense;
    struct arena scratch;
    enum status status;

    TRY(pickle_numpy_shape(size ? size : pickle_get(object, "shape"), &shape, err));
    if (shape.rank != 2)
        return error_set(err, STATUS_UNSUPPORTED, "a sparse array of %d dimensions", shape.rank);
    if (shape_check(&shape, DTYPE_F64, DENSE_BYTES_MAX, NULL, err))
        return error_within(err, "a sparse matrix made dense");
    TRY(tensor_new(tensor, DTYPE_F64, &shape, keep, err));
    dense = (struct dense){(size_t)shape.dims[0], (size_t)shape.dims[1], tensor->data};
    arena_init(&scratch, PICKLE_TENSOR_BYTES_MAX);
    status = fill(object, &dense, &scratch, err);
    arena_release(&scratch);
    return status;
}
