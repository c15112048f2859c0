// SPDX-License-Identifier: Apache-2.0
/* Tensors as JSON. */
#include <math.h>

#include "base/number.h"
#include "formats/json/json_tensor.h"

/* NaN and infinities in quotes. Room for NUMBER_SIZE + 2. */
static size_t print_float(double value, bool is_double, char *to)
{
    size_t size;

    if (isfinite(value))
        return is_double ? number_print_f64(value, to) : number_print_f32((float)value, to);
    to[0] = '"';
    size = 1 + number_print_f64(value, to + 1);
    to[size] = '"';
    return size + 1;
}

/* [real,imaginary] */
static size_t print_complex(double real, double imaginary, bool is_double, char *to)
{
    size_t size = 1;

    to[0] = '[';
    size += print_float(real, is_double, to + size);
    to[size++] = ',';
    size += print_float(imaginary, is_double, to + size);
    to[size++] = ']';
    return size;
}

/* One element that is no string, at `to`, which has room for ELEMENT_SIZE_MAX - 1. */
static size_t print_element(const struct tensor *tensor, size_t i, char *to)
{
    const float *f32 = tensor->data;
    const double *f64 = tensor->data;
    size_t size;

    switch (tensor->dtype) {
    case DTYPE_F32:
        return print_float((double)f32[i], false, to);
    case DTYPE_F64:
        return print_float(f64[i], true, to);
    case DTYPE_C64:
        return print_complex((double)f32[2 * i], (double)f32[2 * i + 1], false, to);
    case DTYPE_C128:
        return print_complex(f64[2 * i], f64[2 * i + 1], true, to);
    case DTYPE_U64:
        return number_print_u64(((const uint64_t *)tensor->data)[i], to);
    case DTYPE_BOOL:
        size = ((const uint8_t *)tensor->data)[i] ? 4 : 5;
        memcpy(to, size == 4 ? "true" : "false", size);
        return size;
    default:
        if (dtype_is_float(tensor->dtype)) /* halves and smaller: as floats, fewer digits do */
            return print_float(tensor_f64(tensor, i), false, to);
        return number_print_i64(tensor_i64(tensor, i), to);
    }
}

enum { CHUNK_ELEMENTS = 512, ELEMENT_SIZE_MAX = 2 * (NUMBER_SIZE + 2) + 4 };

static void write_numbers(struct text *text, const struct tensor *tensor, size_t count)
{
    for (size_t i = 0; i < count;) {
        size_t chunk = count - i < CHUNK_ELEMENTS ? count - i : CHUNK_ELEMENTS;
        char *start = text_reserve(text, chunk * ELEMENT_SIZE_MAX), *to = start;
        if (!start)
            return;
        for (size_t stop = i + chunk; i < stop; i++) {
            if (i)
                *to++ = ',';
            to += print_element(tensor, i, to);
        }
        text->size += (size_t)(to - start);
        *to = 0;
    }
}

void json_write_tensor(struct text *text, const struct tensor *tensor)
{
    size_t count = tensor_count(tensor);

    text_append_char(text, '[');
    if (tensor->dtype != DTYPE_STRING)
        write_numbers(text, tensor, count);
    else
        for (size_t i = 0; i < count; i++) {
            if (i)
                text_append_char(text, ',');
            json_write_string(text, ((const struct bytes *)tensor->data)[i]);
        }
    text_append_char(text, ']');
}

/* Elements from `at` on, the dimensions from `axis` on. */
static void write_nested(struct text *text, const struct tensor *tensor, int axis, size_t at)
{
    size_t below = 1;
    struct tensor row = {.dtype = tensor->dtype, .shape = {.rank = 1}};

    if (axis + 1 == tensor->shape.rank) {
        row.shape.dims[0] = tensor->shape.dims[axis];
        row.data = (char *)tensor->data + at * dtype_size(tensor->dtype);
        json_write_tensor(text, &row);
        return;
    }
    for (int d = axis + 1; d < tensor->shape.rank; d++)
        below *= (size_t)tensor->shape.dims[d];
    text_append_char(text, '[');
    for (int64_t i = 0; i < tensor->shape.dims[axis]; i++) {
        if (i)
            text_append_char(text, ',');
        write_nested(text, tensor, axis + 1, at + (size_t)i * below);
    }
    text_append_char(text, ']');
}

void json_write_nested(struct text *text, const struct tensor *tensor)
{
    if (tensor->shape.rank)
        write_nested(text, tensor, 0, 0);
    else if (tensor->dtype == DTYPE_STRING)
        json_write_string(text, *(const struct bytes *)tensor->data);
    else
        write_numbers(text, tensor, 1);
}
