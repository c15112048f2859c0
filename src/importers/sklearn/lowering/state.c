// SPDX-License-Identifier: Apache-2.0
/* Reading the attributes of fitted estimators. */
#include "importers/sklearn/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tensor/convert.h"

enum status state_error(struct error *err, const char *name, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(err, STATUS_UNSUPPORTED, "attribute '%s': %s", name, text);
}

enum status state_object(const struct pickle_object *self, const char *name,
                         const struct pickle_object **object, struct error *err)
{
    *object = pickle_get(self, name);
    return *object ? STATUS_OK : state_error(err, name, "is missing");
}

/* A tensor of numbers with `rank` dimensions as `dims` say (-1: any). */
static enum status state_tensor(struct lowering *l, const struct pickle_object *self,
                                const char *name, int rank, const int64_t *dims,
                                struct tensor *tensor, struct error *err)
{
    const struct pickle_object *object;
    struct shape wanted = shape_of(rank, dims);
    char got_text[SHAPE_PRINT_SIZE], wanted_text[SHAPE_PRINT_SIZE];
    bool same;

    TRY(state_object(self, name, &object, err));
    if (pickle_to_tensor_f64(object, tensor, l->keep, err))
        return error_within(err, "attribute '%s'", name);
    if (rank == 2 && tensor->shape.rank == 1)
        tensor->shape = SHAPE(1, tensor->shape.dims[0]);
    same = tensor->shape.rank == rank;
    for (int d = 0; same && d < rank; d++)
        same = dims[d] < 0 || dims[d] == tensor->shape.dims[d];
    if (!same)
        return state_error(err, name, "has shape %s, not %s",
                           shape_print(&tensor->shape, got_text, sizeof got_text),
                           shape_print(&wanted, wanted_text, sizeof wanted_text));
    return STATUS_OK;
}

enum status state_vector(struct lowering *l, const struct pickle_object *self, const char *name,
                         int64_t count, struct tensor *tensor, struct error *err)
{
    return state_tensor(l, self, name, 1, &count, tensor, err);
}

enum status state_matrix(struct lowering *l, const struct pickle_object *self, const char *name,
                         int64_t rows, int64_t columns, struct tensor *tensor, struct error *err)
{
    return state_tensor(l, self, name, 2, (int64_t[]){rows, columns}, tensor, err);
}

enum status labels_of(struct lowering *l, const struct pickle_object *object, struct tensor *tensor,
                      struct error *err)
{
    struct tensor raw;
    enum dtype to;

    TRY(pickle_to_tensor(object, &raw, l->keep, err));
    if (raw.shape.rank != 1)
        return error_set(err, STATUS_UNSUPPORTED, "labels have %d dimensions", raw.shape.rank);
    if (dtype_is_integer(raw.dtype))
        to = DTYPE_I64;
    else if (dtype_is_float(raw.dtype))
        to = DTYPE_F64;
    else if (raw.dtype == DTYPE_BOOL || raw.dtype == DTYPE_STRING)
        to = raw.dtype;
    else
        return error_set(err, STATUS_UNSUPPORTED, "labels are of type %s", dtype_name(raw.dtype));
    if (raw.dtype == to) {
        *tensor = raw;
        return STATUS_OK;
    }
    TRY(tensor_new(tensor, to, &raw.shape, l->keep, err));
    return tensor_cast(&raw, tensor, err);
}

enum status numbers_of(struct lowering *l, const struct tensor *labels, struct tensor *numbers,
                       struct error *err)
{
    const int64_t exact = INT64_C(1) << 53;

    for (size_t i = 0; labels->dtype == DTYPE_I64 && i < tensor_count(labels); i++)
        if (tensor_i64(labels, i) > exact || tensor_i64(labels, i) < -exact)
            return error_set(err, STATUS_UNSUPPORTED, "label %lld is not exact in double",
                             (long long)tensor_i64(labels, i));
    if (labels->dtype == DTYPE_F64) {
        *numbers = *labels;
        return STATUS_OK;
    }
    TRY(tensor_new(numbers, DTYPE_F64, &labels->shape, l->keep, err));
    return tensor_cast(labels, numbers, err);
}

enum status state_labels(struct lowering *l, const struct pickle_object *self, const char *name,
                         struct tensor *tensor, struct error *err)
{
    const struct pickle_object *object;

    TRY(state_object(self, name, &object, err));
    if (labels_of(l, object, tensor, err))
        return error_within(err, "attribute '%s'", name);
    return STATUS_OK;
}

enum status state_f64(const struct pickle_object *self, const char *name, double otherwise,
                      double *value, struct error *err)
{
    const struct pickle_object *object = pickle_get(self, name);

    *value = otherwise;
    if (object && !pickle_to_f64(object, value))
        return state_error(err, name, "is no number");
    return STATUS_OK;
}

enum status state_i64(const struct pickle_object *self, const char *name, int64_t otherwise,
                      int64_t *value, struct error *err)
{
    const struct pickle_object *object = pickle_get(self, name);

    *value = otherwise;
    if (object && !pickle_to_i64(object, value))
        return state_error(err, name, "is no integer");
    return STATUS_OK;
}

enum status state_bool(const struct pickle_object *self, const char *name, bool otherwise,
                       bool *value, struct error *err)
{
    const struct pickle_object *object = pickle_get(self, name);
    int64_t number;

    *value = otherwise;
    if (!object || pickle_to_bool(object, value))
        return STATUS_OK;
    if (!pickle_to_i64(object, &number) || number < 0 || number > 1)
        return state_error(err, name, "is neither True nor False");
    *value = number == 1;
    return STATUS_OK;
}

enum status state_choice(const struct pickle_object *self, const char *name,
                         const char *const *choices, size_t otherwise, size_t *choice,
                         struct error *err)
{
    const struct pickle_object *object = pickle_get(self, name);
    char quoted[TEXT_QUOTE_SIZE];

    *choice = otherwise;
    if (!object)
        return STATUS_OK;
    for (size_t i = 0; choices[i]; i++)
        if (pickle_text_is(object, choices[i])) {
            *choice = i;
            return STATUS_OK;
        }
    if (object->kind != PICKLE_TEXT)
        return state_error(err, name, "is not one of the known values");
    return state_error(err, name, "'%s' is not one of the known values",
                       text_quote(object->bytes, quoted, sizeof quoted));
}

enum status state_list(struct lowering *l, const struct pickle_object *self, const char *name,
                       struct pickle_object ***items, size_t *count, struct error *err)
{
    const struct pickle_object *object;

    TRY(state_object(self, name, &object, err));
    *items = pickle_elements(object, count, l->keep);
    return *items ? STATUS_OK : state_error(err, name, "is no list");
}
