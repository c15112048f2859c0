// SPDX-License-Identifier: Apache-2.0
/* Tensors as JSON. */
#include <math.h>

#include "base/base64.h"
#include "base/number.h"
#include "formats/json/json_tensor.h"

/* NaN and infinities in quotes, or bare. Room for NUMBER_SIZE + 2. */
static size_t print_float(double value, bool is_double, unsigned flags, char *to)
{
    size_t size;

    if (isfinite(value) || flags & JSON_ALLOW_NAN)
        return is_double ? number_print_f64(value, to) : number_print_f32((float)value, to);
    to[0] = '"';
    size = 1 + number_print_f64(value, to + 1);
    to[size] = '"';
    return size + 1;
}

/* [real,imaginary] */
static size_t print_complex(double real, double imaginary, bool is_double, unsigned flags, char *to)
{
    size_t size = 1;

    to[0] = '[';
    size += print_float(real, is_double, flags, to + size);
    to[size++] = ',';
    size += print_float(imaginary, is_double, flags, to + size);
    to[size++] = ']';
    return size;
}

/* One element that is no string, at `to`, which has room for ELEMENT_SIZE_MAX - 1. */
static size_t print_element(const struct tensor *tensor, size_t i, unsigned flags, char *to)
{
    const float *f32 = tensor->data;
    const double *f64 = tensor->data;
    size_t size;

    switch (tensor->dtype) {
    case DTYPE_F32:
        return print_float((double)f32[i], false, flags, to);
    case DTYPE_F64:
        return print_float(f64[i], true, flags, to);
    case DTYPE_C64:
        return print_complex((double)f32[2 * i], (double)f32[2 * i + 1], false, flags, to);
    case DTYPE_C128:
        return print_complex(f64[2 * i], f64[2 * i + 1], true, flags, to);
    case DTYPE_U64:
        return number_print_u64(((const uint64_t *)tensor->data)[i], to);
    case DTYPE_BOOL:
        size = ((const uint8_t *)tensor->data)[i] ? 4 : 5;
        memcpy(to, size == 4 ? "true" : "false", size);
        return size;
    default:
        if (dtype_is_float(tensor->dtype)) /* halves and smaller: as floats, fewer digits do */
            return print_float(tensor_f64(tensor, i), false, flags, to);
        return number_print_i64(tensor_i64(tensor, i), to);
    }
}

enum { CHUNK_ELEMENTS = 512, ELEMENT_SIZE_MAX = 2 * (NUMBER_SIZE + 2) + 4 };

static void write_numbers(struct text *text, const struct tensor *tensor, size_t from, size_t count,
                          unsigned flags)
{
    for (size_t i = 0; i < count;) {
        size_t chunk = count - i < CHUNK_ELEMENTS ? count - i : CHUNK_ELEMENTS;
        char *start = text_reserve(text, chunk * ELEMENT_SIZE_MAX), *to = start;
        if (!start)
            return;
        for (size_t stop = i + chunk; i < stop; i++) {
            if (i)
                *to++ = ',';
            to += print_element(tensor, from + i, flags, to);
        }
        text->size += (size_t)(to - start);
        *to = 0;
    }
}

static void write_string(struct text *text, struct bytes string, unsigned flags)
{
    char *to;

    if (!(flags & JSON_BASE64) && !(flags & JSON_BASE64_BROKEN && !text_is_utf8(string))) {
        json_write_string(text, string);
        return;
    }
    text_append(text, "{\"b64\":\"");
    to = text_reserve(text, string.size / 3 * 4 + 4);
    if (!to)
        return;
    text->size += base64_encode(string, to);
    text_append(text, "\"}");
}

/* Elements from `from` on, with commas between them. */
static void write_elements(struct text *text, const struct tensor *tensor, size_t from,
                           size_t count, unsigned flags)
{
    if (tensor->dtype != DTYPE_STRING) {
        write_numbers(text, tensor, from, count, flags);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (i)
            text_append_char(text, ',');
        write_string(text, ((const struct bytes *)tensor->data)[from + i], flags);
    }
}

void json_write_tensor(struct text *text, const struct tensor *tensor)
{
    text_append_char(text, '[');
    write_elements(text, tensor, 0, tensor_count(tensor), 0);
    text_append_char(text, ']');
}

/* Elements from `from` on, the dimensions from `axis` on. */
static void write_nested(struct text *text, const struct tensor *tensor, int axis, size_t from,
                         unsigned flags)
{
    const struct shape *shape = &tensor->shape;
    size_t below = 1;

    if (axis == shape->rank) {
        write_elements(text, tensor, from, 1, flags);
        return;
    }
    text_append_char(text, '[');
    if (axis + 1 == shape->rank) {
        write_elements(text, tensor, from, (size_t)shape->dims[axis], flags);
        text_append_char(text, ']');
        return;
    }
    for (int d = axis + 1; d < shape->rank; d++)
        below *= (size_t)shape->dims[d];
    for (int64_t i = 0; i < shape->dims[axis]; i++) {
        if (i)
            text_append_char(text, ',');
        write_nested(text, tensor, axis + 1, from + (size_t)i * below, flags);
    }
    text_append_char(text, ']');
}

void json_write_nested(struct text *text, const struct tensor *tensor)
{
    write_nested(text, tensor, 0, 0, 0);
}

void json_write_rows(struct text *text, const struct tensor *tensor, int64_t row, unsigned flags)
{
    size_t below = 1;

    if (row == ROWS_ALL) {
        write_nested(text, tensor, 0, 0, flags);
        return;
    }
    for (int d = 1; d < tensor->shape.rank; d++)
        below *= (size_t)tensor->shape.dims[d];
    write_nested(text, tensor, 1, (size_t)row * below, flags);
}
